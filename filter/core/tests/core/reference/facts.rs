//! What is known of a request once it has been read.

use super::{metadata, path};
use prost_types::Struct;
use sallyport_core::wire;
use sallyport_core::{Ambiguity, RequestView};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The canonical request.
#[derive(Debug)]
pub struct Facts {
    pub method: String,
    /// As it came and, of an IPv6 address, as RFC 5952 spells it.
    pub hosts: Vec<String>,
    pub host_port: Option<u16>,
    /// In canonical form, and as it came.
    pub paths: Vec<Vec<u8>>,
    pub query: Vec<(Vec<u8>, Vec<u8>)>,
    pub headers: Vec<(String, Vec<u8>)>,
    /// Whether it is a gRPC call: a POST of gRPC's content type and no other.
    pub is_grpc: bool,
    pub identity: Option<Identity>,
    /// The other names of the certificate, for rules that refuse.
    pub other_names: Vec<String>,
    pub token: Option<Struct>,
    pub metadata: metadata::Metadata,
    /// `None` where the gateway's proxies hide the packet's own source.
    pub source_ip: Option<IpAddr>,
    pub remote_ip: Option<IpAddr>,
    pub destination: Option<SocketAddr>,
    pub sni: Option<Vec<u8>>,
    pub tls_version: Option<Vec<u8>>,
}

/// A plain SPIFFE id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub trust_domain: String,
    pub path: String,
}

impl Identity {
    /// `spiffe://TRUST-DOMAIN/PATH` and nothing fancier.
    pub fn read(uri: &[u8]) -> Option<Self> {
        if uri.len() > 2048 {
            return None;
        }
        let (trust_domain, path) = std::str::from_utf8(uri).ok()?.strip_prefix("spiffe://")?.split_once('/')?;
        let plain_domain = !trust_domain.is_empty()
            && trust_domain.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b));
        let plain_path = path.split('/').all(|segment| {
            let plain = segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
            plain && !segment.is_empty() && segment != "." && segment != ".."
        });
        (plain_domain && plain_path).then(|| Self { trust_domain: trust_domain.to_owned(), path: path.to_owned() })
    }

    /// `TRUST-DOMAIN/PATH`.
    pub fn principal(&self) -> String {
        format!("{}/{}", self.trust_domain, self.path)
    }

    /// Namespace and service account, where the path is exactly `ns/NAMESPACE/sa/ACCOUNT`.
    pub fn account(&self) -> Option<(String, String)> {
        match self.path.split('/').collect::<Vec<_>>()[..] {
            ["ns", namespace, "sa", account] => Some((namespace.to_owned(), account.to_owned())),
            _ => None,
        }
    }
}

pub fn own_domains(policy: &wire::Policy) -> Vec<String> {
    let mut own = vec![policy.trust_domain.clone().unwrap_or_else(|| "cluster.local".to_owned())];
    own.extend(policy.trust_domain_aliases.clone());
    own
}

