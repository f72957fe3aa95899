//! The upstream is `localhost`.
//!
//! That is the gateway's own pod, in which no upstream runs. On the machine of a developer it is right, and
//! stays in the file when the file goes to a cluster: there every request ends with 503.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! host: api.internal
//! upstream: {host: localhost, port: 8443}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! host: api.internal
//! upstream: {host: api.corp.example, port: 8443}
//! ```
//!
//! Fix: Write the upstream's name or address. To try a file against a server on your own machine, write
//! `127.0.0.1` in a file for `sallyport run` alone.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::value::host::Host;
use crate::wording::quoted;

pub(super) const LINT: Lint = Lint { code: Code::UpstreamIsLocal, run, source: include_str!("upstream_is_local.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let is_local = |host: &Host| *host == "localhost" || host.ends_with(".localhost");
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let upstream = &subject.egress.spec.upstream;
        let endpoints = upstream.endpoints.iter().enumerate();
        let endpoints = endpoints.map(|(at, one)| (format!("upstream.endpoints[{at}].address"), &one.address));
        let hosts = std::iter::once(("upstream.host".to_owned(), &upstream.host)).chain(endpoints);
        for (path, host) in hosts.filter(|(_, host)| is_local(host)) {
            let message = format!("{} is the gateway's own pod", quoted(host));
            findings.push(subject.at(&path, message, "write the name or address of the server"));
        }
    }
    findings
}
