//! The files that a command reads.

pub(crate) mod lines;
pub(crate) mod revision;
mod selection;

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::exit::{Exit, Failure, IoErrorText, removed_folder};
use crate::printable::printable;
use crate::reading::{open, special};
use crate::record::Record;
pub(crate) use selection::{Selection, is_for_others, is_ours, text_of};
use selection::{has_cases, is_selected};

/// Far more than any Egress file needs, so that a device or a wrong file does not fill the memory.
const LARGEST: u64 = 16 << 20;

/// The files that the arguments name.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    /// In the order of the arguments, without duplicates. The files of a directory are sorted by name.
    pub(crate) files: Vec<Input>,
    /// How many YAML files in directories were skipped.
    pub(crate) skipped: usize,
    /// How many links in directories lead nowhere.
    pub(crate) dangling: usize,
    pub(crate) selection: Selection,
}

/// One file.
#[derive(Debug)]
pub(crate) struct Input {
    /// As the user wrote it, or relative to a directory that the user named.
    pub(crate) name: String,
    /// The same as a URI reference, which can express every file name.
    pub(crate) uri: String,
    /// Where it is, if it is a file of this machine.
    pub(crate) path: Option<PathBuf>,
    pub(crate) content: Result<Vec<u8>, Missing>,
}

/// Why there is no content.
#[derive(Debug)]
pub(crate) enum Missing {
    /// The file or directory cannot be read, for this reason.
    Unreadable(String),
    /// The directory holds no file for Sallyport.
    NothingFound,
    /// The user named a file for another program.
    ForOthers,
}

/// Reads every file that the arguments name: files, directories with their subdirectories, or `-` for standard input.
pub(crate) fn gather(arguments: &[PathBuf], selection: Selection) -> Inputs {
    let mut gatherer = Gatherer { selection, ..Gatherer::default() };
    for argument in arguments {
        gatherer.argument(argument);
    }
    let Gatherer { files, skipped, dangling, .. } = gatherer;
    Inputs { files, skipped: skipped.len(), dangling, selection }
}

/// A report must not overwrite a file that it is about.
pub(crate) fn refuse_to_overwrite(output: &Path, inputs: &[PathBuf]) -> Result<(), Failure> {
    let Ok(truth) = fs::canonicalize(output) else {
        return Ok(());
    };
    if inputs.iter().any(|input| fs::canonicalize(input).is_ok_and(|input| input == truth)) {
        let message = format!("the report would overwrite `{}`, one of its inputs", printable(output));
        return Err(Failure::new(Exit::Io, message));
    }
    Ok(())
}

/// Whether a file of a folder is taken.
pub(crate) fn is_taken(selection: Selection, path: &Path, bytes: &[u8]) -> bool {
    is_yaml(path) && is_selected(selection, path, bytes)
}

#[derive(Default)]
struct Gatherer {
    selection: Selection,
    files: Vec<Input>,
    /// Canonical paths of `files`, so that a file with two names is read once.
    seen: BTreeSet<PathBuf>,
    skipped: BTreeSet<PathBuf>,
    /// How many links lead nowhere.
    dangling: usize,
    /// The files of the output folders that were met.
    built: BTreeSet<PathBuf>,
}