impl Facts {
    /// Reads a request, or tells of all its defects.
    pub fn read(policy: &wire::Policy, view: &RequestView<'_>) -> Result<Self, Vec<Ambiguity>> {
        let tolerated: Vec<Ambiguity> = policy.tolerate.clone();
        let headers: Vec<(String, Vec<u8>)> = view
            .headers
            .iter()
            .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.to_vec()))
            .collect();
        let all = |name: &str| -> Vec<&[u8]> {
            view.headers.iter().filter(|(other, _)| *other == name.as_bytes()).map(|(_, value)| *value).collect()
        };
        let authority = match &all(":authority")[..] {
            [] => all("host"),
            some => some.to_vec(),
        };
        let path = match all(":path")[..] {
            [path] => path::canonical(path, &tolerated),
            _ => Err(Ambiguity::MalformedPath),
        };
        let host = host(&authority);
        let method = method(&all(":method"));
        let caller = caller(policy, view, &all("x-forwarded-client-cert"));
        let mut defects = Vec::new();
        // Envoy reads no requests behind such a one; the upstream may.
        if all("upgrade").iter().any(|protocol| !protocol.eq_ignore_ascii_case(b"websocket")) {
            defects.push(Ambiguity::UnknownUpgrade);
        }
        defects.extend(method.as_ref().err());
        defects.extend(path.as_ref().err());
        defects.extend(host.as_ref().err());
        defects.extend(caller.as_ref().err());
        let metadata = metadata::Metadata::read(view.metadata);
        defects.extend(metadata.is_none().then_some(Ambiguity::UnreadableMetadata));
        if !tolerated.contains(&Ambiguity::UnderscoreHeader) && has_underscore_twin(policy, &headers) {
            defects.push(Ambiguity::UnderscoreHeader);
        }
        if let Ok((paths, query)) = &path {
            let pairs = query.as_deref().map(query_pairs).unwrap_or_default();
            if !tolerated.contains(&Ambiguity::AmbiguousQuery)
                && has_two_readings(policy, query.as_deref().unwrap_or_default(), &pairs)
            {
                defects.push(Ambiguity::AmbiguousQuery);
            }
            if is_too_long(policy, &paths[0], &headers, &pairs) {
                defects.push(Ambiguity::ValueTooLong);
            }
        }
        let (Ok((paths, query)), Ok((hosts, host_port)), Ok(method), Ok((identity, other_names)), []) =
            (path, host, method, caller, &defects[..])
        else {
            return Err(defects);
        };
        let metadata = metadata.unwrap_or_default();
        let source = view.source_address.and_then(socket);
        Ok(Self {
            is_grpc: method == "POST" && is_grpc(&all("content-type")),
            method,
            hosts,
            host_port,
            paths,
            query: query.as_deref().map(query_pairs).unwrap_or_default(),
            headers,
            identity,
            other_names,
            token: metadata.token(),
            metadata,
            source_ip: source.filter(|_| policy.num_trusted_proxies == 0).map(|address| address.ip()),
            remote_ip: source.map(|address| address.ip()),
            destination: view.destination_address.and_then(socket),
            tls_version: view.tls_version.filter(|version| !version.is_empty()).map(<[u8]>::to_vec),
            sni: view.sni.filter(|sni| !sni.is_empty()).map(<[u8]>::to_vec),
        })
    }
}

fn method(values: &[&[u8]]) -> Result<String, Ambiguity> {
    let is_token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    match values {
        [method] if !method.is_empty() && method.iter().all(is_token) => {
            Ok(String::from_utf8_lossy(method).into_owned())
        }
        _ => Err(Ambiguity::MalformedMethod),
    }
}

fn host(values: &[&[u8]]) -> Result<(Vec<String>, Option<u16>), Ambiguity> {
    let [value] = values else {
        return Err(Ambiguity::MalformedHost);
    };
    let text = std::str::from_utf8(value).map_err(|_| Ambiguity::MalformedHost)?.to_ascii_lowercase();
    read_host(&text).ok_or(Ambiguity::MalformedHost)
}

fn read_host(text: &str) -> Option<(Vec<String>, Option<u16>)> {
    let name_end = text.find(']').map_or(0, |at| at + 1);
    let (name, port) = match text[name_end..].find(':') {
        Some(colon) => (&text[..name_end + colon], Some(&text[name_end + colon + 1..])),
        None => (text, None),
    };
    let port = match port {
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Some(digits.parse().ok()?),
        Some(_) => return None,
        None => None,
    };
    if let Some(address) = name.strip_prefix('[') {
        let address = address.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?;
        return Some((vec![name.to_owned(), format!("[{address}]")], port));
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b);
    let labels = name.split('.').all(|label| !label.is_empty());
    let last = name.split('.').next_back().unwrap_or_default();
    let is_number = last.starts_with("0x") || last.bytes().all(|b| b.is_ascii_digit());
    let plain = !is_number || name.parse::<std::net::Ipv4Addr>().is_ok();
    (labels && plain && name.bytes().all(known)).then(|| (vec![name.to_owned()], port))
}

