//! The filter's image, gateway by gateway.

use sallyport_egress::rollout::Standing;
use sallyport_egress::value::digest::Digest;
use sallyport_manifest::{Lock, LockFile};

use super::committed::refuse_uncommitted;
use super::evidence::{Missing, help};
use super::filter_goal::{Goal, goal, holders, obstacle, refuse_old};
use super::filter_seen::see_filter;
use super::lock;
use super::pending::{Committed, Part, Pending, PendingKind, committed, pending_since};
use super::promote::{Order, Promoted, Taken};
use super::state::{Gateway, State};
use super::whole;
use super::words::{EVERY_GATEWAY, LOCK_FILTER, of_the_lock};
use super::write::Writer;
use crate::evidence::EvidenceArgs;
use crate::exit::{Exit, Failure};

/// Pins the lock's next filter for the next gateway; if all have it, it becomes that of the lock. `given`: the digest that the user
/// expects; that of the lock's own filter takes the pin of a gateway back.
pub(crate) fn promote_filter(
    state: &State,
    order: &Order<'_>,
    given: Option<&Digest>,
    args: &EvidenceArgs,
    writer: &mut dyn Writer,
) -> Result<Promoted, Failure> {
    whole::refuse_missing_egress(&state.lock_path, &state.report.files)?;
    let named = state.named(order.gateways)?;
    if named.len() > 1 {
        let message = "a filter is promoted one gateway at a time";
        return Err(Failure::new(Exit::Usage, message).with_help("name one gateway, or none: then it is the next one"));
    }
    let goal = goal(state, given)?;
    let digest = goal.digest();
    let (having, lacking) = holders(state, digest);
    let gateways = state.gateways();
    let chosen = match named.first() {
        Some(name) => match gateways.iter().find(|gateway| gateway.name() == *name) {
            Some(gateway) => Some(gateway),
            None => return Ok(noted(format!("the Egress of {name} is not among the files"))),
        },
        None => lacking.first(),
    };
    let Some(gateway) = chosen else { return everywhere(state, &goal, writer) };
    let name = gateway.name();
    if having.iter().any(|other| other.name() == name) {
        return Ok(noted(format!("{name} has the filter {digest} already")));
    }
    if let Some(obstacle) = obstacle(state, gateway, digest) {
        return Err(obstacle);
    }
    let Goal::Next(next) = &goal else { return unpin_filters(state, &[name], writer) };
    let read: Vec<Gateway<'_>> = having.iter().chain([gateway]).copied().collect();
    refuse_uncommitted(state, &read)?;
    let seen = see_filter(state, &having, args)?;
    if order.without_evidence.is_none() && !seen.missing.is_empty() {
        let missing: String =
            seen.missing.iter().map(|missing| format!("\n  {name} to {digest}: {}", missing.text)).collect();
        let message = format!("nothing is promoted, because something is missing:{missing}");
        return Err(
            Failure::new(Exit::Blocked, message).with_help(help(&seen.missing.iter().map(Missing::cure).collect()))
        );
    }
    let from =
        state.filter_of(&gateway.egress.value).map_or_else(|_| "not known".to_owned(), |digest| digest.to_string());
    let mut file = state.lock.clone();
    file.rollout.gateways.entry(name.clone()).or_default().filter = Some(next.clone());
    lock::write(&state.lock_path, state.lock_bytes.as_deref(), file, writer)?;
    let reason = order.without_evidence.filter(|_| !seen.missing.is_empty()).map(str::to_owned);
    let (evidence, missing) = (seen.lines, seen.missing);
    let (part, to) = (Part::Pin, digest.to_string());
    let taken = Taken { gateway: name, part, from, to, evidence, missing, reason, ..Taken::default() };
    Ok(Promoted { taken: vec![taken], files: vec![state.lock_path.clone()], ..Promoted::default() })
}

/// The filter that all gateways have is that of the lock, and none is pinned any more.
fn everywhere(state: &State, goal: &Goal, writer: &mut dyn Writer) -> Result<Promoted, Failure> {
    let digest = goal.digest().to_string();
    let (LockFile { filter: Some(before), next: Some(next), rollout }, Goal::Next(_)) = (state.lock.clone(), goal)
    else {
        return Ok(noted(format!("every gateway has the filter {digest} already")));
    };
    refuse_uncommitted(state, &state.gateways())?;
    if !state.knows_candidates(goal.digest()) {
        // Of gateways whose Egress is gone, too.
        let live = rollout.gateways.iter().find_map(|(name, gateway)| Some((name, gateway.candidate.as_ref()?)));
        if let Some((name, live)) = live {
            return Err(refuse_old(name, live.standing, &digest));
        }
    }
    let mut file = LockFile { filter: Some(next), next: None, rollout };
    file.rollout.gateways.values_mut().for_each(|gateway| gateway.filter = None);
    lock::write(&state.lock_path, state.lock_bytes.as_deref(), file, writer)?;
    let (gateway, part) = (LOCK_FILTER.to_owned(), Part::All);
    let taken = Taken { gateway, part, from: before.digest, to: digest, ..Taken::default() };
    let notes =
        vec!["every gateway has this filter: it is the one of the lock now, and no gateway is pinned".to_owned()];
    Ok(Promoted { taken: vec![taken], files: vec![state.lock_path.clone()], notes, ..Promoted::default() })
}

