//! Which VM probes: the one that takes the lease on the time until the next probe.
//!
//! # Design
//!
//! All workers tick, and one of them should probe. There is no leader whose death would stop the probes: each probe has a
//! lease of its own, taken by the first VM that finds the last one expired and whose write of the record succeeds.

use super::gate::State;
use super::probe::Probe;

impl State {
    /// Takes the lease if it is free. Then this VM must send a probe, once it has written the record.
    pub(super) fn take_lease(&mut self, probe: &Probe, now: u64, random: u32) -> bool {
        let longest = u64::from(probe.interval.max(probe.timeout));
        // A lease that ends later than any lease can was taken under a clock that was ahead. It does not count, or no VM
        // would probe until the clock gets there.
        let free = now >= self.leased_until || self.leased_until.saturating_sub(now) > longest;
        if free {
            self.leased_until = probe.next(now, random);
        }
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::probe::tests::probe;

    #[test]
    fn one_lease_at_a_time() {
        let probe = probe();
        let mut state = State::new(1_000);
        assert!(state.take_lease(&probe, 1_000, 0));
        assert!(!state.take_lease(&probe, 1_000, 0));
        assert!(!state.take_lease(&probe, 5_999, 0));
        assert!(state.take_lease(&probe, 6_000, 0));
    }

    #[test]
    fn a_lease_under_a_clock_that_was_ahead_does_not_count() {
        let probe = probe();
        let mut state = State::new(0);
        state.leased_until = 1_000_000;
        assert!(state.take_lease(&probe, 10_000, 0));
        assert_eq!(state.leased_until, 15_000);
    }
}
