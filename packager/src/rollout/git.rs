//! What Git has of the files.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use crate::exit::{Exit, Failure};
use crate::printable::{printable, visible};
use crate::work_tree;

/// How Git writes the mode of a link.
pub(super) const LINK: &str = "120000";
/// What git says of a branch without a commit.
pub(super) const NO_COMMIT: &str = "does not have any commits yet";
/// For git, a name with `*` or `[` is that name.
pub(super) const LITERALLY: &str = "--literal-pathspecs";
/// What git prints does not depend on the configuration of its user.
const PLAINLY: [&str; 6] = [
    "color.ui=false",
    "core.fsmonitor=false",
    "core.quotePath=false",
    "diff.relative=false",
    "log.follow=false",
    "log.showSignature=false",
];
/// Whether Git is to have a file: it is in a repository, which does not ignore it.
///
/// # Errors
/// Fails if there is a repository that cannot be asked: what Git has is not known then.
pub(super) fn has_repository(path: &Path) -> Result<bool, Failure> {
    let (here, name) = place_of(path);
    let cannot_ask = |refusal: Refusal| {
        let message = format!("`{}` is in a Git repository that cannot be asked: {}", printable(path), refusal.reason);
        Failure::new(Exit::Io, message).with_help("mend what git says, and run the same command again")
    };
    match run(&here, &["rev-parse", "--is-inside-work-tree"], b"") {
        Ok(printed) if printed.trim_ascii() == b"true" => {}
        Ok(_) => return Ok(false),
        Err(refusal) if is_below_repository(&here) => return Err(cannot_ask(refusal)),
        Err(_) => return Ok(false),
    }
    let words = ["check-ignore", "--quiet", "--"].map(OsStr::new);
    let ignored = run(&here, &[&words[..], &[name.as_os_str()]].concat(), b"");
    match ignored {
        Ok(_) => return Ok(false),
        Err(Refusal { code: Some(1), .. }) => {}
        Err(refusal) => return Err(cannot_ask(refusal)),
    }
    match run(&here, &["log", "-1", "--format=%H"], b"") {
        Err(refusal) if !refusal.reason.contains(NO_COMMIT) => Err(cannot_ask(refusal)),
        _ => Ok(true),
    }
}

/// Whether there is something that looks like a repository, whatever git says of it, in a folder where git looks for one.
fn is_below_repository(here: &Path) -> bool {
    std::env::var_os("GIT_DIR").is_some() || work_tree::around(here).is_some()
}

/// A file as a revision has it; of a link, what it leads to. `None`: there is no such file, or no such revision.
pub(super) fn show(revision: &str, path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    show_itself(revision, &target_of(path))
}

pub(super) fn target_of(path: &Path) -> PathBuf {
    let target = fs::canonicalize(path).ok().filter(|_| path.is_symlink());
    target.unwrap_or_else(|| path.to_owned())
}

/// A file as a revision has it; of a link, the link.
pub(super) fn show_itself(revision: &str, path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let name = place_of(path).1;
    if !has_commit(path, revision) {
        return Ok(None);
    }
    let words = ["ls-tree", "-z", revision, "--"].map(OsStr::new);
    let listed = ask(path, &[&words[..], &[name.as_os_str()]].concat(), b"")?;
    // `MODE blob OBJECT<tab>NAME`.
    let listed = String::from_utf8_lossy(&listed).into_owned();
    let mut columns = listed.split_ascii_whitespace().skip(1);
    match (columns.next(), columns.next()) {
        (Some("blob"), Some(object)) => ask(path, &["cat-file", "blob", object], b"").map(Some),
        _ => Ok(None),
    }
}

/// Whether there is such a commit.
pub(super) fn has_commit(near: &Path, revision: &str) -> bool {
    run(&folder_of(near), &["rev-parse", "--verify", "--quiet", &format!("{revision}^{{commit}}")], b"").is_ok()
}

/// Whether a commit has another one in its history.
pub(super) fn is_ancestor(near: &Path, commit: &str, of: &str) -> Result<bool, Failure> {
    match run(&folder_of(near), &["merge-base", "--is-ancestor", commit, of], b"") {
        Ok(_) => Ok(true),
        Err(Refusal { code: Some(1), .. }) => Ok(false),
        Err(refusal) => Err(unanswered(near, &refusal)),
    }
}

/// Whether the history ends before its beginning.
pub(super) fn is_shallow(path: &Path) -> Result<bool, Failure> {
    Ok(ask(path, &["rev-parse", "--is-shallow-repository"], b"")?.trim_ascii() == b"true")
}

/// The folder of the repository that a file is in.
pub(super) fn top(near: &Path) -> Result<PathBuf, Failure> {
    let top = ask(near, &["rev-parse", "--show-toplevel"], b"")?;
    Ok(PathBuf::from(String::from_utf8_lossy(&top).trim_end()))
}

/// Files that are in one revision and not in another (`None`: on disk), each with its content; of a link, with that of what it leads
/// to.
pub(super) fn removed(near: &Path, before: &str, after: Option<&str>) -> Result<Vec<(PathBuf, String)>, Failure> {
    let words = ["diff", "--no-ext-diff", "--no-renames", "--raw", "--no-abbrev", "--diff-filter=D", "-z", before];
    let words: Vec<&str> = words.into_iter().chain(after).collect();
    let top = top(near)?;
    let printed = ask(near, &words, b"")?;
    let mut words = printed.split(|byte| *byte == 0);
    let mut files = Vec::new();
    // `:MODE MODE OBJECT OBJECT D<nul>NAME<nul>`.
    while let (Some(columns), Some(name)) = (words.next(), words.next()) {
        let (Ok(columns), Ok(name)) = (std::str::from_utf8(columns), std::str::from_utf8(name)) else { continue };
        let Some(object) = columns.split(' ').nth(2) else { continue };
        let Ok(content) = String::from_utf8(ask(near, &["cat-file", "blob", object], b"")?) else { continue };
        let content = if is_of_link(columns) { through(near, before, name, &content) } else { Some(content) };
        files.extend(content.map(|text| (crate::input::relative(&top.join(name)), text)));
    }
    Ok(files)
}

