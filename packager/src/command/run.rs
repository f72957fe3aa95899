//! `sallyport run`: serves one Egress file with a real Envoy on this machine.

use std::path::PathBuf;

use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::local::bootstrap::HostPort;
use crate::local::caller::ServiceAccount;
use crate::local::event::{Announcer, Output};
use crate::local::session;
use crate::local::settings::Settings;
use crate::printable::printable;

/// Serve an Egress file with a real Envoy on this machine
///
/// This starts what a gateway has in the mesh: a listener with mutual TLS on 127.0.0.1, the filter, and the connection
/// to the upstream. It creates certificates with SPIFFE IDs for the callers that the policy names, and for one that it
/// does not name, and prints a curl command for each. When the file is saved, the new policy is live within a second
/// and no connection is dropped. If the file has errors, they are reported and the old policy stays in force. Changes
/// of the upstream's health are reported as they happen.
///
/// Three things differ from a gateway in the mesh. A caller without a certificate gets 401, or is allowed if a rule asks
/// only for a token, where a gateway would end the TLS handshake. The access log has other keys, and shows decision and
/// rule only if a Mesh file has `accessLog: json`. And the standbys of `health.failover` are not used, because `run` serves
/// one file.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport run egress.yaml
  sallyport run egress.yaml --upstream 127.0.0.1:9443 --ca-certificates my-ca.pem
  sallyport run egress.yaml --port 0 --output json")]
pub(crate) struct Args {
    /// The Egress file
    file: PathBuf,
    /// The Mesh file, if there is one
    #[arg(long, value_name = "FILE")]
    mesh: Option<PathBuf>,
    /// Port of the listener on 127.0.0.1; 0 for any free port
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
    /// CA certificates to verify the upstream with, instead of those in the file or on this machine
    #[arg(long, value_name = "FILE")]
    ca_certificates: Option<PathBuf>,
    /// Worker threads of Envoy
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
    /// The format of the output
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

impl Args {
    fn settings(&self) -> Settings {
        let Args { file, mesh, port, admin_port, envoy, wasm, dir, callers, .. } = self;
        Settings {
            file: file.clone(),
            mesh: mesh.clone(),
            port: *port,
            admin_port: *admin_port,
            envoy: envoy.clone(),
            wasm: wasm.clone(),
            directory: dir.clone(),
            callers: callers.clone(),
            connect_to: self.upstream.clone(),
            ca_certificates: self.ca_certificates.clone(),
            concurrency: self.concurrency,
        }
    }
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    let announcer = Announcer { output: args.output, console, file: printable(&args.file) };
    session::run(&args.settings(), &announcer)
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
