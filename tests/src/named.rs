//! A second pod of a gate: an Envoy with the files of `sallyport run` that names, keeps and drops its statistics as
//! Istio's do. It can be given what `sallyport run` would never give: a configuration that is refused, or Istio's
//! substitute.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::envoys::Envoy;
use crate::gate::{Gate, ask_admin};
use crate::process::{Program, Scratch, Stdout};

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(30);
/// The filter's name in a mesh, since Istio 1.30.
const PLUGIN: &str = "extensions.istio.io/trafficextension/egress-httpbin.httpbin~istio-translated-wasmplugin";
const RBAC: &str = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC";
const LISTENER: &str = "0.0.0.0_8443";
/// What a gateway's pods keep beside what Istio always keeps: prefixes, suffixes, regular expressions.
pub const KEPT: [&[&str]; 3] = [
    &["extension_config_discovery"],
    &["wasm-default-deny.denied"],
    &[
        r"cluster\.outbound\|.*\|(httpbin\.org);?\.upstream_rq_[1-5]xx",
        r"cluster\.outbound\|.*\|(httpbin\.org);?\.ssl\.(fail_verify_(error|san|cert_hash)|certificate\..*)",
    ],
];

/// A running Envoy.
#[derive(Debug)]
pub struct Named {
    listener: SocketAddr,
    admin: SocketAddr,
    discovery: PathBuf,
    program: Program,
}

impl Named {
    /// Starts it beside a gate, whose files it copies, and waits until it listens.
    pub fn start(scratch: &Scratch, envoy: &Envoy, gate: &Gate) -> Result<Self> {
        Self::start_with(scratch, envoy, gate, |_| {})
    }

    /// Starts it with another connection manager, as an EnvoyFilter would make it.
    pub fn start_with(scratch: &Scratch, envoy: &Envoy, gate: &Gate, patch: impl Fn(&mut Value)) -> Result<Self> {
        let (folder, own) = (gate.folder()?, scratch.folder("named")?);
        let moved = |text: String| {
            let xds = |folder: &PathBuf| folder.join("xds").display().to_string();
            text.replace(&xds(&folder), &xds(&own))
        };
        for kind in ["cds", "lds", "ecds"] {
            fs::create_dir_all(own.join("xds").join(kind))?;
            let file = format!("xds/{kind}/{kind}.json");
            let mut resources: Value = serde_json::from_str(&moved(fs::read_to_string(folder.join(&file))?))?;
            for resource in resources["resources"].as_array_mut().context("no resources")? {
                rename(resource, kind)?;
            }
            if kind == "lds" {
                patch(manager(&mut resources["resources"][0]));
            }
            fs::write(own.join(&file), resources.to_string())?;
        }
        let mut bootstrap: Value = serde_json::from_str(&moved(fs::read_to_string(folder.join("bootstrap.json"))?))?;
        bootstrap["stats_config"] = stats_config();
        fs::write(own.join("bootstrap.json"), bootstrap.to_string())?;

        let admin_file = own.join("admin");
        let mut command = Command::new(&envoy.path);
        command.arg("--config-path").arg(own.join("bootstrap.json")).arg("--admin-address-path").arg(&admin_file);
        command.args(["--concurrency", "1", "--log-level", "warning", "--disable-hot-restart"]);
        let mut program = Program::start("named", scratch.path(), &mut command, Stdout::Log)?;
        let deadline = Instant::now() + PATIENCE;
        let (listener, admin) = loop {
            let admin = fs::read_to_string(&admin_file).ok().and_then(|text| text.trim().parse().ok());
            if let Some(found) = admin.and_then(|admin| Some((listener(admin)?, admin))) {
                break found;
            }
            program.check_running()?;
            ensure!(Instant::now() < deadline, "Envoy does not listen:\n{}", program.log());
            thread::sleep(Duration::from_millis(20));
        };
        Ok(Self { listener, admin, discovery: own.join("xds"), program })
    }

    /// Where callers connect to.
    #[must_use]
    pub fn listener(&self) -> SocketAddr {
        self.listener
    }

    /// Envoy's admin interface.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// What Envoy has written.
    #[must_use]
    pub fn log(&self) -> String {
        self.program.log()
    }

