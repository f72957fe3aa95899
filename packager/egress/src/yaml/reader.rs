//! From text to trees, through the events of a YAML parser.
//!
//! # Design
//! A parser that fills types stops at the first error and forgets where things were. The tree keeps both: every
//! key and value has its place, and what is wrong with one of them is noted while the rest is read on. Nothing here
//! recurses on the input.
//!
//! One reader has two sets of [`Rules`]. An Egress or Mesh file is ours, so everything that makes YAML hard to read is
//! refused in it. Manifests belong to others, so they are read as Kubernetes reads them. What an alias stands for is
//! copied and counts against the limit, so that a few lines cannot stand for gigabytes.

use super::offsets::Offsets;
use super::refusals::{self, Refusals};
use super::syntax::{self, DEEPEST};
use super::tree::{Entry, Key, Node, Scalar, ScalarType, Value};
use crate::code::Code;
use crate::diagnostic::{Sink, Span, UnplacedDiagnostic};
use sallyport_core::policy::MAX_RULES;
use saphyr_parser::{Event, Parser, ScalarStyle};
use std::borrow::Cow;
use std::collections::HashMap;

/// Keys and values: as many as a policy with the most rules has, if each rule is of an ordinary size.
pub(crate) const MOST_NODES: usize = MAX_RULES * NODES_PER_RULE;
/// A rule with callers, methods, a path and a condition has about thirty.
const NODES_PER_RULE: usize = 32;

/// How much of YAML is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rules {
    /// One document, without anchors, aliases, merge keys, tags, repeated keys and keys that are not strings.
    Strict,
    /// Any number of documents. Aliases and merge keys stand for what they name, and tags are ignored.
    Lenient,
}

impl Rules {
    /// What to do about a file that is too large.
    pub(crate) fn how_to_split(self) -> &'static str {
        match self {
            Rules::Strict => "one file describes one upstream: split it, or use path templates",
            Rules::Lenient => "split it: a file may contain a part of the manifests",
        }
    }
}

/// The tree of an Egress or Mesh file; `None` if there is none, which then has been reported.
pub(crate) fn read_one(text: &str, sink: &mut Sink) -> Option<Node> {
    let read = read(text, Rules::Strict, sink);
    if read.is_cut {
        return None;
    }
    let root = read.documents.into_iter().next().filter(|root| !is_nothing(root));
    if root.is_none() {
        let flaw = UnplacedDiagnostic::new(Code::Empty, "the file has no resource in it");
        sink.report(Span { start: 0, end: 0 }, flaw.help("`sallyport init` writes one to start from"));
    }
    root
}

/// The trees of a file of manifests, up to the first place that cannot be read, which then has been reported.
pub(crate) fn read_all(text: &str, sink: &mut Sink) -> Vec<Node> {
    read(text, Rules::Lenient, sink).documents
}

struct Read {
    documents: Vec<Node>,
    /// The text could not be read to its end.
    is_cut: bool,
}

fn read(text: &str, rules: Rules, sink: &mut Sink) -> Read {
    let mut reader = Reader::new(text, rules, sink);
    let mut parser = Parser::new_from_str(text);
    let mut begun = Span { start: 0, end: 0 };
    while let Some(event) = parser.next_event() {
        let taken = match event {
            Ok((event, span)) => {
                let span = reader.offsets.span(span.start.index(), span.end.index());
                if matches!(event, Event::DocumentStart(_)) {
                    begun = span;
                }
                match reader.root(&event) {
                    Root::Second => {
                        reader.sink.report(begun, refusals::second_document());
                        break;
                    }
                    Root::Nothing => Ok(()),
                    Root::Other => reader.take(event, span),
                }
            }
            Err(error) => {
                let (span, flaw) = syntax::explain(text, reader.offsets.byte(error.marker().index()), error.info());
                // What was said there already explains the error.
                if reader.sink.diagnostics.iter().all(|said| said.span != span || said.code != flaw.code) {
                    reader.sink.report(span, flaw);
                }
                Err(Stop)
            }
        };
        if taken.is_err() {
            return Read { documents: reader.documents, is_cut: true };
        }
    }
    Read { documents: reader.documents, is_cut: false }
}

fn is_nothing(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar(scalar) if scalar.resolve() == ScalarType::Null)
}

fn is_null(text: &str) -> bool {
    Scalar { text: text.to_owned(), plain: true }.resolve() == ScalarType::Null
}

/// A collection whose end has not been seen.
struct Open {
    start: Span,
    anchor: usize,
    /// It was reported as a whole.
    is_refused: bool,
    parts: Parts,
}

