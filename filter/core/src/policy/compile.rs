//! From the wire shape to rules that can decide, or a refusal of the whole with every problem found.
//!
//! Each wire struct is destructured exhaustively, so a new field does not build until it has a meaning here.

mod condition;

use std::sync::Arc;

use super::error::{Code, InvalidPolicy, Problem};
use super::index::ByteMap;
use super::place::Place;
use super::rule::{
    Action, CompiledRule, IdentityField, Operation, OperationMatcher, OperationTest, Source, SourceMatcher, SourceTest,
};
use super::source::{
    ActionSource, FromSource, ModeSource, OperationSource, PolicySource, RuleSource, SourceSource, ToSource,
    WIRE_VERSION,
};
use crate::engine::Needs;
use crate::matcher::Flaw;
use crate::matcher::grpc;
use crate::matcher::host::{HostPattern, HostSet};
use crate::matcher::identity::{self, DEFAULT_TRUST_DOMAIN, TrustDomains};
use crate::matcher::method;
use crate::matcher::network::{self, NetworkSet};
use crate::matcher::path::{PathPattern, PathSet};
use crate::matcher::port::{self, PortSet};
use crate::matcher::regex::{RegexCompiler, RegexSet};
use crate::matcher::string::{StringPattern, StringSet};
use crate::request::canonical::Reading;
use crate::request::path::Tolerance;
use regex_lite::Regex;

/// Most rules in a policy.
pub const MAX_RULES: usize = 50_000;
/// Most sources, and most operations, in a rule (Istio's limit).
pub const MAX_ALTERNATIVES: usize = 512;
/// Most values in one list.
pub const MAX_VALUES: usize = 10_000;
/// Longest rule id, in bytes.
pub const MAX_RULE_ID: usize = 64;

/// What compilation gives.
#[derive(Debug)]
pub struct Compiled {
    pub(crate) upstream: Box<str>,
    pub(crate) enforced: bool,
    pub(crate) disclose_rule: bool,
    pub(crate) reading: Reading,
    pub(crate) rules: Vec<CompiledRule>,
    pub(crate) needs: Needs,
}

/// Compiles a policy, or says everything that is wrong with it.
pub fn compile(source: &PolicySource) -> Result<Compiled, InvalidPolicy> {
    let PolicySource {
        version,
        upstream,
        mode,
        trust_domain,
        trust_domain_aliases,
        trusted_forwarders,
        tolerate,
        disclose_rule,
        num_trusted_proxies,
        rules,
    } = source;
    let mut compiler = Compiler::new(source);
    compiler.check_version(*version);
    compiler.check_upstream(upstream);
    compiler.check_domains(trust_domain.as_deref(), trust_domain_aliases);
    let forwarders = compiler.forwarders(trusted_forwarders);
    if !forwarders.is_empty() {
        compiler.needs |= Needs::PEER;
    }
    compiler.source_address_known = *num_trusted_proxies == 0;
    let rules = compiler.rules(rules);
    if !compiler.problems.is_empty() {
        return Err(InvalidPolicy { problems: compiler.problems });
    }
    Ok(Compiled {
        upstream: upstream.as_str().into(),
        enforced: *mode == ModeSource::Enforce,
        disclose_rule: *disclose_rule,
        reading: Reading {
            domains: compiler.domains,
            tolerance: Tolerance::new(tolerate),
            forwarders,
            headers_with_twins: compiler.headers_with_twins,
        },
        rules,
        needs: compiler.needs,
    })
}

/// What is known, and what was found wrong, so far.
struct Compiler {
    problems: Vec<Problem>,
    domains: TrustDomains,
    tolerance: Tolerance,
    own_namespace: String,
    source_address_known: bool,
    regexes: RegexCompiler,
    needs: Needs,
    headers_with_twins: Vec<Box<[u8]>>,
}

impl Compiler {
    fn new(source: &PolicySource) -> Self {
        let own = source.trust_domain.as_deref().unwrap_or(DEFAULT_TRUST_DOMAIN);
        let own_namespace = source.upstream.split('/').next().unwrap_or("").to_owned();
        Self {
            problems: Vec::new(),
            domains: TrustDomains::new(own, &source.trust_domain_aliases),
            tolerance: Tolerance::new(&source.tolerate),
            own_namespace,
            source_address_known: true,
            regexes: RegexCompiler::default(),
            needs: Needs::default(),
            headers_with_twins: Vec::new(),
        }
    }

