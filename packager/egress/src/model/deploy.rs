//! The gateway's pods, its routes and limits, and how the filter gets there.

mod expose;
mod filter;
mod gateway;
mod patch;
pub mod port;
mod route;

pub use self::expose::Expose;
pub(crate) use self::expose::INGRESS_LABEL;
pub use self::filter::{Delivery, FilterImage};
pub use self::gateway::{Gateway, Install, Opa, Resources};
pub use self::patch::{Document, EVERY_KIND, Operation, OperationKind, Patch};
pub use self::port::Port;
pub use self::route::{ConnectionPool, OutlierDetection, PathRoute, Retries, Route};
