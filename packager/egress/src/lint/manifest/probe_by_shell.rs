//! A gateway's probe needs a shell or a program that its image does not have.
//!
//! Istio's distroless images have neither `sh` nor `curl`. The probe fails in every replica from the
//! start, and the gateway never gets a request.
//!
//! Bad:
//!
//! ```yaml
//! kind: Deployment
//! metadata: {name: httpbin-egress, namespace: egress}
//! spec:
//!   template:
//!     spec:
//!       containers:
//!       - name: istio-proxy
//!         readinessProbe: {exec: {command: [sh, -c, "curl localhost:15021/healthz/ready"]}}
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: Deployment
//! metadata: {name: httpbin-egress, namespace: egress}
//! spec:
//!   template:
//!     spec:
//!       containers:
//!       - name: istio-proxy
//!         readinessProbe: {httpGet: {path: /healthz/ready, port: 15021}}
//! ```
//!
//! Fix: Remove the probe: Istio's own probe asks Envoy on port 15021. Do not make readiness depend on
//! the upstream.

use crate::code::Code;
use crate::import::Kind;
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use crate::yaml::tree::Node;

pub(super) const LINT: Lint = Lint { code: Code::ProbeByShell, run, source: include_str!("probe_by_shell.rs") };

const PROBES: [&str; 3] = ["readinessProbe", "livenessProbe", "startupProbe"];
const PROGRAMS: [&str; 6] = ["sh", "bash", "ash", "dash", "curl", "wget"];

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pods in input.set.of(Kind::Deployment).chain(input.set.of(Kind::IstioOperator)) {
        for command in commands(pods.spec()) {
            let Some(program) = command.items().first() else { continue };
            let name = program.text().unwrap_or_default();
            if PROGRAMS.contains(&name.rsplit('/').next().unwrap_or(name)) {
                let message = format!("the probe runs {}, which distroless images do not have", quoted(name));
                let help = "remove the probe: Istio's own probe asks Envoy on port 15021";
                findings.push(finding(pods.file, program, message, help));
            }
        }
    }
    findings
}

/// The commands of all probes, in containers and in an IstioOperator's overlays.
pub(super) fn commands(spec: &Node) -> impl Iterator<Item = &Node> {
    let written = spec.descendants().flat_map(|node| PROBES.iter().filter_map(|probe| node.get(probe)));
    let patched = spec.descendants().filter_map(|node| {
        let path = node.text_at(&["path"])?;
        PROBES.iter().any(|probe| path.ends_with(probe)).then(|| node.get("value"))?
    });
    written.chain(patched).filter_map(|probe| probe.descend(&["exec", "command"]))
}
