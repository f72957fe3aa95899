//! Cost, latency and memory of a group of gateways that take turns.

use std::time::Duration;

use anyhow::Result;
use sallyport_tests::envoys::Envoy;
use sallyport_tests::process::Scratch;

use super::load::Load;
use super::opa::Opa;
use super::proxy::{Proxy, Transport, bootstrap};
use super::variant::{Kind, Products, Variant};

/// Open connections of a load.
const CONNECTIONS: u32 = 8;
/// Requests of a turn are fewer by this where each takes milliseconds.
const FEWER: usize = 10;
/// Requests a second, at which latency is taken.
pub const RATE: u32 = 1_000;
/// What is left of a core's second at that rate: who takes more of it cannot keep up.
const BUSY: f64 = 0.9;
/// Requests to each worker, before memory is taken.
const BEFORE_MEMORY: usize = 400;
/// Workers beside the first, when memory is taken.
const MORE_WORKERS: u16 = 4;
/// The percentiles of latency that are taken.
pub const PERCENTILES: [f64; 8] = [25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9];

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Rounds in which cost is taken.
    pub rounds: usize,
    /// Requests of a turn.
    pub requests: usize,
    /// Rounds in which latency is taken.
    pub timed_rounds: usize,
    /// Seconds of such a turn.
    pub seconds: usize,
    /// Edits whose time is taken.
    pub edits: usize,
}

/// A median and the quartiles around it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spread {
    pub low: f64,
    pub middle: f64,
    pub high: f64,
}

impl Spread {
    /// Of any number of values, of which there is one at least.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let [low, middle, high] = [25.0, 50.0, 75.0].map(|percent| percentile(&values, percent));
        Self { low, middle, high }
    }
}

/// Of sorted values, between the two nearest.
pub fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = percent / 100.0 * last as f64;
    let (below, above) = (at.floor() as usize, at.ceil() as usize);
    sorted[below] + (sorted[above] - sorted[below]) * at.fract()
}

/// What one gateway showed.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub kind: Kind,
    /// Envoy's CPU for a request, in µs.
    pub cpu: Spread,
    /// Beside the gateway without a filter in the same round, in µs.
    pub added: Spread,
    /// The CPU of OPA for a request, in µs.
    pub beside: Option<Spread>,
    /// Of each of [`PERCENTILES`], the median of the turns, in µs; none, where the rate is too high for it.
    pub latency: Option<Vec<f64>>,
}

/// Bytes of a gateway's Envoy.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// With one worker.
    pub one: f64,
    /// What each further worker adds.
    pub another: f64,
}

/// A gateway that takes turns.
struct Running<'a> {
    variant: &'a Variant,
    proxy: Proxy,
    load: Load,
    opa: Option<&'a Opa>,
    cpu: Vec<f64>,
    beside: Vec<f64>,
    latency: Vec<Vec<f64>>,
    extent: Extent,
}

impl<'a> Running<'a> {
    fn start(place: &Place<'_>, variant: &'a Variant, opa: &'a Opa) -> Result<Self> {
        let (proxy, load) = place.start(variant, opa, 1, CONNECTIONS)?;
        let opa = (variant.kind == Kind::Opa).then_some(opa);
        let mut own = Self {
            variant,
            proxy,
            load,
            opa,
            cpu: Vec::new(),
            beside: Vec::new(),
            latency: Vec::new(),
            extent: place.extent,
        };
        // What is done once is done by then.
        own.load.send(own.requests(), 0)?;
        Ok(own)
    }

    fn requests(&self) -> usize {
        if matches!(self.variant.kind, Kind::Rbac(rules) if rules > 1_000) {
            self.extent.requests / FEWER
        } else {
            self.extent.requests
        }
    }

    fn turn(&mut self) -> Result<()> {
        let requests = self.requests();
        let of_opa = |opa: Option<&Opa>| opa.map_or(Ok(Duration::ZERO), Opa::cpu);
        let before = (self.proxy.cpu()?, of_opa(self.opa)?);
        self.load.send(requests, 0)?;
        let after = (self.proxy.cpu()?, of_opa(self.opa)?);
        let each = |before: Duration, after: Duration| (after - before).as_secs_f64() * 1e6 / requests as f64;
        self.cpu.push(each(before.0, after.0));
        self.beside.push(each(before.1, after.1));
        Ok(())
    }

