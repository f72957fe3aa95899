//! Sets of HTTP statuses: `200`, `200-299`.

use alloc::vec::Vec;

use crate::problem::{Flaw, PolicyCode};
use crate::text::split_once;

/// A set of statuses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statuses(Vec<(u16, u16)>);

impl Statuses {
    /// Reads one entry into the set.
    pub(crate) fn add(&mut self, text: &str) -> Result<(), Flaw> {
        let (first, last) = split_once(text, "-").unwrap_or((text, text));
        let status = |text: &str| {
            let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|status| digits && (100..=599).contains(status))
        };
        match (status(first), status(last)) {
            (Some(first), Some(last)) if first <= last => {
                self.0.push((first, last));
                Ok(())
            }
            _ => Err(Flaw::new(PolicyCode::Status, format_args!("`{text}` is not a status"))
                .help(format_args!("write one from 100 to 599, or a range such as `200-299`"))),
        }
    }

    /// Whether a status is in the set.
    #[must_use]
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&status))
    }

    /// A status that is in both sets.
    #[must_use]
    pub fn common(&self, other: &Self) -> Option<u16> {
        let starts = self.0.iter().chain(&other.0).map(|(first, _)| *first);
        starts.filter(|status| self.contains(*status) && other.contains(*status)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(texts: &[&str]) -> Statuses {
        let mut set = Statuses::default();
        texts.iter().for_each(|text| set.add(text).unwrap());
        set
    }

    #[test]
    fn statuses_and_ranges() {
        let good = set(&["204", "300-399"]);
        for (status, inside) in [(204, true), (203, false), (300, true), (399, true), (400, false)] {
            assert_eq!(good.contains(status), inside, "{status}");
        }
        assert_eq!(good.common(&set(&["200-350"])), Some(204));
        assert_eq!(good.common(&set(&["400-599"])), None);
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "2xx", "99", "600", "0200", "300-200", "200-", "-200", "200-299-300", "２００"] {
            assert_eq!(Statuses::default().add(text).unwrap_err().code, PolicyCode::Status, "{text}");
        }
    }
}
