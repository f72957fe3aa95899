//! Condition keys: one table that says which there are, what each needs of the host, how it is read, and what it means.
//!
//! # Design
//!
//! What the compiler, lints, messages and the documentation need to know about a key they take from the table; none of them
//! compares its text. A key on a further attribute of the host is an entry here, a field of
//! [`RequestView`](crate::request::view::RequestView) and a bit of [`Needs`]: how a condition on it is compiled and matched
//! depends on the type of its value alone (`Value`).

mod table;

use alloc::vec::Vec;
use core::net::IpAddr;

pub use self::table::KEYS;
use crate::problem::{Flaw, Listed, PolicyCode};
pub use crate::request::caller::IdentityField;
use crate::request::canonical::CanonicalRequest;
use crate::request::forwarded;
use crate::request::name::{is_same_to_cgi, is_token_byte};
use crate::request::needs::Needs;
use crate::text::{split, split_once};

/// What a key is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// A header of the request.
    Header,
    /// A parameter of the request's query.
    QueryParameter,
    /// The caller's certificate.
    Caller,
    /// A verified token.
    Token,
    /// The packet's source address. A gateway behind trusted proxies does not know it.
    PacketAddress,
    /// The caller's address as far as the gateway trusts what proxies say.
    RemoteAddress,
    /// The connection to the gateway.
    Connection,
    /// What another filter says.
    Metadata,
}

/// A key, or a family of keys.
#[derive(Debug)]
pub struct Key {
    /// As it is written; a family has placeholders in brackets: `request.headers[NAME]`.
    pub name: &'static str,
    /// What it is about.
    pub topic: Topic,
    /// One sentence. Empty without the feature `help`.
    pub doc: &'static str,
    /// A condition on it, as an item of `when`. Empty without the feature `help`.
    pub example: &'static str,
    /// What the host is asked for.
    pub(crate) needs: Needs,
    pub(crate) value: Value,
}

/// The type of a key's value, and where the request has it.
#[derive(Debug)]
pub(crate) enum Value {
    /// The lines of a header.
    Header,
    /// The values of a query parameter.
    Parameter,
    /// A part of the caller's names.
    Identity(IdentityField),
    /// Issuer and subject of a token.
    RequestPrincipal,
    /// The claim of this name, or for a family the one in the brackets.
    Claim(Option<&'static str>),
    /// A field of a filter's metadata: the filter's name and the field's are in the key.
    Metadata,
    /// An IP address.
    Address(fn(&CanonicalRequest<'_>) -> Option<IpAddr>),
    /// A port.
    Port(fn(&CanonicalRequest<'_>) -> Option<u16>),
    /// A text of the connection. It may rightly be missing.
    Text {
        of: for<'r> fn(&'r CanonicalRequest<'_>) -> Option<&'r [u8]>,
        /// A byte as a reader sees it that ignores the case; the byte itself where case counts.
        fold: fn(&u8) -> u8,
    },
}

/// Header-like names and the field that each is read by; `host` is a pseudo header in all but name.
const INSTEAD: [(&str, &str); 4] =
    [("host", "hosts"), (":authority", "hosts"), (":path", "paths"), (":method", "methods")];

/// A key as a condition has it.
#[derive(Clone, Debug)]
pub struct WrittenKey<'t> {
    /// Its entry in the table.
    pub key: &'static Key,
    /// What is written for the placeholders; of claims there may be several.
    pub names: Vec<&'t str>,
}

impl Key {
    /// Whether a request may have several values, so that `match` and regular expressions go with the key.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        matches!(self.value, Value::Header | Value::Parameter)
    }

    /// Which part of the caller's identity it is, if it is one.
    #[must_use]
    pub fn identity(&self) -> Option<IdentityField> {
        match self.value {
            Value::Identity(field) => Some(field),
            _ => None,
        }
    }

    /// Whether it is the gateway's port, as `ports` is.
    #[must_use]
    pub fn is_port(&self) -> bool {
        matches!(self.value, Value::Port(_))
    }

    /// What is written before the brackets; of a key that is no family, the whole.
    fn stem(&self) -> &'static str {
        split_once(self.name, "[").map_or(self.name, |(stem, _)| stem)
    }
}

/// What a key is about, by its text; `None` if it is not a key.
#[must_use]
pub fn topic_of(text: &str) -> Option<Topic> {
    WrittenKey::read(text).map(|written| written.key.topic)
}

/// The names of some keys, for messages.
pub(crate) fn names(is_one: impl Fn(&Key) -> bool + Clone) -> Listed<impl Iterator<Item = &'static str> + Clone> {
    Listed(KEYS.iter().filter(move |key| is_one(key)).map(|key| key.name))
}

impl<'t> WrittenKey<'t> {
    /// Reads a key; `None` if it is not one.
    #[must_use]
    pub fn read(text: &'t str) -> Option<Self> {
        Self::parse(text).ok()
    }

    /// The header that it is about, if it is about one.
    #[must_use]
    pub fn header(&self) -> Option<&'t str> {
        match self.key.value {
            Value::Header => self.names.first().copied(),
            _ => None,
        }
    }

