//! What was seen of the gateways that have a candidate, and what follows.

use std::collections::BTreeMap;

use sallyport_egress::evidence::{Answer, Finding, Judgement, Question, judge, requests as number_of, span, whole};
use sallyport_egress::meaning::{Change, Region};
use sallyport_egress::model::Egress;
use sallyport_egress::rollout::{Standing, Step, moment};
use sallyport_egress::trial::counted;
use sallyport_manifest::GatewayState;

use super::change::change;
use super::evidence::{Evidence, Missing, Nothing, Witness};
use super::mark::mark;
use super::state::{Gateway, State};
use crate::evidence::{EvidenceArgs, Evidenced, Subject};
use crate::exit::Failure;

/// In place of a mark that is not known: nothing has it.
pub(super) const NO_MARK: &str = "-";

/// What was seen of one gateway.
pub(crate) struct Judged {
    /// The regions by which it counts.
    pub(crate) regions: Vec<Region>,
    pub(crate) standing: Standing,
    /// In Unix seconds.
    pub(crate) since: i64,
    /// What its workers are to have in force, or why that is not known.
    pub(crate) mark: Result<String, String>,
    pub(crate) evidenced: Evidenced,
    pub(crate) judgement: Judgement,
}

/// What was seen of all gateways that have a candidate.
#[derive(Default)]
pub(crate) struct Seen {
    /// By `NAMESPACE/NAME`.
    pub(crate) gateways: BTreeMap<String, Judged>,
    /// Of gateways whose stage begins again, by the same: it is no evidence.
    pub(crate) of_before: BTreeMap<String, Judged>,
    /// Where it is from; `None`: nothing was read.
    pub(crate) source: Option<String>,
}

/// Reads the evidence of the gateways that have a candidate, or of those named.
pub(crate) fn see(state: &State, named: &[String], args: &EvidenceArgs) -> Result<Seen, Failure> {
    if !args.is_given() {
        return Ok(Seen::default());
    }
    let gateways = state.gateways();
    let all: Vec<&Egress> = gateways.iter().map(|gateway| &gateway.egress.value).collect();
    let mut asked = Vec::new();
    for gateway in gateways.iter().filter(|gateway| named.is_empty() || named.contains(&gateway.name())) {
        let (Some(candidate), Some(standing), Some(since)) = (gateway.candidate, gateway.standing(), since(gateway))
        else {
            continue;
        };
        let (mut regions, mut left_out) = (Vec::new(), 0);
        if !candidate.value.is_in(&gateway.egress.value.spec.authz.rules) {
            let diff = change(state, gateway, &candidate.value)?.0;
            let narrowed =
                |regions: &[Region]| regions.iter().filter(|region| region.change() == Change::Narrowed).count();
            regions = counted(&diff).cloned().collect();
            left_out = narrowed(&diff.regions).saturating_sub(narrowed(&regions));
        }
        asked.push((gateway, regions, standing, since, left_out, mark(state, gateway, None)));
    }
    let subjects: Vec<Subject<'_>> = asked
        .iter()
        .map(|(gateway, regions, standing, since, _, mark)| Subject {
            egress: &gateway.egress.value,
            regions,
            standing: *standing,
            mark: mark.as_deref().unwrap_or(NO_MARK),
            since: *since,
            is_of_filter: false,
        })
        .collect();
    let evidenced = args.read(&subjects, &all, state.now)?;
    let mut seen = Seen { source: Some(args.words()), ..Seen::default() };
    for ((gateway, regions, standing, since, left_out, mark), evidenced) in asked.into_iter().zip(evidenced) {
        let question = Question {
            egress: &gateway.egress.value,
            mesh: &state.mesh,
            regions: &regions,
            rollout: &state.rollout,
            standing,
            since,
            now: state.now,
            mark: mark.as_deref().map_err(String::as_str),
        };
        let mut judgement = judge(&question, &evidenced.observed);
        if left_out > 0 {
            let text = format!(
                "{left_out} regions that refuse what was allowed are not counted, because there are too many: split the change"
            );
            judgement.findings.push(Finding { blocks: false, text });
        }
        let judged = Judged { regions, standing, since, mark, evidenced, judgement };
        let place = if gateway.begins_again { &mut seen.of_before } else { &mut seen.gateways };
        place.insert(gateway.name(), judged);
    }
    Ok(seen)
}

/// Since when what a gateway did is looked at: the beginning of its stage, also of one that begins again.
fn since(gateway: &Gateway<'_>) -> Option<i64> {
    match gateway.state {
        GatewayState::Rolling(_, locked) if gateway.begins_again => moment(&locked.since),
        _ => gateway.since(),
    }
}

impl Witness for Seen {
    fn evidence(&self, gateway: &Gateway<'_>, step: Step) -> Evidence {
        let Some(judged) = self.gateways.get(&gateway.name()) else { return Nothing.evidence(gateway, step) };
        if step == Step::Shadow {
            return Evidence::default();
        }
        let findings = judged.judgement.findings.iter().map(|finding| Missing::of(finding, "evidence"));
        Evidence { lines: judged.lines(), missing: findings.collect() }
    }
}

impl Judged {
    /// Since when there are counts at least, in Unix seconds: a page may count from before the stage.
    pub(super) fn counted_since(&self) -> i64 {
        let counted = self.evidenced.observed.counts_since.map(|since| since as i64);
        counted.map_or(self.since, |counted| counted.min(self.since))
    }

    /// What speaks for the next step.
    fn lines(&self) -> Vec<String> {
        let Judgement { answer, requests, seconds, errors, regions, .. } = &self.judgement;
        if matches!(answer, Answer::NoData | Answer::NoTraffic) {
            return Vec::new();
        }
        let callers = match self.evidenced.observed.callers.len() {
            1 => "1 caller".to_owned(),
            several => format!("{several} callers"),
        };
        let errors = errors.map(|share| format!(", {:.2}% errors", share * 100.0)).unwrap_or_default();
        let mut lines = vec![format!(
            "{} of {callers} in {}{errors}: {}",
            number_of(&whole(*requests)),
            span(*seconds as u64),
            answer.words(self.standing)
        )];
        for region in regions.iter().filter(|region| region.is_narrowed()) {
            let active = match region.could.len() {
                1 => "1 caller that could enter it was active".to_owned(),
                several => format!("{several} callers that could enter it were active"),
            };
            lines.push(format!("region {}: {}; {active}", region.id, region.words()));
        }
        lines.extend(self.evidenced.notes.iter().cloned());
        lines
    }
}
