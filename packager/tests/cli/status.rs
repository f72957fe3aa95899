//! `sallyport status`, and the evidence of `promote` and `plan`.

use std::process::Stdio;

use serde_json::Value;
use snapbox::{assert_data_eq, str};

use crate::sandbox::{Ended, GOOD, LOCK, Sandbox};

pub(crate) const CANDIDATE: &str = "\
apiVersion: sallyport.dev/v1alpha1
kind: Candidate
metadata: {name: httpbin, namespace: httpbin}
spec:
  rules:
  - id: readers
    action: ALLOW
    from: [{source: {serviceAccounts: [httpbin/sleep]}}]
    to: [{operation: {methods: [GET], paths: [/get]}}]
";
pub(crate) const START: i64 = 1_795_000_000;
pub(crate) const SLEEP: &str = "cluster.local/ns/httpbin/sa/sleep";
pub(crate) const ENCODED: &str = "cluster_2elocal_2fns_2fhttpbin_2fsa_2fsleep";

/// A day and a bit later.
pub(crate) const LATER: i64 = 90_000;

/// An Egress of one pod.
pub(crate) fn one_pod() -> String {
    GOOD.replace("  authz:", "  gateway: {replicas: 1}\n  authz:")
}

/// A gateway whose candidate is in shadow.
pub(crate) fn sandbox() -> Sandbox {
    let lock = LOCK.replace("\"}}", "\",\"candidates\":true}}");
    let egress = one_pod();
    let sandbox =
        Sandbox::with(&[("egress.yaml", &egress), ("httpbin.candidate.yaml", CANDIDATE), ("sallyport.lock", &lock)]);
    let promoted = at(&sandbox, 0, &["promote"]);
    assert_eq!(promoted.code, Some(0), "{promoted:?}");
    sandbox
}

pub(crate) fn at(sandbox: &Sandbox, seconds: i64, arguments: &[&str]) -> Ended {
    let mut command = sandbox.command(arguments);
    command.env("SALLYPORT_NOW", START.saturating_add(seconds).to_string()).env("GIT_CONFIG_GLOBAL", "/dev/null");
    for (name, value) in [("NAME", "a"), ("EMAIL", "a@example.com")] {
        command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
    }
    let output = command.stdin(Stdio::null()).output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr)
            .unwrap()
            .split_inclusive('\n')
            .filter(|line| !line.starts_with("note: SALLYPORT_NOW is set"))
            .collect(),
    }
}

/// The digest of what the gateway is to have in force.
pub(crate) fn digest(sandbox: &Sandbox) -> String {
    status(sandbox, &[])["gateways"][0]["digest"].as_str().unwrap().to_owned()
}

/// A page of a pod that has been in shadow for a day; `more`: further lines.
pub(crate) fn page(sandbox: &Sandbox, more: &str) -> String {
    let digest = digest(sandbox);
    format!(
        "envoy_server_concurrency 2\nsallyport_config_loaded_at_seconds {}\nsallyport_workers_{digest} 3\n\
         sallyport_requests_allowed 1200\nsallyport_caller_{digest}_{ENCODED} 1200\n\
         envoy_cluster_upstream_rq{{cluster_name=\"outbound|443||httpbin.org\",response_code_class=\"2xx\"}} 1200\n{more}",
        START + 60
    )
}

/// The series of a page on which the region was entered three times.
pub(crate) fn entered(region: &str, digest: &str) -> String {
    format!(
        "sallyport_region_{digest}_{region}_allowed_refused_{ENCODED} 3\nsallyport_region_seen_{digest}_{region} {}\n",
        START + 7200
    )
}

/// The filter's example of a request of the region.
pub(crate) fn example(region: &str, path: &str) -> String {
    format!(
        "[2026-11-18 12:00:00.000][12][info][wasm] wasm log httpbin: {{\"sallyport\":\"candidate\",\"region\":\"{region}\",\
         \"inForce\":\"allowed:readers\",\"candidate\":\"not_allowed\",\"decides\":\"inForce\",\"caller\":\"{SLEEP}\",\
         \"method\":\"GET\",\"host\":\"httpbin.legacy.internal\",\"path\":\"{path}\",\"id\":\"3f2b\",\"headers\":{{}}}}\n"
    )
}

pub(crate) fn region(sandbox: &Sandbox) -> String {
    let ended = at(sandbox, LATER, &["plan", "--format", "json"]);
    let plan: Value = serde_json::from_str(&ended.stdout).unwrap();
    plan["waves"][0]["gateways"][0]["next"]["regions"][0]["id"].as_str().unwrap().to_owned()
}

