//! Lengths of time, as Istio's resources write them: `10s`, `1h30m`, `1.5s`, `250ms`.

use crate::code::Code;
use crate::diagnostic::Flaw;
use crate::parse::suggest::quoted;
use std::time::Duration;

const LEAST: Duration = Duration::from_millis(1);
/// Istio would take more; nobody means it.
const MOST: Duration = Duration::from_secs(365 * 24 * 3600);

/// What is wrong with the text of a duration.
pub(crate) fn check(text: &str) -> Option<Flaw> {
    let flaw = |problem: &str| Flaw::new(Code::Duration, format!("{} {problem}", quoted(text)));
    match parse(text) {
        Some(duration) if duration < LEAST => Some(flaw("is shorter than `1ms`").help("write `1ms` or more")),
        Some(duration) if duration > MOST => Some(flaw("is longer than a year").help("write `8760h` or less")),
        Some(_) => None,
        None => Some(flaw("is not a duration").help("write `10s`, `250ms`, `5m` or `1h30m`")),
    }
}

/// The duration that the text says; `None` if it says none.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let (mut rest, mut total) = (text, Duration::ZERO);
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

fn amount(number: &str, unit: &str) -> Option<Duration> {
    let seconds = match unit {
        "h" => 3600.0,
        "m" => 60.0,
        "s" => 1.0,
        "ms" => 0.001,
        _ => return None,
    };
    let is_number = number.starts_with(|c: char| c.is_ascii_digit()) && !number.ends_with('.');
    let number: f64 = is_number.then_some(number)?.parse().ok()?;
    Duration::try_from_secs_f64(number * seconds).ok()
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
            assert_eq!(parse(text), Some(Duration::from_millis(milliseconds)), "{text}");
            assert!(check(text).is_none(), "{text}");
        }
        for text in
            ["", "10", "s", "10 s", "10S", "1d", "-1s", "1.s", ".5s", "1e3s", "10s5", "1µs", "0s", "0.5ms", "8761h"]
        {
            assert!(check(text).is_some(), "{text}");
        }
    }
}
