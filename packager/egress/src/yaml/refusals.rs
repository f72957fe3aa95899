//! What [`Rules::Strict`](super::reader::Rules::Strict) refuses.

use super::slips::{about_space, is_odd_space};
use super::syntax;
use super::tree::{Key, Node, ScalarType, Value};
use crate::code::Code;
use crate::diagnostic::{Sink, Span, UnplacedDiagnostic};
use crate::wording::quoted;
use std::collections::HashMap;

pub(super) fn second_document() -> UnplacedDiagnostic {
    UnplacedDiagnostic::new(Code::SeveralDocuments, "a second document begins here").help("write one resource per file")
}

pub(super) struct Refusals<'a> {
    text: &'a str,
    /// An anchor or alias was reported: one report is enough, a bomb has thousands.
    is_alias_reported: bool,
}

impl<'a> Refusals<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, is_alias_reported: false }
    }

    pub(super) fn tag(&self, span: Span, sink: &mut Sink) {
        let tag = quoted(self.word_at(span.start));
        let flaw = UnplacedDiagnostic::new(Code::Tag, format!("the YAML tag {tag} is not allowed in this file"));
        sink.report(span, flaw.help("remove the tag; a string that looks like a number needs quotes"));
    }

    pub(super) fn anchor(&mut self, anchor: usize, span: Span, sink: &mut Sink) {
        if anchor != 0 && !self.is_alias_reported {
            self.is_alias_reported = true;
            // The place of a collection's first event is not that of its anchor: look back for it.
            let before = self.text.get(..span.start).unwrap_or_default();
            let here = self.text.get(span.start..).unwrap_or_default();
            let start = if here.starts_with('&') { span.start } else { before.rfind('&').unwrap_or(span.start) };
            let flaw = syntax::anchor(self.word_at(start));
            sink.report(Span { start, end: span.end.max(start) }, flaw);
        }
    }

    /// A character without quotes that only looks like a space. The text is read on as its author sees it.
    pub(super) fn odd_space(&self, text: &mut String, span: Span, sink: &mut Sink) {
        let written = self.text.get(span.start..span.end).unwrap_or_default();
        let Some((at, c)) = written.char_indices().find(|(_, c)| is_odd_space(*c)) else { return };
        let start = span.start.saturating_add(at);
        sink.report(Span { start, end: start.saturating_add(c.len_utf8()) }, about_space(c));
        let seen = text.chars().filter(|c| c.is_whitespace() || !is_odd_space(*c));
        let seen: String = seen.map(|c| if is_odd_space(c) { ' ' } else { c }).collect();
        seen.trim().clone_into(text);
    }

    /// `is_merged`: the alias is the value of a merge key, which was reported.
    pub(super) fn alias(&mut self, is_merged: bool, span: Span, sink: &mut Sink) {
        if !self.is_alias_reported && !is_merged {
            self.is_alias_reported = true;
            let flaw = syntax::alias(self.word_at(span.start));
            sink.report(span, flaw);
        }
    }

    fn word_at(&self, offset: usize) -> &str {
        syntax::word_at(self.text, offset)
    }
}

/// The key that a node is; `None`: it was reported.
pub(super) fn key(node: Node, seen: &mut HashMap<String, Span>, sink: &mut Sink) -> Option<Key> {
    let span = node.span;
    let name = match node.value {
        Value::Refused => return None,
        Value::Scalar(scalar) if scalar.resolve() == ScalarType::Text => scalar.text,
        Value::Scalar(scalar) => {
            let flaw = UnplacedDiagnostic::new(
                Code::NonStringKey,
                format!("the key {} is not a string", quoted(&scalar.text)),
            );
            sink.report(span, flaw.help("keys are the names of fields"));
            return None;
        }
        Value::Sequence(_) | Value::Mapping(_) => {
            let flaw = UnplacedDiagnostic::new(Code::NonStringKey, "a key is a list or mapping, not a string");
            sink.report(span, flaw.help("a value that begins with `{` or `[` needs quotes"));
            return None;
        }
    };
    if name == "<<" {
        let flaw = UnplacedDiagnostic::new(Code::MergeKey, "the merge key `<<` is not allowed in this file");
        sink.report(span, flaw.help("write the fields out"));
        return None;
    }
    if let Some(first) = seen.get(&name) {
        let flaw = UnplacedDiagnostic::new(
            Code::DuplicateKey,
            format!("the key {} is written twice in one mapping", quoted(&name)),
        );
        sink.report_twice(span, *first, flaw.help("keep one of the two"));
        return None;
    }
    seen.insert(name.clone(), span);
    Some(Key { name, span })
}
