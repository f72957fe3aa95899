//! Changes of policies that people make, and what they mean.

use sallyport_core::wire;

use super::*;

fn policy(rules: &str) -> Policy {
    let json = format!(r#"{{"version": 1, "upstream": "legacy/orders", "rules": [{rules}]}}"#);
    let source: wire::Policy = sallyport_core::engine::parse(json.as_bytes()).unwrap();
    Policy::new(source).unwrap()
}

/// Each region in a line.
fn told(old: &str, new: &str) -> Vec<String> {
    let (old, new) = (policy(old), policy(new));
    let diff = diff(&old, &new, "orders.internal", BUDGET).unwrap();
    assert!(diff.undecided.is_empty(), "{:#?}", diff.undecided);
    let line = |region: &Region| {
        format!("{} -> {}: {} by {}", region.old, region.new, region.witness.request, region.witness.caller)
    };
    diff.regions.iter().map(line).collect()
}

const READERS: &str = r#"{"id": "readers", "action": "ALLOW", "from": [{"source": {"serviceAccounts": ["shop/web"]}}],
    "to": [{"operation": {"methods": ["GET"], "paths": ["/orders/{*}"]}}]}"#;

#[test]
fn the_same_policy_has_no_difference() {
    assert_eq!(told(READERS, READERS), [""; 0]);
    assert_eq!(told("", ""), [""; 0]);
}

#[test]
fn one_more_path_is_one_region() {
    let more = READERS.replace(r#""/orders/{*}""#, r#""/orders/{*}", "/health""#);
    assert_eq!(told(READERS, &more), ["refused: not_allowed -> allowed by `readers`: GET /health by shop/web"]);
    assert_eq!(told(&more, READERS), ["allowed by `readers` -> refused: not_allowed: GET /health by shop/web"]);
}

#[test]
fn shadow_rules_are_compared_beside_those_in_force() {
    let old = r#"{"id": "r1", "action": "ALLOW", "mode": "shadow", "from": [{"source": {"principals": ["*/sa/sleep"]}}],
        "when": [{"key": "source.namespace", "values": ["http*"]}]}"#;
    let deny = r#"{"id": "r0", "action": "DENY", "mode": "shadow",
        "to": [{"operation": {"paths": ["*.json"]}}, {"operation": {"ports": ["8443"]}}]}"#;
    let told = told(old, &format!("{deny}, {old}"));
    let line = |path: &str| format!("allowed by `r1` -> refused: denied by `r0`: GET {path} by http/sleep");
    assert_eq!(told, [line("/"), line("/.json")]);
}

/// The ids of all regions.
fn ids(old: &str, new: &str) -> Vec<String> {
    let (old, new) = (policy(old), policy(new));
    diff(&old, &new, "orders.internal", BUDGET).unwrap().regions.into_iter().map(|region| region.id).collect()
}

/// What is waived by its id must not be more than what was looked at.
#[test]
fn an_id_is_another_if_a_rule_that_is_not_shown_is() {
    let deny = r#"{"id": "no", "action": "DENY", "to": [{"operation": {"paths": ["/orders/{*}"]}}]}"#;
    let conditional = READERS.replace(r#""to""#, r#""when": [{"key": "request.headers[x]", "values": ["1"]}], "to""#);
    let ids_of = |allow: &str| ids(&format!("{deny}, {allow}"), allow);
    assert_eq!(ids_of(READERS), ids_of(READERS));
    assert!(ids_of(READERS).iter().all(|id| !ids_of(&conditional).contains(id)));
    let reordered = READERS.replace(r#"["GET"]"#, r#"["HEAD", "GET"]"#);
    let sorted = READERS.replace(r#"["GET"]"#, r#"["GET", "HEAD"]"#);
    assert_eq!(ids_of(&reordered), ids_of(&sorted));
}

/// A rule behind the one that decides takes nothing away.
#[test]
fn only_what_counts_first_is_an_exception() {
    let rule = |id: &str, action: &str, path: &str| {
        format!(r#"{{"id": "{id}", "action": "{action}", "to": [{{"operation": {{"paths": ["{path}"]}}}}]}}"#)
    };
    let except = |old: &[String], new: &[String]| {
        let (old, new) = (policy(&old.join(",")), policy(&new.join(",")));
        let regions = diff(&old, &new, "orders.internal", BUDGET).unwrap().regions;
        regions.into_iter().map(|region| region.scope.except).collect::<Vec<_>>()
    };
    let [p, q, d] = [rule("p", "ALLOW", "/x/*"), rule("q", "ALLOW", "/x/*"), rule("d", "DENY", "/x/*")];
    let inner = rule("inner", "DENY", "/x/y/*");
    assert_eq!(except(&[], &[p.clone(), q.clone()]), [[""; 0]]);
    assert_eq!(except(&[p.clone(), q.clone()], &[d, p.clone(), q]), [[""; 0]]);
    let both = [inner, p];
    assert_eq!(except(&both[..1], &both), [["inner"]]);
}
