//! What the tests, the fuzz targets and the benches share.

pub mod generate;
pub mod request;
pub mod wire;
