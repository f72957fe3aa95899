//! Finding `sallyport.lock` for the files that a command is given.
//!
//! # Design
//! A lock may be beside one gateway's files, or above those of all gateways. So each argument has the nearest lock: in its
//! folder, or in one above it up to the working directory. `build a b`, `build .` and `build a/egress.yaml` then find the
//! same lock in the working directory. Nothing above the working directory is read, so that what is built does not depend on
//! where a checkout is; files outside of it have a lock beside them, or in the folder that they have in common.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use sallyport_manifest::{BuildError, Lock, LockFile};

use crate::exit::{Exit, Failure, IoErrorText};
use crate::printable::{is_device, printable, quoted_path};

/// What a search found.
#[derive(Debug)]
pub(crate) struct Search {
    /// Where a lock would be, for each folder of the arguments.
    pub(crate) looked_for: Vec<PathBuf>,
    /// Where `image push` puts a lock that the next build of these arguments reads, and a build of their common folder, too.
    pub(crate) file: PathBuf,
    /// A lock that is not one of those, although it is near.
    pub(crate) unread: Option<PathBuf>,
    /// The lock with its place, or why one cannot be used.
    pub(crate) found: Result<Option<(PathBuf, LockFile)>, (PathBuf, BuildError)>,
}

/// Reads the lock of the files that the arguments name, without a leading `./`. If there are several, they must agree.
/// `files`: those that were read.
pub(crate) fn find<'f>(arguments: &[PathBuf], files: impl Iterator<Item = &'f Path>) -> Search {
    let (folders, common, ladders) = ladders(arguments);
    let looked_for = each_once(&ladders);
    let near = std::iter::once(PathBuf::new()).chain(files.filter_map(|file| file.parent().map(Path::to_owned)));
    let mut near = near.map(|folder| folder.join(Lock::FILE));
    let unread = near.find(|path| !looked_for.contains(path) && path.is_file());
    let found = nearest(&ladders);
    let here = common.or_else(|| folders.first().cloned()).unwrap_or_default();
    let file = match &found {
        Ok(Some((path, _))) | Err((path, _)) if path.starts_with(&here) => path.clone(),
        _ => here.join(Lock::FILE),
    };
    Search { looked_for, file, unread, found }
}

/// Where a lock is looked for; none is read.
pub(crate) fn places(arguments: &[PathBuf]) -> Vec<PathBuf> {
    let (_, _, ladders) = ladders(arguments);
    each_once(&ladders)
}

/// The folders of the arguments, the one that they have in common, and where the lock of each may be.
fn ladders(arguments: &[PathBuf]) -> (Vec<PathBuf>, Option<PathBuf>, Vec<Vec<PathBuf>>) {
    let folders: Vec<_> = arguments.iter().map(|path| folder(path)).collect();
    let common = common(&folders);
    let ladders = folders.iter().map(|folder| ladder(folder, common.as_deref())).collect();
    (folders, common, ladders)
}

fn each_once(ladders: &[Vec<PathBuf>]) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = Vec::new();
    for path in ladders.iter().flatten() {
        if !places.contains(path) {
            places.push(path.clone());
        }
    }
    places
}

/// Why a lock cannot be used, as the end of a command.
pub(crate) fn unusable(error: BuildError, exit: Exit) -> Failure {
    let failure = Failure::new(exit, error.message);
    match error.help {
        Some(help) => failure.with_help(help),
        None => failure,
    }
}

/// The one lock that the nearest ones of all arguments are.
fn nearest(ladders: &[Vec<PathBuf>]) -> Result<Option<(PathBuf, LockFile)>, (PathBuf, BuildError)> {
    let mut found: BTreeMap<&Path, LockFile> = BTreeMap::new();
    for ladder in ladders {
        for path in ladder {
            if found.contains_key(path.as_path()) {
                break;
            }
            if let Some(lock) = read(path).map_err(|error| (path.clone(), error))? {
                found.insert(path, lock);
                break;
            }
        }
    }
    agreed(found.into_iter().map(|(path, lock)| (path.to_owned(), lock)))
}

/// The first of several locks, which must agree.
pub(crate) fn agreed(
    mut found: impl Iterator<Item = (PathBuf, LockFile)>,
) -> Result<Option<(PathBuf, LockFile)>, (PathBuf, BuildError)> {
    let Some((path, lock)) = found.next() else { return Ok(None) };
    match found.find(|(_, other)| *other != lock) {
        None => Ok(Some((path, lock))),
        Some((other, two_locks)) => {
            let (one, two) = (printable(&path), printable(&other));
            let what = if two_locks.filter == lock.filter { "has another rollout" } else { "pins another image" };
            let error = BuildError::unusable_lock(
                &two,
                format!("it {what} than `{one}`, and all gateways of a build share one"),
                format!("remove one of `{one}` and `{two}`: the other then holds for all files"),
            );
            Err((other, error))
        }
    }
}

