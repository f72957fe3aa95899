//! What the host calls. Two buffers are all that both sides share, so no code here needs raw pointers of its own.

use std::sync::{Mutex, PoisonError};

use crate::{build_manifests, check_files, decide_requests};

static INPUT: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static OUTPUT: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Makes room for an argument of this many bytes, and returns where the host must write it.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn input(length: usize) -> *mut u8 {
    let mut input = INPUT.lock().unwrap_or_else(PoisonError::into_inner);
    *input = vec![0; length];
    input.as_mut_ptr()
}

/// Where the last result begins.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn output() -> *const u8 {
    OUTPUT.lock().unwrap_or_else(PoisonError::into_inner).as_ptr()
}

/// [`check_files`] of the input; returns the length of the result.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn check() -> usize {
    call(check_files)
}

/// [`decide_requests`] of the input; returns the length of the result.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn decide() -> usize {
    call(decide_requests)
}

/// [`build_manifests`] of the input; returns the length of the result.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn build() -> usize {
    call(build_manifests)
}

fn call(function: fn(&str) -> String) -> usize {
    let input = INPUT.lock().unwrap_or_else(PoisonError::into_inner);
    let result = function(&String::from_utf8_lossy(&input)).into_bytes();
    let mut output = OUTPUT.lock().unwrap_or_else(PoisonError::into_inner);
    *output = result;
    output.len()
}
