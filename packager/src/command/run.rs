//! `sallyport run`: serves Egress files with real Envoys on this machine.

use std::path::PathBuf;

use clap::ValueEnum;
use sallyport_manifest::HostPort;

use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::local::caller::ServiceAccount;
use crate::local::event::{Announcer, Output};
use crate::local::load::EgressFiles;
use crate::local::session;
use crate::local::settings::{Connect, Settings};
use crate::printable::printable;

/// Serve Egress files with real Envoys on this machine
///
/// This starts what a gateway has in the mesh, for each Egress: a listener with mutual TLS on 127.0.0.1, the filter, and the
/// connection to the upstream. Envoy gets what istiod would give it for the manifests of `build`, patches included: routes,
/// timeouts, retries, limits, headers, tokens, and the way to standbys, whose files are given together. `run` creates
/// certificates with SPIFFE IDs for the callers that the policy names, and for one that it does not name, and prints a curl
/// command for each. When a file is saved, the new policy is live within a second, one of thousands of rules within a few,
/// and no connection is dropped. If a file has errors, they are reported and the old policies stay in force. Changes of the
/// upstream's health are reported as they happen.
///
/// What `run` does not do it says at the start, behind `not here`. For every Egress it differs from a gateway in the mesh in
/// this: a caller without a certificate gets 401, or is allowed if a rule asks only for a token, where a gateway would end
/// the TLS handshake. Without a Mesh file, the access log is as with `accessLog: json`. Key sets of token
/// issuers are fetched by Envoy, in the mesh by istiod. There are no pods, no NetworkPolicy, no sidecars of callers, no
/// tracer, and no port for the kubelet.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport run egress.yaml
  sallyport run egress.yaml --upstream 127.0.0.1:9443 --ca-certificates my-ca.pem
  sallyport run primary.yaml standby.yaml --connect primary=127.0.0.1:9443
  sallyport run ledger/egress.yaml --secrets secrets   # has secrets/ledger-upstream-tls/tls.crt
  sallyport run egress.yaml --port 0 --format json")]
pub(crate) struct Args {
    /// Egress files, or directories with them; each Egress gets a gateway
    #[arg(required = true, value_name = "FILE|DIR")]
    files: Vec<PathBuf>,
    /// The Mesh file, if there is one
    #[arg(long, value_name = "FILE")]
    mesh: Option<PathBuf>,
    /// Port of the first listener on 127.0.0.1, of which each further one gets the next; 0 for any free ports
    #[arg(long, value_name = "N", default_value_t = 8443)]
    port: u16,
    /// Port of Envoy's admin interface on 127.0.0.1; 0 for any free port
    #[arg(long, value_name = "N", default_value_t = 0)]
    admin_port: u16,
    /// The Envoy to run [default: $SALLYPORT_ENVOY, or envoy on the PATH]
    #[arg(long, value_name = "PATH")]
    envoy: Option<PathBuf>,
    /// The filter module to load [default: the one in this program]
    #[arg(long, value_name = "PATH")]
    wasm: Option<PathBuf>,
    /// Keep certificates, configuration and logs in this directory [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Also create a certificate for this caller; can be repeated. The first 50 callers in the policy get one anyway
    #[arg(long = "caller", value_name = "NS/SA")]
    callers: Vec<ServiceAccount>,
    /// Connect to this address instead of the upstream's own; TLS names are verified as in the file
    #[arg(long, value_name = "HOST:PORT", value_parser = host_port)]
    upstream: Option<HostPort>,
    /// The same for one of several Egresses, by its name; can be repeated
    #[arg(long, value_name = "NAME=HOST:PORT", value_parser = connect)]
    connect: Vec<Connect>,
    /// CA certificates to verify the upstream with, instead of those in the file or on this machine
    #[arg(long, value_name = "FILE")]
    ca_certificates: Option<PathBuf>,
    /// Secrets as files, DIR/SECRET/KEY: credentials, and the certificates that a gateway's pods have mounted
    #[arg(long, value_name = "DIR")]
    secrets: Option<PathBuf>,
    /// Where the OPA of `gateway.opa` is [default: 127.0.0.1:9191, as in a pod]
    #[arg(long, value_name = "HOST:PORT", value_parser = host_port)]
    opa: Option<HostPort>,
    /// Worker threads of each Envoy [default: `gateway.concurrency` of its Egress when `run` starts]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    concurrency: Option<u32>,
    /// The format of what is printed
    #[arg(long, short, value_enum, default_value_t)]
    format: Output,
    /// What `--format` was called
    #[arg(long, hide = true, value_name = "FORMAT")]
    output: Option<String>,
}

impl Args {
    fn settings(&self) -> Settings {
        Settings {
            files: self.files.clone(),
            port: self.port,
            admin_port: self.admin_port,
            envoy: self.envoy.clone(),
            wasm: self.wasm.clone(),
            directory: self.dir.clone(),
            callers: self.callers.clone(),
            upstream: self.upstream.clone(),
            connect: self.connect.clone(),
            ca_certificates: self.ca_certificates.clone(),
            secrets: self.secrets.clone(),
            opa: self.opa.clone(),
            concurrency: self.concurrency,
        }
    }
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    if args.files.iter().chain(&args.mesh).any(|file| file.as_os_str() == "-") {
        return Err(Failure::new(Exit::Usage, "`run` cannot read standard input, because it watches its files")
            .with_help("save the Egress file, and name it"));
    }
    if let Some(format) = &args.output {
        let message = "`run` has no `--output`: it prints until it is stopped";
        let help = match Output::from_str(format, false) {
            Ok(_) => format!("write `--format {format}`"),
            Err(_) => "redirect stdout into the file".to_owned(),
        };
        return Err(Failure::new(Exit::Usage, message).with_help(help));
    }
    let file = args.files.iter().map(|file| printable(file)).collect::<Vec<_>>().join(", ");
    let announcer = Announcer { output: args.format, console, file };
    session::run(&args.settings(), &EgressFiles::new(&args.files, args.mesh.as_deref()), &announcer)
}

/// `HOST:PORT`, the host of an IPv6 address in brackets.
fn host_port(text: &str) -> Result<HostPort, String> {
    let expected = || "expected HOST:PORT, such as 127.0.0.1:9443".to_owned();
    let (host, port) = text.rsplit_once(':').ok_or_else(expected)?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(expected)?;
    match bare.unwrap_or(host) {
        "" => Err(expected()),
        unbracketed if bare.is_none() && unbracketed.contains(':') => Err(expected()),
        host => Ok(HostPort { host: host.to_owned(), port }),
    }
}

/// `NAME=HOST:PORT`.
fn connect(text: &str) -> Result<Connect, String> {
    let (egress, address) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| "expected NAME=HOST:PORT, such as httpbin=127.0.0.1:9443".to_owned())?;
    Ok(Connect { egress: egress.to_owned(), address: host_port(address)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_a_port() {
        let parsed = |text| host_port(text).map(|HostPort { host, port }| (host, port));
        assert_eq!(parsed("127.0.0.1:9443"), Ok(("127.0.0.1".into(), 9443)));
        assert_eq!(parsed("[::1]:1"), Ok(("::1".into(), 1)));
        for bad in ["", "host", "host:", ":1", "host:0", "host:65536", "::1:1"] {
            assert!(parsed(bad).is_err(), "{bad}");
        }
    }
}
