//! An expression byte by byte, for those who look for values that it matches.

use std::collections::{BTreeMap, BTreeSet};

use regex_automata::dfa::Automaton;
use regex_automata::util::primitives::StateID;

use crate::Pattern;

impl Pattern {
    /// The state before the first byte.
    #[must_use]
    pub fn start(&self) -> u32 {
        self.start.as_u32()
    }

    /// The state behind one more byte; `None` once no value with these first bytes matches. The state is one that this
    /// expression gave.
    #[must_use]
    pub fn next(&self, state: u32, byte: u8) -> Option<u32> {
        let next = self.automaton.next_state(StateID::new(usize::try_from(state).ok()?).ok()?, byte);
        (!self.automaton.is_dead_state(next)).then(|| next.as_u32())
    }

    /// Whether a value that ends in this state matches.
    #[must_use]
    pub fn accepts(&self, state: u32) -> bool {
        let state = usize::try_from(state).ok().and_then(|state| StateID::new(state).ok());
        state.is_some_and(|state| self.automaton.is_match_state(self.automaton.next_eoi_state(state)))
    }

    /// The automaton, as [`compile()`](crate::compile()) gave it: equal ones match the same values.
    #[must_use]
    pub fn automaton(&self) -> Vec<u8> {
        self.automaton.to_bytes_little_endian()
    }

    /// Which bytes the expression tells apart: a number for each, and bytes of the same number lead to the same states.
    #[must_use]
    pub fn classes(&self) -> [u16; 256] {
        let mut states = BTreeSet::from([self.start()]);
        let mut open = vec![self.start()];
        // By byte, where it leads from each state in turn.
        let mut columns: Vec<Vec<Option<u32>>> = vec![Vec::new(); 256];
        while let Some(state) = open.pop() {
            for (byte, column) in (0..=u8::MAX).zip(&mut columns) {
                let next = self.next(state, byte);
                column.push(next);
                if let Some(next) = next.filter(|next| states.insert(*next)) {
                    open.push(next);
                }
            }
        }
        let mut known = BTreeMap::new();
        let mut classes = [0; 256];
        for (class, column) in classes.iter_mut().zip(columns) {
            let number = u16::try_from(known.len()).unwrap_or(u16::MAX);
            *class = *known.entry(column).or_insert(number);
        }
        classes
    }
}

#[cfg(test)]
mod tests {
    use crate::{Pattern, compile};

    #[test]
    fn a_walk_ends_where_a_search_does() {
        let pattern = Pattern::from_bytes(&compile("a+[0-9]|(?i)x").unwrap()).unwrap();
        for value in [&b"a1"[..], b"aa9", b"X", b"x", b"a", b"", b"1", b"a1a"] {
            let end = value.iter().try_fold(pattern.start(), |state, byte| pattern.next(state, *byte));
            assert_eq!(end.is_some_and(|state| pattern.accepts(state)), pattern.is_match(value), "{value:?}");
        }
    }

    #[test]
    fn bytes_of_a_class_are_not_told_apart() {
        let classes = Pattern::from_bytes(&compile("a+[0-9]").unwrap()).unwrap().classes();
        assert_eq!(classes[usize::from(b'3')], classes[usize::from(b'7')]);
        assert_ne!(classes[usize::from(b'3')], classes[usize::from(b'a')]);
        assert_eq!(classes[usize::from(b'x')], classes[usize::from(b'/')]);
    }
}
