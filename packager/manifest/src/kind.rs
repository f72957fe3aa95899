//! One file per kind of manifest, each with a function from a [`Plan`](crate::Plan) to a JSON value.
//!
//! What several kinds share has a file of its own: [`pod`] and [`security`]. A field whose value is `null` is left out of
//! the manifest, so that an absent setting needs no branch.

pub(crate) mod access_log;
pub(crate) mod autoscaler;
pub(crate) mod deployment;
pub(crate) mod destination_rule;
pub(crate) mod disruption_budget;
pub(crate) mod envoy_filter;
pub(crate) mod gateway;
pub(crate) mod gateway_api;
pub(crate) mod helm_values;
pub(crate) mod istio_operator;
pub(crate) mod mesh;
pub(crate) mod namespace;
pub(crate) mod network_policy;
pub(crate) mod opa;
pub(crate) mod peer_authentication;
pub(crate) mod plugin;
pub(crate) mod pod;
pub(crate) mod request_authentication;
pub(crate) mod security;
pub(crate) mod service;
pub(crate) mod service_account;
pub(crate) mod service_entry;
pub(crate) mod telemetry;
pub(crate) mod virtual_service;
