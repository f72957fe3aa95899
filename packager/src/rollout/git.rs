//! What Git has of the files.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::exit::{Exit, Failure};
use crate::printable::{printable, visible};

/// Commits whose files are asked for at once: what is asked fits into a pipe, whatever is answered.
const AT_ONCE: usize = 64;
/// What git says of a branch without a commit.
const NO_COMMIT: &str = "does not have any commits yet";
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
    let real = |folder: PathBuf| fs::canonicalize(&folder).unwrap_or(folder);
    let here = real(here.to_owned());
    let ceilings = std::env::var_os("GIT_CEILING_DIRECTORIES").unwrap_or_default();
    let ceilings: Vec<PathBuf> = std::env::split_paths(&ceilings).map(real).collect();
    let mut searched =
        here.ancestors().take_while(|folder| *folder == here || !ceilings.iter().any(|end| end == folder));
    std::env::var_os("GIT_DIR").is_some() || searched.any(|folder| folder.join(".git").symlink_metadata().is_ok())
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
fn show_itself(revision: &str, path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let (here, name) = place_of(path);
    if run(&here, &["rev-parse", "--verify", "--quiet", &format!("{revision}^{{commit}}")], b"").is_err() {
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

/// Whether the file is as the last commit has it: not there, if that has none. Of a link, what it leads to must be, too.
pub(crate) fn is_committed(path: &Path) -> Result<bool, Failure> {
    let committed = show_itself("HEAD", path)?;
    match fs::read_link(path) {
        Ok(target) if committed.as_deref() == Some(target.as_os_str().as_encoded_bytes()) => {
            fs::canonicalize(path).map_or(Ok(false), |target| is_committed(&target))
        }
        Ok(_) => Ok(false),
        Err(_) => Ok(fs::read(path).ok() == committed),
    }
}

/// Of these files, those that are not as the last commit has them.
pub(super) fn not_as_committed(files: impl IntoIterator<Item = PathBuf>) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for file in files {
        if !is_committed(&file)? {
            found.push(file);
        }
    }
    Ok(found)
}

/// The commits that changed a file, the newest first.
pub(super) fn commits_of(path: &Path) -> Result<Vec<String>, Failure> {
    let (here, name) = place_of(path);
    let words = [LITERALLY, "log", "--format=%H", "--"].map(OsStr::new);
    match run(&here, &[&words[..], &[name.as_os_str()]].concat(), b"") {
        Err(refusal) if refusal.reason.contains(NO_COMMIT) => Ok(Vec::new()),
        Err(refusal) => Err(unanswered(path, &refusal)),
        Ok(printed) => Ok(String::from_utf8_lossy(&printed).lines().map(str::to_owned).collect()),
    }
}

/// Searches the whole history of a file, the newest commit first. `find` gets each commit that changed it, and the file before
/// and after that.
pub(super) fn find_in_history<T>(
    path: &Path,
    mut find: impl FnMut(&str, Option<&[u8]>, Option<&[u8]>) -> Option<T>,
) -> Result<Option<T>, Failure> {
    let path = target_of(path);
    let name = place_of(&path).1.to_string_lossy().into_owned();
    for commits in commits_of(&path)?.chunks(AT_ONCE) {
        let asked: String = commits.iter().map(|commit| format!("{commit}^:./{name}\n{commit}:./{name}\n")).collect();
        let printed = ask(&path, &["cat-file", "--batch"], asked.as_bytes())?;
        let mut rest = printed.as_slice();
        for commit in commits {
            let (before, after) = (object(&mut rest), object(&mut rest));
            if let Some(found) = find(commit, before, after) {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

/// The next object that `cat-file --batch` printed: `OBJECT blob SIZE`, a line end, the content, and a line end; or `NAME missing`.
fn object<'p>(printed: &mut &'p [u8]) -> Option<&'p [u8]> {
    let end = printed.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = printed.split_at_checked(end)?;
    let rest = rest.split_first()?.1;
    *printed = rest;
    let line = std::str::from_utf8(line).ok().filter(|line| !line.ends_with(" missing"))?;
    let size: usize = line.rsplit(' ').next()?.parse().ok()?;
    let (content, rest) = rest.split_at_checked(size)?;
    *printed = rest.split_first().map_or(rest, |(_, rest)| rest);
    Some(content)
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

/// Files that are in one revision and not in another (`None`: on disk), each with its content.
pub(super) fn removed(near: &Path, before: &str, after: Option<&str>) -> Result<Vec<(PathBuf, String)>, Failure> {
    let words = ["diff", "--no-ext-diff", "--no-renames", "--name-only", "--diff-filter=D", "-z", before];
    let words: Vec<&str> = words.into_iter().chain(after).collect();
    let top = top(near)?;
    let mut files = Vec::new();
    for name in ask(near, &words, b"")?.split(|byte| *byte == 0) {
        let Some(name) = std::str::from_utf8(name).ok().filter(|name| !name.is_empty()) else { continue };
        let content = ask(near, &["cat-file", "blob", &format!("{before}:{name}")], b"")?;
        files.extend(String::from_utf8(content).ok().map(|text| (crate::input::relative(&top.join(name)), text)));
    }
    Ok(files)
}

/// A YAML file that a commit removed.
pub(super) struct Removal {
    pub(super) commit: String,
    /// Below the folder of the repository.
    pub(super) name: String,
    /// What it was.
    pub(super) text: String,
}

/// Searches the YAML files that commits removed, the newest commit first. `since`: only commits that this one does not have.
pub(super) fn find_removal<T>(
    near: &Path,
    since: Option<&str>,
    mut find: impl FnMut(Removal) -> Result<Option<T>, Failure>,
) -> Result<Option<T>, Failure> {
    let range = since.map_or_else(|| "HEAD".to_owned(), |since| format!("{since}..HEAD"));
    let words = ["log", "--no-ext-diff", "--no-renames", "--name-only", "--diff-filter=D", "--format=%x01%H", &range];
    let printed = ask(near, &words, b"")?;
    let (mut removals, mut commit) = (Vec::new(), "");
    let printed = String::from_utf8_lossy(&printed).into_owned();
    for line in printed.lines() {
        match line.strip_prefix('\u{1}') {
            Some(next) => commit = next,
            None if line.ends_with(".yaml") || line.ends_with(".yml") => removals.push((commit, line)),
            None => {}
        }
    }
    for some in removals.chunks(AT_ONCE) {
        let asked: String = some.iter().map(|(commit, name)| format!("{commit}^:{name}\n")).collect();
        let printed = ask(near, &["cat-file", "--batch"], asked.as_bytes())?;
        let mut rest = printed.as_slice();
        for (commit, name) in some {
            let Some(text) = object(&mut rest).and_then(|bytes| std::str::from_utf8(bytes).ok()) else { continue };
            let removal = Removal { commit: (*commit).to_owned(), name: (*name).to_owned(), text: text.to_owned() };
            if let Some(found) = find(removal)? {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

/// The files of a revision that have a word in them: each by its name below the folder of the repository, with its content. None, if
/// there is no such revision.
pub(super) fn files_with(near: &Path, revision: &str, word: &str) -> Result<Vec<(String, String)>, Failure> {
    let top = top(near)?;
    if run(&top, &["rev-parse", "--verify", "--quiet", &format!("{revision}^{{commit}}")], b"").is_err() {
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
fn ask(near: &Path, arguments: &[impl AsRef<OsStr>], input: &[u8]) -> Result<Vec<u8>, Failure> {
    run(&folder_of(near), arguments, input).map_err(|refusal| unanswered(near, &refusal))
}

fn unanswered(near: &Path, refusal: &Refusal) -> Failure {
    let message = format!("git cannot say what it has of `{}`: {}", printable(near), refusal.reason);
    Failure::new(Exit::Io, message).with_help("mend what git says, and run the same command again")
}

/// The folder of a file; if that is gone, the nearest one above.
pub(super) fn folder_of(path: &Path) -> PathBuf {
    place_of(path).0
}

/// A folder that is there, and the file from there on.
fn place_of(path: &Path) -> (PathBuf, PathBuf) {
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
