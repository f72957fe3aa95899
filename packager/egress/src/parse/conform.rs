//! Holds a tree against a table of fields: reports everything that does not fit, and gives back what does.

mod any;
mod words;

use super::fields::{Block, Choice, Presence, Shape};
use super::text::Text;
use super::tree::{Entry, Node, Scalar, ScalarType, Value};
use crate::diagnostic::{Flaw, Sink, Span};
use serde_json::{Map, Value as Json};
use std::ops::RangeInclusive;
use words::What;

/// What is left of a node when all that does not fit is taken away.
pub(crate) struct Conformed {
    /// Of the shape that was asked for, but for what is missing. In a list, `null` stands for an item that was not
    /// sound, so that the others keep their positions.
    pub(crate) json: Json,
    /// Nothing had to be taken away, and nothing is missing.
    pub(crate) sound: bool,
}

impl Conformed {
    const fn refused() -> Self {
        Self { json: Json::Null, sound: false }
    }
}

/// Holds a document against the table of its kind.
pub(crate) fn conform(root: &Node, kind: &'static Block, sink: &mut Sink) -> Conformed {
    Conformer { kind, sink }.block(kind, What::field(kind.name), root)
}

struct Conformer<'a> {
    kind: &'static Block,
    sink: &'a mut Sink,
}

impl Conformer<'_> {
    fn shape(&mut self, shape: &Shape, what: What<'_>, node: &Node) -> Conformed {
        match (shape, &node.value) {
            (_, Value::Refused) => Conformed::refused(),
            (Shape::Block(block), _) => self.block(block, what, node),
            (Shape::Fields, Value::Mapping(_)) | (Shape::Any, _) => self.any(node),
            (Shape::List(of), Value::Sequence(items)) => self.list(of, what, items),
            (Shape::Text(kind), Value::Scalar(scalar)) => {
                self.settle(text(*kind, what, scalar), node.span, scalar.text.as_str())
            }
            (Shape::Boolean, Value::Scalar(scalar)) => {
                self.settle(boolean(what, scalar), node.span, scalar.text.eq_ignore_ascii_case("true"))
            }
            (Shape::Whole { least, most }, Value::Scalar(scalar)) => match whole(*least..=*most, what, scalar) {
                Ok(number) => self.settle(None, node.span, number),
                Err(flaw) => self.settle(Some(flaw), node.span, Json::Null),
            },
            (Shape::OneOf(choices), Value::Scalar(scalar)) => {
                self.settle(one_of(choices, what, scalar), node.span, scalar.text.as_str())
            }
            _ => self.wrong_type(shape, what, node),
        }
    }

    fn block(&mut self, block: &'static Block, what: What<'_>, node: &Node) -> Conformed {
        let entries = match &node.value {
            Value::Mapping(entries) => entries,
            Value::Refused => return Conformed::refused(),
            _ => return self.wrong_type(&Shape::Block(block), what, node),
        };
        let (mut json, mut sound) = (Map::new(), true);
        for Entry { key, value } in entries {
            let Some(known) = block.field(&key.name) else {
                self.sink.report(key.span, words::unknown_field(self.kind, block, &key.name));
                sound = false;
                continue;
            };
            let conformed = self.shape(&known.shape, What::field(known.name), value);
            sound &= conformed.sound;
            if conformed.sound || !conformed.json.is_null() {
                json.insert(known.name.to_owned(), conformed.json);
            }
        }
        for field in block.fields {
            if matches!(field.presence, Presence::Required) && node.get(field.name).is_none() {
                self.sink.report(start_of(node), words::missing_field(block, field));
                sound = false;
            }
        }
        Conformed { json: Json::Object(json), sound }
    }

    fn list(&mut self, of: &Shape, what: What<'_>, items: &[Node]) -> Conformed {
        let (mut json, mut all_sound) = (Vec::with_capacity(items.len()), true);
        for item in items {
            let conformed = self.shape(of, what.item(), item);
            all_sound &= conformed.sound;
            json.push(if conformed.sound { conformed.json } else { Json::Null });
        }
        Conformed { json: Json::Array(json), sound: all_sound }
    }

    fn settle(&mut self, flaw: Option<Flaw>, span: Span, json: impl Into<Json>) -> Conformed {
        match flaw {
            None => Conformed { json: json.into(), sound: true },
            Some(flaw) => {
                self.sink.report(span, flaw);
                Conformed::refused()
            }
        }
    }

    fn wrong_type(&mut self, shape: &Shape, what: What<'_>, node: &Node) -> Conformed {
        self.settle(Some(words::wrong_type(shape, what, &node.value)), start_of(node), Json::Null)
    }
}