fn read(path: &Path) -> Result<Option<LockFile>, BuildError> {
    let name = printable(path);
    let unusable = |reason: String, help: String| BuildError::unusable_lock(&name, reason, help);
    let rewrite =
        || format!("run `sallyport image push REPOSITORY --lock {}`, which writes the file", quoted_path(path));
    // Opening a named pipe would block.
    let is_link = || fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    if fs::metadata(path).map_or_else(|_| is_link(), |metadata| !metadata.is_file()) {
        return Err(unusable("it is not a regular file".to_owned(), "remove it or move it away".to_owned()));
    }
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        // A part of the path that is a file has been reported as an argument that cannot be read.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(unusable(IoErrorText(&error).to_string(), rewrite())),
    };
    LockFile::parse(&text).map(Some).map_err(|error| unusable(error.to_string(), restore(path)))
}

/// How to mend a lock that cannot be read. What it had of a rollout is not known.
pub(crate) fn restore(path: &Path) -> String {
    let lock = quoted_path(path);
    format!(
        "correct it by hand, or take that of the last commit: `git checkout HEAD -- {lock}`; nothing else has the rollout in it. If there \
         never was one, remove the file: `sallyport image push REPOSITORY --lock {lock}` writes another one"
    )
}

/// The folder of an argument; the empty path is the working directory.
fn folder(path: &Path) -> PathBuf {
    let folder = if path.is_dir() { Some(path) } else { path.parent() };
    // Standard input may be named as a device, beside which there is no lock.
    folder.filter(|folder| *folder != Path::new(".") && !is_device(folder)).map(Path::to_owned).unwrap_or_default()
}

/// Where the lock of a folder may be, the nearest place first.
fn ladder(folder: &Path, common: Option<&Path>) -> Vec<PathBuf> {
    let top = if is_below(folder) { Some(Path::new("")) } else { common.filter(|common| folder.starts_with(common)) };
    let steps = folder.ancestors().take_while(|step| match top {
        Some(top) => step.starts_with(top),
        None => *step == folder,
    });
    steps.map(|step| step.join(Lock::FILE)).collect()
}

/// The nearest folder that all of these are in, if that can be said without looking.
fn common(folders: &[PathBuf]) -> Option<PathBuf> {
    let (first, others) = folders.split_first()?;
    let is_above = |step: &Path| {
        let rest = |folder: &PathBuf| folder.strip_prefix(step).is_ok_and(is_below);
        others.iter().all(rest) && rest(first)
    };
    let found = first.ancestors().find(|step| is_above(step))?;
    // A root is no place for a lock.
    (found.as_os_str().is_empty() || found.parent().is_some()).then(|| found.to_owned())
}

/// Whether the path leads downwards alone.
fn is_below(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(texts: &[&str]) -> Vec<PathBuf> {
        texts.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn the_common_folder_is_the_nearest_above_all() {
        for (folders, expected) in [
            (&["a"][..], Some("a")),
            (&["a", "b", "c"], Some("")),
            (&["d/a", "d/b"], Some("d")),
            (&["d/a", "d"], Some("d")),
            (&["", "a"], Some("")),
            (&["../x/a", "../x/b"], Some("../x")),
            (&["../a", "../b"], Some("..")),
            (&["/x/a", "/x/b"], Some("/x")),
            (&["/a", "/b"], None),
            (&["a", "../b"], None),
            (&["../a", "../../b"], None),
            (&["a", "/b"], None),
            (&[], None),
        ] {
            assert_eq!(common(&paths(folders)).as_deref(), expected.map(Path::new), "{folders:?}");
        }
    }

    #[test]
    fn a_lock_is_beside_the_files_or_above_them_but_not_above_the_working_directory() {
        let ladder = |folder: &str, common: Option<&str>| ladder(Path::new(folder), common.map(Path::new));
        let places = ["a/b/sallyport.lock", "a/sallyport.lock", "sallyport.lock"];
        assert_eq!(ladder("a/b", Some("a/b")), paths(&places));
        assert_eq!(ladder("", Some("")), paths(&["sallyport.lock"]));
        assert_eq!(ladder("..", Some("..")), paths(&["../sallyport.lock"]));
        assert_eq!(ladder("../x/a", Some("../x")), paths(&["../x/a/sallyport.lock", "../x/sallyport.lock"]));
        assert_eq!(ladder("/x/a", Some("/x")), paths(&["/x/a/sallyport.lock", "/x/sallyport.lock"]));
        assert_eq!(ladder("../b", None), paths(&["../b/sallyport.lock"]));
    }
}
