//! AuthorizationPolicies and PeerAuthentications.

use super::{Refusals, has, is_empty_list, lacks};
use crate::wording::{did_you_mean, quoted};
use crate::yaml::tree::{Node, Value};
use sallyport_core::policy::key::KEYS;

/// The last parts of the keys that Sallyport has beside Istio's.
const OWN: [&str; 2] = ["query[NAME]", "tlsVersion"];

/// The keys of conditions that Istio has.
fn keys() -> impl Iterator<Item = &'static str> + Clone {
    KEYS.iter().map(|key| key.name).filter(|name| !OWN.iter().any(|own| name.ends_with(own)))
}

/// A key without what stands in brackets.
fn stem(name: &str) -> &str {
    name.split_once('[').map_or(name, |(stem, _)| stem)
}

impl Refusals<'_> {
    pub(super) fn authorization_policy(&mut self) {
        let manifest = self.manifest;
        let spec = manifest.spec();
        let action = spec.get("action");
        let (place, is) = (action.unwrap_or_else(|| manifest.title()), action.and_then(Node::text).unwrap_or("ALLOW"));
        match (is, has(spec, "provider")) {
            ("CUSTOM", false) if lacks(spec, "provider") => {
                self.add(place, "Istio refuses `CUSTOM` without a provider", "add `provider: {name: NAME}`");
            }
            ("ALLOW" | "DENY" | "AUDIT", true) => {
                if let Some(provider) = spec.entry("provider") {
                    let message = format!("Istio refuses a provider with {}", quoted(is));
                    self.add_at(provider, message, "write `action: CUSTOM`, or remove it");
                }
            }
            _ => {}
        }
        if ["CUSTOM", "DENY"].contains(&is) && lacks(spec, "rules") && spec.get("rules").is_none() {
            let message = format!("Istio refuses {} without rules", quoted(is));
            self.add(place, message, "add `rules: [{}]` for every request, or the rules");
        }
        for rule in spec.items_at(&["rules"]) {
            self.rule(rule);
        }
    }

    fn rule(&mut self, rule: &Node) {
        for (list, part) in [("from", "source"), ("to", "operation")] {
            if let Some(empty) = rule.get(list).filter(|node| is_empty_list(node)) {
                self.add(empty, format!("Istio refuses an empty {}", quoted(list)), "remove it, or write an item");
            }
            for item in rule.items_at(&[list]) {
                match item.get(part) {
                    Some(node) if says_nothing(node) => {
                        let message = format!("Istio refuses a {} that says nothing", quoted(part));
                        self.add(node, message, format!("remove the item of `{list}`, or write what it is for"));
                    }
                    Some(node) => self.identities(node),
                    None if lacks(item, part) && matches!(item.value, Value::Mapping(_)) => {
                        let message = format!("Istio refuses an item of {} without {}", quoted(list), quoted(part));
                        self.add(item, message, format!("write its fields below `{part}:`"));
                    }
                    None => {}
                }
            }
        }
        for condition in rule.items_at(&["when"]) {
            self.condition(condition);
        }
    }

    fn identities(&mut self, source: &Node) {
        for list in ["ipBlocks", "notIpBlocks", "remoteIpBlocks", "notRemoteIpBlocks"] {
            self.networks(source.items_at(&[list]));
        }
        let accounts = ["serviceAccounts", "notServiceAccounts"].into_iter().find(|name| has(source, name));
        let others = ["principals", "notPrincipals", "namespaces", "notNamespaces"];
        let other = others.into_iter().find(|name| has(source, name));
        if let (Some(accounts), Some(entry)) = (accounts, other.and_then(|name| source.entry(name))) {
            let message = format!("Istio refuses {} beside {}", quoted(&entry.key.name), quoted(accounts));
            let help = "remove one of the two: a service account is written as `NAMESPACE/NAME`";
            self.add_at(entry, message, help);
        }
    }

    fn condition(&mut self, condition: &Node) {
        let Some((node, key)) = condition.get("key").and_then(|node| Some((node, node.text()?))) else { return };
        let is_known = keys().any(|known| match known.contains('[') {
            true => key.strip_prefix(stem(known)).is_some_and(|name| name.starts_with('[') && name.ends_with(']')),
            false => key == known,
        });
        if !is_known && !key.starts_with("experimental.envoy.filters.") {
            let meant = did_you_mean(stem(key), keys().map(stem));
            let help = match meant.and_then(|meant| keys().find(|known| stem(known) == meant)) {
                Some(meant) if meant.contains('[') && !key.contains('[') => format!("write {}", quoted(meant)),
                Some(meant) if meant.contains('[') => {
                    let name = key.strip_prefix(stem(key)).unwrap_or_default();
                    format!("did you mean {}?", quoted(&format!("{}{name}", stem(meant))))
                }
                Some(meant) => format!("did you mean {}?", quoted(meant)),
                None => format!("the keys are {}", keys().collect::<Vec<_>>().join(", ")),
            };
            self.add(node, format!("Istio has no key {}", quoted(key)), help);
        }
        if ["values", "notValues"].iter().all(|name| lacks(condition, name)) {
            self.add(node, "Istio refuses a condition without values", "add `values` or `notValues`");
        }
    }

    pub(super) fn peer_authentication(&mut self) {
        let manifest = self.manifest;
        let spec = manifest.spec();
        let selects = spec.descend(&["selector", "matchLabels"]).is_some_and(|labels| !labels.entries().is_empty());
        if let Some(ports) = spec.entry("portLevelMtls").filter(|_| !selects && lacks(spec, "selector")) {
            let message = "Istio refuses `portLevelMtls` without a selector";
            self.add_at(ports, message, "add `selector: {matchLabels: LABELS}`, or write `mtls` alone");
        }
    }
}

/// Whether a source or an operation has no item at all.
fn says_nothing(node: &Node) -> bool {
    match &node.value {
        Value::Mapping(entries) => entries.iter().all(|entry| is_empty_list(&entry.value)),
        _ => false,
    }
}
