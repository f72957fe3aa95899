//! Addresses: a symbol for the family, then their bytes.

use std::net::IpAddr;
use std::rc::Rc;

use ipnet::IpNet;
use sallyport_core::outline::Listed;

use super::{ABSENT, Machine, State, byte};
use crate::meaning::marks::{Marks, Symbol};

/// Four bytes follow.
pub(in crate::meaning) const V4: Symbol = 0x1002;
/// Sixteen bytes follow.
pub(in crate::meaning) const V6: Symbol = 0x1003;
/// Before an IPv4 address in an IPv6 one: such addresses are read as the former.
const MAPPED: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/// The family of a network, and its bytes, each with its mask.
type Block = (Symbol, Vec<(u8, u8)>);

/// A list of networks.
#[derive(Debug)]
pub(in crate::meaning) struct NetworkTest {
    blocks: Vec<Block>,
    negated: bool,
    if_missing: bool,
}

impl NetworkTest {
    pub(in crate::meaning) fn new(listed: &Listed<Vec<IpNet>>) -> Self {
        let block = |net: &IpNet| {
            let pairs = |address: Vec<u8>, mask: Vec<u8>| address.into_iter().zip(mask).collect();
            match (net.network(), net.netmask()) {
                (IpAddr::V4(address), IpAddr::V4(mask)) => (V4, pairs(address.octets().into(), mask.octets().into())),
                (IpAddr::V6(address), IpAddr::V6(mask)) => (V6, pairs(address.octets().into(), mask.octets().into())),
                _ => (ABSENT, Vec::new()),
            }
        };
        Self {
            blocks: listed.patterns.iter().map(block).collect(),
            negated: listed.negated,
            if_missing: listed.if_missing,
        }
    }
}

/// The state: how many bytes were read, and for each network whether they fit it. Empty: there is no address.
impl Machine for NetworkTest {
    fn start(&self) -> State {
        vec![0]
    }

    fn step(&self, state: &[u32], symbol: Symbol) -> State {
        let Some((read, fits)) = state.split_first() else { return Vec::new() };
        let Some(byte) = byte(symbol) else {
            if symbol == ABSENT {
                return Vec::new();
            }
            let fits = self.blocks.iter().map(|(family, _)| u32::from(*family == symbol));
            return std::iter::once(0).chain(fits).collect();
        };
        let at = usize::try_from(*read).unwrap_or(usize::MAX);
        let still = |(fits, (_, bytes)): (&u32, &Block)| {
            let fits_here = bytes.get(at).is_some_and(|(network, mask)| byte & mask == *network);
            u32::from(*fits == 1 && fits_here)
        };
        std::iter::once(read.saturating_add(1)).chain(fits.iter().zip(&self.blocks).map(still)).collect()
    }

    fn holds(&self, state: &[u32]) -> bool {
        match state.split_first() {
            Some((_, fits)) => fits.contains(&1) != self.negated,
            None => self.if_missing,
        }
    }

    fn settled(&self, state: &[u32]) -> Option<bool> {
        match state.split_first() {
            None => Some(self.if_missing),
            // Before the family is known, every network is possible.
            Some((_, fits)) => {
                (fits.len() == self.blocks.len() && !fits.is_empty() && !fits.contains(&1)).then_some(self.negated)
            }
        }
    }

    fn mark(&self, marks: &mut Marks) {
        for (network, mask) in self.blocks.iter().flat_map(|(_, bytes)| bytes) {
            match mask {
                0 => {}
                0xff => marks.text(&[*network]),
                _ => {
                    let mut classes = [0; 256];
                    for (class, byte) in classes.iter_mut().zip(0..=u8::MAX) {
                        *class = u16::from(byte & mask == *network);
                    }
                    marks.classes.push(Rc::new(classes));
                }
            }
        }
        marks.symbols.extend([ABSENT, V4, V6]);
    }
}

/// Which addresses there are.
#[derive(Debug)]
pub(in crate::meaning) struct NetworkGuard {
    /// Whether there may be none.
    pub(in crate::meaning) optional: bool,
}

/// The state: family, bytes read, and how many of them begin as [`MAPPED`] does.
impl Machine for NetworkGuard {
    fn start(&self) -> State {
        vec![0, 0, 0]
    }

    fn step(&self, state: &[u32], symbol: Symbol) -> State {
        let [family, read, mapped] = state[..] else { return Vec::new() };
        match (family, byte(symbol)) {
            (0, None) if symbol == ABSENT && !self.optional => Vec::new(),
            (0, None) if matches!(symbol, ABSENT | V4 | V6) => vec![symbol, 0, 0],
            (V4 | V6, Some(byte)) => {
                let is_mapped =
                    mapped == read && MAPPED.get(usize::try_from(read).unwrap_or(usize::MAX)) == Some(&byte);
                let read = read.saturating_add(1);
                let most = if family == V4 { 4 } else { 16 };
                let mapped = if is_mapped { read } else { mapped };
                let is_too_much = read > most || (family == V6 && mapped >= 12);
                if is_too_much { Vec::new() } else { vec![family, read, mapped] }
            }
            _ => Vec::new(),
        }
    }

    fn holds(&self, state: &[u32]) -> bool {
        matches!(state[..], [ABSENT, ..] | [V4, 4, _] | [V6, 16, _])
    }

    fn settled(&self, state: &[u32]) -> Option<bool> {
        state.is_empty().then_some(false)
    }

    fn mark(&self, marks: &mut Marks) {
        marks.text(&[0, 1, 10, 0xff]);
    }
}
