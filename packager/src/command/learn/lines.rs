//! The lines of a log, one after the other: a log may be larger than the memory.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use sallyport_egress::learn::LONGEST_LINE;

use super::progress::Progress;
use crate::exit::Failure;

/// How much is read at once.
const CHUNK: usize = 1 << 18;
/// How a gzip file begins (RFC 1952, 2.3.1).
const GZIP: &[u8] = &[0x1f, 0x8b];

/// How the reading of a log ended.
pub(super) struct End {
    /// Compressed data end in the middle.
    pub(super) is_cut: bool,
}

/// Takes each line of a log without its end. Of a line that is too long, the beginning is taken.
pub(super) fn read(path: &Path, progress: &mut Progress<'_>, take: impl FnMut(&[u8])) -> Result<End, Failure> {
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(path).map_err(|error| Failure::read(path, &error))?;
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Err(Failure::read(path, &io::ErrorKind::IsADirectory.into()));
        }
        Box::new(file)
    };
    let bytes = Rc::new(Cell::new(0));
    let mut raw = BufReader::with_capacity(CHUNK, Counted { source, bytes: Rc::clone(&bytes) });
    let is_compressed = raw.fill_buf().map_err(|error| Failure::read(path, &error))?.starts_with(GZIP);
    let result = if is_compressed {
        each(BufReader::with_capacity(CHUNK, MultiGzDecoder::new(raw)), progress, &bytes, take)
    } else {
        each(raw, progress, &bytes, take)
    };
    progress.file_done(bytes.get());
    match result {
        Ok(()) => Ok(End { is_cut: false }),
        Err(error) if is_compressed && error.kind() == io::ErrorKind::UnexpectedEof => Ok(End { is_cut: true }),
        Err(error) => Err(Failure::read(path, &error)),
    }
}

fn each(
    mut from: impl BufRead,
    progress: &mut Progress<'_>,
    bytes: &Cell<u64>,
    mut take: impl FnMut(&[u8]),
) -> io::Result<()> {
    // Of a line longer than a chunk; one byte more than the longest shows that it is too long.
    let mut begun: Vec<u8> = Vec::new();
    let most = LONGEST_LINE.saturating_add(1);
    loop {
        let chunk = from.fill_buf()?;
        if chunk.is_empty() {
            if !begun.is_empty() {
                take(&begun);
            }
            return Ok(());
        }
        let length = chunk.len();
        let mut rest = chunk;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, behind) = rest.split_at(end);
            if begun.is_empty() {
                take(line);
            } else {
                extend(&mut begun, line, most);
                take(&begun);
                begun.clear();
            }
            progress.line(bytes.get());
            rest = behind.get(1..).unwrap_or_default();
        }
        extend(&mut begun, rest, most);
        from.consume(length);
    }
}

fn extend(begun: &mut Vec<u8>, more: &[u8], most: usize) {
    let left = most.saturating_sub(begun.len()).min(more.len());
    begun.extend_from_slice(more.get(..left).unwrap_or_default());
}

/// Counts what is read.
struct Counted {
    source: Box<dyn Read>,
    bytes: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.bytes.set(self.bytes.get().saturating_add(read as u64));
        Ok(read)
    }
}
