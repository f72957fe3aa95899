//! Why: for each rule, the first of its parts that a request did not fulfil.

use sallyport_core::Engine;
use sallyport_core::authz::explain::Explanation;
use sallyport_core::flow::Properties;
use sallyport_core::policy::key::{Topic, WrittenKey};
use sallyport_core::request::is_grpc_call;
use sallyport_core::wire::{Action, Rule};
use serde_json::Value;

use super::{Caller, Request, Scenario};
use crate::model::Egress;

/// What one rule made of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleTrace {
    /// The rule.
    pub id: String,
    /// What its match means.
    pub action: Action,
    /// False in shadow mode.
    pub enforced: bool,
    /// The first part that did not hold; none if the rule matched.
    pub failed: Option<FailedPart>,
}

/// A part of a rule that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedPart {
    /// Its place in the Egress file: `spec.authz.rules[3].to[0].operation.methods`.
    pub path: String,
    /// What the request has there: `the method is DELETE`.
    pub found: String,
}

impl Scenario {
    /// What each rule makes of the request, in file order; nothing if it is refused before any rule is evaluated.
    #[must_use]
    pub fn trace(&self, engine: &Engine, egress: &Egress) -> Vec<RuleTrace> {
        let Ok(received) = self.received(egress) else { return Vec::new() };
        received.with_explanation(engine, |explanation| {
            let rules = explanation.rules.iter().zip(&egress.spec.authz.rules);
            let trace = rules.map(|(explained, rule)| RuleTrace {
                id: explained.id.to_owned(),
                action: explained.action,
                enforced: explained.enforced,
                failed: first_failure(&explained.failed).map(|path| received.failed_part(path, rule)),
            });
            trace.collect()
        })
    }

    /// Lets the engine explain the request, as the filter gets it.
    pub(crate) fn with_explanation<T>(&self, engine: &Engine, read: impl FnOnce(&Explanation<'_, '_>) -> T) -> T {
        let sent = self.headers(engine);
        let headers: Vec<(&[u8], &[u8])> = sent.iter().map(|(name, value)| (name.as_bytes(), &**value)).collect();
        let mut properties = Properties::default();
        self.caller.look_up(engine.needs(), &mut properties);
        read(&engine.explain(&properties.view(&headers)))
    }

    fn failed_part(&self, path: &str, rule: &Rule) -> FailedPart {
        let field = path.rsplit('.').next().unwrap_or(path);
        let condition = field.strip_prefix("when[").and_then(|rest| rest.strip_suffix(']'));
        let condition = condition.and_then(|index| rule.when.as_ref()?.get(index.parse::<usize>().ok()?));
        let found = match condition {
            Some(condition) => self.found_for_key(&condition.key),
            None => self.found_for_field(field),
        };
        FailedPart { path: format!("spec.authz.{path}"), found }
    }

    /// What the request has where a field of a source or an operation looks.
    fn found_for_field(&self, field: &str) -> String {
        let Self { caller, request } = self;
        let positive = field.strip_prefix("not").map_or_else(|| field.to_owned(), lower_first);
        match positive.as_str() {
            "requestPrincipals" => of_token(caller),
            "ipBlocks" | "remoteIpBlocks" => of_address(caller),
            "hosts" => format!("the host is {}", request.authority.escape_ascii()),
            "ports" => of_port(caller),
            "methods" => format!("the method is {}", request.method.escape_ascii()),
            "paths" | "pathRegex" => format!("the path is {}", without_query(request)),
            "grpc" => found_for_call(request),
            _ => of_identity(caller),
        }
    }

    fn found_for_key(&self, text: &str) -> String {
        let Some(written) = WrittenKey::read(text) else { return String::new() };
        let Self { caller, request } = self;
        match written.key.topic {
            Topic::Header => {
                let name = written.header().unwrap_or_default();
                let lines = request.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
                let values: Vec<_> = lines.map(|(_, value)| value.escape_ascii().to_string()).collect();
                if values.is_empty() {
                    format!("there is no header {name}")
                } else {
                    format!("{name} is {}", values.join(" and "))
                }
            }
            Topic::QueryParameter => found_for_parameter(request, written.names.first().copied().unwrap_or_default()),
            Topic::Caller => of_identity(caller),
            Topic::Token => of_claims(caller, &written),
            Topic::PacketAddress | Topic::RemoteAddress => of_address(caller),
            Topic::Connection if written.key.is_port() => of_port(caller),
            Topic::Connection => format!(
                "the server name is {}, the TLS version {}",
                caller.server_name.as_deref().unwrap_or("none"),
                caller.tls_version.as_deref().unwrap_or("none")
            ),
            Topic::Metadata => match written.names.first().and_then(|filter| caller.metadata.get(*filter)) {
                Some(said) => format!("the filter says {}", Value::Object(said.clone())),
                None => "the filter says nothing".to_owned(),
            },
        }
    }
}

/// The first thing that makes a request another one than a gRPC call that a rule names.
fn found_for_call(request: &Request) -> String {
    let named: Vec<_> = request.headers.iter().filter(|(name, _)| name == "content-type").collect();
    let mut pairs: Vec<(&[u8], &[u8])> = vec![(b":method", &request.method)];
    pairs.extend(named.iter().map(|(name, value)| (name.as_bytes(), value.as_slice())));
    if request.method != b"POST" {
        format!("the method is {}, and a gRPC call is a POST", request.method.escape_ascii())
    } else if is_grpc_call(&pairs) {
        format!("the call is {}", without_query(request))
    } else if named.is_empty() {
        "there is no content-type, and that of a gRPC call is application/grpc".to_owned()
    } else {
        let values: Vec<_> = named.iter().map(|(_, value)| value.escape_ascii().to_string()).collect();
        format!("the content-type is {}, and that of a gRPC call is application/grpc", values.join(" and "))
    }
}

