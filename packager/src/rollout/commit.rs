//! Commits of exactly the files that a step has written.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::git::{LITERALLY, Refusal, folder_of, has_repository, run, target_of, top};
use super::stored::object_of;
use super::write::{Disk, Writer};
use crate::exit::{Exit, Failure};
use crate::input::canonical;
use crate::printable::{printable, quoted_path, visible};

/// Files in Git's folder that are there in the middle of something, and what that is.
const UNFINISHED: [(&str, &str); 6] = [
    ("MERGE_HEAD", "a merge"),
    ("rebase-merge", "a rebase"),
    ("rebase-apply", "a rebase"),
    ("CHERRY_PICK_HEAD", "a cherry-pick"),
    ("REVERT_HEAD", "a revert"),
    // Between two commits, when one was committed by hand.
    ("sequencer", "a series of cherry-picks or reverts"),
];

/// What is to be committed.
pub(crate) struct Commit {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) message: String,
}

/// A commit that was made.
pub(crate) struct Made {
    /// Its short name.
    pub(crate) name: String,
    /// What it has beside what was written, or has not.
    pub(crate) strays: Option<Failure>,
}

/// Files of one repository, as git names them.
struct Files {
    top: PathBuf,
    /// Below `top`.
    names: Vec<PathBuf>,
}

impl Files {
    /// What is written through a link is what it leads to: `has_targets` adds that.
    fn of(files: &[PathBuf], has_targets: bool) -> Result<Option<Self>, Failure> {
        let Some(last) = files.last() else { return Ok(None) };
        let top = top(last)?;
        let real_top = canonical(&top);
        let name = |file: &PathBuf| {
            let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
            // Git knows of no file behind a link.
            let real = match (file.parent(), file.file_name()) {
                (Some(folder), Some(name)) => canonical(folder).join(name),
                _ => file.clone(),
            };
            real.strip_prefix(&real_top).map(Path::to_owned).unwrap_or(file)
        };
        let targets: Vec<PathBuf> =
            files.iter().filter(|file| has_targets && file.is_symlink()).map(|file| canonical(file)).collect();
        Ok(Some(Self { names: files.iter().chain(&targets).map(name).collect(), top }))
    }

    /// What git prints, run for these files.
    fn run(&self, words: &[&str], names: &[&Path], input: &[u8]) -> Result<Vec<u8>, Refusal> {
        let words = words.iter().map(|word| OsStr::new(*word));
        let all: Vec<&OsStr> = words.chain(names.iter().map(|name| name.as_os_str())).collect();
        run(&self.top, &all, input)
    }

    fn head(&self) -> Option<String> {
        let printed = self.run(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], &[], b"").ok()?;
        Some(String::from_utf8_lossy(&printed).trim().to_owned())
    }

    fn short(&self, commit: &str) -> Result<String, Refusal> {
        let printed = self.run(&["rev-parse", "--short", commit], &[], b"")?;
        Ok(String::from_utf8_lossy(&printed).trim().to_owned())
    }
}

/// Commits these files and nothing else. If that fails, the index is as it was.
pub(crate) fn commit(commit: &Commit) -> Result<Made, Failure> {
    let nothing = || Failure::new(Exit::Io, "there is nothing to commit");
    let files = Files::of(&commit.files, true)?.ok_or_else(nothing)?;
    let before = files.head();
    let mut written = BTreeMap::new();
    let mut new = Vec::new();
    for name in &files.names {
        let path = files.top.join(name);
        written.insert(name_in_git(name), object_of(&path)?);
        let is_there = path.exists() || path.is_symlink();
        if is_there && files.run(&[LITERALLY, "ls-files", "--"], &[name], b"").map_err(refused)?.is_empty() {
            new.push(name.as_path());
        }
    }
    // A kill leaves nothing in the index that the next commit would have: what is only intended is in none.
    if !new.is_empty() {
        files.run(&[LITERALLY, "add", "--intent-to-add", "--"], &new, b"").map_err(refused)?;
    }
    let names: Vec<&Path> = files.names.iter().map(PathBuf::as_path).collect();
    let words = [LITERALLY, "commit", "--quiet", "--only", "--cleanup=whitespace", "--file=-", "--"];
    if let Err(refusal) = files.run(&words, &names, commit.message.as_bytes()) {
        if !new.is_empty() {
            // If it cannot be taken back, it is in nobody's way.
            let _ = files.run(&[LITERALLY, "rm", "--cached", "--quiet", "--force", "--"], &new, b"");
        }
        return Err(refused(refusal));
    }
    let name = files.short("HEAD").map_err(refused)?;
    let strays = strays(&files, before.as_deref(), &name, &written)?;
    Ok(Made { name, strays })
}

