//! The two kinds of map that serve everything here: each kind is compiled once, and the filter's module is small.

use rustc_hash::FxHashMap;

/// Numbers by name.
pub(crate) type ByteMap = FxHashMap<Box<[u8]>, u32>;
/// Numbers by a pair of numbers.
pub(crate) type PairMap = FxHashMap<(u32, u32), u32>;
