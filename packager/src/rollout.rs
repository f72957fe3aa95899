//! How far the candidates of gateways have come, what the next step is, and the files that a step writes.
//!
//! # Design
//! Files and lock are the only state: everything else is read from them anew. Each file is written in one step, the lock last, so
//! that after a kill at any point the same command completes what it began.

mod alone;
mod carried;
mod change;
mod commit;
mod committed;
mod emit;
mod evidence;
mod filter;
mod filter_goal;
mod filter_seen;
mod filter_state;
mod gates;
mod git;
mod history;
mod lock;
mod log;
mod lost;
mod mark;
mod merge;
mod message;
mod past;
mod pending;
mod plan;
mod promote;
mod refused;
pub(crate) mod render;
mod restore;
mod revert;
mod seen;
mod state;
mod status;
mod stored;
mod target;
#[cfg(test)]
mod tests;
mod turn;
mod whole;
mod words;
mod write;

pub(crate) use carried::{refuse_beside_rollback, refuse_carried, refuse_mixed};
pub(crate) use commit::{Committing, commit, need_one_repository, need_repository, unstage};
pub(crate) use emit::{Emitted, emit};
pub(crate) use filter::{promote_filter, unpin_filters};
pub(crate) use filter_state::filter_rollout;
pub(crate) use lock::FilterLock;
pub(crate) use message::{uncommitted, with_all};
pub(crate) use pending::{Part, Pending, PendingKind, pending};
pub(crate) use plan::plan;
pub(crate) use promote::{Order, Promoted, promote};
pub(crate) use refused::{ReportTarget, write_report};
pub(crate) use revert::roll_back;
pub(crate) use seen::see;
pub(crate) use state::{Read, State, read, read_to_go_back};
pub(crate) use status::{FailOn, Status, StatusFormat};
pub(crate) use target::Target;
pub(crate) use write::{Disk, Writer};
