//! `sallyport.lock`: the filter's image and digest, which `image push` writes, and how far candidates have come, which `promote`
//! and `rollback` write. `build` reads both.

mod file;

use std::fmt;

use sallyport_egress::Code;
use sallyport_egress::model::Mesh;
use sallyport_egress::model::deploy::FilterImage;
use sallyport_egress::value::InvalidValue;
use sallyport_egress::value::digest::Digest;
use sallyport_egress::value::image::ImageRepository;
use serde::{Deserialize, Serialize};

use crate::error::{BuildError, Place};
use crate::filter::PinnedFilter;
pub use file::{InvalidLock, LockFile, Locked, LockedGateway, LockedRollout};

/// The image that was pushed.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Registry and repository.
    pub image: String,
    /// Of the manifest.
    pub digest: String,
    /// Whether the filter knows candidates. `image push` writes it; a lock without it is that of an older filter.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub candidates: bool,
}

impl Lock {
    /// The file's name.
    pub const FILE: &'static str = "sallyport.lock";
}

/// What can pin the filter's image beside the Mesh file, in the order in which they count.
#[derive(Clone, Debug, Default)]
pub struct Pins<'a> {
    /// The lock, with its path.
    pub lock: Option<(&'a str, &'a Lock)>,
    /// The digest of the image that `image push` would make of the filter in this program.
    pub own: Option<Digest>,
    /// The paths at which a lock was looked for.
    pub looked_for: &'a [String],
    /// The value of `--lock` for `image push`, as a word of a command: a lock there is found.
    pub lock_file: &'a str,
    /// The path of a lock that is near, but not where one is looked for.
    pub unread: Option<&'a str>,
}

/// Which of them pinned it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinnedBy {
    /// `filter.digest` of the Mesh file.
    Mesh,
    /// The lock.
    Lock,
    /// The filter in this program.
    Program,
}

impl fmt::Display for PinnedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PinnedBy::Mesh => "the Mesh file",
            PinnedBy::Lock => Lock::FILE,
            PinnedBy::Program => "the filter in this program",
        })
    }
}

/// The image that gateways without a digest of their own load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenFilter {
    /// The image.
    pub filter: PinnedFilter,
    /// What pinned it.
    pub by: PinnedBy,
}

impl ChosenFilter {
    /// Chooses the image: the digest in the Mesh file, else the one in the lock, else the program's own. The repository is
    /// that of the Mesh file or of the lock.
    ///
    /// # Errors
    /// Fails if nothing pins a digest, or if the Mesh file and the lock name different images.
    pub fn choose(mesh: &Mesh, pins: &Pins<'_>) -> Result<ChosenFilter, BuildError> {
        let FilterImage { image, digest, .. } = &mesh.filter;
        let of_image = |digest: &Digest| PinnedFilter { image: image.clone(), digest: digest.clone() };
        if let Some(digest) = digest {
            return Ok(ChosenFilter { filter: of_image(digest), by: PinnedBy::Mesh });
        }
        if let Some((path, locked)) = pins.lock {
            if *image != *locked.image && !is_placeholder(image) {
                let message = format!("`{path}` is for `{}`, but the Mesh file names `{image}`", locked.image);
                return Err(BuildError::new(Code::Lock, Place::Mesh(IMAGE), message).with_help(format!(
                    "run `sallyport image push {image} --lock {}`, or write the image of the lock in the Mesh file",
                    pins.lock_file
                )));
            }
            return Ok(ChosenFilter { filter: pinned(locked, path, pins)?, by: PinnedBy::Lock });
        }
        match &pins.own {
            Some(own) => Ok(ChosenFilter { filter: of_image(own), by: PinnedBy::Program }),
            None => Err(unpinned(pins)),
        }
    }

    /// Whether nothing says where the image is.
    #[must_use]
    pub fn is_placeholder(&self) -> bool {
        self.by != PinnedBy::Lock && is_placeholder(&self.filter.image)
    }

    /// Whether a cluster could pull the image, as far as its name says.
    #[must_use]
    pub fn warnings(&self, pins: &Pins<'_>) -> Vec<BuildError> {
        let image = &self.filter.image;
        let place = if self.by == PinnedBy::Lock { Place::Lock } else { Place::Mesh(IMAGE) };
        if image.name().is_loopback() {
            let message =
                format!("the filter's image is `{image}`, but on a node of a cluster that is the node itself");
            let warning = BuildError::new(Code::LoopbackRegistry, place, message);
            return vec![warning.with_help(format!(
                "run `sallyport image push REPOSITORY --lock {}` with a repository that the cluster can reach, and build \
                 again; if the Mesh file has `filter.image`, write that repository there",
                pins.lock_file
            ))];
        }
        if self.is_placeholder() {
            let message = format!("`{image}`, where the gateways would pull the filter from, is a placeholder");
            let help = format!(
                "run `sallyport image push REPOSITORY --lock {}` with a repository of yours, or write it in \
                 `filter.image` of the Mesh file and push to it{}",
                pins.lock_file,
                pins.about_unread()
            );
            return vec![BuildError::new(Code::PlaceholderImage, place, message).with_help(help)];
        }
        Vec::new()
    }
}

/// The field of the Mesh file that names the image.
const IMAGE: &str = "spec.filter.image";

