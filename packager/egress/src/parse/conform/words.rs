//! What to say of a value that does not fit its field.

use crate::code::Code;
use crate::diagnostic::UnplacedDiagnostic;
use crate::value::host::Host;
use crate::wording::{did_you_mean, either, quoted};
use crate::yaml::tree::{Node, Scalar, ScalarType, Value};
use sallyport_core::wire::{Block, Choice, Field, Shape, TextKind};
use std::fmt;

/// What a message is about: a field, or one item of the list that it holds.
#[derive(Clone, Copy)]
pub(super) struct What<'a> {
    pub(super) field: &'a str,
    is_item: bool,
    /// The block that has the field.
    pub(super) within: Option<&'static Block>,
}

impl<'a> What<'a> {
    pub(super) const fn field(field: &'a str) -> Self {
        Self { field, is_item: false, within: None }
    }

    pub(super) const fn within(self, block: &'static Block) -> Self {
        Self { within: Some(block), ..self }
    }

    pub(super) const fn is_item(self) -> bool {
        self.is_item
    }

    pub(super) const fn item(self) -> Self {
        Self { is_item: true, ..self }
    }
}

impl fmt::Display for What<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, is_item, within: _ } = self;
        if *is_item { write!(f, "an item of `{field}`") } else { write!(f, "`{field}`") }
    }
}

pub(super) fn missing_field(block: &Block, field: &Field) -> UnplacedDiagnostic {
    let name = field.name;
    let missing = |code| UnplacedDiagnostic::new(code, format!("`{}` has no `{name}`", block.name));
    match (name, field.shape) {
        ("apiVersion", Shape::Text(TextKind { only: Some(value), .. })) => {
            UnplacedDiagnostic::new(Code::ApiVersion, "the file has no `apiVersion`")
                .help(format!("write `apiVersion: {value}`"))
        }
        (_, Shape::Text(TextKind { only: Some(value), .. })) => {
            UnplacedDiagnostic::new(Code::Kind, "the file has no `kind`").help(format!("write `kind: {value}`"))
        }
        _ => missing(Code::MissingField).help(how_to_write(field)),
    }
}

/// What to write for a field that is missing: the first sentence of its doc says what it is.
pub(super) fn how_to_write(field: &Field) -> String {
    match field.shape {
        Shape::OneOf(_) | Shape::Whole { .. } => format!("write `{}:` with {}", field.name, expected(&field.shape)),
        _ => format!("write `{}:` ({})", field.name, as_clause(field.doc)),
    }
}

/// The first sentence of a doc, to stand within another one.
fn as_clause(doc: &str) -> String {
    let sentence = doc.split(". ").next().unwrap_or(doc).trim_end_matches('.');
    let mut characters = sentence.chars();
    characters.next().map_or_else(String::new, |first| format!("{}{}", first.to_ascii_lowercase(), characters.as_str()))
}

pub(super) fn wrong_type(shape: &Shape, what: What<'_>, found: &Value) -> UnplacedDiagnostic {
    let found_text = match found {
        Value::Scalar(scalar) if scalar.resolve() == ScalarType::Null => return no_value(what, shape),
        Value::Scalar(scalar) => describe(scalar),
        Value::Sequence(_) => "a list".to_owned(),
        Value::Mapping(_) | Value::Refused => "a mapping".to_owned(),
    };
    let flaw = UnplacedDiagnostic::new(Code::WrongType, format!("{what} is {found_text}, not {}", expected(shape)));
    match (shape, found) {
        (Shape::List(of), Value::Scalar(scalar)) => flaw.help(match wrong_item(of, &scalar.text) {
            Some(help) => format!("write a list; {help}"),
            None if matches!(of, Shape::Whole { .. }) && scalar.resolve() == ScalarType::Number => {
                format!("write a list: `{}: [{}]`", what.field, scalar.text)
            }
            None => format!("write a list: `{}: [{}]`", what.field, plain(&scalar.text)),
        }),
        (Shape::List(_), _) => flaw.help("begin each item with `- `"),
        (Shape::Block(_), Value::Sequence(_)) => flaw.help("remove the `- `: there is only one"),
        (Shape::Block(block), _) => flaw.help(format!("write a mapping with the fields {}", field_names(block))),
        _ => flaw.help(format!("write {}", expected(shape))),
    }
}

/// What to write instead of a text that cannot be an item of a list either.
fn wrong_item(of: &Shape, text: &str) -> Option<String> {
    let Shape::Text(kind) = of else { return None };
    (kind.check)(text).err().and_then(|flaw| UnplacedDiagnostic::from(flaw).help)
}

/// As YAML has a text in a line, to stand between backticks.
pub(super) fn plain(text: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '/');
    let is_string = Scalar::is_plain_string(text) && text.chars().all(is_bare) && !text.starts_with('-');
    let shown = quoted(text);
    let shown = shown.trim_matches('`');
    if is_string { shown.to_owned() } else { format!("\"{}\"", shown.replace('"', "\\\"")) }
}

/// The block and the field of the upstream's host, beside which there is a field for its port, too.
const UPSTREAM: &str = "upstream";
const HOST: &str = "host";

/// The field of a host beside which there is a field for its port.
pub(super) const ADDRESS: &str = "address";

/// `HOST:PORT` as these two fields; without a port, as the first of them.
pub(super) fn address_and_port(text: &str) -> Option<String> {
    match host_and_port(text) {
        Some((host, port)) => Some(format!("{ADDRESS}: {host}, port: {port}")),
        None => text.parse::<Host>().ok().map(|host| format!("{ADDRESS}: {host}")),
    }
}

