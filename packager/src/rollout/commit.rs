//! Commits of exactly the files that a step has written.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::git::{LITERALLY, Refusal, folder_of, has_repository, run, target_of, top};
use super::write::{Disk, Writer};
use crate::exit::{Exit, Failure};
use crate::printable::{printable, visible};

/// Files in Git's folder that are there in the middle of something, and what that is.
const UNFINISHED: [(&str, &str); 5] = [
    ("MERGE_HEAD", "a merge"),
    ("rebase-merge", "a rebase"),
    ("rebase-apply", "a rebase"),
    ("CHERRY_PICK_HEAD", "a cherry-pick"),
    ("REVERT_HEAD", "a revert"),
];

/// What is to be committed.
pub(crate) struct Commit {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) message: String,
}

/// Commits these files and nothing else; returns the short name of the commit.
pub(crate) fn commit(commit: &Commit) -> Result<String, Failure> {
    let Commit { files, message } = commit;
    let Some(first) = files.last() else { return Err(Failure::new(Exit::Io, "there is nothing to commit")) };
    let here = folder_of(first);
    let mut absolute: Vec<PathBuf> =
        files.iter().map(|file| std::path::absolute(file).unwrap_or_else(|_| file.clone())).collect();
    // What is written through a link is what it leads to.
    let targets = absolute.iter().filter(|file| file.is_symlink()).filter_map(|link| fs::canonicalize(link).ok());
    absolute.extend(targets.collect::<Vec<_>>());
    let arguments = |words: &[&str], files: &[&PathBuf]| {
        let words = words.iter().map(|word| OsStr::new(*word).to_owned());
        words.chain(files.iter().map(|file| file.as_os_str().to_owned())).collect::<Vec<_>>()
    };
    let present: Vec<&PathBuf> = absolute.iter().filter(|file| file.exists()).collect();
    run(&here, &arguments(&[LITERALLY, "add", "--"], &present), b"").map_err(refused)?;
    let all: Vec<&PathBuf> = absolute.iter().collect();
    let words = [LITERALLY, "commit", "--quiet", "--only", "--cleanup=whitespace", "--file=-", "--"];
    run(&here, &arguments(&words, &all), message.as_bytes()).map_err(refused)?;
    let name = run(&here, &arguments(&["rev-parse", "--short", "HEAD"], &[]), b"").map_err(refused)?;
    Ok(String::from_utf8_lossy(&name).trim().to_owned())
}

fn refused(refusal: Refusal) -> Failure {
    Failure::new(Exit::Io, format!("the files are written, but git did not commit them: {}", refusal.reason))
        .with_help("mend what git says, and run the same command again: it commits what is written")
}

/// Fails unless a commit can be made here: asked before a file is written.
pub(crate) fn need_repository(path: &Path) -> Result<(), Failure> {
    if !has_repository(path)? {
        let message =
            format!("`{}` is in no Git repository, or ignored there, so nothing can be committed", printable(path));
        return Err(Failure::new(Exit::Usage, message).with_help("leave out --commit"));
    }
    let here = folder_of(path);
    let nothing = |reason: &str| {
        Failure::new(Exit::Blocked, format!("nothing is written, because git could not commit it: {reason}"))
    };
    let asked = |words: &[&str]| {
        let printed = run(&here, words, b"").map_err(|refusal| nothing(&refusal.reason))?;
        Ok::<_, Failure>(String::from_utf8_lossy(&printed).trim_end().to_owned())
    };
    let folder = PathBuf::from(asked(&["rev-parse", "--absolute-git-dir"])?);
    if let Some((_, what)) = UNFINISHED.iter().find(|(file, _)| folder.join(file).exists()) {
        return Err(nothing(&format!("the repository is in the middle of {what}"))
            .with_help(format!("end {what} first, or leave out --commit")));
    }
    let conflicts = asked(&["diff", "--no-ext-diff", "--name-only", "--diff-filter=U", "-z"])?;
    if let Some(file) = conflicts.split('\0').find(|file| !file.is_empty()) {
        return Err(nothing(&format!("`{}` has conflicts", visible(file))).with_help("resolve them first"));
    }
    for identity in ["GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"] {
        asked(&["var", identity])?;
    }
    Ok(())
}

/// Fails unless one commit can have these files and the lock: asked before a file is written.
pub(crate) fn need_one_repository(lock: &Path, files: &[&Path]) -> Result<(), Failure> {
    let own = top(lock)?;
    for file in files {
        for path in [(*file).to_owned(), target_of(file)] {
            let why = match has_repository(&path)? {
                false => "is in no Git repository, or ignored there".to_owned(),
                true if top(&path)? != own => format!("is in another Git repository than `{}`", printable(lock)),
                true => continue,
            };
            let message = format!("nothing is written, because git could not commit it: `{}` {why}", printable(file));
            return Err(Failure::new(Exit::Blocked, message).with_help(
                "leave out --commit, and commit the files by hand, in each repository those that are there",
            ));
        }
    }
    Ok(())
}

/// The file system, where what is written is committed then.
pub(crate) struct Committing<'a> {
    /// The path of the lock.
    pub(crate) lock: &'a Path,
}

impl Writer for Committing<'_> {
    fn begin(&mut self, files: &[&Path]) -> Result<(), Failure> {
        need_one_repository(self.lock, files)
    }

    fn commits(&self) -> bool {
        true
    }

    fn replace(&mut self, path: &Path, old: Option<&[u8]>, new: &[u8]) -> Result<(), Failure> {
        Disk.replace(path, old, new)
    }

    fn remove(&mut self, path: &Path, old: &[u8]) -> Result<(), Failure> {
        Disk.remove(path, old)
    }
}
