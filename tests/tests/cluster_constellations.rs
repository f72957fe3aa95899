//! Constellations of Istio's objects, as the real istiod and the real proxies take them: those of
//! `tests/constellations/good` are admitted, and what they promise is answered; those of `bad` do the harm that a lint
//! claims.

#[path = "constellations/bad.rs"]
mod bad;
#[path = "constellations/good.rs"]
mod good;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use sallyport_tests::certs::{Authority, Identity};
use sallyport_tests::cluster::doorway::Doorway;
use sallyport_tests::cluster::{Answer, Cluster, curl_from_outside, scene, stage};
use sallyport_tests::echo::Echo;
use sallyport_tests::plaintext::Plaintext;
use sallyport_tests::workspace;
use serde_json::{Value, json};

use self::bad::{ELSEWHERE, HARMS, Harm, Proof};
use self::good::Arrives::{Inside, Plain, Tls};
use self::good::{ADMITTED, Caller, Good, SERVED};

/// Names that nobody calls, but proxies resolve.
const RESOLVED: [&str; 7] = [
    "library.partner.example",
    "www.almanac.example",
    "access-desk.corp.example",
    "registry.corp.example",
    "museum.broken.example",
    "tolls.broken.example",
    "menus.broken.example",
];
/// Those whose server lets in only clients with a certificate of the partner's authority.
const MUTUAL: [&str; 2] = ["clearing.partner.example", "vault.partner.example"];
const CLIENT: &str = "partner-client";
/// The port where upstreams of `bad` expect TLS, and the one of the decider of CUSTOM policies.
const PLAINTEXT: u16 = 8081;
const DESK: u16 = 8089;
/// What is applied together has come to all proxies after this.
const SETTLED: Duration = Duration::from_secs(2);
/// Envoy writes its log once a second.
const LOGGED: Duration = Duration::from_secs(5);

const NAMESPACES: &str = "\
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio-injection: enabled}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: egress}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: edge}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: waypoints}}
";
/// What the charts give a gateway: it reads certificates, so it may read Secrets.
const READS_SECRETS: &str = "\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: partner-egress, namespace: egress}
rules: [{apiGroups: [''], resources: [secrets], verbs: [get, watch, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: partner-egress, namespace: egress}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: partner-egress}
subjects: [{kind: ServiceAccount, name: partner-egress}]
";
const PORTS: &str = "[{port: 80, targetPort: 8080, name: http}, {port: 443, targetPort: 8443, name: https}, \
                     {port: 9000, name: tcp}]";

/// The mesh and the world outside.
struct World<'a> {
    cluster: &'a Cluster,
    authority: PathBuf,
    /// By port.
    plain: BTreeMap<u16, Plaintext>,
    tls: Doorway,
    _echoes: [Echo; 2],
}

#[test]
fn what_works_is_served_and_what_does_not_does_harm() {
    let authority = Authority::new("public authority").unwrap();
    scene(start(&authority), |cluster| {
        every_file_is_listed()?;
        validate_everything(cluster)?;
        let world = World::new(cluster, &authority)?;
        every_file_is_admitted(cluster)?;
        // Some of them, by name and with commas, while one works on them.
        let only = std::env::var("CONSTELLATION").ok();
        let is_wanted = |file: &str| only.as_ref().is_none_or(|only| only.split(',').any(|only| only == file));
        let served = SERVED.iter().filter(|good| is_wanted(good.file)).map(|good| (good.file, world.serves(good)));
        let harms = HARMS.iter().filter(|harm| is_wanted(harm.file)).map(|harm| (harm.file, world.suffers(harm)));
        let (mut passed, mut failed) = (0, Vec::new());
        for (file, outcome) in served.chain(harms) {
            match outcome {
                Ok(()) => passed += 1,
                Err(error) => failed.push(format!("{file}: {error:#}")),
            }
        }
        ensure!(failed.is_empty(), "{}", failed.join("\n"));
        eprintln!("{passed} requests ended as they were promised or feared");
        Ok(())
    });
}

fn names() -> Vec<&'static str> {
    let arrive = SERVED.iter().filter_map(|good| match good.arrives {
        Plain(name) | Tls(name) => name.split(':').next(),
        Inside => None,
    });
    let harmed = HARMS.iter().filter_map(|harm| harm.proof.url()).map(|url| host_and_port(url).0);
    let mut names: Vec<_> = arrive.chain(RESOLVED).chain(harmed.filter(|name| name.ends_with(".example"))).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn start(authority: &Authority) -> Result<Cluster> {
    Cluster::start("cluster-constellations", &names(), |scratch| authority.write(scratch, "upstream-ca"))
}

