//! Fields of the deployment that depend on each other.

use super::super::defaults::Defaults;
use crate::code::Code;
use crate::diagnostic::{Sink, UnplacedDiagnostic};
use crate::model::Gateway;
use crate::model::deploy::OperationKind;
use crate::value::duration::Duration;
use crate::wording::{either, quoted};
use crate::yaml::tree::{Entry, Node};

/// Reports what contradicts each other in `gateway`, `route` and `patches`.
pub(super) fn check(spec: &Node, defaults: &Defaults, sink: &mut Sink) {
    if let Some(gateway) = spec.get("gateway") {
        check_replicas(gateway, defaults, sink);
        check_strategy(gateway, defaults, sink);
    }
    if let Some(route) = spec.get("route") {
        check_timeouts(route, sink);
    }
    for patch in spec.get("patches").map_or(&[][..], Node::items) {
        check_patch(patch, sink);
    }
}

/// Either number may be the Mesh's, but not both: then the Mesh is wrong, and was reported.
pub(super) fn check_replicas(gateway: &Node, defaults: &Defaults, sink: &mut Sink) {
    let number = |name: &str| match gateway.get(name) {
        Some(node) => Some(node.text().and_then(|text| text.parse::<u64>().ok())),
        None => defaults.number(&["gateway", name]).map(Some),
    };
    let least = match number("replicas") {
        Some(written) => written,
        None => Some(Gateway::default().replicas.into()),
    };
    // What is not a number was reported already.
    let (Some(Some(most)), Some(least)) = (number("maxReplicas"), least) else { return };
    let entry = gateway.entry("maxReplicas").or_else(|| gateway.entry("replicas"));
    if let (Some(entry), true) = (entry, most > 0 && most < least) {
        let flaw = UnplacedDiagnostic::new(
            Code::MaxReplicas,
            format!("`maxReplicas` ({most}) is less than `replicas` ({least})"),
        );
        sink.report(entry.value.span, flaw.help(format!("write `maxReplicas: {least}` or more, or fewer `replicas`")));
    }
}

/// With neither a pod more nor a pod less a rollout could not begin.
pub(super) fn check_strategy(gateway: &Node, defaults: &Defaults, sink: &mut Sink) {
    let number = |name: &str, missing: u32| match gateway.get(name) {
        Some(node) => node.text().and_then(|text| text.parse::<u64>().ok()),
        None => Some(defaults.number(&["gateway", name]).unwrap_or(missing.into())),
    };
    let Gateway { max_surge, max_unavailable, .. } = Gateway::default();
    let entry = gateway.entry("maxSurge").or_else(|| gateway.entry("maxUnavailable"));
    if let (Some(0), Some(0), Some(entry)) =
        (number("maxSurge", max_surge), number("maxUnavailable", max_unavailable), entry)
    {
        let flaw = UnplacedDiagnostic::new(
            Code::Strategy,
            "`maxSurge` and `maxUnavailable` are both 0: no rollout could begin",
        );
        sink.report(entry.value.span, flaw.help("write `maxUnavailable: 1`, or a `maxSurge` of 1 or more"));
    }
}

/// Istio's webhook refuses a longer time to connect.
const MOST_TO_CONNECT: std::time::Duration = std::time::Duration::from_secs(3600);

fn check_timeouts(route: &Node, sink: &mut Sink) {
    let connect = route.descend(&["connectionPool", "connectTimeout"]);
    if let Some((node, text)) = connect.and_then(|node| Some((node, node.text()?)))
        && text.parse::<Duration>().is_ok_and(|time| time.length() > MOST_TO_CONNECT)
    {
        let message = format!("`connectTimeout` {} is longer than an hour, which Istio refuses", quoted(text));
        sink.report(node.span, UnplacedDiagnostic::new(Code::Duration, message).help("write `1h` or less"));
    }
    let Some(node) = route.descend(&["retries", "perTryTimeout"]) else { return };
    let Some(each) = node.text() else { return };
    let Ok(length) = each.parse::<Duration>() else { return };
    let of_paths = route.items_at(&["paths"]).iter().filter_map(|path| path.get("timeout"));
    for whole in route.get("timeout").into_iter().chain(of_paths).filter_map(Node::text) {
        if whole.parse::<Duration>().is_ok_and(|limit| length.length() > limit.length()) {
            let message = format!("`perTryTimeout` {} is longer than `timeout` {}", quoted(each), quoted(whole));
            let flaw = UnplacedDiagnostic::new(Code::PerTryTimeout, message);
            return sink
                .report(node.span, flaw.help(format!("write {} or less, or a longer `timeout`", quoted(whole))));
        }
    }
}

pub(super) fn check_patch(patch: &Node, sink: &mut Sink) {
    match (patch.entry("merge"), patch.entry("json")) {
        (Some(merge), Some(json)) => {
            let (first, second) = if merge.key.span < json.key.span { (merge, json) } else { (json, merge) };
            let flaw = UnplacedDiagnostic::new(Code::PatchForm, "the patch has both `merge` and `json`");
            sink.report_twice(second.key.span, first.key.span, flaw.help("write two patches: they apply in order"));
        }
        (None, None) if patch.entry("kind").is_some() => {
            let flaw = UnplacedDiagnostic::new(Code::PatchForm, "the patch has neither `merge` nor `json`");
            sink.report(patch.span, flaw.help("write what is to change: `merge: {spec: {...}}`"));
        }
        _ => {}
    }
    for operation in patch.get("json").map_or(&[][..], Node::items) {
        check_operation(operation, sink);
    }
}

fn check_operation(operation: &Node, sink: &mut Sink) {
    let Some((op, at)) = operation.get("op").and_then(|node| Some((node.text()?, node.span))) else { return };
    let Some(kind) = OperationKind::parse(op) else { return };
    let (needed, useless): (Option<&str>, &[&str]) = match kind {
        OperationKind::Add | OperationKind::Replace | OperationKind::Test => (Some("value"), &["from"]),
        OperationKind::Move | OperationKind::Copy => (Some("from"), &["value"]),
        OperationKind::Remove => (None, &["from", "value"]),
    };
    if let Some(missing) = needed.filter(|name| operation.entry(name).is_none()) {
        let flaw =
            UnplacedDiagnostic::new(Code::JsonPatch, format!("{} needs `{missing}`", quoted(&format!("op: {op}"))));
        sink.report(at, flaw.help(format!("write `{missing}:`")));
    }
    let useless = useless.iter().filter_map(|name| operation.entry(name));
    for Entry { key, .. } in useless {
        let flaw = UnplacedDiagnostic::new(
            Code::JsonPatch,
            format!("`{}` is not used with {}", key.name, quoted(&format!("op: {op}"))),
        );
        let users = if key.name == "from" { ["move", "copy"].as_slice() } else { &["add", "replace", "test"] };
        sink.report(key.span, flaw.help(format!("remove it, or write {}", either(users.iter().copied()))));
    }
}
