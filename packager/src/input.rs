//! Which files a command reads, and their bytes.

mod recognise;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use recognise::is_wanted;

use crate::exit::Reason;
use crate::printable::printable;

/// More than any Egress file needs; a device or a wrong file must not fill the memory.
const LARGEST: u64 = 16 << 20;

/// What is taken of the files in a directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Egress and Mesh files.
    #[default]
    Ours,
    /// Those, and Istio's manifests.
    WithManifests,
}

/// All that the arguments name.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    /// In the order of the arguments, each once; what a directory holds by name.
    pub(crate) files: Vec<Input>,
    /// How many YAML files in directories were not wanted.
    pub(crate) skipped: usize,
    pub(crate) wanted: Wanted,
}

/// One file.
#[derive(Debug)]
pub(crate) struct Input {
    /// As the user wrote it, or below what the user wrote.
    pub(crate) name: String,
    /// The same as a URI reference, exact for every file name.
    pub(crate) uri: String,
    pub(crate) content: Result<Vec<u8>, Missing>,
}

/// Why there is no content.
#[derive(Debug)]
pub(crate) enum Missing {
    /// The file or directory cannot be read, for this reason.
    Unreadable(String),
    /// The directory holds no file for Sallyport.
    NothingFound,
}

/// Reads every file that the arguments name: a file, a directory with all below it, or `-` for standard input.
pub(crate) fn gather(arguments: &[PathBuf], wanted: Wanted) -> Inputs {
    let mut gatherer = Gatherer { wanted, ..Gatherer::default() };
    for argument in arguments {
        gatherer.argument(argument);
    }
    Inputs { files: gatherer.files, skipped: gatherer.skipped.len(), wanted }
}

#[derive(Default)]
struct Gatherer {
    wanted: Wanted,
    files: Vec<Input>,
    /// True paths of `files`, so that two names of one file are one file.
    seen: BTreeSet<PathBuf>,
    skipped: BTreeSet<PathBuf>,
}

impl Gatherer {
    fn argument(&mut self, path: &Path) {
        if path == Path::new("-") {
            if self.seen.insert(path.to_owned()) {
                let content = read(io::stdin().lock());
                self.files.push(Input { name: "<stdin>".to_owned(), uri: "stdin".to_owned(), content });
            }
            return;
        }
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                let before = (self.files.len(), self.seen.len());
                let repeated = self.directory(path);
                if before == (self.files.len(), self.seen.len()) && !repeated {
                    self.push(path, Err(Missing::NothingFound));
                }
            }
            Ok(_) => self.file(path),
            Err(error) => self.push(path, Err(Missing::Unreadable(Reason(&error).to_string()))),
        }
    }

    fn file(&mut self, path: &Path) {
        let truth = truth(path);
        if self.seen.insert(truth.clone()) {
            self.skipped.remove(&truth);
            self.push(path, File::open(path).map_or_else(|error| Err((&error).into()), read));
        }
    }

    /// Takes the files of a directory and of all below it, hidden ones left out. Links to directories are not followed:
    /// they can form a circle. Says whether it met a file for Sallyport that was taken before.
    fn directory(&mut self, directory: &Path) -> bool {
        let listing = fs::read_dir(directory).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
        let mut entries = match listing {
            Ok(entries) => entries,
            Err(error) => {
                self.push(directory, Err((&error).into()));
                return false;
            }
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        let mut repeated = false;
        for entry in entries {
            let path = entry.path();
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                repeated |= self.directory(&path);
            } else if is_yaml(&path) && !path.is_dir() {
                repeated |= self.found(&path);
            }
        }
        repeated
    }

    /// Takes a file that a directory holds, if it is wanted. Says whether it was taken before.
    fn found(&mut self, path: &Path) -> bool {
        let truth = truth(path);
        if self.seen.contains(&truth) {
            return true;
        }
        let content = File::open(path).map_or_else(|error| Err((&error).into()), read);
        if content.as_ref().is_ok_and(|bytes| !is_wanted(self.wanted, path, bytes)) {
            self.skipped.insert(truth);
            return false;
        }
        self.seen.insert(truth);
        self.push(path, content);
        false
    }

    fn push(&mut self, path: &Path, content: Result<Vec<u8>, Missing>) {
        let path = relative(path);
        self.files.push(Input { name: printable(&path), uri: uri(&path), content });
    }
}

impl From<&io::Error> for Missing {
    fn from(error: &io::Error) -> Self {
        Missing::Unreadable(Reason(error).to_string())
    }
}

fn read(from: impl Read) -> Result<Vec<u8>, Missing> {
    let mut bytes = Vec::new();
    from.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| Missing::from(&error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Missing::Unreadable(format!("it is larger than {} MiB", LARGEST >> 20)));
    }
    Ok(bytes)
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// The path by which two names of one file are known to be one.
fn truth(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// A path without a leading `./`, and relative where it lies below the working directory: a report is read on other
/// machines than the one that wrote it.
fn relative(path: &Path) -> PathBuf {
    let below = std::env::current_dir().ok().and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    let path: PathBuf = below.as_deref().unwrap_or(path).components().collect();
    let path = path.strip_prefix(".").map(Path::to_owned).unwrap_or(path);
    if path.as_os_str().is_empty() { PathBuf::from(".") } else { path }
}

/// A path as a URI reference (RFC 3986), its bytes percent-encoded.
fn uri(path: &Path) -> String {
    let mut uri = String::from(if path.is_absolute() { "file://" } else { "" });
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            b'\\' if cfg!(windows) => uri.push('/'),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_has_no_byte_that_a_uri_cannot_have() {
        assert_eq!(uri(Path::new("a b/ü:1%.yaml")), "a%20b/%C3%BC%3A1%25.yaml");
        assert_eq!(uri(Path::new("/tmp/x.yaml")), "file:///tmp/x.yaml");
    }

    #[test]
    fn a_path_loses_what_only_this_machine_knows() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(relative(&here.join("a/b.yaml")), Path::new("a/b.yaml"));
        assert_eq!(relative(Path::new("./a.yaml")), Path::new("a.yaml"));
        assert_eq!(relative(Path::new("../a.yaml")), Path::new("../a.yaml"));
        assert_eq!(relative(Path::new(".")), Path::new("."));
    }
}
