//! Lines of which the author of a rule has chosen how many must satisfy it.

use sallyport_core::outline::Kind;

use super::super::{State, byte};
use super::readings::{Lines, Trimmed, take};
use crate::meaning::lang::Lang;
use crate::meaning::marks::Symbol;

/// What the lines so far come to, where the author has chosen which count.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) all: bool,
    pub(super) any: bool,
    /// The line and the element that are being read, by what is wanted and what is forbidden.
    line: [Trimmed; 2],
    element: [Trimmed; 2],
}

impl Chosen {
    pub(super) fn new(langs: [&Lang; 2]) -> Self {
        Self { all: true, any: false, line: langs.map(Trimmed::new), element: langs.map(Trimmed::new) }
    }

    fn satisfied(parts: &[Trimmed; 2], langs: [&Lang; 2], is_positive: bool) -> bool {
        let ([wanted, forbidden], [wanted_lang, forbidden_lang]) = (parts, langs);
        (!is_positive || wanted_lang.matches(&wanted.last)) && !forbidden_lang.matches(&forbidden.last)
    }

    fn end_element(&mut self, langs: [&Lang; 2], is_positive: bool) {
        self.any |= is_positive && Self::satisfied(&self.element, langs, is_positive);
        self.element = langs.map(Trimmed::new);
    }

    pub(super) fn end_line(&mut self, langs: [&Lang; 2], is_positive: bool, is_list: bool) {
        let satisfied = Self::satisfied(&self.line, langs, is_positive);
        self.all &= satisfied;
        self.any |= satisfied;
        self.line = langs.map(Trimmed::new);
        if is_list {
            self.end_element(langs, is_positive);
        }
    }

    pub(super) fn step(&mut self, langs: [&Lang; 2], lines: Lines, is_positive: bool, symbol: Symbol) {
        let is_list = lines.0 == Kind::List;
        match byte(symbol) {
            None => self.end_line(langs, is_positive, is_list),
            Some(byte) => {
                // Of a parameter, too: by choice a line is trimmed in one way.
                let is_blank = matches!(byte, b' ' | b'\t');
                for (part, lang) in self.line.iter_mut().zip(langs) {
                    part.step(lang, byte, is_blank);
                }
                if is_list && byte == b',' {
                    self.end_element(langs, is_positive);
                } else if is_list {
                    for (part, lang) in self.element.iter_mut().zip(langs) {
                        part.step(lang, byte, is_blank);
                    }
                }
            }
        }
    }

    pub(super) fn save(&self, state: &mut State) {
        state.extend([self.all, self.any].map(u32::from));
        for part in self.line.iter().chain(&self.element) {
            part.save(state);
        }
    }

    pub(super) fn load(langs: [&Lang; 2], state: &mut &[u32]) -> Self {
        let flags = take(state, 2).to_vec();
        let line = langs.map(|lang| Trimmed::load(lang, state));
        let element = langs.map(|lang| Trimmed::load(lang, state));
        Self { all: flags.first() == Some(&1), any: flags.get(1) == Some(&1), line, element }
    }
}
