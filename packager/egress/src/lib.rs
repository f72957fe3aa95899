//! The Egress and Mesh files.
pub mod model;
