//! YAML as a JSON value. But for `true` and `false` every scalar is a string: no value of a header becomes a number.

use anyhow::{Context as _, Result, bail};
use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

enum Open {
    Sequence(Vec<Value>),
    Mapping(Map<String, Value>, Option<String>),
}

/// Reads the only document of a text.
pub fn read(text: &str) -> Result<Value> {
    let mut open = Vec::new();
    let mut document = None;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| anyhow::anyhow!("{error}"))?;
        let value = match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) if matches!(&*text, "true" | "false") => {
                Value::Bool(text == "true")
            }
            Event::Scalar(text, ..) => Value::String(text.into_owned()),
            Event::SequenceStart(..) => {
                open.push(Open::Sequence(Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::Mapping(Map::new(), None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::Sequence(items)) => Value::Array(items),
                Some(Open::Mapping(entries, _)) => Value::Object(entries),
                None => bail!("an end without a beginning"),
            },
            Event::Alias(_) => bail!("line {}: no aliases here", span.start.line()),
            _ => continue,
        };
        match open.last_mut() {
            None => document = Some(value),
            Some(Open::Sequence(items)) => items.push(value),
            Some(Open::Mapping(entries, key)) => match key.take() {
                None => *key = Some(value.as_str().context("a key that is no text")?.to_owned()),
                Some(key) => {
                    let twice = entries.insert(key.clone(), value).is_some();
                    anyhow::ensure!(!twice, "line {}: `{key}` twice", span.start.line());
                }
            },
        }
    }
    document.context("an empty file")
}
