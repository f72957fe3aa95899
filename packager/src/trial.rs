//! Cases that are run: each through the engine, on all processors, and what came of them as a report.

mod note;

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;

use sallyport_core::Engine;
use sallyport_egress::diagnostic::LineIndex;
use sallyport_egress::model::Mesh;
use sallyport_egress::scenario::Outcome;
use sallyport_egress::scenario::cases::{Case, Coverage, Suite};
use sallyport_egress::{Checked, Places, policy_source, standbys};

use crate::exit::{Exit, Failure};
use crate::report::suite::{TestedCase, TestedSuite, Uncovered};
use crate::report::{Place, ReportedFile};

/// The policy of a suite, compiled as its gateway has it.
pub(crate) fn engine_of(checked: &Checked, suite: &Suite<'_>) -> Result<Engine, Failure> {
    let mesh = mesh_of(checked);
    let egress = &suite.egress.value;
    let all = checked.egresses.iter().map(|egress| &egress.value);
    let policy = policy_source(egress, &mesh, &standbys(egress, all));
    Engine::compile(&policy).map_err(|invalid| {
        let first = invalid.problems.first().map_or_else(String::new, |problem| format!(": {}", problem.message));
        Failure::new(Exit::Problems, format!("the policy of `{}` does not compile{first}", egress.route()))
    })
}

pub(crate) fn mesh_of(checked: &Checked) -> Mesh {
    checked.mesh.as_ref().map_or_else(Mesh::default, |mesh| mesh.value.clone())
}

/// What the engine makes of each case, in their order, and what the cases show of the policy.
pub(crate) fn play(suite: &Suite<'_>, engine: &Engine, coverage: Coverage) -> (Vec<Outcome>, Coverage) {
    let egress = &suite.egress.value;
    in_parallel(&suite.cases, coverage, |cases, coverage| {
        let played = cases.iter().map(|case| {
            coverage.observe(&case.scenario, engine);
            case.play(engine, egress)
        });
        played.collect()
    })
}

/// Splits the cases among the processors.
fn in_parallel(
    cases: &[Case<'_>],
    coverage: Coverage,
    run: impl Fn(&[Case<'_>], &mut Coverage) -> Vec<Outcome> + Sync,
) -> (Vec<Outcome>, Coverage) {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = cases.len().div_ceil(threads).max(1);
    let (mut outcomes, mut total) = (Vec::with_capacity(cases.len()), coverage.clone());
    thread::scope(|scope| {
        let started = cases.chunks(share).map(|cases| {
            let (mut own, run) = (coverage.clone(), &run);
            scope.spawn(move || (run(cases, &mut own), own))
        });
        // A thread that panics is a defect, which goes on here.
        for thread in started.collect::<Vec<_>>() {
            match thread.join() {
                Ok((played, own)) => {
                    outcomes.extend(played);
                    total.merge(own);
                }
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    (outcomes, total)
}

/// What came of a suite.
pub(crate) fn tested(
    suite: &Suite<'_>,
    engine: &Engine,
    outcomes: &[Outcome],
    coverage: &Coverage,
    files: &[ReportedFile],
) -> TestedSuite {
    let text_of = |file: usize| files.get(file).map_or("", |file| file.text.as_str());
    let (cases_text, egress_text) = (text_of(suite.file), text_of(suite.egress.file));
    let (case_lines, egress_lines) = (LineIndex::new(cases_text), LineIndex::new(egress_text));
    let places = Places::of(egress_text);
    let in_egress = |path: &str| Place::new(&egress_lines, places.place(path));
    let cases = suite.cases.iter().zip(outcomes).map(|(case, outcome)| {
        let found = case.judge(outcome);
        let notes = if found.iter().all(|mismatch| mismatch.field.starts_with("upstream.")) {
            Vec::new()
        } else {
            note::notes(case, outcome, engine, &suite.egress.value)
        };
        let mismatches = found.into_iter().map(|mismatch| {
            let place = suite.place_of_expectation(case.row, &mismatch.field);
            (Place::new(&case_lines, place), mismatch)
        });
        TestedCase {
            group: case.group.to_owned(),
            name: case.to_string(),
            place: Place::new(&case_lines, suite.place(case.row)),
            mismatches: mismatches.collect(),
            notes: notes.into_iter().map(|(path, text)| (in_egress(&path), text)).collect(),
            expects_reason: case.expected.reason.is_some(),
            outcome: outcome.clone(),
        }
    });
    let rules = &suite.egress.value.spec.authz.rules;
    let missing = coverage.missing().map(|branch| Uncovered {
        place: in_egress(&branch.path()),
        rule: rules.get(branch.rule).map_or_else(String::new, |rule| rule.id.clone()),
        text: branch.to_string(),
    });
    TestedSuite {
        file: suite.file,
        egress_file: suite.egress.file,
        egress: suite.egress.value.route(),
        cases: cases.collect(),
        rules: coverage.rules(),
        branches: coverage.branches(),
        missing: missing.collect(),
    }
}

/// The files that a user names stand for their folders too: cases are beside the Egress file, and it is beside them.
pub(crate) fn with_neighbours(arguments: &[PathBuf]) -> Vec<PathBuf> {
    let mut all = arguments.to_vec();
    for file in arguments.iter().filter(|path| path.is_file()) {
        let folder = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        let mut beside: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(|path| is_ours(path)).collect();
        beside.sort();
        all.extend(beside);
    }
    all
}

fn is_ours(path: &Path) -> bool {
    use sallyport_egress::{FileKind, recognise};
    let is_yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    is_yaml
        && path.is_file()
        && std::fs::read(path).is_ok_and(|bytes| {
            matches!(recognise(&String::from_utf8_lossy(&bytes)), FileKind::Sallyport | FileKind::Cases)
        })
}
