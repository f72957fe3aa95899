//! The side of the mesh: files are built, their manifests are applied, and istiod is asked by each gateway what Envoy gets.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use sallyport_tests::cluster::control::Control;
use sallyport_tests::cluster::discovery::{Discovery, Proxy, types};
use sallyport_tests::cluster::manifests::Manifest;
use sallyport_tests::cluster::network::{Network, run};
use sallyport_tests::cluster::pod::{list, text};
use sallyport_tests::gate;
use sallyport_tests::process::Scratch;
use serde_json::{Map, Value, json};

use crate::files::Group;
use crate::normal::{Given, leave_out_strangers};

const PATIENCE: Duration = Duration::from_secs(60);
/// So many Envoys ask at the same time.
const AT_ONCE: usize = 3;
/// By default istiod fetches key sets itself. Envoy does it where there is no istiod, and so it does here.
const KEYS_BY_ENVOY: &str = "PILOT_JWT_ENABLE_REMOTE_JWKS=envoy";
/// What istiod does not read, and the namespaces, which are there before.
const NOT_READ: [&str; 4] = ["Namespace", "NetworkPolicy", "HorizontalPodAutoscaler", "PodDisruptionBudget"];

/// Files that share a Mesh file.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// The folder, with nothing but the files.
    pub(crate) folder: PathBuf,
    /// What `sallyport build` made of them.
    pub(crate) out: PathBuf,
}

/// A gateway: the namespace and the name of its Egress.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Gateway {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Site {
    /// Runs `sallyport build` on a folder.
    pub(crate) fn build(scratch: &Scratch, name: &str, folder: PathBuf) -> Result<Self> {
        let out = scratch.path().join(format!("{name}-out"));
        run(Command::new(gate::sallyport()?).arg("build").arg(&folder).arg("-o").arg(&out))?;
        Ok(Self { folder, out })
    }

    /// The objects of its gateways that istiod reads, and those that say what their pods are.
    fn objects(&self, gateways: &[Gateway]) -> Result<String> {
        let mut text = String::new();
        for Gateway { namespace, name } in gateways {
            for manifest in Manifest::of(&self.out.join(format!("{namespace}-{name}")))? {
                for object in manifest.objects(namespace)?.split("\n---\n") {
                    let kind = object.lines().find_map(|line| line.strip_prefix("kind: "));
                    if kind.is_some_and(|kind| !NOT_READ.contains(&kind.trim())) {
                        text.push_str("\n---\n");
                        text.push_str(object.trim_start_matches("---\n"));
                    }
                }
            }
        }
        Ok(text)
    }
}

/// An API server and istiod, with nothing that runs a pod.
#[derive(Debug)]
pub(crate) struct MeshSide {
    control: Control,
    _network: Network,
}

impl MeshSide {
    pub(crate) fn start(scratch: &Scratch) -> Result<Self> {
        let network = Network::new()?;
        let control = Control::without_controllers(scratch, &network, &[KEYS_BY_ENVOY])?;
        Ok(Self { control, _network: network })
    }

    /// Applies what was built, and configures the mesh as all Mesh files together ask for.
    pub(crate) fn apply(&self, groups: &[Group]) -> Result<()> {
        let kubectl = self.control.kubectl();
        let namespaces = groups.iter().flat_map(|group| &group.gateways).map(|gateway| gateway.namespace.as_str());
        let namespace = |name| format!("---\n{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}}}}}\n");
        kubectl.apply(&namespaces.map(namespace).collect::<String>())?;
        let mut objects = String::new();
        for group in groups {
            objects.push_str(&group.site.objects(&group.gateways)?);
        }
        // There is nothing yet to be merged with, which is what takes the server most of its time.
        kubectl.feed(&["create", "--validate=false", "-f", "-"], &objects)?;
        self.configure(groups)
    }

    /// Providers of several Mesh files have different names, or are the same.
    fn configure(&self, groups: &[Group]) -> Result<()> {
        let mut providers = BTreeMap::from([(
            "collector".to_owned(),
            json!({"name": "collector", "opentelemetry": {"service": "istiod.istio-system.svc.cluster.local", "port": 15010}}),
        )]);
        for group in groups {
            let operator = self.local(&fs::read_to_string(group.site.out.join("mesh/istiooperator.yaml"))?)?;
            for provider in list(&operator, "/spec/meshConfig/extensionProviders") {
                let name = text(provider, "/name")?.to_owned();
                let before = providers.insert(name.clone(), provider.clone());
                ensure!(before.is_none_or(|before| before == *provider), "two providers are called {name}");
            }
        }
        let providers = providers.into_values().collect();
        self.control.configure(&Map::from_iter([("extensionProviders".to_owned(), Value::Array(providers))]))
    }

