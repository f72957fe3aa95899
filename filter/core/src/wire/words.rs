//! [`words!`](crate::words): an enum and its words, declared once.

/// Declares an enum whose values are words.
///
/// ```
/// sallyport_core::words! {
///     /// How much is logged.
///     pub enum Level: Default = Errors {
///         /// Everything.
///         "all" All,
///         /// What is wrong.
///         "errors" Errors,
///     }
/// }
///
/// assert_eq!((Level::All.as_str(), Level::parse("errors")), ("all", Some(Level::Errors)));
/// assert_eq!((Level::CHOICES[0].doc, Level::default()), ("Everything.", Level::Errors));
/// ```
///
/// It expands to the enum; to `ALL` (its values) and `CHOICES` (its words with their documentation); to `as_str` and
/// `parse`; to `Display`, `Serialize` and [`Wire`](crate::wire::Wire) by the same words; and to `Default`, if that is named.
#[macro_export]
macro_rules! words {
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $name:ident $(: Default = $default:ident)? {
            $($(#[doc = $doc:literal])+ $word:literal $value:ident,)+
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $visibility enum $name {
            $($(#[doc = $doc])+ $value,)+
        }

        impl $name {
            /// Every value, in the order of the declaration.
            pub const ALL: &'static [Self] = &[$(Self::$value,)+];
            /// The word of each.
            const WORDS: &'static [&'static str] = &[$($word,)+];
            /// The word of each, and what it means.
            pub const CHOICES: &'static [$crate::wire::Choice] = &[$($crate::wire::Choice {
                value: $word,
                doc: concat!($($doc),+).trim_ascii_start(),
            },)+];

            /// The value as it is written.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$value => $word,)+ }
            }

            /// The value that is written so.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
            }
        }

        $(impl Default for $name {
            fn default() -> Self {
                Self::$default
            }
        })?

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::wire::serde::Serialize for $name {
            fn serialize<S: $crate::wire::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl $crate::wire::Wire for $name {
            const SHAPE: $crate::wire::Shape = $crate::wire::Shape::OneOf(Self::CHOICES);

            fn read(
                reader: &mut $crate::wire::Reader,
                place: &$crate::problem::Place<'_>,
                json: &$crate::wire::Json<'_>,
            ) -> Option<Self> {
                let position = reader.word(place, json, Self::WORDS)?;
                Self::ALL.get(position).copied()
            }
        }
    };
}
