//! The reference documentation of Egress and Mesh files: from the very declarations that the decoder uses.

use crate::model::cases::CasesFile;
use crate::model::{API_VERSION, CandidateFile, EgressFile, MeshFile, RolloutFile};
use crate::wording::either;
use sallyport_core::wire::{Block, Choice, Field, Presence, Shape, TextKind};
use std::fmt::Write as _;

/// A mapping of a file.
#[derive(Clone, Debug)]
pub struct BlockReference {
    /// The kind of file, such as `Egress`.
    pub kind: &'static str,
    /// Where it is in the file: `spec.authz.rules[].to[]`. Empty for the file itself.
    pub path: String,
    /// Its fields, in the order of their declaration.
    pub fields: Vec<FieldReference>,
}

/// A field of a block.
#[derive(Clone, Debug)]
pub struct FieldReference {
    /// As it is written in the file.
    pub name: &'static str,
    /// What its value may be, in words: `whole number from 1 to 100`.
    pub value: String,
    /// The path of the block that is its value, or an item of its value.
    pub block: Option<String>,
    /// Whether it must be there.
    pub is_required: bool,
    /// What takes its place if it is absent, in words.
    pub default: Option<String>,
    /// What it means, with the unit of a number.
    pub doc: &'static str,
    /// The words that it may have, each with its meaning.
    pub choices: &'static [Choice],
}

/// Every kind of file.
const FILES: [&Block; 5] =
    [&EgressFile::BLOCK, &MeshFile::BLOCK, &CasesFile::BLOCK, &CandidateFile::BLOCK, &RolloutFile::BLOCK];

/// Every block of all kinds, those that hold others first.
#[must_use]
pub fn reference() -> Vec<BlockReference> {
    let mut blocks = Vec::new();
    for file in FILES {
        describe(file.name, String::new(), file, &mut blocks);
    }
    blocks
}

fn describe(kind: &'static str, path: String, block: &'static Block, blocks: &mut Vec<BlockReference>) {
    let fields = block.fields.iter().map(|each| field(&path, each)).collect();
    blocks.push(BlockReference { kind, path: path.clone(), fields });
    for field in block.fields {
        if let (path, Shape::Block(inner)) = innermost(&path, field) {
            describe(kind, path, inner, blocks);
        }
    }
}

/// The path and shape of a field's value, or of the items of its list.
fn innermost(parent: &str, field: &Field) -> (String, Shape) {
    let mut path = if parent.is_empty() { field.name.to_owned() } else { format!("{parent}.{}", field.name) };
    let mut shape = field.shape;
    while let Shape::List(of) = shape {
        path.push_str("[]");
        shape = *of;
    }
    (path, shape)
}

fn field(parent: &str, field: &Field) -> FieldReference {
    let (path, inner) = innermost(parent, field);
    FieldReference {
        name: field.name,
        value: value(&field.shape),
        block: matches!(inner, Shape::Block(_)).then_some(path),
        is_required: matches!(field.presence, Presence::Required),
        default: match field.presence {
            Presence::Default(default) => Some(default.words()),
            Presence::Required | Presence::Optional => None,
        },
        doc: field.doc,
        choices: if let Shape::OneOf(choices) = inner { choices } else { &[] },
    }
}

fn value(shape: &Shape) -> String {
    match shape {
        Shape::Text(TextKind { only: Some(only), .. }) => format!("`{only}`"),
        Shape::Text(kind) => kind.name.to_owned(),
        Shape::Boolean => "`true` or `false`".to_owned(),
        Shape::Whole { least, most } => format!("whole number from {least} to {most}"),
        Shape::OneOf(choices) => words(choices),
        Shape::List(of) => match of {
            Shape::Text(kind) => format!("list of {}s", kind.name),
            Shape::Whole { least, most } => format!("list of whole numbers from {least} to {most}"),
            Shape::OneOf(_) => "list of words".to_owned(),
            Shape::Block(_) => "list of mappings".to_owned(),
            Shape::Boolean | Shape::List(_) | Shape::Fields | Shape::Any => "list".to_owned(),
        },
        Shape::Block(_) => "mapping".to_owned(),
        Shape::Fields => "mapping with any fields".to_owned(),
        Shape::Any => "any value".to_owned(),
    }
}

