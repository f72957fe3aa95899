//! One request: what the host knows goes to the engine, what the engine says goes to the host.

use std::rc::Rc;

use sallyport_core::answer::{self, Answer};
use sallyport_core::attributes::{Outcome, attributes};
use sallyport_core::health::{Admission, READY_PATH, is_idempotent};
use sallyport_core::outbound::{Edit, Facts, Outgoing};
use sallyport_core::request::is_grpc_call;
use sallyport_core::request::pairs::{self, Pair};
use sallyport_core::telemetry::log_line;
use sallyport_core::{Decision, Needs, PeerView, Reason, Refusal, RequestView, Shadow, Verdict};

use crate::dispatch::Action;
use crate::gate::Gate;
use crate::host::{self, Level, Trailers};
use crate::trailers;

/// One request and its response.
pub struct Stream {
    gate: Option<Rc<Gate>>,
    /// What an allowed response is to carry.
    annotation: Option<String>,
    /// Whose answer is looked at for the health gate, and whether it is a gRPC answer.
    watched: Option<Watched>,
}

/// A response that the health gate looks at.
#[derive(Clone, Copy)]
struct Watched {
    target: usize,
    grpc: bool,
}

impl Stream {
    pub fn new(gate: Option<Rc<Gate>>) -> Self {
        Self { gate, annotation: None, watched: None }
    }

    pub fn on_request_headers(&mut self) -> Action {
        let raw = host::request_headers().unwrap_or_default();
        // Bytes that are no header map leave no method, and that is refused.
        let headers = pairs::parse(&raw).unwrap_or_default();
        let Some(gate) = self.gate.clone() else {
            return refuse(&Refusal { reason: Reason::NoPolicy, rule: None }, None, &headers, false);
        };
        let started = gate.sample();
        let action = self.decide(&gate, &headers);
        if let Some(started) = started {
            gate.take_time(started);
        }
        action
    }

    pub fn on_request_trailers(&mut self) -> Action {
        trailers::clean(self.gate.as_deref(), Trailers::Request)
    }

    pub fn on_response_headers(&mut self) -> Action {
        if let Some(annotation) = self.annotation.take() {
            host::set_response_header(answer::HEADER, &annotation);
        }
        Action::Continue
    }

    pub fn on_response_trailers(&mut self) -> Action {
        trailers::clean(self.gate.as_deref(), Trailers::Response)
    }

    pub fn on_log(&mut self) {
        self.watch();
    }
}

