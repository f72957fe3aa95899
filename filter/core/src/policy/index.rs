//! The index: the rules that a request could match, found without looking at the others.
//!
//! # Design
//!
//! A rule is posted under pairs (source key, path key). A source key is an exact principal, service account, namespace
//! or request principal; a path key is a whole path pattern; either may be "any". A request has a few source keys
//! and as many path keys as patterns match its path, so the work is a handful of hash look-ups whether there are ten
//! rules or ten thousand. The index only proposes: every candidate is then evaluated in full, so a key that is too wide
//! costs time and never a wrong verdict.
//!
//! Rules of the policy in force and of its candidate are entries of the same index, and so are the regions of the change. One
//! search proposes all of them: a rule of the candidate costs a posting and not a second search.

#[cfg(feature = "compile")]
mod cost;
mod radix;
mod templates;

use alloc::vec::Vec;
use core::iter;

use self::radix::RadixTree;
use self::templates::TemplateTrie;
use super::rule::{CompiledRule, Operation, OperationMatcher, Source, SourceMatcher};
use crate::map::{ByteMap, PairMap};
use crate::matcher::path::{PathPattern, PathSet};
use crate::request::caller::IdentityField;
use crate::request::canonical::CanonicalRequest;
use crate::request::token::RequestPrincipal;

/// The key of rules that name no exact caller, or no path.
const ANY: u32 = 0;
/// With more pairs than this a rule is posted by one of its two keys only: 64 callers and 64 paths are still exact.
const MAX_PAIRS: usize = 4096;

/// The postings, and what gives the keys of a request.
#[derive(Debug, Default)]
pub struct Index {
    sources: SourceKeys,
    paths: PathKeys,
    /// (source key, path key) to the number of the first entry of its list.
    postings: PairMap,
    // One vector for all lists: most have one entry, and an allocation for each would be most of the index.
    entries: Vec<Entry>,
}

/// An entry of a list, whose rules ascend.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The position of a rule.
    position: u32,
    /// The number of the next entry; [`END`] after the last.
    next: u32,
}

/// Not the number of an entry.
const END: u32 = u32::MAX;

impl Index {
    /// Indexes the rules by their position.
    #[must_use]
    #[inline(never)]
    pub fn build(rules: &[CompiledRule]) -> Self {
        let mut index = Self::default();
        index.postings.reserve(rules.len());
        index.entries.reserve_exact(rules.len());
        // Each entry comes before those of its list, so the last rule is posted first.
        for (position, rule) in rules.iter().enumerate().rev() {
            let sources = index.sources.keys_of(rule.from.as_deref());
            let paths = index.paths.keys_of(rule.to.as_deref());
            for pair in pairs(&sources, &paths) {
                index.post(pair, u32::try_from(position).unwrap_or(u32::MAX));
            }
        }
        index.entries.shrink_to_fit();
        index
    }

    fn post(&mut self, pair: (u32, u32), position: u32) {
        let number = u32::try_from(self.entries.len()).unwrap_or(END);
        let first = self.postings.get(&pair).copied().unwrap_or(END);
        // Two sources of one rule may have the same key. Rules are posted in order, so a repetition is the first entry.
        if self.entry(first).is_none_or(|entry| entry.position != position) {
            self.entries.push(Entry { position, next: first });
            self.postings.insert(pair, number);
        }
    }

    fn entry(&self, number: u32) -> Option<Entry> {
        self.entries.get(usize::try_from(number).ok()?).copied()
    }

    /// The positions of the rules of a list.
    fn list(&self, first: u32) -> impl Iterator<Item = u32> {
        iter::successors(self.entry(first), |entry| self.entry(entry.next)).map(|entry| entry.position)
    }

    /// Calls `visit` with the position of every rule that could match; a position may come twice.
    pub(crate) fn candidates(&self, request: &CanonicalRequest<'_>, mut visit: impl FnMut(u32)) {
        let sources = self.sources.of_request(request);
        let mut at_path = |path: u32| {
            for source in &sources {
                let Some(first) = self.postings.get(&(*source, path)) else { continue };
                self.list(*first).for_each(&mut visit);
            }
        };
        at_path(ANY);
        self.paths.of_request(&request.path.text, &mut at_path);
        // A restrictive rule matches either spelling of the path, so both must find it.
        if let Some(raw) = request.path.raw {
            self.paths.of_request(raw, &mut at_path);
        }
    }
}

fn pairs(sources: &[u32], paths: &[u32]) -> Vec<(u32, u32)> {
    // The longer side stays: it tells more requests apart.
    if sources.len().saturating_mul(paths.len()) <= MAX_PAIRS {
        sources.iter().flat_map(|source| paths.iter().map(move |path| (*source, *path))).collect()
    } else if sources.len() > paths.len() {
        sources.iter().map(|source| (*source, ANY)).collect()
    } else {
        paths.iter().map(|path| (ANY, *path)).collect()
    }
}

/// The exact callers that rules name.
#[derive(Debug, Default)]
struct SourceKeys {
    count: u32,
    principals: ByteMap,
    service_accounts: ByteMap,
    namespaces: ByteMap,
    request_principals: ByteMap,
}

