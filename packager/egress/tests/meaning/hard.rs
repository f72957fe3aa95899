//! Policies that are hard to compare: patterns that go together in every way, counted repetitions, sets of values, many rules.

use std::time::Instant;

use sallyport_egress::meaning::{BUDGET, Policy, diff};

use crate::changes;

fn policy_of(rules: &[String]) -> Policy {
    let json = format!(r#"{{"version": 1, "upstream": "legacy/orders", "rules": [{}]}}"#, rules.join(","));
    Policy::new(sallyport_core::engine::parse(json.as_bytes()).unwrap()).unwrap()
}

fn rule(id: usize, action: &str, parts: &str) -> String {
    format!(r#"{{"id": "r{id}", "action": "{action}", {parts}}}"#)
}

/// Compared in both directions, and each with itself.
fn regions(old: &[String], new: &[String]) -> usize {
    let (old, new) = (policy_of(old), policy_of(new));
    let started = Instant::now();
    let there = diff(&old, &new, "a.example", BUDGET).unwrap();
    eprintln!("{} regions in {:?}", there.regions.len(), started.elapsed());
    let back = diff(&new, &old, "a.example", BUDGET).unwrap();
    assert!(there.undecided.is_empty() && back.undecided.is_empty(), "{:?}", there.undecided);
    assert_eq!(changes(&there, false), changes(&back, true));
    for same in [&old, &new] {
        assert!(diff(same, same, "a.example", BUDGET).unwrap().is_empty());
    }
    there.regions.len()
}

#[test]
fn patterns_that_go_together_in_every_way_are_compared() {
    let within = |at: usize, text: &str| {
        rule(at, "ALLOW", &format!(r#""to": [{{"operation": {{"pathRegex": [".*{text}{at}.*"]}}}}]"#))
    };
    let old: Vec<String> = (0..20).map(|at| within(at, "k")).collect();
    // All at once, and one alone.
    let new: Vec<String> = (0..20).map(|at| within(at, "m")).collect();
    assert!(regions(&old, &new) > 0);
    let mut new = old.clone();
    new[10] = within(10, "m");
    assert!(regions(&old, &new) > 0);
    // In one rule.
    let all = |text: &str| {
        let patterns: Vec<String> = (0..20).map(|at| format!(r#"".*{text}{at}.*""#)).collect();
        vec![rule(0, "ALLOW", &format!(r#""to": [{{"operation": {{"pathRegex": [{}]}}}}]"#, patterns.join(",")))]
    };
    assert!(regions(&all("k"), &all("m")) > 0);
}

#[test]
fn counted_repetitions_are_compared() {
    let counted = |at: usize, most: usize| {
        rule(
            at,
            "DENY",
            &format!(r#""to": [{{"operation": {{"pathRegex": ["/{at}/[a-z]{{1,{most}}}/[0-9]{{{at},40}}"]}}}}]"#),
        )
    };
    let old: Vec<String> = (1..=30).map(|at| counted(at, 30)).collect();
    let new: Vec<String> = (1..=30).map(|at| counted(at, 31)).collect();
    assert!(regions(&old, &new) > 0);
}

#[test]
fn conditions_on_sets_of_header_values_are_compared() {
    let conditions = |last: &str| {
        let one = |at: usize| {
            let values = format!(r#""a{at}", "b{at}*", "*c{at}", "{last}""#);
            let field = ["values", "notValues"][at % 2];
            rule(
                at,
                ["ALLOW", "DENY"][at % 3 / 2],
                &format!(r#""when": [{{"key": "request.headers[x-role]", "{field}": [{values}]}}]"#),
            )
        };
        (0..12).map(one).collect::<Vec<_>>()
    };
    assert!(regions(&conditions("d"), &conditions("e")) > 0);
    let together = |last: &str| {
        let condition = |at: usize| {
            let field = ["values", "notValues"][at % 2];
            format!(r#"{{"key": "request.headers[x-h{at}]", "{field}": ["a", "b*", "{last}"]}}"#)
        };
        let conditions: Vec<String> = (0..12).map(condition).collect();
        vec![rule(0, "ALLOW", &format!(r#""when": [{}]"#, conditions.join(",")))]
    };
    assert!(regions(&together("d"), &together("e")) > 0);
}

#[test]
fn a_large_policy_is_compared_by_what_changes() {
    let one = |at: usize, path: &str| {
        let (namespace, method) = (at % 50, ["GET", "POST"][at % 2]);
        rule(
            at,
            if at.is_multiple_of(10) { "DENY" } else { "ALLOW" },
            &format!(
                r#""from": [{{"source": {{"namespaces": ["team-{namespace}"]}}}}],
                   "to": [{{"operation": {{"methods": ["{method}"], "paths": ["/{path}/{at}", "/{path}/{at}/{{*}}"]}}}}]"#
            ),
        )
    };
    let count: usize = std::env::var("RULES").ok().and_then(|rules| rules.parse().ok()).unwrap_or(200);
    let old: Vec<String> = (0..count).map(|at| one(at, "api")).collect();
    let mut new = old.clone();
    for at in (5..count).step_by(count / 10) {
        new[at] = one(at, "new");
    }
    // Of each rule what it was and what it is.
    assert_eq!(regions(&old, &new), 20);
}
