//! The lists of values that are written in a rule, by their place.

use sallyport_core::wire;

/// Calls `visit` with every list of values that is written in a rule, in a fixed order.
pub(super) fn each_list(rule: &mut wire::Rule, mut visit: impl FnMut(&mut Vec<String>)) {
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
        for list in [
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
        ] {
            list.iter_mut().for_each(&mut visit);
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
        for list in [
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
        ] {
            list.iter_mut().for_each(&mut visit);
        }
    }
    for condition in rule.when.iter_mut().flatten() {
        let wire::Condition { key: _, values, not_values, regex, not_regex, quantifier: _ } = condition;
        for list in [values, not_values, regex, not_regex] {
            list.iter_mut().for_each(&mut visit);
        }
    }
}

/// The lists of a rule, for reading.
pub(super) fn lists(rule: &wire::Rule) -> Vec<Vec<String>> {
    let mut lists = Vec::new();
    each_list(&mut rule.clone(), |list| lists.push(list.clone()));
    lists
}

/// The rule with another list in one place.
pub(super) fn with_list(rule: &wire::Rule, at: usize, values: &[String]) -> wire::Rule {
    let mut rule = rule.clone();
    let mut place = 0_usize;
    each_list(&mut rule, |list| {
        if place == at {
            *list = values.to_vec();
        }
        place = place.saturating_add(1);
    });
    rule
}
