//! The gates of a gateway's next step as PromQL: what `status` asks, as one number each, with the limits in which it must be.
//!
//! # Design
//! For controllers that have gates of their own. Each query is made of the texts that `status` asks, so both give the same
//! answer; what is missing returns nothing or fails a limit, so "no data" passes no gate.

use sallyport_core::telemetry::in_metric;
use sallyport_egress::evidence::{Gate, Reach};
use sallyport_egress::meaning::{Change, Region};
use sallyport_egress::rollout::Standing;

use super::mark::mark;
use super::state::{Gateway, State};
use crate::evidence::queries::{Measure, Selector, error_share, observed, others, silent};
use crate::exit::{Exit, Failure};

/// In place of the window in a query.
pub(crate) const WINDOW: &str = "WINDOW";

/// One gate.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GateQuery {
    /// Unique within the gateway: `a-z`, `0-9` and `-`.
    pub(crate) name: String,
    /// What it means, for people.
    pub(crate) about: String,
    /// PromQL that returns one number, with [`WINDOW`] in place of the window.
    pub(crate) query: String,
    /// At least this.
    pub(crate) min: Option<f64>,
    /// At most this.
    pub(crate) max: Option<f64>,
    /// Whether to be outside of the limits speaks against the step. Otherwise something is missing.
    pub(crate) blocks: bool,
}

/// The gates before the next step of a gateway that has these regions; and how long the window is at least, in seconds.
pub(crate) fn gates(
    state: &State,
    gateway: &Gateway<'_>,
    regions: &[Region],
) -> Result<(Vec<GateQuery>, u64), Failure> {
    let egress = &gateway.egress.value;
    // A candidate that no gateway has comes to shadow without a gate: these are for the step behind it.
    let standing = match gateway.standing() {
        None | Some(Standing::Proposed) => Standing::Shadow,
        Some(standing) => standing,
    };
    let gate = Gate::of(&state.rollout.gates, standing).unwrap_or_default();
    let mark = mark(state, gateway, Some(standing)).map_err(|why| {
        let message = format!("what the workers of `{}` are to have in force is not known: {why}", gateway.name());
        Failure::new(Exit::Problems, message).with_help("`sallyport build` says more")
    })?;
    let selector = Selector::of(&egress.namespace, &egress.name, &mark);
    let mut found = Vec::new();
    let mut add = |name: String, about: String, query: String, (min, max): (Option<f64>, Option<f64>), blocks: bool| {
        found.push(GateQuery { name, about, query, min, max, blocks });
    };
    let requests = f64::from(gate.requests.max(1));
    add(
        "requests".to_owned(),
        "requests that the candidate was evaluated for".to_owned(),
        Measure::Requests.total(&selector, WINDOW),
        (Some(requests), None),
        false,
    );
    add(
        "observed".to_owned(),
        "seconds for which workers were seen with what `sallyport build` writes".to_owned(),
        observed(&selector, WINDOW, gate.seconds),
        (Some(gate.seconds as f64), None),
        false,
    );
    add(
        "others".to_owned(),
        "threads that have something else in force".to_owned(),
        others(&selector),
        (None, Some(0.0)),
        false,
    );
    add("silent".to_owned(), "pods that do not answer".to_owned(), silent(&selector), (None, Some(0.0)), false);
    add(
        "errors".to_owned(),
        "share of requests that the gateway or its upstream answered with 5xx".to_owned(),
        error_share(&selector, WINDOW),
        (None, Some(gate.errors)),
        true,
    );
    for region in regions.iter().filter(|region| region.change() == Change::Narrowed) {
        let waived = waived(state, gateway, &region.id);
        let of_region = selector.and(format!("region=\"{}\"", region.id));
        let of_others = if waived.is_empty() {
            of_region
        } else {
            let names: Vec<_> = waived.iter().map(|name| in_metric(name)).collect();
            of_region.and(format!("caller!~\"{}\"", names.join("|")))
        };
        add(
            format!("region-{}", region.id),
            "requests that are allowed and would be refused, of callers that are not waived".to_owned(),
            format!("sum({}) or vector(0)", Measure::Entries.increase(&of_others, WINDOW)),
            (None, Some(0.0)),
            true,
        );
        let reach = Reach::of(region, egress, &state.mesh);
        let named: Vec<String> =
            reach.named().iter().filter(|name| !waived.contains(name)).map(|name| in_metric(name)).collect();
        if !named.is_empty() {
            let own = selector.and(format!("caller=~\"{}\"", named.join("|")));
            add(
                format!("active-{}", region.id),
                "callers that could enter the region by name, and were active".to_owned(),
                format!("count(sum by (caller) ({}) > 0)", Measure::Requests.increase(&own, WINDOW)),
                (Some(named.len() as f64), None),
                false,
            );
        }
        for (position, group) in reach.groups().iter().enumerate().filter(|_| gate.requests > 0) {
            let own = selector.and(format!("caller=~\"{}\"", in_metrics(group.pattern())));
            add(
                format!("active-{}-{}", region.id, position.saturating_add(1)),
                format!("callers of {} that could enter the region, and were active", group.words()),
                format!("count(sum by (caller) ({}) > 0)", Measure::Requests.increase(&own, WINDOW)),
                (Some(1.0), None),
                false,
            );
        }
    }
    let other = selector.and("region=\"other\"").and("pair=\"allowed_refused\"");
    add(
        "region-other".to_owned(),
        "requests in no region that are allowed and would be refused".to_owned(),
        format!("sum({}) or vector(0)", Measure::Entries.increase(&other, WINDOW)),
        (None, Some(0.0)),
        true,
    );
    Ok((found, gate.seconds))
}

/// A pattern of principals as an expression of the label `caller`; what is summed begins with `_`.
fn in_metrics(pattern: &str) -> String {
    let texts: Vec<String> = pattern.split('*').map(in_metric).collect();
    let text = texts.join(".*");
    if pattern.starts_with('*') { format!("[^_]{text}") } else { text }
}

/// The callers of a region whose waivers hold.
fn waived(state: &State, gateway: &Gateway<'_>, region: &str) -> Vec<String> {
    let own = state.rollout.waivers.iter().filter(|waiver| {
        waiver.gateway == *gateway.name() && waiver.region == *region && waiver.until.end() >= state.now
    });
    own.map(|waiver| waiver.caller.to_string()).collect()
}
