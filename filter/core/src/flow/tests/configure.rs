use super::*;
use crate::flow::Level;
use crate::flow::configure::{Configured, configure};

const POLICY: &str = r#"{"version": 1, "upstream": "a/b", "rules": []}"#;
const GATE: &str = r#", "health": {"override": "forceClosed", "hold": 0, "slowStart": {"share": 10, "duration": 0},
    "refusal": {"status": 503, "retryAfter": 1000}}}"#;

fn refusal(configuration: &[u8], plugin: &[u8]) -> String {
    match configure(configuration, plugin, 0) {
        Err(Effect::Log(Level::Error, line)) => line,
        Err(effect) => panic!("{effect:?}"),
        Ok(configured) => panic!("{configured:?}"),
    }
}

#[test]
fn a_policy_comes_into_force_with_a_line_and_two_gauges() {
    for plugin in ["a/b", ""] {
        let configured = configure(POLICY.as_bytes(), plugin.as_bytes(), 12_345).unwrap();
        let Configured { engine, effects, in_use, tick_period } = configured;
        assert_eq!((engine.upstream(), tick_period), ("a/b", 1000));
        assert_eq!(effects[0], Effect::Log(Level::Info, "policy for a/b: 0 rules, enforce".to_owned()));
        let hash = crate::telemetry::policy_hash(POLICY.as_bytes());
        let gauges =
            [format!("sallyport.config.policy_hash {hash}"), "sallyport.config.loaded_at_seconds 12".to_owned()];
        assert_eq!(metrics(&effects), gauges);
        // `printf '%s' POLICY | sha256sum`.
        let digest = &crate::wire::sha256(POLICY.as_bytes())[..16];
        assert_eq!(metrics(&in_use), ["up", "down"].map(|step| format!("sallyport.workers.{digest} {step}")));
    }
}

#[test]
fn a_policy_with_a_health_gate_ticks_faster() {
    let policy = POLICY.replacen('}', GATE, 1);
    assert_eq!(configure(policy.as_bytes(), b"a/b", 0).unwrap().tick_period, 200);
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
