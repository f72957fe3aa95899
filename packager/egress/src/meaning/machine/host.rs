//! Authorities: a name or an address, and a port or none.

use std::rc::Rc;

use sallyport_core::outline::{Hosts, Listed, Use};

use super::{Machine, State, byte};
use crate::meaning::lang::{Lang, Walk};
use crate::meaning::marks::{Marks, Symbol};

/// From here on: an address, as a whole.
pub(in crate::meaning) const LITERAL: Symbol = 0x3000;
/// From here on: `:` and the port.
pub(in crate::meaning) const PORT: Symbol = 0x10000;

/// An address in an authority, and its canonical spelling if that is another.
pub(in crate::meaning) type Literal = (String, Option<String>);

/// A list of host patterns.
#[derive(Debug)]
pub(in crate::meaning) struct HostTest {
    names: Lang,
    with_port: Vec<(Lang, Option<u16>)>,
    literals: Rc<Vec<Literal>>,
    by: Use,
    negated: bool,
}

impl HostTest {
    pub(in crate::meaning) fn new(listed: &Listed<Hosts>, literals: &Rc<Vec<Literal>>) -> Self {
        let with_port =
            listed.patterns.with_port.iter().map(|(name, port)| (Lang::of_strings([name]), *port)).collect();
        Self {
            names: Lang::of_strings(&listed.patterns.names),
            with_port,
            literals: Rc::clone(literals),
            by: listed.by,
            negated: listed.negated,
        }
    }

    fn langs(&self) -> impl Iterator<Item = &Lang> {
        std::iter::once(&self.names).chain(self.with_port.iter().map(|(lang, _)| lang))
    }

    fn one(&self) -> Walk {
        self.langs().flat_map(Lang::start).collect()
    }

    fn steps(&self, walks: &mut [u32], bytes: &[u8]) {
        let mut rest = walks;
        for lang in self.langs() {
            let (walk, others) = rest.split_at_mut(lang.width().min(rest.len()));
            lang.steps(walk, bytes);
            rest = others;
        }
    }

    fn matches(&self, walks: &[u32], port: Option<u16>) -> bool {
        let mut rest = walks;
        let mut matched = self.langs().map(|lang| {
            let (walk, others) = rest.split_at(lang.width().min(rest.len()));
            rest = others;
            lang.matches(walk)
        });
        let by_name = matched.next().unwrap_or(false);
        let by_port = matched
            .zip(&self.with_port)
            .any(|(matched, (_, wanted))| matched && wanted.map_or(port.is_some(), |wanted| port == Some(wanted)));
        by_name || by_port
    }
}

/// The state: one more than the port, then the walks of the name as it came, and of its canonical spelling.
impl Machine for HostTest {
    fn start(&self) -> State {
        let one = self.one();
        [vec![0], one.clone(), one].concat()
    }

    fn step(&self, state: &[u32], symbol: Symbol) -> State {
        let [_, ref walks @ ..] = state[..] else { return Vec::new() };
        let (raw, canonical) = walks.split_at(walks.len() / 2);
        let (mut raw, mut canonical) = (raw.to_vec(), canonical.to_vec());
        let mut port = 0;
        if let Some(byte) = byte(symbol) {
            self.steps(&mut raw, &[byte]);
            canonical.clone_from(&raw);
        } else if symbol >= PORT {
            port = symbol.saturating_sub(PORT).saturating_add(1);
        } else if let Some((text, other)) = literal(&self.literals, symbol) {
            self.steps(&mut raw, text.as_bytes());
            self.steps(&mut canonical, other.as_ref().unwrap_or(text).as_bytes());
        }
        [vec![port], raw, canonical].concat()
    }

    fn holds(&self, state: &[u32]) -> bool {
        let [port, ref walks @ ..] = state[..] else { return false };
        let port = port.checked_sub(1).and_then(|port| u16::try_from(port).ok());
        let (raw, canonical) = walks.split_at(walks.len() / 2);
        self.by.matches([raw, canonical].into_iter(), |walks| self.matches(walks, port)) != self.negated
    }

    fn mark(&self, marks: &mut Marks) {
        for lang in self.langs() {
            lang.mark(marks);
        }
        marks.symbols.extend((LITERAL..).take(self.literals.len()));
        marks
            .symbols
            .extend(self.with_port.iter().filter_map(|(_, port)| *port).map(|port| PORT.saturating_add(port.into())));
        if !self.with_port.is_empty() {
            // Another port than those that patterns name.
            let named = |port: &u16| self.with_port.iter().any(|(_, named)| *named == Some(*port));
            marks
                .symbols
                .extend((8443..=u16::MAX).find(|port| !named(port)).map(|port| PORT.saturating_add(port.into())));
        }
    }
}

fn literal(literals: &[Literal], symbol: Symbol) -> Option<&Literal> {
    literals.get(usize::try_from(symbol.checked_sub(LITERAL)?).ok()?)
}

/// Which authorities there are: names in lower case without a dot at the end, and the addresses that patterns name.
#[derive(Debug)]
pub(in crate::meaning) struct HostGuard;

/// Places in a name.
const LABEL: u32 = 0;
const DIGITS: u32 = 1;
const OTHER: u32 = 2;
const ZERO: u32 = 3;
const HEXADECIMAL: u32 = 4;
const WHOLE: u32 = 5;
const END: u32 = 6;

/// The state: where in a label. A name whose last label is a number is an address.
impl Machine for HostGuard {
    fn start(&self) -> State {
        vec![LABEL, 1]
    }

    fn step(&self, state: &[u32], symbol: Symbol) -> State {
        let [place, is_first] = state[..] else { return Vec::new() };
        if symbol >= PORT {
            return if matches!(place, OTHER | WHOLE) { vec![END, 0] } else { Vec::new() };
        }
        if symbol >= LITERAL {
            return if is_first == 1 { vec![WHOLE, 0] } else { Vec::new() };
        }
        let next = match (byte(symbol), place) {
            (_, WHOLE | END) | (None, _) | (Some(b'.'), LABEL) => return Vec::new(),
            (Some(b'.'), _) => LABEL,
            (Some(b'0'), LABEL) => ZERO,
            (Some(b'0'..=b'9'), LABEL | DIGITS | ZERO) => DIGITS,
            (Some(b'x'), ZERO) => HEXADECIMAL,
            (Some(_), HEXADECIMAL) => HEXADECIMAL,
            (Some(_), _) => OTHER,
        };
        vec![next, 0]
    }

    fn holds(&self, state: &[u32]) -> bool {
        matches!(state[..], [OTHER | WHOLE | END, _])
    }

    fn settled(&self, state: &[u32]) -> Option<bool> {
        state.is_empty().then_some(false)
    }

    fn mark(&self, marks: &mut Marks) {
        marks.text(b".0x1a");
    }
}

/// A port, as the only symbol.
#[derive(Debug)]
pub(in crate::meaning) struct PortGuard;

impl Machine for PortGuard {
    fn start(&self) -> State {
        vec![0]
    }

    fn step(&self, state: &[u32], symbol: Symbol) -> State {
        vec![if state == [0] && symbol > PORT { 1 } else { 2 }]
    }

    fn holds(&self, state: &[u32]) -> bool {
        *state == [1]
    }

    fn settled(&self, state: &[u32]) -> Option<bool> {
        (*state == [2]).then_some(false)
    }

    fn mark(&self, _: &mut Marks) {}
}
