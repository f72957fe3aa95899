//! The pipelines of deploy/ci: their files pass the checks of other programs, and their steps run from a clean checkout of a
//! small repository with a pull request, against a registry on this machine. All steps but the push run without a network.
//!
//! All of it is for Linux.

#![cfg(target_os = "linux")]

mod meaning;
mod page;
mod project;
mod runner;
mod schemas;
mod steps;

#[path = "../../../packager/egress/tests/yaml/mod.rs"]
mod yaml;
