//! The same decision native and in wasm: generated policies and requests, sent through the real proxy, and asked of the
//! native engine.
//!
//! What Envoy itself rewrites or refuses before any filter is left out of the requests: dot segments, backslashes, `#`,
//! `%00` and bytes outside ASCII. `gate_hostile` has those.

mod generate;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::ensure;
use sallyport_core::{Decision, Engine, PeerView, Reason, RequestView, RuleRef, Shadow, Verdict};
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

/// Whether a route leads on from the host of the request: its own name, in any case and with any port.
fn is_routed(request: &Request) -> bool {
    let Some(host) = &request.host else { return true };
    let name = host.split(|byte| *byte == b':').next().unwrap_or_default();
    name.eq_ignore_ascii_case(b"httpbin.legacy.internal")
}

/// All that the gate tells when the file lets it.
fn native_told(decision: &Decision<'_>) -> Spoken {
    let id = |rule: Option<RuleRef<'_>>| rule.map(|rule| rule.id.to_owned()).unwrap_or_default();
    let kind = |reason: Reason| match reason {
        Reason::Ambiguous(kind) => kind.as_str().to_owned(),
        _ => String::new(),
    };
    let mut spoken = match decision.verdict {
        Verdict::Refuse(refusal) => Spoken {
            verdict: "refused".to_owned(),
            reason: refusal.reason.as_str().to_owned(),
            kind: kind(refusal.reason),
            rule: id(refusal.rule),
            ..Spoken::default()
        },
        Verdict::Continue(permit) => {
            Spoken { verdict: "allowed".to_owned(), rule: id(permit.rule()), ..Spoken::default() }
        }
    };
    match decision.shadow {
        Some(Shadow::WouldRefuse(refusal)) => {
            spoken.shadow = "refused".to_owned();
            spoken.shadow_reason = refusal.reason.as_str().to_owned();
            spoken.shadow_kind = kind(refusal.reason);
            spoken.shadow_rule = id(refusal.rule);
        }
        Some(Shadow::WouldContinue(rule)) => {
            spoken.shadow = "allowed".to_owned();
            spoken.shadow_rule = rule.id.to_owned();
        }
        None => {}
    }
    spoken
}

/// What the native engine says of the request that the filter will see.
fn native(engine: &Engine, caller: &Caller, request: &Request, local: SocketAddr, gate: SocketAddr) -> Spoken {
    let host = request.host.clone().unwrap_or_else(|| caller.host().as_bytes().to_vec());
    let path = normalized(&request.path);
    let mut headers: Vec<(&[u8], &[u8])> =
        vec![(b":authority", &host), (b":path", &path), (b":method", &request.method), (b":scheme", b"https")];
    headers.extend(request.headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice())));
    // What Envoy writes of the caller's certificate.
    let forwarded = format!("Hash=00;URI=spiffe://{}", caller.principal);
    if !caller.principal.is_empty() {
        headers.push((b"x-forwarded-client-cert", forwarded.as_bytes()));
    }
    let (source, destination) = (local.to_string(), gate.to_string());
    let spiffe = format!("spiffe://{}", caller.principal);
    let mtls = !caller.principal.is_empty();
    let view = RequestView {
        headers: &headers,
        peer: PeerView { mtls, uri_san: mtls.then_some(spiffe.as_bytes()), digest: None },
        source_address: Some(source.as_bytes()),
        destination_address: Some(destination.as_bytes()),
        sni: Some(caller.host().as_bytes()),
        tls_version: Some(b"TLSv1.3"),
        metadata: None,
    };
    native_told(&engine.on_request(&view))
}

/// As Envoy's `normalize_path` leaves a path: escapes of unreserved characters are decoded, the others stay as they came.
fn normalized(target: &[u8]) -> Vec<u8> {
    let end = target.iter().position(|byte| *byte == b'?').unwrap_or(target.len());
    let (path, query) = target.split_at(end);
    let mut text = Vec::new();
    let mut at = 0;
    while let Some(byte) = path.get(at) {
        let digits = path.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        let value = digits.filter(|_| *byte == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match value.filter(|value| value.is_ascii_alphanumeric() || b"-._~".contains(value)) {
            Some(value) => {
                text.push(value);
                at += 3;
            }
            None => {
                text.push(*byte);
                at += 1;
            }
        }
    }
    text.extend_from_slice(query);
    text
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

        let mut seen: BTreeMap<[String; 3], usize> = BTreeMap::new();
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
                let told = Spoken { id: String::new(), ..reply.spoken() };
                ensure!(
                    told == expected,
                    "policy {number}, {}: {request:?}\nnative: {expected:?}\nwasm:   {told:?} ({reply:?})\n{file}",
                    connected.caller.name,
                );
                let is_passed =
                    if is_routed(&request) { (200..300).contains(&reply.status) } else { reply.status == 404 };
                ensure!(is_passed == (expected.verdict == "allowed"), "{expected:?}: {request:?} {reply:?}");
                *seen.entry([told.verdict, told.reason, told.shadow_reason]).or_default() += 1;
            }
        }

        // Agreement on one kind of answer would prove little.
        let all = POLICIES * REQUESTS;
        let count = |at: usize, word: &str| -> usize {
            seen.iter().filter(|(told, _)| told.get(at).is_some_and(|told| told == word)).map(|(_, count)| count).sum()
        };
        ensure!(seen.values().sum::<usize>() == all);
        ensure!(count(0, "allowed") > all / 10, "{seen:?}");
        for reason in ["denied", "not_allowed", "no_identity", "ambiguous_request"] {
            ensure!(count(1, reason) > all / 100, "too few {reason}: {seen:?}");
        }
        for reason in ["denied", "not_allowed"] {
            ensure!(count(2, reason) > all / 200, "too few shadows of {reason}: {seen:?}");
        }
        Ok(())
    });
}
