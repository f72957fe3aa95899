//! Real WSGI servers: gunicorn (PyPI) over TLS, with httpbin or an application of the tests' own.

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
    server: Gunicorn,
}

impl Httpbin {
    /// Starts httpbin with a server certificate; with `client_authority`, it asks its clients for a certificate.
    pub fn start(scratch: &Scratch, identity: &Identity, client_authority: Option<&Path>) -> Result<Self> {
        let server = Gunicorn::start(scratch, identity, "httpbin", |command| {
            if let Some(authority) = client_authority {
                const CERT_REQUIRED: &str = "2";
                command.arg("--ca-certs").arg(authority).args(["--cert-reqs", CERT_REQUIRED]);
            }
        })?;
        Ok(Self { server })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// What gunicorn has written.
    #[must_use]
    pub fn log(&self) -> String {
        self.server.program.log()
    }
}

/// An application that answers with the headers it reads, as `HTTP_*` keys in JSON (`tests/tools/environ.py`).
#[derive(Debug)]
pub struct Environ {
    server: Gunicorn,
}

impl Environ {
    /// Starts it with a server certificate.
    pub fn start(scratch: &Scratch, identity: &Identity) -> Result<Self> {
        let server = Gunicorn::start(scratch, identity, "environ", |command| {
            command.arg("--pythonpath").arg(crate::workspace().join("tests/tools"));
            command.env("PYTHONDONTWRITEBYTECODE", "1");
        })?;
        Ok(Self { server })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }
}

/// An application that records spans with OpenTelemetry's SDK (PyPI), and answers with what it makes of each request's trace
/// (`tests/tools/traced.py`).
#[derive(Debug)]
pub struct Traced {
    server: Gunicorn,
}

impl Traced {
    /// Starts it with a server certificate, and with these variables for the SDK: `OTEL_TRACES_SAMPLER` and its argument.
    pub fn start(scratch: &Scratch, identity: &Identity, variables: &[(&str, &str)]) -> Result<Self> {
        let sdk = crate::tools().join("opentelemetry");
        ensure!(sdk.exists(), "OpenTelemetry's SDK is not set up: run `tests/setup opentelemetry`");
        let server = Gunicorn::start(scratch, identity, "traced", |command| {
            command.arg("--pythonpath").arg(crate::workspace().join("tests/tools"));
            command.env("PYTHONPATH", &sdk).env("PYTHONDONTWRITEBYTECODE", "1").envs(variables.iter().copied());
        })?;
        Ok(Self { server })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }
}

#[derive(Debug)]
struct Gunicorn {
    program: Program,
    address: SocketAddr,
}

impl Gunicorn {
    /// Starts `MODULE:app`.
    fn start(scratch: &Scratch, identity: &Identity, module: &str, more: impl Fn(&mut Command)) -> Result<Self> {
        let gunicorn = crate::tools().join("venv/bin/gunicorn");
        ensure!(gunicorn.exists(), "httpbin is not set up: run `tests/setup httpbin`");
        let mut command = Command::new(gunicorn);
        command.arg(format!("{module}:app")).args(["--bind", "127.0.0.1:0", "--worker-class", "gthread"]);
        // One process answers every request over connections that stay open, so the figures are those of the gate.
        command.args(["--threads", "8", "--workers", "1", "--keep-alive", "75", "--no-control-socket"]);
        // As servers did for decades: names with an underscore are read, which gunicorn drops otherwise.
        command.args(["--header-map", "dangerous"]);
        command.arg("--certfile").arg(&identity.certificate).arg("--keyfile").arg(&identity.key);
        more(&mut command);
        command.current_dir(scratch.path());
        let mut program = Program::start(module, scratch.path(), &mut command, Stdout::Log)?;
        let address = program.wait_log(Duration::from_secs(30), |log| {
            let (_, rest) = log.split_once("Listening at: https://")?;
            log.contains("Booting worker").then_some(())?;
            rest.split_whitespace().next()?.parse().ok()
        })?;
        Ok(Self { program, address })
    }
}
