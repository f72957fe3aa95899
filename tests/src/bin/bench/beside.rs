//! What a request costs beside the alternatives: the same gateway with other filters that decide by the same rules.
//!
//! All gateways of a group run at once and take turns, so that what else the machine does meets them all; what a filter
//! adds is the difference to the gateway without one in the same round. `beside` alone writes docs/performance.md and its
//! plots; `beside short` takes a tenth of the time and prints.

mod live;
mod load;
mod measure;
mod opa;
mod plot;
mod product;
mod proxy;
mod tables;
mod variant;

use std::fs;

use anyhow::Result;
use sallyport_tests::envoys::Envoy;
use sallyport_tests::gate;
use sallyport_tests::process::Scratch;

use self::measure::{Extent, Memory, Outcome, Place, Spread};
use self::opa::Opa;
use self::proxy::{Proxy, Transport};
use self::variant::{Kind, Products, Variant, rego};

const FULL: Extent = Extent { rounds: 120, requests: 800, timed_rounds: 5, seconds: 4, edits: 12 };
const SHORT: Extent = Extent { rounds: 5, requests: 800, timed_rounds: 1, seconds: 1, edits: 2 };
/// Gateways that take turns; the first of a group has no filter, and the others of it are compared to that one.
const GROUPS: [&[Kind]; 2] = [
    &[
        Kind::None,
        Kind::Guard,
        Kind::Empty,
        Kind::Least,
        Kind::Lua,
        Kind::Rbac(10),
        Kind::Rbac(100),
        Kind::Rbac(200),
        Kind::Opa,
        Kind::Ours(10),
        Kind::Ours(100),
    ],
    &[
        Kind::None,
        Kind::Rbac(1_000),
        Kind::Rbac(10_000),
        Kind::Ours(1_000),
        Kind::Ours(10_000),
        Kind::Usual,
        Kind::Everything,
    ],
];
/// Those whose memory is taken.
const MEMORY: [Kind; 9] = [
    Kind::None,
    Kind::Empty,
    Kind::Lua,
    Kind::Rbac(10),
    Kind::Rbac(10_000),
    Kind::Opa,
    Kind::Ours(10),
    Kind::Ours(10_000),
    Kind::Everything,
];

/// Everything that was measured.
#[derive(Debug, Default)]
pub struct Findings {
    /// Of Envoy.
    pub version: String,
    /// How many cores of which model.
    pub machine: String,
    /// Bytes of our filter.
    pub filter: u64,
    pub rounds: usize,
    /// Over plain HTTP, and over mutual TLS.
    pub transports: Vec<(&'static str, Vec<Outcome>)>,
    pub memory: Vec<(Kind, Memory)>,
    /// The memory of OPA, in bytes.
    pub memory_of_opa: f64,
    /// Milliseconds until an edit decides.
    pub live: Vec<(Kind, Spread)>,
}

/// Prints what was measured and, unless it is a `short` run, writes it.
pub fn run(envoy: &Envoy, short: bool) -> Result<()> {
    let extent = if short { SHORT } else { FULL };
    let filter = fs::metadata(gate::filter()?)?.len();
    let mut findings = Findings {
        version: envoy.version.clone(),
        machine: machine(),
        filter,
        rounds: extent.rounds,
        ..Findings::default()
    };
    for identity in [false, true] {
        let scratch = Scratch::new("bench-beside")?;
        let transport = if identity { Transport::mutual(&scratch)? } else { Transport::Plain };
        let upstream = Proxy::upstream(&scratch, envoy)?;
        let products = Products::make(envoy, identity)?;
        let place =
            Place { scratch: &scratch, envoy, transport: &transport, upstream: &upstream, products: &products, extent };
        let opa = Opa::start(&scratch, &rules_of_opa(&place)?)?;
        let mut outcomes: Vec<Outcome> = Vec::new();
        for kinds in GROUPS {
            let variants = kinds.iter().map(|kind| place.make(*kind)).collect::<Result<Vec<_>>>()?;
            let variants: Vec<&Variant> = variants.iter().collect();
            outcomes.extend(place.compare(&variants, &opa)?);
        }
        findings.transports.push((transport.name(), outcomes));
        if identity {
            continue;
        }
        for kind in MEMORY {
            findings.memory.push((kind, place.memory(&place.make(kind)?, &opa)?));
        }
        findings.memory_of_opa = opa.resident()? as f64;
        for kind in live::KINDS {
            findings.live.push((kind, live::measure(&place, &place.make(kind)?)?));
        }
    }
    println!("{}", tables::text(&findings));
    if !short {
        tables::write(&findings)?;
        plot::write(&findings)?;
    }
    Ok(())
}

/// As Linux names it.
fn machine() -> String {
    let about = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models: Vec<&str> = about
        .lines()
        .filter_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map(|(_, model)| model)
        .collect();
    match models.first() {
        Some(model) => format!("{} cores of {model}", models.len()),
        None => "a machine that does not tell its cores".to_owned(),
    }
}

/// The rules that the others have, in OPA's language.
fn rules_of_opa(place: &Place<'_>) -> Result<String> {
    rego(&place.make(Kind::Opa)?.rules)
}
