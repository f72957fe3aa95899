//! Values that no declaration describes: the insides of patches.

use super::words;
use super::{Conformed, Conformer};
use crate::code::Code;
use crate::diagnostic::UnplacedDiagnostic;
use crate::wording::quoted;
use crate::yaml::tree::{Node, Scalar, ScalarType, Value};
use sallyport_core::wire::Json;
use serde_json::Number;

impl Conformer<'_> {
    /// As JSON says it. The reader has bounded the depth.
    pub(super) fn any<'t>(&mut self, node: &'t Node) -> Conformed<'t> {
        match &node.value {
            Value::Refused => Conformed::refused(),
            Value::Scalar(scalar) => self.settle(json_of(scalar), node.span),
            Value::Sequence(items) => {
                let items: Vec<_> = items.iter().map(|item| self.any(item)).collect();
                let sound = items.iter().all(|item| item.sound);
                Conformed { json: Json::List(items.into_iter().map(|item| item.json).collect()), sound }
            }
            Value::Mapping(entries) => {
                let (mut fields, mut sound) = (Vec::new(), true);
                for entry in entries {
                    let conformed = self.any(&entry.value);
                    sound &= conformed.sound;
                    fields.push((entry.key.name.as_str().into(), conformed.json));
                }
                Conformed { json: Json::Map(fields), sound }
            }
        }
    }
}

fn json_of(scalar: &Scalar) -> Result<Json<'_>, UnplacedDiagnostic> {
    let text = &scalar.text;
    match scalar.resolve() {
        ScalarType::Null => Ok(Json::Null),
        ScalarType::Boolean => Ok(Json::Boolean(text.eq_ignore_ascii_case("true"))),
        ScalarType::Number => serde_json::from_str(text).ok().and_then(number).ok_or_else(|| {
            UnplacedDiagnostic::new(
                Code::Number,
                format!("the number {} is not written as JSON writes numbers", quoted(text)),
            )
            .help("write it in plain decimal digits, or in quotes if it is a string")
        }),
        ScalarType::Text if scalar.is_old_boolean() => Err(words::unquoted(text, "a boolean by many YAML parsers")),
        ScalarType::Text => Ok(Json::Text(text.as_str().into())),
    }
}

/// A number as it is written: `1.0` stays a fraction.
fn number<'t>(number: Number) -> Option<Json<'t>> {
    if let Some(whole) = number.as_u64() {
        return Some(u32::try_from(whole).map_or(Json::Large(whole), Json::Whole));
    }
    number.as_i64().map(Json::Negative).or_else(|| number.as_f64().map(Json::Fraction))
}
