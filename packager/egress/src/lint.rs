//! Lints: files that are right, and probably not what was meant.
//!
//! # Design
//! One lint is one file, and the `//!` comment at its head is its manual page, taken from the file itself, so that the
//! two cannot drift apart. Lints see what the tables and the core have let through, so they need not judge syntax.

use crate::diagnostic::{Diagnostic, Severity, SourceFile, Span};
use crate::model::{Egress, Mesh};
use crate::parse::tree::Node;
use sallyport_core::policy::source::{ActionSource, RuleSource};

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
    /// File, text and data of the Mesh, if there is one.
    pub(crate) mesh: Option<(usize, &'a Node, &'a Mesh)>,
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
    anyone = "SP2101" Warning,
    allow_by_exception = "SP2102" Warning,
    repeated_rule = "SP2103" Warning,
    deny_with_ambiguity = "SP2104" Warning,
    remote_address = "SP2105" Warning,
    disclosed_outside = "SP2106" Warning,
    port_without_its_tls = "SP2201" Warning,
    token_in_plaintext = "SP2202" Warning,
    certificate_name = "SP2203" Warning,
    caller_beside_gateway = "SP2204" Warning,
    repeated_write = "SP2301" Warning,
    opa_by_tag = "SP2302" Warning,
    patch_of_a_guard = "SP2303" Warning,
    istio_out_of_support = "SP2401" Warning,
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

    /// The rules that allow or deny, with their paths in the file.
    fn rules(&self, action: ActionSource) -> impl Iterator<Item = (String, &RuleSource)> {
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