/// Gateways load the filter of the lock again. Without names all do, and no filter is rolled out any more.
pub(crate) fn unpin_filters(state: &State, named: &[String], writer: &mut dyn Writer) -> Result<Promoted, Failure> {
    let named = state.named(named)?;
    if let Some(committed) = last_step_before(state)? {
        if named.is_empty() {
            return undo_last(state, committed, writer);
        }
        let message = "the last step of the filter is not committed, and is for all gateways";
        return Err(Failure::new(Exit::Blocked, message)
            .with_help("`sallyport rollback --filter` undoes it; then gateways have their pins again"));
    }
    let mut file = state.lock.clone();
    let (mut taken, own) = (Vec::new(), of_the_lock(state));
    for (name, gateway) in &mut file.rollout.gateways {
        let is_meant = named.is_empty() || named.contains(name);
        if let Some(digest) = gateway.filter.take_if(|_| is_meant) {
            if let Some(refused) = gateway.candidate.as_ref().and_then(|live| refused_back(state, name, live.standing))
            {
                return Err(refused);
            }
            let (part, to) = (Part::Pin, own.clone());
            taken.push(Taken { gateway: name.clone(), part, from: digest.to_string(), to, ..Taken::default() });
        }
    }
    let ended = file.next.take_if(|_| named.is_empty());
    let notes: Vec<String> = ended.iter().map(|next| format!("{} is not rolled out any more", next.digest)).collect();
    if let (Some(next), true) = (&ended, taken.is_empty()) {
        let (gateway, to) = (EVERY_GATEWAY.to_owned(), own);
        taken.push(Taken { gateway, part: Part::All, from: next.digest.clone(), to, ..Taken::default() });
    }
    if taken.is_empty() {
        return Ok(noted(match named.is_empty() {
            true => "no gateway has a filter of its own, and none is rolled out".to_owned(),
            false => format!("no filter of its own: {}", named.join(", ")),
        }));
    }
    lock::write(&state.lock_path, state.lock_bytes.as_deref(), file, writer)?;
    Ok(Promoted { taken, files: vec![state.lock_path.clone()], notes, ..Promoted::default() })
}

/// The lock of the last commit, if what it does not have is the last step of a filter.
fn last_step_before(state: &State) -> Result<Option<Committed>, Failure> {
    let Some(committed) = committed(state)? else { return Ok(None) };
    let changes = pending_since(state, &committed.lock, &state.lock);
    let is_last = |one: &Pending| one.part == Part::All && one.kind == PendingKind::Filter;
    Ok(Some(committed).filter(|_| changes.iter().any(is_last)))
}

/// Undoes the last step of a filter, which is not committed: the filters are as in the last commit, pins and all.
fn undo_last(state: &State, committed: Committed, writer: &mut dyn Writer) -> Result<Promoted, Failure> {
    let Committed { bytes, lock: before } = committed;
    let digest = |filter: &Option<Lock>| filter.as_ref().map(|filter| filter.digest.clone()).unwrap_or_default();
    let (from, to) = (digest(&state.lock.filter), digest(&before.filter));
    let mut file =
        LockFile { filter: before.filter.clone(), next: before.next.clone(), rollout: state.lock.rollout.clone() };
    for (name, gateway) in &before.rollout.gateways {
        if gateway.filter.is_some() {
            file.rollout.gateways.entry(name.clone()).or_default().filter.clone_from(&gateway.filter);
        }
    }
    match bytes {
        // To the last byte.
        Some(bytes) if before == file => writer.replace(&state.lock_path, state.lock_bytes.as_deref(), &bytes)?,
        _ => lock::write(&state.lock_path, state.lock_bytes.as_deref(), file, writer)?,
    }
    let (gateway, part) = (LOCK_FILTER.to_owned(), Part::All);
    let taken = Taken { gateway, part, from, to, is_undone: true, ..Taken::default() };
    let notes = vec![
        "the last step of the filter was not committed, so it is undone: gateways are pinned as in the last commit; `sallyport rollback \
         --filter` once more takes the pins back"
            .to_owned(),
    ];
    Ok(Promoted { taken: vec![taken], files: vec![state.lock_path.clone()], notes, ..Promoted::default() })
}

/// Why a gateway with a candidate cannot load the filter of the lock again.
fn refused_back(state: &State, gateway: &str, standing: Standing) -> Option<Failure> {
    let filter = state.filter.as_ref().map(|filter| &filter.digest);
    match filter {
        Ok(digest) if state.knows_candidates(digest) => None,
        Ok(digest) => Some(refuse_old(gateway, standing, &digest.to_string())),
        Err(reason) => Some(refuse_old(gateway, standing, &format!("of the lock ({reason})"))),
    }
}

fn noted(note: String) -> Promoted {
    Promoted { notes: vec![note], ..Promoted::default() }
}
