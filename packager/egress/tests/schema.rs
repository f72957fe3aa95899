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
