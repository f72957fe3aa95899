//! What is wrong with a kind that is none of ours.

use crate::code::Code;
use crate::diagnostic::UnplacedDiagnostic;
use crate::istio::{ApiKind, KINDS};
use crate::model::wrong_kind;
use crate::wording::quoted;

/// What to say of a kind. Of one of Istio's, what an Egress has instead of it.
pub(super) fn unknown(text: &str) -> UnplacedDiagnostic {
    let Some(ApiKind { group, versions, .. }) = KINDS.iter().find(|known| known.kind.eq_ignore_ascii_case(text)) else {
        return wrong_kind(text);
    };
    let version = versions.first().copied().unwrap_or_default();
    UnplacedDiagnostic::new(Code::Kind, format!("{} is a kind of Istio, not of Sallyport", quoted(text))).help(format!(
        "write {}, or `apiVersion: {group}/{version}`, and `check` reads it as Istio's",
        instead_of(text)
    ))
}

/// Where an Egress says the same.
fn instead_of(kind: &str) -> &'static str {
    match kind.to_ascii_lowercase().as_str() {
        "authorizationpolicy" => "its rules in `authz.rules` of an Egress",
        "requestauthentication" => "its issuers in `authn.jwt` of an Egress",
        "virtualservice" => "`host`, `upstream` and `route` of an Egress",
        "serviceentry" | "destinationrule" | "workloadentry" => "`upstream` of an Egress",
        "gateway" => "an Egress, which has a gateway of its own",
        "wasmplugin" | "trafficextension" => "an Egress, from which `build` makes it",
        _ => "an Egress, and changes to what `build` makes of it in `patches`",
    }
}
