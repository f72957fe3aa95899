//! What an API server refuses or drops of one manifest: fields and values that Istio's API does not have.
//!
//! Only what its schema says counts; rules over several fields are left to the lints.

use super::{Kind, Manifest};
use crate::diagnostic::Span;
use crate::istio::{self, Fields, Shape};
use crate::value::duration;
use crate::wording::{did_you_mean, has_variable, quoted};
use crate::yaml::tree::{Entry, Node, Scalar, ScalarType, Value};
use std::fmt;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A field that there is not.
    Field,
    /// A value of another type than its field.
    Type,
    /// A word that is none of the field's, or less or more than it takes.
    Word,
    /// A field that must be there is not.
    Missing,
    /// Two fields of which only one may be there.
    Alternatives,
}

/// One of them, with its place.
#[derive(Debug)]
pub(crate) struct Slip {
    pub(crate) what: What,
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) help: String,
}

/// The fields beside `spec` of every resource.
const TOP: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];

impl Manifest {
    /// What the schemas refuse here. Of Kubernetes' own kinds, only `metadata` is known.
    pub(crate) fn slips(&self) -> Vec<Slip> {
        let mut slips = Slips { kind: self.kind, found: Vec::new() };
        if let (Some(shape), Some(node)) = (istio::metadata(), self.tree.get("metadata")) {
            slips.value(Of::Field("metadata"), shape, node);
        }
        let kind = self.head("kind").0;
        if !self.is_of_istio() || !(self.kind != Kind::Unknown || istio::shape_of(kind).is_some()) {
            return slips.found;
        }
        for entry in self.tree.entries().iter().filter(|entry| !TOP.contains(&entry.key.name.as_str())) {
            slips.unknown(entry, TOP.into_iter().filter(|name| self.tree.get(name).is_none()));
        }
        if let (Some(shape), Some(node)) = (istio::shape_of(kind), self.tree.get("spec")) {
            slips.value(Of::Field("spec"), shape, node);
        }
        slips.found
    }
}

/// Of what a value is.
#[derive(Clone, Copy)]
enum Of<'a> {
    Field(&'a str),
    /// An item of the list of this field.
    Item(&'a str),
}

impl<'a> Of<'a> {
    fn item(self) -> Self {
        let (Self::Field(name) | Self::Item(name)) = self;
        Self::Item(name)
    }
}

impl fmt::Display for Of<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => f.write_str(&quoted(name)),
            Self::Item(name) => write!(f, "an item of {}", quoted(name)),
        }
    }
}

struct Slips {
    kind: Kind,
    found: Vec<Slip>,
}

impl Slips {
    fn add(&mut self, what: What, span: Span, message: String, help: String) {
        self.found.push(Slip { what, span, message, help });
    }

