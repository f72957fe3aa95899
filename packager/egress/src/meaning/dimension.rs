//! The dimensions of a request: what can be chosen by itself.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;

use sallyport_core::request::{is_token_byte, is_unreserved};
use sallyport_core::wire::Ambiguity;
use serde_json::{Map, Value as Json};

use super::machine::{
    ABSENT, ANONYMOUS, CallerGuard, ClaimGuard, Free, HAS, HostGuard, IDENTITY, LIST, LITERAL, Lazy, LinesGuard, NEXT,
    NetworkGuard, PORT, PathGuard, PortGuard, SEVERAL, Sender, Spelling, TEXT, TextGuard, V4, V6, byte, forwarder,
    is_several, shape_class,
};
use super::marks::{Marks, Symbol, nicest};
use super::utf8;
use crate::scenario::{Caller, Certificate, Scenario};

/// A string of symbols.
pub(super) type Value = Rc<[Symbol]>;

/// What can be chosen by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Dimension {
    Path,
    Method,
    Caller,
    Host,
    SourceAddress,
    GatewayAddress,
    GatewayPort,
    /// A text of the connection, by its key; whether it is a server name.
    Connection(&'static str, bool),
    Header(String),
    Parameter(String),
    /// Whether there is a token.
    Token,
    Claim(Vec<String>),
    Metadata(String, String),
    /// Whether there is a header that CGI takes for this one.
    HeaderTwin(String),
    /// Whether there is a parameter that servers take for this one.
    ParameterTwin(String),
    /// Whether the query has something that servers read in several ways.
    OddQuery,
}

/// What all dimensions of a comparison share.
#[derive(Debug)]
pub(super) struct Setting {
    /// The host that callers in the mesh use.
    pub(super) host: String,
    /// The mesh's trust domain.
    pub(super) trust_domain: String,
    /// A principal that no rule is likely to name.
    pub(super) stranger: String,
    /// Kinds of ambiguity that some policy tolerates.
    pub(super) tolerated: Vec<Ambiguity>,
    /// Forwarders that only one policy trusts.
    pub(super) forwarders: Vec<String>,
    /// Headers that some policy reads.
    pub(super) headers: Vec<String>,
    /// Query parameters that some policy reads.
    pub(super) parameters: Vec<String>,
    /// Addresses that host patterns name, each with its canonical spelling if it is another.
    pub(super) literals: Rc<Vec<(String, Option<String>)>>,
}

fn text(text: &str) -> Value {
    text.bytes().map(Symbol::from).collect()
}

fn behind(symbol: Symbol, rest: &str) -> Value {
    std::iter::once(symbol).chain(rest.bytes().map(Symbol::from)).collect()
}

impl Dimension {
    /// Which values there are.
    pub(super) fn guard(&self, setting: &Setting) -> Lazy {
        match self {
            Self::Path => Lazy::new(PathGuard { tolerated: setting.tolerated.clone() }),
            Self::Method => Lazy::new(TextGuard { optional: false, is_of: is_token_byte }),
            Self::Caller => Lazy::new(CallerGuard { forwarders: setting.forwarders.len() }),
            Self::Host => Lazy::new(HostGuard),
            Self::SourceAddress => Lazy::new(NetworkGuard { optional: true }),
            Self::GatewayAddress => Lazy::new(NetworkGuard { optional: false }),
            Self::GatewayPort => Lazy::new(PortGuard),
            Self::Connection(..) => {
                Lazy::new(TextGuard { optional: true, is_of: |byte| is_unreserved(byte) && byte != b'~' })
            }
            Self::Header(name) if name == "upgrade" => Lazy::new(LinesGuard(Sender::WebSocket)),
            Self::Header(_) => Lazy::new(LinesGuard(Sender::Header)),
            Self::Parameter(_) => Lazy::new(LinesGuard(Sender::Parameter)),
            Self::Claim(_) | Self::Metadata(..) => Lazy::new(ClaimGuard),
            Self::Token | Self::HeaderTwin(_) | Self::ParameterTwin(_) | Self::OddQuery => {
                Lazy::new(Free { symbols: vec![HAS], or_none: true })
            }
        }
    }

