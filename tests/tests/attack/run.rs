//! The corpus against one Envoy: what is sent, what came of it, and what is wrong with that.

use std::collections::{BTreeMap, HashMap};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::client::{Answer, Caller, Frames, Http1, PATIENCE, Reply, Request};
use sallyport_tests::echo::{Echo, Http2Echo, Received};
use sallyport_tests::envoys::Envoy;
use sallyport_tests::gate::{Gate, Options};
use sallyport_tests::jwt::Issuer;
use sallyport_tests::process::Scratch;
use sallyport_tests::stage::{CALLERS, UPSTREAM, egress_with, over_http2};
use serde_json::{Map, Value};

use super::data::{End, Group, Protocol, Seed, Sent};
use super::mutate::mutants;
use super::reading;

/// How long an answer to bytes may take that are no whole request.
const RAW_PATIENCE: Duration = Duration::from_millis(700);
/// How long a mutant is waited for before the next is sent. Envoy takes a second to close a connection on which it saw
/// nonsense, so the silent ones are waited for together.
const SILENCE: Duration = Duration::from_millis(60);
/// How long what is hidden behind a request may be on its way.
const LATE: Duration = Duration::from_millis(150);

/// Something wrong.
pub struct Failure {
    pub class: String,
    pub text: String,
}

/// What was asked, by class: seeds and mutants, and how many of all reached the upstream.
#[derive(Default)]
pub struct Count {
    pub seeds: usize,
    pub mutants: usize,
    pub arrived: usize,
}

#[derive(Default)]
pub struct Report {
    pub counts: BTreeMap<String, Count>,
    pub failures: Vec<Failure>,
}

impl Report {
    fn judge(&mut self, seed: &Seed, is_mutant: bool, id: &str, sent: &str, outcome: &Outcome) {
        if let Some(flaw) = flaws(seed, is_mutant, outcome).first() {
            let spoken = outcome.reply.as_ref().and_then(|reply| reply.header("x-sallyport")).unwrap_or_default();
            let received: Vec<_> = outcome.received.iter().map(shown).collect();
            let received = if received.is_empty() { "nothing".to_owned() } else { received.join("\n                ") };
            let text = format!(
                "{id} as {}: {flaw}\n      sent      {sent}\n      answered  {:?} {spoken}\n      received  {received}",
                seed.caller, outcome.status,
            );
            self.failures.push(Failure { class: seed.class.clone(), text });
        }
    }
}

enum Upstream {
    Http1(Echo),
    Http2(Http2Echo),
}

impl Upstream {
    fn take(&self) -> Vec<Received> {
        match self {
            Self::Http1(echo) => echo.take(),
            Self::Http2(echo) => echo.take(),
        }
    }
}

struct Stage {
    gate: Gate,
    upstream: Upstream,
    issuer: Issuer,
    http1: HashMap<String, Http1>,
    http2: HashMap<String, Frames>,
    /// Connections whose last request has no answer yet.
    silent: Vec<Frames>,
}

/// What came of one case.
struct Outcome {
    /// None: no answer, or none that ended.
    status: Option<u16>,
    /// Of HTTP/1.1, which the harness reads whole.
    reply: Option<Reply>,
    received: Vec<Received>,
}

/// Every group, one after the other. A gate is started anew where more than its policy differs.
pub fn run(envoy: &Envoy, scratch: &Scratch, groups: &[Group]) -> Result<Report> {
    let mut report = Report::default();
    let mut order: Vec<_> = groups.iter().collect();
    order.sort_by(|a, b| (a.upstream, &a.spec).cmp(&(b.upstream, &b.spec)));
    let mut stage: Option<(&Group, Stage)> = None;
    for group in order {
        let same =
            stage.as_ref().is_some_and(|(before, _)| (before.upstream, &before.spec) == (group.upstream, &group.spec));
        let ready = match stage.take().filter(|_| same) {
            Some((before, mut stage)) => {
                // Of a file that says the same the gate says nothing.
                if before.authz != group.authz {
                    let file = stage.file(group);
                    stage.gate.save_good(&file).with_context(|| group.name.clone())?;
                }
                stage.http1.clear();
                stage.http2.clear();
                stage
            }
            None => Stage::start(envoy, scratch, group).with_context(|| group.name.clone())?,
        };
        let (_, stage) = stage.insert((group, ready));
        stage.group(group, &mut report).with_context(|| group.name.clone())?;
    }
    Ok(report)
}