impl SourceKeys {
    /// The keys under which a rule with these sources must be found.
    fn keys_of(&mut self, from: Option<&[Source]>) -> Vec<u32> {
        let Some(sources) = from else { return vec![ANY] };
        let mut keys = Vec::new();
        for source in sources {
            match self.keys_of_source(source) {
                Some(found) => keys.extend(found),
                // One source that any caller may match makes the whole rule one for any caller.
                None => return vec![ANY],
            }
        }
        keys
    }

    /// The keys of the first field that names exact callers. All fields of a source must hold, so one of them is enough to
    /// find it. A `not` field finds nothing: it holds for all callers but those it names.
    fn keys_of_source(&mut self, source: &Source) -> Option<Vec<u32>> {
        for test in source.iter().filter(|test| !test.negated) {
            let (map, names) = match &test.matcher {
                SourceMatcher::Identity(IdentityField::Principal, set) => (&mut self.principals, set.all_exact()),
                SourceMatcher::Identity(IdentityField::ServiceAccount, set) => {
                    (&mut self.service_accounts, set.all_exact())
                }
                SourceMatcher::Identity(IdentityField::Namespace, set) => (&mut self.namespaces, set.all_exact()),
                SourceMatcher::RequestPrincipals(set) => (&mut self.request_principals, set.all_exact()),
                SourceMatcher::Identity(IdentityField::TrustDomain, _)
                | SourceMatcher::IpBlocks(_)
                | SourceMatcher::RemoteIpBlocks(_) => continue,
            };
            let Some(names) = names else { continue };
            let count = &mut self.count;
            return Some(names.into_iter().map(|name| intern(map, name, count)).collect());
        }
        None
    }

    /// The keys of a request: of the caller's identity, of its other names, which restrictive rules look at, and of its token.
    fn of_request(&self, request: &CanonicalRequest<'_>) -> Vec<u32> {
        let mut keys = vec![ANY];
        for (map, field) in [
            (&self.principals, IdentityField::Principal),
            (&self.service_accounts, IdentityField::ServiceAccount),
            (&self.namespaces, IdentityField::Namespace),
        ] {
            // Most policies name callers in one way only, and the parts of a name need not be cut out for the others.
            if !map.is_empty() {
                request.caller.visit(field, &mut |text| keys.extend(map.get(text)));
            }
        }
        // To read a token takes a while, so it is read only where rules name one.
        if !self.request_principals.is_empty() {
            let principal = request.request_principal().map(RequestPrincipal::as_str);
            keys.extend(principal.and_then(|principal| self.request_principals.get(principal.as_bytes())));
        }
        keys
    }
}

fn intern(map: &mut ByteMap, name: &[u8], count: &mut u32) -> u32 {
    if let Some(known) = map.get(name) {
        return *known;
    }
    *count = count.saturating_add(1);
    map.insert(name.into(), *count);
    *count
}

/// The path patterns that rules name.
#[derive(Debug, Default)]
struct PathKeys {
    count: u32,
    exact: ByteMap,
    prefixes: RadixTree,
    suffixes: RadixTree,
    templates: TemplateTrie,
}

impl PathKeys {
    /// The keys under which a rule with these operations must be found.
    fn keys_of(&mut self, to: Option<&[Operation]>) -> Vec<u32> {
        let Some(operations) = to else { return vec![ANY] };
        let mut keys = Vec::new();
        for operation in operations {
            let paths = operation.iter().filter(|test| !test.negated).find_map(|test| match &test.matcher {
                OperationMatcher::Paths(set) | OperationMatcher::Grpc(set) => Some(set),
                OperationMatcher::Hosts(_)
                | OperationMatcher::Ports(_)
                | OperationMatcher::Methods(_)
                | OperationMatcher::PathRegex(_) => None,
            });
            match paths.and_then(|set| self.keys_of_set(set)) {
                Some(found) => keys.extend(found),
                None => return vec![ANY],
            }
        }
        keys
    }

    fn keys_of_set(&mut self, set: &PathSet) -> Option<Vec<u32>> {
        let mut keys = Vec::new();
        for text in set.hashed() {
            keys.push(intern(&mut self.exact, text, &mut self.count));
        }
        for pattern in set.listed() {
            keys.push(match pattern {
                PathPattern::Exact(text) => intern(&mut self.exact, text, &mut self.count),
                PathPattern::Prefix(text) => self.prefixes.intern(text, &mut self.count),
                // A suffix is a prefix of the path read backwards.
                PathPattern::Suffix(text) => {
                    let reversed: Vec<u8> = text.iter().rev().copied().collect();
                    self.suffixes.intern(&reversed, &mut self.count)
                }
                PathPattern::Template(template) => self.templates.intern(template, &mut self.count),
                // It matches every path, so no key narrows it down.
                PathPattern::Present => return None,
            });
        }
        Some(keys)
    }

    fn of_request(&self, path: &[u8], visit: &mut impl FnMut(u32)) {
        if let Some(key) = self.exact.get(path) {
            visit(*key);
        }
        self.prefixes.visit_prefixes(path.iter().copied(), visit);
        self.suffixes.visit_prefixes(path.iter().rev().copied(), visit);
        self.templates.visit_matches(path, visit);
    }
}
