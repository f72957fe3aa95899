//! Lengths of time, as Istio's resources write them: `10s`, `1h30m`, `1.5s`, `250ms`. Istio takes whole milliseconds only.

use super::{FromText, kind, text_value};
use crate::code::Code;
use crate::diagnostic::UnplacedDiagnostic;
use crate::wording::quoted;
use sallyport_core::wire::TextKind;

const LEAST: std::time::Duration = std::time::Duration::from_millis(1);
/// Istio would take more, but a longer time is a mistake.
const MOST: std::time::Duration = std::time::Duration::from_secs(365 * 24 * 3600);

/// A length of time, from 1 ms to a year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duration {
    text: String,
    length: std::time::Duration,
}

impl Duration {
    /// So many seconds.
    pub(crate) fn of_seconds(seconds: u32) -> Self {
        Self { text: format!("{seconds}s"), length: std::time::Duration::from_secs(seconds.into()) }
    }

    /// So many hours.
    pub(crate) fn of_hours(hours: u32) -> Self {
        Self {
            text: format!("{hours}h"),
            length: std::time::Duration::from_secs(u64::from(hours).saturating_mul(3600)),
        }
    }

    /// The text, as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How long it is.
    #[must_use]
    pub fn length(&self) -> std::time::Duration {
        self.length
    }

    /// As the Gateway API writes it (GEP-2257): at most four whole numbers of at most five digits, each with a unit.
    #[must_use]
    pub fn in_whole_units(&self) -> String {
        let seconds = self.length.as_secs();
        let units = [
            (seconds / 3600, "h"),
            (seconds / 60 % 60, "m"),
            (seconds % 60, "s"),
            (self.length.subsec_millis().into(), "ms"),
        ];
        let written = units.into_iter().filter(|(number, _)| *number > 0);
        written.map(|(number, unit)| format!("{number}{unit}")).collect()
    }

    /// In whole milliseconds. What is longer than a `u32` can say is the longest, which the core refuses.
    pub(crate) fn milliseconds(&self) -> u32 {
        u32::try_from(self.length.as_millis()).unwrap_or(u32::MAX)
    }
}

/// Whether it is a duration, and one below those that Istio's API takes.
pub(crate) fn is_too_short(text: &str) -> bool {
    parse(text).is_some_and(|length| length < LEAST)
}

/// What to write instead of a duration that Istio's API refuses; `None` if it takes it. It knows more units, and longer times.
pub(crate) fn correction(text: &str) -> Option<String> {
    let has_small_unit = ["us", "µs", "ns"].iter().any(|unit| text.ends_with(unit));
    if has_small_unit || parse(text).is_some_and(|length| length >= LEAST) {
        return None;
    }
    Duration::from_text(text).err()?.help
}

text_value!(Duration);

impl FromText for Duration {
    const KIND: TextKind = TextKind { pattern: Some("^([0-9]+([.][0-9]+)?(h|m|s|ms))+$"), ..kind::<Self>("duration") };

    fn from_text(text: &str) -> Result<Self, UnplacedDiagnostic> {
        let flaw = |problem: &str| UnplacedDiagnostic::new(Code::Duration, format!("{} {problem}", quoted(text)));
        match parse(text).or_else(|| (text == "0").then_some(std::time::Duration::ZERO)) {
            Some(length) if length < LEAST => Err(flaw("is shorter than `1ms`").help("write `1ms` or more")),
            Some(length) if length > MOST => Err(flaw("is longer than a year").help("write `8760h` or less")),
            Some(length) if !length.subsec_nanos().is_multiple_of(1_000_000) => {
                Err(flaw("has a fraction of a millisecond").help("round it to whole milliseconds"))
            }
            Some(length) => Ok(Self { text: text.to_owned(), length }),
            None => Err(flaw("is not a duration").help(match near(text) {
                Some(near) => format!("write `{near}`"),
                None => "write `10s`, `250ms`, `5m` or `1h30m`".to_owned(),
            })),
        }
    }
}

