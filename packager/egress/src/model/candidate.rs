//! `kind: Candidate`: the next version of an Egress's rules, beside its file.
//!
//! # Design
//! It has only what changes, so that a review shows the change, and so that it fits the Egress as that is edited meanwhile.

use super::{API_VERSION_TEXT, kind_text};
use crate::value::NOT_EMPTY_LIST;
use crate::value::names::DnsLabel;
use sallyport_core::record;
use sallyport_core::wire::{Rule, Shape, TextKind};

const KIND: TextKind = kind_text("Candidate");

record! {
    /// A Candidate file.
    pub(crate) struct CandidateFile = "Candidate" {
        /// The version of this format.
        "apiVersion" api_version: String as (Shape::Text(&API_VERSION_TEXT)) = required,
        /// The next version of the rules of one Egress.
        "kind" kind: String as (Shape::Text(&KIND)) = required,
        /// The name and the namespace of the Egress.
        "metadata" metadata: CandidateMetadata = required,
        /// What changes.
        "spec" spec: CandidateSpec = required,
    }
    instead {
        "egress" => "write the name and the namespace of the Egress in `metadata`",
    }
}

record! {
    pub(crate) struct CandidateMetadata = "metadata" {
        /// The name of the Egress.
        "name" name: DnsLabel = required,
        /// The namespace of the Egress.
        "namespace" namespace: DnsLabel = required,
    }
}

record! {
    /// What changes: at least one rule.
    pub(crate) struct CandidateSpec = "spec" {
        /// Rules that take the place of the Egress's rules of the same ID, and new ones, which come last.
        "rules" rules: Vec<Rule> = default(Vec::new(), "none"),
        /// The IDs of rules of the Egress that are no longer there.
        "remove" remove: Vec<String> as (NOT_EMPTY_LIST) = default(Vec::new(), "none"),
    }
    instead {
        "authz" => "write `rules`: a candidate changes nothing else",
        "delete" => "write `remove`",
        "add" => "write the new rules in `rules`",
        "replace" => "write the changed rules in `rules`: each takes the place of the one with its `id`",
        "patch" => "write the whole of each changed rule in `rules`",
        "percent" => "leave it out: the steps are in a Rollout file, `gates: {canary: {steps: [...]}}`",
        "egress" => "leave it out: the Egress has the name and the namespace in `metadata`",
        "stage" => "leave it out: `sallyport promote` writes the stage into `sallyport.lock`",
    }
}

/// The next version of an Egress's rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The name of the Egress.
    pub name: DnsLabel,
    /// The namespace of the Egress.
    pub namespace: DnsLabel,
    /// Rules in place of those of the same id, and new ones.
    pub rules: Vec<Rule>,
    /// The ids of rules that are no longer there.
    pub remove: Vec<String>,
}

/// A rule of the next version, and where it is from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Applied<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// Its position among the candidate's rules; `None` if it is the Egress's.
    pub position: Option<usize>,
}

impl Candidate {
    /// `NAMESPACE/NAME` of the Egress.
    #[must_use]
    pub fn gateway(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// The next rules: those of the Egress, replaced in place or removed, and new ones at the end.
    #[must_use]
    pub fn apply(&self, rules: &[Rule]) -> Vec<Rule> {
        self.applied(rules).into_iter().map(|applied| applied.rule.clone()).collect()
    }

    /// The same, with where each is from.
    #[must_use]
    pub fn applied<'a>(&'a self, rules: &'a [Rule]) -> Vec<Applied<'a>> {
        let own = |id: &str| self.rules.iter().enumerate().find(|(_, rule)| rule.id == id);
        let of = |(position, rule): (usize, &'a Rule)| Applied { rule, position: Some(position) };
        let kept = rules.iter().filter(|rule| !self.remove.contains(&rule.id));
        let kept = kept.map(|rule| own(&rule.id).map_or(Applied { rule, position: None }, of));
        let new = self.rules.iter().enumerate().filter(|(_, own)| rules.iter().all(|rule| rule.id != own.id));
        kept.chain(new.map(of)).collect()
    }

    /// Whether these rules are the next ones already.
    #[must_use]
    pub fn is_in(&self, rules: &[Rule]) -> bool {
        self.apply(rules) == rules
    }
}

impl From<CandidateFile> for Candidate {
    fn from(file: CandidateFile) -> Self {
        let CandidateFile { api_version: _, kind: _, metadata, spec } = file;
        let CandidateMetadata { name, namespace } = metadata;
        let CandidateSpec { rules, remove } = spec;
        Self { name, namespace, rules, remove }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sallyport_core::wire::Action;

    fn rule(id: &str, action: Action) -> Rule {
        Rule { id: id.to_owned(), action, ..Rule::default() }
    }

    #[test]
    fn rules_are_replaced_in_place_removed_and_added_at_the_end() {
        let now = [rule("a", Action::Allow), rule("b", Action::Allow), rule("c", Action::Allow)];
        let candidate = Candidate {
            name: "x".parse().unwrap(),
            namespace: "y".parse().unwrap(),
            rules: vec![rule("d", Action::Allow), rule("a", Action::Deny)],
            remove: vec!["b".to_owned()],
        };
        let next = [rule("a", Action::Deny), rule("c", Action::Allow), rule("d", Action::Allow)];
        assert_eq!(candidate.apply(&now), next);
        let positions: Vec<_> = candidate.applied(&now).iter().map(|applied| applied.position).collect();
        assert_eq!(positions, [Some(1), None, Some(0)]);
        assert!(!candidate.is_in(&now) && candidate.is_in(&next));
        assert_eq!(candidate.gateway(), "y/x");
    }
}
