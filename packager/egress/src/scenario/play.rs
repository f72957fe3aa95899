//! A scenario through the stages of the filter.

use std::net::SocketAddr;

use sallyport_core::Engine;
use sallyport_core::answer::ROUTE_HEADER;
use sallyport_core::flow::{Answered, Forward, Needs, Properties, RequestHeaders, RequestStep, WorkerState};
use sallyport_core::outbound::Edit;
use sallyport_core::request::encode_metadata;
use sallyport_core::verdict::{Decision, Reason};

use super::{Caller, Effect, Outcome, Request, Scenario, Upstream};

/// Where a gateway writes who called.
const CERTIFICATES: &str = "x-forwarded-client-cert";
/// Stands for the digests of certificates: the connection's own, and those of others.
const DIGEST: &str = "0";
const OTHER_DIGEST: &str = "1";
/// Stands for random bytes, so that an outcome is the same each time.
const IDS: [u8; 24] = [0x5a; 24];
/// Where the source port of a connection does not matter.
const SOURCE_PORT: u16 = 50_000;

impl Scenario {
    /// What a gateway with this policy makes of the request while the upstream is healthy.
    #[must_use]
    pub fn play(&self, engine: &Engine) -> Outcome {
        let sent = self.headers(engine);
        let headers: Vec<(&[u8], &[u8])> = sent.iter().map(|(name, value)| (name.as_bytes(), &**value)).collect();
        let mut properties = Properties::default();
        properties.set_ids(IDS);
        let mut worker = WorkerState::new(engine);
        let mut stage = RequestHeaders::default();
        loop {
            match stage.next(engine, &mut worker, &headers, &properties) {
                RequestStep::Ask(needs) => self.caller.look_up(needs, &mut properties),
                RequestStep::Answer(Answered { answer, .. }) => {
                    let decision = engine.on_request(&properties.view(&headers));
                    let lines = answer.headers().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
                    let outcome = outcome(&decision);
                    let principal = outcome.principal.clone().or_else(|| self.principal_if_clear(engine, &outcome));
                    return Outcome { status: Some(answer.status), answer: lines, principal, ..outcome };
                }
                RequestStep::Forward(Forward { route, edits, .. }) => {
                    let decision = engine.on_request(&properties.view(&headers));
                    let upstream = Upstream { route: route.to_owned(), headers: edited(&sent, &edits) };
                    return Outcome { upstream: Some(upstream), ..outcome(&decision) };
                }
            }
        }
    }

    /// Of a request that is refused as ambiguous the engine names no caller. It is the caller of a request that is not, with the
    /// same certificates, if these are not what is ambiguous.
    fn principal_if_clear(&self, engine: &Engine, outcome: &Outcome) -> Option<String> {
        let Effect::Refused(Reason::Ambiguous(_), _) = outcome.effect else { return None };
        let of_caller = self.request.headers.iter().filter(|(name, _)| name == CERTIFICATES).cloned();
        let request = Request { headers: of_caller.collect(), ..Request::new("GET", "clear", "/") };
        Self { caller: self.caller.clone(), request }.decide(engine).principal
    }

    /// The decision alone, without what becomes of the request: quick.
    #[must_use]
    pub fn decide(&self, engine: &Engine) -> Outcome {
        let sent = self.headers(engine);
        let headers: Vec<(&[u8], &[u8])> = sent.iter().map(|(name, value)| (name.as_bytes(), &**value)).collect();
        let mut properties = Properties::default();
        self.caller.look_up(engine.needs(), &mut properties);
        outcome(&engine.on_request(&properties.view(&headers)))
    }

    /// Every header as the filter of a gateway with this policy gets it, in order.
    #[must_use]
    pub fn headers(&self, engine: &Engine) -> Vec<(String, Vec<u8>)> {
        let Request { method, authority, path, headers } = &self.request;
        let mut all = vec![
            (":method".to_owned(), method.clone()),
            (":authority".to_owned(), authority.clone()),
            (":scheme".to_owned(), b"https".to_vec()),
            (":path".to_owned(), path.clone()),
        ];
        all.extend(headers.iter().cloned());
        if let Some(own) = self.caller.own_header(engine) {
            // The gateway writes it behind what was sent, into one line.
            let (sent, mut others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(name, _)| name == CERTIFICATES);
            let lines: Vec<_> = sent.into_iter().map(|(_, value)| value).chain([own.into_bytes()]).collect();
            others.push((CERTIFICATES.to_owned(), lines.join(&b","[..])));
            return others;
        }
        all
    }
}

impl Caller {
    /// What the gateway writes into `x-forwarded-client-cert`. One whose policy trusts no forwarder removes what the caller
    /// sent.
    fn own_header(&self, engine: &Engine) -> Option<String> {
        let own = self.certificate.as_ref()?;
        let keeps = engine.needs().contains(Needs::PEER_DIGEST);
        let others = self.forwarded.iter().filter(|_| keeps).map(|certificate| certificate.element(OTHER_DIGEST));
        Some(others.chain([own.element(DIGEST)]).collect::<Vec<_>>().join(","))
    }

