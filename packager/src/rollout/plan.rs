//! Where each gateway stands, what its next step is and means, and what is missing before it.

use std::collections::BTreeSet;

use sallyport_egress::evidence::{Gate, span};
use sallyport_egress::meaning::Change;
use sallyport_egress::model::Egress;
use sallyport_egress::rollout::{Candidate, Standing, Step, written_moment};
use sallyport_manifest::{Build, GatewayState, LockFile, Locked, LockedGateway, Options};

use super::alone::alone;
use super::change::change;
use super::committed::Uncommitted;
use super::evidence::{Cure, Missing, Witness};
use super::filter_goal::cure;
use super::filter_state::FilterRollout;
use super::state::{Gateway, State, is_of};
use super::turn::{Turn, first_behind, out_of_turn, settled_early};
use crate::compare::render::decided;
use crate::compare::{ObjectChange, PODS_REPLACED, between_builds};
use crate::exit::{Exit, Failure};
use crate::report::example::Ground;

/// Every gateway, in the order of the waves.
pub(crate) struct Plan {
    pub(crate) waves: Vec<(String, Vec<Planned>)>,
    /// The filter that is rolled out.
    pub(crate) filter: Option<FilterRollout>,
    /// The gateways whose Candidate file is gone.
    pub(crate) lost: Vec<String>,
    /// What there is to say beside the gateways.
    pub(crate) notes: Vec<String>,
}

/// One gateway.
pub(crate) struct Planned {
    pub(crate) gateway: String,
    /// Where it stands, in words.
    pub(crate) standing: String,
    pub(crate) stage: Option<Standing>,
    pub(crate) since: Option<String>,
    /// What there is to know of a state that no promotion leads to.
    pub(crate) notes: Vec<String>,
    pub(crate) next: Option<NextStep>,
}

/// The next step of a gateway.
pub(crate) struct NextStep {
    pub(crate) step: Step,
    /// The filter that the gateway must get before, if one is known that can do.
    pub(crate) filter_first: Option<String>,
    /// What the candidate decides otherwise.
    pub(crate) regions: Vec<PlannedRegion>,
    pub(crate) objects: Vec<ObjectChange>,
    pub(crate) evidence: Vec<String>,
    pub(crate) missing: Vec<Missing>,
}

/// Requests that the candidate decides otherwise.
pub(crate) struct PlannedRegion {
    pub(crate) id: String,
    pub(crate) change: Change,
    pub(crate) old: String,
    pub(crate) new: String,
    pub(crate) example: String,
}

impl NextStep {
    /// Whether pods are replaced.
    pub(crate) fn restarts(&self) -> bool {
        self.objects.iter().any(|object| object.effect == PODS_REPLACED)
    }
}

/// The plan of every gateway, or of those named.
pub(crate) fn plan(state: &State, named: &[String], witness: &dyn Witness) -> Result<Plan, Failure> {
    let mut waves: Vec<(String, Vec<Planned>)> =
        state.waves.iter().map(|wave| (wave.name.clone(), Vec::new())).collect();
    let gateways = state.gateways();
    let first = first_behind(&gateways);
    let uncommitted = Uncommitted::of(state, &gateways);
    for gateway in &gateways {
        if named.is_empty() || named.contains(&gateway.name()) {
            let mut planned = planned(state, gateway, first.as_ref(), witness)?;
            if let Some(next) = &mut planned.next {
                next.missing.extend(uncommitted.missing(gateway));
            }
            if let Some((_, of_wave)) = waves.get_mut(gateway.wave) {
                of_wave.push(planned);
            }
        }
    }
    waves.retain(|(_, gateways)| !gateways.is_empty());
    let strays = state.strays().into_iter().filter(|name| named.is_empty() || named.iter().any(|one| one == name));
    let notes = strays.map(|name| {
        format!("the lock has {name}, whose Egress is not among the files; `sallyport rollback {name}` takes it out")
    });
    let turn = Turn::of(state, &gateways).filter(|_| named.is_empty()).and_then(|turn| turn.words(state));
    let turn = turn.map(|turn| format!("the next `sallyport promote` is of {turn}"));
    let notes = notes.chain(turn).collect();
    let lost = gateways.iter().filter(|gateway| matches!(gateway.state, GatewayState::Gone(_))).map(Gateway::name);
    let lost = lost.filter(|name| named.is_empty() || named.contains(name)).collect();
    Ok(Plan { waves, filter: None, lost, notes })
}

