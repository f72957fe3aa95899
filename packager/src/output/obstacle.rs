//! What stands where `build` would read or write. Nothing here opens a file: opening a named pipe would block.

use std::collections::BTreeSet;
use std::fs::{self, FileType};
use std::io;
use std::path::Path;

use crate::exit::{Exit, Failure};
use crate::printable::printable;

/// Fails if the output folder is something else.
pub(super) fn check_root(root: &Path) -> Result<(), Failure> {
    match fs::metadata(root) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(metadata) => Err(in_the_way(root, &format!("is {}, not a folder", kind(metadata.file_type())), 0)),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::read(root, &error)),
        Err(_) if fs::symlink_metadata(root).is_ok() => {
            Err(in_the_way(root, "is a symbolic link to a folder that does not exist", 0))
        }
        Err(_) => Ok(()),
    }
}

/// Fails if one of these paths leads through a symbolic link below the output folder, or is not a regular file. The output
/// folder itself may be a link.
pub(super) fn check_files<'n>(root: &Path, names: impl Iterator<Item = &'n str>) -> Result<(), Failure> {
    let files: BTreeSet<_> = names.collect();
    let parents = |name: &'n str| name.match_indices('/').filter_map(|(end, _)| name.get(..end));
    let folders: BTreeSet<_> = files.iter().flat_map(|name| parents(name)).collect();
    let mut found = Vec::new();
    let paths = folders.into_iter().map(|folder| (folder, true)).chain(files.into_iter().map(|file| (file, false)));
    for (name, is_folder) in paths {
        let path = root.join(name);
        match fs::symlink_metadata(&path) {
            Ok(metadata) => found.extend(obstacle(metadata.file_type(), is_folder).map(|what| (path, what))),
            // A parent that is a file is an obstacle of its own.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            Err(error) => return Err(Failure::read(&path, &error)),
        }
    }
    match found.split_first() {
        None => Ok(()),
        Some(((path, what), others)) => Err(in_the_way(path, what, others.len())),
    }
}

/// A failure about a path, and about how many others.
pub(super) fn in_the_way(path: &Path, what: &str, others: usize) -> Failure {
    let others = if others == 0 { String::new() } else { format!(" (and {others} more)") };
    Failure::new(Exit::Io, format!("`{}` {what}{others}", printable(path)))
        .with_help("remove it or move it away, or use another output folder")
}

fn obstacle(found: FileType, is_folder: bool) -> Option<String> {
    if found.is_symlink() {
        return Some("is a symbolic link, and links inside the output folder are not followed".to_owned());
    }
    let (is_right, wanted) = if is_folder { (found.is_dir(), "folder") } else { (found.is_file(), "file") };
    (!is_right).then(|| format!("is {}, where `build` has a {wanted}", kind(found)))
}

fn kind(found: FileType) -> &'static str {
    if found.is_dir() {
        return "a folder";
    }
    if found.is_file() {
        return "a file";
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if found.is_fifo() {
            return "a named pipe";
        }
        if found.is_socket() {
            return "a socket";
        }
    }
    "a device"
}
