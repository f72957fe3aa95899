//! What holds of every policy and every request.

use crate::case::{Case, for_all_cases};
use crate::common::request::Request;
use crate::common::wire::{read, read_rule};
use crate::reference;
use crate::reference::facts::header_name;
use crate::reference::rules::{regex_matches, string_matches, trim_blanks};
use crate::reference::{Outcome, Said};
use arbitrary::Unstructured;
use proptest::test_runner::TestCaseError;
use proptest::{prop_assert, prop_assert_eq};
use sallyport_core::wire;
use sallyport_core::{Ambiguity, Engine, PeerView, PolicyCode, Reason, RequestView};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;

type Held = Result<(), TestCaseError>;

/// What the engine says; nothing where the policy does not compile, as a shrunk one may not.
fn outcome(policy: &wire::Policy, request: &Request) -> Option<Outcome> {
    let engine = Engine::compile(policy).ok()?;
    Some(request.with_view(|view| Outcome::from(&engine.on_request(view))))
}

fn with_rules(policy: &wire::Policy, rules: Vec<wire::Rule>) -> wire::Policy {
    wire::Policy { rules, ..policy.clone() }
}

fn enforced(policy: &wire::Policy) -> wire::Policy {
    wire::Policy { stage: wire::Stage::Enforce, ..policy.clone() }
}

fn anyone(id: &str, action: wire::Action) -> wire::Rule {
    let paths = json!({"id": id, "action": action, "to": [{"operation": {"paths": ["*"]}}]});
    read_rule(&paths).expect("a rule")
}

/// A rule that reads one more header makes one more request ambiguous; that is no change of opinion about it.
fn by_what_rules_read(outcome: &Outcome) -> bool {
    use Ambiguity as A;
    matches!(
        outcome.verdict,
        Said::Refuse(Reason::Ambiguous(A::UnderscoreHeader | A::AmbiguousQuery | A::ValueTooLong), _)
    )
}

#[test]
fn generated_policies_are_valid() {
    // Shrinking is of no use here: a policy with something left out may rightly be refused. So may one with many regular
    // expressions.
    let refused = RefCell::new(None);
    for_all_cases(|case| {
        if let Err(problems) = Engine::compile(&case.policy)
            && problems.problems.iter().any(|problem| problem.code != PolicyCode::Limit)
        {
            refused.borrow_mut().get_or_insert(problems.to_string());
        }
        Ok(())
    });
    assert_eq!(refused.into_inner(), None);
}

#[test]
fn the_engine_agrees_with_the_reference() {
    for_all_cases(|case| {
        let Some(said) = outcome(&case.policy, &case.request) else { return Ok(()) };
        case.request.with_view(|view| agrees(&case.policy, view, &said))
    });
}

fn agrees(policy: &wire::Policy, view: &RequestView<'_>, said: &Outcome) -> Held {
    let agreed = reference::agrees(policy, view, said);
    prop_assert!(agreed, "engine: {}, reference: {}", said, reference::decide(policy, view));
    Ok(())
}

/// Properties over cases that all end alike would say little.
#[test]
fn generated_cases_end_in_every_way() {
    let seen = RefCell::new(BTreeMap::<&str, u32>::new());
    for_all_cases(|case| {
        let said = case.request.with_view(|view| reference::decide(&case.policy, view));
        let kind = match &said.verdict {
            Said::Continue(Some(_)) => "allow",
            Said::Continue(None) => "unenforced",
            Said::Refuse(Reason::Ambiguous(_), _) => "ambiguous",
            Said::Refuse(reason, _) => reason.as_str(),
        };
        let mut seen = seen.borrow_mut();
        *seen.entry(kind).or_default() += 1;
        *seen.entry("all").or_default() += 1;
        for (kind, is) in [("shadow", said.shadow.is_some()), ("audit", !said.audits.is_empty())] {
            *seen.entry(kind).or_default() += u32::from(is);
        }
        Ok(())
    });
    let seen = seen.into_inner();
    println!("{seen:?}");
    for kind in ["allow", "denied", "not_allowed", "no_identity", "ambiguous", "shadow", "audit"] {
        let count = seen.get(kind).copied().unwrap_or_default();
        assert!(count * 20 > seen["all"], "`{kind}` in too few cases: {seen:?}");
    }
}

