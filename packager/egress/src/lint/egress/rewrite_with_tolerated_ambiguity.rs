//! `authz.tolerate` lets paths through that some servers read as a rewritten path.
//!
//! A path with a route of its own is recognised as it is written. With `tolerate`, a caller can send
//! `/reports//q1` or `/reports%2Fq1`: the gateway sees another path, which it does not rewrite, but the
//! upstream may read `/reports/q1`. So the caller reaches a path of the upstream that the file hides
//! behind the rewrite, if a rule allows the other spelling.
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! route: {paths: [{path: "/reports/{**}", rewrite: "/public/reports/{**}"}]}
//! authz:
//!   tolerate: [escapedSlash]
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! route: {paths: [{path: "/reports/{**}", rewrite: "/public/reports/{**}"}]}
//! ```
//!
//! Fix: Remove `tolerate`, or rewrite in the upstream.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::wording::quoted;
use sallyport_core::wire::Ambiguity;

pub(super) const LINT: Lint = Lint {
    code: Code::RewriteWithToleratedAmbiguity,
    run,
    source: include_str!("rewrite_with_tolerated_ambiguity.rs"),
};

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let is_about_paths =
            |kind: &Ambiguity| !matches!(kind, Ambiguity::UnderscoreHeader | Ambiguity::AmbiguousQuery);
        if !subject.egress.spec.authz.tolerate.iter().any(is_about_paths) {
            continue;
        }
        let paths = subject.egress.spec.route.paths.iter().enumerate();
        for (position, route) in paths.filter(|(_, route)| route.rewrite.is_some()) {
            let message =
                format!("a path that `tolerate` lets through can bypass the rewrite of {}", quoted(&route.path));
            let at = format!("route.paths[{position}].rewrite");
            findings.push(subject.at(&at, message, "remove `tolerate`, or rewrite in the upstream"));
        }
    }
    findings
}
