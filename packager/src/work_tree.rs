//! Where Git has its work tree, found as git finds it. Git is not asked, so it need not be installed.

use std::fs;
use std::path::{Path, PathBuf};

/// The top of the work tree that a folder is in, whether the folder exists or not. `None`: it is in none.
pub(crate) fn around(folder: &Path) -> Option<PathBuf> {
    let folder = real(folder);
    let ceilings = std::env::var_os("GIT_CEILING_DIRECTORIES").unwrap_or_default();
    let ceilings: Vec<PathBuf> = std::env::split_paths(&ceilings)
        .filter(|ceiling| !ceiling.as_os_str().is_empty())
        .map(|ceiling| real(&ceiling))
        .collect();
    let mut searched =
        folder.ancestors().take_while(|place| *place == folder || !ceilings.iter().any(|ceiling| ceiling == place));
    searched.find(|place| place.join(".git").symlink_metadata().is_ok()).map(Path::to_owned)
}

/// The folder without links; of one that does not exist, as far as it does.
pub(crate) fn real(folder: &Path) -> PathBuf {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let below = |above: &Path| folder.strip_prefix(above).map(Path::to_owned).unwrap_or_default();
    let here =
        |above: &Path| if above.as_os_str().is_empty() { fs::canonicalize(".") } else { fs::canonicalize(above) };
    let found = folder.ancestors().find_map(|above| here(above).ok().map(|real| (real, below(above))));
    match found {
        Some((real, below)) if below.as_os_str().is_empty() => real,
        Some((real, below)) => real.join(below),
        None => folder.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_is_where_git_is_whatever_exists_below() {
        let folder = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(folder.path()).unwrap();
        assert_eq!(around(&top.join("a/b")), None);
        fs::create_dir_all(top.join("repository/.git")).unwrap();
        fs::create_dir_all(top.join("repository/a")).unwrap();
        for below in ["repository", "repository/a", "repository/a/new/newer"] {
            assert_eq!(around(&top.join(below)), Some(top.join("repository")), "{below}");
        }
        // Of a submodule or a further work tree it is a file.
        fs::write(top.join("repository/a/.git"), "gitdir: elsewhere\n").unwrap();
        assert_eq!(around(&top.join("repository/a/b")), Some(top.join("repository/a")));
        std::os::unix::fs::symlink(top.join("repository"), top.join("link")).unwrap();
        assert_eq!(around(&top.join("link/c")), Some(top.join("repository")));
    }
}
