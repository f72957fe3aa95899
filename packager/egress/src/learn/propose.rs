//! From what was seen to rules.

use std::collections::{BTreeMap, BTreeSet};

use sallyport_core::wire::{Action, FromEntry, Operation, Rule, Source, ToEntry};

use super::evidence::Evidence;
use super::generalise::{Found, Generaliser, Part, is_name_among_ids, of_spelling, text};
use super::group::{Access, Group, Spelled, group};
use super::name::Ids;
use super::tally::{ApartKey, Learner, Options, Why, account_of};

/// In the place of a caller: what the file allows already.
const ALLOWED: u32 = u32::MAX;
/// Names that one operation excepts from its templates.
const MOST_EXCEPTIONS: usize = 16;
/// Values of a segment that are shown.
const MOST_EXAMPLES: usize = 3;

/// A rule with what it was learned from.
#[derive(Clone, Debug)]
pub struct LearnedRule {
    /// Its id.
    pub id: String,
    /// Its callers.
    pub callers: Vec<LearnedCaller>,
    /// What they may do.
    pub operations: Vec<LearnedOperation>,
    /// What was seen of all of it.
    pub evidence: Evidence,
}

/// A caller of a rule.
#[derive(Clone, Debug)]
pub struct LearnedCaller {
    /// Its principal.
    pub principal: String,
    /// `NAMESPACE/ACCOUNT`, where a rule may say so.
    pub account: Option<String>,
    /// What was seen of it.
    pub evidence: Evidence,
}

/// An operation of a rule.
#[derive(Clone, Debug)]
pub struct LearnedOperation {
    /// Its methods.
    pub methods: Vec<String>,
    /// Its patterns, each with what was seen of it.
    pub paths: Vec<(String, Evidence)>,
    /// Names in the place of an id, which these callers did not request.
    pub not_paths: Vec<String>,
    /// How many more such names there are.
    pub more_names: usize,
}

/// A segment of which many values were seen.
#[derive(Clone, Debug)]
pub struct Generalisation {
    /// The pattern up to the segment.
    pub pattern: String,
    /// Whether names are among the values, and not only ids.
    pub has_names: bool,
    /// Whose requests these are.
    pub callers: Vec<String>,
    /// How many values were seen, at least.
    pub values: usize,
    /// Whether there were more.
    pub or_more: bool,
    /// Some of them.
    pub examples: Vec<String>,
}

impl Generalisation {
    /// Whether the pattern stands for whole paths of one segment, or begins with any segment.
    #[must_use]
    pub fn is_first_segment(&self) -> bool {
        self.pattern == "/{*}"
    }
}

/// A request from which rules were learned.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) principal: String,
    pub(super) method: String,
    pub(super) paths: Vec<Box<str>>,
}

/// Patterns of the whole log, each with the callers for whom it is kept.
type Others = BTreeMap<Vec<Part>, BTreeSet<u32>>;

/// What is proposed.
#[derive(Debug)]
pub(super) struct Proposal {
    pub(super) rules: Vec<LearnedRule>,
    pub(super) generalisations: Vec<Generalisation>,
    pub(super) apart: BTreeMap<ApartKey, Evidence>,
    pub(super) kept: Vec<Kept>,
    /// Lines that are no longer learned from, because they are rare.
    pub(super) rare: u64,
}

/// Why what was seen so is not learned from; `None`: it is. `judges_rare`: whether the log has several days.
fn why_rare(evidence: &Evidence, options: &Options, judges_rare: bool) -> Option<Why> {
    match evidence {
        _ if options.keeps_rare => None,
        evidence if evidence.is_timeless() => Some(Why::Timeless),
        evidence => (judges_rare && evidence.is_rare()).then_some(Why::Rare),
    }
}

