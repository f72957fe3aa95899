//! What Egresses take from the Mesh where they say nothing: `defaults`, and what follows from its other fields.
//!
//! # Design
//! A gap is filled before the Egress is read, so that everything that reads the typed Egress sees the same value. Blocks
//! are filled field by field.

use super::read::at;
use crate::model::deploy::{Document, INGRESS_LABEL};
use sallyport_core::wire::Json;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The field of `tracing` that does not depend on its `mode`.
const OF_ANY_MODE: &str = "requestId";

/// What a set of Egresses shares.
#[derive(Debug, Default)]
pub(crate) struct Defaults {
    /// Fields of `spec`.
    spec: Map<String, Value>,
    /// Fields of `spec.expose`, if an Egress has that block.
    expose: Map<String, Value>,
}

impl Defaults {
    /// Those of a Mesh file, as far as it is sound.
    pub(crate) fn of(file: &Json<'_>) -> Self {
        let spec = match at(file, &["spec", "defaults"]).map(Document::of) {
            Some(Document(Value::Object(fields))) => fields,
            _ => Map::new(),
        };
        let mut expose = Map::new();
        if let Some(Json::Text(namespace)) = at(file, &["spec", "istiod", "namespace"]) {
            expose.insert("gateway".to_owned(), format!("{namespace}/{INGRESS_LABEL}").into());
        }
        Self { spec, expose }
    }

    /// Fills the gaps of an Egress file.
    pub(crate) fn fill<'j>(&'j self, file: &mut Json<'j>) {
        let Some(Json::Map(spec)) = field(file, "spec") else { return };
        if let Some((_, Json::Map(expose))) = spec.iter_mut().find(|(name, _)| name == "expose") {
            fill(expose, &self.expose, &|_| true);
        }
        // Most fields of `tracing` belong to one mode: those of another are not for an Egress that has chosen its own.
        let chosen = spec.iter().find(|(name, _)| name == "tracing").and_then(|(_, tracing)| at(tracing, &["mode"]));
        let is_other = match chosen {
            Some(Json::Text(mode)) => self.text(&["tracing", "mode"]) != Some(mode),
            _ => false,
        };
        for (name, value) in &self.spec {
            let Value::Object(block) = value else { continue };
            let is_for_all = name == "tracing" && is_other;
            if !spec.iter().any(|(written, _)| written == name) {
                spec.push((name.as_str().into(), Json::Map(Vec::new())));
            }
            if let Some((_, Json::Map(written))) = spec.iter_mut().find(|(written, _)| written == name) {
                fill(written, block, &|field| !is_for_all || field == OF_ANY_MODE);
            }
        }
    }

    /// The text that is the default of a field of `spec`.
    pub(crate) fn text(&self, names: &[&str]) -> Option<&str> {
        self.at(names)?.as_str()
    }

    /// The texts that are the default of a field of `spec`.
    pub(crate) fn texts(&self, names: &[&str]) -> Vec<&str> {
        let list = self.at(names).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The number that is the default of a field of `spec`.
    pub(crate) fn number(&self, names: &[&str]) -> Option<u64> {
        self.at(names)?.as_u64()
    }

    fn at(&self, names: &[&str]) -> Option<&Value> {
        let (first, rest) = names.split_first()?;
        rest.iter().try_fold(self.spec.get(*first)?, |value, name| value.get(name))
    }
}

fn field<'a, 'j>(json: &'a mut Json<'j>, name: &str) -> Option<&'a mut Json<'j>> {
    let Json::Map(fields) = json else { return None };
    fields.iter_mut().find(|(key, _)| key == name).map(|(_, value)| value)
}

fn fill<'j>(
    written: &mut Vec<(Cow<'j, str>, Json<'j>)>,
    defaults: &'j Map<String, Value>,
    wanted: &dyn Fn(&str) -> bool,
) {
    for (name, value) in defaults.iter().filter(|(name, _)| wanted(name)) {
        match (written.iter_mut().find(|(key, _)| key == name), value) {
            (None, _) => written.push((name.as_str().into(), json_of(value))),
            (Some((_, Json::Map(fields))), Value::Object(inner)) => fill(fields, inner, &|_| true),
            (Some(_), _) => {}
        }
    }
}

/// The depth is bounded by the reader of the YAML.
fn json_of(value: &Value) -> Json<'_> {
    match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => Json::Boolean(*flag),
        Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(whole), ..) => u32::try_from(whole).map_or(Json::Large(whole), Json::Whole),
            (None, Some(negative), _) => Json::Negative(negative),
            (None, None, fraction) => Json::Fraction(fraction.unwrap_or_default()),
        },
        Value::String(text) => Json::Text(text.as_str().into()),
        Value::Array(items) => Json::List(items.iter().map(json_of).collect()),
        Value::Object(fields) => {
            Json::Map(fields.iter().map(|(name, value)| (name.as_str().into(), json_of(value))).collect())
        }
    }
}
