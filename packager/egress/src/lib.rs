//! The Egress and Mesh files: text in, data and diagnostics out. Nothing here reads a file, a clock or a network.
//!
//! [`check()`] reads files together and reports everything that is wrong with them, each problem with a stable code
//! ([`manual`] has a page for each) and its place; [`check_with_manifests`] lints Istio manifests beside them, too.
//! [`policy_source`] is what the filter gets, [`json_schema`] what editors get, [`reference()`] what the documentation says,
//! and [`init_template`] what a beginner gets.
//!
//! ```
//! use sallyport_egress::{check, decode};
//!
//! let file = decode("egress.yaml", b"apiVersion: sallyport.dev/v1alpha1\nkind: Egres\n").expect("UTF-8");
//! let checked = check(std::slice::from_ref(&file));
//! let problem = checked.diagnostics.iter().find(|problem| problem.code == "SP0202").expect("the kind is wrong");
//! assert_eq!(file.position(problem.span.start).line, 2);
//! assert_eq!(problem.help.as_deref(), Some("did you mean `Egress`?"));
//! ```
//!
//! # Floors
//!
//! Each module uses only modules of lower floors, beside its own children; a test holds it to that.
//!
//! ```text
//! learn
//! schema reference template cases evidence
//! check
//! silence
//! manual
//! lint trial
//! meaning
//! import rollout scenario
//! parse policy
//! model
//! value
//! yaml
//! diagnostic istio
//! code wording
//! ```

pub mod cases;
pub mod check;
pub mod code;
pub mod diagnostic;
pub mod evidence;
mod import;
mod istio;
pub mod learn;
pub mod lint;
pub mod manual;
pub mod meaning;
pub mod model;
mod parse;
mod policy;
mod reference;
pub mod rollout;
pub mod scenario;
mod schema;
pub mod silence;
mod template;
pub mod trial;
pub mod value;
mod wording;
mod yaml;

pub use check::{Checked, Located, check, check_with_manifests};
pub use code::Code;
pub use import::recognise::{FileKind, has_kind, has_own_kind, recognise};
pub use parse::{Cases, Places, place_of};
pub use policy::{ByName, policy_source, standbys};
pub use reference::{BlockReference, FieldReference, reference, reference_page};
pub use schema::json_schema;
pub use template::{Template, init_cases, init_mesh, init_template};
pub use wording::did_you_mean;
pub use yaml::format::formatted;
pub use yaml::plain::yaml_value;
pub use yaml::source_text::{Undecodable, decode};