    fn report(&mut self, place: &Place<'_>, flaw: Flaw) {
        let Flaw { code, message, help } = flaw;
        self.problems.push(Problem { path: place.to_string(), code, message, help });
    }

    fn check_version(&mut self, version: u32) {
        if version != WIRE_VERSION {
            let flaw = Flaw::new(Code::Version, format_args!("the policy has version {version}")).help(format_args!(
                "this build reads version {WIRE_VERSION}; use a filter and a packager of one release"
            ));
            self.report(&Place::Field("version"), flaw);
        }
    }

    fn check_upstream(&mut self, upstream: &str) {
        let valid = upstream
            .split_once('/')
            .is_some_and(|(namespace, name)| identity::is_dns_label(namespace) && identity::is_dns_label(name));
        if !valid {
            let flaw = Flaw::new(Code::Upstream, format_args!("`{upstream}` does not name an upstream"))
                .help(format_args!("write `NAMESPACE/NAME`"));
            self.report(&Place::Field("upstream"), flaw);
        }
    }

    fn check_domains(&mut self, own: Option<&str>, aliases: &[String]) {
        let empty = || Flaw::new(Code::EmptyValue, format_args!("the trust domain is empty"));
        let check = |name: &str| if name.is_empty() { Err(empty()) } else { identity::check_trust_domain(name) };
        if let Some(Err(flaw)) = own.map(check) {
            self.report(&Place::Field("trustDomain"), flaw);
        }
        let list = Place::Field("trustDomainAliases");
        for (position, alias) in aliases.iter().enumerate() {
            if let Err(flaw) = check(alias) {
                self.report(&list.item(position), flaw);
            }
        }
    }

    fn forwarders(&mut self, texts: &[String]) -> Vec<Box<str>> {
        let list = Place::Field("trustedForwarders");
        let mut forwarders = Vec::new();
        for (position, text) in texts.iter().enumerate() {
            match identity::parse_principal(text, &self.domains).as_deref() {
                Ok([StringPattern::Exact(name)]) => forwarders.push(String::from_utf8_lossy(name).into()),
                Ok(_) => {
                    let flaw =
                        Flaw::new(Code::Principal, format_args!("the trusted forwarder `{text}` has a wildcard"))
                            .help(format_args!("name each forwarder whole: whoever matches may speak for anybody"));
                    self.report(&list.item(position), flaw);
                }
                Err(flaw) => self.report(&list.item(position), flaw.clone()),
            }
        }
        forwarders
    }

    fn rules(&mut self, sources: &[RuleSource]) -> Vec<CompiledRule> {
        let list = Place::Field("rules");
        if sources.len() > MAX_RULES {
            let flaw = Flaw::new(Code::Limit, format_args!("{} rules are more than {MAX_RULES}", sources.len()));
            self.report(&list, flaw);
            return Vec::new();
        }
        let mut first_use = ByteMap::default();
        let mut rules = Vec::with_capacity(sources.len());
        for (number, source) in (0u32..).zip(sources) {
            let position = usize::try_from(number).unwrap_or(usize::MAX);
            let place = list.item(position);
            match first_use.get(source.id.as_bytes()) {
                Some(first) => {
                    let flaw = Flaw::new(Code::DuplicateRuleId, format_args!("the rule id `{}` is taken", source.id))
                        .help(format_args!(
                            "`rules[{first}]` has it; the id is the rule's name in every log, so give each its own"
                        ));
                    self.report(&place.field("id"), flaw);
                }
                None => {
                    first_use.insert(source.id.as_bytes().into(), number);
                }
            }
            rules.push(self.rule(&place, source));
        }
        rules
    }

