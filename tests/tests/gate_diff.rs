//! What a comparison of policies says, asked of a real Envoy: the example of each set of requests is decided as the old
//! policy is said to decide it, and once the new one is saved as that is.

#[expect(dead_code, reason = "its requests are for others")]
mod generate;

use anyhow::{Context as _, Result, ensure};
use sallyport_core::Reason;
use sallyport_core::wire::Policy as Source;
use sallyport_egress::meaning::{BUDGET, Policy, Region, View, diff};
use sallyport_egress::scenario::{Caller as Who, Effect};
use sallyport_tests::client::{Caller, Request};
use sallyport_tests::envoys::newest_envoy;
use sallyport_tests::stage::{Stage, egress};

/// How many changes are tried.
const CHANGES: usize = 50;
/// At most so many examples of one change.
const EXAMPLES: usize = 4;
/// The host of the stage's file.
const HOST: &str = "httpbin.legacy.internal";
/// What clients and Envoy send on as it is.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];

/// Who sends the example of a region, if this stage has such a caller and its clients can send it.
fn sender(stage: &Stage, region: &Region, reads_connections: bool) -> Option<Caller> {
    let (caller, request) = (&region.witness.caller, &region.witness.request);
    let usual = Who::anonymous();
    let is_sendable = region.view == View::InForce
        && (caller.address, caller.gateway) == (usual.address, usual.gateway)
        && request.authority == HOST.as_bytes()
        && METHODS.iter().any(|method| method.as_bytes() == request.method)
        && request.headers.iter().all(|(_, value)| *value == value.trim_ascii() && !value.is_empty());
    if !is_sendable {
        return None;
    }
    if caller.certificate.is_none() {
        // It has a connection like all others, of which its example says nothing.
        return if reads_connections { None } else { stage.gate.nobody().ok() };
    }
    let known = stage.gate.caller(&caller.to_string()).ok()?;
    let is_known = caller.principal() == Some(known.principal.as_str())
        && caller.forwarded.is_empty()
        && caller.server_name.as_deref() == Some(HOST);
    match caller.tls_version.as_deref() {
        Some("TLSv1.3") if is_known => Some(known),
        Some("TLSv1.2") if is_known => Some(known.with_tls12()),
        _ => None,
    }
}

fn is_as_said(caller: &Caller, region: &Region, effect: &Effect) -> Result<()> {
    let witness = &region.witness.request;
    let mut request = Request::new(&String::from_utf8_lossy(&witness.method), &witness.path);
    for (name, value) in &witness.headers {
        request = request.header(name, value);
    }
    let reply = caller.send(&request)?;
    let spoken = reply.spoken();
    let said = match effect {
        Effect::Allowed(rule) => {
            reply.status == 200 && Some(spoken.rule.as_str()).filter(|rule| !rule.is_empty()) == rule.as_deref()
        }
        Effect::Refused(Reason::Ambiguous(kind), _) => reply.status == 400 && spoken.kind == kind.as_str(),
        Effect::Refused(reason, rule) => {
            reply.status == reason.http_status()
                && spoken.reason == reason.as_str()
                && spoken.rule == rule.clone().unwrap_or_default()
        }
        Effect::ByEnvoy(answer) => spoken.verdict.is_empty() && answer.status() == Some(reply.status),
    };
    ensure!(said, "{} by {}: {effect} was said, and there came {reply:?}", witness, region.witness.caller);
    Ok(())
}

/// A policy, and another that differs in a rule or two; rules on ports are left out, since nobody can choose the port.
fn change(random: &mut fastrand::Rng) -> (Source, Source) {
    loop {
        let (old, _) = generate::policy(random, 8443);
        let (other, _) = generate::policy(random, 8443);
        let mut new = Source { rules: old.rules.clone(), ..old.clone() };
        let at = random.usize(..new.rules.len());
        match random.u8(..4) {
            0 => {
                new.rules.remove(at);
            }
            1 => new.tolerate = other.tolerate.clone(),
            _ => {
                let id = new.rules[at].id.clone();
                let action = new.rules[at].action;
                new.rules[at] = other.rules[0].clone();
                new.rules[at].id = id;
                if random.bool() {
                    new.rules[at].action = action;
                }
            }
        }
        let text = format!("{:?}{:?}", old.rules, new.rules);
        if !text.contains("ports: Some") && !text.contains("destination") && !new.rules.is_empty() {
            return (old, new);
        }
    }
}

#[test]
fn the_example_of_each_set_of_requests_is_decided_otherwise() {
    newest_envoy("diff", |envoy, scratch| {
        let arguments = ["--caller", "default/default"];
        let mut stage = Stage::with_arguments(envoy, scratch, &egress("rules: []"), &arguments)?;
        let mut random = fastrand::Rng::with_seed(14);
        let (mut changes, mut examples, mut flips) = (0, 0, 0);
        while changes < CHANGES {
            let (old, new) = change(&mut random);
            let files = (generate::egress_file(&old)?, generate::egress_file(&new)?);
            let (Ok(old), Ok(new)) = (Policy::new(old), Policy::new(new)) else { continue };
            let Ok(found) = diff(&old, &new, HOST, BUDGET) else { anyhow::bail!("the budget ran out") };
            ensure!(found.undecided.is_empty(), "{:?}", found.undecided);
            let reads_connections = [&files.0, &files.1].iter().any(|file| file.contains("connection."));
            let sent: Vec<(&Region, Caller)> = found
                .regions
                .iter()
                .filter_map(|region| Some((region, sender(&stage, region, reads_connections)?)))
                .take(EXAMPLES)
                .collect();
            if sent.is_empty() {
                continue;
            }
            stage.gate.save_good(&files.0)?;
            for (region, caller) in &sent {
                is_as_said(caller, region, &region.old).with_context(|| files.0.clone())?;
            }
            stage.gate.save_good(&files.1)?;
            for (region, caller) in &sent {
                is_as_said(caller, region, &region.new).with_context(|| files.1.clone())?;
                flips += usize::from(region.old.is_allowed() != region.new.is_allowed());
            }
            changes += 1;
            examples += sent.len();
        }
        println!(
            "{changes} changes, {examples} examples, {flips} of them allowed by one policy and refused by the other"
        );
        ensure!(flips >= CHANGES / 2, "only {flips} flips");
        Ok(())
    });
}
