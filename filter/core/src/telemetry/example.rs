//! Examples of what a candidate would change: one JSON object a line, without secrets.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};

use crate::engine::Engine;
use crate::request::view::RequestView;
use crate::text::{lossy, split, split_once};
use crate::verdict::{Decision, Trial};
use crate::wire::write_text;

/// Longest value in an example, in bytes.
const MAX_VALUE: usize = 256;
/// A header or parameter whose name has one of these parts has a secret for a value.
const SECRET: [&str; 10] = ["auth", "cookie", "credential", "key", "pass", "secret", "session", "sig", "token", "jwt"];

/// The line: `{"sallyport":"candidate","region":"...","inForce":"allowed:readers","candidate":"not_allowed","caller":"...",
/// "method":"GET","host":"...","path":"/a?x=","id":"...","headers":{"x-role":"..."}}`. Of headers and query parameters it has
/// the values of those that rules read, and the names of the other parameters; values that are secrets by their names are cut
/// out.
#[must_use]
pub fn example(engine: &Engine, decision: &Decision<'_>, trial: &Trial<'_>, view: &RequestView<'_>) -> String {
    let [in_force, candidate] = trial.verdicts.map(|verdict| verdict.to_string());
    let mut line = String::from(r#"{"sallyport":"candidate""#);
    let mut push = |name: &str, value: &str| {
        line.push_str(",\"");
        line.push_str(name);
        line.push_str("\":");
        write_text(value, &mut line);
    };
    push("region", trial.id);
    push("inForce", &in_force);
    push("candidate", &candidate);
    push("decides", if trial.decides_candidate { "candidate" } else { "inForce" });
    if let Some(caller) = &decision.caller.principal {
        push("caller", caller);
    }
    for (name, header) in [("method", ":method"), ("host", ":authority"), ("path", ":path"), ("id", "x-request-id")] {
        if let Some((_, value)) = view.headers.iter().find(|(known, _)| *known == header.as_bytes()) {
            let value = cut(value);
            push(name, &if name == "path" { path(engine, &value) } else { value });
        }
    }
    line.push_str(",\"headers\":{");
    let mut is_first = true;
    for (name, value) in view.headers.iter().filter(|(name, _)| engine.reads_header(name)) {
        if !core::mem::take(&mut is_first) {
            line.push(',');
        }
        let name = lossy(name);
        write_text(&name, &mut line);
        line.push(':');
        write_text(&if is_secret(&name) { String::new() } else { cut(value) }, &mut line);
    }
    line.push_str("}}");
    line
}

/// The path and its query, without the values that rules do not read.
fn path(engine: &Engine, text: &str) -> String {
    let Some((path, query)) = split_once(text, "?") else { return text.to_owned() };
    let mut kept = format!("{path}?");
    for (position, pair) in split(query, "&").enumerate() {
        if position > 0 {
            kept.push('&');
        }
        match split_once(pair, "=") {
            Some((name, value)) => {
                kept.push_str(name);
                kept.push('=');
                if engine.reads_parameter(name.as_bytes()) && !is_secret(name) {
                    kept.push_str(value);
                }
            }
            None if engine.reads_parameter(pair.as_bytes()) => kept.push_str(pair),
            // It may be a value without a name.
            None => {}
        }
    }
    kept
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET.iter().any(|part| split_once(&name, part).is_some())
}

fn cut(value: &[u8]) -> String {
    lossy(value.get(..MAX_VALUE).unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use crate::telemetry::tests::{candidate, request};

    use super::*;

    fn line(path: &str, more: &str) -> String {
        let engine = candidate(more);
        let mut line = String::new();
        request(path, Some("a"), |view| {
            let decision = engine.on_request(view);
            line = example(&engine, &decision, &decision.trial.unwrap(), view);
        });
        line
    }

    #[test]
    fn an_example_is_a_line_of_json() {
        let found = line("/b", "");
        assert_eq!(
            found,
            r#"{"sallyport":"candidate","region":"aaaaaaaaaaaa","inForce":"allowed:read","candidate":"not_allowed","decides":"inForce","caller":"td/ns/n/sa/a","method":"GET","host":"host","path":"/b","headers":{}}"#
        );
    }

    #[test]
    fn secrets_are_cut_out() {
        let reads = r#", {"id": "h", "action": "DENY", "when": [
            {"key": "request.headers[x-role]", "values": ["z"]}, {"key": "request.headers[x-api-key]", "values": ["z"]},
            {"key": "request.query[role]", "values": ["z"]}, {"key": "request.query[token]", "values": ["z"]}]}"#;
        let found = line("/b?role=r&token=T0P&other=T0P&T0P", reads);
        assert!(found.contains(r#""path":"/b?role=r&token=&other=&","#), "{found}");
        assert!(found.contains(r#""headers":{"x-role":"reader \"1\"","x-api-key":""}"#), "{found}");
        assert!(!found.contains("T0P"), "{found}");
    }
}
