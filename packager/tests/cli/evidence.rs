//! What looks like evidence and is none, or not all of it: it is said, and the step waits, or blocks.

use serde_json::Value;

use crate::sandbox::{Ended, GOOD, Sandbox};
use crate::status::{
    ENCODED, LATER, SLEEP, START, at, digest, entered, example, one_pod, page, region, sandbox, status,
};

const PAGE: [&str; 2] = ["--metrics", "httpbin/httpbin=page.txt"];
const LOG: [&str; 2] = ["--log", "access.log"];
const OWN: &str = "httpbin.legacy.internal";
const UPSTREAM: &str = "httpbin.org";

/// A line of the access log; `region`: as JSON.
pub(crate) fn line(time: &str, region: &str, status: u32, host: &str) -> String {
    format!(
        "{{\"time\":\"{time}\",\"decision\":\"allowed\",\"region\":{region},\"principal\":\"spiffe://{SLEEP}\",\
         \"status\":{status},\"method\":\"GET\",\"host\":\"{host}\",\"path\":\"/anything\"}}\n"
    )
}

/// A day of a gateway with the candidate, in which nothing was refused.
pub(crate) fn day(sandbox: &Sandbox) -> String {
    let taken = format!(
        "[2026-11-18 11:30:00.000][1][info][wasm] wasm log httpbin: policy for httpbin/httpbin: 3 rules, shadow, in force as {}\n",
        digest(sandbox)
    );
    let hours = (12..23).map(|hour| line(&format!("2026-11-18T{hour}:00:00.000Z"), "null", 200, OWN).repeat(100));
    taken + &hours.collect::<String>() + &line("2026-11-19T12:01:00.000Z", "null", 200, OWN)
}

/// The first gateway of a status.
pub(crate) fn seen(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    status(sandbox, arguments)["gateways"][0].clone()
}

fn write_second(sandbox: &Sandbox, host: &str, upstream: &str) {
    let second = GOOD.replace("name: httpbin", "name: second").replace(UPSTREAM, upstream);
    sandbox.write("second.yaml", second.replace(OWN, host));
}

#[test]
fn a_line_is_of_the_gateway_whose_host_it_has() {
    let sandbox = sandbox();
    let day = day(&sandbox);
    let narrowed = format!("\"{}\"", region(&sandbox));
    let refused = line("2026-11-18T12:00:00.000Z", "null", 403, "second.internal").replace("allowed", "refused");
    sandbox.write("access.log", &day);
    assert_eq!(seen(&sandbox, &LOG)["follows"], "ready");
    // Requests of another gateway with the same upstream are of one of both.
    write_second(&sandbox, "second.internal", UPSTREAM);
    sandbox.write("access.log", day.replace(OWN, UPSTREAM));
    let found = seen(&sandbox, &LOG);
    assert_eq!((&found["seen"]["answer"], &found["follows"]), (&"noData".into(), &"waiting".into()), "{found:#}");
    // Their errors may be of both.
    let failed = line("2026-11-18T13:00:00.000Z", "null", 503, UPSTREAM).repeat(12);
    sandbox.write("access.log", day.clone() + &failed);
    let found = seen(&sandbox, &LOG);
    assert_eq!((&found["seen"]["requests"], &found["follows"]), (&1101.into(), &"blocked".into()), "{found:#}");
    assert!(found["missing"].to_string().contains("12 requests were answered with 5xx"), "{found:#}");
    // What another gateway refuses, whose host is this one's upstream, is none of this one.
    write_second(&sandbox, UPSTREAM, "elsewhere.example.com");
    sandbox.write("access.log", day.clone() + &refused.replace("second.internal", UPSTREAM).repeat(50));
    let found = seen(&sandbox, &LOG);
    assert_eq!((&found["seen"]["requests"], &found["follows"]), (&1101.into(), &"ready".into()), "{found:#}");
    // A region that only this one counts is its own, whatever the host.
    for host in [UPSTREAM, "second.internal", "unknown.internal"] {
        write_second(&sandbox, "second.internal", UPSTREAM);
        sandbox.write("access.log", day.clone() + &line("2026-11-18T13:00:00.000Z", &narrowed, 200, host));
        let found = seen(&sandbox, &LOG);
        assert_eq!(found["follows"], "blocked", "{host}: {found:#}");
    }
}

