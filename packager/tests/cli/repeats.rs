//! The same evidence more than once, under other names and in other forms: it counts once.

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::evidence::{day, line, seen};
use crate::sandbox::Sandbox;
use crate::status::{LATER, SLEEP, at, entered, page, region, sandbox};

const OWN: &str = "httpbin.legacy.internal";

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn requests(seen: &Value) -> u64 {
    seen["seen"]["requests"].as_u64().unwrap()
}

/// Some lines that have their request's ID.
fn with_ids(count: usize, status: u32) -> String {
    let of = |number: usize| {
        let time = format!("2026-11-18T12:{:02}:{:02}.000Z", number / 60, number % 60);
        line(&time, "null", status, OWN).replace("\"path\"", &format!("\"requestId\":\"{number}\",\"path\""))
    };
    (0..count).map(of).collect()
}

/// Whatever was copied in whichever way, and in whichever order it is given.
#[test]
fn a_line_in_several_logs_counts_once() {
    let sandbox = sandbox();
    let day = day(&sandbox);
    let half: String = day.lines().skip(400).map(|line| format!("{line}\n")).collect();
    let prefixed: String = day.lines().map(|line| format!("2026-11-20T09:00:00.5Z stdout F {line}\r\n")).collect();
    let spaced = day.replace("\":", "\": ");
    sandbox.write("access.log", &day);
    sandbox.write("copy.log", &day);
    sandbox.write("copy.gz", gzip(&day));
    sandbox.write("rotated.log", half);
    sandbox.write("runtime.log", prefixed);
    sandbox.write("written.log", spaced);
    fs::hard_link(sandbox.path().join("access.log"), sandbox.path().join("hard.log")).unwrap();
    for (name, again) in [
        ("copy.log", "1,101"),
        ("copy.gz", "1,101"),
        ("hard.log", "1,101"),
        ("rotated.log", "702"),
        ("runtime.log", "1,101"),
        ("written.log", "1,101"),
    ] {
        for logs in [["--log", "access.log", "--log", name], ["--log", name, "--log", "access.log"]] {
            let found = seen(&sandbox, &logs);
            assert_eq!((requests(&found), &found["follows"]), (1101, &"ready".into()), "{name}: {found:#}");
            let note = format!("{again} lines are in the logs again, and count once");
            assert_eq!(found["notes"], serde_json::json!([note]), "{name}");
        }
    }
    // What is in one log alone counts, and the commit has what was left out.
    let other = line("2026-11-18T13:00:00.500Z", "null", 200, OWN);
    sandbox.write("other.log", other.repeat(3) + &line("2026-11-19T12:01:00.000Z", "null", 200, OWN));
    let found = seen(&sandbox, &["--log", "access.log", "--log", "other.log"]);
    assert_eq!(requests(&found), 1104, "{found:#}");
    let note = "1 line is in the logs again, and counts once";
    assert_eq!(found["notes"], serde_json::json!([note]));
    let logs = ["--log", "access.log", "--log", "other.log"];
    for (command, line) in [("plan", format!("evidence: {note}\n")), ("status", format!("note: {note}\n"))] {
        let ended = at(&sandbox, LATER, &[&[command], &logs[..]].concat());
        assert!(ended.stdout.contains(&line), "{ended:?}");
    }
    // In one log a line is as often as its gateway wrote it.
    let found = seen(&sandbox, &["--log", "access.log"]);
    assert_eq!((requests(&found), &found["notes"]), (1101, &serde_json::json!([])));
}

/// Logs that were put together have the same lines again in one file.
#[test]
fn a_line_with_its_id_counts_once_in_one_log() {
    let sandbox = sandbox();
    let log = day(&sandbox) + &with_ids(50, 200);
    sandbox.write("access.log", log.clone() + &with_ids(60, 200));
    let note = serde_json::json!(["50 lines are in the logs again, and count once"]);
    let found = seen(&sandbox, &["--log", "access.log"]);
    assert_eq!((requests(&found), &found["notes"]), (1161, &note), "{found:#}");
    let whole = with_ids(50, 200) + &day(&sandbox) + &with_ids(60, 200);
    let ended = sandbox.run_with(&["status", "--format", "json", "--log", "-"], &gzip(&whole));
    let found: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(requests(&found["gateways"][0]), 1161, "{found:#}");
}

/// Whatever was added on the way, and however the time is written.
#[test]
fn a_line_with_its_id_is_known_in_any_form() {
    let sandbox = sandbox();
    let log = day(&sandbox) + &with_ids(50, 200);
    sandbox.write("access.log", &log);
    for copy in [
        with_ids(50, 200).replace("{\"time\"", "{\"cluster\":\"x\",\"time\""),
        with_ids(50, 200).replace("000Z", "000+00:00"),
    ] {
        sandbox.write("copy.log", copy);
        let found = seen(&sandbox, &["--log", "access.log", "--log", "copy.log"]);
        assert_eq!((requests(&found), &found["follows"]), (1151, &"ready".into()), "{found:#}");
    }
}

