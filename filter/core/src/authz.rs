//! Authorization: which rules match a canonical request, and what follows.
//!
//! # Semantics
//!
//! **A decision.** If an enforced DENY rule matches, refuse ([`Reason::Denied`]). Else, if an enforced ALLOW rule
//! matches, permit. Else refuse ([`Reason::NotAllowed`], or [`Reason::NoIdentity`] as told below). Where several rules
//! of the deciding action match, the one written first speaks. No rules: everybody is refused.
//!
//! **A rule** matches when one of its sources AND one of its operations AND every condition hold; an absent `from` or
//! `to` holds. Within a source or an operation all written fields must hold. A field holds when one of its values
//! matches; its `not` twin holds when none does.
//!
//! **Strings** match exactly, by `prefix*`, by `*suffix`, or by `*` (present and not empty), as in Istio.
//!
//! **Missing attributes.** A positive field or condition never holds on an attribute that is missing. A negative one
//! holds, as in Istio, except this, where Sallyport is stricter: *in an ALLOW rule a negative field on an identity
//! (principal, namespace, service account, trust domain, request principal, claim, audience, presenter) does not hold
//! when that identity is missing.* A missing certificate or token must never help a caller. In DENY and AUDIT rules the
//! negative field holds, so Istio's idiom `DENY notRequestPrincipals: ["*"]` means what it means there.
//!
//! **Repeated headers and query parameters.** A condition looks at each occurrence by itself. `match: all`: there is at
//! least one occurrence (or the condition has only negative parts) and every occurrence satisfies the condition.
//! `match: any`: some occurrence satisfies it; with positive parts (`values`, `regex`) each comma-separated element of
//! a header line, trimmed of spaces and tabs, counts as an occurrence too, beside the whole line. Without an
//! occurrence, both hold exactly when the condition has only negative parts. An occurrence satisfies the condition when
//! (neither `values` nor `regex` is written, or one of them matches) and none of `notValues` and `notRegex` matches.
//! Default: `all` in ALLOW rules, `any` in DENY and AUDIT rules, so a second value can never turn a refusal into a
//! permit. Istio joins the lines with commas and looks once (CVE-2026-26308 is what came of that).
//!
//! **Claims** are strings, lists of strings, or space-delimited strings (RFC 8693 `scope`): `values` holds when any
//! element (or the whole string) matches, `notValues` when none does. A claim of any other type counts as missing.
//!
//! **Identity** is the URI SAN of a verified peer certificate. `connection.mtls` false means none. A URI that is not a
//! plain `spiffe://TRUST-DOMAIN/PATH` counts as none. Where the peer is a trusted forwarder, the identity is that of
//! the last `x-forwarded-client-cert` element that is not the forwarder's own, if there is one; otherwise it is the
//! forwarder's. Names of the mesh's own trust domain (aliases; `cluster.local` in a rule) are one name.
//!
//! **Shadow.** The decision is made twice over: by the enforced rules, and by all rules as if all were enforced. Where
//! the two differ, the second is reported beside the first. With the whole policy in shadow mode every request
//! continues, and a refusal by all rules is what is reported. AUDIT rules never decide.
//!
//! **`NoIdentity`** replaces `NotAllowed` when no rule refused the request by name and either the caller showed
//! neither certificate identity nor token and some enforced ALLOW rule asks for one, or it showed no token and every
//! enforced ALLOW rule asks for one.
