//! Values of tokens and metadata: a text, a list of texts, or nothing.

use sallyport_core::outline::{Listed, StringPattern, Use};

use super::{ABSENT, Machine, NEXT, State, byte};
use crate::meaning::lang::Lang;
use crate::meaning::marks::{Marks, Symbol};
use crate::meaning::utf8;

/// A text follows.
pub(in crate::meaning) const TEXT: Symbol = 0x1004;
/// Texts follow, with [`NEXT`] between them.
pub(in crate::meaning) const LIST: Symbol = 0x1005;

/// A list of patterns on a text, or on the elements of a list.
#[derive(Debug)]
pub(in crate::meaning) struct ClaimTest {
    texts: Lang,
    elements: Lang,
    words: bool,
    by: Use,
    negated: bool,
    if_missing: bool,
}

impl ClaimTest {
    /// On a claim.
    pub(in crate::meaning) fn new(listed: &Listed<Vec<StringPattern>>, words: bool) -> Self {
        let lang = Lang::of_strings(&listed.patterns);
        Self::of(listed.by, listed.negated, listed.if_missing, (lang.clone(), lang), words)
    }

    /// On a field of metadata, where texts and elements have patterns of their own.
    pub(in crate::meaning) fn of(
        by: Use,
        negated: bool,
        if_missing: bool,
        (texts, elements): (Lang, Lang),
        words: bool,
    ) -> Self {
        Self { texts, elements, words, by, negated, if_missing }
    }

    /// Whether it is a text that one of these matches.
    pub(in crate::meaning) fn of_text(lang: Lang) -> Self {
        Self::of(Use::Permissive, false, false, (lang, Lang::default()), false)
    }

    /// Whether there is a text, or a list with one.
    pub(in crate::meaning) fn present() -> Self {
        let any = Lang::of_strings(&[StringPattern::Prefix(Box::default())]);
        Self::of(Use::Permissive, false, false, (any.clone(), any), false)
    }

    /// The language of what is being read.
    fn lang(&self, kind: u32) -> &Lang {
        if kind == LIST { &self.elements } else { &self.texts }
    }
}

/// The state: what kind of value it is, whether a part of it has matched, then the walk of the part, then that of the whole.
impl Machine for ClaimTest {
    fn start(&self) -> State {
        vec![0, 0]
    }

    fn step(&self, state: &[u32], symbol: Symbol) -> State {
        let [kind, matched, ref walks @ ..] = state[..] else { return Vec::new() };
        let lang = self.lang(kind);
        let (part, whole) = walks.split_at(walks.len() / 2);
        let (mut part, mut whole) = (part.to_vec(), whole.to_vec());
        let mut matched = matched;
        match byte(symbol) {
            None if symbol == ABSENT => return vec![ABSENT, 0],
            None if symbol == NEXT => {
                matched |= u32::from(lang.matches(&part));
                part = lang.start();
            }
            None => {
                let start = self.lang(symbol).start();
                return [vec![symbol, 0], start.clone(), start].concat();
            }
            Some(b' ') if kind == TEXT && self.words => {
                matched |= u32::from(lang.matches(&part));
                part = lang.start();
                lang.step(&mut whole, b' ');
            }
            Some(byte) => {
                lang.step(&mut part, byte);
                lang.step(&mut whole, byte);
            }
        }
        if kind == LIST || !self.words {
            // Only the whole of a list of words is a reading.
            whole.clone_from(&part);
        }
        [vec![kind, matched], part, whole].concat()
    }

    fn holds(&self, state: &[u32]) -> bool {
        let [kind, matched, ref walks @ ..] = state[..] else { return false };
        if !matches!(kind, TEXT | LIST) {
            return self.if_missing;
        }
        let lang = self.lang(kind);
        let (part, whole) = walks.split_at(walks.len() / 2);
        let is_whole = kind == TEXT && self.words && self.by == Use::Restrictive && lang.matches(whole);
        (matched == 1 || lang.matches(part) || is_whole) != self.negated
    }

    fn settled(&self, state: &[u32]) -> Option<bool> {
        let [kind, matched, ref walks @ ..] = state[..] else { return None };
        match kind {
            ABSENT => Some(self.if_missing),
            TEXT | LIST if matched == 1 => Some(!self.negated),
            TEXT if !self.words => {
                let (part, _) = walks.split_at(walks.len() / 2);
                self.texts.settled(part).map(|matches| matches != self.negated)
            }
            _ => None,
        }
    }

    fn mark(&self, marks: &mut Marks) {
        self.texts.mark(marks);
        self.elements.mark(marks);
        if self.words {
            marks.text(b" ");
        }
        marks.symbols.extend([ABSENT, TEXT, LIST, NEXT]);
    }
}

/// Which values there are: in UTF-8, without control characters.
#[derive(Debug)]
pub(in crate::meaning) struct ClaimGuard;

/// The state: kind, and where in a character. A list has an element.
impl Machine for ClaimGuard {
    fn start(&self) -> State {
        vec![0, utf8::START]
    }

    fn step(&self, state: &[u32], symbol: Symbol) -> State {
        let [kind, place] = state[..] else { return Vec::new() };
        match (kind, byte(symbol)) {
            (0, None) if matches!(symbol, ABSENT | TEXT | LIST) => vec![symbol, utf8::START],
            (LIST, None) if symbol == NEXT && place == utf8::START => vec![LIST, utf8::START],
            (TEXT | LIST, Some(byte)) if byte >= 0x20 && byte != 0x7f => {
                utf8::step(place, byte).map_or_else(Vec::new, |place| vec![kind, place])
            }
            _ => Vec::new(),
        }
    }

    fn holds(&self, state: &[u32]) -> bool {
        matches!(state[..], [ABSENT | TEXT | LIST, utf8::START])
    }

    fn settled(&self, state: &[u32]) -> Option<bool> {
        state.is_empty().then_some(false)
    }

    fn mark(&self, _: &mut Marks) {}
}
