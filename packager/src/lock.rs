//! Finding `sallyport.lock` beside the files that a command is given.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sallyport_manifest::{BuildError, Lock};

use crate::exit::IoErrorText;
use crate::printable::printable;

/// Reads the lock beside the files that the arguments name. If there are several, they must agree.
pub(crate) fn find(arguments: &[PathBuf]) -> Result<Option<Lock>, BuildError> {
    let mut found: Option<Lock> = None;
    for path in beside(arguments) {
        let unusable = |reason: String| BuildError::unusable_lock(&printable(&path), reason);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(unusable(IoErrorText(&error).to_string())),
        };
        let lock = Lock::parse(&text).map_err(|error| unusable(error.to_string()))?;
        if found.as_ref().is_some_and(|other| *other != lock) {
            return Err(unusable("it differs from another lock beside these files".to_owned()));
        }
        found = Some(lock);
    }
    Ok(found)
}

fn beside(arguments: &[PathBuf]) -> BTreeSet<PathBuf> {
    let folder = |path: &PathBuf| match path.parent() {
        _ if path.is_dir() => path.clone(),
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    arguments.iter().map(|path| folder(path).join(Lock::FILE)).collect()
}
