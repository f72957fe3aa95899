//! Holds a tree against a table of fields: reports everything that does not fit, and gives back what does.

use super::fields::{Block, Choice, Field, Presence, Shape};
use super::suggest::{did_you_mean, either, quoted};
use super::text::Text;
use super::tree::{Entry, Node, Scalar, ScalarType, Value};
use crate::code::Code;
use crate::diagnostic::{Flaw, Sink, Span};
use serde_json::{Map, Value as Json};

/// What is left of a node when all that does not fit is taken away.
pub(crate) struct Conformed {
    /// Of the shape that was asked for, but for what is missing. In a list, `null` stands for an item that was not
    /// sound, so that the others keep their positions.
    pub(crate) json: Json,
    /// Nothing had to be taken away, and nothing is missing.
    pub(crate) sound: bool,
}

impl Conformed {
    fn sound(json: impl Into<Json>) -> Self {
        Self {
            json: json.into(),
            sound: true,
        }
    }

    const fn refused() -> Self {
        Self {
            json: Json::Null,
            sound: false,
        }
    }
}

/// Holds a document against the table of its kind.
pub(crate) fn conform(root: &Node, kind: &'static Block, sink: &mut Sink) -> Conformed {
    Conformer { kind, sink }.block(kind, kind.name, root)
}

struct Conformer<'a> {
    kind: &'static Block,
    sink: &'a mut Sink,
}