    /// What the host says of the connection.
    pub(super) fn look_up(&self, needs: Needs, properties: &mut Properties) {
        for (need, _) in Needs::PROPERTIES.iter().filter(|(need, _)| needs.contains(*need)) {
            properties.insert(*need, self.property(*need));
        }
    }

    /// The host's properties that have a value, by their paths, for a filter that asks for them itself.
    #[must_use]
    pub fn properties(&self) -> Vec<(&'static str, Vec<u8>)> {
        Needs::PROPERTIES.iter().filter_map(|(need, path)| Some((*path, self.property(*need)?))).collect()
    }

    fn property(&self, need: Needs) -> Option<Vec<u8>> {
        let bytes = |text: &str| text.as_bytes().to_vec();
        match need {
            Needs::MTLS => Some(vec![u8::from(self.certificate.is_some())]),
            Needs::URI_SAN => self.certificate.as_ref().and_then(|own| own.uris.first()).map(|uri| bytes(uri)),
            Needs::PEER_DIGEST => self.certificate.as_ref().map(|_| bytes(DIGEST)),
            Needs::SOURCE_ADDRESS => {
                self.address.map(|address| SocketAddr::new(address, SOURCE_PORT).to_string().into_bytes())
            }
            Needs::DESTINATION_ADDRESS => self.gateway.map(|gateway| gateway.to_string().into_bytes()),
            Needs::DESTINATION_PORT => self.gateway.map(|gateway| i64::from(gateway.port()).to_le_bytes().to_vec()),
            Needs::SNI => self.server_name.as_deref().map(bytes),
            Needs::TLS_VERSION => self.tls_version.as_deref().map(bytes),
            Needs::METADATA => Some(encode_metadata(self.token.as_ref(), &self.metadata)),
            _ => None,
        }
    }
}

fn outcome(decision: &Decision<'_>) -> Outcome {
    Outcome {
        effect: Effect::of(&decision.verdict),
        shadow: decision.shadow.as_ref().map(Effect::of_shadow),
        audits: decision.audits.iter().map(|rule| rule.id.to_owned()).collect(),
        principal: decision.caller.principal.as_ref().map(|principal| principal.to_string()),
        status: None,
        answer: Vec::new(),
        upstream: None,
    }
}

/// The headers as the upstream gets them, in the order of the edits. The route's mark is removed by the route.
fn edited(sent: &[(String, Vec<u8>)], edits: &[Edit<'_>]) -> Vec<(String, Vec<u8>)> {
    let mut headers = sent.to_vec();
    headers.retain(|(name, _)| name != ROUTE_HEADER);
    for edit in edits {
        match edit {
            Edit::Remove(name) => {
                headers.retain(|(known, _)| known.as_bytes() != &**name);
            }
            Edit::Set(name, value) => {
                let name = name.to_string();
                headers.retain(|(known, _)| *known != name);
                headers.push((name, value.as_bytes().to_vec()));
            }
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine() -> Engine {
        let policy = br#"{"version": 1, "upstream": "a/b", "rules": [
            {"id": "sleep", "action": "ALLOW", "from": [{"source": {"serviceAccounts": ["a/sleep"]}}]},
            {"id": "users", "action": "ALLOW", "from": [{"source": {"requestPrincipals": ["issuer/*"]}}]}]}"#;
        Engine::from_json(policy).unwrap_or_else(|invalid| panic!("{invalid:?}"))
    }

    fn by(caller: Caller) -> Scenario {
        Scenario { caller, request: Request::new("GET", "a.example", "/x").with("X-Sallyport-Route", b"x/y") }
    }

    #[test]
    fn a_permitted_request_goes_on_without_the_mark_of_its_route() {
        let outcome = by(Caller::of_principal("cluster.local/ns/a/sa/sleep")).play(&engine());
        assert_eq!(outcome.effect, Effect::Allowed(Some("sleep".to_owned())));
        assert_eq!(outcome.principal.as_deref(), Some("cluster.local/ns/a/sa/sleep"));
        let upstream = outcome.upstream.unwrap();
        assert_eq!(upstream.route, "a/b");
        assert!(upstream.headers.iter().any(|(name, value)| name == ":path" && value == b"/x"));
        assert!(upstream.headers.iter().all(|(name, _)| name != ROUTE_HEADER));
    }

    #[test]
    fn a_token_is_the_callers_too() {
        let token = serde_json::json!({"iss": "issuer", "sub": "user"});
        let caller = Caller { token: token.as_object().cloned(), ..Caller::anonymous() };
        assert_eq!(by(caller).decide(&engine()).effect, Effect::Allowed(Some("users".to_owned())));
    }

    #[test]
    fn a_refused_request_is_answered() {
        let outcome = by(Caller::anonymous()).play(&engine());
        assert_eq!(outcome.effect, Effect::Refused(Reason::NoIdentity, None));
        assert_eq!((outcome.status, outcome.upstream), (Some(401), None));
    }
}
