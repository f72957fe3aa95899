//! Logs of gateways: our JSON access log, and the filter's examples of what a candidate would change.
//!
//! # Design
//! An access log has a line for each request, so its lines are counted. Examples are limited to a few a second, so they are no
//! counts; but each one shows that there was a request. A line that is there again counts once. Whose a line is, is known by its host, among all gateways of the files. One
//! that may be of two is evidence for none, and what speaks against a step speaks against that of each.

use std::path::{Path, PathBuf};

use sallyport_egress::model::Egress;
use sallyport_egress::standbys;

use super::line::{Decision, Line, Record, TAKEN};
use super::logged::{Logged, Time, Whose};
use super::repeats::{Known, Repeats};
use super::subject::Subject;
use crate::exit::Failure;
use crate::input::lines::each_line;
use crate::printable::printable;

/// Reads all logs once, for all gateways. `repeats`: finds lines that are there again, unless nothing is counted; `all`:
/// every gateway of the files; `now`: Unix seconds of this machine.
pub(super) fn read(
    logs: &[PathBuf],
    mut repeats: Option<Repeats>,
    subjects: &[Subject<'_>],
    all: &[&Egress],
    now: i64,
) -> Result<Vec<Logged>, Failure> {
    let owners = Owners::of(all);
    let mut read: Vec<(&Subject<'_>, Logged)> = subjects.iter().map(|subject| (subject, Logged::default())).collect();
    for path in logs {
        let mut number: u64 = 0;
        repeats.iter_mut().for_each(Repeats::next_log);
        let line = |bytes: &[u8]| {
            number = number.saturating_add(1);
            take(bytes, &Place { path, number, now }, &owners, repeats.as_mut(), &mut read);
        };
        each_line(path, |_| {}, line)?;
    }
    let finished = read.into_iter().map(|(subject, mut logged)| {
        logged.finish(subject);
        logged
    });
    Ok(finished.collect())
}

/// Where a line is, and when it is read.
struct Place<'p> {
    path: &'p Path,
    number: u64,
    now: i64,
}

impl Place<'_> {
    fn text(&self) -> String {
        format!("{}:{}", printable(self.path), self.number)
    }
}

fn take(
    bytes: &[u8],
    place: &Place<'_>,
    owners: &Owners<'_>,
    repeats: Option<&mut Repeats>,
    read: &mut [(&Subject<'_>, Logged)],
) {
    let line = Line::read(bytes);
    if let Line::Other = line {
        let text = String::from_utf8_lossy(bytes);
        // Few lines have it, and each gateway looks at them.
        if text.contains(TAKEN) {
            read.iter_mut().for_each(|(subject, logged)| logged.prove(&text, subject, place.now));
        }
        return;
    }
    let record = match &line {
        Line::Request(record, _) | Line::Example(record) | Line::Broken(Some(record), _) => Some(record),
        Line::Broken(None, _) | Line::Other => None,
    };
    let went_on = matches!(line, Line::Request(_, Decision::Allowed { .. } | Decision::Failed) | Line::Broken(..));
    let claim = record.map(|record| Claim::of(record, went_on, owners, read));
    let whose = |subject: &Subject<'_>| claim.as_ref().map_or(Whose::Open, |claim| claim.whose(subject));
    let known = match (&line, repeats) {
        (Line::Request(record, _), Some(repeats)) => {
            let counts = |subject: &Subject<'_>| {
                whose(subject) != Whose::Others && record.at.is_some_and(|at| at >= subject.since)
            };
            if read.iter().any(|(subject, _)| counts(subject)) { repeats.look(record) } else { Known::New }
        }
        _ => Known::New,
    };
    for (subject, logged) in read {
        let whose = whose(subject);
        if whose != Whose::Others {
            note(&line, place, (whose, known), subject, logged);
        }
    }
}

/// A line that is, or may be, of this gateway.
fn note(line: &Line, place: &Place<'_>, (whose, known): (Whose, Known), subject: &Subject<'_>, logged: &mut Logged) {
    let timed = |record: &Record, logged: &mut Logged| {
        // One of before the stage says nothing of it.
        let at = record.at.filter(|at| *at >= subject.since)?;
        let time = Time::of(at, place.now);
        if time == Time::Future {
            logged.future(at, place.now, || place.text());
        }
        Some((at, time))
    };
    match line {
        Line::Broken(record, why) => {
            let at = record.as_ref().and_then(|record| record.at);
            if at.is_none_or(|at| at >= subject.since) {
                logged.unread(why, || place.text());
            }
        }
        Line::Request(record, decision) => {
            if let Some(time) = timed(record, logged) {
                logged.request(record, *decision, time, (whose, known), subject);
            }
        }
        Line::Example(record) => {
            if let Some((at, _)) = timed(record, logged) {
                logged.example(record, at, subject);
            }
        }
        Line::Other => {}
    }
}

/// By which hosts lines of a gateway are known.
struct Hosts<'a> {
    egress: &'a Egress,
    /// Of requests that went on: the upstream's, or a standby's.
    behind: Vec<String>,
}

