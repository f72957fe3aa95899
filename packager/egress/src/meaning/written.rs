//! The lists of values that are written in a rule, by their place.

use sallyport_core::wire;
use serde_json::json;

/// Calls `visit` with every list of values that is written in a rule, in a fixed order, and with whether it is a `not` list.
fn each_list(rule: &mut wire::Rule, mut visit: impl FnMut(&mut Vec<String>, bool)) {
    for entry in rule.from.iter_mut().flatten() {
        let wire::Source {
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
        } = &mut entry.source;
        for (list, is_not) in [
            (principals, false),
            (not_principals, true),
            (request_principals, false),
            (not_request_principals, true),
            (namespaces, false),
            (not_namespaces, true),
            (service_accounts, false),
            (not_service_accounts, true),
            (trust_domains, false),
            (not_trust_domains, true),
            (ip_blocks, false),
            (not_ip_blocks, true),
            (remote_ip_blocks, false),
            (not_remote_ip_blocks, true),
        ] {
            list.iter_mut().for_each(|list| visit(list, is_not));
        }
    }
    for entry in rule.to.iter_mut().flatten() {
        let wire::Operation {
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
        } = &mut entry.operation;
        for (list, is_not) in [
            (hosts, false),
            (not_hosts, true),
            (ports, false),
            (not_ports, true),
            (methods, false),
            (not_methods, true),
            (paths, false),
            (not_paths, true),
            (path_regex, false),
            (not_path_regex, true),
            (grpc, false),
            (not_grpc, true),
        ] {
            list.iter_mut().for_each(|list| visit(list, is_not));
        }
    }
    for condition in rule.when.iter_mut().flatten() {
        let wire::Condition { key: _, values, not_values, regex, not_regex, quantifier: _ } = condition;
        for (list, is_not) in [(values, false), (not_values, true), (regex, false), (not_regex, true)] {
            list.iter_mut().for_each(|list| visit(list, is_not));
        }
    }
}

/// The lists of a rule, for reading, each with whether it is a `not` list.
pub(super) fn lists(rule: &wire::Rule) -> Vec<(Vec<String>, bool)> {
    let mut lists = Vec::new();
    each_list(&mut rule.clone(), |list, is_not| lists.push((list.clone(), is_not)));
    lists
}

/// The rule with another list in one place.
pub(super) fn with_list(rule: &wire::Rule, at: usize, values: &[String]) -> wire::Rule {
    let mut rule = rule.clone();
    let mut place = 0_usize;
    each_list(&mut rule, |list, _| {
        if place == at {
            *list = values.to_vec();
        }
        place = place.saturating_add(1);
    });
    rule
}

/// The rule with nothing but the field in this place: `to[0].operation.paths`, `when[1]`.
pub(super) fn only(rule: &wire::Rule, place: &str) -> Option<wire::Rule> {
    let value = serde_json::to_value(rule).ok()?;
    let (list, rest) = place.split_once('[')?;
    let (at, rest) = rest.split_once(']')?;
    let entry = value.get(list)?.get(at.parse::<usize>().ok()?)?;
    let kept = match rest.strip_prefix('.').and_then(|rest| rest.split_once('.')) {
        Some((part, field)) => json!({part: {field: entry.get(part)?.get(field)?}}),
        None => entry.clone(),
    };
    let policy = json!({
        "version": 1,
        "upstream": "a/b",
        "rules": [{"id": value.get("id")?, "action": value.get("action")?, list: [kept]}],
    });
    sallyport_core::engine::parse(policy.to_string().as_bytes()).ok()?.rules.pop()
}
