//! What follows from what was seen of one region.

use sallyport_core::verdict::Trial;

use super::gate::{Gate, requests};
use super::observed::{Counted, Observed, Pair};
use super::question::{Question, WaivedCaller};
use super::reach::{Group, Reach};
use crate::meaning::{Change, Region};
use crate::value::rollout::written_moment;

/// What follows from what was seen of a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Follows {
    /// The region does not keep the step from being taken, because of what was seen.
    Promotes,
    /// Whatever is seen of it is information.
    Information,
    /// It is not known enough yet, for these reasons.
    Waits(Vec<String>),
    /// What was seen keeps the step from being taken, for these reasons.
    Blocks(Vec<String>),
}

/// What was seen of one region.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedRegion {
    /// The region's id, or `other`.
    pub id: String,
    /// What changes; `None`: the requests are in no region that the gateway counts.
    pub change: Option<Change>,
    /// Who entered it, how often; most first.
    pub entered: Vec<(Counted, f64)>,
    /// When it was entered last, in Unix seconds.
    pub last_seen: Option<i64>,
    /// Who was active and could enter it, with all its requests; most first.
    pub could: Vec<(Counted, f64)>,
    /// Callers that the region's rules name, and that were not active.
    pub not_seen: Vec<String>,
    /// Waivers that hold.
    pub waived: Vec<WaivedCaller>,
    /// What follows.
    pub follows: Follows,
}

impl JudgedRegion {
    /// How often it was entered.
    #[must_use]
    pub fn entries(&self) -> f64 {
        self.entered.iter().fold(0.0, |sum, (_, count)| sum + count)
    }

    /// How often it was entered, and when last, for people.
    #[must_use]
    pub fn words(&self) -> String {
        let last = self.last_seen.map(|last| format!(", last at {}", written_moment(last))).unwrap_or_default();
        match self.entries() {
            count if count <= 0.0 => format!("not entered{last}"),
            count if count <= 1.0 => format!("entered once{last}"),
            count => format!("entered {} times{last}", whole(count)),
        }
    }

    /// A region that refuses what was allowed.
    #[must_use]
    pub fn is_narrowed(&self) -> bool {
        matches!(self.change, Some(Change::Narrowed))
    }

    /// Judges a region of the change.
    pub(super) fn of(region: &Region, question: &Question<'_>, gate: Gate, observed: &Observed) -> Self {
        let reach = Reach::of(region, question.egress, question.mesh);
        let mut judged = Self::seen(&region.id, None, question, observed);
        judged.change = Some(region.change());
        judged.could = most_first(
            observed.callers.iter().filter(|(who, calls)| **calls > 0.0 && reach.could(who)).map(pair).collect(),
        );
        let is_active =
            |name: &&String| judged.could.iter().any(|(who, _)| *who == Counted::Principal((*name).clone()));
        judged.not_seen = reach.named().iter().filter(|name| !is_active(name)).cloned().collect();
        judged.follows = match judged.change {
            Some(Change::Narrowed) => judged.of_narrowed(&reach, gate),
            _ => Follows::Information,
        };
        judged
    }

    /// Judges what is in no region of the change; `None`: nothing is.
    pub(super) fn of_others(question: &Question<'_>, observed: &Observed) -> Option<Self> {
        let mut judged = Self::seen(Trial::OTHER, None, question, observed);
        if judged.entries() <= 0.0 {
            return None;
        }
        let refused = Self::seen(Trial::OTHER, Some(Pair::Narrowed), question, observed);
        if refused.entries() > 0.0 {
            judged.follows = Follows::Blocks(refused.entered.iter().map(|(who, count)| refusal(who, *count)).collect());
        }
        Some(judged)
    }

    /// The counts of a region, or of those of one pair.
    fn seen(id: &str, pair: Option<Pair>, question: &Question<'_>, observed: &Observed) -> Self {
        let mut entered: Vec<(Counted, f64)> = Vec::new();
        let is_meant = |of: Pair| pair.is_none_or(|pair| pair == of);
        for (entry, count) in &observed.entries {
            if entry.region != id || *count <= 0.0 || !is_meant(entry.pair) {
                continue;
            }
            match entered.iter_mut().find(|(who, _)| *who == entry.caller) {
                Some((_, sum)) => *sum += count,
                None => entered.push((entry.caller.clone(), *count)),
            }
        }
        let last_seen = observed.seen.get(id).map(|seen| *seen as i64).filter(|seen| *seen >= question.since);
        Self {
            id: id.to_owned(),
            change: None,
            entered: most_first(entered),
            last_seen,
            could: Vec::new(),
            not_seen: Vec::new(),
            waived: question.waivers(id, observed),
            follows: Follows::Information,
        }
    }

    fn of_narrowed(&self, reach: &Reach, gate: Gate) -> Follows {
        let is_waived = |name: &str| self.waived.iter().any(|waived| waived.caller == name);
        let unwaived =
            self.entered.iter().filter(|(who, _)| !matches!(who, Counted::Principal(name) if is_waived(name)));
        let mut blocks: Vec<String> = unwaived.map(|(who, count)| refusal(who, *count)).collect();
        if let (true, Some(last)) = (self.entered.is_empty(), self.last_seen) {
            blocks.push(format!(
                "it was entered at {}, and no count shows by whom: counters were reset, or a pod is gone",
                written_moment(last)
            ));
        }
        if !blocks.is_empty() {
            return Follows::Blocks(blocks);
        }
        let mut waits = Vec::new();
        for name in self.not_seen.iter().filter(|name| !is_waived(name)) {
            waits.push(format!("{name} could enter it and was not active, so nothing is known of it"));
        }
        let has_active = self.could.iter().any(|(who, _)| *who != Counted::Others);
        let all_waived = !reach.named().is_empty() && reach.named().iter().all(|name| is_waived(name));
        if !has_active && waits.is_empty() && !all_waived && gate.requests > 0 {
            waits.push("no caller that could enter it was active".to_owned());
        } else if gate.requests > 0 {
            let is_active = |group: &&Group| self.could.iter().any(|(who, _)| group.means(who));
            for group in reach.groups().iter().filter(|group| !is_active(group)) {
                waits.push(format!("no caller of {} that could enter it was active", group.words()));
            }
        }
        if waits.is_empty() { Follows::Promotes } else { Follows::Waits(waits) }
    }
}

fn refusal(who: &Counted, count: f64) -> String {
    let requests = requests(&whole(count));
    let help = match who {
        Counted::Principal(_) => "",
        // No waiver can name them.
        Counted::Others | Counted::Anonymous => ", whom no waiver can name",
    };
    format!("{requests} of {who}{help} would be refused")
}

/// A count as people read it. An increase that Prometheus extrapolates is no whole number; what is not zero is at least one.
#[must_use]
pub fn whole(count: f64) -> String {
    if count > 0.0 && count < 1.0 { "1".to_owned() } else { format!("{count:.0}") }
}

fn pair((who, count): (&Counted, &f64)) -> (Counted, f64) {
    (who.clone(), *count)
}

fn most_first(mut counts: Vec<(Counted, f64)>) -> Vec<(Counted, f64)> {
    counts.sort_by(|one, two| two.1.total_cmp(&one.1).then_with(|| one.0.cmp(&two.0)));
    counts
}
