//! A plan as text, in one file per format.

mod human;
mod json;
mod markdown;

use clap::ValueEnum;

use super::plan::Plan;
use super::state::State;

/// The format of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Human,
    /// For programs: one JSON object with a versioned schema
    Json,
    /// For the comment of a pull request
    Markdown,
}

/// The plan as text.
pub(crate) fn render(plan: &Plan, state: &State, format: Format) -> String {
    match format {
        Format::Human => human::render(plan),
        Format::Json => json::render(plan, state),
        Format::Markdown => markdown::render(plan),
    }
}

/// The manifests that a step changes, one line for each: its kind and name, and what that does.
fn objects(step: &super::plan::NextStep) -> Vec<String> {
    let line = |object: &crate::compare::ObjectChange| {
        let effect = if object.effect.is_empty() { String::new() } else { format!(": {}", object.effect) };
        format!("{} {}/{} {}{effect}", object.kind, object.namespace, object.name, object.what.word())
    };
    step.objects.iter().map(line).collect()
}

/// One line that sums up, and what to do.
fn summary(plan: &Plan) -> String {
    let all = || plan.waves.iter().flat_map(|(_, gateways)| gateways);
    let with_step = all().filter(|gateway| gateway.next.is_some()).count();
    if with_step == 0 {
        return "no gateway has a candidate to promote".to_owned();
    }
    let lacks = |gateway: &&super::plan::Planned| gateway.next.as_ref().is_some_and(|next| !next.missing.is_empty());
    let blocked = all().filter(lacks).count();
    let candidates = if with_step == 1 { "1 candidate" } else { &format!("{with_step} candidates") };
    match blocked {
        0 => format!("{candidates}; `sallyport promote` takes the next step"),
        _ => format!("{candidates}; something is missing before the next step of {blocked}"),
    }
}
