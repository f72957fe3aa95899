//! A JSON Web Key Set written into the file: public keys, and nothing that should be secret.

use super::file_path::is_pem;
use crate::code::Code;
use crate::diagnostic::UnplacedDiagnostic;
use crate::wording::quoted;
use serde_json::{Map, Value};

/// Key types of RFC 7518 and RFC 8037, the members that each must have, and those that give a private key away.
const KEY_TYPES: [(&str, &[&str], &[&str]); 4] = [
    ("RSA", &["n", "e"], &["d", "p", "q", "dp", "dq", "qi"]),
    ("EC", &["crv", "x", "y"], &["d"]),
    ("OKP", &["crv", "x"], &["d"]),
    ("oct", &["k"], &[]),
];

/// What is wrong with the text of a key set.
pub(super) fn check(text: &str) -> Option<UnplacedDiagnostic> {
    if is_pem(text) {
        let problem = "a PEM text stands where a JSON Web Key Set is expected";
        return Some(UnplacedDiagnostic::new(Code::Jwks, problem).help(
            "write `jwksUri` with the URL at which the issuer publishes its keys, or turn the public key into a key set: \
             `'{\"keys\":[{\"kty\":\"RSA\",...}]}'`",
        ));
    }
    problem(text).map(|problem| {
        UnplacedDiagnostic::new(Code::Jwks, problem)
            .help("write the issuer's key set as one JSON string: `'{\"keys\":[{\"kty\":\"RSA\",...}]}'`")
    })
}

fn problem(text: &str) -> Option<String> {
    let set: Value = match serde_json::from_str(text) {
        Ok(set) => set,
        Err(error) => return Some(format!("`jwks` is not JSON: {error}")),
    };
    let Some(keys) = set.get("keys").and_then(Value::as_array) else {
        return Some("`jwks` has no list `keys`".to_owned());
    };
    if keys.is_empty() {
        return Some("`jwks` has no key: no token could ever be verified".to_owned());
    }
    keys.iter().enumerate().find_map(|(position, key)| match key.as_object() {
        Some(key) => key_problem(key).map(|problem| format!("`keys[{position}]` of `jwks` {problem}")),
        None => Some(format!("`keys[{position}]` of `jwks` is not an object")),
    })
}

fn key_problem(key: &Map<String, Value>) -> Option<String> {
    let Some(key_type) = key.get("kty").and_then(Value::as_str) else {
        return Some("has no `kty`".to_owned());
    };
    let Some((_, required, private)) = KEY_TYPES.iter().find(|(known, ..)| *known == key_type) else {
        return Some(format!("has an unknown `kty` {}", quoted(key_type)));
    };
    let is_text =
        |member: &&&str| key.get(**member).is_some_and(|value| value.as_str().is_some_and(|text| !text.is_empty()));
    if let Some(secret) = private.iter().find(|member| key.contains_key(**member)) {
        return Some(format!("is a private key (it has `{secret}`)"));
    }
    required.iter().find(|member| !is_text(member)).map(|missing| format!("has no `{missing}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_sets() {
        assert_eq!(problem(r#"{"keys":[{"kty":"RSA","n":"AQ","e":"AQAB"},{"kty":"oct","k":"AQ"}]}"#), None);
        for (text, says) in [
            ("{", "`jwks` is not JSON: EOF while parsing an object at line 1 column 1"),
            ("[]", "`jwks` has no list `keys`"),
            (r#"{"keys":[]}"#, "`jwks` has no key: no token could ever be verified"),
            (r#"{"keys":[1]}"#, "`keys[0]` of `jwks` is not an object"),
            (r#"{"keys":[{"kty":"DSA"}]}"#, "`keys[0]` of `jwks` has an unknown `kty` `DSA`"),
            (r#"{"keys":[{"kty":"EC","crv":"P-256","x":"AQ"}]}"#, "`keys[0]` of `jwks` has no `y`"),
            (
                r#"{"keys":[{"kty":"RSA","n":"AQ","e":"AQAB","d":"AQ"}]}"#,
                "`keys[0]` of `jwks` is a private key (it has `d`)",
            ),
        ] {
            assert_eq!(problem(text).as_deref(), Some(says));
        }
    }
}
