//! The documents are true: their links lead somewhere, their commands are read by the real programs and run where they
//! can, their files pass `sallyport check`, and the tables that repeat the code say what the code says.

mod commands;
mod facts;
mod links;
mod page;
mod readme;
mod semantics;
mod yaml_blocks;

#[path = "../../../packager/egress/tests/yaml/mod.rs"]
mod yaml;