#[test]
fn a_line_that_cannot_be_read_is_said() {
    let sandbox = sandbox();
    let (day, region) = (day(&sandbox), region(&sandbox));
    let count = day.lines().count() + 1;
    let entry = line("2026-11-18T13:00:00.000Z", &format!("\"{region}\""), 200, OWN);
    let time = "\"time\":\"2026-11-18T13:00:00.000Z\",";
    for (more, why) in [
        (entry.replace(time, ""), "it has no time"),
        (entry.replace("\"decision\":\"allowed\",", ""), "it has a `region` and no `decision`"),
        (entry.replace("\"decision\":\"allowed\"", "\"decision\":null"), "it has a `region` and no `decision`"),
        (entry.replace("\"allowed\"", "\"perhaps\""), "its `decision` is neither `allowed` nor `refused`"),
        (entry.replace(",\"path\":\"/anything\"}", ""), "its JSON is broken or cut off"),
        (entry.replace("\"status\":200,", ""), "it has no `status`"),
        (example(&region, "/a").split_once("log httpbin: ").unwrap().1.to_owned(), "it has no time"),
        (example(&region, "/a").replace("\"headers\":{}}", ""), "its JSON is broken or cut off"),
        (
            format!("{{{time}\"message\":\"{}\"}}\n", "{\\\"sallyport\\\":\\\"candidate\\\"}"),
            "its JSON is within another one",
        ),
        (format!("{} {entry}", entry.trim_end()), "more stands behind its JSON"),
        (format!("[{}]\n", entry.trim_end()), "its JSON is a list"),
        (format!("{{\"jsonPayload\":{}}}\n", entry.trim_end()), "its JSON is within another one"),
        (entry.split_at(20).0.to_owned() + "\n", "its JSON is broken or cut off"),
        (entry.split_at(entry.len() - 60).1.to_owned(), "its JSON is broken or cut off"),
        (entry.replace(&format!("\"{region}\""), &format!("[\"{region}\"]")), "its `region` is no text"),
    ] {
        sandbox.write("access.log", day.clone() + &more);
        let found = seen(&sandbox, &LOG);
        let missing = found["missing"].to_string();
        let says = format!("1 line cannot be read: access.log:{count}: {why}");
        assert!(found["follows"] == "waiting" && missing.contains(&says), "{says}: {missing}");
        sandbox.write("access.log", more.clone() + &more + &day);
        let missing = seen(&sandbox, &LOG)["missing"].to_string();
        assert!(missing.contains(&format!("2 lines cannot be read, the first: access.log:1: {why}")), "{missing}");
    }
    // Of before the stage, of another gateway, or no line of a gateway at all.
    write_second(&sandbox, "second.internal", "elsewhere.example.com");
    for more in [
        line("2026-11-17T13:00:00.000Z", "null", 200, OWN).replace("\"status\":200,", ""),
        line("2026-11-18T13:00:00.000Z", "null", 200, "second.internal").replace("\"status\":200,", ""),
        "{\"region\":\"eu-west-1\",\"status\":503}\n{ half\n".to_owned(),
    ] {
        sandbox.write("access.log", day.clone() + &more);
        assert_eq!(seen(&sandbox, &LOG)["follows"], "ready", "{more}");
    }
}

#[test]
fn a_line_of_the_future_gives_no_time_and_hides_nothing() {
    let sandbox = sandbox();
    let (day, region) = (day(&sandbox), region(&sandbox));
    let short: String =
        day.lines().filter(|line| !line.contains("2026-11-19")).map(|line| format!("{line}\n")).collect();
    sandbox.write("access.log", short.clone() + &line("2026-12-24T12:00:00.000Z", "null", 200, OWN));
    let found = seen(&sandbox, &LOG);
    let missing = found["missing"].to_string();
    assert_eq!((&found["seen"]["seconds"], &found["follows"]), (&36_000.into(), &"waiting".into()), "{found:#}");
    let says =
        "1 line is of the future: access.log:1102 is of 2026-12-24T12:00:00Z, and here it is 2026-11-19T12:06:40Z";
    assert!(missing.contains(says), "{missing}");
    sandbox.write("access.log", day + &line("2026-12-24T12:00:00.000Z", &format!("\"{region}\""), 200, OWN));
    assert_eq!(seen(&sandbox, &LOG)["follows"], "blocked");
}

