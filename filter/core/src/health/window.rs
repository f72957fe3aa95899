//! What callers got recently: a ring of time slices that all VMs share, and a tally of what one VM saw since it last wrote
//! the record.

/// Slices of a window: old counts are dropped a tenth of the window at a time.
pub(super) const SLICES: usize = 10;

/// What one VM saw since it last wrote the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Answers, failures included.
    pub(super) total: u32,
    /// Failures, those to reach the upstream included.
    pub(super) failed: u32,
    /// Answers slower than the limit.
    pub(super) slow: u32,
    /// Whether there was a success: it ends a row of failures that began earlier.
    pub(super) any_success: bool,
    /// Whether there was an answer, a failure or not: it ends a row of requests that did not reach the upstream.
    pub(super) any_answer: bool,
    /// Failures of the upstream since the last success.
    pub(super) row: u32,
    /// Failures to reach the upstream since the last answer.
    pub(super) local_row: u32,
}

/// What a caller got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer that is not a failure, and how long the upstream took in ms, where that is known.
    Success(Option<u32>),
    /// The upstream's own failure.
    Failure,
    /// The gateway could not reach the upstream.
    LocalFailure,
}

impl Outcome {
    pub(super) fn is_failure(self) -> bool {
        !matches!(self, Self::Success(_))
    }
}

impl Tally {
    /// Adds one; above `limit`, in ms, it is slow.
    pub(super) fn add(&mut self, outcome: Outcome, limit: Option<u32>) {
        self.total = self.total.saturating_add(1);
        match outcome {
            Outcome::Success(time) => {
                (self.any_success, self.any_answer, self.row, self.local_row) = (true, true, 0, 0);
                if time.zip(limit).is_some_and(|(time, limit)| time > limit) {
                    self.slow = self.slow.saturating_add(1);
                }
            }
            Outcome::Failure => {
                self.failed = self.failed.saturating_add(1);
                self.row = self.row.saturating_add(1);
                // It answered, so it was reached.
                (self.any_answer, self.local_row) = (true, 0);
            }
            Outcome::LocalFailure => {
                self.failed = self.failed.saturating_add(1);
                self.local_row = self.local_row.saturating_add(1);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.total == 0
    }
}

/// One slice of the ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Slice {
    /// Its position in time, in slices since the epoch.
    pub(super) number: u64,
    pub(super) total: u32,
    pub(super) failed: u32,
    pub(super) slow: u32,
}

/// The ring, shared by all VMs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) slices: [Slice; SLICES],
}

impl Window {
    /// Adds what a VM saw, as if all of it happened now.
    pub(super) fn add(&mut self, tally: &Tally, width: u32, now: u64) {
        let number = Self::number(width, now);
        let slot = usize::try_from(number.checked_rem(SLICES as u64).unwrap_or(0)).unwrap_or(0);
        let Some(slice) = self.slices.get_mut(slot) else { return };
        if slice.number != number {
            *slice = Slice { number, ..Slice::default() };
        }
        slice.total = slice.total.saturating_add(tally.total);
        slice.failed = slice.failed.saturating_add(tally.failed);
        slice.slow = slice.slow.saturating_add(tally.slow);
    }

    /// Total, failed and slow of the slices that are not too old. Slices of the future, there after the clock went back,
    /// are ignored.
    pub(super) fn sum(&self, width: u32, now: u64) -> (u64, u64, u64) {
        let number = Self::number(width, now);
        let recent = |slice: &&Slice| number.checked_sub(slice.number).is_some_and(|age| age < SLICES as u64);
        self.slices.iter().filter(recent).fold((0, 0, 0), |(total, failed, slow): (u64, u64, u64), slice| {
            (
                total.saturating_add(slice.total.into()),
                failed.saturating_add(slice.failed.into()),
                slow.saturating_add(slice.slow.into()),
            )
        })
    }

    fn number(width: u32, now: u64) -> u64 {
        let slice = u64::from(width).checked_div(SLICES as u64).unwrap_or(1).max(1);
        now.checked_div(slice).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(outcomes: &[Outcome]) -> Tally {
        let mut tally = Tally::default();
        outcomes.iter().for_each(|outcome| tally.add(*outcome, Some(100)));
        tally
    }

    #[test]
    fn a_success_ends_a_row_and_the_two_rows_are_separate() {
        use Outcome::{Failure, LocalFailure, Success};
        let seen = tally(&[Failure, Success(Some(101)), Failure, Failure]);
        assert_eq!((seen.total, seen.failed, seen.slow, seen.row, seen.local_row), (4, 3, 1, 2, 0));
        let seen = tally(&[Failure, LocalFailure, LocalFailure]);
        assert_eq!((seen.row, seen.local_row, seen.any_success), (1, 2, false));
    }

    #[test]
    fn old_counts_are_dropped_a_slice_at_a_time() {
        let mut window = Window::default();
        window.add(&tally(&[Outcome::Failure; 3]), 10_000, 100_000);
        window.add(&tally(&[Outcome::Success(None); 5]), 10_000, 105_500);
        assert_eq!(window.sum(10_000, 105_500), (8, 3, 0));
        assert_eq!(window.sum(10_000, 109_999), (8, 3, 0));
        assert_eq!(window.sum(10_000, 110_000), (5, 0, 0));
        // The clock goes back: counts of the future are ignored.
        assert_eq!(window.sum(10_000, 50_000), (0, 0, 0));
        window.add(&tally(&[Outcome::Failure; 2]), 10_000, 120_000);
        assert_eq!(window.sum(10_000, 120_000), (2, 2, 0), "a slot is reused");
    }

    #[test]
    fn counts_and_times_saturate() {
        let mut window = Window::default();
        let most = Tally { total: u32::MAX, failed: u32::MAX, ..Tally::default() };
        for _ in 0..2 {
            window.add(&most, 0, u64::MAX);
        }
        assert_eq!(window.sum(0, u64::MAX), (u32::MAX.into(), u32::MAX.into(), 0));
    }
}
