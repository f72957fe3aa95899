//! What a comparison of policies promises, on policies and requests by chance: no difference is missed, and each that is
//! named is real.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a broken assumption ends the test"
)]

#[path = "../../../filter/core/tests/core/common/mod.rs"]
#[expect(dead_code, reason = "a part of it is for the tests of the core")]
mod common;

use std::time::Instant;

use arbitrary::Unstructured;
use common::generate;
use common::request::Request;
use sallyport_core::{Ambiguity, Engine, Needs, PeerView, Reason, RequestView, wire};
use sallyport_egress::meaning::{BUDGET, Exception, Policy, Region, Side, View, diff};
use sallyport_egress::scenario::Effect;

/// How many pairs of policies, and requests for each.
const PAIRS: u64 = 300;
const REQUESTS: usize = 150;

fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes
}

/// A policy, and another that somebody has made of it.
fn pair(seed: u64) -> (wire::Policy, wire::Policy) {
    let bytes = bytes(seed, 4000);
    let mut u = Unstructured::new(&bytes);
    let old = generate::policy(&mut u);
    let mut new = old.clone();
    for _ in 0..=u.choose_index(2).unwrap_or(0) {
        let at = u.choose_index(new.rules.len().max(1)).unwrap_or(0);
        match u.choose_index(12).unwrap_or(0) {
            0 if !new.rules.is_empty() => {
                new.rules.remove(at);
            }
            1 if new.rules.len() > 1 => new.rules.swap(0, at),
            2 => {
                let other = generate::policy(&mut u);
                if new.rules.is_empty() || new.tolerate == other.tolerate {
                    new.tolerate = other.tolerate;
                }
            }
            3 => new.trusted_forwarders = generate::policy(&mut u).trusted_forwarders,
            4 => new.mode = generate::policy(&mut u).mode,
            5 if !new.rules.is_empty() => {
                new.rules[at].action = [wire::Action::Allow, wire::Action::Deny][u.choose_index(2).unwrap_or(0)];
            }
            6 if !new.rules.is_empty() => new.rules[at].mode = wire::Mode::Enforce,
            7 | 8 => {
                let rule = generate::rule(&mut u, &new, 20 + at);
                new.rules.insert(at, rule);
            }
            _ if !new.rules.is_empty() => {
                let id = new.rules[at].id.clone();
                new.rules[at] = wire::Rule { id, ..generate::rule(&mut u, &new, at) };
            }
            _ => {}
        }
    }
    (old, new)
}

/// Whether the search looks at requests of this kind: `meaning` names the others.
fn is_of_the_space(request: &Request) -> bool {
    let header = |name: &str| {
        let line = request.headers.iter().find(|(known, _)| known.0 == name.as_bytes());
        line.map(|(_, value)| value.0.clone()).unwrap_or_default()
    };
    let path = header(":path");
    let path = path.split(|byte| *byte == b'?').next().unwrap_or_default().to_vec();
    // Envoy decodes these.
    let decoded = path.windows(3).any(|escape| {
        escape[0] == b'%'
            && std::str::from_utf8(&escape[1..])
                .ok()
                .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                .is_some_and(sallyport_core::request::is_unreserved)
    });
    let has_strange_names = !request.other_names.is_empty();
    let identity = request.uri_san.as_ref().map(|uri| uri.0.clone()).unwrap_or_default();
    let is_strange = request.mtls
        && !(identity.starts_with(b"spiffe://")
            && identity.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/:.-_".contains(byte))
            && identity.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).count() == 6);
    let is_address = header(":authority").starts_with(b"[") || header("host").starts_with(b"[");
    let has_no_port = request.destination_address.is_none();
    // What is forwarded by others than the forwarder counts for nothing.
    !(decoded || has_strange_names || is_strange || is_address || has_no_port)
}

fn is_left_out(effect: &Effect) -> bool {
    use Ambiguity as A;
    let kind = match effect.reason() {
        Some(Reason::Ambiguous(kind)) => kind,
        _ => return false,
    };
    matches!(
        kind,
        A::ValueTooLong
            | A::MalformedPath
            | A::MalformedHost
            | A::MalformedMethod
            | A::UnreadableCertificate
            | A::UnreadableMetadata
            | A::UnknownUpgrade
    )
}

fn effects(engine: &Engine, request: &Request) -> (Effect, Option<Effect>, Vec<String>) {
    request.with_view(|view| {
        // As a host does it, which is asked for what the policy needs.
        let needs = engine.needs();
        let peer = if needs.contains(Needs::MTLS) { view.peer } else { PeerView::default() };
        let metadata = view.metadata.filter(|_| needs.contains(Needs::METADATA));
        let decision = engine.on_request(&RequestView { peer, metadata, ..*view });
        let audits = decision.audits.iter().map(|rule| rule.id.to_owned()).collect();
        (Effect::of(&decision.verdict), decision.shadow.as_ref().map(Effect::of_shadow), audits)
    })
}

