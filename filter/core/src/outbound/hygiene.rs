//! Headers that do not leave the mesh.

use super::reserved::OF_THE_GATE;
pub use crate::wire::Hygiene;

/// What Envoy and Istio add about the mesh to each request. The route removes these, which costs nothing; a route of the
/// Gateway API can remove sixteen.
const OF_THE_MESH: [&str; 7] = [
    "x-envoy-attempt-count",
    "x-envoy-decorator-operation",
    "x-envoy-external-address",
    "x-envoy-internal",
    "x-envoy-peer-metadata",
    "x-envoy-peer-metadata-id",
    "x-forwarded-client-cert",
];
/// What Envoy adds about the path of each request.
const OF_THE_WAY: [&str; 2] = ["x-forwarded-for", "x-forwarded-proto"];
/// What other proxies add about it, and what a caller sends to a proxy only (RFC 9110, 11.7.2). The filter removes these,
/// which costs a host call where one is there.
const OF_OTHER_WAYS: [&str; 10] = [
    "cf-connecting-ip",
    "client-ip",
    "fastly-client-ip",
    "forwarded",
    "proxy-authorization",
    "true-client-ip",
    "via",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-real-ip",
];
/// Headers with which a caller can make some servers use another method or path than the one that rules have seen (Rack and
/// Symfony: the method; IIS and Symfony: the URL), or send their own requests through a proxy of the caller's (`proxy`,
/// which CGI passes on as `HTTP_PROXY`: httpoxy). A file that needs one keeps it by name.
const OVERRIDES: [&str; 7] = [
    "proxy",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-uri",
    "x-original-url",
    "x-rewrite-url",
];
/// Headers with which proxies tell a service behind them who the user is. A caller that could send them itself could claim
/// to be any user.
const IDENTITIES: [&str; 18] = [
    "l5d-client-id",
    "remote-user",
    "x-authenticated-user",
    "x-client-cert",
    "x-email",
    "x-goog-iap-jwt-assertion",
    "x-groups",
    "x-ms-client-principal",
    "x-remote-group",
    "x-remote-groups",
    "x-remote-user",
    "x-roles",
    "x-ssl-cert",
    "x-user",
    "x-user-id",
    "x-userinfo",
    "x-username",
    "x-webauth-user",
];
/// Prefixes of more such headers.
const IDENTITY_PREFIXES: [&str; 9] = [
    "cf-access-",
    "ssl-client-",
    "x-amzn-oidc-",
    "x-auth-request-",
    "x-forwarded-",
    "x-goog-authenticated-user-",
    "x-ms-client-principal-",
    "x-ms-token-",
    "x-ssl-client-",
];
const MESH_PREFIXES: [&str; 2] = ["x-envoy-", "x-istio-"];

/// What upstreams say about themselves to callers.
const OF_THE_UPSTREAM: [&str; 9] = [
    "server",
    "via",
    "x-aspnet-version",
    "x-aspnetmvc-version",
    "x-envoy-decorator-operation",
    "x-envoy-upstream-service-time",
    "x-generator",
    "x-powered-by",
    "x-runtime",
];

/// The names that the route removes from requests.
pub fn removed_by_route(hygiene: Hygiene) -> impl Iterator<Item = &'static str> {
    hygiene.removed_by_route()
}

/// The names that the route removes from responses.
pub fn removed_from_responses(hygiene: Hygiene) -> impl Iterator<Item = &'static str> {
    hygiene.removed_from_responses()
}

/// All names of requests that some hygiene removes, and the beginnings of such names.
pub(super) fn listed() -> impl Iterator<Item = &'static str> {
    let names = OF_THE_MESH.iter().chain(&OF_THE_WAY).chain(&OF_OTHER_WAYS).chain(&OVERRIDES).chain(&IDENTITIES);
    names.chain(&IDENTITY_PREFIXES).chain(&MESH_PREFIXES).copied()
}