impl Learner {
    /// The rules that allow what was seen.
    pub(super) fn propose(&mut self) -> Proposal {
        let mut generaliser = Generaliser::new(self.options.names, self.options.ids);
        let mut nodes: Vec<_> = std::mem::take(&mut self.paths).into_iter().collect();
        nodes.push((ALLOWED, std::mem::take(&mut self.allowed)));
        nodes.sort_by_key(|(caller, _)| *caller);
        generaliser.walk(&mut Vec::new(), nodes);
        let Generaliser { found, general, .. } = generaliser;
        let (allowed, found): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| found.caller == ALLOWED);
        let judges_rare = self.whole.days() > 1;
        let (rare, found): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|found| why_rare(&found.evidence, &self.options, judges_rare).is_some());
        let mut apart = std::mem::take(&mut self.apart);
        let mut others = Others::new();
        // A path of which the upstream knows nothing is no part of its API.
        for key in apart.keys().filter(|key| !matches!(key.why, Why::NotFound(_))) {
            if let Some(parts) = self.parts_of(&key.path) {
                others.entry(parts).or_default();
            }
        }
        for one in rare.iter().chain(&allowed) {
            others.entry(one.parts.clone()).or_default();
        }
        for one in &found {
            others.entry(one.parts.clone()).or_default().insert(one.caller);
        }
        let mut rare_lines = 0_u64;
        for Found { caller, method, parts, evidence, .. } in rare {
            rare_lines = rare_lines.saturating_add(evidence.calls());
            let (caller, method) = (self.callers.name(caller), self.methods.name(u32::from(method)));
            let why = why_rare(&evidence, &self.options, judges_rare).unwrap_or(Why::Rare);
            let key = ApartKey { why, caller: caller.to_owned(), method: method.to_owned(), path: text(&parts) };
            apart.insert(key, evidence);
        }
        let generalisations = general
            .into_iter()
            .filter_map(|segment| {
                let is_kept = |caller: &u32| {
                    found.iter().any(|found| found.caller == *caller && found.parts.starts_with(&segment.parts))
                };
                let callers: Vec<u32> = segment.callers.iter().copied().filter(is_kept).collect();
                (!callers.is_empty()).then(|| Generalisation {
                    pattern: text(&segment.parts),
                    has_names: matches!(segment.parts.last(), Some(Part::Any { has_names: true })),
                    callers: callers.iter().map(|caller| self.callers.name(*caller).to_owned()).collect(),
                    values: segment.values.len().saturating_add(segment.forgotten),
                    or_more: segment.forgotten > 0,
                    examples: segment.values.iter().take(MOST_EXAMPLES).map(ToString::to_string).collect(),
                })
            })
            .collect();
        let rules = self.rules(&found, &others);
        let kept = found.into_iter().map(|found| Kept {
            principal: self.callers.name(found.caller).to_owned(),
            method: self.methods.name(u32::from(found.method)).to_owned(),
            paths: found.samples.into_iter().chain(found.spellings).collect(),
        });
        Proposal { rules, generalisations, apart, kept: kept.collect(), rare: rare_lines }
    }

    /// A path as a pattern without anything general.
    fn parts_of(&self, path: &str) -> Option<Vec<Part>> {
        let (_, path) = self.judge.canonical(path).ok()?;
        Some(path.strip_prefix('/')?.split('/').map(|segment| Part::Literal(segment.into())).collect())
    }

    fn rules(&self, found: &[Found], others: &Others) -> Vec<LearnedRule> {
        let mut evidence: BTreeMap<(u32, Access), &Found> = BTreeMap::new();
        for one in found {
            let method = self.methods.name(u32::from(one.method)).to_owned();
            evidence.insert((one.caller, (spelled(one), method)), one);
        }
        let grants: BTreeSet<(u32, Access)> = evidence.keys().cloned().collect();
        let taken = self.options.base.iter().flat_map(|base| &base.egress.spec.authz.rules).map(|rule| &*rule.id);
        let mut ids = Ids::new(taken);
        let groups = group(&grants);
        groups.iter().map(|group| self.rule(group, &evidence, others, &mut ids)).collect()
    }

    fn rule(
        &self,
        Group { operations, callers }: &Group,
        evidence: &BTreeMap<(u32, Access), &Found>,
        others: &Others,
        ids: &mut Ids,
    ) -> LearnedRule {
        let mut of_caller: BTreeMap<u32, Evidence> = callers.iter().map(|one| (*one, Evidence::default())).collect();
        let mut all = Evidence::default();
        let mut learned = Vec::new();
        for (methods, patterns) in operations {
            let mut paths = Vec::new();
            let mut parts = Vec::new();
            for pattern in patterns {
                let mut of_pattern = Evidence::default();
                for (caller, method) in callers.iter().flat_map(|one| methods.iter().map(move |method| (one, method))) {
                    let Some(found) = evidence.get(&(*caller, (pattern.clone(), method.clone()))) else { continue };
                    of_pattern.absorb(&found.evidence);
                    of_caller.entry(*caller).or_default().absorb(&found.evidence);
                    parts.push(&found.parts);
                }
                all.absorb(&of_pattern);
                paths.extend(pattern.iter().map(|text| (text.clone(), of_pattern.clone())));
            }
            parts.sort();
            parts.dedup();
            let mut not_paths: Vec<String> =
                names_among_ids(&parts, callers, others).iter().map(|parts| text(parts)).collect();
            let more_names = not_paths.len().saturating_sub(MOST_EXCEPTIONS);
            not_paths.truncate(MOST_EXCEPTIONS);
            learned.push(LearnedOperation { methods: methods.iter().cloned().collect(), paths, not_paths, more_names });
        }
        let callers = of_caller.into_iter().map(|(caller, evidence)| {
            let principal = self.callers.name(caller).to_owned();
            LearnedCaller { account: self.account(&principal), principal, evidence }
        });
        let mut callers: Vec<LearnedCaller> = callers.collect();
        callers.sort_by(|one, other| one.principal.cmp(&other.principal));
        let principals: Vec<&str> = callers.iter().map(|caller| &*caller.principal).collect();
        let texts: Vec<&str> =
            learned.iter().flat_map(|operation| operation.paths.iter().map(|(path, _)| &**path)).collect();
        LearnedRule { id: ids.id(&principals, &texts), callers, operations: learned, evidence: all }
    }

    /// The account, unless the log has the same account of another trust domain: as in Istio, `serviceAccounts` does not look at
    /// the trust domain.
    fn account(&self, principal: &str) -> Option<String> {
        let account = account_of(principal, &self.options.mesh)?;
        let (_, path) = principal.split_once('/')?;
        let is_alike = |other: &String| other != principal && other.split_once('/').is_some_and(|(_, one)| one == path);
        (!self.callers.names.iter().any(is_alike)).then_some(account)
    }
}