/// A copy hides nothing, and makes nothing worse.
#[test]
fn what_speaks_against_a_step_is_not_doubled_and_not_lost() {
    let sandbox = sandbox();
    let narrowed = format!("\"{}\"", region(&sandbox));
    // 11 of 1112 are few enough; 22 of 1101 are not.
    let log = day(&sandbox) + &with_ids(11, 503);
    sandbox.write("access.log", &log);
    sandbox.write("copy.log", &log);
    let found = seen(&sandbox, &["--log", "access.log", "--log", "copy.log"]);
    assert_eq!((requests(&found), &found["follows"]), (1112, &"ready".into()), "{found:#}");
    // Errors of two pods whose lines have no ID may be the same by chance.
    let errors = line("2026-11-18T13:00:00.000Z", "null", 503, OWN).repeat(11);
    sandbox.write("access.log", day(&sandbox) + &errors);
    sandbox.write("copy.log", &errors);
    let found = seen(&sandbox, &["--log", "access.log", "--log", "copy.log"]);
    assert_eq!((requests(&found), &found["follows"]), (1112, &"blocked".into()), "{found:#}");
    assert!(found["missing"].to_string().contains("22 requests were answered with 5xx"), "{found:#}");
    let entry = line("2026-11-18T13:00:00.000Z", &narrowed, 200, OWN);
    sandbox.write("access.log", day(&sandbox) + &entry);
    sandbox.write("copy.log", &entry);
    let found = seen(&sandbox, &["--log", "copy.log", "--log", "access.log"]);
    let says = format!("1 request of {SLEEP} would be refused");
    assert!(found["follows"] == "blocked" && found["missing"].to_string().contains(&says), "{found:#}");
}

#[test]
fn a_page_under_another_name_is_one_page() {
    let sandbox = sandbox();
    let whole = page(&sandbox, "");
    let both = ["--metrics", "httpbin/httpbin=page.txt", "--metrics", "httpbin/httpbin=copy.txt"];
    sandbox.write("page.txt", &whole);
    let reordered: String = whole.lines().rev().map(|line| format!("{line}\n")).collect();
    for copy in [whole.clone(), format!("# again\n{reordered}envoy_server_uptime 90\n")] {
        sandbox.write("copy.txt", copy);
        let found = seen(&sandbox, &both);
        assert_eq!((requests(&found), &found["follows"]), (1200, &"waiting".into()), "{found:#}");
        let says = "copy.txt has the same counts as page.txt, so they count once: is it of the same pod? Give one page of each";
        assert!(found["missing"].to_string().contains(says), "{found:#}");
    }
    // What would be refused is not doubled, either.
    let (region, digest) = (region(&sandbox), crate::status::digest(&sandbox));
    let against = page(&sandbox, &entered(&region, &digest));
    sandbox.write("page.txt", &against);
    sandbox.write("copy.txt", &against);
    let found = seen(&sandbox, &both);
    assert!(found["missing"].to_string().contains("3 requests of "), "{found:#}");
    // Two pages of one pod, a moment apart, or of two pods of which one has had a request more.
    sandbox.write("page.txt", &whole);
    let later = whole.replace("1200", "1201");
    let labelled = later.replace("requests_allowed ", "requests_allowed{instance=\"b\"} ");
    for copy in [&later, &labelled, &whole.replace("1200", "1199"), &(later.clone() + "sallyport_requests_denied 1\n")]
    {
        sandbox.write("copy.txt", copy);
        let found = seen(&sandbox, &both);
        let says = "copy.txt may be of the same pod as page.txt, a moment apart";
        assert!(found["follows"] == "waiting" && found["missing"].to_string().contains(says), "{found:#}");
    }
    let started = |time: u32| format!("envoy_server_initialization_time_ms_sum{{}} {time}\n");
    sandbox.write("page.txt", whole.clone() + &started(900));
    sandbox.write("copy.txt", later.clone() + &started(900));
    assert_eq!(seen(&sandbox, &both)["follows"], "waiting");
    for two in [
        later.clone() + &started(912),
        later.replace("_seconds 179", "_seconds 178"),
        later.replace("1201\n", "1201\nsallyport_requests_denied 1\n").replace("allowed 1201", "allowed 1190"),
    ] {
        sandbox.write("copy.txt", &two);
        assert!(!seen(&sandbox, &both)["missing"].to_string().contains("of the same pod"), "{two}");
    }
    sandbox.write("copy.txt", later.clone() + &started(912));
    let found = seen(&sandbox, &both);
    assert_eq!((requests(&found), &found["follows"]), (2401, &"ready".into()), "{found:#}");
    for name in ["page.txt", "copy.txt"] {
        sandbox.write(name, whole.replace(" 1200\n", " 0\n"));
    }
    assert_eq!(seen(&sandbox, &both)["seen"]["answer"], "noTraffic");
}

/// What is not counted may be given as often as one likes.
#[test]
fn logs_beside_pages_are_examples() {
    let sandbox: Sandbox = sandbox();
    sandbox.write("page.txt", page(&sandbox, ""));
    sandbox.write("access.log", day(&sandbox));
    sandbox.write("copy.log", day(&sandbox));
    let found = seen(&sandbox, &["--metrics", "httpbin/httpbin=page.txt", "--log", "access.log", "--log", "copy.log"]);
    assert_eq!((requests(&found), &found["follows"]), (1200, &"ready".into()), "{found:#}");
    assert_eq!(found["notes"], serde_json::json!([]));
}
