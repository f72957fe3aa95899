//! Attributes of a decision in the stream's filter state, for Envoy's own access log and spans.
//!
//! # Design
//!
//! Headers are for the upstream, and those that the filter sets have been removed again when a log line or a span is
//! written. Filter state stays with the request and never leaves Envoy. Each attribute is a host call, so they are set only
//! where something reads them: `filterState` of the policy.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::health::Phase;
use crate::outbound::Outgoing;
use crate::request::view::RequestView;
use crate::trace_context::{Incoming, hex};
use crate::verdict::{Decision, Shadow, Verdict};

/// `allowed` or `refused`, as the caller is answered: while the health gate is open it is `refused`, too.
pub const DECISION: &str = "sallyport.decision";
/// The rule that allowed or denied.
pub const RULE: &str = "sallyport.rule";
/// `would_allow:RULE`, `would_refuse:REASON` or `would_refuse:REASON:RULE`, where what is in shadow mode disagrees.
pub const SHADOW: &str = "sallyport.shadow";
/// The region of a candidate's change: 12 hexadecimal digits, or `other`; where the candidate decides otherwise.
pub const REGION: &str = "sallyport.region";
/// `closed`, `half-open` or `open`: the health gate of the upstream, for requests that the policy allows.
pub const HEALTH: &str = "sallyport.health";
/// The caller on whose behalf a trusted forwarder sends the request: `TD/ns/NS/sa/SA`.
pub const CALLER: &str = "sallyport.caller";
/// The id of the trace: 32 hexadecimal digits, in whichever format the upstream gets it.
pub const TRACE: &str = "sallyport.trace";
/// The id of the gateway's own span, 16 hexadecimal digits, where the upstream gets one (`tracing.parent: gateway`, or a trace
/// that begins at the gateway). No span of that id is exported: this is its only record.
pub const SPAN: &str = "sallyport.span";

/// Envoy's command operator for an attribute (Envoy, "Access logging", `FILTER_STATE`). The names that a Wasm filter sets
/// begin with `wasm.` there; an attribute that is not set is written as `-`.
#[must_use]
pub fn operator(attribute: &str) -> String {
    format!("%FILTER_STATE(wasm.{attribute}:PLAIN)%")
}

/// The attributes of a request that have a value. `health` is the phase of the upstream's gate, for requests that the policy
/// allows; `sent` is what goes on to the upstream, and nothing where the request is answered here.
#[must_use]
pub fn attributes<'e>(
    decision: &Decision<'e>,
    view: &RequestView<'_>,
    health: Option<Phase>,
    sent: Option<&Outgoing<'_>>,
) -> Vec<(&'static str, Cow<'e, str>)> {
    let rule = match &decision.verdict {
        Verdict::Continue(permit) => permit.rule(),
        Verdict::Refuse(refusal) => refusal.rule,
    };
    let word = if sent.is_some() { "allowed" } else { "refused" };
    let mut attributes = vec![(DECISION, Cow::Borrowed(word))];
    attributes.extend(rule.map(|rule| (RULE, Cow::Borrowed(rule.id))));
    attributes.extend(decision.shadow.as_ref().map(|shadow| (SHADOW, Cow::Owned(shadow_text(shadow)))));
    attributes.extend(decision.trial.map(|trial| (REGION, Cow::Borrowed(trial.id))));
    attributes.extend(health.map(|phase| (HEALTH, Cow::Borrowed(phase.as_str()))));
    attributes.extend(decision.caller.forwarded().map(|caller| (CALLER, caller.clone())));
    let trace = sent.map_or_else(|| Incoming::read(view.headers).trace_id(), |outgoing| outgoing.trace_id.clone());
    attributes.extend(trace.map(|id| (TRACE, Cow::Owned(id))));
    attributes.extend(sent.and_then(|outgoing| outgoing.span_id).map(|id| (SPAN, Cow::Owned(hex(&id)))));
    attributes
}

