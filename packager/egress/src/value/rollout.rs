//! Texts of a Rollout: gateways, regions, shares and days.

use super::{checked_text, default_text, kind};
use crate::code::Code;
use crate::diagnostic::UnplacedDiagnostic;
use crate::wording::quoted;
use sallyport_core::dns;
use sallyport_core::wire::TextKind;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

checked_text!(
    /// A gateway, by the namespace and the name of its Egress: `NAMESPACE/NAME`.
    GatewayName,
    check_gateway,
    TextKind { pattern: Some("^[a-z0-9-]{1,63}/[a-z0-9-]{1,63}$"), ..kind::<Self>("gateway") }
);

checked_text!(
    /// A region of `sallyport diff`: 12 hexadecimal digits.
    RegionId,
    check_region,
    TextKind { pattern: Some("^[0-9a-f]{12}$"), ..kind::<Self>("region") }
);

checked_text!(
    /// A caller's principal, as certificates have it behind `spiffe://`: `cluster.local/ns/shop/sa/batch`.
    CallerName,
    check_caller,
    TextKind { pattern: Some("^[^/*\\s]+(/[^/*\\s]+){2,}$"), ..kind::<Self>("principal") }
);

checked_text!(
    /// A share: `1%`, `0.5%`.
    Percent,
    check_percent,
    TextKind { pattern: Some("^[0-9]{1,3}([.][0-9]{1,3})?%$"), ..kind::<Self>("share") }
);

checked_text!(
    /// A day: `2027-01-31`.
    Day,
    check_day,
    TextKind { pattern: Some("^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), ..kind::<Self>("day") }
);

default_text!(Percent);

impl Percent {
    /// The share, from 0 to 1.
    #[must_use]
    pub fn share(&self) -> f64 {
        percent(self).unwrap_or_default() / 100.0
    }
}

impl Day {
    /// The last second of the day, in UTC and in Unix seconds.
    #[must_use]
    pub fn end(&self) -> i64 {
        moment(&format!("{self}T23:59:59Z")).unwrap_or_default()
    }
}

/// Unix seconds of a time as RFC 3339 writes it.
#[must_use]
pub fn moment(text: &str) -> Option<i64> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp)
}

/// A time as RFC 3339 writes it; empty for one that no calendar has.
#[must_use]
pub fn written_moment(seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(seconds).ok().and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}

fn flaw(text: &str, problem: &str, help: &str) -> UnplacedDiagnostic {
    UnplacedDiagnostic::new(Code::RolloutText, format!("{} {problem}", quoted(text))).help(help)
}

fn check_gateway(text: &str) -> Option<UnplacedDiagnostic> {
    let is_gateway =
        text.split_once('/').is_some_and(|(namespace, name)| dns::is_label(namespace) && dns::is_label(name));
    (!is_gateway).then(|| flaw(text, "is not a gateway", "write `NAMESPACE/NAME`, the `metadata` of its Egress"))
}

fn check_region(text: &str) -> Option<UnplacedDiagnostic> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (text.len() != 12 || !text.bytes().all(is_digit)).then(|| {
        flaw(text, "is not a region", "copy the 12 hexadecimal digits that `sallyport plan` and `sallyport diff` print")
    })
}

fn check_caller(text: &str) -> Option<UnplacedDiagnostic> {
    let parts: Vec<&str> = text.split('/').collect();
    let is_plain = |part: &&str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c == '*');
    if parts.len() > 2 && parts.iter().all(is_plain) {
        return None;
    }
    let help = match (text.strip_prefix("spiffe://"), parts.as_slice()) {
        (Some(name), _) => format!("write it without `spiffe://`: {}", quoted(name)),
        (None, [namespace, account]) if parts.iter().all(is_plain) => {
            format!(
                "write the whole principal, such as {}",
                quoted(&format!("cluster.local/ns/{namespace}/sa/{account}"))
            )
        }
        _ => "write the principal, as `sallyport status` prints it: `cluster.local/ns/NAMESPACE/sa/ACCOUNT`".to_owned(),
    };
    Some(flaw(text, "is not a principal", &help))
}

fn check_percent(text: &str) -> Option<UnplacedDiagnostic> {
    percent(text).is_none().then(|| flaw(text, "is not a share", "write `1%` or `0.5%`, from `0%` to `100%`"))
}

fn percent(text: &str) -> Option<f64> {
    let number = text.strip_suffix('%')?;
    let is_plain = number.starts_with(|c: char| c.is_ascii_digit())
        && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    number.parse::<f64>().ok().filter(|share| is_plain && (0.0..=100.0).contains(share))
}

fn check_day(text: &str) -> Option<UnplacedDiagnostic> {
    let is_day = text.len() == 10 && moment(&format!("{text}T23:59:59Z")).is_some();
    (!is_day).then(|| flaw(text, "is not a day", "write the year, the month and the day: `2027-01-31`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::FromText;

    fn message<T: FromText>(text: &str) -> Option<String> {
        T::from_text(text).err().map(|flaw| flaw.message)
    }

    #[test]
    fn wrong_texts_are_refused() {
        for text in ["a", "a/b/c", "A/b", "/b", "a/"] {
            assert_eq!(message::<GatewayName>(text), Some(format!("`{text}` is not a gateway")));
        }
        for text in ["5f2a09c1b7d", "5F2a09c1b7de", "5f2a09c1b7deg"] {
            assert_eq!(message::<RegionId>(text), Some(format!("`{text}` is not a region")));
        }
        for text in ["shop/batch", "spiffe://td/ns/shop/sa/batch", "td/ns/*/sa/batch", "td//a/b", "a b/c/d", "", "td"] {
            assert_eq!(message::<CallerName>(text), Some(format!("`{text}` is not a principal")));
        }
        let help = |text: &str| CallerName::from_text(text).err().and_then(|flaw| flaw.help);
        let account = "write the whole principal, such as `cluster.local/ns/shop/sa/batch`";
        assert_eq!(help("shop/batch").as_deref(), Some(account));
        for text in ["1", "%", "101%", "-1%", "1e1%", "nan%", ".5%", "inf%"] {
            assert_eq!(message::<Percent>(text), Some(format!("`{text}` is not a share")));
        }
        for text in ["2027-02-29", "27-01-01", "2027-1-1", "tomorrow", "2027-01-31T00:00:00Z"] {
            assert_eq!(message::<Day>(text), Some(format!("`{text}` is not a day")));
        }
    }

    #[test]
    fn right_texts_have_a_meaning() {
        assert_eq!(message::<GatewayName>("egress-a/b"), None);
        assert_eq!(message::<RegionId>("5f2a09c1b7de"), None);
        assert_eq!(message::<CallerName>("td/ns/shop/sa/batch"), None);
        assert!((Percent::from_text("0.5%").unwrap().share() - 0.005).abs() < 1e-12);
        assert_eq!(Day::from_text("1970-01-01").unwrap().end(), 86_399);
        assert_eq!(written_moment(86_399), "1970-01-01T23:59:59Z");
        assert_eq!(moment("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(moment("yesterday"), None);
    }
}
