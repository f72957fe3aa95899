//! Sallyport's proxy-wasm filter: the adapter between Envoy and the decision core.
//!
//! Nothing is decided here: [`sallyport_core::flow`] says what to look up and what to do. `host` is the only file that names
//! a host call, `policy` is what is in force in this VM, `health` reads and writes the records that all VMs share, `stream`
//! is one request, `root` is the plugin, and `dispatch` is what the host calls.
//!
//! # Floors
//!
//! Each module uses only modules of lower floors; a test holds it to that.
//!
//! ```text
//! dispatch
//! root stream
//! health
//! policy
//! host runtime
//! ```
//!
//! There is no `std` here (`runtime`): its panics format messages and its start reads the environment, which is a tenth of
//! the module.
//!
//! Nothing here panics: a trap would end the worker's VM, and with it every counter. Every host status is a value (`host`),
//! every unknown context is refused (`dispatch`), a bad configuration is refused whole, and so is a stream without a policy.

#![no_std]
#![deny(unsafe_code)]

extern crate alloc;

#[expect(unsafe_code, reason = "the entry points that the host calls")]
mod dispatch;
mod health;
#[expect(unsafe_code, reason = "the one file that calls the host")]
mod host;
mod policy;
mod root;
#[expect(unsafe_code, reason = "a link to the C library, which compares memory")]
mod runtime;
mod stream;

/// Which version of the policy this filter reads, for `sallyport image verify`: a custom section, which changes nothing.
#[expect(unsafe_code, reason = "a static in a section of its own")]
mod declared {
    #[unsafe(link_section = "sallyport.policy")]
    #[used]
    static POLICY_VERSION: [u8; 1] = [b'0' + sallyport_core::wire::WIRE_VERSION as u8];
}
