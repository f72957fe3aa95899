//! Whether a rule matches.

use super::facts::{Facts, header_name};
use super::{metadata, path};
use sallyport_core::wire;
use std::net::IpAddr;

pub fn matches(policy: &wire::Policy, rule: &wire::Rule, facts: &Facts) -> bool {
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
    action: wire::Action,
    /// Whether a missing attribute is nothing out of the ordinary.
    optional: bool,
}

impl Field<'_> {
    fn holds<T>(&self, attribute: Option<&T>, matches: impl Fn(&str, &T) -> bool) -> bool {
        self.holds_also(attribute, &[], matches)
    }

    /// `others`: readings that a rule which refuses looks at, too.
    fn holds_also<T>(&self, attribute: Option<&T>, others: &[T], matches: impl Fn(&str, &T) -> bool) -> bool {
        self.holds_by(attribute.is_some(), |value, restrictive| {
            attribute.is_some_and(|attribute| matches(value, attribute))
                || (restrictive && others.iter().any(|other| matches(value, other)))
        })
    }

    /// On the identity for what permits, on all names for what restricts.
    fn holds_names(
        &self,
        identity: Option<&String>,
        names: &[String],
        matches: impl Fn(&str, &str, bool) -> bool,
    ) -> bool {
        self.holds_by(identity.is_some(), |value, restrictive| {
            identity.is_some_and(|identity| matches(value, identity, restrictive))
                || (restrictive && names.iter().any(|name| matches(value, name, true)))
        })
    }

    /// `matches` is told whether the use is restrictive: `values` in DENY and AUDIT, `notValues` in ALLOW.
    fn holds_by(&self, is_there: bool, matches: impl Fn(&str, bool) -> bool) -> bool {
        let allows = self.action == wire::Action::Allow;
        let some_match = |values: &[String], restrictive| values.iter().any(|value| matches(value, restrictive));
        let positive = self.values.as_ref().is_none_or(|values| some_match(values, !allows));
        let negative = self.not_values.as_ref().is_none_or(|values| {
            let may_be_missing = self.optional || !allows;
            !some_match(values, allows) && (is_there || may_be_missing)
        });
        positive && negative
    }
}

fn source_holds(policy: &wire::Policy, action: wire::Action, source: &wire::Source, facts: &Facts) -> bool {
    let field = |values, not_values| Field { values, not_values, action, optional: false };
    let attributes = Attributes::of(facts);
    let names = Others::of(facts);
    let principal = |value: &str, name: &str, restrictive| principal_matches(policy, value, name, restrictive);
    let trust_domain = |value: &str, name: &str, restrictive| trust_domain_matches(policy, value, name, restrictive);
    field(&source.principals, &source.not_principals).holds_names(
        attributes.principal.as_ref(),
        &names.principals,
        principal,
    ) && field(&source.request_principals, &source.not_request_principals)
        .holds(attributes.request_principal.as_ref(), request_principal_matches)
        && field(&source.namespaces, &source.not_namespaces).holds_also(
            attributes.namespace.as_ref(),
            &names.namespaces,
            any_string,
        )
        && field(&source.service_accounts, &source.not_service_accounts).holds_also(
            attributes.account.as_ref(),
            &names.accounts,
            |value, account| account_matches(policy, value, account),
        )
        && field(&source.trust_domains, &source.not_trust_domains).holds_names(
            attributes.trust_domain.as_ref(),
            &names.trust_domains,
            trust_domain,
        )
        && field(&source.ip_blocks, &source.not_ip_blocks).holds(facts.source_ip.as_ref(), block_contains)
        && field(&source.remote_ip_blocks, &source.not_remote_ip_blocks).holds(facts.remote_ip.as_ref(), block_contains)
}

/// A field and its `not` twin.
type Twins<'a> = (&'a Option<Vec<String>>, &'a Option<Vec<String>>);

