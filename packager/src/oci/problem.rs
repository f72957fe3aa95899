//! What is wrong with an image.

use sallyport_egress::Code;
use sallyport_egress::diagnostic::Severity;
use serde::Serialize;

/// One thing that is wrong with an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ImageProblem {
    pub(crate) code: Code,
    pub(crate) severity: Severity,
    pub(crate) message: String,
}

impl ImageProblem {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        ImageProblem { code, severity: code.severity(), message: message.into() }
    }
}