/// What a commit has beside the files that were written, or otherwise than they were. `written`: by their names, the objects as which
/// git stores them; `None`: the file was removed.
fn strays(
    files: &Files,
    before: Option<&str>,
    name: &str,
    written: &BTreeMap<Vec<u8>, Option<String>>,
) -> Result<Option<Failure>, Failure> {
    let words = ["diff-tree", "-r", "-z", "--no-renames"];
    let words: Vec<&str> = match before {
        Some(before) => words.into_iter().chain([before, "HEAD"]).collect(),
        None => words.into_iter().chain(["--root", "--no-commit-id", "HEAD"]).collect(),
    };
    let printed = files.run(&words, &[], b"").map_err(|refusal| unseen(name, &refusal))?;
    let mut others: Vec<String> = Vec::new();
    // `:MODE MODE OBJECT OBJECT STATUS`, then the name.
    let mut parts = printed.split(|byte| *byte == 0);
    while let (Some(columns), Some(file)) = (parts.next(), parts.next()) {
        let columns = String::from_utf8_lossy(columns);
        let mut columns = columns.split(' ').skip(3);
        let (object, status) = (columns.next().unwrap_or_default(), columns.next().unwrap_or_default());
        let is_as_written = written.get(file).is_some_and(|one| match status {
            "D" => one.is_none(),
            _ => one.as_deref() == Some(object),
        });
        if !is_as_written {
            others.push(format!("`{}`", visible(&String::from_utf8_lossy(file))));
        }
    }
    for (file, object) in written {
        let at = format!("HEAD:{}", String::from_utf8_lossy(file));
        let has = files.run(&["rev-parse", "--verify", "--quiet", &at], &[], b"").ok();
        let has = has.map(|printed| String::from_utf8_lossy(&printed).trim().to_owned());
        let file = format!("`{}`", visible(&String::from_utf8_lossy(file)));
        if has != *object && !others.contains(&file) {
            others.push(file);
        }
    }
    if others.is_empty() {
        return Ok(None);
    }
    let message = format!(
        "the commit {name} is not what this command wrote, and its message does not say so: a hook has added, changed or left out {}",
        others.join(", ")
    );
    let undo = match before {
        Some(before) => format!("`git reset {}`", files.short(before).map_err(|refusal| unseen(name, &refusal))?),
        None => "`git update-ref -d HEAD`".to_owned(),
    };
    Ok(Some(Failure::new(Exit::Io, message).with_help(format!(
        "`git show {name}` shows it; {undo} takes the commit back and leaves the files as they are: see to the hook, take back what it \
         did to the files, and run the same command again"
    ))))
}

fn unseen(name: &str, refusal: &Refusal) -> Failure {
    let message = format!("the commit {name} is made, but git cannot say what it has: {}", refusal.reason);
    Failure::new(Exit::Io, message).with_help(format!("`git show {name}` must have the files of this step alone"))
}

/// A path as git writes it.
fn name_in_git(name: &Path) -> Vec<u8> {
    let parts: Vec<&[u8]> = name.components().map(|part| part.as_os_str().as_encoded_bytes()).collect();
    parts.join(&b'/')
}

fn refused(refusal: Refusal) -> Failure {
    Failure::new(Exit::Io, format!("the files are written, but git did not commit them: {}", refusal.reason))
        .with_help("mend what git says, and run the same command again: it commits what is written")
}

