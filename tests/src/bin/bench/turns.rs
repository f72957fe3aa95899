//! Envoy's CPU for a request, of gates that take turns.

use std::fmt;

use anyhow::{Result, ensure};
use sallyport_tests::client::{Http2, Request};
use sallyport_tests::process::Scratch;
use sallyport_tests::stage::Stage;

/// Requests of a turn, and turns: the gates take turns, so that what else the machine does meets them all.
const TURN: usize = 2_000;
const TURNS: usize = 12;
/// So many are on their way at once: an Envoy that sleeps between two requests spends its time on waking.
const AT_ONCE: usize = 32;

/// A gate whose CPU time is taken.
pub struct Timed {
    pub name: &'static str,
    request: Request,
    connection: Http2,
    stage: Stage,
    _folder: Scratch,
    /// The least that a turn took, in µs a request.
    cpu: f64,
}

impl Timed {
    /// A gate, and what it is asked for; it must allow that.
    pub fn new(name: &'static str, request: Request, stage: Stage, folder: Scratch) -> Result<Self> {
        let connection = stage.sleep()?.http2()?;
        Ok(Self { name, request, connection, stage, _folder: folder, cpu: f64::INFINITY })
    }

    fn turn(&mut self) -> Result<()> {
        let before = self.stage.gate.cpu()?;
        let replies = self.connection.send_many(&self.request, TURN, AT_ONCE)?;
        let cpu = self.stage.gate.cpu()?.saturating_sub(before);
        ensure!(replies.iter().all(|reply| reply.status == 200), "a call failed: {}", self.name);
        self.cpu = self.cpu.min(cpu.as_secs_f64() * 1e6 / TURN as f64);
        Ok(())
    }
}

/// The CPU time of a request in µs, beside that of the first gate.
pub struct Beside {
    cpu: f64,
    first: f64,
}

impl fmt::Display for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu, first } = self;
        write!(f, "{cpu:>9.1} µs   {:>+6.1} µs ({:.2})", cpu - first, cpu / first)
    }
}

/// Lets all gates take their turns.
pub fn take(gates: &mut [Timed]) -> Result<Vec<Beside>> {
    for _ in 0..TURNS {
        for gate in gates.iter_mut() {
            gate.turn()?;
        }
    }
    let first = gates.first().map_or(f64::NAN, |gate| gate.cpu);
    Ok(gates.iter().map(|gate| Beside { cpu: gate.cpu, first }).collect())
}
