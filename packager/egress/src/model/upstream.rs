//! `spec.upstream`: where the gateway sends what it lets through.

use crate::value::authority::Authority;
use crate::value::file_path::{FilePath, FileSource};
use crate::value::host::{Host, ServerName, SubjectAltName};
use crate::value::locality::Locality;
use sallyport_core::wire::{Scheme, Shape};
use sallyport_core::{record, words};
use std::collections::BTreeSet;

const PORT: Shape = Shape::Whole { least: 1, most: 65535 };

/// What to do about an upstream that does not speak HTTP.
pub(crate) const NOT_HTTP: &str = "a gateway passes HTTP only: for another protocol write Istio's own ServiceEntry with \
     `protocol: TCP` or `protocol: TLS`, and no Egress";

/// For what Istio's DestinationRule has, and an Egress has not.
pub(super) const BY_PATCH: &str = "leave it out, or change the DestinationRule by `patches` of the Egress";
const VERIFIED: &str = "leave it out: the upstream is always verified; write `caCertificates` for a private authority";
const FROM_SECRET: &str = "write `mode: MUTUAL`, `clientCertificate: /etc/sallyport/upstream/tls.crt` and `privateKey: /etc/sallyport/upstream/tls.key`, or with `mode: SIMPLE` only `caCertificates: /etc/sallyport/upstream/ca.crt`: the gateway's pods mount the Secret `NAME-upstream-tls` there";
/// For what Istio has for a whole mesh.
const OF_TLS_DEFAULTS: &str =
    "leave it out: Istio has it for the whole mesh, in `meshConfig.tlsDefaults`, and Sallyport has no such field";

record! {
    /// `spec.upstream`.
    pub struct Upstream = "upstream" {
        /// The upstream's DNS name or IP address, or with `endpoints` any name: no scheme, no port. It is the name that the
        /// upstream expects in `Host` and has in its certificate, unless `authority` and `tls` say otherwise; with
        /// `endpoints` it need not be in DNS.
        "host" host: Host = required,
        /// The upstream's port.
        "port" port: u16 as (PORT) = required,
        /// How the connection to the upstream is secured.
        "tls" tls: UpstreamTls = default(UpstreamTls::default(), "TLS, verified"),
        /// The version of HTTP that the upstream is called with, whatever version callers use. gRPC needs `http2`,
        /// WebSockets need `http1`.
        "protocol" protocol: HttpVersion = default(HttpVersion::Http1),
        /// The `Host` of the requests that the upstream gets: `HOST` or `HOST:PORT`.
        "authority" authority: Option<Authority> = default(None, "`host`, with the port if it is not the usual one"),
        /// The upstream's addresses, if they are not those of `host` in DNS, or if `host` is not in DNS.
        "endpoints" endpoints: Vec<Endpoint> = default(Vec::new(), "`host`, as DNS resolves it"),
    }
    instead {
        "url" => "write `host` and `port`",
        "address" => "write `host` and `port`",
        "hostname" => "write `host`",
        "addresses" => "write `endpoints: [{address: ...}]`",
        "hostHeader" => "write `authority`",
        "scheme" => "write `tls: {mode: SIMPLE}` for https, `tls: {mode: NONE}` for http",
        "httpVersion" => "write `protocol`",
        "h2UpgradePolicy" => "write `protocol: http2` or `protocol: http1`",
        "ports" => "write `port`, and further ports in `ports` of the Egress",
        "resolution" => "leave it out: `host` is resolved by DNS, and `endpoints` are addresses or names",
        "location" => "leave it out: an upstream is outside the mesh",
        "weight" => "write it in `endpoints: [{address: ..., weight: ...}]`",
        "loadBalancer" => BY_PATCH,
        "lbPolicy" => BY_PATCH,
        "keepalive" => BY_PATCH,
        "tcpKeepalive" => BY_PATCH,
        "proxyProtocol" => BY_PATCH,
        "http2" => "write `protocol: http2`",
        "h2" => "write `protocol: http2`",
        "grpc" => "write `protocol: http2`",
        "ssl" => "write `tls`",
        "targetPort" => "write `port`",
        "servers" => "write `host`, and its addresses in `endpoints: [{address: ...}]`",
        "backends" => "write `host`, and its addresses in `endpoints: [{address: ...}]`",
        "service" => "write `host`: the name that the upstream has in DNS",
        "namespace" => "leave it out: `host` is the name that the upstream has in DNS",
        "cluster" => "leave it out: `sallyport build` names Envoy's cluster",
        "path" => "write `route: {paths: [{path: ..., rewrite: ...}]}` in the Egress",
        "healthCheck" => "write `health: {probe: {path: ...}}` in the Egress",
        "healthChecks" => "write `health: {probe: {path: ...}}` in the Egress",
        "circuitBreaker" => "write `route.connectionPool`, or `health` of the Egress",
        "circuitBreakers" => "write `route.connectionPool`, or `health` of the Egress",
        "verify" => "leave it out: the upstream is always verified; write `tls.caCertificates` for a private authority",
        "trafficPolicy" => "write `tls`, and the rest in `route` of the Egress",
        "connectionPool" => "write it in `route` of the Egress",
        "outlierDetection" => "write it in `route` of the Egress",
        "timeout" => "write it in `route` of the Egress",
        "proxy_read_timeout" => "write it in `route.timeout` of the Egress",
        "livenessProbe" => "write `health: {probe: {path: ...}}` in the Egress",
        "subsets" => "leave it out: an Egress has one upstream",
        "workloadSelector" => "leave it out: an upstream is outside the mesh",
        "protocol: HTTP" => "write `http1`, or `http2` if the upstream needs HTTP/2",
        "protocol: HTTPS" => "write `http1`, or `http2` if the upstream needs HTTP/2; TLS is on unless `tls.mode` is `NONE`",
        "protocol: HTTP/1.1" => "write `http1`",
        "protocol: HTTP/2" => "write `http2`",
        "protocol: h2" => "write `http2`",
        "protocol: h2c" => "write `http2`, and `tls: {mode: NONE}`",
        "protocol: GRPC" => "write `http2`",
        "protocol: GRPC-WEB" => "write `http1` or `http2`, whichever the upstream speaks",
        "protocol: TCP" => NOT_HTTP,
        "protocol: TLS" => NOT_HTTP,
        "protocol: UDP" => NOT_HTTP,
        "protocol: MONGO" => NOT_HTTP,
        "protocol: MYSQL" => NOT_HTTP,
        "protocol: REDIS" => NOT_HTTP,
    }
}