impl Stream {
    fn decide(&mut self, gate: &Gate, headers: &[Pair<'_>]) -> Action {
        let seen = Seen::read(gate.engine.needs());
        // The kubelet has no certificate, so of whoever has shown one this need not be asked.
        if !seen.mtls && is_kubelets_port(gate) {
            host::send_answer(&Answer::readiness(readiness(gate, headers)));
            return Action::Pause;
        }
        let view = seen.view(headers);
        let decision = gate.engine.on_request(&view);
        note(gate, &decision, &view);
        match &decision.verdict {
            Verdict::Continue(_) => self.go_on(gate, &decision, &view),
            Verdict::Refuse(refusal) => {
                leave(gate, &decision, &view, None);
                refuse(refusal, decision.shadow.as_ref(), headers, gate.engine.discloses_rule())
            }
        }
    }

    /// The request is allowed: to the upstream, to a standby, or to nobody while there is none that is well.
    fn go_on(&mut self, gate: &Gate, decision: &Decision<'_>, view: &RequestView<'_>) -> Action {
        let headers = view.headers;
        let mut route = gate.engine.upstream();
        if let Some((config, health)) = gate.health() {
            let admission = health.admit(config, || is_idempotent(value(headers, b":method").unwrap_or_default()));
            if let Ok(mut telemetry) = gate.telemetry.try_borrow_mut() {
                telemetry.counters.record_admission(admission);
            }
            match admission {
                Admission::To(target) => {
                    route = config.targets().nth(target).unwrap_or(route);
                    self.watched = config.watches(target).then(|| Watched { target, grpc: is_grpc_call(headers) });
                }
                Admission::Refused => {
                    leave(gate, decision, view, None);
                    host::send_answer(&Answer::upstream_down(config, value(headers, b"x-request-id")));
                    return Action::Pause;
                }
            }
        }
        if gate.engine.discloses_rule() {
            self.annotation = answer::annotation(decision);
        }
        edit(gate, decision, view);
        // Without it no route leads to the upstream, so there is nothing more to do where it cannot be set.
        host::set_request_header(answer::ROUTE_HEADER, route);
        Action::Continue
    }

    /// Looks at the answer once all of it is known. Only then does Envoy tell who has answered.
    fn watch(&mut self) {
        let (Some(Watched { target, grpc }), Some(gate)) = (self.watched.take(), self.gate.clone()) else { return };
        let Some((config, health)) = gate.health() else { return };
        // A caller who left before the answer says nothing of the upstream.
        let Some(status) = number("response\0code").and_then(|status| u16::try_from(status).ok()) else { return };
        let grpc_status =
            if grpc { number("response\0grpc_status").and_then(|status| u32::try_from(status).ok()) } else { None };
        let failed = status >= 500 || grpc_status.is_some_and(|status| status != 0);
        let own = failed && host::property("response\0code_details").is_none_or(|details| details != b"via_upstream");
        let nanoseconds = if config.needs_time(target) { number("response\0backend_latency") } else { None };
        let time = nanoseconds.and_then(|time| u32::try_from(time.checked_div(1_000_000)?).ok());
        health.observe(config, target, config.outcome(target, status, grpc_status, own, time));
    }
}

/// Tells Envoy's access log and spans what was decided, where they ask for it.
fn leave(gate: &Gate, decision: &Decision<'_>, view: &RequestView<'_>, sent: Option<&Outgoing<'_>>) {
    if !gate.engine.leaves_filter_state() {
        return;
    }
    let health = match &decision.verdict {
        Verdict::Continue(_) => gate.health().and_then(|(_, health)| health.phase()),
        Verdict::Refuse(_) => None,
    };
    for (name, value) in attributes(&gate.engine, decision, view, Outcome { health, sent }) {
        host::leave(name, &value);
    }
}

/// An attribute that is a number, or a length of time in ns.
fn number(path: &str) -> Option<i64> {
    host::property(path)?.try_into().ok().map(i64::from_le_bytes)
}

/// Makes of the request what the upstream gets, and tells of it.
fn edit(gate: &Gate, decision: &Decision<'_>, view: &RequestView<'_>) {
    let outbound = gate.engine.outbound();
    let principal = if outbound.needs_principal() { gate.engine.principal(view) } else { None };
    let rule = match &decision.verdict {
        Verdict::Continue(permit) => permit.rule().map(|rule| rule.id),
        Verdict::Refuse(_) => None,
    };
    let ids = if outbound.needs_ids() { gate.ids() } else { Default::default() };
    let facts = Facts { principal: principal.as_deref(), gateway: gate.engine.upstream(), rule, ids };
    let outgoing = outbound.outgoing(view.headers, &facts);
    leave(gate, decision, view, Some(&outgoing));
    for edit in outgoing.edits {
        match edit {
            Edit::Remove(name) => host::remove_request_header(&name),
            Edit::Set(name, value) => host::set_request_header(&name, &value),
        }
    }
}

/// Whether this is the port that is the kubelet's alone.
fn is_kubelets_port(gate: &Gate) -> bool {
    let port = gate.engine.readiness().map(|readiness| i64::from(readiness.port).to_le_bytes());
    port.is_some_and(|port| host::property("destination\0port").is_some_and(|found| found == port))
}

/// What the kubelet is told, if it asks for that.
fn readiness(gate: &Gate, headers: &[Pair<'_>]) -> Option<bool> {
    let readiness = gate.engine.readiness()?;
    value(headers, b":path").filter(|path| *path == READY_PATH.as_bytes())?;
    let well = || gate.health().is_none_or(|(config, health)| health.is_ready(config));
    Some(!readiness.upstream || well())
}

fn value<'a>(headers: &[Pair<'a>], name: &[u8]) -> Option<&'a [u8]> {
    headers.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
}

/// Answers here. The stream stays stopped whatever the host says.
fn refuse(refusal: &Refusal<'_>, shadow: Option<&Shadow<'_>>, headers: &[Pair<'_>], discloses_rule: bool) -> Action {
    host::send_answer(&Answer::new(refusal, shadow, value(headers, b"x-request-id"), discloses_rule));
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
    digest: Option<Vec<u8>>,
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
            digest: if mtls { ask(Needs::PEER_DIGEST, "connection\0sha256_peer_certificate_digest") } else { None },
            source_address: ask(Needs::SOURCE_ADDRESS, "source\0address"),
            destination_address: ask(Needs::DESTINATION_ADDRESS, "destination\0address"),
            sni: ask(Needs::SNI, "connection\0requested_server_name"),
            metadata: ask(Needs::METADATA, "metadata"),
        }
    }

    fn view<'a>(&'a self, headers: &'a [Pair<'a>]) -> RequestView<'a> {
        RequestView {
            headers,
            peer: PeerView { mtls: self.mtls, uri_san: self.uri_san.as_deref(), digest: self.digest.as_deref() },
            source_address: self.source_address.as_deref(),
            destination_address: self.destination_address.as_deref(),
            sni: self.sni.as_deref(),
            metadata: self.metadata.as_deref(),
        }
    }
}
