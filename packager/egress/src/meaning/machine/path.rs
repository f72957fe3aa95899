//! Paths, as they are sent.
//!
//! # Design
//!
//! A symbol is one character of the path together with its spelling: a plain byte; its escape (`ESCAPED` + byte); or the
//! other spelling of a character whose canonical form is an escape (`OTHERWISE` + byte), which rules read in two ways. So
//! a string of symbols is a request's path, and each reading of it is what one rule of spelling makes of the symbols.
//! Escapes of unreserved characters are left out: Envoy decodes them before the filter sees them.

use std::sync::Arc;

use sallyport_core::outline::{Listed, PathPattern, Pattern, Use};
use sallyport_core::request::{is_of_segment, is_unreserved};
use sallyport_core::wire::Ambiguity;

use super::{Machine, State, byte};
use crate::meaning::lang::{Lang, Walk};
use crate::meaning::marks::{Marks, Symbol};
use crate::meaning::utf8;

/// From here on: the escape of a byte, with upper-case digits.
pub(in crate::meaning) const ESCAPED: Symbol = 0x100;
/// From here on: the spelling of a byte that is not canonical.
pub(in crate::meaning) const OTHERWISE: Symbol = 0x200;

/// How a symbol is spelled.
pub(in crate::meaning) struct Spelling {
    /// As it is sent.
    pub(in crate::meaning) raw: Vec<u8>,
    /// In the canonical form.
    pub(in crate::meaning) canonical: Vec<u8>,
    /// The byte that it stands for.
    pub(in crate::meaning) byte: u8,
}

impl Spelling {
    pub(in crate::meaning) fn of(symbol: Symbol) -> Self {
        let [byte, ..] = symbol.to_le_bytes();
        let escape = |upper: bool| if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") }.into_bytes();
        let plain = vec![byte];
        match symbol {
            0..ESCAPED if byte >= 0x80 => Self { raw: plain, canonical: escape(true), byte },
            0..ESCAPED => Self { raw: plain.clone(), canonical: plain, byte },
            ESCAPED..OTHERWISE => Self { raw: escape(true), canonical: escape(true), byte },
            _ if is_of_segment(byte) => Self { raw: escape(true), canonical: plain, byte },
            _ if escape(true) != escape(false) => Self { raw: escape(false), canonical: escape(true), byte },
            _ => Self { raw: plain, canonical: escape(true), byte },
        }
    }
}

/// A list of paths, or of expressions on paths.
#[derive(Debug)]
pub(in crate::meaning) struct PathTest {
    lang: Lang,
    by: Use,
    negated: bool,
    /// A restrictive expression reads the path decoded, too.
    decodes: bool,
}

impl PathTest {
    pub(in crate::meaning) fn of_paths(listed: &Listed<Vec<PathPattern>>, negated: bool) -> Self {
        Self { lang: Lang::of_paths(&listed.patterns), by: listed.by, negated, decodes: false }
    }

    pub(in crate::meaning) fn of_expressions(listed: &Listed<Vec<Arc<Pattern>>>) -> Self {
        let lang = Lang::default().or_expressions(&listed.patterns);
        Self { lang, by: listed.by, negated: listed.negated, decodes: listed.by == Use::Restrictive }
    }

    fn parts<'s>(&self, state: &'s [u32]) -> (&'s [u32], &'s [u32], &'s [u32]) {
        let width = self.lang.width();
        let (canonical, rest) = state.split_at(width.min(state.len()));
        let (raw, decoded) = rest.split_at(width.min(rest.len()));
        (canonical, raw, decoded)
    }
}

/// The state: whether it differs from its canonical form, whether it has an escape, then the walks of the canonical form, of
/// the path as it came, and of what it decodes to.
impl Machine for PathTest {
    fn start(&self) -> State {
        let walk = self.lang.start();
        let decoded = if self.decodes { walk.clone() } else { Walk::new() };
        [vec![0, 0], walk.clone(), walk, decoded].concat()
    }

    fn step(&self, state: &[u32], symbol: Symbol) -> State {
        let [mut differs, mut escapes, ref walks @ ..] = state[..] else { return Vec::new() };
        let spelling = Spelling::of(symbol);
        let (canonical, raw, decoded) = self.parts(walks);
        let (mut canonical, mut raw, mut decoded) = (canonical.to_vec(), raw.to_vec(), decoded.to_vec());
        differs |= u32::from(spelling.raw != spelling.canonical);
        self.lang.steps(&mut canonical, &spelling.canonical);
        if differs == 1 {
            self.lang.steps(&mut raw, &spelling.raw);
        } else {
            raw.clone_from(&canonical);
        }
        if self.decodes {
            escapes |= u32::from(spelling.canonical.contains(&b'%'));
            if escapes == 1 {
                self.lang.step(&mut decoded, spelling.byte);
            } else {
                decoded.clone_from(&canonical);
            }
        }
        [vec![differs, escapes], canonical, raw, decoded].concat()
    }

