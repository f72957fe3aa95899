//! A token issuer: one ES256 key, its key set, and tokens.

use anyhow::{Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

const KEY_ID: &str = "test";

/// One who issues tokens.
#[derive(Debug)]
pub struct Issuer {
    key: EcdsaKeyPair,
    random: SystemRandom,
}

impl Issuer {
    /// An issuer with a new key.
    pub fn new() -> Result<Self> {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
            .map_err(|error| anyhow!("cannot make a key: {error}"))?;
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random)
            .map_err(|error| anyhow!("cannot read the key: {error}"))?;
        Ok(Self { key, random })
    }

    /// The key set (RFC 7517), as JSON text.
    #[must_use]
    pub fn key_set(&self) -> String {
        // An uncompressed point: one byte of form, then both coordinates of 32 bytes.
        let point = self.key.public_key().as_ref();
        let coordinate = |range| point.get(range).map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        let (x, y) = (coordinate(1..33), coordinate(33..65));
        json!({"keys": [{"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": KEY_ID, "x": x, "y": y}]})
            .to_string()
    }

    /// A signed token with these claims.
    pub fn token(&self, claims: &Value) -> Result<String> {
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": KEY_ID});
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let signature =
            self.key.sign(&self.random, signed.as_bytes()).map_err(|error| anyhow!("cannot sign: {error}"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