    /// Made JSON of without asking the server.
    fn local(&self, yaml: &str) -> Result<Value> {
        let arguments = ["annotate", "--local", "-o", "json", "read-by=tests", "-f", "-"];
        Ok(serde_json::from_str(&self.control.kubectl().feed(&arguments, yaml)?)?)
    }

    /// The pods as the injection webhook makes them, none of which is kept.
    pub(crate) fn proxies(&self, gateways: &[Gateway]) -> Result<Vec<Proxy>> {
        let deadline = Instant::now() + PATIENCE;
        let templates = loop {
            // istiod itself makes the Deployment of a Gateway of the Gateway API.
            let found = self.control.kubectl().get(&["deployments", "--all-namespaces"])?;
            let found: Vec<_> = gateways.iter().filter_map(|gateway| template(&found, gateway)).collect();
            if found.len() == gateways.len() {
                break found;
            }
            ensure!(Instant::now() < deadline, "{} Deployments of {}", found.len(), gateways.len());
            thread::sleep(Duration::from_millis(200));
        };
        let pods = json!({"apiVersion": "v1", "kind": "List", "items": templates});
        // The server looks at it anyway.
        let arguments = ["create", "--validate=false", "--dry-run=server", "-o", "json", "-f", "-"];
        let made = self.control.kubectl().feed(&arguments, &pods.to_string())?;
        let pods = serde_json::Deserializer::from_str(&made).into_iter().collect::<Result<Vec<Value>, _>>()?;
        ensure!(pods.len() == gateways.len(), "{} pods", pods.len());
        pods.iter().zip(0..).map(|(pod, position)| self.proxy(pod, position)).collect()
    }

    /// What the agent in a pod says to istiod: `ISTIO_META_` variables, labels, annotations and the proxy's configuration.
    fn proxy(&self, pod: &Value, position: u16) -> Result<Proxy> {
        let container = list(pod, "/spec/containers").iter().find(|container| container["name"] == "istio-proxy");
        let mut metadata = Map::new();
        for variable in list(container.context("no proxy")?, "/env") {
            let (Some(name), Some(value)) = (variable["name"].as_str(), variable["value"].as_str()) else { continue };
            if name == "PROXY_CONFIG" {
                metadata.insert(name.to_owned(), serde_json::from_str(value)?);
            } else if let Some(name) = name.strip_prefix("ISTIO_META_") {
                metadata.insert(name.to_owned(), value.into());
            }
        }
        let (name, namespace) = (text(pod, "/metadata/name")?, text(pod, "/metadata/namespace")?);
        let [high, low] = position.to_be_bytes();
        let address = Ipv4Addr::new(10, 99, high, low);
        for (key, value) in [
            ("NAME", json!(name)),
            ("NAMESPACE", json!(namespace)),
            ("INSTANCE_IPS", json!(address)),
            ("SERVICE_ACCOUNT", pod["spec"]["serviceAccountName"].clone()),
            ("LABELS", pod["metadata"]["labels"].clone()),
            ("ANNOTATIONS", pod["metadata"]["annotations"].clone()),
            ("ISTIO_VERSION", json!("1.31.0")),
        ] {
            metadata.insert(key.to_owned(), value);
        }
        self.merge_annotation(pod, &mut metadata)?;
        let id = format!("router~{address}~{name}.{namespace}~{namespace}.svc.cluster.local");
        Ok(Proxy { id, metadata: Value::Object(metadata) })
    }

    /// The agent merges the pod's own settings into those of its environment. The injection webhook did so already, but not where
    /// istiod itself makes the Deployment.
    fn merge_annotation(&self, pod: &Value, metadata: &mut Map<String, Value>) -> Result<()> {
        let annotation = pod.pointer("/metadata/annotations/proxy.istio.io~1config").and_then(Value::as_str);
        let Some(annotation) = annotation else { return Ok(()) };
        let indented: String = annotation.lines().map(|line| format!("  {line}\n")).collect();
        let text = format!("apiVersion: tests/v1\nkind: Settings\nmetadata: {{name: settings}}\nspec:\n{indented}");
        let own = self.local(&text)?["spec"].take();
        let settings = metadata.entry("PROXY_CONFIG").or_insert_with(|| json!({}));
        for (name, value) in own.as_object().into_iter().flatten() {
            settings[name] = value.clone();
        }
        Ok(())
    }

