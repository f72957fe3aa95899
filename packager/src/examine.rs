//! Files checked together, and what there is to report about them.

use sallyport_egress::cases::suites;
use sallyport_egress::diagnostic::{Diagnostic, SourceFile};
use sallyport_egress::silence::silences;
use sallyport_egress::{Checked, check, check_with_manifests, decode};

use crate::input::{Input, Inputs, Missing, Selection};
use crate::report::{Report, ReportedFile, ReportedProblem};

/// Checks files together. Returns the report, and the content of the valid files, whose indices are those of the report.
pub(crate) fn examine(inputs: Inputs) -> (Report, Checked) {
    examine_but(inputs, |_| false)
}

/// The same without some of the problems of cases.
pub(crate) fn examine_but(inputs: Inputs, is_left_out: impl Fn(&Diagnostic) -> bool) -> (Report, Checked) {
    let mut report = Report { skipped: inputs.skipped, dangling: inputs.dangling, ..Report::default() };
    let mut sources = Vec::new();
    // The index of each source in the report's files.
    let mut indices = Vec::new();
    for (index, input) in inputs.files.into_iter().enumerate() {
        if let Some(source) = read(&mut report, input) {
            sources.push(source);
            indices.push(index);
        }
    }
    let mut checked = match inputs.selection {
        Selection::Ours | Selection::WithCases => check(&sources),
        Selection::WithManifests => check_with_manifests(&sources),
    };
    let names: Vec<_> = sources.iter().map(|source| source.name.as_str()).collect();
    let (_, of_cases) = suites(&names, &checked);
    checked.diagnostics.extend(of_cases.into_iter().filter(|problem| !is_left_out(problem)));
    for ((position, source), index) in sources.iter().enumerate().zip(&indices) {
        let (silences, refused) = silences(position, source);
        report.silence(*index, silences);
        checked.diagnostics.extend(refused);
    }
    let mut diagnostics: Vec<_> = sources.iter().map(|_| Vec::new()).collect();
    for diagnostic in checked.diagnostics.drain(..) {
        if let Some(of_file) = diagnostics.get_mut(diagnostic.file) {
            of_file.push(diagnostic);
        }
    }
    for ((source, index), diagnostics) in sources.iter().zip(&indices).zip(diagnostics) {
        report.take(*index, &source.text, diagnostics);
    }
    report.sort();
    let in_report = |file: usize| indices.get(file).copied().unwrap_or(file);
    checked.egresses.iter_mut().for_each(|egress| egress.file = in_report(egress.file));
    checked.cases.iter_mut().for_each(|cases| cases.file = in_report(cases.file));
    checked.mesh.iter_mut().for_each(|mesh| mesh.file = in_report(mesh.file));
    checked.candidates.iter_mut().for_each(|candidate| candidate.file = in_report(candidate.file));
    checked.rollout.iter_mut().for_each(|rollout| rollout.file = in_report(rollout.file));
    report.egresses = checked.egresses.len();
    report.has_mesh = checked.mesh.is_some();
    report.manifests = checked.manifests;
    report.rules = checked.egresses.iter().map(|egress| egress.value.spec.authz.rules.len()).sum();
    (report, checked)
}

/// Adds a file to the report, and returns its text if it can be read.
pub(crate) fn read(report: &mut Report, input: Input) -> Option<SourceFile> {
    let Input { name, uri, path: _, content } = input;
    let index = report.files.len();
    let missing = matches!(content, Err(Missing::Unreadable(_) | Missing::NothingFound));
    let source = match content.as_deref().map(|bytes| decode(&name, bytes)) {
        Ok(Ok(source)) => Ok(source),
        Ok(Err(undecodable)) => {
            report.take(index, &undecodable.file.text, vec![undecodable.diagnostic(index)]);
            Err(undecodable.file.text)
        }
        Err(missing) => {
            report.problems.push(ReportedProblem::missing(missing, index, &name));
            Err(String::new())
        }
    };
    let text = source.as_ref().map_or_else(String::clone, |source| source.text.clone());
    report.files.push(ReportedFile { name, uri, text, missing });
    source.ok()
}
