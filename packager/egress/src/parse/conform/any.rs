//! Values of which no table says what they are: the insides of patches.

use super::words;
use super::{Conformed, Conformer};
use crate::code::Code;
use crate::diagnostic::Flaw;
use crate::parse::suggest::quoted;
use crate::parse::tree::{Node, Scalar, ScalarType, Value};
use serde_json::{Map, Value as Json};

impl Conformer<'_> {
    /// As JSON says it. The loader has bounded the depth.
    pub(super) fn any(&mut self, node: &Node) -> Conformed {
        match &node.value {
            Value::Refused => Conformed::refused(),
            Value::Scalar(scalar) => match json_of(scalar) {
                Ok(json) => Conformed { json, sound: true },
                Err(flaw) => self.settle(Some(flaw), node.span, Json::Null),
            },
            Value::Sequence(items) => {
                let items: Vec<_> = items.iter().map(|item| self.any(item)).collect();
                let sound = items.iter().all(|item| item.sound);
                Conformed { json: items.into_iter().map(|item| item.json).collect(), sound }
            }
            Value::Mapping(entries) => {
                let (mut json, mut sound) = (Map::new(), true);
                for entry in entries {
                    let conformed = self.any(&entry.value);
                    sound &= conformed.sound;
                    json.insert(entry.key.name.clone(), conformed.json);
                }
                Conformed { json: Json::Object(json), sound }
            }
        }
    }
}

fn json_of(scalar: &Scalar) -> Result<Json, Flaw> {
    let text = &scalar.text;
    match scalar.resolve() {
        ScalarType::Null => Ok(Json::Null),
        ScalarType::Boolean => Ok(Json::Bool(text.eq_ignore_ascii_case("true"))),
        ScalarType::Number => serde_json::from_str(text).map_err(|_| {
            Flaw::new(Code::Number, format!("the number {} is not written as JSON writes numbers", quoted(text)))
                .help("write it in plain decimal digits, or in quotes if it is a string")
        }),
        ScalarType::Text if scalar.is_old_boolean() => Err(words::unquoted(text, "a boolean by many YAML readers")),
        ScalarType::Text => Ok(Json::String(text.clone())),
    }
}
