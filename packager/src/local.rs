//! `sallyport run`: one Egress file served by a real Envoy on this machine.
//!
//! What a gateway has in the mesh is made here from files: a certificate authority and its certificates
//! ([`authority`]), Envoy's configuration ([`bootstrap`]), the program itself ([`envoy`]). [`session`] ties them
//! together and follows the file as it changes. Everything listens on 127.0.0.1 and ends with the command.
//!
//! Deciding what to write is pure ([`caller`], [`example`], [`curl`], [`bootstrap`], [`resources`]); everything that
//! touches the machine says so in its name.

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
pub(crate) mod locate;
pub(crate) mod module;
pub(crate) mod port;
pub(crate) mod resources;
pub(crate) mod session;
pub(crate) mod setup;
pub(crate) mod source;
pub(crate) mod trust;
pub(crate) mod watch;
