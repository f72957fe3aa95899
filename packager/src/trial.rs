//! Cases that are run: each through the engine, on all processors, and what came of them as a report.

mod hint;
mod note;

use std::num::NonZero;
use std::thread;

use sallyport_core::Engine;
use sallyport_core::wire::Policy;
use sallyport_egress::cases::{Case, Coverage, Suite};
use sallyport_egress::diagnostic::LineIndex;
use sallyport_egress::model::{Egress, Mesh};
use sallyport_egress::scenario::Outcome;
use sallyport_egress::{Checked, Places, policy_source, standbys};

use crate::exit::{Exit, Failure};
use crate::report::suite::{TestedCase, TestedSuite, Uncovered};
use crate::report::{Place, ReportedFile};
use crate::vm::{Filter, Loaded};

/// The policy of a suite, as its gateway has it.
pub(crate) fn policy_of(checked: &Checked, suite: &Suite<'_>) -> Policy {
    let egress = &suite.egress.value;
    let all = checked.egresses.iter().map(|egress| &egress.value);
    policy_source(egress, &mesh_of(checked), &standbys(egress, all))
}

/// The policy, compiled.
pub(crate) fn engine_of(policy: &Policy) -> Result<Engine, Failure> {
    Engine::compile(policy).map_err(|invalid| {
        let first = invalid.problems.first().map_or_else(String::new, |problem| format!(": {}", problem.message));
        Failure::new(Exit::Problems, format!("the policy of `{}` does not compile{first}", policy.upstream))
    })
}

pub(crate) fn mesh_of(checked: &Checked) -> Mesh {
    checked.mesh.as_ref().map_or_else(Mesh::default, |mesh| mesh.value.clone())
}

/// What decides.
#[derive(Clone, Copy)]
pub(crate) enum Decider<'a> {
    /// The core, in this program.
    Native,
    /// The filter's module, with this policy.
    Module(&'a Loaded, &'a Policy),
}

/// What comes of each case, in their order, and what the cases show of the policy. The cases are split among the processors.
pub(crate) fn play(
    suite: &Suite<'_>,
    engine: &Engine,
    decider: Decider<'_>,
    coverage: Coverage,
) -> Result<(Vec<Outcome>, Coverage), Failure> {
    let cases = &suite.cases;
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = cases.len().div_ceil(threads).max(1);
    let (mut outcomes, mut total) = (Vec::with_capacity(cases.len()), coverage.clone());
    thread::scope(|scope| {
        let started: Vec<_> = cases
            .chunks(share)
            .map(|cases| {
                let mut own = coverage.clone();
                let egress = &suite.egress.value;
                scope.spawn(move || (play_some(cases, egress, engine, decider, &mut own), own))
            })
            .collect();
        for thread in started {
            match thread.join() {
                Ok((played, own)) => {
                    outcomes.extend(played?);
                    total.merge(own);
                }
                // A thread that panics is a defect, which goes on here.
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(())
    })?;
    Ok((outcomes, total))
}

fn play_some(
    cases: &[Case<'_>],
    egress: &Egress,
    engine: &Engine,
    decider: Decider<'_>,
    coverage: &mut Coverage,
) -> Result<Vec<Outcome>, Failure> {
    let mut filter = match decider {
        Decider::Native => None,
        Decider::Module(loaded, policy) => Some(Filter::start(loaded, policy)?),
    };
    let played = cases.iter().map(|case| {
        coverage.observe(&case.scenario, engine, egress);
        let native = case.play(engine, egress);
        let Some(filter) = &mut filter else { return Ok(native) };
        let played = case.scenario.pass(egress, |received| filter.play(received, engine))?;
        // What the module does not say.
        let played = Outcome { principal: native.principal.clone(), ..played };
        if is_same(&native, &played) {
            return Ok(played);
        }
        let message = format!("the filter module and this command decide differently: {case}\n  module:  {played:?}\n  command: {native:?}");
        Err(Failure::new(Exit::Module, message).with_help("the module is of another version, or this is a bug: please report it"))
    });
    played.collect()
}

/// Whether two outcomes are the same, but for random ids.
fn is_same(native: &Outcome, played: &Outcome) -> bool {
    let masked = |outcome: &Outcome| {
        let mut outcome = outcome.clone();
        for (_, value) in outcome.upstream.iter_mut().flat_map(|upstream| &mut upstream.headers) {
            mask(value);
        }
        outcome
    };
    masked(native) == masked(played)
}

/// The same in the place of every run of sixteen or more hexadecimal digits.
fn mask(value: &mut Vec<u8>) {
    let mut masked = Vec::with_capacity(value.len());
    for part in value.split_inclusive(|byte| !byte.is_ascii_hexdigit()) {
        let digits = part.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        match part.get(digits..).filter(|_| digits >= 16) {
            Some(rest) => {
                masked.extend(b"ID");
                masked.extend(rest);
            }
            None => masked.extend(part),
        }
    }
    *value = masked;
}

/// For so many branches that no case shows a request is looked for.
const MOST_EXAMPLES: usize = 20;

/// What came of a suite.
pub(crate) fn tested(
    suite: &Suite<'_>,
    (engine, policy): (&Engine, &Policy),
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
            expects_status: case.expected.status.is_some(),
            outcome: outcome.clone(),
        }
    });
    let rules = &suite.egress.value.spec.authz.rules;
    let missing = coverage.missing().enumerate().map(|(position, branch)| {
        let example = || hint::example(branch, &suite.egress.value, policy);
        let example = if position < MOST_EXAMPLES { example() } else { None };
        Uncovered {
            place: in_egress(&branch.path()),
            rule: rules.get(branch.rule).map_or_else(String::new, |rule| rule.id.clone()),
            text: branch.to_string(),
            example,
        }
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
