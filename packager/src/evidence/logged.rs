//! What logs say of one gateway.

use std::collections::{BTreeMap, BTreeSet};

use sallyport_core::verdict::Trial;
use sallyport_egress::evidence::{Answers, CLOCKS, Counted, Entry, Observed, Pair};
use sallyport_egress::learn::grouped;
use sallyport_egress::meaning::{Change, Region};
use sallyport_egress::rollout::{Standing, written_moment};

use super::examples::Examples;
use super::line::{Decision, Record, taken};
use super::repeats::{Known, MOST};
use super::subject::Subject;
use super::timed::Timed;

/// So many callers are counted by name, in all and in regions; the rest is summed, as the gateways do.
const MOST_CALLERS: usize = 10_000;

/// Whose a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Own,
    /// It may be of this gateway or of another one.
    Open,
    Others,
}

/// Whether a time can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Time {
    Past,
    Future,
}

impl Time {
    /// `now`: here. Clocks may differ a little.
    pub(super) fn of(at: i64, now: i64) -> Self {
        if at > now.saturating_add(CLOCKS) { Self::Future } else { Self::Past }
    }
}

/// Lines that are not whole: how many, and what there is to say of the first.
#[derive(Clone, Debug, Default)]
struct Flaws {
    count: u64,
    first: String,
}

impl Flaws {
    fn note(&mut self, first: impl FnOnce() -> String) {
        if self.count == 0 {
            self.first = first();
        }
        self.count = self.count.saturating_add(1);
    }

    /// `of`: what they are, of one and of several.
    fn words(&self, [one, several]: [&str; 2]) -> Option<String> {
        match self.count {
            0 => None,
            1 => Some(format!("1 {one}: {}", self.first)),
            count => Some(format!("{count} {several}, the first: {}", self.first)),
        }
    }
}

/// What logs say of one gateway.
#[derive(Clone, Debug, Default)]
pub(super) struct Logged {
    pub(super) observed: Observed,
    pub(super) examples: Examples,
    /// What the filter's examples show, and when last.
    shown: BTreeMap<Entry, i64>,
    /// When lines show that the gateway has in force what it is to have: pods took it, or a line of a region shows that the
    /// candidate is evaluated. And when a pod last took something else.
    proofs: BTreeSet<i64>,
    left: Option<i64>,
    /// Requests by caller. Those of before the proof are left out in the end.
    callers: Timed,
    /// Of a filter: requests, those that were to reach the upstream and errors, by second.
    by_second: BTreeMap<i64, [f64; 3]>,
    unread: Flaws,
    future: Flaws,
    /// Lines that are there again, and do not count again.
    repeated: u64,
    /// Whether there are lines of which that is not known.
    has_open: bool,
}

impl Logged {
    /// A line that cannot be read, and why. `place`: `FILE:LINE`.
    pub(super) fn unread(&mut self, why: &str, place: impl FnOnce() -> String) {
        self.unread.note(|| format!("{}: {why}", place()));
    }

    /// A line of a time that cannot be.
    pub(super) fn future(&mut self, at: i64, now: i64, place: impl FnOnce() -> String) {
        let [at, now] = [at, now].map(written_moment);
        self.future.note(|| format!("{} is of {at}, and here it is {now}", place()));
    }

    /// The filter's own line about a configuration that it has taken.
    pub(super) fn prove(&mut self, line: &str, subject: &Subject<'_>, now: i64) {
        let Some((mark, at)) = taken(line, &subject.egress.route()) else { return };
        // A filter may have been in force for longer than it is looked back.
        if at < subject.since && !subject.is_of_filter {
            return;
        }
        if mark != subject.mark {
            self.left = self.left.max(Some(at));
        } else if Time::of(at, now) == Time::Past {
            self.proofs.insert(at);
        }
    }

