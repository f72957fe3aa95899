//! The corpus without a gateway: `sallyport test --wasm`, which runs the module that ships in a wasm host, comes to what the
//! corpus says. That Envoy does, too, is the test beside this one.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use sallyport_tests::gate;
use sallyport_tests::jwt::Issuer;
use sallyport_tests::process::Scratch;
use serde_json::{Value, json};

use super::data::{End, Seed, Sent, corpus};
use super::run;

/// As many seeds at least say something that can be written as a case.
const FEWEST: usize = 600;
/// What Envoy does before the filter sees a request, so that a case of it comes out otherwise.
const BY_ENVOY: [&str; 1] = [
    // `jwt_authn` refuses the token.
    "tokens: unknown-issuer:",
];

/// The seed as a case; `None` where it is about bytes, or its end is open.
fn case(seed: &Seed) -> Option<Value> {
    let Sent::Request(request) = seed.sent() else { return None };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let is_token = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
    };
    let is_plain = |text: &str| !text.chars().any(|c| c.is_whitespace() || c.is_control());
    let path = text(&request.path).filter(|path| path.starts_with('/') && is_plain(path))?;
    let method = text(&request.method).filter(|method| is_token(method))?;
    let host = match &request.host {
        Some(host) => Some(text(host).filter(|host| is_plain(host) && !host.is_empty())?),
        None => None,
    };
    let mut headers = Vec::new();
    for (name, value) in &request.headers {
        let (name, value) = (text(name).filter(|name| is_token(name))?, text(value)?);
        headers.push(json!({"name": name, "value": value.trim()}));
    }
    let from = match seed.caller.as_str() {
        "nobody" => json!({"anonymous": true}),
        "stranger" => json!({"serviceAccounts": ["other/stranger"]}),
        "forwarder" => json!({"serviceAccounts": ["istio-system/ingressgateway"]}),
        name => json!({"serviceAccounts": [format!("httpbin/{name}")]}),
    };
    let mut from = from;
    // The harness always asks for this name.
    from["sni"] = json!("httpbin.legacy.internal");
    if let Some(token) = &seed.token {
        from["claims"] = json!(token);
    }
    let mut to = json!({"methods": [method], "paths": [path], "headers": headers});
    if let Some(host) = host {
        to["hosts"] = json!([host]);
    }
    let verdict = match seed.end {
        End::Refused => "DENY",
        End::Allowed => "ALLOW",
        End::Either => return None,
    };
    let mut expect = json!({"verdict": verdict});
    if let Some(reason) = seed.reason.as_ref().filter(|_| seed.end == End::Refused) {
        expect["reason"] = json!(reason);
    }
    if let Some(status) = seed.status.as_ref().filter(|_| seed.end == End::Refused) {
        expect["status"] = json!(status.parse::<u16>().ok()?);
    }
    Some(json!({"name": seed.id, "from": from, "to": to, "expect": expect}))
}

#[test]
fn the_module_in_a_wasm_host_agrees_with_the_corpus() -> Result<()> {
    let scratch = Scratch::new("attack-offline")?;
    let (issuer, sallyport, filter) = (Issuer::new()?, gate::sallyport()?, gate::filter()?);
    let (mut tried, mut by_envoy, mut wrong) = (0, 0, Vec::new());
    for (number, group) in corpus()?.iter().enumerate() {
        let cases: Vec<_> = group.seeds.iter().filter_map(case).collect();
        if cases.is_empty() {
            continue;
        }
        let folder = scratch.path().join(number.to_string());
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("egress.yaml"), run::file(group, &issuer))?;
        let file = json!({"apiVersion": "sallyport.dev/v1alpha1", "kind": "Cases", "groups": [{"name": group.name, "cases": cases}]});
        fs::write(folder.join("cases.yaml"), serde_json::to_string_pretty(&file)?)?;
        let output = Command::new(&sallyport)
            .args(["test", "--format=json"])
            .arg(format!("--wasm={}", filter.display()))
            .arg(&folder)
            .output()?;
        let report: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("{}: {}", group.name, String::from_utf8_lossy(&output.stderr)))?;
        let ran = report["suites"][0]["cases"].as_array().with_context(|| format!("{}: {report}", group.name))?;
        tried += ran.len();
        for case in ran.iter().filter(|case| case["passed"] != true) {
            let name = case["name"].as_str().unwrap_or_default();
            if BY_ENVOY.iter().any(|known| name.starts_with(known)) {
                by_envoy += 1;
            } else {
                wrong.push(format!("{name}: {}", case["actual"]));
            }
        }
    }
    ensure!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
    ensure!(by_envoy == BY_ENVOY.len(), "Envoy is no longer needed for some of {BY_ENVOY:?}");
    ensure!(tried >= FEWEST, "only {tried} seeds were tried");
    Ok(())
}