/// `first`: the first gateway that is behind.
fn planned(
    state: &State,
    gateway: &Gateway<'_>,
    first: Option<&Gateway<'_>>,
    witness: &dyn Witness,
) -> Result<Planned, Failure> {
    let step = gateway.next(&state.rollout.gates.canary.steps);
    let mut next = step.map(|step| next_step(state, gateway, step, witness)).transpose()?;
    if let Some(next) = &mut next {
        next.missing.extend(missing_turn(state, first, gateway, next.step));
    }
    let (standing, mut notes) = words(state, gateway);
    let regions = next.iter().flat_map(|next| &next.regions).map(|region| region.id.as_str()).collect();
    notes.extend(idle_waivers(state, gateway, next.as_ref().map(|_| regions)));
    let since = match gateway.state {
        GatewayState::Rolling(_, locked) | GatewayState::Gone(locked) => Some(locked.since.clone()),
        _ => None,
    };
    Ok(Planned { gateway: gateway.name(), standing, stage: gateway.standing(), since, notes, next })
}

/// Waivers of the gateway that have no effect. `regions`: those of its change, if they are known.
pub(super) fn idle_waivers(state: &State, gateway: &Gateway<'_>, regions: Option<BTreeSet<&str>>) -> Vec<String> {
    let own = state.rollout.waivers.iter().filter(|waiver| waiver.gateway == *gateway.name());
    let idle = own.filter_map(|waiver| {
        if waiver.until.end() < state.now {
            return Some(format!(
                "the waiver of {} for {} has ended on {}",
                waiver.caller, waiver.region, waiver.until
            ));
        }
        let is_known = regions.as_ref()?.contains(waiver.region.as_str());
        (!is_known).then(|| {
            format!("the waiver of {} is for {}, and the change has no such region", waiver.caller, waiver.region)
        })
    });
    idle.collect()
}

/// Where a gateway stands, and what explains it.
pub(super) fn words(state: &State, gateway: &Gateway<'_>) -> (String, Vec<String>) {
    let name = gateway.name();
    let mut notes = match gateway.state {
        GatewayState::Rolling(_, locked) if gateway.begins_again => vec![format!(
            "{}: what was seen before says nothing of it, so the stage begins again with the next `sallyport promote`",
            other_egress(locked)
        )],
        GatewayState::Plain | GatewayState::Proposed(_) | GatewayState::Rolling(..) => Vec::new(),
        GatewayState::Changed(_, locked) => vec![format!(
            "it was at `{}` since {}, with other rules, of the Egress or of its candidate: what was seen of those says nothing of \
             these, so the rollout begins again",
            locked.standing, locked.since
        )],
        GatewayState::Settling(Some(_), _) => {
            vec![format!("{HALF_DONE}, and the Candidate file is still there; {COMPLETES}")]
        }
        GatewayState::Settling(None, _) => {
            vec![format!("{HALF_DONE}, and the lock does not say so yet; {COMPLETES}")]
        }
        GatewayState::Gone(_) => vec![format!(
            "its Candidate file is gone: restore it, or run `sallyport rollback {name}` to go back to the rules of the Egress file"
        )],
    };
    if let Some(filter) = state.lock.rollout.gateways.get(&name).and_then(|locked| locked.filter.as_ref()) {
        notes.push(format!("its filter is pinned: {filter}"));
    }
    let standing = match gateway.state {
        GatewayState::Plain => "no candidate".to_owned(),
        GatewayState::Changed(..) => "changed".to_owned(),
        GatewayState::Settling(..) => "being settled".to_owned(),
        _ => gateway.standing().map_or_else(String::new, |standing| standing.to_string()),
    };
    (standing, notes)
}

