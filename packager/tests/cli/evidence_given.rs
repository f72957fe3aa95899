//! Evidence that is given is read, also where it does not count, and what is said of it is true.

use crate::evidence::{line, seen};
use crate::sandbox::GOOD;
use crate::status::{LATER, SLEEP, START, at, digest, entered, example, one_pod, page, region, sandbox, status};

const PAGE: [&str; 2] = ["--metrics", "httpbin/httpbin=page.txt"];

/// The Egress has changed outside of its rules: what was seen is no evidence, but it is read.
#[test]
fn what_is_given_of_a_stage_that_begins_again_is_read() {
    let sandbox = sandbox();
    sandbox.write("page.txt", page(&sandbox, ""));
    sandbox.write("egress.yaml", one_pod().replace("port: 443", "port: 8443"));
    let now = digest(&sandbox);
    assert_eq!(now.len(), 16);
    let ended = at(&sandbox, LATER, &[&["status"][..], &PAGE].concat());
    let human = format!(
        "  to be in force: {now}\n  note: the Egress has changed outside of its rules since 2026-11-18T11:06:40Z: what was seen \
         before says nothing of it, so the stage begins again with the next `sallyport promote`\n"
    );
    assert!(ended.code == Some(0) && ended.stdout.contains(&human), "{ended:?}");
    // What there is to say of the pods is said.
    sandbox.write("page.txt", page(&sandbox, "").replace(&now, "0123456789abcdef"));
    let ended = at(&sandbox, LATER, &[&["status"][..], &PAGE].concat());
    let says = format!(
        "  note: what was seen before: pod page.txt: 0 of 3 threads have what `sallyport build` writes ({now})"
    );
    assert!(ended.stdout.contains(&says), "{ended:?}");
    let found = seen(&sandbox, &PAGE);
    assert_eq!((&found["seen"], &found["next"]), (&serde_json::Value::Null, &"shadow".into()), "{found:#}");
    assert!(found["notes"].to_string().contains("what was seen before: pod page.txt"), "{found:#}");
    // It is no evidence for a step beyond the one that begins the stage again.
    sandbox.write("page.txt", page(&sandbox, ""));
    let ended = at(&sandbox, LATER, &[&["promote", "--to", "canary"], &PAGE[..]].concat());
    assert!(ended.code == Some(8) && ended.stderr.contains("evidence: nothing was read"), "{ended:?}");
    let ended = at(&sandbox, LATER, &[&["status", "--report", "refused.txt"], &PAGE[..]].concat());
    let says = "no report is written: the stage of `httpbin/httpbin` begins again, so nothing was seen at it";
    assert!(ended.code == Some(8) && ended.stderr.contains(says), "{ended:?}");
    assert!(!sandbox.path().join("refused.txt").exists());
    for (name, text, says) in [
        ("page.txt", "sallyport_caller", "`page.txt` is no metrics page: its last line is cut off"),
        ("page.txt", "a b c\n", "`page.txt` is no metrics page: line 1 is not"),
    ] {
        sandbox.write(name, text);
        for command in ["status", "plan", "promote"] {
            let ended = at(&sandbox, LATER, &[&[command], &PAGE[..]].concat());
            assert!(ended.code == Some(3) && ended.stderr.contains(says), "{command}: {ended:?}");
        }
    }
    sandbox.write("page.txt", "sallyport_requests_allowed NaN\n");
    let notes = seen(&sandbox, &PAGE)["notes"].to_string();
    assert!(notes.contains("sallyport_requests_total is NaN, which is no count"), "{notes}");
}

/// A page of a gateway without a candidate says nothing of one, but a file that is none is an error.
#[test]
fn a_page_of_any_gateway_is_read() {
    let sandbox = sandbox();
    let second = GOOD.replace("name: httpbin", "name: second").replace("httpbin.legacy", "second.legacy");
    sandbox.write("second.yaml", second);
    sandbox.write("page.txt", page(&sandbox, ""));
    sandbox.write("second.txt", "sallyport_requests_allowed 5\n");
    let both = [&PAGE[..], &["--metrics", "second=second.txt"]].concat();
    assert_eq!(seen(&sandbox, &both)["follows"], "ready");
    sandbox.write("second.txt", "sallyport_requests_allowed five\n");
    for command in ["status", "plan"] {
        let ended = at(&sandbox, LATER, &[&[command], &both[..]].concat());
        assert!(ended.code == Some(3) && ended.stderr.contains("`second.txt` is no metrics page"), "{ended:?}");
    }
}

