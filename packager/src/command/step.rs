//! What `plan`, `status`, `promote` and `rollback` share: files are read, and a step is taken, reported and committed.

use std::path::PathBuf;

use sallyport_egress::rollout::written_moment;
use time::OffsetDateTime;

use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::printable::{printable, quoted_path};
use crate::report;
use crate::rollout::{
    Committing, Disk, Part, Pending, PendingKind, Promoted, Read, State, Writer, commit, need_one_repository,
    need_repository, pending, read, read_to_go_back, refuse_beside_rollback, refuse_carried, refuse_mixed, uncommitted,
    unstage, with_all,
};

/// What the message of the commit of a rollback begins with.
pub(super) const ROLL_BACK: &str = "roll back";

/// How a step is taken.
pub(super) struct Step<'a> {
    /// What the message of the commit begins with.
    pub(super) verb: &'static str,
    pub(super) files: &'a [PathBuf],
    pub(super) gateways: &'a [String],
    pub(super) commit: bool,
    pub(super) reason: Option<&'a str>,
    /// Then neither a wrong candidate nor a step that is not committed is in the way.
    pub(super) goes_back: bool,
    /// Whether its files were written by a run before, and are committed now.
    pub(super) is_completed: bool,
    /// Whether it is about the filter's image.
    pub(super) is_filter: bool,
}

/// The environment variable with another time than that of the clock, in Unix seconds.
const NOW: &str = "SALLYPORT_NOW";

/// The time, in Unix seconds. If it is not that of the clock, that is said: the gates of time count from it.
pub(super) fn now(console: &Console) -> Result<i64, Failure> {
    let Some(given) = std::env::var_os(NOW) else { return Ok(OffsetDateTime::now_utc().unix_timestamp()) };
    let time = given.to_str().and_then(|text| text.parse().ok()).map(|now| (now, written_moment(now)));
    match time.filter(|(_, written)| !written.is_empty()) {
        Some((now, written)) => {
            console.note(&format!("note: {NOW} is set, so it is {written} here, whatever the clock says"));
            Ok(now)
        }
        None => {
            let message =
                format!("{NOW} is `{}`, but a time is in Unix seconds", given.to_string_lossy().escape_debug());
            Err(Failure::new(Exit::Usage, message).with_help(format!("unset {NOW}: the clock has the time")))
        }
    }
}

/// The state of valid files; of others what is wrong is shown, and how the command ends.
pub(super) fn valid(read: Read, console: &Console) -> Result<Box<State>, Exit> {
    match read {
        Read::State(state) => Ok(state),
        Read::Wrong(wrong) => {
            console.problem(wrong.render(report::Format::Human, console.coloured(None), true).trim_end());
            Err(wrong.exit())
        }
    }
}

pub(super) fn run(
    step: &Step<'_>,
    console: &Console,
    take: impl FnOnce(&State, &mut dyn Writer) -> Result<Promoted, Failure>,
) -> Result<Exit, Failure> {
    let now = now(console)?;
    let read = if step.goes_back {
        read_to_go_back(step.files, step.gateways, now)
    } else {
        read(step.files, step.gateways, now)
    };
    let state = match valid(read?, console) {
        Ok(state) => state,
        Err(exit) => return Ok(exit),
    };
    if step.commit {
        need_repository(&state.lock_path)?;
    }
    // Without a commit, nothing is in the way of going back.
    let pending = if step.commit || !step.goes_back { pending(&state)? } else { Vec::new() };
    if step.goes_back {
        refuse_beside_rollback(&state, &pending, &state.named(step.gateways)?, step.is_filter)?;
    } else if !pending.is_empty() {
        refuse_mixed(&state, &pending)?;
        return finish_uncommitted(step, console, &state, &pending);
    }
    let promoted = if step.commit {
        // A commit has the whole lock: so it says what else is in it.
        with_all(&state, take(&state, &mut Committing { lock: &state.lock_path })?)?
    } else {
        take(&state, &mut Disk)?
    };
    let promoted = if step.goes_back { unstaged(promoted, &state) } else { promoted };
    report(step, console, &promoted)
}

