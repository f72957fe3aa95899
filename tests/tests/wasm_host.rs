//! The pure crates as a browser would use them: built for wasm32-unknown-unknown, run in a wasm host, and every result
//! compared with the native one.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sallyport_tests::workspace;
use serde_json::{Value, json};
use wasmi::{CompilationMode, Config, Engine, Instance, Linker, Memory, Module, Store};

/// A running guest.
struct Guest {
    store: Store<()>,
    instance: Instance,
    memory: Memory,
}

impl Guest {
    /// Builds the guest, which takes seconds when it is built already, and starts it.
    fn start() -> Result<Self> {
        let mut config = Config::default();
        // Only the functions that are called are translated.
        config.compilation_mode(CompilationMode::LazyTranslation);
        let engine = Engine::new(&config);
        let module = Module::new(&engine, fs::read(built()?)?)?;
        ensure!(module.imports().count() == 0, "the guest needs something of its host");
        let mut store = Store::new(&engine, ());
        let instance = Linker::new(&engine).instantiate_and_start(&mut store, &module)?;
        let memory = instance.get_memory(&store, "memory").context("the guest has no memory")?;
        Ok(Guest { store, instance, memory })
    }

    fn call(&mut self, function: &str, argument: &str) -> Result<String> {
        let length = i32::try_from(argument.len())?;
        let input = self.instance.get_typed_func::<i32, i32>(&self.store, "input")?.call(&mut self.store, length)?;
        self.memory.write(&mut self.store, address(input)?, argument.as_bytes())?;
        let length = self.instance.get_typed_func::<(), i32>(&self.store, function)?.call(&mut self.store, ())?;
        let output = self.instance.get_typed_func::<(), i32>(&self.store, "output")?.call(&mut self.store, ())?;
        let mut result = vec![0; address(length)?];
        self.memory.read(&self.store, address(output)?, &mut result)?;
        Ok(String::from_utf8(result)?)
    }
}

/// Wasm has no unsigned integers of its own.
fn address(value: i32) -> Result<usize> {
    Ok(usize::try_from(value.cast_unsigned())?)
}

fn built() -> Result<PathBuf> {
    let output =
        Command::new(workspace().join("tests/tools/wasm")).arg("guest").env("CARGO", env!("CARGO")).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(workspace().join("target/wasm32-unknown-unknown/debug/sallyport_guest.wasm"))
}

fn file(path: &str) -> Result<Value> {
    Ok(json!([path, fs::read_to_string(workspace().join("deploy/examples").join(path))?]))
}

fn request(caller: Option<&str>, method: &str, path: &str) -> Value {
    json!({"caller": caller, "method": method, "authority": "httpbin.legacy.internal", "path": path})
}

#[test]
fn what_a_browser_would_compute_is_what_the_command_computes() -> Result<()> {
    let mut guest = Guest::start()?;
    let mut both = |name: &str, native: fn(&str) -> String, argument: &Value| -> Result<Value> {
        let argument = argument.to_string();
        let result = guest.call(name, &argument)?;
        ensure!(result == native(&argument), "{name}: in wasm {result}");
        Ok(serde_json::from_str(&result)?)
    };
    let mut check = |argument: &Value| both("check", sallyport_guest::check_files, argument);

    let files = json!([file("mesh.yaml")?, file("httpbin/egress.yaml")?]);
    assert_eq!(check(&json!({"files": files}))?, json!([]));
    let broken = check(&json!({"files": [["e.yaml", "apiVersion: sallyport.dev/v1alpha1\nkind: Egres\n"]]}))?;
    assert!(broken.as_array().is_some_and(|found| found.iter().any(|one| one["code"] == "SP0202")), "{broken}");

    let sleep = Some("spiffe://cluster.local/ns/httpbin/sa/sleep");
    let (requests, allowed): (Vec<_>, Vec<_>) = [
        (request(sleep, "GET", "/get"), true),
        (request(sleep, "DELETE", "/get"), false),
        (request(sleep, "GET", "/anything/admin"), false),
        (request(sleep, "GET", "/a%2fb"), false),
        (request(Some("spiffe://cluster.local/ns/other/sa/other"), "GET", "/get"), false),
        (request(None, "GET", "/get"), false),
    ]
    .into_iter()
    .unzip();
    let verdicts = both("decide", sallyport_guest::decide_requests, &json!({"files": files, "requests": requests}))?;
    let verdicts: Vec<_> =
        verdicts.as_array().into_iter().flatten().map(|verdict| verdict["allowed"].clone()).collect();
    assert_eq!(verdicts, allowed);

    let manifests = both("build", sallyport_guest::build_manifests, &json!({"files": files}))?;
    assert!(manifests["egress-httpbin-httpbin/20-plugin.yaml"].as_str().is_some_and(|text| text.contains("AUTHZ")));
    Ok(())
}
