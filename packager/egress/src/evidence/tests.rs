mod groups;

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::check::check;
use crate::meaning::{Change, Region};
use crate::model::{Egress, Mesh};
use crate::policy::policy_source;
use crate::rollout::{Rollout, Standing};
use crate::trial::{compare, counted};
use crate::yaml::source_text::decode;

const SINCE: i64 = 1_795_000_000;
const MARK: &str = "aaaaaaaaaaaaaaaa";
const WEB: &str = "cluster.local/ns/shop/sa/web";
const BATCH: &str = "cluster.local/ns/shop/sa/batch";
const STRANGER: &str = "cluster.local/ns/other/sa/x";

const EGRESS: &str = "apiVersion: sallyport.dev/v1alpha1\nkind: Egress\nmetadata: {name: orders, namespace: egress}\nspec:\n  \
    host: orders.internal\n  upstream: {host: orders.example.com, port: 443}\n  authz:\n    rules:\n    \
    - {id: readers, action: ALLOW, from: [{source: {serviceAccounts: [shop/web]}}], to: [{operation: {methods: [GET]}}]}\n    \
    - {id: batch, action: ALLOW, from: [{source: {serviceAccounts: [shop/batch]}}], to: [{operation: {paths: [/export]}}]}\n    \
    - {id: any, action: ALLOW, from: [{source: {namespaces: [stock], ipBlocks: [10.0.0.0/8]}}], to: [{operation: {paths: [/stock]}}]}\n";
const CANDIDATE: &str = "apiVersion: sallyport.dev/v1alpha1\nkind: Candidate\nmetadata: {name: orders, namespace: egress}\nspec:\n  \
    rules:\n  - {id: readers, action: ALLOW, from: [{source: {serviceAccounts: [shop/web]}}], to: [{operation: {methods: [GET, PUT]}}]}\n  \
    remove: [batch, any]\n";

struct Scene {
    egress: Egress,
    regions: Vec<Region>,
}

fn scene() -> Scene {
    scene_of(EGRESS)
}

fn scene_of(egress: &str) -> Scene {
    let files = [("e.yaml", egress), ("c.yaml", CANDIDATE)];
    let files = files.map(|(name, text)| decode(name, text.as_bytes()).unwrap());
    let checked = check(&files);
    assert!(
        checked.diagnostics.iter().all(|problem| problem.severity != crate::code::Severity::Error),
        "{:?}",
        checked.diagnostics
    );
    let egress = checked.egresses.into_iter().next().unwrap().value;
    let candidate = checked.candidates.into_iter().next().unwrap().value;
    let diff = compare(&policy_source(&egress, &Mesh::default(), &[]), &candidate, "orders.internal").unwrap();
    let regions = counted(&diff.0).cloned().collect();
    Scene { egress, regions }
}

impl Scene {
    /// The id of the narrowed region of a rule that is removed, or of the widened one.
    fn id(&self, of: &str) -> &str {
        let is_of = |region: &&Region| match region.change() {
            Change::Narrowed => region.old.rule() == Some(of),
            _ => of == "widened",
        };
        &self.regions.iter().find(is_of).unwrap().id
    }

    fn judge(&self, rollout: &Rollout, observed: &Observed) -> Judgement {
        let question = Question {
            egress: &self.egress,
            mesh: &Mesh::default(),
            regions: &self.regions,
            rollout,
            standing: Standing::Shadow,
            since: SINCE,
            now: SINCE,
            mark: Ok(MARK),
        };
        judge(&question, observed)
    }

    fn texts(&self, observed: &Observed) -> Vec<String> {
        let judged = self.judge(&Rollout::default(), observed);
        judged
            .findings
            .into_iter()
            .map(|finding| format!("{} {}", if finding.blocks { "blocks" } else { "missing" }, finding.text))
            .collect()
    }
}

fn principal(name: &str) -> Counted {
    Counted::Principal(name.to_owned())
}

fn pod() -> Pod {
    Pod { is_up: Some(true), workers: BTreeMap::from([(MARK.to_owned(), 3.0)]), concurrency: Some(2.0) }
}

/// A day of traffic of every caller, in which nothing was refused.
fn good() -> Observed {
    Observed {
        now: SINCE as f64 + 90_000.0,
        seconds: 89_000.0,
        pods: BTreeMap::from([("a".to_owned(), pod())]),
        knows_pods: true,
        callers: BTreeMap::from([
            (principal(WEB), 5000.0),
            (principal(BATCH), 3.0),
            (principal("cluster.local/ns/stock/sa/a"), 1.0),
        ]),
        requests: Some(5004.0),
        answers: Some(Answers { all: 5000.0, errors: 3.0 }),
        knows_answers: true,
        ..Observed::default()
    }
}

