//! A gateway is ready only while its upstream answers.
//!
//! Every replica asks the upstream, and one blip of it takes all of them out of the Service at once. Callers then get a
//! bare 503 without a reason, and the upstream is asked by every replica, all the time.
//!
//! Leave the upstream out of the probe.

use super::probe_by_shell::commands;
use crate::import::Kind;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;

const OWN: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pods in input.set.of(Kind::Deployment).chain(input.set.of(Kind::IstioOperator)) {
        let words = commands(pods.spec()).flat_map(|command| command.items());
        for word in words.filter(|word| word.text().is_some_and(asks_another)) {
            let message = "while the upstream does not answer, every replica leaves the Service at once";
            findings.push(finding(pods.file, word, message, "leave the upstream out of the probe"));
        }
    }
    findings
}

/// Whether there is a URL in the text that is not of the pod itself.
fn asks_another(text: &str) -> bool {
    let mut urls = text.split("http").skip(1).filter_map(|rest| rest.trim_start_matches('s').strip_prefix("://"));
    urls.any(|url| !OWN.iter().any(|own| url.starts_with(own)))
}
