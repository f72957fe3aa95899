//! Constellations of Istio's objects. Those that work, in the shapes of Istio's own tasks and samples: `check` has nothing to
//! say of any. Those that do harm: it says something of each. `cluster_constellations` serves them by the real istiod.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::sandbox::Sandbox;

const GOOD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/constellations/good");
const BAD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/constellations/bad");
/// The codes that are found in each file of `BAD`, in their order.
const HARMS: [(&str, &str); 54] = [
    ("callers-without-mutual-tls", "SP2605"),
    ("callers-without-server-name", "SP2606"),
    ("certificate-files-at-every-sidecar", "SP2621"),
    ("credential-at-every-sidecar", "SP2621"),
    ("custom-before-plugin", "SP2623"),
    ("delegate-for-other-paths", "SP2629"),
    ("delegate-of-another-namespace", "SP2629"),
    ("delegate-to-itself", "SP2629"),
    ("entry-hidden-from-gateway", "SP2611"),
    ("entry-hidden-from-passthrough", "SP2611"),
    ("entry-known-to-callers", "SP2543"),
    ("envoy-filter-of-sidecars", "SP2624"),
    ("exported-to-no-namespace", "SP2630"),
    ("export-to-all-and-one", "SP2579"),
    ("gateway-named-without-namespace", "SP2614"),
    ("gateway-routes-to-itself", "SP2533"),
    ("host-of-callers", "SP2531"),
    ("host-of-no-server", "SP2627"),
    ("http-route-for-tcp-port", "SP2618"),
    ("identity-at-passthrough", "SP2604"),
    ("identity-without-certificates", "SP2604"),
    ("label-of-two-gateways", "SP2571"),
    ("mutual-tls-through-passthrough", "SP2619"),
    ("names-not-verified", "SP2521"),
    ("passthrough-plugin", "SP2617"),
    ("passthrough-policy", "SP2617"),
    ("pattern-dynamic-behind-passthrough", "SP2541"),
    ("pattern-resolved-by-dns", "SP2544"),
    ("pattern-unresolved-behind-gateway", "SP2541"),
    ("policy-for-entry-without-waypoint", "SP2622"),
    ("port-not-in-entry", "SP2616"),
    ("port-not-in-service", "SP2616"),
    ("port-of-no-server", "SP2628"),
    ("port-without-name", "SP2577"),
    ("route-to-external-name", "SP2615"),
    ("rule-for-misspelt-host", "SP2615"),
    ("rule-hidden-from-gateway", "SP2612"),
    ("server-name-of-callers", "SP2522 SP2531"),
    ("server-name-of-no-host", "SP2628"),
    ("simple-tls-to-mutual-server", "SP2605"),
    ("server-without-certificate", "SP2579"),
    ("strict-at-gateway", "SP2551"),
    ("subset-hidden-from-callers", "SP2612"),
    ("telemetry-of-another-namespace", "SP2626"),
    ("text-instead-of-list", "SP2575"),
    ("tls-turned-off", "SP2620"),
    ("tls-twice-at-sidecar", "SP2619"),
    ("two-matches-in-one", "SP2578"),
    ("unknown-field", "SP2574"),
    ("unknown-field-of-tls", "SP2521 SP2574"),
    ("unknown-kind", "SP2573"),
    ("waypoint-policy-by-selector", "SP2622"),
    ("waypoint-policy-of-another-namespace", "SP2622"),
    ("unknown-value", "SP2576"),
];
/// Fewer are not a corpus.
const FEWEST: usize = 20;

#[test]
fn nothing_is_said_of_what_works() {
    let sandbox = Sandbox::new();
    let said: Vec<String> = files(GOOD).iter().flat_map(|file| findings(&sandbox, file)).collect();
    assert!(said.is_empty(), "{}", said.join("\n"));
}

#[test]
fn what_does_harm_is_found() {
    let sandbox = Sandbox::new();
    let found: BTreeMap<String, String> = files(BAD)
        .iter()
        .map(|file| {
            let said = findings(&sandbox, file);
            let codes: BTreeSet<&str> = said.iter().filter_map(|line| line.split(": ").nth(1)).collect();
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            (name, codes.into_iter().collect::<Vec<_>>().join(" "))
        })
        .collect();
    let wanted: BTreeMap<_, _> = HARMS.map(|(name, codes)| (name.to_owned(), codes.to_owned())).into();
    assert_eq!(found, wanted);
}

fn files(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= FEWEST, "only {} constellations were found in {folder}", files.len());
    files
}

/// What `check` says of one file, a line each.
fn findings(sandbox: &Sandbox, file: &Path) -> Vec<String> {
    let name = file.file_name().unwrap().to_string_lossy();
    let ended = sandbox.run(&["check", "--format=json", &file.to_string_lossy()]);
    assert_eq!(ended.stderr, "", "{name}");
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["summary"]["files"], 1, "{name} is not read");
    let problems = report["diagnostics"].as_array().unwrap();
    assert_eq!(ended.code == Some(0), problems.iter().all(|one| one["severity"] == "warning"), "{name}: {ended:?}");
    let text = |one: &Value, field: &str| one[field].as_str().unwrap_or_default().to_owned();
    let line = |one: &Value| format!("{name}:{}: {}: {}", one["line"], text(one, "code"), text(one, "message"));
    problems.iter().map(line).collect()
}
