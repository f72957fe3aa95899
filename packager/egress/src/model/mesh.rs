//! `kind: Mesh`: what all gateways share.

use super::deploy::{Document, FilterImage, Gateway, Patch};
use super::outbound::Tracing;
use super::{API_VERSION_TEXT, kind_text};
use crate::value::host::Host;
use crate::value::labels::Labels;
use crate::value::names::DnsLabel;
use sallyport_core::wire::{Hygiene, Reader, Shape, TextKind};
use sallyport_core::{record, words};

const KIND: TextKind = kind_text("Mesh");

record! {
    /// A Mesh file.
    pub(crate) struct MeshFile = "Mesh" {
        /// The version of this format.
        "apiVersion" api_version: String as (Shape::Text(&API_VERSION_TEXT)) = required,
        /// What all gateways of one mesh share.
        "kind" kind: String as (Shape::Text(&KIND)) = required,
        /// The resource's name.
        "metadata" metadata: MeshMetadata = required,
        /// The mesh.
        "spec" spec: Mesh = required,
    }
}

record! {
    pub(crate) struct MeshMetadata = "metadata" {
        /// The resource's name: 1 to 63 of `a-z`, `0-9` and `-`.
        "name" name: DnsLabel = required,
    }
    instead {
        "namespace" => "leave it out: a Mesh has no namespace",
    }
}

record! {
    /// What all gateways share: the `spec` of a Mesh file.
    pub struct Mesh: Default = "spec" {
        /// The minor version of Istio, in quotes. It decides which resources are emitted.
        "istioVersion" istio_version: IstioVersion = default(IstioVersion::V1_31),
        /// The mesh's trust domain, as in Istio's `meshConfig`.
        "trustDomain" trust_domain: String = default("cluster.local".to_owned()),
        /// Other names of the mesh's own trust domain, as in Istio's `meshConfig`.
        "trustDomainAliases" trust_domain_aliases: Vec<String> = default(Vec::new()),
        /// Where the filter's image is.
        "filter" filter: FilterImage = default(FilterImage::default(), "a placeholder"),
        /// The format of the gateways' access log, which has one line per request.
        "accessLog" access_log: AccessLog = default(AccessLog::Text),
        /// The revision of Istio that the gateways belong to, or a revision tag.
        "revision" revision: Option<DnsLabel> = default(None, "the one that injects by default"),
        /// Where Istio's control plane is.
        "istiod" istiod: Istiod = default(Istiod::default()),
        /// Whether the emitted mesh configuration restricts sidecars to hosts that the mesh knows.
        "outboundTrafficPolicy" outbound_traffic_policy: OutboundTraffic = default(OutboundTraffic::Unchanged),
        /// Whether the emitted mesh configuration lets sidecars answer DNS queries, so that the hosts of Egresses
        /// resolve.
        "dnsCapture" dns_capture: DnsCapture = default(DnsCapture::Auto),
        /// The mesh's own extension providers, as they are in its `meshConfig`. Those that the gateways need are added
        /// to them in the emitted mesh configuration, whose list replaces the mesh's.
        "extensionProviders" extension_providers: Vec<Document> as (Shape::List(&Shape::Fields)) =
            default(Vec::new()),
        /// What all Egresses have that do not say otherwise, field by field.
        "defaults" defaults: Option<Document> as (Shape::Block(&Defaults::BLOCK)) = optional,
        /// Labels of every emitted object and of the gateways' pods.
        "labels" labels: Labels = default(Labels::default(), "none"),
        /// Annotations of every emitted object and of the gateways' pods.
        "annotations" annotations: Labels = default(Labels::default(), "none"),
        /// Changes to the manifests of every gateway, applied before the `patches` of its Egress.
        "patches" patches: Vec<Patch> = default(Vec::new()),
    }
    instead {
        "accessLogFormat" => "write `accessLog: text` or `accessLog: json`",
        "accessLogEncoding" => "write `accessLog: text` or `accessLog: json`",
        "accessLogFile" => "leave it out: the gateways log to standard output",
        "accessLog: true" => "write `text`",
        "accessLog: on" => "write `text`",
        "accessLog: off" => "write `text` or `json`: the gateways always log",
        "accessLog: false" => "write `text` or `json`: the gateways always log",
        "accessLog: none" => "write `text` or `json`: the gateways always log",
        "outboundTrafficPolicy: ALLOW_ANY" => "write `unchanged`",
        "dnsCapture: true" => "write `always`",
        "dnsCapture: on" => "write `always`",
        "dnsCapture: false" => "write `never`",
        "dnsCapture: off" => "write `never`",
        "mtls" => "leave it out: `sallyport build` writes a PeerAuthentication for each gateway",
        "hub" => "write it in `filter.image`; Istio chooses the proxy's image",
        "tag" => "write `filter.digest`; Istio chooses the proxy's image",
        "wasm" => "write `filter`",
        "imagePullSecret" => "write it in `filter.pullSecret`",
        "imagePullSecrets" => "write it in `filter.pullSecret`",
        "egressGateways" => "leave it out: each Egress has a gateway of its own; what all have is `defaults.gateway`",
        "rootNamespace" => "leave it out: the mesh's own objects are written into the namespace of istiod, `istiod.namespace`",
        "clusterDomain" => "leave it out: no manifest names the cluster's domain; the mesh's trust domain is `trustDomain`",
        "defaultConfig" => "leave it out, or change the manifests by `patches`",
        "proxy" => "leave it out, or change the manifests by `patches`",
        "tracer" => "write it in `defaults.tracing.provider`",
        "commonLabels" => "write `labels`",
        "commonAnnotations" => "write `annotations`",
        "upstreams" => "write one Egress file for each",
        "version" => "write `istioVersion`",
        "image" => "write it in `filter.image`",
        "digest" => "write it in `filter.digest`",
        "rev" => "write `revision`",
        "istioNamespace" => "write it in `istiod.namespace`",
        "discoveryAddress" => "write its host in `istiod.address`",
        "dns" => "write `dnsCapture`",
        "meshConfig" => "write `trustDomain`, `outboundTrafficPolicy`, `dnsCapture` or `extensionProviders` here",
    }
}

