//! Where a step leads, in words: the report, the message of a commit and what is not committed say the same.

use super::state::State;

/// Where the last step leads.
pub(super) const SETTLED: &str = "settled";
/// What a gateway's rollback leads to.
pub(super) const TO_THE_EGRESS: &str = "the rules of the Egress file";
/// The same after the candidate was settled: the Egress file itself goes back.
pub(super) const TO_BEFORE: &str = "the rules from before";
/// How a gateway without a pin gets its filter.
pub(super) const LOCK_FILTER: &str = "the filter of the lock";
/// The filter that gateways get one by one.
pub(super) const NEXT_FILTER: &str = "the next filter";
/// Whom the rollback of a filter is for.
pub(super) const EVERY_GATEWAY: &str = "every gateway";

/// The filter that a gateway without a pin has.
pub(super) fn of_the_lock(state: &State) -> String {
    let digest = state.filter.as_ref().map(|filter| format!("{}, ", filter.digest)).unwrap_or_default();
    format!("{digest}{LOCK_FILTER}")
}
