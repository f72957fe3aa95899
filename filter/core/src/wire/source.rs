//! A rule's `from`: Istio's.

crate::record! {
    /// Istio's `from` entry.
    pub struct FromEntry: Default = "from" {
        /// The fields of one source: all that are written must hold.
        "source" source: Source = required,
    }
}

crate::record! {
    /// Istio's `source`: fields AND, values OR, each field with its `not` twin.
    pub struct Source: Default = "source" {
        /// `TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT` of the caller's certificate, with `prefix*`, `*suffix` or `*` (any). Needs
        /// mTLS.
        "principals" principals: Option<Vec<String>> = optional,
        /// None of these, in the terms of `principals`.
        "notPrincipals" not_principals: Option<Vec<String>> = optional,
        /// `ISSUER/SUBJECT` of a verified token, with `prefix*`, `*suffix` or `*` (any). Needs `authn.jwt`.
        "requestPrincipals" request_principals: Option<Vec<String>> = optional,
        /// None of these, in the terms of `requestPrincipals`.
        "notRequestPrincipals" not_request_principals: Option<Vec<String>> = optional,
        /// The caller's namespace. Needs mTLS.
        "namespaces" namespaces: Option<Vec<String>> = optional,
        /// None of these, in the terms of `namespaces`.
        "notNamespaces" not_namespaces: Option<Vec<String>> = optional,
        /// The caller's service account, `NAMESPACE/ACCOUNT`, or `ACCOUNT` in the Egress's own namespace. No wildcard. Needs
        /// mTLS.
        "serviceAccounts" service_accounts: Option<Vec<String>> = optional,
        /// None of these, in the terms of `serviceAccounts`.
        "notServiceAccounts" not_service_accounts: Option<Vec<String>> = optional,
        /// The caller's trust domain. Needs mTLS.
        "trustDomains" trust_domains: Option<Vec<String>> = optional,
        /// None of these, in the terms of `trustDomains`.
        "notTrustDomains" not_trust_domains: Option<Vec<String>> = optional,
        /// The packet's source address: IP or CIDR.
        "ipBlocks" ip_blocks: Option<Vec<String>> = optional,
        /// None of these, in the terms of `ipBlocks`.
        "notIpBlocks" not_ip_blocks: Option<Vec<String>> = optional,
        /// The caller's address from X-Forwarded-For or the PROXY protocol, as far as the gateway trusts it: IP or CIDR.
        "remoteIpBlocks" remote_ip_blocks: Option<Vec<String>> = optional,
        /// None of these, in the terms of `remoteIpBlocks`.
        "notRemoteIpBlocks" not_remote_ip_blocks: Option<Vec<String>> = optional,
    }
    instead {
        "users" => "write `principals`, `serviceAccounts` or `requestPrincipals`",
        "user" => "write `principals`, `serviceAccounts` or `requestPrincipals`",
        "ips" => "write `ipBlocks` or `remoteIpBlocks`",
        "cidrs" => "write `ipBlocks` or `remoteIpBlocks`",
    }
}
