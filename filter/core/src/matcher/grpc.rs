//! gRPC calls: `package.Service/Method`, and the one definition of what a gRPC call is.

use super::path::{PathPattern, Template};
use crate::problem::{Flaw, PolicyCode};

/// Reads `package.Service/Method`, `package.Service/*` or `*` as a pattern of the request path. `*` is any path of two
/// segments: that is the shape of every call.
pub fn parse(text: &str) -> Result<PathPattern, Flaw> {
    if text == "*" {
        return Ok(PathPattern::Template(Template::any_call()));
    }
    let flaw = || {
        Flaw::new(PolicyCode::Grpc, format_args!("`{text}` is not a gRPC method"))
            .help(format_args!("write `package.Service/Method`, `package.Service/*` or `*`"))
    };
    let (service, method) = text.split_once('/').ok_or_else(flaw)?;
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.')
    };
    if !is_name(service) || service.split('.').any(str::is_empty) {
        return Err(flaw());
    }
    if method == "*" {
        return Ok(PathPattern::Template(Template::below(service.as_bytes())));
    }
    if !is_name(method) || method.contains('.') {
        return Err(flaw());
    }
    Ok(PathPattern::Exact(format!("/{service}/{method}").into_bytes().into()))
}

/// Whether a request is a gRPC call: a POST, and every `content-type` that it has is gRPC's. The health gate and ALLOW
/// rules go by it; a DENY rule with `grpc` does not, because servers take calls of other content types, too (gRPC-Web,
/// JSON transcoding).
#[must_use]
pub fn is_call<'a>(method: &[u8], mut content_types: impl Iterator<Item = &'a [u8]>) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_paths() {
        assert!(parse("a.B/C").unwrap().matches(b"/a.B/C"));
        assert!(parse("a.B/*").unwrap().matches(b"/a.B/D"));
        for path in ["/a.Bx/D", "/a.B", "/a.B/", "/a.B/C/D"] {
            assert!(!parse("a.B/*").unwrap().matches(path.as_bytes()), "{path}");
        }
        for text in ["", "a.B", "/a.B/C", "a.B/C/D", "a.B/", ".B/C", "a..B/C", "a.B/C*", "*/C"] {
            assert_eq!(parse(text).unwrap_err().code, PolicyCode::Grpc, "{text}");
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
    fn any_call_is_a_path_of_two_segments() {
        let any = parse("*").unwrap();
        assert!(any.matches(b"/a.B/C"));
        for path in ["/", "/a.B", "/a.B/", "//C", "/a.B/C/D"] {
            assert!(!any.matches(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn content_types() {
        assert!(is_grpc_content_type(b"application/grpc"));
        assert!(is_grpc_content_type(b"application/grpc+proto"));
        assert!(!is_grpc_content_type(b"application/grpc-web"));
        assert!(!is_grpc_content_type(b"application/json"));
    }
}
