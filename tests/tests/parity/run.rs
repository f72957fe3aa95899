//! Asks both sides everything, over connections that stay open.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result, anyhow};
use sallyport_tests::client::{Caller, Http1, Http2, Reply, Request, Spoken};

use super::caller::WHO;
use super::case::{Asked, Case};
use super::envoy::{self, DETAILS_HEADER, SIDE_HEADER};

/// How one side ended a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It let the request through.
    Allowed,
    /// It refused it.
    Refused,
    /// Something before it answered, with this status.
    Before(u16),
    /// There was no answer.
    Nothing,
}

/// Both answers to one request.
#[derive(Clone, Debug)]
pub(crate) struct Answers {
    pub(crate) istio: End,
    /// The policy and the position of the rule that Istio's side refused it by, if it was by a DENY rule.
    pub(crate) istio_rule: Option<(String, usize)>,
    pub(crate) sallyport: End,
    pub(crate) spoken: Spoken,
}

/// What both sides say to every request of every case.
pub(crate) fn ask_all(
    cases: &[Case],
    callers: &[Caller],
    ports: [u16; 2],
    tokens: &BTreeMap<usize, String>,
) -> Result<Vec<Vec<Answers>>> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, Vec<Answers>)>> {
        let mut open = Connections { callers, ports, http1: BTreeMap::new(), http2: BTreeMap::new() };
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = cases.get(number) else { return Ok(done) };
            let answers = case.asked.iter().map(|asked| open.ask(number, case, asked, tokens));
            done.push((number, answers.collect::<Result<Vec<_>>>()?));
        }
    };
    let mut all = thread::scope(|scope| {
        let workers: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.join().map_err(|_| anyhow!("a caller panicked"))??);
        }
        anyhow::Ok(all)
    })?;
    all.sort_by_key(|(number, _)| *number);
    Ok(all.into_iter().map(|(_, answers)| answers).collect())
}

/// The connections of one thread.
struct Connections<'a> {
    callers: &'a [Caller],
    ports: [u16; 2],
    http1: BTreeMap<(usize, usize), Http1>,
    http2: BTreeMap<(usize, usize), Http2>,
}

impl Connections<'_> {
    fn ask(&mut self, number: usize, case: &Case, asked: &Asked, tokens: &BTreeMap<usize, String>) -> Result<Answers> {
        let mut request = asked.request.clone();
        if let Some(token) = tokens.get(&asked.token) {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let hops = usize::from(case.trusts_a_proxy());
        let istio = self.send(hops, asked, &request.clone().header(SIDE_HEADER, envoy::istio(number)))?;
        let sallyport = self.send(hops, asked, &request.header(SIDE_HEADER, envoy::sallyport(number)))?;
        let spoken = sallyport.as_ref().map(Reply::spoken).unwrap_or_default();
        Ok(Answers {
            istio_rule: istio.as_ref().and_then(refusing_rule),
            istio: istio.as_ref().map_or(End::Nothing, istio_end),
            sallyport: match (sallyport.as_ref(), spoken.verdict.as_str()) {
                (None, _) => End::Nothing,
                (Some(_), "allowed") => End::Allowed,
                (Some(_), "refused") => End::Refused,
                (Some(reply), _) => End::Before(reply.status),
            },
            spoken,
        })
    }

    /// Sends one request; a connection that was closed meanwhile is opened once again.
    fn send(&mut self, hops: usize, asked: &Asked, request: &Request) -> Result<Option<Reply>> {
        for _ in 0..2 {
            if let Ok(reply) = self.try_send(hops, asked, request) {
                return Ok(Some(reply));
            }
            self.http1.remove(&(asked.who, hops));
            self.http2.remove(&(asked.who, hops));
        }
        Ok(None)
    }

    fn try_send(&mut self, hops: usize, asked: &Asked, request: &Request) -> Result<Reply> {
        let key = (asked.who, hops);
        let caller = self.callers.get(asked.who).with_context(|| format!("no caller {}", WHO[asked.who].name))?;
        let to = SocketAddr::new(caller.address().ip(), self.ports[hops]);
        if asked.http2 {
            let open = match self.http2.entry(key) {
                Entry::Occupied(open) => open.into_mut(),
                Entry::Vacant(none) => none.insert(caller.at(to).http2()?),
            };
            return open.send(request);
        }
        let open = match self.http1.entry(key) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(none) => none.insert(caller.at(to).http1()?),
        };
        open.send(request)
    }
}

fn istio_end(reply: &Reply) -> End {
    let details = reply.header(DETAILS_HEADER).unwrap_or_default();
    match reply.status {
        200 => End::Allowed,
        403 if details.starts_with("rbac_access_denied") => End::Refused,
        status => End::Before(status),
    }
}

/// `rbac_access_denied_matched_policy[ns[NAMESPACE]-policy[NAME]-rule[INDEX]]`.
fn refusing_rule(reply: &Reply) -> Option<(String, usize)> {
    let (_, rest) = reply.header(DETAILS_HEADER)?.split_once("-policy[")?;
    let (name, rest) = rest.split_once("]-rule[")?;
    Some((name.to_owned(), rest.split_once(']')?.0.parse().ok()?))
}
