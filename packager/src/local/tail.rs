//! Following a file that another program writes.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Reads the lines of a growing file from its beginning.
#[derive(Debug)]
pub(crate) struct Tail {
    path: PathBuf,
    /// `None` until the file is there.
    file: Option<File>,
    /// The beginning of a line that is not complete yet.
    pending: Vec<u8>,
}

impl Tail {
    pub(crate) fn new(path: &Path) -> Self {
        Tail { path: path.to_owned(), file: None, pending: Vec::new() }
    }

    /// The complete lines since the last call.
    pub(crate) fn read(&mut self) -> String {
        if self.file.is_none() {
            self.file = File::open(&self.path).ok();
        }
        let Some(file) = &mut self.file else { return String::new() };
        // What was read before an error is kept, and the rest is read by the next call.
        let _ = file.read_to_end(&mut self.pending);
        let Some(end) = self.pending.iter().rposition(|byte| *byte == b'\n') else { return String::new() };
        let rest = self.pending.split_off(end.saturating_add(1));
        let whole = std::mem::replace(&mut self.pending, rest);
        String::from_utf8_lossy(&whole).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_line_is_read_once_and_completely() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut tail = Tail::new(&path);
        assert_eq!(tail.read(), "");
        let mut log = File::create(&path).unwrap();
        log.write_all(b"one\ntw").unwrap();
        assert_eq!((tail.read(), tail.read()), ("one\n".to_owned(), String::new()));
        log.write_all(b"o\n\xff\n").unwrap();
        assert_eq!(tail.read(), "two\n\u{fffd}\n");
        fs::remove_file(&path).unwrap();
        assert_eq!(tail.read(), "");
    }
}
