//! A case: one policy in both forms, and the requests that both are asked.

use fastrand::Rng;
use sallyport_core::wire;
use sallyport_tests::client::Request;
use serde_json::{Map, Value, json};

/// The namespace that policies live in, on both sides.
pub(crate) const NAMESPACE: &str = "httpbin";

/// One policy, and what is asked of it.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) policy: wire::Policy,
    /// The same rules, as they are spread over Istio's policies.
    pub(crate) istio: Vec<IstioPolicy>,
    pub(crate) asked: Vec<Asked>,
}

/// An AuthorizationPolicy, by the positions of its rules in the [`wire::Policy`].
#[derive(Debug)]
pub(crate) struct IstioPolicy {
    pub(crate) name: String,
    action: &'static str,
    pub(crate) rules: Vec<usize>,
}

/// One request of one caller.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// In [`WHO`](super::caller::WHO).
    pub(crate) who: usize,
    /// In [`tokens`](super::caller::tokens).
    pub(crate) token: usize,
    pub(crate) http2: bool,
    /// Without the token.
    pub(crate) request: Request,
}

impl Case {
    /// Whether the gateway takes the caller's address from one trusted proxy.
    pub(crate) fn trusts_a_proxy(&self) -> bool {
        self.policy.num_trusted_proxies > 0
    }

    /// The rule that Istio means by `policy[NAME]-rule[INDEX]`.
    pub(crate) fn istio_rule(&self, name: &str, index: usize) -> Option<&wire::Rule> {
        let policy = self.istio.iter().find(|policy| policy.name == name)?;
        self.policy.rules.get(*policy.rules.get(index)?)
    }

    /// What the translator reads.
    pub(crate) fn to_istio(&self, id: &str) -> Value {
        let policies: Vec<Value> = self.istio.iter().map(|policy| policy.to_json(&self.policy.rules)).collect();
        json!({
            "id": id,
            "trustDomain": self.policy.trust_domain.as_deref().unwrap_or("cluster.local"),
            "aliases": self.policy.trust_domain_aliases,
            "policies": policies,
        })
    }
}

/// Beside DENY rules alone, so that there is something to tell apart.
pub(crate) fn everything() -> wire::Rule {
    let operation = wire::Operation { paths: Some(vec!["/*".to_owned()]), ..wire::Operation::default() };
    wire::Rule {
        id: "everything".to_owned(),
        action: wire::Action::Allow,
        to: Some(vec![wire::ToEntry { operation }]),
        ..wire::Rule::default()
    }
}

/// Spreads the rules over policies: those of each action over one or two.
pub(crate) fn spread(random: &mut Rng, rules: &[wire::Rule]) -> Vec<IstioPolicy> {
    policies(rules, |count| if random.bool() { random.usize(..=count) } else { count })
}

/// One policy for each action.
pub(crate) fn whole(rules: &[wire::Rule]) -> Vec<IstioPolicy> {
    policies(rules, |count| count)
}

/// What no ALLOW rule speaks of is refused here, so there always is an ALLOW policy, as Istio's own advice has it.
fn policies(rules: &[wire::Rule], mut cut: impl FnMut(usize) -> usize) -> Vec<IstioPolicy> {
    let mut policies = Vec::new();
    for (action, name) in [(wire::Action::Deny, "DENY"), (wire::Action::Allow, "ALLOW")] {
        let of_action: Vec<usize> = (0..rules.len()).filter(|at| rules[*at].action == action).collect();
        let (first, second) = of_action.split_at(cut(of_action.len()));
        for (number, part) in [first, second].into_iter().enumerate() {
            let is_needed = number == 0 && action == wire::Action::Allow;
            if !part.is_empty() || is_needed {
                let name_of = format!("{}-{number}", name.to_lowercase());
                policies.push(IstioPolicy { name: name_of, action: name, rules: part.to_vec() });
            }
        }
    }
    policies
}

impl IstioPolicy {
    fn to_json(&self, rules: &[wire::Rule]) -> Value {
        let rules: Vec<Value> = self.rules.iter().map(|at| istio_rule(&rules[*at])).collect();
        json!({
            "name": self.name,
            "namespace": NAMESPACE,
            "spec": {"action": self.action, "rules": rules},
        })
    }
}

/// The fields have the same names; a rule has an id and an action of its own only here.
fn istio_rule(rule: &wire::Rule) -> Value {
    let text = serde_json::to_value(rule).unwrap_or_default();
    let mut fields: Map<String, Value> = text.as_object().cloned().unwrap_or_default();
    for ours in ["id", "action", "mode"] {
        fields.remove(ours);
    }
    Value::Object(fields)
}

/// Which fields a rule has, as failures are told apart by: `principals`, `notPaths`, `when request.headers[]`.
pub(crate) fn field_kinds(rule: &wire::Rule) -> Vec<String> {
    let mut kinds = Vec::new();
    let value = istio_rule(rule);
    for (list, inner) in [("from", "source"), ("to", "operation")] {
        for entry in value[list].as_array().into_iter().flatten() {
            kinds.extend(entry[inner].as_object().into_iter().flat_map(Map::keys).cloned());
        }
    }
    for wire::Condition { key, values, not_values, .. } in rule.when.iter().flatten() {
        let family = key.split_once('[').map_or(key.as_str(), |(family, _)| family);
        kinds.extend(values.as_ref().map(|_| format!("when {family}")));
        kinds.extend(not_values.as_ref().map(|_| format!("when not {family}")));
    }
    kinds.sort();
    kinds.dedup();
    kinds
}
