//! Help with the value in it, where what is written gives the whole answer.

use super::words::{What, plain};
use crate::code::Code;
use crate::diagnostic::UnplacedDiagnostic;
use crate::wording::quoted;
use crate::yaml::tree::{Entry, Node, Scalar};
use sallyport_core::dns::is_label;
use sallyport_core::wire::{Block, Presence};

/// What to write instead of a field of another tool, with the value that it has.
pub(super) fn of_entry(block: &Block, node: &Node, entry: &Entry) -> Option<String> {
    match (block.name, entry.key.name.as_str()) {
        ("tracing", "randomSamplingPercentage") => per_mille(entry.value.text()?),
        ("rollout", "weight" | "percent") => {
            let percent = whole(entry.value.text()?).filter(|percent| (1..=100).contains(percent))?;
            Some(format!("write `stage: canary` and `canary: {{percent: {percent}}}`"))
        }
        ("gateway", "autoscaling" | "hpa" | "horizontalPodAutoscaler") => replicas(&entry.value),
        ("paths", "prefix") => {
            let path = all_below(entry.value.text().filter(|path| path.starts_with('/'))?);
            let rewrite = node.text_at(&["rewrite"]).filter(|to| to.starts_with('/') && !to.contains('{'));
            let rewrite = rewrite.map(|to| format!(", and `rewrite: {}`", plain(&all_below(to))));
            Some(format!("write `path: {}`{}", plain(&path), rewrite.unwrap_or_default()))
        }
        _ => None,
    }
}

/// More to do about a text that does not fit its field, if that shows what was meant.
pub(super) fn of_scalar(what: What<'_>, scalar: &Scalar, flaw: UnplacedDiagnostic) -> UnplacedDiagnostic {
    let text = scalar.text.as_str();
    let help = match (flaw.code, what.field) {
        (Code::Duration, field) if field.to_ascii_lowercase().ends_with("timeout") && is_zero(text) => {
            Some(no_limit(what))
        }
        (Code::Name, "failover") => text
            .split_once('/')
            .map(|(_, name)| name)
            .filter(|name| is_label(name))
            .map(|name| format!("write {}: the others are in the same namespace", quoted(name))),
        (Code::Name, "revision") => text
            .strip_prefix("istio.io/rev=")
            .filter(|revision| is_label(revision))
            .map(|revision| format!("write {}", quoted(revision))),
        _ => None,
    };
    match help {
        Some(help) => flaw.help(help),
        None => flaw,
    }
}

/// In Envoy, a time limit of zero is none.
fn no_limit(what: What<'_>) -> String {
    let field = what.within.and_then(|block| block.field(what.field));
    match field.map(|field| field.presence) {
        Some(Presence::Optional) if what.field == "timeout" => "leave it out: without it there is no limit".to_owned(),
        _ => "leave it out, or write the longest time, such as `10s`".to_owned(),
    }
}

fn is_zero(text: &str) -> bool {
    text.contains('0') && text.chars().all(|c| c == '0' || c == '.' || c.is_ascii_alphabetic())
}

/// Ten times a percentage with at most one digit behind the point.
fn per_mille(percentage: &str) -> Option<String> {
    let (before, after) = percentage.split_once('.').unwrap_or((percentage, "0"));
    let tenths = whole(after).filter(|_| after.len() == 1)?;
    let share = whole(before)?.checked_mul(10)?.checked_add(tenths).filter(|share| *share <= 1000)?;
    Some(format!("write `samplingPerMille: {share}`, ten times the percentage"))
}

/// The bounds of an autoscaler.
fn replicas(autoscaler: &Node) -> Option<String> {
    let bound = |name: &str| autoscaler.text_at(&[name]).and_then(whole).filter(|bound| *bound > 0);
    let (least, most) = (bound("minReplicas"), bound("maxReplicas"));
    let least = least.map(|least| format!("`replicas: {least}`"));
    let most = most.map(|most| format!("`maxReplicas: {most}`"));
    let bounds: Vec<String> = least.into_iter().chain(most).collect();
    (!bounds.is_empty()).then(|| format!("write {}", bounds.join(" and ")))
}

/// All paths below one, as `path` and rules have them.
pub(super) fn all_below(path: &str) -> String {
    format!("{}/{{**}}", path.trim_end_matches('/'))
}

fn whole(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then_some(text)?.parse().ok()
}