impl Conformer<'_> {
    fn shape(&mut self, shape: &Shape, field: &str, node: &Node) -> Conformed {
        match (shape, &node.value) {
            (_, Value::Refused) => Conformed::refused(),
            (Shape::Block(block), _) => self.block(block, field, node),
            (Shape::List(of), Value::Sequence(items)) => self.list(of, field, items),
            (Shape::Text(kind), Value::Scalar(scalar)) => {
                self.text(*kind, field, scalar, node.span)
            }
            (Shape::Boolean, Value::Scalar(scalar)) => self.boolean(field, scalar, node.span),
            (Shape::Whole { least, most }, Value::Scalar(scalar)) => {
                self.whole(*least..=*most, field, scalar, node.span)
            }
            (Shape::OneOf(choices), Value::Scalar(scalar)) => {
                self.one_of(choices, field, scalar, node.span)
            }
            _ => self.wrong_type(shape, field, node),
        }
    }

    fn block(&mut self, block: &'static Block, field: &str, node: &Node) -> Conformed {
        let entries = match &node.value {
            Value::Mapping(entries) => entries,
            Value::Refused => return Conformed::refused(),
            _ => return self.wrong_type(&Shape::Block(block), field, node),
        };
        let (mut json, mut sound) = (Map::new(), true);
        for Entry { key, value } in entries {
            let Some(known) = block.field(&key.name) else {
                self.sink
                    .report(key.span, self.unknown_field(block, &key.name));
                sound = false;
                continue;
            };
            let conformed = self.shape(&known.shape, known.name, value);
            sound &= conformed.sound;
            if conformed.sound || !conformed.json.is_null() {
                json.insert(known.name.to_owned(), conformed.json);
            }
        }
        let missing = |field: &&Field| {
            matches!(field.presence, Presence::Required) && node.get(field.name).is_none()
        };
        for field in block.fields.iter().filter(missing) {
            self.sink
                .report(start_of(node), missing_field(block, field));
            sound = false;
        }
        Conformed {
            json: Json::Object(json),
            sound,
        }
    }

    fn list(&mut self, of: &Shape, field: &str, items: &[Node]) -> Conformed {
        let (mut json, mut all_sound) = (Vec::with_capacity(items.len()), true);
        for item in items {
            let conformed = self.shape(of, field, item);
            all_sound &= conformed.sound;
            json.push(if conformed.sound {
                conformed.json
            } else {
                Json::Null
            });
        }
        Conformed {
            json: Json::Array(json),
            sound: all_sound,
        }
    }

    fn text(&mut self, kind: Text, field: &str, scalar: &Scalar, span: Span) -> Conformed {
        let text = &scalar.text;
        let flaw = match scalar.resolve() {
            ScalarType::Null => Some(no_value(field, &Shape::Text(kind))),
            ScalarType::Number
                if matches!(kind, Text::Digits) && text.bytes().all(|b| b.is_ascii_digit()) =>
            {
                None
            }
            ScalarType::Number => Some(unquoted(text, "a number")),
            ScalarType::Boolean => Some(unquoted(text, "a boolean")),
            ScalarType::Text if scalar.is_old_boolean() => {
                Some(unquoted(text, "a boolean by many YAML readers"))
            }
            ScalarType::Text => kind.check(text),
        };
        self.settle(flaw, span, text.as_str())
    }

    fn boolean(&mut self, field: &str, scalar: &Scalar, span: Span) -> Conformed {
        let text = scalar.text.to_ascii_lowercase();
        let flaw = match (scalar.resolve(), text.as_str()) {
            (ScalarType::Boolean, _) => None,
            (ScalarType::Null, _) => Some(no_value(field, &Shape::Boolean)),
            (_, "true" | "yes" | "on") => Some(
                wrong_scalar(field, scalar, &Shape::Boolean).help("write `true` without quotes"),
            ),
            (_, "false" | "no" | "off") => Some(
                wrong_scalar(field, scalar, &Shape::Boolean).help("write `false` without quotes"),
            ),
            _ => Some(wrong_scalar(field, scalar, &Shape::Boolean).help("write `true` or `false`")),
        };
        self.settle(flaw, span, text == "true")
    }

    fn whole(
        &mut self,
        range: std::ops::RangeInclusive<u64>,
        field: &str,
        scalar: &Scalar,
        span: Span,
    ) -> Conformed {
        let text = &scalar.text;
        let shape = Shape::Whole {
            least: *range.start(),
            most: *range.end(),
        };
        let is_decimal = !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_digit())
            && (text.len() == 1 || !text.starts_with('0'));
        let is_negative = text
            .strip_prefix('-')
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
        let number = text
            .parse::<u64>()
            .ok()
            .filter(|number| range.contains(number));
        let flaw = match scalar.resolve() {
            ScalarType::Null => Some(no_value(field, &shape)),
            ScalarType::Number if is_decimal && number.is_some() => None,
            ScalarType::Number if is_decimal || is_negative => Some(
                Flaw::new(
                    Code::OutOfRange,
                    format!("{} is not {}", quoted(text), shape.wanted()),
                )
                .help(format!("write {}", shape.wanted())),
            ),
            ScalarType::Text if is_decimal => Some(
                wrong_scalar(field, scalar, &shape)
                    .help(format!("write it without quotes: {}", quoted(text))),
            ),
            _ => Some(
                wrong_scalar(field, scalar, &shape)
                    .help(format!("write {} in plain digits", shape.wanted())),
            ),
        };
        self.settle(flaw, span, number)
    }

    fn one_of(
        &mut self,
        choices: &[Choice],
        field: &str,
        scalar: &Scalar,
        span: Span,
    ) -> Conformed {
        let text = &scalar.text;
        let values = choices.iter().map(|choice| choice.value);
        let flaw = match scalar.resolve() {
            ScalarType::Null => Some(
                Flaw::new(Code::NoValue, format!("`{field}` has no value"))
                    .help(format!("write {}", either(values))),
            ),
            ScalarType::Number if values.clone().any(|value| value == text) => {
                Some(unquoted(text, "a number"))
            }
            _ if values.clone().any(|value| value == text) => None,
            _ => {
                let flaw = Flaw::new(
                    Code::UnknownValue,
                    format!("`{field}` cannot be {}", quoted(text)),
                );
                let all = either(values.clone());
                Some(match did_you_mean(text, values) {
                    Some(near) => flaw.help(format!("did you mean `{near}`? it can be {all}")),
                    None => flaw.help(format!("it can be {all}")),
                })
            }
        };
        self.settle(flaw, span, text.as_str())
    }

    fn settle(&mut self, flaw: Option<Flaw>, span: Span, json: impl Into<Json>) -> Conformed {
        match flaw {
            None => Conformed::sound(json),
            Some(flaw) => {
                self.sink.report(span, flaw);
                Conformed::refused()
            }
        }
    }

    fn wrong_type(&mut self, shape: &Shape, field: &str, node: &Node) -> Conformed {
        let flaw = match &node.value {
            Value::Scalar(scalar) if scalar.resolve() == ScalarType::Null => no_value(field, shape),
            value => {
                let flaw = Flaw::new(
                    Code::WrongType,
                    format!("`{field}` is {}, not {}", describe(value), shape.wanted()),
                );
                match (shape, value) {
                    (Shape::List(_), Value::Scalar(scalar)) => flaw.help(format!(
                        "write a list: `{field}: [{}]`",
                        quoted(&scalar.text).trim_matches('`')
                    )),
                    (Shape::List(_), Value::Mapping(_)) => flaw.help("begin each item with `- `"),
                    (Shape::Block(_), Value::Sequence(_)) => {
                        flaw.help("leave out the `- `: there is only one")
                    }
                    (Shape::Block(block), _) => {
                        flaw.help(format!("it has the fields {}", field_names(block)))
                    }
                    _ => flaw.help(format!("write {}", shape.wanted())),
                }
            }
        };
        self.sink.report(start_of(node), flaw);
        Conformed::refused()
    }

    fn unknown_field(&self, block: &'static Block, name: &str) -> Flaw {
        if let Some((_, instead)) = block.tombstones.iter().find(|(old, _)| *old == name) {
            return Flaw::new(
                Code::RenamedField,
                format!("{} is not a field of `{}`", quoted(name), block.name),
            )
            .help(*instead);
        }
        let flaw = |code| {
            Flaw::new(
                code,
                format!("unknown field {} in `{}`", quoted(name), block.name),
            )
        };
        let homes: Vec<_> = self
            .kind
            .all()
            .into_iter()
            .filter(|home| home.field(name).is_some())
            .collect();
        if let Some(near) = did_you_mean(name, block.fields.iter().map(|field| field.name)) {
            return flaw(Code::UnknownField).help(format!("did you mean `{near}`?"));
        }
        match homes.as_slice() {
            [home] if home.name != self.kind.name => flaw(Code::RenamedField).help(format!(
                "it belongs in `{}`; look at the indentation",
                home.name
            )),
            _ => flaw(Code::UnknownField).help(format!("the fields are {}", field_names(block))),
        }
    }
}

