//! What is wrong with a policy.
//!
//! A matcher that cannot be built is a `Flaw`, which does not know where it was written; with a `Place` it becomes a
//! [`Problem`]. One problem refuses the whole policy: dropping a matcher would widen an ALLOW rule or narrow a DENY rule.

mod code;
mod place;

use alloc::fmt::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Arguments, Display, Formatter};

pub use self::code::PolicyCode;
pub use self::place::Place;

/// All problems of one policy. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPolicy {
    /// The problems, in the order of the policy's text.
    pub problems: Vec<Problem>,
}

impl Display for InvalidPolicy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.problems.iter().enumerate() {
            if position > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl core::error::Error for InvalidPolicy {}

/// One thing that is wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, as a path of fields from the policy's root: `rules[3].to[0].operation.paths[1]`.
    pub path: String,
    /// What is wrong.
    pub code: PolicyCode,
    /// The sentence: lower case, no full stop, the user's own text in backticks.
    pub message: String,
    /// What would be right, where that is known.
    pub help: Option<String>,
}

impl Display for Problem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.code, self.path, self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

/// The problems found so far.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    /// Reports a flaw at its place. Out of line: only a policy that is refused comes here.
    #[cold]
    #[inline(never)]
    pub(crate) fn report(&mut self, place: &Place<'_>, flaw: Flaw) {
        let Flaw { code, message, help } = flaw;
        self.0.push(Problem { path: place.to_string(), code, message, help });
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The value, if nothing is wrong.
    pub(crate) fn or<T>(self, value: T) -> Result<T, InvalidPolicy> {
        if self.0.is_empty() { Ok(value) } else { Err(self.into()) }
    }
}

impl From<Problems> for InvalidPolicy {
    fn from(problems: Problems) -> Self {
        Self { problems: problems.0 }
    }
}

/// Why a piece of text is not a matcher: a problem that does not know its place yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// The stable code.
    pub(crate) code: PolicyCode,
    /// The sentence.
    pub(crate) message: String,
    /// What would be right.
    pub(crate) help: Option<String>,
}

// Out of line and not generic: sixty places make a flaw, and none of them is in a hurry.
impl Flaw {
    #[cold]
    #[inline(never)]
    pub(crate) fn new(code: PolicyCode, message: Arguments<'_>) -> Self {
        Self { code, message: format(message), help: None }
    }

    /// Says what would be right. The filter leaves it out to keep its module small; `check` shows it.
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

/// Names in a message: "`a`, `b`". Formatted only if the message is.
pub(crate) struct Listed<I>(pub(crate) I);

impl<'n, I: Iterator<Item = &'n str> + Clone> Display for Listed<I> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (position, name) in self.0.clone().enumerate() {
            write!(f, "{}`{name}`", if position == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
