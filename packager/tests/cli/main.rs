//! The program as its users meet it: arguments in; stdout, stderr, files and an exit code out.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a broken assumption ends the test")]

mod build;
mod check;
mod constellations;
mod diff;
mod evidence;
mod evidence_given;
mod explain;
mod filter_rollout;
mod fmt;
mod formats;
mod init;
mod learn;
mod leftovers;
mod lock;
mod logs;
mod map;
mod options;
mod output;
mod query;
mod reference;
mod repeats;
mod rollout;
mod rollout_back;
mod rollout_carried;
mod rollout_commit;
mod rollout_git;
mod rollout_history;
mod rollout_state;
mod sandbox;
mod status;
mod summary;
mod test;
