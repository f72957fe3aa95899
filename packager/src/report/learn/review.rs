//! For people: what the log has, what the rules allow beyond it, and what is not in them.

use std::fmt::Write as _;

use sallyport_egress::learn::{Apart, Generalisation, Learned, Unread, Why, grouped};

use super::proposal::{LearnReport, counted};
use crate::printable::visible;

/// Requests of one reason that are listed.
const MOST_LISTED: usize = 20;
/// Callers that are named.
const MOST_CALLERS: usize = 5;

pub(super) fn render(report: &LearnReport<'_>) -> String {
    let mut text = String::new();
    counts(report, &mut text);
    if !report.learned.generalisations.is_empty() {
        text.push_str("\nThe rules allow any value of these segments:\n");
        let patterns: Vec<&str> = report.learned.generalisations.iter().map(|one| &*one.pattern).collect();
        let widest = patterns.iter().map(|pattern| pattern.len()).max().unwrap_or(0).min(40);
        for one in &report.learned.generalisations {
            line(&mut text, &format!("  {:widest$}  {}", visible(&one.pattern), generalisation(report, one)));
        }
    }
    names(report, &mut text);
    apart(report, &mut text);
    if !report.learned.rules.is_empty() {
        text.push_str("\nNothing is learned of headers and queries, because a log does not have them: add `when` where a rule needs it.");
    }
    text.trim_end().to_owned()
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn counts(report: &LearnReport<'_>, text: &mut String) {
    let learned = report.learned;
    let counts = &learned.counts;
    let mut parts = vec![format!("{} learned from", grouped(counts.kept))];
    let mut add = |number: u64, what: &str| {
        if number > 0 {
            parts.push(format!("{} {what}", grouped(number)));
        }
    };
    add(counts.allowed, "allowed by the file");
    add(counts.apart, "set apart");
    add(counts.other_hosts, "for other hosts");
    counts.unread.iter().for_each(|(why, number)| add(*number, why.words()));
    counts.beyond.iter().for_each(|(limit, number)| add(*number, &format!("beyond the limit on {limit}")));
    line(text, &format!("{}: {}", counted(counts.lines, "line", "lines"), parts.join(", ")));
    why_left_out(learned, text);
    if learned.rules.is_empty() {
        if counts.allowed > 0 {
            line(text, "no rule is missing");
        }
        return;
    }
    let callers: std::collections::BTreeSet<_> =
        learned.rules.iter().flat_map(|rule| rule.callers.iter().map(|caller| &caller.principal)).collect();
    let callers = counted(callers.len() as u64, "caller", "callers");
    let replayed = counted(learned.replayed as u64, "different request", "different requests");
    line(text, &format!("{} for {callers}; replayed {replayed}: all allowed", report.rules_in_words()));
    if learned.not_found_but_allowed > 0 {
        let requests = counted(learned.not_found_but_allowed, "request", "requests");
        line(text, &format!("allowed, too: {requests} that got 404 or the like, as others of the same form succeeded"));
    }
    if !learned.forwarders.is_empty() {
        line(text, "some callers came through a forwarder: `trustedForwarders` says whose word counts");
    }
    let is_foreign = |principal: &str| !principal.starts_with(&format!("{}/", report.trust_domain));
    let all = learned.rules.iter().flat_map(|rule| &rule.callers);
    if all.clone().next().is_some() && all.clone().all(|caller| is_foreign(&caller.principal)) {
        line(
            text,
            &format!(
                "every caller is of another trust domain than `{}`: name the Mesh file if it has the mesh's, `--mesh FILE`",
                report.trust_domain
            ),
        );
    }
}

/// What to do about many lines that were left out.
fn why_left_out(learned: &Learned, text: &mut String) {
    let counts = &learned.counts;
    let learned_from = counts.kept.saturating_add(counts.allowed);
    let left_out = |why| counts.unread.get(&why).copied().unwrap_or_default();
    // Without anything else the error says it.
    if left_out(Unread::FilterNoPrincipal) > 0 && learned_from > 0 {
        line(text, &format!("{FILTER_WITHOUT_PRINCIPAL}: {GIVE_ACCESS_LOG}"));
    }
    if left_out(Unread::NoPrincipal) > learned_from && learned_from > 0 {
        line(text, NO_PRINCIPAL);
    }
    if counts.timeless > 0 {
        let lines = counted(counts.timeless, "line has", "lines have");
        line(text, &format!("{lines} no time that can be read; such lines are of no known day"));
    }
    if counts.other_hosts > learned_from && learned_from > 0 {
        line(text, &format!("other hosts: {}", hosts(&learned.other_hosts)));
    }
}

/// Why the filter's own lines have no principal.
pub(crate) const FILTER_WITHOUT_PRINCIPAL: &str =
    "the filter's own lines name the caller only if a rule of the gateway looks at callers";
/// What has the callers.
pub(crate) const GIVE_ACCESS_LOG: &str =
    "give the gateway's JSON access log, which has every caller (`accessLog: json` in the Mesh file)";
/// Why lines of an access log have no principal.
pub(crate) const NO_PRINCIPAL: &str = "most lines have no principal: the caller was outside the mesh or sent plaintext, the \
    log is not the gateway's own, or its format has the principal at another key (`--principal-key KEY`)";

/// Hosts with how often each was called, the most frequent first.
pub(crate) fn hosts(hosts: &[(String, u64)]) -> String {
    let mut hosts: Vec<_> = hosts.iter().collect();
    hosts.sort_by_key(|(_, calls)| std::cmp::Reverse(*calls));
    let name = |host: &str| if host.is_empty() { "no host".to_owned() } else { format!("`{}`", visible(host)) };
    let listed: Vec<_> =
        hosts.iter().take(10).map(|(host, calls)| format!("{} ({})", name(host), grouped(*calls))).collect();
    let more = hosts.len().saturating_sub(10);
    if more > 0 { format!("{} and {more} more", listed.join(", ")) } else { listed.join(", ") }
}

fn generalisation(report: &LearnReport<'_>, one: &Generalisation) -> String {
    let kind = match (one.has_names, one.values) {
        (true, 1) => "value",
        (true, _) => "values",
        (false, 1) => "id",
        (false, _) => "ids",
    };
    let more = if one.or_more { "more than " } else { "" };
    let callers: Vec<String> = one.callers.iter().take(MOST_CALLERS).map(|caller| short(report, caller)).collect();
    let others = one.callers.len().saturating_sub(MOST_CALLERS);
    let mut text =
        format!("{more}{} {kind}, such as {}", grouped(one.values as u64), visible(&one.examples.join(", ")));
    let _ = write!(text, "; {}", callers.join(", "));
    if others > 0 {
        let _ = write!(text, " and {others} more");
    }
    if one.is_first_segment() {
        text.push_str(" (this is the whole path, or its beginning)");
    }
    text
}

/// Names beside ids that are allowed because there are too many of them to be excepted.
fn names(report: &LearnReport<'_>, text: &mut String) {
    for rule in &report.learned.rules {
        let more = rule.operations.iter().map(|operation| operation.more_names).fold(0, usize::saturating_add);
        if more > 0 {
            line(
                text,
                &format!("`{}` also allows {more} names in the place of an id that its callers did not use", rule.id),
            );
        }
    }
}

fn apart(report: &LearnReport<'_>, text: &mut String) {
    let mut rest = report.learned.apart.as_slice();
    if rest.is_empty() {
        return;
    }
    text.push_str("\nNot learned, for review:\n");
    while let Some(first) = rest.first() {
        let same = rest.iter().take_while(|one| kind(&one.key.why) == kind(&first.key.why)).count();
        let (these, others) = rest.split_at_checked(same).unwrap_or((rest, &[]));
        line(text, &format!("  {}", kind(&first.key.why)));
        for one in these.iter().take(MOST_LISTED) {
            line(text, &format!("    {}", request(report, one)));
        }
        let more = these.len().saturating_sub(MOST_LISTED);
        if more > 0 {
            line(text, &format!("    and {more} more: `--format json` lists all"));
        }
        rest = others;
    }
}

fn request(report: &LearnReport<'_>, Apart { key, evidence, is_allowed }: &Apart) -> String {
    let detail = detail(&key.why).map_or_else(String::new, |detail| format!(" ({})", visible(detail)));
    let allowed = if *is_allowed { "; the rules allow it" } else { "" };
    let (method, path) = (visible(&key.method), visible(&key.path));
    format!("{method} {path} from {}: {evidence}{detail}{allowed}", short(report, &key.caller))
}

/// `NAMESPACE/ACCOUNT` of a caller of the mesh's own trust domain.
fn short(report: &LearnReport<'_>, principal: &str) -> String {
    let own = principal.strip_prefix(report.trust_domain).and_then(|rest| rest.strip_prefix("/ns/"));
    own.map_or_else(|| principal.to_owned(), |rest| rest.replacen("/sa/", "/", 1))
}

fn kind(why: &Why) -> &'static str {
    match why {
        Why::Refused(_) => "the gateway refused it",
        Why::WouldBeRefused(_) => "what is in shadow mode would refuse it, not for want of a rule",
        Why::Denied(_) => "a DENY rule of the file refuses it",
        Why::Conditional(_) => "a rule of the file allows it if its conditions hold, of which a log says nothing",
        Why::Forbidden(_) => "the upstream refused it",
        Why::Ambiguous(_) => "it is ambiguous, and the gateway refuses it",
        Why::Spelling => "no list of methods or paths can have it",
        Why::Forwarder(_) => "it came through a forwarder that the file does not trust",
        Why::Rare => "seen on one day only, and by one address",
        Why::Timeless => "seen only in lines without a time that can be read, so on no known day",
        Why::NotFound(_) => "the upstream does not have it",
    }
}

fn detail(why: &Why) -> Option<&str> {
    match why {
        Why::Refused(text)
        | Why::WouldBeRefused(text)
        | Why::Denied(text)
        | Why::Conditional(text)
        | Why::Forbidden(text)
        | Why::Ambiguous(text)
        | Why::Forwarder(text)
        | Why::NotFound(text) => Some(text),
        Why::Spelling | Why::Rare | Why::Timeless => None,
    }
}
