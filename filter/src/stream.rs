//! One request: what the host knows goes to the engine, what the engine says goes to the host.

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
use sallyport_core::answer::{self, Answer};
use sallyport_core::request::pairs::{self, Pair};
use sallyport_core::telemetry::log_line;
use sallyport_core::{Decision, Needs, PeerView, Reason, Refusal, RequestView, Shadow, Verdict};

use crate::gate::Gate;
use crate::host::{self, Level};

/// One request and its response.
pub struct Stream {
    gate: Option<Rc<Gate>>,
    /// What an allowed response is to carry.
    annotation: Option<String>,
}

impl Stream {
    pub fn new(gate: Option<Rc<Gate>>) -> Self {
        Self { gate, annotation: None }
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let raw = host::request_headers().unwrap_or_default();
        // Bytes that are no header map leave no method, and that is refused.
        let headers = pairs::parse(&raw).unwrap_or_default();
        let Some(gate) = self.gate.clone() else {
            return refuse(&Refusal { reason: Reason::NoPolicy, rule: None }, None, &headers, false);
        };
        let seen = Seen::read(gate.engine.needs());
        let view = seen.view(&headers);
        let decision = gate.engine.on_request(&view);
        note(&gate, &decision, &view);
        match &decision.verdict {
            Verdict::Continue(_) => {
                if gate.engine.discloses_rule() {
                    self.annotation = answer::annotation(&decision);
                }
                // Without it no route leads to the upstream, so there is nothing more to do where it cannot be set.
                host::set_request_header(answer::ROUTE_HEADER, gate.engine.upstream());
                Action::Continue
            }
            Verdict::Refuse(refusal) => {
                refuse(refusal, decision.shadow.as_ref(), &headers, gate.engine.discloses_rule())
            }
        }
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        if let Some(annotation) = self.annotation.take() {
            host::set_response_header(answer::HEADER, &annotation);
        }
        Action::Continue
    }
}

/// Answers here. The stream stays stopped whatever the host says.
fn refuse(refusal: &Refusal<'_>, shadow: Option<&Shadow<'_>>, headers: &[Pair<'_>], discloses_rule: bool) -> Action {
    let request_id = headers.iter().find(|(name, _)| *name == b"x-request-id").map(|(_, value)| *value);
    host::send_answer(&Answer::new(refusal, shadow, request_id, discloses_rule));
    Action::Pause
}

/// Counts, and writes a line if there is one to write.
fn note(gate: &Gate, decision: &Decision<'_>, view: &RequestView<'_>) {
    let Ok(mut telemetry) = gate.telemetry.try_borrow_mut() else { return };
    telemetry.counters.record(decision);
    if telemetry.log_limit.admit(decision) {
        host::log(Level::Warn, &log_line(decision, view));
    }
}

/// The attributes that the policy needs, as the host gave them.
struct Seen {
    mtls: bool,
    uri_san: Option<Vec<u8>>,
    source_address: Option<Vec<u8>>,
    destination_address: Option<Vec<u8>>,
    sni: Option<Vec<u8>>,
    metadata: Option<Vec<u8>>,
}

impl Seen {
    fn read(needs: Needs) -> Self {
        let ask = |need: Needs, path: &str| if needs.contains(need) { host::property(path) } else { None };
        let mtls = ask(Needs::PEER, "connection\0mtls").is_some_and(|value| value == [1]);
        Self {
            mtls,
            uri_san: if mtls { ask(Needs::PEER, "connection\0uri_san_peer_certificate") } else { None },
            source_address: ask(Needs::SOURCE_ADDRESS, "source\0address"),
            destination_address: ask(Needs::DESTINATION_ADDRESS, "destination\0address"),
            sni: ask(Needs::SNI, "connection\0requested_server_name"),
            metadata: ask(Needs::METADATA, "metadata"),
        }
    }

    fn view<'a>(&'a self, headers: &'a [Pair<'a>]) -> RequestView<'a> {
        RequestView {
            headers,
            peer: PeerView { mtls: self.mtls, uri_san: self.uri_san.as_deref() },
            source_address: self.source_address.as_deref(),
            destination_address: self.destination_address.as_deref(),
            sni: self.sni.as_deref(),
            metadata: self.metadata.as_deref(),
        }
    }
}
