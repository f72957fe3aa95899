//! The JSON Schema (draft-07) of all kinds, for editors: from the very declarations that the decoder uses.

use crate::model::cases::CasesFile;
use crate::model::{API_VERSION, CandidateFile, EgressFile, KINDS, MeshFile, RolloutFile};
use sallyport_core::wire::{Block, Choice, Field, Presence, Shape, TextKind};
use serde_json::{Map, Value, json};

/// The JSON Schema (draft-07) of all files. Descriptions are what an editor shows on hover.
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
            "kind": {"enum": KINDS, "description": "Egress: one upstream. Mesh: what all gateways share. Cases: requests, and what must become of them. Candidate: the next rules of an Egress. Rollout: in which order gateways get them."},
        },
        "allOf": [when_kind(&EgressFile::BLOCK), when_kind(&MeshFile::BLOCK), when_kind(&CasesFile::BLOCK), when_kind(&CandidateFile::BLOCK), when_kind(&RolloutFile::BLOCK)],
    })
}

/// The name of a kind's block is the kind.
fn when_kind(of: &'static Block) -> Value {
    json!({
        "if": {"properties": {"kind": {"const": of.name}}, "required": ["kind"]},
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
        description.push_str(&format!("\n\nDefault: {}.", default.words()));
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
        Shape::Text(kind) => text(kind),
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

fn text(kind: &TextKind) -> Value {
    match kind {
        TextKind { only: Some(only), .. } => json!({"const": only}),
        TextKind { may_be_number: true, .. } => json!({"type": ["string", "integer"]}),
        TextKind { pattern: Some(pattern), .. } => json!({"type": "string", "pattern": pattern}),
        TextKind { may_be_empty: true, .. } => json!({"type": "string"}),
        TextKind { .. } => json!({"type": "string", "minLength": 1}),
    }
}