fn is_allowed_if_enforced(shadow: &Option<Effect>, effect: &Effect) -> bool {
    shadow.as_ref().unwrap_or(effect).is_allowed()
}

fn compare(seed: u64) -> (usize, usize, usize) {
    let (old, new) = pair(seed);
    let (Ok(old), Ok(new)) = (Policy::new(old), Policy::new(new)) else { return (0, 0, 0) };
    let started = Instant::now();
    let diff = diff(&old, &new, "httpbin.org", BUDGET).unwrap_or_else(|_| {
        panic!("seed {seed}: exhausted after {:?}\n{:#?}\n{:#?}", started.elapsed(), old.source(), new.source())
    });
    let shown = || format!("seed {seed}\nold {}\nnew {}", json(old.source()), json(new.source()));
    assert!(diff.undecided.is_empty(), "{}\n{:#?}", shown(), diff.undecided);
    let said: Vec<Said<'_>> = diff.regions.iter().filter_map(|region| Said::new(region, &old, &new)).collect();
    let (mut differing, mut described) = (0, 0);
    let bytes = bytes(!seed, 60 * REQUESTS);
    let mut u = Unstructured::new(&bytes);
    for _ in 0..REQUESTS {
        let request = generate::request(&mut u);
        let ((before, before_shadow, before_audits), (after, after_shadow, after_audits)) =
            (effects(old.engine(), &request), effects(new.engine(), &request));
        if !is_of_the_space(&request) || is_left_out(&before) || is_left_out(&after) {
            continue;
        }
        let is_ambiguous = |effect: &Effect| matches!(effect.reason(), Some(Reason::Ambiguous(_)));
        if is_ambiguous(&before) && is_ambiguous(&after) {
            continue;
        }
        // Of these one is shown for all.
        if old.source().mode != new.source().mode && (is_ambiguous(&before) || is_ambiguous(&after)) {
            continue;
        }
        let is_told = |view: &View, before: &Effect, after: &Effect| {
            let is = |region: &Region, said: &Effect, effect: &Effect| said == effect || region.others.contains(effect);
            diff.regions
                .iter()
                .any(|region| region.view == *view && is(region, &region.old, before) && is(region, &region.new, after))
        };
        for said in said.iter().filter(|said| said.has(&request)) {
            let Region { view, old, new, others, scope, .. } = said.region;
            let is_in_force = scope.except.contains(&Exception::InForce) && before != after;
            let of_shadow = before_shadow.iter().chain(&after_shadow);
            let is_other_ambiguous = [&before, &after].into_iter().chain(of_shadow).any(is_ambiguous);
            let is_true = match view {
                View::InForce => {
                    let is = |said: &Effect, effect: &Effect| said == effect || others.contains(effect);
                    is(old, &before) && is(new, &after)
                }
                View::IfEnforced => {
                    is_allowed_if_enforced(&before_shadow, &before) == old.is_allowed()
                        && is_allowed_if_enforced(&after_shadow, &after) == new.is_allowed()
                }
                View::Audit(id) => {
                    before_audits.contains(id) == old.rule().is_some()
                        && after_audits.contains(id) == new.rule().is_some()
                }
            };
            assert!(
                is_true || is_in_force || is_other_ambiguous,
                "{}\n{request}\n{before} -> {after}, shadow {before_shadow:?} -> {after_shadow:?} is not as said: {view:?} {old} -> {new} {others:?}\n\
                 rule {}\nfails {}\nand {}\nexcept {:?}",
                shown(),
                serde_json::to_string(&scope.rule).unwrap(),
                serde_json::to_string(&scope.fails).unwrap(),
                serde_json::to_string(&scope.and).unwrap(),
                scope.except,
            );
            described += 1;
        }
        if before != after {
            differing += 1;
            assert!(
                is_told(&View::InForce, &before, &after),
                "{}\n{request}\n{before} -> {after} is missed: {:#?}",
                shown(),
                diff.regions
            );
        } else if is_allowed_if_enforced(&before_shadow, &before) != is_allowed_if_enforced(&after_shadow, &after) {
            differing += 1;
            assert!(
                diff.regions.iter().any(|region| region.view == View::IfEnforced),
                "{}\n{request}\nshadow {before_shadow:?} -> {after_shadow:?} is missed",
                shown()
            );
        }
        for audit in before_audits.iter().chain(&after_audits) {
            if before_audits.contains(audit) != after_audits.contains(audit) {
                assert!(
                    diff.regions.iter().any(|region| region.view == View::Audit(audit.clone())),
                    "{}\n{request}\naudit {audit} is missed",
                    shown()
                );
            }
        }
    }
    if std::env::var("SEED").is_ok() {
        for region in &diff.regions {
            let (rule, except) = (&region.scope.rule, &region.scope.except);
            eprintln!(
                "{:?} {:?} {} -> {}: {} by {}\n    {}\n    except {except:?}",
                region.change(),
                region.view,
                region.old,
                region.new,
                region.witness.request,
                region.witness.caller,
                serde_json::to_string(rule).unwrap()
            );
        }
    }
    (diff.regions.len(), differing, described)
}

