//! `sallyport run`: Egress files served by real Envoys on this machine, one for each Egress, as each has a gateway of its own.
//!
//! What a gateway has in the mesh is made from files: a certificate authority and its certificates ([`authority`]), Envoy's
//! static configuration ([`bootstrap`]), and the process itself ([`envoy`]). Everything else that Envoy gets is translated
//! from the objects that `sallyport build` emits ([`sallyport_manifest::serve`]); nothing here decides any of it. [`session`]
//! connects them, and applies the files again when they change. Everything listens on 127.0.0.1 and ends with the command.
//!
//! Deciding what to write is pure: [`caller`], [`example`], [`curl`], [`bootstrap`], [`notice`], [`pem`] and [`resources`]. The other
//! modules use files, processes or the network.

pub(crate) mod admin;
pub(crate) mod authority;
pub(crate) mod bootstrap;
pub(crate) mod caller;
pub(crate) mod curl;
pub(crate) mod envoy;
pub(crate) mod event;
pub(crate) mod example;
pub(crate) mod failure;
pub(crate) mod files;
pub(crate) mod gateway;
pub(crate) mod load;
pub(crate) mod locate;
pub(crate) mod module;
pub(crate) mod notice;
pub(crate) mod pem;
pub(crate) mod port;
pub(crate) mod resources;
pub(crate) mod secrets;
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod setup;
pub(crate) mod tail;
pub(crate) mod validity;
pub(crate) mod watch;
