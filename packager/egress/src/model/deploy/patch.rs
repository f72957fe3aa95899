//! `spec.patches`: changes to the manifests.

use crate::value::NOT_EMPTY;
use crate::value::names::{JsonPointer, ResourceName};
use sallyport_core::problem::Place;
use sallyport_core::wire::{Json, Reader, Shape, Wire, json_of};
use sallyport_core::{record, words};
use serde::Serialize;
use serde_json::Value;
use std::ops::Deref;

record! {
    /// One of `spec.patches`.
    pub struct Patch = "patch" {
        /// The kind of the manifest to change: `Deployment`, or `*` for every kind.
        "kind" kind: String as (NOT_EMPTY) = required,
        /// The manifest's name. Without it, the patch applies to every manifest of the kind.
        "name" name: Option<ResourceName> = optional,
        /// A merge patch (RFC 7396): mappings are merged field by field, lists are replaced, and `null` removes a
        /// field. Either this or `json`.
        "merge" merge: Option<Document> as (Shape::Fields) = optional,
        /// A JSON patch (RFC 6902): operations that are applied in order. Either this or `merge`.
        "json" json: Option<Vec<Operation>> = optional,
    }
    instead {
        "target" => "write its `kind` and `name` here",
        "patch" => "write `merge`, or `json` with a list of operations",
        "strategic" => "write `merge`",
    }
}

/// The `kind` of a patch that is for all.
pub const EVERY_KIND: &str = "*";

impl Patch {
    /// The list of operations as JSON, if the patch has one.
    #[must_use]
    pub fn operations(&self) -> Option<Value> {
        self.json.as_ref().map(json_of)
    }
}

record! {
    /// An operation of a JSON patch.
    pub struct Operation = "json" {
        /// The operation.
        "op" op: OperationKind = required,
        /// The place to change: a JSON pointer such as `/metadata/labels/team`.
        "path" path: JsonPointer = required,
        /// The place to move or copy from. For `move` and `copy`.
        "from" from: Option<JsonPointer> = optional,
        /// The value to write or compare. For `add`, `replace` and `test`.
        "value" value: Option<Document> = optional,
    }
}

words! {
    /// RFC 6902's operations.
    pub enum OperationKind {
        /// Writes `value` at `path`, or inserts it into a list.
        "add" Add,
        /// Removes what is at `path`.
        "remove" Remove,
        /// Writes `value` at `path`, where there must be something.
        "replace" Replace,
        /// Moves what is at `from` to `path`.
        "move" Move,
        /// Copies what is at `from` to `path`.
        "copy" Copy,
        /// Fails unless `value` is at `path`.
        "test" Test,
    }
}

/// Anything that JSON can say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Document(pub Value);

impl Document {
    /// The same, apart from the text that it was read from.
    pub(crate) fn of(json: &Json<'_>) -> Self {
        Self(value_of(json))
    }
}

impl Deref for Document {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

impl Wire for Document {
    const SHAPE: Shape = Shape::Any;

    fn read(_: &mut Reader, _: &Place<'_>, json: &Json<'_>) -> Option<Self> {
        Some(Self::of(json))
    }
}

/// The depth is bounded by the reader of the YAML.
fn value_of(json: &Json<'_>) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Boolean(flag) => Value::from(*flag),
        Json::Whole(number) => Value::from(*number),
        Json::Large(number) => Value::from(*number),
        Json::Negative(number) => Value::from(*number),
        Json::Fraction(number) => Value::from(*number),
        Json::Text(text) => Value::from(text.as_ref()),
        Json::List(items) => items.iter().map(value_of).collect(),
        Json::Map(entries) => entries.iter().map(|(key, value)| (key.to_string(), value_of(value))).collect(),
    }
}
