//! Headers and query parameters: any number of lines, each a text.
//!
//! # Design
//!
//! Rules look at readings of all lines together: each line, trimmed, joined in three ways, and for lists element by element
//! (`readings of a value` in the core). Each reading follows from the string of all lines, so a test follows them all at once.

mod chosen;
mod readings;

use sallyport_core::outline::{Kind, Use, Values};
use sallyport_core::wire::Quantifier;

use self::chosen::Chosen;
use self::readings::{Lines, Readings};
use super::{ABSENT, Machine, NEXT, State, byte};
use crate::meaning::lang::Lang;
use crate::meaning::marks::{Marks, Symbol};
use crate::meaning::utf8;

/// Between two lines.
pub(in crate::meaning) const LINE: Symbol = NEXT;

/// Which names have lines, and what these are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::meaning) enum Sender {
    /// A header's.
    Header,
    /// A header's that only has this value: `upgrade: websocket`.
    WebSocket,
    /// A parameter's.
    Parameter,
}

/// A condition on lines.
#[derive(Debug)]
pub(in crate::meaning) struct LinesTest {
    lines: Lines,
    how: How,
}

#[derive(Debug)]
enum How {
    /// By all readings: the language that must match, and that which must not, each with its use.
    Readings(Vec<(Lang, Use, bool)>),
    /// By the author's choice of lines.
    Chosen { quantifier: Quantifier, wanted: Option<Lang>, forbidden: Lang },
    /// Every line, as it came, and there is one.
    Every(Lang),
}

impl LinesTest {
    pub(in crate::meaning) fn new(kind: Kind, values: &Values) -> Self {
        let lang = |values: &Option<Vec<_>>, regex: &Option<Vec<_>>| {
            Lang::of_strings(values.iter().flatten()).or_expressions(regex.as_deref().unwrap_or_default())
        };
        let is_positive = values.values.is_some() || values.regex.is_some();
        let wanted = is_positive.then(|| lang(&values.values, &values.regex));
        let is_negative = values.not_values.is_some() || values.not_regex.is_some();
        let forbidden = lang(&values.not_values, &values.not_regex);
        let how = match values.quantifier {
            Some(quantifier) => How::Chosen { quantifier, wanted, forbidden },
            None => {
                let wanted = wanted.map(|lang| (lang, Use::of(values.action, false), true));
                let forbidden = is_negative.then(|| (forbidden, Use::of(values.action, true), false));
                How::Readings(wanted.into_iter().chain(forbidden).collect())
            }
        };
        Self { lines: Lines(kind), how }
    }

    /// Whether there is a line, and each is in the language as it came.
    pub(in crate::meaning) fn every(lang: Lang) -> Self {
        Self { lines: Lines(Kind::Whole), how: How::Every(lang) }
    }

    /// Without lines only what forbids holds.
    fn without_lines(&self) -> bool {
        match &self.how {
            How::Readings(langs) => !langs.iter().any(|(.., wanted)| *wanted),
            How::Chosen { wanted, .. } => wanted.is_none(),
            How::Every(_) => false,
        }
    }
}

/// Whether there are several lines, and whether there is a comma, then what the languages make of them. Empty: no lines.
impl Machine for LinesTest {
    fn start(&self) -> State {
        let mut state = vec![0, 0];
        match &self.how {
            How::Readings(langs) => {
                for (lang, ..) in langs {
                    Readings::new(lang, self.lines).save(&mut state);
                }
            }
            How::Chosen { wanted, forbidden, .. } => {
                Chosen::new([wanted.as_ref().unwrap_or(forbidden), forbidden]).save(&mut state);
            }
            How::Every(lang) => state.extend([vec![1], lang.start()].concat()),
        }
        state
    }

    fn step(&self, state: &[u32], symbol: Symbol) -> State {
        let [several, comma, ref rest @ ..] = state[..] else { return Vec::new() };
        if symbol == ABSENT {
            return Vec::new();
        }
        let mut next = vec![several | u32::from(symbol == LINE), comma | u32::from(symbol == u32::from(b','))];
        let mut rest = rest;
        match &self.how {
            How::Readings(langs) => {
                for (lang, ..) in langs {
                    let mut readings = Readings::load(lang, self.lines, &mut rest);
                    readings.step(lang, self.lines, symbol);
                    readings.save(&mut next);
                }
            }
            How::Chosen { wanted, forbidden, .. } => {
                let langs = [wanted.as_ref().unwrap_or(forbidden), forbidden];
                let mut chosen = Chosen::load(langs, &mut rest);
                chosen.step(langs, self.lines, wanted.is_some(), symbol);
                chosen.save(&mut next);
            }
            How::Every(lang) => {
                let [all, walk @ ..] = rest else { return Vec::new() };
                let mut walk = walk.to_vec();
                let mut all = *all;
                match byte(symbol) {
                    Some(byte) => lang.step(&mut walk, byte),
                    None => {
                        all &= u32::from(lang.matches(&walk));
                        walk = lang.start();
                    }
                }
                next.push(all);
                next.extend(walk);
            }
        }
        next
    }

