//! The headers of a request: who may send it, where it goes, and what is changed on the way.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::effect::{Effect, Level};
use super::forwarded::{Forwarded, Watch};
use super::properties::Properties;
use super::readiness;
use super::worker::WorkerState;
use crate::answer::{self, Answer};
use crate::attributes::attributes;
use crate::engine::Engine;
use crate::health::{Admission, Phase, is_idempotent};
use crate::outbound::{Edit, Facts, Outgoing};
use crate::request::needs::Needs;
use crate::request::pairs::{self, Pair};
use crate::request::view::RequestView;
use crate::telemetry::{example, log_line};
use crate::verdict::{Decision, Permit, Reason, Refusal, Verdict};

/// One request in this many has its time measured: to read the clock costs as much as a small decision.
const TIMED: u32 = 256;

/// The stage of a request's headers, from its first look to an answer or a request for the upstream.
#[derive(Debug, Default)]
pub struct RequestHeaders {
    round: Round,
}

/// Which properties are looked up next. There are two rounds, so the stage ends whatever the host says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Round {
    #[default]
    First,
    Second,
    Last,
}

/// What comes next.
#[derive(Debug)]
pub enum RequestStep<'r> {
    /// Look these up, and call the stage again.
    Ask(Needs),
    /// Answer the request here.
    Answer(Answered<'r>),
    /// Send it on.
    Forward(Forward<'r>),
}

/// A request that is answered here.
#[derive(Debug)]
pub struct Answered<'r> {
    /// The answer.
    pub answer: Answer,
    /// What is said about it.
    pub report: Report<'r>,
}

/// A request that goes on.
#[derive(Debug)]
pub struct Forward<'r> {
    /// `NAMESPACE/NAME` of the upstream, or of the standby that takes its place: the value of
    /// [`ROUTE_HEADER`](answer::ROUTE_HEADER). Set it last; without it no route leads anywhere.
    pub route: &'r str,
    /// Changes to its headers, in this order.
    pub edits: Vec<Edit<'r>>,
    /// What is said about it.
    pub report: Report<'r>,
    /// What the stages of its response need.
    pub forwarded: Forwarded,
}

/// What is said about a request, whatever becomes of it.
#[derive(Debug, Default)]
pub struct Report<'r> {
    /// Lines for the log.
    pub log: Vec<Effect>,
    /// Attributes for Envoy's access log and spans: [`attributes`](crate::attributes).
    pub attributes: Vec<(&'static str, Cow<'r, str>)>,
}

impl RequestHeaders {
    /// Goes as far as possible with what is known.
    #[inline(never)]
    pub fn next<'r>(
        &mut self,
        engine: &'r Engine,
        worker: &mut WorkerState,
        headers: &'r [Pair<'r>],
        properties: &'r Properties,
    ) -> RequestStep<'r> {
        // A round without needs costs no call of the host, and no second call of the stage.
        while let Some(needs) = self.next_needs(engine, worker, headers, properties) {
            if !needs.is_empty() {
                return RequestStep::Ask(needs);
            }
        }
        if let Some(answer) = readiness::answer(engine, worker, headers, properties) {
            // Neither counted nor logged: a kubelet asks every few seconds, and no rule is about it.
            return RequestStep::Answer(Answered { answer, report: Report::default() });
        }
        let view = properties.view(headers);
        // The only place where a request is made canonical and decided.
        let decision = engine.on_request(&view);
        let log = worker.record_decision(engine, &decision, &view);
        Decided { engine, decision, view, log }.next(worker, properties.ids())
    }

    /// What this round looks up; none after the last.
    fn next_needs(
        &mut self,
        engine: &Engine,
        worker: &mut WorkerState,
        headers: &[Pair<'_>],
        properties: &Properties,
    ) -> Option<Needs> {
        match self.round {
            Round::First => {
                self.round = Round::Second;
                Some(first_needs(engine, worker, headers))
            }
            Round::Second => {
                self.round = Round::Last;
                Some(second_needs(engine, properties))
            }
            Round::Last => None,
        }
    }
}

fn first_needs(engine: &Engine, worker: &mut WorkerState, headers: &[Pair<'_>]) -> Needs {
    // Most callers' certificates have a name, and then there is no need to ask whether there is a certificate.
    let mut needs = engine.needs().without(Needs::MTLS);
    if !needs.contains(Needs::URI_SAN) && readiness::is_path(headers) {
        needs |= readiness::needs(engine);
    }
    // Asked for before it is known whether the request passes: random bytes cost less than a third round.
    if engine.outbound().needs_ids(headers) {
        needs |= Needs::RANDOM_IDS;
    }
    if worker.is_next_timed() {
        needs |= Needs::TIME;
    }
    needs
}

fn second_needs(engine: &Engine, properties: &Properties) -> Needs {
    // The kubelet has no certificate, so a caller that has shown one is not it, and the port need not be looked up.
    if properties.has_mtls() {
        Needs::NONE
    } else if engine.needs().contains(Needs::MTLS) {
        Needs::MTLS | readiness::needs(engine)
    } else if readiness::is_port(engine, properties) {
        Needs::MTLS
    } else {
        Needs::NONE
    }
}

/// A request that has been decided.
struct Decided<'r> {
    engine: &'r Engine,
    decision: Decision<'r>,
    view: RequestView<'r>,
    log: Vec<Effect>,
}

