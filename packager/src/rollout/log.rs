//! The history of Git, searched: the commits that changed a file, and the files that commits removed.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::git::{self, LITERALLY, NO_COMMIT, ask, is_of_link, place_of, run, show, target_of, top, unanswered};
use crate::exit::Failure;
use crate::input::relative;

/// Commits whose files are asked for at once: what is asked fits into a pipe, whatever is answered.
const AT_ONCE: usize = 64;

/// Where a history is searched.
#[derive(Clone, Copy)]
pub(super) enum Range<'a> {
    /// All of it, up to the last commit.
    All,
    /// All of it, up to this revision.
    To(&'a str),
    /// The commits up to the last one that have this one in their history.
    After(&'a str),
}

/// The commits that changed a file, the newest first.
fn commits_of(path: &Path, range: Range<'_>) -> Result<Vec<String>, Failure> {
    let (here, name) = place_of(path);
    let after;
    let range: &[&str] = match range {
        Range::All => &[],
        Range::To(revision) => &[revision],
        Range::After(commit) => {
            after = format!("{commit}..HEAD");
            // Also what a merge took from the other side.
            &["--ancestry-path", "--full-history", &after]
        }
    };
    let words = [&[LITERALLY, "log", "--topo-order", "--format=%H"], range, &["--"]].concat();
    let words: Vec<&OsStr> = words.iter().map(OsStr::new).chain([name.as_os_str()]).collect();
    match run(&here, &words, b"") {
        Err(refusal) if refusal.reason.contains(NO_COMMIT) => Ok(Vec::new()),
        Err(refusal) => Err(unanswered(path, &refusal)),
        Ok(printed) => Ok(String::from_utf8_lossy(&printed).lines().map(str::to_owned).collect()),
    }
}

/// Searches the history of a file, the newest commit first. `find` gets each commit that changed it, and the file before and after
/// that.
pub(super) fn find_in_history<T>(
    path: &Path,
    range: Range<'_>,
    mut find: impl FnMut(&str, Option<&[u8]>, Option<&[u8]>) -> Option<T>,
) -> Result<Option<T>, Failure> {
    let path = target_of(path);
    let name = place_of(&path).1.to_string_lossy().into_owned();
    for commits in commits_of(&path, range)?.chunks(AT_ONCE) {
        let asked: String = commits.iter().map(|commit| format!("{commit}^:./{name}\n{commit}:./{name}\n")).collect();
        let printed = ask(&path, &["cat-file", "--batch"], asked.as_bytes())?;
        let mut rest = printed.as_slice();
        for commit in commits {
            let (before, after) = (object(&mut rest), object(&mut rest));
            if let Some(found) = find(commit, before, after) {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

/// The same for a file that may have been moved, and has kept its name: where it is now, and then where it was before.
pub(super) fn find_in_moved_history<T>(
    path: &Path,
    mut find: impl FnMut(&str, Option<&[u8]>, Option<&[u8]>) -> Option<T>,
) -> Result<Option<T>, Failure> {
    let mut path = target_of(path);
    let (mut newest, mut places) = (None::<String>, BTreeSet::new());
    loop {
        let mut added = None;
        let range = newest.as_deref().map_or(Range::All, Range::To);
        let found = find_in_history(&path, range, |commit, before, after| {
            if let (None, Some(after)) = (before, after) {
                added = Some((commit.to_owned(), after.to_vec()));
            }
            find(commit, before, after)
        })?;
        let (None, Some((commit, content))) = (&found, added) else { return Ok(found) };
        let parent = format!("{commit}^");
        if !git::has_commit(&path, &parent) {
            return Ok(None);
        }
        if let Some(place) = moved_from(&path, &commit, &content)? {
            let before = show(&parent, &place)?;
            if let Some(found) = find(&commit, before.as_deref(), Some(&content)) {
                return Ok(Some(found));
            }
            (path, newest) = (place, Some(parent));
        } else if let Some(place) = copied_from(&path, &parent)?.filter(|place| places.insert(place.clone())) {
            (path, newest) = (place, None);
        } else {
            return Ok(None);
        }
    }
}

/// Where a file was that a commit has added: of its name, and removed by the same commit.
fn moved_from(path: &Path, commit: &str, content: &[u8]) -> Result<Option<PathBuf>, Failure> {
    let removed = git::removed(path, &format!("{commit}^"), Some(commit))?;
    let mut removed: Vec<_> = removed.into_iter().filter(|(place, _)| place.file_name() == path.file_name()).collect();
    let same = removed.iter().position(|(_, text)| text.as_bytes() == content);
    let at = same.or_else(|| (removed.len() == 1).then_some(0));
    Ok(at.map(|at| removed.swap_remove(at).0))
}

/// Where a file was before it was added, if it was removed later: the only one of its name that is not there any more.
fn copied_from(path: &Path, before: &str) -> Result<Option<PathBuf>, Failure> {
    let top = top(path)?;
    let named = |revision: &str| {
        let listed = ask(path, &["ls-tree", "-r", "-z", "--full-tree", "--name-only", revision], b"")?;
        let names = listed.split(|byte| *byte == 0).filter_map(|name| std::str::from_utf8(name).ok());
        let places = names.map(|name| relative(&top.join(name)));
        Ok::<_, Failure>(places.filter(|place| place.file_name() == path.file_name()).collect::<BTreeSet<_>>())
    };
    let (before, now) = (named(before)?, named("HEAD")?);
    let mut gone = before.difference(&now);
    Ok(gone.next().filter(|_| gone.next().is_none()).cloned())
}

/// The next object that `cat-file --batch` printed: `OBJECT blob SIZE`, a line end, the content, and a line end; or `NAME missing`.
fn object<'p>(printed: &mut &'p [u8]) -> Option<&'p [u8]> {
    let end = printed.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = printed.split_at_checked(end)?;
    let rest = rest.split_first()?.1;
    *printed = rest;
    let line = std::str::from_utf8(line).ok().filter(|line| !line.ends_with(" missing"))?;
    let size: usize = line.rsplit(' ').next()?.parse().ok()?;
    let (content, rest) = rest.split_at_checked(size)?;
    *printed = rest.split_first().map_or(rest, |(_, rest)| rest);
    Some(content)
}

/// A YAML file that a commit removed.
pub(super) struct Removal {
    pub(super) commit: String,
    /// Below the folder of the repository.
    pub(super) name: String,
    is_link: bool,
    /// What it was; of a link, what it led to.
    pub(super) text: String,
}

/// Searches the YAML files that commits removed, the newest commit first. `since`: only commits that this one does not have.
pub(super) fn find_removal<T>(
    near: &Path,
    since: Option<&str>,
    mut find: impl FnMut(Removal) -> Result<Option<T>, Failure>,
) -> Result<Option<T>, Failure> {
    let range = since.map_or_else(|| "HEAD".to_owned(), |since| format!("{since}..HEAD"));
    let words =
        ["log", "--topo-order", "-z", "--raw", "--no-abbrev", "--no-ext-diff", "--no-renames", "--diff-filter=D"];
    let printed = ask(near, &[&words[..], &["--format=%x01%H", &range]].concat(), b"")?;
    let removals = removals(&printed);
    for some in removals.chunks(AT_ONCE) {
        let asked: String = some.iter().map(|removal| format!("{}\n", removal.text)).collect();
        let printed = ask(near, &["cat-file", "--batch"], asked.as_bytes())?;
        let mut rest = printed.as_slice();
        for Removal { commit, name, is_link, .. } in some {
            let Some(text) = object(&mut rest).and_then(|bytes| std::str::from_utf8(bytes).ok()) else { continue };
            let text = match is_link {
                true => git::through(near, &format!("{commit}^"), name, text),
                false => Some(text.to_owned()),
            };
            let Some(text) = text else { continue };
            let removal = Removal { commit: commit.clone(), name: name.clone(), is_link: *is_link, text };
            if let Some(found) = find(removal)? {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

/// Each YAML file, with its object instead of its text, in `\x01COMMIT<nul>`, followed by `:MODE MODE OBJECT OBJECT D<nul>NAME<nul>` for
/// each file.
fn removals(printed: &[u8]) -> Vec<Removal> {
    let (mut removals, mut commit) = (Vec::new(), String::new());
    let mut words = printed.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word));
    while let Some(word) = words.next() {
        let word = word.trim_start_matches('\n');
        if let Some(next) = word.strip_prefix('\u{1}') {
            next.trim_end().clone_into(&mut commit);
        } else if word.starts_with(':') {
            let (object, name) = (word.split(' ').nth(2), words.next().unwrap_or_default().into_owned());
            let (commit, is_link) = (commit.clone(), is_of_link(word));
            let object = object.filter(|_| name.ends_with(".yaml") || name.ends_with(".yml")).map(str::to_owned);
            removals.extend(object.map(|text| Removal { commit, name, is_link, text }));
        }
    }
    removals
}