enum Parts {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<Entry>, seen: HashMap<String, Span>, key: Option<OpenKey> },
}

/// A key whose value has not been seen. `None`: reported, and its value is dropped.
type OpenKey = Option<Key>;

/// What an event is for a file of one document.
enum Root {
    /// The beginning of a document, and there is one already.
    Second,
    /// A document with nothing in it: `---` at the beginning or the end of a file.
    Nothing,
    Other,
}

/// Nothing more can be read; the reason has been reported.
struct Stop;

struct Reader<'a> {
    text: &'a str,
    rules: Rules,
    /// Under [`Rules::Strict`].
    refusals: Refusals<'a>,
    offsets: Offsets,
    sink: &'a mut Sink,
    open: Vec<Open>,
    documents: Vec<Node>,
    /// What the anchors name, under [`Rules::Lenient`].
    anchored: HashMap<usize, Node>,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, rules: Rules, sink: &'a mut Sink) -> Self {
        Self {
            text,
            rules,
            refusals: Refusals::new(text),
            offsets: Offsets::new(text),
            sink,
            open: Vec::new(),
            documents: Vec::new(),
            anchored: HashMap::new(),
            nodes: 0,
        }
    }

    /// Asked for every event before it is taken.
    fn root(&self, event: &Event<'_>) -> Root {
        if self.rules == Rules::Lenient || !self.open.is_empty() {
            return Root::Other;
        }
        match event {
            Event::Scalar(text, ScalarStyle::Plain, 0, None) if is_null(text) => Root::Nothing,
            Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..) if !self.documents.is_empty() => {
                Root::Second
            }
            _ => Root::Other,
        }
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_refused = self.begin_node(anchor, tag.is_some(), span)?;
                let mut scalar = Scalar { text: Cow::into_owned(text), plain: style == ScalarStyle::Plain };
                if self.rules == Rules::Strict && scalar.plain {
                    self.refusals.odd_space(&mut scalar.text, span, self.sink);
                }
                let value = if is_refused { Value::Refused } else { Value::Scalar(scalar) };
                self.place(anchor, Node { span, value });
            }
            Event::Alias(anchor) => {
                let node = self.named_by(anchor, span);
                self.count(node.descendants().count(), span)?;
                self.place(0, node);
            }
            Event::SequenceStart(anchor, tag) => {
                let is_refused = self.begin_collection(anchor, tag.is_some(), span)?;
                let start = self.list_start(span);
                self.open.push(Open { start, anchor, is_refused, parts: Parts::Sequence(Vec::new()) });
            }
            Event::MappingStart(anchor, tag) => {
                let is_refused = self.begin_collection(anchor, tag.is_some(), span)?;
                let parts = Parts::Mapping { entries: Vec::new(), seen: HashMap::new(), key: None };
                self.open.push(Open { start: span, anchor, is_refused, parts });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {}
        }
        Ok(())
    }

    /// Whether the node is refused as a whole.
    fn begin_node(&mut self, anchor: usize, is_tagged: bool, span: Span) -> Result<bool, Stop> {
        self.count(1, span)?;
        if self.rules == Rules::Lenient {
            return Ok(false);
        }
        self.refusals.anchor(anchor, span, self.sink);
        if is_tagged {
            self.refusals.tag(span, self.sink);
        }
        Ok(is_tagged)
    }

    fn begin_collection(&mut self, anchor: usize, is_tagged: bool, span: Span) -> Result<bool, Stop> {
        let is_refused = self.begin_node(anchor, is_tagged, span)?;
        if self.open.len() >= DEEPEST {
            self.sink.report(span, syntax::too_deep());
            return Err(Stop);
        }
        Ok(is_refused)
    }

    fn count(&mut self, nodes: usize, span: Span) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= MOST_NODES {
            return Ok(());
        }
        let flaw = UnplacedDiagnostic::new(Code::Nodes, format!("the file has more than {MOST_NODES} values"));
        self.sink.report(span, flaw.help(self.rules.how_to_split()));
        Err(Stop)
    }

    /// What an alias stands for.
    fn named_by(&mut self, anchor: usize, span: Span) -> Node {
        if self.rules == Rules::Strict {
            let is_merged =
                matches!(self.open.last(), Some(Open { parts: Parts::Mapping { key: Some(None), .. }, .. }));
            self.refusals.alias(is_merged, span, self.sink);
        }
        if self.rules == Rules::Lenient && self.open.iter().any(|open| open.anchor == anchor) {
            self.sink.report(span, syntax::within_itself(syntax::word_at(self.text, span.start)));
        }
        self.anchored.get(&anchor).cloned().unwrap_or(Node { span, value: Value::Refused })
    }

    /// The parser puts a list that is not indented behind its first dash.
    fn list_start(&self, span: Span) -> Span {
        let here = self.text.get(span.start..).unwrap_or_default();
        let before = self.text.get(..span.start).unwrap_or_default().trim_end();
        match before.strip_suffix('-') {
            Some(before) if !here.starts_with(['-', '[']) => Span { start: before.len(), end: span.end },
            _ => span,
        }
    }

    /// A collection ends: where its last part ends in block style (the event lies behind the blank lines that
    /// follow), where its bracket ends in flow style.
    fn close(&mut self, end: Span) {
        let Some(Open { start, anchor, is_refused, parts }) = self.open.pop() else { return };
        let last = match &parts {
            Parts::Sequence(items) => items.last().map(|item| item.span),
            Parts::Mapping { entries, .. } => entries.last().map(|entry| entry.value.span),
        };
        let end = if end.start < end.end { end.end } else { last.map_or(start.end, |last| last.end) };
        let value = match parts {
            _ if is_refused => Value::Refused,
            Parts::Sequence(items) => Value::Sequence(items),
            Parts::Mapping { entries, .. } if self.rules == Rules::Lenient => Value::Mapping(merged(entries)),
            Parts::Mapping { entries, .. } => Value::Mapping(entries),
        };
        self.place(anchor, Node { span: Span { start: start.start, end: end.max(start.start) }, value });
    }

    fn place(&mut self, anchor: usize, node: Node) {
        if anchor != 0 && self.rules == Rules::Lenient {
            self.anchored.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.parts) {
            None => self.documents.push(node),
            Some(Parts::Sequence(items)) => items.push(node),
            Some(Parts::Mapping { entries, seen, key }) => match key.take() {
                Some(Some(key)) => entries.push(Entry { key, value: node }),
                Some(None) => {}
                None if self.rules == Rules::Strict => *key = Some(refusals::key(node, seen, self.sink)),
                // A key that is not a scalar names no field.
                None => {
                    let name = node.text().map(str::to_owned).unwrap_or_default();
                    *key = Some(Some(Key { name, span: node.span }));
                }
            },
        }
    }
}

