//! What leaves the mesh: the caller's request id and trace, and nothing of the mesh itself; spans in a real collector.

use std::fs;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::cluster::collector::{self, Collector};
use sallyport_tests::cluster::doorway::Doorway;
use sallyport_tests::cluster::stage::{self, Site};
use sallyport_tests::cluster::{Cluster, network, scene};
use sallyport_tests::echo::{Echo, Received};
use serde_json::{Map, Value, json};

const RULES: &str = "[{id: readers, action: ALLOW, from: [{source: {serviceAccounts: [httpbin/sleep]}}]}]";
const URL: &str = "http://httpbin.legacy.internal/anything";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";
/// What the upstream gets of a plain request with curl, and no more. (`content-length` and the like would be the
/// request's own.)
const WELCOME: [&str; 5] = ["host", "user-agent", "accept", "x-request-id", "traceparent"];

#[test]
fn the_callers_id_arrives_and_nothing_of_the_mesh_does() {
    let authority = Authority::new("public authority").unwrap();
    scene(stage::cluster("cluster-headers", &authority), |cluster| exercise(cluster, &authority));
}

fn exercise(cluster: &Cluster, authority: &Authority) -> Result<()> {
    let echo = Echo::start(&authority.server(cluster.scratch(), "upstream", &[stage::UPSTREAM])?)?;
    let _doorway = Doorway::open(cluster.bridge(), echo.address())?;
    let site = Site::new(cluster, "1.31")?;
    site.serve("httpbin", &stage::egress("httpbin", RULES))?;
    cluster.wait_for("httpbin", "sleep", URL, |answer| answer.status == 200)?;

    cluster.wait_until("request id that stays", || one_id_from_caller_to_upstream(cluster, &echo))?;
    cluster.wait_until("request that is free of the mesh", || nothing_of_the_mesh(cluster, &echo))?;
    what_the_file_says_is_said(cluster, &site, &echo)?;
    lines_are_objects(cluster, &site, &echo)?;
    spans_are_one_trace(cluster, &site, &echo)?;
    the_tracer_is_silent_where_it_is_not_wanted(cluster, &site, &echo)?;
    a_credential_comes_from_a_secret(cluster, &site, &echo)
}

/// Calls, and gives what the upstream got.
fn received(cluster: &Cluster, echo: &Echo, headers: &[&str]) -> Result<Received> {
    let _ = echo.take();
    let mut arguments: Vec<&str> = headers.iter().flat_map(|header| ["-H", *header]).collect();
    arguments.push(URL);
    let answer = cluster.curl("httpbin", "sleep", &arguments)?;
    ensure!(answer.status == 200, "{answer:?}");
    // Between the calls the filter may probe.
    let seen = echo.take().into_iter().rfind(|request| request.line.contains("/anything"));
    seen.context("the upstream got nothing")
}

fn only<'a>(received: &'a Received, name: &str) -> Result<&'a str> {
    let values: Vec<&[u8]> = received.values(name).collect();
    let [value] = values[..] else { anyhow::bail!("not one {name}: {received:?}") };
    Ok(std::str::from_utf8(value)?)
}

fn one_id_from_caller_to_upstream(cluster: &Cluster, echo: &Echo) -> Result<()> {
    let id = "5f0e1c1a-0000-4000-8000-0123456789ab";
    let parent = format!("traceparent: 00-{TRACE}-{SPAN}-01");
    let seen = received(cluster, echo, &[&format!("x-request-id: {id}"), &parent])?;
    ensure!(only(&seen, "x-request-id")? == id, "{seen:?}");
    ensure!(only(&seen, "traceparent")? == format!("00-{TRACE}-{SPAN}-01"), "{seen:?}");
    // Where the caller says nothing its sidecar makes the id, and that one it is.
    let seen = received(cluster, echo, &[])?;
    let id = only(&seen, "x-request-id")?.to_owned();
    // Envoy writes its log once a second.
    thread::sleep(Duration::from_secs(1));
    for (namespace, pod) in [("httpbin", "sleep"), ("egress", "httpbin-egress")] {
        ensure!(cluster.log(namespace, pod)?.contains(&id), "{id} is not in the log of {pod}");
    }
    Ok(())
}

