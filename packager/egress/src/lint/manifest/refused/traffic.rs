//! DestinationRules.

use super::{Refusals, has, lacks};
use crate::wording::quoted;
use crate::yaml::tree::{Node, Value};

impl Refusals<'_> {
    pub(super) fn destination_rule(&mut self) {
        let manifest = self.manifest;
        let spec = manifest.spec();
        self.export();
        self.hosts(spec.get("host").map(std::slice::from_ref).unwrap_or_default());
        let subsets = spec.items_at(&["subsets"]);
        self.twice(subsets, &["name"], "the name of a subset");
        let policies = subsets.iter().filter_map(|subset| subset.get("trafficPolicy")).chain(spec.get("trafficPolicy"));
        for policy in policies {
            self.traffic_policy(policy);
        }
    }

    fn traffic_policy(&mut self, policy: &Node) {
        if matches!(&policy.value, Value::Mapping(entries) if entries.is_empty()) {
            self.add(policy, "Istio refuses an empty `trafficPolicy`", "remove it, or write what it is for");
        }
        let levels = policy.items_at(&["portLevelSettings"]);
        for level in levels {
            if lacks(level, "port") {
                self.add(level, "Istio refuses settings of a port without the port", "add `port: {number: NUMBER}`");
            }
            let fields = ["outlierDetection", "connectionPool", "loadBalancer", "tls"];
            if fields.iter().all(|name| lacks(level, name)) {
                self.add(level, "Istio refuses settings of a port that set nothing", "remove them, or add `tls`");
            }
        }
        for level in levels.iter().chain([policy]) {
            if let Some(tls) = level.get("tls") {
                self.client_tls(tls);
            }
            self.outliers(level);
        }
    }

    fn client_tls(&mut self, tls: &Node) {
        let mode = tls.text_at(&["mode"]).unwrap_or("DISABLE");
        if !["SIMPLE", "MUTUAL"].contains(&mode) {
            return;
        }
        let place = tls.get("mode").unwrap_or(tls);
        let of_secret = has(tls, "credentialName");
        if of_secret {
            let files = ["clientCertificate", "privateKey", "caCertificates", "caCrl"];
            for entry in files.iter().filter(|name| has(tls, name)).filter_map(|name| tls.entry(name)) {
                let message = format!("Istio refuses {} beside `credentialName`", quoted(&entry.key.name));
                self.add_at(entry, message, "remove one of the two: the Secret can hold it");
            }
        } else if mode == "MUTUAL" && lacks(tls, "credentialName") {
            let missing: Vec<_> =
                ["clientCertificate", "privateKey"].into_iter().filter(|name| !has(tls, name)).collect();
            match *missing.as_slice() {
                [_, _] => {
                    let message = "Istio refuses `MUTUAL` without a certificate";
                    self.add(place, message, "add `credentialName`, or `clientCertificate` and `privateKey`");
                }
                [one] if lacks(tls, one) => {
                    self.add(place, format!("Istio refuses `MUTUAL` without {}", quoted(one)), format!("add `{one}`"));
                }
                _ => {}
            }
        }
    }

    fn outliers(&mut self, level: &Node) {
        let Some(outliers) = level.get("outlierDetection") else { return };
        let local = outliers.entry("consecutiveLocalOriginFailures");
        let counts = local.filter(|local| local.value.text().is_some_and(|text| text != "0" && !text.is_empty()));
        if let Some(local) = counts.filter(|_| outliers.text_at(&["splitExternalLocalOriginErrors"]) != Some("true")) {
            let message = "Istio refuses `consecutiveLocalOriginFailures` alone";
            self.add_at(local, message, "add `splitExternalLocalOriginErrors: true`");
        }
    }
}
