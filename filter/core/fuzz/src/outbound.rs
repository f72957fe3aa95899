//! Any headers at all on their way out, under policies of every mode, format and hygiene: one trace leaves or none, in
//! words that are read again, and nothing of what is to stay in the mesh.
//!
//! The input's first byte chooses the policy, the rest of its first line the ids; each other line is a header.
#![no_main]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sallyport_core::Engine;
use sallyport_core::outbound::hygiene::removed_by_route;
use sallyport_core::outbound::reserved::{OF_THE_GATE, READ};
use sallyport_core::wire::{self, ParentSpan};
use sallyport_core::outbound::{Edit, Facts};
use sallyport_core::request::name::fold;
use sallyport_core::trace_context::{
    Incoming, TraceContext, b3, baggage, is_trace_header, tracestate::Tracestate, w3c,
};

type Header = (Vec<u8>, Vec<u8>);

/// With each hygiene, with and without what a file keeps and sets.
const TRACING: [(&str, &[&str]); 9] = [
    ("envoy", &[]),
    ("strip", &[]),
    ("standalone", &["w3c"]),
    ("standalone", &["b3"]),
    ("standalone", &["b3multi"]),
    ("standalone", &["b3", "b3multi"]),
    ("standalone", &["w3c", "b3"]),
    ("standalone", &["w3c", "b3multi"]),
    ("standalone", &["w3c", "b3", "b3multi"]),
];
const HYGIENE: [(&str, wire::Hygiene); 3] =
    [("off", wire::Hygiene::Off), ("compatible", wire::Hygiene::Compatible), ("strict", wire::Hygiene::Strict)];
const KEPT: [&[u8]; 1] = [b"x-auth-request-groups"];
const SET: [&[u8]; 4] = [b"x-caller", b"x-correlation-id", b"x-foreign", b"x-trace"];
const MORE: &str = r#","keep":["x-auth-request-groups","uber-trace-id"],"set":[
    {"name":"x-caller","value":"%{caller.namespace}/%{caller.serviceAccount} by %{rule}"},
    {"name":"x-correlation-id","value":"%{requestId}"},
    {"name":"x-foreign","value":"%{foreignTrace}"},
    {"name":"x-trace","value":"%{traceId}"}]"#;
/// Beginnings of what stays in the mesh, once the route has done its part; the last two are for the strict hygiene.
const FAMILIES: [&[u8]; 4] = [b"x-envoy-", b"x-istio-", b"x-forwarded-", b"x-auth-request-"];
/// Names that are for the strict hygiene.
const NAMES: [&[u8]; 6] = [b"forwarded", b"true-client-ip", b"via", b"x-real-ip", b"x-remote-user", b"x-user-id"];

struct Policy {
    engine: Engine,
    mode: &'static str,
    formats: &'static [&'static str],
    hygiene: wire::Hygiene,
    sets: bool,
}

static POLICIES: LazyLock<Vec<Policy>> = LazyLock::new(|| {
    let mut policies = Vec::new();
    for (mode, formats) in TRACING {
        for (word, hygiene) in HYGIENE {
            for sets in [false, true] {
                let more = if sets { MORE } else { "" };
                let baggage = if mode == "standalone" { r#","baggage":["tenant","a"]"# } else { "" };
                let more_of_trace = match (mode, sets) {
                    ("standalone", true) => r#","parent":"gateway","samplingPerMille":500"#,
                    _ => "",
                };
                let listed = if formats.is_empty() { String::new() } else { format!(r#","formats":{formats:?}"#) };
                let text = format!(
                    r#"{{"version":1,"upstream":"a/b","rules":[],"tracing":{{"mode":"{mode}"{listed}{baggage}{more_of_trace}}},
                        "headers":{{"hygiene":"{word}"{more}}}}}"#
                );
                let engine = Engine::from_json(text.as_bytes()).unwrap_or_else(|invalid| panic!("{invalid}\n{text}"));
                policies.push(Policy { engine, mode, formats, hygiene, sets });
            }
        }
    }
    policies
});

fuzz_target!(|bytes: &[u8]| {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let [choice, seed @ ..] = lines.next().unwrap_or_default() else { return };
    let mut ids = [0; 24];
    ids.iter_mut().zip(seed).for_each(|(id, byte)| *id = *byte);
    let policy = &POLICIES[usize::from(*choice) % POLICIES.len()];
    let principal = (choice % 2 == 0).then_some("cluster.local/ns/shop/sa/orders");
    let facts = Facts { principal, gateway: "a/b", rule: Some("r"), ids };
    // Envoy's names are in lower case.
    let headers: Vec<Header> = lines
        .filter_map(|line| line.iter().position(|byte| *byte == b':').map(|colon| (&line[..colon], &line[colon + 1..])))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec()))
        .collect();
    policy.check(&headers, &facts);
});

