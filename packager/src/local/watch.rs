//! Noticing that files have changed.
//!
//! # Design
//! The files are read again and again rather than watched. Editors replace a file, truncate it, or write it through a
//! link; network and container file systems send no events. Reading two small files costs nothing, and content is what
//! counts: a file that was touched has not changed.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How often to look. A change is believed when two looks agree, so that a half-written file is not.
const INTERVAL: Duration = Duration::from_millis(75);

/// Files, and what they held when last believed.
#[derive(Debug)]
pub(crate) struct Watcher {
    paths: Vec<PathBuf>,
    believed: Snapshot,
    /// Content that differs from what is believed, and when it was first seen.
    pending: Option<(Snapshot, Instant)>,
    looked: Instant,
}

/// For each file its bytes; `None` when it cannot be read.
type Snapshot = Vec<Option<Vec<u8>>>;

impl Watcher {
    /// Starts from what the files hold now.
    pub(crate) fn new(paths: Vec<PathBuf>, now: Instant) -> Self {
        let believed = read(&paths);
        Watcher { paths, believed, pending: None, looked: now }
    }

    /// When the files were first seen to hold something new, once that has settled.
    pub(crate) fn changed(&mut self, now: Instant) -> Option<Instant> {
        if now.saturating_duration_since(self.looked) < INTERVAL {
            return None;
        }
        self.looked = now;
        let found = read(&self.paths);
        let pending = self.pending.take();
        if found == self.believed {
            return None;
        }
        match pending {
            Some((before, since)) if before == found => {
                self.believed = found;
                Some(since)
            }
            _ => {
                self.pending = Some((found, now));
                None
            }
        }
    }
}

fn read(paths: &[PathBuf]) -> Snapshot {
    paths.iter().map(|path| fs::read(path).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_believed_when_it_has_settled() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("egress.yaml");
        let write = |text: &str| fs::write(&path, text).unwrap();
        write("one");
        let start = Instant::now();
        let at = |tick: u32| start + INTERVAL * tick;
        let mut watcher = Watcher::new(vec![path.clone()], start);
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
