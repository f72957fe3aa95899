//! What a caller gets from the gate: the answer to a refusal, and the annotation of an allowed response.
//!
//! # Design
//!
//! A caller learns the coarse reason and the id of its request, in one header, so that an operator of the gateway can
//! find the rest in the log. Which rule decided is disclosed only where the policy says so: it helps an attacker, too.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use crate::health::HealthPolicy;
use crate::verdict::{Decision, Reason, Refusal, Shadow, Verdict};

/// The one header. Its value is a token with parameters (RFC 8941, 3.3): `refused;reason=denied;id="..."`. Neither a caller
/// nor an upstream can send it through the gate.
pub const HEADER: &str = "x-sallyport";
/// The request header that a permitted request has on its way to the router: [`Engine::route`](crate::Engine::route).
///
/// The gateway's route matches it, so a gateway without the filter has no route to the upstream. It is not a secret: the
/// filter replaces whatever the caller sent, and the route removes it.
pub const ROUTE_HEADER: &str = "x-sallyport-route";
/// Longest request id that an answer repeats.
const MAX_REQUEST_ID: usize = 128;

/// The answer to a refused request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status: 400, 401 or 403; while the health gate is open the one in the file.
    pub status: u16,
    /// gRPC status, for gRPC callers: 3, 16, 7 or 14.
    pub grpc_status: u32,
    /// Envoy's `response_code_details`: `sallyport:REASON` or `sallyport:REASON:RULE`. No white space.
    pub details: String,
    /// The value of [`HEADER`].
    pub header: String,
    /// One line of text.
    pub body: String,
    /// `Retry-After` in seconds, where the same request may succeed later.
    pub retry_after: Option<u32>,
}

impl Answer {
    /// The answer to a refusal; `shadow` is what would have happened, disclosed where rules are.
    #[must_use]
    pub fn new(
        refusal: &Refusal<'_>,
        shadow: Option<&Shadow<'_>>,
        request_id: Option<&[u8]>,
        discloses_rule: bool,
    ) -> Self {
        let reason = refusal.reason.as_str();
        let mut header = format!("refused;reason={reason}");
        push_id(&mut header, request_id);
        if discloses_rule {
            push_rule(&mut header, "", refusal);
            if let Some(Shadow::WouldContinue(rule)) = shadow {
                header.push_str(";shadow=allowed");
                push(&mut header, "shadow-rule", rule.id);
            }
        }
        Self {
            status: refusal.reason.http_status(),
            grpc_status: refusal.reason.grpc_status(),
            details: format!("sallyport:{refusal}"),
            header,
            body: format!("refused by the egress gateway: {reason}\n"),
            retry_after: None,
        }
    }

    /// The answer to a request that is allowed while the health gate is open.
    #[must_use]
    pub fn upstream_down(health: Option<&HealthPolicy>, request_id: Option<&[u8]>) -> Self {
        let refusal = Refusal { reason: Reason::UpstreamDown, rule: None };
        let mut answer = Self::new(&refusal, None, request_id, false);
        if let Some((status, retry_after)) = health.map(HealthPolicy::refusal) {
            (answer.status, answer.retry_after) = (status, Some(retry_after));
        }
        answer
    }

    /// The answer on the kubelet's port: ready, not ready, or (`None`) that nothing else is there. Any client that reaches the
    /// port gets it, so it has no body and no header.
    #[must_use]
    pub fn readiness(is_ready: Option<bool>) -> Self {
        let (status, details) = match is_ready {
            Some(true) => (200, "sallyport:ready"),
            Some(false) => (503, "sallyport:not_ready"),
            None => (404, "sallyport:not_found"),
        };
        Self {
            status,
            grpc_status: 12,
            details: details.to_owned(),
            header: String::new(),
            body: String::new(),
            retry_after: None,
        }
    }
}

impl Answer {
    /// The headers of the answer.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        if !self.header.is_empty() {
            headers.push((HEADER, self.header.clone()));
        }
        headers.extend(self.retry_after.map(|seconds| ("retry-after", seconds.to_string())));
        headers
    }
}