fn path(kind: &str, file: &str) -> PathBuf {
    workspace().join(format!("tests/constellations/{kind}/{file}.yaml"))
}

fn every_file_is_listed() -> Result<()> {
    let good = SERVED.iter().map(|good| good.file).chain(ADMITTED.map(|(file, _)| file)).collect();
    let bad = HARMS.iter().map(|harm| harm.file).chain(ELSEWHERE.map(|(file, _)| file)).collect();
    let words = HARMS.iter().flat_map(|harm| [harm.kind, harm.shown]).chain(ELSEWHERE.map(|(_, kind)| kind));
    ensure!(words.into_iter().all(|word| !word.is_empty()));
    for (kind, listed) in [("good", good), ("bad", bad)] {
        let listed: BTreeSet<&str> = listed;
        let entries = fs::read_dir(workspace().join("tests/constellations").join(kind))?;
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().replace(".yaml", "")));
        let files = names.collect::<Result<BTreeSet<String>>>()?;
        ensure!(
            files.iter().map(String::as_str).eq(listed.iter().copied()),
            "{kind}: {files:?}, but in the table {listed:?}"
        );
    }
    Ok(())
}

/// The webhook of a mesh's default revision, which an installation has beside that of the revision's own objects; istiod
/// makes it strict when it answers.
fn validate_everything(cluster: &Cluster) -> Result<()> {
    let mut webhooks = cluster.kubectl().get(&["validatingwebhookconfigurations", "istio-validator-istio-system"])?;
    let labels = webhooks["metadata"]["labels"].clone();
    webhooks["metadata"] = json!({"name": "istiod-default-validator", "labels": labels});
    let webhook = webhooks.pointer_mut("/webhooks/0").and_then(Value::as_object_mut).context("no webhook")?;
    webhook.remove("objectSelector");
    webhook.insert("name".to_owned(), json!("validation.istio.io"));
    cluster.kubectl().apply(&webhooks.to_string())
}

fn every_file_is_admitted(cluster: &Cluster) -> Result<()> {
    let folder = workspace().join("tests/constellations/good");
    let dry_run = ["apply", "--server-side", "--dry-run=server", "--validate=strict", "--force-conflicts", "-f"];
    cluster.kubectl().run(&[&dry_run[..], &[&folder.to_string_lossy()]].concat()).map(drop)
}

impl<'a> World<'a> {
    fn new(cluster: &'a Cluster, authority: &Authority) -> Result<Self> {
        let kubectl = cluster.kubectl();
        let desk = json!({"service": "access-desk.corp.example", "port": DESK});
        let providers = json!({"extensionProviders": [{"name": "access-desk", "envoyExtAuthzHttp": desk}]});
        cluster.control().configure(providers.as_object().context("an object")?)?;
        kubectl.apply(NAMESPACES)?;
        kubectl.apply(READS_SECRETS)?;
        kubectl.apply(&stage::caller("shop", "orders"))?;
        kubectl.apply(&stage::gateway("egress", "partner-egress", "istio: egressgateway", PORTS))?;
        kubectl.apply(&stage::gateway("edge", "front-door", "istio: egressgateway", PORTS))?;

        let scratch = cluster.scratch();
        let partner = Authority::new("the partner's authority for clients")?;
        let client = partner.client(scratch, CLIENT, "spiffe://partner.example/shop")?;
        let own = authority.write(scratch, "upstream-ca")?;
        for namespace in ["shop", "egress"] {
            secret(cluster, namespace, &client, &own)?;
        }
        let server = authority.server(scratch, "upstreams", &[&names()[..], &MUTUAL].concat())?;
        let echoes = [Echo::start(&server)?, Echo::start_mutual(&server, &[&partner])?];
        let tls = Doorway::open(cluster.bridge(), echoes[0].address())?;
        for name in MUTUAL {
            tls.lead_name_to(name, echoes[1].address());
        }
        let plain = |port: u16| Ok((port, Plaintext::start(SocketAddr::from((cluster.bridge(), port)))?));
        let plain = [80, PLAINTEXT, DESK, 9000].into_iter().map(plain).collect::<Result<_>>()?;
        cluster.wait_ready("shop", "app=orders")?;
        cluster.wait_ready("egress", "app=partner-egress")?;
        cluster.wait_ready("edge", "app=front-door")?;
        Ok(Self { cluster, authority: own, plain, tls, _echoes: echoes })
    }

