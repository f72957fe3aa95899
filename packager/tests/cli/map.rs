//! `sallyport map`

use serde_json::Value;
use snapbox::{assert_data_eq, str};

use crate::rollout;
use crate::sandbox::{GOOD, Sandbox, bad};

const PAGE: &str = "sallyport_requests_allowed 12\nsallyport_requests_denied 3\nsallyport_rule_readers_allowed 12\n\
                    sallyport_config_loaded_at_seconds 1\nsallyport_caller_0123456789abcdef_cluster_2elocal_2fns_2fhttpbin_2fsa_2fsleep 9\n";

fn sandbox() -> Sandbox {
    Sandbox::with(&[("egress.yaml", GOOD), ("page.txt", PAGE)])
}

#[test]
fn a_diagram_for_a_readme() {
    let ended = sandbox().run(&["map", "--format", "mermaid"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    assert_data_eq!(
        ended.stdout,
        str![[r#"
flowchart LR
  c0(["httpbin/sleep"])
  g0["httpbin/httpbin"]
  u0[("httpbin.org:443")]
  c0 --> g0
  g0 --> u0

"#]]
    );
}

#[test]
fn a_count_that_is_none_is_said() {
    let sandbox = sandbox();
    sandbox.write("page.txt", PAGE.replace("allowed 12\nsallyport_requests", "allowed +Inf\nsallyport_requests"));
    let ended = sandbox.run(&["map", "egress.yaml", "--format", "json", "--metrics", "httpbin/httpbin=page.txt"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let says = "some of the data is missing: sallyport_requests_total is inf, which is no count";
    assert!(ended.stderr.contains(says), "{ended:?}");
}

#[test]
fn a_page_in_a_file() {
    let sandbox = sandbox();
    let ended = sandbox.run(&["map", "egress.yaml", "-o", "map.html"]);
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), "", ""));
    let page = sandbox.read("map.html");
    assert!(page.starts_with("<!doctype html>") && page.contains("httpbin.legacy.internal"));
    let ended = sandbox.run(&["map", "egress.yaml", "-o", "egress.yaml"]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.contains("the report would overwrite `egress.yaml`, one of its inputs"), "{}", ended.stderr);
}

#[test]
fn a_metrics_page_beside_the_files() {
    let ended = sandbox().run(&["map", "--format", "json", "--metrics", "httpbin/httpbin=page.txt"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    let map: Value = serde_json::from_str(&ended.stdout).unwrap();
    let observed =
        serde_json::json!({"health": "no gate", "pods": 1, "allowed": 12, "refused": {"denied": 3}, "diverted": 0});
    assert_eq!(map["gateways"][0]["observed"], observed);
    assert_eq!((&map["grants"][0]["calls"], &map["grants"][0]["callerCalls"]), (&12.into(), &9.into()));
    let picture = sandbox().run(&["map", "--format", "svg", "--metrics", "httpbin/httpbin=page.txt"]).stdout;
    assert!(picture.contains("httpbin.legacy.internal; enforce; 12 requests allowed, 3 refused"), "{picture}");
}

#[test]
fn what_cannot_be_drawn_is_said() {
    let mesh = "apiVersion: sallyport.dev/v1alpha1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {}\n";
    let wrong = bad();
    let sandbox = Sandbox::with(&[
        ("egress.yaml", GOOD),
        ("bad.yaml", &wrong),
        ("mesh.yaml", mesh),
        ("half.txt", "sallyport_requests_allowed 1\nsallyport_requests"),
        ("page.html", "<html>\n"),
        ("empty", "\n"),
        ("token", "secret\n"),
    ]);
    for (arguments, code, message) in [
        (&["mesh.yaml"][..], 3, "there is nothing to draw: no Egress was given"),
        (&["bad.yaml"], 1, "error["),
        (&["nowhere"], 3, "cannot read `nowhere`"),
        (&["egress.yaml", "--window", "1"], 64, "write a number and a unit: 30m, 1h, 7d"),
        (&["egress.yaml", "--window", "0h"], 64, "write a number and a unit: 30m, 1h, 7d"),
        (&["egress.yaml", "--window", "1h]) or vector(1"], 64, "write a number and a unit: 30m, 1h, 7d"),
        (&["egress.yaml", "--prometheus", "localhost:9090"], 64, "it does not begin with `http://` or `https://`"),
        (&["egress.yaml", "--prometheus-token-file", "token"], 64, "--prometheus <URL>"),
        (
            &["egress.yaml", "--prometheus", "http://127.0.0.1:1", "--prometheus-token-file", "empty"],
            3,
            "`empty` has no bearer token: it must hold one line of visible ASCII characters",
        ),
        (
            &["egress.yaml", "--prometheus", "http://127.0.0.1:1", "--prometheus-token-file", "none"],
            3,
            "cannot read `none`: no such file or directory",
        ),
        (
            &["egress.yaml", "--prometheus", "http://me:word@127.0.0.1:1", "--prometheus-token-file", "token"],
            64,
            "`--prometheus` has a user, and `--prometheus-token-file` a token",
        ),
        (
            &["egress.yaml", "--prometheus", "http://me:word@127.0.0.1:1"],
            3,
            "the Prometheus `http://127.0.0.1:1` cannot be reached: connection refused",
        ),
        (&["egress.yaml", "--metrics", "x/y=half.txt"], 64, "`--metrics`: no file has a gateway `x/y`"),
        (&["egress.yaml", "--metrics", "httpbin/htpbin=half.txt"], 64, "did you mean `httpbin/httpbin`?"),
        (&["egress.yaml", "--metrics", "page.txt"], 64, "write NAMESPACE/NAME=FILE or NAMESPACE/NAME=URL"),
        (
            &["egress.yaml", "--metrics", "httpbin/httpbin=none.txt"],
            3,
            "cannot read `none.txt`: no such file or directory",
        ),
        (
            &["egress.yaml", "--metrics", "httpbin/httpbin=half.txt"],
            3,
            "`half.txt` is no metrics page: its last line is cut off",
        ),
        (
            &["egress.yaml", "--metrics", "httpbin/httpbin=page.html"],
            3,
            "`page.html` is no metrics page: line 1 is not `NAME{LABELS} VALUE`",
        ),
        (
            &["egress.yaml", "--metrics", "httpbin/httpbin=http://127.0.0.1:1"],
            3,
            "`http://127.0.0.1:1` cannot be reached: connection refused",
        ),
        (&["egress.yaml", "--metrics", "httpbin/httpbin=http://"], 3, "`http://` is no metrics page: it is not a URL"),
    ] {
        let ended = sandbox.run(&[&["map"], arguments].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(message), "{arguments:?}: {}", ended.stderr);
        assert!(!ended.stderr.contains("word"), "{arguments:?}: {}", ended.stderr);
    }
}

/// Every key that the program writes, but for those that are reasons.
fn keys(value: &Value, found: &mut std::collections::BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                found.insert(key.clone());
                if key != "refused" {
                    keys(value, found);
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

#[test]
fn the_manual_names_every_key() {
    let sandbox = sandbox();
    let rules = "    - {id: no-admin, action: DENY, to: [{operation: {paths: [/admin]}}]}\n";
    sandbox.write("egress.yaml", format!("{GOOD}{rules}"));
    sandbox.write(
        "httpbin.candidate.yaml",
        "apiVersion: sallyport.dev/v1alpha1\nkind: Candidate\nmetadata: {name: httpbin, namespace: httpbin}\n\
         spec: {remove: [no-admin]}\n",
    );
    let ended = sandbox.run(&["map", "--format", "json", "--metrics", "httpbin/httpbin=page.txt"]);
    let map: Value = serde_json::from_str(&ended.stdout).unwrap();
    let mut found = std::collections::BTreeSet::new();
    keys(&map, &mut found);
    assert!(found.len() > 35, "{found:?}");
    let manual = include_str!("../../../docs/map.md");
    let missing: Vec<_> = found.iter().filter(|key| !manual.contains(&format!("`{key}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// A terminal that `script` makes.
#[cfg(target_os = "linux")]
#[test]
fn a_page_is_not_written_to_a_terminal() {
    let sandbox = sandbox();
    let on_terminal = |arguments: &str| {
        let command = format!("{} map {arguments}", env!("CARGO_BIN_EXE_sallyport"));
        let mut script = std::process::Command::new("script");
        script.args(["--quiet", "--return", "--command", &command, "/dev/null"]).current_dir(sandbox.path());
        let output = script.stdin(std::process::Stdio::null()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, text) = on_terminal("egress.yaml");
    assert!(code == Some(64) && text.contains("`-o map.html`") && !text.contains("<html"), "{code:?}: {text}");
    let (code, text) = on_terminal("egress.yaml -o map.html");
    assert!(code == Some(0) && sandbox.read("map.html").contains("<html"), "{code:?}: {text}");
    let (code, text) = on_terminal("egress.yaml --format mermaid");
    assert!(code == Some(0) && text.contains("flowchart"), "{code:?}: {text}");
}

/// How far a candidate has come is what the lock of that revision says.
#[test]
fn a_revision_has_its_own_lock() {
    let sandbox = rollout::sandbox();
    rollout::repository(&sandbox);
    let stage = |path: &str| -> Value {
        let ended = sandbox.run(&["map", path, "--format", "json"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let map: Value = serde_json::from_str(&ended.stdout).unwrap();
        map["gateways"][0]["candidate"]["stage"].clone()
    };
    rollout::run(&sandbox, &["promote", "--commit"]);
    rollout::run(&sandbox, &[&["promote", "--to", "enforce"], &rollout::WITHOUT[..]].concat());
    for (path, expected) in [(".", "enforce"), ("HEAD:", "shadow"), ("HEAD:./", "shadow"), ("HEAD^:", "proposed")] {
        assert_eq!(stage(path), expected, "{path}");
    }
    sandbox.write("sallyport.lock", "<<<<<<< HEAD");
    assert_eq!(stage("HEAD:"), "shadow");
    rollout::git(&sandbox, &["commit", "--quiet", "--all", "--message=a"]);
    let ended = sandbox.run(&["map", "HEAD:", "--format", "json"]);
    assert!(ended.code == Some(1) && ended.stderr.contains("`HEAD:sallyport.lock`"), "{ended:?}");
}
