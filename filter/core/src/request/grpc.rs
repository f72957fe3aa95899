//! What a gRPC call is, defined once.

use super::pairs::Pair;

/// Whether a request is a gRPC call: a POST whose content type is `application/grpc`, alone or followed by `+FORMAT` or
/// parameters (grpc/grpc `doc/PROTOCOL-HTTP2.md`).
#[must_use]
pub fn is_grpc_call(headers: &[Pair<'_>]) -> bool {
    let values = |name: &'static [u8]| headers.iter().filter(move |(key, _)| *key == name).map(|(_, value)| *value);
    values(b":method").next().is_some_and(|method| is_call(method, values(b"content-type")))
}

/// Whether a request is a gRPC call: a POST, and every `content-type` that it has is gRPC's. The health gate and ALLOW
/// rules go by it; a DENY rule with `grpc` does not, because servers take calls of other content types, too (gRPC-Web,
/// JSON transcoding).
fn is_call<'a>(method: &[u8], mut content_types: impl Iterator<Item = &'a [u8]>) -> bool {
    method == b"POST"
        && content_types.next().is_some_and(is_grpc_content_type)
        && content_types.all(is_grpc_content_type)
}

/// Whether a content type is gRPC's: `application/grpc`, alone or followed by `+FORMAT` or parameters
/// (grpc/grpc `doc/PROTOCOL-HTTP2.md`; the rule Envoy itself uses).
fn is_grpc_content_type(value: &[u8]) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    match (value.get(..GRPC.len()), value.get(GRPC.len())) {
        (Some(start), next) => start.eq_ignore_ascii_case(GRPC) && matches!(next, None | Some(b'+' | b';' | b' ')),
        (None, _) => false,
    }
}

/// The content types of calls, as an expression.
#[cfg(feature = "compile")]
#[must_use]
pub fn grpc_content_types() -> Option<sallyport_pattern::Pattern> {
    let automaton = sallyport_pattern::compile("(?i:application/grpc)([+; ].*)?").ok()?;
    sallyport_pattern::Pattern::from_bytes(&automaton).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expression_is_the_definition() {
        let expression = grpc_content_types().unwrap();
        for value in ["application/grpc", "Application/GRPC+json", "application/grpc;x", "application/grpc x"] {
            assert!(is_grpc_content_type(value.as_bytes()) && expression.is_match(value.as_bytes()), "{value}");
        }
        for value in ["application/grpc-web", "application/grp", "", "text/plain", " application/grpc"] {
            assert!(!is_grpc_content_type(value.as_bytes()) && !expression.is_match(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn a_call_is_a_post_of_one_content_type() {
        let grpc = &b"application/grpc+proto"[..];
        assert!(is_call(b"POST", [grpc].into_iter()));
        assert!(!is_call(b"GET", [grpc].into_iter()));
        assert!(!is_call(b"POST", [].into_iter()));
        assert!(!is_call(b"POST", [grpc, b"text/plain"].into_iter()));
        assert!(!is_call(b"POST", [b"text/plain", grpc].into_iter()));
    }

    #[test]
    fn content_types() {
        assert!(is_grpc_content_type(b"application/grpc"));
        assert!(is_grpc_content_type(b"application/grpc+proto"));
        assert!(!is_grpc_content_type(b"application/grpc-web"));
        assert!(!is_grpc_content_type(b"application/json"));
    }
}
