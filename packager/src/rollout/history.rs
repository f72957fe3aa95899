//! How the lock lost the candidate of a gateway: by the history of Git.

use std::path::{Path, PathBuf};

use sallyport_egress::check;
use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::model::Egress;
use sallyport_egress::rollout::{Standing, digest};
use sallyport_manifest::{LockFile, Locked};

use super::git;
use super::log::{self, Range};
use super::state::{Gateway, State};
use super::whole;
use crate::exit::{Exit, Failure};
use crate::input::relative;
use crate::printable::{printable, quoted_path};

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

/// The Egress file of a gateway in a revision.
pub(super) struct Past {
    /// With its name of now.
    pub(super) file: SourceFile,
    /// Its name then, below the folder of the repository; `None`: the same.
    pub(super) elsewhere: Option<String>,
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

/// The Egress file of a gateway as a revision has it: at its path, or where it was before it was moved.
pub(super) fn egress_at(revision: &str, path: &Path, gateway: &str) -> Result<Option<Past>, Failure> {
    let name = printable(path);
    let is_of = |file: &SourceFile| egress_of(file).is_some_and(|egress| egress.route() == gateway);
    let here = git::show(revision, path)?.and_then(|bytes| String::from_utf8(bytes).ok());
    if let Some(file) = here.map(|text| SourceFile { name: name.clone(), text }).filter(is_of) {
        return Ok(Some(Past { file, elsewhere: None }));
    }
    let files = git::files_with(path, revision, "Egress")?.into_iter();
    let files = files.map(|(at, text)| (at, SourceFile { name: name.clone(), text }));
    let mut own = files.filter(|(_, file)| whole::is_egress_of(&file.text, gateway) && is_of(file));
    Ok(own.next().map(|(at, file)| Past { file, elsewhere: Some(at) }))
}

/// The Egress of a gateway in the bytes of its file.
pub(super) fn egress_in(path: &Path, bytes: &[u8], gateway: &str) -> Option<Egress> {
    let text = String::from_utf8(bytes.to_vec()).ok()?;
    egress_of(&SourceFile { name: printable(path), text }).filter(|egress| egress.route() == gateway)
}

/// A revision in which the Egress file of a gateway has rules of this digest: the last commit, or the newest one before.
pub(super) fn revision_with(path: &Path, rules: &str) -> Result<Option<String>, Failure> {
    let has_them = |bytes: Option<&[u8]>| bytes.and_then(|bytes| rules_in(path, bytes)).as_deref() == Some(rules);
    if has_them(git::show("HEAD", path)?.as_deref()) {
        return Ok(Some("HEAD".to_owned()));
    }
    log::find_in_history(path, Range::All, |commit, _, after| has_them(after).then(|| commit.to_owned()))
}

/// Whether the rules from before were back in a commit after this one, and the candidate's were not in force since.
pub(super) fn was_back_since(path: &Path, locked: &Locked, commit: &str) -> Result<bool, Failure> {
    let found = log::find_in_history(path, Range::After(commit), |_, _, after| {
        let rules = after.and_then(|bytes| rules_in(path, bytes))?;
        [&locked.policy, &locked.candidate].contains(&&rules).then(|| rules == locked.policy)
    })?;
    Ok(found.unwrap_or_default())
}

/// The Egress file with the rules that a candidate was for.
pub(super) struct Before {
    pub(super) revision: String,
    pub(super) past: Past,
    /// What followed, if that was before the candidate left the lock: its rules were written by hand, or the step was half done.
    pub(super) next: Option<String>,
}

/// The Egress file of a gateway as it was with these rules: in a revision, or the last time before it.
pub(super) fn with_rules(rules: &str, revision: &str, path: &Path, gateway: &str) -> Result<Option<Before>, Failure> {
    let Some(past) = egress_at(revision, path, gateway)? else { return Ok(None) };
    if rules_of(&past.file).as_deref() == Some(rules) {
        return Ok(Some(Before { revision: revision.to_owned(), past, next: None }));
    }
    let place = match &past.elsewhere {
        Some(elsewhere) => relative(&git::top(path)?.join(elsewhere)),
        None => path.to_owned(),
    };
    log::find_in_history(&place, Range::To(revision), |commit, before, after| {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let has_them = |bytes: &&[u8]| rules_in(path, bytes).as_deref() == Some(rules);
        let (revision, own) = match (before.filter(has_them), after.filter(has_them)) {
            (_, Some(own)) => (commit.to_owned(), own),
            (Some(own), None) => (format!("{commit}^"), own),
            (None, None) => return None,
        };
        let file = SourceFile { name: past.file.name.clone(), text: text(own)? };
        let past = Past { file, elsewhere: past.elsewhere.clone() };
        Some(Before { revision, past, next: after.and_then(text) })
    })
}

/// The digest of the rules of an Egress file in a revision.
pub(super) fn rules_at(revision: &str, path: &Path) -> Result<Option<String>, Failure> {
    Ok(git::show(revision, path)?.and_then(|bytes| rules_in(path, &bytes)))
}

fn rules_in(path: &Path, bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8(bytes.to_vec()).ok()?;
    rules_of(&SourceFile { name: printable(path), text })
}

/// The digest of the rules of an Egress file.
pub(super) fn rules_of(file: &SourceFile) -> Option<String> {
    egress_of(file).map(|egress| digest(&egress.spec.authz.rules))
}

pub(super) fn egress_of(file: &SourceFile) -> Option<Egress> {
    check(std::slice::from_ref(file)).egresses.into_iter().next().map(|egress| egress.value)
}

/// How the rules from before get into an Egress file by hand.
pub(super) fn by_hand(path: &Path, rules: &str) -> String {
    let file = quoted_path(path);
    match revision_with(path, rules) {
        Ok(Some(revision)) => {
            format!("write the rules from before into it first: `git diff {revision} -- {file}` shows them")
        }
        _ => format!("write the rules from before into it first: those with the digest {rules}"),
    }
}
