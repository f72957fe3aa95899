//! `sallyport diff`

mod hostile;
mod revisions;

use std::path::Path;

use self::revisions::repository;
use serde_json::Value;
use snapbox::{assert_data_eq, file, str};

use crate::sandbox::{Ended, GOOD, Sandbox, bad};

/// With a rule for each part of a request that a witness can need.
const OLD: &str = "\
apiVersion: sallyport.dev/v1alpha1
kind: Egress
metadata: {name: orders, namespace: shop}
spec:
  host: orders.legacy.internal
  upstream: {host: orders.example.com, port: 443}
  authz:
    rules:
    - id: no-export
      action: DENY
      from: [{source: {notServiceAccounts: [billing/export]}}]
      to: [{operation: {paths: [\"/orders/export/{**}\"]}}]
    - id: readers
      action: ALLOW
      from: [{source: {namespaces: [shop]}}]
      to: [{operation: {methods: [GET], paths: [\"/orders/{**}\"]}}]
    - id: checkout
      action: ALLOW
      from: [{source: {serviceAccounts: [shop/checkout]}}]
      to: [{operation: {methods: [POST], paths: [/orders]}}]
";

const FORMATS: [&str; 4] = ["human", "json", "markdown", "sarif"];

/// Another method, a header, a token and an address; a rule that is gone; a field.
fn new() -> String {
    let (kept, _) = OLD.split_once("    - id: checkout").unwrap();
    let kept = kept.replace("[GET]", "[GET, DELETE]").replace("  upstream", "  gateway: {replicas: 3}\n  upstream");
    kept + "    - id: traced
      action: ALLOW
      to: [{operation: {paths: [/trace]}}]
      when: [{key: \"request.headers[x-trace]\", values: [\"on\"]}]
    - id: staff
      action: ALLOW
      to: [{operation: {paths: [/staff]}}]
      when: [{key: \"request.auth.claims[role]\", values: [admin]}]
    - id: office
      action: ALLOW
      from: [{source: {ipBlocks: [10.1.2.0/24]}}]
      to: [{operation: {paths: [/office]}}]
"
}

fn sandbox() -> Sandbox {
    Sandbox::with(&[("old.yaml", OLD), ("new.yaml", &new())])
}

fn diff(sandbox: &Sandbox, arguments: &[&str]) -> Ended {
    sandbox.run(&[&["diff"], arguments].concat())
}

fn json(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let ended = diff(sandbox, &[arguments, &["--format=json"]].concat());
    assert_eq!(ended.stderr, "");
    serde_json::from_str(&ended.stdout).unwrap()
}

#[test]
fn a_change_looks_like_this() {
    let sandbox = sandbox();
    for (format, golden) in [("human", file!["golden/diff.txt"]), ("markdown", file!["golden/diff.md"])] {
        let ended = diff(&sandbox, &["old.yaml", "new.yaml", "--format", format]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), ""));
        assert_data_eq!(ended.stdout, golden.raw());
    }
    let back = diff(&sandbox, &["new.yaml", "old.yaml"]);
    assert!(
        back.stdout.contains("  refused now\n")
            && back.stdout.contains("    spec.gateway.replicas: was `3`, is not set\n")
    );
}

/// What explains an example comes to the same verdict by the same rule.
#[test]
fn each_example_can_be_pasted() {
    let sandbox = Sandbox::with(&[("c/egress.yaml", OLD), ("d/egress.yaml", &new())]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for name in ["httpbin", "ledger", "mainframe", "partner"] {
        let file = std::fs::read_to_string(root.join(format!("deploy/examples/{name}/egress.yaml"))).unwrap();
        sandbox.write(format!("a/{name}/egress.yaml"), &file);
        // Without what the first rules ask of the caller and of the request.
        let wider = file.replacen("serviceAccounts: [", "notServiceAccounts: [", 1).replacen(
            "methods: [GET",
            "methods: [PATCH",
            1,
        );
        sandbox.write(format!("b/{name}/egress.yaml"), wider);
    }
    let mut count = 0;
    let mut pasted = |example: &Value, verdict: &Value, rule: &Value| {
        let command = example["explain"].as_str().unwrap();
        let command = command.replacen("sallyport", env!("CARGO_BIN_EXE_sallyport"), 1);
        let mut shell = std::process::Command::new("sh");
        let output =
            shell.args(["-c", &format!("{command} --format json")]).current_dir(sandbox.path()).output().unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
        let explained: Value = serde_json::from_slice(&output.stdout).unwrap();
        let decision = &explained["decision"];
        let said = verdict.as_str().unwrap().to_uppercase();
        assert_eq!((&decision["verdict"], &decision["rule"]), (&Value::String(said), rule), "{command}");
        count += 1;
    };
    for sides in [["c", "d"], ["d", "c"], ["a", "b"], ["b", "a"]] {
        for gateway in json(&sandbox, &sides)["gateways"].as_array().unwrap() {
            let regions = gateway["regions"].as_array().unwrap();
            for region in regions.iter().filter(|region| region["view"] == "inForce") {
                pasted(&region["witness"], &region["new"]["verdict"], &region["new"]["rule"]);
            }
        }
    }
    let questions = [&["--format=json"][..], &["--format=json", "--method=GET"]];
    for (side, question) in ["a", "b", "c", "d"].into_iter().flat_map(|side| questions.map(|question| (side, question)))
    {
        let asked = sandbox.run(&[&["query", side], question].concat());
        let answers: Value = serde_json::from_str(&asked.stdout).unwrap();
        for policy in answers["policies"].as_array().unwrap() {
            for grant in policy["grants"].as_array().unwrap() {
                let decides = if grant["alsoBy"].is_null() { &grant["rule"] } else { &grant["alsoBy"]["rule"] };
                pasted(&grant["witness"], &Value::String("allow".to_owned()), decides);
            }
        }
    }
    assert!(count > 60, "{count}");
}

/// The exit code says it, and a report that is asked for is written.
#[test]
fn quiet_means_the_exit_code_alone() {
    let sandbox = sandbox();
    for (new, code) in [("old.yaml", 0), ("new.yaml", 2)] {
        for quiet in ["-q", "--quiet"] {
            let ended = diff(&sandbox, &["old.yaml", new, quiet]);
            assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(code), "", ""));
        }
        assert!(diff(&sandbox, &["old.yaml", new, "-q", "--format=json"]).stdout.starts_with('{'));
        assert_eq!(diff(&sandbox, &["old.yaml", new, "-q", "--output=report"]).stdout, "");
        assert_eq!(sandbox.read("report"), diff(&sandbox, &["old.yaml", new]).stdout);
    }
    assert!(diff(&sandbox, &["old.yaml", "gone.yaml", "-q"]).stderr.starts_with("error[SP9001]"));
}

/// Half a megabyte of differences, of which those that allow more come first.
#[test]
fn a_comment_has_a_largest_size() {
    let rule = |at: usize, method: &str| {
        format!(
            "    - id: rule-{at}\n      action: ALLOW\n      from: [{{source: {{serviceAccounts: [shop/a{at}]}}}}]\n      \
             to: [{{operation: {{methods: [{method}], paths: [/p{at}/{}]}}}}]\n",
            "x".repeat(1_000)
        )
    };
    let rules = |methods: [&str; 2]| (0..120).map(|at| rule(at, methods[at % 2])).collect::<String>();
    let (head, _) = OLD.split_once("    - id: no-export").unwrap();
    let sandbox = Sandbox::with(&[
        ("old 1.yaml", &format!("{head}{}", rules(["GET", "PUT"]))),
        (
            "new.yaml",
            &format!("{head}{}", rules(["GET, POST", "DELETE"]))
                .replace("  upstream", "  gateway: {replicas: 3}\n  upstream"),
        ),
    ]);
    let human = diff(&sandbox, &["old 1.yaml", "new.yaml"]);
    let summary = human.stdout.lines().last().unwrap();
    assert_eq!(summary, "120 widened, 60 narrowed, 1 other field, 2 manifests");
    let ended = diff(&sandbox, &["old 1.yaml", "new.yaml", "--format=markdown"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), ""));
    let text = &ended.stdout;
    assert!(text.len() < 65_536 && text.len() > 50_000, "{}", text.len());
    let rows = text.lines().filter(|line| line.starts_with("| from")).collect::<Vec<_>>();
    assert!(rows.iter().all(|row| row.contains(" refused: not_allowed | allowed by ") && row.ends_with(" |")));
    let said = format!(
        "\n> Not shown, because a comment has a largest size: {} sets of requests, 1 other field, 2 lines of manifests.\n\
         > They are in the output of `sallyport diff 'old 1.yaml' new.yaml`.\n\n#### `shop/orders`\n\n**allowed now**\n",
        180 - rows.len()
    );
    let (heading, rest) = text.split_at(text.find('\n').unwrap() + 1);
    assert_eq!(heading, format!("### What this change means: {summary}\n"));
    assert!(rest.starts_with(&said), "{rest}");
    assert!(!text.contains("refused now") && !text.contains("Manifests"));
}

#[test]
fn nothing_differs_from_itself() {
    let sandbox = sandbox();
    for (format, beginning) in
        [("human", "no difference\n"), ("markdown", "### What this change means: no difference\n")]
    {
        let ended = diff(&sandbox, &["new.yaml", "new.yaml", "--format", format]);
        assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), beginning, ""));
    }
    assert!(json(&sandbox, &["new.yaml", "./new.yaml"])["objects"].as_array().unwrap().is_empty());
}

/// The documentation of the schema has every field, and no other.
#[test]
fn the_json_has_the_documented_fields() {
    let source = include_str!("../../src/compare/render/json.rs");
    let (_, rest) = source.split_once("//! ```json\n").unwrap();
    let (documented, _) = rest.split_once("//! ```\n").unwrap();
    let documented: Value = serde_json::from_str(&documented.replace("//! ", "")).unwrap();
    let mesh = "apiVersion: sallyport.dev/v1alpha1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {accessLog: json}\n";
    let sandbox = Sandbox::with(&[("a/egress.yaml", OLD), ("b/egress.yaml", &new()), ("b/mesh.yaml", mesh)]);
    let printed = json(&sandbox, &["a", "b"]);
    same_fields(&documented, &printed, "");
    assert_eq!(printed["mesh"][0]["path"], "spec.accessLog");
}

fn same_fields(documented: &Value, printed: &Value, place: &str) {
    match (documented, printed) {
        (Value::Object(documented), Value::Object(printed)) => {
            let names = |object: &serde_json::Map<String, Value>| object.keys().cloned().collect::<Vec<_>>();
            // A rule is in the words of the Egress file, claims and metadata in those of others.
            if !place.ends_with(".rule") && !place.ends_with(".token") && !place.ends_with(".metadata") {
                assert_eq!(names(documented), names(printed), "{place}");
                documented
                    .iter()
                    .for_each(|(name, value)| same_fields(value, &printed[name], &format!("{place}.{name}")));
            }
        }
        (Value::Array(documented), Value::Array(printed)) => {
            for printed in printed {
                documented.iter().for_each(|documented| same_fields(documented, printed, place));
            }
        }
        (Value::Null, _) | (_, Value::Null) => {}
        _ => assert_eq!(std::mem::discriminant(documented), std::mem::discriminant(printed), "{place}"),
    }
}

/// What SARIF 2.1.0 demands of the parts that are written, and code scanning.
#[test]
fn the_sarif_names_each_rule_in_its_file() {
    let sandbox = repository();
    let ended = diff(&sandbox, &["main:deploy/", "deploy", "--format=sarif"]);
    let log: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules: Vec<_> = run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|rule| &rule["id"]).collect();
    let results = run["results"].as_array().unwrap();
    let summary = json(&sandbox, &["main:deploy/", "deploy"])["summary"].clone();
    let regions = summary.as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum::<u64>();
    assert!(regions > 4 && results.len() as u64 == regions);
    for result in results {
        assert!(rules.contains(&&result["ruleId"]), "{result}");
        assert!(matches!(result["level"].as_str(), Some("warning" | "note")));
        assert!(result["message"]["text"].as_str().is_some_and(|text| text.starts_with("shop/orders: ")));
        let location = &result["locations"][0]["physicalLocation"];
        assert_eq!(location["artifactLocation"]["uri"], "deploy/x/egress.yaml");
        assert!(location["region"]["startLine"].as_u64().is_some_and(|line| line > 8));
        assert_eq!(result["partialFingerprints"]["sallyportRegion/v1"].as_str().unwrap().len(), 12);
    }
}

#[test]
fn the_exit_code_is_the_same_in_every_format() {
    let sandbox = sandbox();
    sandbox.write("wider.yaml", OLD.replace("[GET]", "[GET, PUT]"));
    sandbox.write("field.yaml", OLD.replace("  upstream", "  gateway: {replicas: 3}\n  upstream"));
    let tokens = "  authn: {jwt: [{issuer: https://a.example, jwksUri: https://a.example/keys}]}\n  authz";
    sandbox.write("tokens.yaml", OLD.replace("  authz", tokens));
    for (old, new, widened, narrowed, any) in [
        ("old.yaml", "old.yaml", 0, 0, 0),
        ("old.yaml", "new.yaml", 2, 2, 2),
        ("old.yaml", "wider.yaml", 2, 0, 2),
        ("wider.yaml", "old.yaml", 0, 2, 2),
        ("old.yaml", "field.yaml", 0, 0, 2),
        // No rule says which tokens count.
        ("old.yaml", "tokens.yaml", 2, 2, 2),
    ] {
        for format in FORMATS {
            for (what, code) in [("widened", widened), ("narrowed", narrowed), ("any", any)] {
                let arguments = [old, new, "--format", format, "--fail-on", what];
                let ended = diff(&sandbox, &arguments);
                assert_eq!((ended.code, ended.stderr.as_str()), (Some(code), ""), "{arguments:?}");
                let written = diff(&sandbox, &[&arguments[..], &["--output=report"]].concat());
                assert_eq!((written.code, written.stdout.as_str()), (Some(code), ""), "{arguments:?}");
                assert_eq!(sandbox.read("report"), ended.stdout);
            }
        }
    }
    assert_eq!(diff(&sandbox, &["old.yaml", "new.yaml", "old.yaml"]).code, Some(64));
    assert_eq!(diff(&sandbox, &["old.yaml", "new.yaml", "--fail-on=wider"]).code, Some(64));
}

#[test]
fn a_gateway_may_be_new_or_gone() {
    let sandbox = Sandbox::with(&[("a/egress.yaml", OLD), ("b/egress.yaml", OLD), ("b/other.egress.yaml", GOOD)]);
    let added = diff(&sandbox, &["a", "b"]);
    assert_data_eq!(&added.stdout, file!["golden/diff-added.txt"].raw());
    assert_data_eq!(diff(&sandbox, &["b", "a"]).stdout, file!["golden/diff-removed.txt"].raw());
    assert_eq!(diff(&sandbox, &["b", "a", "--fail-on=widened"]).code, Some(0));
    // In shadow mode everything is allowed, and it is not compared with a gateway that does the same.
    sandbox.write("b/other.egress.yaml", GOOD.replace("  authz", "  rollout: {stage: shadow}\n  authz"));
    assert_eq!(diff(&sandbox, &["a", "b", "--fail-on=widened"]).code, Some(2));
}

#[test]
fn everything_else_is_said_with_its_effect() {
    let mesh = "apiVersion: sallyport.dev/v1alpha1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {accessLog: json}\n";
    let sandbox = Sandbox::with(&[("a/egress.yaml", OLD), ("b/egress.yaml", OLD), ("b/mesh.yaml", mesh)]);
    assert_data_eq!(
        diff(&sandbox, &["a", "b"]).stdout,
        str![[r#"
the Mesh file
  spec.accessLog: was not set, is `json`

manifests
  changed in istio-system: in effect after the next `istioctl install`
    IstioOperator sallyport-mesh
  changed in shop: taken live
    Telemetry orders-egress
  changed in shop: the filter takes the new configuration; connections stay open
    TrafficExtension orders-egress

no rule decides differently; 1 other field, 3 manifests

"#]]
    );
    let patch =
        "  patches: [{kind: Deployment, merge: {spec: {template: {metadata: {labels: {team: shop}}}}}}]\n  upstream";
    let patched = Sandbox::with(&[("a/egress.yaml", OLD), ("b/egress.yaml", &OLD.replace("  upstream", patch))]);
    assert_data_eq!(
        diff(&patched, &["a", "b"]).stdout,
        str![[r#"
shop/orders
  other fields
    spec.patches: was not set, is `[{"kind":"Deployment","merge":{"spec":{"template":{"metadata":{"labels":{"team":"shop"}}}}}}]`

manifests
  changed in shop: pods are replaced one after another, and drain their connections
    Deployment orders-egress

no rule decides differently; 1 other field, 1 manifest

"#]]
    );
}

#[test]
fn the_errors_of_both_sides_are_reported() {
    let sandbox = Sandbox::with(&[("old.yaml", &bad()), ("new.yaml", &bad()), ("good.yaml", GOOD)]);
    for format in FORMATS {
        let ended = diff(&sandbox, &["old.yaml", "new.yaml", "--format", format]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{format}");
        for place in ["--> old.yaml:11:5\n", "--> new.yaml:11:5\n"] {
            assert!(ended.stderr.contains(place), "{ended:?}");
        }
    }
    assert_eq!(diff(&sandbox, &["good.yaml", "new.yaml"]).code, Some(1));
    let missing = diff(&sandbox, &["gone.yaml", "new.yaml"]);
    assert_eq!(missing.code, Some(3));
    assert!(
        missing.stderr.contains("cannot read `gone.yaml`") && missing.stderr.contains("new.yaml:11:5"),
        "{missing:?}"
    );
    // What only `build` notices.
    sandbox.write("lonely.yaml", GOOD.replace("  authz", "  health: {failover: [gone]}\n  authz"));
    let lonely = diff(&sandbox, &["good.yaml", "lonely.yaml"]);
    assert!(lonely.code == Some(1) && lonely.stderr.contains("--> lonely.yaml:"), "{lonely:?}");
}

#[test]
fn a_report_never_overwrites_what_it_is_about() {
    let sandbox = Sandbox::with(&[("a/egress.yaml", OLD), ("b/egress.yaml", &new())]);
    for output in ["a/egress.yaml", "./b/../b/egress.yaml"] {
        let ended = diff(&sandbox, &["a", "b/egress.yaml", "--output", output]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""));
        assert!(ended.stderr.starts_with(&format!("error: the report would overwrite `{output}`")), "{ended:?}");
    }
    assert!(sandbox.read("a/egress.yaml") == OLD && sandbox.read("b/egress.yaml") == new());
}
