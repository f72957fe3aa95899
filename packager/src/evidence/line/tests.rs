use super::*;

#[test]
fn times_and_callers_are_read() {
    let time = moment("2026-11-25T09:25:22Z");
    for (text, at) in [
        ("[2026-11-25 09:25:22.181][12][info][wasm] x ", time),
        ("2026-11-25T09:25:22.181Z\tinfo\tenvoy wasm x\t", time),
        ("2026-11-25T09:25:22.181Z stdout F ", time),
        ("[pod/gateway] [2026-11-25 09:25", None),
    ] {
        assert_eq!(moment_before(text), at, "{text}");
    }
    let who = |json: &str| Record::of("", json).unwrap().0.caller();
    let principal = |name: &str| Counted::Principal(name.to_owned());
    assert_eq!(who(r#"{"principal":"spiffe://td/ns/a/sa/b","caller":"-"}"#), principal("td/ns/a/sa/b"));
    assert_eq!(who(r#"{"principal":"spiffe://td/ns/a/sa/b","caller":"x/ns/c/sa/d"}"#), principal("x/ns/c/sa/d"));
    assert_eq!(who(r#"{"principal":"spiffe://a,spiffe://b"}"#), Counted::Anonymous);
    assert_eq!(who(r#"{"principal":null}"#), Counted::Anonymous);
}

fn why(line: &str) -> &'static str {
    match Line::read(line.as_bytes()) {
        Line::Broken(_, why) => why,
        other => panic!("{line:.200}: {other:?}"),
    }
}

#[test]
fn what_would_count_and_cannot_be_read_is_broken() {
    let time = r#""time":"2026-11-25T09:25:22Z""#;
    for (line, reason) in [
        (r#"[pod/a] {"sallyport":"candidate","region":"a"}"#.to_owned(), "it has no time"),
        (format!(r#"{{"sallyport":"candidate",{time}}}"#), "it has no `region`"),
        (format!(r#"{{{time},"region":"a","deci"#), "its JSON is broken or cut off"),
        (r#"x {"sallyport":"candidate","region":"#.to_owned(), "its JSON is broken or cut off"),
        (format!(r#"{{{time},"region":"5f2a09c1b7de"}}"#), "it has a `region` and no `decision`"),
        (format!(r#"{{{time},"region":"other","decision":null}}"#), "it has a `region` and no `decision`"),
        (r#"{"region":null,"decision":"allowed","status":200}"#.to_owned(), "it has no time"),
        (format!(r#"{{{time},"decision":"allowed"}}"#), "it has no `status`"),
        (format!(r#"{{{time},"decision":"allowed","status":"many"}}"#), "it has no `status`"),
        (format!(r#"{{{time},"decision":"allowed","status":1000}}"#), "it has no `status`"),
        (format!(r#"{{{time},"decision":"maybe"}}"#), "its `decision` is neither `allowed` nor `refused`"),
        (format!(r#"{{{time},"msg":"x {{\"sallyport\":\"candidate\"}}"}}"#), "its JSON is within another one"),
        (format!(r#"{{{time},"decision":"{}"}}"#, "x".repeat(LONGEST_LINE)), "it is too long"),
        ("x".repeat(LONGEST_LINE + 1), "it is too long"),
        (format!(r#"{{{time},"region":["5f2a09c1b7de"],"decision":"allowed"}}"#), "its `region` is no text"),
        (format!(r#"{{{time},"region":5,"decision":"allowed"}}"#), "its `region` is no text"),
        (format!(r#"{{{time},"region":{{"id":"5f2a09c1b7de"}}}}"#), "its `region` is no text"),
        (format!(r#"{{{time},"decision":["allowed"],"status":200}}"#), NO_DECISION),
        (
            format!(r#"{{{time},"region":"5f2a09c1b7de","decision":"allowed","region":null,"status":200}}"#),
            "it has `region` or `decision` twice",
        ),
    ] {
        assert_eq!(why(&line), reason, "{line:.200}");
    }
}

/// What is read of a line is the one object at its beginning, so nothing of ours is in the rest.
#[test]
fn what_is_not_read_of_a_line_hides_nothing() {
    let ours = r#"{"time":"2026-11-25T09:25:22Z","region":"5f2a09c1b7de","decision":"allowed","status":200}"#;
    let spaced = ours.replace("\":", "\" : ");
    let none = r#"{"time":"2026-11-25T09:25:22Z","region":null,"decision":"allowed","status":200}"#;
    let behind = "more stands behind its JSON";
    let list = "its JSON is a list";
    for (line, reason) in [
        (format!("{none}{ours}"), behind),
        (format!("{none}\r{ours}"), behind),
        (format!("{{}} {spaced}"), behind),
        (format!(r#"{{"app":"gateway"}} {ours}"#), behind),
        (format!(r#"{none} {{"ti"#), behind),
        (format!(r#"{{"a":1}} "{}""#, ours.replace('"', "\\\"")), behind),
        (format!("[{ours}]"), list),
        (format!("[ {none},{ours}]"), list),
        (format!(r#"{{"timestamp":"x","jsonPayload":{ours}}}"#), WITHIN),
        (format!(r#"{{"a":[{{"b":{ours}}}]}}"#), WITHIN),
        (r#"{"a":{"sallyport":"candidate"}}"#.to_owned(), WITHIN),
        (format!(r#"{{"log":"{}"}}"#, spaced.replace('"', "\\\"")), WITHIN),
        (ours.split_at(30).0.to_owned(), CUT),
        (ours.split_at(3).0.to_owned(), CUT),
        (format!("2026-11-25T09:25:22Z stdout P {}", ours.split_at(30).0), CUT),
        (ours.split_at(45).1.to_owned(), CUT),
        (ours.split_at(60).1.to_owned(), CUT),
        (ours.split_at(70).1.to_owned(), CUT),
        (spaced.split_at(spaced.len() - 3).0.to_owned(), CUT),
        (format!("[2026-11-25 09:25:22.181][12][info][wasm] wasm log a: {}", r#"{"sallyport":"cand"#), CUT),
        (format!("user: {ours}"), "what stands before its JSON, or before what the filter says, is not known"),
    ] {
        assert_eq!(why(&line), reason, "{line:.200}");
    }
}

#[test]
fn a_line_is_its_json() {
    for line in [
        "",
        "GET /",
        "{",
        "[1]",
        "{ key: value }",
        "{ name: \"x\" }",
        "cluster { name: \"x\" }",
        r#"{"labels":{"region":"eu-1"}}"#,
        r#"{"status":503,"region":"eu-1"}"#,
        r#"{"status":200,"decision":null}"#,
    ] {
        assert!(matches!(Line::read(line.as_bytes()), Line::Other), "{line}");
    }
    let read = |json: &str| match Line::read(format!("[2026-11-25 09:25:22.181] {json}\tthread=12").as_bytes()) {
        Line::Request(_, decision) => Some(decision),
        Line::Example(_) => None,
        other => panic!("{other:?}"),
    };
    for (json, decision) in [
        (r#"{"decision":"allowed","status":200}"#, Some(Decision::Allowed { is_error: false })),
        (r#"{"decision":"allowed","status":0}"#, Some(Decision::Allowed { is_error: false })),
        (r#"{"decision":"allowed","status":"503"}"#, Some(Decision::Allowed { is_error: true })),
        (r#"{"decision":"refused","status":403}"#, Some(Decision::Refused)),
        (r#"{"decision":null,"status":503}"#, Some(Decision::Failed)),
        (r#"{"sallyport":"candidate","region":"a"}"#, None),
    ] {
        assert_eq!(read(json), decision, "{json}");
    }
    let taken = |line: &str| taken(line, "a/b").map(|(mark, at)| (mark.to_owned(), at));
    let at = moment("2026-11-25T09:25:22Z").unwrap();
    let line = "wasm log b: policy for a/b: 3 rules, shadow, in force as 0123456789abcdef";
    let envoy = format!("[2026-11-25 09:25:22.181][1][info][wasm] {line}");
    assert_eq!(taken(&envoy), Some(("0123456789abcdef".to_owned(), at)));
    let istio = format!("2026-11-25T09:25:22Z\tinfo\tenvoy wasm x.cc:1\t{line}\tthread=1");
    assert_eq!(taken(&istio).map(|(_, at)| at), Some(at));
    // In another form it may be of anyone.
    assert_eq!(taken(line), None);
    assert_eq!(taken(&envoy.replace("wasm log b: ", "")), None);
    assert_eq!(taken(&envoy.replace("[wasm]", "[lua]")), None);
    assert_eq!(taken(&envoy.replace("a/b", "a/bc")), None);
    for text in [
        format!(r#"{{"time":"x","decision":null,"userAgent":"{envoy}"}}"#),
        format!(r#"[2026-11-25T09:25:22.181Z] "GET / HTTP/1.1" 200 - "{envoy} ""#),
    ] {
        assert_eq!(taken(&text), None, "{text}");
        assert!(matches!(Line::read(text.as_bytes()), Line::Other), "{text}");
    }
}

/// What gateways log beside requests.
#[test]
fn lines_of_others_are_none_of_ours() {
    for line in [
        "[2026-11-23 17:50:19.515][8764][info][main] [source/server/server.cc:430] initializing epoch 0 (base id=0)",
        "[2026-11-23 17:50:19.515][8764][warning][config] gRPC config for x rejected: {\"a\":1, \"region\":2}",
        "[2026-11-23 17:50:19.515][8764][info][lua] script log: {\"decision\":\"allowed\"}",
        "[2026-11-23 17:50:19.515][8764][info][wasm] wasm log other: {\"a\":",
        "[2026-11-23 17:50:19.515][8764][info][wasm] wasm log a: allowed shadow=refused path=\"/{\\\"region\\\":1}\"",
        "2026-11-25T09:25:22.181000Z\tinfo\txdsproxy\tconnected to upstream XDS server: istiod.istio-system.svc:15012",
        "2026-11-25T09:25:22.181000Z\tinfo\tads\tADS: \"127.0.0.1:5000\" {\"x\":",
        "2026-11-25T09:25:22.181000Z\tinfo\tEffective config: binaryPath: /usr/local/bin/envoy",
        "'user-agent', '{\"decision\":\"allowed\",\"status\":200}'",
        "[2026-11-18T11:06:41.000Z] \"GET /x HTTP/1.1\" 200 - \"{\"sallyport\":\"candidate\",\"region\":\"a\"}\" \"id\"",
        r#"{"start_time":"x","response_code":200,"user_agent":"{\"decision\":\"allowed\"}"}"#,
    ] {
        assert!(matches!(Line::read(line.as_bytes()), Line::Other), "{line}");
    }
}
