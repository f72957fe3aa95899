//! The rollout of changed rules, as far as it is a function of files: stages and steps, waves, digests, and the text of an Egress
//! file with the rules of its candidate in it.

mod digest;
mod splice;
mod step;
mod waves;

pub use crate::model::rollout::{Gates, Rollout, Waiver, Wave};
pub use crate::model::{Applied, Candidate};
pub use crate::value::rollout::{moment, written_moment};
pub use digest::{digest, digest_beside_rules};
pub use sallyport_core::wire::Stage;
pub use splice::{NotSpliced, splice};
pub use step::{Standing, Step};
pub use waves::{OTHERS, WaveOf, waves};