    fn serves(&self, good: &Good) -> Result<()> {
        self.while_applied(&path("good", good.file), || {
            self.cluster.wait_until("promised answer", || self.arrives(good))?;
            good.through.map_or(Ok(()), |gateway| {
                let host = match good.arrives {
                    Plain(name) | Tls(name) => name.split(':').next().unwrap_or(name),
                    Inside => host_and_port(good.url).0,
                };
                self.is_logged(gateway, &[host])
            })
        })
    }

    fn while_applied(&self, file: &Path, test: impl FnOnce() -> Result<()>) -> Result<()> {
        let file = file.to_string_lossy();
        self.cluster.kubectl().run(&["apply", "--server-side", "--force-conflicts", "-f", &file])?;
        let outcome = test();
        self.cluster.kubectl().run(&["delete", "--wait=false", "--ignore-not-found", "-f", &file])?;
        outcome
    }

    fn arrives(&self, good: &Good) -> Result<()> {
        self.forget();
        let answer = self.call(good.from, good.url, good.arguments)?;
        ensure!(answer.status == 200, "{answer:?}");
        match good.arrives {
            Plain(host) => self.has_come(host, 0).map(drop),
            Tls(name) => self.has_begun(name),
            Inside => Ok(()),
        }
    }

    /// Does the harm of a constellation, and sees it.
    fn suffers(&self, harm: &Harm) -> Result<()> {
        let file = path("bad", harm.file);
        if let Proof::Refused { says } = harm.proof {
            let refused = self.cluster.kubectl().run(&["apply", "--validate=strict", "-f", &file.to_string_lossy()]);
            let said = refused.err().map(|error| error.to_string()).unwrap_or_default();
            ensure!(said.contains(says), "the API server says: {said:?}");
            return Ok(());
        }
        self.while_applied(&file, || {
            self.cluster.wait_until("harm", || self.is_harmed(&harm.proof))?;
            // Not only until all of it has come to the proxies.
            thread::sleep(SETTLED);
            self.is_harmed(&harm.proof)
        })
    }

    fn is_harmed(&self, proof: &Proof) -> Result<()> {
        self.forget();
        let call = |url: &str, status: u16| -> Result<()> {
            // A request that goes round in a circle until it is too large takes its time.
            let answer = self.call(Caller::Orders, url, &["--max-time", "60"])?;
            ensure!(answer.status == status, "{url}: {answer:?}");
            Ok(())
        };
        match *proof {
            Proof::Refused { .. } => Ok(()),
            Proof::Fails { url, status, at, because } => {
                call(url, status)?;
                self.is_logged(at, &[host_and_port(url).0, because])
            }
            Proof::Plaintext { url } => {
                call(url, 200)?;
                self.has_come(host_and_port(url).0, PLAINTEXT).map(drop)
            }
            Proof::Bypass { refused, passes } => {
                call(refused, 403)?;
                call(passes, 200)?;
                self.has_begun(host_and_port(passes).0)
            }
            Proof::Asked { url, host } => {
                call(url, 200)?;
                self.has_come(host, 0).map(drop)
            }
            Proof::Believed { url, name } => {
                call(url, 200)?;
                self.has_begun(name)
            }
            Proof::OpenElsewhere { refused, outside } => {
                call(refused, 403)?;
                let answer = self.call(Caller::Outside, outside, &[])?;
                ensure!(answer.status == 200, "{answer:?}");
                Ok(())
            }
            Proof::PastGateway { url, host } => {
                call(url, 200)?;
                let head = self.has_come(host, 0)?;
                ensure!(!head.to_ascii_lowercase().contains("\r\nx-request-id:"), "a proxy has seen HTTP: {head}");
                Ok(())
            }
            Proof::NotEnforced { url } => {
                for _ in 0..20 {
                    call(url, 200)?;
                    thread::sleep(Duration::from_millis(100));
                }
                self.has_come(host_and_port(url).0, 0).map(drop)
            }
            Proof::AskedAnyway { url } => {
                call(url, 403)?;
                self.has_come(host_and_port(url).0, DESK).map(drop)
            }
            Proof::TlsTwice { url } => {
                call(url, 0)?;
                self.has_begun(host_and_port(url).0)
            }
        }
    }

