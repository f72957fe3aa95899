//! The health gate without a probe: what callers get is all that it knows of the upstream.

use std::time::Duration;

use anyhow::{Result, ensure};
use sallyport_tests::client::{Caller, Request};
use sallyport_tests::crowd::{Crowd, Sample};
use sallyport_tests::envoys::{Envoy, each_envoy, newest_envoy};
use sallyport_tests::faulty::Mood;
use sallyport_tests::process::Scratch;
use sallyport_tests::stage::FaultyStage;

/// A gate that stays open. The order of failures is certain only where one worker sees all of them: workers share their
/// counts from time to time, and not the order of what they have seen.
fn start(envoy: &Envoy, scratch: &Scratch, passive: &str) -> Result<FaultyStage> {
    FaultyStage::start(envoy, scratch, &health(passive, "1h"), 1)
}

fn health(passive: &str, hold: &str) -> String {
    format!("health:\n  passive: {{{passive}}}\n  hold: {hold}\n  slowStart: {{duration: 500ms}}\n")
}

fn send(caller: &Caller, request: &Request, count: usize, status: u16) -> Result<()> {
    let mut connection = caller.http2()?;
    for number in 0..count {
        let reply = connection.send(request)?;
        ensure!(reply.status == status, "{number} of {count}: {reply:?}");
    }
    Ok(())
}

fn check_open(stage: &mut FaultyStage, cause: &str) -> Result<()> {
    let told = stage.gate.wait_health("open")?;
    ensure!(told == cause, "{told}");
    ensure!(stage.upstream.probes() == 0, "the upstream is probed");
    let refused = |text: &str| text == "upstream_down";
    let sleep = stage.sleep()?;
    stage.gate.wait_until("refused", |_| Ok(sleep.send(&Request::get("/"))?.spoken().reason), refused)?;
    Ok(())
}

#[test]
fn failures_in_a_row_open_it() {
    each_envoy("passive", |envoy, scratch| {
        let mut stage = start(envoy, scratch, "consecutive: 5, consecutiveLocal: 50")?;
        let sleep = stage.sleep()?;
        let get = Request::get("/");
        // Nothing of this is a failure of the upstream, and a success ends a row.
        for (mood, count, status) in [
            (Mood::Status(404), 20, 404),
            (Mood::Status(500), 4, 500),
            (Mood::Healthy, 1, 200),
            (Mood::Status(502), 4, 502),
        ] {
            stage.upstream.set(mood);
            send(&sleep, &get, count, status)?;
        }
        ensure!(stage.upstream.requests() == 29);
        stage.upstream.set(Mood::Status(500));
        send(&sleep, &get, 1, 500)?;
        check_open(&mut stage, "5 failed requests in a row")
    });
}

#[test]
fn workers_add_up_what_they_see() {
    newest_envoy("passive-workers", |envoy, scratch| {
        let mut stage = FaultyStage::start(envoy, scratch, &health("consecutive: 40", "1h"), 4)?;
        let crowd = Crowd::start(&stage.sleep()?, Request::get("/"), 8, Duration::from_millis(10));
        crowd.wait_all(40, "healthy", |sample| sample.status() == 200)?;
        stage.upstream.set(Mood::Status(500));
        let cause = stage.gate.wait_health("open")?;
        ensure!(cause.ends_with(" failed requests in a row"), "{cause}");
        crowd.wait_all(40, "refused", Sample::is_refused)?;
        let failed = crowd.finish()?.iter().filter(|sample| sample.status() == 500).count();
        ensure!(failed >= 40, "{failed} failures were enough");
        Ok(())
    });
}

#[test]
fn requests_that_do_not_reach_it_are_counted_apart() {
    each_envoy("local", |envoy, _| {
        // Even where no status of the upstream's own would be a failure.
        for (mood, statuses) in [(Mood::Refuse, "500-599"), (Mood::Reset, "500-599"), (Mood::Refuse, "500")] {
            let folder = Scratch::new("local-one")?;
            let passive = format!("consecutive: 3, consecutiveLocal: 6, statuses: [\"{statuses}\"]");
            let mut stage = start(envoy, &folder, &passive)?;
            stage.upstream.set(Mood::Status(500));
            send(&stage.sleep()?, &Request::get("/"), 2, 500)?;
            stage.upstream.set(mood);
            send(&stage.sleep()?, &Request::get("/"), 1, 503)?;
            send(&stage.sleep()?, &Request::grpc("/library.Shelves/List"), 5, 200)?;
            check_open(&mut stage, "6 requests in a row did not reach it")?;
        }
        Ok(())
    });
}

#[test]
fn the_status_of_a_grpc_answer_is_in_its_trailers() {
    each_envoy("grpc-health", |envoy, scratch| {
        let mut stage = start(envoy, scratch, "consecutive: 5")?;
        let (sleep, call) = (stage.sleep()?, Request::grpc("/library.Shelves/List"));
        for (mood, count) in [(Mood::Grpc("14"), 4), (Mood::Grpc("5"), 20), (Mood::Grpc("14"), 4), (Mood::Grpc("0"), 1)]
        {
            stage.upstream.set(mood);
            send(&sleep, &call, count, 200)?;
        }
        stage.upstream.set(Mood::Grpc("14"));
        send(&sleep, &call, 5, 200)?;
        ensure!(stage.upstream.requests() == 34);
        check_open(&mut stage, "5 failed requests in a row")
    });
}

#[test]
fn slow_answers_and_a_share_of_failures_open_it() {
    newest_envoy("window", |envoy, scratch| {
        let mut stage = start(envoy, scratch, "p95: 100ms, window: 1m, minimumRequests: 10")?;
        stage.upstream.set(Mood::Slow(Duration::from_millis(200)));
        send(&stage.sleep()?, &Request::get("/"), 10, 200)?;
        check_open(&mut stage, "10 of 10 answers were slow")?;

        let folder = Scratch::new("share")?;
        let mut stage =
            start(envoy, &folder, "failurePercent: 50, consecutive: 1000, window: 1m, minimumRequests: 10")?;
        let sleep = stage.sleep()?;
        for (mood, status) in [(Mood::Healthy, 200), (Mood::Status(503), 503)] {
            stage.upstream.set(mood);
            send(&sleep, &Request::get("/"), 5, status)?;
        }
        check_open(&mut stage, "5 of 10 requests failed")
    });
}

#[test]
fn without_a_probe_it_is_asked_again_after_a_while() {
    newest_envoy("held", |envoy, scratch| {
        let mut stage = FaultyStage::start(envoy, scratch, &health("consecutive: 3", "500ms"), 2)?;
        let sleep = stage.sleep()?;
        stage.upstream.set(Mood::Status(500));
        send(&sleep, &Request::get("/"), 3, 500)?;
        stage.gate.wait_health("open")?;
        stage.upstream.set(Mood::Healthy);
        let cause = stage.gate.wait_health("half-open")?;
        ensure!(cause == "hold time is over", "{cause}");
        let cause = stage.gate.wait_health("closed")?;
        ensure!(cause == "slow start completed", "{cause}");
        let well = |status: &str| status == "200";
        stage.gate.wait_until("healthy", |_| Ok(sleep.send(&Request::get("/"))?.status.to_string()), well)?;
        Ok(())
    });
}
