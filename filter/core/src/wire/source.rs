//! A rule's `from`: Istio's.

use alloc::string::String;
use alloc::vec::Vec;

use super::shape::{Shape, TextKind};

/// A list of addresses and CIDR blocks.
const NETWORKS: Shape = Shape::List(&Shape::Text(&TextKind::NETWORK));

crate::record! {
    /// Istio's `from` entry.
    pub struct FromEntry: Default = "from" {
        /// The fields of one source: all fields that are written must match.
        "source" source: Source = required,
    }
}

crate::record! {
    /// Istio's `source`: fields AND, values OR, each field with its `not` twin.
    pub struct Source: Default = "source" {
        /// The caller's principal, from its certificate: `TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT`, with `prefix*`,
        /// `*suffix` or `*` (any). Needs mTLS.
        "principals" principals: Option<Vec<String>> = optional,
        /// None of these may match; written as in `principals`.
        "notPrincipals" not_principals: Option<Vec<String>> = optional,
        /// The principal of a verified token: `ISSUER/SUBJECT`, with `prefix*`, `*suffix` or `*` (any). Needs
        /// `authn.jwt`.
        "requestPrincipals" request_principals: Option<Vec<String>> = optional,
        /// None of these may match; written as in `requestPrincipals`.
        "notRequestPrincipals" not_request_principals: Option<Vec<String>> = optional,
        /// The caller's namespace. Needs mTLS.
        "namespaces" namespaces: Option<Vec<String>> = optional,
        /// None of these may match; written as in `namespaces`.
        "notNamespaces" not_namespaces: Option<Vec<String>> = optional,
        /// The caller's service account: `NAMESPACE/ACCOUNT`. As in Istio, `ACCOUNT` alone is one of the Egress's own
        /// namespace; `check` warns of it, because callers seldom run there. No wildcard. Needs mTLS.
        "serviceAccounts" service_accounts: Option<Vec<String>> = optional,
        /// None of these may match; written as in `serviceAccounts`.
        "notServiceAccounts" not_service_accounts: Option<Vec<String>> = optional,
        /// The caller's trust domain. Needs mTLS.
        "trustDomains" trust_domains: Option<Vec<String>> = optional,
        /// None of these may match; written as in `trustDomains`.
        "notTrustDomains" not_trust_domains: Option<Vec<String>> = optional,
        /// The packet's source address: IP or CIDR.
        "ipBlocks" ip_blocks: Option<Vec<String>> as (NETWORKS) = optional,
        /// None of these may match; written as in `ipBlocks`.
        "notIpBlocks" not_ip_blocks: Option<Vec<String>> as (NETWORKS) = optional,
        /// The caller's address from X-Forwarded-For or the PROXY protocol, as far as the gateway trusts it: IP or CIDR.
        "remoteIpBlocks" remote_ip_blocks: Option<Vec<String>> as (NETWORKS) = optional,
        /// None of these may match; written as in `remoteIpBlocks`.
        "notRemoteIpBlocks" not_remote_ip_blocks: Option<Vec<String>> as (NETWORKS) = optional,
    }
    instead {
        "users" => "write `principals`, `serviceAccounts` or `requestPrincipals`",
        "user" => "write `principals`, `serviceAccounts` or `requestPrincipals`",
        "spiffeIds" => "write `principals`, without `spiffe://`",
        "spiffe" => "write `principals`, without `spiffe://`",
        "workloads" => "write `serviceAccounts` or `namespaces`: a caller is known by its identity",
        "app" => "write `serviceAccounts` or `namespaces`: a caller is known by its identity, not by labels",
        "labels" => "write `serviceAccounts` or `namespaces`: a caller is known by its identity, not by labels",
        "podSelector" => "write `serviceAccounts` or `namespaces`: a caller is known by its identity, not by labels",
        "namespaceSelector" => "write `namespaces`: a caller is known by its identity, not by labels",
        "groups" => "write a condition: `when: [{key: \"request.auth.claims[NAME]\", values: [...]}]`",
        "claims" => "write a condition: `when: [{key: \"request.auth.claims[NAME]\", values: [...]}]`",
        "jwt" => "write `requestPrincipals`, and whose tokens are trusted in `authn.jwt`",
        "issuers" => "write `requestPrincipals: [\"ISSUER/*\"]`",
        "cidr" => "write `ipBlocks` or `remoteIpBlocks`",
        "remoteIp" => "write `remoteIpBlocks`",
        "ips" => "write `ipBlocks` or `remoteIpBlocks`",
        "cidrs" => "write `ipBlocks` or `remoteIpBlocks`",
    }
}