#[test]
fn deny_overrides_allow() {
    for_all_cases(|case| {
        let policy = enforced(&case.policy);
        for rule in &policy.rules {
            let alone = with_rules(&policy, vec![anyone("anyone", wire::Action::Allow), rule.clone()]);
            let Some(alone) = outcome(&alone, &case.request) else { return Ok(()) };
            let Some(whole) = outcome(&policy, &case.request) else { return Ok(()) };
            if matches!(alone.verdict, Said::Refuse(Reason::Denied, _)) && !by_what_rules_read(&whole) {
                prop_assert!(matches!(whole.verdict, Said::Refuse(Reason::Denied, Some(_))), "{}", whole);
            }
        }
        Ok(())
    });
}

#[test]
fn default_deny() {
    for_all_cases(|case| {
        let policy = enforced(&case.policy);
        let mut without_allow = policy.clone();
        without_allow.rules.retain(|rule| rule.action != wire::Action::Allow || rule.stage == wire::Stage::Shadow);
        if let Some(said) = outcome(&without_allow, &case.request) {
            prop_assert!(!said.verdict.continues(), "{}", said);
        }
        if let Some(Outcome { verdict: Said::Continue(id), .. }) = outcome(&policy, &case.request) {
            let rule = policy.rules.iter().find(|rule| Some(&rule.id) == id.as_ref());
            let Some(rule) = rule.filter(|rule| rule.action == wire::Action::Allow) else {
                return Err(TestCaseError::fail("permitted by no ALLOW rule"));
            };
            let alone = outcome(&with_rules(&policy, vec![rule.clone()]), &case.request);
            prop_assert!(alone.is_some_and(|alone| alone.verdict.continues()), "not by this rule alone");
        }
        Ok(())
    });
}

#[test]
fn order_and_duplicates_do_not_matter() {
    for_all_cases(|case| {
        let mut rules: Vec<wire::Rule> = case.policy.rules.iter().rev().cloned().collect();
        let copies =
            case.policy.rules.iter().map(|rule| wire::Rule { id: format!("{}-copy", rule.id), ..rule.clone() });
        rules.extend(copies);
        let before = outcome(&case.policy, &case.request);
        let after = outcome(&with_rules(&case.policy, rules), &case.request);
        if let (Some(before), Some(after)) = (before, after) {
            let effect = |said: &Said| match said {
                Said::Continue(_) => None,
                Said::Refuse(reason, _) => Some(*reason),
            };
            prop_assert_eq!(effect(&before.verdict), effect(&after.verdict));
            prop_assert_eq!(before.audits.len() * 2, after.audits.len());
        }
        Ok(())
    });
}

/// The case's policy with the case's extra rule put in somewhere.
fn with_extra(case: &Case, action: wire::Action) -> wire::Policy {
    let mut policy = enforced(&case.policy);
    let extra = wire::Rule { action, stage: wire::Stage::Enforce, ..case.extra.clone() };
    let at = usize::from(case.choices.first().copied().unwrap_or_default()) % (policy.rules.len() + 1);
    policy.rules.insert(at, extra);
    policy
}

#[test]
fn adding_a_deny_never_allows() {
    for_all_cases(|case| {
        let before = outcome(&enforced(&case.policy), &case.request);
        let after = outcome(&with_extra(case, wire::Action::Deny), &case.request);
        if let (Some(before), Some(after)) = (before, after) {
            prop_assert!(before.verdict.continues() || !after.verdict.continues(), "{} became {}", before, after);
        }
        Ok(())
    });
}

#[test]
fn adding_an_allow_never_refuses_more() {
    for_all_cases(|case| {
        let before = outcome(&enforced(&case.policy), &case.request);
        let after = outcome(&with_extra(case, wire::Action::Allow), &case.request);
        if let (Some(before), Some(after)) = (before, after) {
            let held = !before.verdict.continues() || after.verdict.continues() || by_what_rules_read(&after);
            prop_assert!(held, "{} became {}", before, after);
        }
        Ok(())
    });
}

/// What is read of a list in a line of its own, and no more once there is a second line: the elements without blanks between them,
/// and with one.
fn spaced_anew(line: &[u8]) -> Vec<Vec<u8>> {
    let elements: Vec<&[u8]> = line.split(|byte| *byte == b',').map(trim_blanks).collect();
    match elements.as_slice() {
        [_] => Vec::new(),
        several => vec![several.join(&b","[..]), several.join(&b", "[..])],
    }
}

