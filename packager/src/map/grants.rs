//! The map of checked files.

use std::collections::BTreeMap;

use sallyport_core::wire::{Action, Operation, Rule, Stage};
use sallyport_egress::diagnostic::LineIndex;
use sallyport_egress::model::{Egress, HttpVersion, Mesh, TlsMode};
use sallyport_egress::rollout::{Applied, Candidate as CandidateFile};
use sallyport_egress::{ByName, Checked, Located, Places};
use sallyport_manifest::{GatewayState, LockFile};

use super::callers::{Named, Surroundings};
use super::candidate::{Candidate, Change, ChangedRules};
use super::model::{Caller, Deny, Gateway, Grant, Map, Upstream};
use super::order::arrange;
use crate::report::ReportedFile;
use crate::report::words::fields;

impl Map {
    /// The map of files that have been checked; `files`: those that the egresses point into; `lock`: how far candidates have come.
    pub(crate) fn of(checked: &Checked, files: &[ReportedFile], lock: &LockFile) -> Map {
        let mesh = checked.mesh.as_ref().map_or_else(Mesh::default, |mesh| mesh.value.clone());
        let mut map = Map::default();
        let mut nodes = Nodes::default();
        let mut egresses: Vec<_> = checked.egresses.iter().collect();
        egresses.sort_by_cached_key(|located| located.value.route());
        let by_name = ByName::new(checked.egresses.iter().map(|egress| &egress.value));
        let candidates: BTreeMap<_, _> =
            checked.candidates.iter().rev().map(|candidate| (candidate.value.gateway(), candidate)).collect();
        for located in egresses {
            let route = located.value.route();
            let file = candidates.get(&route).copied();
            let state = GatewayState::of(&located.value, file.map(|file| &file.value), lock.candidate(&route));
            let standbys = by_name.standbys(&located.value);
            map.add(&mut nodes, located, &standbys, Candidate::of(&state, file), (&mesh, files));
        }
        arrange(&mut map);
        map
    }

    fn add(
        &mut self,
        nodes: &mut Nodes,
        located: &Located<Egress>,
        standbys: &[&Egress],
        (candidate, next): (Option<Candidate>, Option<&Located<CandidateFile>>),
        (mesh, files): (&Mesh, &[ReportedFile]),
    ) {
        let egress = &located.value;
        let rules = &egress.spec.authz.rules;
        let surroundings = Surroundings {
            own: &egress.namespace,
            trust_domain: &mesh.trust_domain,
            aliases: &mesh.trust_domain_aliases,
        };
        let places = RulePlaces::of(files, located.file, "spec.authz.rules");
        let placed = rules.iter().enumerate().map(|(position, rule)| (rule, places.of_rule(position)));
        let mut grants = self.grants_of(nodes, &surroundings, placed);
        let mut gateway = Gateway { candidate, ..gateway_of(egress, nodes.upstream(self, egress), places.file) };
        gateway.standbys = standbys.iter().map(|standby| nodes.upstream(self, standby)).collect();
        if let Some(next) = next {
            let applied = next.value.applied(rules);
            let own = RulePlaces::of(files, next.file, "spec.rules");
            let old = |id: &str| rules.iter().position(|rule| rule.id == id).map(|at| places.of_rule(at));
            let placed = applied.iter().map(|one| {
                let place = one.position.map(|at| own.of_rule(at)).or_else(|| old(&one.rule.id));
                (one.rule, place.unwrap_or_default())
            });
            merge(&mut grants, self.grants_of(nodes, &surroundings, placed), Grant::is_like, |one| &mut one.change);
            let denies = applied.iter().map(|one| one.rule).filter(is_deny).map(deny_of).collect();
            merge(&mut gateway.denies, denies, Deny::is_like, |one| &mut one.change);
            if let Some(candidate) = &mut gateway.candidate {
                candidate.rules = Some(changed_rules(rules, &applied));
            }
        }
        self.grants.extend(grants);
        self.gateways.push(gateway);
    }

    /// What the rules of the next gateway let callers do.
    fn grants_of<'r>(
        &mut self,
        nodes: &mut Nodes,
        surroundings: &Surroundings<'_>,
        rules: impl Iterator<Item = (&'r Rule, String)>,
    ) -> Vec<Grant> {
        let mut grants = Vec::new();
        for (rule, place) in rules.filter(|(rule, _)| rule.action == Action::Allow) {
            for Named { callers, conditions } in surroundings.of_rule(rule) {
                for caller in callers {
                    grants.push(Grant {
                        caller: nodes.caller(self, caller),
                        gateway: self.gateways.len(),
                        rule: rule.id.clone(),
                        is_shadow: rule.stage == Stage::Shadow,
                        change: None,
                        requests: requests(rule),
                        conditions: conditions.clone(),
                        place: place.clone(),
                    });
                }
            }
        }
        grants
    }
}

/// Where the rules of a file are.
struct RulePlaces<'f> {
    file: &'f str,
    places: Places,
    lines: LineIndex<'f>,
    rules: &'static str,
}

impl<'f> RulePlaces<'f> {
    fn of(files: &'f [ReportedFile], file: usize, rules: &'static str) -> Self {
        let (file, text) = files.get(file).map_or(("", ""), |file| (file.name.as_str(), file.text.as_str()));
        Self { file, places: Places::of(text), lines: LineIndex::new(text), rules }
    }

