//! What would have been refused of one caller, at one gateway, in one region.

use std::collections::BTreeMap;

use sallyport_core::Engine;
use sallyport_core::wire::Policy;
use sallyport_egress::evidence::{Counted, Entry, JudgedRegion, Pair, whole};
use sallyport_egress::meaning::{Change, Region};
use sallyport_egress::rollout::{Candidate, Standing, written_moment};
use sallyport_egress::scenario::{Scenario, usual_server_name};
use sallyport_egress::{policy_source, standbys};
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};
use crate::printable::visible;
use crate::report::example::Ground;
use crate::rollout::seen::{Judged, Seen};
use crate::rollout::state::{Gateway, State};

/// Callers, each with what would have been refused.
pub(super) type Callers = BTreeMap<String, Vec<Item>>;

/// The version of the JSON.
const VERSION: u32 = 1;

/// What would have been refused of one caller, at one gateway, in one region. All of it is for people.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    pub(super) gateway: String,
    pub(super) host: String,
    pub(super) region: String,
    /// Where the candidate stands, and since when.
    pub(super) standing: String,
    pub(super) stage_since: String,
    /// Since when requests are counted: where counts are older than the stage, since they are.
    pub(super) since: String,
    /// Whose requests the next rules decide already.
    pub(super) decided_for: DecidedFor,
    pub(super) count: String,
    pub(super) first: Option<String>,
    pub(super) last: Option<String>,
    /// What the next rules decide, and what those in force do.
    pub(super) next: String,
    pub(super) now: String,
    /// `GET /a?x= --as shop/web`.
    pub(super) request: Option<String>,
    /// Whether the request is one that was sent.
    pub(super) is_logged: bool,
    /// The id of the request that was sent.
    pub(super) id: Option<String>,
    /// What the next rules make of it: each rule, and what it found.
    pub(super) explained: Vec<(String, String)>,
    pub(super) waived: Option<String>,
}

/// Whose requests the next rules decide already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DecidedFor {
    None,
    Some,
    All,
}

/// Everything that would have been refused, by caller.
pub(super) fn items(state: &State, seen: &Seen) -> Result<Callers, Failure> {
    let mut callers = Callers::new();
    for gateway in state.gateways() {
        let Some(judged) = seen.gateways.get(&gateway.name()) else { continue };
        let Some(candidate) = gateway.candidate else { continue };
        let explainer = Explainer::new(state, &gateway, &candidate.value)?;
        for region in &judged.judgement.regions {
            if !matches!(region.change, Some(Change::Narrowed) | None) {
                continue;
            }
            for (who, count) in refused(region, judged) {
                let item = explainer.item(judged, region, &who, count);
                callers.entry(who.to_string()).or_default().push(item);
            }
        }
    }
    Ok(callers)
}

/// Who would have been refused in a region, how often. What is in no region may be allowed, too.
fn refused(region: &JudgedRegion, judged: &Judged) -> Vec<(Counted, f64)> {
    if region.change.is_some() {
        return region.entered.clone();
    }
    let entries = judged.evidenced.observed.entries.iter();
    let own =
        entries.filter(|(entry, count)| entry.region == region.id && entry.pair == Pair::Narrowed && **count > 0.0);
    own.map(|(entry, count)| (entry.caller.clone(), *count)).collect()
}

/// Explains requests by the next rules of a gateway.
struct Explainer<'s> {
    gateway: Gateway<'s>,
    /// The Egress with the next rules.
    next: sallyport_egress::model::Egress,
    engine: Engine,
    ground: Ground,
}

impl<'s> Explainer<'s> {
    fn new(state: &State, gateway: &Gateway<'s>, candidate: &Candidate) -> Result<Self, Failure> {
        let egress = &gateway.egress.value;
        let mut next = egress.clone();
        next.spec.authz.rules = candidate.apply(&egress.spec.authz.rules);
        let all = state.checked.egresses.iter().map(|located| &located.value);
        let policy: Policy = policy_source(&next, &state.mesh, &standbys(&next, all));
        let engine = Engine::compile(&policy).map_err(|_| {
            Failure::new(Exit::Problems, format!("the candidate of `{}` does not compile", gateway.name()))
        })?;
        let ground = Ground::new(gateway.egress, state.checked.mesh.as_ref(), &state.report.files, None);
        Ok(Self { gateway: *gateway, next, engine, ground })
    }