impl<'r> Decided<'r> {
    fn next(self, worker: &mut WorkerState, ids: [u8; 24]) -> RequestStep<'r> {
        // The policy first, the gate second: a caller without permission must not learn whether the upstream is healthy.
        match self.decision.verdict {
            Verdict::Refuse(refusal) => self.refuse(&refusal),
            Verdict::Continue(permit) => match worker.admit(self.engine, self.view.headers) {
                Admission::To(target) => self.forward(permit, target, worker.phase(), ids),
                Admission::Refused => self.upstream_down(worker.phase()),
            },
        }
    }

    fn refuse(self, refusal: &Refusal<'_>) -> RequestStep<'r> {
        let id = request_id(self.view.headers);
        let answer = Answer::new(refusal, self.decision.shadow.as_ref(), id, self.engine.discloses_rule());
        // Without a phase: the gate has no part in this answer.
        let attributes = self.attributes(None, None);
        RequestStep::Answer(Answered { answer, report: Report { log: self.log, attributes } })
    }

    /// Permitted, and there is no healthy target that may get it.
    fn upstream_down(self, phase: Option<Phase>) -> RequestStep<'r> {
        let attributes = self.attributes(phase, None);
        let answer = Answer::upstream_down(self.engine.health(), request_id(self.view.headers));
        RequestStep::Answer(Answered { answer, report: Report { log: self.log, attributes } })
    }

    #[inline(never)]
    fn forward(self, permit: Permit<'r>, target: usize, phase: Option<Phase>, ids: [u8; 24]) -> RequestStep<'r> {
        let Self { engine, decision, view, .. } = &self;
        let facts = Facts {
            principal: decision.caller.principal.as_deref(),
            gateway: engine.upstream(),
            rule: permit.rule().map(|rule| rule.id),
            ids,
        };
        let outgoing = engine.outbound().outgoing(view.headers, &facts);
        let attributes = self.attributes(phase, Some(&outgoing));
        // Kept until the response: the upstream's own headers are there by then, and ours replaces them.
        let annotation = if engine.discloses_rule() { answer::annotation(decision) } else { None };
        let watch = Watch::new(engine, target, view.headers);
        RequestStep::Forward(Forward {
            route: engine.route(target),
            edits: outgoing.edits,
            report: Report { log: self.log, attributes },
            forwarded: Forwarded { annotation, watch },
        })
    }

    /// Each attribute is a host call, so there are none where nothing reads them.
    fn attributes(&self, phase: Option<Phase>, sent: Option<&Outgoing<'_>>) -> Vec<(&'static str, Cow<'r, str>)> {
        if self.engine.sets_filter_state() { attributes(&self.decision, &self.view, phase, sent) } else { Vec::new() }
    }
}

/// The answer where no policy is in force.
#[must_use]
pub fn refuse_without_policy(headers: &[Pair<'_>]) -> Answer {
    let refusal = Refusal { reason: Reason::NoPolicy, rule: None };
    Answer::new(&refusal, None, request_id(headers), false)
}

fn request_id<'a>(headers: &[Pair<'a>]) -> Option<&'a [u8]> {
    pairs::first(headers, b"x-request-id")
}

impl WorkerState {
    /// Whether this request has its time measured; counts it.
    fn is_next_timed(&mut self) -> bool {
        let count = self.since_timed.saturating_add(1);
        let is_timed = count >= TIMED;
        self.since_timed = if is_timed { 0 } else { count };
        is_timed
    }

    /// Counts a decision. Lines for the log, where there is something to say and there have not been too many like it.
    fn record_decision(&mut self, engine: &Engine, decision: &Decision<'_>, view: &RequestView<'_>) -> Vec<Effect> {
        self.counters.record(decision);
        // Counted whether a line is written or not, so a flood of refusals costs memory but no disk.
        let mut lines = Vec::new();
        if self.log_limit.admit(decision) {
            lines.push(Effect::Log(Level::Warn, log_line(decision, view)));
        }
        if let Some(trial) = decision.trial.filter(|trial| self.log_limit.admit_example(trial)) {
            lines.push(Effect::Log(Level::Warn, example(engine, decision, &trial, view)));
        }
        lines
    }

    /// Which target gets a permitted request, counted; without a gate it is the upstream.
    fn admit(&mut self, engine: &Engine, headers: &[Pair<'_>]) -> Admission {
        let (Some(policy), Some(health)) = (engine.health(), &mut self.health) else { return Admission::To(0) };
        // A standby may get a request that the upstream has already acted on, so it must be safe to repeat.
        let may_fail_over = pairs::first(headers, b":method").is_some_and(is_idempotent);
        let admission = health.monitor.admit(policy, may_fail_over);
        self.counters.record_admission(admission);
        admission
    }

    /// The phase of the upstream's gate, as this worker knows it.
    fn phase(&self) -> Option<Phase> {
        self.health.as_ref()?.monitor.phase(0)
    }
}

/// How long the filter has had a request whose time is measured; both times in ns.
#[must_use]
pub fn time_taken(started: u64, now: u64) -> Effect {
    Effect::histogram("sallyport.filter.microseconds", now.saturating_sub(started) / 1000)
}