/// The Egress file of a group.
pub fn file(group: &Group, issuer: &Issuer) -> String {
    let egress = egress_with(&group.spec.replace("{jwks}", &format!("{:?}", issuer.key_set())), &group.authz);
    match group.upstream {
        Protocol::Http1 => egress,
        Protocol::Http2 => over_http2(&egress),
    }
}

impl Stage {
    fn start(envoy: &Envoy, scratch: &Scratch, group: &Group) -> Result<Self> {
        let issuer = Issuer::new()?;
        let authority = Authority::new("upstream authority")?;
        let ca = authority.write(scratch, "upstream-ca")?;
        let identity = authority.server(scratch, "upstream", &[UPSTREAM])?;
        let (upstream, address) = match group.upstream {
            Protocol::Http1 => Echo::start(&identity).map(|echo| {
                let at = echo.address();
                (Upstream::Http1(echo), at)
            })?,
            Protocol::Http2 => Http2Echo::start(&identity).map(|echo| {
                let at = echo.address();
                (Upstream::Http2(echo), at)
            })?,
        };
        let egress = file(group, &issuer);
        let options =
            Options { envoy: &envoy.path, egress: &egress, upstream: address, authority: &ca, callers: &CALLERS };
        let gate = Gate::start_with(scratch, &options, &["--concurrency", "1"])?;
        Ok(Self { gate, upstream, issuer, http1: HashMap::new(), http2: HashMap::new(), silent: Vec::new() })
    }

    fn file(&self, group: &Group) -> String {
        file(group, &self.issuer)
    }

    fn group(&mut self, group: &Group, report: &mut Report) -> Result<()> {
        let mut before: Option<&Seed> = None;
        for seed in &group.seeds {
            for protocol in &seed.over {
                // What arrives late must not be taken for this one's; one that may arrive is judged alike.
                let alike = |before: &Seed| seed.end == End::Either && before.forbidden == seed.forbidden;
                if let Some(before) = before.filter(|before| !alike(before)) {
                    self.wait_for_the_silent(before, report)?;
                }
                before = Some(seed);
                let sent = self.with_token(seed, seed.sent())?;
                self.case(seed, None, *protocol, &sent, report)?;
                for mutant in mutants(seed) {
                    if mutant.only.is_none_or(|only| only == *protocol) {
                        let sent = self.with_token(seed, Sent::Request(mutant.request))?;
                        self.case(seed, Some(&mutant.name), *protocol, &sent, report)?;
                    }
                }
            }
        }
        if let Some(last) = before {
            self.wait_for_the_silent(last, report)?;
        }
        thread::sleep(LATE);
        let late = self.upstream.take();
        ensure!(late.is_empty(), "what came late: {late:?}");
        self.alive(group)
    }

    fn case(
        &mut self,
        seed: &Seed,
        mutant: Option<&str>,
        protocol: Protocol,
        sent: &Sent,
        report: &mut Report,
    ) -> Result<()> {
        let hurry = mutant.is_some() || seed.end == End::Either;
        let outcome = self.send(&seed.caller, protocol, sent, hurry)?;
        let count = report.counts.entry(seed.class.clone()).or_default();
        *if mutant.is_some() { &mut count.mutants } else { &mut count.seeds } += 1;
        count.arrived += usize::from(!outcome.received.is_empty());
        let id = mutant.map_or_else(|| seed.id.clone(), |mutant| format!("{} ({mutant})", seed.id));
        report.judge(seed, mutant.is_some(), &format!("{id} over {protocol:?}"), &shown_sent(sent), &outcome);
        Ok(())
    }

