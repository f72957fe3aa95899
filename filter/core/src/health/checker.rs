//! What all settings of the gate are checked by.

use alloc::string::String;

use super::statuses::Statuses;
use crate::problem::{Flaw, Place, PolicyCode, Problems};

/// Longest time, in ms: a day.
const MAX_TIME: u32 = 86_400_000;

/// Takes what is wrong.
pub(super) struct Checker<'p> {
    pub(super) problems: &'p mut Problems,
}

impl Checker<'_> {
    pub(super) fn report(&mut self, place: &Place<'_>, flaw: Flaw) {
        self.problems.report(place, flaw);
    }

    pub(super) fn within(&mut self, place: &Place<'_>, number: u32, least: u32, most: u32) {
        if !(least..=most).contains(&number) {
            let flaw = Flaw::new(PolicyCode::HealthNumber, format_args!("{number} is out of range"))
                .help(format_args!("write a number from {least} to {most}"));
            self.report(place, flaw);
        }
    }

    /// Checks a time in ms.
    pub(super) fn time_within(&mut self, place: &Place<'_>, time: u32, least: u32) {
        if !(least..=MAX_TIME).contains(&time) {
            let flaw = Flaw::new(PolicyCode::HealthNumber, format_args!("{time} ms is out of range"));
            let flaw = if time > MAX_TIME {
                flaw.help(format_args!("write a duration of 24 h or less"))
            } else {
                flaw.help(format_args!("write a duration of {least} ms or more"))
            };
            self.report(place, flaw);
        }
    }

    pub(super) fn statuses(&mut self, place: &Place<'_>, texts: &[String]) -> Statuses {
        let mut statuses = Statuses::default();
        for (position, text) in texts.iter().enumerate() {
            if let Err(flaw) = statuses.add(text) {
                self.report(&place.item(position), flaw);
            }
        }
        if texts.is_empty() {
            let flaw = Flaw::new(PolicyCode::EmptyList, format_args!("the list is empty"))
                .help(format_args!("write an entry, or leave the field out"));
            self.report(place, flaw);
        }
        statuses
    }
}
