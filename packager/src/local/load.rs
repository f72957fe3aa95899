//! Loading the files that a session serves.

use std::path::{Path, PathBuf};

use sallyport_egress::model::{AccessLog, Egress, Mesh};

use crate::examine::examine;
use crate::exit::{Exit, Failure};
use crate::input::{self, Inputs, Selection};
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
        Ok(Loaded { egresses, files, mesh, report })
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