    /// Reads a key, or says what is wrong with it.
    pub(crate) fn parse(text: &'t str) -> Result<Self, Flaw> {
        let unknown = || {
            Flaw::new(PolicyCode::ConditionKey, format_args!("the condition key `{text}` is unknown"))
                .help(format_args!("the keys are {}", names(|_| true)))
        };
        let stem = split_once(text, "[").map_or(text, |(stem, _)| stem);
        let brackets = text.strip_prefix(stem).unwrap_or_default();
        let is_it = |key: &&Key| match key.value {
            // The filter's name is a part of the stem: `envoy.filters.http.ext_authz`.
            Value::Metadata => key.stem().strip_suffix("FILTER").is_some_and(|begin| stem.starts_with(begin)),
            _ => key.stem() == stem && key.name.contains('[') != brackets.is_empty(),
        };
        let key = KEYS.iter().find(is_it).ok_or_else(unknown)?;
        // A parameter's name may have brackets of its own.
        let names = match key.value {
            Value::Parameter => {
                brackets.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).map(|name| vec![name])
            }
            _ => in_brackets(brackets),
        };
        let mut names = names.ok_or_else(unknown)?;
        check_names(key, &names, text)?;
        if let (Value::Metadata, Some(filter)) = (&key.value, stem.strip_prefix("experimental.")) {
            names.insert(0, filter);
        }
        Ok(Self { key, names })
    }
}

/// Whether the names in the brackets are right for the key.
fn check_names(key: &Key, names: &[&str], text: &str) -> Result<(), Flaw> {
    let malformed = |what: &str| {
        Err(Flaw::new(PolicyCode::ConditionKey, format_args!("the condition key `{text}` has no {what}"))
            .help(format_args!("write it between brackets")))
    };
    let is_token = |name: &str| !name.is_empty() && name.bytes().all(is_token_byte);
    match (&key.value, names) {
        (Value::Header, [name]) if name.starts_with(':') || name.eq_ignore_ascii_case("host") => {
            Err(pseudo_header(name))
        }
        (Value::Header, [name]) if is_same_to_cgi(name.as_bytes(), forwarded::HEADER) => Err(not_a_header(name)
            .help(format_args!("the gateway writes it; write `from: [{{source: {{principals: [...]}}}}]`"))),
        (Value::Header, [name]) if is_token(name) => Ok(()),
        (Value::Header, _) => malformed("valid header name"),
        (Value::Claim(None), [_, ..]) if names.iter().all(|name| !name.is_empty()) => Ok(()),
        (Value::Claim(None), _) => malformed("claim name"),
        (Value::Metadata, [field]) if !field.is_empty() => Ok(()),
        (Value::Metadata, _) => malformed("metadata key"),
        _ => Ok(()),
    }
}

/// No request has a header of this name: HTTP/2 has none, and Envoy makes pseudo headers of HTTP/1.1's.
fn pseudo_header(name: &str) -> Flaw {
    let flaw = not_a_header(name);
    match INSTEAD.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        Some((_, field)) => flaw.help(format_args!("write `to: [{{operation: {{{field}: [...]}}}}]`")),
        None => {
            flaw.help(format_args!("rules cannot read it; an operation has `hosts`, `ports`, `methods` and `paths`"))
        }
    }
}

fn not_a_header(name: &str) -> Flaw {
    Flaw::new(PolicyCode::ConditionKey, format_args!("no condition can be on the header `{name}`"))
}

/// `[a][b]` in its parts; none of nothing.
fn in_brackets(brackets: &str) -> Option<Vec<&str>> {
    if brackets.is_empty() {
        return Some(Vec::new());
    }
    let inner = brackets.strip_prefix('[')?.strip_suffix(']')?;
    // `a][b`: every `]` but the last is followed by `[`.
    let mut names = Vec::new();
    for (position, part) in split(inner, "]").enumerate() {
        let name = if position == 0 { part } else { part.strip_prefix('[')? };
        if name.contains('[') {
            return None;
        }
        names.push(name);
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(&'static str, Vec<&str>)> {
        WrittenKey::read(text).map(|written| (written.key.name, written.names))
    }

    #[test]
    fn keys_are_found_by_their_text() {
        for key in KEYS.iter().filter(|key| !key.name.contains('[')) {
            assert_eq!(read(key.name), Some((key.name, vec![])));
            assert_eq!(read(&format!("{}[x]", key.name)), None);
        }
        for (text, name, names) in [
            ("request.headers[X-Role]", "request.headers[NAME]", &["X-Role"][..]),
            ("request.query[a[b]]", "request.query[NAME]", &["a[b]"]),
            ("request.query[]", "request.query[NAME]", &[""]),
            ("request.auth.claims[a][b]", "request.auth.claims[NAME]", &["a", "b"]),
            (
                "experimental.envoy.filters.http.x[k]",
                "experimental.envoy.filters.FILTER[KEY]",
                &["envoy.filters.http.x", "k"],
            ),
        ] {
            assert_eq!(read(text), Some((name, names.to_vec())), "{text}");
        }
        for text in [
            "",
            "source",
            "request.headers",
            "request.headers[]",
            "request.headers[a b]",
            "request.headers[a][b]",
            "request.headers[host]",
            "request.headers[:path]",
            "request.query",
            "request.query[a",
            "request.auth.claims",
            "request.auth.claims[]",
            "request.auth.claims[a][]",
            "request.auth.claims[a]b",
            "request.auth.claims[a[b]]",
            "experimental.envoy.filters.http.x",
            "experimental.envoy.filters.http.x[]",
            "experimental.other[k]",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn every_key_is_documented_with_an_example_that_compiles() {
        for key in &KEYS {
            assert!(key.doc.ends_with('.'), "{}", key.name);
            let (_, rest) = key.example.split_once("key: ").unwrap();
            let text = rest.trim_start_matches('"').split(['"', ',']).next().unwrap();
            assert_eq!(read(text).map(|(name, _)| name), Some(key.name), "{}", key.example);
        }
    }
}
