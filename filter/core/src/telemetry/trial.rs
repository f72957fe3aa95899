//! What a candidate would change, counted by region, by what both policies decide, and by caller.
//!
//! # Design
//!
//! A request costs an addition or two in a map. The number of names is bounded, whoever calls: of each kind of count a few
//! callers have counters of their own, those with most requests at the time; the others share one. A caller that has a
//! counter keeps it.

use alloc::collections::BinaryHeap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use crate::engine::Engine;
use crate::map::{ByteMap, PairMap};
use crate::verdict::{Decision, Trial, Verdict};

/// Callers with counters of their own, in each region and for each pair of verdicts.
pub const MAX_NAMED: u32 = 16;
/// Callers whose requests are counted by name, whatever is decided.
pub const MAX_ACTIVE: u32 = 256;
/// Callers that a worker knows: any further one is counted among the others.
const MAX_KNOWN: usize = 4096;

/// In place of a caller's number: all that have none, and those without an identity.
const OTHERS: u32 = u32::MAX;
const NONE: u32 = u32::MAX - 1;
/// The kind of count that every request has; those of regions are behind it.
const ACTIVITY: u32 = 0;
/// `IN-FORCE_CANDIDATE`.
const PAIRS: [&str; 4] = ["allowed_allowed", "allowed_refused", "refused_allowed", "refused_refused"];

/// What happened since the last flush, under a policy that has a candidate.
#[derive(Debug, Default)]
pub struct Trials {
    /// Numbers of callers, and their names as metrics have them.
    callers: ByteMap,
    names: Vec<String>,
    /// By kind and caller, how often.
    counts: PairMap,
    /// By kind and caller, which metric.
    metrics: PairMap,
    metric_names: Vec<(u32, u32)>,
    /// By kind, how many callers have a metric.
    named: Vec<u32>,
    /// Regions that were entered.
    entered: Vec<bool>,
}

impl Trials {
    /// Counts for a policy with a candidate of so many regions.
    pub(super) fn new(regions: usize) -> Self {
        // One more, for what is in none.
        let regions = regions.saturating_add(1);
        let kinds = regions.saturating_mul(PAIRS.len()).saturating_add(1);
        Self { named: vec![0; kinds], entered: vec![false; regions], ..Self::default() }
    }

    /// Counts a decision.
    pub(super) fn record(&mut self, decision: &Decision<'_>) {
        let caller = decision.caller.principal.as_deref().map_or(NONE, |principal| self.number(principal));
        self.add(ACTIVITY, caller);
        if let Some(trial) = &decision.trial {
            if let Some(entered) = self.entered.get_mut(trial.region) {
                *entered = true;
            }
            self.add(kind_of(trial), caller);
        }
    }

    /// Emits every count that has grown, as (number of the metric, increase), and starts again at zero.
    pub(super) fn drain(&mut self, mut emit: impl FnMut(usize, u64)) {
        // The busiest first, so that it is they who get names.
        let mut counts: BinaryHeap<(u32, (u32, u32))> = self.counts.drain().map(|(key, count)| (count, key)).collect();
        while let Some((count, key)) = counts.pop() {
            emit(self.metric(key), count.into());
        }
    }

    /// Regions that were entered since this was asked, by their ids.
    pub(super) fn entered<'e>(&mut self, engine: &'e Engine) -> Vec<&'e str> {
        let ids = engine.region_ids().chain([Trial::OTHER]);
        ids.zip(&mut self.entered).filter_map(|(id, entered)| core::mem::take(entered).then_some(id)).collect()
    }

    /// The name of a metric: `sallyport.caller.MARK.CALLER`, `sallyport.region.MARK.REGION.IN-FORCE_CANDIDATE.CALLER`. So
    /// what was counted under another configuration is not taken for evidence of this one.
    pub(super) fn name(&self, metric: usize, engine: &Engine) -> String {
        let (kind, caller) = self.metric_names.get(metric).copied().unwrap_or((ACTIVITY, OTHERS));
        let caller = match caller {
            OTHERS => "_others",
            NONE => "_none",
            number => usize::try_from(number).ok().and_then(|number| self.names.get(number)).map_or("", String::as_str),
        };
        let Some(of_region) = kind.checked_sub(1).and_then(|kind| usize::try_from(kind).ok()) else {
            return format!("sallyport.caller.{}.{caller}", engine.mark());
        };
        let number = of_region.checked_div(PAIRS.len()).unwrap_or(usize::MAX);
        let region = engine.region_ids().nth(number).unwrap_or(Trial::OTHER);
        let pair = of_region.checked_rem(PAIRS.len()).and_then(|pair| PAIRS.get(pair)).unwrap_or(&"");
        format!("sallyport.region.{}.{region}.{pair}.{caller}", engine.mark())
    }

    fn add(&mut self, kind: u32, caller: u32) {
        let count = self.counts.entry((kind, caller)).or_insert(0);
        *count = count.saturating_add(1);
    }

    fn number(&mut self, principal: &str) -> u32 {
        if let Some(number) = self.callers.get(principal.as_bytes()) {
            return *number;
        }
        let Some(number) = u32::try_from(self.names.len()).ok().filter(|_| self.names.len() < MAX_KNOWN) else {
            return OTHERS;
        };
        self.callers.insert(principal.as_bytes().into(), number);
        self.names.push(in_metric(principal));
        number
    }

    fn metric(&mut self, key: (u32, u32)) -> usize {
        let (kind, caller) = key;
        let next = self.metric_names.len();
        let known = *self.metrics.entry(key).or_insert_with(|| u32::try_from(next).unwrap_or(u32::MAX));
        let known = usize::try_from(known).unwrap_or(usize::MAX);
        if known != next {
            return known;
        }
        let most = if kind == ACTIVITY { MAX_ACTIVE } else { MAX_NAMED };
        let named = usize::try_from(kind).ok().and_then(|kind| self.named.get_mut(kind));
        match named {
            Some(named) if caller < NONE && *named >= most => {
                self.metrics.remove(&key);
                return self.metric((kind, OTHERS));
            }
            Some(named) if caller < NONE => *named = named.saturating_add(1),
            _ => {}
        }
        self.metric_names.push(key);
        next
    }
}

