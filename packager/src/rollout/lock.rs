//! The lock, as each command writes it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sallyport_manifest::{Lock, LockFile, LockedGateway};

use super::filter_goal::refuse_old;
use super::lost::refuse_lost;
use super::write::Writer;
use crate::exit::{Exit, Failure};
use crate::lock::restore;
use crate::printable::{printable, quoted_path};

/// A lock that gets the filter of `image push`, and keeps its rollout.
pub(crate) struct FilterLock {
    path: PathBuf,
    /// `None`: there is no lock.
    old: Option<Vec<u8>>,
    new: String,
    /// What there is to say beside that.
    pub(crate) note: Option<String>,
}

impl FilterLock {
    /// Reads the lock and finds out whether the filter may be written there: for all gateways at once, or as the one that is rolled
    /// out next. To be asked before anything is pushed.
    pub(crate) fn prepare(path: &Path, filter: Lock, is_next: bool) -> Result<Self, Failure> {
        let old = match fs::read(path) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Failure::read(path, &error)),
        };
        let text = old.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        let file = match LockFile::parse(&text) {
            Ok(file) => file,
            // No lock is an empty text.
            Err(_) if old.is_none() => {
                refuse_lost(path)?;
                LockFile::default()
            }
            Err(error) => {
                let message = format!("`{}` cannot be read, and may have a rollout in it: {error}", printable(path));
                return Err(Failure::new(Exit::Io, message).with_help(restore(path)));
            }
        };
        let (file, note) = if is_next { as_next(path, file, filter)? } else { (for_all(path, file, filter)?, None) };
        let new = rendered(&file)?;
        Ok(Self { path: path.to_owned(), old, new, note })
    }

    /// Writes it, if it is what was read.
    pub(crate) fn write(&self, writer: &mut dyn Writer) -> Result<(), Failure> {
        let Self { path, old, new, .. } = self;
        if old.as_deref() == Some(new.as_bytes()) {
            return Ok(());
        }
        writer.replace(path, old.as_deref(), new.as_bytes())
    }
}

/// The lock with a filter that all gateways without one of their own load at once.
fn for_all(path: &Path, mut file: LockFile, filter: Lock) -> Result<LockFile, Failure> {
    if let Some(same) = file.filter.as_mut().filter(|same| same.image == filter.image && same.digest == filter.digest) {
        // What a digest means does not change.
        same.candidates |= filter.candidates;
        return Ok(file);
    }
    if let Some((gateway, digest)) = file.pinned().next() {
        let message = format!(
            "a filter is being rolled out: {gateway} has {digest}; in `{}` this one would be for all other gateways at once",
            printable(path)
        );
        return Err(Failure::new(Exit::Blocked, message).with_help(
            "end that rollout with `sallyport promote --filter` or `sallyport rollback --filter`; then --next rolls this one out, \
             gateway by gateway",
        ));
    }
    let live = |(name, gateway): (&String, &LockedGateway)| Some((name.clone(), gateway.candidate.as_ref()?.standing));
    if let Some((name, standing)) = file.rollout.gateways.iter().find_map(live).filter(|_| !filter.candidates) {
        return Err(refuse_old(&name, standing, &filter.digest));
    }
    // What was to be rolled out has been overtaken.
    Ok(LockFile { filter: Some(filter), next: None, ..file })
}

