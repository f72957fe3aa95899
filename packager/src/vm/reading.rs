//! What the module has said of a request, as an outcome.

use sallyport_core::answer::ROUTE_HEADER;
use sallyport_core::attributes::{RULE, SHADOW};
use sallyport_core::verdict::{Ambiguity, Reason};
use sallyport_egress::scenario::{Effect, Outcome, Upstream};

use super::state::State;
use crate::exit::{Exit, Failure};

/// The outcome; the principal is not among what the module says.
pub(super) fn outcome(state: &State, goes_on: bool) -> Result<Outcome, Failure> {
    let text =
        |name: &str| state.attributes.get(name.as_bytes()).map(|value| String::from_utf8_lossy(value).into_owned());
    let effect = match &state.answer {
        Some(answer) => {
            let details = String::from_utf8_lossy(&answer.details).into_owned();
            refusal(details.strip_prefix("sallyport:").unwrap_or(&details)).ok_or_else(|| unknown(&details))?
        }
        None if goes_on => Effect::Allowed(text(RULE)),
        None => return Err(unknown("a request that is held back without an answer")),
    };
    let shadow = text(SHADOW).map(|shadow| match shadow.split_once(':') {
        Some(("would_allow", rule)) => Ok(Effect::Allowed(Some(rule.to_owned()))),
        Some(("would_refuse", refused)) => refusal(refused).ok_or_else(|| unknown(refused)),
        _ => Err(unknown(&shadow)),
    });
    let audits = state.grown.iter().filter_map(|name| {
        let name = String::from_utf8_lossy(name);
        Some(name.strip_prefix("sallyport.rule.")?.strip_suffix(".audited")?.to_owned())
    });
    let string = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let lines = |answer: &super::state::Answer| {
        answer.headers.iter().map(|(name, value)| (string(name), string(value))).collect()
    };
    Ok(Outcome {
        effect,
        shadow: shadow.transpose()?,
        audits: audits.collect(),
        principal: None,
        status: state.answer.as_ref().and_then(|answer| u16::try_from(answer.status).ok()),
        answer: state.answer.as_ref().map(lines).unwrap_or_default(),
        upstream: state.answer.is_none().then(|| upstream(state)),
    })
}

/// `REASON`, `REASON:RULE` or `ambiguous_request:KIND`.
fn refusal(text: &str) -> Option<Effect> {
    const REASONS: [Reason; 5] =
        [Reason::Denied, Reason::NotAllowed, Reason::NoIdentity, Reason::NoPolicy, Reason::UpstreamDown];
    let (word, detail) = text.split_once(':').map_or((text, None), |(word, detail)| (word, Some(detail)));
    if let Some(kind) = detail.and_then(Ambiguity::parse).filter(|kind| Reason::Ambiguous(*kind).as_str() == word) {
        return Some(Effect::Refused(Reason::Ambiguous(kind), None));
    }
    let reason = REASONS.into_iter().find(|reason| reason.as_str() == word)?;
    Some(Effect::Refused(reason, detail.map(str::to_owned)))
}

fn upstream(state: &State) -> Upstream {
    let (marks, others): (Vec<_>, Vec<_>) = state.headers.iter().partition(|(name, _)| name == ROUTE_HEADER.as_bytes());
    let string = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Upstream {
        route: marks.first().map(|(_, value)| string(value)).unwrap_or_default(),
        headers: others.into_iter().map(|(name, value)| (string(name), value.clone())).collect(),
    }
}

fn unknown(what: &str) -> Failure {
    Failure::new(Exit::Module, format!("the filter module gave no decision that is known here: {what}"))
        .with_help("it is of another version than this `sallyport`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_can_be_read() {
        for (text, expected) in [
            ("denied:no-admin", Some(Effect::Refused(Reason::Denied, Some("no-admin".to_owned())))),
            ("not_allowed", Some(Effect::Refused(Reason::NotAllowed, None))),
            ("ambiguous_request:escapedSlash", Some(Effect::Refused(Reason::Ambiguous(Ambiguity::EscapedSlash), None))),
            ("ready", None),
        ] {
            assert_eq!(refusal(text), expected, "{text}");
        }
    }
}
