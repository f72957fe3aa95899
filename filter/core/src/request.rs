//! The request: what the host says, and its canonical form.
pub mod view;
