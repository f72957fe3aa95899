//! Files of a revision of a Git repository, named as Git does: `REVISION:PATH`.
//!
//! # Design
//!
//! Not by `git archive`: a `.gitattributes` of the revision can keep files out of it (`export-ignore`), and so out of the
//! comparison that a reviewer reads. A symbolic link is followed as `git cat-file --follow-symlinks` does: within the tree of the
//! revision, never into the file system.

mod git;

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use self::git::{Kind, Listed, Object};
use super::{Input, Inputs, Missing, Selection, gather, is_for_others, is_taken, relative, uri};
use crate::exit::{Exit, Failure};
use crate::printable::{printable, visible};

/// What an argument names, if that is in a revision. What exists has no say in it: a pull request could add a folder
/// `main:deploy`, and so be compared with itself.
pub(crate) fn named(argument: &Path) -> Option<&str> {
    let text = argument.to_str()?;
    let is_path = text.starts_with('.') || argument.is_absolute();
    (text.contains(':') && !is_path).then_some(text)
}

/// The name in reports of what an argument names.
pub(crate) fn name_of(argument: &Path) -> Result<String, Failure> {
    match named(argument) {
        Some(spec) => Ok(visible(&Place::of(spec)?.spec)),
        None => Ok(printable(&relative(argument))),
    }
}

/// Reads what the arguments name: files, folders, or `REVISION:PATH`.
pub(crate) fn gather_all(arguments: &[PathBuf], selection: Selection) -> Result<Inputs, Failure> {
    let (revisions, paths): (Vec<_>, Vec<_>) = arguments.iter().partition(|argument| named(argument).is_some());
    let paths: Vec<PathBuf> = paths.into_iter().cloned().collect();
    let mut inputs =
        if paths.is_empty() { Inputs { selection, ..Inputs::default() } } else { gather(&paths, selection) };
    for spec in revisions.into_iter().filter_map(|argument| named(argument)) {
        for file in gather_revision(spec)?.files {
            if inputs.files.iter().all(|known| known.name != file.name) {
                inputs.files.push(file);
            }
        }
    }
    Ok(inputs)
}

/// The files that `REVISION:PATH` names: one, or those of a folder that are for Sallyport.
pub(crate) fn gather_revision(spec: &str) -> Result<Inputs, Failure> {
    let place = Place::of(spec)?;
    let object = place.object(spec)?;
    let mut inputs = Inputs::default();
    if object.kind == Kind::Blob {
        inputs.files.push(place.file(&object, spec)?);
    } else {
        inputs.files = place.folder(&object, spec)?;
    }
    Ok(inputs)
}

/// The files of a revision that are checked together with this file: itself, and what is for Sallyport in its folder. Those of a
/// folder where that is named.
pub(crate) fn gather_beside(spec: &str) -> Result<Inputs, Failure> {
    let place = Place::of(spec)?;
    let object = place.object(spec)?;
    if object.kind == Kind::Tree {
        return gather_revision(spec);
    }
    let own = place.file(&object, spec)?;
    let (folder, _) = place.path.rsplit_once('/').unwrap_or(("", ""));
    let mut files = Vec::new();
    // A file of the index has no folder.
    if !place.revision.is_empty() {
        let beside = Place::new(&place.revision, folder);
        let of_folder = beside.folder(&git::object(&beside.spec, spec)?, spec)?;
        let is_beside = |file: &Input| {
            let path = file.name.split_once(':').map_or("", |(_, path)| path);
            path.rsplit_once('/').map_or("", |(folder, _)| folder) == folder
        };
        files.extend(of_folder.into_iter().filter(|file| file.name != own.name && is_beside(file)));
    }
    files.insert(0, own);
    Ok(Inputs { files, ..Inputs::default() })
}

/// The nearest file of this name in the folder that `REVISION:PATH` names, or in one above it, in the same revision: its name, and
/// what it has. Nothing above the working directory is read, unless the path is outside of it.
pub(crate) fn nearest(spec: &str, file: &str) -> Result<Option<(String, Vec<u8>)>, Failure> {
    let place = Place::of(spec)?;
    // The index has no folders to ask for.
    let is_folder = place.path.is_empty() || git::find(&place.spec, spec)?.is_none_or(|found| found.kind == Kind::Tree);
    let own = Path::new(&place.path);
    let folder = if is_folder { Some(own) } else { own.parent() };
    let prefix = git::prefix(spec)?;
    let top = Path::new(prefix.trim_end_matches('/'));
    let steps = folder.into_iter().flat_map(Path::ancestors);
    for step in steps.take_while(|step| !own.starts_with(top) || step.starts_with(top)) {
        let name = format!("{}:{}", place.revision, printable(&step.join(file)));
        if let Some(found) = git::find(&name, &name)? {
            return Ok(Some((visible(&name), git::blob(&found, &name)?)));
        }
    }
    Ok(None)
}

