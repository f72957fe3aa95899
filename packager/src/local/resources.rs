//! The resources that Envoy gets while it runs, and which of them have changed.

use sallyport_manifest::Served;
use serde_json::{Value, json};

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

    /// The prefix of Envoy's statistics for it. That of the plugin has the plugin's name behind it, and there is one plugin.
    pub(crate) fn counters(self) -> &'static str {
        match self {
            Kind::Clusters => "cluster_manager.cds.",
            Kind::Plugin => "extension_config_discovery.http_filter.",
            Kind::Listener => "listener_manager.lds.",
        }
    }
}

/// All resources of one version of the file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Resources {
    clusters: Vec<Value>,
    /// Clusters of an earlier version that requests in flight may still use.
    retired: Vec<Value>,
    plugins: Vec<Value>,
    listeners: Vec<Value>,
}

impl Resources {
    /// From what is served on this machine.
    pub(crate) fn new(served: Served) -> Self {
        let Served { clusters, extensions, listeners, .. } = served;
        Resources { clusters, retired: Vec::new(), plugins: extensions, listeners }
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
            Kind::Plugin => self.plugins.iter().collect(),
            Kind::Listener => self.listeners.iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::example::tests::{egress_with, rules};
    use crate::local::setup::tests::served;
    use sallyport_egress::model::Egress;
    use sallyport_manifest::Surroundings;

    fn example() -> Egress {
        egress_with(rules(
            r#"[{"id":"readers","action":"ALLOW","from":[{"source":{"serviceAccounts":["httpbin/sleep"]}}]}]"#,
        ))
    }

    fn of(egress: &Egress) -> Resources {
        Resources::new(served(egress).on(&Surroundings { ports: [(8443, 1)].into(), ..Surroundings::default() }))
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
        let clusters = third.document(Kind::Clusters, 3);
        assert!(clusters.contains("outbound|443||httpbin.org") && clusters.contains("outbound|1||httpbin.org"));
    }
}
