//! The arguments of `explain`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::ValueEnum;
use sallyport_egress::model::Egress;
use sallyport_egress::scenario::Caller;

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
    /// The caller: NAMESPACE/ACCOUNT, a principal, or `anonymous`
    #[arg(long = "as", value_name = "CALLER")]
    pub(super) caller: Option<String>,
    /// The forwarder that sends the request for the caller: NAMESPACE/ACCOUNT, or a principal
    #[arg(long, value_name = "FORWARDER")]
    pub(super) through: Option<String>,
    /// The claims of the caller's verified token
    #[arg(long, value_name = "JSON")]
    pub(super) claims: Option<String>,
    /// The address that the caller calls from
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub(super) address: IpAddr,
    /// The name that the caller asks for in the TLS handshake [default: the host]
    #[arg(long, value_name = "NAME")]
    pub(super) sni: Option<String>,
    /// The gateway's port that the caller connects to [default: the first]
    #[arg(long)]
    pub(super) port: Option<u16>,
    /// A curl command, or - for standard input
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["har", "log"])]
    pub(super) curl: Option<String>,
    /// A HAR file, or - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "log")]
    pub(super) har: Option<PathBuf>,
    /// A line of the JSON access log, or - for lines of standard input
    #[arg(long, value_name = "LINE")]
    pub(super) log: Option<String>,
    /// Of several requests, the one to explain in full, counted from 1
    #[arg(long, value_name = "NUMBER")]
    pub(super) entry: Option<usize>,
    /// The format of the explanation
    #[arg(long, short, value_enum, default_value_t)]
    pub(super) format: ExplainFormat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ExplainFormat {
    /// For people
    #[default]
    Human,
    /// For programs: one JSON object for each request
    Json,
}

impl Args {
    /// A caller of this address, port and name.
    pub(super) fn connection(&self, egress: &Egress, sni: Option<String>) -> Caller {
        let port = self.port.or_else(|| egress.listening_ports().next().map(|(_, port)| port)).unwrap_or(8443);
        Caller {
            address: Some(self.address),
            gateway: Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)),
            server_name: sni,
            tls_version: Some("TLSv1.3".to_owned()),
            ..Caller::anonymous()
        }
    }
}
