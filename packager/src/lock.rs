//! Finding `sallyport.lock` beside the files that a command is given.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sallyport_manifest::{BuildError, Lock};

use crate::exit::IoErrorText;
use crate::printable::printable;

/// What a search found.
#[derive(Debug)]
pub(crate) struct Search {
    /// Where a lock would be, for each folder of the arguments.
    pub(crate) looked_for: Vec<PathBuf>,
    /// The lock with its place, or why one cannot be used.
    pub(crate) found: Result<Option<(PathBuf, Lock)>, (PathBuf, BuildError)>,
}

/// Reads the lock beside the files that the arguments name. If there are several, they must agree.
pub(crate) fn find(arguments: &[PathBuf]) -> Search {
    let looked_for: Vec<_> = beside(arguments).into_iter().collect();
    let mut found: Option<(PathBuf, Lock)> = None;
    for path in &looked_for {
        match read(path, found.as_ref().map(|(_, lock)| lock)) {
            Ok(None) => {}
            Ok(Some(lock)) => found = Some((path.clone(), lock)),
            Err(error) => return Search { found: Err((path.clone(), error)), looked_for },
        }
    }
    Search { looked_for, found: Ok(found) }
}

fn read(path: &Path, other: Option<&Lock>) -> Result<Option<Lock>, BuildError> {
    let unusable = |reason: String| BuildError::unusable_lock(&printable(path), reason);
    // Opening a named pipe would block.
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(unusable("it is not a regular file".to_owned()));
    }
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(IoErrorText(&error).to_string())),
    };
    let lock = Lock::parse(&text).map_err(|error| unusable(error.to_string()))?;
    match other {
        Some(other) if *other != lock => Err(unusable("it differs from another lock beside these files".to_owned())),
        _ => Ok(Some(lock)),
    }
}

fn beside(arguments: &[PathBuf]) -> BTreeSet<PathBuf> {
    let folder = |path: &PathBuf| match path.parent() {
        _ if path.is_dir() => path.clone(),
        Some(parent) => parent.to_owned(),
        None => PathBuf::new(),
    };
    let lock = |path: &PathBuf| match folder(path) {
        here if here == Path::new(".") => PathBuf::from(Lock::FILE),
        folder => folder.join(Lock::FILE),
    };
    arguments.iter().map(lock).collect()
}
