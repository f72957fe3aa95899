//! The same decision native and in wasm: generated policies and requests, sent through the real proxy, and asked of the
//! native engine.
//!
//! What Envoy itself rewrites or refuses before any filter is left out of the requests: dot segments, backslashes, `#`,
//! `%00` and bytes outside ASCII. `gate_hostile` has those.

mod generate;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::ensure;
use sallyport_core::{Decision, Engine, PeerView, Reason, Refusal, RequestView, Shadow, Verdict};
use sallyport_tests::client::{Caller, Http1, Http2, Request, Spoken};
use sallyport_tests::envoys::each_envoy;
use sallyport_tests::stage::Stage;

const POLICIES: usize = 40;
const REQUESTS: usize = 50;

/// One caller with both kinds of connection open.
struct Connected {
    caller: Caller,
    http1: Http1,
    http2: Http2,
}

/// All that the gate tells when the file lets it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    verdict: String,
    reason: String,
    kind: String,
    rule: String,
    shadow: String,
    shadow_rule: String,
}

impl From<Spoken> for Told {
    fn from(spoken: Spoken) -> Self {
        let Spoken { verdict, reason, kind, rule, shadow, shadow_rule, id: _ } = spoken;
        Self { verdict, reason, kind, rule, shadow, shadow_rule }
    }
}

impl From<Decision<'_>> for Told {
    fn from(decision: Decision<'_>) -> Self {
        let id = |refusal: &Refusal<'_>| refusal.rule.map(|rule| rule.id.to_owned()).unwrap_or_default();
        let mut told = match decision.verdict {
            Verdict::Continue(permit) => Self {
                verdict: "allowed".to_owned(),
                rule: permit.rule().map(|rule| rule.id.to_owned()).unwrap_or_default(),
                ..Self::default()
            },
            Verdict::Refuse(refusal) => Self {
                verdict: "refused".to_owned(),
                reason: refusal.reason.as_str().to_owned(),
                kind: match refusal.reason {
                    Reason::Ambiguous(kind) => kind.as_str().to_owned(),
                    _ => String::new(),
                },
                rule: id(&refusal),
                ..Self::default()
            },
        };
        match decision.shadow {
            None => {}
            Some(Shadow::WouldContinue(rule)) => {
                told.shadow = "allowed".to_owned();
                told.shadow_rule = rule.id.to_owned();
            }
            Some(Shadow::WouldRefuse(refusal)) => {
                told.shadow = "refused".to_owned();
                told.shadow_rule = id(&refusal);
            }
        }
        told
    }
}

/// What the native engine says of the request that the filter will see.
fn native(engine: &Engine, caller: &Caller, request: &Request, local: SocketAddr, gate: SocketAddr) -> Told {
    let host = request.host.clone().unwrap_or_else(|| caller.host().as_bytes().to_vec());
    let mut headers: Vec<(&[u8], &[u8])> = vec![
        (b":authority", &host),
        (b":path", &request.path),
        (b":method", &request.method),
        (b":scheme", b"https"),
    ];
    headers.extend(request.headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice())));
    let (source, destination) = (local.to_string(), gate.to_string());
    let spiffe = format!("spiffe://{}", caller.principal);
    let mtls = !caller.principal.is_empty();
    let view = RequestView {
        headers: &headers,
        peer: PeerView { mtls, uri_san: mtls.then_some(spiffe.as_bytes()) },
        source_address: Some(source.as_bytes()),
        destination_address: Some(destination.as_bytes()),
        sni: Some(caller.host().as_bytes()),
        metadata: None,
    };
    engine.on_request(&view).into()
}

#[test]
fn native_and_wasm_decide_alike() {
    each_envoy("parity", |envoy, scratch| {
        let mut random = fastrand::Rng::with_seed(20_261_123);
        let mut stage = Stage::start(envoy, scratch, "rules: []")?;
        let gate = stage.gate.listener();
        let mut callers = Vec::new();
        for caller in [stage.sleep()?, stage.writer()?, stage.stranger()?, stage.gate.nobody()?] {
            callers.push(Connected { http1: caller.http1()?, http2: caller.http2()?, caller });
        }

        let mut seen: BTreeMap<Told, usize> = BTreeMap::new();
        for number in 0..POLICIES {
            let (policy, engine) = generate::policy(&mut random, gate.port());
            let file = generate::egress_file(&policy)?;
            stage.gate.save_good(&file)?;
            for _ in 0..REQUESTS {
                let at = random.usize(..callers.len());
                let connected = &mut callers[at];
                let request = generate::request(&mut random);
                // Over HTTP/2 the harness does not tell its own port, which no generated rule asks for.
                let local = connected.http1.local_address()?;
                let expected = native(&engine, &connected.caller, &request, local, gate);
                let reply =
                    if random.bool() { connected.http1.send(&request)? } else { connected.http2.send(&request)? };
                let told = Told::from(reply.spoken());
                ensure!(
                    told == expected,
                    "policy {number}, {}: {request:?}\nnative: {expected:?}\nwasm:   {told:?} ({reply:?})\n{file}",
                    connected.caller.name,
                );
                let status = (200..300).contains(&reply.status);
                ensure!(status == (expected.verdict == "allowed"), "{expected:?}: {reply:?}");
                *seen.entry(Told { rule: String::new(), shadow_rule: String::new(), ..told }).or_default() += 1;
            }
        }

        // Agreement on one kind of answer would prove little.
        let count = |found: &dyn Fn(&Told) -> bool| -> usize {
            seen.iter().filter(|(told, _)| found(told)).map(|(_, count)| count).sum()
        };
        let all = POLICIES * REQUESTS;
        ensure!(count(&|_| true) == all);
        ensure!(count(&|told| told.verdict == "allowed") > all / 10, "{seen:?}");
        for reason in ["denied", "not_allowed", "no_identity", "ambiguous_request"] {
            ensure!(count(&|told| told.reason == reason) > all / 100, "too few {reason}: {seen:?}");
        }
        for shadow in ["allowed", "refused"] {
            ensure!(count(&|told| told.shadow == shadow) > all / 100, "too few shadows {shadow}: {seen:?}");
        }
        Ok(())
    });
}
