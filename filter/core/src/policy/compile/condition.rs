//! `when`: conditions, each by the type of its key's value.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::super::rule::{Condition, SetTest};
use super::Compiler;
use crate::matcher::metadata::{MetadataPattern, MetadataSet};
use crate::matcher::network::{self, NetworkSet};
use crate::matcher::port::{self, PortSet};
use crate::matcher::regex::RegexSet;
use crate::matcher::request_principal::{RequestPrincipalPattern, RequestPrincipalSet};
use crate::matcher::string::{StringPattern, StringSet, header_pattern};
use crate::matcher::value::ValueTest;
use crate::policy::key::{self, Key, Topic, Value, WrittenKey};
use crate::problem::{Flaw, Place, PolicyCode};
use crate::request::caller::IdentityField;
use crate::request::name::{fold, fold_parameter};
use crate::request::reading::Kind;
use crate::request::table::Reader;
use crate::request::usage::Use;
use crate::side::Sides;
use crate::wire::{self, Action, Quantifier};

/// Claims whose text is a list of words, as Istio tells Envoy's `jwt_authn` (`spaceDelimitedClaims` adds to them there;
/// an Egress file has no such field, and its other claims are one text each).
const WORDS: [&str; 2] = ["scope", "permission"];

impl Compiler<'_> {
    /// In the order in which they are asked, each with its place in the file: those with expressions last.
    #[inline(never)]
    pub(super) fn conditions(
        &mut self,
        place: &Place<'_>,
        list: &[wire::Condition],
        action: Action,
        decides: Sides,
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
        decides: Sides,
    ) -> Option<Condition> {
        let wire::Condition { key, values, not_values, regex, not_regex, quantifier } = source;
        if values.is_none() && not_values.is_none() && regex.is_none() && not_regex.is_none() {
            let flaw =
                Flaw::new(PolicyCode::ConditionWithoutValues, format_args!("the condition on `{key}` has no values"))
                    .help(format_args!("write `values` or `notValues`"));
            self.report(place, flaw);
        }
        let written = match WrittenKey::parse(key) {
            Ok(written) => written,
            Err(flaw) => {
                self.report(&place.field("key"), flaw);
                return None;
            }
        };
        self.needs |= written.key.needs;
        if written.key.topic == Topic::PacketAddress {
            let instead = key::names(|key| key.topic == Topic::RemoteAddress);
            self.check_source_address(&place.field("key"), format_args!("{instead}"));
        }
        self.check_repeatable(place, source, written.key);
        let has_pattern = source.regex.is_some() || source.not_regex.is_some();
        let by_pattern = if has_pattern { decides } else { Sides::NONE };
        Some(self.keyed_condition(place, source, &written, (action, *quantifier), Reader { decides, by_pattern }))
    }

    #[inline(never)]
    fn keyed_condition(
        &mut self,
        place: &Place<'_>,
        source: &wire::Condition,
        written: &WrittenKey<'_>,
        (action, quantifier): (Action, Option<Quantifier>),
        reader: Reader,
    ) -> Condition {
        let text = |_: &mut Self, text: &str| StringPattern::parse(text);
        let name = |position: usize| written.names.get(position).copied().unwrap_or_default();
        match &written.key.value {
            Value::Header => {
                let name = name(0).to_ascii_lowercase().into_bytes();
                let slot = self.headers.slot(&fold(&name), &name, Kind::of_header(&name), reader);
                Condition::Header { slot, quantifier, test: self.value_test(place, source, header_pattern) }
            }
            Value::Parameter => {
                let name = name(0).as_bytes();
                let slot = self.parameters.slot(&fold_parameter(name), name, Kind::Parameter, reader);
                Condition::Query { slot, quantifier, test: self.value_test(place, source, StringPattern::parse) }
            }
            Value::Identity(field) => self.identity_condition(place, source, *field, action),
            Value::RequestPrincipal => {
                let parse = |_: &mut Self, text: &str| RequestPrincipalPattern::parse(text);
                Condition::RequestPrincipal { test: self.set_test(place, source, parse, RequestPrincipalSet::new) }
            }
            Value::Claim(fixed) => {
                let path: Vec<String> = fixed.iter().chain(&written.names).map(|name| (*name).to_owned()).collect();
                let words = matches!(path.as_slice(), [name] if WORDS.contains(&name.as_str()));
                Condition::Claim { path, words, test: self.set_test(place, source, text, StringSet::new) }
            }
            Value::Metadata => {
                let (filter, key) = (name(0).to_owned(), name(1).to_owned());
                let parse = |_: &mut Self, text: &str| MetadataPattern::parse(text);
                Condition::Metadata { filter, key, test: self.set_test(place, source, parse, MetadataSet::new) }
            }
            Value::Address(of) => {
                let parse = |_: &mut Self, text: &str| network::parse(text);
                Condition::Address { of: *of, test: self.set_test(place, source, parse, NetworkSet::new) }
            }
            Value::Port(of) => {
                let parse = |_: &mut Self, text: &str| port::parse(text);
                Condition::Port { of: *of, test: self.set_test(place, source, parse, PortSet::new) }
            }
            Value::Text { of, fold } => {
                Condition::Text { of: *of, fold: *fold, test: self.set_test(place, source, text, StringSet::new) }
            }
        }
    }

    /// `match` and regular expressions are for keys that a request may have several times with any text.
    fn check_repeatable(&mut self, place: &Place<'_>, source: &wire::Condition, key: &Key) {
        if key.is_repeatable() {
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
                    format_args!("`{field}` cannot be used with `{}`", source.key),
                )
                .help(format_args!("it can be used with {}", key::names(Key::is_repeatable)));
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

    #[inline(never)]
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
}
