//! What one request can cost at most: all rules with regular expressions that can be proposed for it together.
//!
//! A request has one path in at most two spellings, and one caller. So of the rules posted under whole paths, those of at
//! most two paths count, and of the ALLOW rules posted under exact callers, those of one principal, one service account, one
//! namespace and one token. Restrictive rules look at every name of a certificate, so all of them count.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::{ANY, Index};
use crate::policy::rule::CompiledRule;
use crate::wire::Action;

impl Index {
    /// The sum of [`CompiledRule::steps`] over the costliest set of rules that one request can meet.
    pub(crate) fn worst_case(&self, rules: &[CompiledRule]) -> u64 {
        let steps: Vec<u64> = rules.iter().map(CompiledRule::steps).collect();
        if steps.iter().all(|steps| *steps == 0) {
            return 0;
        }
        let whole_paths: BTreeSet<u32> = self.paths.exact.values().copied().collect();
        let sources = &self.sources;
        let maps = [&sources.principals, &sources.service_accounts, &sources.namespaces, &sources.request_principals];
        let kinds: BTreeMap<u32, usize> =
            (1_usize..).zip(maps).flat_map(|(kind, map)| map.values().map(move |key| (*key, kind))).collect();

        // By kind of key and whole path (`None`: any other path), and then by key: what the rules of that combination cost.
        let mut costs: BTreeMap<(usize, Option<u32>), BTreeMap<u32, u64>> = BTreeMap::new();
        // Restrictive rules count once, however many callers they are posted under.
        let mut for_all: BTreeSet<(u32, Option<u32>)> = BTreeSet::new();
        for ((source, path), first) in &self.postings {
            let whole = whole_paths.contains(path).then_some(*path);
            let kind = if *source == ANY { 0 } else { kinds.get(source).copied().unwrap_or(0) };
            for position in self.list(*first) {
                let Some(rule) = usize::try_from(position).ok().and_then(|at| Some((rules.get(at)?, *steps.get(at)?)))
                else {
                    continue;
                };
                let (kind, source) = match rule.0.action {
                    Action::Allow => (kind, *source),
                    Action::Deny | Action::Audit if for_all.insert((position, whole)) => (0, ANY),
                    Action::Deny | Action::Audit => continue,
                };
                let of_caller = costs.entry((kind, whole)).or_default().entry(source).or_default();
                *of_caller = of_caller.saturating_add(rule.1);
            }
        }
        // For each kind the costliest caller: with other paths, and with the whole path that costs most.
        let mut other_paths = [0_u64; 5];
        let mut one_path = [0_u64; 5];
        for ((kind, whole), callers) in costs {
            let costliest = callers.into_values().max().unwrap_or(0);
            let slots = if whole.is_some() { &mut one_path } else { &mut other_paths };
            if let Some(slot) = slots.get_mut(kind) {
                *slot = costliest.max(*slot);
            }
        }
        let two_paths = one_path.into_iter().map(|steps| steps.saturating_mul(2));
        other_paths.into_iter().chain(two_paths).fold(0, u64::saturating_add)
    }
}