fn operation_holds(action: wire::Action, operation: &wire::Operation, facts: &Facts) -> bool {
    let field = |values, not_values| Field { values, not_values, action, optional: false };
    let port = facts.destination.map(|destination| destination.port());
    // A use that restricts needs one reading of the path that matches, one that permits needs all.
    let on_path = |restrictive: bool, test: &dyn Fn(&[u8]) -> bool| match restrictive {
        true => facts.paths.iter().any(|path| test(path)),
        false => facts.paths.iter().all(|path| test(path)),
    };
    let lists = |values: &Option<Vec<String>>, restrictive: bool, test: &dyn Fn(&str, &[u8]) -> bool| {
        on_path(restrictive, &|path| values.iter().flatten().any(|value| test(value, path)))
    };
    let on_paths = |(values, not_values): Twins<'_>, allows: bool, test: &dyn Fn(&str, &[u8], bool) -> bool| {
        (values.is_none() || lists(values, !allows, &|value, path| test(value, path, !allows)))
            && (not_values.is_none() || !lists(not_values, allows, &|value, path| test(value, path, allows)))
    };
    let grpc = |value: &str, path: &[u8], restrictive: bool| {
        (restrictive || facts.is_grpc) && grpc_matches(value, &String::from_utf8_lossy(path))
    };
    let upper = facts.method.to_ascii_uppercase();
    let method = |value: &str| string_matches(value.as_bytes(), facts.method.as_bytes());
    let same = |value: &str| string_matches(value.as_bytes(), upper.as_bytes());
    // Of a permissive use each reading must match one of the values, not necessarily the same.
    let methods = |values: &Option<Vec<String>>, restrictive: bool| {
        let any = |test: &dyn Fn(&str) -> bool| values.iter().flatten().any(|value| test(value));
        if restrictive { any(&method) || any(&same) } else { any(&method) && any(&same) }
    };
    let allows = action == wire::Action::Allow;
    (operation.methods.is_none() || methods(&operation.methods, !allows))
        && (operation.not_methods.is_none() || !methods(&operation.not_methods, allows))
        && host_holds(&operation.hosts, &operation.not_hosts, allows, facts)
        && field(&operation.ports, &operation.not_ports).holds(port.as_ref(), port_matches)
        && on_paths((&operation.paths, &operation.not_paths), allows, &|value, path, _| {
            path::pattern_matches(value, path)
        })
        && on_paths((&operation.path_regex, &operation.not_path_regex), allows, &|value, path, restrictive| {
            // To what restricts, a path has one more reading.
            regex_matches(value, path, restrictive)
                || (restrictive && regex_matches(value, &path::decoded(&facts.paths[0]), true))
        })
        && on_paths((&operation.grpc, &operation.not_grpc), allows, &grpc)
}

/// What Istio makes of a principal: one of five parts, of the mesh's trust domain or `cluster.local`, stands for each of
/// the mesh's names.
pub fn principals(policy: &wire::Policy, pattern: &str) -> Vec<String> {
    let own = super::facts::own_domains(policy);
    let parts: Vec<&str> = pattern.split('/').collect();
    let cut = |name: &String| parts[0].starts_with('*') && name.ends_with(&parts[0][1..]);
    let speaks_of_the_mesh = parts[0] == "cluster.local" || own.iter().any(|name| name == parts[0] || cut(name));
    if parts.len() != 5 || parts[0] == "*" || !speaks_of_the_mesh {
        return vec![pattern.to_owned()];
    }
    let renamed = |name: &String| format!("{name}/{}", parts[1..].join("/"));
    own.iter().map(|name| if cut(name) { pattern.to_owned() } else { renamed(name) }).collect()
}

/// The names by which a name of the mesh's own trust domain could be called, too.
fn renamed(policy: &wire::Policy, name: &str) -> Vec<String> {
    let (domain, path) = name.split_once('/').unwrap_or((name, ""));
    let mut own = super::facts::own_domains(policy);
    if !own.iter().any(|own| own == domain) {
        return vec![name.to_owned()];
    }
    own.push("cluster.local".to_owned());
    own.iter().map(|own| if path.is_empty() { own.clone() } else { format!("{own}/{path}") }).collect()
}

