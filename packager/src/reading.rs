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
    if is_pipe(path, &metadata) {
        return Err(io::Error::other("it is a named pipe"));
    }
    File::open(path)
}

/// The content of such a file.
pub(crate) fn whole(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether it is a named pipe; what a shell makes of `<(...)` has a writer, and is none.
pub(crate) fn is_pipe(path: &Path, metadata: &fs::Metadata) -> bool {
    #[cfg(unix)]
    return std::os::unix::fs::FileTypeExt::is_fifo(&metadata.file_type()) && !is_device(path);
    #[cfg(not(unix))]
    return false;
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
        assert_eq!(whole(folder.path()).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        fs::write(folder.path().join("a"), "text").unwrap();
        std::os::unix::fs::symlink("a", folder.path().join("link")).unwrap();
        assert_eq!(whole(&folder.path().join("link")).unwrap(), b"text");
    }
}
