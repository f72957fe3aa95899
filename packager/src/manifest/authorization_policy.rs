//! AuthorizationPolicy: who may call at all, said once more in Istio's own words.
//!
//! # Design
//! The filter decides; this is the net below it. When somebody takes the plugin away from a living gateway, every request
//! would pass. With this, only those whom some rule names still do. It must never refuse what the filter allows, so it
//! names callers and nothing else, takes the wider of two readings, and stays short: Envoy reads it through for each
//! request.

use std::collections::BTreeSet;

use sallyport_core::policy::source::{ActionSource, ModeSource, RuleSource, SourceSource};
use serde_json::{Map, Value, json};

use super::plan::Plan;

/// With more names than this, namespaces stand for them, and with more of these, whoever the mesh knows.
const MOST: usize = 32;

/// Always there: what is left out would stay behind in the cluster when a policy becomes wider.
pub(super) fn authorization_policy(plan: &Plan<'_>) -> Value {
    json!({
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": plan.metadata(&format!("{}-callers", plan.egress.name)),
        "spec": plan.attached(json!({"action": "ALLOW", "rules": rules(plan)})),
    })
}

fn rules(plan: &Plan<'_>) -> Value {
    let spec = &plan.egress.spec;
    let anyone = json!([{}]);
    if spec.rollout.mode == ModeSource::Shadow {
        return anyone;
    }
    let allows = |rule: &&RuleSource| rule.action == ActionSource::Allow && rule.mode == ModeSource::Enforce;
    let mut callers = BTreeSet::new();
    for rule in spec.authz.rules.iter().filter(allows) {
        let Some(from) = &rule.from else { return anyone };
        for entry in from {
            match named(plan, &entry.source) {
                Some(named) => callers.extend(named),
                None => return anyone,
            }
        }
    }
    if callers.is_empty() {
        return json!([]);
    }
    // They speak for others, whom rules name.
    callers.extend(spec.authz.trusted_forwarders.iter().cloned().map(Caller::Principal));
    json!([{"from": sources(&few(callers))}])
}

/// Whom a source needs the request to be of. `None`: it says nothing of that.
fn named(plan: &Plan<'_>, source: &SourceSource) -> Option<Vec<Caller>> {
    let SourceSource { principals, request_principals, namespaces, service_accounts, .. } = source;
    let each = |names: &[String], caller: fn(String) -> Caller| names.iter().cloned().map(caller).collect();
    match (service_accounts, principals, namespaces, request_principals) {
        (Some(accounts), ..) => Some(accounts.iter().map(|account| service_account(plan, account)).collect()),
        (_, Some(principals), ..) => Some(each(principals, Caller::Principal)),
        (_, _, Some(namespaces), _) => Some(each(namespaces, Caller::Namespace)),
        (.., Some(principals)) => Some(each(principals, Caller::Token)),
        (None, None, None, None) => None,
    }
}

fn service_account(plan: &Plan<'_>, account: &str) -> Caller {
    let (namespace, name) = account.split_once('/').unwrap_or((&plan.egress.namespace, account));
    Caller::Principal(format!("{}/ns/{namespace}/sa/{name}", plan.mesh.trust_domain))
}

/// Whom a request must be of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Caller {
    Principal(String),
    Namespace(String),
    /// By a token alone.
    Token(String),
}

/// As many callers at least, in a list that is short.
fn few(callers: BTreeSet<Caller>) -> BTreeSet<Caller> {
    if callers.len() <= MOST {
        return callers;
    }
    let wider: BTreeSet<_> = callers.into_iter().map(in_namespace).collect();
    if wider.len() <= MOST {
        return wider;
    }
    // Tokens say nothing of the mesh; all of them are one entry.
    let whole = |caller| match caller {
        Caller::Token(_) => Caller::Token("*".to_owned()),
        Caller::Principal(_) | Caller::Namespace(_) => Caller::Principal("*".to_owned()),
    };
    wider.into_iter().map(whole).collect()
}

fn in_namespace(caller: Caller) -> Caller {
    let namespace = match &caller {
        Caller::Principal(name) => match name.split('/').collect::<Vec<_>>()[..] {
            [_, "ns", namespace, "sa", _] if !name.contains('*') => Some(namespace.to_owned()),
            _ => None,
        },
        Caller::Namespace(_) | Caller::Token(_) => None,
    };
    namespace.map_or(caller, Caller::Namespace)
}

fn sources(callers: &BTreeSet<Caller>) -> Value {
    let mut sources: [(&str, Vec<&str>); 3] =
        [("principals", Vec::new()), ("namespaces", Vec::new()), ("requestPrincipals", Vec::new())];
    let [(_, principals), (_, namespaces), (_, tokens)] = &mut sources;
    for caller in callers {
        match caller {
            Caller::Principal(name) => principals.push(name),
            Caller::Namespace(name) => namespaces.push(name),
            Caller::Token(name) => tokens.push(name),
        }
    }
    let written = sources.iter().filter(|(_, names)| !names.is_empty());
    written.map(|(field, names)| json!({"source": Map::from_iter([((*field).to_owned(), json!(names))])})).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principals(count: usize, namespaces: usize) -> BTreeSet<Caller> {
        (0..count).map(|n| Caller::Principal(format!("td/ns/n{}/sa/s{n}", n % namespaces))).collect()
    }

    #[test]
    fn many_callers_become_namespaces_and_many_of_these_anyone() {
        assert_eq!(few(principals(MOST, 2)), principals(MOST, 2));
        let namespace = |name: &str| Caller::Namespace(name.to_owned());
        assert_eq!(few(principals(MOST + 1, 2)), BTreeSet::from([namespace("n0"), namespace("n1")]));
        assert_eq!(few(principals(100, 100)), BTreeSet::from([Caller::Principal("*".to_owned())]));
        let mut patterns = principals(MOST, 2);
        patterns.insert(Caller::Principal("td/ns/*".to_owned()));
        assert!(few(patterns).contains(&Caller::Principal("td/ns/*".to_owned())), "a pattern stays what it is");
    }

    #[test]
    fn each_kind_is_a_source_of_its_own() {
        let callers = BTreeSet::from([Caller::Token("i/*".to_owned()), Caller::Namespace("n".to_owned())]);
        let sources = sources(&callers);
        assert_eq!(sources, json!([{"source": {"namespaces": ["n"]}}, {"source": {"requestPrincipals": ["i/*"]}}]));
    }
}