/// A mapping or list can be long: its problems are shown where it begins.
fn start_of(node: &Node) -> Span {
    match node.value {
        Value::Mapping(_) | Value::Sequence(_) => Span { start: node.span.start, end: node.span.start },
        Value::Scalar(_) | Value::Refused => node.span,
    }
}

fn text(kind: Text, what: What<'_>, scalar: &Scalar) -> Option<Flaw> {
    let text = &scalar.text;
    match scalar.resolve() {
        ScalarType::Null => Some(words::no_value(what, &Shape::Text(kind))),
        ScalarType::Number if matches!(kind, Text::Digits | Text::Cpu) && is_decimal(text) => kind.check(text),
        ScalarType::Number => Some(words::unquoted(text, "a number")),
        ScalarType::Boolean => Some(words::unquoted(text, "a boolean")),
        ScalarType::Text if scalar.is_old_boolean() => Some(words::unquoted(text, "a boolean by many YAML readers")),
        ScalarType::Text => kind.check(text),
    }
}

fn boolean(what: What<'_>, scalar: &Scalar) -> Option<Flaw> {
    let wrong = |help: &str| Some(words::wrong_scalar(&Shape::Boolean, what, scalar).help(help));
    match (scalar.resolve(), scalar.text.to_ascii_lowercase().as_str()) {
        (ScalarType::Boolean, _) => None,
        (ScalarType::Null, _) => Some(words::no_value(what, &Shape::Boolean)),
        (_, "true" | "yes" | "on" | "y") => wrong("write `true`, without quotes"),
        (_, "false" | "no" | "off" | "n") => wrong("write `false`, without quotes"),
        _ => wrong("write `true` or `false`"),
    }
}

fn whole(range: RangeInclusive<u64>, what: What<'_>, scalar: &Scalar) -> Result<u64, Flaw> {
    let text = &scalar.text;
    let shape = Shape::Whole { least: *range.start(), most: *range.end() };
    let is_negative = text.strip_prefix('-').is_some_and(is_decimal);
    match scalar.resolve() {
        ScalarType::Null => Err(words::no_value(what, &shape)),
        ScalarType::Number if is_decimal(text) => match text.parse() {
            Ok(number) if range.contains(&number) => Ok(number),
            _ => Err(words::out_of_range(&shape, what, text)),
        },
        ScalarType::Number if is_negative => Err(words::out_of_range(&shape, what, text)),
        ScalarType::Text if is_decimal(text) => Err(words::wrong_scalar(&shape, what, scalar)
            .help(format!("write it without quotes: {}", super::suggest::quoted(text)))),
        _ => Err(words::wrong_scalar(&shape, what, scalar).help("write it in plain digits")),
    }
}

/// Digits without a leading zero, which YAML 1.1 readers take for octal.
fn is_decimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'))
}

fn one_of(choices: &[Choice], what: What<'_>, scalar: &Scalar) -> Option<Flaw> {
    let is_known = choices.iter().any(|choice| choice.value == scalar.text);
    match scalar.resolve() {
        ScalarType::Null => Some(words::no_value(what, &Shape::Text(Text::Free))),
        ScalarType::Number if is_known => Some(words::unquoted(&scalar.text, "a number")),
        _ if is_known => None,
        _ => Some(words::unknown_value(choices, what, &scalar.text)),
    }
}
