use super::*;
use crate::flow::Level;
use crate::flow::configure::{Configured, configure};

const POLICY: &str = r#"{"version": 1, "upstream": "a/b", "rules": []}"#;
const GATE: &str = r#", "health": {"override": "forceClosed", "hold": 0, "slowStart": {"share": 10, "duration": 0},
    "refusal": {"status": 503, "retryAfter": 1000}}}"#;

fn refusal(configuration: &[u8], plugin: &[u8]) -> String {
    match configure(configuration, plugin, b"", 0) {
        Err(Effect::Log(Level::Error, line)) => line,
        Err(effect) => panic!("{effect:?}"),
        Ok(configured) => panic!("{configured:?}"),
    }
}

#[test]
fn a_policy_comes_into_force_with_a_line_and_two_gauges() {
    for plugin in ["a/b", ""] {
        let configured = configure(POLICY.as_bytes(), plugin.as_bytes(), b"", 12_345).unwrap();
        let Configured { engine, effects, in_use, tick_period } = configured;
        assert_eq!((engine.upstream(), tick_period), ("a/b", 1000));
        // `printf '%s\n' POLICY | jq -cS . | sha256sum`.
        let mark = "9d69fe0fa3bd1614";
        let line = format!("policy for a/b: 0 rules, enforce, in force as {mark}");
        assert_eq!(effects[0], Effect::Log(Level::Info, line));
        let hash = crate::telemetry::policy_hash(POLICY.as_bytes());
        let gauges =
            [format!("sallyport.config.policy_hash {hash}"), "sallyport.config.loaded_at_seconds 12".to_owned()];
        assert_eq!(metrics(&effects), gauges);
        assert_eq!(metrics(&in_use), ["up", "down"].map(|step| format!("sallyport.workers.{mark} {step}")));
    }
}

#[test]
fn what_is_in_force_is_the_configuration_and_the_filter() {
    let mark =
        |policy: &str, filter: &[u8]| configure(policy.as_bytes(), b"", filter, 0).unwrap().engine.mark().to_owned();
    let written_anew = r#"{ "rules": [], "upstream": "a\u002fb", "version": 1.0 }"#;
    assert_eq!(mark(POLICY, b""), mark(written_anew, b""));
    assert_ne!(mark(POLICY, b""), mark(&POLICY.replace("a/b", "a/c"), b""));
    // `{ printf '%s\n' POLICY | jq -cS .; printf sha256:00; } | sha256sum`.
    assert_eq!(mark(POLICY, b"A=B\0SALLYPORT_FILTERS=1\0SALLYPORT_FILTER=sha256:00\0C=\0"), "e79b63089d67745f");
}

#[test]
fn a_policy_with_a_health_gate_ticks_faster() {
    let policy = POLICY.replacen('}', GATE, 1);
    assert_eq!(configure(policy.as_bytes(), b"a/b", b"", 0).unwrap().tick_period, 200);
}

#[test]
fn the_policy_of_another_plugin_is_refused() {
    let line = refusal(POLICY.as_bytes(), b"a/c\xff");
    assert!(line.starts_with("policy refused: "), "{line}");
    assert!(line.contains("the policy is for `a/b`, the plugin is `a/c\\xff`"), "{line}");
}

#[test]
fn a_refusal_is_one_line_of_bounded_length() {
    for configuration in [&b""[..], b"{", b"\xff", br#"{"version": 1, "upstream": "a\nb", "rules": [], "x\ny": 1}"#] {
        let line = refusal(configuration, b"");
        assert!(line.starts_with("policy refused: ") && !line.chars().any(char::is_control), "{line}");
    }
    let rules = r#"{"id": "", "action": "ALLOW"},"#.repeat(1000);
    let many = format!(r#"{{"version": 1, "upstream": "a/b", "rules": [{}]}}"#, rules.trim_end_matches(','));
    let length = refusal(many.as_bytes(), b"").chars().count();
    assert_eq!(length, 2000 + "policy refused: ".len());
}
