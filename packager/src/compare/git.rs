//! Files of a revision of a Git repository, read by `git` itself.
//!
//! # Design
//!
//! Not by `git archive`: a `.gitattributes` of the revision can keep files out of it (`export-ignore`), and so out of the
//! comparison that a reviewer reads.

use std::io::{Read, Seek, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::exit::{Exit, Failure, IoErrorText};
use crate::input::{Input, Inputs, Missing, Selection, is_for_others, is_taken, uri};
use crate::printable::visible;

/// Most that git may print, in bytes.
const LARGEST: u64 = 256 << 20;

/// A file of a tree: its object, and its path from there.
struct Listed {
    object: String,
    path: String,
}

/// The files that `REVISION:PATH` names: one, or those of a folder that are for Sallyport.
pub(super) fn gather(spec: &str) -> Result<Inputs, Failure> {
    let kind = git(&["cat-file", "-t", "--end-of-options", spec], Stdio::null(), spec)?;
    if kind.trim_ascii() == b"blob" {
        let content = git(&["cat-file", "blob", "--end-of-options", spec], Stdio::null(), spec)?;
        let mut input = input(spec, content);
        if input.content.as_ref().is_ok_and(|bytes| is_for_others(Selection::Ours, bytes)) {
            input.content = Err(Missing::ForOthers);
        }
        return Ok(Inputs { files: vec![input], ..Inputs::default() });
    }
    let listed = git(&["ls-tree", "-r", "-z", "--full-tree", "--end-of-options", spec], Stdio::null(), spec)?;
    let listed = files(&listed, spec)?;
    let contents = contents(&listed, spec)?;
    let folder = spec.trim_end_matches('/');
    let separator = if folder.ends_with(':') { "" } else { "/" };
    let mut inputs = Inputs::default();
    for (file, content) in listed.iter().zip(contents) {
        if is_taken(Selection::Ours, Path::new(&file.path), &content) {
            inputs.files.push(input(&format!("{folder}{separator}{}", file.path), content));
        }
    }
    inputs.files.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(inputs)
}

/// A file with its name in reports; its URI is from the root of the repository.
fn input(name: &str, content: Vec<u8>) -> Input {
    let path = name.split_once(':').map_or(name, |(_, path)| path);
    Input { name: visible(name), uri: uri(Path::new(path)), content: Ok(content) }
}

/// The YAML files of what `git ls-tree -z` lists: `MODE TYPE OBJECT<tab>PATH`. As in a folder, hidden ones are not read.
fn files(listed: &[u8], spec: &str) -> Result<Vec<Listed>, Failure> {
    let mut files = Vec::new();
    for entry in listed.split(|byte| *byte == 0) {
        let entry = String::from_utf8_lossy(entry);
        let Some((what, path)) = entry.split_once('\t') else { continue };
        let is_yaml = path.ends_with(".yaml") || path.ends_with(".yml");
        if !is_yaml || path.split('/').any(|part| part.starts_with('.')) {
            continue;
        }
        match what.split(' ').collect::<Vec<_>>()[..] {
            ["120000", ..] => {
                let message = format!("`{}` in `{}` is a symbolic link", visible(path), visible(spec));
                let help = "links are not followed in a revision; check both revisions out, and compare two folders";
                return Err(Failure::new(Exit::Io, message).with_help(help));
            }
            [_, "blob", object] => files.push(Listed { object: object.to_owned(), path: path.to_owned() }),
            _ => {}
        }
    }
    Ok(files)
}

/// The contents of files, in one run of git.
fn contents(files: &[Listed], spec: &str) -> Result<Vec<Vec<u8>>, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::new(Exit::Io, format!("cannot read `{}`: {}", visible(spec), IoErrorText(&error)))
    };
    let objects: String = files.iter().map(|file| format!("{}\n", file.object)).collect();
    let mut names = tempfile::tempfile().map_err(unreadable)?;
    names.write_all(objects.as_bytes()).and_then(|()| names.rewind()).map_err(unreadable)?;
    let printed = git(&["cat-file", "--batch"], Stdio::from(names), spec)?;
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

/// What git prints.
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
    let help = "write REVISION:PATH, such as `main:deploy/`; the path counts from the root of the repository";
    let (reason, help) = if reason.contains("not a git repository") {
        (
            "this folder is in no Git repository".to_owned(),
            "run it in the repository; a file with a colon in its name is written `./NAME`",
        )
    } else if reason.contains("dubious ownership") {
        ("another user owns the repository".to_owned(), "allow it with `git config --global --add safe.directory PATH`")
    } else if reason.starts_with("Not a valid object name") || reason.starts_with("invalid object name") {
        let revision = spec.split_once(':').map_or(spec, |(revision, _)| revision);
        (
            format!("there is no revision `{revision}`"),
            "fetch it first; in a pipeline, a checkout may have one commit only",
        )
    } else if reason.contains(" does not exist in ") || reason.contains(" exists on disk, but not in ") {
        ("the revision has no such file or folder".to_owned(), help)
    } else {
        (reason.to_owned(), help)
    };
    Failure::new(Exit::Io, format!("cannot read `{spec}`: {reason}")).with_help(help)
}
