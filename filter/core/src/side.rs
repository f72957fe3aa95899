//! The two policies of one configuration: the one in force, and the candidate that may take its place.

use core::ops::{BitOr, BitOrAssign};

/// One of the two policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The policy in force.
    InForce,
    /// Its candidate. Rules in shadow are one, and so is a whole policy in shadow: what it would replace lets everything pass.
    Candidate,
}

impl Side {
    /// How many there are.
    pub(crate) const COUNT: usize = 2;
    /// Both, in the order of their numbers.
    pub(crate) const ALL: [Self; Self::COUNT] = [Self::InForce, Self::Candidate];
}

/// Some of the policies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sides(u8);

impl Sides {
    /// None of them.
    pub(crate) const NONE: Self = Self(0);
    /// The policy in force only.
    pub(crate) const IN_FORCE: Self = Self(1);
    /// The candidate only.
    pub(crate) const CANDIDATE: Self = Self(2);
    /// Both.
    pub(crate) const BOTH: Self = Self(3);

    /// Whether this one is among them.
    pub(crate) fn contains(self, side: Side) -> bool {
        self.0 & Self::from(side).0 != 0
    }

    /// Whether there is none.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl From<Side> for Sides {
    fn from(side: Side) -> Self {
        match side {
            Side::InForce => Self::IN_FORCE,
            Side::Candidate => Self::CANDIDATE,
        }
    }
}

impl BitOr for Sides {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Sides {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}
