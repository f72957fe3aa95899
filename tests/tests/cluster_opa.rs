//! OPA beside the gateway, the real one: a request passes when both deciders allow it, and none when OPA does not answer.

use std::net::TcpListener;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use sallyport_tests::certs::Authority;
use sallyport_tests::client::Request;
use sallyport_tests::cluster::doorway::Doorway;
use sallyport_tests::cluster::network::{command_in, run};
use sallyport_tests::cluster::stage::{self, HOST, Site, UPSTREAM};
use sallyport_tests::cluster::{Answer, Cluster, scene};
use sallyport_tests::envoys::newest_envoy;
use sallyport_tests::process::{Program, Stdout};
use sallyport_tests::stage::{Stage, egress_with};
use sallyport_tests::tools;

const RULES: &str = "[{id: readers, action: ALLOW, from: [{source: {serviceAccounts: [httpbin/sleep]}}], \
                     to: [{operation: {paths: ['/status/{*}']}}]}]";
const OPA: &str = "opa: {image: 'openpolicyagent/opa:1.4.2-envoy', policyConfigMap: policy}";
/// Each attaches the policy that asks OPA in a way of its own.
const INSTALLS: [(&str, &str); 2] = [("httpbin", "injected"), ("second", "gateway-api")];
const POLICY: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: policy, namespace: egress}
data:
  policy.rego: |
    package envoy.authz

    default allow := false

    allow if not input.attributes.request.http.headers[\"x-freeze\"]
";
/// OPA refuses what bears this.
const FREEZE: &str = "x-freeze: yes";

#[test]
fn a_request_passes_only_if_both_deciders_allow_it() {
    let authority = Authority::new("public authority").unwrap();
    scene(stage::cluster("cluster-opa", &authority), |cluster| exercise(cluster, &authority));
}

/// `sallyport run` asks the OPA of its option, with the rules of the policy above.
#[test]
fn run_asks_the_opa_that_it_is_given() {
    newest_envoy("opa", |envoy, scratch| {
        let rules = POLICY.split_once("policy.rego: |\n").context("no rules")?.1.replace("\n    ", "\n");
        let rules = scratch.write("policy.rego", rules.trim_start())?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new(tools().join("cluster/bin/opa-envoy-plugin"));
        command.args(["run", "--server", "--addr=127.0.0.1:0", "--set=decision_logs.console=true"]);
        command.arg(format!("--set=plugins.envoy_ext_authz_grpc.addr={address}"));
        command.arg("--set=plugins.envoy_ext_authz_grpc.path=envoy/authz/allow").arg(rules);
        let mut opa = Program::start("opa", scratch.path(), &mut command, Stdout::Log)?;
        opa.wait_log(Duration::from_secs(20), |log| log.contains("Starting gRPC server").then_some(()))?;
        let file = egress_with(&format!("gateway: {{{OPA}}}"), &format!("rules: {RULES}"));
        let stage = Stage::with_arguments(envoy, scratch, &file, &["--opa", &address.to_string()])?;
        let get = Request::get;
        let (name, value) = FREEZE.split_once(": ").context("no header")?;
        let sleep = stage.sleep()?;
        let ask = |request: &Request| sleep.send(request).map(|reply| (reply.status, reply.spoken().reason));
        let allowed = ask(&get("/status/200"))?;
        ensure!(allowed == (200, String::new()), "{allowed:?}: {}", opa.log());
        let by_opa = ask(&get("/status/200").header(name, value))?;
        ensure!(by_opa == (403, String::new()), "{by_opa:?}");
        let by_us = ask(&get("/get"))?;
        ensure!(by_us == (403, "not_allowed".to_owned()), "{by_us:?}");
        for verdict in ["\"result\":true", "\"result\":false"] {
            opa.wait_log(Duration::from_secs(5), |log| log.contains(verdict).then_some(()))?;
        }
        drop(opa);
        let without = ask(&get("/status/200"))?;
        ensure!(without == (403, String::new()), "{without:?}");
        Ok(())
    });
}

fn exercise(cluster: &Cluster, authority: &Authority) -> Result<()> {
    let httpbin = stage::httpbin(cluster, authority, &[UPSTREAM, "second.org"])?;
    let doorway = Doorway::open(cluster.bridge(), httpbin.address())?;
    let site = Site::new(cluster, "1.31")?;
    cluster.kubectl().apply(POLICY)?;
    for (name, install) in INSTALLS {
        let gateway = format!("gateway: {{install: {install}, {OPA}, ");
        site.write(name, &stage::egress(name, RULES).replace("gateway: {", &gateway))?;
    }
    site.build()?;
    ensure!(site.configure_mesh()?.contains_key("extensionProviders"), "the mesh is not told of OPA");
    for (name, _) in INSTALLS {
        let folder = site.manifests(name);
        cluster.kubectl().run(&["apply", "--server-side", "-k", &folder.to_string_lossy()])?;
    }
    for (name, install) in INSTALLS {
        site.wait_ready(name)?;
        let host = format!("{name}.legacy.internal");
        let allowed = format!("http://{host}/status/200");
        cluster.wait_for("httpbin", "sleep", &allowed, |answer| answer.status == 200)?;
        let _ = doorway.take_names();
        both_must_agree(cluster, &host).with_context(|| format!("installed by {install}"))?;
        ensure!(doorway.take_names().is_empty(), "a refused call reached the upstream");
    }
    without_opa_nothing_passes(cluster)?;
    ensure!(doorway.take_names().is_empty(), "a refused call reached the upstream");
    cluster.wait_for("httpbin", "sleep", &format!("http://{HOST}/status/200"), |answer| answer.status == 200).map(drop)
}

fn both_must_agree(cluster: &Cluster, host: &str) -> Result<()> {
    let ours = |answer: &Answer| answer.header("x-sallyport").contains("not_allowed");
    let call =
        |path: &str, header: &str| cluster.curl("httpbin", "sleep", &["-H", header, &format!("http://{host}{path}")]);
    let by_opa = call("/status/200", FREEZE)?;
    ensure!(by_opa.status == 403 && by_opa.header("x-sallyport").is_empty(), "{by_opa:?}");
    let by_us = call("/get", "accept: */*")?;
    ensure!(by_us.status == 403 && ours(&by_us), "{by_us:?}");
    let by_both = call("/get", FREEZE)?;
    ensure!(by_both.status == 403, "{by_both:?}");
    Ok(())
}

fn without_opa_nothing_passes(cluster: &Cluster) -> Result<()> {
    let signal = |signal| cluster.signal("egress", "httpbin-egress", "opa", signal);
    let call = || cluster.curl("httpbin", "sleep", &[&format!("http://{HOST}/status/200")]);
    // First the gateway refuses; then it has no pod that is ready.
    let is_refused = |answer: &Answer| [403, 503].contains(&answer.status) && answer.header("x-sallyport").is_empty();
    signal(Signal::STOP)?;
    let silent = call()?;
    ensure!(is_refused(&silent), "{silent:?}");

    // It is restarted, and must not answer before it is killed again: nothing reaches it for as long.
    let (inside, _) = cluster.pod("egress", "httpbin-egress")?;
    let unreachable = |what: &str| {
        let mut command = command_in(&inside, "iptables");
        let rule = ["OUTPUT", "-p", "tcp", "--dport", "9191", "-j", "REJECT", "--reject-with", "tcp-reset"];
        run(command.arg(what).args(rule))
    };
    unreachable("-I")?;
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                // Between two lives there is nothing to kill.
                let _ = signal(Signal::KILL);
                thread::sleep(Duration::from_millis(5));
            }
        });
        let calls = (0..10).map(|_| call()).collect::<Result<Vec<_>>>();
        ended.store(true, Ordering::Relaxed);
        for answer in calls? {
            ensure!(is_refused(&answer), "{answer:?}");
        }
        anyhow::Ok(())
    })?;
    unreachable("-D").map(drop)
}
