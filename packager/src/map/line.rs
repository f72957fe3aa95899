//! For whom a grant is in force, and how the lines are drawn that stand for grants.
//!
//! # Design
//! How much of a grant is in force is one number, which every format shows.

use super::candidate::{Candidate, Change};
use super::model::{Gateway, Grant, Map};

impl Gateway {
    /// For how many of the callers a part of its rules is in force, in percent.
    pub(crate) fn in_force(&self, change: Option<Change>, is_shadow: bool) -> u32 {
        let share = self.candidate.as_ref().map_or(0, Candidate::share);
        match change {
            _ if is_shadow || self.is_shadow() => 0,
            None => 100,
            Some(Change::Added) => share,
            Some(Change::Removed) => 100_u32.saturating_sub(share),
        }
    }
}

impl Map {
    /// For how many of the callers that it names a grant is in force, in percent.
    pub(crate) fn in_force(&self, grant: &Grant) -> u32 {
        self.gateways.get(grant.gateway).map_or(0, |gateway| gateway.in_force(grant.change, grant.is_shadow))
    }
}

/// What is to be seen of the grants, or the ways to upstreams, that one line stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) count: usize,
    is_in_force: bool,
    is_added: bool,
    is_removed: bool,
}

impl Line {
    /// One more way to an upstream.
    pub(super) fn way(&mut self, is_standby: bool) {
        self.count = self.count.saturating_add(1);
        self.is_in_force |= !is_standby;
    }

    /// One more grant.
    pub(super) fn grant(&mut self, map: &Map, grant: &Grant) {
        self.count = self.count.saturating_add(1);
        match grant.change {
            None => self.is_in_force |= map.in_force(grant) > 0,
            Some(Change::Added) => self.is_added = true,
            Some(Change::Removed) => self.is_removed = true,
        }
    }

    /// Its class in the picture. The page has the same ones.
    pub(super) fn class(self) -> &'static str {
        match (self.is_in_force, self.is_added, self.is_removed) {
            (true, false, false) => "",
            (false, false, false) => "dashed",
            (false, true, false) => "added",
            (false, false, true) => "removed",
            (_, true, _) | (_, _, true) => "changed",
        }
    }
}
