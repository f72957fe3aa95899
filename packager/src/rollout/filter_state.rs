//! Where the filter's rollout is, for `plan` and `status`, in every format.

use sallyport_egress::value::digest::Digest;
use serde_json::{Value, json};

use super::evidence::{Evidence, Missing};
use super::filter_goal::{goal, holders, obstacle};
use super::filter_seen::see_filter;
use super::state::{Gateway, State};
use crate::evidence::EvidenceArgs;
use crate::exit::Failure;
use crate::printable::visible;

/// What follows for a filter of which that is not known.
const NOT_KNOWING: &str = "it is not known to know candidates: no gateway that has it can have one. `sallyport image push` without \
    --wasm, with the `sallyport` that it belongs to, writes into the lock that it does";

/// A filter that is being rolled out.
pub(crate) struct FilterRollout {
    digest: Digest,
    knows_candidates: bool,
    /// The gateways that have it, and those that do not, as `NAMESPACE/NAME`.
    have: Vec<String>,
    lack: Vec<String>,
    /// What speaks for the next step, and what is missing before it.
    evidence: Evidence,
}

/// The filter that is rolled out by the lock; `None`: all gateways have that of the lock, or what their files say.
pub(crate) fn filter_rollout(state: &State, args: &EvidenceArgs) -> Result<Option<FilterRollout>, Failure> {
    let pinned = state.lock.pinned().next().map(|(_, digest)| digest.clone());
    if !state.rolls_out_a_filter() {
        return Ok(None);
    }
    let (digest, refused) = match goal(state, None) {
        Ok(goal) => (goal.digest().clone(), None),
        Err(failure) => {
            let next = state.lock.next.as_ref().and_then(|next| next.digest.parse().ok());
            let Some(digest) = next.or(pinned) else { return Ok(None) };
            (digest, Some(failure))
        }
    };
    let (having, lacking) = holders(state, &digest);
    let refused = refused.or_else(|| obstacle(state, lacking.first()?, &digest));
    let evidence = match refused {
        Some(Failure { message, help, .. }) => {
            let help = help.map_or_else(String::new, |help| format!("; {help}"));
            Evidence { lines: Vec::new(), missing: vec![Missing::new(message + &help)] }
        }
        // Where all have it, nothing is left to be seen.
        None if lacking.is_empty() => Evidence::default(),
        None => see_filter(state, &having, args)?,
    };
    let names = |gateways: &[Gateway<'_>]| gateways.iter().map(Gateway::name).collect();
    let (have, lack) = (names(&having), names(&lacking));
    Ok(Some(FilterRollout { knows_candidates: state.knows_candidates(&digest), digest, have, lack, evidence }))
}

impl FilterRollout {
    /// Whether something is missing before its next step.
    pub(super) fn waits(&self) -> bool {
        !self.evidence.missing.is_empty()
    }

    /// What there is to say, for people: whether it is about the line before it that is not, a name, and a value.
    fn facts(&self) -> Vec<(bool, &'static str, String)> {
        let Self { digest, knows_candidates, have, lack, evidence } = self;
        let all = have.len().saturating_add(lack.len());
        let which = if have.is_empty() { String::new() } else { format!(": {}", have.join(", ")) };
        let verb = if have.len() == 1 { "has" } else { "have" };
        let mut facts = vec![(
            false,
            "filter",
            format!("{digest} is rolled out: {} of {all} gateways {verb} it{which}", have.len()),
        )];
        if !knows_candidates {
            facts.push((true, "note", NOT_KNOWING.to_owned()));
        }
        facts.push((
            true,
            "next",
            self.next().map_or_else(
                || "every gateway has it: `sallyport promote --filter` makes it the filter of the lock".to_owned(),
                |name| format!("{name} gets it with `sallyport promote --filter`"),
            ),
        ));
        facts.extend(evidence.lines.iter().map(|line| (true, "evidence", line.clone())));
        facts.extend(evidence.missing.iter().map(|missing| (true, "missing", missing.text.clone())));
        facts
    }

    fn next(&self) -> Option<&str> {
        self.lack.first().map(String::as_str)
    }

    /// Lines for a terminal.
    pub(super) fn human(&self) -> String {
        self.lines(|name| format!("{name}: "))
    }

    /// A list for the comment of a pull request.
    pub(super) fn markdown(&self) -> String {
        self.lines(|name| format!("- **{name}**: "))
    }

    fn lines(&self, title: impl Fn(&str) -> String) -> String {
        let line = |(is_part, name, value): (bool, &str, String)| {
            format!("{}{}{}\n", if is_part { "  " } else { "" }, title(name), visible(&value))
        };
        self.facts().into_iter().map(line).collect()
    }

    /// An object: `digest`, `knowsCandidates`, `have`, `lack` and `next` (null: all have it), `evidence`, `missing`.
    pub(super) fn json(&self) -> Value {
        json!({
            "digest": self.digest.to_string(),
            "knowsCandidates": self.knows_candidates,
            "have": self.have,
            "lack": self.lack,
            "next": self.next(),
            "evidence": self.evidence.lines,
            "missing": self.evidence.missing.iter().map(|missing| &missing.text).collect::<Vec<_>>(),
        })
    }
}
