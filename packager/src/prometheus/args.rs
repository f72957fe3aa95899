//! The options of every command that asks a Prometheus.

use std::path::{Path, PathBuf};

use super::client::Client;
use super::url::Url;
use crate::exit::{Exit, Failure};
use crate::input::{Missing, read_at_most};
use crate::printable::printable;
use crate::reading;

/// Far more than any token has.
const LARGEST_TOKEN: u64 = 1 << 20;

#[derive(Debug, Default, clap::Args)]
pub(crate) struct PrometheusArgs {
    /// The Prometheus that scrapes the gateways: `http(s)://[USER:PASSWORD@]HOST[:PORT][/PREFIX]`
    #[arg(long, value_name = "URL")]
    pub(crate) prometheus: Option<Url>,
    /// A file with the bearer token for it
    #[arg(long, value_name = "FILE", requires = "prometheus")]
    pub(crate) prometheus_token_file: Option<PathBuf>,
}

impl PrometheusArgs {
    /// `None` if no Prometheus was named.
    pub(crate) fn client(&self) -> Result<Option<Client>, Failure> {
        let Some(url) = &self.prometheus else { return Ok(None) };
        let token = self.prometheus_token_file.as_deref().map(read_token).transpose()?;
        if token.is_some() && url.basic.is_some() {
            let failure = Failure::new(Exit::Usage, "`--prometheus` has a user, and `--prometheus-token-file` a token");
            return Err(failure.with_help("give one of both"));
        }
        Ok(Some(Client::new(url, token.map(|token| format!("Bearer {token}")))))
    }
}

fn read_token(path: &Path) -> Result<String, Failure> {
    let file = reading::open(path).map_err(|error| Failure::read(path, &error))?;
    let wrong = |why: &str| Failure::new(Exit::Io, format!("`{}` has no bearer token: {why}", printable(path)));
    let bytes = read_at_most(LARGEST_TOKEN, file).map_err(|missing| match missing {
        Missing::Unreadable(why) => wrong(&why),
        Missing::NothingFound | Missing::ForOthers => wrong("it cannot be read"),
    })?;
    let token = String::from_utf8(bytes).unwrap_or_default().trim().to_owned();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong("it must hold one line of visible ASCII characters"));
    }
    Ok(token)
}