/// Counts that are older than the stage are not said to be of it.
#[test]
fn a_report_says_since_when_is_counted() {
    let sandbox = sandbox();
    let (region, digest) = (region(&sandbox), digest(&sandbox));
    let of = |loaded: i64| {
        page(&sandbox, &entered(&region, &digest))
            .replace(&format!("loaded_at_seconds {}", START + 60), &format!("loaded_at_seconds {loaded}"))
    };
    for (loaded, since) in [(START + 60, "2026-11-18T11:06:40Z"), (START - 7200, "2026-11-18T09:06:40Z")] {
        sandbox.write("page.txt", of(loaded));
        for name in ["refused.txt", "refused.json", "refused.html", "refused.md"] {
            let ended = at(&sandbox, LATER, &[&["status", "--report", name], &PAGE[..]].concat());
            assert_eq!(ended.code, Some(0), "{ended:?}");
        }
        for name in ["refused.txt", "refused.html", "refused.md"] {
            assert!(sandbox.read(name).contains(&format!("3 requests since {since}, ")), "{}", sandbox.read(name));
        }
        let json: serde_json::Value = serde_json::from_str(&sandbox.read("refused.json")).unwrap();
        let refused = &json["callers"][0]["refused"][0];
        assert_eq!((&refused["since"], &refused["stageSince"]), (&since.into(), &"2026-11-18T11:06:40Z".into()));
    }
    // An example of before the stage is as old as it is.
    let early = example(&region, "/a").replace("2026-11-18 12:00:00", "2026-11-18 10:00:00");
    sandbox.write("gateway.log", early);
    let ended =
        at(&sandbox, LATER, &[&["status", "--report", "refused.txt", "--log", "gateway.log"], &PAGE[..]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn a_page_may_name_its_gateway_alone() {
    let sandbox = sandbox();
    sandbox.write("page.txt", page(&sandbox, ""));
    let ended = at(&sandbox, LATER, &["status", "--metrics", "httpbin=page.txt"]);
    assert!(ended.code == Some(0) && ended.stdout.contains("next: canary 5 %: ready"), "{ended:?}");
    // It is the same page by either name.
    let ended = at(&sandbox, LATER, &[&["status", "--metrics", "httpbin=page.txt"], &PAGE[..]].concat());
    assert!(ended.code == Some(64) && ended.stderr.contains("a metrics page of `httpbin/httpbin`"), "{ended:?}");
    let second = GOOD.replace("namespace: httpbin", "namespace: second").replace("httpbin.legacy", "second.legacy");
    sandbox.write("second.yaml", second);
    for (given, says) in [
        (
            "httpbin=page.txt",
            "`--metrics`: `httpbin` could be `httpbin/httpbin` or `second/httpbin`\n  help: write the namespace, too",
        ),
        ("httpbni=page.txt", "`--metrics`: no file has a gateway `httpbni`"),
        ("/httpbin=page.txt", "write NAMESPACE/NAME=FILE"),
        ("httpbin/=page.txt", "write NAMESPACE/NAME=FILE"),
        ("=page.txt", "write NAMESPACE/NAME=FILE"),
        ("httpbin=", "write NAMESPACE/NAME=FILE"),
    ] {
        for command in ["status", "map"] {
            let ended = at(&sandbox, LATER, &[command, "--metrics", given]);
            assert!(ended.code == Some(64) && ended.stderr.contains(says), "{command} {given}: {ended:?}");
        }
    }
}

/// A log is evidence from the line on that shows that the candidate is in force, and again after something else was.
#[test]
fn a_log_counts_from_its_proof_on() {
    let sandbox = sandbox();
    let mark = digest(&sandbox);
    let own = "httpbin.legacy.internal";
    let taken = |time: &str, mark: &str| {
        format!(
            "2026-11-{time}Z\tinfo\tenvoy wasm x\twasm log httpbin: policy for httpbin/httpbin: 3 rules, shadow, in force as {mark}\n"
        )
    };
    let at_time = |time: &str| line(&format!("2026-11-{time}Z"), "null", 200, own);
    let before = at_time("18T11:30:00").repeat(1000);
    let after = at_time("18T13:00:00").repeat(90) + &at_time("19T12:05:00");
    for (log, requests, says) in [
        (before.clone() + &taken("18T12:30:00", &mark) + &after, 91, "91 of 1000 requests"),
        // In whichever order the lines are.
        (after.clone() + &before + &taken("18T12:30:00", &mark), 91, "91 of 1000 requests"),
        // Another configuration ends it; what shows something else is left out with all that came before it.
        (
            taken("18T11:20:00", &mark) + &before + &taken("18T12:30:00", "0123456789abcdef") + &after,
            0,
            "does not show",
        ),
        (
            taken("18T11:20:00", &mark)
                + &before
                + &taken("18T12:30:00", "0123456789abcdef")
                + &taken("18T12:40:00", &mark)
                + &after,
            91,
            "91 of 1000 requests",
        ),
        // A proof of before the stage, and one of the future, are none.
        (taken("18T10:00:00", &mark) + &before + &after, 0, "does not show"),
        (taken("29T10:00:00", &mark) + &before + &after, 0, "does not show"),
        (taken("18T11:20:00", &mark) + &before + &after, 1091, ""),
    ] {
        sandbox.write("access.log", &log);
        let found = seen(&sandbox, &["--log", "access.log"]);
        let missing = found["missing"].to_string();
        assert_eq!(found["seen"]["requests"], requests, "{says}: {found:#}");
        assert_eq!(found["follows"] == "ready", says.is_empty(), "{says}: {found:#}");
        assert!(missing.contains(says), "{says}: {missing}");
    }
    // What speaks against a step counts from the beginning of the stage on, with and without a proof.
    let entry = line("2026-11-18T11:10:00Z", &format!("\"{}\"", region(&sandbox)), 200, own);
    let errors = line("2026-11-18T11:10:00Z", "null", 503, own).repeat(30);
    let counted = taken("18T11:20:00", &mark) + &before + &after;
    for (more, says) in
        [(entry, format!("1 request of {SLEEP} would be refused")), (errors, "30 requests were answered".to_owned())]
    {
        sandbox.write("access.log", counted.clone() + &more);
        let found = seen(&sandbox, &["--log", "access.log"]);
        assert!(found["follows"] == "blocked" && found["missing"].to_string().contains(&says), "{says}: {found:#}");
    }
    assert_eq!(status(&sandbox, &[])["gateways"][0]["follows"], "waiting");
}