    /// An example shows that there was a request, and counts none.
    pub(super) fn example(&mut self, record: &Record, at: i64, subject: &Subject<'_>) {
        let Some(region) = record.region() else { return };
        let pair = match change(subject, region) {
            Some(Change::Narrowed) => Pair::Narrowed,
            Some(Change::Widened) => Pair::Widened,
            _ => record.pair(),
        };
        let mut entry = Entry { region: region.to_owned(), pair, caller: record.caller() };
        if let Some(example) = record.example() {
            self.examples.note(region, entry.caller.clone(), example);
        }
        if !self.shown.contains_key(&entry) && self.shown.len() >= MOST_CALLERS {
            entry.caller = Counted::Others;
        }
        self.shown.entry(entry).and_modify(|last| *last = at.max(*last)).or_insert(at);
    }

    /// A request of the access log.
    pub(super) fn request(
        &mut self,
        record: &Record,
        decision: Decision,
        (at, time): (i64, Time),
        (whose, known): (Whose, Known),
        subject: &Subject<'_>,
    ) {
        let is_error = matches!(decision, Decision::Allowed { is_error: true } | Decision::Failed);
        let is_again = known == Known::Again;
        self.has_open |= known == Known::Open;
        // Without its ID another request may have the same line, and errors are not taken for fewer than there are.
        if is_again && (record.has_id() || !is_error) {
            self.repeated = self.repeated.saturating_add(1);
            return;
        }
        let is_for = !is_again && whose == Whose::Own && time == Time::Past && decision != Decision::Failed;
        let is_allowed = matches!(decision, Decision::Allowed { .. });
        if is_for {
            self.observed.now = self.observed.now.max(at as f64);
            self.observed.knows_answers = true;
        }
        let amounts = [is_for, (is_for && is_allowed) || is_error, is_error].map(|is| if is { 1.0 } else { 0.0 });
        if subject.is_of_filter {
            if amounts != [0.0; 3] {
                let sums = self.by_second.entry(at).or_default();
                sums.iter_mut().zip(amounts).for_each(|(sum, amount)| *sum += amount);
            }
            return;
        }
        add(&mut self.observed, amounts);
        let who = record.caller();
        if is_for {
            let is_full = !self.callers.has(&who) && self.callers.callers() >= MOST_CALLERS;
            self.callers.note(if is_full { Counted::Others } else { who.clone() }, at);
        }
        if let Some(region) = record.region().filter(|_| !is_again) {
            self.enter(record, (region, who), is_allowed, (at, is_for), subject);
        }
    }

    fn enter(
        &mut self,
        record: &Record,
        (region, who): (&str, Counted),
        is_allowed: bool,
        (at, is_for): (i64, bool),
        subject: &Subject<'_>,
    ) {
        let change = change(subject, region);
        if is_for {
            let is_proof = match (subject.standing, change) {
                (Standing::Proposed | Standing::Shadow, change) => change.is_some() || region == Trial::OTHER,
                // At these stages such a line shows that the candidate decided; in others it may be of the stage before.
                (_, Some(Change::Narrowed)) => !is_allowed,
                (_, Some(Change::Widened)) => is_allowed,
                (_, Some(_) | None) => false,
            };
            if is_proof {
                self.proofs.insert(at);
            }
        }
        let pair = pair(change, is_allowed, subject.standing);
        let found = &mut self.observed;
        let mut entry = Entry { region: region.to_owned(), pair, caller: who.clone() };
        if !found.entries.contains_key(&entry) && found.entries.len() >= MOST_CALLERS {
            entry.caller = Counted::Others;
            if !subject.has_region(region) {
                Trial::OTHER.clone_into(&mut entry.region);
            }
        }
        *found.entries.entry(entry.clone()).or_default() += 1.0;
        let last = found.seen.entry(entry.region.clone()).or_default();
        *last = last.max(at as f64);
        found.first.entry(entry).and_modify(|first| *first = first.min(at as f64)).or_insert(at as f64);
        if let Some(request) = record.example() {
            self.examples.note(region, who, request);
        }
    }