    fn rule(&mut self, place: &Place<'_>, source: &RuleSource) -> CompiledRule {
        let RuleSource { id, action, mode, from, to, when } = source;
        self.check_rule_id(&place.field("id"), id);
        if from.is_none() && to.is_none() && when.is_none() {
            let flaw = Flaw::new(Code::EmptyMatch, format_args!("the rule `{id}` says neither who nor what"))
                .help(format_args!("it would match every request of everybody; if that is meant, write `to: [{{operation: {{paths: [\"*\"]}}}}]`"));
            self.report(place, flaw);
        }
        let action = match action {
            ActionSource::Allow => Action::Allow,
            ActionSource::Deny => Action::Deny,
            ActionSource::Audit => Action::Audit,
        };
        CompiledRule {
            id: id.as_str().into(),
            action,
            enforced: *mode == ModeSource::Enforce,
            from: from.as_deref().map(|list| self.alternatives(&place.field("from"), list, Self::source)),
            to: to.as_deref().map(|list| self.alternatives(&place.field("to"), list, Self::operation)),
            when: when
                .as_deref()
                .map(|list| {
                    self.alternatives(&place.field("when"), list, |this, place, source| {
                        this.condition(place, source, action, *mode)
                    })
                    .into_iter()
                    .flatten()
                    .collect()
                })
                .unwrap_or_default(),
        }
    }