    /// Until every connection has its answer, or is closed.
    fn wait_for_the_silent(&mut self, seed: &Seed, report: &mut Report) -> Result<()> {
        for mut connection in std::mem::take(&mut self.silent) {
            ensure!(connection.wait(PATIENCE)? != Answer::Silence, "{}: a mutant gets no answer", seed.id);
        }
        let outcome = Outcome { status: None, reply: None, received: self.upstream.take() };
        report.judge(seed, true, &format!("{}: a late mutant", seed.id), "", &outcome);
        Ok(())
    }

    fn with_token(&self, seed: &Seed, sent: Sent) -> Result<Sent> {
        let (Some(claims), Sent::Request(mut request)) = (&seed.token, sent.clone()) else { return Ok(sent) };
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let mut all = Map::from_iter([("exp".to_owned(), Value::from(now + 600))]);
        all.extend(claims.clone());
        let token = self.issuer.token(&Value::Object(all))?;
        request.headers.push((b"authorization".to_vec(), format!("Bearer {token}").into_bytes()));
        Ok(Sent::Request(request))
    }

    fn send(&mut self, caller: &str, protocol: Protocol, sent: &Sent, hurry: bool) -> Result<Outcome> {
        let mut outcome = Outcome { status: None, reply: None, received: Vec::new() };
        match (protocol, sent) {
            (Protocol::Http1, Sent::Request(request)) => {
                outcome.reply = self.send_http1(caller, request)?;
                outcome.status = outcome.reply.as_ref().map(|reply| reply.status);
            }
            (Protocol::Http2, Sent::Request(request)) => {
                outcome.status = self.send_http2(caller, request, if hurry { SILENCE } else { PATIENCE })?;
            }
            (_, Sent::Raw(bytes)) => {
                let mut connection = self.caller(caller)?.http1()?;
                connection.set_patience(RAW_PATIENCE)?;
                outcome.reply = connection.send_raw(bytes, bytes.starts_with(b"HEAD ")).ok();
                outcome.status = outcome.reply.as_ref().map(|reply| reply.status);
                thread::sleep(LATE);
            }
        }
        outcome.received = self.upstream.take();
        Ok(outcome)
    }

    fn send_http1(&mut self, caller: &str, request: &Request) -> Result<Option<Reply>> {
        let mut connection = match self.http1.remove(caller) {
            Some(connection) => connection,
            None => self.caller(caller)?.http1()?,
        };
        let reply = connection.send(request).ok();
        if reply.is_some() {
            self.http1.insert(caller.to_owned(), connection);
        }
        Ok(reply)
    }

    fn send_http2(&mut self, caller: &str, request: &Request, patience: Duration) -> Result<Option<u16>> {
        let mut connection = match self.http2.remove(caller) {
            Some(connection) => connection,
            None => self.caller(caller)?.frames()?,
        };
        let answer = connection.send(request, patience)?;
        if answer == Answer::Silence {
            self.silent.push(connection);
        } else if connection.is_usable() {
            self.http2.insert(caller.to_owned(), connection);
        }
        Ok(if let Answer::Status(status) = answer { Some(status) } else { None })
    }

    fn caller(&self, name: &str) -> Result<Caller> {
        match name {
            "nobody" => self.gate.nobody(),
            "sleep" | "writer" => self.gate.caller(&format!("httpbin/{name}")),
            "stranger" => self.gate.caller("other/stranger"),
            "forwarder" => self.gate.caller("istio-system/ingressgateway"),
            other => bail!("no caller is called `{other}`"),
        }
    }

