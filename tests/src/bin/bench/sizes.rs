//! What the parts of the filter weigh, by crate, and of our own core by module.
//!
//! The filter is built once more with the names of its functions. Code that the compiler has inlined counts where it
//! ended up, so the figures tell where to look, not what a part would save.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};
use rustc_demangle::demangle;
use sallyport_tests::workspace;
use wasmparser::{Name, NameSectionReader, Parser, Payload, TypeRef};

pub fn run() -> Result<()> {
    let folder = workspace().join("target/wasm-sizes");
    let build = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "sallyport-filter", "--profile", "wasm", "--target", "wasm32-wasip1"])
        .arg("--target-dir")
        .arg(&folder)
        .env("CARGO_PROFILE_WASM_STRIP", "false")
        .current_dir(workspace())
        .status()?;
    ensure!(build.success(), "the filter does not build with names; rustup's wasm target is needed");
    let wasm = fs::read(folder.join("wasm32-wasip1/wasm/sallyport_filter.wasm"))?;
    let (mut crates, mut modules) = (BTreeMap::new(), BTreeMap::new());
    for (name, size) in functions(&wasm)? {
        let path = path(&name);
        let part = path.first().map_or("other", |part| part.as_str()).to_owned();
        if part == "sallyport_core" {
            let module = path.get(1).map_or("root", |module| module.as_str()).to_owned();
            *modules.entry(module).or_insert(0) += size;
        }
        *crates.entry(part).or_insert(0) += size;
    }
    print("code of the filter by crate, in bytes", crates, 12);
    print("of sallyport_core by module", modules, 20);
    Ok(())
}

/// Name and size of every function.
fn functions(wasm: &[u8]) -> Result<Vec<(String, usize)>> {
    let (mut imported, mut sizes, mut names) = (0_u32, Vec::new(), BTreeMap::new());
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => sizes.push(body.range().len()),
            Payload::CustomSection(section) if section.name() == "name" => {
                let reader = wasmparser::BinaryReader::new(section.data(), section.data_offset());
                for part in NameSectionReader::new(reader) {
                    if let Name::Function(functions) = part? {
                        for naming in functions {
                            let naming = naming?;
                            names.insert(naming.index, naming.name.to_owned());
                        }
                    }
                }
            }
            _ => {}
        }
    }
    let named = |(index, size)| (names.get(&index).cloned().unwrap_or_default(), size);
    Ok((imported..).zip(sizes).map(named).collect())
}

/// The path of a function, its crate first; of `<a::B as c::D>::f` that of `a::B`.
fn path(name: &str) -> Vec<String> {
    let demangled = format!("{:#}", demangle(name));
    let plain = demangled.trim_start_matches(['<', '&', '(', '[', ' ']);
    if !plain.contains("::") {
        return vec!["the allocator, libc and entry points".to_owned()];
    }
    plain.split("::").map(|part| part.split(['<', '>', ' ']).next().unwrap_or_default().to_owned()).collect()
}

fn print(title: &str, sizes: BTreeMap<String, usize>, most: usize) {
    println!("{title}");
    let mut sizes: Vec<_> = sizes.into_iter().collect();
    sizes.sort_by_key(|(_, size)| usize::MAX - size);
    let rest: usize = sizes.iter().skip(most).map(|(_, size)| size).sum();
    for (name, size) in sizes.iter().take(most) {
        println!("  {size:>7}  {name}");
    }
    if rest > 0 {
        println!("  {rest:>7}  all others");
    }
}
