use super::*;
use crate::health::ProbeFailure;

const PORT: i64 = 15020;

fn policy(upstream: bool) -> Engine {
    let health = r#", "health": {"hold": 0, "slowStart": {"share": 10, "duration": 0}, "refusal": {"status": 503,
        "retryAfter": 1000}, "probe": {"cluster": "c", "method": "GET", "host": "h", "path": "/",
        "expect": {"statuses": ["200"]}, "interval": 5000, "jitter": 0, "timeout": 1000, "rise": 1, "fall": 1}}"#;
    engine("", &format!(r#", "readiness": {{"port": {PORT}, "upstream": {upstream}}}{health}"#))
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
        // Elsewhere it is a path like any other, and this policy allows none.
        assert_eq!(answered(&engine, &mut worker, &headers, &properties).answer.status, 403);
    }
}

#[test]
fn a_caller_with_a_certificate_is_not_the_kubelet() {
    let callers = r#"{"id": "a", "action": "ALLOW", "from": [{"source": {"namespaces": ["none"]}}]}"#;
    let engine = engine(callers, &format!(r#", "readiness": {{"port": {PORT}, "upstream": false}}"#));
    let mut headers = headers("GET", "/sallyport/ready");
    let line = format!("Hash=1;URI={SLEEP}");
    certificate(&mut headers, &line);
    let properties = mtls(SLEEP);
    let (asked, _) = run(&engine, &mut WorkerState::new(&engine), &headers, &properties);
    assert!(!asked.contains(&Needs::DESTINATION_PORT), "{asked:?}");
    let on_its_port = mtls(SLEEP).with_number(Needs::DESTINATION_PORT, PORT);
    let answer = answered(&engine, &mut WorkerState::new(&engine), &headers, &on_its_port).answer;
    assert_eq!(answer.details, "sallyport:not_allowed");
    // Of a policy that is not about callers, too.
    let engine = policy(false);
    let answer = answered(&engine, &mut WorkerState::new(&engine), &headers, &on_its_port).answer;
    assert_eq!(answer.details, "sallyport:not_allowed");
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