/// The duration that another notation stands for: seconds without a unit, longer names of units, days, ISO 8601.
fn near(text: &str) -> Option<String> {
    let plain: String = text.chars().filter(|c| *c != ' ').collect::<String>().to_ascii_lowercase();
    let mut rest = plain.strip_prefix("pt").or_else(|| plain.strip_prefix('p')).unwrap_or(&plain);
    let mut near = String::new();
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len()));
        let (unit, after) = after.split_at(after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len()));
        rest = after;
        if number.is_empty() {
            return None;
        }
        match unit {
            "d" | "day" | "days" => near.push_str(&format!("{}h", number.parse::<u32>().ok()?.checked_mul(24)?)),
            _ => near.push_str(&format!("{number}{}", known_unit(unit)?)),
        }
    }
    let length = parse(&near).filter(|length| (LEAST..=MOST).contains(length))?;
    length.subsec_nanos().is_multiple_of(1_000_000).then_some(near)
}

fn known_unit(unit: &str) -> Option<&'static str> {
    match unit {
        "" | "s" | "sec" | "secs" | "second" | "seconds" => Some("s"),
        "ms" | "msec" | "msecs" | "millis" | "millisecond" | "milliseconds" => Some("ms"),
        "m" | "min" | "mins" | "minute" | "minutes" => Some("m"),
        "h" | "hr" | "hrs" | "hour" | "hours" => Some("h"),
        _ => None,
    }
}

fn parse(text: &str) -> Option<std::time::Duration> {
    let (mut rest, mut total) = (text, std::time::Duration::ZERO);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let unit = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        total = total.checked_add(amount(number, unit)?)?;
        rest = after;
    }
    Some(total)
}

fn amount(number: &str, unit: &str) -> Option<std::time::Duration> {
    let seconds = match unit {
        "h" => 3600.0,
        "m" => 60.0,
        "s" => 1.0,
        "ms" => 0.001,
        _ => return None,
    };
    let is_number = number.starts_with(|c: char| c.is_ascii_digit()) && !number.ends_with('.');
    let number: f64 = is_number.then_some(number)?.parse().ok()?;
    std::time::Duration::try_from_secs_f64(number * seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, milliseconds) in [
            ("10s", 10_000),
            ("250ms", 250),
            ("1.5s", 1_500),
            ("1h30m", 5_400_000),
            ("1ms", 1),
            ("8760h", 31_536_000_000),
        ] {
            let duration: Duration = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(duration.length(), std::time::Duration::from_millis(milliseconds), "{text}");
            assert_eq!(duration.as_str(), text);
        }
        for text in [
            "", "10", "s", "10 s", "10S", "1d", "-1s", "1.s", ".5s", "1e3s", "10s5", "1µs", "0s", "0.5ms", "8761h",
            "1.5ms", "1.0001s",
        ] {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
    }

    #[test]
    fn other_notations() {
        for (text, written) in [
            ("15", Some("15s")),
            ("1.5", Some("1.5s")),
            ("15 s", Some("15s")),
            ("15sec", Some("15s")),
            ("500 ms", Some("500ms")),
            ("2min", Some("2m")),
            ("1 hour 30 minutes", Some("1h30m")),
            ("1d", Some("24h")),
            ("PT1M30S", Some("1m30s")),
            ("10S", Some("10s")),
            ("400d", None),
            ("-1", None),
            ("1w", None),
            ("soon", None),
            ("", None),
            ("99999999999d", None),
        ] {
            assert_eq!(near(text).as_deref(), written, "{text}");
        }
    }

    #[test]
    fn a_default_is_written_as_a_file_would_write_it() {
        assert_eq!("5s".parse(), Ok(Duration::of_seconds(5)));
    }

    #[test]
    fn the_gateway_api_takes_every_duration_in_whole_units() {
        for (text, written) in [
            ("10s", "10s"),
            ("1.5s", "1s500ms"),
            ("0.25h", "15m"),
            ("1m1m1m1m1m", "5m"),
            ("100000s", "27h46m40s"),
            ("1h0m0s", "1h"),
            ("8759h59m59.999s", "8759h59m59s999ms"),
            ("1ms", "1ms"),
        ] {
            let duration: Duration = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(duration.in_whole_units(), written, "{text}");
            assert_eq!(written.parse::<Duration>().map(|again| again.length()), Ok(duration.length()), "{text}");
        }
    }
}
