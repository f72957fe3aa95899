//! Loading the files that a session serves.

use std::path::{Path, PathBuf};

use sallyport_egress::model::{AccessLog, Egress, Mesh};
use sallyport_egress::rollout::{Candidate, Rollout};
use sallyport_manifest::{LockFile, Rollouts};

use crate::examine::examine;
use crate::exit::{Exit, Failure};
use crate::input::{self, Inputs, Selection};
use crate::lock;
use crate::printable::printable;
use crate::report::Report;

/// Egress files, and a Mesh file if there is one; or folders with them.
#[derive(Clone, Debug)]
pub(crate) struct EgressFiles {
    arguments: Vec<PathBuf>,
}

/// The content of valid files.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    /// In the order of the files; there is at least one.
    pub(crate) egresses: Vec<Egress>,
    /// The name of the file of each.
    pub(crate) files: Vec<String>,
    pub(crate) mesh: Mesh,
    /// The next versions of their rules.
    candidates: Vec<Candidate>,
    rollout: Option<Rollout>,
    lock: LockFile,
    /// It may have warnings.
    pub(crate) report: Report,
}

/// Why a file is not served.
#[derive(Debug)]
pub(crate) enum NotServed {
    /// It has errors.
    Report(Box<Report>),
    /// Something that it refers to is wrong, or Envoy rejects it.
    Failure(Failure),
}

impl EgressFiles {
    pub(crate) fn new(files: &[PathBuf], mesh: Option<&Path>) -> Self {
        EgressFiles { arguments: files.iter().map(PathBuf::as_path).chain(mesh).map(Path::to_owned).collect() }
    }

    /// What they have now, which may be new files in a folder.
    pub(crate) fn gather(&self) -> Inputs {
        input::gather(&self.arguments, Selection::Ours)
    }

    /// Where a lock would be for them: it says how far their candidates have come.
    pub(crate) fn locks(&self) -> Vec<PathBuf> {
        lock::places(&self.relative())
    }

    fn relative(&self) -> Vec<PathBuf> {
        self.arguments.iter().map(|path| input::relative(path)).collect()
    }

    /// Reads and checks the files.
    pub(crate) fn load(&self) -> Result<Loaded, NotServed> {
        let (report, checked) = examine(self.gather());
        if report.exit() != Exit::Ok {
            return Err(NotServed::Report(Box::new(report)));
        }
        // Without a Mesh file nothing says what the mesh logs, and a reader at this machine wants decision and rule.
        let unknown = || Mesh { access_log: AccessLog::Json, ..Mesh::default() };
        let mesh = checked.mesh.map_or_else(unknown, |mesh| mesh.value);
        let name = |file: usize| report.files.get(file).map(|file| file.name.clone()).unwrap_or_default();
        let files = checked.egresses.iter().map(|egress| name(egress.file)).collect();
        let egresses: Vec<_> = checked.egresses.into_iter().map(|egress| egress.value).collect();
        if egresses.is_empty() {
            let file = self.arguments.first().map(|path| printable(path)).unwrap_or_default();
            return Err(NotServed::Failure(Failure::new(Exit::Problems, format!("`{file}` has no Egress"))));
        }
        let search = lock::find(&self.relative(), report.files.iter().map(|file| Path::new(&file.name)));
        let lock = match search.found {
            Ok(found) => found.map(|(_, lock)| lock).unwrap_or_default(),
            Err((_, error)) => return Err(NotServed::Failure(lock::unusable(error, Exit::Problems))),
        };
        let candidates = checked.candidates.into_iter().map(|candidate| candidate.value).collect();
        let rollout = checked.rollout.map(|rollout| rollout.value);
        Ok(Loaded { egresses, files, mesh, candidates, rollout, lock, report })
    }
}

impl Loaded {
    /// The candidates that the lock has.
    pub(crate) fn rollouts(&self) -> Result<Rollouts<'_>, Failure> {
        let (egresses, candidates): (Vec<_>, Vec<_>) =
            (self.egresses.iter().collect(), self.candidates.iter().collect());
        let found = Rollouts::of(&egresses, &candidates, self.rollout.as_ref(), &self.lock);
        found.map_err(|errors| match errors.into_iter().next() {
            Some(first) => lock::unusable(first, Exit::Problems),
            None => Failure::new(Exit::Problems, "the lock cannot be used"),
        })
    }
}

impl NotServed {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            NotServed::Report(report) => report.exit(),
            NotServed::Failure(failure) => failure.exit,
        }
    }
}
