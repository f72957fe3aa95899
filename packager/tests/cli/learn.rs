//! `sallyport learn`

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use snapbox::{assert_data_eq, str};

use crate::sandbox::{GOOD, Sandbox, bad};

fn line(day: u32, account: &str, method: &str, path: &str) -> String {
    format!(
        r#"{{"time":"2026-11-{day:02}T10:00:00Z","status":200,"decision":"allowed","principal":"spiffe://cluster.local/ns/httpbin/sa/{account}","method":"{method}","host":"httpbin.legacy.internal","path":"{path}","address":"10.0.0.1"}}"#
    )
}

fn log() -> String {
    let mut lines: Vec<String> =
        (1..6).flat_map(|id| [1, 2].map(|day| line(day, "writer", "PUT", &format!("/items/{id}")))).collect();
    lines.push(line(1, "sleep", "GET", "/get"));
    lines.push(line(2, "sleep", "GET", "/get"));
    lines.push(line(2, "writer", "PUT", "/once"));
    lines.push("started".to_owned());
    lines.join("\n") + "\n"
}

#[test]
fn rules_are_on_stdout_and_what_to_review_on_stderr() {
    let sandbox = Sandbox::with(&[("access.log", &log())]);
    let ended = sandbox.run(&["learn", "access.log"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_data_eq!(
        &ended.stdout,
        str![[r#"
authz:
  rules:
  - id: sleep # 2 calls on 2 days, 2026-11-01 to 2026-11-02
    action: ALLOW
    from:
    - source:
        serviceAccounts:
        - httpbin/sleep # 2 calls on 2 days, 2026-11-01 to 2026-11-02
    to:
    - operation:
        methods: [GET]
        paths:
        - /get # 2 calls on 2 days, 2026-11-01 to 2026-11-02
  - id: writer # 10 calls on 2 days, 2026-11-01 to 2026-11-02
    action: ALLOW
    from:
    - source:
        serviceAccounts:
        - httpbin/writer # 10 calls on 2 days, 2026-11-01 to 2026-11-02
    to:
    - operation:
        methods: [PUT]
        paths:
        - "/items/{*}" # 10 calls on 2 days, 2026-11-01 to 2026-11-02

"#]]
    );
    assert_data_eq!(
        &ended.stderr,
        str![[r#"
14 lines: 12 learned from, 1 set apart, 1 of another log
2 rules for 2 callers; replayed 6 different requests: all allowed

The rules allow any value of these segments:
  /items/{*}  5 ids, such as 1, 2, 3; httpbin/writer

Not learned, for review:
  seen on one day only, and by one address
    PUT /once from httpbin/writer: 1 call on 2026-11-02

Nothing is learned of headers and queries, because a log does not have them: add `when` where a rule needs it.

"#]]
    );
    let quiet = sandbox.run(&["learn", "access.log", "-q"]);
    assert_eq!((quiet.stdout, quiet.stderr.as_str()), (ended.stdout, ""));
}

#[test]
fn what_is_missing_is_a_diff_and_can_be_written() {
    let sandbox = Sandbox::with(&[("access.log", &log()), ("egress.yaml", &format!("{GOOD}# the end\n"))]);
    let before = sandbox.read("egress.yaml");
    let ended = sandbox.run(&["learn", "access.log", "--merge", "egress.yaml"]);
    assert!(ended.stdout.starts_with("--- a/egress.yaml\n+++ b/egress.yaml\n@@ "), "{ended:?}");
    assert!(ended.stdout.lines().skip(3).all(|line| line.starts_with(['+', ' '])), "{ended:?}");
    assert_eq!((ended.code, sandbox.read("egress.yaml")), (Some(0), before));
    let written = sandbox.run(&["learn", "access.log", "--merge", "egress.yaml", "--write"]);
    assert_eq!((written.code, written.stdout.as_str()), (Some(0), ""));
    assert!(written.stderr.ends_with("1 rule added to `egress.yaml`\n"), "{written:?}");
    let text = sandbox.read("egress.yaml");
    assert!(text.starts_with(GOOD) && text.ends_with("# the end\n"), "{text}");
    assert_eq!(sandbox.run(&["check", "egress.yaml", "-q"]).code, Some(0));
    // A second time nothing is missing, and nothing is written.
    let again = sandbox.run(&["learn", "access.log", "--merge", "egress.yaml", "--write"]);
    assert_eq!((again.code, again.stdout.as_str(), sandbox.read("egress.yaml")), (Some(0), "", text));
    assert!(again.stderr.contains("no rule is missing"), "{again:?}");
}

#[test]
fn logs_may_be_several_compressed_and_standard_input() {
    let sandbox = Sandbox::new();
    let (one, two) = (log(), log());
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(one.as_bytes()).unwrap();
    let compressed = encoder.finish().unwrap();
    sandbox.write("a.log.gz", &compressed);
    sandbox.write("b.log", &two);
    let json = |ended: &crate::sandbox::Ended| serde_json::from_str::<Value>(&ended.stdout).unwrap();
    let ended = sandbox.run_with(&["learn", "a.log.gz", "b.log", "-", "--format", "json"], log().as_bytes());
    assert_eq!((ended.code, ended.stderr.as_str(), json(&ended)["lines"].as_u64()), (Some(0), "", Some(42)));
    let piped = sandbox.run_with(&["learn", "-", "--format", "json"], &compressed);
    assert_eq!(json(&piped)["lines"], 14);
    // Files that were compressed one by one and put together, by a name that does not say so.
    sandbox.write("both.log", [&compressed[..], &compressed].concat());
    let both = sandbox.run(&["learn", "both.log", "--format", "json"]);
    assert_eq!((both.code, json(&both)["lines"].as_u64()), (Some(0), Some(28)));
}

#[test]
fn json_has_all_of_it() {
    let sandbox = Sandbox::with(&[("access.log", &log())]);
    let ended = sandbox.run(&["learn", "access.log", "--format", "json"]);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        (report["version"].as_u64(), report["kept"].as_u64(), report["replayed"].as_u64()),
        (Some(1), Some(12), Some(6))
    );
    assert_eq!(report["leftOut"]["otherLog"], 1);
    assert_eq!(report["rules"][1]["rule"]["to"][0]["operation"]["paths"][0], "/items/{*}");
    assert_eq!(report["rules"][1]["paths"][0]["first"], "2026-11-01T10:00:00Z");
    assert_eq!(report["generalisations"][0]["values"], 5);
    assert_eq!(report["review"][0]["why"], "rare");
    let proposal = sandbox.run(&["learn", "access.log", "-q"]).stdout;
    assert_eq!(report["proposal"], proposal);
}

/// A line that ends in the middle, is no text, or is too long costs that line and nothing else.
#[test]
fn a_bad_line_is_counted() {
    let sandbox = Sandbox::new();
    let mut bytes = log().into_bytes();
    bytes.extend(b"{\"method\":\"GET\"\n\xff\xfe{}\n");
    bytes.extend(line(1, "sleep", "GET", &format!("/{}", "x".repeat(2 << 20))).bytes());
    bytes.extend(format!("\n\n{}", line(2, "sleep", "GET", "/get")).bytes());
    sandbox.write("access.log", &bytes);
    let ended = sandbox.run(&["learn", "access.log"]);
    assert_eq!(ended.code, Some(0));
    let expected = "18 lines: 13 learned from, 1 set apart, 1 of another log, 3 broken or cut off\n";
    assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
}

#[test]
fn what_cannot_be_done_is_said() {
    let other = line(1, "sleep", "GET", "/get").replace("httpbin.legacy", "other.legacy");
    let sandbox = Sandbox::with(&[
        ("access.log", &log()),
        ("two.log", &format!("{}{other}\n", log())),
        ("empty.log", ""),
        ("other.log", "started\nstopped\n"),
        ("egress.yaml", GOOD),
        ("bad.yaml", &bad()),
        ("flow.yaml", &GOOD.replace(GOOD.split_once("  authz:").unwrap().1, " {discloseRule: true}\n")),
        ("mesh.yaml", "apiVersion: sallyport.dev/v1alpha1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {}\n"),
        // What else is wrong with it is not said.
        ("rollout.yaml", "apiVersion: sallyport.dev/v1alpha1\nkind: Rollout\nmetadata: {name: r}\nspec: {waves: 1}\n"),
    ]);
    for (arguments, code, expected) in [
        (&["learn"][..], 64, "<LOG>..."),
        (&["learn", "missing.log"], 3, "cannot read `missing.log`: no such file or directory"),
        (&["learn", "."], 3, "cannot read `.`: it is a directory"),
        (&["learn", "empty.log"], 1, "`empty.log` is empty: there is no line to learn from"),
        (&["learn", "empty.log", "-"], 1, "`empty.log`, `-` are empty: there is no line to learn from"),
        (&["learn", "other.log"], 1, "there is no request to learn from in 2 lines"),
        (
            &["learn", "two.log"],
            64,
            "the log has requests for 2 hosts: `httpbin.legacy.internal` (13), `other.legacy.internal` (1)",
        ),
        (&["learn", "access.log", "--host", "nobody.example"], 1, "there is no request to learn from"),
        (&["learn", "access.log", "--write"], 64, "--merge <EGRESS>"),
        (&["learn", "access.log", "--merge", "missing.yaml"], 3, "missing.yaml"),
        (&["learn", "access.log", "--merge", "bad.yaml"], 1, "unknown field `prot`"),
        (&["learn", "access.log", "--merge", "mesh.yaml"], 64, "`mesh.yaml` is not an Egress file"),
        (&["learn", "access.log", "--merge", "rollout.yaml"], 64, "`rollout.yaml` is not an Egress file"),
        (&["learn", "access.log", "--merge", "."], 64, "`--merge .` is not a file"),
        (&["learn", "access.log", "--merge", "flow.yaml"], 1, "`flow.yaml` has no place for rules"),
        (&["learn", "access.log", "--mesh", "egress.yaml"], 64, "`egress.yaml` is not a Mesh file"),
        (&["learn", "access.log", "--names", "1"], 64, "--names"),
        (&["learn", "access.log", "--ids", "257"], 64, "--ids"),
    ] {
        let ended = sandbox.run(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(expected), "{arguments:?}: {ended:?}");
    }
    assert_eq!(sandbox.run(&["learn", "two.log", "--host", "other.legacy.internal"]).code, Some(0));
}

/// Why a log is of no use, and which one would be.
#[test]
fn what_to_do_about_a_log_without_a_request_is_said() {
    let filter = "[2026-11-21 09:25:22.181][12][info][wasm] wasm log httpbin/httpbin: allowed shadow=refused reason=not_allowed \
                  method=\"GET\" host=\"httpbin.legacy.internal\" path=\"/a\" id=\"x\"\n";
    let other = log().replace("httpbin.legacy", "other.legacy");
    let anonymous =
        line(1, "sleep", "GET", "/get").replace("\"spiffe://cluster.local/ns/httpbin/sa/sleep\"", "null") + "\n";
    assert!(anonymous.contains("null"), "{anonymous}");
    let sandbox = Sandbox::with(&[
        ("filter.log", &filter.repeat(3)),
        ("other.log", &other),
        ("refused.log", &log().replace("\"allowed\"", "\"refused\"")),
        ("some.log", &format!("{}{other}{other}", log().replace("\"allowed\"", "\"refused\""))),
        ("anonymous.log", &anonymous.repeat(3)),
        ("mixed.log", &format!("{}{}", log(), filter.repeat(3))),
        ("most.log", &format!("{}{}", log(), anonymous.repeat(30))),
        ("egress.yaml", GOOD),
    ]);
    for (arguments, expected) in [
        (
            &["filter.log"][..],
            "3 lines: 0 learned from, 3 of the filter without a principal\nerror: there is no request to learn from in 3 lines\n  \
             help: the filter's own lines name the caller only if a rule of the gateway looks at callers: give the gateway's JSON \
             access log",
        ),
        (
            &["other.log", "--merge", "egress.yaml"],
            "the log is about other hosts than `httpbin.legacy.internal`: `other.legacy.internal` (13)",
        ),
        (
            &["other.log", "--host", "nobody.example"],
            "the log is about other hosts than `nobody.example`: `other.legacy.internal` (13)",
        ),
        (&["refused.log"], "is not learned; `--keep-rare` learns what one address sent"),
        (&["refused.log", "--keep-rare"], "is not learned: write the rules for it by hand, if it is to be allowed"),
        // The host is right, and most lines are of others.
        (
            &["some.log", "--host", "httpbin.legacy.internal"],
            "is not learned; `--keep-rare` learns what one address sent",
        ),
        (&["anonymous.log"], "help: most lines have no principal: the caller was outside the mesh"),
    ] {
        let ended = sandbox.run(&[&["learn"], arguments].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(expected), "{arguments:?}: {}", ended.stderr);
    }
    let mixed = sandbox.run(&["learn", "mixed.log"]);
    assert!(
        mixed.stderr.contains("3 of the filter without a principal\nthe filter's own lines name"),
        "{}",
        mixed.stderr
    );
    let most = sandbox.run(&["learn", "most.log"]);
    assert!(most.stderr.contains("30 without a principal\nmost lines have no principal: "), "{}", most.stderr);
    for option in ["--host", "--principal-key"] {
        assert_eq!(sandbox.run(&["learn", "mixed.log", option, ""]).code, Some(64));
    }
}

/// Lines without a time are of no known day: what only they show is for review, however many addresses sent it.
#[test]
fn what_has_no_time_is_not_learned() {
    let timeless = |path: &str, address: &str| {
        let line = line(1, "sleep", "GET", path).replace("10.0.0.1", address);
        line.replace("\"time\":\"2026-11-01T10:00:00Z\"", "\"time\":\"yesterday\"") + "\n"
    };
    let unknown = timeless("/admin", "10.0.0.1") + &timeless("/admin", "10.0.0.2");
    // Of what is known anyway they say nothing that is wrong.
    let known = timeless("/get", "10.0.0.3");
    let one_day = line(1, "sleep", "GET", "/get") + "\n";
    let sandbox = Sandbox::with(&[
        ("access.log", &(log() + &unknown + &known)),
        ("one.log", &(one_day + &unknown)),
        ("timeless.log", &unknown),
    ]);
    for (name, lines) in [("access.log", "3 lines have"), ("one.log", "2 lines have")] {
        let ended = sandbox.run(&["learn", name]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains("- /get #") && !ended.stdout.contains("/admin"), "{ended:?}");
        for says in [
            &format!("{lines} no time that can be read; such lines are of no known day\n"),
            "  seen only in lines without a time that can be read, so on no known day\n    GET /admin from httpbin/sleep: 2 calls\n",
        ] {
            assert!(ended.stderr.contains(says), "{name}: {}", ended.stderr);
        }
        let json: Value = serde_json::from_str(&sandbox.run(&["learn", name, "--format", "json"]).stdout).unwrap();
        let review = json["review"].as_array().unwrap().iter().find(|one| one["path"] == "/admin").unwrap();
        assert_eq!((&review["why"], &review["days"]), (&"noTime".into(), &0.into()), "{json:#}");
        assert_eq!(json["withoutTime"], if name == "one.log" { 2 } else { 3 });
        assert!(sandbox.run(&["learn", name, "--keep-rare"]).stdout.contains("- /admin # 2 calls\n"));
    }
    let ended = sandbox.run(&["learn", "timeless.log"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    assert!(
        ended.stderr.contains("help: the lines have no time that can be read: give a log with `time`"),
        "{ended:?}"
    );
}

/// The trust domain is the mesh's, and the log may be of callers that have it.
#[test]
fn the_mesh_file_has_the_trust_domain() {
    let mesh =
        "apiVersion: sallyport.dev/v1alpha1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {trustDomain: prod.example}\n";
    let log = log().replace("cluster.local", "prod.example");
    let sandbox = Sandbox::with(&[("access.log", &log), ("mesh/mesh.yaml", mesh)]);
    let without = sandbox.run(&["learn", "access.log"]);
    assert!(without.stdout.contains("- prod.example/ns/httpbin/sa/sleep"), "{without:?}");
    assert!(without.stderr.contains("every caller is of another trust domain than `cluster.local`"), "{without:?}");
    let with = sandbox.run(&["learn", "access.log", "--mesh", "mesh/mesh.yaml"]);
    assert!(with.stdout.contains("- httpbin/sleep"), "{with:?}");
}

/// A log is larger than the memory that it takes, also one that is made to be.
#[cfg(target_os = "linux")]
#[test]
fn the_memory_is_bounded() {
    const MEGABYTES: usize = 200;
    const MOST_KILOBYTES: u64 = 256 << 10;
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["learn", "-", "--quiet", "--keep-rare"]);
    command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut random = fastrand::Rng::with_seed(1);
    let mut written = 0;
    while written < MEGABYTES << 20 {
        let mut chunk = String::new();
        while chunk.len() < 1 << 20 {
            let mut word = || (0..12).map(|_| random.alphabetic()).collect::<String>();
            let (account, path) = (word().to_ascii_lowercase(), format!("/{}/{}/{}", word(), word(), word()));
            let account = if random.bool() { format!("a{}", random.u16(..)) } else { account };
            let refused = if random.bool() { r#""decision":"refused","# } else { "" };
            let line = line(random.u32(1..29), &account, "GET", &path).replace(r#""decision":"allowed","#, refused);
            chunk.push_str(&line);
            chunk.push('\n');
        }
        stdin.write_all(chunk.as_bytes()).unwrap();
        written += chunk.len();
    }
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    drop(stdin);
    // Then the rules are made, which takes more.
    let peak =
        std::iter::repeat_with(|| fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default())
            .map_while(|status| kilobytes(&status))
            .chain(kilobytes(&status))
            .max()
            .unwrap();
    child.wait().unwrap();
    assert!(peak < MOST_KILOBYTES, "{peak} kB");
}

/// The most memory that the program has had; nothing once it has ended.
#[cfg(target_os = "linux")]
fn kilobytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
