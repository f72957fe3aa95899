//! In which way a request is ambiguous, for each of the two policies.
//!
//! # Design
//!
//! Most kinds of ambiguity depend on the request alone. Some depend on what the rules read, and the policy in force and its
//! candidate may read different headers. So a request that is ambiguous for one of them only is read on, for the other.

use crate::side::{Side, Sides};
use crate::wire::Ambiguity;

/// What is ambiguous for which policy: the first that was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Doubts {
    in_force: Option<Ambiguity>,
    candidate: Option<Ambiguity>,
}

impl Doubts {
    /// The request is ambiguous for these policies.
    ///
    /// # Errors
    ///
    /// It now is for both, so there is no need to read on.
    pub(crate) fn raise(&mut self, sides: Sides, kind: Ambiguity) -> Result<(), Ambiguity> {
        for side in Side::ALL {
            if sides.contains(side) {
                self.slot(side).get_or_insert(kind);
            }
        }
        if self.in_force.is_some() && self.candidate.is_some() { Err(kind) } else { Ok(()) }
    }

    /// The request is ambiguous, whatever the rules read.
    pub(crate) fn of_both(mut self, kind: Ambiguity) -> Self {
        // Whether it was for both before does not matter here.
        let _ = self.raise(Sides::BOTH, kind);
        self
    }

    /// In which way it is for this policy.
    pub(crate) fn of(self, side: Side) -> Option<Ambiguity> {
        match side {
            Side::InForce => self.in_force,
            Side::Candidate => self.candidate,
        }
    }

    fn slot(&mut self, side: Side) -> &mut Option<Ambiguity> {
        match side {
            Side::InForce => &mut self.in_force,
            Side::Candidate => &mut self.candidate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_kind_counts_for_each_policy() {
        let mut doubts = Doubts::default();
        assert_eq!(doubts.raise(Sides::CANDIDATE, Ambiguity::UnderscoreHeader), Ok(()));
        assert_eq!(doubts.raise(Sides::NONE, Ambiguity::AmbiguousQuery), Ok(()));
        assert_eq!(doubts.raise(Sides::CANDIDATE, Ambiguity::AmbiguousQuery), Ok(()));
        assert_eq!((doubts.of(Side::InForce), doubts.of(Side::Candidate)), (None, Some(Ambiguity::UnderscoreHeader)));
        assert_eq!(doubts.raise(Sides::BOTH, Ambiguity::ValueTooLong), Err(Ambiguity::ValueTooLong));
        assert_eq!(doubts.of(Side::Candidate), Some(Ambiguity::UnderscoreHeader));
        assert_eq!(
            Doubts::default().of_both(Ambiguity::MalformedPath).of(Side::InForce),
            Some(Ambiguity::MalformedPath)
        );
    }
}
