//! Matchers: one noun per file, each built by the compiler from text, each matching canonical values only.

pub mod grpc;
pub mod host;
pub mod identity;
pub mod metadata;
pub mod method;
pub mod network;
pub mod path;
pub mod port;
pub mod regex;
pub mod request_principal;
pub mod set;
pub mod string;
pub mod value;
