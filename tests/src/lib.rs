//! The end-to-end harness: one real program a file, started and stopped by value.
//!
//! A value of [`gate::Gate`], [`upstream::Httpbin`] or [`echo::Echo`] is a running program; dropping it ends the program
//! and all that it started. Nothing here decides anything: the harness starts built artifacts, speaks to them over
//! loopback TLS as a caller would, and hands back what they answered. It never links proxy-wasm.

pub mod calls;
pub mod certs;
pub mod chromium;
pub mod client;
pub mod cluster;
pub mod crowd;
pub mod dns;
pub mod echo;
pub mod envoys;
pub mod faulty;
pub mod gate;
pub mod grpc;
pub mod istio;
pub mod jwt;
pub mod load;
pub mod named;
pub mod plain;
pub mod plaintext;
pub mod prober;
pub mod process;
pub mod prometheus;
pub mod registry;
pub mod scenes;
pub mod sources;
pub mod stage;
pub mod upstream;

use std::path::{Path, PathBuf};

/// The root of the workspace.
#[must_use]
pub fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// What `tests/setup` made.
#[must_use]
pub fn tools() -> PathBuf {
    workspace().join("target/tools")
}
