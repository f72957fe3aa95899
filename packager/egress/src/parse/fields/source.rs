//! The fields of a rule's `from`: Istio's.

use super::{Block, Shape, list, optional, required};
use crate::parse::text::Text;

pub(crate) static FROM: Block = Block {
    name: "from",
    fields: &[required("source", Shape::Block(&SOURCE), "The fields of one source: all that are written must hold.")],
    tombstones: &[],
};

static SOURCE: Block = Block {
    name: "source",
    fields: &[
        optional(
            "principals",
            list(Text::Free),
            "`TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT` of the caller's certificate, with `prefix*`, `*suffix` or `*` (any). Needs mTLS.",
        ),
        optional("notPrincipals", list(Text::Free), "None of these, in the terms of `principals`."),
        optional(
            "requestPrincipals",
            list(Text::Free),
            "`ISSUER/SUBJECT` of a verified token, with `prefix*`, `*suffix` or `*` (any). Needs `authn.jwt`.",
        ),
        optional("notRequestPrincipals", list(Text::Free), "None of these, in the terms of `requestPrincipals`."),
        optional("namespaces", list(Text::Free), "The caller's namespace. Needs mTLS."),
        optional("notNamespaces", list(Text::Free), "None of these, in the terms of `namespaces`."),
        optional(
            "serviceAccounts",
            list(Text::Free),
            "The caller's service account, `NAMESPACE/ACCOUNT`, or `ACCOUNT` in the Egress's own namespace. No wildcard. Needs mTLS.",
        ),
        optional("notServiceAccounts", list(Text::Free), "None of these, in the terms of `serviceAccounts`."),
        optional("trustDomains", list(Text::Free), "The caller's trust domain. Needs mTLS."),
        optional("notTrustDomains", list(Text::Free), "None of these, in the terms of `trustDomains`."),
        optional("ipBlocks", list(Text::Free), "The packet's source address: IP or CIDR."),
        optional("notIpBlocks", list(Text::Free), "None of these, in the terms of `ipBlocks`."),
        optional(
            "remoteIpBlocks",
            list(Text::Free),
            "The caller's address as far as the gateway trusts X-Forwarded-For: IP or CIDR.",
        ),
        optional("notRemoteIpBlocks", list(Text::Free), "None of these, in the terms of `remoteIpBlocks`."),
    ],
    tombstones: &[
        ("users", "write `principals`, `serviceAccounts` or `requestPrincipals`"),
        ("user", "write `principals`, `serviceAccounts` or `requestPrincipals`"),
        ("ips", "write `ipBlocks` or `remoteIpBlocks`"),
        ("cidrs", "write `ipBlocks` or `remoteIpBlocks`"),
    ],
};
