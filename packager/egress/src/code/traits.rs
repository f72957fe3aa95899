//! How codes are compared and written.

use super::Code;
use sallyport_core::PolicyCode;
use serde::{Serialize, Serializer};
use std::cmp::Ordering;
use std::fmt;

impl From<PolicyCode> for Code {
    fn from(code: PolicyCode) -> Self {
        Code::Policy(code)
    }
}

impl PartialEq<&str> for Code {
    fn eq(&self, number: &&str) -> bool {
        self.as_str() == *number
    }
}

/// By number.
impl Ord for Code {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for Code {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
