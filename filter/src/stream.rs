//! One request: each callback runs a stage of [`flow`](sallyport_core::flow) and does what it says.

use alloc::rc::Rc;

use sallyport_core::answer::ROUTE_HEADER;
use sallyport_core::flow::health::TargetUpdate;
use sallyport_core::flow::trailers::{self, Message};
use sallyport_core::flow::{
    Answered, EndStep, Forward, Forwarded, Properties, Report, RequestHeaders, RequestStep, ResponseEnd,
    refuse_without_policy, response, time_taken,
};
use sallyport_core::outbound::Edit;
use sallyport_core::request::pairs::{self, Pair};

use crate::host::{self, Action};
use crate::policy::ActivePolicy;

/// One request and its response.
pub struct Stream {
    policy: Option<Rc<ActivePolicy>>,
    forwarded: Forwarded,
}

impl Stream {
    pub fn new(policy: Option<Rc<ActivePolicy>>) -> Self {
        Self { policy, forwarded: Forwarded::default() }
    }

    pub fn on_request_headers(&mut self) -> Action {
        let raw = host::request_headers().unwrap_or_default();
        // Bytes that are no header map leave no method, and that is refused.
        let headers = pairs::parse(&raw).unwrap_or_default();
        let Some(policy) = self.policy.clone() else {
            host::send_answer(&refuse_without_policy(&headers));
            return Action::Pause;
        };
        let mut properties = Properties::default();
        let action = self.decide(&policy, &headers, &mut properties);
        if let Some(started) = properties.time() {
            host::apply(&time_taken(started, host::now_nanoseconds()));
        }
        action
    }

    pub fn on_request_trailers(&mut self) -> Action {
        self.clean_trailers(Message::Request, host::trailers(Message::Request).as_deref())
    }

    pub fn on_response_headers(&mut self) -> Action {
        if response::needs_status(&self.forwarded) {
            response::take_status(&mut self.forwarded, host::response_headers().as_deref());
        }
        if let Some((name, value)) = response::on_headers(&mut self.forwarded) {
            host::set_response_header(name, &value);
        }
        Action::Continue
    }

    pub fn on_response_trailers(&mut self) -> Action {
        let trailers = host::trailers(Message::Response);
        response::take_status(&mut self.forwarded, trailers.as_deref());
        self.clean_trailers(Message::Response, trailers.as_deref())
    }

    /// The end of the stream.
    pub fn done(&self) {
        let Some(policy) = &self.policy else { return };
        let mut end = ResponseEnd::new(&self.forwarded);
        let mut properties = Properties::default();
        loop {
            match policy.run(|state| end.next(&policy.engine, state, &properties)) {
                Some(EndStep::Ask(needs)) => policy.look_up(needs, &mut properties),
                Some(EndStep::Done(Some(target))) => return policy.update_record(TargetUpdate::new(target)),
                Some(EndStep::Done(None)) | None => return,
            }
        }
    }

    #[inline(never)]
    fn decide(&mut self, policy: &ActivePolicy, headers: &[Pair<'_>], properties: &mut Properties) -> Action {
        let mut stage = RequestHeaders::default();
        loop {
            match policy.run(|state| stage.next(&policy.engine, state, headers, properties)) {
                Some(RequestStep::Ask(needs)) => policy.look_up(needs, properties),
                Some(RequestStep::Forward(forward)) => return self.forward(forward),
                Some(RequestStep::Answer(Answered { answer, report })) => {
                    apply_report(report);
                    // The stream stays stopped even if the host cannot send this.
                    host::send_answer(&answer);
                    return Action::Pause;
                }
                None => return Action::Pause,
            }
        }
    }

    #[inline(never)]
    fn forward(&mut self, forward: Forward<'_>) -> Action {
        let Forward { route, edits, report, forwarded } = forward;
        self.forwarded = forwarded;
        apply_report(report);
        for edit in edits {
            match edit {
                Edit::Remove(name) => host::remove_request_header(&name),
                Edit::Set(name, value) => host::set_request_header(&name, &value),
            }
        }
        // If this fails no route leads to the upstream, so it fails closed.
        host::set_request_header(ROUTE_HEADER, route);
        Action::Continue
    }

    /// Removes what must not pass. Where that cannot be done the trailers are held back.
    fn clean_trailers(&self, of: Message, trailers: Option<&[u8]>) -> Action {
        let Some(policy) = &self.policy else { return Action::Pause };
        let Some(names) = trailers::removed(&policy.engine, of, trailers) else { return Action::Pause };
        let is_clean = names.into_iter().all(|name| host::remove_trailer(of, name));
        if is_clean { Action::Continue } else { Action::Pause }
    }
}

fn apply_report(report: Report<'_>) {
    report.log.iter().for_each(host::apply);
    for (name, value) in report.attributes {
        host::set_filter_state(name, &value);
    }
}