fn shadow_text(shadow: &Shadow<'_>) -> String {
    match shadow {
        Shadow::WouldContinue(rule) => format!("would_allow:{}", rule.id),
        Shadow::WouldRefuse(refusal) => format!("would_refuse:{refusal}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine;
    use crate::outbound::Facts;
    use crate::request::view::PeerView;

    /// The health, and whether the request goes on to the upstream.
    type Case = (Option<Phase>, bool);

    const SENT: Case = (None, true);
    const HERE: Case = (None, false);
    const SLEEP: &[u8] = b"spiffe://cluster.local/ns/httpbin/sa/sleep";

    fn engine() -> Engine {
        Engine::from_json(
            br#"{"version":1,"upstream":"a/b","filterState":true,
              "trustedForwarders":["cluster.local/ns/istio-system/sa/ingress"],"rules":[
              {"id":"read","action":"ALLOW","from":[{"source":{"namespaces":["httpbin"]}}]},
              {"id":"admin","action":"DENY","to":[{"operation":{"paths":["/admin"]}}]},
              {"id":"slow","action":"DENY","stage":"shadow","to":[{"operation":{"paths":["/slow"]}}]},
              {"id":"all","action":"ALLOW","stage":"shadow","to":[{"operation":{"methods":["GET"]}}]}]}"#,
        )
        .unwrap()
    }

    fn all(engine: &Engine, view: &RequestView<'_>, (health, sent): Case) -> Vec<(&'static str, String)> {
        let decision = engine.on_request(view);
        let outgoing = engine.outbound().outgoing(view.headers, &Facts { ids: [0xab; 24], ..Facts::default() });
        let attributes = attributes(&decision, view, health, sent.then_some(&outgoing));
        attributes.into_iter().map(|(name, value)| (name, value.into_owned())).collect()
    }

    fn found(path: &str, peer: &[u8], forwarded: &str, case: Case) -> String {
        let headers: &[(&[u8], &[u8])] = &[
            (b":method", b"GET"),
            (b":path", path.as_bytes()),
            (b":authority", b"a"),
            (b"x-forwarded-client-cert", &[forwarded.as_bytes(), b"Hash=1;URI=", peer].concat()),
        ];
        let peer = PeerView { mtls: true, uri_san: Some(peer), digest: Some(b"1") };
        let view = RequestView { headers, peer, ..RequestView::default() };
        let found = all(&engine(), &view, case);
        found.iter().map(|(name, value)| format!("{} {value}\n", name.trim_start_matches("sallyport."))).collect()
    }

    #[test]
    fn attributes_with_a_value_are_set() {
        let stranger = b"spiffe://cluster.local/ns/other/sa/stranger";
        let ingress = b"spiffe://cluster.local/ns/istio-system/sa/ingress";
        let (by, uri) = ("By=spiffe://cluster.local/ns/a/sa/b;", "URI=spiffe://cluster.local/ns/httpbin/sa/sleep");
        for (path, peer, forwarded, case, expected) in [
            ("/", SLEEP, "", SENT, "decision allowed\nrule read\n"),
            ("/", SLEEP, "", (Some(Phase::HalfOpen), true), "decision allowed\nrule read\nhealth half-open\n"),
            ("/", SLEEP, "", (Some(Phase::Open), false), "decision refused\nrule read\nhealth open\n"),
            ("/admin", SLEEP, "", HERE, "decision refused\nrule admin\n"),
            ("/slow", SLEEP, "", SENT, "decision allowed\nrule read\nshadow would_refuse:denied:slow\n"),
            ("/", stranger, "", HERE, "decision refused\nshadow would_allow:all\n"),
            ("/a;b", SLEEP, "", HERE, "decision refused\n"),
            (
                "/",
                ingress,
                &format!("{by}{uri},"),
                SENT,
                "decision allowed\nrule read\ncaller cluster.local/ns/httpbin/sa/sleep\n",
            ),
        ] {
            assert_eq!(found(path, peer, forwarded, case), expected, "{path}");
        }
    }

    #[test]
    fn a_shadow_policy_says_why_it_would_refuse() {
        let policy = br#"{"version":1,"upstream":"a/b","stage":"shadow","rules":[]}"#;
        let engine = Engine::from_json(policy).unwrap();
        for (path, expected) in
            [(&b"/"[..], "would_refuse:not_allowed"), (b"/a;b", "would_refuse:ambiguous_request:semicolon")]
        {
            let headers: &[(&[u8], &[u8])] = &[(b":method", b"GET"), (b":path", path), (b":authority", b"a")];
            let view = RequestView { headers, ..RequestView::default() };
            let found = all(&engine, &view, SENT);
            assert_eq!(found, [(DECISION, "allowed".to_owned()), (SHADOW, expected.to_owned())]);
        }
    }

    #[test]
    fn the_trace_is_the_one_that_the_upstream_gets() {
        let parent: &[u8] = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let (known, new) = (Some("0af7651916cd43dd8448eb211c80319c".to_owned()), Some("ab".repeat(16)));
        for (tracing, case, with_parent, without) in [
            (r#""mode":"standalone","formats":["b3"],"samplingPerMille":0"#, SENT, &known, &new),
            (r#""mode":"standalone","formats":["b3"]"#, SENT, &known, &None),
            (r#""mode":"standalone","formats":["b3"]"#, HERE, &known, &None),
            (r#""mode":"strip""#, SENT, &known, &None),
            (r#""mode":"envoy""#, SENT, &known, &None),
        ] {
            let policy = format!(r#"{{"version":1,"upstream":"a/b","tracing":{{{tracing}}},"rules":[]}}"#);
            let engine = Engine::from_json(policy.as_bytes()).unwrap();
            for (headers, expected) in [(&[(&b"traceparent"[..], parent)][..], with_parent), (&[], without)] {
                let view = RequestView { headers, ..RequestView::default() };
                let found = all(&engine, &view, case);
                let trace = found.into_iter().find_map(|(name, value)| (name == TRACE).then_some(value));
                assert_eq!(&trace, expected, "{tracing} {case:?}");
            }
        }
    }

    #[test]
    fn the_span_is_the_gateways_own() {
        let parent: &[u8] = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let own = Some("ab".repeat(8));
        for (more, with_parent, without) in
            [("", &None, &None), (r#","samplingPerMille":5"#, &None, &own), (r#","parent":"gateway""#, &own, &None)]
        {
            let tracing = format!(r#""mode":"standalone","formats":["w3c"]{more}"#);
            let policy = format!(r#"{{"version":1,"upstream":"a/b","tracing":{{{tracing}}},"rules":[]}}"#);
            let engine = Engine::from_json(policy.as_bytes()).unwrap();
            for (headers, expected) in [(&[(&b"traceparent"[..], parent)][..], with_parent), (&[], without)] {
                let view = RequestView { headers, ..RequestView::default() };
                for (case, expected) in [(SENT, expected), (HERE, &None)] {
                    let found = all(&engine, &view, case);
                    let span = found.into_iter().find_map(|(name, value)| (name == SPAN).then_some(value));
                    assert_eq!(&span, expected, "{tracing} {case:?}");
                }
            }
        }
    }

    #[test]
    fn envoy_reads_them_as_text() {
        assert_eq!(operator(RULE), "%FILTER_STATE(wasm.sallyport.rule:PLAIN)%");
    }
}