    /// Gives it another resource of a kind (`cds`, `lds`, `ecds`), as istiod would.
    pub fn change(&self, kind: &str, change: impl FnOnce(&str) -> String) -> Result<()> {
        let file = self.discovery.join(kind).join(format!("{kind}.json"));
        let beside = file.with_extension("new");
        let text = change(&fs::read_to_string(&file)?);
        fs::write(&beside, text)?;
        fs::rename(&beside, &file)?;
        Ok(())
    }

    /// Puts there what Istio's agent puts in the place of a filter that it cannot have (`pkg/wasm/convert.go`).
    pub fn substitute(&self) -> Result<()> {
        let deny = json!({"@type": RBAC, "rules": {}, "rules_stat_prefix": "wasm-default-deny"});
        let resource = json!({
            "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
            "name": PLUGIN,
            "typed_config": deny,
        });
        self.change("ecds", |_| json!({"version_info": "substitute", "resources": [resource]}).to_string())
    }
}

/// Where the listener is, once it is.
fn listener(admin: SocketAddr) -> Option<SocketAddr> {
    let told = ask_admin(admin, "/listeners").ok()?;
    let prefix = format!("{LISTENER}::");
    told.lines().find_map(|line| line.strip_prefix(&prefix))?.parse().ok()
}

fn manager(listener: &mut Value) -> &mut Value {
    &mut listener["filter_chains"][0]["filters"][0]["typed_config"]
}

/// Gives a resource the names that istiod gives.
fn rename(resource: &mut Value, kind: &str) -> Result<()> {
    match kind {
        "cds" => resource["alt_stat_name"] = json!(format!("{};", resource["name"].as_str().context("no name")?)),
        "ecds" => resource["name"] = json!(PLUGIN),
        _ => {
            resource["name"] = json!(LISTENER);
            resource["address"]["socket_address"]["port_value"] = json!(0);
            let manager = manager(resource);
            manager["stat_prefix"] = json!(format!("outbound_{LISTENER};"));
            let filters = manager["http_filters"].as_array_mut().context("no filters")?;
            let ours = filters.iter_mut().find(|filter| filter.get("config_discovery").is_some());
            let ours = ours.context("no filter is discovered")?;
            ours["name"] = json!(PLUGIN);
            ours["config_discovery"]["type_urls"].as_array_mut().context("no types")?.push(json!(RBAC));
        }
    }
    Ok(())
}

/// From Istio's `envoy_bootstrap.json` and `pkg/bootstrap/config.go`, as far as a gateway has such statistics.
fn stats_config() -> Value {
    const TAGS: [(&str, &str); 5] = [
        ("cluster_name", r"^cluster(\.(.+);)"),
        ("http_conn_manager_prefix", r"^http\.(((?:[_.[:digit:]\w]*|[_\[\]aAbBcCdDeEfF[:digit:]\w\:]*));\.)"),
        ("response_code", r"_rq(_(\d{3}))$"),
        ("response_code_class", r"_rq(_(\dxx))$"),
        ("authz_enforce_result", r"rbac(\.(allowed|denied))"),
    ];
    const ALWAYS: [&[&str]; 3] = [
        &[
            "reporter=",
            "cluster_manager",
            "listener_manager",
            "server",
            "cluster.xds-grpc",
            "wasm",
            "component",
            "istio",
        ],
        &["rbac.allowed", "rbac.denied", "shadow_allowed", "shadow_denied", "downstream_cx_active"],
        &[r"vhost\..*\.route\..*"],
    ];
    let patterns =
        ALWAYS.iter().zip(KEPT).zip(["prefix", "suffix", "safe_regex"]).flat_map(|((always, kept), kind)| {
            always.iter().chain(kept).map(move |text| match kind {
                "safe_regex" => json!({kind: {"regex": text}}),
                _ => json!({kind: text}),
            })
        });
    json!({
        "use_all_default_tags": false,
        "stats_tags": TAGS.map(|(name, regex)| json!({"tag_name": name, "regex": regex})),
        "stats_matcher": {"inclusion_list": {"patterns": patterns.collect::<Vec<_>>()}},
    })
}
