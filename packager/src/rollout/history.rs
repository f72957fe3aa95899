//! How the lock lost the candidate of a gateway: by the history of Git.

use std::path::{Path, PathBuf};

use sallyport_egress::check;
use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::model::Egress;
use sallyport_egress::rollout::{Standing, digest};
use sallyport_manifest::{LockFile, Locked};

use super::git;
use super::state::{Gateway, State};
use super::whole;
use crate::exit::{Exit, Failure};
use crate::printable::{printable, quoted_path};

/// What became of the last candidate of a gateway that the lock has none of.
pub(super) enum Fate {
    /// There was none.
    None,
    RolledBack,
    Settled(Ended),
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
    let dropped = git::find_in_history(&state.lock_path, |commit, before, after| {
        let locked = of(before)?;
        of(after).is_none().then(|| (commit.to_owned(), locked))
    })?;
    let Some((commit, locked)) = dropped else {
        return match settled_by_files(&path, &name, None)? {
            Some(ended) => Ok(Fate::Settled(ended)),
            None if git::is_shallow(&state.lock_path)? => {
                let message = format!(
                    "`{name}` has no candidate in the lock, and whether one is settled is not known: the history of this clone is \
                     shallow, and ends before it"
                );
                Err(Failure::new(Exit::Blocked, message)
                    .with_help("`git fetch --unshallow` gets the rest; then run the same command again"))
            }
            None => Ok(Fate::None),
        };
    };
    let rules = egress_at(&commit, &path, &name)?.and_then(|past| rules_of(&past.file));
    let is = |digest: &String| rules.as_ref() == Some(digest);
    // Several steps that were merged as one commit leave the last one: then the rules say what it was.
    if is(&locked.candidate) || (locked.standing == Standing::Enforce && !is(&locked.policy)) {
        return Ok(Fate::Settled(Ended { before: format!("{commit}^"), after: Some(commit), locked }));
    }
    match settled_by_files(&path, &name, Some(&commit))? {
        Some(ended) => Ok(Fate::Settled(ended)),
        None if is(&locked.policy) => Ok(Fate::RolledBack),
        None => Err(not_known(
            &name,
            &format!(
                "the commit {commit} took it out of the lock, and the rules in its Egress file there are neither those from before nor \
                 the candidate's"
            ),
            &format!("`git show {commit}`"),
        )),
    }
}

fn not_known(name: &str, why: &str, look: &str) -> Failure {
    let message = format!("what became of the last candidate of `{name}` is not known: {why}");
    Failure::new(Exit::Blocked, message).with_help(format!(
        "{look} shows it: if it was settled, write the rules from before into the Egress file by hand"
    ))
}

/// The candidate whose file a commit removed, when it wrote its rules into the Egress file. `since`: commits after this one alone.
fn settled_by_files(path: &Path, gateway: &str, since: Option<&str>) -> Result<Option<Ended>, Failure> {
    git::find_removal(path, since, |removal| {
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
        let is_settled = locked.candidate == is && locked.candidate != locked.policy;
        Ok(is_settled.then_some(Ended { before, after: Some(after), locked }))
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
    git::find_in_history(path, |commit, _, after| has_them(after).then(|| commit.to_owned()))
}

/// Whether the Egress file had rules of this digest in a commit after another one.
pub(super) fn had_since(path: &Path, rules: &str, commit: &str) -> Result<bool, Failure> {
    let found = git::find_in_history(path, |at, _, after| {
        let has_them = after.and_then(|bytes| rules_in(path, bytes)).as_deref() == Some(rules);
        (at == commit || has_them).then_some(at != commit)
    })?;
    Ok(found.unwrap_or_default())
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
