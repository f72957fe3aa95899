//! What is there or not.

use super::{Machine, State};
use crate::meaning::marks::{Marks, Symbol};

/// It is there: the only symbol of such a value.
pub(in crate::meaning) const HAS: Symbol = 1;

/// Whether it is there.
#[derive(Debug)]
pub(in crate::meaning) struct Flag;

impl Machine for Flag {
    fn start(&self) -> State {
        vec![0]
    }

    fn step(&self, _: &[u32], symbol: Symbol) -> State {
        vec![u32::from(symbol == HAS)]
    }

    fn holds(&self, state: &[u32]) -> bool {
        state.first() == Some(&1)
    }

    fn mark(&self, marks: &mut Marks) {
        marks.symbols.insert(HAS);
    }
}

/// At most one symbol, of a few.
#[derive(Debug)]
pub(in crate::meaning) struct Free {
    /// The symbols.
    pub(in crate::meaning) symbols: Vec<Symbol>,
    /// Whether there may be none.
    pub(in crate::meaning) or_none: bool,
}

impl Machine for Free {
    fn start(&self) -> State {
        vec![0]
    }

    fn step(&self, state: &[u32], symbol: Symbol) -> State {
        let is_first = state.first() == Some(&0);
        vec![if is_first && self.symbols.contains(&symbol) { 1 } else { 2 }]
    }

    fn holds(&self, state: &[u32]) -> bool {
        match state.first() {
            Some(0) => self.or_none,
            Some(1) => true,
            _ => false,
        }
    }

    fn settled(&self, state: &[u32]) -> Option<bool> {
        (state.first() == Some(&2)).then_some(false)
    }

    fn mark(&self, marks: &mut Marks) {
        marks.symbols.extend(&self.symbols);
    }
}
