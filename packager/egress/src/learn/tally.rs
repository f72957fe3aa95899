//! What the lines of a log add up to, in bounded memory.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use sallyport_core::{InvalidPolicy, dns};

use super::evidence::Evidence;
use super::judge::{Base, Judge, Judgement, caller_of, plain_host};
use super::line;
use super::seen::{Fate, Seen, Unread};
use super::trie::{DEEPEST, Full, MOST_SEGMENTS, Node};
use crate::model::Mesh;
use crate::scenario::{Request, Scenario};

/// Callers that are kept apart.
pub const MOST_CALLERS: usize = 5_000;
/// Hosts that are kept apart.
pub const MOST_HOSTS: usize = 1_000;
/// Methods that are kept apart.
pub const MOST_METHODS: usize = 64;
/// Requests that are listed for review.
pub const MOST_APART: usize = 10_000;
/// Longest line, in bytes.
pub const LONGEST_LINE: usize = 1 << 20;

/// How a log is read.
#[derive(Clone, Debug)]
pub struct Options {
    /// From how many values of one caller a segment of names is general.
    pub names: usize,
    /// From how many ids of all callers a segment of ids is general.
    pub ids: usize,
    /// Whether what was seen on one day by one address, or on no known day, is learned, too.
    pub keeps_rare: bool,
    /// The hosts whose requests are learned from; none: there must be only one.
    pub hosts: Vec<String>,
    /// A further key for the identity of the caller.
    pub principal_key: Option<String>,
    /// What the mesh's gateways share.
    pub mesh: Mesh,
    /// The Egress that is to be completed.
    pub base: Option<Base>,
}

/// Why a request is not learned from, and is listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The gateway refused it, for this reason.
    Refused(String),
    /// What is in shadow mode would refuse it, and not for want of a rule.
    WouldBeRefused(String),
    /// The upstream answered that the caller may not.
    Forbidden(String),
    /// The upstream answered that there is no such thing.
    NotFound(String),
    /// It is ambiguous, in this way.
    Ambiguous(String),
    /// A DENY rule of the file refuses it.
    Denied(String),
    /// This rule of the file allows it if its conditions hold, of which a log says nothing.
    Conditional(String),
    /// No list of paths or methods can have it.
    Spelling,
    /// It came through a forwarder that the file does not trust.
    Forwarder(String),
    /// It was seen on one day by one address.
    Rare,
    /// It was seen only in lines without a time that can be read: on no known day.
    Timeless,
}

/// A request that is listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApartKey {
    /// Why.
    pub why: Why,
    /// The principal.
    pub caller: String,
    /// The method.
    pub method: String,
    /// The path, or what was made of several.
    pub path: String,
}

/// How many lines became what.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// All lines that are not empty.
    pub lines: u64,
    /// Lines from which something is learned.
    pub kept: u64,
    /// Lines of requests that the file allows already.
    pub allowed: u64,
    /// Lines of requests that are listed.
    pub apart: u64,
    /// Lines of requests for other hosts.
    pub other_hosts: u64,
    /// Lines of requests that have no time that can be read.
    pub timeless: u64,
    /// Lines that say nothing of a request.
    pub unread: BTreeMap<Unread, u64>,
    /// Lines that were not learned from because of a limit, by what the limit is on.
    pub beyond: BTreeMap<&'static str, u64>,
}

/// Learns from the lines of logs.
pub struct Learner {
    pub(super) options: Options,
    pub(super) judge: Judge,
    pub(super) counts: Counts,
    pub(super) callers: Names,
    pub(super) methods: Names,
    pub(super) paths: HashMap<u32, Node>,
    /// What the file allows already, of all callers: it shows what is general, too.
    pub(super) allowed: Node,
    pub(super) apart: BTreeMap<ApartKey, Evidence>,
    pub(super) hosts: BTreeMap<String, u64>,
    /// Hosts of requests for another upstream, as the lines have them.
    pub(super) other_hosts: BTreeMap<String, u64>,
    /// Forwarders that sent what is kept.
    pub(super) forwarders: BTreeSet<String>,
    /// The whole log: what is rare depends on how many days it has.
    pub(super) whole: Evidence,
    /// Callers as lines write them, with their principals.
    known: HashMap<(String, String), Option<String>>,
    left: usize,
}

