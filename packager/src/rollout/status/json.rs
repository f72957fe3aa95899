//! For programs.
//!
//! ```json
//! {"version": 1, "source": "Prometheus http://...",
//!  "gateways": [{
//!    "gateway": "egress-a/a", "stage": "canary 5 %", "percent": 5, "since": "...", "digest": "0123456789abcdef",
//!    "notes": [], "next": "canary 25 %", "follows": "blocked",
//!    "seen": {"answer": "someRefused", "requests": 1200, "seconds": 90000, "errors": 0.001,
//!      "regions": [{"id": "5f2a09c1b7de", "change": "narrowed", "inForce": "...", "candidate": "...", "follows": "blocks",
//!        "entered": 3, "lastSeen": "...",
//!        "by": [{"caller": "...", "requests": 3}], "active": [{"caller": "...", "requests": 900}], "notSeen": ["..."],
//!        "waived": [{"caller": "...", "reason": "...", "until": "2027-01-31"}], "reasons": ["..."]}],
//!      "findings": [{"blocks": true, "text": "..."}]},
//!    "missing": ["..."]}],
//!  "filter": {"digest": "sha256:...", "knowsCandidates": true, "have": ["egress-a/a"], "lack": ["egress-b/b"], "next": "egress-b/b",
//!    "evidence": [], "missing": ["..."]}}
//! ```
//!
//! - `seen`: null if nothing was read, or the stage begins again: what there is to say of that is in `notes`. `answer`: `noData`, `noTraffic`, `noneRefused` or `someRefused`.
//! - `digest`: the label `digest` of what its workers are to have in force; null without a candidate in the lock, unless a filter is
//!   rolled out.
//! - `percent`: null unless it is a canary.
//! - `change`, `inForce` and `candidate`: null for requests that are in no region of the change. `errors`: null if they are not known.
//! - `filter`: null unless a filter is rolled out; its `next` is null if all gateways have it.
//!
//! Version 1 may get new fields; its fields are never renamed, removed or given another meaning.

use sallyport_egress::evidence::{Counted, Follows, JudgedRegion};
use sallyport_egress::rollout::written_moment;
use serde_json::{Value, json};

use super::model::{GatewayStatus, Status, follows, number};
use crate::compare::render::kind;
use crate::rollout::filter_state::FilterRollout;
use crate::rollout::seen::Judged;

/// The version of the schema.
const VERSION: u32 = 1;

pub(super) fn render(status: &Status<'_>) -> String {
    let root = json!({
        "version": VERSION,
        "source": status.source,
        "gateways": status.gateways.iter().map(gateway).collect::<Vec<_>>(),
        "filter": status.filter.as_ref().map(FilterRollout::json),
    });
    format!("{root:#}\n")
}

fn gateway(status: &GatewayStatus<'_>) -> Value {
    json!({
        "gateway": status.gateway,
        "stage": status.standing,
        "percent": status.percent,
        "since": status.since,
        "digest": status.digest,
        "notes": status.notes,
        "next": status.next,
        "follows": status.follows(),
        "seen": status.judged.map(seen),
        "missing": status.missing.iter().map(|missing| &missing.text).collect::<Vec<_>>(),
    })
}

fn seen(judged: &Judged) -> Value {
    let judgement = &judged.judgement;
    let findings = judgement.findings.iter().map(|finding| json!({"blocks": finding.blocks, "text": finding.text}));
    json!({
        "answer": judgement.answer.key(),
        "requests": number(judgement.requests),
        "seconds": judgement.seconds.round() as u64,
        "errors": judgement.errors,
        "regions": judgement.regions.iter().map(|one| region(judged, one)).collect::<Vec<_>>(),
        "findings": findings.collect::<Vec<_>>(),
    })
}

fn region(judged: &Judged, region: &JudgedRegion) -> Value {
    let callers = |counts: &[(Counted, f64)]| -> Vec<Value> {
        counts.iter().map(|(who, count)| json!({"caller": who.to_string(), "requests": number(*count)})).collect()
    };
    let waived = region.waived.iter();
    let waived = waived.map(|one| json!({"caller": one.caller, "reason": one.reason, "until": one.until}));
    let reasons = match &region.follows {
        Follows::Waits(reasons) | Follows::Blocks(reasons) => reasons.as_slice(),
        Follows::Promotes | Follows::Information => &[],
    };
    let [old, new] = judged.decided(region).map_or([None, None], |decided| decided.map(Some));
    json!({
        "id": region.id,
        "change": region.change.map(kind),
        "inForce": old,
        "candidate": new,
        "follows": follows(region),
        "entered": number(region.entries()),
        "lastSeen": region.last_seen.map(written_moment),
        "by": callers(&region.entered),
        "active": callers(&region.could),
        "notSeen": region.not_seen,
        "waived": waived.collect::<Vec<_>>(),
        "reasons": reasons,
    })
}
