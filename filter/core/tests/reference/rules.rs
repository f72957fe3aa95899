//! Whether a rule matches.

use super::facts::{Facts, header_name};
use super::{metadata, path};
use sallyport_core::policy::source::{
    ActionSource, ConditionSource, FromSource, OperationSource, PolicySource, QuantifierSource, RuleSource,
    SourceSource,
};
use std::net::IpAddr;

pub fn matches(policy: &PolicySource, rule: &RuleSource, facts: &Facts) -> bool {
    let from = rule
        .from
        .as_ref()
        .is_none_or(|from| from.iter().any(|entry| source_holds(policy, rule.action, &entry.source, facts)));
    let to =
        rule.to.as_ref().is_none_or(|to| to.iter().any(|entry| operation_holds(rule.action, &entry.operation, facts)));
    let when = rule.when.iter().flatten().all(|condition| condition_holds(policy, rule.action, condition, facts));
    from && to && when
}

/// A field and its twin, on an attribute that may be missing.
struct Field<'a> {
    values: &'a Option<Vec<String>>,
    not_values: &'a Option<Vec<String>>,
    /// Whether a missing attribute defeats the negative twin too.
    strict: bool,
}

impl Field<'_> {
    fn holds<T>(&self, attribute: Option<&T>, matches: impl Fn(&str, &T) -> bool) -> bool {
        let some_match = |values: &[String], attribute: &T| values.iter().any(|value| matches(value, attribute));
        let positive = match (self.values, attribute) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(values), Some(attribute)) => some_match(values, attribute),
        };
        let negative = match (self.not_values, attribute) {
            (None, _) => true,
            (Some(_), None) => !self.strict,
            (Some(values), Some(attribute)) => !some_match(values, attribute),
        };
        positive && negative
    }
}

fn source_holds(policy: &PolicySource, action: ActionSource, source: &SourceSource, facts: &Facts) -> bool {
    let field = |values, not_values| Field { values, not_values, strict: action == ActionSource::Allow };
    let attributes = Attributes::of(policy, facts);
    let any_name = |pattern: &str, names: &Vec<String>| {
        let miscalled = facts.identity.as_ref().is_some_and(|identity| identity.is_miscalled(policy, pattern));
        !miscalled && any_string(pattern, names)
    };
    field(&source.principals, &source.not_principals).holds(attributes.principals.as_ref(), any_name)
        && field(&source.request_principals, &source.not_request_principals)
            .holds(attributes.request_principal.as_ref(), any_string)
        && field(&source.namespaces, &source.not_namespaces).holds(attributes.namespace.as_ref(), any_string)
        && field(&source.service_accounts, &source.not_service_accounts)
            .holds(attributes.account.as_ref(), |value, account| account_matches(policy, value, account))
        && field(&source.trust_domains, &source.not_trust_domains).holds(attributes.trust_domains.as_ref(), any_name)
        && field(&source.ip_blocks, &source.not_ip_blocks).holds(facts.source_ip.as_ref(), block_contains)
        && field(&source.remote_ip_blocks, &source.not_remote_ip_blocks).holds(facts.remote_ip.as_ref(), block_contains)
}

fn operation_holds(action: ActionSource, operation: &OperationSource, facts: &Facts) -> bool {
    let field = |values, not_values| Field { values, not_values, strict: false };
    let strict = |values, not_values| Field { values, not_values, strict: action == ActionSource::Allow };
    let port = facts.destination.map(|destination| destination.port());
    field(&operation.hosts, &operation.not_hosts).holds(Some(facts), host_matches)
        && strict(&operation.ports, &operation.not_ports).holds(port.as_ref(), port_matches)
        && field(&operation.methods, &operation.not_methods).holds(Some(&facts.method), |value, method| {
            string_matches(value.to_ascii_uppercase().as_bytes(), method.as_bytes())
        })
        && field(&operation.paths, &operation.not_paths)
            .holds(Some(&facts.path), |value, path| path::pattern_matches(value, path))
        && field(&operation.path_regex, &operation.not_path_regex)
            .holds(Some(&facts.path), |value, path| regex_matches(value, path))
        && field(&operation.grpc, &operation.not_grpc).holds(facts.grpc.as_ref(), grpc_matches)
}

/// What fields and conditions look at. A list holds the names of one thing: a match of any is a match.
struct Attributes {
    principals: Option<Vec<String>>,
    trust_domains: Option<Vec<String>>,
    account: Option<(String, String)>,
    namespace: Option<Vec<String>>,
    request_principal: Option<Vec<String>>,
}

