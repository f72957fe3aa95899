//! Ids of AWS X-Ray and Datadog: read for logs and correlation, never written.

use alloc::string::String;

use super::field::{hex, only, unhex};
use crate::request::pairs::Pair;
use crate::text::split_bytes;

/// The id of the request in another tracing system, after the name of that system: `xray:1-5759e988-...`,
/// `datadog:7277407061855694839`.
#[must_use]
pub fn correlation(headers: &[Pair<'_>]) -> Option<String> {
    only(headers, "x-amzn-trace-id").and_then(xray).or_else(|| only(headers, "x-datadog-trace-id").and_then(datadog))
}

/// The `Root` of `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`.
fn xray(value: &[u8]) -> Option<String> {
    let fields = split_bytes(value, b';').map(<[u8]>::trim_ascii);
    let root = fields.filter_map(|field| field.strip_prefix(b"Root=")).next()?;
    let mut parts = split_bytes(root, b'-');
    let (version, time, id) = (parts.next()?, unhex::<4>(parts.next()?)?, unhex::<12>(parts.next()?)?);
    (version == b"1" && parts.next().is_none()).then(|| format!("xray:1-{}-{}", hex(&time), hex(&id)))
}

/// A decimal number of 64 bits.
fn datadog(value: &[u8]) -> Option<String> {
    let text = core::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    let id: u64 = text.parse().ok()?;
    (id != 0).then(|| format!("datadog:{id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_other_systems() {
        let read = |name: &str, value: &str| correlation(&[(name.as_bytes(), value.as_bytes())]);
        let root = "Root=1-5759e988-bd862e3fe1be46a994272793";
        let found = Some("xray:1-5759e988-bd862e3fe1be46a994272793".to_owned());
        assert_eq!(read("x-amzn-trace-id", &format!("Self=x; {root};Parent=53995c3f42cd8ad8;Sampled=1")), found);
        assert_eq!(read("x-datadog-trace-id", "7277407061855694839").as_deref(), Some("datadog:7277407061855694839"));
        for (name, value) in [
            ("x-amzn-trace-id", "Root=2-5759e988-bd862e3fe1be46a994272793"),
            ("x-amzn-trace-id", "Root=1-5759e988-bd862e3fe1be46a99427279"),
            ("x-amzn-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793-1"),
            ("x-amzn-trace-id", "Parent=53995c3f42cd8ad8"),
            ("x-datadog-trace-id", "0"),
            ("x-datadog-trace-id", "-1"),
            ("x-datadog-trace-id", "+1"),
            ("x-datadog-trace-id", "18446744073709551616"),
        ] {
            assert_eq!(read(name, value), None, "{value}");
        }
    }
}
