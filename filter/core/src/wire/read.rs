//! From JSON to wire types: strict, with every problem in its place.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Arguments;

use serde::Serialize;

use super::json::Json;
use super::shape::{Shape, TextKind};
use crate::problem::{Flaw, InvalidPolicy, Listed, Place, PolicyCode, Problems};

/// A type of the wire. A type with a meaning of its own (a duration, a host) implements this by hand, so that its text is
/// parsed once, where it is read.
pub trait Wire: Serialize + Sized {
    /// What a file may say.
    const SHAPE: Shape;

    /// Reads a value, or reports what is wrong with it. What it returns then is not used: a value with a problem in it is
    /// refused as a whole.
    fn read(reader: &mut Reader, place: &Place<'_>, json: &Json<'_>) -> Option<Self>;
}

/// Reads values and collects what is wrong with them.
#[derive(Debug, Default)]
pub struct Reader {
    problems: Problems,
}

impl Reader {
    /// Reads a whole value.
    ///
    /// # Errors
    ///
    /// Every problem in it.
    pub fn read<T: Wire>(json: &Json<'_>) -> Result<T, InvalidPolicy> {
        let mut reader = Self::default();
        let value = T::read(&mut reader, &Place::Root, json);
        reader.end(value)
    }

    /// Reads a whole value from JSON text.
    ///
    /// # Errors
    ///
    /// Every problem in it, or that it is not JSON.
    pub fn parse<T: Wire>(bytes: &[u8]) -> Result<T, InvalidPolicy> {
        Self::read(&Self::tree(bytes)?)
    }

    /// The tree of JSON text.
    ///
    /// # Errors
    ///
    /// It is not JSON, or there is none.
    pub fn tree(bytes: &[u8]) -> Result<Json<'_>, InvalidPolicy> {
        let mut reader = Self::default();
        if bytes.trim_ascii().is_empty() {
            reader.refuse(&Place::Root, format_args!("there is no policy: the configuration is empty"));
            return reader.end(None);
        }
        super::json::parse(bytes).or_else(|error| {
            reader.refuse(&Place::Root, format_args!("{error}"));
            reader.end(None)
        })
    }

    /// The value, if nothing is wrong. A [`Wire::read`] that gives none without a problem is a bug, and must not pass for
    /// a value.
    fn end<T>(mut self, value: Option<T>) -> Result<T, InvalidPolicy> {
        match value {
            Some(value) => self.problems.or(value),
            None => {
                if self.problems() == 0 {
                    self.refuse(&Place::Root, format_args!("there is no value"));
                }
                Err(self.problems.into())
            }
        }
    }

    /// Reports what is wrong with the value at a place.
    pub fn refuse(&mut self, place: &Place<'_>, message: Arguments<'_>) {
        self.problems.report(place, flaw(message));
    }

    /// The named fields of a mapping, in the order of the names. Anything else in it is reported.
    pub fn fields<'j, const N: usize>(
        &mut self,
        place: &Place<'_>,
        json: &'j Json<'j>,
        names: [&'static str; N],
    ) -> Option<[Option<&'j Json<'j>>; N]> {
        let mut found = [None; N];
        self.sort(place, json, &names, &mut found)?;
        Some(found)
    }

    /// The part of [`Self::fields`] that does not depend on their number: compiled once, not for each record.
    fn sort<'j>(
        &mut self,
        place: &Place<'_>,
        json: &'j Json<'j>,
        names: &[&'static str],
        found: &mut [Option<&'j Json<'j>>],
    ) -> Option<()> {
        let Json::Map(entries) = json else { return self.wrong_type(place, "a mapping", json) };
        for (name, value) in entries {
            let slot = names.iter().position(|known| known == name).and_then(|position| found.get_mut(position));
            match slot {
                Some(slot) if slot.is_none() => *slot = Some(value),
                // JSON parsers differ in which of the two they take, so neither is taken.
                Some(_) => self.refuse(place, format_args!("the field `{name}` is written twice")),
                None => self.problems.report(
                    place,
                    flaw(format_args!("the field `{name}` is unknown"))
                        .help(format_args!("the fields are {}", Listed(names.iter().copied()))),
                ),
            }
        }
        Some(())
    }

    /// The value of a field that must be there; `None` if it is not, or is wrong.
    pub fn required<T: Wire>(&mut self, place: &Place<'_>, name: &'static str, found: Option<&Json<'_>>) -> Option<T> {
        if found.is_none() {
            self.missing(place, name);
        }
        self.optional(place, name, found)
    }

    /// The value of a field that may be absent; `None` if it is, or is wrong: [`Self::problems`] tells the two apart.
    pub fn optional<T: Wire>(&mut self, place: &Place<'_>, name: &'static str, found: Option<&Json<'_>>) -> Option<T> {
        T::read(self, &place.field(name), found?)
    }

    /// How many problems were found so far.
    #[must_use]
    pub fn problems(&self) -> usize {
        self.problems.len()
    }

    #[cold]
    #[inline(never)]
    fn missing(&mut self, place: &Place<'_>, name: &'static str) {
        self.refuse(place, format_args!("the field `{name}` is missing"));
    }

    /// Which of these words the value is.
    pub fn word(&mut self, place: &Place<'_>, json: &Json<'_>, words: &[&'static str]) -> Option<usize> {
        let text = self.text(place, json)?;
        let position = words.iter().position(|word| *word == text);
        if position.is_none() {
            let names = Listed(words.iter().copied());
            let unknown = flaw(format_args!("`{text}` is not known here")).help(format_args!("write {names}"));
            self.problems.report(place, unknown);
        }
        position
    }

    /// The text of a string.
    pub fn text<'j>(&mut self, place: &Place<'_>, json: &'j Json<'_>) -> Option<&'j str> {
        match json {
            Json::Text(text) => Some(text),
            other => self.wrong_type(place, "a string", other),
        }
    }

    /// Calls `read` with each item of a list. The part of reading lists that is the same for all types: compiled once.
    fn each_item(
        &mut self,
        place: &Place<'_>,
        json: &Json<'_>,
        read: &mut dyn FnMut(&mut Self, &Place<'_>, &Json<'_>),
    ) {
        let Json::List(items) = json else { return self.report_type(place, "a list", json) };
        for (position, item) in items.iter().enumerate() {
            read(self, &place.item(position), item);
        }
    }

    /// Reports a value of the wrong type; always `None`.
    pub fn wrong_type<T>(&mut self, place: &Place<'_>, expected: &str, found: &Json<'_>) -> Option<T> {
        self.report_type(place, expected, found);
        None
    }

    #[cold]
    #[inline(never)]
    fn report_type(&mut self, place: &Place<'_>, expected: &str, found: &Json<'_>) {
        self.refuse(place, format_args!("expected {expected}, found {}", found.kind()));
    }
}