    fn holds(&self, state: &[u32]) -> bool {
        let [differs, escapes, ref walks @ ..] = state[..] else { return false };
        let (canonical, raw, decoded) = self.parts(walks);
        let readings = [Some(canonical), (differs == 1).then_some(raw)].into_iter().flatten();
        let matched = self.by.matches(readings, |walk| self.lang.matches(walk))
            || (self.decodes && escapes == 1 && self.lang.matches(decoded));
        matched != self.negated
    }

    fn settled(&self, state: &[u32]) -> Option<bool> {
        let [_, _, ref walks @ ..] = state[..] else { return None };
        let (canonical, raw, decoded) = self.parts(walks);
        let canonical = self.lang.settled(canonical)?;
        if self.lang.settled(raw)? != canonical {
            return None;
        }
        if self.decodes && !canonical && self.lang.settled(decoded)? {
            return None;
        }
        Some(canonical != self.negated)
    }

    fn mark(&self, marks: &mut Marks) {
        self.lang.mark(marks);
    }
}

/// Whether a path is ambiguous in one way, so that a policy that does not tolerate that refuses it.
#[derive(Debug)]
pub(in crate::meaning) struct PathHas(pub(in crate::meaning) Ambiguity);

impl Machine for PathHas {
    fn start(&self) -> State {
        vec![0, utf8::START, 0]
    }

    fn step(&self, state: &[u32], symbol: Symbol) -> State {
        let [place, character, has] = state[..] else { return Vec::new() };
        let mut shape = Shape::unpack(place);
        let found = shape.step(symbol);
        // What the guard leaves out does not matter here.
        let character = utf8::step_tolerant(character, Spelling::of(symbol).byte).unwrap_or(utf8::START);
        vec![shape.pack(), character, has | u32::from(found == Some(self.0))]
    }

    fn holds(&self, state: &[u32]) -> bool {
        let [place, character, has] = state[..] else { return false };
        has == 1
            || Shape::unpack(place).end() == Some(self.0)
            || (self.0 == Ambiguity::InvalidUtf8 && utf8::is_broken(character))
    }

    fn settled(&self, state: &[u32]) -> Option<bool> {
        (state.get(2) == Some(&1)).then_some(true)
    }

    fn mark(&self, _: &mut Marks) {}
}

/// Which paths there are: those that are canonical but for what is tolerated.
#[derive(Debug)]
pub(in crate::meaning) struct PathGuard {
    /// Kinds of ambiguity that some policy tolerates.
    pub(in crate::meaning) tolerated: Vec<Ambiguity>,
}

impl PathGuard {
    fn tolerates_broken(&self) -> bool {
        self.tolerated.contains(&Ambiguity::InvalidUtf8)
    }

    /// Whether a symbol may occur at all.
    pub(in crate::meaning) fn admits(&self, symbol: Symbol) -> bool {
        let [byte, ..] = symbol.to_le_bytes();
        let can_be = match symbol {
            // No client can send these as they are.
            0..=0x20 | 0x7f => false,
            0..ESCAPED => byte == b'/' || byte == b'%' || is_of_segment(byte) || kind_of(symbol).is_some(),
            ESCAPED..OTHERWISE => !is_of_segment(byte),
            // Of unreserved characters Envoy decodes the escape; a byte without another spelling has none.
            _ => {
                let is_escape = Spelling::of(symbol).raw.len() == 3;
                !is_unreserved(byte) && byte != b'/' && (is_escape || kind_of(byte.into()).is_none())
            }
        };
        let is_tolerated = |kind| self.tolerated.contains(&kind);
        can_be && kind_of(symbol).is_none_or(is_tolerated)
    }
}

/// The state: [`Shape`], and where in a character of UTF-8.
impl Machine for PathGuard {
    fn start(&self) -> State {
        vec![0, utf8::START]
    }

    fn step(&self, state: &[u32], symbol: Symbol) -> State {
        let [place, character] = state[..] else { return Vec::new() };
        let is_first = place == 0;
        if !self.admits(symbol) || (is_first && symbol != u32::from(b'/')) {
            return Vec::new();
        }
        let mut shape = Shape::unpack(place);
        if shape.step(symbol).is_some_and(|kind| !self.tolerated.contains(&kind)) {
            return Vec::new();
        }
        let byte = Spelling::of(symbol).byte;
        let next =
            if self.tolerates_broken() { utf8::step_tolerant(character, byte) } else { utf8::step(character, byte) };
        next.map_or_else(Vec::new, |character| vec![shape.pack(), character])
    }

