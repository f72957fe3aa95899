//! An expression byte by byte, for those who look for values that it matches.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

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

    /// What there is to know of all its states.
    #[must_use]
    pub fn survey(&self) -> Survey {
        let mut states = vec![self.start()];
        let mut numbers = BTreeMap::from([(self.start(), 0_usize)]);
        // By state, where each byte leads.
        let mut rows: Vec<Vec<Option<usize>>> = Vec::new();
        let mut at = 0;
        while let Some(state) = states.get(at).copied() {
            let row = (0..=u8::MAX).map(|byte| {
                let next = self.next(state, byte)?;
                Some(*numbers.entry(next).or_insert_with(|| {
                    states.push(next);
                    states.len().saturating_sub(1)
                }))
            });
            rows.push(row.collect());
            at = at.saturating_add(1);
        }
        let accepts: Vec<bool> = states.iter().map(|state| self.accepts(*state)).collect();
        // All that follows matches, until a byte leads elsewhere; nothing that follows does, until one leads to a match.
        let full = settle(&rows, accepts.clone(), |next| next.iter().all(|full| *full), false);
        let live = settle(&rows, accepts, |next| next.iter().any(|live| *live), true);
        let of = |wanted: Vec<bool>, is: bool| {
            let those = states.iter().zip(wanted).filter(move |(_, wanted)| *wanted == is);
            those.map(|(state, _)| *state).collect::<BTreeSet<u32>>()
        };
        Survey { classes: classes(&rows), full: of(full, true), dead: of(live, false) }
    }
}

/// What there is to know of all states of an expression.
#[derive(Clone, Debug)]
pub struct Survey {
    /// Which bytes the expression tells apart: a number for each, and bytes of the same number lead to the same states.
    pub classes: [u16; 256],
    /// States from which every value matches.
    pub full: BTreeSet<u32>,
    /// States from which none does.
    pub dead: BTreeSet<u32>,
}

/// Changes marks of states until each agrees with those of the states that follow: to `to` where the states that follow
/// say so, from the other.
fn settle(rows: &[Vec<Option<usize>>], mut marks: Vec<bool>, of_next: impl Fn(&[bool]) -> bool, to: bool) -> Vec<bool> {
    // The different states that follow each.
    let nexts: Vec<BTreeSet<Option<usize>>> = rows.iter().map(|row| row.iter().copied().collect()).collect();
    loop {
        let mut is_settled = true;
        for (at, next) in nexts.iter().enumerate() {
            let next: Vec<bool> =
                next.iter().map(|next| next.and_then(|next| marks.get(next).copied()).unwrap_or(false)).collect();
            if let Some(mark) = marks.get_mut(at).filter(|mark| **mark != to && of_next(&next) == to) {
                *mark = to;
                is_settled = false;
            }
        }
        if is_settled {
            return marks;
        }
    }
}

/// Bytes that lead to the same states from each state have one number.
fn classes(rows: &[Vec<Option<usize>>]) -> [u16; 256] {
    let mut known = BTreeMap::new();
    let mut classes = [0; 256];
    for (byte, class) in classes.iter_mut().enumerate() {
        let column: Vec<Option<usize>> = rows.iter().map(|row| row.get(byte).copied().flatten()).collect();
        let number = u16::try_from(known.len()).unwrap_or(u16::MAX);
        *class = *known.entry(column).or_insert(number);
    }
    classes
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
        let classes = Pattern::from_bytes(&compile("a+[0-9]").unwrap()).unwrap().survey().classes;
        assert_eq!(classes[usize::from(b'3')], classes[usize::from(b'7')]);
        assert_ne!(classes[usize::from(b'3')], classes[usize::from(b'a')]);
        assert_eq!(classes[usize::from(b'x')], classes[usize::from(b'/')]);
    }

    #[test]
    fn what_follows_is_known_where_it_does_not_matter() {
        for (text, value, full, dead) in [
            (".*k.*", &b"ak"[..], true, false),
            (".*k.*", b"a", false, false),
            ("a[0-9]*", b"a1", false, false),
            ("a(b|c)x{3}", b"abx", false, false),
            (".*", b"", true, false),
        ] {
            let pattern = Pattern::from_bytes(&compile(text).unwrap()).unwrap();
            let survey = pattern.survey();
            let state = value.iter().try_fold(pattern.start(), |state, byte| pattern.next(state, *byte)).unwrap();
            assert_eq!((survey.full.contains(&state), survey.dead.contains(&state)), (full, dead), "{text} {value:?}");
        }
    }
}
