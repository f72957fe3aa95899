//! The JWT filter, as istiod makes it from a RequestAuthentication (`convertToEnvoyJwtConfig` in `policy_applier.go`).
//!
//! An invalid token is refused. A request without a token goes on to Sallyport's filter, where no rule for claims matches it.

use sallyport_egress::model::JwtProvider;
use serde_json::{Value, json};

use super::message::typed;

/// The filter for these providers. `clusters` has for each the cluster of its key set.
pub(super) fn filter(providers: &[JwtProvider], clusters: &[Option<String>]) -> Value {
    let name = |index: usize| json!({"provider_name": format!("origins-{index}")});
    let optional = |index: usize| json!({"requires_any": {"requirements": [name(index), {"allow_missing": {}}]}});
    let requires = if providers.len() == 1 {
        optional(0)
    } else {
        // One valid token is enough; otherwise every token in the request must be valid.
        let mut any: Vec<Value> = (0..providers.len()).map(name).collect();
        let all: Vec<Value> = (0..providers.len()).map(optional).collect();
        any.push(json!({"requires_all": {"requirements": all}}));
        json!({"requires_any": {"requirements": any}})
    };
    let configured = providers.iter().zip(clusters).enumerate();
    let providers: serde_json::Map<String, Value> = configured
        .map(|(index, (rule, cluster))| (format!("origins-{index}"), provider(rule, cluster.as_ref())))
        .collect();
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": typed("envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication", json!({
            "providers": providers,
            "rules": [{"match": {"prefix": "/"}, "requires": requires}],
            "bypass_cors_preflight": true,
        })),
    })
}

fn provider(rule: &JwtProvider, cluster: Option<&String>) -> Value {
    let mut provider = json!({
        "issuer": rule.issuer,
        "audiences": rule.audiences,
        "forward": false,
        "payload_in_metadata": "payload",
        "normalize_payload_in_metadata": {"space_delimited_claims": ["permission", "scope"]},
    });
    let (key, source) = match (&rule.jwks, &rule.jwks_uri, cluster) {
        (None, Some(uri), Some(cluster)) => (
            "remote_jwks",
            json!({
                "http_uri": {"uri": uri, "cluster": cluster, "timeout": "5s"},
                "cache_duration": "300s",
            }),
        ),
        (jwks, ..) => ("local_jwks", json!({"inline_string": jwks.as_deref().unwrap_or(NO_KEYS)})),
    };
    if let Value::Object(fields) = &mut provider {
        fields.insert(key.to_owned(), source);
    }
    provider
}

/// A key set that verifies no token.
const NO_KEYS: &str = r#"{"keys":[]}"#;
