//! As few regions as possible: those that are told apart only by what does not matter to a reader are one.

use sallyport_core::wire;
use serde_json::json;

use super::merge::Side;
use super::region::{Change, Region, Scope, Source};
use crate::scenario::Effect;

/// Requests that no rule describes are one region for each kind of change, whatever rules decide them in the other policy.
/// Alternatives of a rule that differ only in their sources, or only in their operations, are one region.
pub(super) fn fold(regions: Vec<Region>) -> Vec<Region> {
    let mut regions: Vec<Region> = regions.into_iter().map(without_shadowed).collect();
    regions.sort_by_cached_key(Region::order);
    let regions = joined(regions, of_no_rule, add_others);
    let regions = joined(regions, |region| alike(region, true), |into, from| add_entries(into, from, true));
    let regions = joined(regions, |region| alike(region, false), |into, from| add_entries(into, from, false));
    regions.into_iter().map(Region::identified).collect()
}

/// What a policy in shadow mode lets pass, it lets pass whatever its rules say of it.
fn without_shadowed(region: Region) -> Region {
    let is_shadow = |effect: &Effect| *effect == Effect::Allowed(None);
    let of = match region.change() {
        Change::Widened if is_shadow(&region.new) => Side::New,
        Change::Narrowed if is_shadow(&region.old) => Side::Old,
        Change::Reason if region.scope.of == Side::New && is_shadow(&region.new) => Side::New,
        Change::Reason if region.scope.of == Side::Old && is_shadow(&region.old) => Side::Old,
        _ => return region,
    };
    let scope = Scope { rules: region.scope.rules, ..Scope::of_no_rule(of, Source::Shadow) };
    Region { scope, ..region }
}

/// Regions of the same key become one: the first, with what is added to it. Those without a key stay.
fn joined(
    regions: Vec<Region>,
    key: impl Fn(&Region) -> Option<String>,
    add: impl Fn(&mut Region, &Region),
) -> Vec<Region> {
    let mut places = std::collections::HashMap::new();
    let mut kept: Vec<Region> = Vec::new();
    for region in regions {
        let place = key(&region).map(|key| *places.entry(key).or_insert(kept.len()));
        match place.and_then(|place| kept.get_mut(place)) {
            Some(first) => {
                add(first, &region);
                first.scope.rules.extend(region.scope.rules);
            }
            None => kept.push(region),
        }
    }
    kept
}

fn of_no_rule(region: &Region) -> Option<String> {
    if region.scope.rule.is_some() || matches!(region.scope.from, Source::Rule(_)) {
        return None;
    }
    let own = if region.scope.of == Side::New { &region.new } else { &region.old };
    Some(format!("{:?} {:?} {own} {:?} {:?}", region.view, region.change(), region.scope.of, region.scope.from))
}

fn add_others(into: &mut Region, from: &Region) {
    let other = |region: &Region| match region.scope.of {
        Side::New => region.old.clone(),
        Side::Old | Side::Both => region.new.clone(),
    };
    for effect in std::iter::once(&other(from)).chain(&from.others) {
        if *effect != other(into) && !into.others.contains(effect) {
            into.others.push(effect.clone());
        }
    }
}

/// What two regions have in common that differ only in their sources, or only in their operations.
fn alike(region: &Region, is_from: bool) -> Option<String> {
    let mut rule = region.scope.rule.clone()?;
    let list = if is_from { rule.from.take().map(|_| ()) } else { rule.to.take().map(|_| ()) };
    let effect = |effect: &Effect| if effect.is_default() { None } else { Some(effect.to_string()) };
    let words = json!([
        effect(&region.old),
        effect(&region.new),
        rule,
        region.scope.fails,
        region.scope.and,
        region.scope.any_of
    ]);
    Some(format!("{:?} {:?} {:?} {list:?} {words}", region.view, region.scope.of, region.scope.from))
}

fn add_entries(into: &mut Region, from: &Region, is_from: bool) {
    let (Some(rule), Some(other)) = (&mut into.scope.rule, &from.scope.rule) else { return };
    let wire::Rule { from: sources, to: operations, .. } = other;
    if is_from {
        add(&mut rule.from, sources);
    } else {
        add(&mut rule.to, operations);
    }
    add_others(into, from);
    // What takes nothing away from the one cannot matter to it, so the exceptions of both hold for each.
    for exception in &from.scope.except {
        if !into.scope.except.contains(exception) {
            into.scope.except.push(exception.clone());
        }
    }
}

fn add<T: Clone + PartialEq>(list: &mut Option<Vec<T>>, more: &Option<Vec<T>>) {
    for entry in more.iter().flatten() {
        if let Some(list) = list
            && !list.contains(entry)
        {
            list.push(entry.clone());
        }
    }
}