/// The entries, with those of the mappings that `<<` names where the mapping does not have them itself.
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
        let documents = read_all(text, &mut sink);
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
    fn empty_documents_are_none() {
        let codes = |text: &str| {
            let mut sink = Sink::new(0);
            let root = read_one(text, &mut sink);
            (root.is_some(), sink.diagnostics.iter().map(|diagnostic| diagnostic.code.as_str()).collect::<Vec<_>>())
        };
        for text in ["a: 1\n---\n", "---\na: 1\n---\n# end\n", "---\n---\na: 1\n...\n", "a: 1\n---\nnull\n---\n...\n"] {
            assert_eq!(codes(text), (true, vec![]), "{text}");
        }
        for text in ["a: 1\n---\nb: 2\n", "a: 1\n---\n---\n[]\n", "a: 1\n---\nb\n", "---\n---\na: 1\n---\n''\n"] {
            assert_eq!(codes(text), (true, vec!["SP0103"]), "{text}");
        }
        for text in ["", "---\n", "---\n---\n", "null\n", "# a\n...\n"] {
            assert_eq!(codes(text), (false, vec!["SP0006"]), "{text}");
        }
    }

    #[test]
    fn no_anchor_contains_itself() {
        for text in ["a: &m {name: a, x: *m}\n", "a: &s {hosts: [b], <<: *s}\n", "- &l [[*l]]\n"] {
            assert_eq!(read(text).1, ["SP0101"], "{text}");
        }
        // What was named so before it is not what the alias stands for.
        assert_eq!(read("a: &m 1\nb: &m {c: *m}\n").1, ["SP0101"]);
        assert_eq!(read("a: &m 1\nb: &n {c: *m}\nd: *n\n").1, [""; 0]);
        let mut sink = Sink::new(0);
        assert!(read_one("a: &m {x: *m}\n", &mut sink).is_some() && sink.diagnostics.len() == 1);
    }

    #[test]
    fn a_key_may_be_anything() {
        let (documents, codes) = read("? [a, b]\n: 1\n8080: x\n!tag k: !tag v\n");
        assert_eq!((documents[0].text_at(&["8080"]), codes), (Some("x"), vec![]));
    }
}
