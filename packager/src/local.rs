//! `sallyport run`: one Egress file served by a real Envoy on this machine.
//!
//! What a gateway has in the mesh is made from files: a certificate authority and its certificates ([`authority`]), Envoy's
//! configuration ([`bootstrap`]), and the process itself ([`envoy`]). [`session`] connects them, and applies the file again
//! when it changes. Everything listens on 127.0.0.1 and ends with the command.
//!
//! Deciding what to write is pure: [`caller`], [`example`], [`curl`], [`bootstrap`] and [`resources`]. The other modules use
//! files, processes or the network.

pub(crate) mod admin;
pub(crate) mod authority;
pub(crate) mod bootstrap;
pub(crate) mod caller;
pub(crate) mod curl;
pub(crate) mod envoy;
pub(crate) mod event;
pub(crate) mod example;
pub(crate) mod files;
pub(crate) mod gateway;
pub(crate) mod load;
pub(crate) mod locate;
pub(crate) mod module;
pub(crate) mod port;
pub(crate) mod resources;
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod setup;
pub(crate) mod trust;
pub(crate) mod watch;
