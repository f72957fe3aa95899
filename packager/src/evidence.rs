//! What gateways did while they had candidates: from Prometheus, from metrics pages, or from logs.
//!
//! # Design
//! Each source gives the same: an [`Observed`](sallyport_egress::evidence::Observed) of each gateway since the stage of its candidate
//! began, and examples of requests that are decided otherwise. What follows from that is decided elsewhere, in one place.
//! The queries are in [`queries`] alone: the gates for other controllers are made of the same texts.

mod ask;
mod examples;
mod form;
mod line;
mod logged;
mod logs;
mod pages;
pub(crate) mod queries;
mod repeats;
mod sources;
mod subject;
mod timed;

pub(crate) use sources::{EvidenceArgs, Evidenced};
pub(crate) use subject::Subject;
