//! The manifests that `sallyport build` emits: checked Egress and Mesh files in, named texts out.
//!
//! [`build()`] makes everything for a set of Egresses. Each one gets a [`Plan`], which holds what all of its manifests are
//! made from; one function per kind turns a plan into a JSON value, patches are applied to the values, and one writer
//! turns them into YAML. [`Lock`] is the format of `sallyport.lock`, which pins the filter's image.
//!
//! ```
//! use sallyport_egress::model::Mesh;
//! use sallyport_egress::value::digest::Digest;
//! use sallyport_egress::{check, decode};
//! use sallyport_manifest::{Options, PinnedFilter, Rollouts, build};
//!
//! let text = b"apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: ledger, namespace: egress-ledger}
//! spec: {host: ledger.internal, upstream: {host: ledger.example.com, port: 443}}
//! ";
//! let checked = check(&[decode("egress.yaml", text).expect("UTF-8")]);
//! let egresses: Vec<_> = checked.egresses.iter().map(|egress| &egress.value).collect();
//! let filter = PinnedFilter { image: "registry.example.com/filter".parse()?, digest: Digest::from_bytes([0xab; 32]) };
//! let build = build(&egresses, &Mesh::default(), &filter, &Rollouts::default(), Options::default()).expect("it can be built");
//! assert!(build.files["egress-ledger-ledger/20-plugin.yaml"].contains("failStrategy: FAIL_RELOAD"));
//! # Ok::<(), sallyport_egress::value::InvalidValue>(())
//! ```
//!
//! # Invariants
//! - Nothing here reads a file, a clock, a network or an environment variable: the result is a function of the arguments.
//! - The same arguments give the same bytes on every machine, whatever the order in which the Egresses are given.
//! - A build is complete or it fails: with an error in one Egress nothing is built, and all errors are reported at once.
//! - A patch that cannot be applied is an error, because something relies on what it would have changed.
//!
//! # Floors
//!
//! Each module uses only modules of lower floors, beside its own children; a test holds it to that.
//!
//! ```text
//! root
//! build serve
//! comment emit notes
//! names patch step
//! kind
//! callers secrets
//! plan
//! rolling
//! lock
//! filter
//! error made_by message options yaml
//! ```
//!
//! # Design
//! Manifests are grouped into numbered files by step, because their order is part of the policy: a plugin that is added to
//! a live gateway lets requests through until its new listener is warm, so the plugin comes first. Fields that have
//! another owner, or that equal a default which cannot change, are left out.
//!
//! No `Sidecar` is emitted: it would replace what the owner of a namespace has configured for all the sidecars in it, and
//! adds nothing to `REGISTRY_ONLY` and `exportTo`. The `EnvoyFilter` sets a few fields and no more: anything else would
//! break with Envoy's versions.

mod build;
mod callers;
mod comment;
mod emit;
mod error;
mod filter;
mod kind;
mod lock;
mod made_by;
mod message;
mod names;
mod notes;
mod options;
mod patch;
mod plan;
mod rolling;
mod root;
mod secrets;
mod serve;
mod step;
mod yaml;

pub use build::{Build, build};
pub use error::{BuildError, Place};
pub use filter::PinnedFilter;
pub use kind::plugin::PluginApi;
pub use lock::{ChosenFilter, InvalidLock, Lock, LockFile, Locked, LockedGateway, LockedRollout, PinnedBy, Pins};
pub use made_by::MADE_BY;
pub use names::{NAMESPACES, application};
pub use notes::Need;
pub use options::Options;
pub use plan::{Plan, SELECTED, plans};
pub use rolling::{GatewayState, Rolling, Rollouts};
pub use root::Source;
pub use secrets::{FromSecret, SecretFolder, tls_secret_name};
pub use serve::{CertificateFiles, HostPort, Served, Surroundings, serve};
pub use yaml::document as yaml_document;
