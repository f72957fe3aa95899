//! Ids of rules.

use std::collections::BTreeSet;

/// Longest id of a rule, in bytes.
const LONGEST: usize = 64;

/// Ids that are taken, as Prometheus tells them apart.
#[derive(Debug, Default)]
pub(super) struct Ids(BTreeSet<String>);

impl Ids {
    pub(super) fn new<'i>(taken: impl Iterator<Item = &'i str>) -> Self {
        Self(taken.map(metric).collect())
    }

    /// An id for callers and paths: the account of a single caller, else the segment with which all paths begin.
    pub(super) fn id(&mut self, callers: &[&str], patterns: &[&str]) -> String {
        let mut wanted = Vec::new();
        if let [one] = callers {
            let mut parts = one.rsplit('/');
            let account = parts.next().unwrap_or_default();
            wanted.push(account.to_owned());
            wanted.extend(parts.find(|part| !matches!(*part, "sa" | "ns")).map(|other| format!("{other}-{account}")));
        } else {
            let first = |pattern: &&str| pattern.split('/').nth(1).unwrap_or_default().to_owned();
            let mut segments = patterns.iter().map(first);
            let common = segments.next().filter(|one| segments.all(|other| other == *one));
            wanted.push(common.unwrap_or_else(|| "shared".to_owned()));
        }
        let wanted: Vec<String> = wanted.iter().map(|name| valid(name)).filter(|name| !name.is_empty()).collect();
        if let Some(id) = wanted.iter().find(|id| self.0.insert(metric(id))) {
            return id.clone();
        }
        let stem = wanted.first().map_or("rule", String::as_str);
        let mut numbered = (2_u32..).map(|number| format!("{stem}-{number}"));
        numbered.find(|id| self.0.insert(metric(id))).unwrap_or_default()
    }
}

/// What is left of a text if it is an id, shorter than the longest by what a number takes.
fn valid(text: &str) -> String {
    let is_valid = |character: &char| character.is_ascii_alphanumeric() || "._-".contains(*character);
    let kept: String = text.chars().filter(is_valid).take(LONGEST.saturating_sub(10)).collect();
    kept.trim_matches(['.', '_', '-']).to_owned()
}

/// As it is in the names of metrics.
fn metric(id: &str) -> String {
    id.replace(|character: char| !character.is_ascii_alphanumeric(), "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_readable_valid_and_told_apart_by_prometheus() {
        let mut ids = Ids::new(["read-all"].into_iter());
        assert_eq!(ids.id(&["cluster.local/ns/shop/sa/web"], &["/a"]), "web");
        assert_eq!(ids.id(&["cluster.local/ns/other/sa/web"], &["/a"]), "other-web");
        assert_eq!(ids.id(&["cluster.local/ns/other/sa/web"], &["/a"]), "web-2");
        assert_eq!(ids.id(&["a", "b"], &["/orders/{*}", "/orders"]), "orders");
        assert_eq!(ids.id(&["a", "b"], &["/orders/{*}", "/items"]), "shared");
        assert_eq!(ids.id(&["a", "b"], &["/{*}"]), "rule-2");
        assert_eq!(ids.id(&["a", "b"], &["/read.all"]), "read.all-2");
        assert_eq!(ids.id(&["a", "b"], &["/"]), "rule-3");
        assert_eq!(ids.id(&[&format!("x/{}", "y".repeat(300))], &[]).len(), 54);
    }
}