impl Gatherer {
    fn argument(&mut self, path: &Path) {
        if path == Path::new("-") {
            if self.seen.insert(path.to_owned()) {
                let content = read(io::stdin().lock());
                self.files.push(Input { name: "<stdin>".to_owned(), uri: "stdin".to_owned(), path: None, content });
            }
            return;
        }
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                let before = (self.files.len(), self.seen.len());
                let repeated = self.directory(path);
                if before == (self.files.len(), self.seen.len()) && !repeated {
                    let why =
                        removed_folder(path).map_or(Missing::NothingFound, |why| Missing::Unreadable(why.message));
                    self.push(path, Err(why));
                }
            }
            // Nothing may ever write to it.
            Ok(metadata) => match special(path, &metadata) {
                Some(kind) => {
                    let why = format!("it is {kind}; write `-` for standard input");
                    self.push(path, Err(Missing::Unreadable(why)));
                }
                None => self.file(path),
            },
            Err(error) => self.push(path, Err(Missing::Unreadable(IoErrorText(&error).to_string()))),
        }
    }

    fn file(&mut self, path: &Path) {
        let canonical = canonical(path);
        if self.seen.insert(canonical.clone()) {
            self.skipped.remove(&canonical);
            let content = open(path).map_or_else(|error| Err((&error).into()), read);
            let content = content.and_then(|bytes| {
                if is_for_others(self.selection, &bytes) { Err(Missing::ForOthers) } else { Ok(bytes) }
            });
            self.push(path, content);
        }
    }

    /// Takes the files of a directory and its subdirectories, except hidden ones and those that `build` wrote into an output
    /// folder below the directory. Links to directories are not followed,
    /// because they can form a cycle. Returns whether there was a file that had been taken before.
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
                // One that cannot be read is no output folder of a build, whatever it is.
                let record = Record::read(&path).ok().flatten().unwrap_or_default();
                self.built.extend(record.files.iter().map(|name| path.join(name)));
                repeated |= self.directory(&path);
            } else if is_yaml(&path) && is_dangling(&path) {
                self.dangling = self.dangling.saturating_add(1);
            } else if is_yaml(&path)
                && !self.built.contains(&path)
                && !fs::metadata(&path).is_ok_and(|metadata| !metadata.is_file())
            {
                repeated |= self.found(&path);
            }
        }
        repeated
    }

    /// Takes a file of a directory, if it is selected. Returns whether it had been taken before.
    fn found(&mut self, path: &Path) -> bool {
        let canonical = canonical(path);
        if self.seen.contains(&canonical) {
            return true;
        }
        let content = open(path).map_or_else(|error| Err((&error).into()), read);
        if content.as_ref().is_ok_and(|bytes| !is_selected(self.selection, path, bytes)) {
            if !content.as_ref().is_ok_and(|bytes| has_cases(bytes)) {
                self.skipped.insert(canonical);
            }
            return false;
        }
        self.seen.insert(canonical);
        self.push(path, content);
        false
    }

    fn push(&mut self, path: &Path, content: Result<Vec<u8>, Missing>) {
        let (name, uri) = name_and_uri(path);
        self.files.push(Input { name, uri, path: Some(path.to_owned()), content });
    }
}

impl From<&io::Error> for Missing {
    fn from(error: &io::Error) -> Self {
        Missing::Unreadable(IoErrorText(error).to_string())
    }
}

fn read(from: impl Read) -> Result<Vec<u8>, Missing> {
    read_at_most(LARGEST, from)
}

/// Whatever is longer is not read to its end.
pub(crate) fn read_at_most(most: u64, from: impl Read) -> Result<Vec<u8>, Missing> {
    let mut bytes = Vec::new();
    from.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| Missing::from(&error))?;
    if bytes.len() as u64 > most {
        return Err(Missing::Unreadable(format!("it is larger than {} MiB", most >> 20)));
    }
    Ok(bytes)
}

/// Whether it is a link to nothing, as an editor's lock of a file is.
fn is_dangling(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink())
        && fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// The canonical path, by which two names of one file are recognised.
pub(crate) fn canonical(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// A file's name in reports, and the same as a URI reference.
pub(crate) fn name_and_uri(path: &Path) -> (String, String) {
    let path = relative(path);
    (printable(&path), uri(&path))
}

/// A path without a leading `./`, and relative if it is below the working directory, because a report may be read on another
/// machine.
pub(crate) fn relative(path: &Path) -> PathBuf {
    let below = std::env::current_dir().ok().and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    let path: PathBuf = below.as_deref().unwrap_or(path).components().collect();
    let path = path.strip_prefix(".").map(Path::to_owned).unwrap_or(path);
    if path.as_os_str().is_empty() { PathBuf::from(".") } else { path }
}

/// A path as a URI reference (RFC 3986), percent-encoded.
pub(crate) fn uri(path: &Path) -> String {
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
    fn a_uri_is_percent_encoded() {
        assert_eq!(uri(Path::new("a b/ü:1%.yaml")), "a%20b/%C3%BC%3A1%25.yaml");
        assert_eq!(uri(Path::new("/tmp/x.yaml")), "file:///tmp/x.yaml");
    }

    #[test]
    fn a_path_below_the_working_directory_is_relative() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(relative(&here.join("a/b.yaml")), Path::new("a/b.yaml"));
        assert_eq!(relative(Path::new("./a.yaml")), Path::new("a.yaml"));
        assert_eq!(relative(Path::new("../a.yaml")), Path::new("../a.yaml"));
        assert_eq!(relative(Path::new(".")), Path::new("."));
    }
}