/// The conditions of rules that decide.
fn deciding(policy: &wire::Policy) -> impl Iterator<Item = &wire::Condition> {
    let decides = |rule: &&wire::Rule| rule.stage == wire::Stage::Enforce && rule.action != wire::Action::Audit;
    policy.rules.iter().filter(decides).flat_map(|rule| rule.when.iter().flatten())
}

/// Whether the request has `a_b` beside, or instead of, an `a-b` that some enforced rule reads, or the other way round.
fn has_underscore_twin(policy: &wire::Policy, headers: &[(String, Vec<u8>)]) -> bool {
    let read: Vec<String> = deciding(policy).filter_map(|condition| header_name(&condition.key)).collect();
    let dashed = |name: &str| name.replace('_', "-").to_ascii_lowercase();
    headers.iter().any(|(name, _)| read.iter().any(|read| read != name && dashed(read) == dashed(name)))
}

/// The parameter that a condition's key reads.
fn parameter_name(key: &str) -> Option<&str> {
    key.strip_prefix("request.query[")?.strip_suffix(']')
}

/// Whether a server could read the query in another way where an enforced rule reads it.
fn has_two_readings(policy: &wire::Policy, query: &[u8], pairs: &[(Vec<u8>, Vec<u8>)]) -> bool {
    let read: Vec<&str> = deciding(policy).filter_map(|condition| parameter_name(&condition.key)).collect();
    let folds = |name: &[u8]| -> Vec<String> {
        let valid = match std::str::from_utf8(name) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&name[..error.valid_up_to()]).unwrap_or_default(),
        };
        let text = valid.split('\0').next().unwrap_or_default();
        let php = |text: &str| {
            let blanks = [' ', '\t', '\n', '\r', '\x0b', '\x0c'];
            text.trim_matches(blanks).replace(['.', ' ', '['], "_").to_ascii_lowercase()
        };
        let cut = text.split('[').next().unwrap_or_default();
        let open = text.find('[').is_some_and(|at| !text[at..].contains(']'));
        // PHP skips blanks before a name only; what follows it becomes `_`.
        let end = |text: &str| {
            let text = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0c']);
            text.replace(['.', ' ', '['], "_").to_ascii_lowercase()
        };
        vec![php(cut), end(if open { text } else { cut })]
    };
    let first = |name: &str| folds(name.as_bytes()).swap_remove(0);
    let odd = pairs.iter().any(|(name, value)| {
        let found = folds(name);
        let alike = |read: &&&str| found.contains(&first(read));
        let value_is_odd = value.contains(&0) || std::str::from_utf8(value).is_err();
        let other = read.iter().filter(alike).any(|read| read.as_bytes() != name);
        other || (read.iter().any(|read| first(read) == found[0]) && value_is_odd)
    });
    let broken = |text: &[u8]| (0..text.len()).any(|at| text[at] == b'%' && path::escape(&text[at..]).is_none());
    let raw = query.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    let odd_escape = raw.zip(pairs).any(|(raw, (name, _))| {
        let (raw_name, raw_value) = match raw.iter().position(|byte| *byte == b'=') {
            Some(at) => (&raw[..at], &raw[at + 1..]),
            None => (raw, &b""[..]),
        };
        let overlong = path::is_overlong(name);
        let is_read = read.iter().any(|read| first(read) == folds(name)[0]);
        broken(raw_name) || overlong || (is_read && broken(raw_value))
    });
    !read.is_empty() && (query.contains(&b';') || odd || odd_escape)
}

