//! Hosts as Istio compares them, and the namespace that stands for all.

use crate::wording::did_you_mean;

/// The namespace of the mesh's configuration, unless Istio is installed elsewhere.
pub(crate) const ROOT: &str = "istio-system";

/// A host as Istio resolves it in this namespace: one without a dot is a Service there. The cluster's domain, which is not
/// known here, is removed.
pub(crate) fn host_in(namespace: &str, host: &str) -> String {
    let host = host.trim_end_matches('.');
    match host.split_once(".svc.") {
        Some((service, _)) => format!("{service}.svc"),
        None if host.contains('.') || host.contains('*') => host.to_owned(),
        None => service_host(host, namespace),
    }
}

/// The host of a Service, as Istio's routes have it.
pub(crate) fn service_host(name: &str, namespace: &str) -> String {
    format!("{name}.{namespace}.svc")
}

/// The known name that was probably meant. Names that differ in digits alone are taken for two.
pub(crate) fn meant<'k>(written: &str, known: impl Iterator<Item = &'k str> + Clone) -> Option<&'k str> {
    let wordy = |name: &str| name.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    let own = wordy(written);
    did_you_mean(written, known.filter(|name| wordy(name) != own))
}

/// Whether the host looks like a Service of the cluster.
pub(crate) fn is_cluster_service(host: &str) -> bool {
    host.ends_with(".svc") || host.ends_with(".local")
}

/// A Gateway's host without the namespace in `NAMESPACE/HOST`.
pub(crate) fn without_namespace(host: &str) -> &str {
    host.split_once('/').map_or(host, |(_, host)| host)
}

/// Whether a pattern (`*`, `*.example.com` or a host) covers the host.
pub(crate) fn covers(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
        None => pattern == host,
    }
}

/// The patterns with a `*` that cover a host, most specific first: `*.b.c`, `*.c`, `*` for `a.b.c`.
pub(crate) fn patterns_over(host: &str) -> impl Iterator<Item = String> {
    let own = host.strip_prefix('*').unwrap_or(host);
    let dots = own.match_indices('.').map(|(at, _)| at).filter(move |at| *at > 0 || !host.starts_with('*'));
    let suffixes: Vec<_> = dots.filter_map(|at| own.get(at..)).map(|suffix| format!("*{suffix}")).collect();
    suffixes.into_iter().chain((host != "*").then(|| "*".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_another_number_is_another_name() {
        let known = ["api-1.example.com", "orders.example.com"];
        let guess = |written| meant(written, known.into_iter());
        assert_eq!(guess("ordres.example.com"), Some("orders.example.com"));
        assert_eq!(guess("api-2.example.com"), None);
        assert_eq!(guess("orders.example.com"), None);
    }

    #[test]
    fn hosts_are_compared_as_istio_does() {
        assert_eq!(host_in("a", "gateway"), "gateway.a.svc");
        assert_eq!(host_in("a", "gateway.b.svc.cluster.local"), "gateway.b.svc");
        assert_eq!(host_in("a", "api.example.com"), "api.example.com");
        assert!(covers("*.b.c", "a.b.c") && covers("*", "a") && !covers("*.b.c", "b.c") && !covers("a", "b"));
        let over = |host| patterns_over(host).collect::<Vec<_>>();
        assert_eq!(over("a.b.c"), ["*.b.c", "*.c", "*"]);
        assert_eq!(over("*.b.c"), ["*.c", "*"]);
        assert_eq!(over("*"), Vec::<String>::new());
    }
}
