//! Sallyport's proxy-wasm filter: the adapter between Envoy and the decision core.
//!
//! `root` configures and ticks, `stream` handles one request, `host` is the only place that names a host call. Nothing
//! is decided here.
//!
//! Nothing here panics: a trap would end the worker's VM, and with it every counter. Host statuses that the SDK would
//! panic on are values (`host`), a bad configuration is refused whole, and a stream without a policy is refused.

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

#[allow(unsafe_code, reason = "the one file that calls the host")]
mod host;
mod root;
mod stream;

#[allow(unsafe_code, reason = "the entry point that the proxy-wasm ABI asks for")]
mod entry {
    proxy_wasm::main! {{
        proxy_wasm::set_root_context(|_| Box::new(super::root::Root::default()));
    }}
}
