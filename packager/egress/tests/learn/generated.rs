//! On logs by chance.

use std::collections::BTreeSet;

use fastrand::Rng;
use sallyport_core::Engine;
use sallyport_egress::learn::Learned;
use sallyport_egress::meaning::{Asker, BUDGET, Question, query};
use sallyport_egress::model::Mesh;
use sallyport_egress::policy_source;
use sallyport_egress::scenario::{Caller, Request, Scenario};

use crate::{Line, based, file_of, learned, options};

const LOGS: u64 = 150;
const CALLERS: [&str; 5] =
    ["shop/web", "shop/mobile", "other/web", "partner.example/ns/a/sa/b", "partner.example/agent"];
const METHODS: [&str; 3] = ["GET", "POST", "DELETE"];

fn segment(random: &mut Rng) -> String {
    match random.u8(0..8) {
        0..3 => ["orders", "users", "export", "v1"][random.usize(0..4)].to_owned(),
        3..5 => random.u16(0..40).to_string(),
        5 => ["anna", "ben", "eve", "joe", "kim", "leo", "mia"][random.usize(0..7)].to_owned(),
        6 => ["%7Ea", "~a", "a%20b", "%c3%a9", "a+b", "a:b"][random.usize(0..6)].to_owned(),
        _ => format!("{:08x}1", random.u32(0..6)),
    }
}

fn path(random: &mut Rng) -> String {
    let mut path = String::new();
    for _ in 0..random.usize(1..4) {
        path.push('/');
        path.push_str(&segment(random));
    }
    if random.u8(0..8) == 0 {
        path.push('/');
    }
    path
}

fn log(random: &mut Rng) -> Vec<Line> {
    let shapes: Vec<String> = (0..random.usize(1..8)).map(|_| path(random)).collect();
    let mut lines = Vec::new();
    for _ in 0..random.usize(1..120) {
        // A path of the log with one other segment, so that values of one segment come together.
        let shape = &shapes[random.usize(0..shapes.len())];
        let mut segments: Vec<String> = shape.split('/').map(str::to_owned).collect();
        let position = random.usize(1..segments.len());
        if random.bool() && !segments[position].is_empty() {
            segments[position] = segment(random);
        }
        let caller = CALLERS[random.usize(0..CALLERS.len())];
        lines.push(Line::new(caller, METHODS[random.usize(0..3)], &segments.join("/")).on(random.u32(1..4)));
    }
    lines
}

struct Policy {
    source: sallyport_core::wire::Policy,
    engine: Engine,
}

fn policy(learned: &Learned) -> Policy {
    let (options, _) = based(&file_of(&learned.text));
    let source = policy_source(&options.base.unwrap().egress, &Mesh::default(), &[]);
    Policy { engine: Engine::compile(&source).unwrap(), source }
}

fn principal(account: &str) -> String {
    match account.split('/').collect::<Vec<_>>().as_slice() {
        [namespace, account] if !namespace.contains('.') => format!("cluster.local/ns/{namespace}/sa/{account}"),
        _ => account.to_owned(),
    }
}

fn is_allowed(engine: &Engine, account: &str, method: &str, path: &str) -> bool {
    let scenario = Scenario {
        caller: Caller::of_principal(&principal(account)),
        // Envoy decodes what need not be escaped.
        request: Request::new(method, "orders.internal", &path.replace("%7E", "~")),
    };
    scenario.decide(engine).effect.is_allowed()
}

/// A path as rules compare it, for the few escapes that are used here.
fn canonical(path: &str) -> String {
    path.replace("%7E", "~").replace("%c3%a9", "%C3%A9")
}

/// Whether the path is one that the caller requested with the method, but for segments that are listed as general for it.
fn is_covered(learned: &Learned, seen: &BTreeSet<(String, String, String)>, request: (&str, &str, &str)) -> bool {
    let (account, method, path) = request;
    let principal = principal(account);
    let general: BTreeSet<&str> = learned
        .generalisations
        .iter()
        .filter(|one| one.callers.contains(&principal))
        .map(|one| &*one.pattern)
        .collect();
    let wanted: Vec<&str> = path.split('/').skip(1).collect();
    let is_like = |known: &str| {
        let known: Vec<&str> = known.split('/').skip(1).collect();
        // Every way to read the known path as a pattern of the list.
        let mut prefixes = vec![String::new()];
        if known.len() != wanted.len() {
            return false;
        }
        for (known, wanted) in known.iter().zip(&wanted) {
            let mut next = Vec::new();
            for prefix in &prefixes {
                let pattern = format!("{prefix}/{{*}}");
                if known == wanted {
                    next.push(format!("{prefix}/{known}"));
                }
                if general.contains(&*pattern) && !wanted.is_empty() {
                    next.push(pattern);
                }
            }
            prefixes = next;
        }
        !prefixes.is_empty()
    };
    seen.iter().any(|(by, with, known)| by == account && with == method && is_like(known))
}

