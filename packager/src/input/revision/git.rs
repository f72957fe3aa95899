//! What `git` prints.

use std::io::{Read, Seek, Write};
use std::process::{Command, Stdio};

use crate::exit::{Exit, Failure, IoErrorText};
use crate::printable::visible;

/// Most that git may print, in bytes.
const LARGEST: u64 = 256 << 20;
const MISSING: &str = "the revision has no such file or folder";
const HELP: &str = "write REVISION:PATH, such as `main:deploy/`; the path counts from the root of the repository";

/// What a path of a revision is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Blob,
    Tree,
}

/// An object of the repository.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) id: String,
    pub(super) kind: Kind,
}

/// A file of a tree: its object, and its path from there.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) object: String,
    pub(super) path: String,
    pub(super) is_link: bool,
}

/// What `REVISION:PATH` is, behind symbolic links of the revision. `written`: as the user wrote it.
pub(super) fn object(spec: &str, written: &str) -> Result<Object, Failure> {
    let shown = format!("`{}`", visible(written));
    if spec.contains('\n') {
        return Err(unreadable(&visible(written), MISSING, HELP));
    }
    let names = stdin_of(&format!("{spec}\n"), written)?;
    let printed = git(&["cat-file", "--batch-check", "--follow-symlinks"], names, written)?;
    let printed = String::from_utf8_lossy(&printed);
    // `OBJECT TYPE SIZE`; or what is wrong, and how long a text follows on the next line.
    let mut words = printed.lines().next().unwrap_or_default().split(' ');
    let target = || visible(printed.split_once('\n').map_or("", |(_, target)| target.trim_end_matches('\n')));
    match (words.next().unwrap_or_default(), words.next()) {
        (id, Some("blob")) => Ok(Object { id: id.to_owned(), kind: Kind::Blob }),
        (id, Some("tree")) => Ok(Object { id: id.to_owned(), kind: Kind::Tree }),
        ("symlink", Some(_)) => {
            Err(link(&shown, &format!("is a symbolic link that leaves the repository, to `{}`", target())))
        }
        ("dangling", Some(_)) => Err(link(&shown, "is a symbolic link to a file that the revision does not have")),
        ("loop", Some(_)) => Err(link(&shown, "is a symbolic link to itself")),
        ("notdir", Some(_)) => Err(link(&shown, "has a file in the place of a folder")),
        // What is wrong with the name, git says only here.
        _ => {
            git(&["cat-file", "-t", "--end-of-options", spec], Stdio::null(), written)?;
            Err(unreadable(&visible(written), "it is neither a file nor a folder", HELP))
        }
    }
}

