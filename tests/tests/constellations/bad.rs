//! What does not work, and the harm that it does.

/// A constellation, the kind of lint that it is for, and the harm.
pub struct Harm {
    pub file: &'static str,
    pub kind: &'static str,
    /// In words.
    pub shown: &'static str,
    pub proof: Proof,
}

/// How the harm is seen. Calls are those of `shop/orders`, which has a sidecar.
#[derive(Clone, Copy)]
pub enum Proof {
    /// The API server, or istiod's webhook behind it, refuses the object and says this.
    Refused { says: &'static str },
    /// The call ends with this status (0: without an answer), and the proxy `NAMESPACE/NAME...` logs why.
    Fails { url: &'static str, status: u16, at: &'static str, because: &'static str },
    /// The call is answered, and came to the port for TLS in plaintext.
    Plaintext { url: &'static str },
    /// What keeps one call from passing does not keep the other.
    Bypass { refused: &'static str, passes: &'static str },
    /// The call is answered, and no proxy has seen that it is HTTP; the upstream is asked for this `Host`.
    PastGateway { url: &'static str, host: &'static str },
    /// The call that is to be refused is answered.
    NotEnforced { url: &'static str },
    /// The call is refused, and yet the decider of CUSTOM policies was asked about it.
    AskedAnyway { url: &'static str },
    /// The call ends without an answer after the sidecar has begun TLS of its own.
    TlsTwice { url: &'static str },
    /// The call is answered, and the upstream is asked for this `Host`.
    Asked { url: &'static str, host: &'static str },
    /// The call is answered by TLS with this server name, which the upstream's certificate does not have.
    Believed { url: &'static str, name: &'static str },
    /// What the gateway of callers inside refuses, the one of callers outside answers.
    OpenElsewhere { refused: &'static str, outside: &'static str },
}

impl Proof {
    /// What is called.
    pub fn url(self) -> Option<&'static str> {
        match self {
            Self::Refused { .. } => None,
            Self::Bypass { passes, .. } => Some(passes),
            Self::OpenElsewhere { refused, .. } => Some(refused),
            Self::Fails { url, .. }
            | Self::Plaintext { url }
            | Self::PastGateway { url, .. }
            | Self::NotEnforced { url }
            | Self::AskedAnyway { url }
            | Self::Asked { url, .. }
            | Self::Believed { url, .. }
            | Self::TlsTwice { url } => Some(url),
        }
    }
}

const GATEWAY: &str = "egress/partner-egress";
const CALLER: &str = "shop/orders";
const NO_CLUSTER: &str = "NC cluster_not_found";

const fn fails(url: &'static str, status: u16, at: &'static str, because: &'static str) -> Proof {
    Proof::Fails { url, status, at, because }
}

pub const HARMS: [Harm; 52] = [
    Harm {
        file: "passthrough-plugin",
        kind: "passthrough-guard",
        shown: "the plugin refuses every call at the HTTP port, and none of the TLS that is passed on",
        proof: Proof::Bypass { refused: "http://loans.broken.example/", passes: "https://loans.broken.example/" },
    },
    Harm {
        file: "passthrough-policy",
        kind: "passthrough-guard",
        shown: "the rule that allows the call never matches: it is reset",
        proof: fails("https://grants.broken.example/v1/a", 0, GATEWAY, "rbac_access_denied"),
    },
    Harm {
        file: "entry-hidden-from-passthrough",
        kind: "export-to",
        shown: "the gateway has no cluster for the route: the call is reset",
        proof: fails("https://trains.broken.example/", 0, GATEWAY, "NC"),
    },
    Harm {
        file: "entry-hidden-from-gateway",
        kind: "visibility",
        shown: "503 of the gateway, which has no cluster for the route",
        proof: fails("http://buses.broken.example/", 503, GATEWAY, NO_CLUSTER),
    },
    Harm {
        file: "rule-hidden-from-gateway",
        kind: "visibility",
        shown: "plaintext at the port for TLS",
        proof: Proof::Plaintext { url: "http://ferries.broken.example/" },
    },
    Harm {
        file: "subset-hidden-from-callers",
        kind: "visibility",
        shown: "503 of the caller's sidecar, which has no such subset",
        proof: fails("http://trams.broken.example/", 503, CALLER, NO_CLUSTER),
    },
    Harm {
        file: "pattern-resolved-by-dns",
        kind: "wildcard-resolution",
        shown: "istiod's webhook refuses the entry",
        proof: Proof::Refused { says: "hosts must be FQDN" },
    },
    Harm {
        file: "gateway-named-without-namespace",
        kind: "dangling",
        shown: "404 of the gateway, for which there are no routes",
        proof: fails("http://cranes.broken.example/", 404, GATEWAY, "NR route_not_found"),
    },
    Harm {
        file: "port-not-in-entry",
        kind: "dangling",
        shown: "503 of the caller's sidecar",
        proof: fails("http://docks.broken.example/", 503, CALLER, NO_CLUSTER),
    },
    Harm {
        file: "port-not-in-service",
        kind: "dangling",
        shown: "503 of the caller's sidecar",
        proof: fails("http://harbour.broken.example/", 503, CALLER, NO_CLUSTER),
    },
    Harm {
        file: "route-to-external-name",
        kind: "dangling",
        shown: "503 of the caller's sidecar",
        proof: fails("http://museum.shop.svc.cluster.local/", 503, CALLER, NO_CLUSTER),
    },
    Harm {
        file: "tls-twice-at-sidecar",
        kind: "protocol-fit",
        shown: "the upstream ends the caller's TLS, which came inside of the sidecar's",
        proof: Proof::TlsTwice { url: "https://mills.broken.example/" },
    },
    Harm {
        file: "http-route-for-tcp-port",
        kind: "protocol-fit",
        shown: "the call goes past the gateway and its own sidecar's HTTP",
        proof: Proof::PastGateway { url: "http://kilns.broken.example:9000/", host: "kilns.broken.example:9000" },
    },
    Harm {
        file: "credential-at-every-sidecar",
        kind: "certificate-owner",
        shown: "plaintext at the port for TLS",
        proof: Proof::Plaintext { url: "http://safes.broken.example/" },
    },
    Harm {
        file: "certificate-files-at-every-sidecar",
        kind: "certificate-owner",
        shown: "503 of the caller's sidecar, which waits for the files with the cluster",
        proof: fails("http://locks.broken.example/", 503, CALLER, NO_CLUSTER),
    },
    Harm {
        file: "policy-for-entry-without-waypoint",
        kind: "unenforced-policy",
        shown: "the call that the policy denies is answered",
        proof: Proof::NotEnforced { url: "http://mines.broken.example/" },
    },
    Harm {
        file: "unknown-kind",
        kind: "unknown-kinds",
        shown: "the API server does not know the kind",
        proof: Proof::Refused { says: "no matches for kind \"PeerAuthentications\"" },
    },
    Harm {
        file: "unknown-field",
        kind: "unknown-kinds",
        shown: "the API server, when it is strict, does not know the field",
        proof: Proof::Refused { says: "unknown field \"spec.export_to\"" },
    },
    Harm {
        file: "unknown-field-of-tls",
        kind: "unknown-kinds",
        shown: "the API server, when it is strict, does not know the field",
        proof: Proof::Refused { says: "unknown field \"spec.trafficPolicy.tls.subjectAltName\"" },
    },
    Harm {
        file: "unknown-value",
        kind: "invalid fields",
        shown: "the API server does not know the value",
        proof: Proof::Refused { says: "Unsupported value: \"Dns\"" },
    },
    Harm {
        file: "text-instead-of-list",
        kind: "invalid fields",
        shown: "the API server wants a list",
        proof: Proof::Refused { says: "spec.hosts in body must be of type array" },
    },
    Harm {
        file: "port-without-name",
        kind: "invalid fields",
        shown: "the API server wants the field",
        proof: Proof::Refused { says: "spec.ports[0].name: Required value" },
    },
    Harm {
        file: "two-matches-in-one",
        kind: "invalid fields",
        shown: "the API server takes one of the two",
        proof: Proof::Refused { says: "must validate one and only one schema" },
    },
    Harm {
        file: "server-without-certificate",
        kind: "invalid manifests",
        shown: "istiod's webhook refuses the Gateway",
        proof: Proof::Refused { says: "requires a private key" },
    },
    Harm {
        file: "export-to-all-and-one",
        kind: "invalid manifests",
        shown: "istiod's webhook refuses the ServiceEntry",
        proof: Proof::Refused { says: "cannot have both public (*) and non-public exportTo values" },
    },
    Harm {
        file: "custom-before-plugin",
        kind: "order of plugins",
        shown: "the decider is asked about a call that the plugin refuses",
        proof: Proof::AskedAnyway { url: "http://banks.broken.example/" },
    },
    Harm {
        file: "server-name-of-callers",
        kind: "server-name",
        shown: "503 of the gateway: the certificate is not for the name that it asks for",
        proof: fails("http://tolls.mesh.internal/", 503, GATEWAY, "CERTIFICATE_VERIFY_FAILED"),
    },
    Harm {
        file: "pattern-unresolved-behind-gateway",
        kind: "wildcard-resolution",
        shown: "the gateway finds no address to go to: the call is reset",
        proof: fails("https://one.stations.example/", 0, GATEWAY, "\"-\" outbound|443||*.stations.example"),
    },
    Harm {
        file: "pattern-dynamic-behind-passthrough",
        kind: "wildcard-resolution",
        shown: "the gateway resolves the name, and connects to port 80",
        proof: fails("https://one.meters.example/", 0, GATEWAY, ":80\" outbound|443||*.meters.example"),
    },
    Harm {
        file: "entry-known-to-callers",
        kind: "bypass",
        shown: "the gateway refuses every call, and the upstream's own name is answered past it",
        proof: Proof::Bypass { refused: "http://tickets.mesh.internal/", passes: "https://tickets.broken.example/" },
    },
    Harm {
        file: "host-of-callers",
        kind: "rewritten authority",
        shown: "the upstream is asked for a name of the mesh",
        proof: Proof::Asked { url: "http://menus.mesh.internal/", host: "menus.mesh.internal" },
    },
    Harm {
        file: "names-not-verified",
        kind: "server-name",
        shown: "a certificate without the name that was asked for is believed",
        proof: Proof::Believed { url: "http://seals.broken.example/", name: "seals.mesh.internal" },
    },
    Harm {
        file: "identity-without-certificates",
        kind: "identity",
        shown: "403 of the gateway for the caller that the policy names",
        proof: fails("http://badges.broken.example/", 403, GATEWAY, "rbac_access_denied"),
    },
    Harm {
        file: "callers-without-mutual-tls",
        kind: "identity",
        shown: "503 of the caller's sidecar, whose plaintext the gateway resets",
        proof: fails("http://keys.broken.example/", 503, CALLER, "503 UC"),
    },
    Harm {
        file: "callers-without-server-name",
        kind: "identity",
        shown: "503 of the caller's sidecar: the gateway has no server for the name",
        proof: fails("http://doors.broken.example/", 503, CALLER, "503 URX,UF"),
    },
    Harm {
        file: "strict-at-gateway",
        kind: "identity",
        shown: "plaintext to the gateway is answered",
        proof: Proof::NotEnforced { url: "http://fences.broken.example/" },
    },
    Harm {
        file: "envoy-filter-of-sidecars",
        kind: "EnvoyFilter",
        shown: "twenty requests pass where one an hour is to",
        proof: Proof::NotEnforced { url: "http://queues.broken.example/" },
    },
    Harm {
        file: "telemetry-of-another-namespace",
        kind: "Telemetry",
        shown: "the gateway logs as before",
        proof: fails("http://diaries.broken.example/", 200, GATEWAY, "\"GET / HTTP/1.1\" 200"),
    },
    Harm {
        file: "gateway-routes-to-itself",
        kind: "own-service",
        shown: "the gateway sends the request to itself thousands of times, until its headers are too large",
        proof: fails(
            "http://mirrors.broken.example/",
            431,
            GATEWAY,
            "outbound|80||partner-egress.egress.svc.cluster.local",
        ),
    },
    Harm {
        file: "host-of-no-server",
        kind: "dangling",
        shown: "404 of the gateway, which has no routes for its host",
        proof: fails("http://parcels.broken.example/", 404, GATEWAY, "NR route_not_found"),
    },
    Harm {
        file: "port-of-no-server",
        kind: "dangling",
        shown: "404 of the gateway, whose port has no routes",
        proof: fails("http://lanes.broken.example/", 404, GATEWAY, "NR route_not_found"),
    },
    Harm {
        file: "server-name-of-no-host",
        kind: "dangling",
        shown: "istiod's webhook refuses the route",
        proof: Proof::Refused { says: "SNI host" },
    },
    Harm {
        file: "delegate-to-itself",
        kind: "dangling",
        shown: "404 of the gateway, for which the route is left out",
        proof: fails("http://wards.broken.example/", 404, GATEWAY, "NR route_not_found"),
    },
    Harm {
        file: "rule-for-misspelt-host",
        kind: "dangling",
        shown: "plaintext at the port for TLS",
        proof: Proof::Plaintext { url: "http://kettles.broken.example/" },
    },
    Harm {
        file: "exported-to-no-namespace",
        kind: "visibility",
        shown: "503 of the gateway, which has no cluster for the route",
        proof: fails("http://barges.broken.example/", 503, GATEWAY, NO_CLUSTER),
    },
    Harm {
        file: "identity-at-passthrough",
        kind: "identity",
        shown: "the rule that names the caller never matches: the call is reset",
        proof: fails("https://vaults.broken.example/", 0, GATEWAY, "rbac_access_denied"),
    },
    Harm {
        file: "simple-tls-to-mutual-server",
        kind: "identity",
        shown: "503 of the caller's sidecar, which does not believe the gateway",
        proof: fails("http://hinges.broken.example/", 503, CALLER, "CERTIFICATE_VERIFY_FAILED"),
    },
    Harm {
        file: "mutual-tls-through-passthrough",
        kind: "protocol-fit",
        shown: "the upstream is asked for the mesh's mutual TLS, and the call is reset",
        proof: fails("https://gauges.broken.example/", 0, CALLER, "UF"),
    },
    Harm {
        file: "tls-turned-off",
        kind: "protocol-fit",
        shown: "plaintext at the port for TLS",
        proof: Proof::Plaintext { url: "http://lagoons.broken.example/" },
    },
    Harm {
        file: "delegate-of-another-namespace",
        kind: "dangling",
        shown: "404 of the gateway, which has left the route out",
        proof: fails("http://heaths.broken.example/", 404, GATEWAY, "NR route_not_found"),
    },
    Harm {
        file: "delegate-for-other-paths",
        kind: "dangling",
        shown: "404 of the gateway, which has left the route out",
        proof: fails("http://moors.broken.example/api/v2", 404, GATEWAY, "NR route_not_found"),
    },
    // The last: with it the gateways are taken away.
    Harm {
        file: "label-of-two-gateways",
        kind: "gateway label",
        shown: "what the egress gateway refuses, the ingress gateway answers to callers outside",
        proof: Proof::OpenElsewhere {
            refused: "http://cellars.broken.example/",
            outside: "http://cellars.broken.example:8080/",
        },
    },
];

/// Those whose harm another scene shows, and the kind of lint that they are for.
pub const ELSEWHERE: [(&str, &str); 2] = [
    ("waypoint-policy-by-selector", "unenforced-policy: `cluster_waypoints`"),
    ("waypoint-policy-of-another-namespace", "unenforced-policy: `cluster_waypoints`"),
];
