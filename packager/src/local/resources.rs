//! The resources that Envoy gets while it runs, and which of them have changed.

use serde_json::{Value, json};

use super::bootstrap::{self, EnvoyInputs, PLUGIN};

/// A kind of resource, in the order in which Envoy needs them: a listener refers to clusters and to the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Clusters,
    Plugin,
    Listener,
}

impl Kind {
    pub(crate) const ALL: [Kind; 3] = [Kind::Clusters, Kind::Plugin, Kind::Listener];

    /// The short name of the discovery service, and of the file.
    pub(crate) fn service(self) -> &'static str {
        match self {
            Kind::Clusters => "cds",
            Kind::Plugin => "ecds",
            Kind::Listener => "lds",
        }
    }

    /// The prefix of Envoy's statistics for it.
    pub(crate) fn counters(self) -> String {
        match self {
            Kind::Clusters => "cluster_manager.cds.".to_owned(),
            Kind::Plugin => format!("extension_config_discovery.http_filter.{PLUGIN}."),
            Kind::Listener => "listener_manager.lds.".to_owned(),
        }
    }
}

/// All resources of one version of the file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Resources {
    clusters: Vec<Value>,
    /// Clusters of an earlier version that requests in flight may still use.
    retired: Vec<Value>,
    plugin: Value,
    listener: Value,
}

impl Resources {
    pub(crate) fn new(inputs: EnvoyInputs<'_>) -> Result<Self, serde_json::Error> {
        Ok(Resources {
            clusters: bootstrap::clusters(inputs),
            retired: Vec::new(),
            plugin: bootstrap::plugin(inputs)?,
            listener: bootstrap::listener(inputs),
        })
    }

    /// The same resources as a successor of `old`: a removed cluster is kept until the next one is removed.
    pub(crate) fn succeeding(mut self, old: &Resources) -> Self {
        let removed = |clusters: &[Value]| -> Vec<Value> {
            let is_kept = |old: &Value| self.clusters.iter().any(|new| new.get("name") == old.get("name"));
            clusters.iter().filter(|cluster| !is_kept(cluster)).cloned().collect()
        };
        let now = removed(&old.clusters);
        self.retired = if now.is_empty() { removed(&old.retired) } else { now };
        self
    }

    /// What must be replaced to get from `old` to this.
    pub(crate) fn changed_since(&self, old: &Resources) -> Vec<Kind> {
        Kind::ALL.into_iter().filter(|kind| self.of(*kind) != old.of(*kind)).collect()
    }

    /// The file that Envoy reads.
    pub(crate) fn document(&self, kind: Kind, version: u64) -> String {
        json!({"version_info": version.to_string(), "resources": self.of(kind)}).to_string()
    }

    fn of(&self, kind: Kind) -> Vec<&Value> {
        match kind {
            Kind::Clusters => self.clusters.iter().chain(&self.retired).collect(),
            Kind::Plugin => vec![&self.plugin],
            Kind::Listener => vec![&self.listener],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::bootstrap::tests::{example, with_inputs};
    use crate::local::example::tests::rules;
    use sallyport_egress::model::Egress;

    fn of(egress: &Egress) -> Resources {
        with_inputs(egress, |inputs| Resources::new(inputs).unwrap())
    }

    fn check(change: impl Fn(&mut Egress), expected: &[Kind]) {
        let mut egress = example();
        let old = of(&egress);
        change(&mut egress);
        assert_eq!(of(&egress).succeeding(&old).changed_since(&old), expected);
    }

    #[test]
    fn only_what_changed_is_replaced() {
        check(|_| {}, &[]);
        check(|egress| egress.spec.authz.rules = rules("[]"), &[Kind::Plugin]);
        check(|egress| egress.spec.upstream.tls.sni = Some("other".parse().unwrap()), &[Kind::Clusters]);
        check(|egress| egress.spec.upstream.port = 8443, &[Kind::Clusters, Kind::Listener]);
        check(|egress| egress.spec.host = "other.internal".parse().unwrap(), &[Kind::Listener]);
        check(|egress| egress.spec.gateway.num_trusted_proxies = 1, &[Kind::Plugin, Kind::Listener]);
    }

    #[test]
    fn the_old_upstream_stays_for_requests_in_flight() {
        let mut egress = example();
        let first = of(&egress);
        egress.spec.upstream.port = 1;
        let second = of(&egress).succeeding(&first);
        egress.spec.authz.rules = rules("[]");
        let third = of(&egress).succeeding(&second);
        assert_eq!(third.changed_since(&second), [Kind::Plugin]);
        egress.spec.upstream.port = 2;
        let fourth = of(&egress).succeeding(&third);
        let names: Vec<_> = fourth.of(Kind::Clusters).iter().map(|cluster| cluster["name"].clone()).collect();
        assert_eq!(names, ["outbound|2||httpbin.org", "outbound|1||httpbin.org"]);
    }
}
