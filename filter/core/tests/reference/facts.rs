//! What is known of a request once it has been read.

use super::{metadata, path};
use prost_types::Struct;
use sallyport_core::policy::source::{ActionSource, ModeSource, PolicySource, RuleSource};
use sallyport_core::{Ambiguity, RequestView};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The canonical request.
#[derive(Debug)]
pub struct Facts {
    pub method: String,
    pub host: String,
    pub host_port: Option<u16>,
    pub path: Vec<u8>,
    pub query: Vec<(Vec<u8>, Vec<u8>)>,
    pub headers: Vec<(String, Vec<u8>)>,
    /// The path of a gRPC call.
    pub grpc: Option<String>,
    pub identity: Option<Identity>,
    pub token: Option<Struct>,
    pub metadata: metadata::Metadata,
    /// `None` where the gateway's proxies hide the packet's own source.
    pub source_ip: Option<IpAddr>,
    pub remote_ip: Option<IpAddr>,
    pub destination: Option<SocketAddr>,
    pub sni: Option<Vec<u8>>,
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

    /// Every name a rule may use for the identity's trust domain.
    pub fn domain_names(&self, policy: &PolicySource) -> Vec<String> {
        let mut own = own_domains(policy);
        if own.contains(&self.trust_domain) {
            own.push("cluster.local".to_owned());
            return own;
        }
        vec![self.trust_domain.clone()]
    }

    /// Whether a name in a rule begins with `cluster.local` whole, which there means the mesh's own domain, and this
    /// identity is of another domain that is really called so.
    pub fn is_miscalled(&self, policy: &PolicySource, name: &str) -> bool {
        let means_own = name == "cluster.local" || name.starts_with("cluster.local/");
        means_own && self.trust_domain == "cluster.local" && !own_domains(policy).contains(&self.trust_domain)
    }

    pub fn principals(&self, policy: &PolicySource) -> Vec<String> {
        self.domain_names(policy).iter().map(|domain| format!("{domain}/{}", self.path)).collect()
    }

    /// Namespace and service account, where the path is exactly `ns/NAMESPACE/sa/ACCOUNT`.
    pub fn account(&self) -> Option<(String, String)> {
        match self.path.split('/').collect::<Vec<_>>()[..] {
            ["ns", namespace, "sa", account] => Some((namespace.to_owned(), account.to_owned())),
            _ => None,
        }
    }
}

fn own_domains(policy: &PolicySource) -> Vec<String> {
    let mut own = vec![policy.trust_domain.clone().unwrap_or_else(|| "cluster.local".to_owned())];
    own.extend(policy.trust_domain_aliases.clone());
    own
}

impl Facts {
    /// Reads a request, or tells of all its defects.
    pub fn read(policy: &PolicySource, view: &RequestView<'_>) -> Result<Self, Vec<Ambiguity>> {
        let tolerated: Vec<Ambiguity> = policy.tolerate.iter().map(|kind| kind.kind()).collect();
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
        let identity = identity(policy, view, &all("x-forwarded-client-cert"));
        let mut defects = Vec::new();
        // Envoy reads no requests behind such a one; the upstream may.
        if all("upgrade").iter().any(|protocol| !protocol.eq_ignore_ascii_case(b"websocket")) {
            defects.push(Ambiguity::UnknownUpgrade);
        }
        defects.extend(method.as_ref().err());
        defects.extend(path.as_ref().err());
        defects.extend(host.as_ref().err());
        defects.extend(identity.as_ref().err());
        if !tolerated.contains(&Ambiguity::UnderscoreHeader) && has_underscore_twin(policy, &headers) {
            defects.push(Ambiguity::UnderscoreHeader);
        }
        let (Ok((path, query)), Ok((host, host_port)), Ok(method), Ok(identity), []) =
            (path, host, method, identity, &defects[..])
        else {
            return Err(defects);
        };
        let metadata = metadata::Metadata::read(view.metadata);
        let source = view.source_address.and_then(socket);
        Ok(Self {
            grpc: grpc(&all("content-type"), &path),
            method,
            host,
            host_port,
            path,
            query: query.as_deref().map(query_pairs).unwrap_or_default(),
            headers,
            identity,
            token: metadata.token(),
            metadata,
            source_ip: source.filter(|_| policy.num_trusted_proxies == 0).map(|address| address.ip()),
            remote_ip: source.map(|address| address.ip()),
            destination: view.destination_address.and_then(socket),
            sni: view.sni.filter(|sni| !sni.is_empty()).map(<[u8]>::to_vec),
        })
    }
}