/// Whether an enforced rule would read more than 2,048 bytes by a regular expression, or more than 256 elements.
fn is_too_long(
    policy: &wire::Policy,
    path: &[u8],
    headers: &[(String, Vec<u8>)],
    pairs: &[(Vec<u8>, Vec<u8>)],
) -> bool {
    let decides = |rule: &&wire::Rule| rule.stage == wire::Stage::Enforce && rule.action != wire::Action::Audit;
    let operations = policy.rules.iter().filter(decides).flat_map(|rule| rule.to.iter().flatten());
    let path_read = operations
        .map(|to| &to.operation)
        .any(|operation| operation.path_regex.is_some() || operation.not_path_regex.is_some());
    let long = |condition: &wire::Condition| {
        let header = header_name(&condition.key);
        let parameter = parameter_name(&condition.key);
        let lines: Vec<&[u8]> = match (&header, parameter) {
            (Some(name), _) => headers.iter().filter(|(other, _)| other == name).map(|(_, line)| &line[..]).collect(),
            (None, Some(name)) => {
                pairs.iter().filter(|(other, _)| other == name.as_bytes()).map(|(_, value)| &value[..]).collect()
            }
            (None, None) => return false,
        };
        let commas: usize = lines.iter().map(|line| line.iter().filter(|byte| **byte == b',').count()).sum();
        let splits = header.is_some_and(|name| !super::rules::is_whole(&name));
        let elements = lines.len() + if splits { commas } else { 0 };
        let bytes = lines.iter().map(|line| line.len() + 1).sum::<usize>();
        // Another condition on the same name may be the one with the expression.
        let by_pattern = deciding(policy).any(|other| {
            let same = other.key.eq_ignore_ascii_case(&condition.key)
                && (header_name(&other.key).is_some() || other.key == condition.key);
            same && (other.regex.is_some() || other.not_regex.is_some())
        });
        elements > 256 || (by_pattern && bytes > 2048)
    };
    (path_read && path.len() > 2048) || deciding(policy).any(long)
}

/// The header that a condition's key reads.
pub fn header_name(key: &str) -> Option<String> {
    Some(key.strip_prefix("request.headers[")?.strip_suffix(']')?.to_ascii_lowercase())
}

/// Whom the request is from: an identity, and the other names that a certificate has.
type Names = (Option<Identity>, Vec<String>);

fn caller(policy: &wire::Policy, view: &RequestView<'_>, forwarded: &[&[u8]]) -> Result<Names, Ambiguity> {
    if !view.peer.mtls {
        return Ok((None, Vec::new()));
    }
    let unreadable = Ambiguity::UnreadableCertificate;
    let [line] = forwarded else { return Err(unreadable) };
    let elements = forwarded_elements(line).ok_or(unreadable)?;
    let (own, before) = elements.split_last().ok_or(unreadable)?;
    // So much that rules would take long to look at it.
    let is_too_much = |element: &Element| {
        let names = || element.uris.iter().chain(&element.others);
        names().map(Vec::len).sum::<usize>() > 8192
            || names().any(|name| name.iter().filter(|byte| **byte == b'/').count() > 32)
    };
    if elements.iter().any(is_too_much) {
        return Err(unreadable);
    }
    if own.uris.first().map(Vec::as_slice) != view.peer.uri_san.filter(|uri| !uri.is_empty()) {
        return Err(unreadable);
    }
    let is_own = match view.peer.digest {
        Some(digest) => own.hash.as_ref().is_some_and(|hash| hash.eq_ignore_ascii_case(digest)),
        None => before.is_empty() && policy.trusted_forwarders.is_empty(),
    };
    if !is_own {
        return Err(unreadable);
    }
    let peer = names(own);
    let Some(identity) = peer.0.clone() else { return Ok(peer) };
    let principal = identity.principal();
    let trusts = |trusted: &String| super::rules::principals(policy, trusted).contains(&principal);
    if !policy.trusted_forwarders.iter().any(trusts) {
        return Ok(peer);
    }
    let is_forwarders = |names: &Names| names.0.as_ref().is_some_and(|i| i.principal() == principal);
    Ok(before.iter().map(names).rfind(|names| !is_forwarders(names)).unwrap_or(peer))
}

/// One URI name alone is an identity; every name beside it, or instead of it, is another name.
fn names(element: &Element) -> Names {
    let text = |name: &Vec<u8>| String::from_utf8_lossy(name).into_owned();
    let mut others: Vec<String> = element.others.iter().map(text).collect();
    let identity = match &element.uris[..] {
        [uri] => Identity::read(uri),
        _ => None,
    };
    if identity.is_none() {
        others.extend(element.uris.iter().map(text).map(|uri| uri.trim_start_matches("spiffe://").to_owned()));
    }
    (identity, others)
}

