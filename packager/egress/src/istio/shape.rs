//! What a field of a manifest may be.
//!
//! The table `fields.json` is written by `tests/tools/istio_fields.py`, whose head says how it is to be read; a test compares it
//! with the CRDs.

use serde_json::Value;
use std::collections::BTreeMap;

/// What a value may be.
#[derive(Debug, PartialEq)]
pub(crate) enum Shape {
    Anything,
    Text,
    Boolean,
    Integer,
    /// An integer from 0 on.
    Count,
    Number,
    /// 1 to 65535.
    Port,
    /// Text such as `1m30s`, of at least a millisecond.
    Duration,
    IntegerOrText,
    /// One of these words.
    Word(Vec<String>),
    List(Box<Shape>),
    /// A mapping with any keys.
    Map(Box<Shape>),
    Fields(Fields),
}

/// A mapping with known fields.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Fields {
    shapes: BTreeMap<String, Shape>,
    pub(crate) required: Vec<String>,
    /// Of each of these, at most one may be there.
    pub(crate) alternatives: Vec<Vec<String>>,
}

impl Fields {
    pub(crate) fn get(&self, name: &str) -> Option<&Shape> {
        self.shapes.get(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.shapes.keys().map(String::as_str)
    }

    /// Those of a mapping which holds others: the field names and their shapes.
    pub(super) fn into_shapes(self) -> BTreeMap<String, Shape> {
        self.shapes
    }

    fn read(fields: serde_json::Map<String, Value>) -> Self {
        let mut read = Self::default();
        for (name, value) in fields {
            if name == "?" {
                read.alternatives = serde_json::from_value(value).unwrap_or_default();
                continue;
            }
            let required = name.strip_suffix('!').map(str::to_owned);
            read.required.extend(required.clone());
            read.shapes.insert(required.unwrap_or(name), Shape::read(value));
        }
        read
    }
}

impl Shape {
    pub(super) fn read(value: Value) -> Self {
        match value {
            Value::String(text) => match text.strip_prefix('=') {
                Some(words) => Self::Word(words.split('|').map(str::to_owned).collect()),
                None => Self::named(&text),
            },
            Value::Array(items) => Self::List(Box::new(items.into_iter().next().map_or(Self::Anything, Self::read))),
            Value::Object(mut fields) => match fields.remove("*") {
                Some(any) => Self::Map(Box::new(Self::read(any))),
                None => Self::Fields(Fields::read(fields)),
            },
            _ => Self::Anything,
        }
    }

    fn named(name: &str) -> Self {
        match name {
            "string" => Self::Text,
            "boolean" => Self::Boolean,
            "integer" => Self::Integer,
            "count" => Self::Count,
            "number" => Self::Number,
            "port" => Self::Port,
            "duration" => Self::Duration,
            "integer or string" => Self::IntegerOrText,
            _ => Self::Anything,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notation_of_the_table_is_read() {
        let text = r#"{"a!": ["=A|B"], "b": {"*": "port"}, "c": null, "?": [["b", "c"]]}"#;
        let Shape::Fields(fields) = Shape::read(serde_json::from_str(text).unwrap()) else { panic!("no mapping") };
        assert_eq!(fields.names().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!((fields.required.as_slice(), fields.alternatives.len()), (&["a".to_owned()][..], 1));
        let words = Shape::Word(vec!["A".to_owned(), "B".to_owned()]);
        assert_eq!(fields.get("a"), Some(&Shape::List(Box::new(words))));
        assert_eq!(fields.get("b"), Some(&Shape::Map(Box::new(Shape::Port))));
        assert_eq!(fields.get("c"), Some(&Shape::Anything));
    }
}