fn principal_matches(policy: &wire::Policy, pattern: &str, name: &str, restrictive: bool) -> bool {
    let is = |pattern: &str, name: &str| string_matches(pattern.as_bytes(), name.as_bytes());
    principals(policy, pattern).iter().any(|pattern| is(pattern, name))
        || (restrictive && (is(pattern, name) || renamed(policy, name).iter().any(|name| is(pattern, name))))
}

fn trust_domain_matches(policy: &wire::Policy, pattern: &str, domain: &str, restrictive: bool) -> bool {
    let own = super::facts::own_domains(policy);
    let is = |name: &str| string_matches(pattern.as_bytes(), name.as_bytes());
    let by_alias = own.iter().any(|own| own == pattern) && own.iter().any(|own| own == domain);
    is(domain) || by_alias || (restrictive && renamed(policy, domain).iter().any(|name| is(name)))
}

/// What the names of a certificate could be taken for.
#[derive(Default)]
struct Others {
    principals: Vec<String>,
    trust_domains: Vec<String>,
    namespaces: Vec<Vec<String>>,
    accounts: Vec<(String, String)>,
}

impl Others {
    fn of(facts: &Facts) -> Self {
        let mut others = Self::default();
        let identity = facts.identity.iter().map(super::facts::Identity::principal);
        for name in identity.chain(facts.other_names.clone()) {
            let parts: Vec<&str> = name.split('/').collect();
            others.trust_domains.push(parts[0].to_owned());
            for at in (0..parts.len().saturating_sub(1)).filter(|at| parts[*at] == "ns") {
                // A `*` of Istio's goes over slashes.
                for end in at + 2..parts.len().max(at + 3) {
                    others.namespaces.push(vec![parts[at + 1..end].join("/")]);
                }
                for behind in (at + 1..parts.len() - 1).filter(|behind| parts[*behind] == "sa") {
                    others.accounts.push((parts[at + 1].to_owned(), parts[behind + 1].to_owned()));
                }
            }
            others.principals.push(name);
        }
        others
    }
}

/// What fields and conditions look at. A list holds the names of one thing: a match of any is a match.
struct Attributes {
    principal: Option<String>,
    trust_domain: Option<String>,
    account: Option<(String, String)>,
    namespace: Option<Vec<String>>,
    request_principal: Option<(String, String)>,
}

impl Attributes {
    fn of(facts: &Facts) -> Self {
        let identity = facts.identity.as_ref();
        let account = identity.and_then(super::facts::Identity::account);
        let text = |name| facts.token.as_ref().and_then(|token| metadata::string_claim(token, name));
        let claim = |name| text(name).filter(|text| !text.is_empty());
        Self {
            principal: identity.map(super::facts::Identity::principal),
            trust_domain: identity.map(|identity| identity.trust_domain.clone()),
            namespace: account.as_ref().map(|(namespace, _)| vec![namespace.clone()]),
            account,
            request_principal: claim("iss").zip(claim("sub")),
        }
    }
}