/// Names with numbers.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: HashMap<String, u32>,
    pub(super) names: Vec<String>,
}

impl Names {
    fn number(&mut self, name: &str, most: usize) -> Option<u32> {
        if let Some(number) = self.numbers.get(name) {
            return Some(*number);
        }
        if self.names.len() >= most {
            return None;
        }
        let number = u32::try_from(self.names.len()).ok()?;
        self.numbers.insert(name.to_owned(), number);
        self.names.push(name.to_owned());
        Some(number)
    }

    pub(super) fn name(&self, number: u32) -> &str {
        usize::try_from(number).ok().and_then(|number| self.names.get(number)).map_or("", String::as_str)
    }
}

impl Learner {
    /// One that has seen nothing.
    ///
    /// # Errors
    ///
    /// The policy of the file does not compile.
    pub fn new(options: Options) -> Result<Self, InvalidPolicy> {
        let judge = Judge::new(options.base.clone(), &options.mesh)?;
        Ok(Self {
            options,
            judge,
            counts: Counts::default(),
            callers: Names::default(),
            methods: Names::default(),
            paths: HashMap::new(),
            allowed: Node::default(),
            apart: BTreeMap::new(),
            hosts: BTreeMap::new(),
            other_hosts: BTreeMap::new(),
            forwarders: BTreeSet::new(),
            whole: Evidence::default(),
            known: HashMap::new(),
            left: MOST_SEGMENTS,
        })
    }

    /// Takes a line without its end. One that is not UTF-8 or too long is counted as broken.
    pub fn line(&mut self, bytes: &[u8]) {
        if bytes.trim_ascii().is_empty() {
            return;
        }
        add(&mut self.counts.lines);
        let line = std::str::from_utf8(bytes).ok().filter(|line| line.len() <= LONGEST_LINE);
        let key = self.options.principal_key.clone();
        match line.ok_or(Unread::Broken).and_then(|line| line::read(line, key.as_deref())) {
            Ok(seen) => {
                self.counts.timeless = self.counts.timeless.saturating_add(u64::from(seen.at.is_none()));
                self.request(seen);
            }
            Err(why) => add(self.counts.unread.entry(why).or_default()),
        }
    }

