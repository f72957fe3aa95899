//! Why nothing is built although every file is valid by itself.

use std::fmt;

use sallyport_egress::Code;
use sallyport_egress::model::Egress;

/// One reason why a build fails, with a stable code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError {
    /// Stable code: `SP9101`. `sallyport check --explain` prints its manual page.
    pub code: Code,
    /// Lower case, no full stop, user text in backticks.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl BuildError {
    /// An error that concerns the whole build.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        BuildError { code, message: message.into(), help: None }
    }

    /// An error that concerns one Egress, which the message names.
    pub(crate) fn of(egress: &Egress, code: Code, message: impl AsRef<str>) -> Self {
        BuildError::new(code, format!("the Egress `{}/{}`: {}", egress.namespace, egress.name, message.as_ref()))
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for BuildError {}
