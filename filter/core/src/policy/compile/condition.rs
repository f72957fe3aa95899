//! `when`: Istio's condition keys, and `request.query[NAME]`.

use super::super::error::Code;
use super::super::place::Place;
use super::super::rule::{Action, Condition, IdentityField};
use super::super::source::{ConditionSource, ModeSource, QuantifierSource};
use super::Compiler;
use crate::engine::Needs;
use crate::matcher::method::is_token_byte;
use crate::matcher::network::NetworkSet;
use crate::matcher::port::{self, PortSet};
use crate::matcher::regex::RegexSet;
use crate::matcher::value::{Quantifier, ValueTest};
use crate::matcher::{Flaw, Listed};

/// What a key names.
enum Key {
    Header(String),
    Query(String),
    Identity(IdentityField),
    RequestPrincipal,
    Claim(Vec<String>),
    Metadata { filter: String, key: String },
    SourceIp,
    RemoteIp,
    DestinationIp,
    DestinationPort,
    Sni,
}

/// Every key that is not a family, as users write it.
pub const PLAIN_KEYS: &[&str] = &[
    "source.ip",
    "remote.ip",
    "source.namespace",
    "source.serviceAccount",
    "source.trustDomain",
    "source.principal",
    "request.auth.principal",
    "request.auth.audiences",
    "request.auth.presenter",
    "destination.ip",
    "destination.port",
    "connection.sni",
];

impl Compiler {
    /// Compiles one condition; `None` when a problem was reported.
    pub(super) fn condition(
        &mut self,
        place: &Place<'_>,
        source: &ConditionSource,
        action: Action,
        mode: ModeSource,
    ) -> Option<Condition> {
        let ConditionSource { key, values, not_values, regex, not_regex, quantifier } = source;
        if values.is_none() && not_values.is_none() && regex.is_none() && not_regex.is_none() {
            let flaw = Flaw::new(Code::ConditionWithoutValues, format_args!("the condition on `{key}` has no values"))
                .help(format_args!("write `values` or `notValues`"));
            self.report(place, flaw);
        }
        let key = match parse_key(key) {
            Ok(key) => key,
            Err(flaw) => {
                self.report(&place.field("key"), flaw);
                return None;
            }
        };
        self.check_repeatable(place, source, &key);
        let quantifier = match quantifier {
            Some(QuantifierSource::Any) => Quantifier::Any,
            Some(QuantifierSource::All) => Quantifier::All,
            None if action == Action::Allow => Quantifier::All,
            None => Quantifier::Any,
        };
        let decides = action != Action::Audit && mode == ModeSource::Enforce;
        if let (Key::Header(name), true) = (&key, decides) {
            self.guard_twins(name);
        }
        Some(self.keyed_condition(place, source, key, quantifier))
    }

    /// Notes a header that has twins: names that some servers take for the same.
    fn guard_twins(&mut self, name: &str) {
        let name: Box<[u8]> = name.to_ascii_lowercase().into_bytes().into();
        if name.iter().any(|byte| matches!(byte, b'-' | b'_')) && !self.headers_with_twins.contains(&name) {
            self.headers_with_twins.push(name);
        }
    }

    fn keyed_condition(
        &mut self,
        place: &Place<'_>,
        source: &ConditionSource,
        key: Key,
        quantifier: Quantifier,
    ) -> Condition {
        match key {
            Key::Header(name) => {
                let name: Box<[u8]> = name.to_ascii_lowercase().into_bytes().into();
                Condition::Header { name, quantifier, test: self.value_test(place, source) }
            }
            Key::Query(name) => {
                Condition::Query { name: name.into_bytes().into(), quantifier, test: self.value_test(place, source) }
            }
            Key::Identity(field) => self.identity_condition(place, source, field),
            Key::RequestPrincipal => {
                self.needs |= Needs::METADATA;
                Condition::RequestPrincipal { test: self.value_test(place, source) }
            }
            Key::Claim(path) => {
                self.needs |= Needs::METADATA;
                Condition::Claim { path, test: self.value_test(place, source) }
            }
            Key::Metadata { filter, key } => {
                self.needs |= Needs::METADATA;
                Condition::Metadata { filter, key, test: self.value_test(place, source) }
            }
            Key::SourceIp => {
                self.check_source_address(&place.field("key"), "remote.ip");
                let (values, not_values) = self.networks(place, source);
                Condition::SourceAddress { values, not_values }
            }
            Key::RemoteIp => {
                self.needs |= Needs::SOURCE_ADDRESS;
                let (values, not_values) = self.networks(place, source);
                Condition::SourceAddress { values, not_values }
            }
            Key::DestinationIp => {
                self.needs |= Needs::DESTINATION_ADDRESS;
                let (values, not_values) = self.networks(place, source);
                Condition::DestinationAddress { values, not_values }
            }
            Key::DestinationPort => {
                self.needs |= Needs::DESTINATION_ADDRESS;
                let values = self.ports(place, "values", source.values.as_deref());
                let not_values = self.ports(place, "notValues", source.not_values.as_deref());
                Condition::DestinationPort { values, not_values }
            }
            Key::Sni => {
                self.needs |= Needs::SNI;
                Condition::Sni { test: self.value_test(place, source) }
            }
        }
    }