fn found_for_parameter(request: &Request, name: &str) -> String {
    let Some(query) = request.path.splitn(2, |byte| *byte == b'?').nth(1).filter(|query| !query.is_empty()) else {
        return "there is no query".to_owned();
    };
    let of_name = |pair: &&[u8]| pair.split(|byte| *byte == b'=').next() == Some(name.as_bytes());
    let values: Vec<_> = query
        .split(|byte| *byte == b'&')
        .filter(of_name)
        .map(|pair| pair.splitn(2, |byte| *byte == b'=').nth(1).unwrap_or_default())
        .collect();
    match values.as_slice() {
        [] => format!("the query is {}, without the parameter {name}", query.escape_ascii()),
        values if values.iter().all(|value| value.is_empty()) => format!("the query parameter {name} is empty"),
        values => {
            let values: Vec<_> = values.iter().map(|value| value.escape_ascii().to_string()).collect();
            format!("the query parameter {name} is {}", values.join(" and "))
        }
    }
}

/// The first failure that matters: of several alternatives, that of the one that nearly held.
pub(crate) fn first_failure(failed: &[String]) -> Option<&str> {
    // `rules[1].to[0].operation.methods`: the alternative is `to[0]`, the section `to`.
    let alternative = |path: &'_ str| path.split('.').nth(1).unwrap_or_default().to_owned();
    let section = |path: &str| alternative(path).split('[').next().unwrap_or_default().to_owned();
    let first = section(failed.first()?);
    let of_section = || failed.iter().filter(|path| section(path) == first);
    let failures = |path: &str| of_section().filter(|other| alternative(other) == alternative(path)).count();
    of_section().min_by_key(|path| failures(path)).map(String::as_str)
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| format!("{}{}", first.to_ascii_lowercase(), characters.as_str()))
}

fn without_query(request: &Request) -> String {
    request.path.split(|byte| *byte == b'?').next().unwrap_or_default().escape_ascii().to_string()
}

fn of_identity(caller: &Caller) -> String {
    match caller.principal() {
        Some(principal) => format!("the caller is {principal}"),
        None if caller.certificate.is_none() => "the caller has no certificate".to_owned(),
        None => "the caller's certificate has no single SPIFFE name".to_owned(),
    }
}

fn of_address(caller: &Caller) -> String {
    caller.address.map_or_else(|| "the address is unknown".to_owned(), |address| format!("the address is {address}"))
}

fn of_port(caller: &Caller) -> String {
    caller.gateway.map_or_else(|| "the port is unknown".to_owned(), |gateway| format!("the port is {}", gateway.port()))
}

fn of_token(caller: &Caller) -> String {
    let Some(token) = &caller.token else { return "there is no verified token".to_owned() };
    let claim = |name: &str| token.get(name).and_then(Value::as_str).unwrap_or_default();
    format!("the token's principal is {}/{}", claim("iss"), claim("sub"))
}

fn of_claims(caller: &Caller, written: &WrittenKey<'_>) -> String {
    let Some(token) = &caller.token else { return "there is no verified token".to_owned() };
    let claim = written.names.iter().try_fold(None::<&Value>, |inner, name| match inner {
        None => token.get(*name).map(Some),
        Some(value) => value.get(name).map(Some),
    });
    match (written.names.is_empty(), claim) {
        (true, _) => format!("the token is {}", Value::Object(token.clone())),
        (false, Some(Some(value))) => format!("the claim is {value}"),
        (false, _) => format!("the token has no claim {}", written.names.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Request, first_failure, found_for_call, found_for_parameter};

    #[test]
    fn a_call_and_a_parameter_are_what_is_wrong_with_them() {
        let call = |method: &str, types: &[&str]| {
            let request = Request::new(method, "a", "/p.S/M?q");
            found_for_call(&types.iter().fold(request, |request, value| request.with("content-type", value.as_bytes())))
        };
        assert_eq!(call("POST", &["application/grpc+proto"]), "the call is /p.S/M");
        assert_eq!(call("GET", &["application/grpc"]), "the method is GET, and a gRPC call is a POST");
        assert_eq!(
            call("POST", &["text/plain"]),
            "the content-type is text/plain, and that of a gRPC call is application/grpc"
        );
        assert_eq!(call("POST", &[]), "there is no content-type, and that of a gRPC call is application/grpc");
        let parameter = |path: &str| found_for_parameter(&Request::new("GET", "a", path), "a");
        assert_eq!(parameter("/x"), "there is no query");
        assert_eq!(parameter("/x?"), "there is no query");
        assert_eq!(parameter("/x?ab=1"), "the query is ab=1, without the parameter a");
        assert_eq!(parameter("/x?a=&b"), "the query parameter a is empty");
        assert_eq!(parameter("/x?a=1=2&a=3"), "the query parameter a is 1=2 and 3");
    }

    #[test]
    fn of_several_alternatives_the_nearest_counts() {
        let paths = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>();
        let failed = paths(&[
            "rules[1].to[0].operation.methods",
            "rules[1].to[0].operation.paths",
            "rules[1].to[1].operation.methods",
            "rules[1].when[0]",
        ]);
        assert_eq!(first_failure(&failed), Some("rules[1].to[1].operation.methods"));
        assert_eq!(first_failure(&paths(&["rules[1].when[2]"])), Some("rules[1].when[2]"));
        assert_eq!(first_failure(&[]), None);
    }
}
