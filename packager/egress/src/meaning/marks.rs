//! The alphabet of a search: which symbols the tests involved tell apart.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A byte, or from 256 on a symbol with a meaning of its own in its dimension.
pub(super) type Symbol = u32;

/// Numbers of bytes: those of one number are not told apart.
pub(super) type Classes = [u16; 256];

/// What tests tell apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    /// Bytes that a test knows by themselves.
    pub(super) bytes: BTreeSet<u8>,
    /// Groups of bytes.
    pub(super) classes: Vec<Rc<Classes>>,
    /// Symbols that are no bytes.
    pub(super) symbols: BTreeSet<Symbol>,
}

impl Marks {
    /// Tells the bytes of a text apart from all others.
    pub(super) fn text(&mut self, text: &[u8]) {
        self.bytes.extend(text);
    }

    /// All that another tells apart, too.
    pub(super) fn join(&mut self, other: &Self) {
        self.bytes.extend(&other.bytes);
        self.classes.extend(other.classes.iter().cloned());
        self.symbols.extend(&other.symbols);
    }

    /// By byte, the number of its group: bytes of one group are not told apart.
    pub(super) fn groups(&self) -> Vec<u16> {
        let mut known = BTreeMap::new();
        let group = |byte: u8| {
            let classes: Vec<u16> =
                self.classes.iter().map(|classes| classes.get(usize::from(byte)).copied().unwrap_or(0)).collect();
            let next = u16::try_from(known.len()).unwrap_or(u16::MAX);
            *known.entry((self.bytes.contains(&byte).then_some(byte), classes)).or_insert(next)
        };
        (0..=u8::MAX).map(group).collect()
    }

    /// One byte of each group: the one that reads best. `group` is what the dimension itself tells apart; `None`: the byte
    /// cannot occur.
    pub(super) fn representatives(&self, group: impl Fn(u8) -> Option<u8>) -> Vec<u8> {
        let groups = self.groups();
        let mut known = BTreeSet::new();
        let is_new = |byte: &u8| {
            let own = group(*byte);
            own.is_some() && known.insert((own, groups.get(usize::from(*byte)).copied()))
        };
        nicest().filter(is_new).collect()
    }
}

/// All bytes, those first that people read and send without trouble.
pub(super) fn nicest() -> impl Iterator<Item = u8> {
    let letters = (b'a'..=b'z').chain(b'0'..=b'9').chain(b'A'..=b'Z');
    let is_rest = |byte: &u8| !byte.is_ascii_alphanumeric();
    letters.chain(b"-_.~".iter().copied()).chain((0..=u8::MAX).filter(is_rest).filter(|byte| !b"-_.~".contains(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_of_a_group_is_enough() {
        let mut marks = Marks::default();
        marks.text(b"b/");
        assert_eq!(marks.representatives(|byte| byte.is_ascii_graphic().then_some(0)), b"ab/");
        assert_eq!(marks.representatives(|byte| (byte == b'/').then_some(0)), b"/");
    }
}