/// Whether `:MODE MODE OBJECT OBJECT STATUS` is about a file that was a link.
pub(super) fn is_of_link(columns: &str) -> bool {
    columns.strip_prefix(':').is_some_and(|modes| modes.starts_with(LINK))
}

/// What a link leads to, in a revision. `name`: below the folder of the repository; `target`: what the link has.
pub(super) fn through(near: &Path, revision: &str, name: &str, target: &str) -> Option<String> {
    let mut place = PathBuf::new();
    for component in Path::new(name).parent()?.join(target).components() {
        match component {
            Component::Normal(part) => place.push(part),
            Component::CurDir => {}
            Component::ParentDir if place.pop() => {}
            _ => return None,
        }
    }
    let words = ["cat-file", "blob", &format!("{revision}:{}", place.display())];
    run(&folder_of(near), &words, b"").ok().and_then(|content| String::from_utf8(content).ok())
}

/// What a file leads to, if it is a link in a revision.
pub(super) fn link_at(revision: &str, path: &Path) -> Result<Option<PathBuf>, Failure> {
    let name = place_of(path).1;
    let words = ["ls-tree", "-z", revision, "--"].map(OsStr::new);
    let listed = ask(path, &[&words[..], &[name.as_os_str()]].concat(), b"")?;
    let is_link = listed.starts_with(LINK.as_bytes());
    let target = if is_link { show_itself(revision, path)? } else { None };
    Ok(target.map(|target| PathBuf::from(String::from_utf8_lossy(&target).into_owned())))
}

/// The files of a revision that have a word in them: each by its name below the folder of the repository, with its content. None, if
/// there is no such revision.
pub(super) fn files_with(near: &Path, revision: &str, word: &str) -> Result<Vec<(String, String)>, Failure> {
    let top = top(near)?;
    if !has_commit(near, revision) {
        return Ok(Vec::new());
    }
    let words = ["grep", "--no-color", "-l", "-z", "-I", "--full-name", "-F", "-e", word, revision, "--"];
    let printed = match run(&top, &words, b"") {
        Ok(printed) => printed,
        Err(Refusal { code: Some(1), .. }) => Vec::new(),
        Err(refusal) => return Err(unanswered(near, &refusal)),
    };
    let mut files = Vec::new();
    for name in printed.split(|byte| *byte == 0) {
        let name = std::str::from_utf8(name).ok().and_then(|name| name.strip_prefix(revision)?.strip_prefix(':'));
        let Some(name) = name else { continue };
        let content = ask(near, &["cat-file", "blob", &format!("{revision}:{name}")], b"")?;
        files.extend(String::from_utf8(content).ok().map(|text| (name.to_owned(), text)));
    }
    Ok(files)
}

/// What git prints beside a file; or its reason, as the end of a command.
pub(super) fn ask(near: &Path, arguments: &[impl AsRef<OsStr>], input: &[u8]) -> Result<Vec<u8>, Failure> {
    run(&folder_of(near), arguments, input).map_err(|refusal| unanswered(near, &refusal))
}

pub(super) fn unanswered(near: &Path, refusal: &Refusal) -> Failure {
    let message = format!("git cannot say what it has of `{}`: {}", printable(near), refusal.reason);
    Failure::new(Exit::Io, message).with_help("mend what git says, and run the same command again")
}

/// The folder of a file; if that is gone, the nearest one above.
pub(super) fn folder_of(path: &Path) -> PathBuf {
    place_of(path).0
}

/// A folder that is there, and the file from there on.
pub(super) fn place_of(path: &Path) -> (PathBuf, PathBuf) {
    let here = Path::new(".");
    let mut above = path.ancestors().skip(1).map(|folder| if folder.as_os_str().is_empty() { here } else { folder });
    let folder = above.find(|folder| folder.is_dir()).unwrap_or(here);
    (folder.to_owned(), path.strip_prefix(folder).unwrap_or(path).to_owned())
}

/// Why git failed.
pub(super) struct Refusal {
    /// In its words, in one line.
    pub(super) reason: String,
    /// Its exit code; `None`: it did not run, or was killed.
    code: Option<i32>,
}

/// What git prints, or why it fails.
pub(super) fn run(here: &Path, arguments: &[impl AsRef<OsStr>], input: &[u8]) -> Result<Vec<u8>, Refusal> {
    let not_run = |error: std::io::Error| Refusal { reason: format!("cannot run `git`: {error}"), code: None };
    let mut child = Command::new("git")
        .args(PLAINLY.iter().flat_map(|setting| ["-c", setting]))
        .args(arguments)
        .current_dir(here)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(not_run)?;
    if let Some(mut stdin) = child.stdin.take() {
        // If it does not read to the end, it says why.
        let _ = stdin.write_all(input);
    }
    let output = child.wait_with_output().map_err(not_run)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let printed = String::from_utf8_lossy(&output.stderr);
    let printed = if printed.trim().is_empty() { String::from_utf8_lossy(&output.stdout) } else { printed };
    let lines: Vec<_> = printed.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let reason = match lines.is_empty() {
        true => format!("a hook or git failed without a reason ({})", ended(output.status.code())),
        false => visible(&lines.join("; ")),
    };
    Err(Refusal { reason, code: output.status.code() })
}

fn ended(code: Option<i32>) -> String {
    code.map_or("it was killed".to_owned(), |code| format!("exit code {code}"))
}