    /// Values that people expect, the most ordinary first.
    pub(super) fn ordinary(&self, setting: &Setting) -> Vec<Value> {
        let local: Value = [V4, 127, 0, 0, 1].into();
        match self {
            Self::Path => vec![text("/")],
            Self::Method => ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"].map(text).to_vec(),
            Self::Caller => vec![behind(IDENTITY, &setting.stranger), [ANONYMOUS].into()],
            Self::Host => vec![text(&setting.host)],
            Self::SourceAddress | Self::GatewayAddress => vec![local],
            Self::GatewayPort => vec![[PORT.saturating_add(8443)].into()],
            Self::Connection(_, true) => vec![text(&setting.host), [ABSENT].into()],
            Self::Connection(_, false) => vec![text("TLSv1.3"), text("TLSv1.2"), [ABSENT].into()],
            Self::Header(name) if name == "content-type" => vec![[ABSENT].into(), text("application/grpc")],
            Self::Header(_) | Self::Parameter(_) | Self::Claim(_) | Self::Metadata(..) => vec![[ABSENT].into()],
            Self::Token | Self::HeaderTwin(_) | Self::ParameterTwin(_) | Self::OddQuery => vec![[].into()],
        }
    }

    /// Whether there are symbols that no ordinary client sends.
    pub(super) fn has_odd(&self) -> bool {
        matches!(self, Self::Path | Self::Caller)
    }

    /// Whether no ordinary client sends this: a certificate of several names, a character spelled otherwise.
    pub(super) fn is_odd(&self, symbol: Symbol) -> bool {
        match self {
            Self::Path => symbol > 0xff,
            Self::Caller => is_several(symbol),
            _ => false,
        }
    }

    /// A value that says more to people than one that was found, and may have the same results: a caller of the mesh's own
    /// trust domain.
    pub(super) fn as_usual(&self, value: &Value, setting: &Setting) -> Option<Value> {
        let slash = value.iter().position(|symbol| *symbol == u32::from(b'/'))?;
        let is_one = *self == Self::Caller && value.first() == Some(&IDENTITY);
        let domain = std::iter::once(IDENTITY).chain(setting.trust_domain.bytes().map(Symbol::from));
        is_one.then(|| domain.chain(value.iter().skip(slash).copied()).collect())
    }

    /// The symbols that a search tries, given what its tests tell apart.
    pub(super) fn alphabet(&self, marks: &Marks, setting: &Setting) -> Vec<Symbol> {
        if *self == Self::Path {
            return path_symbols(marks, &PathGuard { tolerated: setting.tolerated.clone() });
        }
        let any = |_: u8| Some(0);
        let bytes = match self {
            Self::Method => marks.representatives(|byte| is_token_byte(byte).then_some(0)),
            Self::Caller => marks.representatives(caller_group),
            Self::Host => marks.representatives(|byte| {
                let is_name = byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
                is_name.then_some(u8::from(byte.is_ascii_digit()))
            }),
            Self::SourceAddress | Self::GatewayAddress => marks.representatives(any),
            Self::Connection(..) => marks.representatives(|byte| is_unreserved(byte).then_some(0)),
            Self::Header(_) => {
                let guard = LinesGuard(Sender::Header);
                marks.representatives(|byte| guard.admits(byte).then(|| u8::from(byte.is_ascii())))
            }
            Self::Parameter(_) => {
                let guard = LinesGuard(Sender::Parameter);
                marks.representatives(|byte| guard.admits(byte).then(|| utf8::class(byte)))
            }
            Self::Claim(_) | Self::Metadata(..) => {
                marks.representatives(|byte| (byte >= 0x20 && byte != 0x7f).then(|| utf8::class(byte)))
            }
            Self::Path
            | Self::GatewayPort
            | Self::Token
            | Self::HeaderTwin(_)
            | Self::ParameterTwin(_)
            | Self::OddQuery => Vec::new(),
        };
        let named = marks.symbols.iter().copied();
        // One more port than those that rules name.
        let is_free = |port: &Symbol| !marks.symbols.contains(port);
        let ports = (PORT.saturating_add(1024)..).take(if *self == Self::GatewayPort { 1 << 15 } else { 0 });
        let other = ports.into_iter().find(is_free);
        bytes.into_iter().map(Symbol::from).chain(named).chain(other).collect()
    }