    /// What istiod gives each Envoy, and how many clusters of others are not in it. `own`: what `run` gives it.
    pub(crate) fn given_to_all(&self, proxies: &[Proxy], own: &[Given]) -> Result<Vec<(Given, usize)>> {
        let all: Vec<_> = proxies.iter().zip(own).collect();
        let each = all.len().div_ceil(AT_ONCE).max(1);
        thread::scope(|scope| {
            let work = |(proxy, own): &(&Proxy, &Given)| self.given(proxy, own);
            let workers: Vec<_> = all
                .chunks(each)
                .map(|some| scope.spawn(move || some.iter().map(work).collect::<Result<Vec<_>>>()))
                .collect();
            let mut given = Vec::new();
            for worker in workers {
                given.extend(worker.join().map_err(|_| anyhow!("a worker has panicked"))??);
            }
            Ok(given)
        })
    }

    /// What istiod gives the Envoy of a gateway, as its debug interface shows it.
    fn given(&self, proxy: &Proxy, own: &Given) -> Result<(Given, usize)> {
        let istiod = SocketAddr::from((self.control.address(), 15010));
        let mut discovery = Discovery::open(istiod)?;
        discovery.subscribe(proxy, types::CLUSTER, &[])?;
        let listeners = discovery.subscribe(proxy, types::LISTENER, &[])?;
        let first = self.shown(proxy, "")?;
        let shown: usize = list(&first, "/configs").iter().map(|dump| list(dump, "/dynamicListeners").len()).sum();
        ensure!(shown == listeners, "{}: {shown} of {listeners} listeners are shown", proxy.id);
        let mut plugins = Vec::new();
        for (kind, key) in [(types::ROUTES, "routeConfigName"), (types::EXTENSION, "configDiscovery")] {
            let mut names = Vec::new();
            references(&first, key, &mut names);
            names.sort();
            names.dedup();
            if !names.is_empty() {
                let sent = discovery.subscribe(proxy, kind, &names)?;
                ensure!(sent == names.len(), "{}: {sent} of {names:?} were sent", proxy.id);
            }
            plugins = names;
        }
        let mut with_endpoints = Vec::new();
        references(&first, "edsClusterConfig", &mut with_endpoints);
        discovery.subscribe(proxy, types::ENDPOINTS, &with_endpoints)?;
        let mut dumps = [first, self.shown(proxy, "&types=rds,ecds,eds")?];
        let strangers = leave_out_strangers(&mut dumps, own);
        let [first, second] = &dumps;
        let mut given = Given::by_istiod(first);
        given.extend(Given::by_istiod(second));
        ensure!(given.plugins().into_iter().eq(&plugins), "{}: {plugins:?} and {:?}", proxy.id, given.plugins());
        Ok((given, strangers))
    }

    fn shown(&self, proxy: &Proxy, more: &str) -> Result<Value> {
        let pod = proxy.id.split('~').nth(2).context("no pod in the id")?;
        // Whoever is on the same machine is trusted.
        let mut curl = self.control.namespace().command("curl");
        let url = format!("http://127.0.0.1:8080/debug/config_dump?proxyID={pod}{more}");
        let text = run(curl.args(["-sS", "--fail-with-body", "--max-time", "30", &url]))?;
        serde_json::from_str(&text).with_context(|| format!("{url}: {text}"))
    }
}

/// The names that resources have in a field, or in the `name` beside it if it is no text.
fn references(value: &Value, key: &str, names: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, key, names)),
        Value::Object(fields) => {
            let name = match fields.get(key) {
                Some(Value::String(name)) => Some(name.as_str()),
                Some(_) => fields.get("name").and_then(Value::as_str),
                None => None,
            };
            names.extend(name.map(str::to_owned));
            fields.values().for_each(|field| references(field, key, names));
        }
        _ => {}
    }
}

/// The pod of a gateway's Deployment.
fn template(deployments: &Value, gateway: &Gateway) -> Option<Value> {
    let is_of_gateway = |deployment: &&Value| {
        let label = |name: &str| deployment["spec"]["template"]["metadata"]["labels"][name].as_str();
        deployment["metadata"]["namespace"] == gateway.namespace.as_str()
            && label("sallyport.dev/gateway") == Some(&gateway.name)
    };
    let deployment = list(deployments, "/items").iter().find(is_of_gateway)?;
    let mut pod = deployment.pointer("/spec/template")?.clone();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!(format!("{}-0", deployment["metadata"]["name"].as_str()?));
    pod["metadata"]["namespace"] = json!(gateway.namespace);
    Some(pod)
}

/// Writes files into a new folder.
pub(crate) fn folder(
    scratch: &Scratch,
    name: &str,
    files: impl IntoIterator<Item = (String, String)>,
) -> Result<PathBuf> {
    let folder = scratch.folder(name)?;
    for (name, text) in files {
        fs::write(Path::new(&folder).join(name), text)?;
    }
    Ok(folder)
}
