//! For people: a block for each rule, in the words of the file.

use std::fmt::Write as _;

use sallyport_core::wire;
use sallyport_egress::meaning::{Answer, Grant, Idle, IdleRules};

use super::super::model::counted;
use super::super::words::{self, fields};
use super::found::{Asked, Found, QueryReport};
use crate::printable::visible;

/// The width of the column of names.
const NAMES: usize = 11;

pub(super) fn render(report: &QueryReport) -> String {
    let blocks: Vec<String> = report
        .policies
        .iter()
        .map(|policy| match &policy.found {
            Found::Grants(answer) => grants(policy, answer, &report.asked),
            Found::Unreachable(idle) => unreachable(policy, idle),
        })
        .collect();
    blocks.join("\n")
}

fn grants(policy: &Asked, answer: &Answer, asked: &str) -> String {
    let [one, several] = if answer.is_shadow { ["would allow"; 2] } else { ["allows", "allow"] };
    let who = match answer.grants.len() {
        0 => format!("no rule {one}"),
        1 => format!("1 rule {one}"),
        count => format!("{count} rules {several}"),
    };
    let mut text = format!("{}{who} {}\n", head(policy), visible(asked));
    for grant in &answer.grants {
        text.push_str(&block(policy, grant));
    }
    for scenario in &answer.undecided {
        let _ = writeln!(text, "\nnot decided: {}", policy.ground.text(scenario));
    }
    if !answer.in_shadow.is_empty() {
        let rules: Vec<String> = answer.in_shadow.iter().map(|rule| named(policy, rule)).collect();
        let _ = writeln!(
            text,
            "\nin shadow mode, so {} nothing yet: {}",
            if rules.len() == 1 { "it allows" } else { "they allow" },
            rules.join(", ")
        );
    }
    text
}

/// The policy, and whether the rest is only what would be.
fn head(policy: &Asked) -> String {
    let upstream = &policy.upstream;
    if policy.is_shadow {
        format!("{upstream}: in shadow mode, so every request is allowed\nif the policy were enforced, ")
    } else {
        format!("{upstream}: ")
    }
}

/// `` `readers` (egress.yaml:12:9) ``
fn named(policy: &Asked, rule: &str) -> String {
    let place = policy.place(rule);
    format!("`{rule}` ({}:{}:{})", policy.file, place.line, place.column)
}

fn block(policy: &Asked, grant: &Grant) -> String {
    let mut text = format!("\n{}\n", named(policy, &grant.rule));
    // Writing to a String cannot fail.
    let mut row = |name: &str, words: &str| {
        let _ = writeln!(text, "  {name:<NAMES$}{}", visible(words));
    };
    let wire::Rule { id: _, action: _, stage: _, from, to, when } = &grant.part;
    let sources: Vec<String> = from.iter().flatten().map(|entry| fields(&entry.source)).collect();
    alternatives(&mut row, "callers", &sources, "anyone, with an identity or without");
    let operations: Vec<String> = to.iter().flatten().map(|entry| fields(&entry.operation)).collect();
    alternatives(&mut row, "requests", &operations, "any");
    for (position, condition) in when.iter().flatten().enumerate() {
        row(if position == 0 { "when" } else { "and" }, &words::condition(condition));
    }
    if !grant.except.is_empty() {
        let rules: Vec<String> = grant.except.iter().map(|rule| named(policy, rule)).collect();
        row("except", &format!("what {} denies", rules.join(", ")));
    }
    if let Some(also) = &grant.also {
        row("also by", &format!("earlier rules, here {}", named(policy, also)));
    }
    row("example", &policy.ground.text(&grant.witness));
    text
}

fn alternatives(row: &mut impl FnMut(&str, &str), name: &str, all: &[String], otherwise: &str) {
    match all.split_first() {
        None => row(name, otherwise),
        Some((first, rest)) => {
            row(name, first);
            rest.iter().for_each(|other| row("or", other));
        }
    }
}

fn unreachable(policy: &Asked, idle: &IdleRules) -> String {
    let can = if policy.is_shadow { "could" } else { "can" };
    let rules = counted(policy.places.len(), "rule");
    let mut text = match idle.rules.len() {
        0 => format!("{}each of {rules} {can} decide\n", head(policy)),
        count => format!("{}{count} of {rules} {can} never decide\n\n", head(policy)),
    };
    for rule in &idle.rules {
        let why = match &rule.why {
            Idle::Nothing(None) => "matches no request: its parts contradict each other".to_owned(),
            Idle::Nothing(Some(part)) => format!("matches no request: without `{part}` it would"),
            Idle::Ambiguous => "matches only requests that are refused as ambiguous".to_owned(),
            Idle::Same(other) => format!("matches exactly what {} does", named(policy, other)),
            Idle::Hidden(others) => {
                let others: Vec<String> = others.iter().map(|other| named(policy, other)).collect();
                match others.split_last() {
                    Some((last, rest)) if !rest.is_empty() => {
                        format!("{} and {last} together decide every request that it matches", rest.join(", "))
                    }
                    _ => format!("{} decides every request that it matches", others.join("")),
                }
            }
        };
        let when = if policy.in_shadow.contains(&rule.rule) { "once it is enforced, " } else { "" };
        let what = match rule.why {
            Idle::Hidden(_) => format!("{when}{why}"),
            // Whatever its mode is.
            Idle::Nothing(_) | Idle::Ambiguous | Idle::Same(_) => why,
        };
        let _ = writeln!(text, "{}: {what}", named(policy, &rule.rule));
    }
    for rule in &idle.undecided {
        let _ = writeln!(text, "not decided: {}", named(policy, rule));
    }
    text
}
