//! The output folder of `build`. Files that have changed are written, obsolete files of an earlier build are removed if the
//! user asks for it, and all others are left alone.
//!
//! # Invariants
//! - Nothing outside the folder is written or removed: a symbolic link in it is refused, not followed.
//! - A file that `build` has not written is not overwritten. One that it has written is, edited or not: its first line says so.
//! - Nothing but regular files is opened, so nothing blocks.

mod obstacle;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sallyport_manifest::MADE_BY;
use similar::TextDiff;

use crate::exit::{Exit, Failure};
use crate::printable::printable;
use crate::record::Record;
use obstacle::{check_files, check_root, in_the_way};

/// How a folder differs from the files of a build.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) missing: BTreeSet<String>,
    /// With the text that they had.
    pub(crate) changed: BTreeMap<String, String>,
    /// Written by an earlier build, but not part of this one, with their text.
    pub(crate) stale: BTreeMap<String, String>,
    /// Whether the stale files were removed.
    pub(crate) is_pruned: bool,
}

impl Difference {
    pub(crate) fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.changed.is_empty() && self.stale.is_empty()
    }

    /// How many files `write` writes.
    pub(crate) fn written(&self) -> usize {
        self.missing.len().saturating_add(self.changed.len())
    }

    /// How many files `write` removed.
    pub(crate) fn removed(&self) -> usize {
        if self.is_pruned { self.stale.len() } else { 0 }
    }

    /// Whether this file is written.
    pub(crate) fn writes(&self, name: &str) -> bool {
        self.missing.contains(name) || self.changed.contains_key(name)
    }

    /// One line per file, sorted by kind of difference and name.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        let Difference { missing, changed, stale, is_pruned: _ } = self;
        let missing = missing.iter().map(|file| format!("missing {file}"));
        let changed = changed.keys().map(|file| format!("changed {file}"));
        missing.chain(changed).chain(stale.keys().map(|file| format!("stale {file}")))
    }
}

/// What the last build wrote into the folder, `None` if there is no folder or nothing in it. Fails for a folder that is not
/// an output folder.
pub(crate) fn recorded(root: &Path) -> Result<Option<Record>, Failure> {
    check_root(root)?;
    check_files(root, std::iter::once(Record::FILE))?;
    let record = root.join(Record::FILE);
    match Record::read(root) {
        Ok(Some(record)) => Ok(Some(record)),
        Ok(None) => match fs::read_dir(root).map(Iterator::count) {
            Ok(1..) => {
                let message = format!("`{}` is not empty, and was not written by `sallyport build`", printable(root));
                Err(Failure::new(Exit::Io, message).with_help("use a new or empty folder"))
            }
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::read(root, &error)),
        },
        Err(error) => Err(Failure::read(&record, &error)),
    }
}