pub(crate) fn status(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let ended = at(sandbox, LATER, &[&["status", "--format", "json"], arguments].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

const PAGE: [&str; 2] = ["--metrics", "httpbin/httpbin=page.txt"];

#[test]
fn a_day_without_an_entry_is_ready_and_its_evidence_is_in_the_commit() {
    let sandbox = sandbox();
    sandbox.write("page.txt", page(&sandbox, ""));
    let ended = at(&sandbox, LATER, &[&["status"][..], &PAGE].concat());
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    assert_data_eq!(
        ended.stdout,
        str![[r#"
httpbin/httpbin: shadow since 2026-11-18T11:06:40Z
  to be in force: [..]
  none of it was refused: 1200 requests in 24h59m
  errors: 0.00%
  narrowed [..]: not entered: promotes
    in force: allowed by `readers`
    candidate: refused: not_allowed
    could enter, and active: cluster.local/ns/httpbin/sa/sleep (1200)
  next: canary 5 %: ready

evidence from metrics pages, which have counts since the pods started
1 ready for the next step, 0 waiting, 0 blocked

"#]]
    );
    for arguments in [&["init", "--quiet"][..], &["add", "--all"], &["commit", "--quiet", "--message", "a"]] {
        let mut git = std::process::Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@example.com"]).args(arguments);
        assert!(git.current_dir(sandbox.path()).env("GIT_CONFIG_GLOBAL", "/dev/null").status().unwrap().success());
    }
    let ended = at(&sandbox, LATER, &[&["promote", "--commit"][..], &PAGE].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let log = std::process::Command::new("git").args(["log", "-1", "--format=%B"]).current_dir(sandbox.path()).output();
    let message = String::from_utf8(log.unwrap().stdout).unwrap();
    assert!(
        message.contains("  evidence: 1200 requests of 1 caller in 24h59m, 0.00% errors: none of it was refused\n")
    );
    assert!(message.contains(": not entered; 1 caller that could enter it was active\n"), "{message}");
    assert!(!message.contains("missing"), "{message}");
}

#[test]
fn an_entry_blocks_and_its_caller_gets_a_report() {
    let sandbox = sandbox();
    let (region, digest) = (region(&sandbox), digest(&sandbox));
    sandbox.write("page.txt", page(&sandbox, &entered(&region, &digest)));
    sandbox.write("gateway.log", example(&region, "/<b>`?token=") + "not a line\n{\"half\": \n");
    let all = [&PAGE[..], &["--log", "gateway.log"]].concat();
    let seen = status(&sandbox, &all);
    let gateway = &seen["gateways"][0];
    assert_eq!((&gateway["follows"], &gateway["seen"]["answer"]), (&"blocked".into(), &"someRefused".into()));
    let reason = format!("evidence: region {region}: 3 requests of {SLEEP} would be refused");
    assert_eq!(gateway["missing"], serde_json::json!([reason]));

    for (name, expected) in [
        ("refused.txt", "  request     GET '/<b>`?token=' --as httpbin/sleep\n"),
        (
            "refused.md",
            "- how often: `3 requests since 2026-11-18T11:06:40Z, first at 2026-11-18T12:00:00Z, last at 2026-11-18T13:06:40Z`",
        ),
        ("refused.json", "\"found\": \"no: the path is /%3Cb%3E%60\""),
        ("refused.html", "GET &#39;/&lt;b&gt;`?token=&#39; --as httpbin/sleep"),
    ] {
        let ended = at(&sandbox, LATER, &[&["status", "--quiet", "--report", name], &all[..]].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let report = sandbox.read(name);
        assert!(report.contains(expected), "{name}:\n{report}");
        assert!(report.contains("3f2b"), "{report}");
    }
    let page = sandbox.read("refused.html");
    assert!(page.contains("Content-Security-Policy\" content=\"default-src &#39;none&#39;; style-src &#39;sha256-"));
    assert!(!page.contains("<b>") && !page.contains("<script") && !page.contains("://"), "{page}");
    // A page for each caller.
    let ended = at(&sandbox, LATER, &[&["status", "--report", "refused"], &all[..]].concat());
    assert!(ended.stderr.contains("wrote pages about 1 caller into `refused`"), "{ended:?}");
    assert!(sandbox.read("refused/cluster.local_ns_httpbin_sa_sleep.html").contains(SLEEP));
    // Without a log, the request is supposed.
    at(&sandbox, LATER, &[&["status", "--report", "refused.txt"], &PAGE[..]].concat());
    assert!(sandbox.read("refused.txt").contains("  such as     GET / --as httpbin/sleep\n"));

    let ended = at(&sandbox, LATER, &[&["promote"], &PAGE[..]].concat());
    assert_eq!(ended.code, Some(8), "{ended:?}");
    assert!(ended.stderr.contains(&reason), "{ended:?}");
    let ended = at(&sandbox, LATER, &[&["status", "--fail-on", "blocked"], &PAGE[..]].concat());
    assert_eq!(ended.code, Some(8), "{ended:?}");
    // A reason is always possible.
    let ended = at(&sandbox, LATER, &[&["promote", "--without-evidence", "known"], &PAGE[..]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn an_access_log_is_evidence_too() {
    let sandbox = sandbox();
    let region = region(&sandbox);
    let line = |time: &str, region: &str, status: u32, host: &str| {
        format!(
            "{{\"time\":\"{time}\",\"decision\":\"allowed\",\"region\":{region},\"principal\":\"spiffe://{SLEEP}\",\"caller\":null,\
             \"status\":{status},\"method\":\"GET\",\"host\":\"{host}\",\"path\":\"/anything\"}}\n"
        )
    };
    let own = "httpbin.legacy.internal:443";
    let mut log = line("2026-11-18T11:00:00.000Z", &format!("\"{region}\""), 200, own);
    log += &line("2026-11-18T12:00:00.000Z", "null", 200, "other.internal");
    for hour in 12..23 {
        for _ in 0..100 {
            log += &line(&format!("2026-11-18T{hour}:00:00.000Z"), "null", 200, own);
        }
    }
    log += &line("2026-11-19T12:05:00.000Z", "null", 503, own);
    sandbox.write("access.log", &log);
    // A gateway without the candidate would log the same.
    let seen = status(&sandbox, &["--log", "access.log"]);
    let gateway = &seen["gateways"][0];
    assert_eq!((&gateway["seen"]["answer"], &gateway["follows"]), (&"noData".into(), &"waiting".into()));
    assert!(gateway["missing"].to_string().contains("does not show what the gateway has in force"), "{gateway:#}");
    let of = |digest: &str| {
        format!(
            "[2026-11-18 11:59:59.000][1][info][wasm] wasm log httpbin: policy for httpbin/httpbin: 3 rules, shadow, in force as {digest}\n"
        )
    };
    // Nor does one that has something else in force.
    sandbox.write("access.log", log.clone() + &of("0123456789abcdef"));
    assert_eq!(status(&sandbox, &["--log", "access.log"])["gateways"][0]["seen"]["answer"], "noData");
    log += &of(&digest(&sandbox));
    sandbox.write("access.log", &log);
    let seen = status(&sandbox, &["--log", "access.log"]);
    assert_eq!(seen["source"], "logs");
    let gateway = &seen["gateways"][0];
    assert_eq!((&gateway["follows"], &gateway["seen"]["requests"]), (&"ready".into(), &1101.into()), "{gateway:#}");
    log += &line("2026-11-19T12:06:00.000Z", &format!("\"{region}\""), 200, own);
    sandbox.write("access.log", &log);
    let seen = status(&sandbox, &["--log", "access.log"]);
    assert_eq!(seen["gateways"][0]["follows"], "blocked", "{seen:#}");
    assert_eq!(seen["gateways"][0]["seen"]["regions"][0]["lastSeen"], "2026-11-19T12:06:00Z");
}

#[test]
fn three_answers_are_different() {
    let sandbox = sandbox();
    let quiet = page(&sandbox, "").replace(" 1200\n", " 0\n");
    let other = "0123456789abcdef".to_owned();
    let of_before = page(&sandbox, "").replace(&format!("_{ENCODED} 1200\n"), "_0 0\n");
    for (text, answer, says) in [
        ("other 1\n".to_owned(), "noData", "no data: there are no series of this gateway"),
        (quiet, "noTraffic", "no traffic: there was no request"),
        (of_before, "noData", "no data: the gateway counts nothing for a candidate"),
        // What was counted under another configuration is no evidence of this one.
        (
            page(&sandbox, "").replace(&digest(&sandbox), &other),
            "noData",
            "0 of 3 threads have what `sallyport build` writes",
        ),
        (page(&sandbox, "").replace("1200", "90"), "noneRefused", "90 of 1000 requests"),
    ] {
        sandbox.write("page.txt", text);
        let seen = status(&sandbox, &PAGE);
        let gateway = &seen["gateways"][0];
        assert_eq!((&gateway["seen"]["answer"], &gateway["follows"]), (&answer.into(), &"waiting".into()));
        let missing = gateway["missing"].to_string();
        assert!(missing.contains(says), "{says}: {missing}");
    }
}

#[test]
fn a_report_without_data_is_none() {
    let sandbox = sandbox();
    for (text, answer) in
        [("other 1\n".to_owned(), "no data"), (page(&sandbox, "").replace(" 1200\n", " 0\n"), "no traffic")]
    {
        sandbox.write("page.txt", text);
        let ended = at(&sandbox, LATER, &[&["status", "--report", "refused.txt"][..], &PAGE].concat());
        assert_eq!(ended.code, Some(8), "{ended:?}");
        let says = format!("no report is written: of `httpbin/httpbin` there is {answer}");
        assert!(ended.stderr.contains(&says) && !sandbox.path().join("refused.txt").exists(), "{ended:?}");
    }
}

#[test]
fn a_page_that_cannot_be_believed_is_no_evidence() {
    let sandbox = sandbox();
    let (region, digest) = (region(&sandbox), digest(&sandbox));
    let whole = page(&sandbox, "");
    let without = |name: &str| -> String {
        whole.lines().filter(|line| !line.starts_with(name)).map(|line| format!("{line}\n")).collect()
    };
    for (text, says) in [
        (
            whole.clone() + &format!("sallyport_caller_{digest}_a +Inf\n"),
            "sallyport_caller_total is inf, which is no count",
        ),
        (
            whole.clone() + &format!("sallyport_region_{digest}_{region}_allowed_refused_a NaN\n"),
            "sallyport_region_total is NaN",
        ),
        (whole.clone() + "sallyport_requests_denied -1\n", "sallyport_requests_total is -1, which is no count"),
        (whole.clone() + &format!("sallyport_caller_{digest}_a_zz 3\n"), "the caller `a_zz` of a count cannot be read"),
        (without("envoy_server_concurrency"), "does not say how many workers it has"),
        (without("sallyport_config_loaded_at"), "page.txt has no `sallyport_config_loaded_at_seconds`"),
        (without("envoy_cluster"), "errors are not known"),
        (whole.replace("_seconds 17950", "_seconds 17970"), "a clock is wrong: by page.txt a policy was loaded at"),
    ] {
        sandbox.write("page.txt", text);
        let seen = status(&sandbox, &PAGE);
        let gateway = &seen["gateways"][0];
        assert_eq!(gateway["follows"], "waiting", "{says}");
        let missing = gateway["missing"].to_string();
        assert!(missing.contains(says), "{says}: {missing}");
    }
}

#[test]
fn what_is_not_known_is_said() {
    let sandbox = sandbox();
    sandbox.write("page.txt", page(&sandbox, ""));
    sandbox.write("half.txt", "sallyport_caller");
    let ended = at(&sandbox, LATER, &["status"]);
    assert_eq!(ended.code, Some(0));
    assert!(ended.stderr.contains("nothing was read of what gateways did: give --prometheus URL"), "{ended:?}");
    // An address that refuses connections.
    let closed = "http://127.0.0.1:1";
    for (arguments, code, message) in [
        (&["status", "--report", "a.html"][..], 64, "`--report` needs evidence"),
        (&["status", "--report", "a.pdf", "--log", "page.txt"], 64, "a report is a file .html, .md, .json or .txt"),
        (&["status", "--metrics", "httpbin/httpbni=page.txt"], 64, "did you mean `httpbin/httpbin`?"),
        (&["status", "--metrics", "httpbin/httpbin=half.txt"], 3, "`half.txt` is no metrics page"),
        (&["status", "--log", "nowhere"], 3, "cannot read `nowhere`"),
        (&["status", "--log", "."], 3, "cannot read `.`"),
        (&["status", "--prometheus", closed], 3, "the Prometheus `http://127.0.0.1:1` cannot be reached"),
        (&["promote", "--prometheus", closed], 3, "the Prometheus `http://127.0.0.1:1` cannot be reached"),
        (&["status", "other"], 64, "there is no gateway `other`"),
        (&["status", "--prometheus", closed, "--metrics", "httpbin/httpbin=page.txt"], 64, "cannot be used with"),
        (&["status", "--fail-on", "missing"], 8, ""),
    ] {
        let ended = at(&sandbox, LATER, arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(message), "{arguments:?}: {ended:?}");
    }
    // Rules that were edited, and a candidate that is gone.
    sandbox.write("httpbin.candidate.yaml", CANDIDATE.replace("/get", "/put"));
    let ended = at(&sandbox, LATER, &[&["status"][..], &PAGE].concat());
    assert!(ended.stdout.contains("httpbin/httpbin: changed\n  note: it was at `shadow` since"), "{ended:?}");
    std::fs::remove_file(sandbox.path().join("httpbin.candidate.yaml")).unwrap();
    let ended = at(&sandbox, LATER, &[&["status"][..], &PAGE].concat());
    assert!(ended.stdout.contains("  note: its Candidate file is gone: restore it"), "{ended:?}");
    sandbox.write("httpbin.candidate.yaml", CANDIDATE);
    // Of a candidate that no gateway has there is nothing to see.
    let ended = at(&sandbox, LATER, &["rollback"]);
    assert_eq!(ended.code, Some(0));
    let ended = at(&sandbox, LATER, &[&["status"][..], &PAGE].concat());
    assert!(ended.stdout.contains("httpbin/httpbin: proposed\n  next: shadow: ready\n"), "{ended:?}");
}

#[test]
fn a_wrong_clock_and_counts_of_before_are_said() {
    let sandbox = sandbox();
    sandbox.write("page.txt", page(&sandbox, ""));
    let ended = at(&sandbox, -7200, &[&["status"][..], &PAGE].concat());
    assert!(
        ended.stdout.contains("evidence: a clock is wrong: it is at `shadow` since 2026-11-18T11:06:40Z"),
        "{ended:?}"
    );
    let old = page(&sandbox, "").replace(&(START + 60).to_string(), "1700000000");
    sandbox.write("page.txt", old);
    let ended = at(&sandbox, LATER, &[&["status"][..], &PAGE].concat());
    let says = "the page counts since 2023-11-14T22:13:20Z, before this stage began";
    assert!(ended.stdout.contains(says) && ended.stdout.contains("next: canary 5 %: waiting"), "{ended:?}");
}

#[test]
fn the_gates_are_files_of_other_controllers() {
    let sandbox = sandbox();
    let ended = at(&sandbox, LATER, &["plan", "--quiet", "--emit", "gates", "--format", "json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let argo = sandbox.read("gates/httpbin-httpbin/argo-rollouts.yaml");
    assert!(argo.contains("kind: AnalysisTemplate\nmetadata:\n  name: sallyport-httpbin-httpbin\n"), "{argo}");
    assert!(argo.contains("successCondition: \"len(result) > 0 && result[0] >= 1000\""), "{argo}");
    assert!(argo.contains("[{{args.window}}]"), "{argo}");
    let flagger = sandbox.read("gates/httpbin-httpbin/flagger-metric-templates.yaml");
    assert!(flagger.contains("kind: MetricTemplate\n") && flagger.contains("[{{ interval }}]"), "{flagger}");
    assert!(sandbox.read("gates/httpbin-httpbin/flagger-analysis.yaml").contains("thresholdRange:\n    min: 1000"));
    assert!(sandbox.read("gates/httpbin-httpbin/kargo-verification.yaml").contains("analysisTemplates:\n"));
    // Once more they are replaced.
    assert_eq!(at(&sandbox, LATER, &["plan", "--quiet", "--emit", "gates"]).code, Some(0));
    // Without a candidate there is none.
    std::fs::remove_file(sandbox.path().join("httpbin.candidate.yaml")).unwrap();
    at(&sandbox, LATER, &["rollback"]);
    let ended = at(&sandbox, LATER, &["plan", "--emit", "none"]);
    assert!(ended.stderr.contains("no gateway has a candidate, so there are no gates to write"), "{ended:?}");
    // Those of before go, and what is somebody else's stays.
    sandbox.write("gates/httpbin-httpbin/kargo-verification.yaml", "mine: true\n");
    let ended = at(&sandbox, LATER, &["plan", "--emit", "gates"]);
    assert!(
        ended.stderr.contains("removed gates/httpbin-httpbin/argo-rollouts.yaml: its candidate is gone\n"),
        "{ended:?}"
    );
    let left = std::fs::read_dir(sandbox.path().join("gates/httpbin-httpbin")).unwrap().count();
    assert!(left == 1 && !ended.stderr.contains("kargo"), "{ended:?}");
    // Nothing is known of no candidate.
    sandbox.write("empty.log", "");
    let ended = at(&sandbox, LATER, &["status", "--log", "empty.log", "--report", "report.md"]);
    assert!(
        ended.code == Some(8) && ended.stderr.contains("no report is written: no gateway has a candidate in the lock"),
        "{ended:?}"
    );
    assert!(!sandbox.path().join("report.md").exists());
}