fn flaw(message: Arguments<'_>) -> Flaw {
    Flaw::new(PolicyCode::Shape, message)
}

impl Wire for String {
    const SHAPE: Shape = Shape::Text(&TextKind::ANY);

    fn read(reader: &mut Reader, place: &Place<'_>, json: &Json<'_>) -> Option<Self> {
        reader.text(place, json).map(str::to_owned)
    }
}

impl Wire for bool {
    const SHAPE: Shape = Shape::Boolean;

    fn read(reader: &mut Reader, place: &Place<'_>, json: &Json<'_>) -> Option<Self> {
        match json {
            Json::Boolean(flag) => Some(*flag),
            other => reader.wrong_type(place, "true or false", other),
        }
    }
}

impl Wire for u32 {
    const SHAPE: Shape = Shape::Whole { least: 0, most: u32::MAX as u64 };

    fn read(reader: &mut Reader, place: &Place<'_>, json: &Json<'_>) -> Option<Self> {
        match json {
            Json::Whole(number) => Some(*number),
            other => reader.wrong_type(place, "a whole number", other),
        }
    }
}

impl Wire for u16 {
    const SHAPE: Shape = Shape::Whole { least: 0, most: u16::MAX as u64 };

    fn read(reader: &mut Reader, place: &Place<'_>, json: &Json<'_>) -> Option<Self> {
        match u32::read(reader, place, json)?.try_into() {
            Ok(number) => Some(number),
            Err(_) => reader.wrong_type(place, "a whole number up to 65535", json),
        }
    }
}

impl<T: Wire> Wire for Option<T> {
    const SHAPE: Shape = T::SHAPE;

    fn read(reader: &mut Reader, place: &Place<'_>, json: &Json<'_>) -> Option<Self> {
        T::read(reader, place, json).map(Some)
    }
}

impl<T: Wire> Wire for Vec<T> {
    const SHAPE: Shape = Shape::List(&T::SHAPE);

    /// Reads on after a bad item, so that every problem of the list is reported.
    fn read(reader: &mut Reader, place: &Place<'_>, json: &Json<'_>) -> Option<Self> {
        let mut list = Self::with_capacity(json.items().len());
        reader.each_item(place, json, &mut |reader, place, item| {
            if let Some(item) = T::read(reader, place, item) {
                list.push(item);
            }
        });
        Some(list)
    }
}
