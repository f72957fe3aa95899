//! `sallyport.lock`: the filter's digest, as `sallyport image push` noted it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sallyport_egress::model::Mesh;
use sallyport_egress::model::deploy::FilterImage;

use super::plan::PinnedFilter;
use super::refusal::Refusal;
use crate::exit::Reason;
use crate::oci::digest::Digest;
use crate::oci::lock::{LockFile, LockedFilter, VERSION};
use crate::printable::printable;
use sallyport_egress::Code;

/// The file's name.
const FILE: &str = "sallyport.lock";
/// Reads the lock beside the files that the arguments name. Several must say the same.
pub(crate) fn find(arguments: &[PathBuf]) -> Result<Option<LockedFilter>, Refusal> {
    let mut found: Option<LockedFilter> = None;
    for path in beside(arguments) {
        let wrong = |reason: String| Refusal::new(Code::Lock, format!("`{}`: {reason}", printable(&path)));
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(wrong(Reason(&error).to_string())),
        };
        let LockFile { version, filter } = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if version != VERSION {
            return Err(wrong(format!("its version is {version}, and this program reads {VERSION}")));
        }
        if found.as_ref().is_some_and(|other| *other != filter) {
            return Err(wrong("another lock beside these files says otherwise".to_owned()));
        }
        found = Some(filter);
    }
    Ok(found)
}

fn beside(arguments: &[PathBuf]) -> BTreeSet<PathBuf> {
    let folder = |path: &PathBuf| match path.parent() {
        _ if path.is_dir() => path.clone(),
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    arguments.iter().map(|path| folder(path).join(FILE)).collect()
}

/// The image to use: what the Mesh says, and else the lock.
pub(crate) fn pin(mesh: &Mesh, lock: Option<&LockedFilter>) -> Result<PinnedFilter, Refusal> {
    let FilterImage { image, digest, .. } = &mesh.filter;
    if let Some(digest) = digest {
        return pinned(image, digest);
    }
    let Some(locked) = lock else {
        let message = "the filter's image is not pinned: no digest in the Mesh file, and no `sallyport.lock`";
        return Err(
            Refusal::new(Code::UnpinnedFilter, message).with_help("run `sallyport image push`, which writes the lock")
        );
    };
    if *image != locked.image && *image != FilterImage::default().image {
        let message = format!("`{FILE}` is for `{}`, and the Mesh file names `{image}`", locked.image);
        return Err(Refusal::new(Code::Lock, message).with_help("run `sallyport image push` for that image"));
    }
    pinned(&locked.image, &locked.digest)
}

fn pinned(image: &str, digest: &str) -> Result<PinnedFilter, Refusal> {
    match digest.parse::<Digest>() {
        Ok(digest) => Ok(PinnedFilter { image: image.to_owned(), sha256: digest.hex().to_owned() }),
        Err(_) => Err(Refusal::new(Code::UnpinnedFilter, format!("`{}` is no digest", digest.escape_debug()))
            .with_help("write `sha256:` and 64 hexadecimal digits in lower case")),
    }
}
