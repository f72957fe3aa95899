//! What was seen of something: how often, on which days, first and last.

use std::fmt;

use super::moment::Moment;
use super::seen::Kind;

/// More days than a log has.
const MOST_DAYS: usize = 1024;

/// What was seen of something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Lines of access logs.
    access: u64,
    /// Lines of the filter, of which there are fewer than requests.
    examples: u64,
    first: Option<Moment>,
    last: Option<Moment>,
    /// In order, each once.
    days: Vec<u32>,
    address: Option<Box<str>>,
    has_addresses: bool,
}

impl Evidence {
    pub(super) fn see(&mut self, kind: Kind, at: Option<Moment>, address: Option<&str>) {
        let count = match kind {
            Kind::Access => &mut self.access,
            Kind::Example => &mut self.examples,
        };
        *count = count.saturating_add(1);
        if let Some(at) = at {
            self.first = Some(self.first.map_or(at, |first| first.min(at)));
            self.last = self.last.max(Some(at));
            self.add_day(at.day());
        }
        if let Some(address) = address {
            self.add_address(address);
        }
    }

    /// Adds what was seen of another thing.
    pub(super) fn absorb(&mut self, other: &Self) {
        self.access = self.access.saturating_add(other.access);
        self.examples = self.examples.saturating_add(other.examples);
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
        other.days.iter().for_each(|day| self.add_day(*day));
        self.has_addresses |= other.has_addresses;
        if let Some(address) = &other.address {
            self.add_address(address);
        }
    }

    fn add_day(&mut self, day: u32) {
        if let Err(position) = self.days.binary_search(&day)
            && self.days.len() < MOST_DAYS
        {
            self.days.insert(position, day);
        }
    }

    fn add_address(&mut self, address: &str) {
        match &self.address {
            None => self.address = Some(address.into()),
            Some(first) => self.has_addresses |= **first != *address,
        }
    }

    /// How many requests there were at least. A request can have a line in either log, so the lines of both are not added.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.access.max(self.examples)
    }

    /// How many days have a request.
    #[must_use]
    pub fn days(&self) -> usize {
        self.days.len()
    }

    /// The first request with a time.
    #[must_use]
    pub fn first(&self) -> Option<Moment> {
        self.first
    }

    /// The last request with a time.
    #[must_use]
    pub fn last(&self) -> Option<Moment> {
        self.last
    }

    /// Whether nothing says on which day it was seen.
    pub(super) fn is_timeless(&self) -> bool {
        self.days.is_empty()
    }

    /// Whether all was seen on one day, and nothing shows that more than one address sent it. Lines without a time may be of that
    /// day, too.
    pub(super) fn is_rare(&self) -> bool {
        self.days.len() == 1 && !self.has_addresses
    }
}

/// `1,204 calls on 12 days, 2026-11-01 to 2026-11-25`.
impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls = self.calls();
        write!(f, "{} {}", grouped(calls), if calls == 1 { "call" } else { "calls" })?;
        match (self.first, self.last) {
            (Some(first), _) if self.days.len() == 1 => write!(f, " on {}", first.date()),
            (Some(first), Some(last)) => {
                write!(f, " on {} days, {} to {}", self.days.len(), first.date(), last.date())
            }
            _ => Ok(()),
        }
    }
}

/// A number with commas between its thousands.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        let behind = digits.len().saturating_sub(position);
        if position > 0 && behind.checked_rem(3) == Some(0) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_said_in_one_line() {
        let mut evidence = Evidence::default();
        assert_eq!(evidence.to_string(), "0 calls");
        evidence.see(Kind::Access, Moment::read("2026-11-25T09:00:00Z"), Some("10.0.0.1"));
        assert_eq!((evidence.to_string(), evidence.is_rare()), ("1 call on 2026-11-25".to_owned(), true));
        // The same request in the filter's log.
        evidence.see(Kind::Example, Moment::read("2026-11-25T09:00:00Z"), None);
        assert_eq!((evidence.calls(), evidence.is_rare()), (1, true));
        let mut other = Evidence::default();
        other.see(Kind::Access, Moment::read("2026-11-25T08:00:00Z"), Some("10.0.0.2"));
        assert!(other.is_rare());
        evidence.absorb(&other);
        assert!(!evidence.is_rare());
        evidence.see(Kind::Access, Moment::read("2026-11-27T08:00:00Z"), None);
        assert_eq!(evidence.to_string(), "3 calls on 2 days, 2026-11-25 to 2026-11-27");
        // What has no time is of no day, however many addresses sent it.
        let mut timeless = Evidence::default();
        timeless.see(Kind::Access, None, Some("10.0.0.1"));
        timeless.see(Kind::Access, None, Some("10.0.0.2"));
        assert_eq!((timeless.to_string(), timeless.is_timeless()), ("2 calls".to_owned(), true));
        timeless.see(Kind::Access, Moment::read("2026-11-25T09:00:00Z"), None);
        assert!(!timeless.is_timeless());
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
