//! Counts by time, for what is known only in the end: since when they count.

use std::collections::{BTreeMap, HashMap};

use sallyport_egress::evidence::Counted;

/// So many counts are kept apart; with more of them, times become coarser.
const MOST: usize = 1 << 20;

/// Counts of callers by time, in bounded memory.
#[derive(Clone, Debug)]
pub(super) struct Timed {
    /// In seconds.
    width: i64,
    numbers: BTreeMap<Counted, u32>,
    counts: BTreeMap<(u32, i64), f64>,
    most: usize,
}

impl Default for Timed {
    fn default() -> Self {
        Self { width: 1, numbers: BTreeMap::new(), counts: BTreeMap::new(), most: MOST }
    }
}

impl Timed {
    pub(super) fn has(&self, who: &Counted) -> bool {
        self.numbers.contains_key(who)
    }

    /// How many callers there are.
    pub(super) fn callers(&self) -> usize {
        self.numbers.len()
    }

    /// Counts a request of `at`, in Unix seconds.
    pub(super) fn note(&mut self, who: Counted, at: i64) {
        let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(who).or_insert(next);
        *self.counts.entry((number, at.div_euclid(self.width))).or_default() += 1.0;
        while self.counts.len() > self.most.max(self.numbers.len()) {
            self.width = self.width.saturating_mul(2);
            for ((number, at), count) in std::mem::take(&mut self.counts) {
                *self.counts.entry((number, at.div_euclid(2))).or_default() += count;
            }
        }
    }

    /// What was counted from a time on, and when it was first. What may have been before is not in it.
    pub(super) fn since(&self, from: i64) -> (BTreeMap<Counted, f64>, Option<i64>) {
        let names: HashMap<u32, &Counted> = self.numbers.iter().map(|(who, number)| (*number, who)).collect();
        let (mut callers, mut first) = (BTreeMap::new(), None::<i64>);
        for ((number, at), count) in &self.counts {
            let at = at.saturating_mul(self.width);
            let Some(who) = names.get(number).filter(|_| at >= from) else { continue };
            *callers.entry((*who).clone()).or_default() += count;
            // The request may be as late as the end of it.
            let at = at.saturating_add(self.width.saturating_sub(1));
            first = Some(first.map_or(at, |first| first.min(at)));
        }
        (callers, first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(name: &str) -> Counted {
        Counted::Principal(name.to_owned())
    }

    #[test]
    fn what_was_before_does_not_count() {
        let mut timed = Timed::default();
        for at in [100, 101, 105] {
            timed.note(who("a"), at);
        }
        timed.note(who("b"), 99);
        assert_eq!(timed.since(0).0, BTreeMap::from([(who("a"), 3.0), (who("b"), 1.0)]));
        assert_eq!(timed.since(101), (BTreeMap::from([(who("a"), 2.0)]), Some(101)));
        assert_eq!(timed.since(106), (BTreeMap::new(), None));
    }

    /// With coarser times less counts as evidence, never more.
    #[test]
    fn times_become_coarser_and_less_counts() {
        let mut timed = Timed { most: 4, ..Timed::default() };
        (0..64).for_each(|at| timed.note(who("a"), at));
        assert!(timed.counts.len() <= 4);
        assert_eq!(timed.since(0).0, BTreeMap::from([(who("a"), 64.0)]));
        for from in 0..64 {
            let (callers, first) = timed.since(from);
            assert!(callers.values().sum::<f64>() <= (64 - from) as f64, "{from}");
            assert!(first.is_none_or(|first| first >= from), "{from}");
        }
    }
}
