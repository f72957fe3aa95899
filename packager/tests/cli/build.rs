//! `sallyport build`

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use snapbox::{assert_data_eq, file, str};

use crate::sandbox::{GOOD, LOCK, Sandbox, bad};

fn sandbox() -> Sandbox {
    Sandbox::with(&[("in/egress.yaml", GOOD), ("in/sallyport.lock", LOCK)])
}

#[test]
fn help() {
    let sandbox = Sandbox::new();
    assert_data_eq!(sandbox.run(&["build", "--help"]).stdout, file!["golden/help-build.txt"].raw());
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
fn what_is_no_longer_built_is_listed_and_removed_on_request() {
    let sandbox = sandbox();
    sandbox.run(&["build", "in", "-o", "out"]);
    sandbox.write("in/egress.yaml", GOOD.replace("name: httpbin", "name: other"));
    let ended = sandbox.run(&["build", "in", "-o", "out"]);
    assert!(ended.stdout.contains("files: 9, 7 written, 0 removed"), "{}", ended.stdout);
    assert!(ended.stdout.contains("\n  httpbin-httpbin/20-plugin.yaml\n"), "{}", ended.stdout);
    assert!(ended.stdout.contains("\nto remove them: sallyport build in -o out --prune\n"), "{}", ended.stdout);
    assert!(sandbox.path().join("out/httpbin-httpbin/20-plugin.yaml").exists());
    let ended = sandbox.run(&["build", "in", "--check", "out"]);
    assert_eq!((ended.code, ended.stdout.contains("stale httpbin-httpbin/20-plugin.yaml\n")), (Some(2), true));
    assert!(
        ended.stderr.ends_with("\nto bring the folder up to date: sallyport build in -o out --prune\n"),
        "{ended:?}"
    );
    let ended = sandbox.run(&["build", "in", "-o", "out", "--prune"]);
    assert!(ended.stdout.contains("files: 9, 0 written, 7 removed"), "{}", ended.stdout);
    assert!(!sandbox.path().join("out/httpbin-httpbin").exists());
    assert_eq!(sandbox.run(&["build", "in", "--check", "out"]).code, Some(0));
}

#[test]
fn a_diff_shows_what_would_change_and_writes_nothing() {
    let sandbox = sandbox();
    sandbox.run(&["build", "in", "-o", "out"]);
    assert_eq!(sandbox.run(&["build", "in", "--diff", "out"]).stdout, "");
    sandbox.write("in/egress.yaml", GOOD.replace("port: 443", "port: 8443"));
    let before = files(&sandbox.path().join("out"));
    let ended = sandbox.run(&["build", "in", "--diff", "out"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stdout.starts_with("--- a/httpbin-httpbin/"), "{}", ended.stdout);
    let is_new = |line: &str| line.starts_with('+') && line.ends_with("8443");
    assert!(ended.stdout.lines().any(is_new), "{}", ended.stdout);
    assert_eq!(files(&sandbox.path().join("out")), before);
}

#[test]
fn problems_of_a_build_have_the_formats_of_check() {
    let sandbox = sandbox();
    let patch = "  patches:\n  - kind: Ingress\n    merge: {a: b}\n";
    sandbox.write("in/egress.yaml", format!("{GOOD}{patch}"));
    for format in ["json", "github", "sarif", "junit"] {
        let ended = sandbox.run(&["build", "in", "-o", "out", "--format", format]);
        assert_eq!((ended.code, ended.stdout.contains("SP9104")), (Some(1), true), "{format}: {ended:?}");
        assert_eq!(ended.stdout, sandbox.run(&["check", "in", "--format", format]).stdout, "{format}");
    }
    sandbox.write("in/egress.yaml", GOOD);
    let ended = sandbox.run(&["build", "in", "-o", "out", "--format", "json"]);
    assert!(serde_json::from_str::<serde_json::Value>(&ended.stdout).is_ok(), "{}", ended.stdout);
    assert!(ended.stderr.starts_with("gateways: 1"), "{}", ended.stderr);
}

#[test]
fn one_entry_over_all_gateways() {
    let sandbox = sandbox();
    let ended = sandbox.run(&["build", "in", "-o", "out", "--root"]);
    assert!(ended.stdout.ends_with("Then:\n  kubectl apply -k out\n"), "{}", ended.stdout);
    assert!(sandbox.read("out/kustomization.yaml").contains("resources:\n- httpbin-httpbin\n"));
    let argo = &["build", "in", "-o", "argo", "--argo", "--root"][..];
    assert_eq!(sandbox.run(argo).code, Some(64));
    let ended = sandbox.run(&[argo, &["--repository", "https://git.example.com/mesh.git"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_data_eq!(sandbox.read("argo/applicationset.yaml"), file!["golden/applicationset.yaml"].raw());
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

/// Whether the program under test contains the filter: `make test` builds it so.
const HAS_FILTER: bool = matches!(option_env!("SALLYPORT_FILTER_WASM"), Some(name) if !name.is_empty());

/// The digest in the built plugin.
fn digest(sandbox: &Sandbox, gateway: &str) -> String {
    let plugin = sandbox.read(&format!("out/{gateway}/20-plugin.yaml"));
    let (_, digest) = plugin.split_once("    sha256: ").unwrap();
    format!("sha256:{}", digest.lines().next().unwrap().trim_matches('"'))
}

#[test]
fn the_first_build_needs_nothing_but_what_init_writes() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run(&["init"]).code, Some(0));
    let ended = sandbox.run(&["build", "-o", "out"]);
    if !HAS_FILTER {
        assert_eq!(ended.code, Some(1));
        assert!(ended.stdout.starts_with("error[SP9101]: "), "{}", ended.stdout);
        return;
    }
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_data_eq!(ended.stdout, file!["golden/first-build.txt"].raw());
    let image = sandbox.run(&["image", "build"]);
    assert_eq!(format!("{}\n", digest(&sandbox, "egress-httpbin-httpbin")), image.stdout);
    // `check` warns of the same.
    assert!(sandbox.run(&["check"]).stdout.contains("warning[SP9108]"));
}

#[test]
fn a_gateway_can_pin_another_filter_than_the_others() {
    let sandbox = sandbox();
    let other = format!("sha256:{}", "cd".repeat(32));
    let trial = GOOD.replace("name: httpbin", "name: trial").replace("httpbin.legacy", "trial.legacy");
    let trial = trial.replace("host: httpbin.org", "host: trial.example.org");
    sandbox.write("in/trial.yaml", format!("{trial}  gateway: {{filterDigest: \"{other}\"}}\n"));
    assert_eq!(sandbox.run(&["build", "in", "-o", "out"]).code, Some(0));
    assert_eq!(digest(&sandbox, "httpbin-trial"), other);
    assert_eq!(digest(&sandbox, "httpbin-httpbin"), format!("sha256:{}", "ab".repeat(32)));
}

/// `check` reports in one list everything that `build` refuses, each where it is written.
#[test]
fn check_reports_what_build_would_refuse() {
    let sandbox = sandbox();
    let bad = GOOD
        .replace("port: 443", "port: 443\n  health:\n    failover: [gone]\n  gateway: {install: gateway-api}")
        + "  route: {retries: {attempts: 2}}\n";
    sandbox.write("in/bad.yaml", bad.replace("name: httpbin", "name: bad").replace("httpbin.legacy", "bad.legacy"));
    let patches =
        "  patches:\n  - kind: Ingress\n    merge: {a: b}\n  - kind: Service\n    json: [{op: remove, path: /no}]\n";
    sandbox.write("in/egress.yaml", format!("{GOOD}{patches}"));
    let ended = sandbox.run(&["check", "in"]);
    assert_eq!(ended.code, Some(1));
    assert_data_eq!(ended.stdout, file!["golden/refused.txt"].raw());
    assert_eq!(sandbox.run(&["build", "in", "-o", "out"]).stdout, sandbox.run(&["check", "in"]).stdout);
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
    assert_eq!(built.len(), 7 * 2 + 2 + 1, "{:?}", built.keys());
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