record! {
    /// `defaults`: what an Egress that does not say otherwise has.
    pub(crate) struct Defaults = "defaults" {
        /// Fields of `gateway`.
        "gateway" gateway: Option<Gateway> = optional,
        /// Fields of `headers`.
        "headers" headers: Option<HeaderDefaults> = optional,
        /// Fields of `tracing`. An Egress with another `mode` takes only `requestId`.
        "tracing" tracing: Option<Tracing> = optional,
    }
}

record! {
    /// `defaults.headers`.
    pub(crate) struct HeaderDefaults = "headers" {
        /// Which headers do not leave the mesh.
        "hygiene" hygiene: Option<Hygiene> = optional,
    }
}

impl Mesh {
    /// `defaults.tracing`, for a check of the Mesh alone: the fields that it has not are the built-in ones.
    pub(crate) fn default_tracing(&self) -> Tracing {
        let written = self.defaults.as_ref().and_then(|defaults| defaults.get("tracing"));
        written.and_then(|tracing| Reader::parse(tracing.to_string().as_bytes()).ok()).unwrap_or_default()
    }
}

record! {
    /// `istiod`: where Istio's control plane is.
    pub struct Istiod: Default = "istiod" {
        /// The namespace of istiod, and of the mesh's configuration.
        "namespace" namespace: DnsLabel = default(DnsLabel::of(ISTIO_NAMESPACE)),
        /// The host name or IP address of an istiod outside the cluster.
        "address" address: Option<Host> = default(None, "the pods labelled `app: istiod` in `namespace`"),
        /// The port at which istiod serves its proxies.
        "port" port: u16 as (Shape::Whole { least: 1, most: 65535 }) = default(15012),
    }
}

/// How the names of the extension providers begin that `sallyport build` adds.
pub const OWN_PROVIDERS: &str = "sallyport-";

/// Where Istio is installed unless something else is said.
pub const ISTIO_NAMESPACE: &str = "istio-system";

words! {
    /// The minor versions of Istio that manifests can be written for, in order.
    pub enum IstioVersion {
        /// The filter is a WasmPlugin.
        "1.29" V1_29,
        /// The filter is a TrafficExtension.
        "1.30" V1_30,
        /// The filter is a TrafficExtension.
        "1.31" V1_31,
    }
}

words! {
    /// `outboundTrafficPolicy`, which holds for the whole mesh.
    pub enum OutboundTraffic {
        /// The mesh keeps its setting.
        "unchanged" Unchanged,
        /// Sidecars reach only hosts that the mesh knows (`REGISTRY_ONLY`). Calls of any service to other hosts fail.
        "registry-only" RegistryOnly,
    }
}

words! {
    /// `dnsCapture`, which holds for the whole mesh.
    pub enum DnsCapture {
        /// On if the host of some Egress needs it: it is not the name of a Service, and either it is not its upstream's own
        /// name or the upstream has `endpoints`, with which that name need not be in DNS.
        "auto" Auto,
        /// Sidecars that start from then on answer the DNS queries of their pods (`ISTIO_META_DNS_CAPTURE`).
        "always" Always,
        /// The mesh keeps its setting.
        "never" Never,
    }
}

words! {
    /// The format of the access log.
    pub enum AccessLog {
        /// Istio's text format, from the provider that every mesh has.
        "text" Text,
        /// One JSON object per line, from a provider that is part of the emitted mesh configuration.
        "json" Json,
    }
}
