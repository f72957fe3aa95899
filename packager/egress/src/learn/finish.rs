//! What was learned, and the proof that it holds.

use std::collections::BTreeSet;

use super::evidence::Evidence;
use super::judge::{Judge, caller_of};
use super::merge;
use super::propose::{Generalisation, Kept, LearnedRule, Proposal};
use super::render;
use super::tally::{ApartKey, Counts, Learner, Why};
use crate::check::check;
use crate::diagnostic::{Severity, SourceFile};
use crate::scenario::{Request, Scenario};
use crate::yaml::edit::scalar;

/// A request that is listed for review.
#[derive(Clone, Debug)]
pub struct Apart {
    /// The request, and why it is listed.
    pub key: ApartKey,
    /// What was seen of it.
    pub evidence: Evidence,
    /// Whether the rules allow it all the same.
    pub is_allowed: bool,
}

/// What was learned.
#[derive(Debug)]
pub struct Learned {
    /// The rules that are missing; none if nothing is.
    pub rules: Vec<LearnedRule>,
    /// The text: a whole file with the rules, or a block `authz` with nothing but them.
    pub text: String,
    /// Segments of which the rules allow any value.
    pub generalisations: Vec<Generalisation>,
    /// Requests for review, the most frequent first for each reason.
    pub apart: Vec<Apart>,
    /// Lines of requests for what the upstream does not have, which the rules allow all the same.
    pub not_found_but_allowed: u64,
    /// How many lines became what.
    pub counts: Counts,
    /// The whole of what was kept, or is allowed by the file.
    pub whole: Evidence,
    /// The hosts of what was kept.
    pub hosts: Vec<(String, u64)>,
    /// The hosts of requests for other upstreams; an empty name is that of lines without a host.
    pub other_hosts: Vec<(String, u64)>,
    /// Forwarders whose callers have rules.
    pub forwarders: Vec<String>,
    /// How many different requests were put to the rules, all of which they allow.
    pub replayed: usize,
}

/// Why nothing was learned.
#[derive(Debug)]
pub enum Unlearned {
    /// The log has several hosts, and none was named.
    Hosts(Vec<(String, u64)>),
    /// What the rules belong to is in brackets, so that nothing can be put there.
    NoPlace,
    /// The rules are not valid: this is a fault.
    Invalid(String),
    /// The rules refuse requests that were kept: this is a fault.
    Refused(Vec<String>),
}

/// A file whose only purpose is to hold rules.
const HEAD: &str = "apiVersion: sallyport.dev/v1alpha1\nkind: Egress\nmetadata: {name: learned, namespace: learned}\nspec:\n  host: learned.internal\n  upstream: {host: learned.example, port: 443}\n";

impl Learner {
    /// Makes rules of what was seen. `files`: the file of the Egress that is to be completed, then what it needs: standbys and a
    /// Mesh file; without one the Mesh file alone, if there is one.
    ///
    /// # Errors
    ///
    /// There is nothing to propose, or something is wrong with it.
    pub fn finish(mut self, files: &[SourceFile]) -> Result<Learned, Unlearned> {
        let hosts: Vec<(String, u64)> = std::mem::take(&mut self.hosts).into_iter().collect();
        if self.options.base.is_none() && self.options.hosts.is_empty() && hosts.len() > 1 {
            return Err(Unlearned::Hosts(hosts));
        }
        let Proposal { rules, generalisations, apart, kept, rare } = self.propose();
        let mut counts = std::mem::take(&mut self.counts);
        counts.kept = counts.kept.saturating_sub(rare);
        counts.apart = counts.apart.saturating_add(rare);
        let forwarders: Vec<String> = match self.options.base {
            Some(_) => Vec::new(),
            None => std::mem::take(&mut self.forwarders).into_iter().collect(),
        };
        let (text, whole_file) = self.text(&rules, &forwarders, files)?;
        let judge = self.judge_of(whole_file, files)?;
        let replayed = replay(&judge, &kept)?;
        let mut not_found_but_allowed = 0_u64;
        let mut listed = Vec::new();
        for (key, evidence) in apart {
            let is_allowed = is_allowed(&judge, &key.caller, &key.method, &key.path);
            if is_allowed && matches!(key.why, Why::NotFound(_)) {
                not_found_but_allowed = not_found_but_allowed.saturating_add(evidence.calls());
            } else {
                listed.push(Apart { key, evidence, is_allowed });
            }
        }
        listed.sort_by(|one, other| {
            let order = |apart: &Apart| (reason(&apart.key.why), std::cmp::Reverse(apart.evidence.calls()));
            order(one).cmp(&order(other)).then_with(|| one.key.cmp(&other.key))
        });
        let whole = std::mem::take(&mut self.whole);
        let other_hosts = std::mem::take(&mut self.other_hosts).into_iter().collect();
        Ok(Learned {
            rules,
            text,
            generalisations,
            apart: listed,
            not_found_but_allowed,
            counts,
            whole,
            hosts,
            other_hosts,
            forwarders,
            replayed,
        })
    }

