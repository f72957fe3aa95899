//! Changes of policies that people make, and what they mean.

use sallyport_core::wire;

use super::*;
use crate::scenario::Effect;

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
    let old = r#"{"id": "r1", "action": "ALLOW", "stage": "shadow", "from": [{"source": {"principals": ["*/sa/sleep"]}}],
        "when": [{"key": "source.namespace", "values": ["http*"]}]}"#;
    let deny = r#"{"id": "r0", "action": "DENY", "stage": "shadow",
        "to": [{"operation": {"paths": ["*.json"]}}, {"operation": {"ports": ["8443"]}}]}"#;
    let told = told(old, &format!("{deny}, {old}"));
    assert_eq!(told, ["allowed by `r1` -> refused: denied by `r0`: GET / by http/sleep"]);
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
        let id = |exception: &Exception| match exception {
            Exception::Rule(id, _) => id.clone(),
            other => format!("{other:?}"),
        };
        regions.into_iter().map(|region| region.scope.except.iter().map(id).collect()).collect::<Vec<Vec<String>>>()
    };
    let [p, q, d] = [rule("p", "ALLOW", "/x/*"), rule("q", "ALLOW", "/x/*"), rule("d", "DENY", "/x/*")];
    let inner = rule("inner", "DENY", "/x/y/*");
    assert_eq!(except(&[], &[p.clone(), q.clone()]), [[""; 0]]);
    assert_eq!(except(&[p.clone(), q.clone()], &[d, p.clone(), q]), [[""; 0]]);
    let both = [inner, p];
    assert_eq!(except(&both[..1], &both), [["inner"]]);
}

fn regions(old: &str, new: &str) -> Vec<Region> {
    diff(&policy(old), &policy(new), "orders.internal", BUDGET).unwrap().regions
}

