//! `sallyport check`

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use serde_json::Value;
use snapbox::{assert_data_eq, file, str};

use crate::sandbox::{Ended, GOOD, LOCK, Sandbox, bad};

const FORMATS: [&str; 5] = ["human", "json", "sarif", "github", "junit"];

fn json(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let ended = sandbox.run(&[&["check", "--format=json"], arguments].concat());
    assert_eq!(ended.stderr, "");
    serde_json::from_str(&ended.stdout).unwrap()
}

/// The file and code of each problem.
fn codes(report: &Value) -> Vec<(&str, &str)> {
    let problems = report["diagnostics"].as_array().unwrap();
    problems.iter().map(|one| (one["file"].as_str().unwrap(), one["code"].as_str().unwrap())).collect()
}

fn files(report: &Value) -> u64 {
    report["summary"]["files"].as_u64().unwrap()
}

#[test]
fn a_good_file_passes() {
    let sandbox = Sandbox::with(&[("egress.yaml", GOOD), ("sallyport.lock", LOCK)]);
    let ended = sandbox.run(&["check", "egress.yaml"]);
    assert_data_eq!(
        ended.stdout,
        str![[r#"
1 file, 1 rule: no problems

"#]]
    );
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn the_exit_code_is_the_same_in_every_format() {
    let sandbox = Sandbox::with(&[
        ("good.yaml", GOOD),
        ("bad.yaml", &bad()),
        ("empty/other.yaml", "kind: Job"),
        ("sallyport.lock", LOCK),
    ]);
    for (arguments, code) in
        [(&["good.yaml"][..], 0), (&["good.yaml", "bad.yaml"], 1), (&["bad.yaml", "missing.yaml"], 3), (&["empty"], 3)]
    {
        for format in FORMATS {
            let ended = sandbox.run(&[&["check", "--format", format], arguments].concat());
            assert_eq!(ended.code, Some(code), "{format}: {arguments:?}\n{ended:?}");
            assert_eq!(ended.stderr, "", "{format}: {arguments:?}");
            assert_well_formed(format, &ended);
            let quiet = sandbox.run(&[&["check", "--quiet", "--format", format], arguments].concat());
            assert_eq!(quiet.code, Some(code), "{format}: {arguments:?}");
            let output = sandbox.run(&[&["check", "--output=report", "--format", format], arguments].concat());
            assert_eq!((output.code, output.stdout.as_str()), (Some(code), ""), "{format}: {arguments:?}");
            assert_eq!(sandbox.read("report"), ended.stdout);
        }
    }
}

fn assert_well_formed(format: &str, ended: &Ended) {
    match format {
        "json" => {
            let report: Value = serde_json::from_str(&ended.stdout).unwrap();
            assert_eq!(report["version"], 1);
        }
        "sarif" => assert_sarif(&serde_json::from_str(&ended.stdout).unwrap()),
        "junit" => {
            let document = roxmltree::Document::parse(&ended.stdout).unwrap();
            assert!(document.descendants().any(|node| node.has_tag_name("testcase")));
        }
        "github" => {
            let commands: Vec<_> = ended.stdout.lines().filter(|line| line.starts_with("::")).collect();
            assert_eq!(commands.is_empty(), ended.code == Some(0));
            assert!(commands.iter().all(|line| line.starts_with("::error file=") && line.contains(",title=SP")));
        }
        _ => assert!(!ended.stdout.contains('\u{1b}')),
    }
}

/// What SARIF 2.1.0 demands of the parts that are written.
fn assert_sarif(log: &Value) {
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let artifacts = run["artifacts"].as_array().unwrap();
    for rule in rules {
        assert!(
            rule["help"]["text"].as_str().is_some_and(|text| text.contains("\n\nBad:\n") && text.contains("\n\nFix: "))
        );
        assert_eq!(rule["help"]["markdown"], rule["help"]["text"]);
        let address = format!("sallyport:explain/{}", rule["id"].as_str().unwrap());
        assert_eq!(rule["helpUri"], address.as_str());
    }
    for result in run["results"].as_array().unwrap() {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(matches!(result["level"].as_str(), Some("error" | "warning")));
        assert!(result["message"]["text"].as_str().is_some_and(|text| !text.is_empty()));
        assert_eq!(result["partialFingerprints"]["sallyportLine/v1"].as_str().unwrap().len(), 64);
        let location = &result["locations"][0]["physicalLocation"];
        let artifact = &artifacts[usize::try_from(location["artifactLocation"]["index"].as_u64().unwrap()).unwrap()];
        assert_eq!(artifact["location"]["uri"], location["artifactLocation"]["uri"]);
        if let Some(region) = location.get("region") {
            let at = |field: &str| region[field].as_u64().filter(|number| *number > 0).unwrap();
            assert!((at("startLine"), at("startColumn")) <= (at("endLine"), at("endColumn")));
        }
    }
}

#[test]
fn a_report_looks_like_this() {
    let sandbox = Sandbox::with(&[("bad.yaml", &bad()), ("good.yaml", GOOD)]);
    let ended = sandbox.run(&["check", "good.yaml", "bad.yaml", "gone.yaml"]);
    assert_data_eq!(ended.stdout, file!["golden/report.txt"].raw());
}

#[test]
fn a_directory_gives_what_is_for_sallyport_sorted() {
    let sandbox = Sandbox::with(&[
        ("d/b.yml", "apiVersion: sallyport.dev/v1\n"),
        ("d/a/z.yaml", "apiVersion: salyport.dev/v1\n"),
        ("d/c.yaml", "apiVersion: v1\nkind: Service\n"),
        ("d/egress.yaml", ""),
        ("d/notes.txt", "apiVersion: sallyport.dev/v1\n"),
        ("d/.hidden/x.yaml", "apiVersion: sallyport.dev/v1\n"),
    ]);
    let report = json(&sandbox, &["d"]);
    let mut names: Vec<_> = codes(&report).into_iter().map(|(file, _)| file).collect();
    names.dedup();
    assert_eq!(names, ["d/a/z.yaml", "d/b.yml", "d/egress.yaml"]);
    assert_eq!((files(&report), &report["summary"]["skipped"]), (3, &Value::from(1)));
}

#[test]
fn warnings_fail_where_they_are_denied() {
    let sandbox = Sandbox::with(&[("gateway.yaml", GATEWAY), ("egress.yaml", GOOD), ("sallyport.lock", LOCK)]);
    for format in FORMATS {
        for (arguments, code) in [
            (&["gateway.yaml"][..], 0),
            (&["gateway.yaml", "--deny-warnings"], 1),
            (&["egress.yaml", "--deny-warnings"], 0),
            (&["gone.yaml", "--deny-warnings"], 3),
        ] {
            let ended = sandbox.run(&[&["check", "--format", format], arguments].concat());
            assert_eq!(ended.code, Some(code), "{format}: {arguments:?}\n{ended:?}");
        }
    }
    let ended = sandbox.run(&["check", "gateway.yaml", "--deny-warnings"]);
    assert!(ended.stdout.ends_with("1 warning in 1 of 1 file (--deny-warnings)\n"), "{}", ended.stdout);
    assert_eq!(sandbox.run(&["check", "--explain", "SP2571", "--deny-warnings"]).code, Some(64));
}

/// A program that ends with the test, whatever becomes of it.
struct Watching(std::process::Child);

impl Drop for Watching {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(unix)]
#[test]
fn a_watched_folder_is_checked_again_when_it_changes() {
    use std::os::unix::process::ExitStatusExt;
    let sandbox = Sandbox::with(&[("d/egress.yaml", GOOD), ("d/sallyport.lock", LOCK)]);
    let mut command = sandbox.command(&["check", "d", "--watch", "--deny-warnings"]);
    let mut watching = Watching(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let child = &mut watching.0;
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let is_summary = |line: &String| {
        line.starts_with(|c: char| c.is_ascii_digit()) && (line.contains(" in 1 of ") || line.ends_with("no problems"))
    };
    let mut summary = || lines.find(is_summary).unwrap();
    assert_eq!(summary(), "1 file, 1 rule: no problems");
    sandbox.write("d/egress.yaml", bad());
    assert_eq!(summary(), "2 errors in 1 of 1 file");
    sandbox.write("d/egress.yaml", GOOD);
    assert_eq!(summary(), "1 file, 1 rule: no problems");
    // A file that is new, and the lock.
    sandbox.write("d/gateway.yaml", GATEWAY);
    assert_eq!(summary(), "1 warning in 1 of 2 files (--deny-warnings)");
    std::fs::remove_file(sandbox.path().join("d/gateway.yaml")).unwrap();
    assert_eq!(summary(), "1 file, 1 rule: no problems");
    sandbox.write("d/sallyport.lock", "{");
    assert_eq!(summary(), "1 error in 1 of 2 files");
    assert!(std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().signal(), Some(2));
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    // The last may not be written yet when the signal arrives.
    let notes = stderr.lines().filter(|line| *line == "watching for changes; press Ctrl-C to stop").count();
    assert!(notes >= 5 && notes == stderr.lines().count(), "{stderr}");
    for wrong in [&["check", "-", "--watch"][..], &["check", "d", "--watch", "--output=a"]] {
        assert_eq!(sandbox.run(wrong).code, Some(64), "{wrong:?}");
    }
}

/// A gateway whose label others may have, with a comment on the line above it.
fn silenced(comment: &str) -> Sandbox {
    let rule = RULE.replace("  trafficPolicy:", &format!("  # {comment}\n  trafficPolicy:"));
    Sandbox::with(&[("rule.yaml", &rule)])
}

#[test]
fn a_warning_is_silenced_by_a_comment_with_a_reason() {
    let sandbox = silenced("sallyport: ignore SP2523 because it is moved next week");
    for arguments in [&["check", "rule.yaml"][..], &["check", "rule.yaml", "--deny-warnings"]] {
        let ended = sandbox.run(arguments);
        let summary = "1 file, 0 rules, 1 Istio manifest: no problems (1 warning silenced)\n";
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), summary));
    }
    let report = json(&sandbox, &["rule.yaml"]);
    assert_eq!((codes(&report), &report["summary"]["silenced"]), (vec![], &Value::from(1)));
    let silenced = &report["silenced"][0];
    assert_eq!((&silenced["code"], &silenced["line"]), (&Value::from("SP2523"), &Value::from(6)));
    assert_eq!(silenced["reason"], "it is moved next week");
    let sarif = sandbox.run(&["check", "rule.yaml", "--format=sarif"]);
    let log: Value = serde_json::from_str(&sarif.stdout).unwrap();
    assert_sarif(&log);
    let suppression = &log["runs"][0]["results"][0]["suppressions"][0];
    assert_eq!((&suppression["kind"], &suppression["status"]), (&Value::from("inSource"), &Value::from("accepted")));
    assert_eq!(suppression["justification"], "it is moved next week");
    assert_eq!(suppression["location"]["physicalLocation"]["region"]["startLine"], 5);
    // At the end of the line, too, and of what only `build` finds.
    let placeholder = "{install: gateway-api} # sallyport: ignore SP9110 because the upstream is idempotent";
    sandbox.write("e/egress.yaml", format!("{GOOD}  gateway: {placeholder}\n"));
    sandbox.write("e/sallyport.lock", LOCK);
    let ended = sandbox.run(&["check", "e", "--deny-warnings"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "1 file, 1 rule: no problems (1 warning silenced)\n"));
    assert!(!sandbox.run(&["build", "e", "-o", "out"]).stdout.contains("SP9110"));
}

#[test]
fn what_silences_nothing_is_reported() {
    for (comment, expected) in [
        ("sallyport: ignore SP2523", &["SP9201", "SP2523"][..]),
        ("sallyport: ignore SP2523 because", &["SP9201", "SP2523"]),
        ("sallyport: allow SP2523 because a", &["SP9201", "SP2523"]),
        ("sallyport: ignore SP2599 because a", &["SP9202", "SP2523"]),
        ("sallyport: ignore SP0203 because a", &["SP9203", "SP2523"]),
        ("sallyport: ignore SP2101 because a", &["SP9204", "SP2523"]),
        ("sallyport: ignore SP2523, SP2101 because a", &["SP9204"]),
        ("sallyport: ignore SP2523 because a\n  # sallyport: ignore SP2523 because b", &["SP9204"]),
    ] {
        let sandbox = silenced(comment);
        let report = json(&sandbox, &["rule.yaml"]);
        let found: Vec<_> = codes(&report).into_iter().map(|(_, code)| code).collect();
        assert_eq!(found, expected, "{comment}");
        assert_eq!(report["diagnostics"][0]["line"].as_u64(), Some(if comment.contains('\n') { 6 } else { 5 }));
        let is_error = expected[0] != "SP9204";
        assert_eq!(sandbox.run(&["check", "rule.yaml"]).code, Some(i32::from(is_error)), "{comment}");
    }
    // One line too far, and while there are errors nothing is said of silences that seem unused.
    let sandbox = Sandbox::with(&[("rule.yaml", RULE), ("bad.yaml", &bad())]);
    let far = RULE.replace("spec:", "# sallyport: ignore SP2523 because a\nspec:");
    sandbox.write("rule.yaml", far);
    let of = |files: &[&str]| json(&sandbox, files)["diagnostics"].as_array().unwrap().len();
    assert_eq!(of(&["rule.yaml"]), 2);
    let report = json(&sandbox, &["rule.yaml", "bad.yaml"]);
    assert!(!codes(&report).iter().any(|(_, code)| *code == "SP9204"), "{report}");
}

#[test]
fn a_file_for_others_is_skipped_with_a_word_when_it_is_named() {
    let sandbox = Sandbox::with(&[("service.yaml", "apiVersion: v1\nkind: Service\n"), ("egress.yaml", GOOD)]);
    assert_eq!(codes(&json(&sandbox, &["service.yaml"])), [("service.yaml", "SP9004")]);
    assert_eq!(sandbox.run(&["check", "service.yaml", "egress.yaml"]).code, Some(0));
    assert_eq!(sandbox.run(&["build", "service.yaml", "-o", "out"]).code, Some(3));
    sandbox.write("wrong.yaml", "apiVersion: example.com/v1\nkind: Egress\n");
    assert!(codes(&json(&sandbox, &["wrong.yaml"])).contains(&("wrong.yaml", "SP0201")));
    std::fs::remove_file(sandbox.path().join("egress.yaml")).unwrap();
    assert_eq!(codes(&json(&sandbox, &["."])), [(".", "SP9002")]);
}

#[cfg(unix)]
#[test]
fn a_pipe_that_nothing_writes_to_does_not_block() {
    let sandbox = Sandbox::with(&[("d/egress.yaml", GOOD)]);
    let pipe = sandbox.path().join("d/pipe.yaml");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert_eq!(files(&json(&sandbox, &["d"])), 1);
    assert_eq!(codes(&json(&sandbox, &["d/pipe.yaml"])), [("d/pipe.yaml", "SP9001")]);
}

#[cfg(unix)]
#[test]
fn a_socket_has_a_word_and_a_link_to_nothing_is_skipped_in_a_folder() {
    let sandbox = Sandbox::with(&[("d/egress.yaml", GOOD)]);
    let _listener = std::os::unix::net::UnixListener::bind(sandbox.path().join("d/socket.yaml")).unwrap();
    std::os::unix::fs::symlink("nowhere.yaml", sandbox.path().join("d/link.yaml")).unwrap();
    let ended = sandbox.run(&["check", "d"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(format!("{ended:?}").contains("(1 link to nothing skipped)"), "{ended:?}");
    let ended = sandbox.run(&["check", "d/link.yaml"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let ended = sandbox.run(&["check", "d/socket.yaml"]);
    assert!(format!("{ended:?}").contains("it is a socket; write `-` for standard input"), "{ended:?}");
}

#[cfg(unix)]
#[test]
fn no_command_waits_for_a_pipe_that_it_is_to_read() {
    let sandbox = Sandbox::with(&[("egress.yaml", GOOD)]);
    assert!(std::process::Command::new("mkfifo").arg(sandbox.path().join("pipe")).status().unwrap().success());
    for arguments in [
        &["image", "verify", "--layout", "pipe"][..],
        &["image", "build", "--wasm", "pipe", "--output", "layout"],
        &["image", "build", "--of", "command", "--program", "pipe", "--output", "layout"],
        &["explain", "egress.yaml", "--har", "pipe"],
        &["learn", "pipe"],
        &["learn", "--merge", "pipe", "egress.yaml"],
        &["query", "pipe"],
        &["test", "pipe"],
        &["fmt", "pipe"],
        &["diff", "egress.yaml", "pipe"],
        &["status", "--log", "pipe"],
        &["status", "--metrics", "httpbin=pipe"],
        &["status", "--prometheus", "http://127.0.0.1:9", "--prometheus-token-file", "pipe"],
    ] {
        let ended = sandbox.run(arguments);
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(ended.code == Some(3) && said.contains("named pipe"), "{arguments:?}: {ended:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_report_is_not_written_to_a_pipe_that_nothing_reads() {
    let sandbox = Sandbox::with(&[("egress.yaml", GOOD)]);
    assert!(std::process::Command::new("mkfifo").arg(sandbox.path().join("out")).status().unwrap().success());
    let ended = sandbox.run(&["check", "egress.yaml", "-o", "out"]);
    let message = "cannot write to `out`: it is not a regular file";
    assert!(ended.code == Some(3) && ended.stderr.contains(message), "{ended:?}");
    let written = sandbox.run(&["check", "egress.yaml", "-o", "/dev/stdout"]);
    assert!(written.code == Some(0) && written.stdout.contains("in 1 of 1 file"), "{written:?}");
    assert_eq!(sandbox.run(&["check", "egress.yaml", "-o", "/dev/null"]).code, Some(0));
}

#[cfg(unix)]
#[test]
fn characters_that_xml_does_not_allow_are_not_in_junit() {
    let sandbox = Sandbox::with(&[("a\u{fffe}b\u{ffff}.yaml", GOOD)]);
    let ended = sandbox.run(&["check", ".", "--format=junit"]);
    assert_eq!(ended.code, Some(0));
    assert!(ended.stdout.contains("ab.yaml") && !ended.stdout.contains(['\u{fffe}', '\u{ffff}']), "{}", ended.stdout);
}

#[test]
fn thousands_of_silences_take_no_time() {
    let silences = "# sallyport: ignore SP2101 because a\n".repeat(20_000);
    let sandbox = Sandbox::with(&[("egress.yaml", &format!("{silences}{GOOD}"))]);
    let started = std::time::Instant::now();
    assert!(sandbox.run(&["check", "egress.yaml"]).stdout.contains("SP9204"));
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

const GATEWAY: &str = "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: a, namespace: b}\nspec:\n  \
                       sellector: {istio: my-own}\n";

const RULE: &str = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a, namespace: b}\nspec:\n  \
                    trafficPolicy: {tls: {mode: SIMPLE, insecureSkipVerify: true, sni: c.d, subjectAltNames: [c.d]}}\n  \
                    host: c.d\n  exportTo: [\".\"]\n";

#[test]
fn istio_manifests_are_linted_beside_egress_files() {
    let service = "apiVersion: v1\nkind: Service\n";
    let sandbox = Sandbox::with(&[
        ("d/egress.yaml", GOOD),
        ("d/sallyport.lock", LOCK),
        ("d/gateway.yaml", &format!("{service}---\n{GATEWAY}")),
        ("d/service.yaml", service),
        ("d/template.yaml", &format!("{{{{- if .Values.on }}}}\n{GATEWAY}")),
    ]);
    let report = json(&sandbox, &["d"]);
    assert_eq!(codes(&report), [("d/gateway.yaml", "SP2574")]);
    assert_eq!(
        (report["diagnostics"][0]["line"].as_u64(), report["diagnostics"][0]["column"].as_u64()),
        (Some(8), Some(3))
    );
    let summary = |field: &str| report["summary"][field].as_u64().unwrap();
    assert_eq!(["files", "egresses", "manifests", "skipped", "warnings"].map(summary), [2, 1, 1, 2, 1]);
    sandbox.write("d/gateway.yaml", GATEWAY.replace("sellector", "selector"));
    let ended = sandbox.run(&["check", "d"]);
    assert_eq!(ended.stdout, "2 files, 1 rule, 1 Istio manifest: no problems (2 YAML files for others skipped)\n");
    let piped = sandbox.run_with(&["check", "-"], GATEWAY.as_bytes());
    assert_eq!((piped.code, piped.stdout.contains("warning[SP2574]")), (Some(0), true));
}

#[test]
fn a_manifest_that_is_no_yaml_is_an_error_with_a_place() {
    let sandbox = Sandbox::with(&[("d/gateway.yaml", &format!("{GATEWAY}  servers: [\n"))]);
    let report = json(&sandbox, &["d"]);
    assert_eq!(codes(&report), [("d/gateway.yaml", "SP0101")]);
    assert_eq!(report["diagnostics"][0]["line"], 6);
    assert_eq!(sandbox.run(&["check", "d"]).code, Some(1));
}

#[test]
fn a_file_named_twice_is_checked_once() {
    let sandbox = Sandbox::with(&[("d/egress.yaml", GOOD), ("d/sallyport.lock", LOCK)]);
    let absolute = sandbox.path().join("d/egress.yaml");
    let report = json(&sandbox, &["d/egress.yaml", "d", "./d/../d/egress.yaml", absolute.to_str().unwrap(), "d"]);
    assert_eq!((files(&report), codes(&report)), (1, vec![]));
}

#[test]
fn a_file_is_named_from_the_working_directory() {
    let sandbox = Sandbox::with(&[("d/egress.yaml", "")]);
    let absolute = sandbox.path().canonicalize().unwrap().join("d/egress.yaml");
    for name in ["d/egress.yaml", "./d/egress.yaml", absolute.to_str().unwrap()] {
        assert_eq!(codes(&json(&sandbox, &[name]))[0].0, "d/egress.yaml");
    }
}

#[test]
fn standard_input_is_a_file() {
    let sandbox = Sandbox::with(&[("sallyport.lock", LOCK)]);
    let good = sandbox.run_with(&["check", "-", "-"], GOOD.as_bytes());
    assert_eq!((good.code, good.stdout.as_str()), (Some(0), "1 file, 1 rule: no problems\n"));
    let bad = sandbox.run_with(&["check", "-"], bad().as_bytes());
    assert_eq!(bad.code, Some(1));
    assert!(bad.stdout.contains("--> <stdin>:"), "{}", bad.stdout);
}

#[test]
fn bytes_that_are_no_text_are_a_problem_with_a_code() {
    let sandbox = Sandbox::new();
    sandbox.write("latin1.yaml", b"apiVersion: sallyport.dev/v1alpha1\n# caf\xe9\n");
    assert_eq!(codes(&json(&sandbox, &["."])), [("latin1.yaml", "SP0002")]);
}

#[cfg(unix)]
#[test]
fn a_file_name_may_be_any_bytes() {
    use std::os::unix::ffi::OsStrExt;
    let sandbox = Sandbox::new();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9\n.yaml");
    sandbox.write(name, "");
    let ended = sandbox.run(&["check".as_ref(), "--format=sarif".as_ref(), name]);
    assert_eq!(ended.code, Some(1));
    let log: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(log["runs"][0]["artifacts"][0]["location"]["uri"], "caf%E9%0A.yaml");
    assert_eq!(sandbox.run(&["check".as_ref(), name]).code, Some(1));
}

#[cfg(unix)]
#[test]
fn links_that_form_a_circle_end() {
    let sandbox = Sandbox::with(&[("d/egress.yaml", GOOD), ("d/sallyport.lock", LOCK)]);
    std::os::unix::fs::symlink("..", sandbox.path().join("d/up")).unwrap();
    std::os::unix::fs::symlink("nowhere", sandbox.path().join("d/lost.yaml")).unwrap();
    assert_eq!(codes(&json(&sandbox, &["d"])), [("", ""); 0]);
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let sandbox = Sandbox::new();
    let names: Vec<_> = (0..2_000).map(|number| format!("missing-{number}.yaml")).collect();
    let mut arguments = vec!["check"];
    arguments.extend(names.iter().map(String::as_str));
    let mut child = sandbox.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(3), ""));
}

#[test]
fn a_report_that_cannot_be_written_is_a_failure() {
    let sandbox = Sandbox::with(&[("egress.yaml", GOOD)]);
    let ended = sandbox.run(&["check", "egress.yaml", "--output", "no/such/directory/report"]);
    assert_eq!(ended.code, Some(3));
    assert_data_eq!(
        ended.stderr,
        str![[r#"
error: cannot write `no/such/directory/report`: no such file or directory

"#]]
    );
}

#[test]
fn a_report_never_overwrites_what_it_is_about() {
    let sandbox = Sandbox::with(&[("egress.yaml", GOOD)]);
    let ended = sandbox.run(&["check", "egress.yaml", "--output", "./egress.yaml"]);
    assert_eq!(ended.code, Some(3));
    assert_eq!(sandbox.read("egress.yaml"), GOOD);
}

#[test]
fn colour_is_for_terminals_and_who_asks_for_it() {
    let sandbox = Sandbox::with(&[("egress.yaml", GOOD)]);
    let coloured = |argument: &str| sandbox.run(&["check", "egress.yaml", argument]).stdout.contains('\u{1b}');
    assert!(!coloured("--color=auto"));
    assert!(!coloured("--color=never"));
    assert!(coloured("--color=always"));
}

#[test]
fn the_working_directory_is_checked_unless_files_are_named() {
    let sandbox = Sandbox::with(&[("bad.yaml", &bad())]);
    assert_eq!(sandbox.run(&["check"]).stdout, sandbox.run(&["check", "."]).stdout);
    assert_eq!(sandbox.run(&["check"]).code, Some(1));
    assert_eq!(Sandbox::new().run(&["check"]).code, Some(3));
}

#[test]
fn a_code_is_explained() {
    let sandbox = Sandbox::new();
    let ended = sandbox.run(&["check", "--explain", "sp1102"]);
    assert!(ended.code == Some(0) && ended.stdout.starts_with("SP1102: Two rules have the same ID.\n"), "{ended:?}");
    let all = sandbox.run(&["check", "--explain"]);
    assert!(all.code == Some(0) && all.stdout.contains("  SP1102  Two rules have the same ID.\n"), "{all:?}");
    assert_eq!(sandbox.run(&["check", "--explain", "SP0203"]).code, Some(0));
    let unknown = sandbox.run(&["check", "--explain", "SP11O2"]);
    assert_eq!(unknown.code, Some(64));
    assert_data_eq!(
        unknown.stderr,
        str![[r#"
error: sallyport 0.1.0 has no code `SP11O2`
  help: did you mean `SP1102`? Two rules have the same ID.

"#]]
    );
    assert_data_eq!(
        sandbox.run(&["check", "--explain", "E4711"]).stderr,
        str![[r#"
error: sallyport 0.1.0 has no code `E4711`
  help: a code is `SP` and four digits, such as `SP1302`; `sallyport check --explain` lists all codes

"#]]
    );
}

/// The page on policies shows what `check` prints for the file at its beginning.
#[test]
fn the_first_check_of_the_documentation_prints_what_it_says() {
    let page = include_str!("../../../docs/writing-a-policy.md");
    let (_, rest) = page.split_once("```yaml\n").unwrap();
    let (file, rest) = rest.split_once("```\n").unwrap();
    let (_, rest) = rest.split_once("```text\n").unwrap();
    let (shown, rest) = rest.split_once("```\n").unwrap();
    let (_, rest) = rest.split_once("$ sallyport check egress.yaml\n").unwrap();
    let (good, _) = rest.split_once("```").unwrap();
    let sandbox = Sandbox::new();
    sandbox.write("egress.yaml", file);
    assert_eq!(sandbox.run(&["check", "egress.yaml"]).stdout, shown);
    sandbox.write("sallyport.lock", LOCK);
    assert_eq!(sandbox.run(&["check", "egress.yaml"]).stdout, good);
}
