//! Puts the filter inside the program: the wasm file that `SALLYPORT_FILTER_WASM` names, or nothing.

use std::path::PathBuf;
use std::{env, fs};

const VARIABLE: &str = "SALLYPORT_FILTER_WASM";

fn main() -> Result<(), String> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let expression = match env::var_os(VARIABLE).filter(|name| !name.is_empty()) {
        None => "None".to_owned(),
        Some(name) => {
            let path = fs::canonicalize(&name).map_err(|error| format!("{VARIABLE} names {name:?}: {error}"))?;
            println!("cargo::rerun-if-changed={}", path.display());
            format!("Some(include_bytes!({path:?}))")
        }
    };
    fs::write(out.join("embedded_filter.rs"), expression).map_err(|error| format!("cannot write to OUT_DIR: {error}"))
}
