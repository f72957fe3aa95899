//! One side of a comparison: files, a folder, or a revision of a Git repository.

use std::path::PathBuf;

use sallyport_egress::Checked;
use sallyport_manifest::Build;

use crate::assemble::build_with_any_filter;
use crate::examine::examine;
use crate::exit::{Exit, Failure};
use crate::input::Selection;
use crate::input::revision::gather_all;
use crate::printable::visible;
use crate::report::Report;

/// One side of a comparison.
#[derive(Debug)]
pub(crate) struct Side {
    /// As the user wrote it.
    pub(crate) argument: String,
    pub(crate) report: Report,
    pub(crate) checked: Checked,
    /// `None` if the report has an error.
    pub(crate) build: Option<Build>,
}

impl Side {
    /// Reads what an argument names: `REVISION:PATH` of a Git repository, or a file or folder.
    pub(crate) fn read(argument: &str) -> Result<Self, Failure> {
        let inputs = gather_all(&[PathBuf::from(argument)], Selection::Ours)?;
        let (mut report, checked) = examine(inputs);
        let is_without = checked.egresses.is_empty() && checked.mesh.is_none();
        if is_without && report.exit() == Exit::Ok {
            // Compared with nothing, all of the other side would be new or gone.
            let message = format!("`{}` has no Egress and no Mesh file", visible(argument));
            return Err(Failure::new(Exit::Io, message).with_help("name a file or folder that has them"));
        }
        let build = build_with_any_filter(&mut report, &checked);
        Ok(Self { argument: argument.to_owned(), report, checked, build })
    }
}
