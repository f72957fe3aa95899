//! HTTP methods: tokens, compared in upper case.

use super::Flaw;
use super::string::StringPattern;
use crate::policy::error::Code;

/// Reads a method pattern: a token with Istio's wildcards, any case.
pub fn parse(text: &str) -> Result<StringPattern, Flaw> {
    let pattern = StringPattern::parse(text)?;
    let literal = text.trim_matches('*');
    if !literal.bytes().all(is_token_byte) {
        return Err(Flaw::new(Code::Method, format_args!("`{text}` is not an HTTP method"))
            .help(format_args!("write a method such as `GET`, or `*` for any")));
    }
    Ok(pattern.map(<[u8]>::to_ascii_uppercase))
}

/// Whether a byte may stand in a token (RFC 9110, 5.6.2).
#[must_use]
pub fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_matter() {
        assert!(parse("get").unwrap().matches(b"GET"));
        assert!(parse("P*").unwrap().matches(b"PATCH"));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for text in ["GET POST", "GET,POST", "GÉT"] {
            assert_eq!(parse(text).unwrap_err().code, Code::Method, "{text}");
        }
    }
}
