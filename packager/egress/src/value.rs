//! Values with a meaning: each is a type, parsed once, and what it holds is right.
//!
//! # Design
//! A file writes each of these as one string. The model holds the type, which keeps the text as the file has it, so that
//! manifests say what their author wrote. What is wrong with a text is said in one place, its own file here.

pub mod authn;
pub mod authority;
pub mod digest;
pub mod duration;
pub mod file_path;
pub(crate) mod foreign_path;
pub mod header;
pub mod host;
pub mod image;
mod jwks;
pub mod labels;
pub mod locality;
pub(crate) mod method;
pub mod names;
pub mod path;
pub mod quantity;
pub mod rollout;

use crate::code::Code;
use crate::diagnostic::UnplacedDiagnostic;
use sallyport_core::problem::Place;
use sallyport_core::wire::{Json, Reader, Shape, TextFlaw, TextKind};
use std::error::Error;
use std::fmt;

/// A string that is not empty.
pub(crate) const NOT_EMPTY: Shape = Shape::Text(&TextKind { may_be_empty: false, ..TextKind::ANY });
/// A list of those.
pub(crate) const NOT_EMPTY_LIST: Shape = Shape::List(&NOT_EMPTY);
/// A list of strings that may be numbers without quotes.
pub(crate) const DIGITS_LIST: Shape = Shape::List(&Shape::Text(&TextKind::DIGITS));

/// What is wrong with an empty text, for every kind that may not be empty.
pub(crate) fn empty() -> UnplacedDiagnostic {
    UnplacedDiagnostic::new(Code::EmptyText, "the string is empty").help("write a value, or leave the field out")
}

/// A text that is not the value it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidValue(UnplacedDiagnostic);

impl fmt::Display for InvalidValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl Error for InvalidValue {}

/// A value that a file writes as one string.
pub(crate) trait FromText: Sized {
    /// What such a string is called, and what it looks like.
    const KIND: TextKind;

    /// The value, or what is wrong with the text.
    fn from_text(text: &str) -> Result<Self, UnplacedDiagnostic>;
}

/// A kind of string of which no more is known than what [`FromText::from_text`] says.
pub(crate) const fn kind<T: FromText>(name: &'static str) -> TextKind {
    TextKind { name, may_be_empty: false, check: check::<T>, ..TextKind::ANY }
}

fn check<T: FromText>(text: &str) -> Result<(), TextFlaw> {
    T::from_text(text).map(drop).map_err(TextFlaw::from)
}

/// For [`Wire`](sallyport_core::wire::Wire): the value of a string, which was checked against its kind.
pub(crate) fn read<T: FromText>(reader: &mut Reader, place: &Place<'_>, json: &Json<'_>) -> Option<T> {
    let text = reader.text(place, json)?;
    match T::from_text(text) {
        Ok(value) => Some(value),
        Err(flaw) => {
            reader.refuse(place, format_args!("{}", flaw.message));
            None
        }
    }
}

impl From<UnplacedDiagnostic> for TextFlaw {
    fn from(flaw: UnplacedDiagnostic) -> Self {
        let UnplacedDiagnostic { code, message, help } = flaw;
        Self { code: code.as_str(), message, help }
    }
}

impl From<TextFlaw> for UnplacedDiagnostic {
    fn from(flaw: TextFlaw) -> Self {
        let TextFlaw { code, message, help } = flaw;
        // A code that is not in the registry is a defect of this program.
        let code = Code::parse(code).unwrap_or(Code::Internal);
        Self { code, message, help }
    }
}

/// What every such type is to its users: its text (`Deref`, `Display`, `Serialize`), and what its text parses to.
macro_rules! text_value {
    ($name:ident) => {
        impl std::ops::Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                self.as_str()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.as_str() == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.as_str() == *other
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        $crate::value::wire_text!($name);

        impl std::str::FromStr for $name {
            type Err = $crate::value::InvalidValue;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                <Self as $crate::value::FromText>::from_text(text).map_err($crate::value::InvalidValue)
            }
        }
    };
}
pub(crate) use text_value;

/// How such a type is read from a file.
macro_rules! wire_text {
    ($name:ident) => {
        impl sallyport_core::wire::Wire for $name {
            const SHAPE: sallyport_core::wire::Shape =
                sallyport_core::wire::Shape::Text(&<Self as $crate::value::FromText>::KIND);

            fn read(
                reader: &mut sallyport_core::wire::Reader,
                place: &sallyport_core::problem::Place<'_>,
                json: &sallyport_core::wire::Json<'_>,
            ) -> Option<Self> {
                $crate::value::read(reader, place, json)
            }
        }
    };
}
pub(crate) use wire_text;

/// A type whose value is its text: `checked_text!(/// doc Name, check, kind)`, where `check` says what is wrong with a text,
/// and `kind` is a name or a [`TextKind`].
macro_rules! checked_text {
    ($(#[doc = $doc:literal])+ $name:ident, $check:path, $kind:literal) => {
        $crate::value::checked_text!($(#[doc = $doc])+ $name, $check, $crate::value::kind::<Self>($kind));
    };
    ($(#[doc = $doc:literal])+ $name:ident, $check:path, $kind:expr) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text, as it is written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl $crate::value::FromText for $name {
            const KIND: sallyport_core::wire::TextKind = $kind;

            fn from_text(text: &str) -> Result<Self, $crate::diagnostic::UnplacedDiagnostic> {
                match $check(text) {
                    None => Ok(Self(text.to_owned())),
                    Some(flaw) => Err(flaw),
                }
            }
        }

        $crate::value::text_value!($name);
    };
}
pub(crate) use checked_text;

/// That such a type has a value in the program's own text: a default. That defaults are right is tested.
macro_rules! default_text {
    ($($name:ident),+) => {$(
        impl $name {
            pub(crate) fn of(text: &'static str) -> Self {
                Self(text.to_owned())
            }
        }
    )+};
}
pub(crate) use default_text;
