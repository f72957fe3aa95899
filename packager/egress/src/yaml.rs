//! YAML text as a tree in which every key and value knows its place.

pub(crate) mod edit;
pub(crate) mod format;
pub(crate) mod offsets;
pub(crate) mod plain;
pub(crate) mod reader;
mod refusals;
mod slips;
pub(crate) mod source_text;
pub(crate) mod syntax;
pub(crate) mod tokens;
pub(crate) mod tree;
