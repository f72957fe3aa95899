//! What a file may say: blocks of fields, each with its shape, its default and its documentation.
//!
//! These are constants. The filter never reads them, so its module has none of their text.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::Serialize;

/// A mapping with known fields.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// What messages call it: `operation`.
    pub name: &'static str,
    /// Its fields, in the order in which they are written.
    pub fields: &'static [Field],
    /// Names that people write here by mistake, each with what to write instead. `NAME: VALUE` is such a value of a field,
    /// in any case.
    pub tombstones: &'static [(&'static str, &'static str)],
}

/// A field of a block.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// As it is written: `slowStart`.
    pub name: &'static str,
    /// What its value may be.
    pub shape: Shape,
    /// What it means if it is absent.
    pub presence: Presence,
    /// One or two sentences, with the unit of a number: the hover text of editors.
    pub doc: &'static str,
}

/// Whether a field may be absent, and what that means.
#[derive(Clone, Copy, Debug)]
pub enum Presence {
    /// It may not.
    Required,
    /// It may, and then nothing takes its place.
    Optional,
    /// It may, and then this does.
    Default(DefaultValue),
}

/// What takes the place of an absent field.
#[derive(Clone, Copy, Debug)]
pub enum DefaultValue {
    /// Something that a value cannot say: it depends on other fields.
    Words(&'static str),
    /// This value.
    Value(fn() -> serde_json::Value),
}

impl DefaultValue {
    /// The default for readers: in words, or the value as a file writes it.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Words(words) => (*words).to_owned(),
            Self::Value(value) => words_of(&value()),
        }
    }
}

fn words_of(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "nothing".to_owned(),
        serde_json::Value::Array(items) if items.is_empty() => "none".to_owned(),
        serde_json::Value::Array(items) => items.iter().map(words_of).collect::<Vec<_>>().join(", "),
        serde_json::Value::String(text) if text.is_empty() => "nothing".to_owned(),
        // A file needs quotes there.
        serde_json::Value::String(text) if text.parse::<f64>().is_ok() => format!("`\"{text}\"`"),
        serde_json::Value::String(text) => format!("`{text}`"),
        serde_json::Value::Object(fields) if fields.is_empty() => "the defaults of its fields".to_owned(),
        other => format!("`{other}`"),
    }
}

/// The value as JSON, for [`DefaultValue::Value`].
#[must_use]
pub fn json_of<T: Serialize>(value: &T) -> serde_json::Value {
    // The types of the wire have string keys alone, so this cannot fail.
    serde_json::to_value(value).unwrap_or_default()
}

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A string of some kind.
    Text(&'static TextKind),
    /// `true` or `false`.
    Boolean,
    /// A whole number within bounds.
    Whole {
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
    },
    /// One of these words.
    OneOf(&'static [Choice]),
    /// A list, each item of this shape.
    List(&'static Shape),
    /// A mapping with known fields.
    Block(&'static Block),
    /// A mapping with any fields.
    Fields,
    /// Anything that JSON can say, `null` too.
    Any,
}

/// One of the words that a field may have.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// The word.
    pub value: &'static str,
    /// What it means.
    pub doc: &'static str,
}

/// A kind of string. Each crate declares the kinds that it knows: `TextKind { name: "host", check, ..TextKind::ANY }`.
#[derive(Clone, Copy)]
pub struct TextKind {
    /// What messages call it: `DNS label`.
    pub name: &'static str,
    /// What all such strings match: for the JSON Schema. [`Self::check`] may be stricter.
    pub pattern: Option<&'static str>,
    /// The only such string, if there is but one.
    pub only: Option<&'static str>,
    /// Whether such a string may be empty.
    pub may_be_empty: bool,
    /// Whether a number may be written without quotes.
    pub may_be_number: bool,
    /// What is wrong with a string that is not of this kind.
    pub check: fn(&str) -> Result<(), TextFlaw>,
}

/// What is wrong with a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextFlaw {
    /// The stable code, as text: the registry of codes is in a crate above this one.
    pub code: &'static str,
    /// The sentence: lower case, no full stop, the user's own text in backticks.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

impl TextKind {
    /// Any string: what it means, and whether it is right, is found out where the policy is compiled.
    pub const ANY: Self =
        Self { name: "string", pattern: None, only: None, may_be_empty: true, may_be_number: false, check: |_| Ok(()) };

    /// An IP address or a CIDR block: whether it is one, is found out where the policy is compiled.
    pub const NETWORK: Self = Self {
        name: "network",
        pattern: Some("^([0-9]{1,3}([.][0-9]{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F]*:[0-9a-fA-F:.]*)(/[0-9]{1,3})?$"),
        ..Self::ANY
    };

    /// Any string, and a number may be written without quotes: a port, a status.
    pub const DIGITS: Self = Self { may_be_number: true, ..Self::ANY };
}

impl fmt::Debug for TextKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Block {
    /// The field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// This block and those within it.
    #[must_use]
    pub fn all(&'static self) -> Vec<&'static Block> {
        let mut blocks = vec![self];
        for field in self.fields {
            let mut shape = &field.shape;
            while let Shape::List(of) = shape {
                shape = of;
            }
            if let Shape::Block(block) = shape {
                blocks.extend(block.all());
            }
        }
        blocks
    }
}