/// The index has nothing of what was taken back, whoever staged it.
fn unstaged(mut promoted: Promoted, state: &State) -> Promoted {
    let files = promoted.files.iter().chain(std::iter::once(&state.lock_path)).cloned().collect::<Vec<_>>();
    promoted.notes.extend(unstage(&files));
    promoted
}

/// A step was written, but not committed.
fn finish_uncommitted(step: &Step<'_>, console: &Console, state: &State, pending: &[Pending]) -> Result<Exit, Failure> {
    let written = uncommitted(state, pending)?;
    let goes_back = pending.iter().any(|one| one.kind.goes_back());
    let words: Vec<_> = written.taken.iter().map(|taken| format!("`{}` to `{}`", taken.gateway, taken.to)).collect();
    if step.commit {
        refuse_carried(state, pending)?;
        let files: Vec<_> = written.files.iter().map(PathBuf::as_path).collect();
        need_one_repository(&state.lock_path, &files)?;
        let verb = if goes_back { ROLL_BACK } else { step.verb };
        // The reason of this run is of another step; the lock keeps that of the one before.
        report(&Step { verb, reason: None, is_completed: true, ..*step }, console, &written)?;
        let what = if goes_back { "rollback" } else { "step" };
        let text = format!(
            "the last {what} was not committed, so this run has committed it, and has taken no step of its own: the same command again \
             takes it\n"
        );
        console.write(None, text.as_bytes())?;
        // A pipeline must not take it for the step that was asked for.
        return Ok(Exit::Blocked);
    }
    let message = format!("the last step is not committed: {}", words.join(", "));
    let mut help = "commit it first, or use --commit, which commits it and goes no further".to_owned();
    let is_step = |one: &&Pending| matches!(one.kind, PendingKind::Step | PendingKind::Settled);
    let names: Vec<&str> = pending.iter().filter(is_step).map(|one| one.gateway.as_str()).collect();
    if !names.is_empty() {
        help.push_str(&format!("; `sallyport rollback {}` undoes it", names.join(" ")));
    } else if pending.iter().any(|one| one.kind == PendingKind::Filter && one.part == Part::All) {
        help.push_str("; `sallyport rollback --filter` undoes it");
    }
    Err(Failure::new(Exit::Blocked, message).with_help(help))
}

fn report(step: &Step<'_>, console: &Console, promoted: &Promoted) -> Result<Exit, Failure> {
    let mut text = String::new();
    for taken in &promoted.taken {
        text.push_str(&format!("{}\n", taken.line()));
    }
    for file in promoted.files.iter().filter(|_| !step.is_completed) {
        let verb = if file.exists() { "wrote" } else { "removed" };
        text.push_str(&format!("  {verb} {}\n", printable(file)));
    }
    if !console.quiet() || promoted.taken.is_empty() {
        promoted.notes.iter().for_each(|note| text.push_str(&format!("{note}\n")));
    }
    let mut strays = None;
    if step.commit {
        let to_commit = promoted.commit(step.verb, step.reason)?;
        if !to_commit.files.is_empty() {
            let made = commit(&to_commit)?;
            text.push_str(&format!("  committed {}\n", made.name));
            strays = made.strays;
        } else if !promoted.taken.is_empty() {
            text.push_str("  nothing is committed: the last commit has it so\n");
        }
    }
    console.write(None, text.as_bytes())?;
    if let Some(strays) = strays {
        return Err(strays);
    }
    if !promoted.files.is_empty() {
        let files: Vec<_> = step.files.iter().map(|file| quoted_path(file)).collect();
        console.note(&format!(
            "to bring it to the gateways: sallyport build {} -o DIR, and apply what changed",
            files.join(" ")
        ));
    }
    Ok(Exit::Ok)
}
