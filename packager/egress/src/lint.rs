//! Lints: files that are right, and probably not what was meant.
//!
//! # Design
//! One lint is one file, and the `//!` comment at its head is its manual page, taken from the file itself, so that the
//! two cannot drift apart. Lints see what the tables and the core have let through, so they need not judge syntax.
//!
//! `SP20xx` to `SP24xx` are about Egress and Mesh files, `SP25xx` about one manifest and what it meets, `SP26xx` about
//! several manifests. What `sallyport build` writes has none of the latter two, unless a patch changed it.

use crate::diagnostic::{Diagnostic, Severity, SourceFile, Span};
use crate::import::Manifest;
use crate::import::set::Set;
use crate::model::{Egress, Mesh};
use crate::parse::tree::Node;
use sallyport_core::wire;
use std::collections::HashSet;

/// An Egress that is right, with its text.
pub(crate) struct Subject<'a> {
    pub(crate) file: usize,
    pub(crate) tree: &'a Node,
    pub(crate) egress: &'a Egress,
}

/// All that is checked together.
pub(crate) struct Input<'a> {
    pub(crate) files: &'a [SourceFile],
    pub(crate) egresses: Vec<Subject<'a>>,
    /// Namespace and name of every Egress, right or wrong.
    pub(crate) names: &'a HashSet<(String, String)>,
    /// File, text and data of the Mesh, if there is one.
    pub(crate) mesh: Option<(usize, &'a Node, &'a Mesh)>,
    /// The manifests.
    pub(crate) set: Set<'a>,
}

/// What a lint found.
struct Finding {
    file: usize,
    span: Span,
    message: String,
    help: String,
}

struct Lint {
    code: &'static str,
    severity: Severity,
    source: &'static str,
    run: fn(&Input<'_>) -> Vec<Finding>,
}

macro_rules! lints {
    ($($module:ident = $code:literal $severity:ident,)+) => {
        $(mod $module;)+

        static LINTS: &[Lint] = &[$(Lint {
            code: $code,
            severity: Severity::$severity,
            source: include_str!(concat!("lint/", stringify!($module), ".rs")),
            run: $module::run,
        },)+];
    };
}

lints! {
    same_host = "SP2001" Error,
    same_exposed_host = "SP2002" Error,
    same_upstream = "SP2003" Error,
    standby_not_here = "SP2004" Warning,
    standby_loop = "SP2005" Error,
    standby_twice = "SP2006" Error,
    standby_files = "SP2007" Error,
    anyone = "SP2101" Warning,
    allow_by_exception = "SP2102" Warning,
    repeated_rule = "SP2103" Warning,
    deny_with_ambiguity = "SP2104" Warning,
    remote_address = "SP2105" Warning,
    disclosed_outside = "SP2106" Warning,
    rule_for_another_host = "SP2107" Warning,
    probe_ambiguous = "SP2108" Error,
    probe_query_denied = "SP2109" Error,
    rule_for_probe = "SP2110" Warning,
    port_without_its_tls = "SP2201" Warning,
    token_in_plaintext = "SP2202" Warning,
    certificate_name = "SP2203" Warning,
    caller_beside_gateway = "SP2204" Warning,
    tells_of_the_caller = "SP2205" Warning,
    credential_in_plaintext = "SP2206" Warning,
    same_series = "SP2207" Warning,
    repeated_write = "SP2301" Warning,
    opa_by_tag = "SP2302" Warning,
    patch_of_a_guard = "SP2303" Warning,
    retries_of_the_ill = "SP2304" Warning,
    timeout_before_probe = "SP2305" Warning,
    ejection_beyond_hold = "SP2306" Warning,
    failover_without_gate = "SP2307" Warning,
    readiness_without_gate = "SP2308" Warning,
    override_left = "SP2309" Warning,
    patch_of_the_caller = "SP2310" Error,
    istio_out_of_support = "SP2401" Warning,
    traces_of_old_istio = "SP2402" Warning,
    plugin_for_servers = "SP2501" Error,
    plugin_without_priority = "SP2502" Warning,
    guard_out_of_phase = "SP2503" Warning,
    plugin_without_scheme = "SP2504" Warning,
    plugin_by_tag = "SP2505" Warning,
    plugin_digest_form = "SP2506" Error,
    plugin_two_digests = "SP2507" Error,
    plugin_fails_open = "SP2508" Warning,
    plugin_signature = "SP2509" Warning,
    plugin_pull_secret = "SP2510" Warning,
    plugin_everywhere = "SP2511" Warning,
    plugin_phase_name = "SP2512" Error,
    policy_in_environment = "SP2513" Warning,
    guard_not_reloaded = "SP2514" Warning,
    plugin_file_digest = "SP2515" Warning,
    plugin_large_number = "SP2516" Warning,
    sni_without_names = "SP2521" Warning,
    tls_without_sni = "SP2522" Warning,
    tls_unverified = "SP2523" Warning,
    authority_not_rewritten = "SP2531" Warning,
    unknown_subset = "SP2532" Warning,
    gateway_to_itself = "SP2533" Warning,
    entry_without_resolution = "SP2541" Warning,
    entry_with_tls = "SP2542" Warning,
    entry_for_everybody = "SP2543" Warning,
    entry_for_any_host = "SP2544" Error,
    strict_without_effect = "SP2551" Warning,
    denied_by_path = "SP2552" Warning,
    host_without_port = "SP2553" Warning,
    token_not_required = "SP2554" Warning,
    probe_by_shell = "SP2561" Warning,
    probe_of_upstream = "SP2562" Warning,
    gateway_as_root = "SP2563" Warning,
    registry_unverified = "SP2564" Warning,
    shared_gateway_label = "SP2571" Warning,
    deprecated_field = "SP2572" Warning,
    same_listener = "SP2601" Warning,
    covered_host = "SP2602" Warning,
    same_route = "SP2603" Warning,
    identity_without_mtls = "SP2604" Warning,
    callers_without_mtls = "SP2605" Warning,
    callers_without_sni = "SP2606" Warning,
    wide_mutual_rule = "SP2607" Warning,
    module_expiry = "SP2608" Warning,
    guard_of_nobody = "SP2609" Warning,
    caller_beside_secret = "SP2610" Warning,
}

/// What all lints say of these files.
pub(crate) fn run(input: &Input<'_>) -> Vec<Diagnostic> {
    let of_lint = |lint: &'static Lint| {
        (lint.run)(input).into_iter().map(|Finding { file, span, message, help }| Diagnostic {
            code: lint.code,
            severity: lint.severity,
            file,
            span,
            message,
            help: Some(help),
            related: Vec::new(),
        })
    };
    LINTS.iter().flat_map(of_lint).collect()
}

