//! Lists of values: each flaw in its place.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use sallyport_pattern::Pattern;

use super::{Compiler, MAX_VALUES, empty_list};
use crate::matcher::identity;
use crate::matcher::network::{self, NetworkSet};
use crate::matcher::string::{StringPattern, StringSet};
use crate::problem::{Flaw, Place, PolicyCode};
use crate::request::caller::IdentityField;
use crate::request::needs::Needs;
use crate::request::usage::Use;
use crate::text::lossy;

impl Compiler<'_> {
    /// Reads a list: `None` when it is not written; every flaw is reported in its place.
    pub(super) fn values<T>(
        &mut self,
        place: &Place<'_>,
        list: Option<&[String]>,
        parse: impl Fn(&mut Self, &str) -> Result<T, Flaw>,
    ) -> Option<Vec<T>> {
        let list = list?;
        let mut values = Vec::with_capacity(list.len());
        self.each_value(place, list, &mut |this, text| {
            values.push(parse(this, text)?);
            Ok(())
        });
        Some(values)
    }

    /// The part of [`Self::values`] that is the same for all; kept apart because it would be compiled for each.
    fn each_value(
        &mut self,
        place: &Place<'_>,
        list: &[String],
        read: &mut dyn FnMut(&mut Self, &str) -> Result<(), Flaw>,
    ) {
        if list.is_empty() {
            self.report(place, empty_list());
        }
        if list.len() > MAX_VALUES {
            let flaw = Flaw::new(
                PolicyCode::Limit,
                format_args!("the list has {} values, but at most {MAX_VALUES} are allowed", list.len()),
            );
            return self.report(place, flaw);
        }
        for (position, text) in list.iter().enumerate() {
            if let Err(flaw) = read(self, text) {
                self.report(&place.item(position), flaw);
            }
        }
    }

    pub(super) fn identity_set(
        &mut self,
        place: &Place<'_>,
        list: Option<&[String]>,
        field: IdentityField,
        by: Use,
    ) -> Option<StringSet> {
        let values = self.values(place, list, |this, text| match field {
            IdentityField::Principal => identity::parse_principal(text, &this.domains, by),
            IdentityField::ServiceAccount => {
                identity::parse_service_account(text, &this.own_namespace).map(|pattern| vec![pattern])
            }
            IdentityField::Namespace => identity::parse_namespace(text).map(|pattern| vec![pattern]),
            IdentityField::TrustDomain => identity::parse_trust_domain(text, &this.domains, by),
        })?;
        self.needs |= Needs::PEER;
        let mut patterns: Vec<StringPattern> = values.into_iter().flatten().collect();
        patterns.shrink_to_fit();
        Some(StringSet::new(patterns))
    }

    /// Exact principals, each under every name of the trust domain.
    pub(super) fn principals(
        &mut self,
        list: &Place<'_>,
        texts: &[String],
        (noun, short): (&str, &str),
    ) -> Vec<Box<str>> {
        let mut principals = Vec::new();
        for (position, text) in texts.iter().enumerate() {
            let patterns = identity::parse_principal(text, &self.domains, Use::Permissive);
            match patterns {
                Ok(patterns) if !text.contains('*') => {
                    principals.extend(patterns.into_iter().filter_map(|pattern| match pattern {
                        StringPattern::Exact(name) => Some(lossy(&name).into()),
                        _ => None,
                    }));
                }
                Ok(_) => {
                    let flaw = Flaw::new(PolicyCode::Principal, format_args!("the {noun} `{text}` has a wildcard"))
                        .help(format_args!("name each {short} in full: whoever matches a pattern would be one"));
                    self.report(&list.item(position), flaw);
                }
                Err(flaw) => self.report(&list.item(position), flaw),
            }
        }
        principals
    }

    pub(super) fn network_set(&mut self, place: &Place<'_>, list: Option<&[String]>) -> Option<NetworkSet> {
        self.values(place, list, |_, text| network::parse(text)).map(NetworkSet::new)
    }

    pub(super) fn regexes(&mut self, place: &Place<'_>, list: Option<&[String]>) -> Option<Vec<Arc<Pattern>>> {
        let compiled = self.values(place, list, |this, text| this.regexes.compile(text))?;
        // An expression beyond a limit is missing here, and the policy is refused for it.
        Some(compiled.into_iter().flatten().collect())
    }
}
