//! The JSON Schema (draft-07) of both kinds, for editors: from the very tables that the decoder uses.

use crate::model::API_VERSION;
use crate::parse::fields::{Block, Choice, EGRESS, Field, MESH, Presence, Shape};
use crate::parse::text::{KINDS, Text};
use serde_json::{Map, Value, json};

/// The JSON Schema (draft-07) of Egress and Mesh files. Descriptions are what an editor shows on hover.
///
/// The schema knows structure, not meaning: what it accepts may still be refused by [`check`](crate::check()), what
/// it refuses always is.
#[must_use]
pub fn json_schema() -> Value {
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Sallyport Egress and Mesh",
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": {
            "apiVersion": {"const": API_VERSION, "description": "The version of this format."},
            "kind": {"enum": KINDS, "description": "Egress: one upstream. Mesh: what all gateways share."},
        },
        "allOf": [when_kind("Egress", &EGRESS), when_kind("Mesh", &MESH)],
    })
}

fn when_kind(kind: &str, of: &'static Block) -> Value {
    json!({
        "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
        "then": block(of),
    })
}

fn block(block: &Block) -> Value {
    let required: Vec<_> = block
        .fields
        .iter()
        .filter(|field| matches!(field.presence, Presence::Required))
        .map(|field| field.name)
        .collect();
    let properties: Map<_, _> = block.fields.iter().map(|each| (each.name.to_owned(), field(each))).collect();
    json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties})
}

fn field(field: &Field) -> Value {
    let mut schema = shape(&field.shape);
    let mut description = field.doc.to_owned();
    if let Presence::Default(default) = field.presence {
        description.push_str("\n\nDefault: ");
        description.push_str(default);
        description.push('.');
    }
    if let Shape::OneOf(choices) = field.shape {
        description.push_str("\n\n");
        description.push_str(&choice_lines(choices));
    }
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), description.into());
    }
    schema
}

fn choice_lines(choices: &[Choice]) -> String {
    let lines: Vec<String> = choices.iter().map(|choice| format!("- `{}`: {}", choice.value, choice.doc)).collect();
    lines.join("\n")
}

fn shape(of: &Shape) -> Value {
    match of {
        Shape::Text(kind) => text(*kind),
        Shape::Boolean => json!({"type": "boolean"}),
        Shape::Whole { least, most } => {
            json!({"type": "integer", "minimum": least, "maximum": most})
        }
        Shape::OneOf(choices) => {
            let values: Vec<_> = choices.iter().map(|choice| choice.value).collect();
            json!({"type": "string", "enum": values})
        }
        Shape::List(of) => json!({"type": "array", "items": shape(of)}),
        Shape::Block(of) => block(of),
        Shape::Fields => json!({"type": "object"}),
        Shape::Any => json!({}),
    }
}

fn text(kind: Text) -> Value {
    match kind {
        Text::Free => json!({"type": "string"}),
        Text::Digits | Text::Cpu => json!({"type": ["string", "integer"]}),
        Text::Const(_, value) => json!({"const": value}),
        Text::Label => json!({"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"}),
        Text::JwksUri => json!({"type": "string", "pattern": "^https?://"}),
        Text::Digest => json!({"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}),
        Text::HeaderName => json!({"type": "string", "pattern": "^[a-z0-9!#$%&'*+.^_`|~-]+$"}),
        Text::HeaderPrefix => json!({"type": "string", "pattern": "^([!-~][ -~]*)?$"}),
        Text::SecretKey => json!({"type": "string", "pattern": "^[-._a-zA-Z0-9]{1,253}$"}),
        Text::JsonPointer => json!({"type": "string", "pattern": "^/"}),
        Text::NotEmpty
        | Text::Host
        | Text::ServerName
        | Text::SubjectAltName
        | Text::Issuer
        | Text::Jwks
        | Text::ExposedHost
        | Text::IngressGateway
        | Text::ResourceName
        | Text::Duration
        | Text::RetryConditions
        | Text::Memory
        | Text::FilePath
        | Text::Word
        | Text::ImageRepository
        | Text::ImageReference
        | Text::OpaPath => {
            json!({"type": "string", "minLength": 1})
        }
    }
}
