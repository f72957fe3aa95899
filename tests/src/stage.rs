//! What most tests need: an upstream of our own, and the gate in front of it.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::certs::Authority;
use crate::client::{Caller, Request};
use crate::echo::{Echo, Received};
use crate::envoys::Envoy;
use crate::faulty::Faulty;
use crate::gate::{Gate, Options};
use crate::process::Scratch;

/// The upstream's name, to which its certificate is made out.
pub const UPSTREAM: &str = "httpbin.org";

/// The callers that every stage has, as `NAMESPACE/ACCOUNT`; `sleep` and `writer` share a namespace, `stranger` has another, and
/// `ingressgateway` is made a trusted forwarder by the files that say so.
pub const CALLERS: [&str; 4] = ["httpbin/sleep", "httpbin/writer", "other/stranger", "istio-system/ingressgateway"];

/// A gate, and an upstream that keeps what reaches it.
#[derive(Debug)]
pub struct Stage {
    /// The gate.
    pub gate: Gate,
    /// What stands behind it.
    pub echo: Echo,
    /// Who signed the upstream's certificate.
    pub authority: Authority,
    /// The authority's certificate.
    pub ca: PathBuf,
}

impl Stage {
    /// Starts both, with an Egress file of this `authz` block.
    pub fn start(envoy: &Envoy, scratch: &Scratch, authz: &str) -> Result<Self> {
        Self::with_file(envoy, scratch, &egress(authz))
    }

    /// Starts both, with this Egress file.
    pub fn with_file(envoy: &Envoy, scratch: &Scratch, egress: &str) -> Result<Self> {
        Self::with_arguments(envoy, scratch, egress, &[])
    }

    /// Starts both, in a mesh whose gateways log texts: no log and no span reads what the filter has decided.
    pub fn in_mesh_with_text_log(envoy: &Envoy, scratch: &Scratch, egress: &str) -> Result<Self> {
        let mesh = "apiVersion: sallyport.dev/v1alpha1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {accessLog: text}\n";
        let mesh = scratch.write("mesh.yaml", mesh)?.display().to_string();
        Self::with_arguments(envoy, scratch, egress, &["--mesh", &mesh])
    }

    /// Starts both, with further arguments of `sallyport run`.
    pub fn with_arguments(envoy: &Envoy, scratch: &Scratch, egress: &str, arguments: &[&str]) -> Result<Self> {
        let authority = Authority::new("upstream authority")?;
        let ca = authority.write(scratch, "upstream-ca")?;
        let echo = Echo::start(&authority.server(scratch, "upstream", &[UPSTREAM])?)?;
        let options =
            Options { envoy: &envoy.path, egress, upstream: echo.address(), authority: &ca, callers: &CALLERS };
        Ok(Self { gate: Gate::start_with(scratch, &options, arguments)?, echo, authority, ca })
    }

    /// The caller `httpbin/sleep`.
    pub fn sleep(&self) -> Result<Caller> {
        self.gate.caller("httpbin/sleep")
    }

    /// What the upstream gets of a request of `httpbin/sleep`, which must be allowed.
    pub fn pass(&self, request: &Request, http2: bool) -> Result<Received> {
        let _ = self.echo.take();
        let reply = self.sleep()?.send_over(request, http2)?;
        ensure!(reply.status == 200, "{reply:?}");
        self.echo.take().pop().context("the upstream got nothing")
    }

    /// The caller `httpbin/writer`.
    pub fn writer(&self) -> Result<Caller> {
        self.gate.caller("httpbin/writer")
    }

    /// The caller `other/stranger`.
    pub fn stranger(&self) -> Result<Caller> {
        self.gate.caller("other/stranger")
    }

    /// The caller `istio-system/ingressgateway`.
    pub fn forwarder(&self) -> Result<Caller> {
        self.gate.caller("istio-system/ingressgateway")
    }
}

/// A gate, and an upstream that does as it is told. `httpbin/sleep` may read everything, and call `library.Shelves`.
#[derive(Debug)]
pub struct FaultyStage {
    /// The gate.
    pub gate: Gate,
    /// What stands behind it.
    pub upstream: Faulty,
}

impl FaultyStage {
    /// Starts both, with this `health` block and so many workers.
    pub fn start(envoy: &Envoy, scratch: &Scratch, health: &str, workers: u16) -> Result<Self> {
        let authority = Authority::new("upstream authority")?;
        let ca = authority.write(scratch, "upstream-ca")?;
        let upstream = Faulty::start(&authority.server(scratch, "upstream", &[UPSTREAM])?)?;
        let options = Options {
            envoy: &envoy.path,
            egress: &Self::file(health),
            upstream: upstream.address(),
            authority: &ca,
            callers: &CALLERS,
        };
        let gate = Gate::start_with(scratch, &options, &["--concurrency", &workers.to_string()])?;
        Ok(Self { gate, upstream })
    }

    /// The file with another `health` block.
    #[must_use]
    pub fn file(health: &str) -> String {
        const AUTHZ: &str = "rules:\n\
             - id: readers\n  action: ALLOW\n  from: [{source: {serviceAccounts: [httpbin/sleep]}}]\n  \
               to: [{operation: {methods: [GET, HEAD]}}, {operation: {grpc: [library.Shelves/*]}}]\n";
        over_http2(&egress_with(health, AUTHZ))
    }

    /// The caller `httpbin/sleep`.
    pub fn sleep(&self) -> Result<Caller> {
        self.gate.caller("httpbin/sleep")
    }

    /// The caller `other/stranger`.
    pub fn stranger(&self) -> Result<Caller> {
        self.gate.caller("other/stranger")
    }
}

/// The same file with an upstream that is called with HTTP/2.
#[must_use]
pub fn over_http2(egress: &str) -> String {
    egress.replacen("port: 443,", "port: 443, protocol: http2,", 1)
}

/// An Egress file with this `authz` block (YAML, not indented).
#[must_use]
pub fn egress(authz: &str) -> String {
    egress_with("", authz)
}

/// An Egress file with these further lines of `spec` and this `authz` block (both YAML, not indented).
#[must_use]
pub fn egress_with(spec: &str, authz: &str) -> String {
    let indented = |text: &str, by: &str| -> String { text.lines().map(|line| format!("{by}{line}\n")).collect() };
    format!(
        "apiVersion: sallyport.dev/v1alpha1\n\
         kind: Egress\n\
         metadata: {{name: httpbin, namespace: egress-httpbin}}\n\
         spec:\n  \
           host: httpbin.legacy.internal\n  \
           upstream: {{host: {UPSTREAM}, port: 443, tls: {{mode: SIMPLE, sni: {UPSTREAM}, subjectAltNames: [{UPSTREAM}]}}}}\n\
         {}  authz:\n{}",
        indented(spec, "  "),
        indented(authz, "    "),
    )
}