impl Attributes {
    fn of(policy: &PolicySource, facts: &Facts) -> Self {
        let identity = facts.identity.as_ref();
        let account = identity.and_then(super::facts::Identity::account);
        let text = |name| facts.token.as_ref().and_then(|token| metadata::string_claim(token, name));
        let claim = |name| text(name).filter(|text| !text.is_empty());
        Self {
            principals: identity.map(|identity| identity.principals(policy)),
            trust_domains: identity.map(|identity| identity.domain_names(policy)),
            namespace: account.as_ref().map(|(namespace, _)| vec![namespace.clone()]),
            account,
            request_principal: claim("iss").zip(claim("sub")).map(|(iss, sub)| vec![format!("{iss}/{sub}")]),
        }
    }
}

fn condition_holds(policy: &PolicySource, action: ActionSource, condition: &ConditionSource, facts: &Facts) -> bool {
    let key = condition.key.as_str();
    if let Some(name) = header_name(key) {
        let lines = facts.headers.iter().filter(|(other, _)| *other == name).map(|(_, value)| value.clone());
        return repeated_holds(action, condition, lines.collect(), true);
    }
    if let Some(name) = bracketed(key, "request.query") {
        let values = facts.query.iter().filter(|(other, _)| *other == name.as_bytes()).map(|(_, value)| value.clone());
        return repeated_holds(action, condition, values.collect(), false);
    }
    let of = |strict| Field { values: &condition.values, not_values: &condition.not_values, strict };
    let strict = of(action == ActionSource::Allow);
    let lenient = of(false);
    let attributes = Attributes::of(policy, facts);
    let any_name = |pattern: &str, names: &Vec<String>| {
        let miscalled = facts.identity.as_ref().is_some_and(|identity| identity.is_miscalled(policy, pattern));
        !miscalled && any_string(pattern, names)
    };
    let claim = |names: &[&str]| facts.token.as_ref().and_then(|token| metadata::claim(token, names));
    match key {
        "source.ip" => strict.holds(facts.source_ip.as_ref(), block_contains),
        "remote.ip" => strict.holds(facts.remote_ip.as_ref(), block_contains),
        "source.namespace" => strict.holds(attributes.namespace.as_ref(), any_string),
        "source.serviceAccount" => {
            strict.holds(attributes.account.as_ref(), |value, account| account_matches(policy, value, account))
        }
        "source.trustDomain" => strict.holds(attributes.trust_domains.as_ref(), any_name),
        "source.principal" => strict.holds(attributes.principals.as_ref(), any_name),
        "request.auth.principal" => strict.holds(attributes.request_principal.as_ref(), any_string),
        "request.auth.audiences" => strict.holds(claim(&["aud"]).as_ref(), any_string),
        "request.auth.presenter" => strict.holds(claim(&["azp"]).as_ref(), any_string),
        "destination.ip" => strict.holds(facts.destination.map(|to| to.ip()).as_ref(), block_contains),
        "destination.port" => strict.holds(facts.destination.map(|to| to.port()).as_ref(), port_matches),
        "connection.sni" => lenient.holds(facts.sni.as_ref(), |value, sni| string_matches(value.as_bytes(), sni)),
        _ => {
            if let Some(names) = key.strip_prefix("request.auth.claims") {
                let names: Vec<&str> = names.trim_matches(['[', ']']).split("][").collect();
                return strict.holds(claim(&names).as_ref(), any_string);
            }
            let Some((filter, name)) = key.strip_prefix("experimental.").and_then(|rest| rest.split_once('[')) else {
                panic!("the reference does not know the key `{key}`");
            };
            lenient.holds(facts.metadata.get(filter, name.trim_end_matches(']')).as_ref(), any_string)
        }
    }
}

/// A condition on something that a request may carry more than once.
fn repeated_holds(action: ActionSource, condition: &ConditionSource, lines: Vec<Vec<u8>>, is_header: bool) -> bool {
    let has_positive = condition.values.is_some() || condition.regex.is_some();
    if lines.is_empty() {
        return !has_positive;
    }
    let default = if action == ActionSource::Allow { QuantifierSource::All } else { QuantifierSource::Any };
    match condition.quantifier.unwrap_or(default) {
        QuantifierSource::All => lines.iter().all(|line| satisfies(condition, line)),
        QuantifierSource::Any => {
            let mut occurrences = lines.clone();
            if has_positive && is_header {
                for line in &lines {
                    for element in line.split(|byte| *byte == b',') {
                        occurrences.push(trim_blanks(element).to_vec());
                    }
                }
            }
            occurrences.iter().any(|occurrence| satisfies(condition, occurrence))
        }
    }
}

fn satisfies(condition: &ConditionSource, value: &[u8]) -> bool {
    let string = |patterns: &Option<Vec<String>>| {
        patterns.iter().flatten().any(|pattern| string_matches(pattern.as_bytes(), value))
    };
    let regex = |patterns: &Option<Vec<String>>| patterns.iter().flatten().any(|pattern| regex_matches(pattern, value));
    let unconditional = condition.values.is_none() && condition.regex.is_none();
    (unconditional || string(&condition.values) || regex(&condition.regex))
        && !string(&condition.not_values)
        && !regex(&condition.not_regex)
}