/// What is in the Egress file before the lock says that it was settled.
const HALF_DONE: &str =
    "a promotion was interrupted, or the rules were written by hand: those of the candidate are in the Egress file";
const COMPLETES: &str = "`sallyport promote` completes it, if it has what a step from `enforce` needs";

/// Why what was seen at a stage is no evidence for the Egress as it is now.
pub(super) fn other_egress(locked: &Locked) -> String {
    match locked.egress {
        Some(_) => format!("the Egress has changed outside of its rules since {}", locked.since),
        None => format!(
            "an older `sallyport` wrote the lock, which does not say what the Egress was outside of its rules on {}",
            locked.since
        ),
    }
}

fn next_step(state: &State, gateway: &Gateway<'_>, step: Step, witness: &dyn Witness) -> Result<NextStep, Failure> {
    let egress = &gateway.egress.value;
    let candidate = gateway.candidate.map(|found| &found.value);
    let regions = match candidate {
        Some(candidate) if !candidate.is_in(&egress.spec.authz.rules) => regions(state, gateway, candidate)?,
        _ => Vec::new(),
    };
    let objects = objects(state, gateway, candidate, step)?;
    let (evidence, missing) = needs(state, gateway, step, witness);
    let is_old = missing_filter(state, gateway, step).is_some();
    let filter_first = state.capable_filter().filter(|_| is_old);
    Ok(NextStep { step, filter_first, regions, objects, evidence, missing })
}

/// A step for which another gateway comes first: that of an earlier wave, or before the last step any. `first`: the first one that is behind.
pub(super) fn missing_turn(
    state: &State,
    first: Option<&Gateway<'_>>,
    gateway: &Gateway<'_>,
    step: Step,
) -> Option<Missing> {
    let early = settled_early(state, first, gateway, step);
    early.or_else(|| out_of_turn(state, first?, gateway, step).map(|why| Missing::new(format!("wave: {why}"))))
}

/// What is known and what is missing before a step, whosever turn it is.
pub(super) fn needs(
    state: &State,
    gateway: &Gateway<'_>,
    step: Step,
    witness: &dyn Witness,
) -> (Vec<String>, Vec<Missing>) {
    let mut missing: Vec<Missing> = missing_filter(state, gateway, step).into_iter().collect();
    if gateway.begins_again && step.leads_to() == gateway.standing() {
        // Where it was, it may stay.
        return (Vec::new(), missing);
    }
    match gateway.state {
        // Who wrote the rules there is not known, so what `enforce` asks for holds.
        GatewayState::Settling(_, locked) if !is_of(locked, &gateway.egress.value) => missing.push(Missing::new(
            format!("evidence: {}, so what was seen before says nothing of it", other_egress(locked)),
        )),
        _ => missing.extend(missing_time(state, gateway)),
    }
    let evidence = witness.evidence(gateway, step);
    missing.extend(evidence.missing);
    (evidence.lines, missing)
}

/// A filter that does not know candidates would refuse the configuration, and keep the one before.
pub(super) fn missing_filter(state: &State, gateway: &Gateway<'_>, step: Step) -> Option<Missing> {
    if step == Step::Settle {
        return None;
    }
    match state.filter_of(&gateway.egress.value) {
        Ok(digest) if state.knows_candidates(&digest) => None,
        Ok(digest) => {
            let how = cure(state, gateway, &digest);
            Some(Missing::new(format!("filter: {digest} is not known to know candidates; {how}")))
        }
        Err(reason) => Some(Missing::new(format!("filter: {reason}"))),
    }
}

