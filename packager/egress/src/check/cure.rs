//! What to write instead of a value of a rule, where the mistake shows what was meant. It is shown only if the core accepts
//! it.

mod key;

use super::problems::problems_of;
use crate::diagnostic::Diagnostic;
use crate::model::{Authz, Mesh};
use crate::policy::policy;
use crate::value::foreign_path::{self, Meant};
use crate::wording::{NO_VARIABLES, has_variable, quoted};
use sallyport_core::PolicyCode;
use sallyport_core::dns::{is_label, is_subdomain};
use sallyport_core::wire::{Reader, Rule, Stage};
use serde_json::json;

/// Replaces what the core says of a text by what is known here.
pub(super) fn mend(diagnostic: &mut Diagnostic, code: PolicyCode, path: &str, written: &str) {
    if has_variable(written) {
        let (message, help) = NO_VARIABLES;
        diagnostic.message = format!("{} {message}", quoted(written));
        diagnostic.help = Some(help.to_owned());
    } else if code == PolicyCode::ConditionKey {
        diagnostic.help = key::cure(written).or(diagnostic.help.take());
    } else if let Some(Cure { message, help }) = cure(code, path, written) {
        diagnostic.help = Some(help);
        if let Some(message) = message {
            diagnostic.message = message;
        }
    }
}

/// What to write instead, and what is wrong, if it is something else than the core found.
struct Cure {
    message: Option<String>,
    help: String,
}

impl From<String> for Cure {
    fn from(help: String) -> Self {
        Self { message: None, help }
    }
}

/// The trust domain of a SPIFFE ID, or the same in lower case.
fn trust_domain(written: &str) -> Option<String> {
    let id = written.strip_prefix("spiffe://");
    let domain = id.unwrap_or(written).split('/').next()?.to_ascii_lowercase();
    let why = if id.is_some() { ": it has no scheme" } else { "" };
    (is_subdomain(&domain) && domain != written).then(|| format!("write {}{why}", quoted(&domain)))
}

/// For the value at a path such as `rules[3].to[0].operation.paths[1]`.
fn cure(code: PolicyCode, path: &str, written: &str) -> Option<Cure> {
    if code == PolicyCode::TrustDomain {
        return trust_domain(written).map(Cure::from);
    }
    let list = path.rsplit_once('[')?.0;
    let field = list.rsplit_once('.').map_or(list, |(_, field)| field);
    match code {
        PolicyCode::Grpc => {
            let call = grpc(written).filter(|call| is_right(field, call))?;
            let every =
                if written.trim_start_matches('/').contains('/') { "" } else { " for every method of the service" };
            Some(format!("write {}{every}", quoted(&call)).into())
        }
        PolicyCode::Wildcard | PolicyCode::PathTemplate | PolicyCode::Path => of_path(code, field, written),
        PolicyCode::ServiceAccount => accounts(field, written).map(Cure::from),
        PolicyCode::Principal | PolicyCode::Namespace => callers(code, field, written).map(Cure::from),
        _ => None,
    }
}

/// A path in the notation of another tool.
fn of_path(code: PolicyCode, field: &str, written: &str) -> Option<Cure> {
    let (problem, meant) = foreign_path::meant(written)?;
    let message = || format!("the path {} {problem}", quoted(written));
    match meant {
        Meant::Path(path) => {
            let path = Some(path).filter(|path| is_right(field, path))?;
            let what = match (path.contains("{*}"), path.contains("{**}")) {
                (true, false) => ": `{*}` is one segment",
                (false, true) => ": `{**}` is any number of segments",
                (true, true) => ": `{*}` is one segment, `{**}` any number of them",
                (false, false) => "",
            };
            let message = (code == PolicyCode::Path).then(message);
            Some(Cure { message, help: format!("write {}{what}", quoted(&path)) })
        }
        Meant::Regex(regex) => {
            let field = match field {
                "paths" => "pathRegex",
                "notPaths" => "notPathRegex",
                _ => return None,
            };
            let regex = Some(regex).filter(|regex| is_right(field, regex))?;
            let quote = if regex.contains('\\') { '\'' } else { '"' };
            let shown = quoted(&regex);
            let help =
                format!("write `{field}: [{quote}{}{quote}]`: it matches the whole path", shown.trim_matches('`'));
            Some(Cure { message: Some(message()), help })
        }
    }
}

