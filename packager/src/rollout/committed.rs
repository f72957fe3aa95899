//! The files of a step that Git must have, or gets with it.

use std::path::{Path, PathBuf};

use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::{check, decode};
use sallyport_manifest::GatewayState;

use super::git;
use super::state::{Gateway, State};
use crate::exit::{Exit, Failure};
use crate::printable::printable;

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
    if gateways.is_empty() || !git::has_repository(&state.lock_path)? {
        return Ok(());
    }
    let mut read: Vec<usize> = Vec::new();
    for gateway in gateways {
        // What was half done is not committed yet.
        if !matches!(gateway.state, GatewayState::Settling(..)) {
            read.push(gateway.egress.file);
            read.extend(gateway.candidate.map(|candidate| candidate.file));
        }
    }
    read.extend(state.checked.rollout.as_ref().map(|rollout| rollout.file));
    read.extend(state.checked.mesh.as_ref().map(|mesh| mesh.file));
    let files = git::not_as_committed(read.into_iter().map(|file| PathBuf::from(state.source(file).name)))?;
    let Some(first) = files.first() else { return Ok(()) };
    let message =
        format!("`{}` is not committed, and the lock would speak of what Git does not have", printable(first));
    let help = "commit the files of the gateway, the Rollout and the Mesh first; what `sallyport rollback` wrote is committed by the \
                same rollback with --commit";
    Err(Failure::new(Exit::Blocked, message).with_help(help))
}
