//! The state of a running Envoy.

use std::time::Duration;

use super::resources::Kind;

/// Envoy's administration interface.
pub(crate) struct Admin {
    address: String,
    agent: ureq::Agent,
}

/// Envoy's statistics about its configuration at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    text: String,
}

impl Admin {
    /// `address` is `127.0.0.1:PORT`, as Envoy writes it to its file.
    pub(crate) fn new(address: &str) -> Self {
        let agent = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(2))).proxy(None).build();
        Admin { address: address.to_owned(), agent: agent.into() }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Whether Envoy is serving.
    pub(crate) fn is_ready(&self) -> bool {
        self.get("/ready").is_some_and(|body| body.trim() == "LIVE")
    }

    /// `None` if Envoy does not respond.
    pub(crate) fn counters(&self) -> Option<Counters> {
        let names = "version_text%7Cupdate_rejected%7Cwarming";
        self.get(&format!("/stats?filter={names}")).map(|text| Counters { text })
    }

    fn get(&self, path: &str) -> Option<String> {
        let mut response = self.agent.get(format!("http://{}{path}", self.address)).call().ok()?;
        response.body_mut().read_to_string().ok()
    }
}

impl Counters {
    /// Whether Envoy has accepted this version, and has finished warming it.
    pub(crate) fn in_force(&self, kind: Kind, version: u64) -> bool {
        let warming = match kind {
            Kind::Clusters => "cluster_manager.warming_clusters",
            Kind::Listener => "listener_manager.total_listeners_warming",
            Kind::Plugin => return self.has(kind, version),
        };
        self.has(kind, version) && self.value(warming).is_none_or(|count| count == "0")
    }

    /// How many updates Envoy has rejected.
    pub(crate) fn rejected(&self, kind: Kind) -> u64 {
        self.counter(kind, "update_rejected").and_then(|count| count.parse().ok()).unwrap_or(0)
    }

    fn has(&self, kind: Kind, version: u64) -> bool {
        let text = self.counter(kind, "version_text");
        text.is_some_and(|text| text.trim_matches('"') == version.to_string())
    }

    /// A counter of a kind, whatever is between the kind's name and its own.
    fn counter(&self, kind: Kind, name: &str) -> Option<&str> {
        let lines = self.text.lines().filter_map(|line| line.split_once(": "));
        lines
            .into_iter()
            .find(|(full, _)| full.starts_with(kind.counters()) && full.ends_with(name))
            .map(|(_, value)| value)
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_say_what_is_in_force() {
        let counters = Counters {
            text:
                "extension_config_discovery.http_filter.extensions.istio.io/trafficextension/a.b.version_text: \"12\"\n\
                   extension_config_discovery.http_filter.extensions.istio.io/trafficextension/a.b.update_rejected: 3\n\
                   listener_manager.lds.version_text: \"12\"\n\
                   listener_manager.total_listeners_warming: 1\n"
                    .into(),
        };
        assert!(counters.in_force(Kind::Plugin, 12) && !counters.in_force(Kind::Plugin, 1));
        assert!(!counters.in_force(Kind::Listener, 12), "it is still warming");
        assert!(!counters.in_force(Kind::Clusters, 12));
        assert_eq!((counters.rejected(Kind::Plugin), counters.rejected(Kind::Clusters)), (3, 0));
    }
}
