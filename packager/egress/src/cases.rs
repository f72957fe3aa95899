//! Cases: requests with what is expected of each.
//!
//! # Design
//!
//! A file says callers and requests as lists, as a rule does; each caller with each request is a [`Case`]. [`suites`] makes
//! them, and reports what no case can be made of. What came of a case is [judged](Case::judge) against what its row expects,
//! and [`update`](Suite::update) writes what came into the text of the file, which is otherwise left as it is.

mod coverage;
mod expand;
mod judge;
mod sound;
mod suite;
pub(crate) mod update;

use crate::Cases;
use crate::check::{Checked, Located};
use crate::code::{Code, Severity};
use crate::diagnostic::{Diagnostic, Span, UnplacedDiagnostic};
use crate::model::Egress;
use crate::wording::{did_you_mean, quoted};

pub use coverage::{Branch, Coverage};
pub use judge::Mismatch;
pub use suite::{Case, Row, Suite};
pub use update::{Change, Mixed, Update};

/// The cases of all files that [`check`](crate::check()) has read, and what is wrong with them. `names` has the names of all
/// files, by their index.
#[must_use]
pub fn suites<'c>(names: &[&str], checked: &'c Checked) -> (Vec<Suite<'c>>, Vec<Diagnostic>) {
    let (mut suites, mut diagnostics) = (Vec::new(), Vec::new());
    for Located { file, span, value: source } in &checked.cases {
        match egress_of(names, checked, *file, source) {
            Ok(Some(egress)) => {
                let mesh = checked.mesh.as_ref().map(|mesh| &mesh.value);
                let (cases, problems) = expand::expand(*file, source, &egress.value, mesh);
                diagnostics.extend(problems);
                suites.push(Suite { file: *file, egress, cases, source });
            }
            Ok(None) => {}
            Err(flaw) => {
                let named = source.tree.get("egress").map(|node| node.span);
                diagnostics.push(flaw.at(*file, named.unwrap_or(Span { start: span.start, end: span.start })));
            }
        }
    }
    (suites, diagnostics)
}

/// The Egress that a file is about; none if that has errors of its own.
fn egress_of<'c>(
    names: &[&str],
    checked: &'c Checked,
    file: usize,
    source: &Cases,
) -> Result<Option<&'c Located<Egress>>, UnplacedDiagnostic> {
    let all = &checked.egresses;
    let folder = |file: usize| names.get(file).and_then(|name| name.rsplit_once('/')).map_or("", |(folder, _)| folder);
    let candidates: Vec<_> = match &source.file.egress {
        Some(name) => all.iter().filter(|egress| is_named(&egress.value, name)).collect(),
        None => {
            let beside: Vec<_> = all.iter().filter(|egress| folder(egress.file) == folder(file)).collect();
            if beside.is_empty() { all.iter().collect() } else { beside }
        }
    };
    let has_errors = || checked.diagnostics.iter().any(|problem| problem.severity == Severity::Error);
    match (candidates.as_slice(), &source.file.egress) {
        ([egress], _) => Ok(Some(egress)),
        ([], _) if has_errors() => Ok(None),
        ([], Some(name)) => {
            let flaw = UnplacedDiagnostic::new(Code::CasesEgress, format!("there is no Egress {}", quoted(name)));
            let names: Vec<_> = all.iter().map(|egress| egress.value.route()).collect();
            let short = all.iter().map(|egress| &*egress.value.name);
            Err(match did_you_mean(name, names.iter().map(String::as_str).chain(short)) {
                Some(near) => flaw.help(format!("did you mean `{near}`?")),
                None => flaw.help("give its file, too: the files of a folder are read together"),
            })
        }
        ([], None) => Err(UnplacedDiagnostic::new(Code::CasesEgress, "there is no Egress for these cases")
            .help("put the file beside an Egress file, or give both files")),
        (several, _) => {
            let names: Vec<_> = several.iter().map(|egress| format!("`{}`", egress.value.route())).collect();
            let message = format!("the cases could be about {}", names.join(" or "));
            Err(UnplacedDiagnostic::new(Code::CasesEgress, message).help("write `egress: NAMESPACE/NAME`"))
        }
    }
}

fn is_named(egress: &Egress, name: &str) -> bool {
    *egress.name == *name || egress.route() == name
}
