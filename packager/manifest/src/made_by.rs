//! The words at the head of every file of a build.

/// By these words a later build knows a file as one of its own.
pub const MADE_BY: &str = "Made by `sallyport build`";