    fn forget(&self) {
        let _ = self.tls.take_names();
        for plain in self.plain.values() {
            let _ = plain.take();
        }
    }

    /// The request for this host that came in plaintext; port 0: to any.
    fn has_come(&self, host: &str, port: u16) -> Result<String> {
        let ports = self.plain.iter().filter(|(own, _)| port == 0 || port == **own);
        let heads: Vec<String> = ports.flat_map(|(_, plain)| plain.take()).collect();
        heads.iter().find(|head| is_for(head, host)).cloned().with_context(|| format!("no {host} in {heads:?}"))
    }

    /// Whether TLS with this server name has begun.
    fn has_begun(&self, name: &str) -> Result<()> {
        let names = self.tls.take_names();
        ensure!(names.iter().any(|asked| asked == name), "{names:?}");
        Ok(())
    }

    /// Waits for a line with all of these texts in the log of the proxy `NAMESPACE/NAME...`.
    fn is_logged(&self, proxy: &str, texts: &[&str]) -> Result<()> {
        let (namespace, pod) = proxy.split_once('/').context("no namespace")?;
        let deadline = Instant::now() + LOGGED;
        loop {
            let log = self.cluster.log(namespace, pod)?;
            if log.lines().any(|line| line.starts_with('[') && texts.iter().all(|text| line.contains(text))) {
                return Ok(());
            }
            let own: Vec<&str> = log.lines().filter(|line| line.contains(texts[0])).collect();
            ensure!(Instant::now() < deadline, "{proxy} has no line with {texts:?}, last {:?}", own.last());
            thread::sleep(Duration::from_millis(200));
        }
    }

    fn call(&self, from: Caller, url: &str, arguments: &[&str]) -> Result<Answer> {
        let (host, port) = host_and_port(url);
        let authority = self.authority.to_string_lossy();
        let address = match from {
            Caller::Orders => self.address(host)?,
            Caller::Outside => self.cluster.pod("edge", "front-door")?.1.to_string(),
        };
        let resolve = format!("{host}:{port}:{address}");
        let all =
            [&["--cacert", &authority, "--resolve", &resolve, "-H", "connection: close"], arguments, &[url]].concat();
        match from {
            Caller::Orders => self.cluster.curl("shop", "orders", &all),
            Caller::Outside => curl_from_outside(&all),
        }
    }

    /// What the sidecar's DNS answers: the address that istiod has given an entry, or else the real one.
    fn address(&self, host: &str) -> Result<String> {
        let entries = self.cluster.kubectl().get(&["serviceentries", "--all-namespaces"])?;
        let addresses = entries["items"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|entry| entry.pointer("/status/addresses").and_then(Value::as_array).into_iter().flatten());
        let is_own = |known: &str| known == host || known.strip_prefix('*').is_some_and(|end| host.ends_with(end));
        let own = addresses.filter(|address| address["host"].as_str().is_some_and(is_own));
        let mut own = own.filter_map(|address| address["value"].as_str());
        Ok(own.find(|address| !address.contains("::")).map_or_else(|| self.cluster.bridge().to_string(), str::to_owned))
    }
}

fn secret(cluster: &Cluster, namespace: &str, client: &Identity, authority: &PathBuf) -> Result<()> {
    let file = |key: &str, path: &PathBuf| format!("--from-file={key}={}", path.display());
    let files = [file("tls.crt", &client.certificate), file("tls.key", &client.key), file("ca.crt", authority)];
    let files = files.each_ref().map(String::as_str);
    cluster.kubectl().run(&[&["create", "secret", "generic", CLIENT, "-n", namespace], &files[..]].concat()).map(drop)
}

/// Whether a request names this host.
fn is_for(head: &str, host: &str) -> bool {
    head.lines().any(|line| {
        line.split_once(": ").is_some_and(|(name, value)| name.eq_ignore_ascii_case("host") && value == host)
    })
}

fn host_and_port(url: &str) -> (&str, &str) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let authority = rest.split('/').next().unwrap_or(rest);
    authority.split_once(':').unwrap_or((authority, if scheme == "https" { "443" } else { "80" }))
}
