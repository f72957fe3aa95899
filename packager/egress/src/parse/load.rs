//! From text to a tree, through the events of a YAML parser.
//!
//! # Design
//! A parser that fills types stops at the first error and forgets where things were. The tree keeps both: every
//! key and value has its place, and what is wrong with one of them is noted while the rest is read on. Nothing here
//! recurses on the input, and nothing is expanded: aliases are refused, so the tree is never larger than the text.

use crate::code::Code;
use crate::diagnostic::{Flaw, Sink, Span};
use crate::parse::offsets::Offsets;
use crate::parse::suggest::quoted;
use crate::parse::syntax;
use crate::parse::tree::{Entry, Key, Node, Scalar, ScalarType, Value};
use sallyport_core::policy::MAX_RULES;
use saphyr_parser::{Event, Parser, ScalarStyle};
use std::borrow::Cow;
use std::collections::HashMap;

pub(crate) const DEEPEST: usize = 64;
/// Keys and values: as many as a policy of the most rules has, if each rule is of an ordinary size.
pub(crate) const MOST_NODES: usize = MAX_RULES * NODES_PER_RULE;
/// A rule with callers, methods, a path and a condition has about thirty.
const NODES_PER_RULE: usize = 32;

/// The first document's tree; `None` when nothing can be made of the text, which then has been reported.
pub(crate) fn load(text: &str, sink: &mut Sink) -> Option<Node> {
    let mut loader =
        Loader { text, offsets: Offsets::new(text), sink, open: Vec::new(), root: None, nodes: 0, aliased: false };
    let mut documents = 0_usize;
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = match event {
            Ok((event, span)) => (event, loader.offsets.span(span.start.index(), span.end.index())),
            Err(error) => {
                let offset = loader.offsets.byte(error.marker().index());
                let (span, flaw) = syntax::explain(text, offset, error.info());
                loader.sink.report(span, flaw);
                return None;
            }
        };
        if matches!(event, Event::DocumentStart(_)) {
            documents = documents.saturating_add(1);
            if documents == 2 {
                loader.sink.report(span, several_documents());
                break;
            }
        }
        if loader.take(event, span).is_err() {
            return None;
        }
    }
    let root = loader.root;
    if root.as_ref().is_none_or(is_nothing) {
        let flaw = Flaw::new(Code::Empty, "the file has no resource in it");
        sink.report(Span { start: 0, end: 0 }, flaw.help("`sallyport init` writes a first one"));
        return None;
    }
    root
}

fn several_documents() -> Flaw {
    Flaw::new(Code::SeveralDocuments, "a second document begins here").help("write one resource per file")
}

fn is_nothing(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar(scalar) if scalar.resolve() == ScalarType::Null)
}

/// A collection whose end has not been seen.
enum Open {
    Sequence { start: Span, tagged: bool, items: Vec<Node> },
    Mapping { start: Span, tagged: bool, entries: Vec<Entry>, seen: HashMap<String, Span>, key: Option<OpenKey> },
}

/// A key whose value has not been seen. `None`: reported, and its value is to be dropped.
type OpenKey = Option<Key>;

/// Reading on makes no sense; the reason has been reported.
struct Stop;

struct Loader<'a> {
    text: &'a str,
    offsets: Offsets,
    sink: &'a mut Sink,
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    /// An anchor or alias was reported: one is enough, a bomb has thousands.
    aliased: bool,
}

