//! `sallyport test`

use serde_json::Value;
use snapbox::{assert_data_eq, str};

use crate::sandbox::{GOOD, Sandbox};

const CASES: &str = "\
apiVersion: sallyport.dev/v1alpha1
kind: Cases
groups:
- name: readers
  from: {serviceAccounts: [httpbin/sleep]}
  to: {paths: [/get]}
  expect: {verdict: ALLOW, rule: readers}
  cases:
  - {}
  - {to: {methods: [POST, PUT]}}   # wrong
  - {from: {serviceAccounts: [httpbin/other]}, expect: {verdict: DENY}}
";

fn sandbox() -> Sandbox {
    Sandbox::with(&[("a/egress.yaml", GOOD), ("a/cases.yaml", CASES), ("a/other.yaml", "kind: Job\n")])
}

#[test]
fn a_failed_case_is_shown_with_the_condition_that_failed() {
    let ended = sandbox().run(&["test", "a"]);
    assert_data_eq!(
        ended.stdout,
        str![[r#"
error: httpbin/sleep POST /get is refused: not_allowed (so is 1 more of the row)
  --> a/cases.yaml:7:21
   |
 7 |   expect: {verdict: ALLOW, rule: readers}
   |                     ^^^^^        ^^^^^^^ `rule`: expected readers, got none
   |                     |
   |                     `verdict`: expected ALLOW, got DENY
   |
  ::: a/cases.yaml:10:5
   |
10 |   - {to: {methods: [POST, PUT]}}   # wrong
   |     ^ this case
   |
  ::: a/egress.yaml:20:20
   |
20 |           methods: [GET]
   |                    ^ `readers` does not match: the method is POST

refused by the default alone, because no rule matches (if that is the point, write `reason: not_allowed`):
  a/cases.yaml:11:5: httpbin/other GET /get

a/cases.yaml: 2 cases passed, 2 failed; 1 of 1 rule and 3 of 3 branches covered (100 %)

"#]]
    );
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), ""));
}

#[test]
fn files_stand_for_their_folders() {
    let sandbox = sandbox();
    sandbox.write("a/z.yaml", GOOD.replace("name: httpbin", "name: z").replace("httpbin.legacy", "z.legacy"));
    sandbox.write("a/z.cases.yaml", CASES.replace("kind: Cases\n", "kind: Cases\negress: z\n"));
    sandbox.write("a/cases.yaml", CASES.replace("kind: Cases\n", "kind: Cases\negress: httpbin\n"));
    for (arguments, files) in [
        (&["a"][..], &["a/cases.yaml", "a/z.cases.yaml"][..]),
        (&["a/z.yaml"], &["a/z.cases.yaml"]),
        (&["a/cases.yaml"], &["a/cases.yaml"]),
        (&["a/egress.yaml", "a/z.cases.yaml"], &["a/cases.yaml", "a/z.cases.yaml"]),
    ] {
        let ended = sandbox.run(&[&["test", "--format=json"], arguments].concat());
        let report: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
        let mut found: Vec<_> =
            report["suites"].as_array().unwrap().iter().map(|suite| suite["file"].as_str().unwrap()).collect();
        found.sort_unstable();
        assert_eq!(found, files, "{arguments:?}");
    }
}

/// A file is tested with what it needs, whatever else is wrong in its folder.
#[test]
fn other_files_of_the_folder_do_not_matter() {
    let sandbox = sandbox();
    let good = CASES.replace("  - {to: {methods: [POST, PUT]}}   # wrong\n", "");
    sandbox.write("a/cases.yaml", &good);
    sandbox.write("a/broken.yaml", crate::sandbox::bad());
    sandbox.write("a/stale.cases.yaml", good.replace("kind: Cases\n", "kind: Cases\negress: gone\n"));
    for file in ["a/egress.yaml", "a/cases.yaml"] {
        let ended = sandbox.run(&["test", file]);
        assert!(ended.code == Some(0) && ended.stdout.contains("\na/cases.yaml: 2 cases passed"), "{file}: {ended:?}");
    }
    assert_eq!(sandbox.run(&["test", "a"]).code, Some(1));
}

