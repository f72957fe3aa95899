//! Loading the files that a session serves.

use std::path::{Path, PathBuf};

use sallyport_egress::model::{Egress, Mesh};

use crate::examine::examine;
use crate::exit::{Exit, Failure};
use crate::input::{self, Selection};
use crate::printable::printable;
use crate::report::Report;

/// An Egress file, and a Mesh file if there is one.
#[derive(Clone, Debug)]
pub(crate) struct EgressFiles {
    paths: Vec<PathBuf>,
}

/// The content of a valid file.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) egress: Egress,
    pub(crate) mesh: Mesh,
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
    pub(crate) fn new(file: &Path, mesh: Option<&Path>) -> Self {
        EgressFiles { paths: [Some(file), mesh].into_iter().flatten().map(Path::to_owned).collect() }
    }

    pub(crate) fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Reads and checks the files.
    pub(crate) fn load(&self) -> Result<Loaded, NotServed> {
        if let Some(other) = self.paths.iter().find(|path| path.exists() && !path.is_file()) {
            let failure = Failure::new(Exit::Io, format!("`{}` is not a file", printable(other)))
                .with_help("`run` serves one file, and reads it again when it changes");
            return Err(NotServed::Failure(failure));
        }
        let (report, checked) = examine(input::gather(&self.paths, Selection::Ours));
        if report.exit() != Exit::Ok {
            return Err(NotServed::Report(Box::new(report)));
        }
        let mesh = checked.mesh.map(|mesh| mesh.value).unwrap_or_default();
        match checked.egresses.into_iter().next() {
            Some(egress) => Ok(Loaded { egress: egress.value, mesh, report }),
            None => {
                let file = self.paths.first().map(|path| printable(path)).unwrap_or_default();
                Err(NotServed::Failure(Failure::new(Exit::Problems, format!("`{file}` has no Egress"))))
            }
        }
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
