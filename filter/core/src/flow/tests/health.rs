use super::*;
use crate::answer::Answer;
use crate::flow::Level;
use crate::flow::health::{FirstRead, FirstStep, RecordStep, TargetUpdate, Updated, WriteStep};
use crate::health::{NewRecord, ProbeFailure};

const PROBE: &str = r#"{"cluster": "c", "method": "GET", "host": "h", "path": "/", "expect": {"statuses": ["200"]},
    "interval": 5000, "jitter": 0, "timeout": 1000, "rise": 1, "fall": 1}"#;
const NOW: u64 = 1_000_000;

fn policy(more: &str) -> Engine {
    let health = format!(
        r#", "health": {{"probe": {PROBE}, "hold": 1000, "slowStart": {{"share": 10, "duration": 0}},
            "refusal": {{"status": 504, "retryAfter": 2500}}{more}}}"#
    );
    engine(RULES, &health)
}

fn read(
    update: &mut TargetUpdate,
    engine: &Engine,
    worker: &mut WorkerState,
    record: Option<&[u8]>,
    now: u64,
) -> NewRecord {
    match update.on_read(engine.health().unwrap(), worker.monitor().unwrap(), record, now) {
        RecordStep::Write(new) => *new,
        RecordStep::Done => panic!("nothing to write"),
    }
}

fn write(
    update: &mut TargetUpdate,
    engine: &Engine,
    worker: &mut WorkerState,
    new: &NewRecord,
    outcome: (bool, bool),
    now: u64,
) -> Option<Updated> {
    match update.on_write(engine.health().unwrap(), worker.monitor().unwrap(), new, outcome, now) {
        WriteStep::Done(updated) => Some(updated),
        WriteStep::ReadAgain => None,
    }
}

/// One update of a record that this worker alone writes, from one that is new; the record after it.
fn update_at(
    engine: &Engine,
    worker: &mut WorkerState,
    mut update: TargetUpdate,
    record: Option<Vec<u8>>,
    now: u64,
) -> (Vec<u8>, Updated) {
    let record =
        record.unwrap_or_else(|| read(&mut TargetUpdate::new(update.target()), engine, worker, None, now).bytes);
    let new = read(&mut update, engine, worker, Some(&record), now);
    let updated = write(&mut update, engine, worker, &new, (true, true), now).unwrap();
    (new.bytes, updated)
}

/// The result of a probe, for tests of other stages.
pub(super) fn update(engine: &Engine, worker: &mut WorkerState, result: Result<(), ProbeFailure>) {
    update_at(engine, worker, TargetUpdate::of_probe(0, result), None, NOW);
}

#[test]
fn the_first_record_is_read_again_because_nothing_shows_who_wrote_it() {
    let engine = policy("");
    let mut worker = WorkerState::new(&engine);
    let mut update = TargetUpdate::new(0);
    let first = read(&mut update, &engine, &mut worker, None, NOW);
    assert!(!first.owes_probe);
    assert_eq!(write(&mut update, &engine, &mut worker, &first, (true, false), NOW), None);
    let second = read(&mut update, &engine, &mut worker, Some(&first.bytes), NOW);
    let updated = write(&mut update, &engine, &mut worker, &second, (true, true), NOW).unwrap();
    assert_eq!(updated, Updated { change: None, effects: Vec::new(), owes_probe: true });
    // The lease is taken, so another worker has nothing to write.
    let mut other = WorkerState::new(&engine);
    let (policy, monitor) = (engine.health().unwrap(), other.monitor().unwrap());
    let step = TargetUpdate::new(0).on_read(policy, monitor, Some(&second.bytes), NOW + 1);
    assert!(matches!(step, RecordStep::Done), "{step:?}");
}

#[test]
fn an_update_gives_up_after_five_tries_and_keeps_what_it_saw() {
    let engine = policy("");
    let mut worker = WorkerState::new(&engine);
    let record = read(&mut TargetUpdate::new(0), &engine, &mut worker, None, NOW).bytes;
    let mut update = TargetUpdate::new(0);
    for tries in 1..=5 {
        let new = read(&mut update, &engine, &mut worker, Some(&record), NOW);
        let written = write(&mut update, &engine, &mut worker, &new, (false, true), NOW);
        assert_eq!(written, (tries == 5).then(Updated::default), "{tries}");
    }
    assert_eq!(worker.monitor().unwrap().phase(0), None, "another worker's record was not taken for this one's");
}