/// What an element of `x-forwarded-client-cert` says.
#[derive(Default)]
struct Element {
    uris: Vec<Vec<u8>>,
    others: Vec<Vec<u8>>,
    hash: Option<Vec<u8>>,
}

/// As Envoy writes them, and nothing else.
fn forwarded_elements(line: &[u8]) -> Option<Vec<Element>> {
    const ORDER: [&str; 7] = ["by", "hash", "cert", "chain", "subject", "uri", "dns"];
    let texts = split_unquoted(line, b',')?;
    let last = texts.len() - 1;
    let mut elements = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        let mut element = Element::default();
        let mut ranks = Vec::new();
        let text = text.trim_ascii_start();
        for pair in split_unquoted(if at == last { text } else { text.trim_ascii_end() }, b';')? {
            let equals = pair.iter().position(|byte| *byte == b'=')?;
            let key = String::from_utf8_lossy(&pair[..equals]).to_ascii_lowercase();
            // A character for each byte, whatever it is.
            let value: String = pair[equals + 1..].iter().copied().map(char::from).collect();
            let bytes = |text: &str| -> Vec<u8> { text.chars().map(|character| character as u8).collect() };
            ranks.push(ORDER.iter().position(|known| *known == key)?);
            let is_quoted = ["cert", "chain", "subject"].contains(&&*key) && value.starts_with('"');
            let inner = if is_quoted { value.strip_prefix('"')?.strip_suffix('"')? } else { &value };
            let without_escapes = inner.replace("\\\\", "").replace("\\\"", "");
            let unescaped = if is_quoted { &*without_escapes } else { inner };
            if unescaped.contains('"') {
                return None;
            }
            match &*key {
                _ if inner.is_empty() => {}
                "uri" => element.uris.push(bytes(inner)),
                "dns" | "subject" => element.others.push(bytes(inner)),
                "hash" => element.hash = Some(bytes(inner)),
                _ => {}
            }
        }
        let once = |rank: usize| ["hash", "cert", "chain", "subject"].contains(&ORDER[rank]);
        if ranks.windows(2).any(|pair| pair[0] > pair[1] || pair[0] == pair[1] && once(pair[0])) {
            return None;
        }
        elements.push(element);
    }
    Some(elements)
}

fn split_unquoted(text: &[u8], separator: u8) -> Option<Vec<Vec<u8>>> {
    let mut parts = vec![Vec::new()];
    let (mut quoted, mut escaped) = (false, false);
    for byte in text {
        if escaped {
            escaped = false;
        } else if quoted && *byte == b'\\' {
            escaped = true;
        } else if *byte == b'"' {
            quoted = !quoted;
        }
        if *byte == separator && !quoted {
            parts.push(Vec::new());
        } else if let Some(last) = parts.last_mut() {
            last.push(*byte);
        }
    }
    (!quoted).then_some(parts)
}

/// Whether there is a content type, and each is gRPC's.
fn is_grpc(content_types: &[&[u8]]) -> bool {
    let is_grpc = |value: &&[u8]| {
        let value = value.to_ascii_lowercase();
        value
            .strip_prefix(b"application/grpc")
            .is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';' | b' ')))
    };
    !content_types.is_empty() && content_types.iter().all(is_grpc)
}

fn query_pairs(query: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let pairs = query.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| match pair.iter().position(|byte| *byte == b'=') {
            Some(at) => (form_decoded(&pair[..at]), form_decoded(&pair[at + 1..])),
            None => (form_decoded(pair), Vec::new()),
        })
        .collect()
}

fn form_decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.first() {
        if let Some(byte) = path::escape(rest) {
            out.push(byte);
            rest = &rest[3..];
        } else {
            out.push(if *first == b'+' { b' ' } else { *first });
            rest = &rest[1..];
        }
    }
    out
}

fn socket(text: &[u8]) -> Option<SocketAddr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
