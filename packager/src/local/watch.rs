//! Detecting that files have changed: our files, the lock beside them, and the secrets that they need.
//!
//! # Design
//! The files are polled. Editors replace a file, truncate it, or write it through a link, and network and container file
//! systems send no events. Reading a few small files is cheap, and only the content matters: a file with a new modification
//! time has not changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The polling interval. A change counts when two polls find the same content, so that a half-written file does not.
const INTERVAL: Duration = Duration::from_millis(75);

use super::load::EgressFiles;
use crate::input::Inputs;
use crate::printable::printable;

/// Content that is polled.
#[derive(Debug)]
pub(crate) struct Polled<S> {
    /// What last counted.
    settled: S,
    /// New content, and when it was first found.
    pending: Option<(S, Instant)>,
    polled: Instant,
}

impl<S: PartialEq> Polled<S> {
    pub(crate) fn new(settled: S, now: Instant) -> Self {
        Polled { settled, pending: None, polled: now }
    }

    /// Once new content has settled: what counted before it, and when it was first found.
    pub(crate) fn changed(&mut self, now: Instant, read: impl FnOnce() -> S) -> Option<(S, Instant)> {
        if now.saturating_duration_since(self.polled) < INTERVAL {
            return None;
        }
        self.polled = now;
        let found = read();
        let pending = self.pending.take();
        if found == self.settled {
            return None;
        }
        match pending {
            Some((before, since)) if before == found => Some((std::mem::replace(&mut self.settled, found), since)),
            _ => {
                self.pending = Some((found, now));
                None
            }
        }
    }
}

/// Files, and the content that last counted.
#[derive(Debug)]
pub(crate) struct Watcher {
    files: EgressFiles,
    /// Certificates, keys and credentials, which may be missing.
    secrets: Vec<PathBuf>,
    content: Polled<Snapshot>,
}

/// The bytes of each file by its name; no bytes if it cannot be read.
pub(crate) type Snapshot = BTreeMap<String, Option<Vec<u8>>>;

/// New content that has settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// When it was first found.
    pub(crate) since: Instant,
    /// The names of the files that have changed.
    pub(crate) files: Vec<String>,
}

impl Watcher {
    /// Starts with the current content of the files.
    pub(crate) fn new(files: EgressFiles, now: Instant) -> Self {
        let content = Polled::new(read(&files, &[]), now);
        Watcher { files, secrets: Vec::new(), content }
    }

    /// Watches these secrets in place of the earlier ones. What a new one holds now counts as known.
    pub(crate) fn watch(&mut self, secrets: Vec<PathBuf>) {
        let content = secrets.iter().filter(|path| !self.secrets.contains(path)).map(|path| read_other(path));
        self.content.settled.extend(content);
        let dropped: Vec<&PathBuf> = self.secrets.iter().filter(|path| !secrets.contains(path)).collect();
        dropped.into_iter().for_each(|path| drop(self.content.settled.remove(&printable(path))));
        self.secrets = secrets;
    }

    /// What has changed, once it has settled.
    pub(crate) fn changed(&mut self, now: Instant) -> Option<Change> {
        let (old, since) = self.content.changed(now, || read(&self.files, &self.secrets))?;
        Some(Change { since, files: differing(&old, &self.content.settled) })
    }
}

fn differing(old: &Snapshot, new: &Snapshot) -> Vec<String> {
    let changed = new.iter().filter(|(name, content)| old.get(*name) != Some(content)).map(|(name, _)| name);
    let mut all: Vec<String> = changed.chain(old.keys().filter(|name| !new.contains_key(*name))).cloned().collect();
    all.sort_unstable();
    all
}

fn read(files: &EgressFiles, secrets: &[PathBuf]) -> Snapshot {
    let others: Vec<PathBuf> = files.locks().into_iter().chain(secrets.iter().cloned()).collect();
    snapshot(files.gather(), &others)
}

/// The content of files of ours, and of others.
pub(crate) fn snapshot(inputs: Inputs, others: &[PathBuf]) -> Snapshot {
    let others = others.iter().map(|path| read_other(path));
    inputs.files.into_iter().map(|file| (file.name, file.content.ok())).chain(others).collect()
}

/// What is no file of ours: a lock or a secret. A pipe is not opened, because reading it could block.
fn read_other(path: &Path) -> (String, Option<Vec<u8>>) {
    let content = path.is_file().then(|| fs::read(path).ok()).flatten();
    (printable(path), content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_when_it_has_settled() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("egress.yaml");
        let write = |text: &str| fs::write(&path, text).unwrap();
        write("one");
        let start = Instant::now();
        let at = |tick: u32| start + INTERVAL * tick;
        let since = |tick: u32| Some(Change { since: at(tick), files: vec![printable(&path)] });
        let mut watcher = Watcher::new(EgressFiles::new(std::slice::from_ref(&path), None), start);
        assert_eq!(watcher.changed(at(1)), None);
        write("tw");
        assert_eq!(watcher.changed(at(1)), None, "it is too early to look again");
        assert_eq!(watcher.changed(at(2)), None);
        write("two");
        assert_eq!(watcher.changed(at(3)), None, "it was still being written");
        assert_eq!(watcher.changed(at(4)), since(3));
        assert_eq!(watcher.changed(at(5)), None);
        write("two");
        assert_eq!((watcher.changed(at(6)), watcher.changed(at(7))), (None, None), "nothing is new");
        let new = directory.path().join("new");
        fs::write(&new, "three").unwrap();
        fs::rename(&new, &path).unwrap();
        assert_eq!((watcher.changed(at(8)), watcher.changed(at(9))), (None, since(8)));
        fs::remove_file(&path).unwrap();
        assert_eq!((watcher.changed(at(10)), watcher.changed(at(11))), (None, since(10)));
    }

    /// As the kubelet mounts a Secret: the folder is a link to the content, which is replaced.
    #[test]
    fn secrets_count_as_well_whether_they_are_there_or_not() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("egress.yaml"), "one").unwrap();
        for version in ["1", "2"] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("tls.crt"), version).unwrap();
        }
        let link = |version: &str| {
            std::os::unix::fs::symlink(at(version), at("new")).unwrap();
            fs::rename(at("new"), at("secret")).unwrap();
        };
        link("1");
        let start = Instant::now();
        let mut watcher = Watcher::new(EgressFiles::new(&[at("egress.yaml")], None), start);
        let (present, absent) = (at("secret/tls.crt"), at("absent/tls.key"));
        watcher.watch(vec![present.clone(), absent.clone()]);
        let mut tick = 0;
        let mut settle = |watcher: &mut Watcher| {
            tick += 2;
            let changes = [1, 2].map(|poll| watcher.changed(start + INTERVAL * (tick + poll)));
            changes.into_iter().flatten().flat_map(|change| change.files).collect::<Vec<_>>()
        };
        assert!(settle(&mut watcher).is_empty());
        link("2");
        assert_eq!(settle(&mut watcher), [printable(&present)]);
        fs::create_dir(at("absent")).unwrap();
        fs::write(&absent, "key").unwrap();
        assert_eq!(settle(&mut watcher), [printable(&absent)]);
        watcher.watch(vec![absent.clone()]);
        link("1");
        assert!(settle(&mut watcher).is_empty(), "it is not needed any more");
        fs::remove_file(&absent).unwrap();
        assert_eq!(settle(&mut watcher), [printable(&absent)]);
    }
}
