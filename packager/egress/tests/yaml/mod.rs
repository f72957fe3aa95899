//! YAML to JSON, well enough for files that are right.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

pub(crate) fn to_json(text: &str) -> Option<Value> {
    let mut events = Parser::new_from_str(text).map_while(Result::ok).map(|(event, _)| event);
    let first = events.find(|event| !matches!(event, Event::StreamStart | Event::DocumentStart(_)))?;
    node(first, &mut events)
}

fn node<'a>(event: Event<'a>, events: &mut impl Iterator<Item = Event<'a>>) -> Option<Value> {
    match event {
        Event::Scalar(text, ScalarStyle::Plain, ..) => {
            Some(serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text.into_owned())))
        }
        Event::Scalar(text, ..) => Some(Value::from(text.into_owned())),
        Event::SequenceStart(..) => {
            let mut items = Vec::new();
            loop {
                match events.next()? {
                    Event::SequenceEnd => return Some(Value::Array(items)),
                    event => items.push(node(event, events)?),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut fields = Map::new();
            loop {
                match events.next()? {
                    Event::MappingEnd => return Some(Value::Object(fields)),
                    Event::Scalar(key, ..) => {
                        let value = events.next()?;
                        fields.insert(key.into_owned(), node(value, events)?);
                    }
                    _ => return None,
                }
            }
        }
        _ => None,
    }
}
