//! One file per command: its `Args`, and the function that runs it.

pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod diff;
pub(crate) mod explain;
pub(crate) mod fmt;
pub(crate) mod image;
pub(crate) mod init;
pub(crate) mod learn;
pub(crate) mod man;
mod manual;
pub(crate) mod map;
pub(crate) mod plan;
pub(crate) mod promote;
pub(crate) mod query;
pub(crate) mod rollback;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod status;
mod step;
pub(crate) mod test;
pub(crate) mod version;
