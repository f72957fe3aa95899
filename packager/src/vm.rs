//! A small wasm host for the filter: proxy-wasm ABI 0.2.1 without a proxy.
//!
//! # Design
//!
//! It gives the module what Envoy gives it of one request, and keeps what the module asks for. Calls that need a proxy, such as
//! probes, are taken and lead nowhere. What the module does through the ABI alone is its decision: nothing here knows a rule.

mod abi;
mod filter;
mod reading;
mod state;

pub(crate) use filter::{Filter, Loaded};
