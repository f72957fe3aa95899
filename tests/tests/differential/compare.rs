//! Two sets of leaves beside each other, and what may differ between them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::normal::Leaves;

/// How two sides may differ at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// Only the first side has it.
    Missing,
    /// Only the second side has it.
    Added,
    /// Both have it.
    Changed,
}

/// A path that may differ, and why. `*` at the end of a part stands for the rest of the part, `**` for any number of parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ignored {
    pub(crate) how: How,
    pub(crate) path: &'static str,
    pub(crate) reason: &'static str,
}

/// One leaf that differs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    pub(crate) path: String,
    pub(crate) first: Option<Value>,
    pub(crate) second: Option<Value>,
}

impl Difference {
    fn how(&self) -> How {
        match (&self.first, &self.second) {
            (_, None) => How::Missing,
            (None, _) => How::Added,
            _ => How::Changed,
        }
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), Value::to_string);
        write!(f, "{}: {} | {}", self.path, text(&self.first), text(&self.second))
    }
}

impl Ignored {
    fn matches(&self, difference: &Difference) -> bool {
        self.how == difference.how() && matches(self.path, &difference.path)
    }
}

/// Whether a path is of a pattern.
pub(crate) fn matches(pattern: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    for wanted in pattern.split('/') {
        match (wanted, parts.next()) {
            ("**", Some(_)) => return true,
            (wanted, Some(part)) if wanted == part => {}
            (wanted, Some(part)) if wanted.strip_suffix('*').is_some_and(|prefix| part.starts_with(prefix)) => {}
            _ => return false,
        }
    }
    parts.next().is_none()
}

/// What a list of ignored paths leaves of the differences, and which of its entries were used.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    pub(crate) fields: usize,
    pub(crate) ignored: BTreeMap<usize, usize>,
    pub(crate) differences: Vec<Difference>,
}

/// Compares two sides.
pub(crate) fn compare(first: &Leaves, second: &Leaves, list: &[Ignored]) -> Comparison {
    let mut comparison = Comparison::default();
    let paths: BTreeSet<&String> = first.keys().chain(second.keys()).collect();
    comparison.fields = paths.len();
    for path in paths {
        let (one, other) = (first.get(path), second.get(path));
        if one == other {
            continue;
        }
        let difference = Difference { path: path.clone(), first: one.cloned(), second: other.cloned() };
        match list.iter().position(|ignored| ignored.matches(&difference)) {
            Some(at) => *comparison.ignored.entry(at).or_default() += 1,
            None => comparison.differences.push(difference),
        }
    }
    comparison
}
