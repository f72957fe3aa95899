//! An OCI image layout, in a directory or a tar archive.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::ImageSource;
use super::archive::{LARGEST, READ, tar};
use super::digest::{Digest, digest_of};
use super::image::Image;
use super::manifest::{Descriptor, Index, OCI_INDEX, OCI_MANIFEST};
use super::reference::{Reference, Selector};
use crate::exit::{Exit, Failure};
use crate::printable::printable;
use crate::reading;

const MARK: &str = "oci-layout";
const INDEX: &str = "index.json";
const BLOBS: &str = "blobs";
/// Far more than any manifest has.
const LARGEST_DOCUMENT: u64 = 4 << 20;
/// A module and some room for the rest.
const LARGEST_ARCHIVE: u64 = LARGEST << 1;

/// An existing layout.
#[derive(Debug)]
pub(crate) enum Layout {
    Directory(PathBuf),
    /// The files by name.
    Archive(BTreeMap<String, Vec<u8>>),
}

impl Layout {
    /// Opens a directory or a tar archive.
    pub(crate) fn open(path: &Path) -> Result<Layout, Failure> {
        let layout = if path.is_dir() {
            Layout::Directory(path.to_owned())
        } else {
            Layout::Archive(unpack(path).map_err(|error| Failure::read(path, &error))?)
        };
        match layout.read(MARK, LARGEST_DOCUMENT)? {
            Some(_) => Ok(layout),
            None => Err(Failure::new(Exit::Io, format!("`{}` is not an OCI image layout", printable(path)))
                .with_help("`sallyport image build -o DIR` creates one")),
        }
    }

    fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Failure> {
        match self {
            Layout::Archive(files) => Ok(files.get(name).cloned()),
            Layout::Directory(root) => {
                let path = root.join(name);
                let mut content = Vec::new();
                let read =
                    reading::open(&path).and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut content));
                match read {
                    Ok(_) => Ok(Some(content)),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(Failure::read(&path, &error)),
                }
            }
        }
    }
}

impl ImageSource for Layout {
    /// The image if the layout has exactly one, otherwise its index, which verification then reports.
    fn manifest(&self, digest: Option<&Digest>) -> Result<Option<Vec<u8>>, Failure> {
        if let Some(digest) = digest {
            return self.blob(digest, LARGEST_DOCUMENT);
        }
        let Some(bytes) = self.read(INDEX, LARGEST_DOCUMENT)? else {
            return Ok(None);
        };
        match serde_json::from_slice::<Index>(&bytes).map(|index| index.manifests) {
            Ok(manifests) => match manifests.as_slice() {
                [only] => self.blob(&only.digest, LARGEST_DOCUMENT),
                _ => Ok(Some(bytes)),
            },
            Err(_) => Ok(Some(bytes)),
        }
    }

    fn blob(&self, digest: &Digest, limit: u64) -> Result<Option<Vec<u8>>, Failure> {
        self.read(&blob_name(digest), limit)
    }
}

/// Writes a layout: an archive if `path` ends in `.tar`, otherwise a directory, which must be new, empty or a layout.
pub(crate) fn write(image: &Image, name: Option<&Reference>, path: &Path) -> Result<(), Failure> {
    let files = files(image, name).map_err(|error| Failure::write(path, &error.into()))?;
    let written = if path.extension().is_some_and(|extension| extension == "tar") {
        let files: Vec<_> = files.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
        tar(&files, READ).and_then(|archive| fs::write(path, archive))
    } else {
        let taken = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
        if taken && !path.join(MARK).is_file() {
            let message = format!("`{}` is not empty, and not an OCI image layout", printable(path));
            return Err(Failure::new(Exit::Io, message).with_help("use a new directory"));
        }
        write_directory(&files, path)
    };
    written.map_err(|error| Failure::write(path, &error))
}

/// Removes the blobs of an image that was there before: a layout has one image.
fn write_directory(files: &BTreeMap<String, Vec<u8>>, root: &Path) -> io::Result<()> {
    match fs::remove_dir_all(root.join(BLOBS)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::create_dir_all(root.join(BLOBS).join("sha256"))?;
    files.iter().try_for_each(|(name, content)| fs::write(root.join(name), content))
}

/// The files of a layout, by name.
fn files(image: &Image, name: Option<&Reference>) -> serde_json::Result<BTreeMap<String, Vec<u8>>> {
    let mut descriptor = Descriptor::of(OCI_MANIFEST, &image.manifest);
    if let Some(name) = name {
        let mut note = |key: &str, value: String| descriptor.annotations.insert(key.to_owned(), value);
        note("io.containerd.image.name", name.to_string());
        if let Selector::Tag(tag) = &name.selector {
            note("org.opencontainers.image.ref.name", tag.clone());
        }
    }
    let index = Index { schema_version: 2, media_type: Some(OCI_INDEX.to_owned()), manifests: vec![descriptor] };
    let mut files = BTreeMap::from([
        (MARK.to_owned(), serde_json::to_vec(&json!({"imageLayoutVersion": "1.0.0"}))?),
        (INDEX.to_owned(), serde_json::to_vec(&index)?),
    ]);
    for content in image.blobs.iter().chain([&image.manifest]) {
        files.insert(blob_name(&digest_of(content)), content.clone());
    }
    Ok(files)
}

fn blob_name(digest: &Digest) -> String {
    format!("{BLOBS}/sha256/{}", digest.hex())
}

fn unpack(path: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut archive = tar::Archive::new(reading::open(path)?.take(LARGEST_ARCHIVE));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().trim_start_matches("./").to_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        files.insert(name, content);
    }
    Ok(files)
}
