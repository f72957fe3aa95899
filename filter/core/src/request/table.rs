//! The names of headers and query parameters that rules read, and what a request has under them.
//!
//! # Design
//!
//! A rule names a header by its slot in a [`NameTable`], so one pass over a request finds the values of all of them, and
//! the cost of a request does not grow with the number of conditions times the number of headers. The table is keyed by
//! the folded name: the same look-up finds a name that a server would take for one that a rule reads.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::OnceCell;

use super::doubts::Doubts;
use super::reading::{Kind, MAX_ELEMENTS, MAX_READ, Readings};
use crate::map::ByteMap;
use crate::side::Sides;
use crate::wire::Ambiguity;

/// The names that rules read, each with its slot.
#[derive(Clone, Debug, Default)]
pub struct NameTable {
    /// Folded name to group.
    groups: ByteMap,
    /// By group, the slots of its names.
    members: Vec<Vec<usize>>,
    names: Vec<Name>,
}

#[derive(Clone, Debug)]
struct Name {
    text: Box<[u8]>,
    kind: Kind,
    reader: Reader,
}

/// How rules read a name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reader {
    /// Policies of which a rule that decides reads it: there, what has two readings is refused.
    pub(crate) decides: Sides,
    /// Policies of which a rule that decides reads it by a regular expression.
    pub(crate) by_pattern: Sides,
}

impl NameTable {
    /// Whether nothing is read.
    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The slot of a name, new if it is new.
    pub(crate) fn slot(&mut self, folded: &[u8], text: &[u8], kind: Kind, reader: Reader) -> usize {
        let next = u32::try_from(self.members.len()).unwrap_or(u32::MAX);
        let group = *self.groups.entry(folded.into()).or_insert(next);
        if group == next {
            self.members.push(Vec::new());
        }
        let slot = self.names.len();
        let Some(members) = usize::try_from(group).ok().and_then(|group| self.members.get_mut(group)) else {
            return slot;
        };
        let known = members.iter().copied().find(|slot| self.names.get(*slot).is_some_and(|name| *name.text == *text));
        if let Some(slot) = known {
            if let Some(name) = self.names.get_mut(slot) {
                name.reader.decides |= reader.decides;
                name.reader.by_pattern |= reader.by_pattern;
            }
            return slot;
        }
        members.push(slot);
        self.names.push(Name { text: text.into(), kind, reader });
        slot
    }

    /// The names in the order of their slots, whether enforced rules read them, and whether by an expression.
    #[cfg(feature = "compile")]
    pub(crate) fn names(&self) -> impl Iterator<Item = (&[u8], bool, bool)> {
        let is_any = |sides: Sides| !sides.is_empty();
        self.names.iter().map(move |name| (&*name.text, is_any(name.reader.decides), is_any(name.reader.by_pattern)))
    }

    /// Policies of which a rule that decides reads anything.
    pub(crate) fn decides(&self) -> Sides {
        self.names.iter().fold(Sides::NONE, |sides, name| sides | name.reader.decides)
    }

    /// Whether a name with this fold is read, and of which policies a rule that decides reads it.
    pub(crate) fn reads(&self, folded: &[u8]) -> Option<Sides> {
        let mut group = self.group(folded).peekable();
        group.peek()?;
        Some(group.fold(Sides::NONE, |sides, (_, name)| sides | name.reader.decides))
    }

    fn group(&self, folded: &[u8]) -> impl Iterator<Item = (usize, &Name)> {
        let group = self.groups.get(folded).and_then(|group| self.members.get(usize::try_from(*group).ok()?));
        group.into_iter().flatten().filter_map(|slot| Some((*slot, self.names.get(*slot)?)))
    }
}

/// What a request has under the names of a table.
#[derive(Debug)]
pub struct Values<'a> {
    slots: Vec<Slot<'a>>,
}

/// All values of one name, in order.
#[derive(Debug)]
pub struct Slot<'a> {
    kind: Kind,
    /// Each occurrence as it came: a header's line, or a parameter's decoded value.
    lines: Vec<Cow<'a, [u8]>>,
    readings: OnceCell<Readings>,
}

impl<'a> Values<'a> {
    /// Room for what a table names.
    pub(crate) fn new(table: &NameTable) -> Self {
        let slot = |name: &Name| Slot { kind: name.kind, lines: Vec::new(), readings: OnceCell::new() };
        Self { slots: table.names.iter().map(slot).collect() }
    }

    /// Takes one occurrence, if rules read it. `twin`: how to refuse one that a server would take for a name that an
    /// enforced rule reads.
    pub(crate) fn take(
        &mut self,
        table: &NameTable,
        (folded, name): (&[u8], &[u8]),
        value: Cow<'a, [u8]>,
        twin: Option<Ambiguity>,
        doubts: &mut Doubts,
    ) -> Result<(), Ambiguity> {
        let mut value = Some(value);
        for (slot, known) in table.group(folded) {
            if *known.text == *name {
                if let Some(slot) = self.slots.get_mut(slot) {
                    // Of one spelling there is one slot.
                    slot.lines.extend(value.take());
                }
            } else if let Some(twin) = twin {
                doubts.raise(known.reader.decides, twin)?;
            }
        }
        Ok(())
    }