    /// `FILE:LINE:COLUMN`.
    fn of_rule(&self, position: usize) -> String {
        let at = self.lines.position(self.places.place(&format!("{}[{position}].id", self.rules)).start);
        format!("{}:{}:{}", self.file, at.line, at.column)
    }
}

/// Marks what is not among the next ones, and takes over what is among those alone.
fn merge<T>(
    now: &mut Vec<T>,
    next: Vec<T>,
    is_like: impl Fn(&T, &T) -> bool,
    change: impl Fn(&mut T) -> &mut Option<Change>,
) {
    let (kept, mut added): (Vec<T>, Vec<T>) =
        next.into_iter().partition(|one| now.iter().any(|other| is_like(one, other)));
    for one in now.iter_mut().filter(|one| !kept.iter().any(|other| is_like(one, other))) {
        *change(one) = Some(Change::Removed);
    }
    added.iter_mut().for_each(|one| *change(one) = Some(Change::Added));
    now.append(&mut added);
}

fn changed_rules(rules: &[Rule], applied: &[Applied<'_>]) -> ChangedRules {
    let mut changed = ChangedRules::default();
    for one in applied {
        match rules.iter().find(|rule| rule.id == one.rule.id) {
            None => changed.adds.push(one.rule.id.clone()),
            Some(old) if old != one.rule => changed.changes.push(one.rule.id.clone()),
            Some(_) => {}
        }
    }
    let is_kept = |rule: &&Rule| applied.iter().any(|one| one.rule.id == rule.id);
    changed.removes = rules.iter().filter(|rule| !is_kept(rule)).map(|rule| rule.id.clone()).collect();
    changed
}

/// Where each node is.
#[derive(Default)]
struct Nodes {
    callers: BTreeMap<Caller, usize>,
    upstreams: BTreeMap<String, usize>,
}

impl Nodes {
    fn caller(&mut self, map: &mut Map, caller: Caller) -> usize {
        *self.callers.entry(caller).or_insert_with_key(|caller| {
            map.callers.push(caller.clone());
            map.callers.len().saturating_sub(1)
        })
    }

    fn upstream(&mut self, map: &mut Map, egress: &Egress) -> usize {
        let upstream = upstream_of(egress);
        *self.upstreams.entry(upstream.name.clone()).or_insert_with(|| {
            map.upstreams.push(upstream);
            map.upstreams.len().saturating_sub(1)
        })
    }
}

fn is_deny(rule: &&Rule) -> bool {
    rule.action == Action::Deny
}

fn gateway_of(egress: &Egress, upstream: usize, file: &str) -> Gateway {
    let spec = &egress.spec;
    let in_shadow = |rule: &&Rule| rule.stage == Stage::Shadow && rule.action != Action::Audit;
    Gateway {
        group: egress.namespace.to_string(),
        namespace: egress.namespace.to_string(),
        route: egress.route(),
        hosts: egress.hosts().map(ToString::to_string).collect(),
        exposed: spec.expose.as_ref().map(|expose| expose.host.to_string()),
        stage: spec.rollout.stage.as_str(),
        candidate: None,
        shadow_rules: spec.authz.rules.iter().filter(in_shadow).map(|rule| rule.id.clone()).collect(),
        denies: spec.authz.rules.iter().filter(is_deny).map(deny_of).collect(),
        upstream,
        standbys: Vec::new(),
        has_gate: spec.health.has_gate(),
        file: file.to_owned(),
    }
}

fn deny_of(rule: &Rule) -> Deny {
    let parts = Rule { id: String::new(), ..rule.clone() };
    let Rule { id: _, action: _, stage: _, from, to: _, when } = &parts;
    let from: Vec<_> = from.iter().flatten().map(|entry| fields(&entry.source)).collect();
    let mut what = requests(rule).join(" or ");
    if !from.is_empty() {
        what.push_str(&format!(" from {}", from.join(" or ")));
    }
    for condition in when.iter().flatten() {
        what.push_str(&format!(" when {}", crate::report::words::condition(condition)));
    }
    Deny { rule: rule.id.clone(), is_shadow: rule.stage == Stage::Shadow, change: None, what }
}

/// The requests of a rule: one text for each of its operations.
fn requests(rule: &Rule) -> Vec<String> {
    match rule.to.as_deref() {
        Some(operations) => operations.iter().map(|entry| words(&entry.operation)).collect(),
        None => vec!["any request".to_owned()],
    }
}

/// `GET, HEAD /status/{*}, /get`, and the other fields as the file has them.
fn words(operation: &Operation) -> String {
    let mut rest = operation.clone();
    let methods = rest.methods.take().map_or_else(|| "any method".to_owned(), |methods| methods.join(", "));
    let paths = rest.paths.take().map(|paths| paths.join(", "));
    let rest = fields(&rest);
    let parts = [Some(methods), paths, Some(rest).filter(|rest| !rest.is_empty())];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn upstream_of(egress: &Egress) -> Upstream {
    let upstream = &egress.spec.upstream;
    let version = match upstream.protocol {
        HttpVersion::Http1 => "HTTP/1.1",
        HttpVersion::Http2 => "HTTP/2",
    };
    let security = match upstream.tls.mode {
        TlsMode::Simple => "TLS",
        TlsMode::Mutual => "mutual TLS",
        TlsMode::None => "plaintext",
    };
    Upstream {
        group: egress.namespace.to_string(),
        name: format!("{}:{}", upstream.host, upstream.port),
        protocol: format!("{version}, {security}"),
    }
}