/// The strict list, and what a caller adds of its own.
fn nothing_of_the_mesh(cluster: &Cluster, echo: &Echo) -> Result<()> {
    let forged = [
        "x-forwarded-client-cert: By=spiffe://x",
        "x-forwarded-for: 1.2.3.4",
        "x-forwarded-email: root@example.com",
        "x-auth-request-user: root",
        "x-user: root",
        "x-envoy-max-retries: 9",
        "x-sallyport-route: egress/httpbin",
        "baggage: user=alice",
        "b3: 0",
        "tracestate: wrong",
    ];
    let seen = received(cluster, echo, &forged)?;
    for (name, value) in &seen.headers {
        let name = name.to_ascii_lowercase();
        ensure!(WELCOME.contains(&name.as_str()), "{name}: {}", value.escape_ascii());
    }
    let text: String = seen.headers.iter().map(|(_, value)| format!("{}\n", value.escape_ascii())).collect();
    for secret in ["10.44.", "spiffe", "legacy.internal", "cluster.local"] {
        ensure!(!text.contains(secret), "the upstream is told of {secret}: {text}");
    }
    Ok(())
}

fn what_the_file_says_is_said(cluster: &Cluster, site: &Site<'_>, echo: &Echo) -> Result<()> {
    let more = "  tracing: {formats: [b3multi]}
  headers:
    set:
    - {name: x-caller, value: '%{caller.namespace}/%{caller.serviceAccount} by %{rule}'}
    - {name: x-correlation-id, value: '%{requestId}'}
    response: {remove: [content-type]}
";
    site.apply("httpbin", &(stage::egress("httpbin", RULES) + more))?;
    cluster.wait_until("a header that says who calls", || {
        let seen = received(cluster, echo, &["x-caller: root/admin", &format!("traceparent: 00-{TRACE}-{SPAN}-01")])?;
        ensure!(only(&seen, "x-caller")? == "httpbin/sleep by readers", "{seen:?}");
        ensure!(only(&seen, "x-correlation-id")? == only(&seen, "x-request-id")?, "{seen:?}");
        ensure!(only(&seen, "x-b3-traceid")? == TRACE && seen.values("traceparent").next().is_none(), "{seen:?}");
        Ok(())
    })?;
    // The route may come a little later than the policy.
    cluster.wait_for("httpbin", "sleep", URL, |answer| answer.header("content-type").is_empty())?;
    Ok(())
}

/// `accessLog: json`: who asked for what, what became of it and why, under the caller's id.
fn lines_are_objects(cluster: &Cluster, site: &Site<'_>, echo: &Echo) -> Result<()> {
    let image = site.registry().name("sallyport/filter");
    site.write("mesh", &(stage::mesh("1.31", &image, "") + "  accessLog: json\n"))?;
    site.build()?;
    site.configure_mesh()?;
    site.apply("httpbin", &stage::egress("httpbin", RULES))?;
    // The last one: the first may be of the edition of the policy before.
    let line = |wanted: &str| -> Result<Value> {
        let log = cluster.log("egress", "httpbin-egress")?;
        let mut objects = log.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        objects.find(|line| line["requestId"] == wanted).context("no such line")
    };
    let (allowed, refused) = ("00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b");
    cluster.wait_until("a line that is an object", || {
        let parent = format!("traceparent: 00-{TRACE}-{SPAN}-01");
        received(cluster, echo, &[&format!("x-request-id: {allowed}"), &parent])?;
        cluster.curl("other", "stranger", &["-H", &format!("x-request-id: {refused}"), &format!("{URL}?secret")])?;
        let (allowed, refused) = (line(allowed)?, line(refused)?);
        what_the_lines_say(&allowed, &refused)?;
        eprintln!("{allowed}\n{refused}");
        Ok(())
    })
}

