//! Where in a policy something is written.

use core::fmt;

/// A place in a policy: a chain of borrowed links on the stack. It is formatted only when a problem is reported, so a sound
/// policy allocates nothing for its places.
#[derive(Clone, Copy, Debug)]
pub enum Place<'p> {
    /// The whole policy.
    Root,
    /// A field of the policy.
    Field(&'static str),
    /// A field of the mapping at a place.
    Inner(&'p Place<'p>, &'static str),
    /// An item of a list.
    Item(&'p Place<'p>, usize),
}

impl Place<'_> {
    /// The place of a field of the mapping that is here.
    #[must_use]
    pub fn field(&self, name: &'static str) -> Place<'_> {
        match self {
            Self::Root => Place::Field(name),
            parent => Place::Inner(parent, name),
        }
    }

    /// The place of an item of the list that is here.
    #[must_use]
    pub fn item(&self, position: usize) -> Place<'_> {
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
