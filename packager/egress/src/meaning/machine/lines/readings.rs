//! Readings of lines, followed all at once.

use sallyport_core::outline::{Kind, Use};

use super::super::{State, byte};
use crate::meaning::lang::{Lang, Walk};
use crate::meaning::marks::Symbol;

/// How lines are read.
#[derive(Clone, Copy, Debug)]
pub(in crate::meaning) struct Lines(pub(in crate::meaning) Kind);

impl Lines {
    pub(super) fn is_blank(self, byte: u8) -> bool {
        match self.0 {
            Kind::Parameter => byte.is_ascii_whitespace() || byte == 0x0b,
            Kind::List | Kind::Whole => matches!(byte, b' ' | b'\t'),
        }
    }

    pub(super) fn separators(self) -> &'static [&'static [u8]] {
        match self.0 {
            Kind::Parameter => &[],
            Kind::List | Kind::Whole => &[b",", b", ", b"; "],
        }
    }

    pub(super) fn list_separators(self) -> &'static [&'static [u8]] {
        match self.0 {
            Kind::List => &[b",", b", "],
            Kind::Whole | Kind::Parameter => &[],
        }
    }
}

/// A text without the blanks around it: its walk to the last byte that is no blank, and to here.
#[derive(Clone, Debug)]
pub(super) struct Trimmed {
    begun: bool,
    pub(super) last: Walk,
    here: Walk,
}

impl Trimmed {
    pub(super) fn new(lang: &Lang) -> Self {
        Self { begun: false, last: lang.start(), here: lang.start() }
    }

    pub(super) fn step(&mut self, lang: &Lang, byte: u8, is_blank: bool) {
        if is_blank && !self.begun {
            return;
        }
        lang.step(&mut self.here, byte);
        if !is_blank {
            self.begun = true;
            self.last.clone_from(&self.here);
        }
    }

    /// Behind a separator, where another text begins.
    pub(super) fn join(&mut self, lang: &Lang, separator: &[u8]) {
        lang.steps(&mut self.last, separator);
        self.here.clone_from(&self.last);
        self.begun = false;
    }

    pub(super) fn save(&self, state: &mut State) {
        state.push(u32::from(self.begun));
        state.extend(&self.last);
        state.extend(&self.here);
    }

    pub(super) fn load(lang: &Lang, state: &mut &[u32]) -> Self {
        let begun = take(state, 1) == [1];
        let width = lang.width();
        Self { begun, last: take(state, width).to_vec(), here: take(state, width).to_vec() }
    }
}

pub(super) fn take<'s>(state: &mut &'s [u32], count: usize) -> &'s [u32] {
    let (taken, rest) = state.split_at(count.min(state.len()));
    *state = rest;
    taken
}

/// What a language makes of all readings so far.
#[derive(Clone, Debug)]
pub(super) struct Readings {
    /// Some reading that has ended matches; some does not.
    some: bool,
    others: bool,
    /// The same of elements, which count once there is a comma.
    some_element: bool,
    other_element: bool,
    raw: Walk,
    line: Trimmed,
    element: Trimmed,
    joined: Vec<Walk>,
    lists: Vec<Trimmed>,
}

impl Readings {
    pub(super) fn new(lang: &Lang, lines: Lines) -> Self {
        Self {
            some: false,
            others: false,
            some_element: false,
            other_element: false,
            raw: lang.start(),
            line: Trimmed::new(lang),
            element: Trimmed::new(lang),
            joined: lines.separators().iter().map(|_| lang.start()).collect(),
            lists: lines.list_separators().iter().map(|_| Trimmed::new(lang)).collect(),
        }
    }

    fn note(&mut self, matches: bool) {
        self.some |= matches;
        self.others |= !matches;
    }

    fn end_element(&mut self, lang: &Lang) {
        let matches = lang.matches(&self.element.last);
        self.some_element |= matches;
        self.other_element |= !matches;
        self.element = Trimmed::new(lang);
    }

    fn end_line(&mut self, lang: &Lang) {
        self.note(lang.matches(&self.raw));
        self.note(lang.matches(&self.line.last));
        self.raw = lang.start();
        self.line = Trimmed::new(lang);
        self.end_element(lang);
    }

    pub(super) fn step(&mut self, lang: &Lang, lines: Lines, symbol: Symbol) {
        let Some(byte) = byte(symbol) else {
            self.end_line(lang);
            for (walk, separator) in self.joined.iter_mut().zip(lines.separators()) {
                lang.steps(walk, separator);
            }
            for (list, separator) in self.lists.iter_mut().zip(lines.list_separators()) {
                list.join(lang, separator);
            }
            return;
        };
        let is_blank = lines.is_blank(byte);
        lang.step(&mut self.raw, byte);
        self.line.step(lang, byte, is_blank);
        for walk in &mut self.joined {
            lang.step(walk, byte);
        }
        if byte == b',' && lines.0 == Kind::List {
            self.end_element(lang);
            for (list, separator) in self.lists.iter_mut().zip(lines.list_separators()) {
                list.join(lang, separator);
            }
        } else {
            self.element.step(lang, byte, is_blank);
            for list in &mut self.lists {
                list.step(lang, byte, is_blank);
            }
        }
    }

    /// Whether the language matches, as it is used, if the lines end here.
    pub(super) fn matches(mut self, lang: &Lang, by: Use, has_several: bool, has_comma: bool) -> bool {
        self.end_line(lang);
        if has_several {
            for walk in std::mem::take(&mut self.joined) {
                self.note(lang.matches(&walk));
            }
        }
        if has_comma {
            for list in std::mem::take(&mut self.lists) {
                self.note(lang.matches(&list.last));
            }
            self.some |= self.some_element;
            self.others |= self.other_element;
        }
        match by {
            Use::Restrictive => self.some,
            Use::Permissive => !self.others,
        }
    }

    /// Whether the language matches, whatever follows.
    pub(super) fn settled(&self, lang: &Lang, by: Use, has_several: bool, has_comma: bool) -> Option<bool> {
        let is_dead = |walk: &Walk| lang.settled(walk) == Some(false);
        match by {
            Use::Restrictive => (self.some || (has_comma && self.some_element)).then_some(true),
            Use::Permissive => {
                let is_lost = self.others
                    || is_dead(&self.raw)
                    || is_dead(&self.line.here)
                    || (has_several && self.joined.iter().any(is_dead))
                    || (has_comma
                        && (self.other_element
                            || is_dead(&self.element.here)
                            || self.lists.iter().any(|list| is_dead(&list.here))));
                is_lost.then_some(false)
            }
        }
    }

    pub(super) fn save(&self, state: &mut State) {
        let flags = [self.some, self.others, self.some_element, self.other_element];
        state.extend(flags.map(u32::from));
        state.extend(&self.raw);
        for trimmed in [&self.line, &self.element].into_iter().chain(&self.lists) {
            trimmed.save(state);
        }
        state.extend(self.joined.iter().flatten());
    }

    pub(super) fn load(lang: &Lang, lines: Lines, state: &mut &[u32]) -> Self {
        let width = lang.width();
        let flags = take(state, 4).to_vec();
        let flag = |at: usize| flags.get(at) == Some(&1);
        Self {
            some: flag(0),
            others: flag(1),
            some_element: flag(2),
            other_element: flag(3),
            raw: take(state, width).to_vec(),
            line: Trimmed::load(lang, state),
            element: Trimmed::load(lang, state),
            lists: lines.list_separators().iter().map(|_| Trimmed::load(lang, state)).collect(),
            joined: lines.separators().iter().map(|_| take(state, width).to_vec()).collect(),
        }
    }
}
