//! Generated cases that shrink by leaving things out, so that what fails is printed as small as it can be.

use crate::common::generate;
use crate::common::request::Request;
use crate::common::wire::{read, read_rule};

use arbitrary::Unstructured;
use proptest::prelude::Rng;
use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use sallyport_core::wire;
use serde_json::Value;

/// A policy, a request, one more rule that the policy may be given, and bytes for choices of the test itself.
#[derive(Clone)]
pub struct Case {
    pub policy: wire::Policy,
    pub extra: wire::Rule,
    pub request: Request,
    pub choices: Vec<u8>,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let json = |value| serde_json::to_string(&value).unwrap_or_default();
        write!(f, "\npolicy: {}", json(serde_json::to_value(&self.policy).unwrap_or_default()))?;
        write!(f, "\nextra: {}", json(serde_json::to_value(&self.extra).unwrap_or_default()))?;
        write!(f, "\nchoices: \"{}\"", self.choices.escape_ascii())?;
        writeln!(f, "\n{}", self.request)
    }
}

impl Case {
    pub fn draw(bytes: &[u8]) -> Self {
        let u = &mut Unstructured::new(bytes);
        let request = generate::request(u);
        let policy = generate::policy(u);
        let extra = generate::rule(u, &policy, 1000);
        Self { policy, extra, request, choices: bytes.iter().rev().take(64).copied().collect() }
    }

    /// Every case that is this one with something left out.
    fn reductions(&self) -> Vec<Case> {
        let policies = shorter(&serde_json::to_value(&self.policy).unwrap_or_default());
        let policies = policies.into_iter().filter_map(|policy| read(&policy));
        let extras = shorter(&serde_json::to_value(&self.extra).unwrap_or_default());
        let extras = extras.into_iter().filter_map(|extra| read_rule(&extra));
        let requests = shorter_requests(&self.request);
        policies
            .map(|policy| Case { policy, ..self.clone() })
            .chain(extras.map(|extra| Case { extra, ..self.clone() }))
            .chain(requests.into_iter().map(|request| Case { request, ..self.clone() }))
            // A field that is written though it says the default comes back when it is left out.
            .filter(|case| case.policy != self.policy || case.extra != self.extra || case.request != self.request)
            .collect()
    }
}

fn shorter(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => {
            let without = (0..items.len()).map(|at| {
                let mut items = items.clone();
                items.remove(at);
                Value::Array(items)
            });
            let within = items.iter().enumerate().flat_map(|(at, item)| {
                shorter(item).into_iter().map(move |item| {
                    let mut items = items.clone();
                    items[at] = item;
                    Value::Array(items)
                })
            });
            without.chain(within).collect()
        }
        Value::Object(fields) => {
            let without = fields.keys().map(|name| {
                let mut fields = fields.clone();
                fields.remove(name);
                Value::Object(fields)
            });
            let within = fields.iter().flat_map(|(name, field)| {
                shorter(field).into_iter().map(move |field| {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), field);
                    Value::Object(fields)
                })
            });
            without.chain(within).collect()
        }
        _ => Vec::new(),
    }
}

fn shorter_requests(request: &Request) -> Vec<Request> {
    let mut out: Vec<Request> = (0..request.headers.len())
        .map(|at| {
            let mut request = request.clone();
            request.headers.remove(at);
            request
        })
        .collect();
    for (name, fields) in &request.metadata {
        let mut without = request.clone();
        without.metadata.remove(name);
        out.push(without);
        for fields in shorter(fields) {
            let mut request = request.clone();
            request.metadata.insert(name.clone(), fields);
            out.push(request);
        }
    }
    let plain = [
        Request { mtls: false, uri_san: None, ..request.clone() },
        Request { source_address: None, ..request.clone() },
        Request { destination_address: None, ..request.clone() },
        Request { sni: None, ..request.clone() },
    ];
    out.extend(plain.into_iter().filter(|plain| plain != request));
    out
}

#[derive(Debug)]
struct Cases;

struct Shrinking {
    current: Case,
    failed: Case,
    untried: Vec<Case>,
}

impl Strategy for Cases {
    type Tree = Shrinking;
    type Value = Case;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let mut bytes = vec![0; 2048];
        runner.rng().fill_bytes(&mut bytes);
        let current = Case::draw(&bytes);
        Ok(Shrinking { failed: current.clone(), current, untried: Vec::new() })
    }
}

impl ValueTree for Shrinking {
    type Value = Case;

    fn current(&self) -> Case {
        self.current.clone()
    }

    fn simplify(&mut self) -> bool {
        self.failed = self.current.clone();
        self.untried = self.failed.reductions();
        self.complicate()
    }

    fn complicate(&mut self) -> bool {
        let next = self.untried.pop();
        let more = next.is_some();
        self.current = next.unwrap_or_else(|| self.failed.clone());
        more
    }
}

/// Holds a theorem to generated cases; a failure is told with the smallest case that still fails.
///
/// `PROPTEST_CASES` changes how many are tried.
pub fn for_all_cases(theorem: impl Fn(&Case) -> Result<(), TestCaseError>) {
    let config = Config { failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { config.cases } else { 2_000 };
    let mut runner = TestRunner::new(Config { cases, ..config });
    if let Err(error) = runner.run(&Cases, |case| theorem(&case)) {
        panic!("{error}");
    }
}