impl Loader<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.count(span)?;
                self.refuse_anchor(anchor, span);
                let value = if self.refuse_tag(tag.is_some(), span) {
                    Value::Refused
                } else {
                    Value::Scalar(Scalar { text: Cow::into_owned(text), plain: style == ScalarStyle::Plain })
                };
                self.place(Node { span, value });
            }
            Event::Alias(_) => {
                self.count(span)?;
                self.refuse_alias(span);
                self.place(Node { span, value: Value::Refused });
            }
            Event::SequenceStart(anchor, tag) => {
                let tagged = self.begin(anchor, tag.is_some(), span)?;
                let start = self.list_start(span);
                self.open.push(Open::Sequence { start, tagged, items: Vec::new() });
            }
            Event::MappingStart(anchor, tag) => {
                let tagged = self.begin(anchor, tag.is_some(), span)?;
                let (entries, seen) = (Vec::new(), HashMap::new());
                self.open.push(Open::Mapping { start: span, tagged, entries, seen, key: None });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn begin(&mut self, anchor: usize, tagged: bool, span: Span) -> Result<bool, Stop> {
        self.count(span)?;
        self.refuse_anchor(anchor, span);
        if self.open.len() >= DEEPEST {
            self.sink.report(span, syntax::too_deep());
            return Err(Stop);
        }
        Ok(self.refuse_tag(tagged, span))
    }

    fn count(&mut self, span: Span) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes <= MOST_NODES {
            return Ok(());
        }
        let flaw = Flaw::new(Code::Nodes, format!("the file has more than {MOST_NODES} values"));
        self.sink.report(span, flaw.help("one file holds one upstream: split it, or use path templates"));
        Err(Stop)
    }

    fn refuse_tag(&mut self, tagged: bool, span: Span) -> bool {
        if tagged {
            let flaw =
                Flaw::new(Code::Tag, format!("the tag {} is not understood here", quoted(self.word_at(span.start))));
            self.sink.report(span, flaw.help("leave the tag out; a string that looks like a number needs quotes"));
        }
        tagged
    }

    fn refuse_anchor(&mut self, anchor: usize, span: Span) {
        if anchor != 0 && !self.aliased {
            self.aliased = true;
            // The place of a collection's first event is not that of its anchor: look back for it.
            let before = self.text.get(..span.start).unwrap_or_default();
            let here = self.text.get(span.start..).unwrap_or_default();
            let start = if here.starts_with('&') { span.start } else { before.rfind('&').unwrap_or(span.start) };
            self.sink.report(Span { start, end: span.end.max(start) }, syntax::anchor(self.word_at(start)));
        }
    }

    fn refuse_alias(&mut self, span: Span) {
        let merged = matches!(self.open.last(), Some(Open::Mapping { key: Some(None), .. }));
        if !self.aliased && !merged {
            self.aliased = true;
            self.sink.report(span, syntax::alias(self.word_at(span.start)));
        }
    }

    fn word_at(&self, offset: usize) -> &str {
        syntax::word_at(self.text, offset)
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
        let within = |start: Span, last: Option<Span>| Span {
            start: start.start,
            end: if end.start < end.end { end.end } else { last.map_or(start.end, |last| last.end) }.max(start.start),
        };
        let node = match self.open.pop() {
            Some(Open::Sequence { start, tagged, items }) => {
                let span = within(start, items.last().map(|item| item.span));
                Node { span, value: if tagged { Value::Refused } else { Value::Sequence(items) } }
            }
            Some(Open::Mapping { start, tagged, entries, .. }) => {
                let span = within(start, entries.last().map(|entry| entry.value.span));
                Node { span, value: if tagged { Value::Refused } else { Value::Mapping(entries) } }
            }
            None => return,
        };
        self.place(node);
    }

    fn place(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::Sequence { items, .. }) => items.push(node),
            Some(Open::Mapping { entries, key, seen, .. }) => match key.take() {
                Some(Some(key)) => entries.push(Entry { key, value: node }),
                Some(None) => {}
                None => *key = Some(open_key(node, seen, self.sink)),
            },
        }
    }
}

fn open_key(node: Node, seen: &mut HashMap<String, Span>, sink: &mut Sink) -> OpenKey {
    let span = node.span;
    let name = match node.value {
        Value::Refused => return None,
        Value::Scalar(scalar) if scalar.resolve() == ScalarType::Text => scalar.text,
        Value::Scalar(scalar) => {
            let flaw = Flaw::new(Code::NonStringKey, format!("the key {} is not a string", quoted(&scalar.text)));
            sink.report(span, flaw.help("keys are the names of fields"));
            return None;
        }
        Value::Sequence(_) | Value::Mapping(_) => {
            let flaw = Flaw::new(Code::NonStringKey, "a list or mapping stands where a key should");
            sink.report(span, flaw.help("a value that begins with `{` or `[` needs quotes"));
            return None;
        }
    };
    if name == "<<" {
        let flaw = Flaw::new(Code::MergeKey, "the merge key `<<` is not understood here");
        sink.report(span, flaw.help("write the fields out"));
        return None;
    }
    if let Some(first) = seen.get(&name) {
        let flaw = Flaw::new(Code::DuplicateKey, format!("the key {} is written twice in one mapping", quoted(&name)));
        sink.report_twice(span, *first, flaw.help("keep one of the two"));
        return None;
    }
    seen.insert(name.clone(), span);
    Some(Key { name, span })
}
