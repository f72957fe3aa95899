//! Files of a revision of a Git repository, read by `git` itself.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::exit::{Exit, Failure, IoErrorText};
use crate::input::{Input, Inputs, Selection, is_taken};

/// Largest archive that is read, in bytes.
const LARGEST: u64 = 256 << 20;

/// The files that `REVISION:PATH` names: one, or those of a folder that are for Sallyport.
pub(super) fn gather(spec: &str) -> Result<Inputs, Failure> {
    let kind = git(&["cat-file", "-t", "--end-of-options", spec], spec)?;
    let mut inputs = Inputs::default();
    if kind.trim_ascii() == b"blob" {
        let content = git(&["cat-file", "blob", "--end-of-options", spec], spec)?;
        inputs.files.push(Input { name: spec.to_owned(), uri: path_of(spec).to_owned(), content: Ok(content) });
        return Ok(inputs);
    }
    let archive = git(&["archive", "--format=tar", "--end-of-options", spec], spec)?;
    let unreadable =
        |error: &std::io::Error| Failure::new(Exit::Io, format!("cannot read `{spec}`: {}", IoErrorText(error)));
    let folder = spec.trim_end_matches('/');
    let separator = if folder.ends_with(':') { "" } else { "/" };
    let mut archive = tar::Archive::new(&*archive);
    for entry in archive.entries().map_err(|error| unreadable(&error))? {
        let mut entry = entry.map_err(|error| unreadable(&error))?;
        let path = entry.path().map_err(|error| unreadable(&error))?.into_owned();
        let is_hidden = path.iter().any(|part| part.as_encoded_bytes().starts_with(b"."));
        if !entry.header().entry_type().is_file() || is_hidden {
            continue;
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(|error| unreadable(&error))?;
        if is_taken(Selection::Ours, &path, &content) {
            let name = format!("{folder}{separator}{}", path.display());
            inputs.files.push(Input { uri: path_of(&name).to_owned(), name, content: Ok(content) });
        }
    }
    inputs.files.sort_by(|left, right| left.name.cmp(&right.name));
    if inputs.files.is_empty() {
        let message = format!("`{spec}` has no Egress and no Mesh file");
        return Err(Failure::new(Exit::Io, message).with_help("name a folder of the revision that has them"));
    }
    Ok(inputs)
}

/// The part of a specification that names a file.
fn path_of(spec: &str) -> &str {
    spec.split_once(':').map_or(spec, |(_, path)| path)
}

/// What git prints.
fn git(arguments: &[&str], spec: &str) -> Result<Vec<u8>, Failure> {
    let missing = |error: std::io::Error| {
        let message = format!("cannot start `git`, which `{spec}` is read with: {}", IoErrorText(&error));
        Failure::new(Exit::Io, message).with_help("install Git, or give two folders")
    };
    let mut child = Command::new("git")
        .args(arguments)
        .stdin(Stdio::null())
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
        let message = format!("`{spec}` has more than {} MiB", LARGEST >> 20);
        return Err(Failure::new(Exit::Io, message).with_help("name the folder of the Egress files"));
    }
    if finished.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&finished.stderr);
    let said = said.lines().next().unwrap_or("").trim_start_matches("fatal: ").to_owned();
    let is_file = Path::new(spec).components().count() > 0 && said.contains("not a git repository");
    let help = if is_file {
        "there is no such file, and this folder is in no Git repository"
    } else {
        "write REVISION:PATH, such as `main:deploy/`; the path counts from the root of the repository"
    };
    Err(Failure::new(Exit::Io, format!("git cannot read `{spec}`: {said}")).with_help(help))
}
