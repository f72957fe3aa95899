//! States of parts in which what follows no longer matters.

/// Nothing that begins so matches.
pub(super) const DEAD: u32 = u32::MAX;
/// Everything that begins so matches.
pub(super) const FULL: u32 = u32::MAX - 1;
