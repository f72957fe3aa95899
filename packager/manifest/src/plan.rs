//! What every manifest of one gateway is made from, and the names by which they refer to each other.

use sallyport_core::wire::{Canary, Policy, Stage};
use sallyport_egress::model::deploy::port::CALLERS_PORT;
use sallyport_egress::model::deploy::{Delivery, Install};
use sallyport_egress::model::{Candidate, Egress, Mesh};
use sallyport_egress::rollout::Standing;
use sallyport_egress::value::host::Host;
use sallyport_egress::value::labels::Labels;
use sallyport_egress::{ByName, Code, policy_source, trial};
use serde_json::{Map, Value, json};

use crate::error::BuildError;
use crate::filter::PinnedFilter;
use crate::rolling::{Rolling, Rollouts};

/// The port of the gateway's Service, and so of its `Gateway`.
pub(crate) const SERVICE_PORT: u16 = 443;
/// The label by which a namespace, a pod or a Gateway belongs to one revision of Istio.
pub(crate) const REVISION_LABEL: &str = "istio.io/rev";
/// Where the image volume is mounted.
pub(crate) const IMAGE_VOLUME_PATH: &str = "/opt/sallyport";

/// The labels that only the pods of one gateway have: the name and the namespace of its Egress.
pub const SELECTED: [&str; 2] = ["sallyport.dev/gateway", "sallyport.dev/namespace"];

/// What all manifests of one gateway are made from.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    /// The upstream, its policy and its gateway.
    pub egress: &'a Egress,
    /// What all gateways of the mesh share.
    pub mesh: &'a Mesh,
    /// The image of this gateway's filter.
    pub filter: PinnedFilter,
    /// The Egresses of `health.failover`, in order, as far as they are among the files.
    pub standbys: Vec<&'a Egress>,
    /// The next version of its rules, and for whom they decide.
    pub rolling: Option<Rolling<'a>>,
}

/// One plan per Egress, sorted by namespace and name. `filter` is for those that have no digest of their own.
#[must_use]
pub fn plans<'a>(
    egresses: &[&'a Egress],
    mesh: &'a Mesh,
    filter: &PinnedFilter,
    rollouts: &Rollouts<'a>,
) -> Vec<Plan<'a>> {
    let by_name = ByName::new(egresses.iter().copied());
    let plan = |&egress: &&'a Egress| {
        let gateway = egress.route();
        Plan {
            egress,
            mesh,
            filter: filter.of(egress, rollouts.filter(&gateway)),
            standbys: by_name.standbys(egress),
            rolling: rollouts.candidate(&gateway),
        }
    };
    let mut plans: Vec<_> = egresses.iter().map(plan).collect();
    plans.sort_by_key(|plan| (&plan.egress.namespace, &plan.egress.name));
    plans
}

/// A port that callers use, and where the gateway takes its requests.
#[derive(Clone, Debug)]
pub(crate) struct Entrance {
    /// The port that callers use.
    pub(crate) callers: u16,
    /// The port of the gateway's Service, and of its `Gateway`.
    pub(crate) service: u16,
    /// Where the pods listen.
    pub(crate) pod: u16,
    /// The end of the names of what belongs to it: empty for the first.
    suffix: String,
}

impl Entrance {
    /// A name that no other entrance of the gateway has.
    pub(crate) fn name(&self, of: &str) -> String {
        format!("{of}{}", self.suffix)
    }
}

