//! What to write instead of a value of a rule, where the mistake shows what was meant. It is shown only if the core accepts
//! it.

use super::problems::problems_of;
use crate::model::{Authz, Mesh};
use crate::policy::policy;
use crate::wording::quoted;
use sallyport_core::PolicyCode;
use sallyport_core::wire::{Reader, Rule, Stage};
use serde_json::json;

/// For the value at a path such as `rules[3].to[0].operation.paths[1]`.
pub(super) fn cure(code: PolicyCode, path: &str, written: &str) -> Option<String> {
    let list = path.rsplit_once('[')?.0;
    let field = list.rsplit_once('.').map_or(list, |(_, field)| field);
    match code {
        PolicyCode::Grpc => {
            let call = grpc(written).filter(|call| is_right(field, call))?;
            let every =
                if written.trim_start_matches('/').contains('/') { "" } else { " for every method of the service" };
            Some(format!("write {}{every}", quoted(&call)))
        }
        PolicyCode::Wildcard => {
            let template = template(written).filter(|one| is_right(field, one))?;
            Some(format!("write {}: `{{*}}` is one segment, `{{**}}` any number of them", quoted(&template)))
        }
        PolicyCode::ServiceAccount => accounts(field, written),
        _ => None,
    }
}

/// A gRPC method as the path that it has on the wire, or a service without a method.
fn grpc(written: &str) -> Option<String> {
    let call = written.strip_prefix('/').unwrap_or(written);
    let call = if call.contains('/') { call.to_owned() } else { format!("{call}/*") };
    (call != written).then_some(call)
}

/// A path with the wildcards that other tools have for segments.
fn template(written: &str) -> Option<String> {
    let segment = |segment: &str| match segment {
        "*" | "**" => format!("{{{segment}}}"),
        _ => segment.to_owned(),
    };
    written.starts_with('/').then(|| written.split('/').map(segment).collect::<Vec<_>>().join("/"))
}

/// Every service account of a namespace, or every one.
fn accounts(field: &str, written: &str) -> Option<String> {
    let is_denied = field.starts_with("not");
    if written == "*" {
        let field = if is_denied { "notPrincipals" } else { "principals" };
        return Some(format!("write `{field}: [\"*\"]` for every caller with an identity"));
    }
    let namespace = written.strip_suffix("/*").filter(|namespace| sallyport_core::dns::is_label(namespace))?;
    let field = if is_denied { "notNamespaces" } else { "namespaces" };
    Some(format!("write `{field}: [{namespace}]` for every service account there"))
}

/// Whether a rule can have this value.
fn is_right(field: &str, value: &str) -> bool {
    let rule = json!({"id": "rule", "action": "ALLOW", "to": [{"operation": {field: [value]}}]});
    let Ok(rule) = Reader::parse::<Rule>(rule.to_string().as_bytes()) else { return false };
    let authz = Authz { rules: vec![rule], ..Authz::default() };
    problems_of(&policy("a/a".to_owned(), &authz, Stage::Enforce, 0, &Mesh::default())).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_shown() {
        let of = |field: &str, code, written| cure(code, &format!("rules[0].{field}[0]"), written);
        for (field, code, written, help) in [
            ("to[0].operation.grpc", PolicyCode::Grpc, "/pay.v1.Payments/*", Some("write `pay.v1.Payments/*`")),
            (
                "to[0].operation.grpc",
                PolicyCode::Grpc,
                "pay.v1.Payments",
                Some("write `pay.v1.Payments/*` for every method of the service"),
            ),
            ("to[0].operation.grpc", PolicyCode::Grpc, "/pay v1/Get", None),
            (
                "to[0].operation.paths",
                PolicyCode::Wildcard,
                "/orders/**",
                Some("write `/orders/{**}`: `{*}` is one segment, `{**}` any number of them"),
            ),
            (
                "to[0].operation.notPaths",
                PolicyCode::Wildcard,
                "/orders/*/items",
                Some("write `/orders/{*}/items`: `{*}` is one segment, `{**}` any number of them"),
            ),
            ("to[0].operation.paths", PolicyCode::Wildcard, "/a*b", None),
            ("to[0].operation.methods", PolicyCode::Wildcard, "G*T", None),
            (
                "from[0].source.serviceAccounts",
                PolicyCode::ServiceAccount,
                "apps/*",
                Some("write `namespaces: [apps]` for every service account there"),
            ),
            (
                "from[0].source.notServiceAccounts",
                PolicyCode::ServiceAccount,
                "apps/*",
                Some("write `notNamespaces: [apps]` for every service account there"),
            ),
            (
                "from[0].source.serviceAccounts",
                PolicyCode::ServiceAccount,
                "*",
                Some("write `principals: [\"*\"]` for every caller with an identity"),
            ),
            ("from[0].source.serviceAccounts", PolicyCode::ServiceAccount, "a*/b", None),
        ] {
            assert_eq!(of(field, code, written).as_deref(), help, "{field}: {written}");
        }
    }
}