    /// The counts up to now.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    fn request(&mut self, mut seen: Seen<'_>) {
        let Some(principal) = self.principal(&seen.peer, seen.caller.as_deref()) else {
            return add(self.counts.unread.entry(Unread::NoPrincipal).or_default());
        };
        let Some(host) = self.host(&seen) else {
            note_host(&mut self.other_hosts, seen.host.as_deref().map(plain_host).unwrap_or_default());
            return add(&mut self.counts.other_hosts);
        };
        let path = match self.judge.canonical(&seen.path) {
            Ok((received, path)) => {
                seen.path = Cow::Owned(received);
                path
            }
            Err(kind) => return self.set_apart(&seen, &principal, Why::Ambiguous(kind.to_owned())),
        };
        let scenario = Scenario {
            caller: caller_of(&seen.peer, seen.caller.as_deref()),
            request: Request::new(&seen.method, &host, &seen.path),
        };
        let judgement = self.judge.judge(scenario, seen.rule.as_deref());
        if judgement == Judgement::Allowed {
            add(&mut self.counts.allowed);
            self.whole.see(seen.kind, seen.at, None);
            let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(&path).split('/').take(DEEPEST).collect();
            // Beyond a limit less is known of what is general, and nothing else.
            let _ = self.allowed.end(&segments, 0, &mut self.left);
            return;
        }
        if let Some(why) = self.refusal(&seen, &host) {
            return self.set_apart(&seen, &principal, why);
        }
        match judgement {
            Judgement::Open | Judgement::Allowed => self.keep(&seen, &principal, &path, &host),
            Judgement::Ambiguous(kind) => self.set_apart(&seen, &principal, Why::Ambiguous(kind)),
            Judgement::Denied(rule) => self.set_apart(&seen, &principal, Why::Denied(rule)),
            Judgement::Conditional(rule) => self.set_apart(&seen, &principal, Why::Conditional(rule)),
        }
    }

    /// The host that the caller used, as far as the line says it; `None`: a request for another upstream.
    ///
    /// The gateway's route writes the upstream's host over that of the caller, before the line is written. The caller's host is then
    /// in the TLS handshake alone.
    fn host(&self, seen: &Seen<'_>) -> Option<String> {
        let host = seen.host.as_deref().map(plain_host);
        let name = seen.server_name.as_deref().map(plain_host);
        let wanted = &self.options.hosts;
        let is_named = |host: &Option<String>| {
            host.as_ref().is_some_and(|host| wanted.iter().any(|wanted| plain_host(wanted) == *host))
        };
        match &self.options.base {
            _ if !wanted.is_empty() && !is_named(&host) && !is_named(&name) => None,
            None => Some(host.unwrap_or_default()),
            Some(base) => {
                let own = [&host, &name].into_iter().flatten().find(|host| base.is_called(host));
                let is_upstream = host.as_deref().is_none_or(|host| base.is_upstream(host));
                let usual = || (is_upstream || !wanted.is_empty()).then(|| base.egress.spec.host.to_string());
                own.cloned().or_else(usual)
            }
        }
    }

    /// The principal as rules see it, if the certificates have one. Each caller is asked about once.
    fn principal(&mut self, peer: &str, behind_it: Option<&str>) -> Option<String> {
        let key = (peer.to_owned(), behind_it.unwrap_or_default().to_owned());
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        // Whether a forwarder is trusted is asked later: here its caller is read as if it called itself.
        let own = behind_it.map_or_else(|| peer.to_owned(), |principal| format!("spiffe://{principal}"));
        let principal = self.judge.principal(&caller_of(&own, None)).map(|found| own_name(&found, &self.options.mesh));
        if self.known.len() < MOST_CALLERS {
            self.known.insert(key, principal.clone());
        }
        principal
    }

    /// Why a request is not learned from, as far as its line says so.
    fn refusal(&self, seen: &Seen<'_>, host: &str) -> Option<Why> {
        let why = match seen.fate.clone() {
            Fate::Reached => None,
            Fate::Refused(reason) => Some(Why::Refused(reason)),
            Fate::WouldBeRefused(reason) => Some(Why::WouldBeRefused(reason)),
            Fate::Forbidden(status) => Some(Why::Forbidden(status)),
            Fate::NotFound(status) => Some(Why::NotFound(status)),
        };
        let is_spelled = |text: &str| !text.contains(['*', '{', '}']);
        let forwarder = || {
            let base = self.options.base.as_ref().filter(|_| seen.caller.is_some())?;
            let peer = seen.peer.strip_prefix("spiffe://").unwrap_or(&seen.peer);
            let trusted = &base.egress.spec.authz.trusted_forwarders;
            (!trusted.iter().any(|one| one == peer)).then(|| Why::Forwarder(peer.to_owned()))
        };
        // Once a method and a host are known to be clear, they are not asked about again.
        let is_known = self.methods.numbers.contains_key(&*seen.method) && self.hosts.contains_key(host);
        let ambiguity = || if is_known { None } else { self.judge.ambiguity(&seen.method, host).map(Why::Ambiguous) };
        let is_lower = seen.method.bytes().any(|byte| byte.is_ascii_lowercase());
        // In a list it would be a pattern.
        let is_pattern = seen.method.contains('*');
        let spelling = || (is_lower || is_pattern || !is_spelled(&seen.path)).then_some(Why::Spelling);
        why.or_else(ambiguity).or_else(spelling).or_else(forwarder)
    }

    fn keep(&mut self, seen: &Seen<'_>, principal: &str, path: &str, host: &str) {
        let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
        let result = (|| {
            if segments.len() > DEEPEST {
                return Err("segments of a path");
            }
            let caller = self.callers.number(principal, MOST_CALLERS).ok_or("callers")?;
            let method = self.methods.number(&seen.method, MOST_METHODS).ok_or("methods")?;
            let method = u16::try_from(method).map_err(|_| "methods")?;
            let node = self.paths.entry(caller).or_default();
            let words = |full| match full {
                Full::Segments => "segments of all paths",
                Full::FirstSegments => "first segments of a caller",
                Full::Spellings => "spellings of a path",
            };
            let end = node.end(&segments, method, &mut self.left).map_err(words)?;
            end.note(&seen.path, *path == *seen.path).map_err(words)?;
            end.evidence.see(seen.kind, seen.at, seen.address.as_deref());
            Ok(())
        })();
        match result {
            Ok(()) => {
                add(&mut self.counts.kept);
                self.whole.see(seen.kind, seen.at, None);
                if seen.host.is_some() {
                    note_host(&mut self.hosts, host.to_owned());
                }
                if seen.caller.is_some() {
                    let peer = seen.peer.strip_prefix("spiffe://").unwrap_or(&seen.peer);
                    self.forwarders.insert(peer.to_owned());
                }
            }
            Err(limit) => add(self.counts.beyond.entry(limit).or_default()),
        }
    }

    fn set_apart(&mut self, seen: &Seen<'_>, principal: &str, why: Why) {
        add(&mut self.counts.apart);
        let (method, path) = (seen.method.to_string(), seen.path.to_string());
        let key = ApartKey { why, caller: principal.to_owned(), method, path };
        if self.apart.len() >= MOST_APART && !self.apart.contains_key(&key) {
            return add(self.counts.beyond.entry("requests that are listed").or_default());
        }
        self.apart.entry(key).or_default().see(seen.kind, seen.at, seen.address.as_deref());
    }
}

