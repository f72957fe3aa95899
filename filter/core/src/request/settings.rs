//! How requests are read under one policy.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::path::Tolerance;
use super::table::NameTable;
use crate::side::Sides;

/// How requests are read under one policy.
#[derive(Clone, Debug)]
pub struct ReadSettings {
    /// What is not refused as ambiguous.
    pub(crate) tolerance: Tolerance,
    /// Principals whose `x-forwarded-client-cert` is trusted.
    pub(crate) forwarders: Vec<Box<str>>,
    /// The headers that rules read.
    pub(crate) headers: NameTable,
    /// The query parameters that rules read.
    pub(crate) parameters: NameTable,
    /// Which policies have a rule that decides and reads the path by a regular expression.
    pub(crate) path_by_pattern: Sides,
    /// Which policies look at the caller's certificate. To the other, if there is a candidate, nothing of it is known.
    pub(crate) certificates: Sides,
    /// Which policies look at tokens and the metadata of other filters.
    pub(crate) metadata: Sides,
}

impl ReadSettings {
    /// Whether there are any trusted forwarders.
    pub(crate) fn has_forwarders(&self) -> bool {
        !self.forwarders.is_empty()
    }

    /// Whether this principal is one.
    pub(crate) fn is_forwarder(&self, principal: &str) -> bool {
        self.forwarders.iter().any(|trusted| **trusted == *principal)
    }

    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        Self {
            tolerance: Tolerance::default(),
            forwarders: Vec::new(),
            headers: NameTable::default(),
            parameters: NameTable::default(),
            path_by_pattern: Sides::NONE,
            certificates: Sides::BOTH,
            metadata: Sides::BOTH,
        }
    }
}
