//! The hosts that proxies know, and their ports.

use super::scope::Scope;
use crate::import::protocol::Protocol;
use crate::import::view::entry_hosts;
use crate::import::{Kind, Manifest};
use crate::yaml::tree::Node;
use std::sync::Arc;

/// A host of a ServiceEntry or of a Service.
pub(crate) struct Host<'a> {
    pub(crate) manifest: &'a Manifest,
    /// As Istio's routes name it; a Service's is `NAME.NAMESPACE.svc`.
    pub(crate) name: String,
    /// As the file has it; the name of a Service.
    pub(super) written: &'a str,
    pub(crate) scope: Arc<Scope<'a>>,
    pub(crate) ports: Arc<[Port<'a>]>,
}

/// A port of a host.
pub(crate) struct Port<'a> {
    pub(crate) node: &'a Node,
    pub(crate) number: &'a str,
    /// The port of the pods; the number itself if none is written. It may be a name.
    pub(crate) target: &'a str,
    pub(crate) protocol: Protocol,
}

impl<'a> Host<'a> {
    pub(super) fn of(manifest: &'a Manifest) -> Vec<Self> {
        match manifest.kind {
            Kind::ServiceEntry => {
                let (scope, ports) = (Arc::new(Scope::of(manifest)), ports(manifest));
                let host = |written: &'a str| Self {
                    manifest,
                    name: written.to_owned(),
                    written,
                    scope: Arc::clone(&scope),
                    ports: Arc::clone(&ports),
                };
                entry_hosts(manifest).map(host).collect()
            }
            Kind::Service | Kind::KnativeService => {
                let name = manifest.service_host();
                let (written, scope) = (manifest.name.as_str(), Arc::new(Scope::of(manifest)));
                vec![Self { manifest, name, written, scope, ports: ports(manifest) }]
            }
            _ => Vec::new(),
        }
    }

    /// Whether it is a Service's.
    pub(super) fn is_of_service(&self) -> bool {
        self.manifest.kind != Kind::ServiceEntry
    }
}

fn ports(manifest: &Manifest) -> Arc<[Port<'_>]> {
    let listed = manifest.spec().items_at(&["ports"]).iter();
    listed
        .filter_map(|node| {
            let is_service = manifest.kind == Kind::Service;
            let number = node.text_at(&[if is_service { "port" } else { "number" }])?;
            let protocol = match is_service {
                true => node.text_at(&["appProtocol"]).or_else(|| node.text_at(&["name"])?.split('-').next()),
                false => node.text_at(&["protocol"]),
            };
            let target = node.text_at(&["targetPort"]).unwrap_or(number);
            Some(Port { node, number, target, protocol: Protocol::of(protocol.unwrap_or_default()) })
        })
        .collect()
}

/// The namespace in `NAME.NAMESPACE.svc`.
pub(crate) fn service_namespace(host: &str) -> Option<&str> {
    let (_, namespace) = host.strip_suffix(".svc")?.split_once('.')?;
    Some(namespace)
}
