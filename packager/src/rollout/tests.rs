//! Kills after each write, and two who promote at once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::evidence::Nothing;
use super::plan::plan;
use super::promote::{Order, Promoted, promote};
use super::revert::roll_back;
use super::state::{Read, State, read};
use super::target::Target;
use super::write::{Disk, Writer};
use crate::exit::{Exit, Failure};

/// Files by their paths below a folder.
type Files = BTreeMap<String, String>;

const NOW: i64 = 1_795_000_000;
const LOCK: &str = r#"{"version":1,"filter":{"image":"registry.example.com/f","digest":"sha256:abababababababababababababababababababababababababababababababab","candidates":true}}"#;

/// The file system, until the process is killed.
struct Killed {
    writes: usize,
}

impl Killed {
    /// What a kill within a write leaves.
    fn write(&mut self, path: &Path) -> Result<(), Failure> {
        match self.writes.checked_sub(1) {
            Some(left) => {
                self.writes = left;
                Ok(())
            }
            None => {
                fs::write(path.with_file_name(".sallyport-rollout-half"), "half").unwrap();
                Err(Failure::new(Exit::Io, "killed"))
            }
        }
    }
}

impl Writer for Killed {
    fn replace(&mut self, path: &Path, old: Option<&[u8]>, new: &[u8]) -> Result<(), Failure> {
        self.write(path)?;
        Disk.replace(path, old, new)
    }

    fn remove(&mut self, path: &Path, old: &[u8]) -> Result<(), Failure> {
        self.write(path)?;
        Disk.remove(path, old)
    }
}

fn egress(name: &str, tier: &str) -> String {
    format!(
        "apiVersion: sallyport.dev/v1alpha1\nkind: Egress\nmetadata: {{name: {name}, namespace: egress, labels: {{tier: {tier}}}}}\n\
         spec:\n  host: {name}.internal\n  upstream: {{host: {name}.example.com, port: 443}}\n  authz:\n    rules:\n    \
         # who reads {name}\n    - id: readers\n      action: ALLOW\n      from: [{{source: {{serviceAccounts: [shop/{name}]}}}}]\n"
    )
}

fn candidate(name: &str, path: &str) -> String {
    format!(
        "apiVersion: sallyport.dev/v1alpha1\nkind: Candidate\nmetadata: {{name: {name}, namespace: egress}}\nspec:\n  rules:\n  \
         - id: readers # fewer\n    action: ALLOW\n    from: [{{source: {{serviceAccounts: [shop/{name}]}}}}]\n    \
         to: [{{operation: {{paths: [{path}]}}}}]\n"
    )
}

const ROLLOUT: &str = "apiVersion: sallyport.dev/v1alpha1\nkind: Rollout\nmetadata: {name: rollout}\nspec:\n  waves:\n  \
    - {name: first, labels: {tier: one}}\n  - {name: then, labels: {tier: two}}\n  gates: {canary: {steps: [10]}}\n";

/// Three gateways in two waves, each with a candidate.
fn project() -> Files {
    let mut files =
        Files::from([("rollout.yaml".to_owned(), ROLLOUT.to_owned()), ("sallyport.lock".to_owned(), LOCK.to_owned())]);
    for (name, tier) in [("a", "one"), ("b", "one"), ("c", "two")] {
        files.insert(format!("{name}/egress.yaml"), egress(name, tier));
        files.insert(format!("{name}/{name}.candidate.yaml"), candidate(name, "/v2"));
    }
    files
}

fn write(folder: &Path, files: &Files) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn files(folder: &Path) -> Files {
    let mut found = Files::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap().flatten() {
            let path = entry.path();
            match path.is_dir() {
                true if path.ends_with(".git") => {}
                true => open.push(path),
                false => {
                    let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                    found.insert(name, fs::read_to_string(path).unwrap());
                }
            }
        }
    }
    found
}

fn state(folder: &Path) -> State {
    match read(&[folder.to_owned()], NOW).unwrap() {
        Read::State(state) => *state,
        Read::Wrong(report) => panic!("{:?}", report.problems),
    }
}

/// What a user can do.
#[derive(Clone, Debug)]
enum Action {
    Promote(Vec<String>, Option<Target>),
    RollBack(Vec<String>),
    /// Another version of a candidate.
    Edit(&'static str, usize),
}

impl Action {
    fn run(&self, folder: &Path, writer: &mut dyn Writer) -> Result<Promoted, Failure> {
        match self {
            Action::Promote(gateways, to) => {
                let order = Order { gateways, to: *to, without_evidence: Some("a test") };
                promote(&state(folder), &order, &Nothing, writer)
            }
            Action::RollBack(gateways) => roll_back(&state(folder), gateways, writer),
            Action::Edit(name, version) => {
                let text = candidate(name, &format!("/v{version}"));
                fs::write(folder.join(name).join(format!("{name}.candidate.yaml")), text).unwrap();
                Ok(Promoted::default())
            }
        }
    }

    fn random(random: &mut fastrand::Rng) -> Self {
        let names = ["a", "b", "c"];
        let some = |random: &mut fastrand::Rng| match random.u8(0..3) {
            0 => vec![names[random.usize(0..3)].to_owned()],
            _ => Vec::new(),
        };
        match random.u8(0..12) {
            0 => Action::RollBack(some(random)),
            1 => Action::Edit(names[random.usize(0..3)], random.usize(3..1_000_000)),
            2 => {
                let to = [Target::Shadow, Target::Canary, Target::Enforce, Target::Settled][random.usize(0..4)];
                Action::Promote(some(random), Some(to))
            }
            _ => Action::Promote(some(random), None),
        }
    }
}

/// Counts writes.
struct Counted(usize);

impl Writer for Counted {
    fn replace(&mut self, path: &Path, old: Option<&[u8]>, new: &[u8]) -> Result<(), Failure> {
        self.0 += 1;
        Disk.replace(path, old, new)
    }