    /// What a user gets, and a whole file with it.
    fn text(
        &self,
        rules: &[LearnedRule],
        forwarders: &[String],
        files: &[SourceFile],
    ) -> Result<(String, String), Unlearned> {
        if self.options.base.is_some() {
            let text = files.first().map_or("", |file| file.text.as_str());
            let text = match rules {
                [] => text.to_owned(),
                rules => merge::merged(text, rules).ok_or(Unlearned::NoPlace)?,
            };
            return Ok((text.clone(), text));
        }
        let mut block = String::from("authz:\n");
        if !forwarders.is_empty() {
            block.push_str("  trustedForwarders:\n");
            forwarders.iter().for_each(|one| block.push_str(&format!("  - {}\n", scalar(one))));
        }
        match rules {
            [] => block.push_str("  rules: []\n"),
            rules => block.push_str(&format!("  rules:\n{}", render::rules(rules, "  "))),
        }
        let indented: String = block.lines().map(|line| format!("  {line}\n")).collect();
        Ok((block, format!("{HEAD}{indented}")))
    }

    /// The engine of the file that a user gets, as `check` reads it.
    fn judge_of(&self, text: String, files: &[SourceFile]) -> Result<Judge, Unlearned> {
        let name = "learned.yaml".to_owned();
        let others = files.iter().skip(usize::from(self.options.base.is_some())).cloned();
        let all: Vec<SourceFile> = std::iter::once(SourceFile { name, text }).chain(others).collect();
        let checked = check(&all);
        let wrong = checked.diagnostics.iter().find(|one| one.file == 0 && one.severity == Severity::Error);
        if let Some(wrong) = wrong {
            return Err(Unlearned::Invalid(format!("{}: {}", wrong.code, wrong.message)));
        }
        let egress = checked.egresses.into_iter().find(|egress| egress.file == 0).map(|egress| egress.value);
        let egress = egress.ok_or_else(|| Unlearned::Invalid("the file with the rules has no Egress".to_owned()))?;
        let standbys = self.options.base.as_ref().map_or_else(Vec::new, |base| base.standbys.clone());
        let base = super::judge::Base { egress, standbys };
        Judge::new(Some(base), &self.options.mesh).map_err(|invalid| Unlearned::Invalid(format!("{invalid}")))
    }
}

fn replay(judge: &Judge, kept: &[Kept]) -> Result<usize, Unlearned> {
    let (mut replayed, mut refused) = (0_usize, BTreeSet::new());
    for Kept { principal, method, paths } in kept {
        for path in paths {
            replayed = replayed.saturating_add(1);
            if !is_allowed(judge, principal, method, path) {
                refused.insert(format!("{method} {path} from {principal}"));
            }
        }
    }
    if refused.is_empty() { Ok(replayed) } else { Err(Unlearned::Refused(refused.into_iter().collect())) }
}

fn is_allowed(judge: &Judge, principal: &str, method: &str, path: &str) -> bool {
    let caller = caller_of(&format!("spiffe://{principal}"), None);
    let scenario = Scenario { caller, request: Request::new(method, judge.host(), path) };
    judge.allows(scenario)
}

/// Reasons in the order of a report.
fn reason(why: &Why) -> usize {
    match why {
        Why::Refused(_) => 0,
        Why::WouldBeRefused(_) => 1,
        Why::Denied(_) => 2,
        Why::Conditional(_) => 3,
        Why::Forbidden(_) => 4,
        Why::Ambiguous(_) => 5,
        Why::Spelling => 6,
        Why::Forwarder(_) => 7,
        Why::Rare => 8,
        Why::Timeless => 9,
        Why::NotFound(_) => 10,
    }
}