#[test]
fn an_example_shows_an_entry_that_nothing_counts() {
    let sandbox = sandbox();
    let (day, region, digest) = (day(&sandbox), region(&sandbox), digest(&sandbox));
    let reason = |count: &str| format!("evidence: region {region}: {count} of {SLEEP} would be refused");
    sandbox.write("access.log", day + &example(&region, "/a") + &example(&region, "/b"));
    let found = seen(&sandbox, &LOG);
    assert_eq!(found["missing"], serde_json::json!([reason("1 request")]), "{found:#}");
    // As Istio writes it.
    let istio = example(&region, "/a")
        .replace("[2026-11-18 12:00:00.000][12][info][wasm]", "2026-11-18T12:00:00.000000Z\tinfo\tenvoy wasm");
    sandbox.write("access.log", istio.trim_end().to_owned() + "\tthread=12\n");
    sandbox.write("page.txt", page(&sandbox, ""));
    let found = seen(&sandbox, &[&PAGE[..], &LOG].concat());
    assert_eq!(found["missing"], serde_json::json!([reason("1 request")]), "{found:#}");
    // What is counted is not counted again.
    sandbox.write("page.txt", page(&sandbox, &entered(&region, &digest)));
    let found = seen(&sandbox, &[&PAGE[..], &LOG].concat());
    assert_eq!(found["missing"], serde_json::json!([reason("3 requests")]), "{found:#}");
}

