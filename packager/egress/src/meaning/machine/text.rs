//! One text, which may be missing: methods, server names, TLS versions.

use sallyport_core::outline::{Listed, StringPattern, Use};

use super::{ABSENT, Machine, State, byte};
use crate::meaning::lang::Lang;
use crate::meaning::marks::{Marks, Symbol};

/// A reading of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::meaning) enum Fold {
    AsIs,
    Lower,
    Upper,
}

impl Fold {
    fn of(self, byte: u8) -> u8 {
        match self {
            Self::AsIs => byte,
            Self::Lower => byte.to_ascii_lowercase(),
            Self::Upper => byte.to_ascii_uppercase(),
        }
    }
}

/// A list of patterns on a text.
#[derive(Debug)]
pub(in crate::meaning) struct TextTest {
    lang: Lang,
    folds: Vec<Fold>,
    by: Use,
    negated: bool,
    if_missing: bool,
}

impl TextTest {
    pub(in crate::meaning) fn new(listed: &Listed<Vec<StringPattern>>, folds: &[Fold]) -> Self {
        let lang = Lang::of_strings(&listed.patterns);
        Self { lang, folds: folds.to_vec(), by: listed.by, negated: listed.negated, if_missing: listed.if_missing }
    }

    fn walks<'s>(&self, state: &'s [u32]) -> impl Iterator<Item = &'s [u32]> {
        state.chunks(self.lang.width())
    }
}

impl Machine for TextTest {
    fn start(&self) -> State {
        self.folds.iter().flat_map(|_| self.lang.start()).collect()
    }

    fn step(&self, state: &[u32], symbol: Symbol) -> State {
        let Some(byte) = byte(symbol) else { return Vec::new() };
        let mut state = state.to_vec();
        for (walk, fold) in state.chunks_mut(self.lang.width()).zip(&self.folds) {
            self.lang.step(walk, fold.of(byte));
        }
        state
    }

    /// The state of a missing text is empty.
    fn holds(&self, state: &[u32]) -> bool {
        if state.is_empty() {
            return self.if_missing;
        }
        self.by.matches(self.walks(state), |walk| self.lang.matches(walk)) != self.negated
    }

    fn settled(&self, state: &[u32]) -> Option<bool> {
        if state.is_empty() {
            return Some(self.if_missing);
        }
        let settled: Option<Vec<bool>> = self.walks(state).map(|walk| self.lang.settled(walk)).collect();
        settled.map(|settled| self.by.matches(settled.into_iter(), |matches| matches) != self.negated)
    }

    fn mark(&self, marks: &mut Marks) {
        self.lang.mark(marks);
        if self.folds != [Fold::AsIs] {
            for byte in marks.bytes.clone() {
                marks.text(&[byte.to_ascii_lowercase(), byte.to_ascii_uppercase()]);
            }
            // A letter of the other case is another value, even where no pattern has one.
            marks.text(b"aA");
        }
        marks.symbols.insert(ABSENT);
    }
}

/// Which texts there are.
#[derive(Debug)]
pub(in crate::meaning) struct TextGuard {
    /// Whether the text may be missing.
    pub(in crate::meaning) optional: bool,
    /// What it is made of.
    pub(in crate::meaning) is_of: fn(u8) -> bool,
}

impl Machine for TextGuard {
    fn start(&self) -> State {
        vec![0]
    }

    fn step(&self, state: &[u32], symbol: Symbol) -> State {
        vec![match (state.first(), byte(symbol)) {
            (Some(0), None) if symbol == ABSENT && self.optional => 1,
            (Some(0 | 2), Some(byte)) if (self.is_of)(byte) => 2,
            _ => 3,
        }]
    }

    fn holds(&self, state: &[u32]) -> bool {
        matches!(state.first(), Some(1 | 2))
    }

    fn settled(&self, state: &[u32]) -> Option<bool> {
        (state.first() == Some(&3)).then_some(false)
    }

    fn mark(&self, _: &mut Marks) {}
}
