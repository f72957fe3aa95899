//! The codes of what keeps a build from being made.

/// The filter's image is not pinned.
pub(crate) const UNPINNED: &str = "SP9101";
/// A policy is too large.
pub(crate) const POLICY_SIZE: &str = "SP9102";
/// A name is too long, or two are one.
pub(crate) const NAME: &str = "SP9103";
/// A patch cannot be applied.
pub(crate) const PATCH: &str = "SP9104";
/// `sallyport.lock` is wrong.
pub(crate) const LOCK: &str = "SP9105";
/// The way to install has no word for what the file asks.
pub(crate) const INSTALL: &str = "SP9106";
/// A standby's Egress is not among the files.
pub(crate) const STANDBY: &str = "SP9107";
