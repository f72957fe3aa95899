//! Headers: names that are one to some servers, and values with several readings.

use sallyport_core::wire;

use super::super::istio::{header_lines, header_matches};
use super::{Pair, is_allow};

/// A condition for examples.
pub(super) const RED: &str = r#"{"when":[{"key":"request.headers[x-color]","values":["red"]}]}"#;

/// Headers whose grammar has commas: never split, so lines and the joined value are their only readings.
const UNSPLIT: &[&str] = &["user-agent"];
/// Headers of the generated conditions that Envoy keeps in one place, and so joins (`ALL_REQ_HEADERS` in its header map).
const JOINED: &[&str] = &["user-agent"];

/// The name that a condition reads.
fn name(condition: &wire::Condition) -> Option<String> {
    let name = condition.key.strip_prefix("request.headers[")?.strip_suffix(']')?;
    Some(name.to_ascii_lowercase())
}

/// Some header is not what a rule reads, and is with `-` for `_`.
pub(super) fn has_a_twin(pair: &Pair<'_>) -> bool {
    let conditions = pair.rules.iter().flat_map(|rule| rule.when.iter().flatten());
    let read: Vec<String> = conditions.filter_map(name).collect();
    pair.request.headers.iter().any(|(header, _)| {
        let header = String::from_utf8_lossy(header).to_ascii_lowercase();
        !read.contains(&header) && read.contains(&header.replace('_', "-"))
    })
}

/// Readings of a header's lines.
type Readings = fn(&str, &[String]) -> Vec<String>;

/// Whether Envoy's readings satisfy some condition while others refuse by it.
fn refuses(pair: &Pair<'_>, readings: Readings) -> bool {
    pair.rules.iter().any(|rule| {
        rule.when.iter().flatten().any(|condition| condition_refuses(pair, is_allow(rule), condition, readings))
    })
}

/// Envoy's RBAC filter looks at each line by itself, and one that matches is enough; of a header that it knows itself it
/// joins the lines first.
fn envoy_lines(name: &str, lines: &[String]) -> Vec<String> {
    if JOINED.contains(&name) { vec![lines.join(",")] } else { lines.to_vec() }
}

/// A permissive use that Envoy's readings match and one of `readings` does not; or a restrictive one that only one of
/// `readings` matches.
fn condition_refuses(pair: &Pair<'_>, allows: bool, condition: &wire::Condition, readings: Readings) -> bool {
    let Some(name) = name(condition) else { return false };
    let lines = header_lines(pair.request, &name);
    let (envoys, readings) = (envoy_lines(&name, &lines), readings(&name, &lines));
    let matches = |list: &[String], value: &String| list.iter().any(|pattern| header_matches(pattern, value));
    let permits = |list: &[String]| {
        envoys.iter().any(|value| matches(list, value)) && !readings.iter().all(|value| matches(list, value))
    };
    let restricts = |list: &[String]| {
        !envoys.iter().any(|value| matches(list, value)) && readings.iter().any(|value| matches(list, value))
    };
    let values = condition.values.as_deref();
    let not_values = condition.not_values.as_deref();
    let (permissive, restrictive) = if allows { (values, not_values) } else { (not_values, values) };
    permissive.is_some_and(permits) || restrictive.is_some_and(restricts)
}

/// Each line, the joined value and, where the header is a list, its elements; white space at their ends does not count.
pub(super) fn readings_differ(pair: &Pair<'_>) -> bool {
    refuses(pair, |name, lines| {
        let mut readings: Vec<String> = lines.iter().map(|line| line.trim().to_owned()).collect();
        readings.extend([lines.join(","), lines.join(", "), lines.join("; ")]);
        if !UNSPLIT.contains(&name) {
            let elements = lines.iter().flat_map(|line| line.split(',')).map(|element| element.trim().to_owned());
            let elements: Vec<String> = elements.collect();
            readings.extend([elements.join(","), elements.join(", ")]);
            readings.extend(elements);
        }
        // Without a comma or a second line there is no choice of readings.
        let is_plain = lines.len() == 1 && (UNSPLIT.contains(&name) || !lines.iter().any(|line| line.contains(',')));
        if is_plain { lines.to_vec() } else { readings }
    })
}

/// Each line as it came, and without the white space that HTTP/2 has carried.
pub(super) fn white_space_hides(pair: &Pair<'_>) -> bool {
    pair.http2
        && refuses(pair, |_, lines| {
            let trimmed = lines.iter().map(|line| line.trim_matches([' ', '\t']).to_owned());
            lines.iter().cloned().chain(trimmed).collect()
        })
}
