//! Where in a policy something stands: kept as a chain on the stack, written out only when a problem is reported.

use std::fmt;

/// A place.
pub(crate) enum Place<'p> {
    /// The whole policy.
    Root,
    /// A field of the policy.
    Field(&'static str),
    /// A field of what stands at a place.
    Inner(&'p Place<'p>, &'static str),
    /// An item of a list.
    Item(&'p Place<'p>, usize),
}

impl Place<'_> {
    pub(crate) fn field(&self, name: &'static str) -> Place<'_> {
        match self {
            Self::Root => Place::Field(name),
            parent => Place::Inner(parent, name),
        }
    }

    pub(crate) fn item(&self, position: usize) -> Place<'_> {
        Place::Item(self, position)
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("."),
            Self::Field(name) => f.write_str(name),
            Self::Inner(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(list, position) => write!(f, "{list}[{position}]"),
        }
    }
}
