//! The request: what the host says ([`view`]), and the one canonical form in which rules see it.

pub(crate) mod caller;
pub(crate) mod canonical;
pub(crate) mod doubts;
pub(crate) mod endpoint;
pub(crate) mod forwarded;
mod grpc;
pub(crate) mod host;
pub mod name;
pub mod needs;
pub mod pairs;
pub(crate) mod path;
pub(crate) mod principal;
pub(crate) mod query;
pub(crate) mod reading;
pub(crate) mod settings;
pub(crate) mod table;
pub(crate) mod token;
pub(crate) mod usage;
pub(crate) mod value;
pub mod view;

pub use self::forwarded::parse as parse_certificates;
#[cfg(feature = "compile")]
pub use self::grpc::grpc_content_types;
pub use self::grpc::is_grpc_call;
pub use self::name::is_token_byte;
pub use self::path::{CanonicalPath, Tolerance, canonical};
pub use self::path::{escape, is_of_segment, is_unreserved};
#[cfg(feature = "compile")]
pub use self::token::encode::encode_metadata;
