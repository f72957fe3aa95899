//! OPA beside the gateway: opa-envoy-plugin, on the core of what is measured, as it shares a pod with the gateway.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use sallyport_tests::process::{Program, Scratch, Stdout, cpu, resident};
use sallyport_tests::tools;

use super::proxy::pinned;

/// A running OPA.
#[derive(Debug)]
pub struct Opa {
    program: Program,
    /// Where Envoy asks it.
    pub address: SocketAddr,
    /// Its policy, which it reads again when it changes.
    pub policy: PathBuf,
}

impl Opa {
    /// Starts it with this policy.
    pub fn start(scratch: &Scratch, policy: &str) -> Result<Self> {
        let program = tools().join("cluster/bin/opa-envoy-plugin");
        ensure!(program.exists(), "OPA is not set up: run `tests/setup bench`");
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        // It watches the folder, as a file that is replaced is another.
        let folder = scratch.folder("opa")?;
        let file = folder.join("policy.rego");
        fs::write(&file, policy)?;
        let mut command = pinned(&program, true);
        command.args(["run", "--server", "--watch", "--addr=127.0.0.1:0", "--log-level=info"]);
        command.arg(format!("--set=plugins.envoy_ext_authz_grpc.addr={address}"));
        command.arg("--set=plugins.envoy_ext_authz_grpc.path=envoy/authz/allow").arg(folder);
        let mut program = Program::start("opa", scratch.path(), &mut command, Stdout::Log)?;
        program.wait_log(Duration::from_secs(20), |log| log.contains("Starting gRPC server").then_some(()))?;
        Ok(Self { program, address, policy: file })
    }

    /// The CPU that it has taken so far.
    pub fn cpu(&self) -> Result<Duration> {
        cpu(self.program.id())
    }

    /// The memory that it has, in bytes.
    pub fn resident(&self) -> Result<u64> {
        Ok(resident(self.program.id())? * 1024)
    }
}
