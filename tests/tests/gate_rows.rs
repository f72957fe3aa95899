//! Every row of the demo, in front of the real httpbin, over HTTP/1.1 and HTTP/2.

use std::fs;

use anyhow::{Context, Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::envoys::each_envoy;
use sallyport_tests::gate::{Gate, Options};
use sallyport_tests::scenes::{self, EXAMPLE, Outcome, Row};
use sallyport_tests::stage::{CALLERS, UPSTREAM};
use sallyport_tests::upstream::Httpbin;

fn check(gate: &Gate, row: &Row) -> Result<()> {
    let caller = row.who.caller(gate)?;
    for (protocol, reply) in
        [("HTTP/1.1", caller.http1()?.send(&row.request)?), ("HTTP/2", caller.http2()?.send(&row.request)?)]
    {
        let outcome = Outcome::of(&reply);
        ensure!(outcome == row.expected, "{} {}: {protocol}: {reply:?}", caller.name, row.shown);
        let head = row.request.method == b"HEAD";
        ensure!(!head || reply.body.is_empty(), "{}: {protocol}: a HEAD with a body: {reply:?}", row.shown);
    }
    Ok(())
}

#[test]
fn every_row_of_the_demo() {
    each_envoy("rows", |envoy, scratch| {
        let egress = fs::read_to_string(sallyport_tests::workspace().join(EXAMPLE)).context(EXAMPLE)?;
        let authority = Authority::new("upstream authority")?;
        let ca = authority.write(scratch, "upstream-ca")?;
        let httpbin = Httpbin::start(scratch, &authority.server(scratch, "httpbin", &[UPSTREAM])?, None)?;
        let options = Options {
            envoy: &envoy.path,
            egress: &egress,
            upstream: httpbin.address(),
            authority: &ca,
            callers: &CALLERS,
        };
        let mut gate = Gate::start(scratch, &options)?;
        for row in scenes::rows() {
            check(&gate, &row)?;
        }
        let (changed, row) = scenes::change(&egress)?;
        gate.save_good(&changed)?;
        check(&gate, &row)?;
        gate.save_good(&egress)?;
        scenes::rows().iter().try_for_each(|row| check(&gate, row))
    });
}
