//! What leaves the mesh: tables of headers in and out, and properties of every trace.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sallyport_core::Engine;
use sallyport_core::outbound::hygiene::removed_by_route;
use sallyport_core::outbound::reserved::{OF_THE_GATE, OF_THE_REQUEST};
use sallyport_core::outbound::{Edit, Facts};
use sallyport_core::request::name::{fold, is_same_to_cgi};
use sallyport_core::trace_context::{Incoming, Sampling, is_trace_header, w3c, write};
use sallyport_core::wire::{self, ParentSpan, TraceFormat};

type Headers<'a> = Vec<(&'a str, &'a str)>;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const IDS: [u8; 24] = *b"0123456789abcdefABCDEFGH";

fn engine(fields: &str) -> Result<Engine, Vec<(String, String)>> {
    let policy = format!(r#"{{"version":1,"upstream":"a/b","rules":[],{fields}}}"#);
    Engine::from_json(policy.as_bytes()).map_err(|invalid| {
        invalid.problems.into_iter().map(|problem| (problem.code.to_string(), problem.path)).collect()
    })
}

/// The request as the upstream gets it, as far as the filter goes.
fn out(engine: &Engine, headers: &Headers<'_>, principal: Option<&str>) -> BTreeMap<String, Vec<String>> {
    let pairs = pairs(headers);
    let facts = Facts { principal, gateway: "a/b", rule: Some("r"), ids: IDS };
    let mut sent: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in headers {
        sent.entry((*name).to_owned()).or_default().push((*value).to_owned());
    }
    for edit in engine.outbound().outgoing(&pairs, &facts).edits {
        match edit {
            Edit::Remove(name) => drop(sent.remove(&*String::from_utf8_lossy(&name))),
            Edit::Set(name, value) => drop(sent.insert(name.into_owned(), vec![value])),
        }
    }
    sent
}

fn pairs<'a>(headers: &Headers<'a>) -> Vec<(&'a [u8], &'a [u8])> {
    headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect()
}

fn names(sent: &BTreeMap<String, Vec<String>>) -> Vec<&str> {
    sent.keys().map(String::as_str).collect()
}

#[test]
fn standalone_goes_on_with_the_trace_in_every_format() {
    let engine =
        engine(r#""tracing":{"mode":"standalone","formats":["w3c","b3","b3multi"],"parent":"gateway"}"#).unwrap();
    let sent = out(&engine, &vec![("traceparent", PARENT), ("tracestate", "a=1, b=2"), ("b3", "0")], None);
    let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "4142434445464748");
    assert_eq!(sent["traceparent"], [format!("00-{trace}-{span}-01")]);
    assert_eq!(sent["tracestate"], ["a=1,b=2"]);
    assert_eq!(sent["b3"], [format!("{trace}-{span}-1")]);
    assert_eq!(sent["x-b3-traceid"], [trace]);
    assert_eq!((&sent["x-b3-spanid"], &sent["x-b3-sampled"]), (&vec![span.to_owned()], &vec!["1".to_owned()]));
}

/// What the upstream gets is what came, so nothing is written: no call of the host.
#[test]
fn a_trace_that_goes_on_as_it_came_costs_no_edit() {
    let tracing = r#""tracing":{"mode":"standalone","formats":["w3c"]}"#;
    let engine = engine(tracing).unwrap();
    let headers = vec![("traceparent", PARENT), ("tracestate", "a=1,b=2")];
    assert_eq!(engine.outbound().outgoing(&pairs(&headers), &Facts::default()).edits, []);
    assert_eq!(engine.outbound().outgoing(&[], &Facts::default()).edits, []);
}