    fn holds(&self, state: &[u32]) -> bool {
        let [several, comma, ref rest @ ..] = state[..] else { return self.without_lines() };
        let (has_several, has_comma) = (several == 1, comma == 1 && self.lines.0 == Kind::List);
        let mut rest = rest;
        match &self.how {
            How::Readings(langs) => langs.iter().all(|(lang, by, wanted)| {
                let readings = Readings::load(lang, self.lines, &mut rest);
                readings.matches(lang, *by, has_several, has_comma) == *wanted
            }),
            How::Chosen { quantifier, wanted, forbidden } => {
                let langs = [wanted.as_ref().unwrap_or(forbidden), forbidden];
                let mut chosen = Chosen::load(langs, &mut rest);
                chosen.end_line(langs, wanted.is_some(), self.lines.0 == Kind::List);
                match quantifier {
                    Quantifier::All => chosen.all,
                    Quantifier::Any => chosen.any,
                }
            }
            How::Every(lang) => {
                matches!(rest, [1, walk @ ..] if lang.matches(walk))
            }
        }
    }

    fn settled(&self, state: &[u32]) -> Option<bool> {
        let [several, comma, ref rest @ ..] = state[..] else { return Some(self.without_lines()) };
        let (has_several, has_comma) = (several == 1, comma == 1 && self.lines.0 == Kind::List);
        let mut rest = rest;
        match &self.how {
            How::Readings(langs) => {
                let mut is_open = false;
                for (lang, by, wanted) in langs {
                    let readings = Readings::load(lang, self.lines, &mut rest);
                    match readings.settled(lang, *by, has_several, has_comma) {
                        Some(matches) if matches != *wanted => return Some(false),
                        Some(_) => {}
                        None => is_open = true,
                    }
                }
                (!is_open).then_some(true)
            }
            How::Chosen { quantifier, wanted, forbidden } => {
                let chosen = Chosen::load([wanted.as_ref().unwrap_or(forbidden), forbidden], &mut rest);
                match quantifier {
                    Quantifier::All => (!chosen.all).then_some(false),
                    Quantifier::Any => chosen.any.then_some(true),
                }
            }
            How::Every(lang) => match rest {
                [0, ..] => Some(false),
                [_, walk @ ..] => (lang.settled(walk) == Some(false)).then_some(false),
                [] => None,
            },
        }
    }

    fn mark(&self, marks: &mut Marks) {
        match &self.how {
            How::Readings(langs) => langs.iter().for_each(|(lang, ..)| lang.mark(marks)),
            How::Chosen { wanted, forbidden, .. } => {
                wanted.iter().chain([forbidden]).for_each(|lang| lang.mark(marks));
            }
            How::Every(lang) => lang.mark(marks),
        }
        marks.symbols.extend([ABSENT, LINE]);
        match self.lines.0 {
            Kind::List => marks.text(b", "),
            Kind::Whole => marks.text(b" "),
            Kind::Parameter => marks.text(b" "),
        }
    }
}

/// Which lines there are.
#[derive(Debug)]
pub(in crate::meaning) struct LinesGuard(pub(in crate::meaning) Sender);

impl LinesGuard {
    pub(in crate::meaning) fn admits(&self, byte: u8) -> bool {
        match self.0 {
            Sender::Header | Sender::WebSocket => byte == b'\t' || (byte >= 0x20 && byte != 0x7f),
            Sender::Parameter => byte != 0,
        }
    }
}

/// The state: what has begun, and where in a character, or in the one value.
impl Machine for LinesGuard {
    fn start(&self) -> State {
        vec![0, utf8::START]
    }

    fn step(&self, state: &[u32], symbol: Symbol) -> State {
        let [begun, place] = state[..] else { return Vec::new() };
        match (begun, byte(symbol)) {
            (0, None) if symbol == ABSENT => vec![2, utf8::START],
            (0 | 1, None) if symbol == LINE && self.ends(place) => vec![1, utf8::START],
            (0 | 1, Some(byte)) if self.admits(byte) => match self.0 {
                Sender::WebSocket => {
                    let at = usize::try_from(place).unwrap_or(usize::MAX);
                    let fits = b"websocket".get(at) == Some(&byte);
                    if fits { vec![1, place.saturating_add(1)] } else { Vec::new() }
                }
                // Envoy hands on any byte.
                Sender::Header => vec![1, utf8::START],
                Sender::Parameter => utf8::step(place, byte).map_or_else(Vec::new, |place| vec![1, place]),
            },
            _ => Vec::new(),
        }
    }

    fn holds(&self, state: &[u32]) -> bool {
        match state[..] {
            [2, _] => true,
            [_, place] => self.ends(place),
            _ => false,
        }
    }

    fn settled(&self, state: &[u32]) -> Option<bool> {
        state.is_empty().then_some(false)
    }

    fn mark(&self, marks: &mut Marks) {
        if self.0 == Sender::WebSocket {
            marks.text(b"websocket");
        }
    }
}

impl LinesGuard {
    /// Whether a line may end here.
    fn ends(&self, place: u32) -> bool {
        match self.0 {
            Sender::WebSocket => place == 9,
            Sender::Header | Sender::Parameter => place == utf8::START,
        }
    }
}
