//! What a commit of the lock would have beside the step that it is for: nothing that its message does not name.

use std::path::PathBuf;

use super::committed::{files_of_end, refuse_other_changes};
use super::pending::{Part, Pending, PendingKind, committed};
use super::state::State;
use super::words::NEXT_FILTER;
use crate::exit::{Exit, Failure};
use crate::printable::{printable, quoted_path};

/// Fails if what is not committed is more than the steps of one kind, which one commit completes.
pub(crate) fn refuse_mixed(state: &State, pending: &[Pending]) -> Result<(), Failure> {
    let Some(first) = pending.first() else { return Ok(()) };
    if pending.iter().all(|one| one.kind.goes_with(first.kind)) {
        return Ok(());
    }
    refuse(state, &pending.iter().collect::<Vec<_>>(), pending, "")
}

/// Fails if a rollback that is committed would have another change with it. `named`: its gateways; none: all.
pub(crate) fn refuse_beside_rollback(
    state: &State,
    pending: &[Pending],
    named: &[String],
    is_filter: bool,
) -> Result<(), Failure> {
    let is_own = |one: &&Pending| {
        let is_meant = named.is_empty() || named.contains(&one.gateway);
        match one.kind {
            // It is undone, or taken back.
            PendingKind::Step | PendingKind::Settled => is_meant && !is_filter,
            PendingKind::Filter if one.part == Part::All => is_filter && named.is_empty(),
            PendingKind::Filter => is_meant && is_filter,
            // A rollback from before is named.
            PendingKind::Back => !is_filter,
            PendingKind::FilterBack => is_filter,
            PendingKind::Pushed => is_filter && named.is_empty() && one.gateway == NEXT_FILTER,
            PendingKind::Unknown => false,
        }
    };
    let others: Vec<&Pending> = pending.iter().filter(|one| !is_own(one)).collect();
    match others.is_empty() {
        true => Ok(()),
        false => refuse(state, &others, pending, "; without --commit nothing is in the way of a rollback"),
    }
}

/// Fails if the files of a last step that is not committed have other changes, too.
pub(crate) fn refuse_carried(state: &State, pending: &[Pending]) -> Result<(), Failure> {
    let is_settled =
        |gateway: &str| pending.iter().any(|one| one.kind == PendingKind::Settled && one.gateway == gateway);
    let mut settled = state.checked.egresses.iter().filter(|egress| is_settled(&egress.value.route()));
    settled.try_for_each(|egress| refuse_other_changes(state, egress))
}

/// `others`: what is in the way, among all that is not committed.
fn refuse(state: &State, others: &[&Pending], pending: &[Pending], more: &str) -> Result<(), Failure> {
    let lines: String =
        others.iter().map(|Pending { gateway, from, to, .. }| format!("\n  {gateway}: {from} -> {to}")).collect();
    let message = format!(
        "`{}` has changes that are not committed, and the commit of this step would have them, too:{lines}",
        printable(&state.lock_path)
    );
    let help = format!("{}{more}", cure(state, pending)?);
    Err(Failure::new(Exit::Blocked, message).with_help(help))
}

/// How what is not committed is committed by itself, and how it is taken back.
fn cure(state: &State, pending: &[Pending]) -> Result<String, Failure> {
    let first = pending.first().map(|one| one.kind);
    let mut files = vec![state.lock_path.clone()];
    for one in pending.iter().filter(|one| matches!(one.kind, PendingKind::Settled | PendingKind::Unknown)) {
        files.extend(files_of_end(state, &one.gateway)?);
    }
    let files: Vec<String> = files.iter().map(|file: &PathBuf| quoted_path(file)).collect();
    let files = files.join(" ");
    let is_new = committed(state)?.is_some_and(|committed| committed.bytes.is_none());
    let checkout = if is_new { String::new() } else { format!(", and `git checkout HEAD -- {files}` takes it back") };
    if !first.is_some_and(|first| pending.iter().all(|one| one.kind.goes_with(first))) {
        let add = if is_new { format!("`git add {}` and ", quoted_path(&state.lock_path)) } else { String::new() };
        return Ok(format!("{add}`git commit {files}` commits it by itself{checkout}"));
    }
    let of = |is: &dyn Fn(&Pending) -> bool| {
        let names: Vec<&str> = pending.iter().filter(|one| is(one)).map(|one| one.gateway.as_str()).collect();
        names.join(" ")
    };
    let steps = of(&|one| matches!(one.kind, PendingKind::Step | PendingKind::Settled));
    let pins = of(&|one| one.kind == PendingKind::Filter && one.part == Part::Pin);
    let is_last = pending.iter().any(|one| one.kind == PendingKind::Filter && one.part == Part::All);
    let undo = match (steps.as_str(), pins.as_str()) {
        ("", _) if is_last => ", and `sallyport rollback --filter` undoes it".to_owned(),
        ("", "") => checkout,
        ("", pins) => format!(", and `sallyport rollback --filter {pins}` takes it back"),
        (steps, _) => format!(", and `sallyport rollback {steps}` undoes it"),
    };
    Ok(format!("`sallyport promote --commit` commits it by itself{undo}"))
}
