//! The arguments of `explain`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::ValueEnum;
use sallyport_egress::model::Egress;
use sallyport_egress::scenario::Caller;

use crate::report::example::NONE;

/// Explain what becomes of a request: the verdict, and what kept each rule from matching
///
/// The request is given in the arguments, or pasted: a curl command, a HAR file as a browser saves it, or a line of the
/// gateway's JSON access log. It is decided by the code that runs in the gateway, without a gateway. The exit code says whether
/// the request could be explained, not what became of it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport explain egress.yaml --as httpbin/sleep GET /get -H 'x-role: trusted'
  sallyport explain egress.yaml --as anonymous --through istio-system/ingress --claims '{\"iss\": \"https://i.example\"}' /x
  sallyport explain egress.yaml --as httpbin/sleep --curl \"curl https://httpbin.legacy.internal/get\"
  kubectl logs deploy/httpbin -n egress-httpbin --tail 1 | sallyport explain egress.yaml --log -")]
pub(crate) struct Args {
    /// The Egress file, a directory with one, or REVISION:PATH of the Git repository
    #[arg(value_name = "FILE|DIR")]
    pub(super) file: PathBuf,
    /// The method (GET if it is left out), and the path or URL
    #[arg(value_name = "[METHOD] PATH", num_args = 0..=2, conflicts_with_all = ["curl", "har", "log"])]
    pub(super) request: Vec<String>,
    /// A header of the request; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(super) headers: Vec<String>,
    /// The caller: NAMESPACE/ACCOUNT, a principal, the URIs of its certificate, or `anonymous`
    #[arg(long = "as", value_name = "CALLER")]
    pub(super) caller: Option<String>,
    /// The forwarder that sends the request for the caller: NAMESPACE/ACCOUNT, or a principal
    #[arg(long, value_name = "FORWARDER")]
    pub(super) through: Option<String>,
    /// The claims of the caller's verified token
    #[arg(long, value_name = "JSON")]
    pub(super) claims: Option<String>,
    /// What other filters say of the request: {"FILTER": {"NAME": "VALUE"}}
    #[arg(long, value_name = "JSON")]
    pub(super) metadata: Option<String>,
    /// The address that the caller calls from, or `none`
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub(super) address: OrNone<IpAddr>,
    /// The name that the caller asks for in the TLS handshake, or `none` [default: the host]
    #[arg(long, value_name = "NAME")]
    pub(super) sni: Option<OrNone<String>>,
    /// The version of TLS, or `none` [default: TLSv1.3]
    #[arg(long, value_name = "VERSION")]
    pub(super) tls: Option<OrNone<String>>,
    /// The gateway's port that the caller connects to [default: the first]
    #[arg(long)]
    pub(super) port: Option<u16>,
    /// The gateway's address that the caller connects to [default: 127.0.0.1]
    #[arg(long, value_name = "IP")]
    pub(super) gateway_address: Option<IpAddr>,
    /// A curl command, or - for standard input
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["har", "log"])]
    pub(super) curl: Option<String>,
    /// A HAR file, or - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "log")]
    pub(super) har: Option<PathBuf>,
    /// A line of the JSON access log, or - for lines of standard input
    #[arg(long, value_name = "LINE")]
    pub(super) log: Option<String>,
    /// Of several requests, the one to explain in full, counted from 1; in a HAR file all entries count
    #[arg(long, value_name = "NUMBER")]
    pub(super) entry: Option<usize>,
    /// The format of the explanation
    #[arg(long, short, value_enum, default_value_t)]
    pub(super) format: ExplainFormat,
    /// Write the explanation to FILE instead of stdout
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ExplainFormat {
    /// For people
    #[default]
    Human,
    /// For programs: one JSON object for each request
    Json,
}

/// Something that a connection may be without: `none`.
#[derive(Clone, Debug)]
pub(super) struct OrNone<T>(pub(super) Option<T>);

impl<T: FromStr> FromStr for OrNone<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == NONE { Ok(Self(None)) } else { text.parse().map(|value| Self(Some(value))) }
    }
}

impl Args {
    /// A caller of this address, port and name.
    pub(super) fn connection(&self, egress: &Egress, sni: Option<String>) -> Caller {
        let mut caller = Caller::usual(egress, String::new());
        caller.server_name = match &self.sni {
            Some(OrNone(name)) => name.clone(),
            None => sni,
        };
        caller.address = self.address.0;
        if let Some(OrNone(version)) = &self.tls {
            caller.tls_version.clone_from(version);
        }
        if let Some(gateway) = &mut caller.gateway {
            self.port.into_iter().for_each(|port| gateway.set_port(port));
            self.gateway_address.into_iter().for_each(|address| gateway.set_ip(address));
        }
        caller
    }
}