words! {
    /// `upstream.protocol`.
    pub enum HttpVersion {
        /// HTTP/1.1.
        "http1" Http1,
        /// HTTP/2: negotiated with ALPN if `tls` is on, with prior knowledge (h2c) if it is off.
        "http2" Http2,
    }
}

record! {
    /// One of `upstream.endpoints`, with the field names of Istio's ServiceEntry.
    pub struct Endpoint = "endpoint" {
        /// An IP address or DNS name of the upstream: no scheme, no port. Either all endpoints have addresses, or all have
        /// names.
        "address" address: Host = required,
        /// The upstream's port at this address.
        "port" port: Option<u16> as (PORT) = default(None, "`upstream.port`"),
        /// Where it is: `REGION`, `REGION/ZONE` or `REGION/ZONE/SUBZONE`.
        "locality" locality: Option<Locality> = optional,
        /// Its share of the requests, relative to the other endpoints.
        "weight" weight: Option<u32> as (Shape::Whole { least: 1, most: 10_000 }) = default(None, "`1`"),
    }
    instead {
        "host" => "write `address`",
        "hostname" => "write `address`",
        "ip" => "write `address`",
        "ports" => "write `port`",
        "network" => "an upstream outside the mesh is in none of the mesh's networks",
    }
}

record! {
    /// How the connection to the upstream is secured, with the field names of Istio's DestinationRule `tls`.
    pub struct UpstreamTls: Default = "tls" {
        /// Whether the connection uses TLS, and which side presents a certificate.
        "mode" mode: TlsMode = default(TlsMode::Simple),
        /// The server name sent to the upstream.
        "sni" sni: Option<ServerName> = default(None, "`upstream.host`"),
        /// The upstream's certificate must have one of these names: DNS names, IP addresses or SPIFFE IDs.
        "subjectAltNames" subject_alt_names: Vec<SubjectAltName> = default(Vec::new(), "the server name"),
        /// The path of a PEM file with the certificate authorities to trust.
        "caCertificates" ca_certificates: Option<FilePath> = default(None, "the system's authorities"),
        /// The path of a PEM file with the gateway's certificate. Needs `mode: MUTUAL`.
        "clientCertificate" client_certificate: Option<FilePath> = optional,
        /// The path of a PEM file with the gateway's private key. Needs `mode: MUTUAL`.
        "privateKey" private_key: Option<FilePath> = optional,
    }
    instead {
        "ca" => "write `caCertificates`",
        "caFile" => "write `caCertificates`",
        "cert" => "write `clientCertificate`",
        "certFile" => "write `clientCertificate`",
        "key" => "write `privateKey`",
        "keyFile" => "write `privateKey`",
        "serverName" => "write `sni`",
        "sans" => "write `subjectAltNames`",
        "credentialName" => FROM_SECRET,
        "secretName" => FROM_SECRET,
        "secret" => FROM_SECRET,
        "enabled" => "write `mode: SIMPLE`, or `mode: NONE` for plaintext",
        "verify" => VERIFIED,
        "insecure" => VERIFIED,
        "skipVerify" => VERIFIED,
        "insecureSkipVerify" => VERIFIED,
        "insecureSkipTLSVerify" => VERIFIED,
        "caCert" => "write `caCertificates`",
        "caBundle" => "write `caCertificates`",
        "caCertificateRefs" => "write the path of the file in `caCertificates`",
        "rootCA" => "write `caCertificates`",
        "trustedCa" => "write `caCertificates`",
        "pinnedCertificate" => "write the upstream's own authority in `caCertificates`",
        "wellKnownCACertificates" => "leave it out: without `caCertificates` the system's authorities are trusted",
        "clientCert" => "write `clientCertificate`",
        "certificate" => "write `clientCertificate`",
        "certChain" => "write `clientCertificate`",
        "clientKey" => "write `privateKey`",
        "hostname" => "write `sni`",
        "subjectAlternativeNames" => "write `subjectAltNames`",
        "minVersion" => OF_TLS_DEFAULTS,
        "minProtocolVersion" => OF_TLS_DEFAULTS,
        "maxProtocolVersion" => OF_TLS_DEFAULTS,
        "cipherSuites" => OF_TLS_DEFAULTS,
        "alpn" => "leave it out: `protocol` of the upstream decides",
        "alpnProtocols" => "leave it out: `protocol` of the upstream decides",
        "mode: DISABLE" => "write `NONE`, which is Istio's `DISABLE`",
        "mode: DISABLED" => "write `NONE`",
        "mode: NO" => "write `NONE`",
        "mode: ON" => "write `SIMPLE`",
        "mode: OFF" => "write `NONE`",
        "mode: PLAINTEXT" => "write `NONE`",
        "mode: false" => "write `NONE`",
        "mode: true" => "write `SIMPLE`",
        "mode: TLS" => "write `SIMPLE`",
        "mode: STRICT" => "write `SIMPLE`: this is the connection to the upstream, outside the mesh",
        "mode: PERMISSIVE" => "write `SIMPLE`, or `NONE` for plaintext",
        "mode: ISTIO_MUTUAL" => "write `SIMPLE`, or `MUTUAL` with a certificate that the upstream trusts: it is outside the mesh",
        "mode: MTLS" => "write `MUTUAL`, and the paths of the gateway's certificate and key in `clientCertificate` and `privateKey`",
        "mode: PASSTHROUGH" => "write `SIMPLE`: the gateway reads each request, so it begins TLS itself",
        "mode: AUTO_PASSTHROUGH" => "write `SIMPLE`: the gateway reads each request, so it begins TLS itself",
        "mode: INSECURE" => "write `SIMPLE`, and the upstream's own authority in `caCertificates`",
    }
}

