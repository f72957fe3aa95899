//! What a lint is.

use super::finding::Finding;
use super::input::Input;
use crate::code::Code;

/// One lint: its code, its function and its page.
pub(super) struct Lint {
    pub(super) code: Code,
    pub(super) run: fn(&Input<'_>) -> Vec<Finding>,
    /// The text of the lint's own file.
    pub(super) source: &'static str,
}