/// Takes files that went back out of the index, where the next commit would find what they were before. Returns what is to be said if
/// that fails: the files are back in any case.
pub(crate) fn unstage(files: &[PathBuf]) -> Vec<String> {
    let reset = |file: &PathBuf| {
        let Ok(Some(one)) = Files::of(std::slice::from_ref(file), false) else { return None };
        let names: Vec<&Path> = one.names.iter().map(PathBuf::as_path).collect();
        // What a merge has resolved stays.
        if unfinished(&git_folder(&one.top).ok()?).is_some() {
            return None;
        }
        let words = [LITERALLY, "diff", "--cached", "--no-ext-diff", "--name-only", "--"];
        one.run(&words, &names, b"").ok().filter(|staged| !staged.is_empty())?;
        let refusal = one.run(&[LITERALLY, "reset", "--quiet", "--"], &names, b"").err()?;
        Some(format!(
            "git still has what `{}` was before in its index: {}; `git reset -- {}` takes it out",
            printable(file),
            refusal.reason,
            quoted_path(file)
        ))
    };
    files.iter().filter_map(reset).collect()
}

fn git_folder(here: &Path) -> Result<PathBuf, Refusal> {
    let printed = run(here, &["rev-parse", "--absolute-git-dir"], b"")?;
    Ok(PathBuf::from(String::from_utf8_lossy(&printed).trim_end()))
}

/// What a repository is in the middle of.
fn unfinished(folder: &Path) -> Option<&'static str> {
    UNFINISHED.iter().find(|(file, _)| folder.join(file).exists()).map(|(_, what)| *what)
}

fn nothing_written(reason: &str) -> Failure {
    Failure::new(Exit::Blocked, format!("nothing is written, because git could not commit it: {reason}"))
}

/// Fails if git would not take these files, whether they are there or not.
fn need_taken(files: &[PathBuf]) -> Result<(), Failure> {
    let Some(files) = Files::of(files, true)? else { return Ok(()) };
    let names: Vec<&Path> = files.names.iter().map(PathBuf::as_path).collect();
    let words = ["-c", "advice.updateSparsePath=false", LITERALLY, "add", "--dry-run", "--ignore-missing", "--"];
    match files.run(&words, &names, b"") {
        Ok(_) => Ok(()),
        Err(refusal) => Err(nothing_written(&refusal.reason).with_help("mend what git says, or leave out --commit")),
    }
}

/// Fails unless a commit can be made here: asked before a file is written.
pub(crate) fn need_repository(path: &Path) -> Result<(), Failure> {
    if !has_repository(path)? {
        let message =
            format!("`{}` is in no Git repository, or ignored there, so nothing can be committed", printable(path));
        return Err(Failure::new(Exit::Usage, message).with_help("leave out --commit"));
    }
    let here = folder_of(path);
    let asked = |words: &[&str]| {
        let printed = run(&here, words, b"").map_err(|refusal| nothing_written(&refusal.reason))?;
        Ok::<_, Failure>(String::from_utf8_lossy(&printed).trim_end().to_owned())
    };
    let folder = git_folder(&here).map_err(|refusal| nothing_written(&refusal.reason))?;
    if let Some(what) = unfinished(&folder) {
        return Err(nothing_written(&format!("the repository is in the middle of {what}"))
            .with_help(format!("end {what} first, or leave out --commit")));
    }
    if folder.join("index.lock").exists() {
        return Err(nothing_written("its `index.lock` is there: git is at work, or was killed")
            .with_help("wait until git is done, or remove that file, or leave out --commit"));
    }
    let conflicts = asked(&["diff", "--no-ext-diff", "--name-only", "--diff-filter=U", "-z"])?;
    if let Some(file) = conflicts.split('\0').find(|file| !file.is_empty()) {
        return Err(nothing_written(&format!("`{}` has conflicts", visible(file))).with_help("resolve them first"));
    }
    for identity in ["GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"] {
        asked(&["var", identity])?;
    }
    need_taken(&[path.to_owned()])
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
    need_taken(&files.iter().map(|file| (*file).to_owned()).collect::<Vec<_>>())
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
