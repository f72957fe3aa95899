//! A lock that is gone without a commit.

use std::path::Path;

use sallyport_manifest::LockFile;

use super::git::{has_repository, show};
use crate::exit::{Exit, Failure};
use crate::printable::{printable, quoted_path};

/// Fails if the last commit has a lock with a rollout, and the disk has none: every gateway would be where it was before. What git cannot
/// say is asked again before a step.
pub(super) fn refuse_lost(path: &Path) -> Result<(), Failure> {
    let Ok(Some(bytes)) = has_repository(path).and_then(|is| if is { show("HEAD", path) } else { Ok(None) }) else {
        return Ok(());
    };
    let is_empty = |lock: LockFile| lock.rollout.gateways.is_empty() && lock.next.is_none();
    if LockFile::parse(&String::from_utf8_lossy(&bytes)).is_ok_and(is_empty) {
        return Ok(());
    }
    let (name, lock) = (printable(path), quoted_path(path));
    let message = format!("`{name}` is gone, and the last commit has it with a rollout");
    Err(Failure::new(Exit::Blocked, message).with_help(format!(
        "`git checkout HEAD -- {lock}` brings it back; to begin anew, commit first that it is gone: `git rm {lock}` and `git commit`"
    )))
}
