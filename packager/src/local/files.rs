//! The directory of a session: its layout, and writing files safely.

use std::fs::{self, DirBuilder, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::exit::{Exit, Failure};
use crate::printable::printable;
use crate::reading;

/// The paths of all files. It does not access them.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// What is for one gateway.
    root: PathBuf,
    /// What all gateways of the session share: the authority, the callers' certificates, and the module.
    shared: PathBuf,
}

impl Layout {
    /// For a session with one gateway.
    pub(crate) fn new(root: PathBuf) -> Self {
        Layout { shared: root.clone(), root }
    }

    /// For one of several gateways.
    pub(crate) fn of(&self, gateway: &str) -> Self {
        Layout { root: self.shared.join(gateway), shared: self.shared.clone() }
    }

    /// Creates the directory of the gateway.
    pub(crate) fn make(&self) -> Result<(), Failure> {
        make_directory(&self.root)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.shared.join("ca.pem")
    }

    pub(crate) fn ca_key(&self) -> PathBuf {
        self.shared.join("ca.key")
    }

    /// The gateway's certificate for a host. Envoy reads a certificate only if its path is new, so each host has its own.
    pub(crate) fn gateway(&self, host: &str) -> Pair {
        Pair::new(&self.root.join("gateway"), host)
    }

    pub(crate) fn caller(&self, stem: &str) -> Pair {
        Pair::new(&self.shared.join("callers"), stem)
    }

    /// One directory for each kind of resource, because a change makes Envoy read every file in a directory again.
    pub(crate) fn discovery(&self, kind: &str) -> PathBuf {
        self.root.join("xds").join(kind).join(format!("{kind}.json"))
    }

    pub(crate) fn module(&self) -> PathBuf {
        self.shared.join("sallyport_filter.wasm")
    }

    pub(crate) fn bootstrap(&self) -> PathBuf {
        self.root.join("bootstrap.json")
    }

    pub(crate) fn admin_address(&self) -> PathBuf {
        self.root.join("admin.address")
    }

    pub(crate) fn envoy_log(&self) -> PathBuf {
        self.root.join("envoy.log")
    }

    /// What upstreams did not answer.
    pub(crate) fn failure_log(&self) -> PathBuf {
        self.root.join("failures.log")
    }

    pub(crate) fn access_log(&self) -> PathBuf {
        self.root.join("access.log")
    }
}

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Pair {
    fn new(directory: &Path, stem: &str) -> Self {
        Pair { certificate: directory.join(format!("{stem}.pem")), key: directory.join(format!("{stem}.key")) }
    }
}

/// The directory of a session, which is locked, and removed at the end unless the user named it.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) layout: Layout,
    /// Kept until the end: dropping it releases the lock, and dropping the guard removes the directory.
    _lock: fs::File,
    _temporary: Option<tempfile::TempDir>,
}

impl Workspace {
    /// Opens the directory that the user named, or creates a temporary one that only this user can access.
    pub(crate) fn open(directory: Option<&Path>) -> Result<Self, Failure> {
        let temporary = match directory {
            Some(_) => None,
            None => {
                let private = Permissions::from_mode(0o700);
                let made = tempfile::Builder::new().prefix("sallyport-").permissions(private).tempdir();
                Some(made.map_err(|error| Failure::write(&std::env::temp_dir(), &error))?)
            }
        };
        let named = directory.or(temporary.as_ref().map(tempfile::TempDir::path)).unwrap_or(Path::new("."));
        make_directory(named)?;
        let root = fs::canonicalize(named).map_err(|error| Failure::write(named, &error))?;
        refuse_foreign(named, &root)?;
        let lock = lock(&root.join(LOCK))?;
        Ok(Workspace { layout: Layout::new(root), _lock: lock, _temporary: temporary })
    }

    /// Whether the directory is removed at the end.
    pub(crate) fn is_temporary(&self) -> bool {
        self._temporary.is_some()
    }
}

/// In a directory of others their files could be overwritten: `ca.key`, `bootstrap.json`.
fn refuse_foreign(named: &Path, root: &Path) -> Result<(), Failure> {
    let mut entries = fs::read_dir(root).map_err(|error| Failure::read(named, &error))?;
    if entries.next().is_none() || root.join(LOCK).is_file() {
        return Ok(());
    }
    let message = format!("`{}` is not empty, and was not made by `sallyport run`", printable(named));
    Err(Failure::new(Exit::Io, message).with_help("use a new or empty directory"))
}

/// The file by which one session at a time has the directory.
const LOCK: &str = "lock";

fn lock(path: &Path) -> Result<fs::File, Failure> {
    let open = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
    let file = open.map_err(|error| Failure::write(path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let directory = printable(path.parent().unwrap_or(path));
            Err(Failure::new(Exit::Io, format!("another `sallyport run` is using `{directory}`"))
                .with_help("use another --dir, or none"))
        }
        Err(TryLockError::Error(error)) => Err(Failure::write(path, &error)),
    }
}

fn make_directory(path: &Path) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| Failure::write(path, &error))
}

/// Reads a whole file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    reading::whole(path).map_err(|error| Failure::read(path, &error))
}

/// Replaces a file in one step, so that a reader sees the old content or the new one. Only this user can read it.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), Failure> {
    make_directory(path.parent().unwrap_or(Path::new(".")))?;
    try_replace(path, content).map_err(|error| Failure::write(path, &error))
}

fn try_replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&new)?;
    file.write_all(content)?;
    drop(file);
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::sleep;
    use std::time::Duration;

    #[test]
    fn only_the_user_can_read_what_is_written() {
        let workspace = Workspace::open(None).unwrap();
        let pair = workspace.layout.caller("a.b");
        replace(&pair.key, b"one").unwrap();
        replace(&pair.key, b"two").unwrap();
        assert_eq!(read(&pair.key).unwrap(), b"two");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&pair.key), mode(workspace.layout.root())), (0o600, 0o700));
    }

    #[test]
    fn a_temporary_directory_is_removed_and_a_named_one_stays() {
        let kept = tempfile::tempdir().unwrap();
        let named = kept.path().join("a/b");
        let first = Workspace::open(None).unwrap();
        let second = Workspace::open(Some(&named)).unwrap();
        let (gone, stays) = (first.layout.root().to_owned(), second.layout.root().to_owned());
        assert!(Workspace::open(Some(&named)).is_err(), "two sessions share a directory");
        drop((first, second));
        assert!(!gone.exists() && stays.exists());
        // A child process of another test may still hold the lock for a moment.
        let again = || {
            Workspace::open(Some(&named)).is_ok() || {
                sleep(Duration::from_millis(10));
                false
            }
        };
        assert!((0..100).any(|_| again()));
    }
}