/// Compares without writing.
pub(crate) fn compare(root: &Path, files: &BTreeMap<String, String>) -> Result<Difference, Failure> {
    let listed = recorded(root)?.unwrap_or_default().files;
    check_files(root, files.keys().chain(&listed).map(String::as_str))?;
    let mut difference = Difference::default();
    let mut foreign = Vec::new();
    for (name, text) in files {
        let path = root.join(name);
        match fs::read(&path) {
            Ok(bytes) if bytes == text.as_bytes() => {}
            Ok(bytes) if !listed.contains(name) && !is_made_by_build(&bytes) => foreign.push(path),
            Ok(bytes) => drop(difference.changed.insert(name.clone(), lossy(&bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => drop(difference.missing.insert(name.clone())),
            Err(error) => return Err(Failure::read(&path, &error)),
        }
    }
    if let Some((path, others)) = foreign.split_first() {
        let what = "was not written by `sallyport build`, which would overwrite it";
        return Err(in_the_way(path, what, others.len()));
    }
    for name in listed.into_iter().filter(|name| !files.contains_key(name)) {
        let path = root.join(&name);
        match fs::read(&path) {
            Ok(bytes) => drop(difference.stale.insert(name, lossy(&bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::read(&path, &error)),
        }
    }
    Ok(difference)
}

/// A file of an earlier build may have been edited.
fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A file that the record does not have, after a merge perhaps, is known by the words at its head.
fn is_made_by_build(bytes: &[u8]) -> bool {
    const HEAD: usize = 256;
    String::from_utf8_lossy(bytes.get(..HEAD).unwrap_or(bytes)).contains(MADE_BY)
}

/// What would change, as a unified diff, with the files that `--prune` would remove.
pub(crate) fn diff(files: &BTreeMap<String, String>, difference: &Difference) -> String {
    let Difference { missing, changed, stale, is_pruned: _ } = difference;
    let names: BTreeSet<_> = missing.iter().chain(changed.keys()).chain(stale.keys()).collect();
    let mut text = String::new();
    for name in names {
        let (old, new) = (changed.get(name).or_else(|| stale.get(name)), files.get(name));
        let header = |side: &str, is_there: bool| {
            if is_there { format!("{side}/{name}") } else { "/dev/null".to_owned() }
        };
        let (before, after) = (header("a", old.is_some()), header("b", new.is_some()));
        let lines = TextDiff::from_lines(old.map_or("", String::as_str), new.map_or("", String::as_str));
        text.push_str(&lines.unified_diff().header(&before, &after).to_string());
    }
    text
}

/// Writes the files into the folder, each in one step. `prune`: and removes those that are no longer built.
pub(crate) fn write(
    root: &Path,
    files: &BTreeMap<String, String>,
    options: &[String],
    prune: bool,
) -> Result<Difference, Failure> {
    let mut difference = compare(root, files)?;
    let record = |names: BTreeSet<String>| Record { files: names, options: options.to_vec() }.render();
    create(root)?;
    // The record is written first, so that the next build knows every file even if this one is interrupted.
    replace(root, Record::FILE, &record(files.keys().chain(difference.stale.keys()).cloned().collect()))?;
    let folders: BTreeSet<_> =
        files.keys().filter_map(|name| name.rsplit_once('/')).map(|(folder, _)| folder).collect();
    folders.iter().try_for_each(|folder| create(&root.join(folder)))?;
    for name in difference.missing.iter().chain(difference.changed.keys()) {
        if let Some(text) = files.get(name) {
            replace(root, name, text)?;
        }
    }
    for name in difference.stale.keys().filter(|_| prune) {
        let path = root.join(name);
        fs::remove_file(&path).map_err(|error| Failure::write(&path, &error))?;
        if let Some(folder) = path.parent().filter(|folder| *folder != root) {
            // This fails if the folder is not empty, which is intended.
            let _ = fs::remove_dir(folder);
        }
    }
    if prune && !difference.stale.is_empty() {
        replace(root, Record::FILE, &record(files.keys().cloned().collect()))?;
        difference.is_pruned = true;
    }
    Ok(difference)
}

fn create(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| Failure::write(folder, &error))
}

/// Replaces a file in one step: a reader sees the old content or the new one.
fn replace(root: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let path: PathBuf = root.join(name);
    if fs::read(&path).is_ok_and(|bytes| bytes == text.as_bytes()) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(root);
    let written = new_file(folder, ".sallyport-").and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.persist(&path).map_err(|error| error.error)
    });
    written.map(drop).map_err(|error| Failure::write(&path, &error))
}

/// Replaces the content of a file in one step, if it still is `old`. The file keeps its permissions and its owner, and a link stays
/// a link: one that cannot be replaced so is written in place ([`First::Identity`]). A read-only file is refused.
pub(crate) fn rewrite(path: &Path, old: &[u8], new: &[u8]) -> Result<(), Failure> {
    let target = fs::canonicalize(path).map_err(|error| Failure::read(path, &error))?;
    let metadata = fs::metadata(&target).map_err(|error| Failure::read(path, &error))?;
    if !metadata.is_file() {
        return Err(Failure::new(Exit::Io, format!("`{}` cannot be written: it is not a file", printable(path))));
    }
    if metadata.permissions().readonly() {
        let failure = Failure::new(Exit::Io, format!("`{}` cannot be written: it is read-only", printable(path)));
        return Err(failure.with_help("make it writable, or leave it out"));
    }
    if fs::read(&target).map_err(|error| Failure::read(path, &error))? != old {
        let failure = Failure::new(Exit::Io, format!("`{}` has changed since it was read", printable(path)));
        return Err(failure.with_help("run the command again"));
    }
    // Who may not write to a file does not replace it either.
    let allowed = fs::OpenOptions::new().write(true).open(&target);
    allowed
        .and_then(|_| replace_file(&target, ".sallyport-", new, First::Identity))
        .map_err(|error| Failure::write(path, &error))
}

/// What comes first where a file has other hard links or is mounted by itself, where its owner cannot be kept, or where no file can be
/// made in its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// It stays the file that it was, and is written in place.
    Identity,
    /// It is replaced in one step or not at all, so that a kill leaves the old content or the new one.
    OneStep,
}

/// Makes a file, or replaces its content in one step, and waits until that is on the disk. The file keeps its permissions and, as
/// far as `first` lets it, its owner. `target` is not a link. `prefix`: how the name of the new file begins until it takes the
/// place of the old one.
pub(crate) fn replace_file(target: &Path, prefix: &str, new: &[u8], first: First) -> io::Result<()> {
    match in_one_step(target, prefix, new, first) {
        Err(error) if first == First::Identity && is_of_place(&error) && target.is_file() => in_place(target, new),
        done => done,
    }
}

/// Whether an error is one of the folder: no file can be made in it, or none takes the place of one that is mounted there.
fn is_of_place(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::ResourceBusy
    )
}

