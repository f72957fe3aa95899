//! What came of cases, written into the text of their file.
//!
//! Only what is wrong is replaced, by the places that the reader has noted, so everything else stays byte for byte.

use std::collections::BTreeMap;

use super::judge::{Mismatch, Words, values_of};
use super::suite::{Case, Row, Suite};
use crate::model::cases::{Expect, ExpectHeader, ExpectUpstream};
use crate::scenario::Outcome;
use crate::yaml::tree::{Node, Scalar};

/// A text with new expectations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// The whole file.
    pub text: String,
    /// How many rows were changed.
    pub changed: usize,
    /// Rows that must be split first, because their cases come out differently.
    pub mixed: Vec<Row>,
}

/// A piece of text in the place of another.
struct Splice {
    start: usize,
    end: usize,
    text: String,
}

impl Suite<'_> {
    /// The file with what came of the cases (`outcomes`, in the order of the cases) as its expectations.
    #[must_use]
    pub fn update(&self, text: &str, outcomes: &[Outcome]) -> Update {
        let mut rows: BTreeMap<Row, Vec<(&Case<'_>, &Outcome)>> = BTreeMap::new();
        for (case, outcome) in self.cases.iter().zip(outcomes) {
            rows.entry(case.row).or_default().push((case, outcome));
        }
        let (mut splices, mut mixed, mut changed) = (Vec::new(), Vec::new(), 0_usize);
        for (row, cases) in rows {
            if cases.iter().all(|(case, outcome)| case.judge(outcome).is_empty()) {
                continue;
            }
            let mut wanted = cases.iter().map(|(case, outcome)| (written(case.expected, outcome), case.judge(outcome)));
            let Some((first, mismatches)) = wanted.next() else { continue };
            if wanted.all(|(other, _)| other == first) {
                changed = changed.saturating_add(1);
                match self.single_splices(
                    text,
                    row,
                    &mismatches,
                    cases.first().map(|(case, outcome)| (case.expected, *outcome)),
                ) {
                    Some(single) => splices.extend(single),
                    None => splices.push(self.splice(text, row, &first)),
                }
            } else {
                mixed.push(row);
            }
        }
        Update { text: spliced(text, splices), changed, mixed }
    }

    /// The values that are wrong alone, if the row has its own expectation and each of its fields stays.
    fn single_splices(
        &self,
        text: &str,
        row: Row,
        mismatches: &[Mismatch],
        of: Option<(&Expect, &Outcome)>,
    ) -> Option<Vec<Splice>> {
        let own = self.source.tree.nearest(&row.path()).get("expect")?;
        let (expected, outcome) = of?;
        let splice = |mismatch: &Mismatch| {
            let node = own.nearest(&mismatch.field);
            let header = mismatch.field.strip_prefix("upstream.headers[").and_then(|rest| rest.strip_suffix(']'));
            let new = match header {
                Some(index) => {
                    let header = expected.upstream.as_ref()?.headers.get(index.parse::<usize>().ok()?)?;
                    written_header(header, &outcome.upstream.as_ref()?.headers)
                }
                None if mismatch.field == "verdict" || mismatch.actual == "none" || node.text().is_none() => {
                    return None;
                }
                None if mismatch.field.ends_with("status") => mismatch.actual.clone(),
                None => scalar(&mismatch.actual),
            };
            Some(Splice { start: node.span.start, end: end_of(node, text), text: new })
        };
        mismatches.iter().map(splice).collect()
    }

    /// The row's own expectation is replaced; one that it has of its group is the group's, so it gets its own.
    fn splice(&self, text: &str, row: Row, expectation: &str) -> Splice {
        let node = self.source.tree.nearest(&row.path());
        if let Some(own) = node.get("expect") {
            let (start, end) = (own.span.start, end_of(own, text));
            return Splice {
                start,
                end,
                text: format!("{expectation}{}", comments_in(own, text, column(text, start))),
            };
        }
        let end = end_of(node, text);
        if text.get(node.span.start..).is_some_and(|rest| rest.starts_with('{')) {
            let last = node.entries().last().map_or(end, |entry| end_of(&entry.value, text));
            return Splice { start: last, end: last, text: format!(", expect: {expectation}") };
        }
        let line_end = text.get(end..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| end.saturating_add(at));
        let indent = " ".repeat(column(text, node.span.start));
        Splice { start: line_end, end: line_end, text: format!("\n{indent}expect: {expectation}") }
    }
}

/// Where a node ends. The parser counts the blanks and the comment behind a bracket to what is in brackets.
fn end_of(node: &Node, text: &str) -> usize {
    let last = node.items().last().or_else(|| node.entries().last().map(|entry| &entry.value));
    let is_flow = text.get(node.span.start..).is_some_and(|rest| rest.starts_with(['{', '[']));
    match (last, node.text()) {
        (_, Some(_)) => node.span.end,
        (Some(last), _) if !is_flow => end_of(last, text),
        (last, _) => {
            let inside = last.map_or(node.span.start, |last| end_of(last, text));
            let mut is_comment = false;
            let bracket = text.get(inside..).unwrap_or_default().char_indices().find(|(_, character)| {
                is_comment = (is_comment || *character == '#') && *character != '\n';
                !is_comment && matches!(character, '}' | ']')
            });
            bracket.map_or(node.span.end, |(at, _)| inside.saturating_add(at).saturating_add(1))
        }
    }
}

