use super::*;
use crate::flow::{EndStep, Forwarded, ResponseEnd, response};
use crate::health::Phase;
use crate::request::pairs;

fn policy(passive: &str) -> Engine {
    let health = format!(
        r#", "health": {{"passive": {{"window": 10000, "minimumRequests": 10, "statuses": ["500-599"],
            "grpcStatuses": [14]{passive}}}, "hold": 1000, "slowStart": {{"share": 10, "duration": 0}},
            "refusal": {{"status": 503, "retryAfter": 1000}}}}"#
    );
    engine(RULES, &health)
}

/// A request that is forwarded, and whose response is at its end.
fn ended(engine: &Engine, worker: &mut WorkerState, grpc: bool) -> ResponseEnd {
    let mut headers = headers("POST", "/a.B/C");
    if grpc {
        headers.push((b"content-type", b"application/grpc"));
    }
    ResponseEnd::new(&forward(engine, worker, &headers, &Properties::default()).forwarded)
}

/// Plays the host, which has these properties: what it is asked for, and the target whose record is urgent.
fn run_end(
    engine: &Engine,
    worker: &mut WorkerState,
    grpc: bool,
    host: &[(Needs, &[u8])],
) -> (Vec<Needs>, Option<usize>) {
    let end = ended(engine, worker, grpc);
    play(engine, worker, end, host)
}

fn play(
    engine: &Engine,
    worker: &mut WorkerState,
    mut end: ResponseEnd,
    host: &[(Needs, &[u8])],
) -> (Vec<Needs>, Option<usize>) {
    let (mut asked, mut properties) = (Vec::new(), Properties::default());
    loop {
        match end.next(engine, worker, &properties) {
            EndStep::Done(urgent) => return (asked, urgent),
            EndStep::Ask(needs) => {
                asked.push(needs);
                for (need, value) in host.iter().filter(|(need, _)| needs.contains(*need)) {
                    properties = properties.with(*need, value);
                }
            }
        }
    }
}

const OK: &[u8] = &200_i64.to_le_bytes();
const FAILED: &[u8] = &503_i64.to_le_bytes();
const ZERO: &[u8] = &0_i64.to_le_bytes();
const UNAVAILABLE: &[u8] = &14_i64.to_le_bytes();

