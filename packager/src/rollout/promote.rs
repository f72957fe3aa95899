//! Steps that are taken: the lock is written, and with the last step the Egress file.

use std::collections::BTreeSet;
use std::path::PathBuf;

use sallyport_egress::Located;
use sallyport_egress::rollout::{Candidate, Standing, Step, splice};
use sallyport_manifest::GatewayState;

use super::committed::{files_of_end, refuse_other_changes, refuse_uncommitted};
use super::evidence::{Cure, Missing, Witness, help};
use super::git;
use super::lock;
use super::pending::Part;
use super::plan::{missing_filter, needs, other_egress};
use super::state::{Gateway, State};
use super::target::Target;
use super::turn::{Turn, first_behind, out_of_turn, settled_early};
use super::write::Writer;
use crate::exit::{Exit, Failure};

/// What the user asks for.
pub(crate) struct Order<'a> {
    /// Empty: those of the wave whose turn it is.
    pub(crate) gateways: &'a [String],
    /// Without it, one step.
    pub(crate) to: Option<Target>,
    /// Why evidence may be missing.
    pub(crate) without_evidence: Option<&'a str>,
}

/// What was done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Promoted {
    pub(crate) taken: Vec<Taken>,
    /// The files that were written or removed, the lock last.
    pub(crate) files: Vec<PathBuf>,
    /// Those that were written before, and are not committed.
    pub(crate) left: Vec<PathBuf>,
    /// What there is to say beside that.
    pub(crate) notes: Vec<String>,
}

/// A step of one gateway, or of its filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) gateway: String,
    pub(crate) part: Part,
    pub(crate) from: String,
    pub(crate) to: String,
    /// The digests of the rules in force and of the candidate's, before the step.
    pub(crate) policy: String,
    pub(crate) candidate: String,
    pub(crate) evidence: Vec<String>,
    /// What was missing.
    pub(crate) missing: Vec<Missing>,
    /// Why that was not needed.
    pub(crate) reason: Option<String>,
    /// Callers whose refused requests do not block.
    pub(crate) waivers: Vec<String>,
    /// Why the stage, where the gateway is already, begins again.
    pub(crate) begins_again: Option<&'static str>,
    /// Whether it is a step back to what the last commit has: no commit has a word of it.
    pub(crate) is_undone: bool,
}

/// Gateways, each with its step.
type Steps<'s> = Vec<(Gateway<'s>, Step)>;

/// A file that a step replaces, with what it was.
struct Rewritten {
    path: PathBuf,
    old: String,
    /// `None`: it is removed.
    new: Option<String>,
}

/// Takes the next step of each gateway.
pub(crate) fn promote(
    state: &State,
    order: &Order<'_>,
    witness: &dyn Witness,
    writer: &mut dyn Writer,
) -> Result<Promoted, Failure> {
    let (steps, notes) = select(state, order)?;
    if steps.is_empty() {
        return Ok(Promoted { notes, ..Promoted::default() });
    }
    let moving: Vec<Gateway<'_>> = steps.iter().map(|(gateway, _)| *gateway).collect();
    refuse_uncommitted(state, &moving)?;
    let taken = judge(state, &steps, order.without_evidence, witness)?;
    let left = half_done(state, &steps)?;
    let mut file = state.lock.clone();
    let mut rewritten = Vec::new();
    for ((gateway, step), Taken { reason, .. }) in steps.iter().zip(&taken) {
        let entry = file.rollout.gateways.entry(gateway.name()).or_default();
        match (step.leads_to(), gateway.candidate) {
            (Some(standing), Some(candidate)) => {
                let mut locked = gateway.locked(&candidate.value, standing, state.now);
                locked.without_evidence.clone_from(reason);
                entry.candidate = Some(locked);
            }
            (None, candidate) => {
                entry.candidate = None;
                rewritten.extend(
                    candidate.map(|candidate| settled(state, gateway, candidate)).transpose()?.into_iter().flatten(),
                );
            }
            // Only a gateway with a candidate has such a step.
            (Some(_), None) => {}
        }
    }
    let named = rewritten.iter().map(|rewritten| &rewritten.path).chain(&left);
    writer.begin(&named.map(PathBuf::as_path).collect::<Vec<_>>())?;
    if writer.commits() {
        let is_begun = |gateway: &&Gateway<'_>| matches!(gateway.state, GatewayState::Settling(..));
        moving.iter().filter(is_begun).try_for_each(|gateway| refuse_other_changes(state, gateway.egress))?;
    }
    let mut files = Vec::new();
    for Rewritten { path, old, new } in rewritten {
        match new {
            Some(new) => writer.replace(&path, Some(old.as_bytes()), new.as_bytes())?,
            None => writer.remove(&path, old.as_bytes())?,
        }
        files.push(path);
    }
    lock::write(&state.lock_path, state.lock_bytes.as_deref(), file, writer)?;
    files.push(state.lock_path.clone());
    Ok(Promoted { taken, files, left, notes })
}

