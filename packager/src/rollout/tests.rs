//! Kills after each write, and two who promote at once.

mod back;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::evidence::Nothing;
use super::plan::plan;
use super::promote::{Order, Promoted, promote};
use super::revert::roll_back;
use super::state::{Read, State, read, read_to_go_back};
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
    match read(&[folder.to_owned()], &[], NOW).unwrap() {
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
            Action::RollBack(gateways) => {
                let Read::State(state) = read_to_go_back(&[folder.to_owned()], gateways, NOW)? else {
                    panic!("it is valid")
                };
                roll_back(&state, gateways, writer)
            }
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
                let is_back = failure.message.ends_with("no promotion leads back");
                let exit = if is_back { Exit::Usage } else { Exit::Blocked };
                assert_eq!(failure.exit, exit, "{action:?}: {failure:?}");
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
                        notes.iter().any(|note| note.starts_with("a promotion was interrupted, or ")),
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

#[test]
fn a_clock_that_is_wrong_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &project());
    Action::Promote(Vec::new(), None).run(folder.path(), &mut Disk).unwrap();
    let Read::State(early) = read(&[PathBuf::from(folder.path())], &[], NOW - 60).unwrap() else {
        panic!("it is valid")
    };
    let planned = plan(&early, &["egress/a".to_owned()], &Nothing).unwrap();
    let missing = &planned.waves[0].1[0].next.as_ref().unwrap().missing;
    assert!(missing[0].text.ends_with("a clock is wrong"), "{missing:?}");
}