/// The policy without the texts that are true of this line as it came, and not of it spaced anew, or the other way round.
fn without_texts_about_blanks(policy: &wire::Policy, line: &[u8]) -> wire::Policy {
    let anew = spaced_anew(line);
    let keep = |texts: &mut Option<Vec<String>>, matches: fn(&str, &[u8]) -> bool| {
        if let Some(texts) = texts {
            texts.retain(|text| anew.iter().all(|other| matches(text, other) == matches(text, line)));
        }
        texts.take_if(|texts| texts.is_empty());
    };
    let mut policy = policy.clone();
    for rule in &mut policy.rules {
        for condition in rule.when.iter_mut().flatten() {
            if header_name(&condition.key).is_none() {
                continue;
            }
            for texts in [&mut condition.values, &mut condition.not_values] {
                keep(texts, |text, value| string_matches(text.as_bytes(), value));
            }
            for texts in [&mut condition.regex, &mut condition.not_regex] {
                keep(texts, |text, value| regex_matches(text, value, true));
            }
        }
        let is_empty = |condition: &wire::Condition| {
            let wire::Condition { values, not_values, regex, not_regex, .. } = condition;
            [values, not_values, regex, not_regex].into_iter().all(Option::is_none)
        };
        if let Some(conditions) = &mut rule.when {
            conditions.retain(|condition| !is_empty(condition));
        }
        rule.when.take_if(|conditions| conditions.is_empty());
    }
    policy
}

/// As far as the policy has no text about the blanks in a list ([`a_list_has_its_blanks_when_there_is_a_second_line`]). A third line
/// could help: what is read of several lines joined is another text than that of two of them, and an expression such as `.*,.*` may
/// be true of the longer one alone.
#[test]
fn a_second_header_value_never_helps() {
    for_all_cases(|case| {
        let mut policy = enforced(&case.policy);
        for condition in policy.rules.iter_mut().flat_map(|rule| rule.when.iter_mut().flatten()) {
            condition.quantifier = None;
        }
        let repeatable = ["x-role", "x-team", "host", "x-other"];
        for (name, line) in case.request.headers.clone() {
            let is_single = case.request.headers.iter().filter(|(other, _)| *other == name).count() == 1;
            if !is_single || !repeatable.iter().any(|known| name.0 == known.as_bytes()) {
                continue;
            }
            let policy = without_texts_about_blanks(&policy, &line.0);
            let Some(before) = outcome(&policy, &case.request) else { continue };
            for value in ["admin", "reader", "", "admin,reader", "zzz"] {
                let Some(after) = outcome(&policy, &case.request.clone().header(&name.0, value)) else { continue };
                let held = before.verdict.continues() || !after.verdict.continues();
                prop_assert!(held, "`{:?}: {}`: {} became {}", name, value, before, after);
            }
        }
        Ok(())
    });
}

/// Istio reads the lines joined, so it does not match either, with one line or with two.
#[test]
fn a_list_has_its_blanks_when_there_is_a_second_line() {
    let when = json!([{"key": "request.headers[x-role]", "values": ["a, b"]}]);
    let deny = read_rule(&json!({"id": "list", "action": "DENY", "when": when})).expect("a rule");
    let policy = read(&json!({"version": 1, "upstream": "a/b", "rules": []})).expect("a policy");
    let policy = with_rules(&policy, vec![anyone("anyone", wire::Action::Allow), deny]);
    for (lines, is_refused) in
        [(&["a, b"][..], true), (&["a,b"], true), (&["a, b", "c"], true), (&["a", "b"], true), (&["a,b", "c"], false)]
    {
        let request = lines.iter().fold(Request::new("GET", "/"), |request, line| request.header("x-role", *line));
        let said = outcome(&policy, &request).expect("it compiles");
        assert_eq!(!said.verdict.continues(), is_refused, "{lines:?}: {said}");
    }
}

/// The policy without the DENY rules that name a caller: who hides from those is helped, and means to be.
fn without_denied_names(policy: &wire::Policy) -> wire::Policy {
    let mut policy = enforced(policy);
    policy.rules.retain(|rule| {
        let names = rule.from.iter().flatten().any(|wire::FromEntry { source }| names_someone(source))
            || rule.when.iter().flatten().any(asks_for_a_name);
        rule.action != wire::Action::Deny || !names
    });
    policy
}

