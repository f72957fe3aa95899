//! From the text of manifests to trees, one a document.
//!
//! # Design
//! In an Egress file whatever makes YAML hard to read is refused; manifests are somebody else's, so here anchors, merge
//! keys and tags are taken as Kubernetes takes them. What an alias stands for is copied and counted against the limit
//! of all values, so that a few lines cannot stand for gigabytes.

use crate::code::Code;
use crate::diagnostic::{Flaw, Sink, Span};
use crate::parse::load::{DEEPEST, MOST_NODES};
use crate::parse::offsets::Offsets;
use crate::parse::syntax;
use crate::parse::tree::{Entry, Key, Node, Scalar, Value};
use saphyr_parser::{Event, Parser, ScalarStyle};
use std::borrow::Cow;
use std::collections::HashMap;

/// Every document up to the first place that cannot be read, which then has been reported.
pub(super) fn load(text: &str, sink: &mut Sink) -> Vec<Node> {
    let offsets = Offsets::new(text);
    let mut loader = Loader { sink, open: Vec::new(), documents: Vec::new(), anchored: HashMap::new(), nodes: 0 };
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let taken = match event {
            Ok((event, span)) => loader.take(event, offsets.span(span.start.index(), span.end.index())),
            Err(error) => {
                let offset = offsets.byte(error.marker().index());
                let (span, flaw) = syntax::explain(text, offset, error.info());
                loader.sink.report(span, flaw);
                Err(Stop)
            }
        };
        if taken.is_err() {
            break;
        }
    }
    loader.documents
}

/// A collection whose end has not been seen.
struct Open {
    span: Span,
    anchor: usize,
    parts: Parts,
}

enum Parts {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<Entry>, key: Option<Key> },
}

/// Reading on makes no sense; the reason has been reported.
struct Stop;

struct Loader<'a> {
    sink: &'a mut Sink,
    open: Vec<Open>,
    documents: Vec<Node>,
    anchored: HashMap<usize, Node>,
    nodes: usize,
}

impl Loader<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                self.count(1, span)?;
                let scalar = Scalar { text: Cow::into_owned(text), plain: style == ScalarStyle::Plain };
                self.place(anchor, Node { span, value: Value::Scalar(scalar) });
            }
            Event::Alias(anchor) => {
                let node = self.anchored.get(&anchor).cloned().unwrap_or(Node { span, value: Value::Refused });
                self.count(node.descendants().count(), span)?;
                self.place(0, node);
            }
            Event::SequenceStart(anchor, _) => self.begin(anchor, span, Parts::Sequence(Vec::new()))?,
            Event::MappingStart(anchor, _) => {
                self.begin(anchor, span, Parts::Mapping { entries: Vec::new(), key: None })?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn begin(&mut self, anchor: usize, span: Span, parts: Parts) -> Result<(), Stop> {
        self.count(1, span)?;
        if self.open.len() >= DEEPEST {
            self.sink.report(span, syntax::too_deep());
            return Err(Stop);
        }
        self.open.push(Open { span, anchor, parts });
        Ok(())
    }

    fn count(&mut self, nodes: usize, span: Span) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= MOST_NODES {
            return Ok(());
        }
        let flaw = Flaw::new(Code::Nodes, format!("the file has more than {MOST_NODES} values"));
        self.sink.report(span, flaw.help("split it: one file may hold a part of the manifests"));
        Err(Stop)
    }

    fn close(&mut self) {
        let Some(Open { span, anchor, parts }) = self.open.pop() else { return };
        let value = match parts {
            Parts::Sequence(items) => Value::Sequence(items),
            Parts::Mapping { entries, .. } => Value::Mapping(merged(entries)),
        };
        self.place(anchor, Node { span, value });
    }

    fn place(&mut self, anchor: usize, node: Node) {
        if anchor != 0 {
            self.anchored.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.parts) {
            None => self.documents.push(node),
            Some(Parts::Sequence(items)) => items.push(node),
            Some(Parts::Mapping { entries, key }) => match key.take() {
                Some(key) => entries.push(Entry { key, value: node }),
                // A key that is no scalar names no field.
                None => *key = Some(Key { name: node.text().unwrap_or_default().to_owned(), span: node.span }),
            },
        }
    }
}

/// With the fields of what `<<` names, where the mapping does not have them itself.
fn merged(entries: Vec<Entry>) -> Vec<Entry> {
    let (merges, mut own): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.key.name == "<<");
    for merge in merges {
        let sources = match merge.value.value {
            Value::Sequence(sources) => sources,
            _ => vec![merge.value],
        };
        for source in sources {
            let Value::Mapping(entries) = source.value else { continue };
            for entry in entries {
                if own.iter().all(|own| own.key.name != entry.key.name) {
                    own.push(entry);
                }
            }
        }
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<Node>, Vec<&'static str>) {
        let mut sink = Sink::new(0);
        let documents = load(text, &mut sink);
        (documents, sink.diagnostics.iter().map(|diagnostic| diagnostic.code.as_str()).collect())
    }

    #[test]
    fn documents_are_read_up_to_the_first_that_cannot_be() {
        let (documents, codes) = read("a: 1\n---\nb: 2\n---\nc: [\n---\nd: 4\n");
        assert_eq!(documents.iter().map(|one| one.entries().len()).collect::<Vec<_>>(), [1, 1]);
        assert_eq!(codes, ["SP0101"]);
        assert!(read("# nothing\n").0.is_empty());
    }

    #[test]
    fn anchors_and_merge_keys_stand_for_what_they_name() {
        let text = "base: &base {mode: SIMPLE, sni: a}\ntls:\n  <<: [*base]\n  sni: b\nsame: *base\n";
        let (documents, codes) = read(text);
        let at = |names: &[&str]| documents[0].text_at(names).map(str::to_owned);
        assert_eq!((at(&["tls", "sni"]).as_deref(), at(&["tls", "mode"]).as_deref()), (Some("b"), Some("SIMPLE")));
        assert_eq!((at(&["same", "sni"]).as_deref(), codes), (Some("a"), vec![]));
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_large() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        assert_eq!(read(&text).1, ["SP0110"]);
        assert_eq!(read(&"[".repeat(10_000)).1, ["SP0109"]);
    }

    #[test]
    fn a_key_may_be_anything() {
        let (documents, codes) = read("? [a, b]\n: 1\n8080: x\n!tag k: !tag v\n");
        assert_eq!((documents[0].text_at(&["8080"]), codes), (Some("x"), vec![]));
    }
}