    /// After all that was done to it, the gate still decides, and no VM has died.
    fn alive(&mut self, group: &Group) -> Result<()> {
        self.http1.clear();
        let mut good =
            group.seeds.iter().filter(|seed| seed.end == End::Allowed && seed.over.contains(&Protocol::Http1));
        let answers = good.any(|seed| {
            let answer = self
                .with_token(seed, seed.sent())
                .and_then(|sent| self.send(&seed.caller, Protocol::Http1, &sent, false));
            answer.is_ok_and(|outcome| outcome.status == Some(200))
        });
        ensure!(answers, "the gate does not answer any more");
        let log = self.gate.envoy_log()?;
        for sign in ["wasm_fail_stream", "Function: proxy_on", "panicked at", "Plugin configuration failed"] {
            ensure!(!log.contains(sign), "the filter failed ({sign}):\n{log}");
        }
        Ok(())
    }
}

/// What is wrong with it, if anything.
fn flaws(seed: &Seed, is_mutant: bool, outcome: &Outcome) -> Vec<String> {
    let mut flaws = Vec::new();
    let received = &outcome.received;
    for one in received {
        if let Some(what) = reading::forbidden(one, &seed.forbidden) {
            flaws.push(format!("the upstream got what it must not get: {what}"));
        }
    }
    if outcome.status.is_some_and(|status| status >= 500) {
        flaws.push("the gate failed".to_owned());
    }
    if is_mutant {
        return flaws;
    }
    // To a gRPC call a refusal is an answer like others, with a status of its own.
    let answered_well = outcome.status.is_some_and(|status| status < 400) && !seed.is_grpc();
    if seed.end == End::Refused && (!received.is_empty() || answered_well) {
        flaws.push("it must be refused".to_owned());
    }
    if seed.end == End::Allowed && (received.len() != 1 || outcome.status != Some(200)) {
        flaws.push("it must be allowed".to_owned());
    }
    let status = outcome.status.map(|status| status.to_string());
    if seed.status.is_some() && seed.status != status {
        flaws.push(format!("the status must be {:?}", seed.status));
    }
    let reason = outcome.reply.as_ref().map(|reply| reply.spoken().reason);
    if let (Some(wanted), Some(reason)) = (&seed.reason, reason)
        && *wanted != reason
    {
        flaws.push(format!("the reason must be {wanted}"));
    }
    for one in received {
        let line = one.line.rsplit_once(" HTTP/").map_or(one.line.as_str(), |(line, _)| line);
        if let Some(wanted) = &seed.line
            && wanted != line
        {
            flaws.push(format!("its first line must be {wanted}"));
        }
        for (name, wanted) in &seed.means {
            let values = values(one, name);
            if *wanted != values {
                flaws.push(format!("`{name}` must be {wanted:?}, not {values:?}"));
            }
        }
    }
    flaws
}

/// The values of a header, or of a trailer, by its exact name.
fn values(received: &Received, name: &str) -> Vec<String> {
    let fields = received.headers.iter().chain(&received.trailers);
    let named = fields.filter(|(key, _)| key.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.escape_ascii().to_string()).collect()
}

/// The first bytes of a text.
fn short(bytes: &[u8]) -> String {
    const MOST: usize = 300;
    let end = if bytes.len() > MOST { "..." } else { "" };
    format!("{}{end}", bytes[..bytes.len().min(MOST)].escape_ascii())
}

fn shown_fields<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> String {
    fields.map(|(name, value)| format!(" · {}: {}", short(name), short(value))).collect()
}

fn shown(received: &Received) -> String {
    let fields = received.headers.iter().chain(&received.trailers);
    let fields = fields.map(|(name, value)| (name.as_bytes(), value.as_slice()));
    format!("{}{}", short(received.line.as_bytes()), shown_fields(fields))
}

fn shown_sent(sent: &Sent) -> String {
    match sent {
        Sent::Raw(bytes) => short(bytes),
        Sent::Request(request) => {
            let host = request.host.as_deref().map(|host| (&b"host"[..], host));
            let fields = host
                .into_iter()
                .chain(request.headers.iter().chain(&request.trailers).map(|(name, value)| (&name[..], &value[..])));
            format!("{} {}{}", short(&request.method), short(&request.path), shown_fields(fields))
        }
    }
}