#[test]
fn what_is_kept_is_allowed_and_nothing_beyond_what_is_listed() {
    let (mut allowed, mut refused, mut general, mut asked) = (0_u32, 0_u32, 0, 0_u32);
    for seed in 0..LOGS {
        let mut random = Rng::with_seed(seed);
        let lines = log(&mut random);
        let json: Vec<String> = lines.iter().map(Line::json).collect();
        let learned = learned(options(), &[], &json).unwrap_or_else(|error| panic!("seed {seed}: {error:?}"));
        assert_eq!(learned.counts.kept, lines.len() as u64, "seed {seed}: {:?}", learned.counts);
        general += learned.generalisations.len();
        let Policy { source, engine } = policy(&learned);
        // The whole log again.
        for line in &lines {
            let shown = || format!("seed {seed}: {} {} {}\n{}", line.account, line.method, line.path, learned.text);
            assert!(is_allowed(&engine, &line.account, line.method, &line.path), "{}", shown());
        }
        let seen: BTreeSet<_> =
            lines.iter().map(|line| (line.account.clone(), line.method.to_owned(), canonical(&line.path))).collect();
        // Requests like those of the log, of every caller and with every method.
        let mut paths: Vec<String> = lines.iter().map(|line| line.path.clone()).collect();
        paths.extend((0..60).map(|_| path(&mut random)));
        for path in &paths {
            let mut segments: Vec<String> = path.split('/').map(str::to_owned).collect();
            let position = random.usize(1..segments.len());
            segments[position] = segment(&mut random);
            let (account, method) = (CALLERS[random.usize(0..CALLERS.len())], METHODS[random.usize(0..3)]);
            for path in [path.clone(), segments.join("/")] {
                if is_allowed(&engine, account, method, &path) {
                    allowed += 1;
                    let is_covered = is_covered(&learned, &seen, (account, method, &canonical(&path)));
                    assert!(
                        is_covered,
                        "seed {seed}: {account} {method} {path}\n{}\n{:#?}",
                        learned.text, learned.generalisations
                    );
                } else {
                    refused += 1;
                }
            }
        }
        // The same question to the search over all requests.
        if seed % 15 == 0 {
            asked += by_query(seed, &learned, &source, &seen);
        }
    }
    assert!(allowed > 3_000 && refused > 3_000 && general > 100 && asked > 50, "{allowed} {refused} {general} {asked}");
}

/// Each pattern that `query` grants a caller stands for a path of the log, but for what is listed.
fn by_query(
    seed: u64,
    learned: &Learned,
    policy: &sallyport_core::wire::Policy,
    seen: &BTreeSet<(String, String, String)>,
) -> u32 {
    let mut patterns = 0;
    for account in CALLERS {
        let question = Question { asker: Some(Asker::Principal(principal(account))), ..Question::default() };
        let answer = query(policy, "orders.internal", &question, BUDGET)
            .unwrap_or_else(|error| panic!("seed {seed}: {error:?}"));
        assert!(answer.undecided.is_empty());
        for grant in answer.grants {
            for entry in grant.part.to.unwrap_or_default() {
                let operation = entry.operation;
                for method in operation.methods.unwrap() {
                    for pattern in operation.paths.as_ref().unwrap() {
                        patterns += 1;
                        let is_covered = is_covered(learned, seen, (account, &method, &canonical(pattern)));
                        assert!(is_covered, "seed {seed}: {account} {method} {pattern}\n{}", learned.text);
                    }
                }
            }
        }
    }
    patterns
}

/// What was learned from a log is all that there is to learn from it.
#[test]
fn a_second_time_nothing_is_missing() {
    for seed in 0..LOGS {
        let mut random = Rng::with_seed(seed ^ 0xabcd);
        let json: Vec<String> = log(&mut random).iter().map(Line::json).collect();
        let first = learned(options(), &[], &json).unwrap();
        let (options, files) = based(&file_of(&first.text));
        let second = learned(options, &files, &json).unwrap();
        assert_eq!((second.counts.kept, second.counts.allowed), (0, json.len() as u64), "seed {seed}");
        assert!(second.rules.is_empty() && second.text == files.first().unwrap().text, "seed {seed}");
    }
}

/// Two halves of a log, one after the other into one file, allow the whole of it.
#[test]
fn halves_of_a_log_complete_each_other() {
    for seed in 0..LOGS {
        let mut random = Rng::with_seed(seed ^ 0x1234);
        let json: Vec<String> = log(&mut random).iter().map(Line::json).collect();
        let (one, two) = json.split_at(json.len() / 2);
        let first = learned(options(), &[], one).unwrap();
        let (options, files) = based(&file_of(&first.text));
        let second = learned(options, &files, two).unwrap_or_else(|error| panic!("seed {seed}: {error:?}"));
        let (options, files) = based(&second.text);
        let third = learned(options, &files, &json).unwrap();
        assert_eq!(third.counts.kept, 0, "seed {seed}\n{}", second.text);
    }
}