impl<'a> Hosts<'a> {
    fn of(egress: &'a Egress, all: &[&'a Egress]) -> Self {
        let standbys = standbys(egress, all.iter().copied());
        let behind = std::iter::once(egress).chain(standbys).map(|egress| egress.spec.upstream.host.to_string());
        Self { egress, behind: behind.collect() }
    }

    fn is_own(&self, host: &str) -> bool {
        self.egress.hosts().any(|own| own.eq_ignore_ascii_case(host))
    }

    fn is_behind(&self, host: &str) -> bool {
        self.behind.iter().any(|behind| behind.eq_ignore_ascii_case(host))
    }
}

/// All gateways of the files.
struct Owners<'a>(Vec<Hosts<'a>>);

impl<'a> Owners<'a> {
    fn of(all: &[&'a Egress]) -> Self {
        Self(all.iter().map(|egress| Hosts::of(egress, all)).collect())
    }

    fn those(&self, is_meant: impl Fn(&Hosts<'a>) -> bool) -> Vec<&'a Egress> {
        self.0.iter().filter(|hosts| is_meant(hosts)).map(|hosts| hosts.egress).collect()
    }
}

/// Whose a line may be.
struct Claim<'l> {
    region: Option<&'l str>,
    /// By its host.
    could: Vec<&'l Egress>,
    has_host: bool,
    /// How many of those count by its region.
    counting: usize,
}

impl<'l> Claim<'l> {
    /// `went_on`: whether the request may have, so that the line has the upstream's host.
    fn of(record: &'l Record, went_on: bool, owners: &Owners<'l>, read: &[(&Subject<'_>, Logged)]) -> Self {
        let could = match record.host() {
            None => owners.those(|_| true),
            Some(host) => {
                let own = owners.those(|hosts| hosts.is_own(host));
                let is_open = own.is_empty() || went_on;
                if is_open { owners.those(|hosts| hosts.is_own(host) || hosts.is_behind(host)) } else { own }
            }
        };
        let mut claim = Self { region: record.region(), could, has_host: record.host().is_some(), counting: 0 };
        claim.counting = read.iter().filter(|(subject, _)| claim.is_in(subject) && claim.counts(subject)).count();
        claim
    }

    fn is_in(&self, subject: &Subject<'_>) -> bool {
        let own = subject.egress;
        self.could.iter().any(|egress| egress.namespace == own.namespace && egress.name == own.name)
    }

    fn counts(&self, subject: &Subject<'_>) -> bool {
        self.region.is_some_and(|region| subject.has_region(region))
    }

    fn whose(&self, subject: &Subject<'_>) -> Whose {
        let is_one = |count: usize| if count == 1 && self.has_host { Whose::Own } else { Whose::Open };
        match (self.is_in(subject), self.counts(subject), self.counting) {
            (true, true, counting) => is_one(counting),
            (true, false, 0) => is_one(self.could.len()),
            // By its host it is another one's, which does not count by this region.
            (false, true, 0) => Whose::Open,
            _ => Whose::Others,
        }
    }
}
