//! What a lint returns.

use crate::diagnostic::Span;
use crate::import::Manifest;
use crate::yaml::tree::Node;

/// What a lint found: the place, what is wrong there, and what to do. The code is the lint's.
pub(super) struct Finding {
    pub(super) file: usize,
    pub(super) span: Span,
    pub(super) message: String,
    pub(super) help: String,
}

/// A mapping or list is shown at its beginning only.
pub(super) fn finding(file: usize, node: &Node, message: impl Into<String>, help: impl Into<String>) -> Finding {
    let end = if node.text().is_some() { node.span.end } else { node.span.start };
    Finding { file, span: Span { start: node.span.start, end }, message: message.into(), help: help.into() }
}

/// A finding about a whole manifest, shown at its name.
pub(super) fn of_manifest(manifest: &Manifest, message: impl Into<String>, help: impl Into<String>) -> Finding {
    finding(manifest.file, manifest.title(), message, help)
}
