//! Tar and gzip: the same bytes on every machine, and the module found as Istio's agent finds it.

use std::io::{self, Read};

use flate2::{Compression, GzBuilder, read::MultiGzDecoder};

/// The file name that Istio's agent looks for.
pub(crate) const PLUGIN: &str = "plugin.wasm";
/// The largest module that Istio's agent reads (`ISTIO_WASM_MAX_BINARY_SIZE_BYTES`).
pub(crate) const LARGEST: u64 = 256 << 20;
/// The mode of a file that is read, and of one that is run.
pub(crate) const READ: u32 = 0o644;
pub(crate) const RUN: u32 = 0o755;
/// The operating system in the gzip header: unknown.
const NO_SYSTEM: u8 = 255;

/// Why there is no module in a layer.
#[derive(Debug)]
pub(crate) enum NoModule {
    NotGzip(io::Error),
    Unreadable(io::Error),
    NotFound,
    TooLarge,
}

/// A tar archive of these files, in this order and with this mode: owner 0, time 0.
pub(crate) fn tar(files: &[(&str, &[u8])], mode: u32) -> io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_path(name)?;
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(content.len() as u64);
        header.set_cksum();
        builder.append(&header, *content)?;
    }
    builder.into_inner()
}

/// Compressed, with nothing about this machine or the time in the header.
pub(crate) fn gzip(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().mtime(0).operating_system(NO_SYSTEM).read(content, Compression::best());
    let mut compressed = Vec::new();
    encoder.read_to_end(&mut compressed)?;
    Ok(compressed)
}

/// The first entry of a layer whose base name is `plugin.wasm`; other entries are ignored.
pub(crate) fn find_module(layer: &[u8]) -> Result<Vec<u8>, NoModule> {
    if !layer.starts_with(&[0x1f, 0x8b, 8]) {
        return Err(NoModule::NotGzip(io::Error::other("gzip: invalid header")));
    }
    let mut archive = tar::Archive::new(decompressed(layer));
    for entry in archive.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        if base_name(&entry.path_bytes()) == PLUGIN.as_bytes() {
            let mut module = Vec::new();
            entry.read_to_end(&mut module).map_err(unreadable)?;
            return Ok(module);
        }
    }
    Err(NoModule::NotFound)
}

/// The tar archive in a layer, which fails above the limit.
pub(crate) fn decompressed(layer: &[u8]) -> impl Read {
    Limited { inner: MultiGzDecoder::new(layer), left: LARGEST }
}

fn unreadable(error: io::Error) -> NoModule {
    match error.kind() {
        io::ErrorKind::FileTooLarge => NoModule::TooLarge,
        // flate2's error for a header that begins like gzip but is invalid.
        io::ErrorKind::InvalidInput => NoModule::NotGzip(error),
        _ => NoModule::Unreadable(error),
    }
}

fn base_name(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last.saturating_add(1));
    let trimmed = path.get(..end).unwrap_or(path);
    trimmed.rsplit(|byte| *byte == b'/').next().unwrap_or(trimmed)
}

/// A reader that fails above a limit, because a small layer can contain a very large file.
struct Limited<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(files: &[(&str, &[u8])]) -> Vec<u8> {
        gzip(&tar(files, READ).unwrap()).unwrap()
    }

    #[test]
    fn the_first_entry_with_the_base_name_is_the_module() {
        let files: [(&str, &[u8]); 3] = [("a", b"no"), ("opt/plugin.wasm", b"one"), ("plugin.wasm", b"two")];
        assert_eq!(find_module(&layer(&files)).unwrap(), b"one");
        let files: [(&str, &[u8]); 2] = [("plugin.wasm.bak", b"no"), ("my-plugin.wasm", b"no")];
        assert!(matches!(find_module(&layer(&files)), Err(NoModule::NotFound)));
    }

    #[test]
    fn a_truncated_archive_and_another_format_are_distinguished() {
        let whole = layer(&[("plugin.wasm", &[7; 5000])]);
        assert!(matches!(find_module(&whole[..whole.len() / 2]), Err(NoModule::Unreadable(_))));
        assert!(matches!(find_module(b"\0asm\x01\0\0\0"), Err(NoModule::NotGzip(_))));
        assert!(matches!(
            find_module(&gzip(b"no archive").unwrap()),
            Err(NoModule::Unreadable(_) | NoModule::NotFound)
        ));
    }

    #[test]
    fn a_small_layer_cannot_fill_the_memory() {
        let mut limited = Limited { inner: io::repeat(0), left: 3 };
        assert_eq!(limited.read(&mut [0; 3]).unwrap(), 3);
        assert_eq!(limited.read(&mut [0; 1]).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