/// Counts a request for a host, if there is room for it.
fn note_host(hosts: &mut BTreeMap<String, u64>, host: String) {
    if hosts.len() < MOST_HOSTS || hosts.contains_key(&host) {
        add(hosts.entry(host).or_default());
    }
}

fn add(count: &mut u64) {
    *count = count.saturating_add(1);
}

/// A principal of the mesh's trust domain in the name that it has today: rules see no difference.
fn own_name(principal: &str, mesh: &Mesh) -> String {
    match account_of(principal, mesh) {
        Some(account) => {
            let (namespace, account) = account.split_once('/').unwrap_or_default();
            format!("{}/ns/{namespace}/sa/{account}", mesh.trust_domain)
        }
        None => principal.to_owned(),
    }
}

/// `NAMESPACE/ACCOUNT` of a principal of the mesh's own trust domain.
pub(super) fn account_of(principal: &str, mesh: &Mesh) -> Option<String> {
    let mut names = mesh.trust_domain_aliases.iter().chain([&mesh.trust_domain]).map(String::as_str);
    match principal.split('/').collect::<Vec<_>>().as_slice() {
        // In a rule, `cluster.local` stands for the mesh's trust domain whatever its name is.
        [domain, "ns", namespace, "sa", account]
            if (*domain == DEFAULT_TRUST_DOMAIN || names.any(|own| own == *domain))
                && dns::is_label(namespace)
                && dns::is_subdomain(account) =>
        {
            Some(format!("{namespace}/{account}"))
        }
        _ => None,
    }
}

/// The name that always stands for the mesh's own trust domain.
const DEFAULT_TRUST_DOMAIN: &str = "cluster.local";
