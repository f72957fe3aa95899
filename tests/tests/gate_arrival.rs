//! What Envoy does before the filter and behind it, as cases and explanations say it: paths that it normalizes or refuses, and
//! hosts that the gateway does not serve.

use anyhow::{Context as _, Result, ensure};
use sallyport_core::{Engine, Reason};
use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::model::{Egress, Mesh};
use sallyport_egress::scenario::{Caller as Who, Effect, Outcome, Request as Asked, Scenario};
use sallyport_egress::{check, policy_source};
use sallyport_tests::client::{Caller, Http1, Request};
use sallyport_tests::envoys::each_envoy;
use sallyport_tests::stage::{Stage, egress};

const AUTHZ: &str = "discloseRule: true\nrules:\n\
    - {id: no-admin, action: DENY, to: [{operation: {paths: [/admin, \"/admin/{**}\"]}}]}\n\
    - {id: all, action: ALLOW, from: [{source: {serviceAccounts: [httpbin/sleep]}}]}\n";
const HOST: &str = "httpbin.legacy.internal";
/// Pieces of paths; any of them may come after any other. Parameters behind dots are left out: Envoy since 1.39.1 resolves `..;x`
/// as it does `..`, and others do not.
const PIECES: [&str; 36] = [
    "/", "/", "/", ".", "..", "/.", "/..", "/../", "%2e", "%2E", "%2e%2e", "\\\\", "a", "admin", "%61dmin", "b", "//",
    "%2f", "%5C", "%25", "%zz", "%", "%7e", "~", "%40", "\"", "<", "{", "|", "[", "'", "*", "?", "?a=/../", "...",
    "%C3%A9",
];
const PATHS: usize = 400;

fn read(file: &str) -> Result<Egress> {
    let checked = check(&[SourceFile { name: "egress.yaml".to_owned(), text: file.to_owned() }]);
    Ok(checked.egresses.into_iter().next().context("the file has an Egress")?.value)
}

/// What is said to become of a request of `httpbin/sleep`.
fn said(engine: &Engine, egress: &Egress, method: &str, host: &str, path: &str) -> Outcome {
    let caller = Who { server_name: Some(HOST.to_owned()), ..Who::of_principal("cluster.local/ns/httpbin/sa/sleep") };
    Scenario { caller, request: Asked::new(method, host, path) }.run(engine, egress)
}

fn is_as_said(stage: &Stage, connection: &mut Http1, request: &Request, outcome: &Outcome) -> Result<bool> {
    let _ = stage.echo.take();
    let reply = connection.send(request)?;
    let spoken = reply.spoken();
    Ok(match &outcome.effect {
        Effect::ByEnvoy(answer) => answer.status() == Some(reply.status) && spoken.verdict != "refused",
        Effect::Refused(Reason::Ambiguous(kind), _) => reply.status == 400 && spoken.kind == kind.as_str(),
        Effect::Refused(reason, _) => spoken.reason == reason.as_str(),
        Effect::Allowed(_) => {
            let sent = outcome.upstream.iter().flat_map(|upstream| &upstream.headers);
            let path =
                sent.into_iter().find(|(name, _)| name == ":path").map(|(_, path)| String::from_utf8_lossy(path));
            let received = stage.echo.take().pop().map(|received| received.line);
            reply.status == 200 && received == path.map(|path| format!("GET {path} HTTP/1.1"))
        }
    })
}

#[test]
fn what_is_said_of_envoy_is_what_it_does() {
    each_envoy("arrival", |envoy, scratch| {
        let file = egress(AUTHZ);
        let egress = read(&file)?;
        let engine = Engine::compile(&policy_source(&egress, &Mesh::default(), &[]))
            .map_err(|invalid| anyhow::anyhow!("{invalid:?}"))?;
        let stage = Stage::with_file(envoy, scratch, &file)?;
        let sleep: Caller = stage.sleep()?;
        let mut connection = sleep.http1()?;
        let mut random = fastrand::Rng::with_seed(15);
        let mut paths: Vec<String> = ["/a%00", "/a#b", "/a?b#c", "b", "*", "/\u{e9}"].map(str::to_owned).to_vec();
        while paths.len() < PATHS {
            let pieces = (0..random.usize(1..8)).map(|_| PIECES[random.usize(..PIECES.len())]);
            paths.push(format!("/{}", pieces.collect::<String>()));
        }
        let mut kinds = [0_usize; 4];
        for path in paths {
            let outcome = said(&engine, &egress, "GET", HOST, &path);
            kinds[match outcome.effect {
                Effect::Allowed(_) => 0,
                Effect::Refused(Reason::Denied, _) => 1,
                Effect::Refused(..) => 2,
                Effect::ByEnvoy(_) => 3,
            }] += 1;
            ensure!(is_as_said(&stage, &mut connection, &Request::get(&path), &outcome)?, "{path}: {outcome:?}");
            if matches!(outcome.effect, Effect::ByEnvoy(_)) {
                // Envoy closes it behind what its parser refuses.
                connection = sleep.http1()?;
            }
        }
        ensure!(kinds.iter().all(|count| *count > 4), "too few of a kind: {kinds:?}");
        for host in [
            "example.com",
            "HTTPBIN.legacy.internal",
            "httpbin.legacy.internal:81",
            "httpbin.legacy.internal.",
            "10.0.0.1",
        ] {
            for path in ["/a", "/admin"] {
                let outcome = said(&engine, &egress, "GET", host, path);
                let request = Request { host: Some(host.as_bytes().to_vec()), ..Request::get(path) };
                ensure!(is_as_said(&stage, &mut connection, &request, &outcome)?, "{host} {path}: {outcome:?}");
            }
        }
        let outcome = said(&engine, &egress, "OPTIONS", HOST, "*");
        ensure!(is_as_said(&stage, &mut connection, &Request::new("OPTIONS", "*"), &outcome)?, "OPTIONS *");
        Ok(())
    });
}
