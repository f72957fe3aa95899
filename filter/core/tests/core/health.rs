//! The health gate: tables of what it does, and properties of several VMs that share one store.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sallyport_core::Engine;
use sallyport_core::flow::health::{RecordStep, TargetUpdate, WriteStep};
use sallyport_core::health::{Admission, Change, HealthPolicy, Monitor, Outcome, Phase, ProbeFailure, RecordUpdate};

/// A policy with this `health` and no rules.
fn engine(health: &str) -> Result<Engine, Vec<(String, String)>> {
    let policy = format!(r#"{{"version":1,"upstream":"a/b","rules":[],"health":{health}}}"#);
    Engine::from_json(policy.as_bytes()).map_err(|invalid| {
        invalid.problems.into_iter().map(|problem| (problem.code.to_string(), problem.path)).collect()
    })
}

const PROBE: &str = r#"{"cluster":"c","method":"GET","host":"h","path":"/","expect":{"statuses":["200-299"]},
    "interval":5000,"jitter":0,"timeout":1000,"rise":2,"fall":3}"#;
const PASSIVE: &str = r#"{"window":10000,"minimumRequests":10,"failurePercent":50,"consecutive":5,"consecutiveLocal":3,
    "statuses":["500-599"],"grpcStatuses":[14],"p95":100}"#;
const REST: &str =
    r#""hold":5000,"slowStart":{"share":10,"duration":10000},"refusal":{"status":503,"retryAfter":5000}"#;