/// The lock with a filter that gateways get one by one; and what there is to say.
fn as_next(path: &Path, mut file: LockFile, filter: Lock) -> Result<(LockFile, Option<String>), Failure> {
    let (name, lock) = (printable(path), quoted_path(path));
    let Some(own) = &file.filter else {
        let message = format!("`{name}` has no filter, and a rollout begins with the one that all gateways have");
        return Err(Failure::new(Exit::Usage, message).with_help(format!(
            "push that one first, without --next: `sallyport image push REPOSITORY --lock {lock}`"
        )));
    };
    if own.image != filter.image {
        let message = format!("`{name}` is for `{}`, and a filter is rolled out from the same repository", own.image);
        return Err(Failure::new(Exit::Usage, message).with_help(format!("push it to `{}`", own.image)));
    }
    if own.digest == filter.digest {
        return Ok((
            for_all(path, file, filter)?,
            Some(format!("`{name}` has this filter already: there is nothing to roll out")),
        ));
    }
    let other = file.pinned().find(|(_, pinned)| ![&own.digest, &filter.digest].contains(&&pinned.to_string()));
    if let Some((gateway, digest)) = other {
        let message = format!("another filter is being rolled out: {gateway} has {digest}");
        return Err(Failure::new(Exit::Blocked, message)
            .with_help("end that rollout first, with `sallyport promote --filter` or `sallyport rollback --filter`"));
    }
    let knew = file.next.as_ref().is_some_and(|next| next.digest == filter.digest && next.candidates);
    file.next = Some(Lock { candidates: filter.candidates || knew, ..filter });
    Ok((file, None))
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

    fn lock_filter(path: &Path, filter: Lock, is_next: bool) -> Result<Option<String>, Failure> {
        let prepared = FilterLock::prepare(path, filter, is_next)?;
        prepared.write(&mut Disk)?;
        Ok(prepared.note)
    }

    fn other(byte: &str, candidates: bool) -> Lock {
        Lock { digest: format!("sha256:{}", byte.repeat(32)), candidates, ..filter() }
    }

    /// A lock with this filter, and one gateway in its rollout.
    fn lock_with(gateway: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sallyport.lock");
        let text = LockFile { filter: Some(filter()), ..LockFile::default() }.render().unwrap();
        let rollout = format!(",\n  \"rollout\": {{\"parent\": null, \"gateways\": {{\"n/a\": {{{gateway}}}}}}}\n}}");
        fs::write(&path, text.trim_end().strip_suffix("\n}").unwrap().to_owned() + &rollout).unwrap();
        (folder, path)
    }

    fn read(path: &Path) -> LockFile {
        LockFile::parse(&fs::read_to_string(path).unwrap()).unwrap()
    }

    fn pinned_to(byte: &str) -> String {
        format!("\"filter\": \"sha256:{}\"", byte.repeat(32))
    }

    fn live() -> String {
        let digest = "01".repeat(32);
        format!(
            "\"policy\": \"{digest}\", \"candidate\": \"{digest}\", \"stage\": \"shadow\", \"since\": \"2026-12-01T09:30:00Z\""
        )
    }

    #[test]
    fn the_same_image_keeps_the_rollout_and_what_is_known_of_it() {
        let (_folder, path) = lock_with(&pinned_to("01"));
        let before = read(&path);
        lock_filter(&path, Lock { candidates: false, ..filter() }, false).unwrap();
        assert_eq!(read(&path), before);
        let note = lock_filter(&path, filter(), true).unwrap().unwrap();
        assert!(note.ends_with("has this filter already: there is nothing to roll out"), "{note}");
        assert_eq!(read(&path), before);
    }

    #[test]
    fn a_filter_is_not_for_all_at_once_while_another_is_rolled_out() {
        let (_folder, path) = lock_with(&pinned_to("01"));
        let before = read(&path);
        for byte in ["01", "02"] {
            let refused = lock_filter(&path, other(byte, true), false).unwrap_err();
            assert!(refused.message.starts_with("a filter is being rolled out: n/a has sha256:0101"), "{refused:?}");
            assert!(refused.help.unwrap().contains("`sallyport rollback --filter`"));
        }
        let refused = lock_filter(&path, other("02", true), true).unwrap_err();
        assert!(refused.message.starts_with("another filter is being rolled out: n/a has sha256:0101"), "{refused:?}");
        assert_eq!(read(&path), before);
        // The lock of an older program gets to know the filter of its pins.
        assert_eq!(lock_filter(&path, other("01", true), true).unwrap(), None);
        assert_eq!(read(&path), LockFile { next: Some(other("01", true)), ..before });
    }

    #[test]
    fn the_next_filter_follows_one_of_the_same_repository() {
        let (_folder, path) = lock_with("");
        for byte in ["01", "02"] {
            lock_filter(&path, other(byte, byte == "02"), true).unwrap();
            assert_eq!(read(&path).next, Some(other(byte, byte == "02")));
        }
        lock_filter(&path, other("02", false), true).unwrap();
        assert_eq!(read(&path).next, Some(other("02", true)), "what is known of a digest stays known");
        let elsewhere = Lock { image: "r.example.com/g".to_owned(), ..other("03", true) };
        let refused = lock_filter(&path, elsewhere.clone(), true).unwrap_err();
        assert!(refused.message.contains("is for `r.example.com/f`"), "{refused:?}");
        lock_filter(&path, elsewhere.clone(), false).unwrap();
        assert_eq!((read(&path).filter, read(&path).next), (Some(elsewhere), None));
        let folder = tempfile::tempdir().unwrap();
        let refused = lock_filter(&folder.path().join("sallyport.lock"), filter(), true).unwrap_err();
        assert!(refused.message.contains("has no filter, and a rollout begins with"), "{refused:?}");
    }

    #[test]
    fn gateways_with_candidates_do_not_get_an_old_filter() {
        let (_folder, path) = lock_with(&live());
        let refused = lock_filter(&path, other("01", false), false).unwrap_err();
        assert!(refused.message.contains("`n/a` has a candidate at `shadow`"), "{refused:?}");
        assert!(refused.help.unwrap().contains("`sallyport rollback n/a`"));
        lock_filter(&path, other("01", true), false).unwrap();
        assert_eq!(read(&path).filter, Some(other("01", true)));
    }

    #[test]
    fn a_lock_that_cannot_be_read_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sallyport.lock");
        // What is left of it does not say what it was.
        for key in ["<<<<<<< HEAD \"rollout\"", "<<<<<<<", "{}", ""] {
            fs::write(&path, key).unwrap();
            let failure = lock_filter(&path, filter(), false).unwrap_err();
            assert!(failure.message.contains("cannot be read, and may have a rollout in it"), "{}", failure.message);
        }
    }
}