fn trim_blanks(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// `exact`, `prefix*`, `*suffix`, `*`.
pub fn string_matches(pattern: &[u8], value: &[u8]) -> bool {
    match pattern {
        b"*" => !value.is_empty(),
        [b'*', suffix @ ..] => value.ends_with(suffix),
        [prefix @ .., b'*'] => value.starts_with(prefix),
        exact => value == exact,
    }
}

#[expect(clippy::ptr_arg, reason = "the signature `Field::holds` wants")]
fn any_string(pattern: &str, names: &Vec<String>) -> bool {
    names.iter().any(|name| string_matches(pattern.as_bytes(), name.as_bytes()))
}

fn regex_matches(pattern: &str, value: &[u8]) -> bool {
    let latin1: String = value.iter().copied().map(char::from).collect();
    regex_lite::Regex::new(&format!(r"\A(?:{pattern})\z")).is_ok_and(|regex| regex.is_match(&latin1))
}

/// `NAMESPACE/ACCOUNT`, or `ACCOUNT` in the namespace of the Egress.
fn account_matches(policy: &PolicySource, value: &str, account: &(String, String)) -> bool {
    let own_namespace = policy.upstream.split('/').next().unwrap_or_default();
    let (namespace, name) = value.split_once('/').unwrap_or((own_namespace, value));
    account.0 == namespace && account.1 == name
}

fn block_contains(block: &str, address: &IpAddr) -> bool {
    let bits = |address: IpAddr| -> Vec<bool> {
        let octets = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        octets.iter().flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1 == 1)).collect()
    };
    let (base, length) = block.split_once('/').map_or((block, None), |(base, length)| (base, Some(length)));
    let (Ok(base), address) = (base.parse::<IpAddr>(), address.to_canonical()) else {
        return false;
    };
    let (base, address) = (bits(base), bits(address));
    let length = length.map_or(base.len(), |length| length.parse().unwrap_or(usize::MAX));
    base.len() == address.len() && base.iter().zip(&address).take(length).all(|(left, right)| left == right)
}

fn port_matches(value: &str, port: &u16) -> bool {
    value.parse() == Ok(*port)
}

fn host_matches(pattern: &str, facts: &Facts) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    let name_end = pattern.find(']').map_or(0, |at| at + 1);
    let (name, port) = match pattern[name_end..].find(':') {
        Some(colon) => (&pattern[..name_end + colon], &pattern[name_end + colon + 1..]),
        None => (pattern.as_str(), "*"),
    };
    let port_holds = port == "*" || facts.host_port.is_some_and(|found| port.parse() == Ok(found));
    port_holds && string_matches(name.as_bytes(), facts.host.as_bytes())
}

/// `*` is any call; else the path is `/SERVICE/METHOD`.
#[expect(clippy::ptr_arg, reason = "the signature `Field::holds` wants")]
fn grpc_matches(pattern: &str, path: &String) -> bool {
    let call = path.strip_prefix('/').and_then(|path| path.split_once('/'));
    match (pattern.split_once('/'), call) {
        (None, _) => pattern == "*",
        (Some(_), None) => false,
        (Some((service, "*")), Some(call)) => call.0 == service && !call.1.is_empty() && !call.1.contains('/'),
        (Some(exact), Some(call)) => call == exact,
    }
}

/// Whether any field or condition of the rule is about a certificate's identity.
pub fn asks_for_certificate(rule: &RuleSource) -> bool {
    let keys = ["source.principal", "source.namespace", "source.serviceAccount", "source.trustDomain"];
    rule.from.iter().flatten().any(|entry| source_asks_for_certificate(&entry.source))
        || rule.when.iter().flatten().any(|condition| keys.contains(&condition.key.as_str()))
}

/// Whether any field or condition of the rule is about a token.
pub fn asks_for_token(rule: &RuleSource) -> bool {
    rule.from
        .iter()
        .flatten()
        .any(|FromSource { source }| source.request_principals.is_some() || source.not_request_principals.is_some())
        || rule.when.iter().flatten().any(|condition| condition.key.starts_with("request.auth."))
}

fn source_asks_for_certificate(source: &SourceSource) -> bool {
    let fields = [
        &source.principals,
        &source.not_principals,
        &source.namespaces,
        &source.not_namespaces,
        &source.service_accounts,
        &source.not_service_accounts,
        &source.trust_domains,
        &source.not_trust_domains,
    ];
    fields.iter().any(|field| field.is_some())
}

fn bracketed<'a>(key: &'a str, what: &str) -> Option<&'a str> {
    key.strip_prefix(what)?.strip_prefix('[')?.strip_suffix(']')
}