impl Plan<'_> {
    /// The policy that the filter gets, with its candidate.
    ///
    /// # Errors
    /// Fails if what the candidate changes cannot be compared with the policy.
    pub fn policy(&self) -> Result<Policy, BuildError> {
        let policy = policy_source(self.egress, self.mesh, &self.standbys);
        let Some(Rolling { candidate, locked, callers }) = self.rolling else { return Ok(policy) };
        let (diff, _) = trial::compare(&policy, candidate, self.egress.spec.host.as_str()).map_err(|error| {
            let message = format!("what its candidate changes cannot be compared: {error}");
            let help = "split the change, and roll out one part after the other";
            BuildError::of(self.egress, Code::PolicyTooLarge, message).with_help(help)
        })?;
        let (stage, canary) = match locked.standing {
            Standing::Proposed | Standing::Shadow => (Stage::Shadow, None),
            Standing::Canary(percent) => (Stage::Canary, Some(Canary { percent, callers: callers.to_vec() })),
            Standing::Enforce => (Stage::Enforce, None),
        };
        Ok(trial::with_candidate(policy, candidate, &diff, (stage, canary)))
    }

    /// The candidate beside the policy in force.
    pub(crate) fn candidate(&self) -> Option<&Candidate> {
        self.rolling.map(|rolling| rolling.candidate)
    }

    /// Every service that this gateway can send a request to: the upstream first, then its standbys in order.
    pub(crate) fn upstreams(&self) -> impl Iterator<Item = &Egress> {
        std::iter::once(self.egress).chain(self.standbys.iter().copied())
    }

    /// The name of the gateway's own objects. The suffix says what an object is for, so that no two Egresses of a namespace
    /// can claim the same name.
    pub(crate) fn gateway_name(&self) -> String {
        format!("{}-egress", self.egress.name)
    }

    /// The name of the objects that describe the upstream.
    pub(crate) fn upstream_name(&self) -> String {
        format!("{}-upstream", self.egress.name)
    }

    /// The name of the objects that describe the host that callers use.
    pub(crate) fn host_name(&self) -> String {
        format!("{}-host", self.egress.name)
    }

    /// The gateway's Service, by its short name. Istio completes a name without a dot with the namespace and with its own
    /// cluster domain, which no file of ours has.
    pub(crate) fn service_host(&self) -> String {
        self.gateway_name()
    }

    pub(crate) fn upstream_host(&self) -> String {
        self.egress.upstream_host()
    }

    /// Where callers' requests come in, the port 80 first.
    ///
    /// A pod listens on a port that needs no privilege, to which Istio maps the Service's; a gateway that istiod deploys
    /// listens on the Service's port. For the ports of the file, the two are the same.
    pub(crate) fn entrances(&self) -> Vec<Entrance> {
        let entrance = |(callers, pod)| match callers {
            CALLERS_PORT => Entrance { callers, service: SERVICE_PORT, pod, suffix: String::new() },
            _ => Entrance { callers, service: pod, pod, suffix: format!("-{callers}") },
        };
        self.egress.listening_ports().map(entrance).collect()
    }

    /// Every host that callers in the mesh use.
    pub(crate) fn hosts(&self) -> Vec<&Host> {
        self.egress.hosts().collect()
    }

    pub(crate) fn install(&self) -> Install {
        self.egress.spec.gateway.install
    }

    pub(crate) fn by_image_volume(&self) -> bool {
        self.mesh.filter.delivery == Delivery::ImageVolume
    }

    /// The labels that only this gateway's pods have. There are two because an Istio `Gateway` selects pods of every
    /// namespace: a name alone would also select the gateway of another team that chose the same name.
    pub(crate) fn selector(&self) -> Value {
        let [gateway, namespace] = SELECTED;
        json!({gateway: self.egress.name, namespace: self.egress.namespace})
    }

    /// The selector, and the labels by which Kubernetes' tools group objects.
    pub(crate) fn labels(&self) -> Value {
        let mut labels = self.with_common_labels(&self.gateway_name());
        if let (Some(labels), Value::Object(selector)) = (labels.as_object_mut(), self.selector()) {
            labels.extend(selector);
        }
        labels
    }

    /// The labels that an object of this name has beside those that name a gateway.
    pub(crate) fn with_common_labels(&self, name: &str) -> Value {
        over(&self.mesh.labels, common_labels(name))
    }

    /// Annotations beside those that the mesh has for all objects; `None`, if there are neither.
    pub(crate) fn with_annotations(&self, own: Value) -> Option<Value> {
        let annotations = over(&self.mesh.annotations, own);
        annotations.as_object().is_some_and(|annotations| !annotations.is_empty()).then_some(annotations)
    }

    pub(crate) fn metadata(&self, name: &str) -> Value {
        self.annotated(name, json!({}))
    }

    /// The same, with annotations of this object.
    pub(crate) fn annotated(&self, name: &str, annotations: Value) -> Value {
        json!({
            "name": name,
            "namespace": self.egress.namespace,
            "labels": self.labels(),
            "annotations": self.with_annotations(annotations),
        })
    }

    /// The same, with one message of `istioctl analyze` suppressed, where what it reports is intended.
    pub(crate) fn metadata_without(&self, message: &str, name: &str) -> Value {
        self.annotated(name, json!({"galley.istio.io/analyze-suppress": message}))
    }

    /// A policy's spec with the fields that attach it to this gateway. Istio requires that a gateway which it deployed
    /// itself is named, and that any other is selected.
    pub(crate) fn attached(&self, spec: Value) -> Value {
        let mut attached = match self.install() {
            Install::GatewayApi => Map::from_iter([(
                "targetRefs".to_owned(),
                json!([{
                    "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": self.gateway_name(),
                }]),
            )]),
            Install::Injected | Install::IstioOperator | Install::Helm => {
                Map::from_iter([("selector".to_owned(), json!({"matchLabels": self.selector()}))])
            }
        };
        if let Value::Object(spec) = spec {
            attached.extend(spec);
        }
        Value::Object(attached)
    }
}

/// What the user chose for all objects, and what an object must have, which no choice replaces.
pub(crate) fn over(chosen: &Labels, own: Value) -> Value {
    let mut all: Map<String, Value> =
        chosen.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    if let Value::Object(own) = own {
        all.extend(own);
    }
    Value::Object(all)
}

/// The labels of every object that is emitted.
fn common_labels(name: &str) -> Value {
    json!({
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/managed-by": "sallyport",
        "app.kubernetes.io/part-of": "sallyport",
    })
}
