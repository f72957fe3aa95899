//! Nowhere looser than Istio: generated policies, as the RBAC filters that Istio's own code makes of them, beside the
//! filter with the same rules, in one Envoy.
//!
//! Every field of an AuthorizationPolicy is drawn, with values and with its `not` twin, in ALLOW and DENY policies, one or
//! several at once, under trust domains with and without aliases; every request goes through Envoy's own jwt_authn and
//! its codecs for HTTP/1.1 and HTTP/2. A difference must be of a named class: see [`class`].
//!
//! `SALLYPORT_PARITY_SEED` and `SALLYPORT_PARITY_CASES` draw others, or more; `SALLYPORT_PARITY_EXAMPLES` shows more of
//! each group of differences.

mod ask;
mod caller;
mod case;
mod class;
mod envoy;
mod istio;
mod policy;
mod pool;
mod report;
mod run;
mod shrink;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use sallyport_core::{Engine, wire};
use sallyport_tests::certs::{Authority, Identity};
use sallyport_tests::client::Caller;
use sallyport_tests::envoys::{Envoy, newest_envoy};
use sallyport_tests::istio::{Made, translate};
use sallyport_tests::jwt::Issuer;
use sallyport_tests::process::Scratch;
use serde_json::Value;

use self::case::Case;
use self::envoy::Setting;
use self::report::Report;
use self::run::Answers;

const SEED: u64 = 20_261_125;
const CASES: usize = 1_500;
const REQUESTS: usize = 28;
/// How many cases one Envoy has: every request goes along the filters of all.
const AT_ONCE: usize = 500;

fn number(name: &str, default: u64) -> Result<u64> {
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name} is not a number")),
        Err(_) => Ok(default),
    }
}

/// What was drawn, and what each side would not take.
#[derive(Debug, Default)]
struct Drawn {
    cases: Vec<Case>,
    filters: Vec<Vec<Value>>,
    /// Policies that Istio takes and Sallyport refuses, by the first code.
    refused_here: BTreeMap<String, usize>,
    refused_by_both: usize,
    refused_by_istio: Vec<String>,
}

/// Draws cases until there are so many that both sides take.
fn draw(scratch: &Scratch, random: &mut Rng, count: usize, ports: [u16; 2]) -> Result<Drawn> {
    let mut drawn = Drawn::default();
    while drawn.cases.len() < count {
        let missing = count - drawn.cases.len();
        let (mut cases, mut refused) = (Vec::new(), Vec::new());
        while cases.len() < missing {
            let policy = policy::draw(random, drawn.cases.len() + cases.len(), ports);
            let problem = Engine::compile(&policy).err().and_then(|invalid| invalid.problems.into_iter().next());
            let case = Case { istio: case::spread(random, &policy.rules), policy, asked: Vec::new() };
            match problem {
                Some(problem) => refused.push((problem.code.to_string(), case)),
                None => cases.push(case),
            }
        }
        let all = cases.iter().chain(refused.iter().map(|(_, case)| case));
        let all = all.enumerate().map(|(number, case)| case.to_istio(&number.to_string())).collect();
        let mut made = translate(scratch, all)?.into_iter();
        for (case, made) in cases.into_iter().zip(made.by_ref()) {
            match made {
                Made::Filters(filters) => {
                    drawn.cases.push(case);
                    drawn.filters.push(filters);
                }
                Made::Refused(reason) => drawn.refused_by_istio.push(reason),
            }
        }
        for ((code, _), made) in refused.into_iter().zip(made) {
            match made {
                Made::Filters(_) => *drawn.refused_here.entry(code).or_default() += 1,
                Made::Refused(_) => drawn.refused_by_both += 1,
            }
        }
        rename(&mut drawn.cases);
    }
    for case in &mut drawn.cases {
        case.asked = (0..REQUESTS).map(|_| ask::draw(random, &case.policy)).collect();
    }
    Ok(drawn)
}

/// Each policy is for an upstream of its own, so that no two are one configuration.
fn rename(cases: &mut [Case]) {
    for (number, case) in cases.iter_mut().enumerate() {
        case.policy = wire::Policy { upstream: format!("{}/case-{number}", case::NAMESPACE), ..case.policy.clone() };
    }
}

