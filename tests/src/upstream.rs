//! The real httpbin (PyPI), served by gunicorn over TLS.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::certs::Identity;
use crate::process::{Program, Scratch, Stdout};

/// A running httpbin.
#[derive(Debug)]
pub struct Httpbin {
    program: Program,
    address: SocketAddr,
}

impl Httpbin {
    /// Starts httpbin with a server certificate; with `client_authority`, it asks its clients for a certificate.
    pub fn start(scratch: &Scratch, identity: &Identity, client_authority: Option<&Path>) -> Result<Self> {
        let gunicorn = crate::tools().join("venv/bin/gunicorn");
        ensure!(gunicorn.exists(), "httpbin is not set up: run `tests/setup httpbin`");
        let mut command = Command::new(gunicorn);
        command.args(["httpbin:app", "--bind", "127.0.0.1:0", "--worker-class", "gthread", "--threads", "8"]);
        // One process answers every request over connections that stay open, so the figures are those of the gate.
        command.args(["--workers", "1", "--keep-alive", "75", "--no-control-socket"]);
        // As WSGI servers of old read names with an underscore, which gunicorn drops otherwise.
        command.args(["--header-map", "dangerous"]);
        command.arg("--certfile").arg(&identity.certificate).arg("--keyfile").arg(&identity.key);
        if let Some(authority) = client_authority {
            const CERT_REQUIRED: &str = "2";
            command.arg("--ca-certs").arg(authority).args(["--cert-reqs", CERT_REQUIRED]);
        }
        command.current_dir(scratch.path());
        let mut program = Program::start("httpbin", scratch.path(), &mut command, Stdout::Log)?;
        let address = program.wait_log(Duration::from_secs(30), |log| {
            let (_, rest) = log.split_once("Listening at: https://")?;
            log.contains("Booting worker").then_some(())?;
            rest.split_whitespace().next()?.parse().ok()
        })?;
        Ok(Self { program, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What gunicorn has written.
    #[must_use]
    pub fn log(&self) -> String {
        self.program.log()
    }
}
