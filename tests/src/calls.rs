//! The calls between Envoy and the filter, from Envoy's trace.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Result, ensure};

use crate::client::{Caller, Request};
use crate::envoys::Envoy;
use crate::gate::Gate;
use crate::process::Scratch;

/// The calls from the filter to Envoy, by name.
pub type Calls = BTreeMap<String, usize>;

/// An Envoy that writes a trace of every call between it and the filter.
pub fn tracing(scratch: &Scratch, envoy: &Envoy) -> Result<Envoy> {
    let script = format!(
        "#!/usr/bin/env bash\n\
         # `sallyport run` asks for the level `wasm:info`.\n\
         exec '{}' \"${{@/wasm:info/wasm:trace}}\"\n",
        envoy.path.display()
    );
    let path = scratch.write("envoy-with-trace", script)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(Envoy { path, ..envoy.clone() })
}

/// The calls that so many requests over one connection take, those of ticks left out.
pub fn count(gate: &Gate, caller: &Caller, request: &Request, status: u16, requests: usize) -> Result<Calls> {
    let mut connection = caller.http1()?;
    let ended = |log: &str| log.matches("[host<-vm] proxy_on_done").count();
    let mut send = |requests: usize| {
        let before = gate.envoy_log()?.len();
        for _ in 0..requests {
            let reply = connection.send(request)?;
            ensure!(reply.status == status, "{reply:?}");
        }
        let all = |log: &str| log.get(before..).is_some_and(|new| ended(new) >= requests);
        let log = gate.wait_until("the trace", |gate| gate.envoy_log(), all)?;
        anyhow::Ok(log.get(before..).unwrap_or_default().to_owned())
    };
    // The first request may find things to do that are done once.
    send(1)?;
    Ok(parse(&send(requests)?))
}

fn parse(log: &str) -> Calls {
    let mut calls = Calls::new();
    let mut aside = BTreeMap::new();
    for line in log.lines() {
        // `[time][thread][level]...`: each worker has a VM of its own.
        let thread = line.split(']').nth(1).unwrap_or_default().to_owned();
        // What the gate does of itself is no cost of a request.
        let is_aside = |start: &str| {
            ["proxy_on_tick", "proxy_on_http_call_response"]
                .iter()
                .any(|call| line.contains(start) && line.contains(call))
        };
        if is_aside("[host->vm] ") {
            aside.insert(thread, true);
        } else if is_aside("[host<-vm] ") {
            aside.insert(thread, false);
        } else if let Some((_, call)) = line.split_once("[vm->host] ")
            && !aside.get(&thread).copied().unwrap_or(false)
        {
            let name = call.split('(').next().unwrap_or(call).trim_start_matches("env.");
            *calls.entry(name.to_owned()).or_default() += 1;
        }
    }
    calls
}
