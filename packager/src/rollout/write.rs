//! Files that are replaced in one step ([`replace_file`]), and only if they still are what was read.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::exit::{Exit, Failure};
use crate::output::{First, folder_of, replace_file, sync};
use crate::printable::printable;

/// A file that is being written. The next write removes those that a kill has left.
const PREFIX: &str = ".sallyport-rollout-";

/// What writes files; tests let it fail.
pub(crate) trait Writer {
    /// Asked before the first write, with every file that is written or that a commit has with it.
    fn begin(&mut self, _files: &[&Path]) -> Result<(), Failure> {
        Ok(())
    }

    /// Whether the files are committed then.
    fn commits(&self) -> bool {
        false
    }

    /// Replaces a file in one step, if it is `old` (`None`: not there).
    fn replace(&mut self, path: &Path, old: Option<&[u8]>, new: &[u8]) -> Result<(), Failure>;

    /// Removes a file, if it is `old`.
    fn remove(&mut self, path: &Path, old: &[u8]) -> Result<(), Failure>;

    /// Makes a link, where nothing is.
    fn link(&mut self, path: &Path, target: &Path) -> Result<(), Failure> {
        let made = fs::create_dir_all(folder_of(path)).and_then(|()| symlink(target, path));
        made.map_err(|error| Failure::write(path, &error))
    }
}

/// The file system.
pub(crate) struct Disk;

impl Writer for Disk {
    fn replace(&mut self, path: &Path, old: Option<&[u8]>, new: &[u8]) -> Result<(), Failure> {
        // A link stays one.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let folder = folder_of(&target);
        let failed = |error: io::Error| Failure::write(path, &error);
        // Git has no folder without a file.
        fs::create_dir_all(folder).map_err(failed)?;
        let _guard = alone(folder).map_err(failed)?;
        refuse_moved(path, &target, old)?;
        replace_file(&target, PREFIX, new, First::OneStep).map_err(failed)
    }

    fn remove(&mut self, path: &Path, old: &[u8]) -> Result<(), Failure> {
        let folder = folder_of(path);
        let failed = |error: io::Error| Failure::write(path, &error);
        let _guard = alone(folder).map_err(failed)?;
        refuse_moved(path, path, Some(old))?;
        fs::remove_file(path).and_then(|()| sync(folder)).map_err(failed)
    }
}

#[cfg(unix)]
fn symlink(target: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

/// Links need rights of their own there.
#[cfg(not(unix))]
fn symlink(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Waits until no other process writes here. A kill ends the wait of others: the system holds the lock for the process.
#[cfg(unix)]
fn alone(folder: &Path) -> io::Result<File> {
    let handle = File::open(folder)?;
    handle.lock()?;
    for entry in fs::read_dir(folder)?.flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            // If it cannot be removed, it is in nobody's way.
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(handle)
}

/// A folder cannot be opened there.
#[cfg(not(unix))]
fn alone(_: &Path) -> io::Result<()> {
    Ok(())
}

fn refuse_moved(path: &Path, target: &Path, old: Option<&[u8]>) -> Result<(), Failure> {
    let now = match fs::read(target) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(Failure::read(path, &error)),
    };
    if now.as_deref() == old {
        return Ok(());
    }
    let name = printable(path);
    let what = if name.ends_with("sallyport.lock") { "the lock has moved" } else { "a file has changed meanwhile" };
    let message = format!("{what}: `{name}` is not what it was when this command read it");
    Err(Failure::new(Exit::Blocked, message)
        .with_help("`sallyport plan` says where the gateways stand now; then run the command again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_only_if_it_is_what_was_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sallyport.lock");
        Disk.replace(&path, None, b"one").unwrap();
        let moved = Disk.replace(&path, None, b"two").unwrap_err();
        assert_eq!(moved.exit, Exit::Blocked);
        assert!(moved.message.starts_with("the lock has moved: `"), "{}", moved.message);
        Disk.replace(&path, Some(b"one"), b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(Disk.remove(&path, b"one").unwrap_err().exit, Exit::Blocked);
        Disk.remove(&path, b"two").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_a_kill_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".sallyport-rollout-abc"), "half").unwrap();
        Disk.replace(&folder.path().join("a"), None, b"one").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    /// Of many that have read the same, one writes.
    #[test]
    fn one_of_many_wins() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sallyport.lock");
        fs::write(&path, "old").unwrap();
        let write = |number: usize| Disk.replace(&path, Some(b"old"), number.to_string().as_bytes()).is_ok();
        let winners: Vec<usize> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16).map(|number| scope.spawn(move || write(number))).collect();
            threads.into_iter().enumerate().filter_map(|(at, thread)| thread.join().unwrap().then_some(at)).collect()
        });
        assert_eq!(winners.len(), 1);
        assert_eq!(fs::read_to_string(&path).unwrap(), winners[0].to_string());
    }
}