    fn unknown<'a>(&mut self, entry: &Entry, known: impl Iterator<Item = &'a str> + Clone) {
        let name = entry.key.name.as_str();
        // A merge key of YAML has the fields of another mapping.
        if name == "<<" {
            return;
        }
        let help = match did_you_mean(name, known.clone()) {
            Some(meant) => format!("did you mean {}?", quoted(meant)),
            None => format!("the fields here are {}", known.collect::<Vec<_>>().join(", ")),
        };
        self.add(What::Field, entry.key.span, format!("Istio has no field {} here", quoted(name)), help);
    }

    /// The value of a field.
    fn value(&mut self, of: Of<'_>, shape: &Shape, node: &Node) {
        match (&node.value, shape) {
            // An API server drops fields without a value.
            (Value::Refused, _) | (_, Shape::Anything) => {}
            (Value::Scalar(scalar), _) if scalar.resolve() == ScalarType::Null || has_variable(&scalar.text) => {}
            (Value::Sequence(items), Shape::List(shape)) => {
                for item in items {
                    self.item(of, shape, item);
                }
            }
            (Value::Mapping(entries), Shape::Map(shape)) => {
                for entry in entries {
                    self.value(Of::Field(&entry.key.name), shape, &entry.value);
                }
            }
            (Value::Mapping(entries), Shape::Fields(fields)) => self.fields(of, fields, node, entries),
            (Value::Scalar(scalar), Shape::Word(words)) => self.word(of, words, node, scalar),
            (Value::Scalar(scalar), Shape::Duration) if duration::is_too_short(&scalar.text) => {
                self.too_short(of, node)
            }
            (Value::Scalar(scalar), shape) => {
                if let Some(help) = correction(shape, scalar) {
                    self.type_of(of, shape, node, help);
                }
            }
            (Value::Sequence(_) | Value::Mapping(_), shape) => self.type_of(of, shape, node, instead(shape, node)),
        }
    }

    fn item(&mut self, of: Of<'_>, shape: &Shape, item: &Node) {
        let is_nothing = matches!(&item.value, Value::Scalar(scalar) if scalar.resolve() == ScalarType::Null);
        if is_nothing && *shape != Shape::Anything {
            let message = format!("{of} has an item without a value");
            self.add(What::Type, start(item), message, "remove the item, or write its value".to_owned());
        } else {
            self.value(of.item(), shape, item);
        }
    }

    fn fields(&mut self, of: Of<'_>, fields: &Fields, node: &Node, entries: &[Entry]) {
        for entry in entries {
            match fields.get(&entry.key.name) {
                Some(shape) => self.value(Of::Field(&entry.key.name), shape, &entry.value),
                None => {
                    let missing = fields.names().filter(|known| node.get(known).is_none());
                    let is_close = did_you_mean(&entry.key.name, missing.clone()).is_some();
                    if is_close { self.unknown(entry, missing) } else { self.unknown(entry, fields.names()) }
                }
            }
        }
        let is_there = |field: &&String| node.get(field).is_some_and(|node| !is_null(node));
        // A misspelt field is one mistake, and is named as such.
        let is_misspelt = |field: &&String| {
            let unknown = entries.iter().filter(|entry| fields.get(&entry.key.name).is_none());
            unknown.into_iter().any(|entry| {
                entry.key.name == "<<" || did_you_mean(&entry.key.name, std::iter::once(field.as_str())).is_some()
            })
        };
        for field in fields.required.iter().filter(|field| !is_there(field) && !is_misspelt(field)) {
            let message = format!("{of} has no {}", quoted(field));
            self.add(What::Missing, start(node), message, format!("add {}", quoted(&format!("{field}:"))));
        }
        for alternatives in &fields.alternatives {
            let mut written: Vec<_> =
                alternatives.iter().filter(is_there).filter_map(|name| node.entry(name)).collect();
            written.sort_by_key(|entry| entry.key.span.start);
            if let [one, other, ..] = written.as_slice() {
                let message = format!("{} cannot stand beside {}", quoted(&other.key.name), quoted(&one.key.name));
                self.add(What::Alternatives, other.key.span, message, "remove one of the two".to_owned());
            }
        }
    }

    fn word(&mut self, of: Of<'_>, words: &[String], node: &Node, scalar: &Scalar) {
        let written = scalar.text.as_str();
        // The other kind of plugins has this phase: a lint of its own names it.
        let is_of_other_kind =
            matches!(of, Of::Field("phase")) && ["UNSPECIFIED", "UNSPECIFIED_PHASE"].contains(&written);
        if is_of_other_kind || (scalar.resolve() == ScalarType::Text && words.iter().any(|word| word == written)) {
            return;
        }
        // What stands for no value at all is not worth naming, nor is what is deprecated.
        let is_offered = |word: &str| {
            let stands_for_nothing = ["INVALID", "UNSPECIFIED", "UNDEFINED"].iter().any(|none| word.starts_with(none));
            !stands_for_nothing && word != istio::DEPRECATED_BALANCER
        };
        let words = words.iter().map(String::as_str).filter(|word| is_offered(word));
        // `EXTERNAL` is a part of `MESH_EXTERNAL`.
        let part = format!("_{}", written.to_ascii_uppercase());
        let mut whole = words.clone().filter(|word| word.ends_with(&part));
        let whole = whole.next().filter(|_| whole.next().is_none());
        let help = match did_you_mean(written, words.clone()).or(whole) {
            Some(meant) => format!("did you mean {}?", quoted(meant)),
            None => format!("the values are {}", words.collect::<Vec<_>>().join(", ")),
        };
        let message = format!("Istio has no value {} of {of}", quoted(written));
        self.add(What::Word, node.span, message, help);
    }

    /// A duration such as `0s`.
    fn too_short(&mut self, of: Of<'_>, node: &Node) {
        let help = match (self.kind, of) {
            (Kind::VirtualService, Of::Field("timeout")) => "remove it for no limit, or write `1ms` or more",
            _ => "remove it for the default, or write `1ms` or more",
        };
        self.add(What::Word, node.span, format!("Istio refuses {of} below `1ms`"), help.to_owned());
    }

    fn type_of(&mut self, of: Of<'_>, shape: &Shape, node: &Node, help: String) {
        let message = format!("{of} is {}, not {}", wanted(shape), written(node));
        self.add(What::Type, start(node), message, help);
    }
}

fn is_null(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar(scalar) if scalar.resolve() == ScalarType::Null)
}

/// A mapping or list is shown at its beginning only.
fn start(node: &Node) -> Span {
    if node.text().is_some() { node.span } else { Span { start: node.span.start, end: node.span.start } }
}

