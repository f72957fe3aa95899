//! The lock, as each command writes it.

use std::fs;
use std::io;
use std::path::Path;

use sallyport_manifest::{Lock, LockFile};

use super::write::Writer;
use crate::exit::{Exit, Failure};
use crate::lock::{has_rollout, restore};
use crate::printable::printable;

/// Writes the filter's image into a lock, and keeps its rollout.
pub(crate) fn lock_filter(path: &Path, filter: Lock, writer: &mut dyn Writer) -> Result<(), Failure> {
    let old = match fs::read(path) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(Failure::read(path, &error)),
    };
    let text = old.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
    let file = match LockFile::parse(&text) {
        Ok(file) => LockFile { filter: Some(filter), ..file },
        Err(error) if has_rollout(&text) => {
            let message = format!("`{}` cannot be read, and has a rollout in it: {error}", printable(path));
            return Err(Failure::new(Exit::Io, message).with_help(restore(path)));
        }
        // Whatever it was, it pinned nothing.
        Err(_) => LockFile { filter: Some(filter), ..LockFile::default() },
    };
    let new = rendered(&file)?;
    if old.as_deref() == Some(new.as_bytes()) {
        return Ok(());
    }
    writer.replace(path, old.as_deref(), new.as_bytes())
}

/// Writes another rollout into a lock that was read as `old`.
pub(super) fn write(
    path: &Path,
    old: Option<&[u8]>,
    mut file: LockFile,
    writer: &mut dyn Writer,
) -> Result<(), Failure> {
    file.rollout.gateways.retain(|_, gateway| gateway.candidate.is_some() || gateway.filter.is_some());
    let new = rendered(&file)?;
    writer.replace(path, old, new.as_bytes())
}

fn rendered(file: &LockFile) -> Result<String, Failure> {
    file.render().map_err(|error| Failure::new(Exit::Io, format!("the lock cannot be written: {error}")))
}

#[cfg(test)]
mod tests {
    use super::super::write::Disk;
    use super::*;

    fn filter() -> Lock {
        Lock { image: "r.example.com/f".to_owned(), digest: format!("sha256:{}", "cd".repeat(32)), candidates: true }
    }

    #[test]
    fn another_image_keeps_the_rollout() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sallyport.lock");
        lock_filter(&path, filter(), &mut Disk).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("\"candidates\": true") && !text.contains("rollout"), "{text}");
        let rolling = text.replace(
            "true\n  }",
            &format!("true\n  }},\n  \"rollout\": {{\"parent\": null, \"gateways\": {{\"n/a\": {{\"filter\": \"sha256:{}\"}}}}}}", "01".repeat(32)),
        );
        fs::write(&path, &rolling).unwrap();
        lock_filter(&path, Lock { candidates: false, ..filter() }, &mut Disk).unwrap();
        let after = LockFile::parse(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(after.rollout, LockFile::parse(&rolling).unwrap().rollout);
        assert_eq!(after.filter, Some(Lock { candidates: false, ..filter() }));
    }

    #[test]
    fn a_lock_that_is_none_is_replaced_unless_it_has_a_rollout() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sallyport.lock");
        fs::write(&path, "{}").unwrap();
        lock_filter(&path, filter(), &mut Disk).unwrap();
        fs::write(&path, "<<<<<<< HEAD \"rollout\"").unwrap();
        let failure = lock_filter(&path, filter(), &mut Disk).unwrap_err();
        assert!(failure.message.contains("cannot be read, and has a rollout in it"), "{}", failure.message);
    }
}
