//! What the tests, the fuzz targets and the benches share.
#![allow(dead_code, reason = "each of them uses its own part of this")]
#![allow(unreachable_pub, reason = "a test's modules are reached by `mod`, not as a library")]

pub mod generate;
pub mod request;
pub mod wire;