impl Hygiene {
    fn removed_by_route(self) -> impl Iterator<Item = &'static str> {
        let (mesh, way): (&[_], &[_]) = match self {
            Self::Off => (&[], &[]),
            Self::Compatible => (&OF_THE_MESH, &[]),
            Self::Strict => (&OF_THE_MESH, &OF_THE_WAY),
        };
        mesh.iter().chain(way).copied()
    }

    fn removed_from_responses(self) -> impl Iterator<Item = &'static str> {
        let upstream: &[_] = match self {
            Self::Off | Self::Compatible => &[],
            Self::Strict => &OF_THE_UPSTREAM,
        };
        // Under any hygiene, no upstream may send the gate's own headers. The route removes them from what the upstream
        // sent, before the filter sets its own.
        OF_THE_GATE.iter().chain(upstream).copied()
    }

    /// Whether requests must not have this header, whichever of filter and route removes it.
    pub(super) fn removes(self, name: &[u8]) -> bool {
        self.removed_by_filter(name) || self.removed_by_route().any(|known| known.as_bytes() == name)
    }

    /// Whether responses must not have this header.
    pub(super) fn removes_from_responses(self, name: &[u8]) -> bool {
        self.removed_from_responses().any(|known| known.as_bytes() == name)
    }

    /// Whether the filter removes a header of this exact name, because it is rare or belongs to a family whose members a
    /// route cannot list.
    pub(super) fn removed_by_filter(self, name: &[u8]) -> bool {
        let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix.as_bytes()));
        let one_of = |names: &[&str]| names.iter().any(|known| known.as_bytes() == name);
        match self {
            Self::Off => false,
            Self::Compatible => begins(&MESH_PREFIXES) && !one_of(&OF_THE_MESH),
            Self::Strict => {
                let is_listed = begins(&MESH_PREFIXES)
                    || begins(&IDENTITY_PREFIXES)
                    || one_of(&OF_OTHER_WAYS)
                    || one_of(&OVERRIDES)
                    || one_of(&IDENTITIES);
                is_listed && !one_of(&OF_THE_MESH) && !one_of(&OF_THE_WAY)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::name::fold;

    #[test]
    fn route_and_filter_share_the_work() {
        for (name, route, filter) in [
            ("x-forwarded-client-cert", true, false),
            ("x-envoy-upstream-alt-stat-name", false, true),
            ("x-forwarded-for", true, false),
            ("x-forwarded-email", false, true),
            ("x-user", false, true),
            ("x-forwarded-host", false, true),
            ("x-users", false, false),
            ("proxy", false, true),
            ("x-request-id", false, false),
            ("authorization", false, false),
            ("cookie", false, false),
        ] {
            assert_eq!(removed_by_route(Hygiene::Strict).any(|known| known == name), route, "{name}");
            assert_eq!(Hygiene::Strict.removed_by_filter(name.as_bytes()), filter, "{name}");
            assert!(!Hygiene::Off.removed_by_filter(name.as_bytes()), "{name}");
        }
        assert!(!Hygiene::Compatible.removed_by_filter(b"x-forwarded-email"));
        assert!(Hygiene::Compatible.removed_by_filter(b"x-envoy-max-retries"));
        assert_eq!(removed_by_route(Hygiene::Off).count(), 0);
    }

    /// Names are looked up by their folded spelling, so a list with another one would never match.
    #[test]
    fn every_name_is_folded() {
        for name in listed().chain(OF_THE_UPSTREAM).chain(OF_THE_GATE) {
            assert_eq!(*fold(name.as_bytes()), *name.as_bytes(), "{name}");
        }
        assert!(IDENTITY_PREFIXES.iter().chain(&MESH_PREFIXES).all(|prefix| prefix.ends_with('-')));
    }

    #[test]
    fn no_upstream_sends_the_headers_of_the_gate() {
        for hygiene in [Hygiene::Off, Hygiene::Compatible, Hygiene::Strict] {
            for name in OF_THE_GATE {
                assert!(removed_from_responses(hygiene).any(|removed| removed == name), "{hygiene:?}: {name}");
            }
        }
    }
}
