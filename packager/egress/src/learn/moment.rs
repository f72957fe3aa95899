//! Moments of log lines, to the second. Nothing is computed with them: they are compared, and their days are counted.

use std::fmt;

/// A moment as a log writes it, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// `20261125`.
    day: u32,
    /// `92522` for 09:25:22.
    time: u32,
}

impl Moment {
    /// Reads `2026-11-25T09:25:22.181Z`, also with a blank between the halves, or a bracket before.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim_start_matches(['[', ' ']);
        let (date, rest) = (text.get(..10)?, text.get(10..)?);
        let time = rest.strip_prefix(['T', ' '])?.get(..8)?;
        let day = number(date, '-')?;
        let (month, of_month) = (day.checked_div(100)?.checked_rem(100)?, day.checked_rem(100)?);
        let is_day = (1..=12).contains(&month) && (1..=31).contains(&of_month);
        is_day.then_some(Self { day, time: number(time, ':')? })
    }

    /// The day, as a number that orders days.
    pub(super) fn day(self) -> u32 {
        self.day
    }

    /// `2026-11-25`.
    #[must_use]
    pub fn date(self) -> String {
        apart(self.day, 8, '-')
    }
}

/// `2026-11-25T09:25:22Z`.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}T{}Z", self.date(), apart(self.time, 6, ':'))
    }
}

/// The digits as one number: two, three or four groups with separators between them.
fn number(text: &str, separator: char) -> Option<u32> {
    let groups = text.split(separator);
    let is_right = groups.clone().count() == 3 && groups.clone().skip(1).all(|group| group.len() == 2);
    let digits: String = groups.collect();
    (is_right && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// The number with separators before its last two pairs of digits.
fn apart(number: u32, digits: usize, separator: char) -> String {
    let text = format!("{number:0digits$}");
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let (last, middle) = (text.len().saturating_sub(2), text.len().saturating_sub(4));
    format!("{}{separator}{}{separator}{}", part(0, middle), part(middle, last), part(last, text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_logs_write_them() {
        for text in ["2026-11-25T09:05:22.181Z", "[2026-11-25 09:05:22.181][12][warning]", "2026-11-25T09:05:22Z"] {
            assert_eq!(Moment::read(text).unwrap().to_string(), "2026-11-25T09:05:22Z", "{text}");
        }
        for text in [
            "",
            "2026-11-25",
            "2026-13-25T09:05:22",
            "2026-1-255T09:05:22",
            "25/Nov/2026:09:05:22 +0000",
            "é026-11-25T09:25:22",
        ] {
            assert_eq!(Moment::read(text), None, "{text}");
        }
        assert!(Moment::read("2026-11-25T09:05:22Z") < Moment::read("2026-11-25T10:00:00Z"));
    }
}