    fn timed_turn(&mut self) -> Result<()> {
        let busy = Spread::of(self.cpu.clone()).middle + Spread::of(self.beside.clone()).middle;
        if busy * f64::from(RATE) < BUSY * 1e6 {
            let taken = self.load.send(RATE as usize * self.extent.seconds, RATE)?;
            self.latency.push(PERCENTILES.iter().map(|percent| percentile(&taken, *percent)).collect());
        }
        Ok(())
    }
}

/// Where gateways are started.
pub struct Place<'a> {
    pub scratch: &'a Scratch,
    pub envoy: &'a Envoy,
    pub transport: &'a Transport,
    pub upstream: &'a Proxy,
    pub products: &'a Products,
    pub extent: Extent,
}

impl Place<'_> {
    /// A gateway of this kind.
    pub fn make(&self, kind: Kind) -> Result<Variant> {
        Variant::make(self.scratch, self.products, kind)
    }

    fn start(&self, variant: &Variant, opa: &Opa, workers: u16, connections: u32) -> Result<(Proxy, Load)> {
        let name = variant.kind.slug();
        let opa = (variant.kind == Kind::Opa).then_some(opa.address);
        let upstream = (&variant.clusters[..], self.upstream.address);
        let bootstrap = bootstrap(&variant.manager, self.transport, upstream, opa);
        let proxy = Proxy::start(self.scratch, self.envoy, (&name, &bootstrap), workers)?;
        let load = Load::start(self.scratch, &name, proxy.address, self.transport, connections)?;
        Ok((proxy, load))
    }

    /// Cost and latency of these, the first of which has no filter.
    pub fn compare(&self, variants: &[&Variant], opa: &Opa) -> Result<Vec<Outcome>> {
        let mut all = variants.iter().map(|variant| Running::start(self, variant, opa)).collect::<Result<Vec<_>>>()?;
        for round in 0..self.extent.rounds {
            in_turn(&mut all, round, Running::turn)?;
        }
        for round in 0..self.extent.timed_rounds {
            in_turn(&mut all, round, Running::timed_turn)?;
        }
        let none = all.first().map(|running| running.cpu.clone()).unwrap_or_default();
        Ok(all.into_iter().map(|running| running.result(&none)).collect())
    }

    /// The memory of a gateway with one worker, and what each of a few more has, in bytes.
    pub fn memory(&self, variant: &Variant, opa: &Opa) -> Result<Memory> {
        let resident = |workers: u16| -> Result<f64> {
            // So many connections that every worker has some.
            let (proxy, mut load) = self.start(variant, opa, workers, u32::from(workers) * CONNECTIONS)?;
            load.send(usize::from(workers) * BEFORE_MEMORY, 0)?;
            Ok(proxy.resident()? as f64)
        };
        let (one, more) = (resident(1)?, resident(1 + MORE_WORKERS)?);
        Ok(Memory { one, another: (more - one) / f64::from(MORE_WORKERS) })
    }
}

/// One round; every other one begins with the last, so that no gateway always comes after the same.
fn in_turn<'a>(all: &mut [Running<'a>], round: usize, turn: fn(&mut Running<'a>) -> Result<()>) -> Result<()> {
    if round.is_multiple_of(2) { all.iter_mut().try_for_each(turn) } else { all.iter_mut().rev().try_for_each(turn) }
}

impl Running<'_> {
    fn result(self, none: &[f64]) -> Outcome {
        let added = self.cpu.iter().zip(none).map(|(own, none)| own - none).collect();
        let column = |at: usize| Spread::of(self.latency.iter().map(|turn| turn[at]).collect()).middle;
        Outcome {
            kind: self.variant.kind,
            added: Spread::of(added),
            beside: self.opa.map(|_| Spread::of(self.beside.clone())),
            latency: (!self.latency.is_empty()).then(|| (0..PERCENTILES.len()).map(column).collect()),
            cpu: Spread::of(self.cpu),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Spread, percentile};

    #[test]
    fn a_percentile_is_between_two_values() {
        assert_eq!([0.0, 25.0, 50.0, 100.0].map(|percent| percentile(&[1.0, 2.0, 4.0], percent)), [1.0, 1.5, 2.0, 4.0]);
        assert!(percentile(&[], 50.0).is_nan());
        let Spread { low, middle, high } = Spread::of(vec![5.0, 1.0, 3.0]);
        assert_eq!([low, middle, high], [2.0, 3.0, 4.0]);
    }
}