#[test]
fn a_change_is_logged_and_measured() {
    let engine = policy("");
    let mut worker = WorkerState::new(&engine);
    let failed = TargetUpdate::of_probe(0, Err(ProbeFailure::Status(500)));
    let (record, updated) = update_at(&engine, &mut worker, failed, None, NOW);
    let line = "health of httpbin/httpbin: closed -> open, after 0 ms: 1 failed probes, the last: status 500";
    assert_eq!(updated.effects[0], Effect::Log(Level::Warn, line.to_owned()));
    let expected = ["state 2", "changed_at_seconds 1000", "changes 1"];
    let named = |names: &[&str]| -> Vec<String> {
        names.iter().map(|name| format!("sallyport.health.upstream.{name}")).collect()
    };
    assert_eq!(metrics(&updated.effects), named(&expected));
    let (record, _) = update_at(&engine, &mut worker, TargetUpdate::of_probe(0, Ok(())), Some(record), NOW + 500);
    let (record, updated) = update_at(&engine, &mut worker, TargetUpdate::new(0), Some(record), NOW + 3_000);
    assert_eq!(
        metrics(&updated.effects),
        named(&["state 1", "changed_at_seconds 1003", "changes 1", "open_seconds 3"])
    );
    let (_, updated) = update_at(&engine, &mut worker, TargetUpdate::new(0), Some(record), NOW + 3_001);
    assert!(matches!(updated.effects[0], Effect::Log(Level::Info, _)), "{updated:?}");
}