    fn holds(&self, state: &[u32]) -> bool {
        let [place, character] = state[..] else { return false };
        let is_text = self.tolerates_broken() || character == utf8::START;
        place != 0 && is_text && Shape::unpack(place).end().is_none_or(|kind| self.tolerated.contains(&kind))
    }

    fn settled(&self, state: &[u32]) -> Option<bool> {
        state.is_empty().then_some(false)
    }

    fn mark(&self, marks: &mut Marks) {
        marks.text(b"/.");
    }
}

/// In which way a symbol by itself makes a path ambiguous.
fn kind_of(symbol: Symbol) -> Option<Ambiguity> {
    let [byte, ..] = symbol.to_le_bytes();
    match (symbol < ESCAPED, byte) {
        (true, b'%') => Some(Ambiguity::InvalidEncoding),
        (true, b'#') => Some(Ambiguity::Fragment),
        (true, b'\\') => Some(Ambiguity::Backslash),
        (_, b';') => Some(Ambiguity::Semicolon),
        (false, 0) => Some(Ambiguity::EscapedNul),
        (false, b'/' | b'\\') => Some(Ambiguity::EscapedSlash),
        (false, b'#' | b'?') => Some(Ambiguity::EscapedDelimiter),
        (false, b' ') => None,
        (_, 0..=0x20 | 0x7f) => Some(Ambiguity::ControlCharacter),
        (true, 0x80..) => Some(Ambiguity::NonAscii),
        _ => None,
    }
}

/// What of a path's past matters to whether it is ambiguous.
#[derive(Clone, Copy, Debug, Default)]
struct Shape {
    /// Something was read.
    begun: bool,
    after_slash: bool,
    /// How much of a segment `.` or `..` was read; 3: it is another.
    dots: u8,
    /// How many digits of an escape behind `%25`, or behind a `%` that begins none, were read; 3: there is none.
    digits: u8,
    /// It was a `%` that must not begin an escape.
    is_plain: bool,
}

impl Shape {
    fn unpack(place: u32) -> Self {
        let [flags, dots, digits, _] = place.to_le_bytes();
        Self {
            begun: flags & 1 != 0,
            after_slash: flags & 2 != 0,
            is_plain: flags & 4 != 0,
            dots,
            digits: if place == 0 { 3 } else { digits },
        }
    }

    fn pack(self) -> u32 {
        let flags = u8::from(self.begun) | (u8::from(self.after_slash) << 1) | (u8::from(self.is_plain) << 2);
        u32::from_le_bytes([flags, self.dots, self.digits, 0])
    }

    /// In which way one more symbol makes the path ambiguous.
    fn step(&mut self, symbol: Symbol) -> Option<Ambiguity> {
        let [value, ..] = symbol.to_le_bytes();
        let plain = byte(symbol);
        let is_separator = matches!(value, b'/' | b'\\');
        let mut found = kind_of(symbol);
        if plain == Some(b'/') && self.after_slash {
            found = Some(Ambiguity::DoubleSlash);
        }
        let ends_name = is_separator || value == b';';
        if ends_name && matches!(self.dots, 1 | 2) {
            found = Some(Ambiguity::DotSegment);
        }
        self.dots = match (value, self.dots) {
            _ if is_separator => 0,
            (b'.', 0) => 1,
            (b'.', 1) => 2,
            _ => 3,
        };
        self.after_slash = plain == Some(b'/');
        let is_digit = plain.is_some_and(|byte| byte.is_ascii_hexdigit());
        self.digits = match (symbol, self.digits, is_digit) {
            _ if plain == Some(b'%') || symbol == ESCAPED.saturating_add(b'%'.into()) => {
                self.is_plain = plain.is_some();
                0
            }
            (_, 0, true) => 1,
            (_, 1, true) => {
                // A plain `%` before two digits would be another symbol.
                found = Some(if self.is_plain { Ambiguity::MalformedPath } else { Ambiguity::DoubleEncoding });
                3
            }
            _ => 3,
        };
        self.begun = true;
        found
    }

    /// In which way the end makes it ambiguous.
    fn end(self) -> Option<Ambiguity> {
        matches!(self.dots, 1 | 2).then_some(Ambiguity::DotSegment)
    }
}

/// Symbols of one number are the same to [`Shape`].
pub(in crate::meaning) fn shape_class(symbol: Symbol) -> (Option<Ambiguity>, u8) {
    let [value, ..] = symbol.to_le_bytes();
    let is_digit = byte(symbol).is_some_and(|byte| byte.is_ascii_hexdigit());
    let of_value = match value {
        b'/' => 1,
        b'\\' => 2,
        b';' => 3,
        b'.' => 4,
        b'%' => 5,
        _ if is_digit => 6,
        _ => 0,
    };
    (kind_of(symbol), of_value)
}
