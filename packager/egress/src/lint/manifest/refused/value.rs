//! Single values: hosts, networks, shares, status codes, retries.

use super::{Refusals, is_null};
use crate::value::names;
use crate::wording::{has_variable, quoted};
use crate::yaml::tree::Node;
use std::net::IpAddr;
use std::ops::RangeInclusive;

impl Refusals<'_> {
    /// Names that callers use, or patterns of them: no URLs, no ports.
    pub(super) fn hosts(&mut self, items: &[Node]) {
        for item in items {
            let Some(text) = item.text().filter(|text| !text.is_empty() && !has_variable(text)) else { continue };
            let of_url = text.split_once("://").map(|(_, rest)| rest);
            let rest = of_url.unwrap_or(text);
            let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
            let (host, port) = host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port)));
            let what = match (of_url, port) {
                (Some(_), _) => "a URL",
                (None, Some(port)) if port.parse::<u16>().is_ok() && !host.is_empty() => "a host with a port",
                _ => continue,
            };
            let message = format!("Istio refuses {} as a host: it is {what}", quoted(text));
            self.add(item, message, format!("write {}", quoted(host)));
        }
    }

    /// Addresses, or ranges of them. One with a zone (`fe80::1%eth0`) is left to Istio.
    pub(super) fn networks(&mut self, items: &[Node]) {
        for item in items {
            let Some(text) = item.text().filter(|text| !text.is_empty() && !has_variable(text)) else { continue };
            if !is_network(text) && !text.contains('%') {
                let message = format!("{} is no address, and no range of addresses", quoted(text));
                self.add(item, message, "write one such as `192.0.2.1` or `192.0.2.0/24`");
            }
        }
    }

    /// A number outside of what its field takes.
    fn number(&mut self, node: Option<&Node>, range: &RangeInclusive<f64>, what: &str, help: &str) {
        let Some(node) = node.filter(|node| !is_null(node)) else { return };
        let Some(text) = node.text() else { return };
        if text.parse::<f64>().is_ok_and(|number| !range.contains(&number)) {
            self.add(node, format!("Istio refuses {} as {what}", quoted(text)), help);
        }
    }

    pub(super) fn percentage(&mut self, node: Option<&Node>) {
        self.number(node, &(0.0..=100.0), "a percentage", "write a number from 0 to 100");
    }

    pub(super) fn weight(&mut self, item: &Node) {
        self.number(item.get("weight"), &(0.0..=f64::MAX), "a weight", "write a number from 0 on");
    }

    /// The parts of a route of `http` that hold single numbers and words.
    pub(super) fn http_values(&mut self, route: &Node) {
        let code = route.descend(&["redirect", "redirectCode"]).filter(|code| code.text() != Some("0"));
        self.number(code, &(300.0..=399.0), "the status of a redirect", "write `301`, `302`, `303`, `307` or `308`");
        for path in [["directResponse", "status"].as_slice(), &["fault", "abort", "httpStatus"]] {
            self.number(route.descend(path), &(200.0..=600.0), "a status", "write a status from 200 to 599");
        }
        for path in [["fault", "abort", "percentage", "value"], ["fault", "delay", "percentage", "value"]] {
            self.percentage(route.descend(&path));
        }
        self.percentage(route.descend(&["mirrorPercentage", "value"]));
        for mirror in route.items_at(&["mirrors"]) {
            self.percentage(mirror.descend(&["percentage", "value"]));
        }
        self.retry_conditions(route);
    }

    fn retry_conditions(&mut self, route: &Node) {
        let Some(node) = route.descend(&["retries", "retryOn"]).filter(|node| !is_null(node)) else { return };
        let Some(text) = node.text().filter(|text| !text.is_empty() && !has_variable(text)) else { return };
        if let Some(wrong) = text.split(',').find(|word| !names::is_retry_condition_of_istio(word)) {
            let message = format!("Istio refuses the retry condition {}", quoted(wrong));
            let help = match names::is_retry_condition_of_istio(wrong.trim()) {
                true => format!("write no spaces: {}", quoted(&text.replace(' ', ""))),
                false => names::retry_condition_instead(wrong.trim()),
            };
            self.add(node, message, help);
        }
    }

    pub(super) fn sidecar(&mut self) {
        let manifest = self.manifest;
        for listener in manifest.spec().items_at(&["egress"]) {
            for host in listener.items_at(&["hosts"]) {
                let Some(text) = host.text().filter(|text| !text.is_empty() && !has_variable(text)) else { continue };
                if !text.contains('/') {
                    let message = format!("Istio refuses the host {} of a Sidecar: it has no namespace", quoted(text));
                    let help = match text.contains(['.', '*']) {
                        true => format!("write {}, or a namespace instead of `*`", quoted(&format!("*/{text}"))),
                        false => format!("write {} for all of that namespace", quoted(&format!("{text}/*"))),
                    };
                    self.add(host, message, help);
                }
            }
        }
    }

    pub(super) fn telemetry(&mut self) {
        let manifest = self.manifest;
        for tracing in manifest.spec().items_at(&["tracing"]) {
            self.percentage(tracing.get("randomSamplingPercentage"));
        }
    }
}

/// An address, or one with the length of a prefix. Go reads no leading zeros.
fn is_network(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return text.parse::<IpAddr>().is_ok() };
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let most = if address.is_ipv4() { 32 } else { 128 };
    !length.starts_with('+') && length.parse::<u8>().is_ok_and(|length| length <= most)
}