fn names_someone(source: &wire::Source) -> bool {
    let wire::Source { principals, request_principals, namespaces, service_accounts, trust_domains, .. } = source;
    [principals, request_principals, namespaces, service_accounts, trust_domains].iter().any(|field| field.is_some())
}

fn asks_for_a_name(condition: &wire::Condition) -> bool {
    let address = condition.key == "source.ip";
    let who = condition.key.starts_with("source.") || condition.key.starts_with("request.auth.");
    who && !address && condition.values.is_some()
}

fn never_helps(case: &Case, lose: impl Fn(Request) -> Request) -> Held {
    let policy = without_denied_names(&case.policy);
    let before = outcome(&policy, &case.request);
    let after = outcome(&policy, &lose(case.request.clone()));
    if let (Some(before), Some(after)) = (before, after) {
        let unreadable = matches!(before.verdict, Said::Refuse(Reason::Ambiguous(_), _));
        let held = before.verdict.continues() || !after.verdict.continues() || unreadable;
        prop_assert!(held, "{} became {}", before, after);
    }
    Ok(())
}

#[test]
fn losing_the_certificate_never_helps() {
    for_all_cases(|case| never_helps(case, Request::without_peer));
}

#[test]
fn losing_the_token_never_helps() {
    for_all_cases(|case| never_helps(case, Request::without_token));
}

/// A certificate that the connection did not verify is no certificate.
#[test]
fn an_unverified_certificate_is_none() {
    for_all_cases(|case| {
        let unverified = Request { mtls: false, ..case.request.clone() };
        prop_assert_eq!(
            outcome(&case.policy, &unverified),
            outcome(&case.policy, &case.request.clone().without_peer())
        );
        Ok(())
    });
}

#[test]
fn shadow_policy_never_refuses() {
    for_all_cases(|case| {
        let policy = wire::Policy { stage: wire::Stage::Shadow, ..case.policy.clone() };
        if let Some(said) = outcome(&policy, &case.request) {
            prop_assert!(said.verdict.continues(), "{}", said);
        }
        Ok(())
    });
}

#[test]
fn shadow_rules_never_change_the_verdict() {
    for_all_cases(|case| {
        let policy = enforced(&case.policy);
        let mut without = policy.clone();
        without.rules.retain(|rule| rule.stage == wire::Stage::Enforce);
        if let (Some(with), Some(without)) = (outcome(&policy, &case.request), outcome(&without, &case.request)) {
            prop_assert!(with.verdict == without.verdict, "{} without: {}", with, without);
        }
        Ok(())
    });
}

#[test]
fn wire_round_trip() {
    for_all_cases(|case| {
        let Some(before) = outcome(&case.policy, &case.request) else { return Ok(()) };
        let json = serde_json::to_vec(&case.policy).expect("a policy is JSON");
        let read = sallyport_core::engine::parse(&json).expect("and can be read back");
        prop_assert_eq!(&read, &case.policy);
        let engine = Engine::from_json(&json).expect("and compiles again");
        let after = case.request.with_view(|view| Outcome::from(&engine.on_request(view)));
        prop_assert_eq!(before, after);
        Ok(())
    });
}

#[test]
fn explain_agrees_with_decide() {
    for_all_cases(|case| {
        let Ok(engine) = Engine::compile(&case.policy) else { return Ok(()) };
        case.request.with_view(|view| {
            let explanation = engine.explain(view);
            prop_assert_eq!(&explanation.decision, &engine.on_request(view));
            if matches!(Outcome::from(&explanation.decision).verdict, Said::Refuse(Reason::Ambiguous(_), _)) {
                prop_assert!(explanation.rules.is_empty());
                return Ok(());
            }
            let matching = reference::matching(&case.policy, view);
            if let Some(matching) = matching {
                let matched = explanation.rules.iter().filter(|rule| rule.matched).map(|rule| rule.id);
                prop_assert_eq!(matched.collect::<Vec<_>>(), matching);
                prop_assert_eq!(explanation.rules.len(), case.policy.rules.len());
            }
            for (at, rule) in explanation.rules.iter().enumerate() {
                prop_assert_eq!(rule.failed.is_empty(), rule.matched, "{:?}", rule);
                let prefix = format!("rules[{at}].");
                prop_assert!(rule.failed.iter().all(|path| path.starts_with(&prefix)), "{:?}", rule);
            }
            Ok(())
        })
    });
}

