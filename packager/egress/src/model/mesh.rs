//! `kind: Mesh`: what all gateways share.

use super::deploy::FilterImage;
use super::{API_VERSION_TEXT, kind_text};
use crate::value::names::DnsLabel;
use sallyport_core::wire::{Shape, TextKind};
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
    }
    instead {
        "version" => "write `istioVersion`",
        "image" => "write it in `filter.image`",
        "digest" => "write it in `filter.digest`",
    }
}

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
    /// The format of the access log.
    pub enum AccessLog {
        /// Istio's text format, from the provider that every mesh has.
        "text" Text,
        /// One JSON object per line, from a provider that is part of the emitted mesh configuration.
        "json" Json,
    }
}
