use super::*;
use crate::flow::{Forwarded, Level, refuse_without_policy, response};
use crate::outbound::Edit;

#[test]
fn nothing_is_looked_up_that_the_policy_does_not_need() {
    let engine = engine(RULES, "");
    let (headers, properties) = (headers("GET", "/"), Properties::default());
    let (asked, step) = run(&engine, &mut WorkerState::new(&engine), &headers, &properties);
    assert_eq!(asked, []);
    assert!(matches!(step, RequestStep::Forward(_)));
}

#[test]
fn only_without_a_name_is_asked_whether_there_is_a_certificate() {
    let callers = r#"{"id": "a", "action": "ALLOW", "from": [{"source": {"namespaces": ["httpbin"]}}]}"#;
    let forwarders = r#", "trustedForwarders": ["cluster.local/ns/istio-system/sa/ingress"]"#;
    let readiness = r#", "readiness": {"port": 15020, "upstream": false}"#;
    let sni = r#"{"id": "s", "action": "ALLOW", "when": [{"key": "connection.sni", "values": ["a"]}]}"#;
    let goes_on = r#", "tracing": {"mode": "standalone", "formats": ["w3c"]}"#;
    let begins = r#", "tracing": {"mode": "standalone", "formats": ["w3c"], "samplingPerMille": 0}"#;
    let own_span = r#", "tracing": {"mode": "standalone", "formats": ["w3c"], "parent": "gateway"}"#;
    let named = Properties::default().with(Needs::URI_SAN, SLEEP.as_bytes());
    let unnamed = Properties::default().with(Needs::URI_SAN, b"");
    let without = Properties::default();
    let (uri, digest, port) = (Needs::URI_SAN, Needs::PEER_DIGEST, Needs::DESTINATION_PORT);
    for (rules, more, properties, expected) in [
        (callers, "", &named, vec![uri]),
        (callers, "", &unnamed, vec![uri, Needs::MTLS]),
        (callers, "", &without, vec![uri, Needs::MTLS]),
        (callers, forwarders, &named, vec![uri | digest]),
        (callers, forwarders, &without, vec![uri | digest, Needs::MTLS]),
        (callers, readiness, &named, vec![uri]),
        (callers, readiness, &without, vec![uri, Needs::MTLS | port]),
        (RULES, readiness, &without, vec![]),
        (sni, "", &without, vec![Needs::SNI]),
        (RULES, goes_on, &without, vec![]),
        (RULES, begins, &without, vec![Needs::RANDOM_IDS]),
        (RULES, own_span, &without, vec![Needs::RANDOM_IDS]),
    ] {
        let engine = engine(rules, more);
        let headers = headers("GET", "/");
        let (asked, _) = run(&engine, &mut WorkerState::new(&engine), &headers, properties);
        assert_eq!(asked, expected, "{rules} {more}");
    }
}

#[test]
fn a_host_that_has_nothing_is_asked_twice_at_most() {
    let rules = r#"
        {"id": "a", "action": "ALLOW", "from": [{"source": {"namespaces": ["httpbin"], "ipBlocks": ["10.0.0.1"]}}]},
        {"id": "s", "action": "ALLOW", "when": [{"key": "connection.sni", "values": ["a"]},
            {"key": "destination.port", "values": ["1"]}]}"#;
    let more = r#", "readiness": {"port": 1, "upstream": true},
        "tracing": {"mode": "standalone", "formats": ["b3"], "parent": "gateway"}"#;
    let engine = engine(rules, more);
    let (headers, properties) = (headers("GET", "/"), Properties::default());
    let (asked, step) = run(&engine, &mut WorkerState::new(&engine), &headers, &properties);
    assert_eq!(asked.len(), 2);
    assert!(matches!(step, RequestStep::Answer(_)));
}

