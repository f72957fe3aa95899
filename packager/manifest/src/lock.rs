//! `sallyport.lock`: the filter's image and digest. `image push` writes it, `build` reads it.

use std::fmt;

use sallyport_egress::Code;
use sallyport_egress::model::Mesh;
use sallyport_egress::model::deploy::FilterImage;
use sallyport_egress::value::InvalidValue;
use serde::{Deserialize, Serialize};

use crate::error::BuildError;
use crate::plan::PinnedFilter;

/// The version of the format.
const VERSION: u32 = 1;

/// The whole file.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    filter: Lock,
}

/// The image that was pushed.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Registry and repository.
    pub image: String,
    /// Of the manifest.
    pub digest: String,
}

/// Why a text is not a lock file.
#[derive(Debug)]
pub enum InvalidLock {
    /// It is not JSON of the expected shape.
    Json(serde_json::Error),
    /// It has another version of the format.
    Version(u32),
}

impl Lock {
    /// The file's name.
    pub const FILE: &'static str = "sallyport.lock";

    /// Reads the text of a lock file.
    ///
    /// # Errors
    /// Fails if the text is not JSON of this shape, or has another version.
    pub fn parse(text: &str) -> Result<Lock, InvalidLock> {
        let File { version, filter } = serde_json::from_str(text).map_err(InvalidLock::Json)?;
        if version == VERSION { Ok(filter) } else { Err(InvalidLock::Version(version)) }
    }

    /// The text of the lock file.
    ///
    /// # Errors
    /// None in practice: the signature is that of the serializer.
    pub fn render(self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(&File { version: VERSION, filter: self }).map(|text| text + "\n")
    }
}

impl PinnedFilter {
    /// The image to use: the one that the Mesh file pins, else the one in the lock.
    ///
    /// # Errors
    /// Fails if neither pins a digest, or if they name different images.
    pub fn choose(mesh: &Mesh, lock: Option<&Lock>) -> Result<PinnedFilter, BuildError> {
        let FilterImage { image, digest, .. } = &mesh.filter;
        if let Some(digest) = digest {
            return Ok(PinnedFilter { image: image.clone(), digest: digest.clone() });
        }
        let Some(locked) = lock else {
            let message = "the filter's image is not pinned: no digest in the Mesh file, and no `sallyport.lock`";
            return Err(BuildError::new(Code::UnpinnedFilter, message).with_help(
                "run `sallyport image push REF --lock sallyport.lock`, or set `filter.digest` in the Mesh file",
            ));
        };
        if *image != *locked.image && *image != FilterImage::default().image {
            let message = format!("`{}` is for `{}`, but the Mesh file names `{image}`", Lock::FILE, locked.image);
            return Err(BuildError::new(Code::Lock, message).with_help("run `sallyport image push` for that image"));
        }
        pinned(locked)
    }
}

fn pinned(locked: &Lock) -> Result<PinnedFilter, BuildError> {
    let Lock { image, digest } = locked;
    let wrong = |reason: String| BuildError::new(Code::UnpinnedFilter, reason);
    let image = image.parse().map_err(|error: InvalidValue| wrong(error.to_string()))?;
    match digest.parse() {
        Ok(digest) => Ok(PinnedFilter { image, digest }),
        Err(_) => Err(wrong(format!("`{}` is not a digest", digest.escape_debug()))
            .with_help("write `sha256:` and 64 lower-case hexadecimal digits")),
    }
}

impl fmt::Display for InvalidLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidLock::Json(error) => error.fmt(f),
            InvalidLock::Version(version) => write!(f, "its version is {version}, but this program reads {VERSION}"),
        }
    }
}

impl std::error::Error for InvalidLock {}

impl BuildError {
    /// A lock file that cannot be used: one that cannot be read, is [invalid](InvalidLock), or contradicts another.
    #[must_use]
    pub fn unusable_lock(path: &str, reason: impl fmt::Display) -> BuildError {
        BuildError::new(Code::Lock, format!("`{path}`: {reason}"))
    }
}

#[cfg(test)]
mod tests {
    use snapbox::{assert_data_eq, str};

    use super::*;

    fn lock() -> Lock {
        Lock { image: "ghcr.io/acme/filter".to_owned(), digest: format!("sha256:{}", "ab".repeat(32)) }
    }

    #[test]
    fn a_lock_is_read_as_it_is_written() {
        let text = lock().render().unwrap();
        assert_eq!(Lock::parse(&text).unwrap(), lock());
        assert_data_eq!(
            text,
            str![[r#"
{
  "version": 1,
  "filter": {
    "image": "ghcr.io/acme/filter",
    "digest": "sha256:abababababababababababababababababababababababababababababababab"
  }
}

"#]]
        );
    }

    #[test]
    fn another_shape_or_version_is_refused() {
        assert!(matches!(Lock::parse("{}"), Err(InvalidLock::Json(_))));
        let newer = lock().render().unwrap().replace("\"version\": 1", "\"version\": 2");
        assert_eq!(Lock::parse(&newer).unwrap_err().to_string(), "its version is 2, but this program reads 1");
    }

    #[test]
    fn the_mesh_file_wins_and_must_not_contradict_the_lock() {
        let choose = |image: &str, digest: Option<&str>, lock: Option<&Lock>| {
            let mut mesh = Mesh::default();
            mesh.filter.image = image.parse().unwrap();
            mesh.filter.digest = digest.map(|digest| digest.parse().unwrap());
            PinnedFilter::choose(&mesh, lock).map(|filter| filter.reference()).map_err(|error| error.code)
        };
        let (locked, other) = (lock(), format!("sha256:{}", "cd".repeat(32)));
        let of_lock = || Ok(format!("{}@{}", locked.image, locked.digest));
        assert_eq!(choose("r.example.com/f", Some(&other), Some(&locked)), Ok(format!("r.example.com/f@{other}")));
        assert_eq!(choose(&locked.image, None, Some(&locked)), of_lock());
        assert_eq!(choose(FilterImage::default().image.as_str(), None, Some(&locked)), of_lock());
        assert_eq!(choose("r.example.com/f", None, Some(&locked)), Err(Code::Lock));
        assert_eq!(choose(&locked.image, None, None), Err(Code::UnpinnedFilter));
        let short = Lock { digest: "sha256:1".to_owned(), ..locked.clone() };
        assert_eq!(choose(&locked.image, None, Some(&short)), Err(Code::UnpinnedFilter));
    }
}
