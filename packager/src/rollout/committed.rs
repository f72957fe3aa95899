//! The files of a step that Git must have, or gets with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::model::Egress;
use sallyport_egress::{Located, check, decode};
use sallyport_manifest::GatewayState;

use super::evidence::Missing;
use super::git;
use super::past::egress_in;
use super::pending::pending;
use super::state::{Gateway, State};
use super::stored::{changed_below, not_as_committed};
use crate::exit::{Exit, Failure};
use crate::input::canonical;
use crate::printable::{printable, quoted_path};

/// The files that change with the last step of a gateway, without those that Git has as they are.
pub(super) fn files_of_end(state: &State, gateway: &str) -> Result<Vec<PathBuf>, Failure> {
    let egress = state.checked.egresses.iter().find(|egress| egress.value.route() == gateway);
    let Some(egress) = egress.map(|egress| state.source(egress.file)) else { return Ok(Vec::new()) };
    let path = PathBuf::from(&egress.name);
    let mut files = vec![path.clone()];
    for (file, text) in git::removed(&path, "HEAD", None)? {
        files.extend(own_candidate(&file, &text, &egress, gateway).map(|_| file));
    }
    not_as_committed(files)
}

/// The text of a file if it is the Candidate file of a gateway, whose Egress file is this one.
pub(super) fn own_candidate(file: &Path, text: &str, egress: &SourceFile, gateway: &str) -> Option<SourceFile> {
    let source = decode(&printable(file), text.as_bytes()).ok()?;
    let checked = check(&[egress.clone(), source.clone()]);
    let is_own = checked.candidates.iter().any(|candidate| candidate.value.gateway() == gateway);
    is_own.then_some(source)
}

/// In a repository, Git must have what a step depends on: the Egress and the Candidate of each gateway, the Rollout and the Mesh; and
/// what it has below the folder of the lock must be there, because waves and gates are about all gateways.
pub(super) fn refuse_uncommitted(state: &State, gateways: &[Gateway<'_>]) -> Result<(), Failure> {
    let files = without_commit(state, gateways)?;
    if files.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Blocked,
        format!("{}, and the lock would speak of what Git does not have", not_committed(&files)),
    )
    .with_help(COMMIT_FIRST))
}

const COMMIT_FIRST: &str = "commit these files first, by themselves, or take back what has changed: `git checkout HEAD -- FILE`; what `sallyport \
                            rollback` wrote is committed by the same rollback with --commit";

fn not_committed(files: &[PathBuf]) -> String {
    let (there, gone): (Vec<&PathBuf>, Vec<&PathBuf>) = files.iter().partition(|file| file.exists());
    let names = |files: &[&PathBuf]| {
        let names: Vec<String> = files.iter().map(|file| format!("`{}`", printable(file))).collect();
        names.join(", ")
    };
    let are = if there.len() == 1 { "is" } else { "are" };
    match (there.as_slice(), gone.as_slice()) {
        (there, []) => format!("{} {are} not committed", names(there)),
        ([], gone) => format!("the removal of {} is not committed", names(gone)),
        (there, gone) => {
            format!("{} {are} not committed, nor is the removal of {}", names(there), names(gone))
        }
    }
}

