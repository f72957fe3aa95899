use super::*;

const OURS: &str = r#"{"time":"2026-11-25T09:25:22.181Z","status":200,"decision":"allowed","rule":"readers","reason":"via_upstream","shadow":"-","principal":"spiffe://cluster.local/ns/shop/sa/web","caller":"-","method":"GET","path":"/orders/1","host":"orders.internal","address":"10.1.2.3","grpcStatus":null}"#;
const FILTER: &str = r#"[2026-11-25 09:25:22.181][12][warning][wasm] wasm log x: allowed shadow=refused reason=not_allowed method="GET" host="h" path="/a\"\xc3\xa9" id="1" peer="spiffe://cluster.local/ns/shop/sa/web""#;

fn fate_of(line: &str) -> Fate {
    read(line, None).unwrap().fate
}

#[test]
fn our_access_log_is_read() {
    let prefixed = format!("[pod/gateway-1/istio-proxy] {OURS}\r");
    let seen = read(&prefixed, None).unwrap();
    assert_eq!((&*seen.method, &*seen.path, seen.host.as_deref()), ("GET", "/orders/1", Some("orders.internal")));
    assert_eq!((&*seen.peer, &seen.caller), ("spiffe://cluster.local/ns/shop/sa/web", &None));
    assert_eq!(seen.at.unwrap().to_string(), "2026-11-25T09:25:22Z");
    assert_eq!((seen.kind, seen.fate, seen.address.as_deref()), (Kind::Access, Fate::Reached, Some("10.1.2.3")));
    let forwarded = OURS.replace(r#""caller":"-""#, r#""caller":"partner.example/ns/a/sa/b""#);
    assert_eq!(read(&forwarded, None).unwrap().caller.as_deref(), Some("partner.example/ns/a/sa/b"));
    let with_scheme = forwarded.replace("partner.example", "spiffe://partner.example");
    assert_eq!(read(&with_scheme, None).unwrap().caller.as_deref(), Some("partner.example/ns/a/sa/b"));
}

#[test]
fn istios_log_is_read_whatever_the_key_of_the_principal_is() {
    let line = |principal: &str| {
        format!(
            r#"{{"start_time":"2026-11-25T09:25:22.181Z","response_code":200,"response_code_details":"via_upstream","authority":"h:80","method":"GET","path":"/a?secret=1","downstream_remote_address":"10.1.2.3:4567",{principal}}}"#
        )
    };
    let peer = "spiffe://cluster.local/ns/shop/sa/web";
    for key in ["principal", "source_principal", "downstream_peer_uri_san", "downstream_peer", "peer"] {
        let line = line(&format!(r#""{key}":"{peer}""#));
        let seen = read(&line, None).unwrap();
        assert_eq!((&*seen.peer, &*seen.path, seen.address.as_deref()), (peer, "/a", Some("10.1.2.3")), "{key}");
    }
    let own = line(&format!(r#""svid":"{peer}""#));
    assert_eq!(read(&own, None).unwrap_err(), Unread::NoPrincipal);
    assert_eq!(read(&own, Some("svid")).unwrap().peer, peer);
    // Only the gateway's own element counts, which is the last.
    let header = format!(
        "By=spiffe://x/gw;Hash=1;URI=spiffe://forged/a,By=spiffe://x/gw;Hash=2;Subject=\\\"CN=a,b\\\";URI={peer}"
    );
    let forwarded = line(&format!(r#""x-forwarded-client-cert":"{header}""#));
    assert_eq!(read(&forwarded, None).unwrap().peer, peer);
    let caller = line(&format!(r#""caller":"{peer}""#));
    assert_eq!(read(&caller, None).unwrap().peer, peer);
    let both = line(&format!(r#""caller":"{peer}","principal":"{peer}""#));
    assert_eq!((&*read(&both, None).unwrap().peer, read(&both, None).unwrap().caller), (peer, None));
    // Our own log has a caller without a scheme behind a forwarder, so alone it is of nobody.
    let behind = line(r#""caller":"cluster.local/ns/shop/sa/web""#);
    assert_eq!(read(&behind, None).unwrap_err(), Unread::NoPrincipal);
    let bare = line(r#""source_principal":"cluster.local/ns/shop/sa/web""#);
    assert_eq!(read(&bare, None).unwrap().peer, peer);
    for nothing in [r#""principal":"-""#, r#""principal":null"#, r#""principal":["a"]"#, r#""principal":{"a":1}"#] {
        assert_eq!(read(&line(nothing), None).unwrap_err(), Unread::NoPrincipal, "{nothing}");
    }
}

#[test]
fn the_filters_lines_are_read_with_and_without_a_prefix() {
    for line in [FILTER, FILTER.split_once(": ").unwrap().1] {
        let seen = read(line, None).unwrap();
        assert_eq!((&*seen.method, &*seen.path, seen.host.as_deref()), ("GET", "/a\"é", Some("h")));
        assert_eq!((seen.kind, seen.fate), (Kind::Example, Fate::Reached));
    }
    assert_eq!(read(FILTER, None).unwrap().at.unwrap().date(), "2026-11-25");
    assert_eq!(
        fate_of(&FILTER.replace("not_allowed", "denied rule=no-admin")),
        Fate::WouldBeRefused("denied:no-admin".to_owned())
    );
    assert_eq!(
        fate_of(&FILTER.replace("allowed shadow=refused reason=not_allowed", "refused reason=not_allowed")),
        Fate::Refused("not_allowed".to_owned())
    );
    assert_eq!(read(&FILTER.replace(r#"\xc3\xa9""#, r#"\xc3\xa9"..."#), None).unwrap_err(), Unread::PathCut);
    assert_eq!(
        read(&FILTER.replace(r#" peer="spiffe://cluster.local/ns/shop/sa/web""#, ""), None).unwrap_err(),
        Unread::FilterNoPrincipal
    );
    assert_eq!(read(FILTER.strip_suffix('"').unwrap(), None).unwrap_err(), Unread::Broken);
    // A caller that sends the filter's words changes nothing.
    let forged = FILTER.replace(r#"path="/a"#, r#"path="/refused reason=denied peer="#);
    assert_eq!(fate_of(&forged), Fate::Reached);
}

#[test]
fn a_candidates_examples_are_read() {
    let line = r#"[2026-11-25 09:25:22.181][12][info][wasm] wasm log x: {"sallyport":"candidate","region":"5f2a09c1b7de","inForce":"allowed:readers","candidate":"refused:not_allowed","caller":"cluster.local/ns/shop/sa/web","method":"GET","host":"h","path":"/a?x=","headers":{"x-role":"admin"}}"#;
    let seen = read(line, None).unwrap();
    assert_eq!((&*seen.peer, &*seen.path, seen.kind), ("spiffe://cluster.local/ns/shop/sa/web", "/a", Kind::Example));
    let with_scheme = line.replace("cluster.local", "spiffe://cluster.local");
    assert_eq!(read(&with_scheme, None).unwrap().peer, seen.peer);
    assert_eq!((seen.fate, seen.at.unwrap().date()), (Fate::Reached, "2026-11-25".to_owned()));
    assert_eq!(
        fate_of(&line.replace("refused:not_allowed", "refused:denied:x")),
        Fate::WouldBeRefused("denied:x".to_owned())
    );
    assert_eq!(
        fate_of(&line.replace("allowed:readers", "refused:not_allowed")),
        Fate::Refused("not_allowed".to_owned())
    );
}

#[test]
fn what_became_of_a_request_decides_whether_it_is_learned() {
    let with = |from: &str, to: &str| fate_of(&OURS.replace(from, to));
    let (status, shadow) = (r#""status":200"#, r#""shadow":"-""#);
    for kept in ["201", "302", "400", "409", "422", "429", "500", "503", "0"] {
        assert_eq!(with(status, &format!(r#""status":{kept}"#)), Fate::Reached, "{kept}");
    }
    for missing in ["404", "405", "410", "501"] {
        assert_eq!(with(status, &format!(r#""status":"{missing}""#)), Fate::NotFound(missing.to_owned()));
    }
    assert_eq!(with(status, r#""status":403"#), Fate::Forbidden("403".to_owned()));
    assert_eq!(
        with(r#""grpcStatus":null"#, r#""grpcStatus":"UNIMPLEMENTED""#),
        Fate::NotFound("UNIMPLEMENTED".to_owned())
    );
    assert_eq!(with(shadow, r#""shadow":"would_refuse:not_allowed""#), Fate::Reached);
    assert_eq!(
        with(shadow, r#""shadow":"would_refuse:denied:no-admin""#),
        Fate::WouldBeRefused("denied:no-admin".to_owned())
    );
    let refused = OURS.replace("via_upstream", "sallyport:denied:no-admin").replace(r#""allowed""#, r#""refused""#);
    assert_eq!(fate_of(&refused), Fate::Refused("denied:no-admin".to_owned()));
    assert_eq!(fate_of(&refused.replace("denied:no-admin", "upstream_down")), Fate::Reached);
    let by_istio = OURS.replace("via_upstream", "rbac_access_denied_matched_policy[none]").replace(":200", ":403");
    assert!(matches!(fate_of(&by_istio), Fate::Refused(_)));
}

#[test]
fn other_lines_are_counted_by_kind() {
    for (line, expected) in [
        ("", Unread::Other),
        ("[2026-11-25T09:25:22.181Z] \"GET /get HTTP/1.1\" 200 -", Unread::Other),
        (r#"{"level":"info","msg":"started"}"#, Unread::Other),
        (OURS.get(..80).unwrap(), Unread::Broken),
        ("{} {}", Unread::Broken),
        (r#"{"method":null,"path":null,"status":0,"principal":"spiffe://a/b"}"#, Unread::NotHttp),
        (r#"{"method":"GET","status":200,"principal":"spiffe://a/b"}"#, Unread::NotHttp),
    ] {
        assert_eq!(read(line, None).unwrap_err(), expected, "{line}");
    }
}
