//! The files of a step that Git must have, or gets with it.

use std::path::{Path, PathBuf};

use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::model::Egress;
use sallyport_egress::{Located, check, decode};
use sallyport_manifest::GatewayState;

use super::evidence::Missing;
use super::git;
use super::history::egress_in;
use super::pending::pending;
use super::state::{Gateway, State};
use crate::exit::{Exit, Failure};
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
    git::not_as_committed(files)
}

/// The text of a file if it is the Candidate file of a gateway, whose Egress file is this one.
pub(super) fn own_candidate(file: &Path, text: &str, egress: &SourceFile, gateway: &str) -> Option<SourceFile> {
    let source = decode(&printable(file), text.as_bytes()).ok()?;
    let checked = check(&[egress.clone(), source.clone()]);
    let is_own = checked.candidates.iter().any(|candidate| candidate.value.gateway() == gateway);
    is_own.then_some(source)
}

/// In a repository, Git must have what a step depends on: the Egress and the Candidate of each gateway, the Rollout and the Mesh.
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

const COMMIT_FIRST: &str = "commit the files of the gateway, the Rollout and the Mesh first; what `sallyport rollback` wrote is \
                            committed by the same rollback with --commit";

fn not_committed(files: &[PathBuf]) -> String {
    let names: Vec<String> = files.iter().map(|file| format!("`{}`", printable(file))).collect();
    format!("{} {} not committed", names.join(", "), if names.len() == 1 { "is" } else { "are" })
}

/// The files that a step of these gateways depends on, without those that Git has as they are; none outside of a repository.
fn without_commit(state: &State, gateways: &[Gateway<'_>]) -> Result<Vec<PathBuf>, Failure> {
    if gateways.is_empty() || !git::has_repository(&state.lock_path)? {
        return Ok(Vec::new());
    }
    let of_gateways = gateways.iter().flat_map(files_of);
    git::not_as_committed(of_gateways.chain(files_of_all(state)).map(|file| PathBuf::from(state.source(file).name)))
}

fn files_of(gateway: &Gateway<'_>) -> Vec<usize> {
    // What was half done is not committed yet.
    if matches!(gateway.state, GatewayState::Settling(..)) {
        return Vec::new();
    }
    std::iter::once(gateway.egress.file).chain(gateway.candidate.map(|candidate| candidate.file)).collect()
}

fn files_of_all(state: &State) -> impl Iterator<Item = usize> {
    let rollout = state.checked.rollout.as_ref().map(|rollout| rollout.file);
    rollout.into_iter().chain(state.checked.mesh.as_ref().map(|mesh| mesh.file))
}

/// What `promote` stops for because Git does not have it.
pub(super) struct Uncommitted {
    /// What stops every step.
    of_all: Option<String>,
    files: Vec<PathBuf>,
}

impl Uncommitted {
    /// `gateways`: all that are asked for.
    pub(super) fn of(state: &State, gateways: &[Gateway<'_>]) -> Self {
        let moving: Vec<Gateway<'_>> = gateways.iter().filter(|gateway| gateway.candidate.is_some()).copied().collect();
        let found = pending(state).and_then(|steps| Ok((steps, without_commit(state, &moving)?)));
        match found {
            Ok((steps, files)) => {
                let names: Vec<&str> = steps.iter().map(|step| step.gateway.as_str()).collect();
                let of_all =
                    (!names.is_empty()).then(|| format!("what the lock has of {} is not committed", names.join(", ")));
                Self { of_all, files }
            }
            Err(failure) => Self { of_all: Some(failure.message), files: Vec::new() },
        }
    }

    /// What stops a step of a gateway.
    pub(super) fn missing(&self, state: &State, gateway: &Gateway<'_>) -> Option<Missing> {
        let read =
            files_of(gateway).into_iter().chain(files_of_all(state)).map(|file| PathBuf::from(state.source(file).name));
        let own: Vec<PathBuf> = read.filter(|file| self.files.contains(file)).collect();
        let of_files = || (!own.is_empty()).then(|| not_committed(&own));
        self.of_all.clone().or_else(of_files).map(|what| Missing::new(format!("commit: {what}")))
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
