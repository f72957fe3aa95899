//! Where the evidence is from.

use std::collections::BTreeSet;
use std::path::PathBuf;

use sallyport_egress::evidence::Observed;
use sallyport_egress::model::Egress;

use super::examples::Examples;
use super::repeats::Repeats;
use super::subject::Subject;
use super::{ask, logs};
use crate::exit::{Exit, Failure};
use crate::input::canonical;
use crate::printable::printable;
use crate::prometheus::{MetricsPage, PrometheusArgs};

/// The options of commands that read what gateways did.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Evidence")]
pub(crate) struct EvidenceArgs {
    #[command(flatten)]
    pub(crate) prometheus: PrometheusArgs,
    /// A metrics page of one of a gateway's pods, if there is no Prometheus; NAME alone if no two gateways have it; may be repeated
    #[arg(long, value_name = "NAMESPACE/NAME=FILE|URL", conflicts_with = "prometheus")]
    pub(crate) metrics: Vec<MetricsPage>,
    /// A log of gateways, with lines of the JSON access log or the filter's examples, also compressed with gzip; - is stdin; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Vec<PathBuf>,
}

/// What is known of one gateway.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidenced {
    pub(crate) observed: Observed,
    pub(crate) examples: Examples,
    /// What there is to say of what was read that keeps no step from being taken.
    pub(crate) notes: Vec<String>,
}

impl EvidenceArgs {
    /// Whether there is any.
    pub(crate) fn is_given(&self) -> bool {
        self.prometheus.prometheus.is_some() || !self.metrics.is_empty() || !self.log.is_empty()
    }

    /// Where the counts are from, for people.
    pub(crate) fn words(&self) -> String {
        match &self.prometheus.prometheus {
            Some(url) => format!("Prometheus {}", url.text),
            None if !self.metrics.is_empty() => "metrics pages, which have counts since the pods started".to_owned(),
            None => "logs".to_owned(),
        }
    }

    /// What is known of each of these gateways. `all`: every gateway of the files; `now`: Unix seconds of this machine.
    pub(crate) fn read(&self, subjects: &[Subject<'_>], all: &[&Egress], now: i64) -> Result<Vec<Evidenced>, Failure> {
        let known: Vec<String> = all.iter().map(|egress| egress.route()).collect();
        let pages = MetricsPage::of_known(&self.metrics, &known)?;
        refuse_twice(&self.log, &pages)?;
        // Beside another source their lines are examples.
        let are_counted = self.prometheus.prometheus.is_none() && pages.is_empty();
        let repeats = are_counted.then(|| Repeats::of(self.log.len()));
        let logged = logs::read(&self.log, repeats, subjects, all, now)?;
        let client = self.prometheus.client()?;
        let time = match &client {
            Some(client) => Some(client.now().map_err(|unanswered| client.failure(&unanswered))?),
            None => None,
        };
        // What is given is read, whether or not it counts.
        for page in pages.iter().filter(|page| !subjects.iter().any(|one| one.egress.route() == page.route())) {
            page.read()?;
        }
        let mut evidenced = Vec::new();
        for (subject, mut logged) in subjects.iter().zip(logged) {
            let observed = std::mem::take(&mut logged.observed);
            let mut counted = match (&client, time) {
                (Some(client), Some(time)) => {
                    ask::ask(client, subject, time, now).map_err(|unanswered| client.failure(&unanswered))?
                }
                _ if !pages.is_empty() => {
                    let route = subject.egress.route();
                    let own: Vec<_> = pages.iter().filter(|page| page.route() == route).collect();
                    super::pages::read(&own, subject, now)?
                }
                // Without a line it is as long ago as the log is.
                _ if observed.now <= 0.0 => Observed { now: now as f64, ..observed },
                // What has ended since then has ended.
                _ => Observed { now: observed.now.max(now as f64), ..observed },
            };
            logged.add_shown(&mut counted);
            evidenced.push(Evidenced { observed: counted, notes: logged.notes(), examples: logged.examples });
        }
        Ok(evidenced)
    }
}

/// Counts that are given twice would be twice as many.
fn refuse_twice(logs: &[PathBuf], pages: &[MetricsPage]) -> Result<(), Failure> {
    let (mut known_logs, mut known_pages) = (BTreeSet::new(), BTreeSet::new());
    let log = logs.iter().find(|path| !known_logs.insert(canonical(path)));
    let page = pages.iter().find(|page| !known_pages.insert(page.place()));
    let what = match (log, page) {
        (Some(path), _) => format!("the log `{}`", printable(path)),
        // Its address may have a password in it.
        (None, Some(page)) => format!("a metrics page of `{}`", page.route()),
        (None, None) => return Ok(()),
    };
    let failure = Failure::new(Exit::Usage, format!("the same evidence is given twice: {what}"));
    Err(failure.with_help("name each log, and each page of a pod, once"))
}