    /// Refuses what enforced rules would have to read and do not: values that are too long or have too many elements.
    pub(crate) fn check_lengths(&self, table: &NameTable, doubts: &mut Doubts) -> Result<(), Ambiguity> {
        for (slot, name) in self.slots.iter().zip(&table.names).filter(|(_, name)| !name.reader.decides.is_empty()) {
            if slot.is_long() {
                doubts.raise(name.reader.by_pattern, Ambiguity::ValueTooLong)?;
            }
            if name.kind.count(&slot.lines) > MAX_ELEMENTS {
                doubts.raise(name.reader.decides, Ambiguity::ValueTooLong)?;
            }
        }
        Ok(())
    }

    /// The values of a slot.
    pub(crate) fn slot(&self, slot: usize) -> Option<&Slot<'a>> {
        self.slots.get(slot)
    }
}

impl<'a> Slot<'a> {
    #[cfg(test)]
    pub(crate) fn of_header(lines: &[&'a str]) -> Self {
        let lines = lines.iter().map(|line| Cow::Borrowed(line.as_bytes())).collect();
        Self { kind: Kind::List, lines, readings: OnceCell::new() }
    }

    /// Whether all occurrences together are longer than what an expression reads.
    pub(crate) fn is_long(&self) -> bool {
        let length = self.lines.iter().fold(0_usize, |sum, line| sum.saturating_add(line.len()));
        length.saturating_add(self.lines.len()) > MAX_READ
    }

    /// Whether a line may be a list of values.
    pub(crate) fn is_list(&self) -> bool {
        self.kind == Kind::List
    }

    /// Each occurrence.
    pub(crate) fn lines(&self) -> &[Cow<'a, [u8]>] {
        &self.lines
    }

    /// Every reading; none exactly when there is no occurrence.
    pub(crate) fn readings(&self) -> &Readings {
        self.readings.get_or_init(|| Readings::of(self.kind, &self.lines))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::name::fold;

    const DECIDES: Reader = Reader { decides: Sides::BOTH, by_pattern: Sides::NONE };
    const BY_PATTERN: Reader = Reader { decides: Sides::BOTH, by_pattern: Sides::BOTH };

    fn table(names: &[(&str, Reader)]) -> NameTable {
        let mut table = NameTable::default();
        for (name, reader) in names {
            table.slot(&fold(name.as_bytes()), name.as_bytes(), Kind::of_header(name.as_bytes()), *reader);
        }
        table
    }

    fn read<'a>(table: &NameTable, headers: &[(&'a str, &'a str)]) -> Result<Values<'a>, Ambiguity> {
        let (mut values, mut doubts) = (Values::new(table), Doubts::default());
        for (name, value) in headers {
            let (folded, value) = (fold(name.as_bytes()), Cow::Borrowed(value.as_bytes()));
            values.take(table, (&folded, name.as_bytes()), value, Some(Ambiguity::UnderscoreHeader), &mut doubts)?;
        }
        values.check_lengths(table, &mut doubts)?;
        Ok(values)
    }

    #[test]
    fn a_name_has_one_slot() {
        let mut table = table(&[("x-role", DECIDES), ("x-other", Reader::default()), ("x-role", Reader::default())]);
        assert_eq!(table.names.len(), 2);
        assert_eq!(table.slot(b"x-other", b"x-other", Kind::List, DECIDES), 1);
        let values = read(&table, &[("x-other", "a"), ("x-role", "b"), ("x-other", "c"), ("x-none", "d")]).unwrap();
        assert_eq!(values.slot(1).unwrap().lines().len(), 2);
        assert_eq!(values.slot(2).map(|slot| slot.lines().len()), None);
    }

    #[test]
    fn twins_of_names_that_decide_are_refused() {
        let table = table(&[("x-role", DECIDES), ("x-note", Reader::default())]);
        assert_eq!(read(&table, &[("x_role", "a")]).unwrap_err(), Ambiguity::UnderscoreHeader);
        assert!(read(&table, &[("x_note", "a"), ("x-role", "b")]).is_ok());
        assert!(read(&table, &[("x_roles", "a")]).is_ok());
    }

    #[test]
    fn what_is_too_long_is_refused_where_it_decides() {
        let long = "a".repeat(MAX_READ);
        let many = ",".repeat(MAX_ELEMENTS);
        for (reader, value, expected) in [
            (BY_PATTERN, &long[1..], true),
            (BY_PATTERN, &long, false),
            (DECIDES, &long, true),
            (DECIDES, &many[1..], true),
            (DECIDES, &many, false),
            (Reader::default(), &many, true),
        ] {
            assert_eq!(read(&table(&[("x-role", reader)]), &[("x-role", value)]).is_ok(), expected);
        }
        // A field that is never split has no elements.
        assert!(read(&table(&[("user-agent", DECIDES)]), &[("user-agent", &many)]).is_ok());
    }
}