fn condition_holds(policy: &wire::Policy, action: wire::Action, condition: &wire::Condition, facts: &Facts) -> bool {
    let key = condition.key.as_str();
    if let Some(name) = header_name(key) {
        let lines = facts.headers.iter().filter(|(other, _)| *other == name).map(|(_, value)| value.clone());
        return repeated_holds(action, condition, lines.collect(), Some(&name));
    }
    if let Some(name) = bracketed(key, "request.query") {
        let values = facts.query.iter().filter(|(other, _)| *other == name.as_bytes()).map(|(_, value)| value.clone());
        return repeated_holds(action, condition, values.collect(), None);
    }
    let of = |optional| Field { values: &condition.values, not_values: &condition.not_values, action, optional };
    let strict = of(false);
    let lenient = of(true);
    let attributes = Attributes::of(facts);
    let names = Others::of(facts);
    let claim = |names: &[&str], words| facts.token.as_ref().and_then(|token| metadata::claim(token, names, words));
    match key {
        "source.ip" => strict.holds(facts.source_ip.as_ref(), block_contains),
        "remote.ip" => strict.holds(facts.remote_ip.as_ref(), block_contains),
        "source.namespace" => strict.holds_also(attributes.namespace.as_ref(), &names.namespaces, any_string),
        "source.serviceAccount" => strict.holds_also(attributes.account.as_ref(), &names.accounts, |value, account| {
            account_matches(policy, value, account)
        }),
        "source.trustDomain" => {
            strict.holds_names(attributes.trust_domain.as_ref(), &names.trust_domains, |value, name, restrictive| {
                trust_domain_matches(policy, value, name, restrictive)
            })
        }
        "source.principal" => {
            strict.holds_names(attributes.principal.as_ref(), &names.principals, |value, name, restrictive| {
                principal_matches(policy, value, name, restrictive)
            })
        }
        "request.auth.principal" => strict.holds(attributes.request_principal.as_ref(), request_principal_matches),
        "request.auth.audiences" => strict.holds(claim(&["aud"], false).as_ref(), any_string),
        "request.auth.presenter" => strict.holds(claim(&["azp"], false).as_ref(), any_string),
        "destination.ip" => strict.holds(facts.destination.map(|to| to.ip()).as_ref(), block_contains),
        "destination.port" => strict.holds(facts.destination.map(|to| to.port()).as_ref(), port_matches),
        "connection.sni" => sni_holds(&lenient, facts),
        "connection.tlsVersion" => {
            lenient.holds(facts.tls_version.as_ref(), |value, version| string_matches(value.as_bytes(), version))
        }
        _ => {
            if let Some(names) = key.strip_prefix("request.auth.claims") {
                let names: Vec<&str> = names.trim_matches(['[', ']']).split("][").collect();
                let is_words = matches!(names[..], ["scope" | "permission"]);
                // The whole text of a list of words counts for rules that refuse.
                let whole = claim(&names, false).filter(|_| is_words).into_iter().collect::<Vec<_>>();
                return strict.holds_also(claim(&names, is_words).as_ref(), &whole, any_string);
            }
            let Some((filter, name)) = key.strip_prefix("experimental.").and_then(|rest| rest.split_once('[')) else {
                panic!("the reference does not know the key `{key}`");
            };
            lenient.holds(facts.metadata.get(filter, name.trim_end_matches(']')).as_ref(), metadata_matches)
        }
    }
}

/// A server name has two readings where it has a capital letter.
fn sni_holds(field: &Field<'_>, facts: &Facts) -> bool {
    let Some(sni) = &facts.sni else { return field.holds_by(false, |_, _| false) };
    let lower = sni.to_ascii_lowercase();
    let any = |values: &Option<Vec<String>>, text: &[u8]| {
        values.iter().flatten().any(|value| string_matches(value.as_bytes(), text))
    };
    let matched = |values: &Option<Vec<String>>, restrictive: bool| match restrictive {
        true => any(values, sni) || any(values, &lower),
        false => any(values, sni) && any(values, &lower),
    };
    let allows = field.action == wire::Action::Allow;
    (field.values.is_none() || matched(field.values, !allows))
        && (field.not_values.is_none() || !matched(field.not_values, allows))
}

/// Whether a header is never split at commas.
pub fn is_whole(name: &str) -> bool {
    let dates =
        ["date", "expires", "if-modified-since", "if-range", "if-unmodified-since", "last-modified", "retry-after"];
    let credentials = ["authorization", "proxy-authorization", "cookie", "set-cookie"];
    let places = ["referer", "location", "content-location", "content-disposition", "from", "user-agent"];
    dates.contains(&name) || credentials.contains(&name) || places.contains(&name)
}