#[test]
fn nowhere_looser_than_istio() {
    newest_envoy("parity", |envoy, scratch| {
        let started = Instant::now();
        let seed = number("SALLYPORT_PARITY_SEED", SEED)?;
        let count = usize::try_from(number("SALLYPORT_PARITY_CASES", CASES as u64)?)?;
        let ports = envoy::free_ports()?;
        let drawn = draw(scratch, &mut Rng::with_seed(seed), count, ports)?;
        println!("seed {seed}, {count} cases of {REQUESTS} requests, drawn in {:.1?}", started.elapsed());
        println!(
            "refused here and taken by Istio {:?}; refused by both {}; refused by Istio only {}: {:?}",
            drawn.refused_here,
            drawn.refused_by_both,
            drawn.refused_by_istio.len(),
            drawn.refused_by_istio.iter().take(3).collect::<Vec<_>>(),
        );

        check_drawn(&drawn.cases)?;
        let gateway = Gateway::new(envoy, scratch, ports)?;
        let answers = gateway.ask(&drawn.cases, &drawn.filters)?;
        let mut report = Report::default();
        for (case, answers) in drawn.cases.iter().zip(&answers) {
            report.take(case, answers);
        }
        println!("{}", report.to_text());
        if !report.strange.is_empty() {
            let examples = usize::try_from(number("SALLYPORT_PARITY_EXAMPLES", 3)?)?;
            let explained = shrink::explain(&report.strange, examples, |cases| {
                rename(cases);
                let made = translate(scratch, cases.iter().map(|case| case.to_istio("part")).collect())?;
                gateway.ask(cases, &made.into_iter().map(Made::into_filters).collect::<Result<Vec<_>>>()?)
            })?;
            println!("{explained}");
        }
        check(&report, count * REQUESTS)
    });
}

/// What does not change from one Envoy to the next.
struct Gateway<'a> {
    envoy: &'a Envoy,
    scratch: &'a Scratch,
    ports: [u16; 2],
    server: Identity,
    authority: PathBuf,
    callers: Vec<Caller>,
    key_set: String,
    tokens: BTreeMap<usize, String>,
}

impl<'a> Gateway<'a> {
    fn new(envoy: &'a Envoy, scratch: &'a Scratch, ports: [u16; 2]) -> Result<Self> {
        let authority = Authority::new("parity")?;
        let issuer = Issuer::new()?;
        Ok(Self {
            envoy,
            scratch,
            ports,
            server: authority.server(scratch, "server", &[caller::HOST, "other.test", "127.0.0.1"])?,
            callers: caller::callers(scratch, &authority, envoy::has_v6())?,
            authority: authority.write(scratch, "authority")?,
            key_set: issuer.key_set(),
            tokens: caller::signed(&issuer)?,
        })
    }

    /// Puts every case to both sides.
    fn ask(&self, cases: &[Case], filters: &[Vec<Value>]) -> Result<Vec<Vec<Answers>>> {
        let Self { ports, server, authority, key_set, .. } = self;
        let started = Instant::now();
        let mut answers = Vec::new();
        for (cases, filters) in cases.chunks(AT_ONCE).zip(filters.chunks(AT_ONCE)) {
            let setting = Setting { cases, filters, ports: *ports, server, authority, key_set };
            let mut running = envoy::start(self.envoy, self.scratch, &setting)?;
            answers.extend(run::ask_all(cases, &self.callers, *ports, &self.tokens)?);
            running.check_running()?;
        }
        println!("{} cases asked in {:.1?}", cases.len(), started.elapsed());
        Ok(answers)
    }
}

/// Every field of a source (14) and of an operation (8), and every key of a condition (15) with both lists.
const KINDS: usize = 14 + 8 + 2 * 15;

/// A field that is not drawn is not compared.
fn check_drawn(cases: &[Case]) -> Result<()> {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for kind in cases.iter().flat_map(|case| &case.policy.rules).flat_map(case::field_kinds) {
        *kinds.entry(kind).or_default() += 1;
    }
    let rarest = kinds.iter().min_by_key(|(_, count)| **count);
    println!("{} kinds of fields, the rarest {rarest:?} in so many rules", kinds.len());
    ensure!(kinds.len() == KINDS, "{} kinds of fields were drawn, and there are {KINDS}: {kinds:?}", kinds.len());
    Ok(())
}

/// Agreement on one kind of answer would prove little.
fn check(report: &Report<'_>, pairs: usize) -> Result<()> {
    ensure!(report.pairs == pairs, "{} pairs of {pairs}", report.pairs);
    ensure!(report.both_allowed > pairs / 10, "only {} pairs are allowed by both", report.both_allowed);
    ensure!(report.both_refused > pairs / 10, "only {} pairs are refused by both", report.both_refused);
    ensure!(report.nothing < pairs / 100, "{} pairs have no answers", report.nothing);
    ensure!(report.before < pairs / 10, "{} pairs never got as far as either side", report.before);
    ensure!(report.strange.is_empty(), "{} pairs differ, and are of no class", report.strange.len());
    Ok(())
}