fn enter(observed: &mut Observed, region: &str, pair: Pair, caller: Counted, count: f64) {
    observed.entries.insert(Entry { region: region.to_owned(), pair, caller }, count);
}

fn waiver(region: &str, caller: &str, until: &str) -> Rollout {
    let text = format!(
        "apiVersion: sallyport.dev/v1alpha1\nkind: Rollout\nmetadata: {{name: r}}\nspec:\n  waivers:\n  \
         - {{gateway: egress/orders, region: {region}, caller: {caller}, reason: moves, until: {until}}}\n"
    );
    let files = [decode("e.yaml", EGRESS.as_bytes()).unwrap(), decode("r.yaml", text.as_bytes()).unwrap()];
    check(&files).rollout.unwrap().value
}

#[test]
fn a_day_without_an_entry_promotes() {
    let scene = scene();
    let judged = scene.judge(&Rollout::default(), &good());
    assert_eq!((judged.findings.as_slice(), judged.answer), (&[][..], Answer::NoneRefused));
    let narrowed: Vec<_> = judged.regions.iter().filter(|region| region.is_narrowed()).collect();
    assert_eq!(narrowed.len(), 2);
    assert!(narrowed.iter().all(|region| region.follows == Follows::Promotes), "{narrowed:?}");
}

#[test]
fn an_entry_blocks_unless_its_caller_is_waived() {
    let (scene, mut observed) = (scene(), good());
    let region = scene.id("batch").to_owned();
    enter(&mut observed, &region, Pair::Narrowed, principal(BATCH), 2.4);
    assert_eq!(scene.texts(&observed), [format!("blocks region {region}: 2 requests of {BATCH} would be refused")]);
    assert_eq!(scene.judge(&Rollout::default(), &observed).answer, Answer::SomeRefused);
    assert!(scene.judge(&waiver(&region, BATCH, "2027-01-31"), &observed).promotes());
    // One that has ended, of another caller, or of another region is none.
    for rollout in [
        waiver(&region, BATCH, "2026-11-01"),
        waiver(&region, WEB, "2027-01-31"),
        waiver(scene.id("any"), BATCH, "2027-01-31"),
    ] {
        assert!(scene.judge(&rollout, &observed).is_blocked());
    }
    // It has ended by the clock here, where that of the source is behind.
    let ended = Observed { now: 0.0, ..observed.clone() };
    assert!(scene.judge(&waiver(&region, BATCH, "2026-11-17"), &ended).is_blocked());
    assert!(!scene.judge(&waiver(&region, BATCH, "2026-11-18"), &ended).is_blocked());
    enter(&mut observed, &region, Pair::Narrowed, Counted::Others, 0.2);
    let judged = scene.judge(&waiver(&region, BATCH, "2027-01-31"), &observed);
    assert_eq!(
        judged.findings.first().map(|finding| finding.text.clone()),
        Some(format!("region {region}: 1 request of other callers, whom no waiver can name would be refused"))
    );
}

#[test]
fn an_entry_without_a_count_blocks() {
    let (scene, mut observed) = (scene(), good());
    observed.seen.insert(scene.id("batch").to_owned(), SINCE as f64 + 60.0);
    assert!(scene.texts(&observed)[0].contains("it was entered at 2026-11-18T"), "{:?}", scene.texts(&observed));
    // Before the stage it says nothing of it.
    observed.seen.insert(scene.id("batch").to_owned(), SINCE as f64 - 60.0);
    assert_eq!(scene.texts(&observed), [""; 0]);
}

#[test]
fn in_shadow_nothing_was_refused() {
    let words = [Standing::Shadow, Standing::Canary(5), Standing::Enforce].map(|at| Answer::SomeRefused.words(at));
    assert_eq!(
        words,
        ["some of it would be refused", "some of it was refused, or would be for all", "some of it was refused"]
    );
}

#[test]
fn what_is_widened_is_information_and_what_is_in_no_region_is_not() {
    let (scene, mut observed) = (scene(), good());
    enter(&mut observed, scene.id("widened"), Pair::Widened, principal(WEB), 9.0);
    enter(&mut observed, "other", Pair::Widened, principal(WEB), 9.0);
    assert_eq!(scene.texts(&observed), [""; 0]);
    enter(&mut observed, "other", Pair::Narrowed, principal(WEB), 9.0);
    assert_eq!(scene.texts(&observed), [format!("blocks region other: 9 requests of {WEB} would be refused")]);
}

#[test]
fn a_caller_that_a_rule_names_must_have_been_active() {
    let (scene, mut observed) = (scene(), good());
    observed.callers.remove(&principal(BATCH));
    let region = scene.id("batch").to_owned();
    assert_eq!(
        scene.texts(&observed),
        [format!("missing region {region}: {BATCH} could enter it and was not active, so nothing is known of it")]
    );
    assert!(scene.judge(&waiver(&region, BATCH, "2027-01-31"), &observed).promotes());
    // A rule without names: one of those that it means.
    observed = good();
    observed.callers.remove(&principal("cluster.local/ns/stock/sa/a"));
    observed.callers.insert(principal(STRANGER), 1.0);
    assert_eq!(
        scene.texts(&observed),
        [format!("missing region {}: no caller that could enter it was active", scene.id("any"))]
    );
}