/// A condition on something that a request may carry more than once.
fn repeated_holds(
    action: wire::Action,
    condition: &wire::Condition,
    lines: Vec<Vec<u8>>,
    header: Option<&str>,
) -> bool {
    let has_positive = condition.values.is_some() || condition.regex.is_some();
    if lines.is_empty() {
        return !has_positive;
    }
    let splits = header.is_some_and(|name| !is_whole(name));
    let elements = |line: &Vec<u8>| -> Vec<Vec<u8>> {
        let parts = line.split(|byte| *byte == b',').map(|part| trim_blanks(part).to_vec());
        if splits { parts.collect() } else { Vec::new() }
    };
    let allows = action == wire::Action::Allow;
    // What is too long for expressions all together is not read by them.
    let is_long = lines.iter().map(|line| line.len() + 1).sum::<usize>() > 2048;
    let how = (header.is_some(), is_long);
    let satisfies = |line: &[u8]| {
        (!has_positive || demands(condition, line, !allows, how)) && !forbids(condition, line, allows, how)
    };
    let trimmed = lines.iter().map(|line| if header.is_some() { trim_blanks(line) } else { &line[..] });
    match condition.quantifier {
        Some(wire::Quantifier::All) => trimmed.clone().all(satisfies),
        Some(wire::Quantifier::Any) => {
            trimmed.clone().any(satisfies)
                || (has_positive && lines.iter().flat_map(elements).any(|element| satisfies(&element)))
        }
        None => {
            let mut readings = lines.clone();
            if header.is_none() {
                let is_blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
                let trim = |line: &Vec<u8>| -> Vec<u8> {
                    let from_end = line.iter().rev().skip_while(|byte| is_blank(byte));
                    let mut reversed: Vec<u8> = from_end.copied().collect();
                    reversed.reverse();
                    reversed.into_iter().skip_while(is_blank).collect()
                };
                readings.extend(lines.iter().map(trim));
            }
            if header.is_some() {
                readings.extend(trimmed.map(<[u8]>::to_vec));
                for separator in [&b","[..], b", ", b"; "] {
                    readings.push(lines.join(separator));
                }
                let parts: Vec<Vec<u8>> = lines.iter().flat_map(elements).collect();
                if lines.iter().any(|line| splits && line.contains(&b',')) {
                    readings.extend([parts.join(&b","[..]), parts.join(&b", "[..])]);
                }
                readings.extend(parts);
            }
            // The test is asked of each reading; a use that restricts needs one that matches, one that permits all.
            let matched = |restrictive: bool, test: &dyn Fn(&[u8], bool) -> bool| match restrictive {
                true => readings.iter().any(|reading| test(reading, true)),
                false => readings.iter().all(|reading| test(reading, false)),
            };
            (!has_positive || matched(!allows, &|value, restrictive| demands(condition, value, restrictive, how)))
                && !matched(allows, &|value, restrictive| forbids(condition, value, restrictive, how))
        }
    }
}

/// `how`: whether it is a header, and whether its values are too long for expressions.
fn demands(condition: &wire::Condition, value: &[u8], restrictive: bool, how: (bool, bool)) -> bool {
    one_of(&condition.values, &condition.regex, value, restrictive, how)
}

fn forbids(condition: &wire::Condition, value: &[u8], restrictive: bool, how: (bool, bool)) -> bool {
    one_of(&condition.not_values, &condition.not_regex, value, restrictive, how)
}

fn one_of(
    strings: &Option<Vec<String>>,
    expressions: &Option<Vec<String>>,
    value: &[u8],
    restrictive: bool,
    (is_header, is_long): (bool, bool),
) -> bool {
    // Of a header `*` means that it is there.
    let string = |pattern: &String| (is_header && pattern == "*") || string_matches(pattern.as_bytes(), value);
    strings.iter().flatten().any(string)
        || expressions
            .iter()
            .flatten()
            .any(|pattern| if is_long { restrictive } else { regex_matches(pattern, value, restrictive) })
}

/// Of metadata a value in brackets is an element of a list, and any other the text.
#[expect(clippy::ptr_arg, reason = "the signature `Field::holds` wants")]
fn metadata_matches(pattern: &str, values: &Vec<String>) -> bool {
    let in_brackets = |text: &str| text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).map(str::to_owned);
    values.iter().any(|value| match (in_brackets(pattern), in_brackets(value)) {
        (Some(pattern), Some(value)) => string_matches(pattern.as_bytes(), value.as_bytes()),
        (None, None) => string_matches(pattern.as_bytes(), value.as_bytes()),
        _ => false,
    })
}