impl Policy {
    fn check(&self, headers: &[Header], facts: &Facts<'_>) {
        let sent = self.send(headers, facts);
        self.check_trace(headers, &sent, facts);
        self.check_hygiene(headers, &sent);
        if self.sets {
            self.check_set(headers, &sent, facts);
            return;
        }
        // With the same ids, whatever has been done is done. Only W3C has no word for what B3 leaves open.
        let again = self.send(&sent, facts);
        if self.formats.first() != Some(&"w3c") || self.formats.len() == 1 {
            assert_eq!(again, sent);
        }
        assert_eq!(self.send(&again, facts), again);
    }

    /// The request after the edits.
    fn send(&self, headers: &[Header], facts: &Facts<'_>) -> Vec<Header> {
        let mut sent = headers.to_vec();
        let mut edited = BTreeSet::new();
        for edit in self.engine.outbound().outgoing(&pairs(headers), facts).edits {
            let (name, value) = match edit {
                Edit::Remove(name) => (name.into_owned(), None),
                Edit::Set(name, value) => (name.into_owned().into_bytes(), Some(value.into_bytes())),
            };
            assert!(edited.insert(name.clone()), "{} is edited twice", name.escape_ascii());
            sent.retain(|(other, _)| *other != name);
            if let Some(value) = value {
                let good = |byte: &u8| (b' '..=b'~').contains(byte) || *byte == b'\t';
                assert!(!value.is_empty() && value.iter().all(good), "{}", value.escape_ascii());
                sent.push((name, value));
            }
        }
        sent
    }

    /// One trace leaves, the caller's where it names one, the same in every format; or none.
    fn check_trace(&self, headers: &[Header], sent: &[Header], facts: &Facts<'_>) {
        let traces = |headers: &[Header]| -> Vec<Header> {
            headers.iter().filter(|(name, _)| is_trace_header(&fold(name))).cloned().collect()
        };
        if self.mode == "envoy" {
            assert_eq!(traces(sent), traces(headers));
            return;
        }
        let keys: Vec<Box<str>> = vec!["tenant".into(), "a".into()];
        let mut welcome: Vec<&[u8]> = if self.sets { KEPT.to_vec() } else { Vec::new() };
        if self.mode == "standalone" {
            welcome.extend(baggage::LISTS.map(str::as_bytes));
            if let Some(expected) = self.next(Incoming::read(&pairs(headers)), facts) {
                for format in self.formats {
                    welcome.extend(self.check_format(format, sent, &expected));
                }
            }
            for list in baggage::LISTS {
                let listed = baggage::listed(&pairs(sent), list, &keys).map(String::into_bytes);
                assert_eq!(values(sent, list.as_bytes()), listed.iter().collect::<Vec<_>>());
            }
        }
        for (name, value) in traces(sent) {
            let is_member = self.mode == "standalone" && baggage::is_listed_member(&name, &keys);
            assert!(is_member || welcome.contains(&&*name), "{}: {}", name.escape_ascii(), value.escape_ascii());
        }
    }

