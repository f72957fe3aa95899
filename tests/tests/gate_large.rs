//! Requests larger than Envoy takes unless it is told to. Through gateways that are told to, nothing leaves that must not,
//! and the rest arrives as it was sent.

use anyhow::{Context as _, Result, ensure};
use sallyport_tests::client::{Caller, Request};
use sallyport_tests::echo::Received;
use sallyport_tests::envoys::{Envoy, each_envoy};
use sallyport_tests::named::Named;
use sallyport_tests::process::Scratch;
use sallyport_tests::stage::{Stage, egress};
use serde_json::json;

const AUTHZ: &str = "rules:
- {id: all, action: ALLOW, from: [{source: {namespaces: [httpbin]}}]}
- {id: no-marked, action: DENY, when: [{key: 'request.headers[x-marked]', values: ['bad*']}]}\n";
/// Families of names that do not leave.
const FAMILIES: [&str; 7] =
    ["x-auth-request-", "x-forwarded-", "x-envoy-", "x-istio-", "x-ms-token-", "x-datadog-", "x-b3-"];
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// What is longer in a single value Envoy 1.38 and later do not take over HTTP/2, whatever they are told.
const MEBIBYTE: usize = 1 << 20;

/// A gateway whose limits have been raised, as far as Envoy lets one.
struct Large {
    stage: Stage,
    named: Named,
}

impl Large {
    fn start(envoy: &Envoy, scratch: &Scratch) -> Result<Self> {
        let stage = Stage::with_file(envoy, scratch, &egress(AUTHZ))?;
        let named = Named::start_with(scratch, envoy, &stage.gate, |manager| {
            manager["common_http_protocol_options"] = json!({"max_headers_count": 4_096});
            manager["max_request_headers_kb"] = json!(8_192);
        })?;
        Ok(Self { stage, named })
    }

    fn sleep(&self) -> Result<Caller> {
        Ok(self.stage.sleep()?.at(self.named.listener()))
    }

    /// What comes of a request that is allowed, over one of the protocols.
    fn send(&self, request: &Request, http2: bool) -> Result<Received> {
        let reply = self.sleep()?.send_over(request, http2)?;
        ensure!(reply.status == 200, "{} {}", reply.status, reply.text());
        self.stage.echo.take().pop().context("the upstream got nothing")
    }

    /// The same request made worse, or of somebody else: nobody gets it.
    fn is_refused(&self, request: &Request, http2: bool) -> Result<()> {
        let stranger = self.stage.stranger()?.at(self.named.listener());
        let marked = request.clone().header("x-marked", "bad one");
        for (caller, request) in [(self.sleep()?, &marked), (stranger, request)] {
            let reply = caller.send_over(request, http2)?;
            ensure!(reply.status == 403 && reply.spoken().verdict == "refused", "{}: {reply:?}", caller.name);
        }
        ensure!(self.stage.echo.take().is_empty(), "the upstream got what was refused");
        Ok(())
    }

    /// No VM has died of it.
    fn alive(&self) -> Result<()> {
        self.send(&Request::get("/get"), false)?;
        let log = self.named.log();
        for sign in ["wasm_fail_stream", "Function: proxy_on", "panicked at", "Wasm VM"] {
            ensure!(!log.contains(sign), "the filter failed ({sign}):\n{log}");
        }
        Ok(())
    }
}

/// All but what Envoy and the filter have written, which must be one of each.
fn rest(seen: &Received) -> Result<Vec<(&str, &[u8])>> {
    for name in ["host", "x-request-id", "traceparent"] {
        ensure!(seen.values(name).count() == 1, "{name}: {} times", seen.values(name).count());
    }
    ensure!(seen.values("traceparent").all(|parent| parent.starts_with(&PARENT.as_bytes()[..36])));
    let own = |name: &str| ["host", "x-request-id", "traceparent"].contains(&name);
    Ok(seen.headers.iter().filter(|(name, _)| !own(name)).map(|(name, value)| (&name[..], &value[..])).collect())
}

#[test]
fn many_headers() {
    each_envoy("large-many", |envoy, scratch| {
        let large = Large::start(envoy, scratch)?;
        // More than the 1,024 pairs that the host would take back at once, too.
        for count in [1_024, 4_000] {
            let mut request = Request::get("/get").header("traceparent", PARENT);
            let mut wanted = Vec::new();
            for (number, family) in (0..count / 2).zip(FAMILIES.iter().cycle()) {
                let (name, value) = (format!("x-plain-{number}"), format!("value {number}"));
                request = request.header(format!("{family}{number}"), "root").header(&name, &value);
                wanted.push((name, value));
            }
            for http2 in [false, true] {
                let seen = large.send(&request, http2)?;
                let mut got = rest(&seen)?;
                // A map of HTTP/2 has no order between names.
                let by_number = |name: &str| name.rsplit('-').next().and_then(|number| number.parse::<usize>().ok());
                got.sort_by_key(|(name, _)| by_number(name));
                let wanted = wanted.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
                ensure!(wanted.eq(got.iter().copied()), "{count}: {} got through", got.len());
                large.is_refused(&request, http2)?;
            }
        }
        large.alive()
    });
}

#[test]
fn many_bytes() {
    each_envoy("large-bytes", |envoy, scratch| {
        let large = Large::start(envoy, scratch)?;
        for (count, length) in [(16, MEBIBYTE / 16), (1, MEBIBYTE)] {
            let value =
                |number: usize| -> Vec<u8> { (0..length).map(|at| b'a' + ((at + number) % 26) as u8).collect() };
            let plain = (0..count).fold(Request::get("/get").header("traceparent", PARENT), |request, number| {
                request.header(format!("x-plain-{number:02}"), value(number))
            });
            let request = (0..count).fold(plain, |request, number| {
                let family = FAMILIES.iter().cycle().nth(number).copied().unwrap_or_default();
                request.header(format!("{family}{number}"), value(number))
            });
            for http2 in [false, true] {
                // Envoy itself ends the connection, and nothing of it gets to the upstream.
                if http2 && length == MEBIBYTE && envoy.version.as_str() >= "1.38" {
                    ensure!(large.send(&request, http2).is_err() && large.stage.echo.take().is_empty());
                    continue;
                }
                let seen = large.send(&request, http2)?;
                let mut got = rest(&seen)?;
                got.sort_unstable();
                let names: Vec<_> = got.iter().map(|(name, _)| *name).collect();
                let intact = got.iter().enumerate().all(|(number, (_, found))| *found == value(number));
                ensure!(got.len() == count && intact, "{count} of {length}, HTTP/2 {http2}: {names:?}");
                large.is_refused(&request, http2)?;
            }
        }
        large.alive()
    });
}
