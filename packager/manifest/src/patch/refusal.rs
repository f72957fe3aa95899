//! Why a patch is refused.

/// What is wrong with a patch, and what to do.
pub(super) struct Refusal {
    /// The field of the patch that is wrong: `json[2].path`.
    pub(super) field: String,
    pub(super) message: String,
    pub(super) help: String,
}