#[test]
fn without_a_policy_every_request_is_refused() {
    let answer = refuse_without_policy(&headers("GET", "/"));
    assert_eq!((answer.status, answer.header.as_str()), (403, r#"refused;reason=no_policy;id="id-1""#));
    assert_eq!(refuse_without_policy(&[]).status, 403);
}

#[test]
fn a_refused_request_is_answered_counted_and_logged() {
    let engine = engine(RULES, r#", "filterState": true"#);
    let mut worker = WorkerState::new(&engine);
    let (headers, properties) = (headers("GET", "/admin"), Properties::default());
    let Answered { answer, report } = answered(&engine, &mut worker, &headers, &properties);
    assert_eq!((answer.status, answer.details.as_str()), (403, "sallyport:denied:admin"));
    assert_eq!(answer.header, r#"refused;reason=denied;id="id-1""#);
    let [Effect::Log(Level::Warn, line)] = &*report.log else { panic!("{:?}", report.log) };
    assert!(line.starts_with("refused reason=denied rule=admin"), "{line}");
    let attributes: Vec<_> = report.attributes.iter().map(|(name, value)| format!("{name} {value}")).collect();
    assert_eq!(attributes, ["sallyport.decision refused", "sallyport.rule admin"]);
    let expected = [("sallyport.requests.denied", 1), ("sallyport.rule.admin.denied", 1)];
    assert_eq!(counted(&engine, &mut worker), expected.map(|(name, by)| (name.to_owned(), by)));
}

#[test]
fn headers_that_cannot_be_read_are_refused() {
    let engine = engine(RULES, "");
    let properties = Properties::default();
    let answer = answered(&engine, &mut WorkerState::new(&engine), &[], &properties).answer;
    assert_eq!((answer.status, answer.details.as_str()), (400, "sallyport:ambiguous_request:malformedMethod"));
}

#[test]
fn a_permitted_request_is_forwarded_and_says_nothing() {
    let engine = engine(RULES, "");
    let mut worker = WorkerState::new(&engine);
    let (headers, properties) = (headers("GET", "/"), Properties::default());
    let Forward { route, edits, report, forwarded } = forward(&engine, &mut worker, &headers, &properties);
    assert_eq!((route, edits.len(), report.attributes.len()), ("httpbin/httpbin", 0, 0));
    assert_eq!((report.log, forwarded), (Vec::new(), Forwarded::default()));
    let expected = [("sallyport.requests.allowed", 1), ("sallyport.rule.read.allowed", 1)];
    assert_eq!(counted(&engine, &mut worker), expected.map(|(name, by)| (name.to_owned(), by)));
}

#[test]
fn a_response_is_annotated_once_and_where_the_policy_discloses_rules() {
    for (more, expected) in [(r#", "discloseRule": true"#, Some("allowed;rule=read")), ("", None)] {
        let engine = engine(RULES, more);
        let (headers, properties) = (headers("GET", "/"), Properties::default());
        let mut forwarded = forward(&engine, &mut WorkerState::new(&engine), &headers, &properties).forwarded;
        let header = response::on_headers(&mut forwarded);
        assert_eq!(header, expected.map(|value| ("x-sallyport", value.to_owned())));
        assert_eq!(response::on_headers(&mut forwarded), None, "{more}");
        assert!(!response::needs_status(&forwarded), "{more}");
    }
}

#[test]
fn a_decision_without_a_trace_begins_one() {
    let engine = engine(RULES, r#", "tracing": {"mode": "standalone", "formats": ["w3c"]}"#);
    for (name, value, expected) in
        [("b3", "1", vec![Needs::RANDOM_IDS]), ("x-b3-sampled", "0", vec![Needs::RANDOM_IDS]), ("b33", "1", vec![])]
    {
        let mut headers = headers("GET", "/");
        headers.push((name.as_bytes(), value.as_bytes()));
        let (asked, _) = run(&engine, &mut WorkerState::new(&engine), &headers, &Properties::default());
        assert_eq!(asked, expected, "{name}");
    }
}

#[test]
fn shadow_decides_nothing_and_is_reported() {
    let shadow = r#"{"id": "new", "action": "DENY", "stage": "shadow", "to": [{"operation": {"paths": ["/"]}}]}"#;
    let engine = engine(&format!("{RULES},{shadow}"), r#", "filterState": true"#);
    let mut worker = WorkerState::new(&engine);
    let (headers, properties) = (headers("GET", "/"), Properties::default());
    let report = forward(&engine, &mut worker, &headers, &properties).report;
    assert!(report.log.iter().all(is_log) && report.log.len() == 1);
    assert!(report.attributes.contains(&("sallyport.shadow", "would_refuse:denied:new".into())));
    assert!(counted(&engine, &mut worker).contains(&("sallyport.rule.new.would_refuse".to_owned(), 1)));
}

#[test]
fn log_lines_of_one_kind_are_limited_between_flushes() {
    let engine = engine(RULES, "");
    let mut worker = WorkerState::new(&engine);
    let (headers, properties) = (headers("GET", "/admin"), Properties::default());
    let mut lines = || !answered(&engine, &mut worker, &headers, &properties).report.log.is_empty();
    assert_eq!((0..20).filter(|_| lines()).count(), 5);
    let effects = worker.flush(&engine, 0).effects;
    let [Effect::Log(Level::Warn, line)] = &*effects else { panic!("no line about suppressed ones") };
    assert_eq!(line, "15 more log lines like these were suppressed");
    assert_eq!(worker.flush(&engine, 0).effects, []);
}

/// A candidate that refuses `/new`, and how it decides.
const CANDIDATE: &str = r#", "filterState": true, "candidate": {"policy": "POLICY", "candidate": "CANDIDATE", "rules": [
    {"id": "new", "action": "DENY", "to": [{"operation": {"paths": ["/new"]}}]}], "regions": [
    {"id": "aaaaaaaaaaaa", "inForce": ["allowed:read"], "candidate": ["denied:new"],
     "rule": {"id": "new", "action": "DENY", "to": [{"operation": {"paths": ["/new"]}}]}}]}"#;

fn with_candidate(stage: &str) -> Engine {
    let json = format!(r#"{{"version": 1, "upstream": "a/b", "rules": [{RULES}]{CANDIDATE}{stage}}}"#);
    let policy: crate::wire::Policy = crate::wire::Reader::parse(json.as_bytes()).unwrap();
    Engine::from_json(&serde_json::to_vec(&policy.with_digests()).unwrap()).unwrap()
}

#[test]
fn a_candidate_is_counted_told_and_decides_by_its_stage() {
    let sleep = "cluster.local/ns/httpbin/sa/sleep";
    for (stage, decides, is_answered) in [
        (r#", "stage": "shadow""#, "inForce", false),
        (r#", "stage": "canary", "canary": {"callers": ["cluster.local/ns/httpbin/sa/sleep"]}"#, "candidate", true),
        (r#", "stage": "canary", "canary": {"callers": ["cluster.local/ns/httpbin/sa/other"]}"#, "inForce", false),
        (r#", "stage": "enforce""#, "candidate", true),
    ] {
        let engine = with_candidate(stage);
        let mut worker = WorkerState::new(&engine);
        let mut headers = headers("GET", "/new");
        let line = format!("Hash=1;URI=spiffe://{sleep}");
        certificate(&mut headers, &line);
        let properties = mtls(SLEEP);
        let (_, step) = run(&engine, &mut worker, &headers, &properties);
        let report = match step {
            RequestStep::Answer(Answered { answer, report }) if is_answered => {
                assert_eq!(answer.details, "sallyport:denied:new");
                report
            }
            RequestStep::Forward(Forward { report, .. }) if !is_answered => report,
            step => panic!("{stage}: {step:?}"),
        };
        let lines: Vec<_> = report.log.iter().map(|effect| format!("{effect:?}")).collect();
        let example = lines.last().unwrap().replace('\\', "");
        assert!(
            example.contains(r#""region":"aaaaaaaaaaaa","inForce":"allowed:read","candidate":"denied:new""#),
            "{example}"
        );
        assert!(example.contains(&format!(r#""decides":"{decides}","caller":"{sleep}""#)), "{example}");
        assert!(report.attributes.contains(&("sallyport.region", "aaaaaaaaaaaa".into())));
        assert_eq!(
            metrics(&worker.flush(&engine, 9_000).effects),
            [format!("sallyport.region_seen.{}.aaaaaaaaaaaa 9", engine.mark())]
        );
        run(&engine, &mut worker, &headers, &properties);
        let caller = "cluster_2elocal_2fns_2fhttpbin_2fsa_2fsleep";
        let name = format!("sallyport.region.{}.aaaaaaaaaaaa.allowed_refused.{caller}", engine.mark());
        assert!(counted(&engine, &mut worker).contains(&(name.to_owned(), 1)), "{stage}");
    }
}

#[test]
fn a_trace_gets_the_ids_of_the_host() {
    let engine = engine(
        RULES,
        r#", "tracing": {"mode": "standalone", "formats": ["w3c"], "samplingPerMille": 0}, "filterState": true"#,
    );
    let mut properties = Properties::default();
    properties.set_ids([0xab; 24]);
    let headers = headers("GET", "/");
    let forward = forward(&engine, &mut WorkerState::new(&engine), &headers, &properties);
    let (trace, span) = ("ab".repeat(16), "ab".repeat(8));
    let parent = |edit: &Edit<'_>| match edit {
        Edit::Set(name, value) if name == "traceparent" => Some(value.clone()),
        _ => None,
    };
    let parents: Vec<_> = forward.edits.iter().filter_map(parent).collect();
    assert!(parents[0].starts_with(&format!("00-{trace}-{span}-")), "{parents:?}");
    assert!(forward.report.attributes.contains(&("sallyport.trace", trace.into())));
    assert!(forward.report.attributes.contains(&("sallyport.span", span.into())));
}

#[test]
fn one_request_in_256_has_its_time_measured() {
    let engine = engine(RULES, "");
    let mut worker = WorkerState::new(&engine);
    let (headers, properties) = (headers("GET", "/"), Properties::default());
    let timed: Vec<usize> =
        (1..=600).filter(|_| run(&engine, &mut worker, &headers, &properties).0 == [Needs::TIME]).collect();
    assert_eq!(timed, [256, 512]);
    assert_eq!(metrics(&[crate::flow::time_taken(5_000, 12_345)]), ["sallyport.filter.microseconds 7"]);
    assert_eq!(metrics(&[crate::flow::time_taken(2, 1)]), ["sallyport.filter.microseconds 0"]);
}