/// The code of every lint, in order.
pub fn codes() -> impl Iterator<Item = &'static str> {
    LINTS.iter().map(|lint| lint.code)
}

/// Each lint's code and manual page.
pub(crate) fn manuals() -> impl Iterator<Item = (&'static str, String)> {
    LINTS.iter().map(|lint| {
        let lines = lint.source.lines().map_while(|line| line.strip_prefix("//!"));
        let lines: Vec<_> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
        (lint.code, lines.join("\n"))
    })
}

impl Subject<'_> {
    /// A finding where the path leads, or as near to it as the file has it: `gateway.opa.image`.
    fn at(&self, path: &str, message: impl Into<String>, help: impl Into<String>) -> Finding {
        let spec = self.tree.get("spec").unwrap_or(self.tree);
        finding(self.file, spec.nearest(path), message, help)
    }

    /// The Egresses among these that `health.failover` names, with their positions in it.
    fn standbys<'s>(&self, input: &'s Input<'_>) -> impl Iterator<Item = (usize, &'s Egress)> {
        let namespace = self.egress.namespace.as_str();
        let named = |name: &String| {
            let mut all = input.egresses.iter().map(|subject| subject.egress);
            all.find(|other| other.namespace == namespace && other.name == *name)
        };
        let failover = self.egress.spec.health.failover.iter().enumerate();
        failover.filter_map(|(position, name)| Some((position, named(name)?))).collect::<Vec<_>>().into_iter()
    }

    /// The rules that allow or deny, with their paths in the file.
    fn rules(&self, action: wire::Action) -> impl Iterator<Item = (String, &wire::Rule)> {
        let rules = self.egress.spec.authz.rules.iter().enumerate();
        let rules = rules.filter(move |(_, rule)| rule.action == action);
        rules.map(|(position, rule)| (format!("authz.rules[{position}]"), rule))
    }
}

/// A long node is shown where it begins.
fn finding(file: usize, node: &Node, message: impl Into<String>, help: impl Into<String>) -> Finding {
    let end = if node.text().is_some() { node.span.end } else { node.span.start };
    Finding { file, span: Span { start: node.span.start, end }, message: message.into(), help: help.into() }
}

/// A finding about a manifest as a whole, shown at its name.
fn of_manifest(manifest: &Manifest, message: impl Into<String>, help: impl Into<String>) -> Finding {
    finding(manifest.file, manifest.title(), message, help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_lint_has_a_manual_and_its_own_code() {
        let all: Vec<_> = codes().collect();
        assert_eq!(all, codes().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>());
        for (code, manual) in manuals() {
            assert!(manual.lines().count() > 3, "{code}: {manual}");
        }
    }
}
