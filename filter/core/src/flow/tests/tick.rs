use super::*;
use crate::flow::{Flush, Tick};

const HEALTH: &str = r#", "health": {"override": "forceClosed", "hold": 0, "slowStart": {"share": 10, "duration": 0},
    "refusal": {"status": 503, "retryAfter": 1000}, "failover": [{"upstream": "x/standby"}]}"#;

#[test]
fn without_a_health_gate_every_tick_flushes() {
    let engine = engine(RULES, "");
    let mut worker = WorkerState::new(&engine);
    for _ in 0..3 {
        assert_eq!(worker.on_tick(&engine), Tick { targets: 0, flushes: true });
    }
}

#[test]
fn with_one_every_tick_looks_at_all_targets_and_the_fifth_flushes() {
    let engine = engine(RULES, HEALTH);
    let mut worker = WorkerState::new(&engine);
    let ticks: Vec<Tick> = (0..10).map(|_| worker.on_tick(&engine)).collect();
    assert!(ticks.iter().all(|tick| tick.targets == 2));
    let flushes: Vec<usize> = (1..).zip(&ticks).filter(|(_, tick)| tick.flushes).map(|(number, _)| number).collect();
    assert_eq!(flushes, [5, 10]);
}

#[test]
fn a_flush_starts_all_counts_at_zero() {
    let engine = engine(RULES, "");
    let mut worker = WorkerState::new(&engine);
    let (headers, properties) = (headers("GET", "/"), Properties::default());
    for _ in 0..3 {
        forward(&engine, &mut worker, &headers, &properties);
    }
    assert!(counted(&engine, &mut worker).contains(&("sallyport.requests.allowed".to_owned(), 3)));
    assert_eq!(worker.flush(&engine, 0), Flush::default());
}
