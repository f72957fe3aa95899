//! `kind: Rollout`: in which order gateways get the next version of their rules, and on what evidence.

use super::{API_VERSION_TEXT, Egress, kind_text};
use crate::value::duration::Duration;
use crate::value::labels::Labels;
use crate::value::names::DnsLabel;
use crate::value::rollout::{CallerName, Day, GatewayName, Percent, RegionId};
use crate::value::{NOT_EMPTY, NOT_EMPTY_LIST};
use sallyport_core::record;
use sallyport_core::wire::{Shape, TextKind};

const KIND: TextKind = kind_text("Rollout");
/// After the last step of a canary the candidate decides for all.
const STEP: Shape = Shape::Whole { least: 0, most: 99 };
const REQUESTS: Shape = Shape::Whole { least: 0, most: 1_000_000_000 };

record! {
    /// A Rollout file.
    pub(crate) struct RolloutFile = "Rollout" {
        /// The version of this format.
        "apiVersion" api_version: String as (Shape::Text(&API_VERSION_TEXT)) = required,
        /// How changed rules are rolled out, gateway by gateway.
        "kind" kind: String as (Shape::Text(&KIND)) = required,
        /// The resource's name.
        "metadata" metadata: RolloutMetadata = required,
        /// The order, and what a step needs.
        "spec" spec: Rollout = default(Rollout::default(), "one wave, and the gates' defaults"),
    }
}

record! {
    pub(crate) struct RolloutMetadata = "metadata" {
        /// The resource's name: 1 to 63 of `a-z`, `0-9` and `-`.
        "name" name: DnsLabel = required,
    }
    instead {
        "namespace" => "leave it out: a Rollout is for the gateways of all namespaces",
    }
}

record! {
    /// In which order gateways get the next version of their rules, and on what evidence.
    pub struct Rollout: Default = "spec" {
        /// Groups of gateways, in the order in which they are promoted. A gateway that no wave has comes last.
        "waves" waves: Vec<Wave> = default(Vec::new(), "one wave with every gateway"),
        /// What a step needs.
        "gates" gates: Gates = default(Gates::default()),
        /// Callers whose refused requests do not block a step.
        "waivers" waivers: Vec<Waiver> = default(Vec::new(), "none"),
    }
    instead {
        "gateways" => "write them in a wave: `waves: [{name: ..., gateways: [...]}]`",
        "steps" => "write `gates: {canary: {steps: [...]}}`",
        "strategy" => "leave it out: the stages are `shadow`, `canary` and `enforce`",
        "analysis" => "write `gates`",
        "pause" => "write how long a stage lasts at least: `gates: {shadow: {minTime: 24h}}`",
        "duration" => "write how long a stage lasts at least: `gates: {shadow: {minTime: 24h}}`",
        "autoPromote" => "leave it out: `sallyport promote` takes each step",
        "maxSurge" => "write it in `gateway.maxSurge` of the Egress",
        "stages" => "leave it out: the stages are `shadow`, `canary` and `enforce`",
    }
}

record! {
    /// Gateways that are promoted together.
    pub struct Wave = "waves" {
        /// What reports call it.
        "name" name: DnsLabel = required,
        /// Gateways by name: `NAMESPACE/NAME`.
        "gateways" gateways: Vec<GatewayName> = default(Vec::new(), "none"),
        /// Gateways by the labels of their Egress (`metadata.labels`): all of these must match.
        "labels" labels: Labels = default(Labels::default(), "none"),
    }
    instead {
        "matchLabels" => "write `labels`",
        "selector" => "write `labels`",
        "egresses" => "write `gateways`",
        "upstreams" => "write `gateways`",
    }
}

impl Wave {
    /// Whether a gateway belongs to it.
    #[must_use]
    pub fn has(&self, egress: &Egress) -> bool {
        let Self { name: _, gateways, labels } = self;
        let is_named = gateways.iter().any(|gateway| *gateway == *egress.route());
        is_named || (!labels.is_empty() && labels.iter().all(|(name, value)| egress.labels.get(name) == Some(value)))
    }
}

record! {
    /// What a step needs.
    pub struct Gates: Default = "gates" {
        /// Before the candidate decides for the first callers.
        "shadow" shadow: ShadowGate = default(ShadowGate::default()),
        /// Before it decides for more callers.
        "canary" canary: CanaryGate = default(CanaryGate::default()),
        /// Before its rules take the place of those in the Egress file.
        "enforce" enforce: EnforceGate = default(EnforceGate::default()),
        /// At every step.
        "errors" errors: ErrorsGate = default(ErrorsGate::default()),
    }
}

record! {
    pub struct ShadowGate: Default = "shadow" {
        /// How long the candidate must have been evaluated.
        "minTime" min_time: Duration = default(Duration::of_hours(24)),
        /// How many requests it must have been evaluated for.
        "minRequests" min_requests: u32 as (REQUESTS) = default(1000),
    }
    instead {
        "duration" => "write `minTime`",
        "pause" => "write `minTime`",
        "requests" => "write `minRequests`",
    }
}

record! {
    pub struct CanaryGate: Default = "canary" {
        /// How long each step must have lasted.
        "minTime" min_time: Duration = default(Duration::of_hours(4)),
        /// How many requests there must have been in each step.
        "minRequests" min_requests: u32 as (REQUESTS) = default(1000),
        /// The share of callers for whom the candidate decides, in percent, step by step. After the last step it decides for all.
        "steps" steps: Vec<u32> as (Shape::List(&STEP)) = default(vec![5, 25]),
        /// Callers for whom it decides from the first step on: principals (`TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT`, exact).
        "callers" callers: Vec<String> as (NOT_EMPTY_LIST) = default(Vec::new(), "none"),
    }
    instead {
        "duration" => "write `minTime`",
        "pause" => "write `minTime`",
        "requests" => "write `minRequests`",
        "percent" => "write `steps: [...]`",
        "weight" => "write `steps: [...]`",
        "weights" => "write `steps`",
        "setWeight" => "write `steps: [...]`",
    }
}

record! {
    pub struct EnforceGate: Default = "enforce" {
        /// How long the candidate must have decided for all.
        "minTime" min_time: Duration = default(Duration::of_hours(24)),
    }
    instead {
        "duration" => "write `minTime`",
        "pause" => "write `minTime`",
    }
}

record! {
    pub struct ErrorsGate: Default = "errors" {
        /// The largest share of requests that the gateway or the upstream may answer with 5xx.
        "atMost" at_most: Percent = default(Percent::of("1%")),
    }
    instead {
        "max" => "write `atMost`",
        "threshold" => "write `atMost`",
    }
}

record! {
    /// A caller whose refused requests do not block a step.
    pub struct Waiver = "waivers" {
        /// The gateway: `NAMESPACE/NAME`.
        "gateway" gateway: GatewayName = required,
        /// The region of the change, as `sallyport plan` and `sallyport diff` name it.
        "region" region: RegionId = required,
        /// The caller's principal.
        "caller" caller: CallerName = required,
        /// Why its requests may be refused.
        "reason" reason: String as (NOT_EMPTY) = required,
        /// The last day of the waiver, in UTC: `2027-01-31`.
        "until" until: Day = required,
    }
}
