//! Matchers: one noun a file, each built by the compiler from text, each matching canonical values only.
//!
//! A matcher that cannot be built is a [`Flaw`], and one flaw refuses the whole policy: dropping a matcher would widen
//! an ALLOW rule or narrow a DENY rule.

pub mod grpc;
pub mod host;
pub mod identity;
pub mod metadata;
pub mod method;
pub mod network;
pub mod path;
pub mod port;
pub mod reading;
pub mod regex;
pub mod request_principal;
pub mod set;
pub mod string;
pub mod value;

use std::fmt::{self, Arguments, Display, Formatter, format};

use crate::policy::error::Code;

/// Why a piece of text is not a matcher: a problem that does not know its place yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The stable code.
    pub code: Code,
    /// The sentence.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

// Out of line and not generic: there are sixty places that make a flaw, and none of them is in a hurry.
impl Flaw {
    #[cold]
    #[inline(never)]
    pub(crate) fn new(code: Code, message: Arguments<'_>) -> Self {
        Self { code, message: format(message), help: None }
    }

    /// Says what would be right, where there is somebody to read it: the filter leaves it out, its module is small.
    #[inline(always)]
    pub(crate) fn help(self, help: Arguments<'_>) -> Self {
        if cfg!(feature = "help") { self.with_help(help) } else { self }
    }

    #[cold]
    #[inline(never)]
    fn with_help(mut self, help: Arguments<'_>) -> Self {
        self.help = Some(format(help));
        self
    }
}

/// Names in a message: "`a`, `b`". Written out only if somebody reads it.
pub(crate) struct Listed<I>(pub(crate) I);

impl<'n, I: Iterator<Item = &'n str> + Clone> Display for Listed<I> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (position, name) in self.0.clone().enumerate() {
            write!(f, "{}`{name}`", if position == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
