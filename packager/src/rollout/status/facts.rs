//! What there is to say of a gateway, for the formats that people read: each of them has the same facts, in the same order.

use sallyport_egress::evidence::{Counted, JudgedRegion, Judgement, requests as number_of, span, whole};

use super::model::{GatewayStatus, follows, word};
use crate::rollout::seen::Judged;

/// One fact.
pub(super) struct Fact {
    /// Whether it is about the fact before it that is not.
    pub(super) is_part: bool,
    pub(super) name: String,
    pub(super) value: String,
}

/// What was seen, region by region, and what follows.
pub(super) fn facts(gateway: &GatewayStatus<'_>) -> Vec<Fact> {
    let mut facts = Facts(Vec::new());
    if let Some(digest) = &gateway.digest {
        facts.main("to be in force", digest);
    }
    gateway.notes.iter().for_each(|note| facts.main("note", note));
    if let Some(judged) = gateway.judged {
        facts.seen(judged);
    }
    if let Some(next) = &gateway.next {
        facts.main("next", &format!("{next}: {}", gateway.follows()));
    }
    for missing in &gateway.missing {
        facts.part(if missing.blocks { "blocks" } else { "missing" }, &missing.text);
    }
    facts.0
}

struct Facts(Vec<Fact>);

impl Facts {
    fn main(&mut self, name: &str, value: &str) {
        self.0.push(Fact { is_part: false, name: name.to_owned(), value: value.to_owned() });
    }

    fn part(&mut self, name: &str, value: &str) {
        self.0.push(Fact { is_part: true, name: name.to_owned(), value: value.to_owned() });
    }

    fn seen(&mut self, judged: &Judged) {
        let Judgement { answer, requests, seconds, errors, regions, .. } = &judged.judgement;
        self.main(answer.words(judged.standing), &seen(*requests, *seconds));
        if let Some(errors) = errors {
            self.main("errors", &format!("{:.2}%", errors * 100.0));
        }
        for region in regions {
            let name = format!("{} {}", word(region.change), region.id);
            self.main(&name, &format!("{}: {}", region.words(), follows(region)));
            self.of_region(judged, region);
        }
    }

    fn of_region(&mut self, judged: &Judged, region: &JudgedRegion) {
        if let Some([old, new]) = judged.decided(region) {
            self.part("in force", &old);
            self.part("candidate", &new);
        }
        if !region.entered.is_empty() {
            self.part("entered by", &callers(&region.entered));
        }
        if !region.could.is_empty() {
            self.part("could enter, and active", &callers(&region.could));
        }
        if !region.not_seen.is_empty() {
            self.part("could enter, and not seen", &region.not_seen.join(", "));
        }
        for waived in &region.waived {
            self.part("waived", &format!("{} until {}: {}", waived.caller, waived.until, waived.reason));
        }
    }
}

/// How many requests were seen, in which time.
pub(super) fn seen(requests: f64, seconds: f64) -> String {
    format!("{} in {}", number_of(&whole(requests)), span(seconds as u64))
}

/// Callers with their counts, the first few of them.
fn callers(counts: &[(Counted, f64)]) -> String {
    const MOST: usize = 10;
    let mut shown: Vec<String> =
        counts.iter().take(MOST).map(|(who, count)| format!("{who} ({})", whole(*count))).collect();
    if let Some(more) = counts.len().checked_sub(MOST).filter(|more| *more > 0) {
        shown.push(format!("{more} more, which `--format json` names"));
    }
    shown.join(", ")
}
