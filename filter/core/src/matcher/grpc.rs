//! gRPC calls: `package.Service/Method`.

use super::Flaw;
use super::path::{PathPattern, Template};
use crate::policy::error::Code;

/// Reads `package.Service/Method`, `package.Service/*` or `*` as a pattern of the request path.
pub fn parse(text: &str) -> Result<PathPattern, Flaw> {
    if text == "*" {
        return Ok(PathPattern::Present);
    }
    let flaw = || {
        Flaw::new(Code::Grpc, format_args!("`{text}` is not a gRPC method"))
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

/// Whether a content type is gRPC's: `application/grpc`, alone or followed by `+FORMAT` or parameters
/// (grpc/grpc `doc/PROTOCOL-HTTP2.md`; the rule Envoy itself uses).
#[must_use]
pub fn is_grpc_content_type(value: &[u8]) -> bool {
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
            assert_eq!(parse(text).unwrap_err().code, Code::Grpc, "{text}");
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
