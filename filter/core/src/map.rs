//! The two kinds of map that serve everything here: each kind is compiled once, and the filter's module is small.

use alloc::boxed::Box;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// Numbers by name.
pub(crate) type ByteMap = HashMap<Box<[u8]>, u32, FxBuildHasher>;
/// Numbers by a pair of numbers.
pub(crate) type PairMap = HashMap<(u32, u32), u32, FxBuildHasher>;