#[test]
fn nothing_is_looked_up_where_nothing_is_watched() {
    let engine = engine(RULES, "");
    let mut worker = WorkerState::new(&engine);
    assert_eq!(run_end(&engine, &mut worker, false, &[]), (vec![], None));
    let mut refused = ResponseEnd::new(&Forwarded::default());
    let watching = policy(r#", "consecutive": 1"#);
    let mut worker = WorkerState::new(&watching);
    assert_eq!(refused.next(&watching, &mut worker, &Properties::default()), EndStep::Done(None));
}

#[test]
fn only_what_an_outcome_depends_on_is_looked_up() {
    let (status, grpc) = (Needs::RESPONSE_STATUS, Needs::GRPC_STATUS);
    let (details, time) = (Needs::RESPONSE_DETAILS, Needs::BACKEND_LATENCY);
    let (plain, slow) = (r#", "consecutive": 5"#, r#", "p95": 100"#);
    for (passive, is_grpc, host, expected) in [
        (plain, false, &[(status, OK)][..], vec![status]),
        (plain, false, &[(status, FAILED)], vec![status, details]),
        (plain, false, &[], vec![status]),
        (plain, false, &[(status, b"503")], vec![status]),
        (slow, false, &[(status, OK)], vec![status, time]),
        (slow, false, &[(status, FAILED)], vec![status, time | details]),
        (plain, true, &[(status, OK), (grpc, ZERO)], vec![status, grpc]),
        (plain, true, &[(status, OK), (grpc, UNAVAILABLE)], vec![status, grpc, details]),
        (plain, true, &[(status, OK)], vec![status, grpc]),
        (slow, true, &[(status, FAILED), (grpc, UNAVAILABLE)], vec![status, grpc | time | details]),
    ] {
        let engine = policy(passive);
        let (asked, _) = run_end(&engine, &mut WorkerState::new(&engine), is_grpc, host);
        assert_eq!(asked, expected, "{passive} {is_grpc} {host:?}");
    }
}

/// Which limit one response reaches: the upstream's failures in a row, or the gateway's to reach it.
fn whose(grpc: bool, host: &[(Needs, &[u8])]) -> &'static str {
    let urgent = |limit: &str| {
        let engine = policy(&format!(r#", "{limit}": 1"#));
        run_end(&engine, &mut WorkerState::new(&engine), grpc, host).1.is_some()
    };
    match (urgent("consecutive"), urgent("consecutiveLocal")) {
        (true, false) => "upstream",
        (false, true) => "gateway",
        (false, false) => "none",
        (true, true) => "both",
    }
}

#[test]
fn a_failure_is_the_upstreams_only_if_the_upstream_has_answered() {
    let (status, grpc, details) = (Needs::RESPONSE_STATUS, Needs::GRPC_STATUS, Needs::RESPONSE_DETAILS);
    let (upstream, envoy): (&[u8], &[u8]) = (b"via_upstream", b"upstream_reset_before_response_started");
    for (is_grpc, host, expected) in [
        (false, &[(status, FAILED), (details, upstream)][..], "upstream"),
        (false, &[(status, FAILED), (details, envoy)], "gateway"),
        (false, &[(status, FAILED)], "gateway"),
        (false, &[(status, OK), (details, envoy)], "none"),
        (false, &[], "none"),
        (true, &[(status, OK), (grpc, UNAVAILABLE), (details, upstream)], "upstream"),
        (true, &[(status, OK), (grpc, UNAVAILABLE), (details, envoy)], "gateway"),
        (true, &[(status, OK), (grpc, ZERO)], "none"),
        // Of a request that is no gRPC call the gRPC status means nothing.
        (false, &[(status, OK), (grpc, UNAVAILABLE), (details, upstream)], "none"),
    ] {
        assert_eq!(whose(is_grpc, host), expected, "{is_grpc} {host:?}");
    }
}

#[test]
fn the_status_of_a_call_is_that_of_its_headers_or_trailers() {
    let engine = policy(r#", "consecutive": 1"#);
    let call: &[(&[u8], &[u8])] = &[(b"content-type", b"application/grpc")];
    let forwarded = |more: &[Pair<'static>]| {
        let headers = [&*headers("POST", "/a.B/C"), more].concat();
        forward(&engine, &mut WorkerState::new(&engine), &headers, &Properties::default()).forwarded
    };
    let map = |status: &str| pairs::serialize(&[(b"grpc-message", b"x"), (b"grpc-status", status.as_bytes())]);
    let (details, upstream): (Needs, &[u8]) = (Needs::RESPONSE_DETAILS, b"via_upstream");
    for (is_call, header, trailer, of_envoy, expected) in [
        (true, Some("14"), None, ZERO, (true, false)),
        (true, None, Some("14"), ZERO, (true, false)),
        (true, Some("0"), Some("14"), ZERO, (true, false)),
        (true, None, Some("0"), UNAVAILABLE, (false, false)),
        // What is no number, or is not there, is as Envoy sees it.
        (true, Some("x"), None, UNAVAILABLE, (true, true)),
        (true, None, None, UNAVAILABLE, (true, true)),
        (false, Some("14"), Some("14"), UNAVAILABLE, (false, false)),
    ] {
        let mut forwarded = forwarded(if is_call { call } else { &[] });
        assert_eq!(response::needs_status(&forwarded), is_call);
        response::take_status(&mut forwarded, header.and_then(map).as_deref());
        response::take_status(&mut forwarded, trailer.and_then(map).as_deref());
        let mut worker = WorkerState::new(&engine);
        let host: &[(Needs, &[u8])] =
            &[(Needs::RESPONSE_STATUS, OK), (details, upstream), (Needs::GRPC_STATUS, of_envoy)];
        let (asked, urgent) = play(&engine, &mut worker, ResponseEnd::new(&forwarded), host);
        let is_asked = asked.iter().any(|needs| needs.contains(Needs::GRPC_STATUS));
        assert_eq!((urgent.is_some(), is_asked), expected, "{is_call} {header:?} {trailer:?}");
    }
}

#[test]
fn the_last_failure_before_the_gate_opens_is_urgent() {
    let engine = policy(r#", "consecutive": 3"#);
    let mut worker = WorkerState::new(&engine);
    let failed: &[(Needs, &[u8])] = &[(Needs::RESPONSE_STATUS, FAILED), (Needs::RESPONSE_DETAILS, b"via_upstream")];
    let mut urgent = || run_end(&engine, &mut worker, false, failed).1;
    assert_eq!([urgent(), urgent(), urgent()], [None, None, Some(0)]);
    assert_eq!(worker.monitor().unwrap().phase(0), None::<Phase>);
}

#[test]
fn how_long_the_upstream_took_is_counted_in_milliseconds() {
    // Slow answers alone open the gate; the record says how many there were.
    let engine = policy(r#", "p95": 100"#);
    for (nanoseconds, expected) in [(100_000_000_i64, false), (101_000_000, true), (-1, false), (i64::MAX, false)] {
        let mut worker = WorkerState::new(&engine);
        let time = nanoseconds.to_le_bytes();
        let host: &[(Needs, &[u8])] = &[(Needs::RESPONSE_STATUS, OK), (Needs::BACKEND_LATENCY, &time)];
        for _ in 0..10 {
            run_end(&engine, &mut worker, false, host);
        }
        assert_eq!(health::opens(&engine, &mut worker), expected, "{nanoseconds}");
    }
}