fn method(values: &[&[u8]]) -> Result<String, Ambiguity> {
    let is_token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    match values {
        [method] if !method.is_empty() && method.iter().all(is_token) => {
            Ok(String::from_utf8_lossy(method).to_ascii_uppercase())
        }
        _ => Err(Ambiguity::MalformedMethod),
    }
}

fn host(values: &[&[u8]]) -> Result<(String, Option<u16>), Ambiguity> {
    let [value] = values else {
        return Err(Ambiguity::MalformedHost);
    };
    let text = std::str::from_utf8(value).map_err(|_| Ambiguity::MalformedHost)?.to_ascii_lowercase();
    read_host(&text).ok_or(Ambiguity::MalformedHost)
}

fn read_host(text: &str) -> Option<(String, Option<u16>)> {
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
        address.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?;
        return Some((name.to_owned(), port));
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b);
    (!name.is_empty() && name.bytes().all(known)).then(|| (name.to_owned(), port))
}

/// Whether the request has `a_b` beside, or instead of, an `a-b` that some enforced rule reads, or the other way round.
fn has_underscore_twin(policy: &PolicySource, headers: &[(String, Vec<u8>)]) -> bool {
    let decides = |rule: &&RuleSource| rule.mode == ModeSource::Enforce && rule.action != ActionSource::Audit;
    let conditions = policy.rules.iter().filter(decides).flat_map(|rule| rule.when.iter().flatten());
    let read: Vec<String> = conditions.filter_map(|condition| header_name(&condition.key)).collect();
    let dashed = |name: &str| name.replace('_', "-");
    headers.iter().any(|(name, _)| read.iter().any(|read| read != name && dashed(read) == dashed(name)))
}

/// The header that a condition's key reads.
pub fn header_name(key: &str) -> Option<String> {
    Some(key.strip_prefix("request.headers[")?.strip_suffix(']')?.to_ascii_lowercase())
}

fn identity(policy: &PolicySource, view: &RequestView<'_>, forwarded: &[&[u8]]) -> Result<Option<Identity>, Ambiguity> {
    let Some(peer) = view.peer.uri_san.filter(|_| view.peer.mtls).and_then(Identity::read) else {
        return Ok(None);
    };
    let names = peer.principals(policy);
    let trusts = |trusted: &String| names.contains(trusted) && !peer.is_miscalled(policy, trusted);
    if !policy.trusted_forwarders.iter().any(trusts) {
        return Ok(Some(peer));
    }
    let elements = forwarded_elements(forwarded).ok_or(Ambiguity::MalformedForwardedIdentity)?;
    let is_forwarders = |identity: &Option<Identity>| identity.as_ref().is_some_and(|i| i.principals(policy) == names);
    let of_others = elements.iter().map(|uri| uri.as_deref().and_then(Identity::read)).rfind(|i| !is_forwarders(i));
    Ok(of_others.unwrap_or(Some(peer)))
}

/// The URI of each element of all `x-forwarded-client-cert` lines, or nothing where one cannot be read.
fn forwarded_elements(lines: &[&[u8]]) -> Option<Vec<Option<Vec<u8>>>> {
    let mut uris = Vec::new();
    for line in lines {
        for element in split_unquoted(line, b',')? {
            let mut uri = None;
            for pair in split_unquoted(&element, b';')? {
                let equals = pair.iter().position(|byte| *byte == b'=')?;
                if pair[..equals].trim_ascii().eq_ignore_ascii_case(b"uri") && uri.is_none() {
                    let value = pair[equals + 1..].trim_ascii();
                    let quoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
                    uri = Some(quoted.unwrap_or(value).to_vec());
                }
            }
            uris.push(uri);
        }
    }
    Some(uris)
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

/// The path of a request of which some content type says gRPC.
fn grpc(content_types: &[&[u8]], path: &[u8]) -> Option<String> {
    let is_grpc = |value: &&[u8]| {
        let value = value.trim_ascii().to_ascii_lowercase();
        value.strip_prefix(b"application/grpc").is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
    };
    content_types.iter().any(is_grpc).then(|| String::from_utf8_lossy(path).into_owned())
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