    /// `match` and regular expressions are for keys that a request may carry several times with any text.
    fn check_repeatable(&mut self, place: &Place<'_>, source: &ConditionSource, key: &Key) {
        if matches!(key, Key::Header(_) | Key::Query(_)) {
            return;
        }
        for (field, written) in [
            ("match", source.quantifier.is_some()),
            ("regex", source.regex.is_some()),
            ("notRegex", source.not_regex.is_some()),
        ] {
            if written {
                let flaw =
                    Flaw::new(Code::ConditionQuantifier, format_args!("`{field}` does not go with `{}`", source.key))
                        .help(format_args!("it is for `request.headers[NAME]` and `request.query[NAME]`"));
                self.report(&place.field(field), flaw);
            }
        }
    }

    fn value_test(&mut self, place: &Place<'_>, source: &ConditionSource) -> ValueTest {
        ValueTest {
            values: self.string_set(&place.field("values"), source.values.as_deref()),
            regex: self.regexes(&place.field("regex"), source.regex.as_deref()).map(RegexSet::new),
            not_values: self.string_set(&place.field("notValues"), source.not_values.as_deref()),
            not_regex: self.regexes(&place.field("notRegex"), source.not_regex.as_deref()).map(RegexSet::new),
        }
    }

    fn identity_condition(&mut self, place: &Place<'_>, source: &ConditionSource, field: IdentityField) -> Condition {
        let values = self.identity_set(&place.field("values"), source.values.as_deref(), field);
        let not_values = self.identity_set(&place.field("notValues"), source.not_values.as_deref(), field);
        Condition::Identity { field, test: ValueTest { values, not_values, ..ValueTest::default() } }
    }

    fn networks(&mut self, place: &Place<'_>, source: &ConditionSource) -> (Option<NetworkSet>, Option<NetworkSet>) {
        (
            self.network_set(&place.field("values"), source.values.as_deref()),
            self.network_set(&place.field("notValues"), source.not_values.as_deref()),
        )
    }

    fn ports(&mut self, place: &Place<'_>, field: &'static str, list: Option<&[String]>) -> Option<PortSet> {
        self.values(&place.field(field), list, |_, text| port::parse(text)).map(PortSet::new)
    }
}

fn parse_key(text: &str) -> Result<Key, Flaw> {
    let unknown = || {
        let families = "`request.headers[NAME]`, `request.query[NAME]`, `request.auth.claims[NAME]`";
        Flaw::new(Code::ConditionKey, format_args!("the condition key `{text}` is unknown"))
            .help(format_args!("the keys are {families}, {}", Listed(PLAIN_KEYS.iter().copied())))
    };
    Ok(match text {
        "source.ip" => Key::SourceIp,
        "remote.ip" => Key::RemoteIp,
        "source.namespace" => Key::Identity(IdentityField::Namespace),
        "source.serviceAccount" => Key::Identity(IdentityField::ServiceAccount),
        "source.trustDomain" => Key::Identity(IdentityField::TrustDomain),
        "source.principal" => Key::Identity(IdentityField::Principal),
        "request.auth.principal" => Key::RequestPrincipal,
        "request.auth.audiences" => Key::Claim(vec!["aud".to_owned()]),
        "request.auth.presenter" => Key::Claim(vec!["azp".to_owned()]),
        "destination.ip" => Key::DestinationIp,
        "destination.port" => Key::DestinationPort,
        "connection.sni" => Key::Sni,
        _ => {
            let (family, names) = bracketed(text).ok_or_else(unknown)?;
            let malformed = |what: &str| {
                Flaw::new(Code::ConditionKey, format_args!("the condition key `{text}` has no {what}"))
                    .help(format_args!("write it between brackets"))
            };
            match (family, names.as_slice()) {
                ("request.headers", [name]) if !name.is_empty() && name.bytes().all(is_token_byte) => {
                    Key::Header((*name).to_owned())
                }
                ("request.headers", _) => return Err(malformed("valid header name")),
                ("request.query", [name]) => Key::Query((*name).to_owned()),
                ("request.auth.claims", [_, ..]) if names.iter().all(|name| !name.is_empty()) => {
                    Key::Claim(names.iter().map(|name| (*name).to_owned()).collect())
                }
                ("request.auth.claims", _) => return Err(malformed("claim name")),
                (family, [key]) if !key.is_empty() => {
                    let filter = family.strip_prefix("experimental.").ok_or_else(unknown)?;
                    if !filter.starts_with("envoy.filters.") {
                        return Err(unknown());
                    }
                    Key::Metadata { filter: filter.to_owned(), key: (*key).to_owned() }
                }
                _ => return Err(unknown()),
            }
        }
    })
}

/// `family[a][b]` in its parts.
fn bracketed(text: &str) -> Option<(&str, Vec<&str>)> {
    let (family, rest) = text.split_once('[')?;
    let inner = rest.strip_suffix(']')?;
    // `a][b`: every `]` but the last is followed by `[`.
    let mut names = Vec::new();
    for (position, part) in inner.split(']').enumerate() {
        let name = if position == 0 { part } else { part.strip_prefix('[')? };
        if name.contains('[') {
            return None;
        }
        names.push(name);
    }
    Some((family, names))
}
