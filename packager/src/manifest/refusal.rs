//! Why nothing is built though every file is sound by itself.

use sallyport_egress::Code;
use sallyport_egress::model::Egress;

use crate::exit::{Exit, Failure};

/// One reason, with a code that never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: Code,
    /// Lower case, no full stop, user text in backticks.
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Refusal {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Refusal { code, message: message.into(), help: None }
    }

    /// One that is about an Egress.
    pub(super) fn of(egress: &Egress, code: Code, message: impl AsRef<str>) -> Self {
        Refusal::new(code, format!("the Egress `{}/{}`: {}", egress.namespace, egress.name, message.as_ref()))
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<Refusal> for Failure {
    fn from(Refusal { code, message, help }: Refusal) -> Self {
        let failure = Failure::new(Exit::Problems, format!("{code}: {message}"));
        match help {
            Some(help) => failure.with_help(help),
            None => failure,
        }
    }
}