/// The same; `None`: the revision has no such path.
pub(super) fn find(spec: &str, written: &str) -> Result<Option<Object>, Failure> {
    match object(spec, written) {
        Ok(object) => Ok(Some(object)),
        Err(failure) if failure.message.ends_with(MISSING) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// A symbolic link that is not followed.
pub(super) fn link(what: &str, is: &str) -> Failure {
    let help = "a revision has only what is in its repository; check both sides out, and compare two folders";
    Failure::new(Exit::Io, format!("{what} {is}")).with_help(help)
}

/// Whether a file of the index is a symbolic link.
pub(super) fn is_link_of_index(path: &str, spec: &str) -> Result<bool, Failure> {
    let listed = git(&["ls-files", "--stage", "-z", "--", &format!(":(top,literal){path}")], Stdio::null(), spec)?;
    Ok(listed.starts_with(b"120000"))
}

/// The content of a file.
pub(super) fn blob(object: &Object, spec: &str) -> Result<Vec<u8>, Failure> {
    git(&["cat-file", "blob", &object.id], Stdio::null(), spec)
}

/// The YAML files of a tree, also those behind symbolic links, as `git ls-tree -z` lists them: `MODE TYPE OBJECT<tab>PATH`.
/// Hidden ones are not read.
pub(super) fn yaml_files(tree: &Object, spec: &str) -> Result<Vec<Listed>, Failure> {
    let listed = git(&["ls-tree", "-r", "-z", "--full-tree", &tree.id], Stdio::null(), spec)?;
    let file = |entry: &[u8]| {
        let entry = String::from_utf8_lossy(entry);
        let (what, path) = entry.split_once('\t')?;
        let is_yaml = path.ends_with(".yaml") || path.ends_with(".yml");
        if !is_yaml || path.split('/').any(|part| part.starts_with('.')) {
            return None;
        }
        match what.split(' ').collect::<Vec<_>>()[..] {
            [mode, "blob", object] => {
                Some(Listed { object: object.to_owned(), path: path.to_owned(), is_link: mode == "120000" })
            }
            _ => None,
        }
    };
    Ok(listed.split(|byte| *byte == 0).filter_map(file).collect())
}

/// The contents of files, in one run of git.
pub(super) fn blobs(files: &[Listed], spec: &str) -> Result<Vec<Vec<u8>>, Failure> {
    let objects: String = files.iter().map(|file| format!("{}\n", file.object)).collect();
    let printed = git(&["cat-file", "--batch"], stdin_of(&objects, spec)?, spec)?;
    let mut rest = printed.as_slice();
    let content = |_| {
        // `OBJECT TYPE SIZE`, a line break, the content, a line break.
        let (line, behind) = rest.split_at_checked(rest.iter().position(|byte| *byte == b'\n')?)?;
        let size = std::str::from_utf8(line).ok()?.rsplit(' ').next()?.parse().ok()?;
        let (content, behind) = behind.get(1..)?.split_at_checked(size)?;
        rest = behind.get(1..)?;
        Some(content.to_vec())
    };
    let contents: Option<Vec<_>> = files.iter().map(content).collect();
    contents.ok_or_else(|| {
        let message = format!("cannot read `{}`: git has not printed all of its files", visible(spec));
        Failure::new(Exit::Io, message).with_help("`git fsck` says whether the repository is whole")
    })
}

/// The path of the working directory from the root of the repository, with a slash at its end unless it is that root.
pub(super) fn prefix(spec: &str) -> Result<String, Failure> {
    line(&["rev-parse", "--show-prefix"], spec)
}

/// The root of the repository.
pub(super) fn top_level(spec: &str) -> Result<String, Failure> {
    line(&["rev-parse", "--show-toplevel"], spec)
}

fn line(arguments: &[&str], spec: &str) -> Result<String, Failure> {
    let printed = git(arguments, Stdio::null(), spec)?;
    Ok(String::from_utf8_lossy(&printed).trim_end_matches('\n').to_owned())
}

/// A text for git to read.
fn stdin_of(text: &str, spec: &str) -> Result<Stdio, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(Exit::Io, format!("cannot read `{}`: {}", visible(spec), IoErrorText(&error)))
    };
    let mut file = tempfile::tempfile().map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.rewind()).map_err(failed)?;
    Ok(Stdio::from(file))
}

/// What git prints about a place.
fn git(arguments: &[&str], stdin: Stdio, spec: &str) -> Result<Vec<u8>, Failure> {
    let spec = visible(spec);
    let missing = |error: std::io::Error| {
        let reason = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such program in PATH".to_owned(),
            _ => IoErrorText(&error).to_string(),
        };
        let message = format!("cannot run `git` to read `{spec}`: {reason}");
        Failure::new(Exit::Io, message).with_help("install Git, or compare two files or folders")
    };
    let mut child = Command::new("git")
        .args(arguments)
        // Its messages are read below.
        .env("LC_ALL", "C")
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(missing)?;
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(LARGEST.saturating_add(1)).read_to_end(&mut output).map_err(missing)?;
    }
    let finished = child.wait_with_output().map_err(missing)?;
    if output.len() as u64 > LARGEST {
        let message = format!("`{spec}` has more than {} MiB of YAML", LARGEST >> 20);
        return Err(Failure::new(Exit::Io, message).with_help("name the folder of the Egress files"));
    }
    if finished.status.success() {
        return Ok(output);
    }
    let printed = String::from_utf8_lossy(&finished.stderr);
    let reason = printed.lines().find_map(|line| line.strip_prefix("fatal: ")).unwrap_or("git failed");
    Err(refused(&spec, &visible(reason)))
}

/// Why git cannot read a revision, in git's own words where these are of use.
fn refused(spec: &str, reason: &str) -> Failure {
    let revision = spec.split_once(':').map_or(spec, |(revision, _)| revision);
    if reason.contains("not a git repository") {
        let help = "run it in the repository; a file with a colon in its name is written `./NAME`";
        return unreadable(spec, "this folder is in no Git repository", help);
    }
    if reason.contains("dubious ownership") {
        let help = "allow it with `git config --global --add safe.directory PATH`";
        return unreadable(spec, "another user owns the repository", help);
    }
    if reason.starts_with("Not a valid object name") || reason.starts_with("invalid object name") {
        let help = match revision {
            "HEAD" => "the repository has no commit yet",
            _ => "fetch it first; in a pipeline, a checkout may have one commit only",
        };
        return unreadable(spec, &format!("there is no revision `{revision}`"), help);
    }
    let is_missing = reason.contains(" does not exist in ") || reason.contains(" exists on disk, but not in ");
    unreadable(spec, if is_missing { MISSING } else { reason }, HELP)
}

fn unreadable(spec: &str, reason: &str, help: &str) -> Failure {
    Failure::new(Exit::Io, format!("cannot read `{spec}`: {reason}")).with_help(help)
}
