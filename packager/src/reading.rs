//! Files that are opened to be read: not those to which nothing may ever write.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use crate::printable::is_device;

/// Opens a file that a user has named, or that is found beside one. A folder and a named pipe are refused: to open a pipe
/// would wait for a writer.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if let Some(kind) = special(path, &metadata) {
        return Err(io::Error::other(format!("it is {kind}")));
    }
    File::open(path)
}

/// The content of such a file.
pub(crate) fn whole(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What it is, if nothing that could be read is in it: a named pipe, a socket or a device. What a shell makes of `<(...)` has a
/// writer, and `/dev/stdin` is standard input.
#[cfg(unix)]
pub(crate) fn special(path: &Path, metadata: &fs::Metadata) -> Option<&'static str> {
    use std::os::unix::fs::FileTypeExt;
    let kind = metadata.file_type();
    if kind.is_socket() {
        return Some("a socket");
    }
    let is_device_of_its_own = (kind.is_char_device() || kind.is_block_device()) && !is_device(path);
    let is_pipe = kind.is_fifo() && !is_device(path);
    is_pipe.then_some("a named pipe").or_else(|| is_device_of_its_own.then_some("a device"))
}

#[cfg(not(unix))]
pub(crate) fn special(_path: &Path, _metadata: &fs::Metadata) -> Option<&'static str> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert_eq!(whole(&path).unwrap_err().to_string(), "it is a named pipe");
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert_eq!(whole(&socket).unwrap_err().to_string(), "it is a socket");
        assert_eq!(whole(folder.path()).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        fs::write(folder.path().join("a"), "text").unwrap();
        std::os::unix::fs::symlink("a", folder.path().join("link")).unwrap();
        assert_eq!(whole(&folder.path().join("link")).unwrap(), b"text");
    }
}
