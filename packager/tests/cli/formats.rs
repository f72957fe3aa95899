//! Every format of a status and of a report has the same facts.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::sandbox::Sandbox;
use crate::status::{CANDIDATE, ENCODED, LATER, SLEEP, at, digest, entered, example, page, region, sandbox};

const PAGE: [&str; 4] = ["--metrics", "httpbin/httpbin=page.txt", "--log", "gateway.log"];
const OTHER: &str = "cluster.local/ns/httpbin/sa/batch";

/// A gateway of which there is everything to say: entries, a waiver, errors, a caller that was not seen, an example.
fn rich() -> (Sandbox, String) {
    let sandbox = sandbox();
    let (region, digest) = (region(&sandbox), digest(&sandbox));
    let more = format!(
        "sallyport_region_{digest}_{region}_allowed_refused_{} 2\n\
         envoy_cluster_upstream_rq{{cluster_name=\"outbound|443||httpbin.org\",response_code_class=\"5xx\"}} 31\n",
        ENCODED.replace("sleep", "batch")
    );
    sandbox.write("page.txt", page(&sandbox, &(entered(&region, &digest) + &more)));
    sandbox.write("gateway.log", example(&region, "/anything"));
    sandbox.write(
        "rollout.yaml",
        format!(
            "apiVersion: sallyport.dev/v1alpha1\nkind: Rollout\nmetadata: {{name: rollout}}\nspec:\n  waivers:\n  \
             - {{gateway: httpbin/httpbin, region: {region}, caller: {OTHER}, reason: moves in June, until: 2027-06-30}}\n"
        ),
    );
    (sandbox, region)
}

fn run(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let ended = at(sandbox, LATER, &[arguments, &PAGE].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout
}

/// Texts and numbers of a JSON document, with the keys that lead to them.
fn leaves(value: &Value, path: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| leaves(value, &format!("{path}.{key}"), found)),
        Value::Array(values) => values.iter().for_each(|value| leaves(value, path, found)),
        Value::String(text) => found.push((path.to_owned(), text.clone())),
        Value::Number(number) => found.push((path.to_owned(), number.to_string())),
        Value::Bool(_) | Value::Null => {}
    }
}

/// Words and numbers of a text.
fn words(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_alphanumeric() || "./-:_".contains(c);
    let words = text.split(|c| !is_part(c)).map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// What the texts say in other words: `24h59m` are seconds.
fn in_words((path, value): &(String, String)) -> String {
    match path.as_str() {
        ".gateways.seen.seconds" => "24h59m".to_owned(),
        ".gateways.seen.errors" => format!("{:.2}%", value.parse::<f64>().unwrap() * 100.0),
        ".gateways.seen.answer" => "some of it would be refused".to_owned(),
        _ => value.replace('`', "'"),
    }
}

#[test]
fn a_status_has_the_same_facts_in_every_format() {
    let (sandbox, region) = rich();
    let [human, json, markdown] =
        ["human", "json", "markdown"].map(|format| run(&sandbox, &["status", "--format", format]));
    let mut facts = Vec::new();
    leaves(&serde_json::from_str(&json).unwrap(), "", &mut facts);
    facts.retain(|(path, _)| path != ".version");
    // It is what is expected of a rich example.
    for expected in [&region, SLEEP, OTHER, "moves in June", "2027-06-30", "2026-11-18T13:06:40Z", "blocked"] {
        assert!(facts.iter().any(|(_, value)| value == expected), "{expected}: {facts:#?}");
    }
    for (format, text) in [("human", &human), ("markdown", &markdown)] {
        let text = text.replace('`', "'");
        for fact in &facts {
            assert!(text.contains(&in_words(fact)), "{format} has no {fact:?}:\n{text}");
        }
    }
    // And the other way round: what a text has beside its own words.
    let own = words(
        "to be evidence from next candidate force active and by could enter entered errors last at missing no requests in note blocks some of it \
         would be refused since until waived times ready for the step waiting 24h59m 2.58 0 1 Rollout what gateways saw gateway stands \
         seen narrowed widened Evidence",
    );
    let known: BTreeSet<String> = facts.iter().flat_map(|(_, value)| words(value)).collect();
    for (format, text) in [("human", &human), ("markdown", &markdown)] {
        let more: Vec<String> =
            words(text).into_iter().filter(|word| !known.contains(word) && !own.contains(word)).collect();
        assert!(more.is_empty(), "only {format} has {more:?}:\n{text}\n{json}");
    }
}

#[test]
fn a_report_has_the_same_facts_in_every_format() {
    let (sandbox, region) = rich();
    let report = |name: &str| {
        run(&sandbox, &["status", "--quiet", "--report", name]);
        let text = sandbox.read(name);
        text.replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace('`', "'")
    };
    let json = report("a.json");
    let texts = ["a.txt", "a.md", "a.html"].map(report);
    let mut facts = Vec::new();
    leaves(&serde_json::from_str(&json).unwrap(), "", &mut facts);
    facts.retain(|(path, _)| path != ".version");
    for expected in [&region, SLEEP, OTHER, "3f2b", "httpbin.legacy.internal", "until 2027-06-30: moves in June"] {
        assert!(facts.iter().any(|(_, value)| value == expected), "{expected}: {json}");
    }
    for text in &texts {
        for (path, value) in &facts {
            assert!(text.contains(value.as_str()), "no {path} {value}:\n{text}");
        }
    }
    let page: Value = serde_json::from_str(&json).unwrap();
    for refused in page["callers"].as_array().unwrap().iter().flat_map(|caller| caller["refused"].as_array().unwrap()) {
        assert_eq!(refused["isDecided"], false);
    }
    // The texts say the same as one another, but for what makes them text, Markdown or a page.
    let [plain, markdown, html] = &texts;
    let body = html.split_once("<h1>").unwrap().1.replace(['<', '>'], " ");
    for other in [markdown, &body] {
        let (plain, other) = (words(plain), words(other));
        let missing: Vec<_> = plain.difference(&other).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}

#[test]
fn a_plan_has_the_same_facts_in_every_format() {
    let (sandbox, _) = rich();
    let [human, json, markdown] =
        ["human", "json", "markdown"].map(|format| run(&sandbox, &["plan", "--format", format]));
    let mut facts = Vec::new();
    leaves(&serde_json::from_str(&json).unwrap(), "", &mut facts);
    let is_fact = |path: &str| !matches!(path, ".version" | ".lock.path" | ".lock.sha256");
    for (path, value) in facts.iter().filter(|(path, _)| is_fact(path)) {
        for text in [&human, &markdown] {
            assert!(text.replace('`', "'").contains(&value.replace('`', "'")), "no {path} {value}:\n{text}");
        }
    }
    // The candidate's own words are in none of them but by what it means.
    assert!(CANDIDATE.contains("/get") && human.contains("readers"));
}