fn column(text: &str, offset: usize) -> usize {
    let before = text.get(..offset).unwrap_or_default();
    before.len().saturating_sub(before.rfind('\n').map_or(0, |newline| newline.saturating_add(1)))
}

/// The comments between the parts of a mapping that is replaced, each on a line of its own.
fn comments_in(node: &Node, text: &str, indent: usize) -> String {
    let mut scalars: Vec<(usize, usize)> = Vec::new();
    for inner in node.descendants() {
        scalars.extend(inner.text().map(|_| (inner.span.start, inner.span.end)));
        scalars.extend(inner.entries().iter().map(|entry| (entry.key.span.start, entry.key.span.end)));
    }
    scalars.sort_unstable();
    let mut comments = String::new();
    for (one, next) in scalars.iter().zip(scalars.iter().skip(1)) {
        let gap = text.get(one.1..next.0).unwrap_or_default();
        for line in gap.lines().filter_map(|line| line.find('#').and_then(|at| line.get(at..))) {
            comments.push_str(&format!("\n{}{}", " ".repeat(indent), line.trim_end()));
        }
    }
    comments
}

fn spliced(text: &str, mut splices: Vec<Splice>) -> String {
    splices.sort_by_key(|splice| splice.start);
    let (mut result, mut done) = (String::new(), 0);
    for Splice { start, end, text: new } in splices {
        result.push_str(text.get(done..start).unwrap_or_default());
        result.push_str(&new);
        done = end;
    }
    result.push_str(text.get(done..).unwrap_or_default());
    result
}

/// What came of a case, with the fields that its expectation has.
fn written(expected: &Expect, outcome: &Outcome) -> String {
    let Expect { verdict, rule, reason, ambiguity, status, shadow, audits, upstream } = expected;
    let words = Words::of(&outcome.effect);
    let is_flipped = verdict.is_none_or(|verdict| verdict.as_str() != words.verdict);
    let mut fields = Fields(Vec::new());
    fields.add("verdict", Some(words.verdict));
    fields.add("rule", words.rule.as_deref().filter(|_| rule.is_some() || is_flipped));
    fields.add("reason", words.reason.filter(|_| reason.is_some() || is_flipped));
    fields.add("ambiguity", words.ambiguity.filter(|_| ambiguity.is_some() || is_flipped));
    fields.0.extend(outcome.status.filter(|_| status.is_some()).map(|status| format!("status: {status}")));
    if let Some(expected) = shadow {
        let words = Words::of(outcome.shadow.as_ref().unwrap_or(&outcome.effect));
        let mut inner = Fields(Vec::new());
        inner.add("verdict", Some(words.verdict));
        inner.add("rule", words.rule.as_deref());
        inner.add("reason", words.reason.filter(|_| expected.reason.is_some()));
        fields.0.push(format!("shadow: {}", inner.flow()));
    }
    if audits.is_some() {
        let ids: Vec<_> = outcome.audits.iter().map(|id| scalar(id)).collect();
        fields.0.push(format!("audits: [{}]", ids.join(", ")));
    }
    if let (Some(expected), Some(actual)) = (upstream, &outcome.upstream) {
        fields.0.push(format!("upstream: {}", written_upstream(expected, &actual.route, &actual.headers)));
    }
    fields.flow()
}

fn written_upstream(expected: &ExpectUpstream, route: &str, headers: &[(String, Vec<u8>)]) -> String {
    let mut fields = Fields(Vec::new());
    fields.add("route", expected.route.as_ref().map(|_| route));
    let lines: Vec<_> = expected.headers.iter().map(|header| written_header(header, headers)).collect();
    if !lines.is_empty() {
        fields.0.push(format!("headers: [{}]", lines.join(", ")));
    }
    fields.flow()
}

fn written_header(header: &ExpectHeader, headers: &[(String, Vec<u8>)]) -> String {
    let mut line = Fields(Vec::new());
    line.add("name", Some(&header.name));
    let values = values_of(headers, &header.name);
    match (values.first(), &header.value) {
        (None, _) => line.0.push("absent: true".to_owned()),
        (Some(_), Some(value)) if values.contains(value) => line.add("value", Some(value)),
        // It was there, whatever its value.
        (Some(_), None) if !header.absent => {}
        (Some(first), _) => line.add("value", Some(first)),
    }
    line.flow()
}

/// The fields of a mapping in flow style.
struct Fields(Vec<String>);

impl Fields {
    fn add(&mut self, name: &str, value: Option<&str>) {
        self.0.extend(value.map(|value| format!("{name}: {}", scalar(value))));
    }

    fn flow(&self) -> String {
        format!("{{{}}}", self.0.join(", "))
    }
}

fn scalar(text: &str) -> String {
    let is_word = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '/'));
    if is_word && !text.starts_with('-') && Scalar::is_plain_string(text) {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}
