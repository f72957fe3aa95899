//! What came of cases, written into the text of their file.
//!
//! Only what is wrong is replaced, by the places that the reader has noted, so everything else stays byte for byte.

use std::collections::{BTreeMap, BTreeSet};

use super::judge::{Words, values_of};
use super::suite::{Case, Row, Suite};
use crate::diagnostic::Span;
use crate::model::cases::{Expect, ExpectHeader, ExpectUpstream};
use crate::scenario::Outcome;
use crate::yaml::edit::{Editor, Wanted, spliced};

/// A text with new expectations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// The whole file.
    pub text: String,
    /// What was changed, in the order of the file.
    pub changes: Vec<Change>,
    /// Rows that must be split first, because their cases come out differently.
    pub mixed: Vec<Mixed>,
}

/// An expectation that was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where it was, or where the row is that has one of its own now.
    pub place: Span,
    /// What was wrong: the field, what it was, and what it is.
    pub fields: Vec<(String, String, String)>,
}

/// A row whose cases come out differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mixed {
    /// Where the row is.
    pub place: Span,
    /// Each expectation that a part of the row would need, with the cases that it is for.
    pub parts: Vec<(String, Vec<String>)>,
}

/// What a row should expect.
struct Renewed<'a> {
    wanted: Wanted,
    case: &'a Case<'a>,
    outcome: &'a Outcome,
}

impl Suite<'_> {
    /// The file with what came of the cases (`outcomes`, in the order of the cases) as its expectations.
    #[must_use]
    pub fn update(&self, text: &str, outcomes: &[Outcome]) -> Update {
        let mut rows: BTreeMap<Row, Vec<(&Case<'_>, &Outcome)>> = BTreeMap::new();
        for (case, outcome) in self.cases.iter().zip(outcomes) {
            rows.entry(case.row).or_default().push((case, outcome));
        }
        let (mut mixed, mut renewed) = (Vec::new(), BTreeMap::new());
        // Groups whose expectation is right for some row that has it, or is not clear.
        let mut right = BTreeSet::new();
        let mut keeps = |row: Row| {
            if !self.has_own(row) {
                right.insert(row.group);
            }
        };
        for (row, cases) in rows {
            let failed = cases.iter().find(|(case, outcome)| !case.judge(outcome).is_empty());
            let Some((case, outcome)) = failed else {
                keeps(row);
                continue;
            };
            let parts = parts_of(&cases);
            match parts.as_slice() {
                [(wanted, _)] => {
                    renewed.insert(row, Renewed { wanted: wanted.clone(), case, outcome });
                }
                _ => {
                    keeps(row);
                    let parts = parts.into_iter().map(|(wanted, cases)| (wanted.flow(), cases));
                    mixed.push(Mixed { place: self.place(row), parts: parts.collect() });
                }
            }
        }
        let mut editor = Editor::new(text);
        let mut changes = Vec::new();
        let mut done = BTreeSet::new();
        for (row, one) in &renewed {
            // An expectation that is wrong in the same way for every row that has it is changed where it is.
            let of_group = || renewed.iter().filter(|(other, _)| other.group == row.group && !self.has_own(**other));
            let is_shared = !self.has_own(*row)
                && !right.contains(&row.group)
                && of_group().all(|(_, other)| other.wanted == one.wanted);
            if is_shared && !done.insert(row.group) {
                continue;
            }
            let path = if is_shared { row.group_path() } else { row.path() };
            self.write(&mut editor, &path, &one.wanted);
            changes.push(self.change(*row, one));
        }
        Update { text: spliced(text, editor.splices), changes, mixed }
    }

    fn has_own(&self, row: Row) -> bool {
        self.source.tree.nearest(&row.path()).get("expect").is_some()
    }

    fn change(&self, row: Row, Renewed { case, outcome, .. }: &Renewed<'_>) -> Change {
        let found = case.judge(outcome);
        let place = found.first().map_or_else(|| self.place(row), |first| self.place_of_expectation(row, &first.field));
        let fields = found.into_iter().map(|found| (found.field, found.expected, found.actual));
        Change { place, fields: fields.collect() }
    }

    /// Writes the expectation of a row or a group; one that it has of its group is the group's, so it gets its own.
    fn write(&self, editor: &mut Editor<'_>, path: &str, wanted: &Wanted) {
        let node = self.source.tree.nearest(path);
        match node.get("expect") {
            Some(own) => editor.write(own, wanted),
            None => editor.add(node, "expect", wanted),
        }
    }
}