words! {
    /// `upstream.tls.mode`.
    pub enum TlsMode {
        /// TLS; the upstream presents a certificate.
        "SIMPLE" Simple,
        /// TLS; both sides present a certificate.
        "MUTUAL" Mutual,
        /// Plaintext.
        "NONE" None,
    }
}

impl UpstreamTls {
    /// The files that are named, by their fields.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &FilePath)> {
        let Self { mode: _, sni: _, subject_alt_names: _, ca_certificates, client_certificate, private_key } = self;
        let files = [
            ("caCertificates", ca_certificates),
            ("clientCertificate", client_certificate),
            ("privateKey", private_key),
        ];
        files.into_iter().filter_map(|(field, path)| Some((field, path.as_ref()?)))
    }

    /// The folders at which the gateway's pods mount the Secret with those files.
    #[must_use]
    pub fn mounted_folders(&self) -> BTreeSet<&str> {
        let sources = self.files().map(|(_, path)| path.source());
        sources
            .filter_map(|source| if let FileSource::Mounted(folder) = source { Some(folder) } else { None })
            .collect()
    }
}

impl Upstream {
    /// The scheme of requests to the upstream.
    pub(crate) fn scheme(&self) -> Scheme {
        if self.tls.mode == TlsMode::None { Scheme::Http } else { Scheme::Https }
    }

    /// Where it is, unless its name is resolved: its endpoints, or the address that is its name.
    #[must_use]
    pub fn fixed_endpoints(&self) -> Vec<Endpoint> {
        if self.endpoints.is_empty() && self.host.address().is_some() {
            return vec![Endpoint { address: self.host.clone(), port: None, locality: None, weight: None }];
        }
        self.endpoints.clone()
    }

    /// Fills what follows from other fields: the server name (`None` for an address, which cannot be one), and the names
    /// of which the certificate must have one. Without TLS there are neither.
    pub(crate) fn fill_tls_names(&mut self) {
        let Self { host, tls, port: _, protocol: _, authority: _, endpoints: _ } = self;
        if tls.mode == TlsMode::None {
            return;
        }
        if tls.sni.is_none() {
            tls.sni = ServerName::of_host(host);
        }
        if tls.subject_alt_names.is_empty() {
            let name = tls.sni.as_ref().map_or_else(|| SubjectAltName::of_host(host), SubjectAltName::of_server);
            tls.subject_alt_names.push(name);
        }
    }
}