fn probed() -> Engine {
    engine(&format!(r#"{{"probe":{PROBE},{REST}}}"#)).unwrap()
}

fn watched() -> Engine {
    engine(&format!(r#"{{"passive":{PASSIVE},{REST}}}"#)).unwrap()
}

/// What the host stores for all VMs: values with a version that grows with each write.
#[derive(Default)]
struct Store(BTreeMap<usize, (Vec<u8>, u32)>);

impl Store {
    /// As in Envoy, every write to an absent key succeeds.
    fn write(&mut self, key: usize, bytes: Vec<u8>, cas: u32) -> bool {
        let found = self.0.get(&key).map_or(0, |(_, number)| *number);
        if found != 0 && cas != 0 && found != cas {
            return false;
        }
        self.0.insert(key, (bytes, found + 1));
        true
    }
}

/// A VM updates the record of one target, as the filter does. What changed, and whether it owes a probe.
fn look(
    store: &mut Store,
    health: &HealthPolicy,
    vm: &mut Monitor,
    probed: Option<Result<(), ProbeFailure>>,
    now: u64,
) -> (Option<Change>, bool) {
    let mut update = probed.map_or_else(|| TargetUpdate::new(0), |result| TargetUpdate::of_probe(0, result));
    loop {
        let (bytes, cas) = store.0.get(&0).cloned().map_or((None, 0), |(bytes, cas)| (Some(bytes), cas));
        let RecordStep::Write(new) = update.on_read(health, vm, bytes.as_deref(), now) else { return (None, false) };
        let is_written = store.write(0, new.bytes.clone(), cas);
        if let WriteStep::Done(updated) = update.on_write(health, vm, &new, (is_written, bytes.is_some()), now) {
            return (updated.change, updated.owes_probe);
        }
    }
}

struct One {
    engine: Engine,
    store: Store,
    vm: Monitor,
}

impl One {
    fn new(engine: Engine) -> Self {
        let vm = Monitor::new(engine.health().unwrap());
        let mut one = Self { engine, store: Store::default(), vm };
        one.at(1_000_000, None);
        one
    }

    fn at(&mut self, now: u64, reply: Option<Result<(), ProbeFailure>>) -> (Option<Change>, bool) {
        look(&mut self.store, self.engine.health().unwrap(), &mut self.vm, reply, now)
    }

    fn phase(&self) -> Phase {
        self.vm.phase(0).unwrap()
    }

    fn saw(&mut self, outcome: Outcome, times: usize) -> bool {
        (0..times).fold(false, |_, _| self.vm.observe(self.engine.health().unwrap(), 0, outcome))
    }

    /// How many of a thousand requests go to the upstream.
    fn share(&mut self) -> usize {
        let health = self.engine.health().unwrap();
        (0..1000).filter(|_| self.vm.admit(health, false) == Admission::To(0)).count()
    }
}

const FAILED: Option<Result<(), ProbeFailure>> = Some(Err(ProbeFailure::Status(500)));
const SUCCEEDED: Option<Result<(), ProbeFailure>> = Some(Ok(()));

#[test]
fn probes_open_it_and_close_it_again() {
    let mut gate = One::new(probed());
    assert_eq!((gate.phase(), gate.share()), (Phase::Closed, 1000));
    gate.at(1_001_000, FAILED);
    gate.at(1_006_000, FAILED);
    gate.at(1_007_000, SUCCEEDED);
    gate.at(1_011_000, FAILED);
    gate.at(1_016_000, FAILED);
    assert_eq!(gate.phase(), Phase::Closed, "a good one in between begins the row anew");
    let (change, _) = gate.at(1_021_000, FAILED);
    assert_eq!(change.unwrap().to_string(), "closed -> open, after 21000 ms: 3 failed probes, the last: status 500");
    assert_eq!((gate.phase(), gate.share()), (Phase::Open, 0));
    // Two successful probes are enough, but not before the end of the hold.
    gate.at(1_022_000, SUCCEEDED);
    gate.at(1_023_000, SUCCEEDED);
    assert_eq!(gate.phase(), Phase::Open);
    let (change, _) = gate.at(1_026_000, None);
    assert_eq!(change.unwrap().to_string(), "open -> half-open, after 5000 ms: 2 successful probes");
    assert_eq!(gate.share(), 100);
    gate.at(1_031_000, SUCCEEDED);
    assert_eq!(gate.share(), 550);
    let (change, _) = gate.at(1_036_000, None);
    assert_eq!(change.unwrap().to_string(), "half-open -> closed, after 10000 ms: slow start completed");
    assert_eq!(gate.share(), 1000);
}

#[test]
fn half_open_one_failed_probe_is_enough() {
    let mut gate = One::new(probed());
    for now in [1_000_001, 1_000_002, 1_000_003] {
        gate.at(now, FAILED);
    }
    gate.at(1_006_000, SUCCEEDED);
    gate.at(1_006_001, SUCCEEDED);
    assert_eq!(gate.phase(), Phase::HalfOpen);
    gate.at(1_006_002, FAILED);
    assert_eq!(gate.phase(), Phase::Open);
}

#[test]
fn failures_in_a_row_open_it_and_the_last_one_is_urgent() {
    let mut gate = One::new(watched());
    assert!(!gate.saw(Outcome::Failure, 4));
    assert!(!gate.saw(Outcome::Success(None), 1));
    assert!(gate.saw(Outcome::Failure, 5));
    let (change, _) = gate.at(1_000_100, None);
    assert_eq!(change.unwrap().to_string(), "closed -> open, after 100 ms: 5 failed requests in a row");
    // Without a probe it becomes half-open after the hold.
    gate.at(1_005_099, None);
    assert_eq!(gate.phase(), Phase::Open);
    let (change, _) = gate.at(1_005_100, None);
    assert_eq!(change.unwrap().to_string(), "open -> half-open, after 5000 ms: hold time is over");
}

#[test]
fn requests_that_do_not_reach_the_upstream_are_counted_separately() {
    let mut gate = One::new(watched());
    gate.saw(Outcome::LocalFailure, 2);
    gate.saw(Outcome::Failure, 1);
    assert!(!gate.saw(Outcome::LocalFailure, 2));
    assert!(gate.saw(Outcome::LocalFailure, 1));
    let (change, _) = gate.at(1_000_100, None);
    assert!(change.unwrap().to_string().ends_with("3 requests in a row did not reach it"));
}

/// A tick between them writes what there was to the record, which changes nothing.
#[test]
fn an_answer_ends_a_row_that_is_in_the_record() {
    for answer in [Outcome::Failure, Outcome::Success(None)] {
        let mut gate = One::new(watched());
        for (outcome, count) in [(Outcome::LocalFailure, 2), (answer, 1), (Outcome::LocalFailure, 2)] {
            gate.saw(outcome, count);
            assert_eq!(gate.at(1_000_100, None).0, None, "{answer:?}, {outcome:?}");
        }
        gate.saw(Outcome::LocalFailure, 1);
        let (change, _) = gate.at(1_000_200, None);
        assert!(change.unwrap().to_string().ends_with("3 requests in a row did not reach it"));
    }
}

#[test]
fn a_share_counts_from_a_minimum_on() {
    let mut gate = One::new(watched());
    for _ in 0..4 {
        gate.saw(Outcome::Failure, 1);
        gate.saw(Outcome::Success(None), 1);
    }
    gate.at(1_000_100, None);
    assert_eq!(gate.phase(), Phase::Closed);
    gate.saw(Outcome::Success(None), 1);
    gate.saw(Outcome::Failure, 1);
    let (change, _) = gate.at(1_000_200, None);
    assert!(change.unwrap().to_string().ends_with("5 of 10 requests failed"));
}

#[test]
fn slowness_opens_it() {
    let mut gate = One::new(watched());
    gate.saw(Outcome::Success(Some(101)), 1);
    gate.saw(Outcome::Success(Some(100)), 19);
    gate.at(1_000_100, None);
    assert_eq!(gate.phase(), Phase::Closed, "a twentieth may be slow");
    gate.saw(Outcome::Success(Some(101)), 1);
    let (change, _) = gate.at(1_000_200, None);
    assert!(change.unwrap().to_string().ends_with("2 of 21 answers were slow"));
}

#[test]
fn rows_are_counted_over_several_vms() {
    let engine = watched();
    let health = engine.health().unwrap();
    let mut store = Store::default();
    let mut vms = [Monitor::new(health), Monitor::new(health), Monitor::new(health)];
    for now in 0..5 {
        let vm = &mut vms[now as usize % 3];
        vm.observe(health, 0, Outcome::Failure);
        look(&mut store, health, vm, None, 1_000_000 + now);
    }
    let phases: Vec<_> = vms
        .iter_mut()
        .map(|vm| {
            look(&mut store, health, vm, None, 1_000_010);
            vm.phase(0)
        })
        .collect();
    assert_eq!(phases, [Some(Phase::Open); 3]);
    // A VM that starts later, after a reload, knows at once.
    let mut late = Monitor::new(health);
    assert_eq!(late.phase(0), None);
    look(&mut store, health, &mut late, None, 1_000_020);
    assert_eq!((late.phase(0), late.admit(health, true)), (Some(Phase::Open), Admission::Refused));
}

#[test]
fn a_standby_gets_requests_that_may_be_repeated() {
    let standby = format!(r#"{{"probe":{PROBE},{REST},"failover":[{{"upstream":"a/c"}},{{"upstream":"a/d"}}]}}"#);
    let mut gate = One::new(engine(&standby).unwrap());
    for now in [1_000_001, 1_000_002, 1_000_003] {
        gate.at(now, FAILED);
    }
    let health = gate.engine.health().unwrap();
    assert_eq!(gate.vm.admit(health, true), Admission::To(1));
    assert_eq!(gate.vm.admit(health, false), Admission::Refused);
    assert!(gate.vm.is_ready(health), "a standby gets the requests");
}

#[test]
fn an_override_decides() {
    let forced = |word: &str| engine(&format!(r#"{{"override":"{word}","probe":{PROBE},{REST}}}"#)).unwrap();
    let mut gate = One::new(forced("forceOpen"));
    assert_eq!(gate.share(), 0);
    assert!(!gate.vm.is_ready(gate.engine.health().unwrap()));
    let mut gate = One::new(forced("forceClosed"));
    for now in [1_000_001, 1_000_002, 1_000_003] {
        gate.at(now, FAILED);
    }
    assert_eq!((gate.phase(), gate.share()), (Phase::Open, 1000));
    assert!(gate.vm.is_ready(gate.engine.health().unwrap()));
}

#[test]
fn a_pod_is_ready_once_a_probe_has_succeeded() {
    let mut gate = One::new(probed());
    let ready = |gate: &One| gate.vm.is_ready(gate.engine.health().unwrap());
    assert!(!ready(&gate));
    gate.at(1_000_100, SUCCEEDED);
    assert!(ready(&gate));
    for now in [1_000_101, 1_000_102, 1_000_103] {
        gate.at(now, FAILED);
    }
    assert!(!ready(&gate));
}

#[test]
fn bad_settings_are_refused_with_their_place() {
    let of = |health: String| engine(&health).unwrap_err();
    let probe = |from: &str, to: &str| {
        let changed = PROBE.replace(from, to);
        assert_ne!(changed, PROBE);
        of(format!(r#"{{"probe":{changed},{REST}}}"#))
    };
    let one = |code: &str, path: &str| vec![(code.to_owned(), path.to_owned())];
    assert_eq!(probe(r#""rise":2"#, r#""rise":0"#), one("SP1501", "health.probe.rise"));
    assert_eq!(probe(r#""fall":3"#, r#""fall":0"#), one("SP1501", "health.probe.fall"));
    assert_eq!(probe(r#""jitter":0"#, r#""jitter":101"#), one("SP1501", "health.probe.jitter"));
    assert_eq!(
        probe(r#""interval":5000"#, r#""interval":0"#),
        [one("SP1501", "health.probe.interval"), one("SP1502", "health.probe.timeout")].concat()
    );
    assert_eq!(probe(r#""timeout":1000"#, r#""timeout":5001"#), one("SP1502", "health.probe.timeout"));
    assert_eq!(probe(r#""timeout":1000"#, r#""timeout":0"#), one("SP1501", "health.probe.timeout"));
    assert_eq!(probe("GET", "POST"), one("SP1306", "health.probe.method"));
    assert_eq!(probe(r#""path":"/""#, r#""path":"x""#), one("SP1301", "health.probe.path"));
    assert_eq!(probe(r#""path":"/""#, r#""path":"/a b""#), one("SP1301", "health.probe.path"));
    assert_eq!(probe(r#""host":"h""#, r#""host":"""#), one("SP1304", "health.probe.host"));
    for bad in ["", " ", " a", "a ", r"a\tb", r"a\u0000", r"a\r\nx: y", "\u{e9}"] {
        let written = format!(r#""path":"/","userAgent":"{bad}""#);
        assert_eq!(probe(r#""path":"/""#, &written), one("SP1603", "health.probe.userAgent"), "{bad:?}");
    }
    assert_eq!(probe("200-299", "2xx"), one("SP1504", "health.probe.expect.statuses[0]"));
    assert_eq!(probe(r#"["200-299"]"#, "[]"), one("SP1104", "health.probe.expect.statuses"));
    let expect = |more: &str| probe(r#"["200-299"]"#, &format!(r#"["200-299"],{more}"#));
    assert_eq!(expect(r#""bodyPrefix":"""#), one("SP1503", "health.probe.expect.bodyPrefix"));
    assert_eq!(expect(r#""header":{"name":"X","value":""}"#), one("SP1503", "health.probe.expect.header.name"));
    let head = PROBE.replace("GET", "HEAD").replace(r#"["200-299"]"#, r#"["200-299"],"bodyPrefix":"ok""#);
    assert_eq!(of(format!(r#"{{"probe":{head},{REST}}}"#)), one("SP1503", "health.probe.expect.bodyPrefix"));
    let both = PASSIVE.replace("500-599", "200-599");
    assert_eq!(of(format!(r#"{{"probe":{PROBE},"passive":{both},{REST}}}"#)), one("SP1502", "health.passive.statuses"));
    let none = r#"{"window":1000,"minimumRequests":1,"statuses":["503"]}"#;
    assert_eq!(of(format!(r#"{{"passive":{none},{REST}}}"#)), one("SP1503", "health.passive"));
    let standby = |names: &str| of(format!(r#"{{"probe":{PROBE},{REST},"failover":[{names}]}}"#));
    assert_eq!(standby(r#"{"upstream":"a/b"}"#), one("SP1505", "health.failover[0]"));
    assert_eq!(standby(r#"{"upstream":"a/c"},{"upstream":"a/c"}"#), one("SP1505", "health.failover[1]"));
    assert_eq!(standby(r#"{"upstream":"c"}"#), one("SP1505", "health.failover[0]"));
    let rest = |from: &str, to: &str| of(format!(r#"{{"probe":{PROBE},{}}}"#, REST.replace(from, to)));
    assert_eq!(rest(r#""share":10"#, r#""share":0"#), one("SP1501", "health.slowStart.share"));
    assert_eq!(rest(r#""status":503"#, r#""status":200"#), one("SP1501", "health.refusal.status"));
}

/// Something that happens to one of several VMs.
#[derive(Clone, Debug)]
enum Event {
    Tick(usize),
    /// Its probe comes back, if it owes one.
    Reply(usize, bool),
    Request(usize, Outcome),
    /// The VM is reloaded.
    Reload(usize),
    /// This many ms pass; below 0 the clock is set back.
    Time(i64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let outcome = prop_oneof![
        Just(Outcome::Success(None)),
        Just(Outcome::Success(Some(500))),
        Just(Outcome::Failure),
        Just(Outcome::LocalFailure),
    ];
    let event = prop_oneof![
        4 => (0..4usize).prop_map(Event::Tick),
        2 => (0..4usize, any::<bool>()).prop_map(|(vm, succeeded)| Event::Reply(vm, succeeded)),
        2 => (0..4usize, outcome).prop_map(|(vm, outcome)| Event::Request(vm, outcome)),
        1 => (0..4usize).prop_map(Event::Reload),
        4 => (0..3_000i64).prop_map(Event::Time),
        1 => prop_oneof![Just(-20_000i64), Just(600_000), Just(-1)].prop_map(Event::Time),
    ];
    prop::collection::vec(event, 1..300)
}

/// What happened in a run: the times at which probes were owed and phases changed, and where the clock went back.
#[derive(Default)]
struct Run {
    probes: Vec<u64>,
    changes: Vec<(u64, Change)>,
    /// Elapsed time, which only grows: (elapsed, clock).
    elapsed: Vec<u64>,
    went_back: bool,
}

fn simulate(engine: &Engine, events: &[Event]) -> Run {
    let health = engine.health().unwrap();
    let mut store = Store::default();
    let mut vms: Vec<_> = (0..4).map(|_| (Monitor::new(health), false)).collect();
    let (mut now, mut elapsed, mut run) = (10_000_000_u64, 0_u64, Run::default());
    for event in events {
        let (vm, reply) = match event {
            Event::Time(by) => {
                now = now.saturating_add_signed(*by);
                elapsed += by.unsigned_abs();
                run.went_back |= *by < 0;
                continue;
            }
            Event::Reload(vm) => {
                vms[*vm] = (Monitor::new(health), false);
                continue;
            }
            Event::Request(vm, outcome) => {
                if !vms[*vm].0.observe(health, 0, *outcome) {
                    continue;
                }
                (*vm, None)
            }
            Event::Reply(vm, succeeded) => {
                if !std::mem::take(&mut vms[*vm].1) {
                    continue;
                }
                (*vm, Some(if *succeeded { Ok(()) } else { Err(ProbeFailure::Unreachable) }))
            }
            Event::Tick(vm) => (*vm, None),
        };
        let (change, probe) = look(&mut store, health, &mut vms[vm].0, reply, now);
        if probe {
            vms[vm].1 = true;
            run.probes.push(now);
            run.elapsed.push(elapsed);
        }
        run.changes.extend(change.map(|change| (now, change)));
    }
    run
}

fn both() -> Engine {
    engine(&format!(r#"{{"probe":{PROBE},"passive":{PASSIVE},{REST}}}"#)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// However many VMs there are, together they probe no more often than the interval says.
    #[test]
    fn never_more_probes_than_one_worker_would_send(events in events()) {
        let run = simulate(&both(), &events);
        if !run.went_back {
            for pair in run.probes.windows(2) {
                prop_assert!(pair[1] - pair[0] >= 5_000, "{:?}", run.probes);
            }
        }
        // Each jump of the clock may add one.
        let total = events.iter().map(|event| if let Event::Time(by) = event { by.unsigned_abs() } else { 0 }).sum::<u64>();
        let jumps = events.iter().filter(|event| matches!(event, Event::Time(by) if *by < 0)).count() as u64;
        prop_assert!(run.probes.len() as u64 <= total / 5_000 + jumps + 1);
    }

    /// Once open it stays open for the hold, and only the known changes of phase happen.
    #[test]
    fn no_flapping_faster_than_the_hysteresis(events in events()) {
        let run = simulate(&both(), &events);
        let mut phase = Phase::Closed;
        for (_, change) in &run.changes {
            prop_assert_eq!(change.from, phase);
            phase = change.to;
            let known = matches!(
                (change.from, change.to),
                (Phase::Closed | Phase::HalfOpen, Phase::Open) | (Phase::Open, Phase::HalfOpen) | (Phase::HalfOpen, Phase::Closed)
            );
            prop_assert!(known, "{}", change);
            if change.from == Phase::Open {
                prop_assert!(change.lasted >= 5_000, "{}", change);
            }
        }
        for pair in run.changes.windows(2) {
            if !run.went_back && pair[0].1.to == Phase::Open {
                prop_assert!(pair[1].0 - pair[0].0 >= 5_000);
            }
        }
    }

    /// Whatever bytes the record has, there is a next state, and its record can be read.
    #[test]
    fn undecodable_is_absent(bytes in prop::collection::vec(any::<u8>(), 0..400), now in any::<u64>()) {
        let engine = both();
        let health = engine.health().unwrap();
        let mut vm = Monitor::new(health);
        if let RecordUpdate::Write(step) = vm.update(health, 0, Some(&bytes), Some(Ok(())), now, u32::MAX) {
            vm.record_written(health, 0, &step, now);
            prop_assert!(vm.phase(0).is_some());
            prop_assert!(matches!(vm.update(health, 0, Some(&step.bytes), None, now, 0), RecordUpdate::Unchanged | RecordUpdate::Write(_)));
        }
    }

    /// An upstream that has recovered gets requests again, after the hold and `rise` probes.
    #[test]
    fn it_recovers(events in events()) {
        let mut events = events;
        // Any past, and then a minute in which every probe succeeds and every VM ticks.
        for _ in 0..240 {
            events.extend((0..4).flat_map(|vm| [Event::Tick(vm), Event::Reply(vm, true)]));
            events.push(Event::Time(250));
        }
        let run = simulate(&both(), &events);
        let last = run.changes.last().map_or(Phase::Closed, |(_, change)| change.to);
        prop_assert_eq!(last, Phase::Closed);
    }
}