/// The path as it is in the last commit: `HEAD:PATH`.
pub(crate) fn of_head(path: &Path) -> Result<String, Failure> {
    let help = "name both sides: `sallyport diff OLD NEW`";
    if named(path).is_some() || path == Path::new("-") {
        let message = format!("there is nothing to compare `{}` with", printable(path));
        return Err(Failure::new(Exit::Usage, message).with_help(help));
    }
    let shown = printable(path);
    let from_root = if path.is_absolute() {
        let root = git::top_level(&shown).map_err(|failure| failure.with_help(help))?;
        // Git names its root without links.
        let truth = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        truth.strip_prefix(root).map_or_else(|_| PathBuf::from(".."), Path::to_owned)
    } else {
        let prefix = git::prefix(&shown).map_err(|failure| failure.with_help(help))?;
        Path::new(&prefix).join(path)
    };
    match normal(&from_root) {
        Some(path) => Ok(format!("HEAD:{path}")),
        None => {
            let message = format!("`{shown}` is not in the Git repository of this folder");
            Err(Failure::new(Exit::Io, message).with_help(help))
        }
    }
}

/// A path without `.` and `..`; `None`: it leaves its root.
fn normal(path: &Path) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                parts.pop()?;
            }
            Component::Normal(name) => parts.push(name.to_str()?),
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}

/// A place in a revision.
struct Place {
    revision: String,
    /// From the root of the repository, without a slash at its end.
    path: String,
    /// Both, as Git takes them.
    spec: String,
}

impl Place {
    fn new(revision: &str, path: &str) -> Self {
        let path = path.trim_end_matches('/').to_owned();
        Self { revision: revision.to_owned(), spec: format!("{revision}:{path}"), path }
    }

    /// Git reads a path from the root of the repository, unless it begins with `./` or `../`.
    fn of(spec: &str) -> Result<Self, Failure> {
        let (revision, path) = spec.split_once(':').unwrap_or((spec, ""));
        if !matches!(path.split('/').next(), Some("." | "..")) {
            return Ok(Self::new(revision, path));
        }
        let prefix = git::prefix(spec)?;
        match normal(&Path::new(&prefix).join(path)) {
            Some(path) => Ok(Self::new(revision, &path)),
            None => {
                let message = format!("cannot read `{}`: the path leaves the repository", visible(spec));
                Err(Failure::new(Exit::Io, message))
            }
        }
    }

    /// What it is.
    fn object(&self, spec: &str) -> Result<Object, Failure> {
        git::object(&self.spec, spec).map_err(|failure| {
            let Self { revision, path, .. } = self;
            let is_below = |prefix: &String| {
                !prefix.is_empty() && git::object(&format!("{revision}:{prefix}{path}"), spec).is_ok()
            };
            if spec.split_once(':').is_some_and(|(_, written)| written.trim_end_matches('/') == path)
                && git::prefix(spec).is_ok_and(|prefix| is_below(&prefix))
            {
                return failure.with_help(format!(
                    "a path counts from the root of the repository; the one in this folder is `{}`",
                    visible(&format!("{revision}:./{path}"))
                ));
            }
            failure
        })
    }

    /// A file of this name.
    fn input(&self, path: &str, content: Vec<u8>) -> Input {
        let name = visible(&format!("{}:{path}", self.revision));
        Input { name, uri: uri(Path::new(path)), path: None, content: Ok(content) }
    }

    fn file(&self, object: &Object, spec: &str) -> Result<Input, Failure> {
        if self.revision.is_empty() && git::is_link_of_index(&self.path, spec)? {
            return Err(git::link(
                &format!("`{}`", visible(spec)),
                "is a symbolic link, which is not followed in the index",
            ));
        }
        let mut input = self.input(&self.path, git::blob(object, spec)?);
        if input.content.as_ref().is_ok_and(|bytes| is_for_others(Selection::Ours, bytes)) {
            input.content = Err(Missing::ForOthers);
        }
        Ok(input)
    }

    /// The files of a folder that are for Sallyport, by name. As in the file system, hidden ones are not read, and a file that has
    /// several names is read once.
    fn folder(&self, folder: &Object, spec: &str) -> Result<Vec<Input>, Failure> {
        let (links, mut files): (Vec<Listed>, Vec<Listed>) =
            git::yaml_files(folder, spec)?.into_iter().partition(|file| file.is_link);
        let mut known: BTreeSet<String> = files.iter().map(|file| file.object.clone()).collect();
        let below = |path: &str| if self.path.is_empty() { path.to_owned() } else { format!("{}/{path}", self.path) };
        for link in links {
            let path = below(&link.path);
            let target = git::object(&format!("{}:{path}", self.revision), &format!("{}:{path}", self.revision))?;
            if target.kind == Kind::Blob && known.insert(target.id.clone()) {
                files.push(Listed { object: target.id, ..link });
            }
        }
        let contents = git::blobs(&files, spec)?;
        let taken = files.iter().zip(contents).filter(|(file, content)| {
            let path = Path::new(&file.path);
            is_taken(Selection::Ours, path, content)
        });
        let mut inputs: Vec<Input> = taken.map(|(file, content)| self.input(&below(&file.path), content)).collect();
        inputs.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_no_revision() {
        for path in ["a.yaml", "./main:a", "../main:a", "/main:a", "deploy"] {
            assert_eq!(named(Path::new(path)), None, "{path}");
        }
        for spec in ["main:a", "HEAD:", ":a", "v1.2:./a", "main:deploy/"] {
            assert_eq!(named(Path::new(spec)), Some(spec));
        }
    }

    #[test]
    fn a_path_stays_in_its_root() {
        for (path, known) in
            [("a/./b/../c/", Some("a/c")), (".", Some("")), ("a/..", Some("")), ("a/../..", None), ("/a", None)]
        {
            assert_eq!(normal(Path::new(path)).as_deref(), known, "{path}");
        }
    }
}
