//! Regular expressions over bytes, matched against a whole value in one step per byte.
//!
//! # Design
//!
//! A caller chooses the bytes that an expression reads, so the cost of reading them must not depend on the expression.
//! The packager compiles every expression into a deterministic automaton ([`compile()`], feature `compile`) and the policy
//! carries the automaton. The filter loads it ([`Pattern::from_bytes`]) and takes one transition per byte. An expression
//! whose automaton would be too large is refused when the policy is checked.
//!
//! # Meaning
//!
//! The syntax is that of RE2 without Unicode classes, look-around and back-references (crate `regex-syntax`). An
//! expression matches the whole value. It reads bytes: text outside ASCII in an expression stands for its UTF-8 bytes.
//! `.` matches every byte, a line feed too: a line feed that arrives as `%0a` is no way past a rule, and neither is a byte
//! that is no UTF-8. That is why the flag `u` is refused.
//!
//! Nothing here panics, and no input makes a search fail.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

#[cfg_attr(feature = "compile", macro_use)]
extern crate alloc;

#[cfg(feature = "compile")]
mod compile;
#[cfg(feature = "compile")]
mod walk;

#[cfg(feature = "compile")]
pub use compile::{InvalidPattern, MAX_AUTOMATON, compile};
#[cfg(feature = "compile")]
pub use walk::Survey;

use alloc::vec::Vec;
use core::fmt;

use regex_automata::Anchored;
use regex_automata::dfa::Automaton;
use regex_automata::dfa::sparse::DFA;
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;

/// A compiled expression.
#[derive(Clone)]
pub struct Pattern {
    automaton: DFA<Vec<u8>>,
    start: StateID,
}

/// The bytes are not an automaton that this build can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidAutomaton;

impl Pattern {
    /// Loads what [`compile()`] made. Every transition is checked, so a search cannot leave the automaton.
    ///
    /// # Errors
    ///
    /// The bytes are damaged, or of another version of the format.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidAutomaton> {
        let (automaton, read) = DFA::from_bytes(bytes).map_err(|_| InvalidAutomaton)?;
        if read != bytes.len() {
            return Err(InvalidAutomaton);
        }
        let automaton = automaton.to_owned();
        let at_start = start::Config::new().anchored(Anchored::Yes);
        let start = automaton.start_state(&at_start).map_err(|_| InvalidAutomaton)?;
        Ok(Self { automaton, start })
    }

    /// Whether the expression matches the whole value. Takes at most one step per byte.
    #[must_use]
    pub fn is_match(&self, value: &[u8]) -> bool {
        let mut state = self.start;
        for byte in value {
            state = self.automaton.next_state(state, *byte);
            if self.automaton.is_dead_state(state) {
                return false;
            }
        }
        self.automaton.is_match_state(self.automaton.next_eoi_state(state))
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pattern")
    }
}
