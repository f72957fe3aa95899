//! How severe a problem is.

use serde::Serialize;

/// Whether a file can be used in spite of the problem. Errors decide the exit code; warnings do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file, policy or image cannot be used.
    Error,
    /// It can be used, and is probably not what its author intended.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}
