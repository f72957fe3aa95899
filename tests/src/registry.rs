//! A real registry, over plain HTTP or TLS.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::certs::Identity;
use crate::process::{Program, Scratch, Stdout};

/// A running registry.
#[derive(Debug)]
pub struct Registry {
    _program: Program,
    address: SocketAddr,
}

impl Registry {
    /// Starts one on this machine.
    pub fn start(scratch: &Scratch) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        Self::start_with(scratch, Command::new("docker-registry"), &format!("addr: '{address}'"), address)
    }

    /// Starts one on this machine that has TLS, as this server.
    pub fn start_tls(scratch: &Scratch, server: &Identity) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let (certificate, key) = (server.certificate.display(), server.key.display());
        let http = format!("addr: '{address}', tls: {{certificate: '{certificate}', key: '{key}'}}");
        Self::start_with(scratch, Command::new("docker-registry"), &http, address)
    }

    /// Starts one with this command and this part of its configuration; it is then found at the address.
    pub(crate) fn start_with(scratch: &Scratch, mut command: Command, http: &str, address: SocketAddr) -> Result<Self> {
        let settings = format!(
            "{{version: 0.1, storage: {{filesystem: {{rootdirectory: '{}'}}}}, http: {{{http}}}}}\n",
            scratch.folder("registry")?.display()
        );
        let settings = scratch.write("registry.yaml", settings)?;
        command.arg("serve").arg(settings);
        let started = Program::start("registry", scratch.path(), &mut command, Stdout::Log);
        let mut program = started.context("run `tests/setup registry`")?;
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
            program.check_running()?;
            if Instant::now() > deadline {
                bail!("the registry does not answer:\n{}", program.log());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(Self { _program: program, address })
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The image of this name, without a tag.
    #[must_use]
    pub fn name(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }
}
