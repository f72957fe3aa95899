//! `when`: Istio's condition keys, and `request.query[NAME]`.

use super::super::rule::{Condition, IdentityField, SetTest};
use super::Compiler;
use crate::matcher::metadata::{MetadataPattern, MetadataSet};
use crate::matcher::method::is_token_byte;
use crate::matcher::network::{self, NetworkSet};
use crate::matcher::port::{self, PortSet};
use crate::matcher::reading::Use;
use crate::matcher::regex::RegexSet;
use crate::matcher::request_principal::{RequestPrincipalPattern, RequestPrincipalSet};
use crate::matcher::string::{StringPattern, StringSet, header_pattern};
use crate::matcher::value::ValueTest;
use crate::problem::{Flaw, Listed, Place, PolicyCode};
use crate::request::name::{fold, fold_parameter};
use crate::request::needs::Needs;
use crate::request::reading::Kind;
use crate::request::table::Reader;
use crate::wire::{self, Action, Quantifier};

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

/// Claims whose text is a list of words, as Istio tells Envoy's `jwt_authn` (`spaceDelimitedClaims` adds to them there;
/// an Egress file has no such field, and its other claims are one text each).
const WORDS: [&str; 2] = ["scope", "permission"];

/// Pseudo headers and the field that each is read by; `host` is one of them in all but name.
const INSTEAD: [(&str, &str); 4] =
    [("host", "hosts"), (":authority", "hosts"), (":path", "paths"), (":method", "methods")];

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

impl Compiler<'_> {
    /// In the order in which they are asked, each with its place in the file: those with expressions last.
    pub(super) fn conditions(
        &mut self,
        place: &Place<'_>,
        list: &[wire::Condition],
        action: Action,
        decides: bool,
    ) -> Vec<(usize, Condition)> {
        let read = self.alternatives(place, list, |this, place, source| this.condition(place, source, action, decides));
        let (plain, by_pattern): (Vec<_>, Vec<_>) = read
            .into_iter()
            .enumerate()
            .filter_map(|(index, condition)| Some((index, condition?)))
            .partition(|(_, condition)| condition.patterns() == 0);
        plain.into_iter().chain(by_pattern).collect()
    }

    /// Compiles one condition; `None` when a problem was reported.
    pub(super) fn condition(
        &mut self,
        place: &Place<'_>,
        source: &wire::Condition,
        action: Action,
        decides: bool,
    ) -> Option<Condition> {
        let wire::Condition { key, values, not_values, regex, not_regex, quantifier } = source;
        if values.is_none() && not_values.is_none() && regex.is_none() && not_regex.is_none() {
            let flaw =
                Flaw::new(PolicyCode::ConditionWithoutValues, format_args!("the condition on `{key}` has no values"))
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
        let by_pattern = decides && (source.regex.is_some() || source.not_regex.is_some());
        Some(self.keyed_condition(place, source, key, (action, *quantifier), Reader { decides, by_pattern }))
    }

    fn keyed_condition(
        &mut self,
        place: &Place<'_>,
        source: &wire::Condition,
        key: Key,
        (action, quantifier): (Action, Option<Quantifier>),
        reader: Reader,
    ) -> Condition {
        match key {
            Key::Header(name) => {
                let name = name.to_ascii_lowercase().into_bytes();
                let slot = self.headers.slot(&fold(&name), &name, Kind::of_header(&name), reader);
                Condition::Header { slot, quantifier, test: self.value_test(place, source, header_pattern) }
            }
            Key::Query(name) => {
                let name = name.as_bytes();
                let slot = self.parameters.slot(&fold_parameter(name), name, Kind::Parameter, reader);
                Condition::Query { slot, quantifier, test: self.value_test(place, source, StringPattern::parse) }
            }
            Key::Identity(field) => self.identity_condition(place, source, field, action),
            Key::RequestPrincipal => {
                self.needs |= Needs::METADATA;
                let parse = |_: &mut Self, text: &str| RequestPrincipalPattern::parse(text);
                Condition::RequestPrincipal { test: self.set_test(place, source, parse, RequestPrincipalSet::new) }
            }
            Key::Claim(path) => {
                self.needs |= Needs::METADATA;
                let words = matches!(path.as_slice(), [name] if WORDS.contains(&name.as_str()));
                let parse = |_: &mut Self, text: &str| StringPattern::parse(text);
                Condition::Claim { path, words, test: self.set_test(place, source, parse, StringSet::new) }
            }
            Key::Metadata { filter, key } => {
                self.needs |= Needs::METADATA;
                let parse = |_: &mut Self, text: &str| MetadataPattern::parse(text);
                Condition::Metadata { filter, key, test: self.set_test(place, source, parse, MetadataSet::new) }
            }
            Key::SourceIp => {
                self.check_source_address(&place.field("key"), "remote.ip");
                Condition::SourceAddress { test: self.networks(place, source) }
            }
            Key::RemoteIp => {
                self.needs |= Needs::SOURCE_ADDRESS;
                Condition::SourceAddress { test: self.networks(place, source) }
            }
            Key::DestinationIp => {
                self.needs |= Needs::DESTINATION_ADDRESS;
                Condition::DestinationAddress { test: self.networks(place, source) }
            }
            Key::DestinationPort => {
                self.needs |= Needs::DESTINATION_ADDRESS;
                let parse = |_: &mut Self, text: &str| port::parse(text);
                Condition::DestinationPort { test: self.set_test(place, source, parse, PortSet::new) }
            }
            Key::Sni => {
                self.needs |= Needs::SNI;
                let parse = |_: &mut Self, text: &str| StringPattern::parse(text);
                Condition::Sni { test: self.set_test(place, source, parse, StringSet::new) }
            }
        }
    }

    /// `match` and regular expressions are for keys that a request may carry several times with any text.
    fn check_repeatable(&mut self, place: &Place<'_>, source: &wire::Condition, key: &Key) {
        if matches!(key, Key::Header(_) | Key::Query(_)) {
            return;
        }
        for (field, written) in [
            ("match", source.quantifier.is_some()),
            ("regex", source.regex.is_some()),
            ("notRegex", source.not_regex.is_some()),
        ] {
            if written {
                let flaw = Flaw::new(
                    PolicyCode::ConditionQuantifier,
                    format_args!("`{field}` does not go with `{}`", source.key),
                )
                .help(format_args!("it is for `request.headers[NAME]` and `request.query[NAME]`"));
                self.report(&place.field(field), flaw);
            }
        }
    }

    fn value_test(
        &mut self,
        place: &Place<'_>,
        source: &wire::Condition,
        parse: fn(&str) -> Result<StringPattern, Flaw>,
    ) -> ValueTest {
        let SetTest { values, not_values } = self.set_test(place, source, |_, text| parse(text), StringSet::new);
        ValueTest {
            values,
            regex: self.regexes(&place.field("regex"), source.regex.as_deref()).map(RegexSet::new),
            not_values,
            not_regex: self.regexes(&place.field("notRegex"), source.not_regex.as_deref()).map(RegexSet::new),
        }
    }

    /// `values` and `notValues`, each a set of what is parsed.
    fn set_test<P, S>(
        &mut self,
        place: &Place<'_>,
        source: &wire::Condition,
        parse: impl Fn(&mut Self, &str) -> Result<P, Flaw>,
        set: impl Fn(Vec<P>) -> S,
    ) -> SetTest<S> {
        let values = self.values(&place.field("values"), source.values.as_deref(), &parse).map(&set);
        let not_values = self.values(&place.field("notValues"), source.not_values.as_deref(), &parse).map(&set);
        SetTest { values, not_values }
    }

    fn identity_condition(
        &mut self,
        place: &Place<'_>,
        source: &wire::Condition,
        field: IdentityField,
        action: Action,
    ) -> Condition {
        let values = self.identity_set(&place.field("values"), source.values.as_deref(), field, Use::of(action, false));
        let not_values =
            self.identity_set(&place.field("notValues"), source.not_values.as_deref(), field, Use::of(action, true));
        Condition::Identity { field, test: SetTest { values, not_values } }
    }

    fn networks(&mut self, place: &Place<'_>, source: &wire::Condition) -> SetTest<NetworkSet> {
        self.set_test(place, source, |_, text| network::parse(text), NetworkSet::new)
    }
}