/// A gRPC method as the path that it has on the wire, or a service without a method.
fn grpc(written: &str) -> Option<String> {
    let call = written.strip_prefix('/').unwrap_or(written);
    let call = if call.contains('/') { call.to_owned() } else { format!("{call}/*") };
    (call != written).then_some(call)
}

/// The field for other callers that means as much as the one that is written: its `not` twin if that is one.
fn twin(written: &str, field: &str) -> String {
    let not = || written.strip_prefix("not")?.starts_with(|c: char| c.is_ascii_uppercase()).then_some("not");
    let (first, rest) = field.split_at(field.len().min(1));
    not().map_or_else(|| field.to_owned(), |not| format!("{not}{}{rest}", first.to_ascii_uppercase()))
}

/// Every service account of a namespace, or every one.
fn accounts(field: &str, written: &str) -> Option<String> {
    let principals = || twin(field, "principals");
    if written == "*" {
        return Some(format!("write `{}: [\"*\"]` for every caller with an identity", principals()));
    }
    if let Some(account) = account(written) {
        return Some(format!("write {}", quoted(&account)));
    }
    if let Some(account) = written.strip_prefix("*/").filter(|account| is_subdomain(account)) {
        return Some(format!("write `{}: [\"*/sa/{account}\"]` for this account of every namespace", principals()));
    }
    let namespace = written.strip_suffix("/*").filter(|namespace| is_label(namespace))?;
    Some(format!("write `{}: [{namespace}]` for every service account there", twin(field, "namespaces")))
}

/// `NAMESPACE/ACCOUNT`, of a service account in the words of SPIFFE, of Kubernetes' users, or in another case.
fn account(written: &str) -> Option<String> {
    let parts: Vec<&str> = match written.strip_prefix("system:serviceaccount:") {
        Some(rest) => rest.split(':').collect(),
        None if !written.contains('/') => written.split(':').collect(),
        None => written.strip_prefix("spiffe://").unwrap_or(written).split('/').collect(),
    };
    let (namespace, account) = match parts.as_slice() {
        [namespace, account] | [_, "ns", namespace, "sa", account] | ["ns", namespace, "sa", account] => {
            (namespace.to_ascii_lowercase(), account.to_ascii_lowercase())
        }
        _ => return None,
    };
    (is_label(&namespace) && is_subdomain(&account)).then(|| format!("{namespace}/{account}"))
}

/// A caller in a field that is for another name of it.
fn callers(code: PolicyCode, field: &str, written: &str) -> Option<String> {
    if let (PolicyCode::Namespace, Some(namespace)) = (code, written.strip_suffix("/*").filter(|name| is_label(name))) {
        return Some(format!("write {}", quoted(namespace)));
    }
    if code == PolicyCode::Principal && is_label(written) {
        let (accounts, namespaces) = (twin(field, "serviceAccounts"), twin(field, "namespaces"));
        return Some(format!(
            "write `{accounts}: [NAMESPACE/{written}]` if it is a service account, `{namespaces}: [{written}]` for every \
             caller of that namespace"
        ));
    }
    if code == PolicyCode::Principal && !written.starts_with("system:") {
        return None;
    }
    account(written).map(|account| format!("write `{}: [{account}]`", twin(field, "serviceAccounts")))
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
        let of =
            |field: &str, code, written| cure(code, &format!("rules[0].{field}[0]"), written).map(|cure| cure.help);
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
                Some("write `/orders/{**}`: `{**}` is any number of segments"),
            ),
            (
                "to[0].operation.notPaths",
                PolicyCode::Wildcard,
                "/orders/*/items",
                Some("write `/orders/{*}/items`: `{*}` is one segment"),
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
