//! Detecting that files have changed.
//!
//! # Design
//! The files are polled. Editors replace a file, truncate it, or write it through a link, and network and container file
//! systems send no events. Reading two small files is cheap, and only the content matters: a file with a new modification
//! time has not changed.

use std::time::{Duration, Instant};

/// The polling interval. A change counts when two polls find the same content, so that a half-written file does not.
const INTERVAL: Duration = Duration::from_millis(75);

use super::load::EgressFiles;

/// Files, and the content that last counted.
#[derive(Debug)]
pub(crate) struct Watcher {
    files: EgressFiles,
    settled: Snapshot,
    /// New content, and when it was first found.
    pending: Option<(Snapshot, Instant)>,
    polled: Instant,
}

/// The name and the bytes of each file; no bytes if it cannot be read.
type Snapshot = Vec<(String, Option<Vec<u8>>)>;

impl Watcher {
    /// Starts with the current content of the files.
    pub(crate) fn new(files: EgressFiles, now: Instant) -> Self {
        let settled = read(&files);
        Watcher { files, settled, pending: None, polled: now }
    }

    /// When new content was first found, once it has settled.
    pub(crate) fn changed(&mut self, now: Instant) -> Option<Instant> {
        if now.saturating_duration_since(self.polled) < INTERVAL {
            return None;
        }
        self.polled = now;
        let found = read(&self.files);
        let pending = self.pending.take();
        if found == self.settled {
            return None;
        }
        match pending {
            Some((before, since)) if before == found => {
                self.settled = found;
                Some(since)
            }
            _ => {
                self.pending = Some((found, now));
                None
            }
        }
    }
}

fn read(files: &EgressFiles) -> Snapshot {
    files.gather().files.into_iter().map(|file| (file.name, file.content.ok())).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_change_counts_when_it_has_settled() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("egress.yaml");
        let write = |text: &str| fs::write(&path, text).unwrap();
        write("one");
        let start = Instant::now();
        let at = |tick: u32| start + INTERVAL * tick;
        let mut watcher = Watcher::new(EgressFiles::new(std::slice::from_ref(&path), None), start);
        assert_eq!(watcher.changed(at(1)), None);
        write("tw");
        assert_eq!(watcher.changed(at(1)), None, "it is too early to look again");
        assert_eq!(watcher.changed(at(2)), None);
        write("two");
        assert_eq!(watcher.changed(at(3)), None, "it was still being written");
        assert_eq!(watcher.changed(at(4)), Some(at(3)));
        assert_eq!(watcher.changed(at(5)), None);
        write("two");
        assert_eq!((watcher.changed(at(6)), watcher.changed(at(7))), (None, None), "nothing is new");
        let new = directory.path().join("new");
        fs::write(&new, "three").unwrap();
        fs::rename(&new, &path).unwrap();
        assert_eq!((watcher.changed(at(8)), watcher.changed(at(9))), (None, Some(at(8))));
        fs::remove_file(&path).unwrap();
        assert_eq!((watcher.changed(at(10)), watcher.changed(at(11))), (None, Some(at(10))));
    }
}
