//! The JSON Schema: what it accepts, what it refuses, and that the file in the repository is the current one.

#![expect(clippy::expect_used, reason = "a broken assumption ends the test")]

use sallyport_egress::{Template, check, decode, init_mesh, init_template, json_schema};
use serde_json::Value;
use snapbox::Data;
use std::fs;
use std::path::Path;

mod yaml;

fn accepts(text: &str) -> bool {
    let schema = json_schema();
    let validator = jsonschema::draft7::new(&schema).expect("a schema");
    yaml::to_json(text).is_some_and(|file| validator.is_valid(&file))
}

#[test]
fn the_schema_is_a_draft_07_schema() {
    let meta: Value = json_schema();
    assert!(jsonschema::draft7::meta::is_valid(&meta));
}

#[test]
fn good_files_fit() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let example = fs::read_to_string(root.join("../../deploy/examples/httpbin/egress.yaml")).expect("the example");
    assert!(accepts(&example));
    let template = Template {
        schema: "x",
        name: "httpbin",
        namespace: "httpbin",
        host: "httpbin.legacy.internal",
        upstream_host: "::1",
        upstream_port: 443,
    };
    assert!(accepts(&init_template(&template)));
    assert!(accepts(&init_mesh("x")));
    assert!(accepts(
        "apiVersion: sallyport.dev/v1alpha1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {istioVersion: \"1.30\"}\n"
    ));
}

/// What an editor marks while it is typed. `check` may refuse more, but nothing of this is right.
#[test]
fn durations_hosts_and_networks_have_a_form() {
    let file = |timeout: &str, host: &str, network: &str| {
        format!(
            "apiVersion: sallyport.dev/v1alpha1\nkind: Egress\nmetadata: {{name: a, namespace: b}}\nspec:\n  host: a.internal\n  \
             upstream: {{host: \"{host}\", port: 443}}\n  route: {{timeout: \"{timeout}\"}}\n  authz: {{rules: [{{id: a, action: ALLOW, \
             from: [{{source: {{ipBlocks: [\"{network}\"]}}}}]}}]}}\n"
        )
    };
    let is_right = |text: &str| {
        let problems = check(&[decode("a.yaml", text.as_bytes()).expect("UTF-8")]).diagnostics;
        problems.iter().all(|problem| problem.severity != sallyport_egress::diagnostic::Severity::Error)
    };
    for (timeout, host, network) in [
        ("10s", "a.example.com", "10.0.0.0/8"),
        ("1h30m", "10.1.2.3", "10.1.2.3"),
        ("1.5s", "2001:db8::1", "2001:DB8::/32"),
        ("250ms", "xn--a-1.b", "::1"),
        ("1m1ms", "a", "::ffff:10.0.0.0/104"),
    ] {
        let text = file(timeout, host, network);
        assert!(accepts(&text) && is_right(&text), "{text}");
    }
    let good = ("10s", "a.example.com", "10.0.0.0/8");
    let durations = ["10", "10 s", "1d", "-1s", "s", "1.s", ""].map(|bad| file(bad, good.1, good.2));
    let hosts = ["https://a", "a/b", "a:443", "*.a", "A", "a.", "-a", "a_b", "a b", "[::1]", ""]
        .map(|bad| file(good.0, bad, good.2));
    let networks = ["10.0.0", "10.0.0.0/", "a", "10.0.0.0/8/8", "10.*", ""].map(|bad| file(good.0, good.1, bad));
    for text in durations.iter().chain(&hosts).chain(&networks) {
        assert!(!accepts(text) && !is_right(text), "{text}");
    }
}

/// What the schema refuses in the folder of broken files: all that is wrong with fields and types, and nothing that
/// `check` would let through.
#[test]
fn broken_files_do_not_fit() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let structural =
        ["SP0201", "SP0202", "SP0203", "SP0204", "SP0205", "SP0206", "SP0207", "SP0209", "SP0210", "SP0211"];
    let mut seen = 0;
    for entry in fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("readable").path();
        let bytes = fs::read(&path).expect("readable");
        let file = decode(&path.to_string_lossy(), &bytes).expect("UTF-8");
        let problems = check(std::slice::from_ref(&file)).diagnostics;
        if problems.iter().any(|problem| structural.contains(&problem.code.as_str())) {
            seen += 1;
            assert!(!accepts(&file.text), "{}", file.name);
        }
    }
    assert!(seen > 20);
}

/// Editors read the file in the repository. `SNAPSHOTS=overwrite cargo test -p sallyport-egress --test schema` writes it.
#[test]
fn the_schema_file_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("egress.schema.json");
    let current = format!("{}\n", serde_json::to_string_pretty(&json_schema()).expect("JSON"));
    snapbox::Assert::new().action_env("SNAPSHOTS").eq(current, Data::read_from(&path, None).raw());
}
