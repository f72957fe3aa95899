//! Where in a policy something stands: kept as a chain on the stack, written out only when a problem is reported.

use std::fmt;

/// A place.
pub(super) enum Place<'p> {
    /// A field of the policy.
    Field(&'static str),
    /// A field of what stands at a place.
    Inner(&'p Place<'p>, &'static str),
    /// An item of a list.
    Item(&'p Place<'p>, usize),
}

impl Place<'_> {
    pub(super) fn field(&self, name: &'static str) -> Place<'_> {
        Place::Inner(self, name)
    }

    pub(super) fn item(&self, position: usize) -> Place<'_> {
        Place::Item(self, position)
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => f.write_str(name),
            Self::Inner(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(list, position) => write!(f, "{list}[{position}]"),
        }
    }
}
