//! HTTP methods: tokens, in upper case (RFC 9110, 9.1: their case is significant).

use super::string::StringPattern;
use crate::problem::{Flaw, PolicyCode};
use crate::request::name::is_token_byte;

/// Reads a method pattern: a token with Istio's wildcards. One with a lower-case letter is refused: Istio would match it
/// to the letter, and no client sends it.
pub fn parse(text: &str) -> Result<StringPattern, Flaw> {
    let pattern = StringPattern::parse(text)?;
    let literal = text.trim_matches('*');
    if !literal.bytes().all(is_token_byte) {
        return Err(Flaw::new(PolicyCode::Method, format_args!("`{text}` is not an HTTP method"))
            .help(format_args!("write a method such as `GET`, or `*` for any")));
    }
    if literal.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Err(Flaw::new(PolicyCode::Method, format_args!("the method `{text}` is in lower case"))
            .help(format_args!("methods are case-sensitive: write `{}`", text.to_ascii_uppercase())));
    }
    Ok(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_match_to_the_letter() {
        assert!(parse("GET").unwrap().matches(b"GET"));
        assert!(!parse("GET").unwrap().matches(b"get"));
        assert!(parse("P*").unwrap().matches(b"PATCH"));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for text in ["GET POST", "GET,POST", "GÉT", "get", "Get", "p*"] {
            assert_eq!(parse(text).unwrap_err().code, PolicyCode::Method, "{text}");
        }
    }
}
