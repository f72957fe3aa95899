//! The harness: one real program a file, started and stopped by value.
