//! Which fields make a difference: each field of the rules in question is asked again, alone.
//!
//! A rule has several fields, and hundreds of pairs may differ for one reason. With every field in a policy of its own
//! they fall into few groups, and each has an example with one field in it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;
use sallyport_core::wire::{self, Operation, Source};

use super::case::{Case, everything, field_kinds, whole};
use super::class::Direction;
use super::report::Strange;
use super::run::{Answers, End};

/// How many pairs are looked into.
const MOST: usize = 2_000;
/// One field of one rule, in a case of its own.
struct Part {
    /// Of which pair.
    strange: usize,
    case: Case,
}

/// The groups, the most frequent first, with so many examples of each. `ask` puts cases to both sides.
pub(crate) fn explain(
    strange: &[Strange<'_>],
    examples: usize,
    ask: impl Fn(&mut [Case]) -> Result<Vec<Vec<Answers>>>,
) -> Result<String> {
    let looked_into = strange.len().min(MOST);
    let (mut owners, mut cases) = (Vec::new(), Vec::new());
    for (at, pair) in strange.iter().take(MOST).enumerate() {
        for Part { strange, case } in parts(at, pair) {
            owners.push(strange);
            cases.push(case);
        }
    }
    let answers = ask(&mut cases)?;
    let mut guilty: BTreeMap<usize, Vec<(Strange<'_>, String)>> = BTreeMap::new();
    for ((owner, case), answers) in owners.iter().zip(&cases).zip(&answers) {
        for (asked, answers) in case.asked.iter().zip(answers) {
            let differs = match strange[*owner].direction {
                Some(Direction::Looser) => (&answers.istio, &answers.sallyport) == (&End::Refused, &End::Allowed),
                Some(Direction::Stricter) => (&answers.istio, &answers.sallyport) == (&End::Allowed, &End::Refused),
                None => answers.istio != answers.sallyport,
            };
            if differs {
                let suspects: Vec<&wire::Rule> = case.policy.rules.iter().take(1).collect();
                let kinds = suspects.iter().flat_map(|rule| field_kinds(rule)).collect::<Vec<_>>().join(", ");
                let direction = strange[*owner].direction;
                let part = Strange { case, asked, answers, direction, suspects };
                guilty.entry(*owner).or_default().push((part, kinds));
            }
        }
    }
    let mut groups: BTreeMap<String, (usize, Vec<String>)> = BTreeMap::new();
    for (at, pair) in strange.iter().take(MOST).enumerate() {
        let (kinds, text) = match guilty.get(&at).and_then(|parts| parts.first()) {
            Some((part, kinds)) => (kinds.clone(), part.to_text()),
            None => {
                let mut kinds: Vec<String> = pair.suspects.iter().flat_map(|rule| field_kinds(rule)).collect();
                kinds.sort();
                kinds.dedup();
                (format!("only together: {}", kinds.join(", ")), pair.to_text())
            }
        };
        let spoken = &pair.answers.spoken;
        let signature = format!("{} {} [{kinds}] {} {}", pair.kind(), action(pair), spoken.reason, spoken.kind)
            .trim_end()
            .to_owned();
        let (count, shown) = groups.entry(signature).or_default();
        *count += 1;
        shown.push(text);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    let mut text = format!("{} pairs of no class, {looked_into} of them by the field that differs:\n", strange.len());
    for (signature, (count, _)) in &groups {
        let _ = writeln!(text, "{count:>7}  {signature}");
    }
    for (signature, (count, shown)) in groups {
        let _ = writeln!(text, "\n{count} x {signature}");
        for example in shown.iter().take(examples) {
            text.push_str(example);
        }
    }
    Ok(text)
}

fn action(pair: &Strange<'_>) -> &'static str {
    match pair.suspects.first().map(|rule| rule.action) {
        Some(wire::Action::Deny) => "DENY",
        Some(wire::Action::Allow) => "ALLOW",
        _ => "-",
    }
}

/// The fields of the rules in question, one by one.
fn parts(strange: usize, pair: &Strange<'_>) -> Vec<Part> {
    let mut parts = Vec::new();
    for rule in pair.suspects.iter().flat_map(|rule| single_fields(rule)) {
        let mut rules = vec![rule];
        if rules.iter().all(|rule| rule.action == wire::Action::Deny) {
            rules.push(everything());
        }
        let policy = wire::Policy { rules, ..pair.case.policy.clone() };
        let case = Case { istio: whole(&policy.rules), policy, asked: vec![pair.asked.clone()] };
        parts.push(Part { strange, case });
    }
    parts
}

/// Rules with one field each.
fn single_fields(rule: &wire::Rule) -> Vec<wire::Rule> {
    let bare = || wire::Rule { id: rule.id.clone(), action: rule.action, ..wire::Rule::default() };
    let mut all = Vec::new();
    for from in rule.from.iter().flatten() {
        all.extend(sources(&from.source).into_iter().map(|source| {
            let from = Some(vec![wire::FromEntry { source }]);
            wire::Rule { from, ..bare() }
        }));
    }
    for to in rule.to.iter().flatten() {
        all.extend(operations(&to.operation).into_iter().map(|operation| {
            let to = Some(vec![wire::ToEntry { operation }]);
            wire::Rule { to, ..bare() }
        }));
    }
    for condition in rule.when.iter().flatten() {
        let sides = [
            wire::Condition { not_values: None, ..condition.clone() },
            wire::Condition { values: None, ..condition.clone() },
        ];
        let written = sides.into_iter().filter(|side| side.values.is_some() || side.not_values.is_some());
        all.extend(written.map(|side| wire::Rule { when: Some(vec![side]), ..bare() }));
    }
    all
}

/// One struct for each field that is written, with nothing else in it.
macro_rules! each_field {
    ($of:expr, $type:ident, $($field:ident)+) => {{
        let mut all = Vec::new();
        $(if $of.$field.is_some() {
            all.push($type { $field: $of.$field.clone(), ..$type::default() });
        })+
        all
    }};
}

fn sources(source: &wire::Source) -> Vec<wire::Source> {
    each_field!(
        source, Source, principals not_principals request_principals not_request_principals namespaces
        not_namespaces service_accounts not_service_accounts trust_domains not_trust_domains ip_blocks not_ip_blocks
        remote_ip_blocks not_remote_ip_blocks
    )
}

fn operations(operation: &wire::Operation) -> Vec<wire::Operation> {
    each_field!(operation, Operation, hosts not_hosts ports not_ports methods not_methods paths not_paths)
}