fn what_the_lines_say(allowed: &Value, refused: &Value) -> Result<()> {
    ensure!(allowed["status"] == 200 && allowed["route"] == "to-upstream", "{allowed}");
    let parent = allowed["traceparent"].as_str().context("the upstream is told of no trace")?;
    ensure!(allowed["traceId"].as_str() == parent.split('-').nth(1), "{allowed}");
    ensure!(allowed["decision"] == "allowed" && allowed["rule"] == "readers", "{allowed}");
    ensure!(refused["decision"] == "refused" && refused["rule"].is_null(), "{refused}");
    ensure!(allowed["principal"] == "spiffe://cluster.local/ns/httpbin/sa/sleep", "{allowed}");
    ensure!(refused["status"] == 403 && refused["reason"] == "sallyport:not_allowed", "{refused}");
    ensure!(refused["path"] == "/anything" && refused["method"] == "GET", "{refused}");
    Ok(())
}

/// `tracing: envoy`: the caller's span, the gateway's, and what the upstream is told, are one trace.
fn spans_are_one_trace(cluster: &Cluster, site: &Site<'_>, echo: &Echo) -> Result<()> {
    let namespace = cluster.control().namespace();
    let collector = Collector::start(cluster.scratch(), namespace)?;
    let provider =
        json!([{"name": "otel", "opentelemetry": {"service": "otel.tracing.internal", "port": collector::PORT}}]);
    cluster.control().configure(&Map::from_iter([("extensionProviders".to_owned(), provider)]))?;
    cluster.kubectl().apply(&format!(
        "apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: otel, namespace: istio-system}}
spec:
  hosts: [otel.tracing.internal]
  location: MESH_EXTERNAL
  resolution: STATIC
  endpoints: [{{address: {}}}]
  ports: [{{number: {}, name: grpc, protocol: GRPC}}]
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {{name: mesh, namespace: istio-system}}
spec: {{tracing: [{{providers: [{{name: otel}}], randomSamplingPercentage: 100}}]}}
",
        namespace.address(),
        collector::PORT
    ))?;
    let more = "  tracing: {mode: envoy, provider: otel, samplingPerMille: 1000}\n  health: {probe: {path: /get, interval: 1s}}\n";
    site.apply("httpbin", &(stage::egress("httpbin", RULES) + more))?;
    cluster.wait_until("one trace from the caller to the upstream", || {
        let seen = received(cluster, echo, &[])?;
        // Envoy sends its spans each few seconds.
        thread::sleep(Duration::from_secs(2));
        one_trace(&collector, only(&seen, "traceparent")?)
    })
}

fn one_trace(collector: &Collector, told: &str) -> Result<()> {
    let spans = way_back(collector, told).context("not all of its spans have come")?;
    let (Some(gateway), Some(caller)) = (spans.first(), spans.last()) else { anyhow::bail!("{spans:?}") };
    ensure!(gateway.service == "httpbin-egress.egress" && caller.service == "sleep.httpbin", "{spans:?}");
    for (tag, value) in [
        ("gateway", "egress/httpbin"),
        ("reason", "via_upstream"),
        ("decision", "allowed"),
        ("rule", "readers"),
        ("health", "closed"),
    ] {
        let tag = format!("sallyport.{tag}: Str({value})");
        ensure!(gateway.has(&tag), "{tag}: {gateway:?}");
    }
    for span in &spans {
        eprintln!("{} {} <- {:16} {} {}", span.trace_id, span.id, span.parent_id, span.service, span.kind);
    }
    Ok(())
}

/// With a tracer in the whole mesh: `strip` tells of no trace, and `standalone` goes on with the sidecar's, in its own format.
fn the_tracer_is_silent_where_it_is_not_wanted(cluster: &Cluster, site: &Site<'_>, echo: &Echo) -> Result<()> {
    let traces = |seen: &Received| -> Vec<String> {
        seen.names().into_iter().filter(|name| name.starts_with("trace") || name.contains("b3")).collect()
    };
    for (tracing, wanted) in [("{mode: strip}", &[][..]), ("{formats: [b3]}", &["b3"])] {
        site.apply("httpbin", &(stage::egress("httpbin", RULES) + &format!("  tracing: {tracing}\n")))?;
        // A listener that is replaced answers on its old connections until they are drained, so once is not enough.
        let parent = format!("traceparent: 00-{TRACE}-{SPAN}-01");
        let silent = || -> Result<bool> {
            let seen = received(cluster, echo, &[&parent])?;
            Ok(traces(&seen) == wanted && (wanted.is_empty() || only(&seen, "b3")?.starts_with(TRACE)))
        };
        cluster.wait(tracing, || {
            for _ in 0..6 {
                if !silent()? {
                    return Ok(false);
                }
            }
            Ok(true)
        })?;
    }
    Ok(())
}

