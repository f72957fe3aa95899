//! The readings of a value that may come several times: a header's, a query parameter's. Why there are several:
//! [`usage`](super::usage).

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;

use super::name;
use crate::request::usage::Use;
use crate::text::split_bytes;

/// Fields whose grammar has commas inside of one value (RFC 9110; RFC 6265 for cookies): they are never split at commas.
const NEVER_SPLIT: [&str; 17] = [
    "authorization",
    "content-disposition",
    "content-location",
    "cookie",
    "date",
    "expires",
    "from",
    "if-modified-since",
    "if-range",
    "if-unmodified-since",
    "last-modified",
    "location",
    "proxy-authorization",
    "referer",
    "retry-after",
    "set-cookie",
    "user-agent",
];

/// Most bytes of a value that a pattern reads.
pub const MAX_READ: usize = 2048;
/// Most elements of one header that a rule looks at.
pub const MAX_ELEMENTS: usize = 256;

/// How often at most the bytes of a header are read, all its readings together: as they came, trimmed, joined in three
/// ways, as a list in two, and element by element.
#[cfg(feature = "compile")]
pub(crate) const MAX_HEADER_READINGS: usize = 8;

/// The same of a query parameter.
#[cfg(feature = "compile")]
pub(crate) const MAX_PARAMETER_READINGS: usize = 2;

/// How the values of a name are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A header whose value may be a list.
    List,
    /// A header that is never split at commas.
    Whole,
    /// A query parameter: each value by itself, as it came and trimmed.
    Parameter,
}

impl Kind {
    /// The kind of a header; `name` in lower case.
    pub(crate) fn of_header(name: &[u8]) -> Self {
        if NEVER_SPLIT.iter().any(|known| known.as_bytes() == name) { Self::Whole } else { Self::List }
    }

    /// How many values these lines hold.
    pub(crate) fn count(self, lines: &[Cow<'_, [u8]>]) -> usize {
        let commas = |line: &Cow<'_, [u8]>| line.iter().filter(|byte| **byte == b',').count();
        match self {
            Self::List => lines.iter().fold(lines.len(), |sum, line| sum.saturating_add(commas(line))),
            Self::Whole | Self::Parameter => lines.len(),
        }
    }
}

/// Every reading of the values of a name.
#[derive(Debug)]
pub struct Readings {
    all: Vec<Box<[u8]>>,
    /// There are more values than anything here looks at.
    too_many: bool,
}

impl Readings {
    pub(super) fn of(kind: Kind, lines: &[Cow<'_, [u8]>]) -> Self {
        let mut readings = Self { all: Vec::new(), too_many: kind.count(lines) > MAX_ELEMENTS };
        if readings.too_many {
            return readings;
        }
        for line in lines {
            readings.add(line);
        }
        if kind == Kind::Parameter {
            for line in lines {
                readings.add(name::trim_spaces(line));
            }
            return readings;
        }
        for line in lines {
            readings.add(trim(line));
        }
        if lines.len() > 1 {
            // Envoy joins without a blank, proxies and servers with one, cookies by a semicolon (RFC 9113, 8.2.3).
            for separator in [&b","[..], b", ", b"; "] {
                readings.add(&lines.join(separator));
            }
        }
        if kind == Kind::List && lines.iter().any(|line| line.contains(&b',')) {
            let elements: Vec<&[u8]> = lines.iter().flat_map(|line| elements(line)).collect();
            for separator in [&b","[..], b", "] {
                readings.add(&elements.join(separator));
            }
            for element in elements {
                readings.add(element);
            }
        }
        readings
    }

    fn add(&mut self, reading: &[u8]) {
        // Most values have one reading only.
        if self.all.last().is_none_or(|last| **last != *reading) {
            self.all.push(reading.into());
        }
    }

    /// Whether a test matches, as it is used. What has too many readings matches where a match restricts.
    pub(crate) fn matches(&self, by: Use, test: impl Fn(&[u8]) -> bool) -> bool {
        if self.too_many { by == Use::Restrictive } else { by.matches(self.all.iter(), |reading| test(reading)) }
    }
}

/// The elements of a header's line, without the blanks around them (RFC 9110, 5.6.1).
pub(crate) fn elements(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    split_bytes(line, b',').map(trim)
}

/// Without blanks and tabs at both ends (RFC 9110, 5.5): over HTTP/2 Envoy hands them on.
pub(crate) fn trim(text: &[u8]) -> &[u8] {
    name::trim_where(text, |byte| matches!(byte, b' ' | b'\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(kind: Kind, lines: &[&str]) -> Vec<String> {
        let lines: Vec<Cow<'_, [u8]>> = lines.iter().map(|line| Cow::Borrowed(line.as_bytes())).collect();
        let readings = Readings::of(kind, &lines);
        readings.all.iter().map(|reading| String::from_utf8_lossy(reading).into_owned()).collect()
    }

    #[test]
    fn readings_of_headers() {
        for (lines, expected) in [
            (&[][..], &[][..]),
            (&["a"], &["a"]),
            (&[""], &[""]),
            (&[" a\t"], &[" a\t", "a"]),
            (&["a,b"], &["a,b", "a, b", "a", "b"]),
            (&["a", "b"], &["a", "b", "a", "b", "a,b", "a, b", "a; b"]),
        ] {
            let got = readings(Kind::List, lines);
            for reading in expected {
                assert!(got.iter().any(|got| got == reading), "{lines:?} lacks {reading:?}: {got:?}");
            }
            assert!(got.iter().all(|got| expected.iter().any(|reading| got == reading)), "{lines:?}: {got:?}");
        }
    }

    #[test]
    fn some_fields_and_parameters_are_never_split() {
        assert_eq!(Kind::of_header(b"user-agent"), Kind::Whole);
        assert_eq!(readings(Kind::Whole, &["Mozilla (KHTML, like Gecko)"]), ["Mozilla (KHTML, like Gecko)"]);
        assert_eq!(readings(Kind::Parameter, &["a,b"]), ["a,b"]);
        assert_eq!(readings(Kind::Parameter, &["a\n"]), ["a\n", "a"]);
    }

    #[test]
    fn too_many_elements_count_against_the_caller() {
        let line = vec![b','; MAX_ELEMENTS];
        let readings = Readings::of(Kind::List, &[Cow::Owned(line)]);
        assert!(readings.matches(Use::Restrictive, |_| false));
        assert!(!readings.matches(Use::Permissive, |_| true));
    }
}
