//! Files as git would store them: what its filters make of them (`clean`, line ends) is compared, not their bytes.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use sallyport_egress::has_kind;
use sallyport_manifest::Lock;

use super::git::{LINK, ask, folder_of, run, show_itself};
use crate::exit::Failure;
use crate::input;

/// Files whose objects are asked for at once: their names fit into a command line.
const AT_ONCE: usize = 200;
/// The kinds that decide over a rollout.
const DECIDING: [&str; 4] = ["Rollout", "Mesh", "Egress", "Candidate"];

/// A file that the last commit has.
struct Entry {
    is_link: bool,
    object: String,
    /// Below the folder that was asked for.
    name: PathBuf,
}

/// Whether the file is as the last commit has it: not there, if that has none. Of a link, what it leads to must be, too.
pub(super) fn is_committed(path: &Path) -> Result<bool, Failure> {
    let committed = show_itself("HEAD", path)?;
    match fs::read_link(path) {
        Ok(target) if committed.as_deref() == Some(target.as_os_str().as_encoded_bytes()) => {
            fs::canonicalize(path).map_or(Ok(false), |target| is_committed(&target))
        }
        Ok(_) => Ok(false),
        Err(_) => is_stored(path, committed.as_deref()),
    }
}

/// Of these files, those that are not as the last commit has them.
pub(super) fn not_as_committed(files: impl IntoIterator<Item = PathBuf>) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for file in files {
        if !is_committed(&file)? {
            found.push(file);
        }
    }
    Ok(found)
}

/// Whether git would store the file as these bytes. `committed`: `None`: it has none.
///
/// # Errors
/// Fails if git cannot say what it makes of the file.
fn is_stored(path: &Path, committed: Option<&[u8]>) -> Result<bool, Failure> {
    match (fs::read(path).ok(), committed) {
        (Some(now), Some(committed)) if now != committed => {
            let object = printed(path, &["hash-object", "--stdin"], committed)?;
            Ok(object_of(path)?.is_some_and(|now| now == object))
        }
        (now, committed) => Ok(now.as_deref() == committed),
    }
}

/// The object as which git would store a file; of a link, the link. `None`: it is not there.
pub(super) fn object_of(path: &Path) -> Result<Option<String>, Failure> {
    match (fs::read_link(path), path.file_name()) {
        (Ok(target), _) => printed(path, &["hash-object", "--stdin"], target.as_os_str().as_encoded_bytes()).map(Some),
        (Err(_), Some(name)) if path.exists() => Ok(hashed(path, &[Path::new(name)])?.pop()),
        (Err(_), _) => Ok(None),
    }
}

/// The objects of files in the folder of `near`, in their order.
fn hashed(near: &Path, names: &[&Path]) -> Result<Vec<String>, Failure> {
    let words = ["hash-object", "--"].map(OsStr::new).into_iter();
    let words: Vec<&OsStr> = words.chain(names.iter().map(|name| name.as_os_str())).collect();
    Ok(String::from_utf8_lossy(&ask(near, &words, b"")?).lines().map(str::to_owned).collect())
}

fn printed(near: &Path, words: &[&str], input: &[u8]) -> Result<String, Failure> {
    Ok(String::from_utf8_lossy(&ask(near, words, input)?).trim().to_owned())
}

/// The files below the folder of a lock that decide over its rollout as the last commit has them, and that the disk has otherwise, or
/// not at all. Those that are nearer to another lock are not among them.
///
/// # Errors
/// Fails if git cannot say what it has.
pub(super) fn changed_below(lock: &Path) -> Result<Vec<PathBuf>, Failure> {
    let folder = folder_of(lock);
    if run(&folder, &["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], b"").is_err() {
        return Ok(Vec::new());
    }
    let listed = ask(lock, &["ls-tree", "-r", "-z", "HEAD"], b"")?;
    let entries: Vec<Entry> = listed.split(|byte| *byte == 0).filter_map(entry).collect();
    let locks: Vec<&Path> = entries
        .iter()
        .filter(|entry| entry.name.file_name().is_some_and(|name| name == Lock::FILE))
        .filter_map(|entry| entry.name.parent())
        .filter(|above| !above.as_os_str().is_empty())
        .collect();
    let is_own = |entry: &&Entry| {
        let is_yaml = entry.name.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        is_yaml && !entry.name.ancestors().skip(1).any(|above| locks.contains(&above))
    };
    let own: Vec<&Entry> = entries.iter().filter(is_own).collect();
    let mut changed = Vec::new();
    for entry in otherwise(lock, &folder, &own)? {
        // What a link led to is not known of the link.
        let decides = entry.is_link || {
            let committed = ask(lock, &["cat-file", "blob", &entry.object], b"")?;
            has_kind(&input::text_of(&committed), &DECIDING)
        };
        if decides {
            changed.push(input::relative(&folder.join(&entry.name)));
        }
    }
    Ok(changed)
}

/// `MODE blob OBJECT<tab>NAME`.
fn entry(listed: &[u8]) -> Option<Entry> {
    let tab = listed.iter().position(|byte| *byte == b'\t')?;
    let (columns, name) = listed.split_at_checked(tab)?;
    let mut columns = std::str::from_utf8(columns).ok()?.split(' ');
    let (mode, kind, object) = (columns.next()?, columns.next()?, columns.next()?);
    let name = path_of(name.split_first()?.1);
    (kind == "blob").then(|| Entry { is_link: mode == LINK, object: object.to_owned(), name })
}

#[cfg(unix)]
fn path_of(name: &[u8]) -> PathBuf {
    PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name))
}

#[cfg(not(unix))]
fn path_of(name: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(name).into_owned())
}

/// The files that git would store otherwise.
fn otherwise<'e>(lock: &Path, folder: &Path, entries: &[&'e Entry]) -> Result<Vec<&'e Entry>, Failure> {
    let mut found = Vec::new();
    let (mut files, mut links) = (Vec::new(), Vec::new());
    for entry in entries {
        let path = folder.join(&entry.name);
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_symlink() && entry.is_link => links.push((*entry, path)),
            Ok(metadata) if metadata.is_file() && !entry.is_link => files.push(*entry),
            _ => found.push(*entry),
        }
    }
    for (entry, path) in links {
        if object_of(&path)?.as_ref() != Some(&entry.object) {
            found.push(entry);
        }
    }
    for some in files.chunks(AT_ONCE) {
        let names: Vec<&Path> = some.iter().map(|entry| entry.name.as_path()).collect();
        let objects = hashed(lock, &names)?;
        found.extend(
            some.iter().zip(&objects).filter(|(entry, object)| entry.object != **object).map(|(entry, _)| *entry),
        );
    }
    Ok(found)
}
