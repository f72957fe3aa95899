//! The Egress file that is completed, and what it needs.

use std::path::{Path, PathBuf};

use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::has_kind;
use sallyport_egress::learn::Base;
use sallyport_egress::model::Mesh;
use sallyport_egress::standbys;

use crate::console::Console;
use crate::examine::examine;
use crate::exit::{Exit, Failure};
use crate::input::{Selection, gather, name_and_uri};
use crate::neighbours::{Needs, with_needed};
use crate::output::rewrite;
use crate::printable::printable;
use crate::reading;
use crate::report::Format;

/// What rules are learned for.
pub(super) struct Ground {
    pub(super) mesh: Mesh,
    pub(super) base: Option<Base>,
    /// The file of the Egress first, if there is one.
    pub(super) files: Vec<SourceFile>,
    /// The file of the Egress.
    path: Option<PathBuf>,
}

impl Ground {
    /// Reads the files. `Err`: they have problems, which are reported.
    pub(super) fn read(
        merge: Option<&Path>,
        mesh: Option<&Path>,
        console: &Console,
    ) -> Result<Result<Self, Exit>, Failure> {
        let path = merge.map(Path::to_owned);
        let mut arguments: Vec<PathBuf> = merge.into_iter().map(Path::to_owned).collect();
        if let Some(merge) = merge.filter(|merge| merge.is_dir() || *merge == Path::new("-")) {
            let failure = Failure::new(Exit::Usage, format!("`--merge {}` is not a file", printable(merge)));
            return Err(failure.with_help("name one Egress file"));
        }
        if let Some(merge) = merge {
            refuse_other_kind(merge)?;
            arguments = with_needed(&arguments, Needs::Files);
        }
        arguments.extend(mesh.map(Path::to_owned));
        if arguments.is_empty() {
            return Ok(Ok(Self { mesh: Mesh::default(), base: None, files: Vec::new(), path }));
        }
        let (report, checked) = examine(gather(&arguments, Selection::Ours));
        if report.exit() != Exit::Ok {
            console.problem(report.render(Format::Human, console.coloured(None), console.quiet()).trim_end());
            return Ok(Err(report.exit()));
        }
        let own = merge.map(|merge| name_and_uri(merge).0);
        let is_own = |file: usize| report.files.get(file).is_some_and(|found| Some(&found.name) == own.as_ref());
        let egress = checked.egresses.iter().find(|egress| is_own(egress.file));
        if let (Some(merge), None) = (merge, egress) {
            let failure = Failure::new(Exit::Usage, format!("`{}` has no Egress", printable(merge)));
            return Err(failure.with_help("name one Egress file"));
        }
        if let (Some(mesh), None) = (mesh, &checked.mesh) {
            let failure = Failure::new(Exit::Usage, format!("`{}` is not a Mesh file", printable(mesh)));
            return Err(failure.with_help("name a file with `kind: Mesh`"));
        }
        let base = egress.map(|egress| {
            let all = checked.egresses.iter().map(|egress| &egress.value);
            let standbys = standbys(&egress.value, all).into_iter().cloned().collect();
            Base { egress: egress.value.clone(), standbys }
        });
        let mut files: Vec<(bool, SourceFile)> = report
            .files
            .iter()
            .enumerate()
            .map(|(index, file)| (!is_own(index), SourceFile { name: file.name.clone(), text: file.text.clone() }))
            .collect();
        files.sort_by_key(|(is_other, _)| *is_other);
        let files = files.into_iter().map(|(_, file)| file).collect();
        let mesh = checked.mesh.map_or_else(Mesh::default, |mesh| mesh.value);
        Ok(Ok(Self { mesh, base, files, path }))
    }

    /// Writes the file of the Egress, at once or not at all.
    pub(super) fn write(&self, text: &str) -> Result<(), Failure> {
        let Some(path) = &self.path else { return Ok(()) };
        let old = self.files.first().map_or("", |file| file.text.as_str());
        let read = reading::whole(path).map_err(|error| Failure::read(path, &error))?;
        let mark: &[u8] = if read.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK } else { b"" };
        rewrite(path, &[mark, old.as_bytes()].concat(), &[mark, text.as_bytes()].concat())
    }
}

/// What is wrong with a file of another kind is not said: it is not the one that is meant.
fn refuse_other_kind(path: &Path) -> Result<(), Failure> {
    let Ok(bytes) = reading::whole(path) else { return Ok(()) };
    let text = String::from_utf8_lossy(&bytes);
    if has_kind(&text, &["Egress"]) || !has_kind(&text, &["Mesh", "Candidate", "Rollout"]) {
        return Ok(());
    }
    let failure = Failure::new(Exit::Usage, format!("`{}` is not an Egress file", printable(path)));
    Err(failure.with_help("rules are added to a file with `kind: Egress`"))
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
