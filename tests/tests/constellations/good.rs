//! What works, and what it promises.

/// A constellation, and the call that it promises.
pub struct Good {
    pub file: &'static str,
    pub from: Caller,
    pub url: &'static str,
    /// Of curl, beside the URL.
    pub arguments: &'static [&'static str],
    pub arrives: Arrives,
    /// The pod of a gateway (`NAMESPACE/NAME...`) that passes it on.
    pub through: Option<&'static str>,
}

#[derive(Clone, Copy)]
pub enum Caller {
    /// `shop/orders`, which has a sidecar.
    Orders,
    /// Outside the mesh, at the gateway `edge/front-door`.
    Outside,
}

/// What is seen of the call where it ends.
#[derive(Clone, Copy)]
pub enum Arrives {
    /// In plaintext, at an upstream that is asked for this `Host`.
    Plain(&'static str),
    /// In TLS, with this server name.
    Tls(&'static str),
    /// At a service of the mesh.
    Inside,
}

use self::Arrives::{Inside, Plain, Tls};
use self::Caller::{Orders, Outside};

const GATEWAY: Option<&str> = Some("egress/partner-egress");
const FRONT_DOOR: Option<&str> = Some("edge/front-door");
/// Signed with the key of `jwt-at-ingress.yaml`, until the year 2100.
const TOKEN: &str = "authorization: Bearer eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InZpc2l0b3JzIn0.eyJpc3MiOiJodHRwczovL3Zpc2l0b3JzLmV4YW1wbGUuY29tIiwic3ViIjoidmlzaXRvciIsImV4cCI6NDEwMjQ0NDgwMH0.Engv-Y30JFpSHnFveOQltcpGHj028Vwbdj6mb-heHuETZ_afnEkXF4i4lWjwkidNxrJpubkuTtgTr-LYLViN7g";

/// What a caller with a sidecar asks for.
const fn call(file: &'static str, url: &'static str, arrives: Arrives, through: Option<&'static str>) -> Good {
    Good { file, from: Orders, url, arguments: &[], arrives, through }
}

pub const SERVED: [Good; 34] = [
    call("http-through-gateway", "http://weather.partner.example/", Plain("weather.partner.example"), GATEWAY),
    call("tls-origination-at-gateway", "http://rates.partner.example/", Tls("rates.partner.example"), GATEWAY),
    call("mutual-hop-and-tls-origination", "http://ledger.mesh.internal/", Tls("ledger.partner.example"), GATEWAY),
    call("gateway-by-istios-label", "http://gardens.partner.example/", Plain("gardens.partner.example"), GATEWAY),
    call("server-name-by-rewritten-host", "http://charts.mesh.internal/", Tls("charts.partner.example"), GATEWAY),
    call("tls-origination-at-sidecar", "http://catalogue.partner.example/", Tls("catalogue.partner.example"), None),
    call("mutual-tls-at-gateway", "http://clearing.partner.example/", Tls("clearing.partner.example"), GATEWAY),
    call("mutual-tls-at-sidecar", "http://vault.partner.example/", Tls("vault.partner.example"), None),
    call("sni-passthrough", "https://scans.partner.example/", Tls("scans.partner.example"), GATEWAY),
    call("wildcard-to-one-server", "https://de.almanac.example/", Tls("de.almanac.example"), GATEWAY),
    call("wildcard-from-sidecar", "https://old.archive.example/", Tls("old.archive.example"), None),
    call("wildcard-dynamic-dns", "https://one.vendor.example/", Tls("one.vendor.example"), None),
    call("wildcard-dynamic-dns-at-gateway", "http://one.tenant.example/", Tls("one.tenant.example"), GATEWAY),
    call(
        "tcp-through-gateway",
        "http://mainframe.partner.example:9000/",
        Plain("mainframe.partner.example:9000"),
        GATEWAY,
    ),
    call("gateway-of-another-namespace", "http://parcels.partner.example/", Plain("parcels.partner.example"), GATEWAY),
    call("several-ports", "http://maps.partner.example/", Plain("maps.partner.example"), GATEWAY),
    call("several-ports", "https://maps.partner.example/", Tls("maps.partner.example"), GATEWAY),
    call("target-port", "http://reports.partner.example/", Tls("reports.partner.example"), GATEWAY),
    call("canary-of-own-service", "http://basket.shop.svc.cluster.local:8000/", Inside, None),
    Good {
        file: "own-service-at-ingress",
        from: Outside,
        url: "http://any.example.com:8080/",
        arguments: &[],
        arrives: Inside,
        through: FRONT_DOOR,
    },
    Good {
        file: "jwt-at-ingress",
        from: Outside,
        url: "http://account.example.com:8080/",
        arguments: &["-H", TOKEN],
        arrives: Inside,
        through: FRONT_DOOR,
    },
    call("external-by-virtual-service", "http://quotes.partner.example/", Plain("quotes.partner.example"), None),
    call("entry-for-one-namespace", "https://stamps.partner.example/", Tls("stamps.partner.example"), None),
    call("entry-for-named-namespaces", "https://tax.partner.example/", Tls("tax.partner.example"), GATEWAY),
    call("custom-authorization", "http://payroll.mesh.internal/salaries/me", Plain("payroll.partner.example"), GATEWAY),
    call("envoy-filter-at-gateway", "http://translate.partner.example/", Plain("translate.partner.example"), GATEWAY),
    call("telemetry-at-gateway", "http://coupons.partner.example/", Plain("coupons.partner.example"), GATEWAY),
    call("sidecar-egress-hosts", "http://alerts.partner.example/", Plain("alerts.partner.example"), GATEWAY),
    call(
        "gateway-api-egress",
        "http://news.partner.example/",
        Plain("news.partner.example"),
        Some("egress/news-egress-istio"),
    ),
    call(
        "gateway-api-passthrough",
        "https://forms.partner.example/",
        Tls("forms.partner.example"),
        Some("egress/forms-egress-istio"),
    ),
    call("delegated-routes", "http://files.partner.example/public/v2/a", Plain("files.partner.example"), GATEWAY),
    call(
        "external-name-service",
        "http://library.shop.svc.cluster.local/",
        Plain("library.shop.svc.cluster.local"),
        None,
    ),
    call("strict-mesh-and-principals", "http://bank.mesh.internal/accounts/1", Tls("bank.partner.example"), GATEWAY),
    call("policy-by-sni", "https://permits.partner.example/", Tls("permits.partner.example"), GATEWAY),
];

/// Those that are only admitted here, and why.
pub const ADMITTED: [(&str, &str); 9] = [
    ("own-service-in-mesh-and-at-ingress", "its service is not beside it; the canary's is"),
    ("ambient-waypoint", "there is no ztunnel; `cluster_waypoints` sees what istiod gives the waypoint"),
    ("faults-and-mirror", "it promises what the canary does, and a delay"),
    ("mutual-tls-from-files", "the pods here mount nothing outside of /var/lib"),
    ("plugin-at-gateway", "its module is nowhere; other scenes serve the filter"),
    ("static-addresses", "its addresses are the documentation's"),
    ("telemetry-of-metrics", "a stock Envoy has not Istio's filter for metrics, and refuses the listener with it"),
    ("tunnel-through-forward-proxy", "there is no forward proxy"),
    ("virtual-machines", "its address is the documentation's"),
];
