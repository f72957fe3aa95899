//! `sallyport run`: serves one Egress file with a real Envoy on this machine.

use std::path::PathBuf;

use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::local::bootstrap::HostPort;
use crate::local::caller::ServiceAccount;
use crate::local::event::{Announcer, Output};
use crate::local::session;
use crate::local::setup::Wishes;
use crate::printable::printable;

/// Serve an Egress file with a real Envoy on this machine
///
/// What a gateway has in the mesh is made here: a listener with mTLS on 127.0.0.1, certificates with SPIFFE ids for every
/// caller that the policy names and for one that it does not, the filter, the connection to the upstream. Ready-made curl
/// commands are printed. A saved file is live in under a second, and no connection is dropped; a file with errors is
/// reported, and the old one goes on. Changes of the upstream's health are told as they happen.
///
/// A caller without a certificate is judged by the rules here: 401, or what a rule that asks for a token alone allows. In
/// the mesh the gateway ends its handshake. The access log tells of decision and rule if a Mesh file has `accessLog: json`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport run egress.yaml
  sallyport run egress.yaml --upstream 127.0.0.1:9443 --ca-certificates my-ca.pem
  sallyport run egress.yaml --port 0 --output json")]
pub(crate) struct Args {
    /// The Egress file
    pub(crate) file: PathBuf,
    /// A Mesh file beside it
    #[arg(long, value_name = "FILE")]
    pub(crate) mesh: Option<PathBuf>,
    /// Port of the listener on 127.0.0.1; 0 takes any that is free
    #[arg(long, value_name = "N", default_value_t = 8443)]
    pub(crate) port: u16,
    /// Port of Envoy's administration interface on 127.0.0.1; 0 takes any that is free
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) admin_port: u16,
    /// The Envoy to run; else $SALLYPORT_ENVOY, else the one on the path
    #[arg(long, value_name = "PATH")]
    pub(crate) envoy: Option<PathBuf>,
    /// The filter module to load; else the one that this program holds
    #[arg(long, value_name = "PATH")]
    pub(crate) wasm: Option<PathBuf>,
    /// Keep certificates, configuration and logs here; else they are removed at the end
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Make a certificate for this caller too; can be given again (the first 50 that the policy names have one)
    #[arg(long = "caller", value_name = "NS/SA")]
    callers: Vec<ServiceAccount>,
    /// Connect there instead of to the upstream's own address; names are verified as before
    #[arg(long, value_name = "HOST:PORT", value_parser = host_port)]
    upstream: Option<HostPort>,
    /// Who may sign the upstream's certificate, in place of what the file or this machine says
    #[arg(long, value_name = "FILE")]
    ca_certificates: Option<PathBuf>,
    /// Worker threads of Envoy
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) concurrency: u16,
    /// The form of what is printed
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

impl Args {
    /// What does not change while the session runs.
    pub(crate) fn wishes(&self) -> Wishes {
        Wishes {
            file: self.file.clone(),
            directory: self.dir.clone(),
            callers: self.callers.clone(),
            connect_to: self.upstream.clone(),
            ca_certificates: self.ca_certificates.clone(),
        }
    }
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    session::run(args, &Announcer { output: args.output, console, file: printable(&args.file) })
}

/// `HOST:PORT`, the host of an IPv6 address in brackets.
fn host_port(text: &str) -> Result<HostPort, String> {
    let wrong = || "expected HOST:PORT, such as 127.0.0.1:9443".to_owned();
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(wrong)?;
    match bare.unwrap_or(host) {
        "" => Err(wrong()),
        unbracketed if bare.is_none() && unbracketed.contains(':') => Err(wrong()),
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
