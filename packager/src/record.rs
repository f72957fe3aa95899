//! `.sallyport` in an output folder: the files that `build` wrote there, and the options with which it did.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Component, Path};

const HEADER: &str =
    "# The files that `sallyport build` wrote here. With --prune it removes those that it no longer writes.\n";
/// Each option is one word. Programs that do not know these lines take them for comments.
const OPTION: &str = "# Option: ";

/// What is known of a folder's last build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// Paths below the folder, with `/` between the parts.
    pub(crate) files: BTreeSet<String>,
    /// The options that change what is written, each as one word.
    pub(crate) options: Vec<String>,
}

impl Record {
    /// The name of the file. A folder that has files but no record is not an output folder.
    pub(crate) const FILE: &'static str = ".sallyport";

    /// The record in this folder. Only a regular file is opened: opening a named pipe would block.
    pub(crate) fn read(folder: &Path) -> io::Result<Option<Record>> {
        let path = folder.join(Record::FILE);
        let metadata = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if !metadata.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        Ok(Some(Record::parse(&fs::read_to_string(&path)?)))
    }

    fn parse(text: &str) -> Record {
        let names = text.lines().filter(|line| !line.starts_with('#') && is_below(line));
        let options = text.lines().filter_map(|line| line.strip_prefix(OPTION));
        Record { files: names.map(str::to_owned).collect(), options: options.map(str::to_owned).collect() }
    }

    /// The text of the file.
    pub(crate) fn render(&self) -> String {
        let Record { files, options } = self;
        let mut text = HEADER.to_owned();
        options.iter().for_each(|option| text.push_str(&format!("{OPTION}{option}\n")));
        files.iter().for_each(|name| text.push_str(&format!("{name}\n")));
        text
    }
}

/// The file may have been edited, so entries outside the folder are ignored, and so is the record itself.
fn is_below(name: &str) -> bool {
    let is_normal = |part| matches!(part, Component::Normal(_));
    !name.is_empty() && name != Record::FILE && Path::new(name).components().all(is_normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_is_written() {
        let strings = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let record = Record {
            files: strings(&["a/1", "b c/2"]).into_iter().collect(),
            options: strings(&["--argo", "--repository-path=my manifests"]),
        };
        assert_eq!(Record::parse(&record.render()), record);
    }

    #[test]
    fn entries_outside_the_folder_are_ignored() {
        let text = "# a comment\n../a\n/etc/passwd\na/../../b\n.sallyport\n\nmine\n";
        assert_eq!(Record::parse(text).files.into_iter().collect::<Vec<_>>(), ["mine"]);
    }
}