fn rule(id: &str, action: &str, rest: &str) -> String {
    format!(r#"{{"id": "{id}", "action": "{action}", {rest}}}"#)
}

fn path(path: &str) -> String {
    format!(r#""to": [{{"operation": {{"paths": ["{path}"]}}}}]"#)
}

/// What a rule refused is allowed by another only as far as that one goes.
#[test]
fn the_other_rule_is_named_where_it_says_more() {
    let deny = rule("no", "DENY", &path("/a/*"));
    let allow = rule("yes", "ALLOW", &path("*/read"));
    let regions = regions(&format!("{deny}, {allow}"), &allow);
    let [widened, reason] = &regions[..] else { panic!("{regions:#?}") };
    let and = widened.scope.and.as_ref().unwrap();
    assert_eq!((widened.change(), &*and.id), (Change::Widened, "yes"));
    assert_eq!(and.to.as_ref().unwrap()[0].operation.paths.as_ref().unwrap(), &["*/read"]);
    // What no rule allows has no other rule, but that one is an exception.
    assert!(reason.scope.and.is_none());
    assert_eq!(reason.scope.except, [Exception::Rule("yes".to_owned(), Side::Both)]);
    // Where the rule goes as far as the DENY rule, nothing is missing without it.
    let allow = rule("yes", "ALLOW", &path("*"));
    let all = self::regions(&format!("{deny}, {allow}"), &allow);
    assert!(all.iter().all(|region| region.scope.and.is_none() && region.scope.except.is_empty()), "{all:#?}");
}

/// A DENY rule takes from many others: that is one region, not one for each of them.
#[test]
fn what_many_rules_allow_is_one_region() {
    let allows = |count: usize| {
        let one = |at: usize| rule(&format!("a{at}"), "ALLOW", &path(&format!("*/{at}")));
        (0..count).map(one).collect::<Vec<_>>().join(",")
    };
    let narrowed = |count: usize| {
        let deny = rule("no", "DENY", &path("/a/*"));
        let regions = regions(&allows(count), &format!("{deny}, {}", allows(count)));
        regions.into_iter().filter(|region| region.change() == Change::Narrowed).collect::<Vec<_>>()
    };
    assert_eq!(narrowed(4).len(), 4);
    let [one] = &narrowed(9)[..] else { panic!("more than one") };
    assert_eq!((one.scope.any_of.len(), one.others.len(), &one.scope.and), (9, 8, &None));
}

/// Of a list only what counts is shown, whichever of it that is.
#[test]
fn a_list_is_reduced_to_what_counts() {
    let list = |added: &[usize]| {
        let mut paths: Vec<String> = (0..60).map(|at| format!(r#""/a{at}/{{*}}""#)).collect();
        for at in added {
            paths.insert(*at, format!(r#""/b{at}""#));
        }
        rule("yes", "ALLOW", &format!(r#""to": [{{"operation": {{"paths": [{}]}}}}]"#, paths.join(",")))
    };
    for added in [&[0_usize][..], &[17], &[60], &[3, 40], &[0, 30, 59]] {
        let regions = regions(&list(&[]), &list(added));
        let [region] = &regions[..] else { panic!("{regions:#?}") };
        let to = region.scope.rule.as_ref().unwrap().to.as_ref().unwrap();
        let expected: Vec<String> = added.iter().map(|at| format!("/b{at}")).collect();
        assert_eq!(to[0].operation.paths.as_ref().unwrap(), &expected);
    }
}

/// Of a condition that is added, the requests are those that do not fulfil it. A twin of its header is refused, whatever
/// decided before: that is one region, however many rules there are.
#[test]
fn what_the_other_version_adds_is_named() {
    let when = format!(r#"{}, "when": [{{"key": "request.headers[x-role]", "values": ["admin"]}}]"#, path("/a"));
    let [old, new] = [path("/a"), when].map(|rest| {
        let more = rule("more", "ALLOW", &path("/b"));
        format!("{}, {more}", rule("yes", "ALLOW", &rest))
    });
    let regions = regions(&old, &new);
    let of_rule: Vec<&Region> = regions.iter().filter(|region| region.scope.rule.is_some()).collect();
    let [narrowed] = &of_rule[..] else { panic!("{regions:#?}") };
    let fails = narrowed.scope.fails.as_ref().unwrap();
    assert_eq!(
        (narrowed.change(), &*fails.when.as_ref().unwrap()[0].key),
        (Change::Narrowed, "request.headers[x-role]")
    );
    assert!(fails.to.is_none() && fails.from.is_none());
    let twins: Vec<(Change, &[Effect])> = regions
        .iter()
        .filter(|region| matches!(region.scope.from, Source::Ambiguity(wire::Ambiguity::UnderscoreHeader, _)))
        .map(|region| (region.change(), &region.others[..]))
        .collect();
    let more = [Effect::Allowed(Some("more".to_owned()))];
    assert_eq!(twins, [(Change::Narrowed, &more[..]), (Change::Reason, &[])]);
    assert_eq!(regions.len(), 3);
}

/// A rule with several sources is one region.
#[test]
fn alternatives_that_change_alike_are_one_region() {
    let sources = r#""from": [{"source": {"namespaces": ["a"]}}, {"source": {"namespaces": ["b"]}}]"#;
    let regions = regions("", &rule("yes", "ALLOW", &format!("{sources}, {}", path("/a"))));
    let of_rule: Vec<&wire::Rule> = regions.iter().filter_map(|region| region.scope.rule.as_ref()).collect();
    assert_eq!(of_rule.len(), 1, "{regions:#?}");
    assert_eq!(of_rule[0].from.as_ref().unwrap().len(), 2);
}

/// A line that is chosen loses blanks and tabs at its ends, and nothing else, of a parameter, too.
#[test]
fn a_chosen_parameter_may_end_in_a_line_feed() {
    let deny = r#"{"id": "no", "action": "DENY", "when": [{"key": "request.query[q]", "regex": ["admin\\n?"],
        "notValues": ["admin"], "match": "all"}]}"#;
    let line = "refused: denied by `no` -> refused: not_allowed: GET /?q=admin%0A by default/default".to_owned();
    assert!(told(deny, "").contains(&line), "{:?}", told(deny, ""));
}

/// Behind a forwarder, a certificate of two names is no identity, and rules that refuse read both.
#[test]
fn a_forwarder_may_be_on_behalf_of_several_names() {
    let deny = r#"{"id": "no", "action": "DENY", "from": [{"source": {"principals": ["*"], "notPrincipals": ["*"]}}]}"#;
    let (old, mut new) = (policy(deny), policy(deny).source().clone());
    new.trusted_forwarders = vec!["cluster.local/ns/istio-system/sa/ingress".to_owned()];
    let diff = diff(&old, &Policy::new(new).unwrap(), "orders.internal", BUDGET).unwrap();
    let forwarded: Vec<usize> =
        diff.regions.iter().flat_map(|region| &region.witness.caller.forwarded).map(|one| one.uris.len()).collect();
    assert!(forwarded.contains(&2), "{:#?}", diff.regions);
}
