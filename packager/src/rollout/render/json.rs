//! For programs.
//!
//! ```json
//! {"version": 1,
//!  "lock": {"path": "sallyport.lock", "sha256": "..."},
//!  "waves": [{"name": "first", "gateways": [{
//!    "gateway": "egress-a/a", "state": "canary 5 %", "stage": "canary", "percent": 5, "since": "...", "notes": [],
//!    "next": {"step": "canary 25 %", "filterFirst": null, "stage": "canary", "percent": 25, "restarts": false,
//!      "regions": [{"id": "5f2a09c1b7de", "change": "narrowed", "inForce": "...", "candidate": "...", "example": "..."}],
//!      "objects": [{"kind": "WasmPlugin", "namespace": "...", "name": "...", "change": "changed", "effect": "..."}],
//!      "evidence": [], "missing": []}}]}],
//!  "filter": {"digest": "sha256:...", "knowsCandidates": true, "have": ["egress-a/a"], "lack": ["egress-b/b"], "next": "egress-b/b",
//!    "evidence": [], "missing": ["..."]},
//!  "notes": []}
//! ```
//!
//! - `lock.sha256`: null if there is no lock.
//! - `stage`: null if the lock has no candidate of the gateway. `percent`: null unless it is a canary.
//! - `filterFirst`: the digest of the filter that the gateway must get before the step; null if its own can do.
//! - `next`: null if there is nothing to promote; its `stage` is null if the candidate is settled.
//! - `filter`: null unless a filter is rolled out; its `next` is null if all gateways have it.
//!
//! Version 1 may get new fields; its fields are never renamed, removed or given another meaning.

use sallyport_egress::rollout::Standing;
use serde_json::{Value, json};

use crate::compare::render::kind;
use crate::oci::digest::digest_of;
use crate::printable::printable;
use crate::rollout::filter_state::FilterRollout;
use crate::rollout::plan::{NextStep, Plan, Planned};
use crate::rollout::state::State;

/// The version of the schema.
const VERSION: u32 = 1;

pub(super) fn render(plan: &Plan, state: &State) -> String {
    let waves = plan
        .waves
        .iter()
        .map(|(name, gateways)| json!({"name": name, "gateways": gateways.iter().map(gateway).collect::<Vec<_>>()}));
    let root = json!({
        "version": VERSION,
        "lock": {
            "path": printable(&state.lock_path),
            "sha256": state.lock_bytes.as_ref().map(|bytes| digest_of(bytes).hex().to_owned()),
        },
        "waves": waves.collect::<Vec<_>>(),
        "filter": plan.filter.as_ref().map(FilterRollout::json),
        "notes": plan.notes,
    });
    format!("{root:#}\n")
}

fn stage(standing: Option<Standing>) -> Option<String> {
    standing?.stage().map(|stage| stage.to_string())
}

fn gateway(planned: &Planned) -> Value {
    json!({
        "gateway": planned.gateway,
        "state": planned.standing,
        "stage": stage(planned.stage),
        "percent": planned.stage.and_then(Standing::percent),
        "since": planned.since,
        "notes": planned.notes,
        "next": planned.next.as_ref().map(next),
    })
}

fn next(step: &NextStep) -> Value {
    let regions = step.regions.iter().map(|region| {
        json!({
            "id": region.id,
            "change": kind(region.change),
            "inForce": region.old,
            "candidate": region.new,
            "example": region.example,
        })
    });
    let objects = step.objects.iter().map(|object| {
        json!({
            "kind": object.kind,
            "namespace": object.namespace,
            "name": object.name,
            "change": object.what.word(),
            "effect": object.effect,
        })
    });
    let to = step.step.leads_to();
    json!({
        "step": step.step.to_string(),
        "filterFirst": step.filter_first,
        "stage": stage(to),
        "percent": to.and_then(Standing::percent),
        "regions": regions.collect::<Vec<_>>(),
        "objects": objects.collect::<Vec<_>>(),
        "restarts": step.restarts(),
        "evidence": step.evidence,
        "missing": step.missing.iter().map(|missing| &missing.text).collect::<Vec<_>>(),
    })
}