/// The value of [`HEADER`] on an allowed response, where the policy discloses rules: the rule, and what shadow rules
/// would have done. `None` for a refusal.
#[must_use]
pub fn annotation(decision: &Decision<'_>) -> Option<String> {
    let Verdict::Continue(permit) = decision.verdict else { return None };
    let mut header = String::from("allowed");
    if let Some(rule) = permit.rule() {
        push(&mut header, "rule", rule.id);
    }
    if let Some(Shadow::WouldRefuse(refusal)) = decision.shadow {
        header.push_str(";shadow=refused");
        push(&mut header, "shadow-reason", refusal.reason.as_str());
        push_rule(&mut header, "shadow-", &refusal);
    }
    Some(header)
}

fn push_rule(header: &mut String, prefix: &str, refusal: &Refusal<'_>) {
    if let Reason::Ambiguous(kind) = refusal.reason {
        push(header, &format!("{prefix}kind"), kind.as_str());
    }
    if let Some(rule) = refusal.rule {
        push(header, &format!("{prefix}rule"), rule.id);
    }
}

fn push(header: &mut String, key: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = write!(header, ";{key}={value}");
}

/// Adds the id of the request, if it has the form of one: the caller chose its bytes.
fn push_id(header: &mut String, id: Option<&[u8]>) {
    let is_id = |id: &&[u8]| {
        !id.is_empty()
            && id.len() <= MAX_REQUEST_ID
            && id.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
    };
    if let Some(id) = id.filter(is_id)
        && let Ok(id) = core::str::from_utf8(id)
    {
        let _ = write!(header, ";id=\"{id}\"");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Ambiguity;
    use crate::verdict::RuleRef;

    #[test]
    fn refusals() {
        let rule = Some(RuleRef { index: 0, id: "no-admin" });
        for (reason, rule, disclosed, status, grpc, details, header) in [
            (Reason::Denied, rule, false, 403, 7, "sallyport:denied:no-admin", "refused;reason=denied;id=\"a-1\""),
            (
                Reason::Denied,
                rule,
                true,
                403,
                7,
                "sallyport:denied:no-admin",
                "refused;reason=denied;id=\"a-1\";rule=no-admin",
            ),
            (Reason::NoIdentity, None, true, 401, 16, "sallyport:no_identity", "refused;reason=no_identity;id=\"a-1\""),
            (
                Reason::Ambiguous(Ambiguity::DotSegment),
                None,
                true,
                400,
                3,
                "sallyport:ambiguous_request:dotSegment",
                "refused;reason=ambiguous_request;id=\"a-1\";kind=dotSegment",
            ),
        ] {
            let answer = Answer::new(&Refusal { reason, rule }, None, Some(b"a-1"), disclosed);
            assert_eq!((answer.status, answer.grpc_status), (status, grpc));
            assert_eq!((answer.details.as_str(), answer.header.as_str()), (details, header));
        }
    }

    #[test]
    fn what_a_shadow_rule_would_have_allowed_is_disclosed_where_rules_are() {
        let refusal = Refusal { reason: Reason::NotAllowed, rule: None };
        let shadow = Shadow::WouldContinue(RuleRef { index: 1, id: "new" });
        let header = |disclosed| Answer::new(&refusal, Some(&shadow), None, disclosed).header;
        assert_eq!(header(true), "refused;reason=not_allowed;shadow=allowed;shadow-rule=new");
        assert_eq!(header(false), "refused;reason=not_allowed");
    }

    #[test]
    fn an_id_with_other_bytes_is_not_repeated() {
        let refusal = Refusal { reason: Reason::NotAllowed, rule: None };
        for id in [&b""[..], b"a\"b", b"a b", b"\xff", &[b'a'; 200]] {
            assert_eq!(Answer::new(&refusal, None, Some(id), false).header, "refused;reason=not_allowed");
        }
    }
}
