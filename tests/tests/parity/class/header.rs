//! Headers: names that are one to some servers, and values with several readings.

use sallyport_core::policy::source::{ConditionSource, RuleSource};

use super::super::istio::{header_lines, header_matches};
use super::{Pair, ambiguous, is_allow};

/// A condition for examples.
pub(super) const RED: &str = r#"{"when":[{"key":"request.headers[x-color]","values":["red"]}]}"#;

/// Headers whose grammar has commas: never split, so lines and the joined value are their only readings.
const UNSPLIT: &[&str] = &["user-agent"];

/// The name that a condition reads.
fn name(condition: &ConditionSource) -> Option<String> {
    let name = condition.key.strip_prefix("request.headers[")?.strip_suffix(']')?;
    Some(name.to_ascii_lowercase())
}

/// Some header is not what a rule reads, and is with `-` for `_`.
pub(super) fn has_a_twin(pair: &Pair<'_>) -> bool {
    let conditions = pair.rules.iter().flat_map(|rule| rule.when.iter().flatten());
    let read: Vec<String> = conditions.filter_map(name).collect();
    ambiguous(pair, "underscoreHeader")
        && pair.request.headers.iter().any(|(header, _)| {
            let header = String::from_utf8_lossy(header).to_ascii_lowercase();
            !read.contains(&header) && read.contains(&header.replace('_', "-"))
        })
}

/// How often a list matches some readings and not others, and in which way that refuses.
fn refuses(pair: &Pair<'_>, readings: fn(&Pair<'_>, &str) -> Vec<String>) -> bool {
    pair.rules
        .iter()
        .any(|rule| rule.when.iter().flatten().any(|condition| condition_refuses(pair, rule, condition, readings)))
}

/// Whether Istio's one reading satisfies the condition while another does not (ALLOW), or the other way about (DENY).
fn condition_refuses(
    pair: &Pair<'_>,
    rule: &RuleSource,
    condition: &ConditionSource,
    readings: fn(&Pair<'_>, &str) -> Vec<String>,
) -> bool {
    let Some(name) = name(condition) else { return false };
    let lines = header_lines(pair.request, &name);
    if lines.is_empty() {
        return false;
    }
    let joined = lines.join(",");
    let readings = readings(pair, &name);
    let matches = |list: &Option<Vec<String>>, value: &str| {
        list.as_ref().is_some_and(|list| list.iter().any(|pattern| header_matches(pattern, value)))
    };
    let all = |list: &Option<Vec<String>>| readings.iter().all(|value| matches(list, value));
    let any = |list: &Option<Vec<String>>| readings.iter().any(|value| matches(list, value));
    let (values, not_values) = (&condition.values, &condition.not_values);
    if is_allow(rule) {
        (values.is_some() && matches(values, &joined) && !all(values))
            || (not_values.is_some() && !matches(not_values, &joined) && any(not_values))
    } else {
        (values.is_some() && !matches(values, &joined) && any(values))
            || (not_values.is_some() && matches(not_values, &joined) && !all(not_values))
    }
}

/// Lines and, where the header is a list, their elements; white space at the ends does not count.
pub(super) fn readings_differ(pair: &Pair<'_>) -> bool {
    refuses(pair, |pair, name| {
        let lines = header_lines(pair.request, name);
        let mut readings: Vec<String> = lines.iter().map(|line| line.trim().to_owned()).collect();
        if !UNSPLIT.contains(&name) {
            let elements = lines.iter().flat_map(|line| line.split(',')).map(|element| element.trim().to_owned());
            readings.extend(elements);
        }
        readings.sort();
        readings.dedup();
        // One reading is no choice of readings.
        if readings.len() > 1 { readings } else { vec![lines.join(",")] }
    })
}

/// The value as it came, and without the white space that HTTP/2 has carried.
pub(super) fn white_space_hides(pair: &Pair<'_>) -> bool {
    pair.http2
        && refuses(pair, |pair, name| {
            let joined = header_lines(pair.request, name).join(",");
            vec![joined.trim_matches([' ', '\t']).to_owned(), joined]
        })
}