#[test]
fn three_answers_are_different() {
    let scene = scene();
    let nothing =
        Observed { now: SINCE as f64 + 90_000.0, knows_pods: true, knows_answers: true, ..Observed::default() };
    let quiet = Observed { callers: BTreeMap::new(), requests: Some(0.0), answers: None, ..good() };
    let of_before = Observed { requests: Some(90.0), ..quiet.clone() };
    let answer = |observed: &Observed| scene.judge(&Rollout::default(), observed).answer;
    assert_eq!(
        [&nothing, &quiet, &of_before, &good()].map(answer),
        [Answer::NoData, Answer::NoTraffic, Answer::NoData, Answer::NoneRefused]
    );
    assert!(scene.texts(&nothing)[0].contains("no data: there are no series of this gateway; is it scraped"));
    assert_eq!(scene.texts(&quiet), ["missing no traffic: there was no request"]);
    assert!(scene.texts(&of_before)[0].contains("counts nothing for a candidate"));
}

#[test]
fn what_is_not_whole_is_missing() {
    let scene = scene();
    let pod_is = |change: fn(&mut Pod)| {
        let mut observed = good();
        change(observed.pods.get_mut("a").unwrap());
        observed
    };
    let mut other = pod();
    other.workers = BTreeMap::from([("bbbbbbbbbbbbbbbb".to_owned(), 2.0)]);
    let mut two = good();
    two.pods.insert("b".to_owned(), other);
    let mut stranger = good();
    enter(&mut stranger, "5f2a09c1b7de", Pair::Widened, principal(WEB), 1.0);
    for (observed, text) in [
        (pod_is(|pod| pod.is_up = Some(false)), "pod a does not answer Prometheus"),
        (pod_is(|pod| pod.workers.clear()), "pod a does not say what its workers have in force"),
        (pod_is(|pod| pod.concurrency = Some(4.0)), "pod a: 3 of 5 threads have a policy in force"),
        (pod_is(|pod| pod.concurrency = None), "pod a does not say how many workers it has"),
        (
            pod_is(|pod| pod.workers.extend([("c".to_owned(), 1.0)])),
            "pod a: 3 of 4 threads have what `sallyport build` writes (aaaaaaaaaaaaaaaa) in force, others have c: apply it",
        ),
        (
            Observed { counts_since: Some(1e9), ..good() },
            "the page counts since 2001-09-09T01:46:40Z, before this stage began",
        ),
        (two, "pod b: 0 of 2 threads have what `sallyport build` writes"),
        (stranger, "the gateway counts regions of another change: 5f2a09c1b7de"),
        (Observed { seconds: 3700.0, ..good() }, "observed for 1h1m of 24h; until 2026-11-20T"),
        (Observed { warnings: vec!["store down".to_owned()], ..good() }, "some of the data is missing"),
        (Observed { now: 1e9, ..good() }, "a clock is wrong: it is at `shadow` since 2026-11-18T"),
        (Observed { answers: None, ..good() }, "errors are not known"),
    ] {
        let texts = scene.texts(&observed);
        assert!(texts.iter().any(|found| found.starts_with("missing ") && found.contains(text)), "{text}: {texts:?}");
    }
    // More answers than requests that count do not make errors fewer.
    let failing = Observed { answers: Some(Answers { all: 1e9, errors: 51.0 }), ..good() };
    assert_eq!(
        scene.texts(&failing),
        [
            "blocks 51 requests were answered with 5xx by the gateway or its upstream: 1.019% of the 5004 that count as evidence; at \
             most 1% may be"
        ]
    );
    let failing = Observed { answers: Some(Answers { all: 1000.0, errors: 11.0 }), ..good() };
    assert_eq!(
        scene.texts(&failing),
        [
            "blocks 11 requests were answered with 5xx by the gateway or its upstream: 1.1% of the 1000 that count as evidence; at \
             most 1% may be"
        ]
    );
}

