//! Back by Git: what was settled, what was half done, and what was not committed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Action, Files, Killed, files, project, state, write};
use crate::rollout::evidence::Nothing;
use crate::rollout::plan::plan;
use crate::rollout::target::Target;
use crate::rollout::write::Disk;

fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]).args(arguments);
    let output = command.current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

fn commit(folder: &Path) {
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--allow-empty", "--message=a"]);
}

fn promote_a(to: Target) -> Action {
    Action::Promote(vec!["a".to_owned()], Some(to))
}

/// A repository in which the candidate of `a` decides for all, and its files.
fn at_enforce() -> (tempfile::TempDir, Files) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &project());
    git(folder.path(), &["init", "--quiet", "--initial-branch=main"]);
    commit(folder.path());
    promote_a(Target::Enforce).run(folder.path(), &mut Disk).unwrap();
    commit(folder.path());
    let files = files(folder.path());
    (folder, files)
}

/// A repository in which the candidate of `a` is settled; what it was before.
fn settled(is_committed: bool) -> (tempfile::TempDir, Files) {
    let (folder, before) = at_enforce();
    promote_a(Target::Settled).run(folder.path(), &mut Disk).unwrap();
    if is_committed {
        commit(folder.path());
    }
    (folder, before)
}

/// After a candidate was settled, Git has what was before. A step that is not committed is undone: all is as it was.
#[test]
fn what_was_settled_goes_back_by_git_and_after_a_kill() {
    let back = Action::RollBack(vec!["a".to_owned()]);
    for is_committed in [true, false] {
        for writes in [0, 1, usize::MAX] {
            let (folder, before) = settled(is_committed);
            let after = files(folder.path());
            assert_ne!(after["a/egress.yaml"], before["a/egress.yaml"]);
            assert!(!after.contains_key("a/a.candidate.yaml"));
            if writes != usize::MAX {
                back.run(folder.path(), &mut Killed { writes }).unwrap_err();
            }
            let done = back.run(folder.path(), &mut Disk).unwrap();
            let restored = files(folder.path());
            for name in ["a/egress.yaml", "a/a.candidate.yaml"] {
                assert_eq!(restored[name], before[name], "{name}");
            }
            assert_eq!(
                restored["sallyport.lock"].contains("egress/a"),
                !is_committed,
                "{}",
                restored["sallyport.lock"]
            );
            assert_eq!(done.taken[0].is_undone, !is_committed);
            if !is_committed {
                assert_eq!(restored, before);
                // And from there back to the Egress.
                back.run(folder.path(), &mut Disk).unwrap();
                assert!(!files(folder.path())["sallyport.lock"].contains("egress/a"));
            }
        }
    }
}

#[test]
fn what_has_changed_since_it_was_settled_stays() {
    let (folder, before) = settled(true);
    let path = folder.path().join("a/egress.yaml");
    let more = "  gateway: {replicas: 3}\n";
    fs::write(&path, fs::read_to_string(&path).unwrap() + more).unwrap();
    let back = Action::RollBack(vec!["a".to_owned()]);
    back.run(folder.path(), &mut Disk).unwrap();
    let after = files(folder.path());
    assert_eq!(after["a/egress.yaml"], format!("{}{more}", before["a/egress.yaml"]));
    assert_eq!(after["a/a.candidate.yaml"], before["a/a.candidate.yaml"]);
}

/// What is said to be done by hand can be done, and then there is nothing left to roll back.
#[test]
fn what_has_changed_in_the_same_place_is_mended_by_hand() {
    let (folder, before) = settled(true);
    let path = folder.path().join("a/egress.yaml");
    let edited = fs::read_to_string(&path).unwrap().replace("[/v2]", "[/v3]");
    fs::write(&path, &edited).unwrap();
    let back = Action::RollBack(vec!["a".to_owned()]);
    let failure = back.run(folder.path(), &mut Disk).unwrap_err();
    assert!(
        failure.message.ends_with("it has changed since its candidate was settled, in the same place"),
        "{failure:?}"
    );
    let help = failure.help.unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), edited);
    let revision = help.strip_prefix("`git diff ").unwrap().split_once(" -- ").unwrap().0.to_owned();
    git(folder.path(), &["checkout", "--quiet", &revision, "--", "a/egress.yaml"]);
    commit(folder.path());
    assert_eq!(files(folder.path())["a/egress.yaml"], before["a/egress.yaml"]);
    assert_eq!(back.run(folder.path(), &mut Disk).unwrap().files, Vec::<PathBuf>::new());
    plan(&state(folder.path()), &[], &Nothing).unwrap();
}

/// The lock has its entry again, and one rollback takes it out.
#[test]
fn a_revert_by_git_and_a_rollback_end_where_a_rollback_does() {
    let (folder, before) = settled(true);
    let back = Action::RollBack(vec!["a".to_owned()]);
    git(folder.path(), &["revert", "--no-edit", "HEAD"]);
    assert_eq!(files(folder.path()), before);
    back.run(folder.path(), &mut Disk).unwrap();
    let by_git = files(folder.path());
    assert!(!by_git["sallyport.lock"].contains("egress/a"));
    let (other, _) = settled(true);
    back.run(other.path(), &mut Disk).unwrap();
    assert_eq!(files(other.path()), by_git);
    // Again, there is nothing to do, committed or not.
    for folder in [folder.path(), other.path()] {
        for _ in 0..2 {
            let again = back.run(folder, &mut Disk).unwrap();
            assert_eq!(again.files, Vec::<PathBuf>::new(), "{again:?}");
            assert_eq!(files(folder), by_git);
            commit(folder);
        }
    }
}

/// A candidate that was rolled back was not settled, whatever stage it had.
#[test]
fn what_was_rolled_back_is_not_rolled_back_again() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &project());
    git(folder.path(), &["init", "--quiet", "--initial-branch=main"]);
    commit(folder.path());
    Action::Promote(vec!["a".to_owned()], Some(Target::Enforce)).run(folder.path(), &mut Disk).unwrap();
    commit(folder.path());
    let back = Action::RollBack(vec!["a".to_owned()]);
    assert_eq!(back.run(folder.path(), &mut Disk).unwrap().taken[0].from, "enforce");
    for note in [
        "egress/a was rolled back already, but that is not committed",
        "egress/a was rolled back already: nothing to roll back",
    ] {
        let again = back.run(folder.path(), &mut Disk).unwrap();
        assert!(again.taken.is_empty(), "{again:?}");
        assert_eq!(again.notes, [note]);
        commit(folder.path());
    }
}

/// Between the Egress file and the lock, going back is as good as going on.
#[test]
fn an_interrupted_settling_can_be_rolled_back() {
    for writes in [1, 2] {
        let (folder, before) = at_enforce();
        promote_a(Target::Settled).run(folder.path(), &mut Killed { writes }).unwrap_err();
        Action::RollBack(vec!["a".to_owned()]).run(folder.path(), &mut Disk).unwrap();
        let after = files(folder.path());
        for name in ["a/egress.yaml", "a/a.candidate.yaml"] {
            assert_eq!(after[name], before[name], "{name} {writes}");
        }
        assert!(!after["sallyport.lock"].contains("egress/a"));
    }
}
