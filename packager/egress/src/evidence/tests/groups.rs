//! Callers that a rule means without naming them.

use super::*;

/// Of each namespace and pattern of a rule one that it means, beside those that it names.
#[test]
fn of_each_namespace_and_pattern_one_must_have_been_active() {
    let text = EGRESS.replace(
        "[{source: {serviceAccounts: [shop/batch]}}]",
        "[{source: {serviceAccounts: [shop/batch]}}, {source: \
             {namespaces: [billing, \"prod-*\"]}}, {source: {principals: [\"cluster.local/ns/ci/sa/*\"]}}]",
    );
    let scene = scene_of(&text);
    let (mut observed, region) = (good(), scene.id("batch").to_owned());
    let waits = |of: &str| format!("missing region {region}: no caller of {of} that could enter it was active");
    for (active, of) in [
        (
            "cluster.local/ns/stock/sa/c",
            &["`cluster.local/ns/ci/sa/*`", "namespace `billing`", "namespace `prod-*`"][..],
        ),
        ("cluster.local/ns/ci/sa/a", &["namespace `billing`", "namespace `prod-*`"]),
        ("cluster.local/ns/prod-eu/sa/a", &["namespace `billing`"]),
        ("elsewhere/ns/billing/sa/a", &[]),
    ] {
        observed.callers.insert(principal(active), 5.0);
        let expected: Vec<String> = of.iter().map(|of| waits(of)).collect();
        assert_eq!(scene.texts(&observed), expected, "{active}");
    }
    let region = scene.regions.iter().find(|one| one.id == region).unwrap();
    let reach = Reach::of(region, &scene.egress, &Mesh::default());
    let patterns: Vec<_> = reach.groups().iter().map(Group::pattern).collect();
    assert_eq!(patterns, ["cluster.local/ns/ci/sa/*", "*/ns/billing/sa/*", "*/ns/prod-*/sa/*"]);
}