#[test]
fn a_filter_is_judged_by_all_requests() {
    let gate = Gate { seconds: 3600, requests: 1000, errors: 0.01 };
    let texts = |mark, observed: &Observed| -> Vec<String> {
        judge_filter(mark, gate, observed).into_iter().map(|finding| finding.text).collect()
    };
    let without_candidate = Observed { callers: BTreeMap::new(), ..good() };
    assert_eq!(texts(Ok(MARK), &without_candidate), [""; 0]);
    for (mark, observed, text) in [
        (Ok("b"), without_candidate.clone(), "pod a: 0 of 3 threads have what `sallyport build` writes (b)"),
        (Err("no image"), without_candidate.clone(), "what its workers are to have in force is not known: no image"),
        (Ok(MARK), Observed { requests: Some(0.0), ..good() }, "no traffic"),
        (Ok(MARK), Observed { requests: Some(9.0), ..good() }, "9 of 1000 requests"),
        (Ok(MARK), Observed { seconds: 60.0, ..good() }, "observed for 1m of 1h"),
        (Ok(MARK), Observed { requests: None, pods: BTreeMap::new(), ..good() }, "no data"),
        (
            Ok(MARK),
            Observed { answers: Some(Answers { all: 5e9, errors: 60.0 }), ..good() },
            "60 requests were answered with 5xx",
        ),
        (Ok(MARK), Observed { answers: None, ..good() }, "errors are not known"),
    ] {
        let found = texts(mark, &observed);
        assert!(found.iter().any(|found| found.starts_with(text)), "{text}: {found:?}");
    }
}

#[test]
fn the_engine_says_who_could_enter() {
    let scene = scene();
    let reach = |of: &str| {
        let region = scene.regions.iter().find(|region| region.id == scene.id(of)).unwrap();
        Reach::of(region, &scene.egress, &Mesh::default())
    };
    let (batch, any) = (reach("batch"), reach("any"));
    assert_eq!((batch.named(), any.named()), (&[BATCH.to_owned()][..], &[][..]));
    for (who, expected) in [
        (principal(BATCH), [true, false]),
        (principal("cluster.local/ns/stock/sa/b"), [false, true]),
        (principal("elsewhere/ns/stock/sa/b"), [false, true]),
        (principal(STRANGER), [false, false]),
        (Counted::Anonymous, [false, false]),
        (Counted::Others, [true, true]),
    ] {
        assert_eq!([batch.could(&who), any.could(&who)], expected, "{who}");
    }
}

/// Region, pair, caller and count of each entry; requests of each caller; seconds; whether the pod is up, and the data whole.
type Counts = (Vec<(usize, usize, usize, u32)>, [u32; 4], u32, bool, bool);

/// Counts, of which some are absent.
fn observations() -> impl Strategy<Value = Counts> {
    let entries = prop::collection::vec((0..4_usize, 0..4_usize, 0..4_usize, 0..3_u32), 0..5);
    (entries, prop::array::uniform4(0..3000_u32), 0..100_000_u32, any::<bool>(), any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is observed: what promotes has had the time and the requests, and no caller that is not waived has entered a
    /// narrowed region; and more data of the same kind never takes a reason to block away.
    #[test]
    fn only_evidence_promotes((entries, calls, seconds, is_up, is_whole) in observations(), is_waived in any::<bool>()) {
        let scene = scene();
        let ids = [scene.id("batch"), scene.id("any"), scene.id("widened"), "other"].map(str::to_owned);
        let who = [principal(WEB), principal(BATCH), Counted::Others, Counted::Anonymous];
        let pairs = [Pair::Allowed, Pair::Narrowed, Pair::Widened, Pair::Refused];
        let mut observed = Observed { seconds: seconds.into(), callers: BTreeMap::new(), ..good() };
        for (caller, count) in who.iter().zip(calls) {
            if count > 0 {
                observed.callers.insert(caller.clone(), count.into());
            }
        }
        observed.pods.get_mut("a").unwrap().is_up = Some(is_up);
        if !is_whole {
            observed.warnings.push("half".to_owned());
        }
        for (region, pair, caller, count) in &entries {
            enter(&mut observed, &ids[*region], pairs[*pair], who[*caller].clone(), (*count).into());
        }
        let rollout = if is_waived { waiver(&ids[0], BATCH, "2027-01-31") } else { Rollout::default() };
        let judged = scene.judge(&rollout, &observed);
        let refused = observed.entries.iter().any(|(entry, count)| {
            let is_narrowed = ids[..2].contains(&entry.region)
                || (entry.region == "other" && entry.pair == Pair::Narrowed);
            let is_waived = is_waived && entry.region == ids[0] && entry.caller == principal(BATCH);
            *count > 0.0 && is_narrowed && !is_waived
        });
        prop_assert_eq!(judged.is_blocked(), refused);
        if judged.promotes() {
            prop_assert!(is_up && is_whole && observed.seconds >= 86_400.0 && observed.evaluated() >= 1000.0);
        }
        let mut more = observed.clone();
        enter(&mut more, &ids[1], Pair::Narrowed, principal(STRANGER), 1.0);
        prop_assert!(scene.judge(&rollout, &more).is_blocked());
        let findings = |judged: &Judgement| judged.findings.iter().filter(|finding| finding.blocks).count();
        prop_assert!(findings(&scene.judge(&rollout, &more)) > findings(&judged));
    }
}
