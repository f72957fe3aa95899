//! The files that a session serves.

use std::path::{Path, PathBuf};

use sallyport_egress::model::{Egress, Mesh};

use crate::examine::examine;
use crate::exit::{Exit, Failure};
use crate::input::{self, Wanted};
use crate::printable::printable;
use crate::report::Report;

/// An Egress file, and a Mesh file beside it.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    paths: Vec<PathBuf>,
}

/// What a good file says.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) egress: Egress,
    pub(crate) mesh: Mesh,
    /// May hold warnings.
    pub(crate) report: Report,
}

/// Why a file is not served.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It has errors.
    Report(Box<Report>),
    /// Something that it names is wrong, or Envoy does not take it.
    Failure(Failure),
}

impl Source {
    pub(crate) fn new(file: &Path, mesh: Option<&Path>) -> Self {
        Source { paths: [Some(file), mesh].into_iter().flatten().map(Path::to_owned).collect() }
    }

    pub(crate) fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Reads and checks the files.
    pub(crate) fn load(&self) -> Result<Loaded, Refusal> {
        if let Some(other) = self.paths.iter().find(|path| path.exists() && !path.is_file()) {
            let failure = Failure::new(Exit::Io, format!("`{}` is not a file", printable(other)))
                .with_help("`run` serves one file, which it reads again whenever it changes");
            return Err(Refusal::Failure(failure));
        }
        let (report, checked) = examine(input::gather(&self.paths, Wanted::Ours));
        if report.exit() != Exit::Ok {
            return Err(Refusal::Report(Box::new(report)));
        }
        let mesh = checked.mesh.map(|mesh| mesh.value).unwrap_or_default();
        match checked.egresses.into_iter().next() {
            Some(egress) => Ok(Loaded { egress: egress.value, mesh, report }),
            None => {
                let file = self.paths.first().map(|path| printable(path)).unwrap_or_default();
                Err(Refusal::Failure(Failure::new(Exit::Problems, format!("`{file}` holds no Egress"))))
            }
        }
    }
}

impl Refusal {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Refusal::Report(report) => report.exit(),
            Refusal::Failure(failure) => failure.exit,
        }
    }
}
