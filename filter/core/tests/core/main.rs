//! The core against its semantics, a second opinion and properties; in one program, so that all of it shares its helpers.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a broken assumption ends the test"
)]

mod candidate;
mod case;
mod common;
mod door;
mod health;
mod outbound;
mod properties;
mod reference;
mod security_cases;
mod semantics;
mod semantics_callers;
