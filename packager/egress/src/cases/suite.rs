//! Cases, and where they are written.

use std::fmt;

use crate::Cases;
use crate::check::Located;
use crate::diagnostic::Span;
use crate::model::Egress;
use crate::model::cases::{CaseGroup, CaseRow, Expect};
use crate::scenario::{Outcome, Scenario};
use sallyport_core::Engine;

/// The cases of one file.
#[derive(Clone, Debug)]
pub struct Suite<'c> {
    /// Index of the file.
    pub file: usize,
    /// The Egress that they are about.
    pub egress: &'c Located<Egress>,
    /// The cases, in the order of the file.
    pub cases: Vec<Case<'c>>,
    pub(super) source: &'c Cases,
}

/// One request by one caller, and what is expected of it.
#[derive(Clone, Debug)]
pub struct Case<'c> {
    /// The name of its group.
    pub group: &'c str,
    /// The name of its row.
    pub name: Option<&'c str>,
    /// Where it is written.
    pub row: Row,
    /// Who calls, and what is requested.
    pub scenario: Scenario,
    /// What is expected.
    pub expected: &'c Expect,
}

/// A row of a file: a group, or one of its cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row {
    pub(super) group: usize,
    pub(super) case: Option<usize>,
}

impl Row {
    /// The path of the row in its file: `groups[0].cases[2]`.
    pub(super) fn path(self) -> String {
        match self.case {
            Some(case) => format!("groups[{}].cases[{case}]", self.group),
            None => self.group_path(),
        }
    }

    pub(super) fn group_path(self) -> String {
        format!("groups[{}]", self.group)
    }
}

/// `CALLER METHOD PATH`, behind the name of the row if it has one.
impl fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = self.name {
            write!(f, "{name}: ")?;
        }
        write!(f, "{} {}", self.scenario.caller, self.scenario.request)
    }
}

impl Case<'_> {
    /// What the gateway makes of it, and what leaves the gateway.
    #[must_use]
    pub fn play(&self, engine: &Engine, egress: &Egress) -> Outcome {
        self.scenario.run(engine, egress)
    }
}

impl Suite<'_> {
    /// Where a row is written.
    #[must_use]
    pub fn place(&self, row: Row) -> Span {
        start_of(self.source, &row.path())
    }

    /// Where a field of what a row expects is written, or if it is not, where the row is.
    #[must_use]
    pub fn place_of_expectation(&self, row: Row, field: &str) -> Span {
        start_of(self.source, &format!("{}.{field}", self.expectation_path(row)))
    }

    /// The path of what the row expects: its own, or its group's.
    fn expectation_path(&self, row: Row) -> String {
        let own = row.path();
        let is_own = self.source.tree.nearest(&own).get("expect").is_some();
        format!("{}.expect", if is_own { own } else { row.group_path() })
    }
}

/// The place of a scalar, or where anything else begins.
pub(super) fn start_of(source: &Cases, path: &str) -> Span {
    let node = source.tree.nearest(path);
    if node.text().is_some() { node.span } else { Span { start: node.span.start, end: node.span.start } }
}

/// The rows of a group: its cases, or itself.
pub(super) fn rows(position: usize, group: &CaseGroup) -> Vec<(Row, Option<&CaseRow>)> {
    if group.cases.is_empty() {
        return vec![(Row { group: position, case: None }, None)];
    }
    let row = |(case, row)| (Row { group: position, case: Some(case) }, Some(row));
    group.cases.iter().enumerate().map(row).collect()
}