/// Whoever expects that a request is refused should know that the policy has no part in it.
/// Versions of one Egress may be side by side, with cases for some of them.
#[test]
fn of_several_versions_the_named_one_is_tested() {
    let good = CASES.replace("  - {to: {methods: [POST, PUT]}}   # wrong\n", "");
    let named = good.replace("groups:", "egress: httpbin/httpbin\ngroups:");
    let sandbox = Sandbox::with(&[
        ("v/new.yaml", GOOD),
        ("v/old.yaml", &GOOD.replace("httpbin/sleep", "httpbin/nap")),
        ("v/c.cases.yaml", &good),
        ("v/named.cases.yaml", &named),
        ("v/wrong.cases.yaml", CASES),
        ("elsewhere.yaml", GOOD),
    ]);
    for (arguments, passed) in [
        (&["v/c.cases.yaml", "v/new.yaml"][..], true),
        (&["v/new.yaml", "./v/c.cases.yaml"], true),
        (&["v/named.cases.yaml", "v/new.yaml"], true),
        (&["v/c.cases.yaml", "v/named.cases.yaml", "v/new.yaml"], true),
        (&["v/c.cases.yaml", "elsewhere.yaml"], true),
        (&["v/named.cases.yaml", "elsewhere.yaml"], true),
        (&["v/c.cases.yaml", "v/old.yaml"], false),
    ] {
        let ended = sandbox.run(&[&["test"], arguments].concat());
        let code = if passed { 0 } else { 1 };
        assert!(ended.code == Some(code) && ended.stdout.contains(" passed"), "{arguments:?}: {ended:?}");
        assert!(!ended.stdout.contains("wrong.cases.yaml"), "{arguments:?}: {ended:?}");
    }
    let both = sandbox.run(&["test", "v/c.cases.yaml"]);
    assert!(both.code == Some(1) && both.stdout.contains("error[SP0502]"), "{both:?}");
}

#[test]
fn cases_that_envoy_answers_are_listed() {
    let sandbox = sandbox();
    let row = "  - {to: {hosts: [example.com]}, expect: {verdict: DENY}}\n";
    let cases = CASES.replace("  - {to: {methods: [POST, PUT]}}   # wrong\n", row);
    sandbox.write("a/cases.yaml", &cases);
    let ended = sandbox.run(&["test", "a"]);
    let list =
        "answered by Envoy, whatever the rules are (if that is the point, write the `status`):\n  a/cases.yaml:10:5: ";
    assert!(ended.code == Some(0) && ended.stdout.contains(list), "{ended:?}");
    sandbox
        .write("a/cases.yaml", cases.replace("verdict: DENY}}\n  - {from", "verdict: DENY, status: 404}}\n  - {from"));
    assert!(!sandbox.run(&["test", "a"]).stdout.contains("answered by Envoy"));
}

#[test]
fn a_rule_that_no_case_matches_has_an_example() {
    let sandbox = sandbox();
    sandbox.write("a/cases.yaml", CASES.replace("methods: [POST, PUT]", "methods: [PUT]").replace("  - {}\n", ""));
    let ended = sandbox.run(&["test", "a"]);
    let hint = "  a/egress.yaml:13:11: `readers`: no case matches the rule: send httpbin/sleep GET /\n";
    assert!(ended.stdout.contains(hint), "{}", ended.stdout);
}