fn kind_of(trial: &Trial<'_>) -> u32 {
    let [in_force, candidate] = trial.verdicts.map(|verdict| matches!(verdict, Verdict::Refuse(_)));
    let pair = usize::from(in_force).saturating_mul(2).saturating_add(usize::from(candidate));
    let kind = trial.region.saturating_mul(PAIRS.len()).saturating_add(pair).saturating_add(1);
    u32::try_from(kind).unwrap_or(u32::MAX)
}

/// A text as a part of a metric's name: every byte but letters and digits is `_` and two hexadecimal digits, because Prometheus
/// knows no others.
#[must_use]
pub fn in_metric(text: &str) -> String {
    text.bytes().fold(String::new(), |mut name, byte| {
        if byte.is_ascii_alphanumeric() {
            name.push(byte.into());
        } else {
            // Writing to a String cannot fail.
            let _ = write!(name, "_{byte:02x}");
        }
        name
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::telemetry::tests::{candidate, request};

    fn drained(trials: &mut Trials, engine: &Engine) -> BTreeMap<String, u64> {
        let mut found = BTreeMap::new();
        let mut counts = Vec::new();
        trials.drain(|metric, by| counts.push((metric, by)));
        for (metric, by) in counts {
            *found.entry(trials.name(metric, engine)).or_insert(0) += by;
        }
        found
    }

    #[test]
    fn what_is_decided_otherwise_is_counted_by_region_verdicts_and_caller() {
        let engine = candidate("");
        let mut trials = Trials::new(engine.region_ids().len());
        for (path, caller) in [("/a", Some("a")), ("/b", Some("a")), ("/b", Some("a-b")), ("/b", None), ("/c", None)] {
            request(path, caller, |view| trials.record(&engine.on_request(view)));
        }
        assert_eq!(trials.entered(&engine), ["aaaaaaaaaaaa", "other"]);
        assert_eq!(trials.entered(&engine), [""; 0]);
        let found: Vec<_> = drained(&mut trials, &engine)
            .into_iter()
            .map(|(name, by)| format!("{} {by}", name.replace(engine.mark(), "MARK")))
            .collect();
        assert_eq!(
            found,
            [
                "sallyport.caller.MARK._none 2",
                "sallyport.caller.MARK.td_2fns_2fn_2fsa_2fa 2",
                "sallyport.caller.MARK.td_2fns_2fn_2fsa_2fa_2db 1",
                "sallyport.region.MARK.aaaaaaaaaaaa.allowed_refused._none 1",
                "sallyport.region.MARK.aaaaaaaaaaaa.allowed_refused.td_2fns_2fn_2fsa_2fa 1",
                "sallyport.region.MARK.aaaaaaaaaaaa.allowed_refused.td_2fns_2fn_2fsa_2fa_2db 1",
                "sallyport.region.MARK.other.refused_allowed._none 1",
            ]
        );
        assert_eq!(drained(&mut trials, &engine), BTreeMap::new());
    }

    #[test]
    fn the_busiest_callers_have_names_and_keep_them() {
        let engine = candidate("");
        let mut trials = Trials::new(engine.region_ids().len());
        let of_region = |found: &BTreeMap<String, u64>| -> Vec<(String, u64)> {
            let region = found.iter().filter(|(name, _)| name.contains(".region."));
            region.map(|(name, by)| (name.rsplit('.').next().unwrap().to_owned(), *by)).collect()
        };
        for number in 0..40 {
            for _ in 0..=number {
                request("/b", Some(&format!("s{number:02}")), |view| trials.record(&engine.on_request(view)));
            }
        }
        let found = of_region(&drained(&mut trials, &engine));
        assert_eq!(found.len(), 17);
        assert_eq!(found[0], ("_others".to_owned(), (0..24).map(|number| number + 1).sum()));
        assert!(found[1].0.ends_with("s24"), "{found:?}");
        for number in [3, 39] {
            request("/b", Some(&format!("s{number:02}")), |view| trials.record(&engine.on_request(view)));
        }
        let found = of_region(&drained(&mut trials, &engine));
        assert_eq!(
            found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["_others", "td_2fns_2fn_2fsa_2fs39"]
        );
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let engine = candidate("");
        let mut trials = Trials::new(engine.region_ids().len());
        for number in 0..MAX_KNOWN * 2 {
            request("/b", Some(&format!("s{number}")), |view| trials.record(&engine.on_request(view)));
        }
        let found = drained(&mut trials, &engine);
        assert_eq!(found.len(), (MAX_NAMED + MAX_ACTIVE + 2) as usize);
        assert_eq!(found.values().sum::<u64>(), 4 * MAX_KNOWN as u64);
        assert_eq!((trials.names.len(), trials.metric_names.len()), (MAX_KNOWN, found.len()));
    }
}
