//! SHA-256 digests.

use super::{FromText, kind, wire_text};
use crate::code::Code;
use crate::diagnostic::UnplacedDiagnostic;
use crate::wording::quoted;
use sallyport_core::wire::TextKind;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Write as _};
use std::str::FromStr;

/// `sha256:` and 64 lower-case hexadecimal digits: the name of content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest {
    hex: String,
}

/// A text that is not a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidDigest(String);

impl Digest {
    /// The digest with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let mut hex = String::with_capacity(64);
        for byte in bytes {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        Self { hex }
    }

    /// The digits alone.
    #[must_use]
    pub fn hex(&self) -> &str {
        &self.hex
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        match text.strip_prefix("sha256:") {
            Some(hex) if hex.len() == 64 && hex.bytes().all(is_digit) => Ok(Self { hex: hex.to_owned() }),
            _ => Err(InvalidDigest(text.to_owned())),
        }
    }
}

wire_text!(Digest);

impl FromText for Digest {
    const KIND: TextKind = TextKind { pattern: Some("^sha256:[0-9a-f]{64}$"), ..kind::<Self>("SHA-256 digest") };

    fn from_text(text: &str) -> Result<Self, UnplacedDiagnostic> {
        text.parse().map_err(|InvalidDigest(text)| {
            UnplacedDiagnostic::new(Code::Digest, format!("{} is not a SHA-256 digest", quoted(&text)))
                .help("write `sha256:` and 64 of `0-9` and `a-f`, as `sallyport image build` prints it")
        })
    }
}

impl TryFrom<String> for Digest {
    type Error = InvalidDigest;

    fn try_from(text: String) -> Result<Self, InvalidDigest> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex)
    }
}

impl fmt::Display for InvalidDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a digest: write `sha256:` and 64 hexadecimal digits", self.0.escape_debug())
    }
}

impl std::error::Error for InvalidDigest {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_written_as_it_is_read() {
        let digest = Digest::from_bytes([0xe3; 32]);
        assert_eq!(digest.to_string(), format!("sha256:{}", "e3".repeat(32)));
        assert_eq!(digest.to_string().parse(), Ok(digest.clone()));
        let text = digest.to_string();
        let upper = text.to_uppercase();
        for bad in ["", "sha256:", "sha512:00", text.trim_start_matches('s'), &upper, &format!("{text}0"), digest.hex()]
        {
            assert_eq!(bad.parse::<Digest>(), Err(InvalidDigest(bad.to_owned())));
        }
    }
}