/// What is said of a region, ready to be put to requests.
struct Said<'d> {
    region: &'d Region,
    rule: Engine,
    and: Option<Engine>,
    fails: Option<Engine>,
    except: Vec<Engine>,
}

/// An engine that allows what this rule matches, as a policy reads it.
fn matching(policy: &Policy, rule: &wire::Rule) -> Engine {
    let mut source = policy.source().clone();
    source.automata = Vec::new();
    source.mode = wire::Mode::Enforce;
    // Ambiguous requests are not in question, and a rule of its own must not make others so.
    source.tolerate = Ambiguity::TOLERABLE.to_vec();
    source.rules = vec![wire::Rule { mode: wire::Mode::Enforce, ..rule.clone() }];
    Engine::compile(&source).unwrap()
}

fn is_matched(engine: &Engine, request: &Request, action: wire::Action) -> bool {
    let (effect, _, audits) = effects(engine, request);
    match action {
        wire::Action::Allow => effect.is_allowed(),
        wire::Action::Deny => effect.rule().is_some(),
        wire::Action::Audit => !audits.is_empty(),
    }
}

impl<'d> Said<'d> {
    fn new(region: &'d Region, old: &Policy, new: &Policy) -> Option<Self> {
        let [own, other] = if region.scope.is_of_new() { [new, old] } else { [old, new] };
        let find = |policy: &Policy, id: &str| policy.source().rules.iter().find(|rule| rule.id == *id).cloned();
        let mut except = Vec::new();
        for exception in &region.scope.except {
            let Exception::Rule(id, side) = exception else { continue };
            for (policy, of) in [(old, Side::Old), (new, Side::New)] {
                if *side == of || *side == Side::Both {
                    except.push(matching(policy, &find(policy, id).unwrap()));
                }
            }
        }
        Some(Self {
            region,
            rule: matching(own, region.scope.rule.as_ref()?),
            and: region.scope.and.as_ref().map(|rule| matching(other, rule)),
            fails: region.scope.fails.as_ref().map(|rule| matching(other, rule)),
            except,
        })
    }

    /// Whether the words have this request.
    fn has(&self, request: &Request) -> bool {
        let is_of = |engine: &Engine| {
            [wire::Action::Allow, wire::Action::Deny, wire::Action::Audit]
                .into_iter()
                .any(|action| is_matched(engine, request, action))
        };
        is_of(&self.rule)
            && self.and.as_ref().is_none_or(is_of)
            && !self.fails.as_ref().is_some_and(is_of)
            && !self.except.iter().any(is_of)
    }
}

fn json(policy: &wire::Policy) -> String {
    serde_json::to_string_pretty(policy).unwrap()
}

#[test]
fn no_difference_is_missed() {
    let from: u64 = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let count: u64 = std::env::var("PAIRS").ok().and_then(|pairs| pairs.parse().ok()).unwrap_or(PAIRS);
    let (mut regions, mut differing, mut described, mut slowest) = (0, 0, 0, (std::time::Duration::ZERO, 0));
    for seed in from..from + count {
        let started = Instant::now();
        let (more, hits, said) = compare(seed);
        slowest = slowest.max((started.elapsed(), seed));
        regions += more;
        differing += hits;
        described += said;
    }
    eprintln!("{regions} regions, {differing} requests decided otherwise, {described} described, slowest {slowest:?}");
    assert!(regions > 0 && differing > 0 && described > 0);
}

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
    let pairs = |of: &sallyport_egress::meaning::PolicyDiff| {
        let mut pairs: Vec<String> =
            of.regions.iter().map(|region| format!("{:?} {} {}", region.view, region.old, region.new)).collect();
        pairs.sort();
        pairs.dedup();
        pairs
    };
    let mut mirrored: Vec<String> =
        back.regions.iter().map(|region| format!("{:?} {} {}", region.view, region.new, region.old)).collect();
    mirrored.sort();
    mirrored.dedup();
    assert_eq!(pairs(&there), mirrored);
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