fn missing_time(state: &State, gateway: &Gateway<'_>) -> Option<Missing> {
    let (since, standing) = (gateway.since()?, gateway.standing()?);
    let least = Gate::of(&state.rollout.gates, standing)?.seconds;
    let passed = state.now.saturating_sub(since);
    if passed < 0 {
        let (since, now) = (written_moment(since), written_moment(state.now));
        return Some(Missing::new(format!(
            "time: it is at `{standing}` since {since}, but here it is {now}: a clock is wrong"
        )));
    }
    let least_seconds = i64::try_from(least).unwrap_or(i64::MAX);
    (passed < least_seconds).then(|| {
        Missing::new(format!(
            "time: at `{standing}` for {} of {}, until {}",
            span(passed.unsigned_abs()),
            span(least),
            written_moment(since.saturating_add(least_seconds))
        ))
        .cured_by(Cure::Wait)
    })
}

fn regions(state: &State, gateway: &Gateway<'_>, candidate: &Candidate) -> Result<Vec<PlannedRegion>, Failure> {
    let egress = &gateway.egress.value;
    let (found, needs) = change(state, gateway, candidate)?;
    let ground = Ground::new(gateway.egress, state.checked.mesh.as_ref(), &state.report.files, None);
    let region = |region: sallyport_egress::meaning::Region| {
        let [old, new] = decided(&region);
        let example = ground.text(&region.witness.clone().on_usual_connection(egress, needs));
        PlannedRegion { change: region.change(), id: region.id, old, new, example }
    };
    Ok(found.regions.into_iter().map(region).collect())
}

/// The objects of the gateway that the step changes.
fn objects(
    state: &State,
    gateway: &Gateway<'_>,
    candidate: Option<&Candidate>,
    step: Step,
) -> Result<Vec<ObjectChange>, Failure> {
    let egress = &gateway.egress.value;
    let before = match gateway.state {
        // What was promoted is not known any more.
        GatewayState::Changed(..) => LockFile { filter: state.lock.filter.clone(), ..LockFile::default() },
        _ => state.lock.clone(),
    };
    let mut after = before.clone();
    let mut settled = egress.clone();
    match (step.leads_to(), candidate) {
        (Some(standing), Some(candidate)) => {
            let locked = gateway.locked(candidate, standing, state.now);
            after.rollout.gateways.entry(gateway.name()).or_default().candidate = Some(locked);
        }
        (_, candidate) => {
            if let Some(LockedGateway { candidate, .. }) = after.rollout.gateways.get_mut(&gateway.name()) {
                *candidate = None;
            }
            if let Some(candidate) = candidate {
                settled.spec.authz.rules = candidate.apply(&egress.spec.authz.rules);
            }
        }
    }
    let of = |egress: &Egress, candidate: Option<&Candidate>, lock: &LockFile| {
        build(state, egress, candidate, lock).map_err(|errors| {
            let first = errors.into_iter().next().unwrap_or_default();
            Failure::new(Exit::Problems, format!("the manifests of `{}` cannot be built: {first}", egress.route()))
                .with_help("`sallyport build` says more")
        })
    };
    let old = of(egress, candidate, &before)?;
    let new = match step.leads_to() {
        Some(_) => of(egress, candidate, &after)?,
        None => of(&settled, None, &after)?,
    };
    Ok(between_builds(Some(&old), Some(&new)))
}

fn build(state: &State, egress: &Egress, candidate: Option<&Candidate>, lock: &LockFile) -> Result<Build, Vec<String>> {
    let filter = match &state.filter {
        Ok(filter) => filter.clone(),
        // Both sides have the same, whatever it is.
        Err(_) => sallyport_manifest::PinnedFilter {
            image: state.mesh.filter.image.clone(),
            digest: crate::oci::digest::digest_of(b""),
        },
    };
    let options = Options { is_placeholder: true, ..Options::default() };
    alone(state, egress, candidate, lock, |egresses, rollouts| {
        sallyport_manifest::build(egresses, &state.mesh, &filter, rollouts, options)
    })
}
