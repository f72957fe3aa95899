use super::*;
use crate::health::ProbeFailure;

const PORT: i64 = 15020;

const CALLERS: &str = r#"{"id": "a", "action": "ALLOW", "from": [{"source": {"namespaces": ["none"]}}]}"#;

/// One that names callers.
fn policy(upstream: bool) -> Engine {
    let health = r#", "health": {"hold": 0, "slowStart": {"share": 10, "duration": 0}, "refusal": {"status": 503,
        "retryAfter": 1000}, "probe": {"cluster": "c", "method": "GET", "host": "h", "path": "/",
        "expect": {"statuses": ["200"]}, "interval": 5000, "jitter": 0, "timeout": 1000, "rise": 1, "fall": 1}}"#;
    engine(CALLERS, &format!(r#", "readiness": {{"port": {PORT}, "upstream": {upstream}}}{health}"#))
}

fn at(port: i64) -> Properties {
    Properties::default().with_number(Needs::DESTINATION_PORT, port)
}

/// The status, and that nothing was counted, logged or attached.
fn kubelet(engine: &Engine, worker: &mut WorkerState, path: &str) -> u16 {
    let (headers, properties) = (headers("GET", path), at(PORT));
    let Answered { answer, report } = answered(engine, worker, &headers, &properties);
    assert_eq!((report.log, report.attributes.len()), (Vec::new(), 0));
    assert_eq!(counted(engine, worker), []);
    assert_eq!((answer.header.as_str(), answer.body.as_str()), ("", ""));
    answer.status
}

fn probed(engine: &Engine, worker: &mut WorkerState, result: Result<(), ProbeFailure>) {
    health::update(engine, worker, result);
}

#[test]
fn the_kubelet_gets_an_answer_on_its_own_port_and_to_its_own_path() {
    let engine = policy(false);
    let mut worker = WorkerState::new(&engine);
    assert_eq!(kubelet(&engine, &mut worker, "/sallyport/ready"), 200);
    for path in ["/", "/sallyport/ready/", "/sallyport/ready?x", "/get"] {
        assert_eq!(kubelet(&engine, &mut worker, path), 404, "{path}");
    }
    let headers = headers("GET", "/sallyport/ready");
    for properties in [at(8443), Properties::default(), Properties::default().with(Needs::DESTINATION_PORT, b"15020")] {
        // Elsewhere it is a path like any other, and this policy allows none of it.
        assert_eq!(answered(&engine, &mut worker, &headers, &properties).answer.status, 401);
    }
}

#[test]
fn a_policy_without_callers_asks_for_the_port_of_one_path() {
    let engine = engine(RULES, &format!(r#", "readiness": {{"port": {PORT}, "upstream": false}}"#));
    let asked = |path: &str, properties: &Properties| {
        let headers = headers("GET", path);
        let (asked, step) = run(&engine, &mut WorkerState::new(&engine), &headers, properties);
        (asked, matches!(step, RequestStep::Answer(Answered { answer, .. }) if answer.status == 200))
    };
    let port = Needs::DESTINATION_PORT;
    assert_eq!(asked("/sallyport/ready", &at(PORT)), (vec![port, Needs::MTLS], true));
    assert_eq!(asked("/sallyport/ready", &at(8443)), (vec![port], false));
    for path in ["/", "/sallyport/ready?x", "/sallyport/readyz"] {
        assert_eq!(asked(path, &Properties::default()), (vec![], false), "{path}");
    }
}

#[test]
fn a_caller_with_a_certificate_is_not_the_kubelet() {
    let open = engine(RULES, &format!(r#", "readiness": {{"port": {PORT}, "upstream": false}}"#));
    for (engine, details) in [(policy(false), "sallyport:not_allowed"), (open, "")] {
        let mut headers = headers("GET", "/sallyport/ready");
        let line = format!("Hash=1;URI={SLEEP}");
        certificate(&mut headers, &line);
        let properties = mtls(SLEEP).with_number(Needs::DESTINATION_PORT, PORT);
        match run(&engine, &mut WorkerState::new(&engine), &headers, &properties).1 {
            RequestStep::Answer(answered) => assert_eq!(answered.answer.details, details),
            step => assert!(details.is_empty() && matches!(step, RequestStep::Forward(_)), "{step:?}"),
        }
        let (asked, _) = run(&engine, &mut WorkerState::new(&engine), &headers, &mtls(SLEEP));
        assert_eq!(asked.iter().any(|needs| needs.contains(Needs::DESTINATION_PORT)), details.is_empty());
    }
}

#[test]
fn a_pod_is_ready_while_its_upstream_is_healthy_where_that_counts() {
    let engine = policy(true);
    let mut worker = WorkerState::new(&engine);
    assert_eq!(kubelet(&engine, &mut worker, "/sallyport/ready"), 503, "no probe has succeeded yet");
    probed(&engine, &mut worker, Ok(()));
    assert_eq!(kubelet(&engine, &mut worker, "/sallyport/ready"), 200);
    probed(&engine, &mut worker, Err(ProbeFailure::Unreachable));
    assert_eq!(kubelet(&engine, &mut worker, "/sallyport/ready"), 503);
    let unconcerned = policy(false);
    let mut worker = WorkerState::new(&unconcerned);
    probed(&unconcerned, &mut worker, Err(ProbeFailure::Unreachable));
    assert_eq!(kubelet(&unconcerned, &mut worker, "/sallyport/ready"), 200);
}