#[test]
fn metrics_of_standbys_have_their_number() {
    let engine = policy(&format!(r#", "failover": [{{"upstream": "x/s", "probe": {PROBE}}}]"#));
    let mut worker = WorkerState::new(&engine);
    let failed = TargetUpdate::of_probe(1, Err(ProbeFailure::Unreachable));
    let (_, updated) = update_at(&engine, &mut worker, failed, None, NOW);
    assert!(metrics(&updated.effects).contains(&"sallyport.health.standby_1.state 2".to_owned()), "{updated:?}");
}

/// With the upstream's gate open: the status, and where a request would have gone.
fn sent(engine: &Engine, worker: &mut WorkerState, method: &str) -> Result<String, Answer> {
    let (headers, properties) = (headers(method, "/"), Properties::default());
    match run(engine, worker, &headers, &properties).1 {
        RequestStep::Forward(forward) => Ok(forward.route.to_owned()),
        RequestStep::Answer(answered) => Err(answered.answer),
        RequestStep::Ask(needs) => panic!("{needs:?}"),
    }
}

#[test]
fn an_open_gate_refuses_and_says_when_to_come_back() {
    let engine = policy("");
    let mut worker = WorkerState::new(&engine);
    assert_eq!(sent(&engine, &mut worker, "GET"), Ok("httpbin/httpbin".to_owned()));
    update(&engine, &mut worker, Err(ProbeFailure::Unreachable));
    counted(&engine, &mut worker);
    let answer = sent(&engine, &mut worker, "GET").unwrap_err();
    assert_eq!((answer.status, answer.retry_after, answer.grpc_status), (504, Some(3), 14));
    assert_eq!(answer.details, "sallyport:upstream_down");
    let headers = [("x-sallyport", r#"refused;reason=upstream_down;id="id-1""#), ("retry-after", "3")];
    assert_eq!(answer.headers(), headers.map(|(name, value)| (name, value.to_owned())));
    let counted = counted(&engine, &mut worker);
    assert!(counted.contains(&("sallyport.requests.upstream_down".to_owned(), 1)), "{counted:?}");
    assert!(counted.contains(&("sallyport.requests.allowed".to_owned(), 1)), "the policy has allowed it: {counted:?}");
}

#[test]
fn a_caller_without_permission_learns_nothing_about_the_upstream() {
    let engine = policy("");
    let mut worker = WorkerState::new(&engine);
    update(&engine, &mut worker, Err(ProbeFailure::Unreachable));
    let (headers, properties) = (headers("GET", "/admin"), Properties::default());
    assert_eq!(answered(&engine, &mut worker, &headers, &properties).answer.status, 403);
}

#[test]
fn requests_that_may_be_repeated_go_to_a_standby() {
    let engine = policy(r#", "failover": [{"upstream": "x/standby"}]"#);
    let mut worker = WorkerState::new(&engine);
    update(&engine, &mut worker, Err(ProbeFailure::Unreachable));
    counted(&engine, &mut worker);
    assert_eq!(sent(&engine, &mut worker, "GET"), Ok("x/standby".to_owned()));
    assert_eq!(sent(&engine, &mut worker, "POST").unwrap_err().status, 504);
    let counted = counted(&engine, &mut worker);
    assert!(counted.contains(&("sallyport.requests.failed_over".to_owned(), 1)), "{counted:?}");
}

#[test]
fn an_override_decides_for_the_gate() {
    for (force, expected) in [("forceClosed", Ok(())), ("forceOpen", Err(504))] {
        let engine = policy(&format!(r#", "override": "{force}""#));
        let mut worker = WorkerState::new(&engine);
        update(&engine, &mut worker, Err(ProbeFailure::Unreachable));
        assert_eq!(sent(&engine, &mut worker, "GET").map(|_| ()).map_err(|answer| answer.status), expected);
    }
}

#[test]
fn attributes_name_the_phase_of_permitted_requests() {
    let probe = format!(
        r#", "filterState": true, "health": {{"probe": {PROBE}, "hold": 1000, "slowStart": {{"share": 10,
        "duration": 0}}, "refusal": {{"status": 503, "retryAfter": 1000}}}}"#
    );
    let engine = engine(RULES, &probe);
    let mut worker = WorkerState::new(&engine);
    update(&engine, &mut worker, Err(ProbeFailure::Unreachable));
    for (path, expected) in [("/", Some("open")), ("/admin", None)] {
        let (headers, properties) = (headers("GET", path), Properties::default());
        let attributes = answered(&engine, &mut worker, &headers, &properties).report.attributes;
        let phase = attributes.iter().find(|(name, _)| *name == "sallyport.health").map(|(_, value)| &**value);
        assert_eq!(phase, expected, "{path}");
        assert_eq!(attributes[0], ("sallyport.decision", "refused".into()));
    }
}

fn first_step(read: &mut FirstRead, engine: &Engine, worker: &mut WorkerState, record: Option<&[u8]>) -> FirstStep {
    read.on_read(engine.health().unwrap(), worker.monitor().unwrap(), record, NOW)
}

/// The gauge that a first read writes.
fn first(read: &mut FirstRead, engine: &Engine, worker: &mut WorkerState, record: Option<&[u8]>) -> Option<String> {
    match first_step(read, engine, worker, record) {
        FirstStep::Apply(effect) => metrics(&[effect]).pop(),
        FirstStep::Done => None,
        FirstStep::Make(_) => panic!("there is one"),
    }
}

/// A worker may stop between its first read and its first write, and others count in the meantime.
#[test]
fn what_a_worker_has_counted_is_not_replaced_by_the_first_record_of_another() {
    let engine = policy("");
    let [mut main, mut slow, mut quick] = [(); 3].map(|()| WorkerState::new(&engine));
    let mut read_first = FirstRead::new(0);
    let FirstStep::Make(made) = first_step(&mut read_first, &engine, &mut main, None) else { panic!("there is none") };
    assert!(first(&mut read_first, &engine, &mut main, Some(&made)).is_some());
    // Both tick at once.
    let mut of_slow = TargetUpdate::new(0);
    let late = read(&mut of_slow, &engine, &mut slow, Some(&made), NOW);
    let failed = || TargetUpdate::of_probe(0, Err(ProbeFailure::Unreachable));
    let (open, updated) = update_at(&engine, &mut quick, failed(), Some(made), NOW);
    assert!(updated.change.is_some());
    assert!(write(&mut of_slow, &engine, &mut slow, &late, (false, true), NOW).is_none(), "it reads again");
    let _ = read(&mut of_slow, &engine, &mut slow, Some(&open), NOW + 5000);
    // What cannot be made is made on a tick, and the read ends.
    let mut without = FirstRead::new(0);
    assert!(matches!(first_step(&mut without, &engine, &mut main, None), FirstStep::Make(_)));
    assert!(matches!(first_step(&mut without, &engine, &mut main, None), FirstStep::Apply(_)));
    assert!(matches!(first_step(&mut without, &engine, &mut main, None), FirstStep::Done));
}

#[test]
fn the_state_is_written_when_a_policy_comes_into_force_until_the_record_agrees() {
    let engine = policy("");
    let (open, _) = update_at(
        &engine,
        &mut WorkerState::new(&engine),
        TargetUpdate::of_probe(0, Err(ProbeFailure::Unreachable)),
        None,
        NOW,
    );
    let mut worker = WorkerState::new(&engine);
    let closed = read(&mut TargetUpdate::new(0), &engine, &mut WorkerState::new(&engine), None, NOW).bytes;
    let mut changing = FirstRead::new(0);
    assert_eq!(first(&mut changing, &engine, &mut worker, Some(&closed)).unwrap(), "sallyport.health.upstream.state 0");
    assert_eq!(first(&mut changing, &engine, &mut worker, Some(&open)).unwrap(), "sallyport.health.upstream.state 2");
    assert_eq!(first(&mut changing, &engine, &mut worker, Some(&open)), None);
    assert!(worker.monitor().unwrap().phase(0).is_some(), "the record is known from here on");
}

#[test]
fn a_state_that_never_settles_is_written_a_bounded_number_of_times() {
    let engine = policy("");
    let mut writer = WorkerState::new(&engine);
    let closed = read(&mut TargetUpdate::new(0), &engine, &mut writer, None, NOW).bytes;
    let failed = TargetUpdate::of_probe(0, Err(ProbeFailure::Unreachable));
    let (open, _) = update_at(&engine, &mut writer, failed, Some(closed.clone()), NOW);
    let mut worker = WorkerState::new(&engine);
    let mut read = FirstRead::new(0);
    let records = [closed, open].into_iter().cycle().take(20);
    let written = records.filter_map(|record| first(&mut read, &engine, &mut worker, Some(&record))).count();
    assert_eq!(written, 5);
}

/// Whether what this worker has seen opens the gate.
pub(super) fn opens(engine: &Engine, worker: &mut WorkerState) -> bool {
    let (_, updated) = update_at(engine, worker, TargetUpdate::new(0), None, NOW);
    updated.change.is_some()
}