/// The files that a step of these gateways depends on, without those that Git has as they are; none outside of a repository.
fn without_commit(state: &State, gateways: &[Gateway<'_>]) -> Result<Vec<PathBuf>, Failure> {
    if gateways.is_empty() || !git::has_repository(&state.lock_path)? {
        return Ok(Vec::new());
    }
    let own = gateways.iter().flat_map(files_of).map(|file| PathBuf::from(state.source(file).name));
    let mut files = not_as_committed(own)?;
    add(&mut files, &of_all(state)?);
    Ok(files)
}

/// The files that every step depends on. Waves, gates and the filter are decided by all, and one that is gone was not read.
fn of_all(state: &State) -> Result<Vec<PathBuf>, Failure> {
    let rollout = state.checked.rollout.as_ref().map(|rollout| rollout.file);
    let both = rollout.into_iter().chain(state.checked.mesh.as_ref().map(|mesh| mesh.file));
    let mut files = not_as_committed(both.map(|file| PathBuf::from(state.source(file).name)))?;
    add(&mut files, &changed_below(&state.lock_path)?);
    // What a promotion that was interrupted has written, or somebody's hand, is not committed yet.
    for gateway in state.gateways().iter().filter(|gateway| matches!(gateway.state, GatewayState::Settling(..))) {
        let begun = files_of_end(state, &gateway.name())?;
        files.retain(|file| !has(&begun, file));
    }
    Ok(files)
}

fn add(files: &mut Vec<PathBuf>, more: &[PathBuf]) {
    for file in more {
        if !has(files, file) {
            files.push(file.clone());
        }
    }
}

fn has(files: &[PathBuf], file: &Path) -> bool {
    files.iter().any(|known| canonical(known) == canonical(file))
}

fn files_of(gateway: &Gateway<'_>) -> Vec<usize> {
    if matches!(gateway.state, GatewayState::Settling(..)) {
        return Vec::new();
    }
    std::iter::once(gateway.egress.file).chain(gateway.candidate.map(|candidate| candidate.file)).collect()
}

/// What `promote` stops for because Git does not have it.
pub(super) struct Uncommitted {
    /// What stops every step.
    of_all: Option<String>,
    /// By gateway, what stops its own step.
    of_gateways: BTreeMap<String, Vec<PathBuf>>,
}

impl Uncommitted {
    /// `gateways`: all that are asked for.
    pub(super) fn of(state: &State, gateways: &[Gateway<'_>]) -> Self {
        Self::asked(state, gateways)
            .unwrap_or_else(|failure| Self { of_all: Some(failure.message), of_gateways: BTreeMap::new() })
    }

    fn asked(state: &State, gateways: &[Gateway<'_>]) -> Result<Self, Failure> {
        let (steps, mut of_gateways) = (pending(state)?, BTreeMap::new());
        let names: Vec<&str> = steps.iter().map(|step| step.gateway.as_str()).collect();
        if !names.is_empty() {
            let of_all = Some(format!("what the lock has of {} is not committed", names.join(", ")));
            return Ok(Self { of_all, of_gateways });
        }
        let moving: Vec<&Gateway<'_>> = gateways.iter().filter(|gateway| gateway.candidate.is_some()).collect();
        if moving.is_empty() || !git::has_repository(&state.lock_path)? {
            return Ok(Self { of_all: None, of_gateways });
        }
        let of_all = of_all(state)?;
        for gateway in moving {
            let own = files_of(gateway).into_iter().map(|file| PathBuf::from(state.source(file).name));
            let mut files = not_as_committed(own)?;
            add(&mut files, &of_all);
            of_gateways.insert(gateway.name(), files);
        }
        Ok(Self { of_all: None, of_gateways })
    }

    /// What stops a step of a gateway.
    pub(super) fn missing(&self, gateway: &Gateway<'_>) -> Option<Missing> {
        let own = self.of_gateways.get(&gateway.name()).filter(|own| !own.is_empty());
        let what = self.of_all.clone().or_else(|| own.map(|own| not_committed(own)));
        what.map(|what| Missing::new(format!("commit: {what}")))
    }
}

/// Fails if an Egress file has changes outside of its rules that Git does not have: the commit of a step that changes the rules
/// would have them, too.
pub(super) fn refuse_other_changes(state: &State, egress: &Located<Egress>) -> Result<(), Failure> {
    let path = PathBuf::from(state.source(egress.file).name);
    let old = git::show("HEAD", &path)?.and_then(|bytes| egress_in(&path, &bytes, &egress.value.route()));
    let is_same = old.is_some_and(|mut old| {
        old.spec.authz.rules.clone_from(&egress.value.spec.authz.rules);
        old == egress.value
    });
    if is_same {
        return Ok(());
    }
    let message = format!(
        "`{}` has changes outside of its rules that are not committed, and the commit of this step would have them, too",
        printable(&path)
    );
    let file = quoted_path(&path);
    Err(Failure::new(Exit::Blocked, message).with_help(format!(
        "commit the file by itself, `git add {file}` and `git commit {file}`, and run the same command again; `git diff HEAD -- {file}` \
         shows what has changed"
    )))
}