    /// Writes a value into a scenario.
    pub(super) fn write(&self, value: &[Symbol], setting: &Setting, into: &mut Draft) {
        let bytes = || value.iter().filter_map(|symbol| byte(*symbol)).collect::<Vec<u8>>();
        let words = || String::from_utf8_lossy(&bytes()).into_owned();
        let is_absent = value.first() == Some(&ABSENT);
        let scenario = &mut into.scenario;
        match self {
            Self::Path => {
                scenario.request.path = value.iter().flat_map(|symbol| Spelling::of(*symbol).raw).collect();
            }
            Self::Method => scenario.request.method = bytes(),
            Self::Caller => write_caller(value, setting, &mut scenario.caller),
            Self::Host => scenario.request.authority = authority(value, setting),
            Self::SourceAddress => scenario.caller.address = address(value),
            Self::GatewayAddress => {
                let port = scenario.caller.gateway.map_or(8443, |gateway| gateway.port());
                scenario.caller.gateway = address(value).map(|address| SocketAddr::new(address, port));
            }
            Self::GatewayPort => {
                if let (Some(gateway), Some(port)) = (&mut scenario.caller.gateway, port(value)) {
                    gateway.set_port(port);
                }
            }
            Self::Connection(_, true) => scenario.caller.server_name = (!is_absent).then(words),
            Self::Connection(_, false) => scenario.caller.tls_version = (!is_absent).then(words),
            Self::Header(name) if !is_absent => {
                for line in lines(value) {
                    scenario.request.headers.push((name.clone(), line));
                }
            }
            Self::Parameter(name) if !is_absent => {
                into.query.extend(lines(value).map(|line| format!("{}={}", encoded(name.as_bytes()), encoded(&line))));
            }
            Self::Token if !value.is_empty() => {
                scenario.caller.token.get_or_insert_default();
            }
            Self::Claim(path) if !is_absent => {
                insert(scenario.caller.token.get_or_insert_default(), path, json(value));
            }
            Self::Metadata(filter, field) if !is_absent => {
                let said = scenario.caller.metadata.entry(filter.clone()).or_default();
                said.insert(field.clone(), json(value));
            }
            Self::HeaderTwin(name) if !value.is_empty() => {
                scenario.request.headers.push((header_twin(name), b"x".to_vec()));
            }
            Self::ParameterTwin(name) if !value.is_empty() => into.query.push(format!("{}=x", parameter_twin(name))),
            Self::OddQuery if !value.is_empty() => into.query.push("a;b".to_owned()),
            _ => {}
        }
    }
}

/// A scenario that is being written.
pub(super) struct Draft {
    pub(super) scenario: Scenario,
    /// Pairs of the query.
    pub(super) query: Vec<String>,
}

impl Draft {
    /// The scenario, with its query.
    pub(super) fn finish(mut self) -> Scenario {
        if !self.query.is_empty() {
            self.scenario.request.path.push(b'?');
            self.scenario.request.path.extend(self.query.join("&").bytes());
        }
        self.scenario
    }
}

/// Whether there is another name that CGI takes for this header.
pub(super) fn has_header_twin(name: &str) -> bool {
    name.contains(['-', '_'])
}

fn header_twin(name: &str) -> String {
    if name.contains('-') { name.replacen('-', "_", 1) } else { name.replacen('_', "-", 1) }
}

/// A name, encoded, that servers take for this parameter.
fn parameter_twin(name: &str) -> String {
    match name.split_once('[') {
        Some((stem, _)) => encoded(stem.as_bytes()),
        None => format!("{}[]", encoded(name.as_bytes())),
    }
}

