use super::*;
use crate::outbound::Edit;

const INGRESS: &str = "spiffe://cluster.local/ns/istio-system/sa/ingress";
const MORE: &str = r#", "filterState": true, "trustedForwarders": ["cluster.local/ns/istio-system/sa/ingress"],
    "headers": {"hygiene": "off", "set": [{"name": "x-caller", "value": "%{caller.namespace}/%{caller.serviceAccount}"}]}"#;

/// The header that names the caller to the upstream, and the attribute that names a forwarded one.
fn named(engine: &Engine, line: &str, properties: &Properties) -> (Option<String>, Option<String>) {
    let mut headers = headers("GET", "/");
    certificate(&mut headers, line);
    let Forward { edits, report, .. } = forward(engine, &mut WorkerState::new(engine), &headers, properties);
    let header = edits.iter().find_map(|edit| match edit {
        Edit::Set(name, value) if name == "x-caller" => Some(value.clone()),
        _ => None,
    });
    let attribute = report.attributes.into_iter().find(|(name, _)| *name == "sallyport.caller");
    (header, attribute.map(|(_, value)| value.into_owned()))
}

#[test]
fn the_decision_carries_the_caller_to_headers_and_attributes() {
    let engine = engine(RULES, MORE);
    let with_digest = |name: &str| mtls(name).with(Needs::PEER_DIGEST, b"d1");
    let own = |name: &str| format!("Hash=d1;URI={name}");
    let forwarded = format!("By=x;Hash=d0;URI={SLEEP},{}", own(INGRESS));
    let sleep = Some("httpbin/sleep".to_owned());
    for (line, properties, expected) in [
        (own(SLEEP), with_digest(SLEEP), (sleep.clone(), None)),
        (forwarded, with_digest(INGRESS), (sleep, Some("cluster.local/ns/httpbin/sa/sleep".to_owned()))),
        (own(INGRESS), with_digest(INGRESS), (Some("istio-system/ingress".to_owned()), None)),
        (own(SLEEP), Properties::default(), (None, None)),
    ] {
        assert_eq!(named(&engine, &line, &properties), expected, "{line}");
    }
}

#[test]
fn an_ambiguous_request_has_no_caller() {
    let engine = engine(RULES, r#", "stage": "shadow""#);
    let (headers, properties) = (headers("GET", "/a;b"), mtls(SLEEP));
    let decision = engine.on_request(&properties.view(&headers));
    assert_eq!((decision.caller.principal.as_deref(), decision.caller.is_forwarded), (None, false));
}