#[test]
fn the_same_evidence_under_another_name_is_refused() {
    let sandbox = sandbox();
    sandbox.write("page.txt", page(&sandbox, ""));
    sandbox.write("access.log", day(&sandbox));
    std::os::unix::fs::symlink("page.txt", sandbox.path().join("link.txt")).unwrap();
    std::os::unix::fs::symlink("access.log", sandbox.path().join("link.log")).unwrap();
    let run = |arguments: &[&str]| -> Ended { at(&sandbox, LATER, &[&["status"][..], arguments].concat()) };
    for (arguments, what) in [
        (["--log", "access.log", "--log", "./access.log"], "the log `./access.log`"),
        (["--log", "access.log", "--log", "link.log"], "the log `link.log`"),
        (["--metrics", "httpbin/httpbin=page.txt", "--metrics", "httpbin/httpbin=./page.txt"], "a metrics page of"),
        (["--metrics", "httpbin/httpbin=page.txt", "--metrics", "httpbin/httpbin=link.txt"], "a metrics page of"),
        (
            ["--metrics", "httpbin/httpbin=http://a:1/x", "--metrics", "httpbin/httpbin=http://u@a:1/x/"],
            "a metrics page of",
        ),
    ] {
        let ended = run(&arguments);
        let says = format!("the same evidence is given twice: {what}");
        assert!(ended.code == Some(64) && ended.stderr.contains(&says), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn a_page_that_is_not_whole_is_said() {
    let sandbox = sandbox();
    let (whole, digest, region) = (page(&sandbox, ""), digest(&sandbox), region(&sandbox));
    let says = |text: &str, says: &str| {
        sandbox.write("page.txt", text);
        let found = seen(&sandbox, &PAGE);
        let missing = found["missing"].to_string();
        assert!(found["follows"] == "waiting" && missing.contains(says), "{says}: {missing}");
        found
    };
    for (line, name) in [
        (format!("sallyport_caller_{digest}_{ENCODED} 1200\n"), "sallyport_caller_total"),
        ("envoy_server_concurrency 2\n".to_owned(), "envoy_server_concurrency"),
        ("sallyport_requests_allowed 1200\n".to_owned(), "sallyport_requests_total"),
    ] {
        let found = says(&(whole.clone() + &line), &format!("page.txt has `{name}` twice"));
        assert_eq!(found["seen"]["requests"], 1200, "{found:#}");
    }
    says(&(whole.clone() + "envoy_server_concurrency{a=\"b\"} 2\n"), "two series `envoy_server_concurrency`");
    for (name, label) in [
        ("sallyport_caller_total{caller=\"_none\"}", "digest"),
        ("sallyport_region_total{digest=\"\",region=\"other\"}", "digest"),
        ("sallyport_region_seen_seconds{region=\"other\"}", "digest"),
        ("sallyport_requests_total", "verdict"),
    ] {
        let series = name.split('{').next().unwrap();
        says(&format!("{whole}{name} 1\n"), &format!("page.txt has a series `{series}` without a label `{label}`"));
    }
    for value in ["1e308", "NaN"] {
        says(&format!("{whole}sallyport_caller_{digest}__none {value}\n"), "which is no count");
    }
    says(&format!("{whole}sallyport_region_seen_{digest}_{region} 9e18\n"), "which is no count");
    for name in [
        format!("wasmcustom_sallyport_region_{digest}_{region}_allowed_refused_{ENCODED}"),
        format!("envoy_wasmcustom_sallyport_caller_{digest}_{ENCODED}"),
        format!("sallyport_region_{digest}_{region}_allowed_perhaps_{ENCODED}"),
        format!("sallyport_region_{digest}_{region}_allowed_refused_"),
        format!("sallyport_caller_{digest}_"),
        "sallyport_workers_x".to_owned(),
    ] {
        says(&format!("{whole}{name} 1\n"), &format!("nothing is known of a series `{name}`"));
    }
    // Another gateway's.
    let other = whole.replace(&digest, "0123456789abcdef").replace(UPSTREAM, "orders.example.com");
    says(
        &other,
        "page.txt counts answers of orders.example.com, and the upstream of httpbin/httpbin is httpbin.org: is it the page of \
         another gateway?",
    );
}

#[test]
fn an_old_page_says_what_was_so_when_it_was_written() {
    let sandbox = sandbox();
    sandbox.write("page.txt", page(&sandbox, ""));
    let write_at = |seconds: i64| {
        let file = std::fs::File::options().append(true).open(sandbox.path().join("page.txt")).unwrap();
        let since = std::time::Duration::from_secs((START + seconds).unsigned_abs());
        file.set_modified(std::time::SystemTime::UNIX_EPOCH + since).unwrap();
        seen(&sandbox, &PAGE)
    };
    let found = write_at(3660);
    assert_eq!((&found["seen"]["seconds"], &found["follows"]), (&3600.into(), &"waiting".into()), "{found:#}");
    assert!(found["missing"].to_string().contains("observed for 1h of 24h"), "{found:#}");
    let found = write_at(-3600);
    let says = "page.txt was written at 2026-11-18T10:06:40Z, and what is asked for began at 2026-11-18T11:06:40Z";
    assert!(found["missing"].to_string().contains(says), "{found:#}");
    assert_eq!(write_at(LATER)["follows"], "ready");
    // Envoy runs for less time than its policy is said to be loaded.
    sandbox.write("page.txt", page(&sandbox, "envoy_server_uptime 600\n"));
    let found = write_at(LATER);
    assert_eq!((&found["seen"]["seconds"], &found["follows"]), (&600.into(), &"waiting".into()), "{found:#}");
}

#[test]
fn each_pod_has_a_page() {
    let sandbox = sandbox();
    let whole = page(&sandbox, "");
    sandbox.write("page.txt", &whole);
    let two = [&PAGE[..], &["--metrics", "httpbin/httpbin=two.txt"]].concat();
    let unanswered: String =
        whole.lines().filter(|line| !line.starts_with("envoy_cluster")).map(|line| format!("{line}\n")).collect();
    for (second, says) in [
        ("other 1\n", "pod two.txt does not say what its workers have in force"),
        (&unanswered, "two.txt counts requests, and no answers of the upstream"),
        (&whole.replace("1200", "1201").replace(&(START + 60).to_string(), &(START + 61).to_string()), ""),
    ] {
        sandbox.write("two.txt", second);
        let found = seen(&sandbox, &two);
        let missing = found["missing"].to_string();
        assert_eq!(found["follows"] == "ready", says.is_empty(), "{says}: {found:#}");
        assert!(missing.contains(says), "{says}: {missing}");
    }
    for (pods, says) in [("{replicas: 3}", "2 pages are"), ("{replicas: 3, maxReplicas: 9}", "2 pages are")] {
        sandbox.write("egress.yaml", one_pod().replace("{replicas: 1}", pods));
        let missing = seen(&sandbox, &two)["missing"].to_string();
        let says = format!(
            "{says} given, and the gateway has at least 3 pods (`gateway.replicas`): give a page of each, with --metrics for each"
        );
        assert!(missing.contains(&says), "{missing}");
    }
}