fn host_and_port(text: &str) -> Option<(Host, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    Some((host.parse().ok()?, port.parse().ok()?))
}

/// What is wrong with a scalar, with more to do about it if it is an address with its port.
pub(super) fn with_port(what: What<'_>, scalar: &Scalar, flaw: UnplacedDiagnostic) -> UnplacedDiagnostic {
    let beside = what.field == ADDRESS || is_upstream(what);
    match host_and_port(&scalar.text).filter(|_| beside && flaw.code == Code::Host) {
        Some((host, port)) => flaw.help(format!("write `{}: {host}` and `port: {port}`", what.field)),
        None => flaw,
    }
}

fn is_upstream(what: What<'_>) -> bool {
    what.field == HOST && what.within.is_some_and(|block| block.name == UPSTREAM)
}

/// Whether a block has its `port` only as a part of its host: that was said of the host.
pub(super) fn has_port_in_host(block: &Block, node: &Node) -> bool {
    block.name == UPSTREAM && node.text_at(&[HOST]).is_some_and(|host| host_and_port(host).is_some())
}

pub(super) fn wrong_scalar(shape: &Shape, what: What<'_>, found: &Scalar) -> UnplacedDiagnostic {
    UnplacedDiagnostic::new(Code::WrongType, format!("{what} is {}, not {}", describe(found), expected(shape)))
}

fn describe(scalar: &Scalar) -> String {
    let text = quoted(&scalar.text);
    match scalar.resolve() {
        ScalarType::Null => "nothing".to_owned(),
        ScalarType::Boolean => format!("the boolean {text}"),
        ScalarType::Number => format!("the number {text}"),
        ScalarType::Text => format!("the string {text}"),
    }
}

pub(super) fn no_value(what: What<'_>, shape: &Shape) -> UnplacedDiagnostic {
    let leave_out = if what.is_item { "remove the item" } else { "leave the field out" };
    UnplacedDiagnostic::new(Code::NoValue, format!("{what} has no value"))
        .help(format!("write {}, or {leave_out}", expected(shape)))
}

pub(super) fn unquoted(text: &str, taken_for: &str) -> UnplacedDiagnostic {
    let shown = quoted(text);
    UnplacedDiagnostic::new(Code::Unquoted, format!("{shown} without quotes is read as {taken_for}, not as a string"))
        .help(format!("write it in quotes: `\"{}\"`", shown.trim_matches('`')))
}

pub(super) fn unknown_value(choices: &[Choice], what: What<'_>, text: &str) -> UnplacedDiagnostic {
    let flaw = UnplacedDiagnostic::new(Code::UnknownValue, format!("{what} cannot be {}", quoted(text)));
    if let Some(instead) = what.within.and_then(|block| instead_of(block, what.field, text)) {
        return flaw.help(instead);
    }
    let all = expected_of(choices);
    let near = did_you_mean(text, choices.iter().map(|choice| choice.value));
    match choices.iter().find(|choice| Some(choice.value) == near) {
        Some(near) => flaw.help(format!("did you mean `{}`? it can be {all}", written(near))),
        None => flaw.help(format!("it can be {all}")),
    }
}

/// What a block says to write instead of a value of a field.
pub(super) fn instead_of(block: &Block, field: &str, text: &str) -> Option<&'static str> {
    let is_it = |name: &str| matches!(name.split_once(": "), Some((of, value)) if of == field && value.eq_ignore_ascii_case(text));
    block.tombstones.iter().find(|(name, _)| is_it(name)).map(|(_, instead)| *instead)
}

/// The first of the choices that a text names in backticks.
pub(super) fn first_named(text: &str, choices: &'static [Choice]) -> Option<&'static Choice> {
    text.split('`').skip(1).step_by(2).find_map(|word| choices.iter().find(|choice| choice.value == word))
}

pub(super) fn out_of_range(shape: &Shape, what: What<'_>, text: &str) -> UnplacedDiagnostic {
    UnplacedDiagnostic::new(Code::OutOfRange, format!("{what} cannot be {}", quoted(text)))
        .help(format!("write {}", expected(shape)))
}

pub(super) fn field_names(block: &Block) -> String {
    let names: Vec<String> = block.fields.iter().map(|field| format!("`{}`", field.name)).collect();
    names.join(", ")
}

/// What a field takes, in words: `a list of strings`.
pub(super) fn expected(shape: &Shape) -> String {
    match shape {
        Shape::Text(_) => "a string".to_owned(),
        Shape::Boolean => "`true` or `false`".to_owned(),
        Shape::Whole { least, most } => format!("a whole number from {least} to {most}"),
        Shape::OneOf(choices) => expected_of(choices),
        Shape::List(of) => match of {
            Shape::Text(_) => "a list of strings".to_owned(),
            Shape::Block(block) => format!("a list of mappings (`{}`)", block.name),
            _ => "a list".to_owned(),
        },
        Shape::Block(_) | Shape::Fields => "a mapping".to_owned(),
        Shape::Any => "a value".to_owned(),
    }
}

fn expected_of(choices: &[Choice]) -> String {
    let values: Vec<String> = choices.iter().map(written).collect();
    either(values.iter().map(String::as_str))
}

/// As a word must be written in YAML: in quotes where it looks like a number.
fn written(choice: &Choice) -> String {
    let Choice { value, .. } = choice;
    if Scalar::is_plain_string(value) { (*value).to_owned() } else { format!("\"{value}\"") }
}