/// The spans from the one that the upstream was told of back to the first of the trace, if all of them have been sent.
fn way_back(collector: &Collector, told: &str) -> Option<Vec<collector::Span>> {
    let (trace, last) = (told.split('-').nth(1)?, told.split('-').nth(2)?);
    let spans = collector.spans();
    let mut way: Vec<collector::Span> = Vec::new();
    let mut id = last.to_owned();
    while !id.is_empty() {
        let span = spans.iter().find(|span| span.trace_id == trace && span.id == id)?;
        id.clone_from(&span.parent_id);
        way.push(span.clone());
    }
    Some(way)
}

/// `headers.credential`: the pods have it from a Secret, the upstream from the pods, and nobody else has it.
fn a_credential_comes_from_a_secret(cluster: &Cluster, site: &Site<'_>, echo: &Echo) -> Result<()> {
    const KEY: &str = "open-sesame-4711";
    let more = "  headers: {credential: {name: x-api-key, prefix: 'Key ', secretName: upstream}}\n";
    site.apply("httpbin", &(stage::egress("httpbin", RULES) + more))?;
    let pods = || cluster.kubectl().get(&["pods", "-n", "egress", "-l", "sallyport.dev/gateway=httpbin"]);
    let secret = |key: &str| {
        let data = json!({key: KEY});
        let metadata = json!({"name": "upstream", "namespace": "egress"});
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data});
        cluster.kubectl().apply(&secret.to_string())
    };
    // Without it a new pod does not start, and the one before it goes on.
    for reason in ["\\\"upstream\\\" not found", "no key token"] {
        cluster.wait(reason, || {
            let pods = pods()?.to_string();
            Ok(pods.contains("CreateContainerConfigError") && pods.contains(reason))
        })?;
        cluster.wait_until("answer of the pod before", || received(cluster, echo, &[]).map(drop))?;
        secret("other")?;
    }
    secret("token")?;
    cluster.wait("credential at the upstream, of the new pod alone", || {
        let seen = received(cluster, echo, &["x-api-key: forged"])?;
        Ok(only(&seen, "x-api-key")? == format!("Key {KEY}")
            && pods()?["items"].as_array().is_some_and(|pods| pods.len() == 1))
    })?;

    let (inside, _) = cluster.pod("egress", "httpbin-egress")?;
    let mut ask = network::command_in(&inside, "curl");
    let dump = network::run(ask.args(["-sS", "http://127.0.0.1:15000/config_dump?include_eds"]))?;
    let reference = "Key %ENVIRONMENT(SALLYPORT_CREDENTIAL_HTTPBIN)%";
    let live = cluster.kubectl().run(&[
        "get",
        "virtualservices,trafficextensions,deployments,pods",
        "-n",
        "egress",
        "-o",
        "json",
    ])?;
    let mut built = String::new();
    for entry in fs::read_dir(site.manifests("httpbin"))? {
        built += &fs::read_to_string(entry?.path())?;
    }
    for (what, text) in [("what was built", &built), ("what is applied", &live), ("Envoy's configuration", &dump)] {
        ensure!(text.contains(reference) && !text.contains(KEY), "{what}");
    }
    // The new pod's log begins empty, and Envoy writes it once a second.
    cluster
        .wait("request in the new pod's log", || Ok(cluster.log("egress", "httpbin-egress")?.contains("/anything")))?;
    let log = cluster.log("egress", "httpbin-egress")?;
    ensure!(!log.contains(KEY), "{log}");
    Ok(())
}