fn wanted(shape: &Shape) -> &'static str {
    match shape {
        Shape::Anything => "anything",
        Shape::Text => "text",
        Shape::Boolean => "`true` or `false`",
        Shape::Integer => "a whole number",
        Shape::Count => "a whole number from 0 on",
        Shape::Number => "a number",
        Shape::Port => "a port from 1 to 65535",
        Shape::Duration => "a duration",
        Shape::IntegerOrText => "a whole number or text",
        Shape::Word(_) => "one word",
        Shape::List(_) => "a list",
        Shape::Map(_) | Shape::Fields(_) => "a mapping",
    }
}

fn written(node: &Node) -> String {
    match &node.value {
        Value::Sequence(_) => "a list".to_owned(),
        Value::Mapping(_) => "a mapping".to_owned(),
        Value::Scalar(scalar) if scalar.resolve() == ScalarType::Number => {
            format!("the number {}", quoted(&scalar.text))
        }
        Value::Scalar(scalar) if is_boolean(scalar) => format!("the boolean {}", quoted(&scalar.text)),
        Value::Scalar(scalar) => format!("the text {}", quoted(&scalar.text)),
        Value::Refused => String::new(),
    }
}

/// kubectl reads YAML 1.1, which has more words for booleans.
fn is_boolean(scalar: &Scalar) -> bool {
    scalar.resolve() == ScalarType::Boolean || scalar.is_old_boolean()
}

/// What to write instead of a scalar; `None` if it is right.
fn correction(shape: &Shape, scalar: &Scalar) -> Option<String> {
    let text = scalar.text.as_str();
    let is_number = scalar.resolve() == ScalarType::Number;
    let number = text.parse::<f64>().ok().filter(|_| is_number);
    let is_whole = is_number && number.is_none_or(|number| number.fract() == 0.0);
    let is_text = !is_number && !is_boolean(scalar);
    let number_instead = |what: &str, is_right: bool| match text.parse::<i64>() {
        Ok(_) if is_right && !is_number => format!("write {}, without quotes", quoted(text)),
        _ => format!("write {what}"),
    };
    match shape {
        Shape::Text => (!is_text).then(|| format!("write {}", quoted(&format!("\"{text}\"")))),
        Shape::Boolean => (!is_boolean(scalar)).then(|| match text {
            "true" | "false" => format!("write {}, without quotes", quoted(text)),
            _ => "write `true` or `false`".to_owned(),
        }),
        Shape::Integer => (!is_whole).then(|| number_instead("a whole number", true)),
        Shape::Count => {
            let is_right = !text.starts_with('-');
            (!is_whole || !is_right).then(|| number_instead("a whole number from 0 on", is_right))
        }
        Shape::Number => (!is_number).then(|| number_instead("a number", true)),
        Shape::Port => {
            let is_right = text.parse::<u16>().map_or(number.is_none(), |port| port > 0);
            (!is_whole || !is_right).then(|| number_instead("a number from 1 to 65535", is_right))
        }
        Shape::Duration if !is_text => {
            Some(duration::correction(text).unwrap_or_else(|| "put it in quotes".to_owned()))
        }
        Shape::Duration => duration::correction(text),
        Shape::IntegerOrText => (!is_whole && !is_text).then(|| format!("write {}", quoted(&format!("\"{text}\"")))),
        Shape::List(_) => Some(format!("write {}", quoted(&format!("[{}]", plain(scalar))))),
        Shape::Map(_) => Some("write pairs of a key and a value".to_owned()),
        Shape::Fields(fields) => Some(format!("its fields are {}", fields.names().collect::<Vec<_>>().join(", "))),
        Shape::Anything | Shape::Word(_) => None,
    }
}

/// A scalar as it can stand in a list.
fn plain(scalar: &Scalar) -> String {
    if scalar.plain && !scalar.text.contains([',', '[', ']', '{', '}']) {
        scalar.text.clone()
    } else {
        format!("\"{}\"", scalar.text)
    }
}

/// What to write instead of a list or a mapping.
fn instead(shape: &Shape, node: &Node) -> String {
    match (shape, &node.value) {
        (Shape::List(_), _) => "put `- ` before it: it is one item of a list".to_owned(),
        (Shape::Map(_) | Shape::Fields(_), _) => "write it without `- `: there is one, not several".to_owned(),
        (_, Value::Sequence(items)) if items.len() == 1 => "write its item alone, without a list".to_owned(),
        (_, Value::Sequence(_)) => "write one of its items, without a list".to_owned(),
        _ => format!("write {}, without fields below it", wanted(shape)),
    }
}
