//! A container's environment, as its spec has it: what is written, and what refers to the pod and to Secrets.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::kubectl::Kubectl;
use super::pod::{INSIDE, list, strings, text};

/// The variables; an error, and no container, while a Secret is not there. What refers to resources is left out.
pub fn environment(
    spec: &Value,
    object: &Value,
    address: Ipv4Addr,
    kubectl: &Kubectl,
) -> Result<BTreeMap<String, String>> {
    let mut environment = BTreeMap::new();
    for variable in list(spec, "/env") {
        let Some(name) = variable["name"].as_str() else { continue };
        let field = variable.pointer("/valueFrom/fieldRef/fieldPath").and_then(Value::as_str);
        let value = match (field, variable.pointer("/valueFrom/secretKeyRef")) {
            (Some("status.podIP"), _) => Some(address.to_string()),
            (Some(path), _) => field_of(object, path),
            (None, Some(reference)) => secret_of(reference, object, kubectl)?,
            (None, None) => variable["value"].as_str().map(str::to_owned),
        };
        if let Some(value) = value {
            environment.insert(name.to_owned(), value);
        }
    }
    if strings(spec, "/args").first().is_some_and(|first| first == "proxy") {
        let settings = environment.entry("PROXY_CONFIG".to_owned()).or_default();
        let mut proxy: Value = serde_json::from_str(settings).unwrap_or_else(|_| json!({}));
        proxy["binaryPath"] = json!(format!("{INSIDE}/envoy/envoy"));
        proxy["discoveryAddress"] = json!("istiod.istio-system.svc:15012");
        proxy["concurrency"] = json!(1);
        *settings = proxy.to_string();
    }
    Ok(environment)
}

/// A key of a Secret of the pod's namespace; none, if it is not there and need not be.
fn secret_of(reference: &Value, object: &Value, kubectl: &Kubectl) -> Result<Option<String>> {
    let (name, key) = (text(reference, "/name")?, text(reference, "/key")?);
    let read = || -> Result<String> {
        let secret = kubectl.get(&["secret", name, "-n", text(object, "/metadata/namespace")?])?;
        let encoded = secret["data"][key].as_str().with_context(|| format!("no key {key} in the Secret {name}"))?;
        Ok(String::from_utf8(STANDARD.decode(encoded)?)?)
    };
    match read() {
        Err(_) if reference["optional"] == true => Ok(None),
        found => found.map(Some),
    }
}

/// `metadata.name`, `metadata.labels['app']`.
fn field_of(object: &Value, path: &str) -> Option<String> {
    let pointer = match path.split_once("['") {
        Some((map, key)) => {
            let key = key.trim_end_matches("']").replace('~', "~0").replace('/', "~1");
            format!("/{}/{key}", map.replace('.', "/"))
        }
        None => format!("/{}", path.replace('.', "/")),
    };
    object.pointer(&pointer)?.as_str().map(str::to_owned)
}
