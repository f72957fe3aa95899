//! gRPC methods: `package.Service/Method`.

use super::path::{PathPattern, Template};
use crate::problem::{Flaw, PolicyCode};
use crate::text::{split, split_once};

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
    let (service, method) = split_once(text, "/").ok_or_else(flaw)?;
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.')
    };
    if !is_name(service) || split(service, ".").any(str::is_empty) {
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
    fn any_call_is_a_path_of_two_segments() {
        let any = parse("*").unwrap();
        assert!(any.matches(b"/a.B/C"));
        for path in ["/", "/a.B", "/a.B/", "//C", "/a.B/C/D"] {
            assert!(!any.matches(path.as_bytes()), "{path}");
        }
    }
}
