//! Observers of an evaluation. The same code decides and explains; only the observer differs.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

/// Receives everything in a rule that does not hold.
pub trait Observer {
    /// Whether everything is evaluated, rather than stopping at the first failure.
    const RECORDS: bool;

    /// A field or condition does not hold.
    fn failed(&mut self, part: Part);

    /// How much has been recorded, for [`Observer::rewind`].
    fn mark(&self) -> usize;

    /// Forgets what has been recorded since, because another alternative held.
    fn rewind(&mut self, mark: usize);
}

/// A part of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A field of one source.
    Source { alternative: usize, field: &'static str },
    /// A field of one operation.
    Operation { alternative: usize, field: &'static str },
    /// A condition.
    Condition(usize),
}

/// Records nothing, and costs nothing.
#[derive(Debug)]
pub struct Silent;

impl Observer for Silent {
    const RECORDS: bool = false;

    fn failed(&mut self, _: Part) {}

    fn mark(&self) -> usize {
        0
    }

    fn rewind(&mut self, _: usize) {}
}

/// Records the path of every field that failed.
#[derive(Debug, Default)]
pub struct Recorder {
    parts: Vec<Part>,
}

impl Recorder {
    /// The field paths, below the rule at `position`.
    #[must_use]
    pub fn paths(&self, position: u32) -> Vec<String> {
        self.parts
            .iter()
            .map(|part| {
                let mut path = format!("rules[{position}]");
                // Writing to a String cannot fail.
                let _ = match part {
                    Part::Source { alternative, field } => write!(path, ".from[{alternative}].source.{field}"),
                    Part::Operation { alternative, field } => write!(path, ".to[{alternative}].operation.{field}"),
                    Part::Condition(index) => write!(path, ".when[{index}]"),
                };
                path
            })
            .collect()
    }
}

impl Observer for Recorder {
    const RECORDS: bool = true;

    fn failed(&mut self, part: Part) {
        self.parts.push(part);
    }

    fn mark(&self) -> usize {
        self.parts.len()
    }

    fn rewind(&mut self, mark: usize) {
        self.parts.truncate(mark);
    }
}