fn in_place(target: &Path, new: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).truncate(true).open(target)?;
    file.write_all(new)?;
    file.sync_all()
}

fn in_one_step(target: &Path, prefix: &str, new: &[u8], first: First) -> io::Result<()> {
    let folder = folder_of(target);
    let mut file = new_file(folder, prefix)?;
    match fs::metadata(target) {
        Ok(old) if !keeps_owner(file.as_file(), &old) && first == First::Identity => {
            return in_place(target, new);
        }
        Ok(old) => file.as_file().set_permissions(old.permissions())?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    file.write_all(new)?;
    file.as_file().sync_all()?;
    file.persist(target).map_err(|error| error.error)?;
    sync(folder)
}

/// The folder that a file is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Only then a crash of the machine cannot undo what was done in the folder.
pub(crate) fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Gives a new file the owner of the one that it replaces. `false`: that is not possible, or the old one has other names, which
/// would keep the old content.
#[cfg(unix)]
fn keeps_owner(new: &fs::File, old: &fs::Metadata) -> bool {
    use std::os::unix::fs::{MetadataExt, fchown};
    let is_same = |new: fs::Metadata| (new.uid(), new.gid()) == (old.uid(), old.gid());
    old.nlink() < 2 && (new.metadata().is_ok_and(is_same) || fchown(new, Some(old.uid()), Some(old.gid())).is_ok())
}

#[cfg(not(unix))]
fn keeps_owner(_new: &fs::File, _old: &fs::Metadata) -> bool {
    true
}

/// With the permissions of an ordinary new file: a temporary file would be readable by its owner only.
fn new_file(folder: &Path, prefix: &str) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_file_keeps_its_permissions_and_its_other_names() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let replace = |new: &[u8], first: First| replace_file(&path, ".new-", new, first).unwrap();
        replace(b"one", First::Identity);
        fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        replace(b"two", First::Identity);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        fs::hard_link(&path, folder.path().join("b")).unwrap();
        let both = || [&path, &folder.path().join("b")].map(|path| fs::read_to_string(path).unwrap());
        replace(b"3", First::Identity);
        assert_eq!(both(), ["3", "3"]);
        replace(b"4", First::OneStep);
        assert_eq!(both(), ["4", "3"]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_folder_has_the_built_files_and_others_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let files = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), format!("{name}\n"))).collect();
        let first: BTreeMap<_, _> = files(&["a/1", "a/2", "b/1"]);
        assert_eq!(compare(&out, &first).unwrap().missing.len(), 3);
        assert!(!out.exists());
        write(&out, &first, &[], false).unwrap();
        assert!(write(&out, &first, &[], true).unwrap().is_empty());
        fs::write(out.join("a/mine"), "").unwrap();
        let second: BTreeMap<_, _> = files(&["a/1"]);
        fs::write(out.join("a/1"), "edited").unwrap();
        let kept = write(&out, &second, &[], false).unwrap();
        assert_eq!(kept.stale.into_keys().collect::<Vec<_>>(), ["a/2", "b/1"]);
        assert!(out.join("a/2").exists() && out.join("b/1").exists());
        fs::write(out.join("a/1"), "edited").unwrap();
        let diff = diff(&second, &compare(&out, &second).unwrap());
        let expected = "--- a/a/1\n+++ b/a/1\n@@ -1 +1 @@\n-edited\n\\ No newline at end of file\n+a/1\n\
                        --- a/a/2\n+++ /dev/null\n@@ -1 +0,0 @@\n-a/2\n--- a/b/1\n+++ /dev/null\n@@ -1 +0,0 @@\n-b/1\n";
        assert_eq!(diff, expected);
        let difference = write(&out, &second, &[], true).unwrap();
        assert_eq!(difference.lines().collect::<Vec<_>>(), ["changed a/1", "stale a/2", "stale b/1"]);
        assert!(out.join("a/mine").exists() && !out.join("b").exists());
        assert!(compare(folder.path(), &second).is_err(), "a foreign folder");
    }
}
