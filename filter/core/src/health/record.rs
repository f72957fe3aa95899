//! The shared state as bytes. Bytes that cannot be decoded count as absent: a filter of another version wrote them.

use alloc::vec::Vec;

use super::gate::{Cause, Phase, State};
use super::probe::ProbeFailure;
use super::window::{Slice, Window};

/// The first byte.
const VERSION: u8 = 1;

/// Writes a state.
pub(super) fn encode(state: &State) -> Vec<u8> {
    let State { phase, since, cause, good, failed, last_failure, was_good, row, local_row, window, leased_until } =
        state;
    let mut bytes = vec![VERSION, *phase as u8, u8::from(*was_good)];
    let (kind, first, second) = cause_numbers(*cause);
    bytes.push(kind);
    for number in [first, second, failure_number(*last_failure), *good, *failed, *row, *local_row] {
        bytes.extend(number.to_le_bytes());
    }
    for number in [*since, *leased_until] {
        bytes.extend(number.to_le_bytes());
    }
    for Slice { number, total, failed, slow } in &window.slices {
        bytes.extend(number.to_le_bytes());
        for count in [total, failed, slow] {
            bytes.extend(count.to_le_bytes());
        }
    }
    bytes
}

/// Reads a state.
pub(super) fn decode(bytes: &[u8]) -> Option<State> {
    let mut reader = Reader(bytes);
    let [VERSION, phase, was_good, kind] = reader.take()? else { return None };
    let phase = [Phase::Closed, Phase::HalfOpen, Phase::Open].into_iter().find(|known| *known as u8 == phase)?;
    let (first, second) = (reader.u32()?, reader.u32()?);
    let last_failure = failure(reader.u32()?)?;
    let (good, failed, row, local_row) = (reader.u32()?, reader.u32()?, reader.u32()?, reader.u32()?);
    let (since, leased_until) = (reader.u64()?, reader.u64()?);
    let mut window = Window::default();
    for slice in &mut window.slices {
        *slice = Slice { number: reader.u64()?, total: reader.u32()?, failed: reader.u32()?, slow: reader.u32()? };
    }
    let cause = cause(kind, first, second)?;
    let was_good = was_good == 1;
    let state =
        State { phase, since, cause, good, failed, last_failure, was_good, row, local_row, window, leased_until };
    reader.0.is_empty().then_some(state)
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
}

/// A status as its number plus 100, so that the other kinds fit below.
fn failure_number(failure: Option<ProbeFailure>) -> u32 {
    match failure {
        None => 0,
        Some(ProbeFailure::Unreachable) => 1,
        Some(ProbeFailure::Header) => 2,
        Some(ProbeFailure::Body) => 3,
        Some(ProbeFailure::Status(status)) => u32::from(status).saturating_add(100),
    }
}

fn failure(number: u32) -> Option<Option<ProbeFailure>> {
    Some(match number {
        0 => None,
        1 => Some(ProbeFailure::Unreachable),
        2 => Some(ProbeFailure::Header),
        3 => Some(ProbeFailure::Body),
        number => Some(ProbeFailure::Status(u16::try_from(number.checked_sub(100)?).ok()?)),
    })
}

fn cause_numbers(cause: Cause) -> (u8, u32, u32) {
    match cause {
        Cause::Start => (0, 0, 0),
        Cause::Probes(count, last) => (1, count, failure_number(Some(last))),
        Cause::FailedInARow(count) => (2, count, 0),
        Cause::NotReached(count) => (3, count, 0),
        Cause::FailedShare(failed, total) => (4, failed, total),
        Cause::SlowShare(slow, total) => (5, slow, total),
        Cause::ProbesSucceeded(count) => (6, count, 0),
        Cause::HoldOver => (7, 0, 0),
        Cause::SlowStartDone => (8, 0, 0),
    }
}

fn cause(kind: u8, first: u32, second: u32) -> Option<Cause> {
    Some(match kind {
        0 => Cause::Start,
        1 => Cause::Probes(first, failure(second)??),
        2 => Cause::FailedInARow(first),
        3 => Cause::NotReached(first),
        4 => Cause::FailedShare(first, second),
        5 => Cause::SlowShare(first, second),
        6 => Cause::ProbesSucceeded(first),
        7 => Cause::HoldOver,
        8 => Cause::SlowStartDone,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_record_can_be_read() {
        let causes = [
            Cause::Start,
            Cause::Probes(3, ProbeFailure::Status(503)),
            Cause::Probes(1, ProbeFailure::Body),
            Cause::FailedInARow(u32::MAX),
            Cause::NotReached(2),
            Cause::FailedShare(5, 10),
            Cause::SlowShare(1, 2),
            Cause::ProbesSucceeded(2),
            Cause::HoldOver,
            Cause::SlowStartDone,
        ];
        for (cause, phase) in causes.into_iter().zip([Phase::Closed, Phase::HalfOpen, Phase::Open].into_iter().cycle())
        {
            let mut state =
                State { phase, cause, since: u64::MAX, good: 1, failed: 2, row: 3, local_row: 4, ..State::default() };
            (state.was_good, state.leased_until, state.last_failure) = (true, 9, Some(ProbeFailure::Header));
            state.window.slices[9] = Slice { number: 7, total: 6, failed: 5, slow: 4 };
            assert_eq!(decode(&encode(&state)), Some(state));
        }
    }

    #[test]
    fn a_record_that_cannot_be_decoded_is_absent() {
        let good = encode(&State::default());
        for length in 0..good.len() {
            assert_eq!(decode(&good[..length]), None);
        }
        assert_eq!(decode(&[&good[..], &[0]].concat()), None);
        for (place, value) in [(0, 0), (0, 2), (1, 3), (3, 9)] {
            let mut bytes = good.clone();
            bytes[place] = value;
            assert_eq!(decode(&bytes), None, "{place}: {value}");
        }
    }
}
