//! What the gateways' metrics say: from a Prometheus, or from metrics pages.
//!
//! [`PrometheusArgs`] are the options that every command with `--prometheus` has. [`PrometheusArgs::client`] makes a
//! [`Client`] of them, and [`Client::query`] returns an `Answer`: `Samples`, and what the server says about them. Whoever
//! has no Prometheus has [`MetricsPage`]s, `NAMESPACE/NAME=FILE` or `NAMESPACE/NAME=URL`; [`MetricsPage::read`] returns the same
//! `Samples`, as if the job of `deploy/dashboards/prometheus.yaml` had scraped the page.
//!
//! ```text
//! let samples = client.query("sum by (namespace, gateway) (rate(sallyport_requests_total[5m]))", None)?.samples;
//! for sample in samples.iter() { (sample.label("namespace"), sample.label("gateway"), sample.value) }
//! ```
//!
//! # Design
//! What is not known is no zero. So a query has one of these ends, each a value of its own:
//! - `Ok` with samples, or with none: Prometheus has no such series.
//! - `Ok` with `warnings`: some of the data is missing (a remote store did not answer). Do not conclude from what is
//!   absent. `notes` are about the query and take nothing away.
//! - `Err` with an [`Unanswered`]: unreachable, too late, half an answer, an error of Prometheus, something that is no
//!   Prometheus. [`Client::failure`] makes the failure of a command of it.
//!
//! [`Client::now`] is the server's time: it stamps the samples, so ages are measured by it and never by this machine's clock.
//! Queries that must agree with each other are asked `at` one time.
//!
//! A WebAssembly filter has no labels, so the names of its metrics hold them, and the job takes them apart. The rules for
//! that are in its file alone: [`relabel`] reads them from there. Callers are the one label that is encoded; [`decode_caller`]
//! gives the principal back.

mod args;
mod caller;
mod client;
mod page;
mod relabel;
mod samples;
mod unanswered;
mod url;

pub(crate) use args::PrometheusArgs;
pub(crate) use caller::{Counted, decode_caller};
pub(crate) use client::Client;
pub(crate) use page::MetricsPage;
pub(crate) use samples::{Sample, Samples};
pub(crate) use unanswered::Unanswered;