fn words(choices: &[Choice]) -> String {
    either(choices.iter().map(|choice| choice.value))
}

/// The reference as a page of Markdown.
#[must_use]
pub fn reference_page() -> String {
    let mut page = format!(
        "\
# The Egress file

Every field of `kind: Egress`, `Mesh`, `Cases`, `Candidate` and `Rollout`, `apiVersion: {API_VERSION}`.
This page is made from the declarations that `sallyport check` uses; `sallyport schema` prints them as a JSON Schema for
editors.

- An unknown field is an error, never ignored.
- A *duration* is written as in Istio: `250ms`, `10s`, `1h30m`; from `1ms` to a year.
- A string that looks like a number or a boolean needs quotes.
- A field without a default may be left out unless it is *required*.
"
    );
    for block in reference() {
        let BlockReference { kind, path, fields } = &block;
        if path.is_empty() {
            push(&mut page, format_args!("\n## kind: {kind}\n\n"));
        } else {
            push(&mut page, format_args!("\n### {}\n\n", heading(kind, path)));
        }
        for field in fields {
            push_field(&mut page, kind, field);
        }
    }
    page
}

fn heading(kind: &str, path: &str) -> String {
    format!("{kind}: {path}")
}

/// The anchor that GitHub and mdBook make of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

fn push_field(page: &mut String, kind: &str, field: &FieldReference) {
    let FieldReference { name, value, block, is_required, default, doc, choices } = field;
    let value = match block {
        Some(path) => format!("[{value}](#{})", anchor(&heading(kind, path))),
        None => value.clone(),
    };
    push(page, format_args!("- **`{name}`**: {value}"));
    if *is_required {
        push(page, format_args!(", required"));
    }
    push(page, format_args!(".\n  {doc}\n"));
    if let Some(default) = default {
        push(page, format_args!("  Default: {default}.\n"));
    }
    for Choice { value, doc } in *choices {
        push(page, format_args!("  - `{value}`: {doc}\n"));
    }
}

fn push(page: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = page.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_block_has_its_own_anchor_and_every_field_a_text() {
        let blocks = reference();
        let anchors: BTreeSet<_> = blocks.iter().map(|block| anchor(&heading(block.kind, &block.path))).collect();
        assert_eq!(anchors.len(), blocks.len());
        for field in blocks.iter().flat_map(|block| &block.fields) {
            assert!(field.doc.ends_with('.') && field.doc.len() > 5, "{field:?}");
            let choices = field.choices.iter().all(|choice| choice.doc.ends_with('.'));
            assert!(choices, "{field:?}");
        }
    }

    /// Defaults are written in the program's own text, without the check that a file's text goes through.
    #[test]
    fn every_default_is_a_value_that_a_file_could_have() {
        fn check(shape: &Shape, value: &serde_json::Value) {
            match (shape, value) {
                (Shape::Text(kind), serde_json::Value::String(text)) => {
                    (kind.check)(text).unwrap_or_else(|flaw| panic!("{text}: {flaw:?}"));
                }
                (Shape::Whole { least, most }, serde_json::Value::Number(number)) => {
                    assert!(number.as_u64().is_some_and(|number| (*least..=*most).contains(&number)), "{number}");
                }
                (Shape::OneOf(choices), serde_json::Value::String(text)) => {
                    assert!(choices.iter().any(|choice| choice.value == text), "{text}");
                }
                (Shape::List(of), serde_json::Value::Array(items)) => items.iter().for_each(|item| check(of, item)),
                (Shape::Boolean, serde_json::Value::Bool(_)) | (Shape::Block(_), serde_json::Value::Object(_)) => {}
                (shape, value) => panic!("{shape:?} {value}"),
            }
        }
        let mut checked = 0;
        for block in FILES.into_iter().flat_map(Block::all) {
            for field in block.fields {
                if let Presence::Default(sallyport_core::wire::DefaultValue::Value(value)) = field.presence {
                    check(&field.shape, &value());
                    checked += 1;
                }
            }
        }
        assert!(checked > 30, "{checked}");
    }

    #[test]
    fn a_tombstone_is_not_a_field() {
        for block in FILES.into_iter().flat_map(Block::all) {
            for (old, _) in block.tombstones {
                assert!(block.field(old).is_none(), "`{old}` in `{}`", block.name);
            }
        }
    }
}
