//! The lines of a log, one after the other: a log may be larger than the memory.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use sallyport_egress::learn::LONGEST_LINE;

use crate::exit::{Exit, Failure};
use crate::printable::printable;
use crate::reading;

/// How much is read at once.
const CHUNK: usize = 1 << 18;
/// How a gzip file begins (RFC 1952, 2.3.1).
const GZIP: &[u8] = &[0x1f, 0x8b];
/// How files begin that hold no lines as they are: what they are, and how to make them into lines.
const OTHERS: [(&[u8], &str, &str); 5] = [
    (&[0x28, 0xb5, 0x2f, 0xfd], "compressed with zstd", "zstd -dc"),
    (&[0xfd, b'7', b'z', b'X', b'Z', 0], "compressed with xz", "xz -dc"),
    (b"BZh", "compressed with bzip2", "bzip2 -dc"),
    (&[0xff, 0xfe], "in UTF-16", "iconv -f UTF-16 -t UTF-8"),
    (&[0xfe, 0xff], "in UTF-16", "iconv -f UTF-16 -t UTF-8"),
];

/// Takes each line of a log without its end; `-` is standard input. Gzip is known by how the file begins, not by its name, and
/// may have several members. Of a line that is longer than [`LONGEST_LINE`], one byte more than that is taken. `progress` gets
/// the bytes that are read so far, after each line.
///
/// Returns the bytes of the file. Compressed data that end in the middle are an error, after the lines before the end.
pub(crate) fn each_line(path: &Path, mut progress: impl FnMut(u64), take: impl FnMut(&[u8])) -> Result<u64, Failure> {
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(reading::open(path).map_err(|error| Failure::read(path, &error))?)
    };
    let bytes = Rc::new(Cell::new(0));
    let mut source = Counted { source, bytes: Rc::clone(&bytes) };
    // A pipe may give one byte at a time.
    let mut begin = Vec::new();
    (&mut source).take(8).read_to_end(&mut begin).map_err(|error| Failure::read(path, &error))?;
    if let Some((_, what, with)) = OTHERS.iter().find(|(magic, _, _)| begin.starts_with(magic)) {
        let failure = Failure::new(Exit::Io, format!("cannot read `{}`: it is {what}", printable(path)));
        return Err(failure.with_help(format!("give its lines on standard input: `{with} FILE | sallyport ... -`")));
    }
    let is_compressed = begin.starts_with(GZIP);
    let raw = BufReader::with_capacity(CHUNK, Cursor::new(begin).chain(source));
    let mut line = || progress(bytes.get());
    let result = if is_compressed {
        each(BufReader::with_capacity(CHUNK, MultiGzDecoder::new(raw)), &mut line, take)
    } else {
        each(raw, &mut line, take)
    };
    match result {
        Ok(()) => Ok(bytes.get()),
        Err(error) if is_compressed && error.kind() == io::ErrorKind::UnexpectedEof => {
            let message = format!("cannot read `{}`: its compressed data end in the middle", printable(path));
            let help = "copy the file again; for the lines that are there: `gzip -dc FILE | sallyport ... -`";
            Err(Failure::new(Exit::Io, message).with_help(help))
        }
        Err(error) => Err(Failure::read(path, &error)),
    }
}

fn each(mut from: impl BufRead, progress: &mut impl FnMut(), mut take: impl FnMut(&[u8])) -> io::Result<()> {
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
            progress();
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
