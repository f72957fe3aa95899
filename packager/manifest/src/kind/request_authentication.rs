//! RequestAuthentication: the issuers whose tokens are accepted.

use sallyport_egress::model::JwtProvider;
use serde_json::{Value, json};

use crate::plan::Plan;

/// `None` if no token is accepted. A valid token is not forwarded, because it was not issued for the upstream.
pub(crate) fn request_authentication(plan: &Plan<'_>) -> Option<Value> {
    let providers = &plan.egress.spec.authn.jwt;
    (!providers.is_empty()).then(|| {
        json!({
            "apiVersion": "security.istio.io/v1",
            "kind": "RequestAuthentication",
            "metadata": plan.metadata(&plan.gateway_name()),
            "spec": plan.attached(json!({"jwtRules": providers.iter().map(rule).collect::<Vec<_>>()})),
        })
    })
}

fn rule(provider: &JwtProvider) -> Value {
    let JwtProvider { issuer, audiences, jwks, jwks_uri } = provider;
    let audiences = (!audiences.is_empty()).then_some(audiences);
    json!({"issuer": issuer, "audiences": audiences, "jwks": jwks, "jwksUri": jwks_uri})
}
