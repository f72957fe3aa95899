//! What gateways did while they had a candidate, and what follows from that.
//!
//! [`judge()`] takes what was [`Observed`] of a gateway, and says of each region of the change who entered it, who could have, and
//! whether the next step may be taken.
//!
//! # Design
//! Only evidence promotes. "No data", "no traffic" and "none of it was refused" are three answers, and only the last one is
//! evidence. So whatever is absent, half known or contradictory keeps the step from being taken, with a reason that says what
//! to do; nothing here takes an absent count for zero.
//!
//! Who could enter a region is asked of the engine: a policy of the region's rule with its callers alone. There is no second
//! matcher of callers.

mod answer;
mod filter;
mod findings;
mod gate;
mod judge;
mod observed;
mod question;
mod reach;
mod regions;
#[cfg(test)]
mod tests;

pub use answer::Answer;
pub use filter::judge_filter;
pub use findings::{CLOCKS, Finding};
pub use gate::{Gate, requests, span};
pub use judge::{Judgement, judge};
pub use observed::{Answers, Counted, Entry, Observed, Pair, Pod};
pub use question::{Question, WaivedCaller};
pub use reach::{Group, Reach};
pub use regions::{Follows, JudgedRegion, whole};
