//! The map of checked files.

use std::collections::BTreeMap;

use sallyport_core::wire::{Action, Operation, Rule, Stage};
use sallyport_egress::diagnostic::LineIndex;
use sallyport_egress::model::{Egress, HttpVersion, Mesh, TlsMode};
use sallyport_egress::{Checked, Located, Places, standbys};

use super::callers::{Named, Surroundings};
use super::model::{Caller, Deny, Gateway, Grant, Map, Upstream};
use super::order::arrange;
use crate::report::ReportedFile;
use crate::report::words::fields;

impl Map {
    /// The map of files that have been checked; `files`: those that the egresses point into.
    pub(crate) fn of(checked: &Checked, files: &[ReportedFile]) -> Map {
        let mesh = checked.mesh.as_ref().map_or_else(Mesh::default, |mesh| mesh.value.clone());
        let mut map = Map::default();
        let mut nodes = Nodes::default();
        let mut egresses: Vec<_> = checked.egresses.iter().collect();
        egresses.sort_by_key(|located| located.value.route());
        for located in egresses {
            let all = checked.egresses.iter().map(|other| &other.value);
            map.add(&mut nodes, located, &standbys(&located.value, all), &mesh, files);
        }
        arrange(&mut map);
        map
    }

    fn add(
        &mut self,
        nodes: &mut Nodes,
        located: &Located<Egress>,
        standbys: &[&Egress],
        mesh: &Mesh,
        files: &[ReportedFile],
    ) {
        let egress = &located.value;
        let (name, text) = files.get(located.file).map_or(("", ""), |file| (file.name.as_str(), file.text.as_str()));
        let (places, lines) = (Places::of(text), LineIndex::new(text));
        let place = |position: usize| {
            let at = lines.position(places.place(&format!("spec.authz.rules[{position}].id")).start);
            format!("{name}:{}:{}", at.line, at.column)
        };
        let surroundings = Surroundings {
            own: &egress.namespace,
            trust_domain: &mesh.trust_domain,
            aliases: &mesh.trust_domain_aliases,
        };
        let gateway = self.gateways.len();
        for (position, rule) in egress.spec.authz.rules.iter().enumerate().filter(|(_, rule)| is_allow(rule)) {
            for Named { callers, conditions } in surroundings.of_rule(rule) {
                for caller in callers {
                    let caller = nodes.caller(self, caller);
                    self.grants.push(Grant {
                        caller,
                        gateway,
                        rule: rule.id.clone(),
                        is_shadow: rule.stage == Stage::Shadow,
                        requests: requests(rule),
                        conditions: conditions.clone(),
                        place: place(position),
                    });
                }
            }
        }
        let upstream = nodes.upstream(self, egress);
        let standbys = standbys.iter().map(|standby| nodes.upstream(self, standby)).collect();
        self.gateways.push(gateway_of(egress, upstream, standbys, name));
    }
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

fn is_allow(rule: &Rule) -> bool {
    rule.action == Action::Allow
}

fn gateway_of(egress: &Egress, upstream: usize, standbys: Vec<usize>, file: &str) -> Gateway {
    let spec = &egress.spec;
    let in_shadow = |rule: &&Rule| rule.stage == Stage::Shadow && rule.action != Action::Audit;
    let denies = spec.authz.rules.iter().filter(|rule| rule.action == Action::Deny);
    Gateway {
        group: egress.namespace.to_string(),
        namespace: egress.namespace.to_string(),
        route: egress.route(),
        hosts: egress.hosts().map(ToString::to_string).collect(),
        exposed: spec.expose.as_ref().map(|expose| expose.host.to_string()),
        stage: spec.rollout.stage.as_str(),
        candidate: None,
        shadow_rules: spec.authz.rules.iter().filter(in_shadow).map(|rule| rule.id.clone()).collect(),
        denies: denies.map(deny_of).collect(),
        upstream,
        standbys,
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
    Deny { rule: rule.id.clone(), is_shadow: rule.stage == Stage::Shadow, what }
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
