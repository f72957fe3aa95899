//! From the objects of a gateway to what Envoy gets, as istiod would make it.
//!
//! [`serve`] translates what [`build`](crate::build()) emits, patches included, so nothing that the file says is decided a
//! second time. The result is in istiod's form: a listener asks for its routes, certificates and plugins by name.
//! [`Served::on`] then changes what differs on a machine that is no pod, and that is all that `sallyport run` adds.
//!
//! # Design
//! The translation follows istiod 1.31 field by field (`pilot/pkg/networking/core`), for a gateway whose mesh has the
//! default configuration. Each object is read through a [`View`](view::View), which notes what was read. What an object
//! says and nobody read is in [`Served::not_served`]: a patch can write any field, and one that has no effect must not be
//! taken for one that has.
//!
//! Objects for other proxies (the callers' sidecars, the ingress gateway) and for Kubernetes (pods, accounts, scaling) are
//! not for this Envoy. They are ignored, unless a patch changed one.

mod access_log;
mod authn;
mod authz;
mod cluster;
mod collection;
mod envoy_filter;
mod headers;
mod http_route;
mod listener;
mod matching;
mod plugin;
mod proxy;
mod retry;
mod route;
mod route_config;
mod server;
mod service;
mod surroundings;
mod tls;
mod traffic;
mod view;

use serde_json::{Value, json};

use crate::emit::emit;
use crate::error::BuildError;
use crate::kind::mesh;
use crate::message::typed;
use crate::names::check_standbys;
use crate::plan::Plan;
use crate::secrets::{self, FromSecret, SecretFolder};
use collection::Collection;
use envoy_filter::Resources;
use listener::Chain;
use view::Seen;

pub use surroundings::{CertificateFiles, HostPort, Surroundings};

/// What Envoy gets for one gateway. Every resource is a message of Envoy's API as JSON, with its type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Served {
    /// Listeners, one per port of the pods.
    pub listeners: Vec<Value>,
    /// Route configurations, which listeners refer to by name.
    pub routes: Vec<Value>,
    /// Clusters.
    pub clusters: Vec<Value>,
    /// The addresses of the clusters that have no others (`ClusterLoadAssignment`).
    pub endpoints: Vec<Value>,
    /// Plugins, which listeners refer to by name (`TypedExtensionConfig`).
    pub extensions: Vec<Value>,
    /// The variables of the proxy that are from Secrets.
    pub variables: Vec<FromSecret>,
    /// The folders of the proxy that are from Secrets.
    pub folders: Vec<SecretFolder>,
    /// What the objects say and nothing here does: `Kind/name: field`.
    pub not_served: Vec<String>,
}

/// Translates the objects of one gateway.
///
/// `others` has the plans of the same set of Egresses, as [`plans`](crate::plans) makes them: routes to a standby need the
/// standby's objects.
///
/// # Errors
/// The same as [`build`](crate::build()) has for this gateway.
pub fn serve(plan: &Plan<'_>, others: &[Plan<'_>]) -> Result<Served, Vec<BuildError>> {
    let missing = check_standbys(plan);
    if !missing.is_empty() {
        return Err(missing);
    }
    let emitted = emit(plan, false, None)?;
    let mut values: Vec<Value> = emitted.objects.into_iter().map(|(_, value)| value).collect();
    for standby in &plan.standbys {
        if let Some(other) = others.iter().find(|other| other.egress.route() == standby.route()) {
            let emitted = emit(other, false, None)?.objects.into_iter().map(|(_, value)| value);
            values.extend(emitted.filter(|value| collection::is_upstream(value, other)));
        }
    }
    let installer = emitted.installer.map(|(_, value)| value);
    let seen = Seen::default();
    let (settings, mut not_served) = proxy::settings(values.iter().chain(&installer));
    let mut collection = Collection::new(plan, &values, installer.as_ref(), &seen);
    let config = mesh::mesh_config(plan.mesh, std::slice::from_ref(plan));
    let providers = config.get("extensionProviders").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut clusters: Vec<Value> = collection.clusters();
    let (jwt, of_keys) = authn::filter(&collection.authentications).unzip();
    clusters.extend(of_keys.into_iter().flatten());
    collection.plugins.sort_by(|one, other| one.resource.cmp(&other.resource));
    access_log::without_tracer(&collection.telemetries);
    let chain = Chain {
        settings: &settings,
        access_log: access_log::access_logs(&collection.telemetries, &providers),
        external: authz::filters(&collection.policies, &providers),
        jwt,
        plugins: &collection.plugins,
    };
    let mut listeners = listener::listeners(&collection.servers, &chain);
    for (label, filter) in &collection.filters {
        let mut resources = Resources { listeners: &mut listeners, clusters: &mut clusters };
        let unserved = envoy_filter::apply(*filter, &mut resources);
        not_served.extend(unserved.into_iter().map(|path| format!("{label}: {path}")));
    }
    let routes = collection.route_configs(&settings);
    let endpoints = collection.endpoints();
    let extensions = collection.plugins.iter().map(|plugin| {
        let config = json!({"name": plugin.resource, "typed_config": plugin.config});
        typed("envoy.config.core.v3.TypedExtensionConfig", config)
    });
    let extensions = extensions.collect();
    if access_log::reports_spans(&collection.telemetries) {
        not_served.push(format!("Telemetry/{}: spec.tracing", plan.gateway_name()));
    }
    not_served.extend(collection.unread(plan.mesh.patches.iter().chain(&plan.egress.spec.patches)));
    let (variables, folders) = (secrets::variables(plan), secrets::folders(plan));
    Ok(Served { listeners, routes, clusters, endpoints, extensions, variables, folders, not_served })
}
