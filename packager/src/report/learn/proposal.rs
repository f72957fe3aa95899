//! What `learn` proposes.

use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::learn::{Learned, grouped};
use similar::TextDiff;

/// A proposal.
pub(crate) struct LearnReport<'l> {
    pub(crate) learned: &'l Learned,
    pub(crate) trust_domain: &'l str,
    /// The file that is completed.
    pub(crate) file: Option<&'l SourceFile>,
}

impl LearnReport<'_> {
    /// The rules, or the difference that they make to a file; empty if nothing is missing.
    pub(crate) fn proposal(&self) -> String {
        match self.file {
            Some(file) => self.diff(file),
            None => self.learned.text.clone(),
        }
    }

    /// `2 rules`.
    pub(crate) fn rules_in_words(&self) -> String {
        counted(self.learned.rules.len() as u64, "rule", "rules")
    }

    fn diff(&self, file: &SourceFile) -> String {
        let lines = TextDiff::from_lines(&file.text, &self.learned.text);
        lines.unified_diff().header(&format!("a/{}", file.name), &format!("b/{}", file.name)).to_string()
    }
}

/// A number with its noun.
pub(super) fn counted(number: u64, one: &str, several: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { several })
}
