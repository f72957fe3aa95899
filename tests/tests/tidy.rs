//! What holds the house together: directions of dependency, documented codes, sizes, and what the filter is made of.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sallyport_tests::sources::{production, rust_files};
use sallyport_tests::{gate, workspace};
use wasmparser::{ExternalKind, Parser, Payload};

/// Lines of production code in one file; about 300 are wished for, and here a file must be taken apart.
const LONGEST_FILE: usize = 400;
const LONGEST_TABLE: usize = 900;
/// Bytes of the filter as it ships.
const LARGEST_FILTER: usize = 300_000;

/// Every crate that a package is built from for a target; tests and build scripts left out.
fn built_from(package: &str, target: &str) -> Result<BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--package", package, "--target", target])
        .args(["--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .current_dir(workspace())
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout)?;
    Ok(tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
}

fn check_absent(package: &str, target: &str, unwanted: &[&str]) -> Result<()> {
    let crates = built_from(package, target)?;
    ensure!(crates.contains(package), "{package} is not in its own tree: {crates:?}");
    for name in &crates {
        let found = unwanted.iter().find(|unwanted| name == *unwanted || name.starts_with(&format!("{unwanted}-")));
        ensure!(found.is_none(), "{package} must not be built from {name}");
    }
    Ok(())
}

const YAML: [&str; 8] =
    ["saphyr", "serde-saphyr", "granit-parser", "yaml-rust2", "serde_yaml", "serde_yml", "serde_norway", "noyalib"];
const COMMAND: [&str; 3] = ["clap", "clap_builder", "clap_derive"];
const NETWORK: [&str; 4] = ["tokio", "hyper", "rustls", "mio"];

#[test]
fn the_filter_has_neither_yaml_nor_a_command_line() -> Result<()> {
    check_absent("sallyport-filter", "wasm32-wasip1", &[&YAML[..], &COMMAND, &NETWORK, &["sallyport-egress"]].concat())
}

#[test]
fn the_core_is_pure() -> Result<()> {
    let unwanted = [&YAML[..], &COMMAND, &NETWORK, &["proxy-wasm", "sallyport-egress", "wasm-bindgen", "log"]].concat();
    check_absent("sallyport-core", "all", &unwanted)
}

#[test]
fn nothing_native_is_built_from_proxy_wasm() -> Result<()> {
    for package in ["sallyport", "sallyport-egress", "sallyport-manifest", "sallyport-tests"] {
        check_absent(package, "all", &["proxy-wasm", "sallyport-filter"])?;
    }
    for package in ["sallyport-egress", "sallyport-manifest"] {
        check_absent(package, "all", &[&COMMAND[..], &NETWORK].concat())?;
    }
    Ok(())
}

#[test]
fn only_the_host_file_names_host_calls() -> Result<()> {
    for file in sources()? {
        let text = fs::read_to_string(&file)?;
        let named = text.contains("wasm_import_module");
        let allowed = file.ends_with("filter/src/host.rs") || file.ends_with("tests/tests/tidy.rs");
        ensure!(
            !named || allowed || !file.starts_with(workspace().join("filter").canonicalize()?),
            "{}",
            file.display()
        );
    }
    Ok(())
}

#[test]
fn no_file_is_too_long_and_nothing_is_left_to_do() -> Result<()> {
    // Split, so that this file does not find itself.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];
    for file in sources()? {
        let text = fs::read_to_string(&file)?;
        let lines = production(&text).lines().count();
        // Tables of cases are data, and stand better in one piece.
        let is_table = file.components().any(|part| part.as_os_str() == "tests");
        let longest = if is_table { LONGEST_TABLE } else { LONGEST_FILE };
        ensure!(lines <= longest, "{} has {lines} lines", file.display());
        for (number, line) in text.lines().enumerate() {
            let mark = marks.iter().find(|mark| line.split(|c: char| !c.is_alphanumeric()).any(|word| word == **mark));
            ensure!(mark.is_none(), "{}:{}: {line}", file.display(), number + 1);
        }
    }
    Ok(())
}

/// Every Rust file of the project.
/// `make test` has no cluster, and needs no root.
#[test]
fn only_make_cluster_runs_the_scenes() -> Result<()> {
    let manifest = fs::read_to_string(workspace().join("tests/Cargo.toml"))?;
    let mut scenes = 0;
    for file in fs::read_dir(workspace().join("tests/tests"))? {
        let name = file?.file_name().to_string_lossy().into_owned();
        let Some(scene) = name.strip_suffix(".rs").filter(|name| name.starts_with("cluster_")) else { continue };
        let entry = format!("name = \"{scene}\"\nrequired-features = [\"cluster\"]");
        ensure!(manifest.contains(&entry), "tests/Cargo.toml: `{scene}` does not require the feature `cluster`");
        scenes += 1;
    }
    ensure!(scenes >= 20, "only {scenes} scenes were found");
    Ok(())
}

fn sources() -> Result<Vec<PathBuf>> {
    let found = rust_files(&workspace().canonicalize()?)?;
    ensure!(found.len() > 50, "only {} files were found", found.len());
    Ok(found)
}

#[test]
fn the_filter_is_small_and_asks_only_for_what_envoy_has() -> Result<()> {
    const WASI: [&str; 10] = [
        "clock_time_get",
        "environ_get",
        "environ_sizes_get",
        "fd_close",
        "fd_seek",
        "fd_write",
        "proc_exit",
        "random_get",
        "args_get",
        "args_sizes_get",
    ];
    let wasm = fs::read(gate::filter()?)?;
    ensure!(wasm.len() <= LARGEST_FILTER, "the filter has {} bytes", wasm.len());
    let mut exports = BTreeSet::new();
    for payload in Parser::new(0).parse_all(&wasm) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    let known = match import.module {
                        "env" => import.name.starts_with("proxy_"),
                        "wasi_snapshot_preview1" => WASI.contains(&import.name),
                        _ => false,
                    };
                    ensure!(known, "the filter asks for {}.{}", import.module, import.name);
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    if export.kind == ExternalKind::Func {
                        exports.insert(export.name.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    for needed in ["proxy_abi_version_0_2_1", "proxy_on_configure", "proxy_on_request_headers", "proxy_on_tick"] {
        ensure!(exports.contains(needed), "the filter does not export {needed}: {exports:?}");
    }
    Ok(())
}

#[test]
fn no_code_of_ours_can_panic_in_the_filter() -> Result<()> {
    // A panic carries the place in the source that it came from; without one, nothing of ours can. The filter as it ships
    // leaves the places out, so this is the same filter with them.
    let built =
        Command::new(workspace().join("tests/tools/wasm")).arg("places").env("CARGO", env!("CARGO")).output()?;
    ensure!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let wasm = fs::read(workspace().join("target/wasm-places/wasm32-wasip1/wasm/sallyport_filter.wasm"))?;
    let of_libraries = b"/library/core/src/";
    ensure!(wasm.windows(of_libraries.len()).any(|window| window == of_libraries), "it has no places at all");
    for place in ["filter/src/", "filter/core/src/"] {
        let at = wasm.windows(place.len()).position(|window| window == place.as_bytes());
        let around = at.map(|at| String::from_utf8_lossy(&wasm[at..(at + 80).min(wasm.len())]).into_owned());
        ensure!(around.is_none(), "the filter can panic: {}", around.context("a place")?);
    }
    Ok(())
}
