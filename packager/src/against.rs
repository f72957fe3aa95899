//! Cases sent to a gateway that runs, with the certificates of their callers.

mod certificates;
mod exchange;

use std::path::Path;

use sallyport_core::verdict::{Ambiguity, Reason};
use sallyport_egress::cases::Case;
use sallyport_egress::scenario::{ByEnvoy, Effect, Outcome};

use crate::exit::{Exit, Failure};
use certificates::Certificates;
use exchange::{Gateway, Reply};

/// A gateway, and who may call it.
pub(crate) struct Target {
    gateway: Gateway,
    certificates: Certificates,
    trust_domain: String,
}

/// What a gateway made of a case, or why it was not sent.
#[derive(Debug)]
pub(crate) enum Sent {
    /// What came of it; what a gateway does not say is as the command computes it.
    Came(Outcome),
    /// It was not sent.
    Skipped(String),
}

impl Target {
    /// The gateway at a URL, with certificates named as `run` names them. `ca` signs the gateway's own.
    pub(crate) fn new(url: &str, folder: &Path, ca: Option<&Path>, trust_domain: &str) -> Result<Self, Failure> {
        let gateway = Gateway::at(url)?;
        let certificates = Certificates::of(folder, ca)?;
        Ok(Self { gateway, certificates, trust_domain: trust_domain.to_owned() })
    }

    /// Sends a case, if it may be sent: one that is allowed reaches the upstream.
    pub(crate) fn send(&self, case: &Case<'_>, native: &Outcome, may_be_allowed: bool) -> Result<Sent, Failure> {
        let caller = &case.scenario.caller;
        let reason = match () {
            () if native.effect.is_allowed() && !may_be_allowed => "it would reach the upstream (`--send-allowed`)",
            () if caller.token.is_some() => "it needs a token, which only its issuer can make",
            () if !caller.metadata.is_empty() => "other filters say the metadata",
            () if !caller.forwarded.is_empty() => "its forwarder sends it",
            () if native.effect == Effect::ByEnvoy(ByEnvoy::ServerName) => "the gateway does not serve its server name",
            () => "",
        };
        if !reason.is_empty() {
            return Ok(Sent::Skipped(reason.to_owned()));
        }
        let principal = caller.certificate.as_ref().and_then(|certificate| certificate.principal());
        let stem = principal.map(|principal| stem(principal, &self.trust_domain));
        let Some(config) = self.certificates.config(stem.as_deref())? else {
            return Ok(Sent::Skipped(format!("there is no certificate `{}.pem`", stem.unwrap_or_default())));
        };
        let name = caller.server_name.as_deref().unwrap_or_default();
        let reply = self.gateway.exchange(&case.scenario.request, name, config)?;
        Ok(Sent::Came(outcome(native, &reply)))
    }
}

/// As `run` names the files of a caller.
fn stem(principal: &str, trust_domain: &str) -> String {
    match principal.split('/').collect::<Vec<_>>().as_slice() {
        [own, "ns", namespace, "sa", account] if *own == trust_domain => format!("{namespace}.{account}"),
        [other, "ns", namespace, "sa", account] => format!("{namespace}.{account}@{other}"),
        _ => principal.replace('/', "."),
    }
}

/// What the gateway says, and the rest as it was computed.
fn outcome(native: &Outcome, reply: &Reply) -> Outcome {
    let Some(spoken) = reply.spoken.as_deref().filter(|spoken| spoken.starts_with("refused")) else {
        if matches!(native.effect, Effect::ByEnvoy(_)) && native.status == Some(reply.status) {
            return native.clone();
        }
        let effect = if native.effect.is_allowed() { native.effect.clone() } else { Effect::Allowed(None) };
        return Outcome { effect, status: None, ..native.clone() };
    };
    let parameter = |name: &str| {
        let found = spoken.split(';').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        found.map(|value| value.trim_matches('"'))
    };
    let kind = parameter("kind").and_then(Ambiguity::parse);
    const REASONS: [Reason; 5] =
        [Reason::Denied, Reason::NotAllowed, Reason::NoIdentity, Reason::NoPolicy, Reason::UpstreamDown];
    let word = parameter("reason").unwrap_or_default();
    let reason = REASONS.into_iter().find(|reason| reason.as_str() == word);
    let native_kind = match native.effect.reason() {
        Some(Reason::Ambiguous(kind)) => Some(kind),
        _ => None,
    };
    // The kind and the rule are said only where the policy discloses them.
    let reason = reason.or_else(|| kind.or(native_kind).map(Reason::Ambiguous)).unwrap_or(Reason::NoPolicy);
    let is_same = native.effect.reason() == Some(reason);
    let rule = parameter("rule").or_else(|| native.effect.rule().filter(|_| is_same));
    let effect = Effect::Refused(reason, rule.map(str::to_owned));
    Outcome { effect, status: Some(reply.status), upstream: None, ..native.clone() }
}

/// What the cases of a run came to, but for their reports.
pub(crate) fn nothing_sent(skipped: &[String]) -> Failure {
    let first = skipped.first().map_or_else(String::new, |reason| format!(": {reason}"));
    Failure::new(Exit::Io, format!("no case was sent to the gateway{first}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_what_the_header_says() {
        let native = Outcome {
            effect: Effect::Refused(Reason::Denied, Some("no-admin".to_owned())),
            shadow: None,
            audits: Vec::new(),
            principal: None,
            status: Some(403),
            answer: Vec::new(),
            upstream: None,
        };
        let came = |status: u16, spoken: Option<&str>| {
            outcome(&native, &Reply { status, spoken: spoken.map(str::to_owned) }).effect
        };
        assert_eq!(came(403, Some("refused;reason=denied;id=\"1\"")), native.effect);
        assert_eq!(came(403, Some("refused;reason=not_allowed")), Effect::Refused(Reason::NotAllowed, None));
        assert_eq!(
            came(403, Some("refused;reason=denied;rule=\"b\"")),
            Effect::Refused(Reason::Denied, Some("b".to_owned()))
        );
        assert_eq!(
            came(400, Some("refused;reason=ambiguous_request;kind=semicolon")),
            Effect::Refused(Reason::Ambiguous(Ambiguity::Semicolon), None)
        );
        assert_eq!(came(200, None), Effect::Allowed(None));
        let unserved = Outcome { effect: Effect::ByEnvoy(ByEnvoy::Host), status: Some(404), ..native.clone() };
        let reply = |status| Reply { status, spoken: None };
        assert_eq!(outcome(&unserved, &reply(404)).effect, unserved.effect);
        assert_eq!(outcome(&unserved, &reply(200)).effect, Effect::Allowed(None));
        assert_eq!(stem("cluster.local/ns/a/sa/b", "cluster.local"), "a.b");
        assert_eq!(stem("other/ns/a/sa/b", "cluster.local"), "a.b@other");
    }
}