/// Files that are written already, by a promotion that was interrupted or by hand, and not committed.
fn half_done(state: &State, steps: &[(Gateway<'_>, Step)]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for (gateway, _) in steps.iter().filter(|(gateway, _)| matches!(gateway.state, GatewayState::Settling(..))) {
        if git::has_repository(&state.lock_path)? {
            files.extend(files_of_end(state, &gateway.name())?);
        }
    }
    Ok(files)
}

/// The files that change when a candidate is settled: first its rules are in the Egress file, then its own file goes.
fn settled(state: &State, gateway: &Gateway<'_>, candidate: &Located<Candidate>) -> Result<Vec<Rewritten>, Failure> {
    let (egress, next) = (state.source(gateway.egress.file), state.source(candidate.file));
    let text = splice(&egress, &next).map_err(|flaw| {
        let place = egress.position(flaw.span.start);
        let message = format!("{}:{}:{}: {}", egress.name, place.line, place.column, flaw.message);
        Failure::new(Exit::Blocked, message).with_help(flaw.help)
    })?;
    let removed = Rewritten { path: PathBuf::from(next.name), old: next.text, new: None };
    if text == egress.text {
        return Ok(vec![removed]);
    }
    Ok(vec![Rewritten { path: PathBuf::from(egress.name), old: egress.text, new: Some(text) }, removed])
}

/// What is known of each step; fails if something is missing.
fn judge(
    state: &State,
    steps: &[(Gateway<'_>, Step)],
    reason: Option<&str>,
    witness: &dyn Witness,
) -> Result<Vec<Taken>, Failure> {
    let (mut taken, mut blocked, mut cures, mut is_for_filter) = (Vec::new(), Vec::new(), BTreeSet::new(), false);
    let gateways = state.gateways();
    let first = first_behind(&gateways);
    for (gateway, step) in steps {
        let (evidence, mut missing) = needs(state, gateway, *step, witness);
        missing.extend(settled_early(state, first.as_ref(), gateway, *step));
        // What was seen at one stage is no evidence for those that are left out.
        let next = gateway.next(&state.rollout.gates.canary.steps);
        missing.extend(next.filter(|next| next != step).map(|next| {
            match gateway.state {
                GatewayState::Rolling(_, locked) if gateway.begins_again => {
                    Missing::new(format!("steps: {}, so `{next}` begins again before it", other_egress(locked)))
                }
                _ => Missing::new(format!("steps: `{next}` comes before it")),
            }
            .cured_by(Cure::Steps)
        }));
        let filter = missing_filter(state, gateway, *step);
        is_for_filter |= filter.is_some();
        let lacks: Vec<&Missing> = if reason.is_some() { filter.iter().collect() } else { missing.iter().collect() };
        let name = gateway.name();
        cures.extend(lacks.iter().map(|missing| missing.cure()));
        blocked.extend(lacks.into_iter().map(|Missing { text: what, .. }| format!("\n  {name} to `{step}`: {what}")));
        let locked = match gateway.state {
            GatewayState::Rolling(_, locked) | GatewayState::Settling(_, locked) => Some(locked.clone()),
            _ => gateway.candidate.map(|found| gateway.locked(&found.value, Standing::Proposed, state.now)),
        };
        taken.push(Taken {
            from: match gateway.state {
                GatewayState::Changed(_, locked) => format!("{} with other rules", locked.standing),
                _ => gateway.standing().map_or_else(String::new, |standing| standing.to_string()),
            },
            to: step.to_string(),
            policy: locked.as_ref().map(|locked| locked.policy.clone()).unwrap_or_default(),
            candidate: locked.map(|locked| locked.candidate).unwrap_or_default(),
            evidence,
            reason: reason.filter(|_| !missing.is_empty()).map(str::to_owned),
            missing,
            waivers: waivers(state, &name),
            begins_again: begins_again(gateway, *step),
            part: Part::Candidate,
            is_undone: false,
            gateway: name,
        });
    }
    if blocked.is_empty() {
        return Ok(taken);
    }
    let failure =
        Failure::new(Exit::Blocked, format!("nothing is promoted, because something is missing:{}", blocked.concat()));
    Err(if is_for_filter { failure } else { failure.with_help(help(&cures)) })
}

/// Why a step leads where the gateway is already.
fn begins_again(gateway: &Gateway<'_>, step: Step) -> Option<&'static str> {
    let GatewayState::Rolling(_, locked) = gateway.state else { return None };
    let why = match locked.egress {
        Some(_) => "because the Egress has changed",
        None => "because the lock did not say what the Egress was",
    };
    (gateway.begins_again && step.leads_to() == Some(locked.standing)).then_some(why)
}

/// The waivers of a gateway that have not ended.
fn waivers(state: &State, gateway: &str) -> Vec<String> {
    let own =
        state.rollout.waivers.iter().filter(|waiver| waiver.gateway == *gateway && waiver.until.end() >= state.now);
    own.map(|waiver| format!("{} {} until {}: {}", waiver.region, waiver.caller, waiver.until, waiver.reason)).collect()
}

/// The gateways whose turn it is, each with its step; and what there is to say of others.
fn select<'s>(state: &'s State, order: &Order<'_>) -> Result<(Steps<'s>, Vec<String>), Failure> {
    let gateways = state.gateways();
    let named = state.named(order.gateways)?;
    let turn = Turn::of(state, &gateways).filter(|_| named.is_empty());
    let chosen: Vec<Gateway<'s>> = match &turn {
        Some(turn) => turn.gateways(&gateways),
        None => gateways.iter().filter(|gateway| named.contains(&gateway.name())).copied().collect(),
    };
    let (mut steps, mut notes) = (Vec::new(), Vec::new());
    notes.extend(turn.and_then(|turn| turn.words(state)).map(|turn| format!("this was the turn of {turn}")));
    for gateway in chosen {
        let name = gateway.name();
        match step(state, &gateway, order.to)? {
            Some(step) => steps.push((gateway, step)),
            None => match gateway.standing() {
                Some(standing) => notes.push(format!("{name} is at `{standing}` already")),
                None => notes.push(format!("{name} has no candidate")),
            },
        }
    }
    let strays = state.strays().into_iter().filter(|stray| named.iter().any(|name| name == stray));
    notes.extend(strays.map(|stray| format!("the Egress of {stray} is not among the files")));
    if named.is_empty() && steps.is_empty() && notes.is_empty() {
        notes.push("no gateway has a candidate: write one beside an Egress file (`kind: Candidate`)".to_owned());
    }
    refuse_out_of_turn(state, &gateways, &steps)?;
    Ok((steps, notes))
}

fn step(state: &State, gateway: &Gateway<'_>, to: Option<Target>) -> Result<Option<Step>, Failure> {
    let name = gateway.name();
    if let GatewayState::Gone(locked) = gateway.state {
        let message = format!("`{name}` is at `{}`, but its Candidate file is gone", locked.standing);
        let help = format!("restore the file, or go back with `sallyport rollback {name}`");
        return Err(Failure::new(Exit::Blocked, message).with_help(help));
    }
    let steps = &state.rollout.gates.canary.steps;
    let Some(next) = gateway.next(steps) else { return Ok(None) };
    let (Some(target), Some(standing)) = (to, gateway.standing()) else { return Ok(Some(next)) };
    if target.is_behind(standing) {
        let message = format!("`{name}` is at `{standing}`, and no promotion leads back");
        let help = format!(
            "`sallyport rollback {name}` takes the candidate back; the next `sallyport promote` begins in shadow"
        );
        return Err(Failure::new(Exit::Usage, message).with_help(help));
    }
    if next == Step::Settle || (target == Target::Settled && standing == Standing::Enforce) {
        return Ok((target == Target::Settled).then_some(Step::Settle));
    }
    if target == Target::Settled {
        let message = format!("`{name}` is at `{standing}`, and is settled after `enforce`");
        let help = format!(
            "`sallyport promote {name}` takes the next step, `{next}`; `sallyport promote {name} --to enforce --without-evidence \
             REASON` goes to `enforce` at once; from there, `--to settled` settles it"
        );
        return Err(Failure::new(Exit::Blocked, message).with_help(help));
    }
    Ok(target.step(standing, steps).or_else(|| gateway.begins_again.then_some(next)))
}

/// One wave at a time, and in order. `gateways`: all of them.
fn refuse_out_of_turn(state: &State, gateways: &[Gateway<'_>], steps: &[(Gateway<'_>, Step)]) -> Result<(), Failure> {
    let first = first_behind(gateways);
    for (gateway, step) in steps {
        if let Some(message) = first.as_ref().and_then(|first| out_of_turn(state, first, gateway, *step)) {
            return Err(Failure::new(Exit::Blocked, message)
                .with_help("waves are promoted one after the other: promote that one first, or change the waves"));
        }
    }
    Ok(())
}
