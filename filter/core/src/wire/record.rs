//! [`record!`](crate::record): a struct and its fields, declared once.

/// Declares a struct that is written as a mapping.
///
/// ```
/// use sallyport_core::wire::{Presence, Reader, Shape};
///
/// sallyport_core::record! {
///     /// How calls are repeated.
///     pub struct Retries: Default = "retries" {
///         /// At most so many calls in all.
///         "maxAttempts" max_attempts: u32 as (Shape::Whole { least: 1, most: 10 }) = default(3),
///         /// On which conditions.
///         "on" on: Vec<String> = default(Vec::new(), "any"),
///         /// What the calls are named in the log.
///         "label" label: Option<String> = optional,
///     }
///     instead {
///         "attempts" => "write `maxAttempts`",
///     }
/// }
///
/// let retries: Retries = Reader::parse(br#"{"on": ["reset"]}"#)?;
/// assert_eq!(retries, Retries { on: vec!["reset".to_owned()], ..Retries::default() });
/// assert_eq!(serde_json::to_string(&retries).unwrap(), r#"{"on":["reset"]}"#);
/// assert_eq!(Retries::BLOCK.fields[1].doc, "On which conditions.");
/// let Presence::Default(default) = Retries::BLOCK.fields[0].presence else { panic!("it has a default") };
/// assert_eq!(default.words(), "`3`");
///
/// let invalid = Reader::parse::<Retries>(br#"{"on": [true], "attempts": 2}"#).unwrap_err();
/// let problems: Vec<_> = invalid.problems.iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect();
/// assert_eq!(problems, [".: the field `attempts` is unknown", "on[0]: expected a string, found a boolean"]);
/// # Ok::<(), sallyport_core::InvalidPolicy>(())
/// ```
///
/// Each field has its documentation, its name in the file, its name in Rust, its type, and what its absence means:
///
/// - `required`: it may not be absent.
/// - `optional`: it may; the type is an `Option`.
/// - `default(VALUE)`, `default(VALUE, "in words")`: then it has this value, and a field of this value is not written. The
///   words are for a default that the value does not show.
/// - `written(VALUE)`, `written(VALUE, "in words")`: then it has this value, but the field is always written.
///
/// The type gives the shape; `as (SHAPE)` narrows it for the documentation and the JSON Schema.
///
/// It expands to the struct; to `BLOCK`, the description of its fields; to `Serialize`, which writes the fields in the
/// order of the declaration; to [`Wire`](crate::wire::Wire), which reports a field that is unknown, missing or of the wrong
/// type in its place; and to `Default`, if that is named: every field that may be absent is, and the others are empty.
#[macro_export]
macro_rules! record {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $name:ident: Default = $block:literal { $($fields:tt)* }
        $($instead:tt)*
    ) => {
        $crate::record! { $(#[$attribute])* $visibility struct $name = $block { $($fields)* } $($instead)* }
        $crate::record! { @default $name { $($fields)* } }
    };
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $name:ident = $block:literal {
            $(
                $(#[doc = $doc:literal])+
                $key:literal $field:ident: $type:ty $(as ($shape:expr))? = $presence:ident $(($($value:tt)+))?,
            )*
        }
        $(instead { $($old:literal => $new:expr,)* })?
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        $visibility struct $name {
            $($(#[doc = $doc])+ pub $field: $type,)*
        }

        impl $name {
            /// The fields, as a file has them.
            pub const BLOCK: $crate::wire::Block = $crate::wire::Block {
                name: $block,
                fields: &[$($crate::wire::Field {
                    name: $key,
                    shape: $crate::record!(@shape $type $(, $shape)?),
                    presence: $crate::record!(@presence $type, $presence $(($($value)+))?),
                    doc: concat!($($doc),+).trim_ascii_start(),
                },)*],
                tombstones: &[$($(($old, $new),)*)?],
            };
        }

        impl $crate::wire::serde::Serialize for $name {
            fn serialize<S: $crate::wire::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use $crate::wire::serde::ser::SerializeMap;
                let mut map = serializer.serialize_map(None)?;
                $(if $crate::record!(@is_written self.$field, $type, $presence $(($($value)+))?) {
                    map.serialize_entry($key, &self.$field)?;
                })*
                map.end()
            }
        }

        impl $crate::wire::Wire for $name {
            const SHAPE: $crate::wire::Shape = $crate::wire::Shape::Block(&Self::BLOCK);

            #[inline(never)]
            fn read(
                reader: &mut $crate::wire::Reader,
                place: &$crate::problem::Place<'_>,
                json: &$crate::wire::Json<'_>,
            ) -> Option<Self> {
                let [$($field),*] = reader.fields(place, json, [$($key),*])?;
                let before = reader.problems();
                $(let $field = $crate::record!(@read reader, place, $key, $field, $type, $presence $(($($value)+))?);)*
                // Only now that every field is read, so that every problem is reported.
                if reader.problems() > before $(|| $crate::record!(@is_missing $field $presence))* {
                    return None;
                }
                Some(Self { $($field: $crate::record!(@take $field $presence),)* })
            }
        }
    };

    (@default $name:ident {
        $(
            $(#[doc = $doc:literal])+
            $key:literal $field:ident: $type:ty $(as ($shape:expr))? = $presence:ident $(($($value:tt)+))?,
        )*
    }) => {
        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $crate::record!(@absent $presence $(($($value)+))?),)* }
            }
        }
    };

    (@shape $type:ty) => { <$type as $crate::wire::Wire>::SHAPE };
    (@shape $type:ty, $shape:expr) => { $shape };

    (@presence $type:ty, required) => { $crate::wire::Presence::Required };
    (@presence $type:ty, optional) => { $crate::wire::Presence::Optional };
    (@presence $type:ty, $default:ident ($value:expr, $words:literal)) => {
        $crate::wire::Presence::Default($crate::wire::DefaultValue::Words($words))
    };
    (@presence $type:ty, $default:ident ($value:expr)) => {
        $crate::wire::Presence::Default($crate::wire::DefaultValue::Value(|| {
            let default: $type = $value;
            $crate::wire::json_of(&default)
        }))
    };

    (@absent default ($value:expr $(, $words:literal)?)) => { $value };
    (@absent written ($value:expr $(, $words:literal)?)) => { $value };
    (@absent $presence:ident) => { Default::default() };

    (@is_written $field:expr, $type:ty, required) => { true };
    (@is_written $field:expr, $type:ty, optional) => { $field.is_some() };
    (@is_written $field:expr, $type:ty, written ($($value:tt)+)) => { true };
    (@is_written $field:expr, $type:ty, default ($value:expr $(, $words:literal)?)) => {{
        let default: $type = $value;
        $field != default
    }};

    (@read $reader:ident, $place:ident, $key:literal, $found:ident, $type:ty, required) => {
        $reader.required::<$type>($place, $key, $found)
    };
    (@read $reader:ident, $place:ident, $key:literal, $found:ident, $type:ty, optional) => {
        $reader.optional($place, $key, $found)
    };
    (@read $reader:ident, $place:ident, $key:literal, $found:ident, $type:ty,
        $default:ident ($value:expr $(, $words:literal)?)) => {
        $reader.optional::<$type>($place, $key, $found).unwrap_or_else(|| $value)
    };

    (@is_missing $field:ident required) => { $field.is_none() };
    (@is_missing $field:ident $presence:ident) => { false };

    (@take $field:ident required) => { $field? };
    (@take $field:ident $presence:ident) => { $field };
}
