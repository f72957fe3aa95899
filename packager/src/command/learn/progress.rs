//! How far the reading of logs is.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use sallyport_egress::learn::grouped;

use crate::console::Console;

/// How often a terminal is told.
const ON_TERMINAL: Duration = Duration::from_millis(200);
/// How often anything else is.
const ELSEWHERE: Duration = Duration::from_secs(5);
/// How many lines are read between two looks at the clock.
const LINES: u64 = 4096;

pub(super) struct Progress<'c> {
    console: &'c Console,
    is_terminal: bool,
    lines: u64,
    /// Of the files before this one.
    bytes: u64,
    /// Of all files; `None` if one of them has no size.
    size: Option<u64>,
    last: Instant,
    is_shown: bool,
}

impl<'c> Progress<'c> {
    pub(super) fn new(console: &'c Console, logs: &[PathBuf]) -> Self {
        let sizes =
            logs.iter().map(|log| fs::metadata(log).ok().filter(fs::Metadata::is_file).map(|found| found.len()));
        let size = sizes.sum::<Option<u64>>().filter(|size| *size > 0);
        let is_terminal = io::stderr().is_terminal();
        Self { console, is_terminal, lines: 0, bytes: 0, size, last: Instant::now(), is_shown: false }
    }

    /// A line more; so many bytes of the file are read.
    pub(super) fn line(&mut self, bytes: u64) {
        self.lines = self.lines.saturating_add(1);
        if self.lines.checked_rem(LINES) != Some(0) || self.console.quiet() {
            return;
        }
        let interval = if self.is_terminal { ON_TERMINAL } else { ELSEWHERE };
        if self.last.elapsed() < interval {
            return;
        }
        self.last = Instant::now();
        let bytes = self.bytes.saturating_add(bytes);
        let share = self.size.and_then(|size| bytes.saturating_mul(100).checked_div(size));
        let share = share.map_or_else(String::new, |share| format!(", {share} %"));
        let text = format!("read {} lines, {} MB{share}", grouped(self.lines), grouped(bytes / 1_000_000));
        if self.is_terminal {
            // There is nowhere to report that the terminal is gone.
            let _ = write!(io::stderr(), "\r{text}\x1b[K");
            self.is_shown = true;
        } else {
            self.console.note(&text);
        }
    }

    /// A file is read.
    pub(super) fn file_done(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// All is read.
    pub(super) fn end(&self) {
        if self.is_shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
