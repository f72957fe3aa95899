//! How long an edit takes to decide, from the moment that the proxy's file, or OPA's, is written.
//!
//! Ours comes as an extension's configuration, as istiod sends it (ECDS); RBAC is a part of its listener (LDS). Each poll
//! has a connection of its own, as Envoy leaves open ones with the listener that they came by.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::measure::{Place, Spread};
use super::opa::Opa;
use super::proxy::{Proxy, bootstrap, callers, empty_bootstrap};
use super::variant::{FEW, Kind, Variant, rego};

/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The number of rules beside [`FEW`].
pub const MANY: usize = 10_000;
/// What is measured.
pub const KINDS: [Kind; 5] = [Kind::Rbac(FEW), Kind::Rbac(MANY), Kind::Opa, Kind::Ours(FEW), Kind::Ours(MANY)];

/// A file that configures something, with what it says when the path is allowed and when it is not.
struct Switch {
    file: PathBuf,
    texts: [String; 2],
}

impl Switch {
    fn new(file: PathBuf, allowing: String) -> Self {
        let refusing = allowing.replace("/ok", "/no");
        Self { file, texts: [allowing, refusing] }
    }

    fn set(&self, allows: bool) -> Result<()> {
        let beside = self.file.with_extension("new");
        fs::write(&beside, &self.texts[usize::from(!allows)])?;
        Ok(fs::rename(&beside, &self.file)?)
    }
}

/// Milliseconds of several edits.
pub fn measure(place: &Place<'_>, variant: &Variant) -> Result<Spread> {
    let folder = place.scratch.folder(&format!("live-{}", variant.kind.slug()))?;
    if variant.kind == Kind::Opa {
        let text = rego(&variant.rules)?;
        let opa = Opa::start(place.scratch, &text)?;
        let upstream = (&variant.clusters[..], place.upstream.address);
        let bootstrap = bootstrap(&variant.manager, place.transport, upstream, Some(opa.address));
        let proxy = Proxy::start(place.scratch, place.envoy, ("live", &bootstrap), 1)?;
        return edits(&Switch::new(opa.policy.clone(), text), proxy.address, place.extent.edits);
    }
    let filters = variant.manager["http_filters"].as_array().context("no filters")?;
    let filter = filters.first().context("no filter")?;
    let listener_file = folder.join("lds.json");
    let mut manager = variant.manager.clone();
    let switch = if matches!(variant.kind, Kind::Ours(_)) {
        let file = folder.join("ecds.json");
        let resource = json!({
            "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
            "name": "decides",
            "typed_config": filter["typed_config"],
        });
        manager["http_filters"][0] = json!({"name": "decides", "config_discovery": {
            "config_source": from_file(&file),
            "type_urls": ["type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"],
        }});
        Switch::new(file, resources(resource))
    } else {
        Switch::new(listener_file.clone(), resources(listener(&manager)))
    };
    switch.set(true)?;
    if switch.file != listener_file {
        fs::write(&listener_file, resources(listener(&manager)))?;
    }
    let mut bootstrap = empty_bootstrap((&variant.clusters, place.upstream.address));
    bootstrap["dynamic_resources"] = json!({"lds_config": from_file(&listener_file)});
    let proxy = Proxy::start(place.scratch, place.envoy, ("live", &bootstrap), 1)?;
    edits(&switch, proxy.address, place.extent.edits)
}

fn listener(manager: &Value) -> Value {
    let mut listener = callers(manager, None);
    listener["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
    listener
}

fn resources(one: Value) -> String {
    json!({"resources": [one]}).to_string()
}

fn from_file(path: &Path) -> Value {
    json!({
        "path_config_source": {"path": path, "watched_directory": {"path": path.parent()}},
        "resource_api_version": "V3",
    })
}

fn edits(switch: &Switch, at: SocketAddr, count: usize) -> Result<Spread> {
    wait(at, true)?;
    let mut taken = Vec::new();
    for edit in 0..count {
        let allows = edit % 2 == 1;
        // What follows the last edit has ended by then.
        thread::sleep(Duration::from_millis(500));
        let start = Instant::now();
        switch.set(allows)?;
        wait(at, allows)?;
        taken.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(Spread::of(taken))
}

/// Asks until it is, or is not, allowed.
fn wait(at: SocketAddr, allowed: bool) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while is_allowed(at)? != allowed {
        ensure!(Instant::now() < deadline, "an edit is not in force after {PATIENCE:?}");
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn is_allowed(at: SocketAddr) -> Result<bool> {
    let mut stream = TcpStream::connect(at)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /ok HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")?;
    // No more than the status: Envoy may take a second to close a connection.
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    Ok(answer.ends_with(b" 200"))
}
