//! AuthorizationPolicies and PeerAuthentications.

use super::{Refusals, has, is_empty_list, lacks};
use crate::wording::{did_you_mean, quoted};
use crate::yaml::tree::{Node, Value};

/// The keys of conditions; those that end with a bracket have a name in it.
const KEYS: [&str; 14] = [
    "request.headers[",
    "source.ip",
    "remote.ip",
    "source.namespace",
    "source.serviceAccount",
    "source.principal",
    "source.trustDomain",
    "request.auth.principal",
    "request.auth.audiences",
    "request.auth.presenter",
    "request.auth.claims[",
    "destination.ip",
    "destination.port",
    "connection.sni",
];

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
        let stem = |known: &str| known.trim_end_matches('[').to_owned();
        let is_known = KEYS.iter().any(|known| match known.strip_suffix('[') {
            Some(_) => key.starts_with(*known) && key.ends_with(']') && key.len() > known.len().saturating_add(1),
            None => key == *known,
        });
        if !is_known && !key.starts_with("experimental.envoy.filters.") {
            let (written, name) =
                key.split_once('[').map_or((key, ""), |(stem, name)| (stem, name.trim_end_matches(']')));
            let stems: Vec<_> = KEYS.iter().map(|known| stem(known)).collect();
            let meant = did_you_mean(written, stems.iter().map(String::as_str));
            let help = match meant.and_then(|meant| KEYS.iter().find(|known| stem(known) == meant)) {
                Some(meant) if meant.ends_with('[') && name.is_empty() => {
                    format!("write {}", quoted(&format!("{meant}NAME]")))
                }
                Some(meant) if meant.ends_with('[') => format!("did you mean {}?", quoted(&format!("{meant}{name}]"))),
                Some(meant) => format!("did you mean {}?", quoted(meant)),
                None => {
                    let whole =
                        |known: &str| if known.ends_with('[') { format!("{known}NAME]") } else { known.to_owned() };
                    format!("the keys are {}", KEYS.map(whole).join(", "))
                }
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