    fn remove(&mut self, path: &Path, old: &[u8]) -> Result<(), Failure> {
        self.0 += 1;
        Disk.remove(path, old)
    }
}

/// Whatever was killed where: `plan` explains it, and the same command completes it to the same bytes.
#[test]
fn a_command_that_was_killed_is_completed_by_the_same_command() {
    let (mut kills, mut settled) = (0, 0);
    for seed in 0..8 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut now = project();
        for _ in 0..20 {
            let action = Action::random(&mut random);
            let whole = tempfile::tempdir().unwrap();
            write(whole.path(), &now);
            let mut counted = Counted(0);
            let result = action.run(whole.path(), &mut counted);
            let expected = files(whole.path());
            if let Err(failure) = &result {
                assert_eq!(failure.exit, Exit::Blocked, "{action:?}: {failure:?}");
                assert_eq!(expected, now, "nothing is written: {action:?}");
            }
            for writes in 0..counted.0 {
                kills += 1;
                let folder = tempfile::tempdir().unwrap();
                write(folder.path(), &now);
                action.run(folder.path(), &mut Killed { writes }).unwrap_err();
                let between = state(folder.path());
                let planned = plan(&between, &[], &Nothing).unwrap();
                let notes: Vec<_> = planned.waves.iter().flat_map(|(_, all)| all).flat_map(|one| &one.notes).collect();
                if writes > 0 {
                    settled += 1;
                    assert!(
                        notes.iter().any(|note| note.starts_with("a promotion was interrupted: ")),
                        "{action:?} {notes:?}"
                    );
                }
                action.run(folder.path(), &mut Disk).unwrap();
                assert_eq!(files(folder.path()), expected, "{action:?} killed after {writes} writes");
            }
            now = expected;
        }
    }
    assert!(kills > 50 && settled > 6, "{kills} {settled}");
}

#[test]
fn of_two_who_promote_at_once_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &project());
    let (one, two) = (state(folder.path()), state(folder.path()));
    let order = Order { gateways: &[], to: None, without_evidence: None };
    promote(&one, &order, &Nothing, &mut Disk).unwrap();
    let lost = promote(&two, &order, &Nothing, &mut Disk).unwrap_err();
    assert_eq!(lost.exit, Exit::Blocked);
    assert!(lost.message.starts_with("the lock has moved: `"), "{}", lost.message);
    let again = promote(&state(folder.path()), &order, &Nothing, &mut Disk).unwrap_err();
    assert!(again.message.contains("egress/a to `canary 10 %`: time: at `shadow` for 0s of 24h"), "{}", again.message);
}

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

/// A repository in which the candidate of `a` is settled; what it was before.
fn settled(is_committed: bool) -> (tempfile::TempDir, Files) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &project());
    git(folder.path(), &["init", "--quiet", "--initial-branch=main"]);
    commit(folder.path());
    let one = |to| Action::Promote(vec!["a".to_owned()], Some(to));
    one(Target::Enforce).run(folder.path(), &mut Disk).unwrap();
    commit(folder.path());
    let before = files(folder.path());
    one(Target::Settled).run(folder.path(), &mut Disk).unwrap();
    if is_committed {
        commit(folder.path());
    }
    (folder, before)
}

/// After a candidate was settled, Git has what was before.
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
            back.run(folder.path(), &mut Disk).unwrap();
            let restored = files(folder.path());
            for name in ["a/egress.yaml", "a/a.candidate.yaml"] {
                assert_eq!(restored[name], before[name], "{name}");
            }
            assert!(!restored["sallyport.lock"].contains("egress/a"), "{}", restored["sallyport.lock"]);
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
    for _ in 0..2 {
        let again = back.run(folder.path(), &mut Disk).unwrap();
        assert!(again.taken.is_empty(), "{again:?}");
        assert_eq!(again.notes, ["egress/a has no candidate in the lock, and none is settled: nothing to roll back"]);
        commit(folder.path());
    }
}

/// Between the Egress file and the lock, going back is as good as going on.
#[test]
fn an_interrupted_settling_can_be_rolled_back() {
    for writes in [1, 2] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &project());
        git(folder.path(), &["init", "--quiet", "--initial-branch=main"]);
        let one = |to| Action::Promote(vec!["a".to_owned()], Some(to));
        one(Target::Enforce).run(folder.path(), &mut Disk).unwrap();
        commit(folder.path());
        let before = files(folder.path());
        one(Target::Settled).run(folder.path(), &mut Killed { writes }).unwrap_err();
        Action::RollBack(vec!["a".to_owned()]).run(folder.path(), &mut Disk).unwrap();
        let after = files(folder.path());
        for name in ["a/egress.yaml", "a/a.candidate.yaml"] {
            assert_eq!(after[name], before[name], "{name} {writes}");
        }
        assert!(!after["sallyport.lock"].contains("egress/a"));
    }
}

#[test]
fn a_clock_that_is_wrong_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &project());
    Action::Promote(Vec::new(), None).run(folder.path(), &mut Disk).unwrap();
    let Read::State(early) = read(&[PathBuf::from(folder.path())], NOW - 60).unwrap() else { panic!("it is valid") };
    let planned = plan(&early, &["egress/a".to_owned()], &Nothing).unwrap();
    let missing = &planned.waves[0].1[0].next.as_ref().unwrap().missing;
    assert!(missing[0].0.ends_with("a clock is wrong"), "{missing:?}");
}
