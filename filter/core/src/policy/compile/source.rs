//! `from`: who.

use alloc::vec::Vec;
use core::fmt::Arguments;

use super::Compiler;
use crate::matcher::request_principal::{RequestPrincipalPattern, RequestPrincipalSet};
use crate::policy::rule::{Source, SourceMatcher, SourceTest};
use crate::problem::{Flaw, Place, PolicyCode};
use crate::request::caller::IdentityField;
use crate::request::needs::Needs;
use crate::request::usage::Use;
use crate::wire::{self, Action};

impl Compiler<'_> {
    #[inline(never)]
    pub(super) fn source(&mut self, place: &Place<'_>, from: &wire::FromEntry, action: Action) -> Source {
        let wire::FromEntry { source } = from;
        let place = &place.field("source");
        let wire::Source {
            principals,
            not_principals,
            request_principals,
            not_request_principals,
            namespaces,
            not_namespaces,
            service_accounts,
            not_service_accounts,
            trust_domains,
            not_trust_domains,
            ip_blocks,
            not_ip_blocks,
            remote_ip_blocks,
            not_remote_ip_blocks,
        } = source;
        self.check_service_account_company(place, source);
        let mut tests = Vec::new();
        for (field, negated, list, kind) in [
            ("principals", false, principals, IdentityField::Principal),
            ("notPrincipals", true, not_principals, IdentityField::Principal),
            ("serviceAccounts", false, service_accounts, IdentityField::ServiceAccount),
            ("notServiceAccounts", true, not_service_accounts, IdentityField::ServiceAccount),
            ("namespaces", false, namespaces, IdentityField::Namespace),
            ("notNamespaces", true, not_namespaces, IdentityField::Namespace),
            ("trustDomains", false, trust_domains, IdentityField::TrustDomain),
            ("notTrustDomains", true, not_trust_domains, IdentityField::TrustDomain),
        ] {
            let set = self.identity_set(&place.field(field), list.as_deref(), kind, Use::of(action, negated));
            tests.extend(set.map(|set| SourceTest { negated, matcher: SourceMatcher::Identity(kind, set) }));
        }
        for (field, negated, list) in
            [("requestPrincipals", false, request_principals), ("notRequestPrincipals", true, not_request_principals)]
        {
            let parse = |_: &mut Self, text: &str| RequestPrincipalPattern::parse(text);
            if let Some(patterns) = self.values(&place.field(field), list.as_deref(), parse) {
                self.needs |= Needs::METADATA;
                let set = RequestPrincipalSet::new(patterns);
                tests.push(SourceTest { negated, matcher: SourceMatcher::RequestPrincipals(set) });
            }
        }
        for (field, negated, list, remote) in [
            ("ipBlocks", false, ip_blocks, false),
            ("notIpBlocks", true, not_ip_blocks, false),
            ("remoteIpBlocks", false, remote_ip_blocks, true),
            ("notRemoteIpBlocks", true, not_remote_ip_blocks, true),
        ] {
            let place = &place.field(field);
            let Some(set) = self.network_set(place, list.as_deref()) else { continue };
            let matcher = if remote {
                self.needs |= Needs::SOURCE_ADDRESS;
                SourceMatcher::RemoteIpBlocks(set)
            } else {
                self.check_source_address(place, format_args!("`remoteIpBlocks`"));
                SourceMatcher::IpBlocks(set)
            };
            tests.push(SourceTest { negated, matcher });
        }
        self.check_not_empty(place, tests.is_empty() && *source == wire::Source::default(), "source", "everyone");
        tests.shrink_to_fit();
        tests
    }

    /// Istio's own rule: `serviceAccounts` goes with neither principals nor namespaces.
    fn check_service_account_company(&mut self, place: &Place<'_>, source: &wire::Source) {
        let accounts = source.service_accounts.is_some() || source.not_service_accounts.is_some();
        let others = source.principals.is_some()
            || source.not_principals.is_some()
            || source.namespaces.is_some()
            || source.not_namespaces.is_some();
        if accounts && others {
            let flaw = Flaw::new(
                PolicyCode::ServiceAccount,
                format_args!("service accounts cannot be combined with principals or namespaces"),
            )
            .help(format_args!("a service account already names its namespace; write two sources if either may call"));
            self.report(&place.field("serviceAccounts"), flaw);
        }
    }

    pub(super) fn check_source_address(&mut self, place: &Place<'_>, instead: Arguments<'_>) {
        self.needs |= Needs::SOURCE_ADDRESS;
        if !self.source_address_known {
            let flaw = Flaw::new(
                PolicyCode::SourceAddressHidden,
                format_args!("behind trusted proxies the gateway does not know the packet's source address"),
            )
            .help(format_args!("use {instead}, or set `numTrustedProxies` to 0"));
            self.report(place, flaw);
        }
    }
}