    /// All lines are read. A gateway without the candidate logs the same lines, so what counts as evidence begins with the first
    /// proof behind the last line that shows something else; what speaks against a step counts since the stage began.
    pub(super) fn finish(&mut self, subject: &Subject<'_>) {
        let left = self.left;
        let proof = self.proofs.iter().find(|proof| left.is_none_or(|left| **proof > left)).copied();
        let from = proof.map_or(i64::MAX, |proof| proof.max(subject.since));
        let first = if subject.is_of_filter { self.of_filter(from) } else { self.of_candidate(from) };
        if proof.is_none() && self.observed.requests.is_some() {
            let Observed { now, entries, first, seen, .. } = std::mem::take(&mut self.observed);
            self.observed = Observed { now, entries, first, seen, is_unproven: true, ..Observed::default() };
        }
        self.observed.seconds = first.map_or(0.0, |first| self.observed.now - first as f64).max(0.0);
        let unread = self.unread.words(["line cannot be read", "lines cannot be read"]);
        let future = self.future.words(["line is of the future", "lines are of the future"]);
        let open = self.has_open.then(|| {
            let most = grouped(MOST as u64);
            format!(
                "the logs have more than {most} different lines, so it is not known of all of them whether two logs have them: give \
                 --prometheus, or one log"
            )
        });
        self.observed.warnings.extend([unread, future, open].into_iter().flatten());
    }

    /// What there is to say that keeps no step from being taken.
    pub(super) fn notes(&self) -> Vec<String> {
        let text = match self.repeated {
            0 => return Vec::new(),
            1 => "1 line is in the logs again, and counts once".to_owned(),
            several => format!("{} lines are in the logs again, and count once", grouped(several)),
        };
        vec![text]
    }

    /// The requests of a candidate from a time on, and when the first of them was.
    fn of_candidate(&mut self, from: i64) -> Option<i64> {
        let (callers, first) = self.callers.since(from);
        if self.observed.requests.is_some() {
            self.observed.requests = Some(callers.values().fold(0.0, |sum, count| sum + count));
        }
        self.observed.callers = callers;
        first
    }

    /// The same of a filter, with their answers.
    fn of_filter(&mut self, from: i64) -> Option<i64> {
        let mut sums = [0.0; 3];
        for one in self.by_second.range(from..).map(|(_, one)| one) {
            sums.iter_mut().zip(one).for_each(|(sum, amount)| *sum += amount);
        }
        if !self.by_second.is_empty() {
            self.observed.requests = Some(0.0);
            add(&mut self.observed, sums);
        }
        self.by_second.range(from..).next().map(|(at, _)| *at)
    }

    /// What examples show, and what is not counted, is counted once.
    pub(super) fn add_shown(&self, observed: &mut Observed) {
        for (entry, last) in &self.shown {
            let among_others = Entry { caller: Counted::Others, ..entry.clone() };
            if observed.entries.contains_key(entry) || observed.entries.contains_key(&among_others) {
                continue;
            }
            observed.entries.insert(entry.clone(), 1.0);
            let seen = observed.seen.entry(entry.region.clone()).or_default();
            *seen = seen.max(*last as f64);
        }
    }
}

fn change(subject: &Subject<'_>, id: &str) -> Option<Change> {
    subject.regions.iter().find(|known| known.id == id).map(Region::change)
}

/// Requests, those that were to reach the upstream, and errors. What is not there is not known.
fn add(found: &mut Observed, [requests, all, errors]: [f64; 3]) {
    if requests > 0.0 {
        *found.requests.get_or_insert(0.0) += requests;
    }
    if all > 0.0 {
        let answers = found.answers.get_or_insert(Answers { all: 0.0, errors: 0.0 });
        answers.all += all;
        answers.errors += errors;
    }
}

/// What both policies decide of a request of a region.
fn pair(change: Option<Change>, is_allowed: bool, standing: Standing) -> Pair {
    match (change, standing, is_allowed) {
        (Some(Change::Narrowed), _, _) => Pair::Narrowed,
        (Some(Change::Widened), _, _) => Pair::Widened,
        (Some(_), _, true) => Pair::Allowed,
        (Some(_), _, false) => Pair::Refused,
        // The candidate decides, so what is refused may have been allowed.
        (None, Standing::Enforce, true) => Pair::Widened,
        (None, Standing::Enforce, false) | (None, Standing::Canary(_), _) => Pair::Narrowed,
        (None, _, true) => Pair::Narrowed,
        (None, _, false) => Pair::Widened,
    }
}
