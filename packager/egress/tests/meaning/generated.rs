//! Pairs of policies by chance, and which requests a comparison of them promises something about.

use arbitrary::Unstructured;
use sallyport_core::{Ambiguity, wire};

use crate::common::generate;
use crate::common::request::Request;

pub fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes
}

/// A policy, and another that somebody has made of it.
pub fn pair(seed: u64) -> (wire::Policy, wire::Policy) {
    let bytes = bytes(seed, 4000);
    let mut u = Unstructured::new(&bytes);
    let old = generate::policy(&mut u);
    let mut new = old.clone();
    for _ in 0..=u.choose_index(2).unwrap_or(0) {
        let at = u.choose_index(new.rules.len().max(1)).unwrap_or(0);
        match u.choose_index(12).unwrap_or(0) {
            0 if !new.rules.is_empty() => {
                new.rules.remove(at);
            }
            1 if new.rules.len() > 1 => new.rules.swap(0, at),
            2 => {
                let other = generate::policy(&mut u);
                if new.rules.is_empty() || new.tolerate == other.tolerate {
                    new.tolerate = other.tolerate;
                }
            }
            3 => new.trusted_forwarders = generate::policy(&mut u).trusted_forwarders,
            4 => new.stage = generate::policy(&mut u).stage,
            5 if !new.rules.is_empty() => {
                new.rules[at].action = [wire::Action::Allow, wire::Action::Deny][u.choose_index(2).unwrap_or(0)];
            }
            6 if !new.rules.is_empty() => new.rules[at].stage = wire::Stage::Enforce,
            7 | 8 => {
                let rule = generate::rule(&mut u, &new, 20 + at);
                new.rules.insert(at, rule);
            }
            _ if !new.rules.is_empty() => {
                let id = new.rules[at].id.clone();
                new.rules[at] = wire::Rule { id, ..generate::rule(&mut u, &new, at) };
            }
            _ => {}
        }
    }
    (old, new)
}

/// Whether the search looks at requests of this kind: `meaning` names the others.
pub fn is_of_the_space(request: &Request) -> bool {
    let header = |name: &str| {
        let line = request.headers.iter().find(|(known, _)| known.0 == name.as_bytes());
        line.map(|(_, value)| value.0.clone()).unwrap_or_default()
    };
    let path = header(":path");
    let path = path.split(|byte| *byte == b'?').next().unwrap_or_default().to_vec();
    // Envoy decodes these.
    let decoded = path.windows(3).any(|escape| {
        escape[0] == b'%'
            && std::str::from_utf8(&escape[1..])
                .ok()
                .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                .is_some_and(sallyport_core::request::is_unreserved)
    });
    let has_strange_names = !request.other_names.is_empty();
    let identity = request.uri_san.as_ref().map(|uri| uri.0.clone()).unwrap_or_default();
    let is_strange = request.mtls
        && !(identity.starts_with(b"spiffe://")
            && identity.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).count() == 6);
    let is_address = header(":authority").starts_with(b"[") || header("host").starts_with(b"[");
    let has_no_port = request.destination_address.is_none();
    // What is forwarded by others than the forwarder counts for nothing.
    !(decoded || has_strange_names || is_strange || is_address || has_no_port)
}

/// Whether a certificate behind a forwarder has a subject, which rules that refuse read as one more name: the search has no
/// such certificates, so a region for them may show the rule without the patterns that only a subject matches.
pub fn shows_a_subject(request: &Request) -> bool {
    let lines = request.headers.iter().filter(|(name, _)| name.0 == b"x-forwarded-client-cert");
    lines.into_iter().any(|(_, value)| value.0.windows(8).any(|part| part == b"Subject="))
}

/// Whether the search leaves out requests that are refused in this way, or would be.
pub fn is_left_out(kind: Ambiguity) -> bool {
    use Ambiguity as A;
    matches!(
        kind,
        A::ValueTooLong
            | A::MalformedPath
            | A::MalformedHost
            | A::MalformedMethod
            | A::UnreadableCertificate
            | A::UnreadableMetadata
            | A::UnknownUpgrade
    )
}
