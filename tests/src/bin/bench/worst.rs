//! The costliest request of the costliest policies that are accepted: what it makes a worker do.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Result, ensure};
use sallyport_core::policy::MAX_STEPS;
use sallyport_tests::client::{Caller, Request};
use sallyport_tests::envoys::Envoy;
use sallyport_tests::process::Scratch;
use sallyport_tests::stage::Stage;

/// Requests that the time is taken of.
const REQUESTS: u32 = 200;
/// Readings of a path and of a header, and the bytes that an expression reads of each; the policy's own words.
const PATH_STEPS: u64 = 3 * 2048;
const HEADER_STEPS: u64 = 8 * 2048;

pub fn run(envoy: &Envoy) -> Result<()> {
    println!("the costliest requests under the costliest policies that are accepted, {REQUESTS} of each");
    // No prefix decides, so every byte is read.
    let patterns = |count: u64| {
        let mut text = String::new();
        for number in 0..count {
            let _ = write!(text, "{}\".*k{number}x.*\"", if number == 0 { "" } else { ", " });
        }
        text
    };
    let paths = MAX_STEPS / PATH_STEPS;
    let rule = format!("to: [{{operation: {{pathRegex: [{}]}}}}]", patterns(paths));
    // Three readings: an escape with lower-case digits.
    let path = format!("/%c3%a9{}", "a".repeat(2048 - 7));
    measure(envoy, &format!("{paths} expressions, a path"), &rule, &Request::get(path))?;
    let headers = MAX_STEPS / HEADER_STEPS;
    let rule = format!("when: [{{key: \"request.headers[x-a]\", regex: [{}]}}]", patterns(headers));
    let value = format!(" {}", "ab ,".repeat(255));
    let long = format!("{value}{}", "c".repeat(2040 - value.len()));
    let request = Request::get("/").header("x-a", long);
    measure(envoy, &format!("{headers} expressions, a header"), &rule, &request)
}

fn measure(envoy: &Envoy, name: &str, rule: &str, request: &Request) -> Result<()> {
    let scratch = Scratch::new("bench-worst")?;
    let authz = format!(
        "rules:\n- id: worst\n  action: DENY\n  {rule}\n- id: all\n  action: ALLOW\n  to: [{{operation: {{paths: [\"*\"]}}}}]\n"
    );
    let stage = Stage::start(envoy, &scratch, &authz)?;
    let caller = stage.sleep()?;
    let plain = cpu(&stage, &caller, &Request::get("/"))?;
    let worst = cpu(&stage, &caller, request)?;
    let milliseconds = worst.saturating_sub(plain).as_secs_f64() * 1e3 / f64::from(REQUESTS);
    println!("  {name:<30} {milliseconds:>6.2} ms of a worker more than a plain request");
    Ok(())
}

/// What Envoy takes for so many requests, after as many that do not count.
fn cpu(stage: &Stage, caller: &Caller, request: &Request) -> Result<Duration> {
    let mut connection = caller.http1()?;
    let mut taken = Duration::ZERO;
    for _ in 0..2 {
        let before = stage.gate.cpu()?;
        for _ in 0..REQUESTS {
            let reply = connection.send(request)?;
            ensure!(reply.status == 200, "{reply:?}");
        }
        taken = stage.gate.cpu()?.saturating_sub(before);
    }
    Ok(taken)
}
