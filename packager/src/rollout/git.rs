//! What Git has of the files, and commits of exactly those that a step has written.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sallyport_manifest::{LockFile, LockedGateway};

use super::state::State;
use crate::exit::{Exit, Failure};
use crate::printable::{printable, visible};

/// Commits of the lock that are searched for the one that settled a candidate.
const MOST_COMMITS: &str = "-n200";

/// A gateway whose step is written, but not committed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) gateway: String,
    /// What the lock of the last commit has of it, and what the lock has.
    pub(super) before: LockedGateway,
    pub(super) now: LockedGateway,
}

/// The steps in the lock that the last commit does not have; none outside of a repository.
pub(super) fn pending(state: &State) -> Vec<Pending> {
    if !is_repository(&state.lock_path) {
        return Vec::new();
    }
    let committed = show("HEAD", &state.lock_path).unwrap_or_default();
    let before = LockFile::parse(&String::from_utf8_lossy(&committed)).unwrap_or_default().rollout.gateways;
    let now = &state.lock.rollout.gateways;
    let names: std::collections::BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let pending = |name: &String| {
        let (before, now) = (before.get(name).cloned().unwrap_or_default(), now.get(name).cloned().unwrap_or_default());
        (before != now).then(|| Pending { gateway: name.clone(), before, now })
    };
    names.into_iter().filter_map(pending).collect()
}

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
    run(&here, &arguments(&["add", "--"], &present), b"").map_err(refused)?;
    let all: Vec<&PathBuf> = absolute.iter().collect();
    run(&here, &arguments(&["commit", "--quiet", "--only", "--file=-", "--"], &all), message.as_bytes())
        .map_err(refused)?;
    let name = run(&here, &arguments(&["rev-parse", "--short", "HEAD"], &[]), b"").map_err(refused)?;
    Ok(String::from_utf8_lossy(&name).trim().to_owned())
}

fn refused(reason: String) -> Failure {
    Failure::new(Exit::Io, format!("the files are written, but git did not commit them: {reason}"))
        .with_help("mend what git says, and run the same command again: it commits what is written")
}

/// Whether Git is to have a file: it is in a repository, which does not ignore it.
pub(super) fn is_repository(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    let here = folder_of(path);
    run(&here, &["rev-parse", "--is-inside-work-tree"], b"").is_ok()
        && run(&here, &[OsStr::new("check-ignore"), OsStr::new("--quiet"), OsStr::new("--"), name], b"").is_err()
}

/// Fails unless `--commit` can work here.
pub(crate) fn need_repository(path: &Path) -> Result<(), Failure> {
    if is_repository(path) {
        return Ok(());
    }
    let message =
        format!("`{}` is in no Git repository, or ignored there, so nothing can be committed", printable(path));
    Err(Failure::new(Exit::Usage, message).with_help("leave out --commit"))
}

/// A file as a revision has it; of a link, what it leads to.
pub(super) fn show(revision: &str, path: &Path) -> Option<Vec<u8>> {
    let target = fs::canonicalize(path).ok().filter(|_| path.is_symlink());
    show_itself(revision, target.as_deref().unwrap_or(path))
}

/// A file as a revision has it; of a link, the link.
fn show_itself(revision: &str, path: &Path) -> Option<Vec<u8>> {
    let name = path.file_name()?.to_str()?;
    run(&folder_of(path), &["show", &format!("{revision}:./{name}")], b"").ok()
}

/// Whether the file is as the last commit has it: not there, if that has none. Of a link, what it leads to must be, too.
pub(crate) fn is_committed(path: &Path) -> bool {
    let committed = show_itself("HEAD", path);
    match fs::read_link(path) {
        Ok(target) => {
            committed.as_deref() == Some(target.as_os_str().as_encoded_bytes())
                && fs::canonicalize(path).is_ok_and(|target| is_committed(&target))
        }
        Err(_) => fs::read(path).ok() == committed,
    }
}

/// The commits that changed a file, the newest first.
pub(super) fn commits_of(path: &Path) -> Vec<String> {
    let Some(name) = path.file_name().and_then(OsStr::to_str) else { return Vec::new() };
    let printed = run(&folder_of(path), &["log", "--format=%H", MOST_COMMITS, "--", name], b"").unwrap_or_default();
    String::from_utf8_lossy(&printed).lines().map(str::to_owned).collect()
}

/// Files that are in one revision and not in another (`None`: on disk), each with its content.
pub(super) fn removed(near: &Path, before: &str, after: Option<&str>) -> Vec<(PathBuf, String)> {
    let here = folder_of(near);
    let words = ["diff", "--no-renames", "--name-only", "--diff-filter=D", "-z", before];
    let words: Vec<&str> = words.into_iter().chain(after).collect();
    let top = run(&here, &["rev-parse", "--show-toplevel"], b"").unwrap_or_default();
    let top = PathBuf::from(String::from_utf8_lossy(&top).trim_end());
    let printed = run(&here, &words, b"").unwrap_or_default();
    let file = |name: &[u8]| {
        let name = std::str::from_utf8(name).ok().filter(|name| !name.is_empty())?;
        let content = run(&here, &["show", &format!("{before}:{name}")], b"").ok()?;
        Some((crate::input::relative(&top.join(name)), String::from_utf8(content).ok()?))
    };
    printed.split(|byte| *byte == 0).filter_map(file).collect()
}

fn folder_of(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    folder.to_owned()
}

/// What git prints, or why it fails.
fn run(here: &Path, arguments: &[impl AsRef<OsStr>], input: &[u8]) -> Result<Vec<u8>, String> {
    let mut child = Command::new("git")
        .args(arguments)
        .current_dir(here)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run `git`: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // If it does not read to the end, it says why.
        let _ = stdin.write_all(input);
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let printed = String::from_utf8_lossy(&output.stderr);
    let printed = if printed.trim().is_empty() { String::from_utf8_lossy(&output.stdout) } else { printed };
    let lines: Vec<_> = printed.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    Err(visible(&lines.join("; ")))
}
