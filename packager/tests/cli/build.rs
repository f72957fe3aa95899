//! `sallyport build`

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use snapbox::{assert_data_eq, file, str};

use crate::sandbox::{GOOD, Sandbox, bad};

const LOCK: &str = r#"{"version":1,"filter":{"image":"registry.example.com/sallyport/filter","digest":"sha256:abababababababababababababababababababababababababababababababab"}}"#;

fn sandbox() -> Sandbox {
    Sandbox::with(&[("in/egress.yaml", GOOD), ("in/sallyport.lock", LOCK)])
}

#[test]
fn help() {
    let sandbox = Sandbox::new();
    assert_data_eq!(sandbox.run(&["build", "--help"]).stdout, file!["golden/help-build.txt"].raw());
}

#[test]
fn a_build_is_summed_up_and_the_next_changes_nothing() {
    let sandbox = sandbox();
    let first = sandbox.run(&["build", "in", "-o", "out"]);
    assert_eq!((first.code, first.stderr.as_str()), (Some(0), ""));
    assert_data_eq!(
        first.stdout,
        str![[r#"
gateways: 1, filter loaded by TrafficExtension
files: 8, 8 written, 0 removed

"#]]
    );
    let second = sandbox.run(&["build", "in", "-o", "out"]);
    assert!(second.stdout.contains("8, 0 written, 0 removed"), "{}", second.stdout);
    assert!(sandbox.run(&["build", "in", "-o", "out", "--quiet"]).stdout.is_empty());
}

#[test]
fn patches_are_named() {
    let sandbox = sandbox();
    let patches = "  patches:\n  - kind: Service\n    merge: {metadata: {annotations: {a: b}}}\n";
    sandbox.write("in/egress.yaml", format!("{GOOD}{patches}"));
    let ended = sandbox.run(&["build", "in", "-o", "out"]);
    assert!(ended.stdout.ends_with("patched: httpbin/httpbin: Service/httpbin-egress\n"), "{ended:?}");
    assert!(sandbox.read("out/httpbin-httpbin/30-deployment.yaml").contains("annotations:\n    a: b\n"));
}

/// `build` makes none of the mistakes that the lints of manifests know.
#[test]
fn what_is_built_of_the_examples_has_nothing_to_lint() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/examples");
    for version in ["1.29", "1.31"] {
        let sandbox = Sandbox::with(&[("in/sallyport.lock", LOCK)]);
        let copy = |from: &str, to: &str| {
            let text = fs::read_to_string(examples.join(from)).unwrap();
            sandbox.write(
                format!("in/{to}"),
                text.replace("istioVersion: \"1.31\"", &format!("istioVersion: \"{version}\"")),
            );
        };
        copy("mesh.yaml", "mesh.yaml");
        for name in ["httpbin", "ledger", "mainframe", "partner"] {
            copy(&format!("{name}/egress.yaml"), &format!("{name}.yaml"));
        }
        assert_eq!(sandbox.run(&["build", "in", "-o", "out"]).code, Some(0));
        let ended = sandbox.run(&["check", "out"]);
        assert!(
            ended.stdout.ends_with(" manifests: no problems (5 YAML files for others skipped)\n"),
            "{}",
            ended.stdout
        );
    }
}

#[test]
fn manifests_are_no_input_and_a_patched_one_is_linted() {
    let sandbox = sandbox();
    sandbox.write("sallyport.lock", LOCK);
    let merge = "merge: {spec: {wasm: {failStrategy: FAIL_OPEN}}}";
    sandbox.write("in/egress.yaml", format!("{GOOD}  patches:\n  - kind: TrafficExtension\n    {merge}\n"));
    for _ in 0..2 {
        let ended = sandbox.run(&["build", ".", "-o", "out"]);
        assert!(ended.stdout.contains("gateways: 1") && !ended.stdout.contains("SP2508"), "{}", ended.stdout);
    }
    assert!(sandbox.run(&["check", "out"]).stdout.contains("warning[SP2508]"));
}

#[test]
fn check_says_which_files_are_stale_and_writes_nothing() {
    let sandbox = sandbox();
    let missing = sandbox.run(&["build", "in", "--check", "out"]);
    assert_eq!(missing.code, Some(2));
    assert!(missing.stdout.contains("missing httpbin-httpbin/20-plugin.yaml\n"), "{}", missing.stdout);
    assert!(!sandbox.path().join("out").exists());
    sandbox.run(&["build", "in", "-o", "out"]);
    let current = sandbox.run(&["build", "in", "--check", "out"]);
    assert_eq!((current.code, current.stdout.as_str()), (Some(0), ""));
    sandbox.write("in/egress.yaml", GOOD.replace("[GET]", "[GET, HEAD]"));
    let other = GOOD.replace("name: httpbin", "name: other").replace("httpbin.legacy", "other.legacy");
    sandbox.write("in/other.yaml", other);
    let stale = sandbox.run(&["build", "in", "--check", "out"]);
    assert_eq!(stale.code, Some(2));
    assert!(stale.stdout.contains("changed httpbin-httpbin/20-plugin.yaml\n"), "{}", stale.stdout);
}

#[test]
fn what_is_no_longer_built_is_removed() {
    let sandbox = sandbox();
    sandbox.run(&["build", "in", "-o", "out"]);
    sandbox.write("in/egress.yaml", GOOD.replace("name: httpbin", "name: other"));
    let ended = sandbox.run(&["build", "in", "-o", "out"]);
    assert!(ended.stdout.contains("files: 8, 6 written, 6 removed"), "{}", ended.stdout);
    assert!(!sandbox.path().join("out/httpbin-httpbin").exists());
}

#[test]
fn a_foreign_folder_is_refused() {
    let sandbox = sandbox();
    sandbox.write("out/mine.txt", "");
    let ended = sandbox.run(&["build", "in", "-o", "out"]);
    assert_eq!(ended.code, Some(3));
    assert_data_eq!(
        ended.stderr,
        str![[r#"
error: `out` is not empty, and was not written by `sallyport build`
  help: use a new or empty folder

"#]]
    );
}

#[test]
fn a_filter_without_a_digest_is_refused() {
    let sandbox = Sandbox::with(&[("in/egress.yaml", GOOD)]);
    let ended = sandbox.run(&["build", "in", "-o", "out"]);
    assert_eq!(ended.code, Some(1));
    assert_data_eq!(
        ended.stderr,
        str![[r#"
error: SP9101: the filter's image is not pinned: no digest in the Mesh file, and no `sallyport.lock`
  help: run `sallyport image push REF --lock sallyport.lock`, or set `filter.digest` in the Mesh file

"#]]
    );
    let of_other = "apiVersion: sallyport.dev/v1alpha1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {filter: {image: r.example.com/f}}\n";
    sandbox.write("in/mesh.yaml", of_other);
    sandbox.write("in/sallyport.lock", LOCK);
    let ended = sandbox.run(&["build", "in", "-o", "out"]);
    assert!(ended.stderr.starts_with("error: SP9105: `sallyport.lock` is for "), "{}", ended.stderr);
    sandbox.write("in/sallyport.lock", "{}");
    assert!(sandbox.run(&["build", "in", "-o", "out"]).stderr.contains("SP9105: `in/sallyport.lock`: missing field"));
    assert!(!sandbox.path().join("out").exists());
}

#[test]
fn errors_are_reported_as_check_does_and_nothing_is_written() {
    let sandbox = sandbox();
    sandbox.write("in/bad.yaml", bad());
    let ended = sandbox.run(&["build", "in", "-o", "out"]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.stdout, sandbox.run(&["check", "in"]).stdout);
    assert!(!sandbox.path().join("out").exists());
}

#[test]
fn an_output_is_asked_for() {
    let sandbox = sandbox();
    assert_eq!(sandbox.run(&["build", "in"]).code, Some(64));
    assert_eq!(sandbox.run(&["build", "in", "-o", "a", "--check", "b"]).code, Some(64));
}

#[test]
fn two_builds_are_the_same_bytes() {
    let other = GOOD.replace("name: httpbin", "name: other").replace("httpbin.legacy", "other.legacy");
    // The same files in another place, under other names and so in another order.
    let here = sandbox();
    here.write("in/other.yaml", &other);
    let there = Sandbox::with(&[("a.yaml", &other), ("z/egress.yaml", GOOD), ("z/sallyport.lock", LOCK)]);
    assert_eq!(here.run(&["build", "in", "-o", "out"]).code, Some(0));
    assert_eq!(there.run(&["build", "z", "a.yaml", "-o", "elsewhere/out"]).code, Some(0));
    let built = files(&here.path().join("out"));
    assert_eq!(built.len(), 6 * 2 + 2 + 1, "{:?}", built.keys());
    assert_eq!(built, files(&there.path().join("elsewhere/out")));
}

/// Every file below a folder, by its path there.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = PathBuf::from(path.file_name().unwrap());
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|(below, bytes)| (name.join(below), bytes)));
        } else {
            found.insert(name, fs::read(&path).unwrap());
        }
    }
    found
}
