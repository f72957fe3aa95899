//! What is wrong with a case.

use super::suite::start_of;
use crate::Cases;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, UnplacedDiagnostic};
use crate::model::Egress;
use crate::model::cases::{Expect, ExpectedReason, ExpectedVerdict};
use crate::wording::{did_you_mean, either, quoted};
use sallyport_core::wire::Action;
use std::collections::BTreeSet;

/// Collects what is wrong, each in its place once: the fields of a group are those of many cases.
pub(super) struct Sink<'c> {
    file: usize,
    source: &'c Cases,
    seen: BTreeSet<(usize, String)>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl<'c> Sink<'c> {
    pub(super) fn new(file: usize, source: &'c Cases) -> Self {
        Self { file, source, seen: BTreeSet::new(), diagnostics: Vec::new() }
    }

    /// Whether the mapping at a path has a field.
    pub(super) fn has(&self, path: &str, field: &str) -> bool {
        let (parent, block) = path.rsplit_once('.').unwrap_or(("", path));
        self.source.tree.nearest(parent).get(block).is_some_and(|node| node.get(field).is_some())
    }

    pub(super) fn report(&mut self, path: &str, code: Code, message: String, help: &str) {
        let span = start_of(self.source, path);
        if self.seen.insert((span.start, message.clone())) {
            self.diagnostics.push(UnplacedDiagnostic::new(code, message).help(help).at(self.file, span));
        }
    }

    /// Rules that are not there, and expectations that no request fulfils.
    pub(super) fn check_expectation(&mut self, path: &str, expected: &Expect, egress: &Egress) {
        let action = self.check_rule(&format!("{path}.rule"), expected.rule.as_deref(), egress);
        let shadow = expected.shadow.clone().unwrap_or_default();
        self.check_rule(&format!("{path}.shadow.rule"), shadow.rule.as_deref(), egress);
        for (position, id) in expected.audits.iter().flatten().enumerate() {
            self.check_rule(&format!("{path}.audits[{position}]"), Some(id), egress);
        }
        let is_allowed = expected.verdict == Some(ExpectedVerdict::Allow) || expected.upstream.is_some();
        let is_refused = expected.verdict == Some(ExpectedVerdict::Deny)
            || expected.reason.is_some()
            || expected.ambiguity.is_some()
            || expected.status.is_some();
        if is_allowed && is_refused {
            let field = if expected.reason.is_some() { "reason" } else { "verdict" };
            self.contradiction(&format!("{path}.{field}"), "a request that goes on has no reason and no status, and one that is refused does not reach the upstream");
        }
        match (action, is_allowed, is_refused) {
            (Some(Action::Deny), true, _) => {
                self.contradiction(&format!("{path}.rule"), "a DENY rule lets no request through")
            }
            (Some(Action::Allow), _, true) => {
                self.contradiction(&format!("{path}.rule"), "an ALLOW rule refuses no request")
            }
            (Some(Action::Audit), _, _) => {
                self.contradiction(&format!("{path}.rule"), "an AUDIT rule does not decide: write it in `audits`")
            }
            _ => {}
        }
        if expected.ambiguity.is_some() && !matches!(expected.reason, None | Some(ExpectedReason::AmbiguousRequest)) {
            self.contradiction(&format!("{path}.reason"), "only the reason `ambiguous_request` has an `ambiguity`");
        }
    }

    fn contradiction(&mut self, path: &str, why: &str) {
        self.report(
            path,
            Code::CaseContradiction,
            format!("no request fulfils this expectation: {why}"),
            "remove one of the fields",
        );
    }

    fn check_rule(&mut self, path: &str, rule: Option<&str>, egress: &Egress) -> Option<Action> {
        let id = rule?;
        let rules = &egress.spec.authz.rules;
        let known = rules.iter().find(|rule| rule.id == id);
        if known.is_none() {
            let ids = || rules.iter().map(|rule| rule.id.as_str());
            let help = match did_you_mean(id, ids()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if rules.is_empty() => "the Egress has no rules".to_owned(),
                None => format!("the rules are {}", either(ids().take(20)).replace(" or ", " and ")),
            };
            let message = format!("the Egress `{}` has no rule {}", egress.route(), quoted(id));
            self.report(path, Code::CaseRule, message, &help);
        }
        known.map(|rule| rule.action)
    }
}
