//! Configurations that never came from `sallyport`: written straight into Envoy's ECDS file. The filter refuses each
//! whole, says in one line where it is wrong, and the policy that was in force stays so.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use sallyport_tests::client::Request;
use sallyport_tests::envoys::each_envoy;
use sallyport_tests::stage::Stage;
use serde_json::{Value, json};

const AUTHZ: &str = "
rules:
- id: readers
  action: ALLOW
  from: [{source: {serviceAccounts: [httpbin/sleep]}}]
  to: [{operation: {methods: [GET], paths: [/get]}}]
";

const REFUSED: &str = "policy refused: ";

/// The resource with another configuration inside.
fn with_configuration(resource: &Value, configuration: &str, version: usize) -> Result<Value> {
    let mut resource = resource.clone();
    resource["version_info"] = json!(format!("broken-{version}"));
    let wasm = &mut resource["resources"][0]["typed_config"]["config"]["configuration"];
    *wasm.get_mut("value").context("the resource has no configuration")? = json!(configuration);
    Ok(resource)
}

/// Replaces the file as Envoy wants it: by a move, in the directory that it watches.
fn replace(file: &Path, resource: &Value) -> Result<()> {
    let beside = file.with_extension("new");
    fs::write(&beside, resource.to_string())?;
    Ok(fs::rename(beside, file)?)
}

#[test]
fn the_filter_refuses_what_it_cannot_read_whole() {
    each_envoy("broken", |envoy, scratch| {
        let stage = Stage::start(envoy, scratch, AUTHZ)?;
        let sleep = stage.sleep()?;
        let file = stage.gate.folder()?.join("xds/ecds/ecds.json");
        let resource: Value = serde_json::from_slice(&fs::read(&file)?)?;
        let good = resource["resources"][0]["typed_config"]["config"]["configuration"]["value"].as_str();
        let good: Value = serde_json::from_str(good.context("no configuration")?)?;

        let set = |pointer: &str, value: Value| -> Result<String> {
            let mut policy = good.clone();
            let (parent, key) = pointer.rsplit_once('/').context("a pointer")?;
            let parent = policy.pointer_mut(parent).with_context(|| format!("no {parent}"))?;
            match (parent, key.parse::<usize>()) {
                (Value::Array(list), Ok(at)) => *list.get_mut(at).context("no such element")? = value,
                (parent, _) => parent[key] = value,
            }
            Ok(policy.to_string())
        };
        let operation = "/rules/0/to/0/operation";
        let cases = [
            ("SP1001", String::new()),
            ("SP1001", "{".to_owned()),
            ("SP1001", "[]".to_owned()),
            ("SP1001", format!("{good}x")),
            ("version", set("/version", json!(2))?),
            ("upstream", set("/upstream", json!("other/name"))?),
            ("the field `surprise`", set("/surprise", json!(1))?),
            ("rules", set("/rules", json!({}))?),
            ("rules[0].action", set("/rules/0/action", json!("PERMIT"))?),
            ("rules[0].id", set("/rules/0/id", json!("a b"))?),
            ("rules[0]: the field `surprise`", set("/rules/0/surprise", json!(1))?),
            (
                "rules[0].from[0].source.serviceAccounts[0]",
                set("/rules/0/from/0/source/serviceAccounts/0", json!("a/b/c"))?,
            ),
            ("rules[0].to[0].operation.paths[0]", set(&format!("{operation}/paths/0"), json!("/a/{**}/{*}"))?),
            ("rules[0].to[0].operation.methods", set(&format!("{operation}/methods"), json!([]))?),
            ("rules[0].to[0].operation.pathRegex[0]", set(&format!("{operation}/pathRegex"), json!(["("]))?),
            ("rules[0].when[0].key", set("/rules/0/when", json!([{"key": "source.color", "values": ["red"]}]))?),
        ];
        for (number, (place, configuration)) in cases.iter().enumerate() {
            replace(&file, &with_configuration(&resource, configuration, number)?)?;
            let refusals = |log: &str| log.lines().filter(|line| line.contains(REFUSED)).count();
            let log = stage.gate.wait_until(
                &format!("a refusal that names {place}"),
                |gate| gate.envoy_log(),
                |log| refusals(log) > number,
            )?;
            ensure!(refusals(&log) == number + 1, "more than one line for {configuration}:\n{log}");
            let line = log.lines().rfind(|line| line.contains(REFUSED)).unwrap_or_default();
            ensure!(line.contains(place), "{configuration}\ndoes not name {place}: {line}");

            ensure!(sleep.send(&Request::get("/get"))?.status == 200, "{configuration}: the old policy is gone");
            ensure!(sleep.send(&Request::get("/other"))?.status == 403, "{configuration}: the old policy is gone");
        }

        // After all of them a good one is taken up.
        let other = set(&format!("{operation}/paths/0"), json!("/other"))?;
        replace(&file, &with_configuration(&resource, &other, cases.len())?)?;
        let status = |path: &str| sleep.send(&Request::get(path)).map(|reply| reply.status.to_string());
        stage.gate.wait_until("the good policy", |_| status("/other"), |status| status == "200")?;
        ensure!(status("/get")? == "403");
        Ok(())
    });
}