#[test]
fn standalone_begins_a_trace_only_if_the_file_says_so() {
    let silent = engine(r#""tracing":{"mode":"standalone","formats":["w3c"]}"#).unwrap();
    let engine = engine(r#""tracing":{"mode":"standalone","formats":["w3c"],"samplingPerMille":0}"#).unwrap();
    let begun = format!("00-{}-4142434445464748-02", "30313233343536373839616263646566");
    for headers in [
        vec![],
        vec![("traceparent", "nonsense"), ("tracestate", "a=1")],
        vec![("traceparent", PARENT), ("traceparent", PARENT)],
        vec![("x-b3-traceid", "1"), ("x-b3-spanid", "2")],
    ] {
        let sent = out(&engine, &headers, None);
        assert_eq!(names(&sent), ["traceparent"], "{headers:?}");
        assert_eq!(sent["traceparent"], std::slice::from_ref(&begun), "{headers:?}");
        assert_eq!(names(&out(&silent, &headers, None)), [] as [&str; 0], "{headers:?}");
    }
    // A lone word on sampling is heard.
    assert_eq!(out(&engine, &vec![("b3", "d")], None)["traceparent"], [begun.replace("-02", "-03")]);
}

#[test]
fn strip_leaves_no_trace_and_envoy_is_left_alone() {
    let every: Headers<'_> = vec![
        ("traceparent", PARENT),
        ("tracestate", "a=1"),
        ("baggage", "user=alice"),
        ("b3", "0"),
        ("x-b3-traceid", "1"),
        ("x-datadog-trace-id", "1"),
        ("x-amzn-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793"),
        ("uber-trace-id", "1"),
        ("ot-tracer-traceid", "1"),
        ("elastic-apm-traceparent", PARENT),
        ("sentry-trace", "1"),
        ("newrelic", "1"),
        ("x-dynatrace", "1"),
        ("x-instana-t", "1"),
        ("sw6", "1"),
        ("sw8-correlation", "1"),
        ("correlation-context", "user=alice"),
        ("request-id", "|1.2."),
        ("jaeger-debug-id", "1"),
        ("x_cloud_trace_context", "1"),
        ("user-agent", "curl"),
    ];
    let strip = engine(r#""tracing":{"mode":"strip"}"#).unwrap();
    assert_eq!(names(&out(&strip, &every, None)), ["user-agent"]);
    let envoy = engine(r#""tracing":{"mode":"envoy"}"#).unwrap();
    assert_eq!(out(&envoy, &every, None).len(), every.len());
    assert!(envoy.outbound().outgoing(&[], &Facts::default()).edits.is_empty());
}

#[test]
fn baggage_leaves_by_name() {
    let engine = engine(r#""tracing":{"mode":"standalone","formats":["w3c"],"baggage":["tenant"]}"#).unwrap();
    let sent = out(&engine, &vec![("baggage", "user=alice,tenant=a"), ("baggage", "tenant=b")], None);
    assert_eq!(sent["baggage"], ["tenant=a,tenant=b"]);
    assert!(!out(&engine, &vec![("baggage", "user=alice")], None).contains_key("baggage"));
}

#[test]
fn baggage_under_other_names_obeys_the_same_list() {
    let sent: Headers<'_> = vec![
        ("correlation-context", "user=alice,tenant=a"),
        ("jaeger-baggage", "tenant=b, user=alice"),
        ("uberctx-tenant", "c"),
        ("uberctx-user", "alice"),
        ("ot-baggage-Tenant", "d"),
        ("ot_baggage_tenant", "e"),
        ("baggage-user", "alice"),
    ];
    let listed = engine(r#""tracing":{"mode":"standalone","formats":["b3"],"baggage":["tenant"]}"#).unwrap();
    let seen = out(&listed, &sent, None);
    let names: Vec<_> = names(&seen).into_iter().filter(|name| *name != "b3").collect();
    assert_eq!(names, ["correlation-context", "jaeger-baggage", "ot-baggage-Tenant", "uberctx-tenant"]);
    assert_eq!(
        (&*seen["correlation-context"], &*seen["jaeger-baggage"]),
        (&["tenant=a".to_owned()][..], &["tenant=b".to_owned()][..])
    );
    for none in [r#""mode":"standalone","formats":["b3"]"#, r#""mode":"strip""#] {
        let seen = out(&engine(&format!(r#""tracing":{{{none}}}"#)).unwrap(), &sent, None);
        assert!(seen.keys().all(|name| name == "b3"), "{seen:?}");
    }
}

/// `check` refuses it; the filter does not follow it either.
#[test]
fn keep_does_not_undo_tracing() {
    let keep = r#""headers":{"hygiene":"strict","keep":["baggage","uberctx-user","traceparent","x-user"]}"#;
    let sent: Headers<'_> =
        vec![("baggage", "user=alice,tenant=a"), ("uberctx-user", "alice"), ("traceparent", PARENT), ("x-user", "me")];
    let strip = engine(&format!(r#""tracing":{{"mode":"strip"}},{keep}"#)).unwrap();
    assert_eq!(names(&out(&strip, &sent, None)), ["x-user"]);
    let standalone = r#""tracing":{"mode":"standalone","formats":["w3c"],"baggage":["tenant"]}"#;
    let seen = out(&engine(&format!("{standalone},{keep}")).unwrap(), &sent, None);
    assert_eq!(names(&seen), ["baggage", "traceparent", "x-user"]);
    assert_eq!(seen["baggage"], ["tenant=a"]);
    let trailers = ["baggage", "uberctx-user", "traceparent", "x-user"];
    assert_eq!(left(&trailers, |pairs| strip.outbound().removed_from_trailers(pairs)), ["x-user"]);
}

#[test]
fn hygiene_takes_families_and_keeps_what_is_kept() {
    let headers: Headers<'_> = vec![
        ("x-envoy-max-retries", "9"),
        ("x-forwarded-email", "me"),
        ("x-auth-request-user", "me"),
        ("x-auth-request-groups", "g"),
        ("x-forwarded-for", "1.2.3.4"),
        ("x-mine", "1"),
        ("authorization", "Bearer"),
    ];
    let strict = engine(r#""headers":{"hygiene":"strict","keep":["x-auth-request-groups"]}"#).unwrap();
    assert_eq!(
        names(&out(&strict, &headers, None)),
        // `x-forwarded-for` is the route's to take.
        ["authorization", "x-auth-request-groups", "x-forwarded-for", "x-mine"]
    );
    let compatible = engine(r#""headers":{"hygiene":"compatible"}"#).unwrap();
    assert!(!out(&compatible, &headers, None).contains_key("x-envoy-max-retries"));
    assert!(out(&compatible, &headers, None).contains_key("x-forwarded-email"));
}

#[test]
fn values_are_filled_in_and_what_is_not_known_is_not_the_callers_to_say() {
    let engine = engine(
        r#""headers":{"hygiene":"off","set":[
            {"name":"x-caller","value":"%{caller.namespace}/%{caller.serviceAccount}"},
            {"name":"x-correlation-id","value":"%{requestId}"},
            {"name":"x-by","value":"%{gateway} %{rule}"},
            {"name":"x-trace","value":"%{traceId}"},
            {"name":"x-foreign","value":"%{foreignTrace}"}]}"#,
    )
    .unwrap();
    let known: Headers<'_> = vec![
        ("x-caller", "root/admin"),
        ("x-request-id", "abc"),
        ("x-trace", "forged"),
        ("traceparent", PARENT),
        ("x-datadog-trace-id", "42"),
    ];
    let sent = out(&engine, &known, Some("cluster.local/ns/shop/sa/orders"));
    assert_eq!((&*sent["x-caller"][0], &*sent["x-by"][0]), ("shop/orders", "a/b r"));
    assert_eq!((&*sent["x-correlation-id"][0], &*sent["x-trace"][0]), ("abc", &PARENT[3..35]));
    assert_eq!(sent["x-foreign"], ["datadog:42"]);
    let unknown: Headers<'_> =
        vec![("x-caller", "root/admin"), ("x-request-id", "a\r\nb"), ("x-trace", "forged"), ("x-correlation-id", "x")];
    for principal in [None, Some("cluster.local/other/path")] {
        let sent = out(&engine, &unknown, principal);
        assert_eq!(names(&sent), ["x-by", "x-request-id"], "{principal:?}");
    }
}

#[test]
fn bad_settings_are_refused_with_their_place() {
    let of = |fields: &str| engine(fields).unwrap_err();
    let one = |code: &str, path: &str| vec![(code.to_owned(), path.to_owned())];
    assert_eq!(of(r#""tracing":{"mode":"standalone"}"#), one("SP1601", "tracing.formats"));
    assert_eq!(of(r#""tracing":{"mode":"strip","formats":["b3"]}"#), one("SP1601", "tracing.formats"));
    assert_eq!(of(r#""tracing":{"mode":"envoy","baggage":["k"]}"#), one("SP1601", "tracing.baggage"));
    assert_eq!(of(r#""tracing":{"mode":"envoy","parent":"gateway"}"#), one("SP1601", "tracing.parent"));
    assert_eq!(of(r#""tracing":{"mode":"strip","samplingPerMille":1}"#), one("SP1601", "tracing.samplingPerMille"));
    assert_eq!(
        of(r#""tracing":{"mode":"standalone","formats":["w3c"],"parent":"me"}"#),
        one("SP1001", "tracing.parent")
    );
    assert_eq!(of(r#""tracing":{"mode":"zipkin"}"#), one("SP1001", "tracing.mode"));
    let lists = ["keep", "remove", "routed", "response.keep", "response.remove"];
    let listed = |list: &str, names: &str| {
        let [open, close] = if list.contains('.') { ["\"response\":{", "}"] } else { ["", ""] };
        let field = list.trim_start_matches("response.");
        of(&format!(r#""headers":{{"hygiene":"strict",{open}"{field}":[{names}]{close}}}"#))
    };
    for list in lists {
        for name in ["", "X-A", "a b", ":path", "x_sallyport", "content_length"].iter().chain(&reserved()) {
            assert_eq!(listed(list, &format!("\"{name}\"")), one("SP1602", &format!("headers.{list}[0]")), "{name}");
        }
        // Seven standbys have as many as the upstream, and each may show a credential.
        let most = if list == "routed" { 8 * 65 } else { 64 };
        let many = vec!["\"x-a\""; most + 1].join(",");
        assert_eq!(listed(list, &many), one("SP1004", &format!("headers.{list}")));
    }
    let set = |name: &str, value: &str| {
        of(&format!(r#""headers":{{"hygiene":"off","set":[{{"name":"{name}","value":"{value}"}}]}}"#))
    };
    let of_the_trace = ["traceparent", "baggage", "x-b3-sampled", "x_b3_sampled", "ot_baggage_user"];
    for name in reserved().iter().chain(&of_the_trace).chain(&["transfer_encoding", "x_sallyport-route"]) {
        assert_eq!(set(name, "v"), one("SP1602", "headers.set[0].name"), "{name}");
    }
    for value in ["", " v", "v\\u0001", "é", "%{caller}", "%{rule", "%{}"] {
        assert_eq!(set("x-a", value), one("SP1603", "headers.set[0].value"), "{value}");
    }
    for (first, second) in [("a", "a"), ("x-a", "x_a"), ("x_a-b", "x-a_b")] {
        let value = r#""value":"1""#;
        let set = format!(r#"[{{"name":"{first}",{value}}},{{"name":"{second}",{value}}}]"#);
        let twice = of(&format!(r#""headers":{{"hygiene":"off","set":{set}}}"#));
        assert_eq!(twice, one("SP1602", "headers.set[1].name"), "{first} {second}");
    }
}

/// Every name that no file may keep, remove or set.
fn reserved() -> Vec<&'static str> {
    OF_THE_REQUEST.iter().chain(&OF_THE_GATE).copied().collect()
}

/// What the filter takes away, and what it leaves; where the route takes a header by its very name the filter need not.
#[test]
fn what_cgi_reads_as_the_same_header_goes() {
    const EVERY: &str = r#""headers":{"hygiene":"HYGIENE","keep":["x-real-ip","x_kept_name"],"remove":["x-secret","x_odd_name"],
        "routed":["x-api-key"],"set":[{"name":"x-caller","value":"%{caller.namespace}"}]},
        "tracing":{"mode":"standalone","formats":["w3c","b3multi"]}"#;
    // Under any hygiene: what is set, removed, shown or marked.
    let always = [
        "x_secret",
        "x-odd-name",
        "x-odd_name",
        "x_api_key",
        "x-api_key",
        "X_Api_Key",
        "x_caller",
        "x-sallyport",
        "x_sallyport",
        "x_sallyport_route",
        "x-sallyport_route",
        "x_b3_traceid",
        "x-b3_traceid",
        "grpc_trace_bin",
        // The filter reads these.
        "x_forwarded_client_cert",
        "content_type",
        "x_request-id",
        "transfer_encoding",
    ];
    let of_the_mesh = ["x_envoy_internal", "x_envoy_anything", "x-istio_attributes"];
    let of_callers = [
        "x_user",
        "x_forwarded_for",
        "x-forwarded_proto",
        "x_forwarded_anything",
        "x_real_ip",
        "proxy_authorization",
        "remote_user",
        "x_auth_request_email",
        "ssl_client_verify",
        "x_amzn_oidc_data",
    ];
    let left = ["x_plain_name", "x_users", "x_api_keys", "x-real-ip", "x_kept_name", "authorization"];
    // The route's to take, or to set.
    let routed = ["x-secret", "x_odd_name", "x-api-key", "x-sallyport-route"];
    let sent: Headers<'_> =
        [&always[..], &of_the_mesh, &of_callers, &left, &routed].concat().iter().map(|name| (*name, "v")).collect();
    for (hygiene, gone) in [
        ("off", &[&always[..]][..]),
        ("compatible", &[&always, &of_the_mesh]),
        ("strict", &[&always, &of_the_mesh, &of_callers]),
    ] {
        let engine = engine(&EVERY.replace("HYGIENE", hygiene)).unwrap();
        let (gone, pairs) = (gone.concat(), pairs(&sent));
        let edits = engine.outbound().outgoing(&pairs, &Facts::default()).edits;
        let is_removed = |name: &str| {
            edits.iter().any(|edit| matches!(edit, Edit::Remove(removed) if **removed == *name.as_bytes()))
        };
        for (name, _) in &sent {
            assert_eq!(is_removed(name), gone.contains(name), "{hygiene}: {name}");
        }
        // A route reaches no trailer.
        let trailers: Vec<_> = sent.iter().map(|(name, _)| *name).collect();
        for name in self::left(&trailers, |pairs| engine.outbound().removed_from_trailers(pairs)) {
            assert!(!gone.contains(&name) && !routed.contains(&name), "{hygiene}: {name}");
        }
    }
}

#[test]
fn names_without_twins_cost_nothing() {
    let engine = engine(r#""headers":{"hygiene":"strict","remove":["x-secret"],"routed":["x-api-key"]}"#).unwrap();
    let ordinary =
        vec![(":path", "/"), ("x-secret", "v"), ("x-api-key", "v"), ("x_plain", "v"), ("x-forwarded-for", "v")];
    assert_eq!(engine.outbound().outgoing(&pairs(&ordinary), &Facts::default()).edits, []);
}

/// A standby's route does not come into play where the upstream itself is asked.
#[test]
fn what_a_standby_removes_is_still_subject_to_the_hygiene() {
    let engine = engine(r#""headers":{"hygiene":"strict","routed":["x-user","x-api-key"]}"#).unwrap();
    assert_eq!(names(&out(&engine, &vec![("x-user", "root"), ("x-api-key", "v")], None)), ["x-api-key"]);
}

/// Names of trailers, of a request or its answer, that are left.
fn left<'a>(trailers: &[&'a str], removed: impl Fn(&[(&'a [u8], &'a [u8])]) -> Vec<&'a [u8]>) -> Vec<&'a str> {
    let pairs: Vec<_> = trailers.iter().map(|name| (name.as_bytes(), &b"v"[..])).collect();
    let removed = removed(&pairs);
    trailers.iter().filter(|name| !removed.contains(&name.as_bytes())).copied().collect()
}

#[test]
fn trailers_lose_what_headers_lose_by_whomever() {
    let sent = [
        "grpc-timeout",
        "x-checksum",
        "x-forwarded-client-cert",
        "x-envoy-max-retries",
        "x-forwarded-for",
        "x-user",
        "x-user",
        "traceparent",
        "baggage",
        "x-set",
        "x-removed",
        "x-sallyport-route",
        "x-sallyport",
    ];
    for (fields, wanted) in [
        (
            r#""tracing":{"mode":"standalone","formats":["w3c"],"baggage":["k"]},"headers":{"hygiene":"strict"}"#,
            &["grpc-timeout", "x-checksum", "x-set", "x-removed"][..],
        ),
        (
            r#""tracing":{"mode":"strip"},"headers":{"hygiene":"compatible"}"#,
            &["grpc-timeout", "x-checksum", "x-forwarded-for", "x-user", "x-user", "x-set", "x-removed"],
        ),
        (r#""tracing":{"mode":"envoy"},"headers":{"hygiene":"off"}"#, &sent[..11]),
        (
            r#""headers":{"hygiene":"strict","keep":["x-user","x-forwarded-for"],"remove":["x-removed"],
                "set":[{"name":"x-set","value":"%{rule}"}]}"#,
            &["grpc-timeout", "x-checksum", "x-forwarded-for", "x-user", "x-user", "traceparent", "baggage"],
        ),
    ] {
        let engine = engine(fields).unwrap();
        assert_eq!(left(&sent, |pairs| engine.outbound().removed_from_trailers(pairs)), wanted, "{fields}");
        assert!(engine.outbound().removed_from_trailers(&[]).is_empty());
    }
}

#[test]
fn trailers_of_answers_keep_the_outcome() {
    let sent = [
        "grpc-status",
        "grpc-message",
        "grpc-status-details-bin",
        "x-checksum",
        "server",
        "via",
        "x_powered_by",
        "x-sallyport",
        "x_sallyport",
        "x-sallyport-route",
    ];
    for (headers, wanted) in [
        (r#"{"hygiene":"off"}"#, &sent[..7]),
        (r#"{"hygiene":"compatible"}"#, &sent[..7]),
        (r#"{"hygiene":"strict"}"#, &sent[..4]),
        (
            r#"{"hygiene":"strict","response":{"keep":["via"],
                "remove":["grpc-status","grpc_message","grpc-status-details-bin"]}}"#,
            &["grpc-status", "grpc-message", "x-checksum", "via"],
        ),
    ] {
        let engine = engine(&format!(r#""headers":{headers}"#)).unwrap();
        assert_eq!(left(&sent, |pairs| engine.outbound().removed_from_response_trailers(pairs)), wanted, "{headers}");
    }
}

fn any_header() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let name = prop_oneof![
        Just(b"traceparent".to_vec()),
        Just(b"tracestate".to_vec()),
        Just(b"b3".to_vec()),
        Just(b"baggage".to_vec()),
        Just(b"x-b3-traceid".to_vec()),
        Just(b"x-b3-spanid".to_vec()),
        Just(b"x-b3-sampled".to_vec()),
        Just(b"x-request-id".to_vec()),
        "x-(envoy|forwarded|auth-request)-[a-z]{1,4}".prop_map(String::into_bytes),
        "x-(forwarded-(for|client-cert)|user|real-ip|envoy-internal|sallyport(-route)?)".prop_map(String::into_bytes),
        "x[_-](forwarded[_-](for|client[_-]cert)|user|b3[_-]traceid|sallyport[_-]route|[a-z_]{1,4})"
            .prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..12),
    ];
    let value = prop_oneof![
        Just(PARENT.as_bytes().to_vec()),
        "[0-9a-f]{16}(-[0-9a-f]{16}(-[01d])?)?".prop_map(String::into_bytes),
        "[a-z]{1,3}=[a-z]{0,3}(,[a-z]{1,3}=[a-z]{1,3})*".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..60),
    ];
    (name, value)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Whatever comes in, one trace goes out, in each format the same, and nothing that could not be read.
    #[test]
    fn one_trace_leaves(headers in prop::collection::vec(any_header(), 0..12), ids in any::<[u8; 24]>()) {
        let engine = engine(
            r#""tracing":{"mode":"standalone","formats":["w3c","b3multi"],"baggage":["a"],"samplingPerMille":500},"headers":{"hygiene":"strict"}"#,
        ).unwrap();
        let pairs: Vec<_> = headers.iter().map(|(name, value)| (&name[..], &value[..])).collect();
        let facts = Facts { ids, ..Facts::default() };
        let mut sent: Vec<(Vec<u8>, Vec<u8>)> = headers.clone();
        for edit in engine.outbound().outgoing(&pairs, &facts).edits {
            let name = match &edit {
                Edit::Remove(name) => name.to_vec(),
                Edit::Set(name, _) => name.as_bytes().to_vec(),
            };
            sent.retain(|(other, _)| *other != name);
            if let Edit::Set(_, value) = edit {
                sent.push((name, value.into_bytes()));
            }
        }
        let pairs: Vec<_> = sent.iter().map(|(name, value)| (&name[..], &value[..])).collect();
        let parent = w3c::read(&pairs).expect("a traceparent");
        let known = Incoming::read(&pairs).context.expect("a trace");
        prop_assert_eq!(known.trace_id, parent.trace_id);
        let without: Vec<_> = pairs.iter().copied().filter(|(name, _)| *name != b"traceparent").collect();
        let b3 = Incoming::read(&without).context.expect("the same in B3");
        prop_assert_eq!((b3.trace_id, b3.span_id), (parent.trace_id, parent.parent_id));
        let allowed: [&[u8]; 7] = [b"traceparent", b"tracestate", b"baggage", b"x-b3-traceid", b"x-b3-spanid", b"x-b3-sampled", b"x-b3-flags"];
        for (name, _) in &pairs {
            prop_assert!(!is_trace_header(&fold(name)) || allowed.contains(name), "{}", name.escape_ascii());
        }
    }

    /// Whatever name is protected, none is left that CGI would read as it.
    #[test]
    fn no_twin_is_left(
        protected in "[a-z]{1,3}([_-][a-z]{1,2}){1,2}",
        seen in prop::collection::vec("[a-zA-Z]{1,3}([_-][a-zA-Z]{1,2}){1,2}", 0..6),
        spelling in any::<u8>(),
        of_set in any::<bool>(),
    ) {
        let field = if of_set { format!(r#""set":[{{"name":"{protected}","value":"v"}}]"#) } else { format!(r#""routed":["{protected}"]"#) };
        let engine = engine(&format!(r#""headers":{{"hygiene":"off",{field}}}"#)).unwrap();
        let spelled = |(position, byte): (usize, u8)| match byte {
            b'-' | b'_' if spelling & (1 << (position % 8)) != 0 => b'_',
            b'-' | b'_' => b'-',
            byte if spelling & (1 << (position % 8)) != 0 => byte.to_ascii_uppercase(),
            byte => byte,
        };
        let twin: Vec<u8> = protected.bytes().enumerate().map(spelled).collect();
        let mut sent: Vec<(&[u8], &[u8])> = seen.iter().map(|name| (name.as_bytes(), &b"v"[..])).collect();
        sent.push((&twin, b"v"));
        let edits = engine.outbound().outgoing(&sent, &Facts::default()).edits;
        for (name, _) in &sent {
            let is_removed = edits.iter().any(|edit| matches!(edit, Edit::Remove(removed) if **removed == **name));
            let is_twin = is_same_to_cgi(name, protected.as_bytes()) && *name != protected.as_bytes();
            prop_assert_eq!(is_removed, is_twin, "{} beside {}", name.escape_ascii(), protected);
        }
        let gone = engine.outbound().removed_from_trailers(&sent);
        for (name, _) in &sent {
            prop_assert_eq!(gone.contains(name), is_same_to_cgi(name, protected.as_bytes()), "{}", name.escape_ascii());
        }
    }

    /// Nothing that goes from headers comes back as a trailer, and nothing else goes.
    #[test]
    fn no_trailer_says_what_no_header_may(trailers in prop::collection::vec(any_header(), 0..12)) {
        let strict = engine(r#""tracing":{"mode":"strip"},"headers":{"hygiene":"strict"}"#).unwrap();
        let pairs: Vec<_> = trailers.iter().map(|(name, value)| (&name[..], &value[..])).collect();
        let gone = strict.outbound().removed_from_trailers(&pairs);
        let route: Vec<_> = removed_by_route(wire::Hygiene::Strict).chain(["x-sallyport-route"]).collect();
        let edits = strict.outbound().outgoing(&pairs, &Facts::default()).edits;
        for (name, _) in &pairs {
            let by_filter = edits.iter().any(|edit| matches!(edit, Edit::Remove(removed) if **removed == **name));
            let by_route = route.iter().any(|removed| removed.as_bytes() == *name);
            prop_assert_eq!(gone.contains(name), by_filter || by_route, "{}", name.escape_ascii());
        }
        let kept = [(&b"grpc-status"[..], &b"0"[..]), (b"grpc-message", b"")];
        let answer: Vec<_> = pairs.iter().copied().chain(kept).collect();
        let gone_of_answer = strict.outbound().removed_from_response_trailers(&answer);
        prop_assert!(kept.iter().all(|(name, _)| !gone_of_answer.contains(name)));
        for (position, name) in gone.iter().enumerate() {
            prop_assert!(!gone[..position].contains(name), "{} goes twice", name.escape_ascii());
        }
    }

    /// What is written is read again, in every format.
    #[test]
    fn contexts_go_round(trace in any::<[u8; 16]>(), span in any::<[u8; 8]>(), sampled in 0..4usize) {
        prop_assume!(trace != [0; 16] && span != [0; 8]);
        let sampling = [Sampling::Deferred, Sampling::Deny, Sampling::Accept, Sampling::Debug][sampled];
        let mut context = Incoming::default().next(ParentSpan::Caller, Some(0), [1; 24]).expect("it begins");
        (context.trace_id, context.span_id, context.sampling) = (trace, span, sampling);
        for format in [TraceFormat::W3c, TraceFormat::B3, TraceFormat::B3Multi] {
            let written = write(&context, &[format]);
            let pairs: Vec<_> = written.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
            let read = Incoming::read(&pairs).context.expect("a trace");
            prop_assert_eq!((read.trace_id, read.span_id), (trace, span));
            if format != TraceFormat::W3c {
                prop_assert_eq!(read.sampling, sampling);
            }
        }
    }
}
