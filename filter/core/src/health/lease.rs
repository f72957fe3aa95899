//! Who probes: the VM that leases the time until the next probe.
//!
//! # Design
//!
//! N workers tick N times, and one of them is to probe. There is no leader who could die with the office: each probe is
//! a lease of its own, taken by the first VM that finds the last one over and gets its write through. A lease of the
//! far future, left by a clock that was ahead, is no lease.

use super::gate::State;
use super::probe::Probe;

impl State {
    /// Takes the lease if it is free: then the caller, once its write is through, owes a probe.
    pub(super) fn lease(&mut self, probe: &Probe, now: u64, random: u32) -> bool {
        let longest = u64::from(probe.interval.max(probe.timeout));
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
        assert!(state.lease(&probe, 1_000, 0));
        assert!(!state.lease(&probe, 1_000, 0));
        assert!(!state.lease(&probe, 5_999, 0));
        assert!(state.lease(&probe, 6_000, 0));
    }

    #[test]
    fn a_lease_of_a_clock_that_was_ahead_is_none() {
        let probe = probe();
        let mut state = State::new(0);
        state.leased_until = 1_000_000;
        assert!(state.lease(&probe, 10_000, 0));
        assert_eq!(state.leased_until, 15_000);
    }
}
