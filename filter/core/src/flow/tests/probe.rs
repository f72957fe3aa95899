use super::*;
use crate::flow::probe::on_answer;
use crate::request::pairs;

const HEALTH: &str = r#", "health": {"probe": {"cluster": "c", "method": "GET", "host": "h", "path": "/health?a",
    "expect": {"statuses": ["200"], "bodyPrefix": "ok"}, "interval": 5000, "jitter": 0, "timeout": 1000, "rise": 1,
    "fall": 1}, "hold": 0, "slowStart": {"share": 10, "duration": 0}, "refusal": {"status": 503, "retryAfter": 1000},
    "failover": [{"upstream": "x/s", "probe": {"cluster": "d", "scheme": "http", "method": "HEAD", "host": "h", "path": "/", "userAgent": "Acme (probe)/1",
    "expect": {"statuses": ["204"]}, "interval": 5000, "jitter": 0, "timeout": 1000, "rise": 1, "fall": 1}}]}"#;

#[test]
fn a_probe_is_a_plain_request() {
    let engine = engine(RULES, HEALTH);
    let probe = engine.health().unwrap().probe(0).unwrap();
    let expected = [
        (":method", "GET"),
        (":scheme", "https"),
        (":path", "/health?a"),
        (":authority", "h"),
        ("user-agent", "sallyport-probe"),
    ];
    assert_eq!(probe.headers(), expected);
    let standby = engine.health().unwrap().probe(1).unwrap();
    assert_eq!(standby.headers()[1], (":scheme", "http"));
    assert_eq!(standby.headers()[4], ("user-agent", "Acme (probe)/1"));
}

#[test]
fn a_probe_that_cannot_be_sent_has_failed() {
    let engine = engine(RULES, HEALTH);
    let mut worker = WorkerState::new(&engine);
    let probed = worker.on_probe_sent(engine.health().unwrap(), 1, None, 5).unwrap();
    assert_eq!(metrics(&probed.effects), ["sallyport.health.standby_1.probes_failed 1"]);
    assert_eq!(probed.update.target(), 1);
}

#[test]
fn an_answer_is_matched_by_its_token_and_measured() {
    let engine = engine(RULES, HEALTH);
    let policy = engine.health().unwrap();
    let mut worker = WorkerState::new(&engine);
    assert!(worker.on_probe_sent(policy, 0, Some(7), 1_000).is_none());
    assert!(worker.on_probe_sent(policy, 1, Some(8), 1_100).is_none());
    assert!(worker.take_probe(9).is_none(), "a token that is not known");
    let (second, first) = (worker.take_probe(8).unwrap(), worker.take_probe(7).unwrap());
    assert!(worker.take_probe(7).is_none(), "an answer comes once");
    assert_eq!((first.body_needed(policy), second.body_needed(policy)), (Some(2), None));
    let headers = pairs::serialize(&[(b":status", b"200")]).unwrap();
    for (body, word) in [(&b"ok"[..], "probes_good"), (b"no", "probes_failed")] {
        let effects = on_answer(policy, first, &headers, body, 1_250).effects;
        let names = ["probe_milliseconds 250".to_owned(), format!("{word} 1")];
        assert_eq!(metrics(&effects), names.map(|name| format!("sallyport.health.upstream.{name}")));
    }
    // Envoy's way to say that there was no answer.
    assert!(metrics(&on_answer(policy, second, b"", b"", 1_250).effects)[1].contains("probes_failed"));
    assert!(metrics(&on_answer(policy, second, b"\x01", b"", 1_250).effects)[1].contains("probes_failed"));
}