#[test]
fn every_format_has_the_same_exit_code() {
    let (bad, good) = (sandbox(), sandbox());
    good.write("a/cases.yaml", CASES.replace("  - {to: {methods: [POST, PUT]}}   # wrong\n", ""));
    for format in ["human", "json", "junit", "github"] {
        let arguments = ["test", "a", "--format", format];
        assert_eq!(bad.run(&arguments).code, Some(1), "{format}");
        assert_eq!(good.run(&arguments).code, Some(0), "{format}");
        let covered = good.run(&["test", "a", "--format", format, "--min-coverage", "90"]);
        assert_eq!(covered.code, Some(1), "{format}");
        assert!(
            covered.stdout.contains("of the branches of `httpbin/httpbin` are covered, less than 90")
                || format == "json",
            "{covered:?}"
        );
    }
    let xml = bad.run(&["test", "a", "--format=junit"]).stdout;
    let parsed = roxmltree::Document::parse(&xml).unwrap();
    assert_eq!(parsed.descendants().filter(|node| node.has_tag_name("testcase")).count(), 4);
    assert_eq!(parsed.descendants().filter(|node| node.has_tag_name("failure")).count(), 2);
    let lines = bad.run(&["test", "a", "--format=github"]).stdout;
    assert_data_eq!(
        lines,
        str![[r#"
::error file=a/cases.yaml,line=7,col=21,title=readers::httpbin/sleep POST /get is refused: not_allowed%0Averdict: expected ALLOW, got DENY; rule: expected readers, got none%0Aa/egress.yaml:20:20: `readers` does not match: the method is POST
::error file=a/cases.yaml,line=7,col=21,title=readers::httpbin/sleep PUT /get is refused: not_allowed%0Averdict: expected ALLOW, got DENY; rule: expected readers, got none%0Aa/egress.yaml:20:20: `readers` does not match: the method is PUT
4 cases, 2 failed

"#]]
    );
}

#[test]
fn what_is_not_covered_is_listed() {
    let sandbox = sandbox();
    sandbox.write("a/cases.yaml", CASES.split("  cases:").next().unwrap());
    let ended = sandbox.run(&["test", "a"]);
    assert_data_eq!(
        ended.stdout,
        str![[r#"
not covered:
  a/egress.yaml:16:7: `readers`: no case fails on `from` alone: send what the rule matches as another caller
  a/egress.yaml:19:7: `readers`: no case fails on `to` alone: send another request as a caller of the rule

a/cases.yaml: 1 case passed; 1 of 1 rule and 1 of 3 branches covered (33 %)

"#]]
    );
}

#[test]
fn the_last_line_has_the_coverage_of_all_files() {
    let second = GOOD.replace("name: httpbin", "name: other").replace("httpbin.legacy", "other.legacy");
    let (all, _) = CASES.split_once("  - {to").unwrap();
    let sandbox = sandbox();
    sandbox.write("b/egress.yaml", &second);
    sandbox.write("b/cases.yaml", all);
    let ended = sandbox.run(&["test", "."]);
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(lines.last(), Some(&"in all: 5 cases, 2 failed; 4 of 6 branches covered (66 %)"), "{}", ended.stdout);
}

#[test]
fn an_update_makes_the_cases_pass() {
    let sandbox = sandbox();
    let ended = sandbox.run(&["test", "a", "--update"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""));
    assert_eq!(
        ended.stderr,
        "a/cases.yaml:7:21: `verdict`: ALLOW -> DENY; `rule`: readers -> none\n1 expectation written to a/cases.yaml\n"
    );
    let row = "  - {to: {methods: [POST, PUT]}, expect: {verdict: DENY, reason: not_allowed}}   # wrong\n";
    assert_eq!(sandbox.read("a/cases.yaml"), CASES.replace("  - {to: {methods: [POST, PUT]}}   # wrong\n", row));
    assert_eq!(sandbox.run(&["test", "a"]).code, Some(0));
    assert_eq!(
        sandbox.run(&["test", "a", "--update"]).stderr,
        "every case comes out as expected: nothing was written\n"
    );
}

#[test]
fn a_row_that_must_be_split_is_named() {
    let sandbox = sandbox();
    sandbox.write("a/cases.yaml", CASES.replace("[POST, PUT]", "[GET, PUT]"));
    let ended = sandbox.run(&["test", "a", "--update"]);
    assert_eq!(ended.code, Some(1));
    assert_data_eq!(
        ended.stderr,
        str![[r#"
a/cases.yaml:10:5: the cases of this row come out differently: split it
  expect: {verdict: ALLOW, rule: readers}
    httpbin/sleep GET /get
  expect: {verdict: DENY, reason: not_allowed}
    httpbin/sleep PUT /get

"#]]
    );
}

/// Without `--update` a rule that is not there is an error; with it the expectation is what came out.
#[test]
fn an_update_follows_the_rename_of_a_rule() {
    let sandbox = sandbox();
    let cases = CASES.replace("  - {to: {methods: [POST, PUT]}}   # wrong\n", "");
    sandbox.write("a/cases.yaml", &cases);
    sandbox.write("a/egress.yaml", GOOD.replace("id: readers", "id: viewers"));
    assert!(sandbox.run(&["test", "a"]).stdout.contains("SP0604"));
    let ended = sandbox.run(&["test", "a", "--update"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""));
    assert_eq!(ended.stderr, "a/cases.yaml:7:34: `rule`: readers -> viewers\n1 expectation written to a/cases.yaml\n");
    assert_eq!(sandbox.read("a/cases.yaml"), cases.replace("rule: readers", "rule: viewers"));
    assert_eq!(sandbox.run(&["test", "a"]).code, Some(0));
}

#[test]
fn without_cases_there_is_nothing_to_run() {
    let sandbox = Sandbox::with(&[("egress.yaml", GOOD)]);
    let ended = sandbox.run(&["test"]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.starts_with("error: there are no cases in `.`\n"), "{ended:?}");
    assert_eq!(sandbox.run(&["test", "missing.yaml"]).code, Some(3));
}

#[test]
fn wrong_files_are_reported_as_check_does() {
    let sandbox = sandbox();
    sandbox.write("a/cases.yaml", CASES.replace("rule: readers", "rule: reader"));
    let (test, check) = (sandbox.run(&["test", "a"]), sandbox.run(&["check", "a/egress.yaml", "a/cases.yaml"]));
    assert_eq!((test.code, check.code), (Some(1), Some(1)));
    assert!(test.stdout.contains("help: did you mean `readers`?"), "{test:?}");
    assert!(check.stdout.contains("SP0604"), "{check:?}");
}

/// Of files that a command finds in a folder, cases are neither read by `build` nor counted as another program's.
#[test]
fn other_commands_leave_cases_alone() {
    let sandbox = sandbox();
    sandbox.write("a/cases.yaml", "apiVersion: sallyport.dev/v1alpha1\nkind: Cases\ngroups: [");
    let ended = sandbox.run(&["build", "a", "-o", "out"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn ten_thousand_cases_are_quick() {
    let paths: Vec<_> = (0..10_000).map(|at| format!("/p{at}")).collect();
    let groups = format!(
        "- {{name: many, from: {{serviceAccounts: [httpbin/sleep]}}, to: {{paths: [{}]}}, expect: {{verdict: ALLOW}}}}\n",
        paths.join(", ")
    );
    let sandbox = Sandbox::with(&[
        ("egress.yaml", GOOD),
        ("cases.yaml", &format!("apiVersion: sallyport.dev/v1alpha1\nkind: Cases\ngroups:\n{groups}")),
    ]);
    let start = std::time::Instant::now();
    let ended = sandbox.run(&["test", "."]);
    assert!(
        ended.stdout.starts_with("not covered:") && ended.stdout.contains("10000 cases passed"),
        "{}",
        ended.stdout
    );
    // It takes less than a second where nothing else runs; this is for what is quadratic.
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

/// The module that ships comes to the same as the command, or the run fails: for every case of every example.
#[test]
fn the_examples_pass_and_are_covered_natively_and_in_wasm() {
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/examples");
    let names: Vec<_> =
        std::fs::read_dir(&examples).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    assert!(names.len() >= 4);
    for path in names {
        assert!(path.join("cases.yaml").is_file(), "{} has no cases", path.display());
    }
    let sandbox = Sandbox::new();
    for wasm in [&[][..], &["--wasm"]] {
        let arguments = [&["test", "--min-coverage=100", "--format=json", examples.to_str().unwrap()], wasm].concat();
        let ended = sandbox.command(&arguments).output().unwrap();
        let report: Value = serde_json::from_slice(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
        assert_eq!(ended.status.code(), Some(0), "{report:#}");
        assert_eq!(report["decidedBy"], if wasm.is_empty() { "command" } else { "module" });
        for suite in report["suites"].as_array().unwrap() {
            let rules = &suite["coverage"]["rules"];
            assert_eq!(rules["all"], rules["matched"], "{}", suite["file"]);
        }
    }
}

#[test]
fn a_module_that_is_no_filter_is_named() {
    let sandbox = sandbox();
    sandbox.write("m.wasm", b"\0asm\x01\0\0\0");
    let ended = sandbox.run(&["test", "a", "--wasm=m.wasm"]);
    assert_eq!(ended.code, Some(7));
    assert!(ended.stderr.starts_with("error: the filter module does not run: "), "{ended:?}");
    // That the module has decided is said before what came out.
    assert!(!sandbox.run(&["test", "a"]).stdout.contains("module"));
    let decided = sandbox.run(&["test", "a", "--wasm"]);
    assert!(
        decided.stdout.contains("decided by the filter's module:\na/cases.yaml: 2 cases passed, 2 failed"),
        "{decided:?}"
    );
    sandbox.write("m.wasm", b"no");
    assert_eq!(sandbox.run(&["test", "a", "--wasm=m.wasm"]).stderr, "error: `m.wasm` is not a wasm module\n");
}

#[test]
fn control_characters_of_names_are_escaped() {
    let sandbox = sandbox();
    let named = |text: &str| CASES.replace("  - {}", text).replace("  - {from", "  - {name: \"\\e[31m\", from");
    sandbox.write("a/cases.yaml", named("  - {name: \"\\e[31m\", to: {paths: [/x]}}"));
    let ended = sandbox.run(&["test", "a"]);
    assert!(ended.code == Some(1) && !ended.stdout.contains('\u{1b}'), "{ended:?}");
}