fn field_names(block: &Block) -> String {
    let names: Vec<String> = block
        .fields
        .iter()
        .map(|field| format!("`{}`", field.name))
        .collect();
    names.join(", ")
}

/// A mapping or list can be long: its problems are shown where it begins.
fn start_of(node: &Node) -> Span {
    match node.value {
        Value::Mapping(_) | Value::Sequence(_) => Span {
            start: node.span.start,
            end: node.span.start,
        },
        Value::Scalar(_) | Value::Refused => node.span,
    }
}

fn missing_field(block: &Block, field: &Field) -> Flaw {
    let code = match field.shape {
        Shape::Text(Text::Const("apiVersion", _)) => Code::ApiVersion,
        Shape::Text(Text::Const(..)) => Code::Kind,
        _ => Code::MissingField,
    };
    let flaw = Flaw::new(code, format!("`{}` has no `{}`", block.name, field.name));
    match field.shape {
        Shape::Text(Text::Const(name, value)) => flaw.help(format!("write `{name}: {value}`")),
        Shape::OneOf(_) | Shape::Whole { .. } => flaw.help(format!(
            "write `{}:` with {}",
            field.name,
            field.shape.wanted()
        )),
        _ => flaw.help(format!(
            "write `{}:` ({})",
            field.name,
            field.doc.trim_end_matches('.')
        )),
    }
}

fn no_value(field: &str, shape: &Shape) -> Flaw {
    Flaw::new(Code::NoValue, format!("`{field}` has no value"))
        .help(format!("write {}, or leave the field out", shape.wanted()))
}

fn unquoted(text: &str, taken_for: &str) -> Flaw {
    let shown = quoted(text);
    Flaw::new(
        Code::Unquoted,
        format!("{shown} without quotes is taken for {taken_for}, where a string is wanted"),
    )
    .help(format!(
        "write it in quotes: `\"{}\"`",
        shown.trim_matches('`')
    ))
}

fn wrong_scalar(field: &str, scalar: &Scalar, shape: &Shape) -> Flaw {
    Flaw::new(
        Code::WrongType,
        format!(
            "`{field}` is {}, not {}",
            describe_scalar(scalar),
            shape.wanted()
        ),
    )
}

fn describe(value: &Value) -> String {
    match value {
        Value::Scalar(scalar) => describe_scalar(scalar),
        Value::Sequence(_) => "a list".to_owned(),
        Value::Mapping(_) => "a mapping".to_owned(),
        Value::Refused => "refused".to_owned(),
    }
}

fn describe_scalar(scalar: &Scalar) -> String {
    let text = quoted(&scalar.text);
    match scalar.resolve() {
        ScalarType::Null => "nothing".to_owned(),
        ScalarType::Boolean => format!("the boolean {text}"),
        ScalarType::Number => format!("the number {text}"),
        ScalarType::Text => format!("the string {text}"),
    }
}
