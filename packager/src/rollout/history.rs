//! How the lock lost the candidate of a gateway: by the history of Git.

use std::path::{Path, PathBuf};

use sallyport_egress::check;
use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::rollout::{Standing, digest};
use sallyport_manifest::{LockFile, Locked};

use super::git;
use super::log;
use super::past::{egress_at, egress_of, rules_of};
use super::state::{Gateway, State};
use super::whole;
use crate::exit::{Exit, Failure};
use crate::printable::printable;

/// What became of the last candidate of a gateway that the lock has none of.
pub(super) enum Fate {
    /// There was none.
    None,
    /// By this commit, with what it took out of the lock.
    RolledBack(String, Locked),
    Settled(Ended),
}

/// How a candidate ended by the history of files.
enum Traced {
    Settled(Ended),
    /// This commit removed its file, and left other rules than those before and its own.
    Unknown(String),
}

/// A candidate that the lock has no more.
pub(super) struct Ended {
    /// The revision that still has it.
    pub(super) before: String,
    /// The commit that took it out; `None`: that is not committed yet.
    pub(super) after: Option<String>,
    pub(super) locked: Locked,
}

/// How the last candidate of a gateway ended, which the lock of the last commit does not have.
///
/// # Errors
/// Fails if that is not known.
pub(super) fn fate(state: &State, gateway: &Gateway<'_>) -> Result<Fate, Failure> {
    let name = gateway.name();
    let path = PathBuf::from(state.source(gateway.egress.file).name);
    if git::top(&path)? != git::top(&state.lock_path)? {
        return Err(not_known(
            &name,
            &format!("`{}` is in another Git repository than `{}`", printable(&path), printable(&state.lock_path)),
            &format!("`git log -p -- {}`, in its folder,", path.file_name().unwrap_or_default().to_string_lossy()),
        ));
    }
    let of = |lock: Option<&[u8]>| {
        let lock = LockFile::parse(&String::from_utf8_lossy(lock?)).ok()?;
        lock.candidate(&name).cloned()
    };
    let dropped = log::find_in_moved_history(&state.lock_path, |commit, before, after| {
        let locked = of(before)?;
        of(after).is_none().then(|| (commit.to_owned(), locked))
    })?;
    let traced = trace(&path, &name, dropped.as_ref().map(|(commit, _)| commit.as_str()))?;
    let (commit, locked) = match (dropped, traced) {
        (None, None) if git::is_shallow(&state.lock_path)? => {
            let message = format!(
                "`{name}` has no candidate in the lock, and whether one is settled is not known: the history of this clone is \
                 shallow, and ends before it"
            );
            return Err(Failure::new(Exit::Blocked, message)
                .with_help("`git fetch --unshallow` gets the rest; then run the same command again"));
        }
        (None, None) => return Ok(Fate::None),
        (None, Some(traced)) => return traced.fate(&name),
        (Some(dropped), None) => dropped,
        (Some((commit, locked)), Some(traced)) => {
            if git::is_ancestor(&path, &commit, traced.commit())? {
                return traced.fate(&name);
            }
            if !traced.is_of(&locked) {
                return Err(not_known(
                    &name,
                    &format!("the commits {commit} and {} ended one each, and none is the later one", traced.commit()),
                    &format!("`git show {commit} {}`", traced.commit()),
                ));
            }
            (commit, locked)
        }
    };
    let rules = egress_at(&commit, &path, &name)?.and_then(|past| rules_of(&past.file));
    let is = |digest: &String| rules.as_ref() == Some(digest);
    // Several steps that were merged as one commit leave the last one: then the rules say what it was.
    if is(&locked.candidate) || (locked.standing == Standing::Enforce && !is(&locked.policy)) {
        return Ok(Fate::Settled(Ended { before: format!("{commit}^"), after: Some(commit), locked }));
    }
    if is(&locked.policy) {
        return Ok(Fate::RolledBack(commit, locked));
    }
    let why = format!("the commit {commit} took it out of the lock, and {OTHER_RULES}");
    Err(not_known(&name, &why, &format!("`git show {commit}`")))
}

const OTHER_RULES: &str = "the rules in its Egress file there are neither those from before nor the candidate's";

impl Traced {
    fn commit(&self) -> &str {
        match self {
            Self::Settled(Ended { after, before, .. }) => after.as_ref().unwrap_or(before),
            Self::Unknown(commit) => commit,
        }
    }

    /// Whether it is this one.
    fn is_of(&self, locked: &Locked) -> bool {
        let own = |own: &Locked| (&own.policy, &own.candidate) == (&locked.policy, &locked.candidate);
        matches!(self, Self::Settled(ended) if own(&ended.locked))
    }

    fn fate(self, name: &str) -> Result<Fate, Failure> {
        match self {
            Self::Settled(ended) => Ok(Fate::Settled(ended)),
            Self::Unknown(commit) => {
                let why = format!("the commit {commit} removed its Candidate file, and {OTHER_RULES}");
                Err(not_known(name, &why, &format!("`git show {commit}`")))
            }
        }
    }
}

fn not_known(name: &str, why: &str, look: &str) -> Failure {
    let message = format!("what became of the last candidate of `{name}` is not known: {why}");
    Failure::new(Exit::Blocked, message).with_help(format!(
        "{look} shows it: if it was settled, write the rules from before into the Egress file by hand"
    ))
}

/// The last candidate whose file a commit removed when it wrote other rules into the Egress file. `since`: only commits that this one
/// does not have.
fn trace(path: &Path, gateway: &str, since: Option<&str>) -> Result<Option<Traced>, Failure> {
    log::find_removal(path, since, |removal| {
        if !whole::is_candidate_alone(&removal.text) || !whole::has_name(&removal.text, gateway) {
            return Ok(None);
        }
        let (before, after) = (format!("{}^", removal.commit), removal.commit);
        let (Some(old), Some(new)) = (egress_at(&before, path, gateway)?, egress_at(&after, path, gateway)?) else {
            return Ok(None);
        };
        let candidate = SourceFile { name: removal.name, text: removal.text };
        let checked = check(&[old.file.clone(), candidate]);
        let candidate = checked.candidates.iter().find(|candidate| candidate.value.gateway() == gateway);
        let (Some(candidate), Some(was), Some(is)) = (candidate, egress_of(&old.file), rules_of(&new.file)) else {
            return Ok(None);
        };
        let rules = &was.spec.authz.rules;
        let (policy, applied) = (digest(rules), digest(&candidate.value.apply(rules)));
        let locked = Locked {
            policy,
            candidate: applied,
            standing: Standing::Enforce,
            since: String::new(),
            egress: None,
            without_evidence: None,
        };
        if locked.policy == is {
            return Ok(None);
        }
        if locked.candidate == is {
            return Ok(Some(Traced::Settled(Ended { before, after: Some(after), locked })));
        }
        // One that was moved, or replaced, is there.
        let files = git::files_with(path, &after, "Candidate")?;
        let is_left = |(_, text): &(String, String)| whole::is_candidate_alone(text) && whole::has_name(text, gateway);
        Ok((!files.iter().any(is_left)).then_some(Traced::Unknown(after)))
    })
}
