//! What was seen of each gateway.

use clap::ValueEnum;
use sallyport_egress::evidence::{Follows, JudgedRegion, whole};
use sallyport_egress::meaning::Change;
use sallyport_egress::rollout::{Standing, written_moment};

use crate::compare::render::{decided, kind};
use crate::exit::Exit;
use crate::rollout::committed::Uncommitted;
use crate::rollout::evidence::Missing;
use crate::rollout::filter_state::FilterRollout;
use crate::rollout::mark::mark;
use crate::rollout::plan::{idle_waivers, missing_turn, needs, words};
use crate::rollout::seen::{Judged, Seen};
use crate::rollout::state::{Gateway, State};
use crate::rollout::turn::first_behind;

/// What makes the exit code another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Something speaks against a next step
    Blocked,
    /// The same, or something is missing before it
    Missing,
}

/// Each gateway, in the order of the waves.
pub(crate) struct Status<'s> {
    pub(crate) gateways: Vec<GatewayStatus<'s>>,
    /// The filter that is rolled out.
    pub(crate) filter: Option<FilterRollout>,
    /// Where the evidence is from.
    pub(crate) source: Option<&'s str>,
}

pub(crate) struct GatewayStatus<'s> {
    pub(crate) gateway: String,
    /// Where it stands, in words.
    pub(crate) standing: String,
    /// How many of the callers the candidate decides for, at `canary`.
    pub(crate) percent: Option<u32>,
    pub(crate) since: Option<String>,
    /// The digest of what its workers are to have in force, if it has a candidate in the lock, or a filter is rolled out.
    pub(crate) digest: Option<String>,
    /// What there is to know of a state that no promotion leads to, and of what was read.
    pub(crate) notes: Vec<String>,
    pub(crate) next: Option<String>,
    pub(crate) judged: Option<&'s Judged>,
    /// What keeps the next step from being taken.
    pub(crate) missing: Vec<Missing>,
}

impl<'s> Status<'s> {
    pub(crate) fn of(state: &State, named: &[String], seen: &'s Seen) -> Self {
        let all = state.gateways();
        let first = first_behind(&all);
        let chosen = all.iter().filter(|gateway| named.is_empty() || named.contains(&gateway.name()));
        let uncommitted = Uncommitted::of(state, &all);
        let of = |gateway| {
            let mut status = GatewayStatus::of(state, gateway, first.as_ref(), seen);
            if status.next.is_some() {
                status.missing.extend(uncommitted.missing(gateway));
            }
            status
        };
        let gateways = chosen.map(of).collect();
        Self { gateways, filter: None, source: seen.source.as_deref() }
    }

    pub(crate) fn exit(&self, fail_on: Option<FailOn>) -> Exit {
        let is_blocked = self.gateways.iter().any(GatewayStatus::is_blocked);
        let is_missing = self.gateways.iter().any(|gateway| !gateway.missing.is_empty())
            || self.filter.as_ref().is_some_and(FilterRollout::waits);
        let fails = match fail_on {
            None => false,
            Some(FailOn::Blocked) => is_blocked,
            Some(FailOn::Missing) => is_blocked || is_missing,
        };
        if fails { Exit::Blocked } else { Exit::Ok }
    }

    /// One line that sums up.
    pub(super) fn summary(&self) -> String {
        let with_candidate = self.gateways.iter().filter(|gateway| gateway.next.is_some()).count();
        if with_candidate == 0 {
            return "no gateway has a candidate".to_owned();
        }
        let blocked = self.gateways.iter().filter(|gateway| gateway.is_blocked()).count();
        let waits = self.gateways.iter().filter(|gateway| !gateway.is_blocked() && !gateway.missing.is_empty()).count();
        let ready = with_candidate.saturating_sub(blocked).saturating_sub(waits);
        format!("{ready} ready for the next step, {waits} waiting, {blocked} blocked")
    }
}

impl<'s> GatewayStatus<'s> {
    /// `first`: the first gateway that is behind.
    fn of(state: &State, gateway: &Gateway<'_>, first: Option<&Gateway<'_>>, seen: &'s Seen) -> Self {
        let step = gateway.next(&state.rollout.gates.canary.steps);
        let judged = seen.gateways.get(&gateway.name());
        let of_before = seen.of_before.get(&gateway.name());
        let mut missing = step.map(|step| needs(state, gateway, step, seen).1).unwrap_or_default();
        missing.extend(step.and_then(|step| missing_turn(state, first, gateway, step)));
        let (standing, mut notes) = words(state, gateway);
        if let Some(of_before) = of_before {
            let findings = of_before.judgement.findings.iter();
            notes.extend(findings.map(|finding| format!("what was seen before: {}", finding.text)));
        }
        if let Some(judged) = judged {
            let regions = judged.regions.iter().map(|region| region.id.as_str()).collect();
            notes.extend(idle_waivers(state, gateway, Some(regions)));
        }
        let read = [judged, of_before].into_iter().flatten();
        notes.extend(read.flat_map(|judged| judged.evidenced.notes.iter().cloned()));
        Self {
            gateway: gateway.name(),
            standing,
            percent: gateway.standing().and_then(Standing::percent),
            since: gateway.since().map(written_moment),
            digest: match judged {
                Some(judged) => judged.mark.clone().ok(),
                None if !has_stage(gateway) && !state.rolls_out_a_filter() => None,
                None => mark(state, gateway, None).ok(),
            },
            notes,
            next: step.map(|step| step.to_string()),
            judged,
            missing,
        }
    }

    /// Whether there is more to say of it than where it stands.
    pub(super) fn says_more(&self) -> bool {
        self.next.is_some() || self.digest.is_some() || !self.notes.is_empty()
    }

    fn is_blocked(&self) -> bool {
        self.missing.iter().any(|missing| missing.blocks)
    }

    /// What follows, in a word.
    pub(super) fn follows(&self) -> &'static str {
        match self.next {
            None => "nothing to promote",
            Some(_) if self.is_blocked() => "blocked",
            Some(_) if self.missing.is_empty() => "ready",
            Some(_) => "waiting",
        }
    }
}

/// Whether its workers are to have a candidate in force.
fn has_stage(gateway: &Gateway<'_>) -> bool {
    gateway.since().is_some() || gateway.begins_again
}

/// A count for programs: the number that people read.
pub(super) fn number(count: f64) -> u64 {
    // More than a u64 has, if anything.
    whole(count).parse().unwrap_or(u64::MAX)
}

impl Judged {
    /// What both policies decide in a region; `None`: it is in no region of the change.
    pub(in crate::rollout) fn decided(&self, region: &JudgedRegion) -> Option<[String; 2]> {
        self.regions.iter().find(|known| known.id == region.id).map(decided)
    }
}

/// What a region is, in a word.
pub(super) fn word(change: Option<Change>) -> &'static str {
    change.map_or("in no region", kind)
}

/// What follows for a region, in a word.
pub(super) fn follows(region: &JudgedRegion) -> &'static str {
    match &region.follows {
        Follows::Promotes => "promotes",
        Follows::Information => "information",
        Follows::Waits(_) => "waits",
        Follows::Blocks(_) => "blocks",
    }
}