    /// The trace in one format; the names that it has.
    fn check_format(&self, format: &str, sent: &[Header], expected: &TraceContext) -> &'static [&'static [u8]] {
        let ids = (expected.trace_id, expected.span_id);
        match format {
            "w3c" => {
                let parent = w3c::read(&pairs(sent)).expect("one traceparent");
                assert_eq!((parent.trace_id, parent.parent_id), ids);
                let state = Tracestate::read(&pairs(sent));
                assert_eq!(state, expected.tracestate);
                let text = Some(state.to_string().into_bytes()).filter(|text| !text.is_empty());
                assert_eq!(values(sent, b"tracestate"), text.iter().collect::<Vec<_>>());
                &[b"traceparent", b"tracestate"]
            }
            "b3" => {
                let [value] = values(sent, b"b3")[..] else { panic!("not one b3") };
                let read = b3::parse_single(value).expect("a trace");
                assert_eq!((read.ids, read.sampling), (Some(ids), expected.sampling));
                &[b"b3"]
            }
            _ => {
                let mut several = pairs(sent);
                several.retain(|(name, _)| *name != b"b3");
                let read = b3::read(&several).expect("a trace");
                assert_eq!((read.ids, read.sampling), (Some(ids), expected.sampling));
                &[b"x-b3-traceid", b"x-b3-spanid", b"x-b3-sampled", b"x-b3-flags"]
            }
        }
    }

    /// The trace that the upstream is to get.
    fn next(&self, incoming: Incoming, facts: &Facts<'_>) -> Option<TraceContext> {
        match self.sets {
            true => incoming.next(ParentSpan::Gateway, Some(500), facts.ids),
            false => incoming.next(ParentSpan::Caller, None, facts.ids),
        }
    }

    /// Nothing of the list is left, and nothing is touched that no list has.
    fn check_hygiene(&self, headers: &[Header], sent: &[Header]) {
        let families: &[&[u8]] = match self.hygiene {
            wire::Hygiene::Off => &[],
            wire::Hygiene::Compatible => &FAMILIES[..2],
            wire::Hygiene::Strict => &FAMILIES,
        };
        for (name, _) in sent {
            let of_route = removed_by_route(self.hygiene).any(|known| known.as_bytes() == name);
            let is_kept = self.sets && KEPT.contains(&&**name);
            let folded = fold(name);
            let is_listed = families.iter().any(|family| folded.starts_with(family))
                || self.hygiene == wire::Hygiene::Strict && NAMES.contains(&&*folded);
            assert!(!is_listed || of_route || is_kept, "{} is left", name.escape_ascii());
            // Of what the gate says itself, only what its route takes away.
            let is_own = OF_THE_GATE.iter().any(|own| own.as_bytes() == &*folded);
            assert!(!is_own || **name == *b"x-sallyport-route", "{} is left", name.escape_ascii());
            let is_twin_of_set = self.sets && SET.contains(&&*folded) && *folded != **name;
            assert!(!is_twin_of_set, "{} is left", name.escape_ascii());
        }
        let others = |headers: &[Header]| -> Vec<Header> {
            let is_other = |name: &[u8]| match self.hygiene {
                wire::Hygiene::Off => {
                    let folded = fold(name);
                    let is_own = OF_THE_GATE.iter().any(|own| own.as_bytes() == &*folded);
                    // The gate reads these, so their twins go.
                    let is_read = *folded != *name && READ.iter().any(|read| read.as_bytes() == &*folded);
                    !is_trace_header(&folded) && !SET.contains(&&*folded) && !is_own && !is_read
                }
                _ => [&b"authorization"[..], b"cookie", b"x-request-id", b"user-agent"].contains(&name),
            };
            headers.iter().filter(|(name, _)| is_other(name)).cloned().collect()
        };
        assert_eq!(others(sent), others(headers));
    }

    /// What the file sets is the file's to say, once or not at all.
    fn check_set(&self, headers: &[Header], sent: &[Header], facts: &Facts<'_>) {
        let caller = facts.principal.map(|_| b"shop/orders by r".to_vec());
        assert_eq!(values(sent, b"x-caller"), caller.iter().collect::<Vec<_>>());
        let incoming = Incoming::read(&pairs(headers));
        let trace = match self.mode {
            "standalone" => self.next(incoming, facts).map(|context| context.trace_id),
            _ => incoming.context.map(|context| context.trace_id),
        };
        let hex = trace.map(|id| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into_bytes());
        assert_eq!(values(sent, b"x-trace"), hex.iter().collect::<Vec<_>>());
        assert!(values(sent, b"x-correlation-id").len() <= 1 && values(sent, b"x-foreign").len() <= 1);
        for value in values(sent, b"x-correlation-id") {
            assert_eq!(values(headers, b"x-request-id").first(), Some(&value));
        }
        for value in values(sent, b"x-foreign") {
            assert!(value.starts_with(b"xray:1-") || value.starts_with(b"datadog:"), "{}", value.escape_ascii());
        }
    }
}

fn pairs(headers: &[Header]) -> Vec<(&[u8], &[u8])> {
    headers.iter().map(|(name, value)| (&name[..], &value[..])).collect()
}

fn values<'a>(headers: &'a [Header], name: &[u8]) -> Vec<&'a Vec<u8>> {
    headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value).collect()
}