/// What an explanation names as failed is there to be looked up in the policy.
#[test]
fn explanations_point_into_the_policy() {
    for_all_cases(|case| {
        let Ok(engine) = Engine::compile(&case.policy) else { return Ok(()) };
        let policy = serde_json::to_value(&case.policy).expect("a policy is JSON");
        case.request.with_view(|view| {
            for rule in engine.explain(view).rules {
                for path in &rule.failed {
                    let pointer = format!("/{}", path.replace(['.', '['], "/").replace(']', ""));
                    prop_assert!(policy.pointer(&pointer).is_some(), "`{}` is not in the policy", path);
                }
            }
            Ok(())
        })
    });
}

#[test]
fn compiling_never_panics() {
    for_all_cases(|case| {
        let u = &mut Unstructured::new(&case.choices);
        let mut policy = serde_json::to_value(&case.policy).expect("a policy is JSON");
        for _ in 0..=u.choose_index(3).unwrap_or(0) {
            damage(&mut policy, u);
        }
        let mut json = serde_json::to_vec(&policy).expect("and so is a damaged one");
        if u.ratio(1, 4).unwrap_or(false) {
            let at = u.choose_index(json.len()).unwrap_or(0);
            json[at] = u.arbitrary().unwrap_or(0);
        }
        if let Ok(engine) = Engine::from_json(&json) {
            case.request.with_view(|view| Outcome::from(&engine.on_request(view)));
        }
        Ok(())
    });
}

/// Replaces one node of a JSON tree by something that does not belong there.
fn damage(node: &mut Value, u: &mut Unstructured<'_>) {
    let descend = u.ratio(9, 10).unwrap_or(false);
    match node {
        Value::Array(items) if descend && !items.is_empty() => {
            let at = u.choose_index(items.len()).unwrap_or(0);
            return damage(&mut items[at], u);
        }
        Value::Object(fields) if descend && !fields.is_empty() => {
            let at = u.choose_index(fields.len()).unwrap_or(0);
            if let Some(field) = fields.values_mut().nth(at) {
                return damage(field, u);
            }
        }
        _ => {}
    }
    let junk = [
        json!(null),
        json!(-1),
        json!(1e308),
        json!([]),
        json!({}),
        json!([[[[[[[[]]]]]]]]),
        json!({"values": ["*"], "unknown": 1}),
    ];
    let words = [
        "",
        "*",
        "**",
        "{**}",
        "/{**}/{**}",
        "/{*",
        "/a{*}b",
        "/%",
        "/%2",
        "/\u{e9}",
        "request.headers[",
        "request.headers[]",
        "request.auth.claims",
        "request.auth.claims[a][",
        "experimental.envoy.filters.[]",
        "10.0.0.0/33",
        "::/129",
        "::1%eth0",
        "(",
        "(a{1000}){1000}",
        "[^",
        "\\p{L}",
        "99999",
        "-1",
        "a/b/c",
        "/ns//sa/",
        "*/*",
        "[::1",
        ":",
        ":*",
        "\u{0}",
        "\u{ffff}",
        "pkg./",
        "./*",
        "a\nb",
    ];
    let at = u.choose_index(junk.len() + words.len()).unwrap_or(0);
    *node = junk.get(at).cloned().unwrap_or_else(|| json!(words[at - junk.len()]));
}

#[test]
fn deciding_never_panics() {
    for_all_cases(|case| {
        let Ok(engine) = Engine::compile(&case.policy) else { return Ok(()) };
        let noise = case.choices.as_slice();
        let mut request = case.request.clone();
        request = request.header("x-role", "");
        for (at, byte) in noise.iter().enumerate().take(12) {
            let headers = request.headers.len();
            let (name, value) = &mut request.headers[usize::from(*byte) % headers];
            let text = if *byte > 250 { name } else { value };
            let end = text.0.len();
            text.0.insert(usize::from(*byte) % (end + 1), noise[noise.len() - 1 - at]);
        }
        request = request.header("x-role", noise);
        request.with_view(|view| {
            let noisy = RequestView {
                peer: PeerView { mtls: true, uri_san: Some(noise), digest: None },
                source_address: Some(noise),
                destination_address: Some(noise),
                sni: Some(noise),
                metadata: Some(noise),
                ..*view
            };
            for view in [noisy, *view, RequestView { metadata: Some(noise), ..*view }, RequestView::default()] {
                let said = Outcome::from(&engine.on_request(&view));
                agrees(&case.policy, &view, &said)?;
            }
            Ok(())
        })
    });
}