/// The expectations that the cases of a row need, each with its cases.
fn parts_of(cases: &[(&Case<'_>, &Outcome)]) -> Vec<(Wanted, Vec<String>)> {
    let mut parts: Vec<(Wanted, Vec<String>)> = Vec::new();
    for (case, outcome) in cases {
        let wanted = wanted(case.expected, outcome);
        let name = case.to_string();
        match parts.iter_mut().find(|(known, _)| *known == wanted) {
            Some((_, names)) => names.push(name),
            None => parts.push((wanted, vec![name])),
        }
    }
    parts
}

/// What came of a case, with the fields that its expectation has.
fn wanted(expected: &Expect, outcome: &Outcome) -> Wanted {
    let Expect { verdict, rule, reason, ambiguity, status, shadow, audits, upstream } = expected;
    let words = Words::of(&outcome.effect);
    let is_gone = (status.is_some() && outcome.status.is_none()) || (upstream.is_some() && outcome.upstream.is_none());
    let written = [
        verdict.map(|known| known.as_str()),
        rule.as_deref(),
        reason.map(|known| known.as_str()),
        ambiguity.map(|known| known.as_str()),
    ];
    let mut fields = verdict_fields(written, &words, is_gone);
    fields.extend(
        outcome.status.filter(|_| status.is_some()).map(|status| ("status", Wanted::Plain(status.to_string()))),
    );
    if let Some(expected) = shadow {
        let words = Words::of(outcome.shadow.as_ref().unwrap_or(&outcome.effect));
        let written = [
            expected.verdict.map(|known| known.as_str()),
            expected.rule.as_deref(),
            expected.reason.map(|known| known.as_str()),
            None,
        ];
        fields.push(("shadow", Wanted::Mapping(verdict_fields(written, &words, false))));
    }
    if let Some(expected) = audits {
        let same = || super::judge::sorted(expected) == super::judge::sorted(&outcome.audits);
        let ids = if same() { expected } else { &outcome.audits };
        fields.push(("audits", Wanted::List(ids.iter().map(|id| Wanted::text(id)).collect())));
    }
    if let (Some(expected), Some(actual)) = (upstream, &outcome.upstream) {
        fields.push(("upstream", wanted_upstream(expected, &actual.route, &actual.headers)));
    }
    Wanted::Mapping(fields)
}

/// The verdict and what led to it: the fields that are written, or if they do not say it any more, each that says it.
fn verdict_fields(written: [Option<&str>; 4], words: &Words, is_gone: bool) -> Vec<(&'static str, Wanted)> {
    let actual = [Some(words.verdict), words.rule.as_deref(), words.reason, words.ambiguity];
    let names = ["verdict", "rule", "reason", "ambiguity"];
    let [verdict, ..] = written;
    let is_flipped = is_gone
        || verdict.is_some_and(|verdict| verdict != words.verdict)
        || written.iter().zip(&actual).any(|(written, actual)| written.is_some() && actual.is_none());
    let all = names.into_iter().zip(written).zip(actual);
    let wanted = all.filter(|((_, written), _)| is_flipped || written.is_some());
    wanted.filter_map(|((name, _), actual)| Some((name, Wanted::text(actual?)))).collect()
}

fn wanted_upstream(expected: &ExpectUpstream, route: &str, headers: &[(String, Vec<u8>)]) -> Wanted {
    let mut fields = Vec::new();
    fields.extend(expected.route.as_ref().map(|_| ("route", Wanted::text(route))));
    let lines: Vec<_> = expected.headers.iter().map(|header| wanted_header(header, headers)).collect();
    if !lines.is_empty() {
        fields.push(("headers", Wanted::List(lines)));
    }
    Wanted::Mapping(fields)
}

fn wanted_header(header: &ExpectHeader, headers: &[(String, Vec<u8>)]) -> Wanted {
    let mut fields = vec![("name", Wanted::text(&header.name))];
    let values = values_of(headers, &header.name);
    match (values.first(), &header.value) {
        (None, _) => fields.push(("absent", Wanted::Plain("true".to_owned()))),
        (Some(_), Some(value)) if values.contains(value) => fields.push(("value", Wanted::text(value))),
        // It was there, whatever its value.
        (Some(_), None) if !header.absent => {}
        (Some(first), _) => fields.push(("value", Wanted::text(first))),
    }
    Wanted::Mapping(fields)
}
