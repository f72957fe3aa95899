//! What the demo asks the gate, and what must come of it: `make demo` shows these rows, the tests check them.

use anyhow::{Context, Result};

use crate::client::{Caller, Reply, Request};
use crate::gate::Gate;

/// The Egress file of the rows.
pub const EXAMPLE: &str = "deploy/examples/httpbin/egress.yaml";

/// One who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// `httpbin/sleep`: may read.
    Sleep,
    /// `httpbin/writer`: may write.
    Writer,
    /// `other/stranger`: of another namespace; no rule names it.
    Stranger,
    /// Without a certificate.
    Nobody,
}

impl Who {
    /// Everyone, in the order of the enumeration.
    pub const ALL: [Who; 4] = [Who::Sleep, Who::Writer, Who::Stranger, Who::Nobody];

    /// The name in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Who::Sleep => "sleep",
            Who::Writer => "writer",
            Who::Stranger => "stranger",
            Who::Nobody => "nobody",
        }
    }

    /// The caller at this gate.
    pub fn caller(self, gate: &Gate) -> Result<Caller> {
        match self {
            Who::Sleep => gate.caller("httpbin/sleep"),
            Who::Writer => gate.caller("httpbin/writer"),
            Who::Stranger => gate.caller("other/stranger"),
            Who::Nobody => gate.nobody(),
        }
    }
}

/// What came, or must come, of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The HTTP status.
    pub status: u16,
    /// `allowed` or `refused`.
    pub verdict: String,
    /// The rule that decided.
    pub rule: String,
    /// Why it was refused, or what a shadow rule would have done.
    pub reason: String,
}

impl Outcome {
    /// What an answer says.
    #[must_use]
    pub fn of(reply: &Reply) -> Self {
        let spoken = reply.spoken();
        let reason = match (spoken.kind.as_str(), spoken.shadow.as_str()) {
            ("", "") => spoken.reason,
            ("", _) => format!("shadow: {}", spoken.shadow_rule),
            (kind, _) => format!("{kind} (ambiguous)"),
        };
        Outcome { status: reply.status, verdict: spoken.verdict, rule: spoken.rule, reason }
    }
}

/// One request and its outcome.
#[derive(Clone, Debug)]
pub struct Row {
    /// Who asks.
    pub who: Who,
    /// The request as the table shows it.
    pub shown: &'static str,
    /// The request.
    pub request: Request,
    /// What must come of it.
    pub expected: Outcome,
}

impl Row {
    /// The row of the table, but for the time.
    #[must_use]
    pub fn line(&self, outcome: &Outcome) -> String {
        let Outcome { status, verdict, rule, reason } = outcome;
        line([self.who.name(), self.shown, &status.to_string(), verdict, rule, reason])
    }
}

/// One line of the table, but for the time; at most 93 columns.
#[must_use]
pub fn line([caller, request, status, verdict, rule, reason]: [&str; 6]) -> String {
    format!("{caller:<8} {request:<33} {status:<3} {verdict:<7} {rule:<12} {reason:<25}")
}

const SHOWN_AS_SLEEP: &str = "By=spiffe://cluster.local/ns/egress-httpbin/sa/httpbin-egress;Hash=00;Subject=\"\";\
                              URI=spiffe://cluster.local/ns/httpbin/sa/sleep";

/// The rows of the table: reading, writing, what is not allowed, what is forbidden, who is nobody, and tricks.
#[must_use]
pub fn rows() -> Vec<Row> {
    use Who::{Nobody, Sleep, Stranger, Writer};
    let get = Request::get;
    let stolen = || Request::get("/get").header("x-forwarded-client-cert", SHOWN_AS_SLEEP);
    let trusted = || Request::get("/uuid").header("x-role", "trusted");
    let legacy = get("/get").header("user-agent", "legacy/1.0");
    vec![
        allowed(Sleep, "GET /get", get("/get"), 200, "readers", ""),
        allowed(Sleep, "HEAD /status/204", Request::new("HEAD", "/status/204"), 204, "readers", ""),
        allowed(Sleep, "GET /anything/report?year=2026", get("/anything/report?year=2026"), 200, "readers", ""),
        allowed(Sleep, "GET /get, user-agent: legacy/1.0", legacy, 200, "readers", "shadow: no-legacy-clients"),
        allowed(Writer, "POST /post", Request::new("POST", "/post").body("hello"), 200, "writers", ""),
        allowed(Writer, "GET /uuid, x-role: trusted", trusted(), 200, "trusted-role", ""),
        refused(
            Writer,
            "GET /uuid, x-role: trusted, guest",
            trusted().header("x-role", "guest"),
            403,
            "",
            "not_allowed",
        ),
        refused(Writer, "GET /get", get("/get"), 403, "", "not_allowed"),
        refused(Sleep, "DELETE /get", Request::new("DELETE", "/get"), 403, "", "not_allowed"),
        refused(Sleep, "GET /ip", get("/ip"), 403, "", "not_allowed"),
        refused(Sleep, "GET /anything/admin", get("/anything/admin"), 403, "no-admin", "denied"),
        refused(Sleep, "HEAD /anything/admin", Request::new("HEAD", "/anything/admin"), 403, "no-admin", "denied"),
        refused(Stranger, "GET /get", get("/get"), 403, "", "not_allowed"),
        refused(Stranger, "GET /get, stolen identity header", stolen(), 403, "", "not_allowed"),
        refused(Nobody, "GET /get", get("/get"), 401, "", "no_identity"),
        refused(Nobody, "GET /get, stolen identity header", stolen(), 401, "", "no_identity"),
        refused(Sleep, "GET /anything/%2e/admin", get("/anything/%2e/admin"), 403, "no-admin", "denied"),
        refused(Sleep, "GET /anything/..%2fadmin", get("/anything/..%2fadmin"), 400, "", "escapedSlash (ambiguous)"),
        refused(Sleep, "GET //anything/admin", get("//anything/admin"), 400, "", "doubleSlash (ambiguous)"),
        refused(Sleep, "GET /anything;v=1/admin", get("/anything;v=1/admin"), 400, "", "semicolon (ambiguous)"),
    ]
}

/// The row that a change of the file flips: the change, and the row after it.
pub fn change(egress: &str) -> Result<(String, Row)> {
    const BEFORE: &str = "paths: [/get, /headers,";
    const AFTER: &str = "paths: [/get, /ip, /headers,";
    let changed = egress.contains(BEFORE).then(|| egress.replace(BEFORE, AFTER));
    let changed = changed.with_context(|| format!("{EXAMPLE} has no `{BEFORE}`"))?;
    Ok((changed, allowed(Who::Sleep, "GET /ip", Request::get("/ip"), 200, "readers", "")))
}

fn allowed(who: Who, shown: &'static str, request: Request, status: u16, rule: &str, reason: &str) -> Row {
    row(who, shown, request, (status, "allowed", rule, reason))
}

fn refused(who: Who, shown: &'static str, request: Request, status: u16, rule: &str, reason: &str) -> Row {
    row(who, shown, request, (status, "refused", rule, reason))
}

fn row(who: Who, shown: &'static str, request: Request, expected: (u16, &str, &str, &str)) -> Row {
    let (status, verdict, rule, reason) = expected;
    let expected = Outcome { status, verdict: verdict.to_owned(), rule: rule.to_owned(), reason: reason.to_owned() };
    Row { who, shown, request, expected }
}