/// Percent-encoded, but for unreserved characters.
fn encoded(text: &[u8]) -> String {
    let one = |byte: &u8| if is_unreserved(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") };
    text.iter().map(one).collect()
}

fn lines(value: &[Symbol]) -> impl Iterator<Item = Vec<u8>> {
    value.split(|symbol| *symbol == NEXT).map(|line| line.iter().filter_map(|symbol| byte(*symbol)).collect())
}

fn json(value: &[Symbol]) -> Json {
    let texts = || value.get(1..).unwrap_or_default().split(|symbol| *symbol == NEXT);
    let text = |text: &[Symbol]| {
        let bytes: Vec<u8> = text.iter().filter_map(|symbol| byte(*symbol)).collect();
        Json::String(String::from_utf8_lossy(&bytes).into_owned())
    };
    match value.first() {
        Some(&LIST) => Json::Array(texts().map(text).collect()),
        Some(&TEXT) => text(value.get(1..).unwrap_or_default()),
        _ => Json::Null,
    }
}

/// Puts a claim at its path.
fn insert(claims: &mut Map<String, Json>, path: &[String], value: Json) {
    match path {
        [] => {}
        [name] => {
            claims.insert(name.clone(), value);
        }
        [name, rest @ ..] => {
            let inner = claims.entry(name.clone()).or_insert_with(|| Json::Object(Map::new()));
            if let Json::Object(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

fn address(value: &[Symbol]) -> Option<IpAddr> {
    let bytes: Vec<u8> = value.iter().filter_map(|symbol| byte(*symbol)).collect();
    match value.first() {
        Some(&V4) => <[u8; 4]>::try_from(bytes).ok().map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes))),
        Some(&V6) => <[u8; 16]>::try_from(bytes).ok().map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes))),
        _ => None,
    }
}

fn port(value: &[Symbol]) -> Option<u16> {
    value.iter().find_map(|symbol| u16::try_from(symbol.checked_sub(PORT)?).ok())
}

fn authority(value: &[Symbol], setting: &Setting) -> Vec<u8> {
    let mut authority = Vec::new();
    for symbol in value {
        let literal = symbol.checked_sub(LITERAL).and_then(|at| setting.literals.get(usize::try_from(at).ok()?));
        match (byte(*symbol), literal) {
            (Some(byte), _) => authority.push(byte),
            (None, Some((text, _))) => authority.extend(text.bytes()),
            (None, None) => {
                authority.extend(port(&[*symbol]).map(|port| format!(":{port}")).unwrap_or_default().bytes())
            }
        }
    }
    authority
}

fn write_caller(value: &[Symbol], setting: &Setting, caller: &mut Caller) {
    let names = value.get(1..).unwrap_or_default().split(|symbol| *symbol == NEXT);
    let uri = |name: &[Symbol]| {
        let name: String = name.iter().filter_map(|symbol| byte(*symbol).map(char::from)).collect();
        format!("spiffe://{name}")
    };
    let certificate = || Certificate { uris: names.map(uri).collect(), dns: Vec::new() };
    if !matches!(value.first(), None | Some(&ANONYMOUS)) {
        caller.server_name = Some(setting.host.clone());
        caller.tls_version = Some("TLSv1.3".to_owned());
    }
    match value.first() {
        None | Some(&ANONYMOUS) => {}
        Some(&IDENTITY | &SEVERAL) => caller.certificate = Some(certificate()),
        Some(symbol) => {
            let forwarder = forwarder(*symbol).and_then(|(at, _)| setting.forwarders.get(at));
            caller.certificate = forwarder.map(|forwarder| Certificate::of_principal(forwarder));
            let is_named = value.get(1) != Some(&ANONYMOUS);
            caller.forwarded = vec![if is_named { certificate() } else { Certificate::default() }];
        }
    }
}

fn caller_group(byte: u8) -> Option<u8> {
    match byte {
        b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => Some(0),
        b'A'..=b'Z' => Some(1),
        b'.' => Some(2),
        b'/' => Some(3),
        _ => None,
    }
}

/// One symbol of each group that nothing tells apart.
fn path_symbols(marks: &Marks, guard: &PathGuard) -> Vec<Symbol> {
    let groups = marks.groups();
    let group = |byte: u8| groups.get(usize::from(byte)).copied().unwrap_or(u16::MAX);
    let mut known = BTreeSet::new();
    let order = (0..ESCAPE_KINDS)
        .flat_map(|kind: Symbol| nicest().map(move |byte| kind.saturating_mul(0x100).saturating_add(byte.into())));
    let is_new = |symbol: &Symbol| {
        let spelling = Spelling::of(*symbol);
        let by_group = |text: &[u8]| text.iter().map(|byte| group(*byte)).collect::<Vec<u16>>();
        known.insert((
            by_group(&spelling.raw),
            by_group(&spelling.canonical),
            group(spelling.byte),
            utf8::class(spelling.byte),
            shape_class(*symbol),
        ))
    };
    order.filter(|symbol| guard.admits(*symbol)).filter(is_new).collect()
}

/// Plain, escaped, and spelled otherwise.
const ESCAPE_KINDS: Symbol = 3;
