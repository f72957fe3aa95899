//! Real gRPC (grpcio of PyPI): a server, and a caller that makes every kind of call (`tests/tools/grpc_calls.py`).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::certs::Identity;
use crate::cluster::network::{command_in, run};
use crate::process::{Program, Scratch, Stdout};

/// A running server.
#[derive(Debug)]
pub struct GrpcServer {
    _program: Program,
}

impl GrpcServer {
    /// Starts it at an address: over TLS with an identity, over plaintext without.
    pub fn start(scratch: &Scratch, address: SocketAddr, identity: Option<&Identity>) -> Result<Self> {
        let mut command = Command::new(python()?);
        command.arg(script()).arg("serve").arg(address.to_string()).envs(environment());
        if let Some(Identity { certificate, key }) = identity {
            command.arg(certificate).arg(key);
        }
        let name = format!("grpc-{}", address.port());
        let mut program = Program::start(&name, scratch.path(), &mut command, Stdout::Log)?;
        let serving = format!("serving on port {}\n", address.port());
        program.wait_log(Duration::from_secs(30), |log| log.contains(&serving).then_some(()))?;
        Ok(Self { _program: program })
    }
}

/// Makes calls from inside a network namespace: `call` or `websocket`, to `HOST:PORT`. What came of each.
pub fn calls(namespace: &str, kind: &str, target: &str) -> Result<Value> {
    let mut command = command_in(namespace, python()?);
    Ok(serde_json::from_str(&run(command.arg(script()).args([kind, target]).envs(environment()))?)?)
}

fn python() -> Result<PathBuf> {
    ensure!(crate::tools().join("grpc").exists(), "grpcio is not set up: run `tests/setup cluster`");
    Ok(crate::tools().join("venv/bin/python"))
}

fn script() -> PathBuf {
    crate::workspace().join("tests/tools/grpc_calls.py")
}

fn environment() -> [(&'static str, PathBuf); 2] {
    [("PYTHONPATH", crate::tools().join("grpc")), ("PYTHONDONTWRITEBYTECODE", "1".into())]
}