fn parse_key(text: &str) -> Result<Key, Flaw> {
    let unknown = || {
        let families = "`request.headers[NAME]`, `request.query[NAME]`, `request.auth.claims[NAME]`";
        Flaw::new(PolicyCode::ConditionKey, format_args!("the condition key `{text}` is unknown"))
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
            // A parameter's name may have brackets of its own.
            if let Some(name) = text.strip_prefix("request.query[").and_then(|rest| rest.strip_suffix(']')) {
                return Ok(Key::Query(name.to_owned()));
            }
            let (family, names) = bracketed(text).ok_or_else(unknown)?;
            let malformed = |what: &str| {
                Flaw::new(PolicyCode::ConditionKey, format_args!("the condition key `{text}` has no {what}"))
                    .help(format_args!("write it between brackets"))
            };
            match (family, names.as_slice()) {
                ("request.headers", [name]) if name.starts_with(':') || name.eq_ignore_ascii_case("host") => {
                    return Err(pseudo_header(name));
                }
                ("request.headers", [name]) if !name.is_empty() && name.bytes().all(is_token_byte) => {
                    Key::Header((*name).to_owned())
                }
                ("request.headers", _) => return Err(malformed("valid header name")),
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

/// No request has a header of this name: HTTP/2 has none, and Envoy makes pseudo headers of HTTP/1.1's.
fn pseudo_header(name: &str) -> Flaw {
    let flaw = Flaw::new(PolicyCode::ConditionKey, format_args!("`{name}` is not read as a header"));
    match INSTEAD.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        Some((_, field)) => flaw.help(format_args!("write `to: [{{operation: {{{field}: [...]}}}}]`")),
        None => flaw.help(format_args!("no rule reads it; an operation has `hosts`, `ports`, `methods` and `paths`")),
    }
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