/// Issuer and subject are matched apart; the pattern is split at its last slash.
fn request_principal_matches(pattern: &str, (issuer, subject): &(String, String)) -> bool {
    let halves = match (pattern, pattern.rsplit_once('/')) {
        ("*", _) => ("*", "*"),
        (_, Some(halves)) => halves,
        (pattern, None) if pattern.starts_with('*') => ("*", pattern),
        (pattern, None) => (pattern, "*"),
    };
    string_matches(halves.0.as_bytes(), issuer.as_bytes()) && string_matches(halves.1.as_bytes(), subject.as_bytes())
}

pub fn trim_blanks(mut text: &[u8]) -> &[u8] {
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

/// Nothing reads more than 2,048 bytes by an expression: what is longer counts against the caller.
pub fn regex_matches(pattern: &str, value: &[u8], restrictive: bool) -> bool {
    if value.len() > 2048 {
        return restrictive;
    }
    // Both as bytes: each byte is the character of its number.
    let latin1 = |bytes: &[u8]| -> String { bytes.iter().copied().map(char::from).collect() };
    let whole = format!(r"(?s)\A(?:{})\z", latin1(pattern.as_bytes()));
    regex_lite::Regex::new(&whole).is_ok_and(|regex| regex.is_match(&latin1(value)))
}

/// `NAMESPACE/ACCOUNT`, or `ACCOUNT` in the namespace of the Egress.
fn account_matches(policy: &wire::Policy, value: &str, account: &(String, String)) -> bool {
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

fn host_holds(values: &Option<Vec<String>>, not_values: &Option<Vec<String>>, allows: bool, facts: &Facts) -> bool {
    let one = |values: &Option<Vec<String>>, host: &String| {
        values.iter().flatten().any(|pattern| host_matches(pattern, host, facts.host_port))
    };
    let matched = |values: &Option<Vec<String>>, restrictive: bool| match restrictive {
        true => facts.hosts.iter().any(|host| one(values, host)),
        false => facts.hosts.iter().all(|host| one(values, host)),
    };
    (values.is_none() || matched(values, !allows)) && (not_values.is_none() || !matched(not_values, allows))
}

fn host_matches(pattern: &str, host: &str, host_port: Option<u16>) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    let name_end = pattern.find(']').map_or(0, |at| at + 1);
    let (name, port) = match pattern[name_end..].find(':') {
        Some(colon) => (&pattern[..name_end + colon], Some(&pattern[name_end + colon + 1..])),
        None => (pattern.as_str(), None),
    };
    let port_holds = match (port, host_port) {
        (None, _) | (Some("*"), Some(_)) => true,
        (Some(port), Some(found)) => port.parse() == Ok(found),
        (Some(_), None) => false,
    };
    port_holds && string_matches(name.as_bytes(), host.as_bytes())
}

/// The path is `/SERVICE/METHOD`; `*` is any of that form.
fn grpc_matches(pattern: &str, path: &str) -> bool {
    let call = path.strip_prefix('/').and_then(|path| path.split_once('/'));
    let is_call = |(service, method): (&str, &str)| !service.is_empty() && !method.is_empty() && !method.contains('/');
    match (pattern.split_once('/'), call) {
        (_, None) => false,
        (None, Some(call)) => pattern == "*" && is_call(call),
        (Some((service, "*")), Some(call)) => call.0 == service && is_call(call),
        (Some(exact), Some(call)) => call == exact,
    }
}

/// Whether any field or condition of the rule is about a certificate's identity.
pub fn asks_for_certificate(rule: &wire::Rule) -> bool {
    let keys = ["source.principal", "source.namespace", "source.serviceAccount", "source.trustDomain"];
    rule.from.iter().flatten().any(|entry| source_asks_for_certificate(&entry.source))
        || rule.when.iter().flatten().any(|condition| keys.contains(&condition.key.as_str()))
}

/// Whether any field or condition of the rule is about a token.
pub fn asks_for_token(rule: &wire::Rule) -> bool {
    rule.from.iter().flatten().any(|wire::FromEntry { source }| {
        source.request_principals.is_some() || source.not_request_principals.is_some()
    }) || rule.when.iter().flatten().any(|condition| condition.key.starts_with("request.auth."))
}

fn source_asks_for_certificate(source: &wire::Source) -> bool {
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