    fn check_rule_id(&mut self, place: &Place<'_>, id: &str) {
        let help = "an id has 1 to 64 letters, digits, `.`, `_` and `-`";
        if id.is_empty() {
            self.report(
                place,
                Flaw::new(Code::RuleId, format_args!("the rule's id is empty")).help(format_args!("{}", help)),
            );
        } else if id.len() > MAX_RULE_ID {
            self.report(
                place,
                Flaw::new(Code::RuleId, format_args!("the rule id `{id}` is too long")).help(format_args!("{}", help)),
            );
        } else if !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
            self.report(
                place,
                Flaw::new(Code::RuleId, format_args!("`{id}` is not a rule id")).help(format_args!("{}", help)),
            );
        }
    }

    /// A list whose entries are tried one by one: written, so not empty, and of bounded length.
    fn alternatives<S, C>(
        &mut self,
        place: &Place<'_>,
        sources: &[S],
        mut compile: impl FnMut(&mut Self, &Place<'_>, &S) -> C,
    ) -> Vec<C> {
        if sources.is_empty() {
            self.report(place, empty_list());
        }
        if sources.len() > MAX_ALTERNATIVES {
            let flaw =
                Flaw::new(Code::Limit, format_args!("{} entries are more than {MAX_ALTERNATIVES}", sources.len()));
            self.report(place, flaw);
            return Vec::new();
        }
        sources.iter().enumerate().map(|(position, source)| compile(self, &place.item(position), source)).collect()
    }

    fn source(&mut self, place: &Place<'_>, from: &FromSource) -> Source {
        let FromSource { source } = from;
        let place = &place.field("source");
        let SourceSource {
            principals,
            not_principals,
            request_principals,
            not_request_principals,
            namespaces,
            not_namespaces,
            service_accounts,
            not_service_accounts,
            trust_domains,
            not_trust_domains,
            ip_blocks,
            not_ip_blocks,
            remote_ip_blocks,
            not_remote_ip_blocks,
        } = source;
        self.check_service_account_company(place, source);
        let mut tests = Vec::new();
        for (field, negated, list, kind) in [
            ("principals", false, principals, IdentityField::Principal),
            ("notPrincipals", true, not_principals, IdentityField::Principal),
            ("serviceAccounts", false, service_accounts, IdentityField::ServiceAccount),
            ("notServiceAccounts", true, not_service_accounts, IdentityField::ServiceAccount),
            ("namespaces", false, namespaces, IdentityField::Namespace),
            ("notNamespaces", true, not_namespaces, IdentityField::Namespace),
            ("trustDomains", false, trust_domains, IdentityField::TrustDomain),
            ("notTrustDomains", true, not_trust_domains, IdentityField::TrustDomain),
        ] {
            let set = self.identity_set(&place.field(field), list.as_deref(), kind);
            tests.extend(set.map(|set| SourceTest { negated, matcher: SourceMatcher::Identity(kind, set) }));
        }
        for (field, negated, list) in
            [("requestPrincipals", false, request_principals), ("notRequestPrincipals", true, not_request_principals)]
        {
            if let Some(set) = self.string_set(&place.field(field), list.as_deref()) {
                self.needs |= Needs::METADATA;
                tests.push(SourceTest { negated, matcher: SourceMatcher::RequestPrincipals(set) });
            }
        }
        for (field, negated, list, remote) in [
            ("ipBlocks", false, ip_blocks, false),
            ("notIpBlocks", true, not_ip_blocks, false),
            ("remoteIpBlocks", false, remote_ip_blocks, true),
            ("notRemoteIpBlocks", true, not_remote_ip_blocks, true),
        ] {
            let place = &place.field(field);
            let Some(set) = self.network_set(place, list.as_deref()) else { continue };
            let matcher = if remote {
                self.needs |= Needs::SOURCE_ADDRESS;
                SourceMatcher::RemoteIpBlocks(set)
            } else {
                self.check_source_address(place, "remoteIpBlocks");
                SourceMatcher::IpBlocks(set)
            };
            tests.push(SourceTest { negated, matcher });
        }
        self.check_not_empty(place, tests.is_empty() && *source == SourceSource::default(), "source", "everyone");
        tests
    }

    /// Istio's own rule: `serviceAccounts` stands alone.
    fn check_service_account_company(&mut self, place: &Place<'_>, source: &SourceSource) {
        let accounts = source.service_accounts.is_some() || source.not_service_accounts.is_some();
        let others = source.principals.is_some()
            || source.not_principals.is_some()
            || source.namespaces.is_some()
            || source.not_namespaces.is_some();
        if accounts && others {
            let flaw =
                Flaw::new(Code::ServiceAccount, format_args!("service accounts stand beside principals or namespaces"))
                    .help(format_args!(
                        "a service account names its namespace already; write two sources if either may call"
                    ));
            self.report(&place.field("serviceAccounts"), flaw);
        }
    }

    fn check_source_address(&mut self, place: &Place<'_>, instead: &str) {
        self.needs |= Needs::SOURCE_ADDRESS;
        if !self.source_address_known {
            let flaw = Flaw::new(
                Code::SourceAddressHidden,
                format_args!("behind trusted proxies the gateway does not tell the packet's source address"),
            )
            .help(format_args!("use `{instead}`, or set `numTrustedProxies` to 0"));
            self.report(place, flaw);
        }
    }

    fn operation(&mut self, place: &Place<'_>, to: &ToSource) -> Operation {
        let ToSource { operation } = to;
        let place = &place.field("operation");
        let OperationSource {
            hosts,
            not_hosts,
            ports,
            not_ports,
            methods,
            not_methods,
            paths,
            not_paths,
            path_regex,
            not_path_regex,
            grpc,
            not_grpc,
        } = operation;
        let mut tests = Vec::new();
        for (field, negated, list, kind) in [
            ("methods", false, methods, OperationField::Methods),
            ("notMethods", true, not_methods, OperationField::Methods),
            ("paths", false, paths, OperationField::Paths),
            ("notPaths", true, not_paths, OperationField::Paths),
            ("grpc", false, grpc, OperationField::Grpc),
            ("notGrpc", true, not_grpc, OperationField::Grpc),
            ("hosts", false, hosts, OperationField::Hosts),
            ("notHosts", true, not_hosts, OperationField::Hosts),
            ("ports", false, ports, OperationField::Ports),
            ("notPorts", true, not_ports, OperationField::Ports),
            ("pathRegex", false, path_regex, OperationField::PathRegex),
            ("notPathRegex", true, not_path_regex, OperationField::PathRegex),
        ] {
            let matcher = self.operation_matcher(&place.field(field), list.as_deref(), kind);
            tests.extend(matcher.map(|matcher| OperationTest { negated, matcher }));
        }
        let empty = *operation == OperationSource::default();
        self.check_not_empty(place, empty, "operation", "everything");
        tests
    }

    fn operation_matcher(
        &mut self,
        place: &Place<'_>,
        list: Option<&[String]>,
        kind: OperationField,
    ) -> Option<OperationMatcher> {
        let tolerance = self.tolerance;
        Some(match kind {
            OperationField::Methods => {
                OperationMatcher::Methods(StringSet::new(self.values(place, list, |_, text| method::parse(text))?))
            }
            OperationField::Paths => {
                let paths = self.values(place, list, |_, text| PathPattern::parse(text, tolerance))?;
                OperationMatcher::Paths(PathSet::new(paths))
            }
            OperationField::Grpc => {
                OperationMatcher::Grpc(PathSet::new(self.values(place, list, |_, text| grpc::parse(text))?))
            }
            OperationField::Hosts => {
                OperationMatcher::Hosts(HostSet::new(self.values(place, list, |_, text| HostPattern::parse(text))?))
            }
            OperationField::Ports => {
                self.needs |= if list.is_some() { Needs::DESTINATION_ADDRESS } else { Needs::default() };
                OperationMatcher::Ports(PortSet::new(self.values(place, list, |_, text| port::parse(text))?))
            }
            OperationField::PathRegex => OperationMatcher::PathRegex(RegexSet::new(self.regexes(place, list)?)),
        })
    }

    fn check_not_empty(&mut self, place: &Place<'_>, empty: bool, noun: &str, reach: &str) {
        if empty {
            let flaw = Flaw::new(Code::EmptyMatch, format_args!("the {noun} has no field"))
                .help(format_args!("it would match {reach}; write a field, or leave the entry out"));
            self.report(place, flaw);
        }
    }

    /// Reads a list: `None` when it is not written; every flaw is reported in its place.
    fn values<T>(
        &mut self,
        place: &Place<'_>,
        list: Option<&[String]>,
        parse: impl Fn(&mut Self, &str) -> Result<T, Flaw>,
    ) -> Option<Vec<T>> {
        let mut values = Vec::new();
        self.each_value(place, list?, &mut |this, text| {
            values.push(parse(this, text)?);
            Ok(())
        });
        Some(values)
    }

    /// The part of [`Self::values`] that is the same for all; kept apart because it would be compiled for each.
    fn each_value(
        &mut self,
        place: &Place<'_>,
        list: &[String],
        read: &mut dyn FnMut(&mut Self, &str) -> Result<(), Flaw>,
    ) {
        if list.is_empty() {
            self.report(place, empty_list());
        }
        if list.len() > MAX_VALUES {
            let flaw = Flaw::new(Code::Limit, format_args!("{} values are more than {MAX_VALUES}", list.len()));
            return self.report(place, flaw);
        }
        for (position, text) in list.iter().enumerate() {
            if let Err(flaw) = read(self, text) {
                self.report(&place.item(position), flaw);
            }
        }
    }

    fn string_set(&mut self, place: &Place<'_>, list: Option<&[String]>) -> Option<StringSet> {
        self.values(place, list, |_, text| StringPattern::parse(text)).map(StringSet::new)
    }

    fn identity_set(&mut self, place: &Place<'_>, list: Option<&[String]>, field: IdentityField) -> Option<StringSet> {
        let values = self.values(place, list, |this, text| match field {
            IdentityField::Principal => identity::parse_principal(text, &this.domains),
            IdentityField::ServiceAccount => {
                identity::parse_service_account(text, &this.own_namespace).map(|pattern| vec![pattern])
            }
            IdentityField::Namespace => identity::parse_namespace(text).map(|pattern| vec![pattern]),
            IdentityField::TrustDomain => identity::parse_trust_domain(text, &this.domains),
        })?;
        self.needs |= Needs::PEER;
        Some(StringSet::new(values.into_iter().flatten().collect()))
    }

    fn network_set(&mut self, place: &Place<'_>, list: Option<&[String]>) -> Option<NetworkSet> {
        self.values(place, list, |_, text| network::parse(text)).map(NetworkSet::new)
    }

    fn regexes(&mut self, place: &Place<'_>, list: Option<&[String]>) -> Option<Vec<Arc<Regex>>> {
        self.values(place, list, |this, text| this.regexes.compile(text))
    }
}

fn empty_list() -> Flaw {
    Flaw::new(Code::EmptyList, format_args!("the list is empty"))
        .help(format_args!("write an entry, or leave the field out"))
}

/// The fields of an operation, each with its `not` twin.
#[derive(Clone, Copy)]
enum OperationField {
    Methods,
    Paths,
    Grpc,
    Hosts,
    Ports,
    PathRegex,
}