impl Pins<'_> {
    /// What there is to say about a lock that is not read.
    fn about_unread(&self) -> String {
        match self.unread {
            Some(unread) => format!(
                "; `{unread}` is not read: a lock is beside the files that the command names, or above them in the working \
                 directory"
            ),
            None => String::new(),
        }
    }
}

/// Whether a Mesh file names no image of its own.
fn is_placeholder(image: &ImageRepository) -> bool {
    *image == FilterImage::default().image
}

fn unpinned(pins: &Pins<'_>) -> BuildError {
    let looked_for: Vec<_> = pins.looked_for.iter().map(|path| format!("`{path}`")).collect();
    let message = format!(
        "no digest pins the filter's image: the Mesh file has no `filter.digest`, there is no {}, and this `sallyport` was \
         built without the filter",
        if looked_for.is_empty() { format!("`{}`", Lock::FILE) } else { looked_for.join(" or ") }
    );
    BuildError::new(Code::UnpinnedFilter, Place::Mesh("spec.filter"), message).with_help(format!(
        "use a `sallyport` with the filter in it (`make sallyport`), run `sallyport image push REPOSITORY --wasm FILE \
         --lock {}`, or write `filter.digest` in the Mesh file{}",
        pins.lock_file,
        pins.about_unread()
    ))
}

fn pinned(locked: &Lock, path: &str, pins: &Pins<'_>) -> Result<PinnedFilter, BuildError> {
    let Lock { image, digest, candidates: _ } = locked;
    let wrong = |reason: String| {
        let help = format!("run `sallyport image push REPOSITORY --lock {}`, which writes the file", pins.lock_file);
        BuildError::unusable_lock(path, reason, help)
    };
    let image = image.parse().map_err(|error: InvalidValue| wrong(error.to_string()))?;
    match digest.parse() {
        Ok(digest) => Ok(PinnedFilter { image, digest }),
        Err(_) => Err(wrong(format!("`{}` is not a digest", digest.escape_debug()))),
    }
}

impl BuildError {
    /// A lock file that cannot be used: one that cannot be read, is [invalid](InvalidLock), or contradicts another.
    #[must_use]
    pub fn unusable_lock(path: &str, reason: impl fmt::Display, help: impl Into<String>) -> BuildError {
        BuildError::new(Code::Lock, Place::Lock, format!("`{path}`: {reason}")).with_help(help)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock() -> Lock {
        let digest = format!("sha256:{}", "ab".repeat(32));
        Lock { image: "ghcr.io/acme/filter".to_owned(), digest, candidates: false }
    }

    #[test]
    fn the_mesh_file_wins_then_the_lock_then_the_program() {
        let own = Digest::from_bytes([0xef; 32]);
        let choose = |image: &str, digest: Option<&str>, lock: Option<&Lock>, own: Option<&Digest>| {
            let mut mesh = Mesh::default();
            mesh.filter.image = image.parse().unwrap();
            mesh.filter.digest = digest.map(|digest| digest.parse().unwrap());
            let pins = Pins { lock: lock.map(|lock| ("d/sallyport.lock", lock)), own: own.cloned(), ..Pins::default() };
            ChosenFilter::choose(&mesh, &pins)
                .map(|chosen| {
                    let warnings = chosen.warnings(&pins).into_iter().map(|warning| warning.code).collect::<Vec<_>>();
                    (chosen.filter.reference(), chosen.by, warnings)
                })
                .map_err(|error| error.code)
        };
        let (locked, other) = (lock(), format!("sha256:{}", "cd".repeat(32)));
        let (mine, default) = ("r.example.com/f", FilterImage::default().image.to_string());
        let of_lock = || Ok((format!("{}@{}", locked.image, locked.digest), PinnedBy::Lock, vec![]));
        let of_mesh = Ok((format!("{mine}@{other}"), PinnedBy::Mesh, vec![]));
        assert_eq!(choose(mine, Some(&other), Some(&locked), Some(&own)), of_mesh);
        assert_eq!(choose(&locked.image, None, Some(&locked), Some(&own)), of_lock());
        assert_eq!(choose(&default, None, Some(&locked), None), of_lock());
        assert_eq!(choose(mine, None, Some(&locked), Some(&own)), Err(Code::Lock));
        assert_eq!(choose(mine, None, None, Some(&own)), Ok((format!("{mine}@{own}"), PinnedBy::Program, vec![])));
        let placeholder = Ok((format!("{default}@{own}"), PinnedBy::Program, vec![Code::PlaceholderImage]));
        assert_eq!(choose(&default, None, None, Some(&own)), placeholder);
        assert_eq!(choose(&locked.image, None, None, None), Err(Code::UnpinnedFilter));
        for wrong in [Lock { digest: "sha256:1".to_owned(), ..lock() }, Lock { image: "A b".to_owned(), ..lock() }] {
            assert_eq!(choose(&default, None, Some(&wrong), Some(&own)), Err(Code::Lock), "{wrong:?}");
        }
        for here in ["localhost:5000/f", "127.0.0.1:5000/f", "[::1]:5000/f"] {
            let local = Lock { image: here.to_owned(), ..lock() };
            let expected = Ok((format!("{here}@{}", locked.digest), PinnedBy::Lock, vec![Code::LoopbackRegistry]));
            assert_eq!(choose(&default, None, Some(&local), None), expected);
            let of_mesh = Ok((format!("{here}@{other}"), PinnedBy::Mesh, vec![Code::LoopbackRegistry]));
            assert_eq!(choose(here, Some(&other), None, None), of_mesh);
        }
    }
}
