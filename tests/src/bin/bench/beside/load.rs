//! The load: a program with fortio's client, which `tests/setup bench` builds.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{ChildStdin, ChildStdout};

use anyhow::{Context as _, Result, bail, ensure};
use sallyport_tests::process::{Program, Scratch, Stdout};
use sallyport_tests::tools;

use super::proxy::{Transport, pinned};

/// Open connections to one proxy.
#[derive(Debug)]
pub struct Load {
    name: String,
    program: Program,
    to: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Load {
    /// Opens them.
    pub fn start(
        scratch: &Scratch,
        name: &str,
        at: SocketAddr,
        transport: &Transport,
        connections: u32,
    ) -> Result<Self> {
        let program = tools().join("cluster/bin/fortio-load");
        ensure!(program.exists(), "the load is not set up: run `tests/setup bench`");
        let mut command = pinned(&program, false);
        command.args(["-connections", &connections.to_string()]);
        let scheme = match transport {
            Transport::Plain => "http",
            Transport::Mutual(mutual) => {
                command.arg("-ca").arg(&mutual.authority);
                command.arg("-cert").arg(&mutual.caller.certificate).arg("-key").arg(&mutual.caller.key);
                "https"
            }
        };
        command.arg(format!("{scheme}://{at}/ok"));
        let mut program =
            Program::start_with_stdin(&format!("{name}-load"), scratch.path(), &mut command, Stdout::Taken)?;
        let to = program.take_stdin()?;
        let answers = BufReader::new(program.take_stdout()?);
        Ok(Self { name: name.to_owned(), program, to, answers })
    }

    /// Sends so many requests, at a rate a second or, with 0, as they are answered: the microseconds of each, sorted.
    pub fn send(&mut self, requests: usize, rate: u32) -> Result<Vec<f64>> {
        let mut line = String::new();
        let asked = writeln!(self.to, "{requests} {rate}").and_then(|()| self.answers.read_line(&mut line));
        if asked.is_err() || line.is_empty() {
            bail!("the load of {} has ended: {}", self.name, self.program.log());
        }
        serde_json::from_str(&line).with_context(|| format!("the load says something unexpected: {line}"))
    }
}
