//! Sallyport's proxy-wasm filter: the adapter between Envoy and the decision core.
//!
//! `dispatch` is called by the host, `root` configures and ticks, `gate` is what is in force, `health` keeps the upstream's state and probes it, `stream`
//! handles one request, `trailers` what comes after its body and its answer's, `host` is the only place that names a
//! host call. Nothing is decided here.
//!
//! Nothing here panics: a trap would end the worker's VM, and with it every counter. Every host status is a value (`host`),
//! every unknown context is refused (`dispatch`), a bad configuration is refused whole, and a stream without a policy is refused.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::unreachable
)]
#![deny(unsafe_code)]

#[allow(unsafe_code, reason = "the entry points that the host calls")]
mod dispatch;
mod gate;
mod health;
#[allow(unsafe_code, reason = "the one file that calls the host")]
mod host;
mod root;
mod stream;
mod trailers;

/// Which version of the policy this filter reads, for `sallyport image verify`: a custom section, which changes nothing.
#[allow(unsafe_code, reason = "a static in a section of its own")]
mod declared {
    #[unsafe(link_section = "sallyport.policy")]
    #[used]
    static POLICY_VERSION: [u8; 1] = [b'0' + sallyport_core::wire::WIRE_VERSION as u8];
}
