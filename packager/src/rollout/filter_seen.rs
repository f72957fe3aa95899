//! What was seen of gateways that have a filter, before another one gets it.

use sallyport_egress::evidence::{Gate, judge_filter, span, whole};
use sallyport_egress::model::Egress;
use sallyport_egress::rollout::Standing;

use super::evidence::{Cure, Evidence, Missing};
use super::mark::mark;
use super::seen::NO_MARK;
use super::state::{Gateway, State};
use crate::evidence::{EvidenceArgs, Evidenced, Subject};
use crate::exit::Failure;

/// How far back it is looked, in times that a filter must have been in force.
const TIMES: i64 = 2;

/// What speaks for a filter, and what is missing: of every gateway that has it. Of the first there can be no evidence. The gate is
/// that of a canary: those gateways are one for the others.
pub(super) fn see_filter(state: &State, having: &[Gateway<'_>], args: &EvidenceArgs) -> Result<Evidence, Failure> {
    if having.is_empty() {
        return Ok(Evidence::default());
    }
    if !args.is_given() {
        let nothing = |gateway: &Gateway<'_>| {
            Missing::new(format!("evidence of {}, which has it: nothing was read of what it did", gateway.name()))
                .cured_by(Cure::Read)
        };
        return Ok(Evidence { lines: Vec::new(), missing: having.iter().map(nothing).collect() });
    }
    let standing = Standing::Canary(100);
    let gate = Gate::of(&state.rollout.gates, standing).unwrap_or_default();
    let seconds = i64::try_from(gate.seconds).unwrap_or(i64::MAX).saturating_mul(TIMES);
    let gateways = state.gateways();
    let all: Vec<&Egress> = gateways.iter().map(|gateway| &gateway.egress.value).collect();
    let marks: Vec<_> = having.iter().map(|gateway| mark(state, gateway, None)).collect();
    let subjects: Vec<Subject<'_>> = having
        .iter()
        .zip(&marks)
        .map(|(gateway, mark)| Subject {
            egress: &gateway.egress.value,
            regions: &[],
            standing,
            mark: mark.as_deref().unwrap_or(NO_MARK),
            since: state.now.saturating_sub(seconds),
            is_of_filter: true,
        })
        .collect();
    let mut evidence = Evidence::default();
    for ((gateway, mark), Evidenced { observed, notes, .. }) in
        having.iter().zip(&marks).zip(args.read(&subjects, &all, state.now)?)
    {
        let name = gateway.name();
        let findings = judge_filter(mark.as_deref().map_err(String::as_str), gate, &observed);
        let of = format!("evidence of {name}, which has it");
        evidence.missing.extend(findings.iter().map(|finding| Missing::of(finding, &of)));
        if findings.is_empty() {
            let requests = whole(observed.requests.unwrap_or_default());
            evidence.lines.push(format!("{name} has it: {requests} requests in {}", span(observed.seconds as u64)));
        }
        evidence.lines.extend(notes.iter().map(|note| format!("{name}: {note}")));
    }
    Ok(evidence)
}