    fn item(&self, judged: &Judged, region: &JudgedRegion, who: &Counted, count: f64) -> Item {
        let logged = judged.evidenced.examples.of(&region.id, who);
        let known = judged.regions.iter().find(|known| known.id == region.id);
        let scenario = match (logged, known) {
            (Some(example), _) => Some(example.scenario(who, &self.next)),
            (None, Some(known)) => self.supposed(known, who),
            (None, None) => None,
        };
        let [now, next] = judged.decided(region).unwrap_or_else(|| ["allowed".to_owned(), "refused".to_owned()]);
        let since = judged.counted_since();
        let entry = Entry { region: region.id.clone(), pair: Pair::Narrowed, caller: who.clone() };
        let first = judged.evidenced.observed.first.get(&entry).map(|first| *first as i64);
        let first = first.or_else(|| logged.and_then(|example| example.at)).map(|first| first.max(since));
        let waived = region.waived.iter().find(|waived| *who == Counted::Principal(waived.caller.clone()));
        Item {
            gateway: self.gateway.name(),
            host: self.gateway.egress.value.spec.host.to_string(),
            region: region.id.clone(),
            standing: judged.standing.to_string(),
            stage_since: written_moment(judged.since),
            since: written_moment(since),
            decided_for: match judged.standing {
                Standing::Proposed | Standing::Shadow => DecidedFor::None,
                Standing::Canary(_) => DecidedFor::Some,
                Standing::Enforce => DecidedFor::All,
            },
            count: whole(count),
            first: first.map(written_moment),
            last: region.last_seen.map(written_moment),
            next,
            now,
            request: scenario.as_ref().map(|scenario| self.ground.text(scenario)),
            is_logged: logged.is_some(),
            id: logged.and_then(|example| example.id.as_deref()).map(visible),
            explained: scenario.map(|scenario| self.explained(&scenario)).unwrap_or_default(),
            waived: waived.map(|waived| format!("until {}: {}", waived.until, visible(&waived.reason))),
        }
    }

    /// A request of the region by this caller, if there can be one.
    fn supposed(&self, region: &Region, who: &Counted) -> Option<Scenario> {
        let mut scenario = region.witness.clone().on_usual_connection(&self.next, self.engine.needs());
        match who {
            Counted::Principal(principal) => {
                let caller = sallyport_egress::scenario::Caller::of_principal(principal);
                scenario.caller.certificate = caller.certificate;
                scenario.caller.forwarded.clear();
            }
            Counted::Others | Counted::Anonymous => {}
        }
        if scenario.caller.server_name.is_none() {
            scenario.caller.server_name = Some(usual_server_name(&self.next, &self.next.spec.host.to_string()));
        }
        (!scenario.decide(&self.engine).effect.is_allowed()).then_some(scenario)
    }

    /// What each of the next rules makes of the request.
    fn explained(&self, scenario: &Scenario) -> Vec<(String, String)> {
        let effect = scenario.decide(&self.engine).effect;
        let mut lines = vec![("verdict".to_owned(), visible(&effect.to_string()))];
        for rule in scenario.trace(&self.engine, &self.next) {
            let what = match &rule.failed {
                Some(failed) => format!("no: {}", visible(&failed.found)),
                None if effect.rule() == Some(&rule.id) => "matches, and decides".to_owned(),
                None => "matches".to_owned(),
            };
            lines.push((format!("{} {}", rule.action, rule.id), what));
        }
        lines
    }
}

/// For programs: `{"version": 1, "callers": [{"caller": "...", "refused": [{"gateway": "...", ...}]}]}`. `since`: since when
/// `requests` are counted; `isDecided`: it is refused already, to some callers or all; `isLogged`: the example is a request that was sent.
pub(super) fn json(callers: &Callers) -> String {
    let of = |item: &Item| -> Value {
        let explained = item.explained.iter().map(|(rule, what)| json!({"rule": rule, "found": what}));
        json!({
            "gateway": item.gateway,
            "host": item.host,
            "region": item.region,
            "stage": item.standing,
            "stageSince": item.stage_since,
            "since": item.since,
            "isDecided": item.decided_for != DecidedFor::None,
            "requests": item.count.parse::<u64>().ok(),
            "first": item.first,
            "last": item.last,
            "candidate": item.next,
            "inForce": item.now,
            "example": item.request,
            "isLogged": item.is_logged,
            "requestId": item.id,
            "explain": explained.collect::<Vec<_>>(),
            "waived": item.waived,
        })
    };
    let all = callers.iter();
    let all = all.map(|(caller, items)| json!({"caller": caller, "refused": items.iter().map(of).collect::<Vec<_>>()}));
    format!("{:#}\n", json!({"version": VERSION, "callers": all.collect::<Vec<_>>()}))
}
