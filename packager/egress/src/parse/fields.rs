//! The tables of fields: what an Egress or Mesh file may say.
//!
//! # Design
//! One table drives the decoder ([`conform`](super::conform)), the JSON Schema ([`schema`](crate::schema)) and the help
//! in messages, so they cannot drift apart. What a table cannot say (fields that depend on each other) is in
//! [`cross`](super::cross); what the policy means is the core's business alone.

mod authz;
mod egress;
mod mesh;

use super::text::Text;

pub(crate) use egress::EGRESS;
pub(crate) use mesh::MESH;

/// A mapping with known fields.
pub(crate) struct Block {
    /// What it is called in messages: `operation`.
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [Field],
    /// Names that people write here, and what to write instead.
    pub(crate) tombstones: &'static [(&'static str, &'static str)],
}

pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) presence: Presence,
    /// One or two sentences: the hover text of editors.
    pub(crate) doc: &'static str,
}

#[derive(Clone, Copy)]
pub(crate) enum Presence {
    Required,
    Optional,
    /// Absent means this, in words.
    Default(&'static str),
}

#[derive(Clone, Copy)]
pub(crate) enum Shape {
    Text(Text),
    Boolean,
    Whole { least: u64, most: u64 },
    OneOf(&'static [Choice]),
    List(&'static Shape),
    Block(&'static Block),
}

pub(crate) struct Choice {
    pub(crate) value: &'static str,
    pub(crate) doc: &'static str,
}

impl Block {
    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// This block and those within it.
    pub(crate) fn all(&'static self) -> Vec<&'static Block> {
        let mut blocks = vec![self];
        for field in self.fields {
            let mut shape = &field.shape;
            while let Shape::List(of) = shape {
                shape = of;
            }
            if let Shape::Block(block) = shape {
                blocks.extend(block.all());
            }
        }
        blocks
    }
}

impl Shape {
    /// What is wanted, in words: `a list of strings`.
    pub(crate) fn wanted(&self) -> String {
        match self {
            Shape::Text(_) => "a string".to_owned(),
            Shape::Boolean => "`true` or `false`".to_owned(),
            Shape::Whole { least, most } => format!("a whole number from {least} to {most}"),
            Shape::OneOf(choices) => {
                super::suggest::either(choices.iter().map(|choice| choice.value))
            }
            Shape::List(of) => match of {
                Shape::Text(_) => "a list of strings".to_owned(),
                Shape::Block(block) => format!("a list of mappings (`{}`)", block.name),
                _ => "a list".to_owned(),
            },
            Shape::Block(_) => "a mapping".to_owned(),
        }
    }
}

const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field {
        name,
        shape,
        presence: Presence::Required,
        doc,
    }
}

const fn optional(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field {
        name,
        shape,
        presence: Presence::Optional,
        doc,
    }
}

const fn defaulted(
    name: &'static str,
    shape: Shape,
    default: &'static str,
    doc: &'static str,
) -> Field {
    Field {
        name,
        shape,
        presence: Presence::Default(default),
        doc,
    }
}

const fn choice(value: &'static str, doc: &'static str) -> Choice {
    Choice { value, doc }
}

const fn list(of: Text) -> Shape {
    match of {
        Text::Free => Shape::List(&Shape::Text(Text::Free)),
        Text::Digits => Shape::List(&Shape::Text(Text::Digits)),
        Text::SubjectAltName => Shape::List(&Shape::Text(Text::SubjectAltName)),
        _ => Shape::List(&Shape::Text(Text::NotEmpty)),
    }
}

const METADATA_NAME: Field = required(
    "name",
    Shape::Text(Text::Label),
    "The resource's name: 1 to 63 of `a-z`, `0-9` and `-`.",
);