/// Names in the place of ids of these patterns, which some of these callers did not request.
fn names_among_ids<'o>(
    parts: &[&'o Vec<Part>],
    callers: &BTreeSet<u32>,
    others: &'o Others,
) -> BTreeSet<&'o Vec<Part>> {
    let is_general = |part: &Part| matches!(part, Part::Any { .. });
    let mut names = BTreeSet::new();
    for general in parts.iter().filter(|parts| parts.iter().any(is_general)) {
        // What is like it begins as it does, up to the first general segment.
        let begin: Vec<Part> = general.iter().take_while(|part| !is_general(part)).cloned().collect();
        let alike = others.range(begin.clone()..).take_while(|(other, _)| other.starts_with(&begin));
        names.extend(alike.filter_map(|(other, own)| {
            let is_left_out = !callers.is_subset(own)
                && is_name_among_ids(general, other)
                && !parts.iter().any(|parts| !is_name_among_ids(parts, other) && overlap(parts, other));
            is_left_out.then_some(other)
        }));
    }
    names
}

fn overlap(one: &[Part], other: &[Part]) -> bool {
    let is_alike = |pair: (&Part, &Part)| match pair {
        (Part::Literal(one), Part::Literal(other)) => one == other,
        _ => true,
    };
    one.len() == other.len() && one.iter().zip(other).all(is_alike)
}

/// The pattern with the other spellings that are needed beside it.
fn spelled(found: &Found) -> Spelled {
    let usual = text(&found.parts);
    let others: BTreeSet<String> = found
        .spellings
        .iter()
        .map(|path| of_spelling(&found.parts, path).unwrap_or_else(|| path.to_string()))
        .filter(|text| *text != usual)
        .collect();
    std::iter::once(usual.clone()).chain(others).collect()
}

impl LearnedRule {
    /// The rule as the filter gets it.
    #[must_use]
    pub fn to_wire(&self) -> Rule {
        let list = |texts: Vec<String>| if texts.is_empty() { None } else { Some(texts) };
        let accounts: Vec<_> = self.callers.iter().filter_map(|caller| caller.account.clone()).collect();
        let is_foreign = |caller: &&LearnedCaller| caller.account.is_none();
        let principals: Vec<_> =
            self.callers.iter().filter(is_foreign).map(|caller| caller.principal.clone()).collect();
        let mut from = Vec::new();
        for (service_accounts, principals) in [(list(accounts), None), (None, list(principals))] {
            if service_accounts.is_some() || principals.is_some() {
                from.push(FromEntry { source: Source { service_accounts, principals, ..Source::default() } });
            }
        }
        let operation = |learned: &LearnedOperation| Operation {
            methods: Some(learned.methods.clone()),
            paths: Some(learned.paths.iter().map(|(path, _)| path.clone()).collect()),
            not_paths: list(learned.not_paths.clone()),
            ..Operation::default()
        };
        let to = self.operations.iter().map(|learned| ToEntry { operation: operation(learned) }).collect();
        Rule { id: self.id.clone(), action: Action::Allow, from: Some(from), to: Some(to), ..Rule::default() }
    }
}
