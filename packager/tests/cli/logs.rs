//! Logs as they are found: compressed, in parts, cut off, and other files that are taken for logs. One reader is behind all
//! commands.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::sandbox::Sandbox;
use crate::status::{LATER, SLEEP, at, region, sandbox, status};

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn line(hour: usize, region: &str, caller: &str) -> String {
    format!(
        "{{\"time\":\"2026-11-18T{hour:02}:30:00.000Z\",\"decision\":\"allowed\",\"region\":{region},\"principal\":\"spiffe://{caller}\",\
         \"status\":200,\"method\":\"GET\",\"host\":\"httpbin.legacy.internal\",\"path\":\"/anything\"}}\n"
    )
}

/// As many lines as hours, and one that was decided otherwise.
fn log(sandbox: &Sandbox) -> String {
    let entered = line(12, &format!("\"{}\"", region(sandbox)), SLEEP);
    (12..23).map(|hour| line(hour, "null", SLEEP)).collect::<String>() + &entered
}

fn requests(seen: &Value) -> Option<u64> {
    seen["gateways"][0]["seen"]["requests"].as_u64()
}

#[test]
fn a_status_reads_compressed_logs_by_their_content() {
    let sandbox = sandbox();
    let log = log(&sandbox);
    // By a name that does not say so, and one by a name that is not true.
    sandbox.write("access.log", gzip(&log));
    sandbox.write("plain.log.gz", &log);
    let both: Vec<u8> = [gzip(&log), gzip(&log)].concat();
    sandbox.write("members.gz", both);
    for (name, expected) in [("access.log", 12), ("plain.log.gz", 12), ("members.gz", 24)] {
        assert_eq!(requests(&status(&sandbox, &["--log", name])), Some(expected), "{name}");
    }
    let piped = sandbox.run_with(&["status", "--log", "-", "--format", "json"], &gzip(&log));
    assert_eq!(requests(&serde_json::from_str(&piped.stdout).unwrap()), Some(12), "{piped:?}");
}

#[test]
fn what_is_no_log_is_said_by_every_command() {
    let sandbox = sandbox();
    let log = log(&sandbox);
    let compressed = gzip(&log);
    let middle = compressed.len() / 2;
    let mut broken = compressed.clone();
    broken[middle..middle + 8].fill(0xff);
    let second = [&compressed[..], &compressed[..15]].concat();
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(log.bytes().flat_map(|byte| [byte, 0])).collect();
    let cut = "its compressed data end in the middle";
    for (name, bytes, message) in [
        ("cut.gz", compressed[..compressed.len() - 10].to_vec(), cut),
        ("second.gz", second, cut),
        ("magic.gz", vec![0x1f, 0x8b], cut),
        ("broken.gz", broken, "cannot read `broken.gz`: "),
        ("log.zst", vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0], "it is compressed with zstd"),
        ("log.xz", b"\xfd7zXZ\0\0\0".to_vec(), "it is compressed with xz"),
        ("log.bz2", b"BZh91AY".to_vec(), "it is compressed with bzip2"),
        ("utf16.log", utf16, "it is in UTF-16"),
    ] {
        sandbox.write(name, bytes);
        for arguments in
            [&["learn", name][..], &["status", "--log", name], &["plan", "--log", name], &["promote", "--log", name]]
        {
            let ended = at(&sandbox, LATER, arguments);
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{arguments:?}: {ended:?}");
            assert!(ended.stderr.contains(&format!("cannot read `{name}`: ")), "{arguments:?}: {ended:?}");
            assert!(ended.stderr.contains(message), "{arguments:?}: {ended:?}");
        }
    }
}

/// A line that is no text, is cut off or is too long costs that line and nothing else; so do empty logs.
#[test]
fn a_bad_line_costs_itself() {
    let sandbox = sandbox();
    let log = log(&sandbox);
    let huge = line(12, "null", &"x".repeat(2 << 20));
    let mut bytes = b"\xff\xfe\xfd\0\n{\"half\":\n\n[1]\n".to_vec();
    bytes.extend([huge.as_bytes(), log.as_bytes(), &log.as_bytes()[..30]].concat());
    sandbox.write("access.log", &bytes[2..]);
    sandbox.write("empty.log", "");
    sandbox.write("empty.gz", gzip(""));
    let seen = status(&sandbox, &["--log", "empty.log", "--log", "access.log", "--log", "empty.gz"]);
    assert_eq!(requests(&seen), Some(12), "{seen:#}");
    let missing = seen["gateways"][0]["missing"].to_string();
    let says = "3 lines cannot be read, the first: access.log:2: its JSON is broken or cut off";
    assert!(missing.contains(says), "{missing}");
    sandbox.write("long.log", huge.clone() + &log);
    let seen_long = status(&sandbox, &["--log", "long.log"])["gateways"][0]["missing"].to_string();
    assert!(seen_long.contains("1 line cannot be read: long.log:1: it is too long"), "{seen_long}");
    let seen = status(&sandbox, &["--log", "empty.log"]);
    assert_eq!(seen["gateways"][0]["seen"]["answer"], "noData", "{seen:#}");
    // Nothing of the gateway, as the log is another one's, or of another time.
    sandbox.write("other.log", line(12, "null", SLEEP).replace("httpbin.legacy", "other.legacy"));
    sandbox.write("old.log", log.replace("2026-11-18", "2026-10-18"));
    for name in ["empty.log", "other.log", "old.log"] {
        let ended = at(&sandbox, LATER, &["status", "--log", name]);
        let says = "evidence: no data: the logs have no line about this gateway that counts: give the JSON access log";
        assert!(ended.code == Some(0) && ended.stdout.contains(says), "{name}: {ended:?}");
    }
    let ended = at(&sandbox, LATER, &["status", "--log", "access.log", "--report", ""]);
    assert_eq!(ended.code, Some(64), "{ended:?}");
}

/// Callers that are too many are summed, so none is lost.
#[test]
fn callers_of_a_log_are_bounded() {
    let sandbox = sandbox();
    let region = format!("\"{}\"", region(&sandbox));
    let log: String = (0..10_010).map(|number| line(12, &region, &format!("a/ns/b/sa/{number}"))).collect();
    sandbox.write("access.log", gzip(&log));
    let seen = status(&sandbox, &["--log", "access.log"]);
    let region = &seen["gateways"][0]["seen"]["regions"][0];
    assert_eq!((requests(&seen), region["entered"].as_u64()), (Some(10_010), Some(10_010)));
    let by = region["by"].as_array().unwrap();
    assert_eq!(by.len(), 10_001);
    assert_eq!(by[0], serde_json::json!({"caller": "other callers", "requests": 10}));
}
