//! Where on a line the gateway's own words are.
//!
//! # Design
//! A caller can write anything into a header or a path, and an access log as text has it unescaped. So JSON counts only where nothing
//! but words of log tools and runtimes stands before it, and what the filter says only directly behind `wasm log NAME: ` in Envoy's or
//! Istio's own form.

/// What a line is, by how it begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form<'l> {
    /// The filter, or another module, says this.
    Wasm { before: &'l str, message: &'l str },
    /// It begins with `{`.
    Json { before: &'l str, json: &'l str },
    /// An access log as text, or Envoy about something else: what callers write may be in it, and nothing of ours.
    Foreign,
    /// JSON, or a line of a module, behind something that is not known.
    Behind(&'l str),
    /// Anything else.
    Plain(&'l str),
}

impl<'l> Form<'l> {
    pub(super) fn of(line: &'l str) -> Self {
        let mut rest = line.trim_start();
        let until = |rest: &str| line.get(..line.len().saturating_sub(rest.len())).unwrap_or_default();
        loop {
            if let Some(header) = Header::read(rest) {
                let before = until(header.behind);
                return match header.said() {
                    Some(message) => Self::Wasm { before, message },
                    None if header.component == "wasm" => Self::Behind(header.behind),
                    None => Self::Foreign,
                };
            }
            if rest.starts_with('{') {
                return Self::Json { before: until(rest), json: rest };
            }
            match prefix(rest) {
                Some(behind) => rest = behind.trim_start(),
                None => break,
            }
        }
        if is_text(rest) {
            return Self::Foreign;
        }
        let object = rest.find('{').or_else(|| rest.find(WASM)).and_then(|at| rest.split_at_checked(at));
        match object {
            Some((before, _)) if !before.contains('"') && !rest.starts_with('[') => Self::Behind(rest),
            _ => Self::Plain(rest),
        }
    }
}

/// How Envoy begins what a module says.
const WASM: &str = "wasm log ";

/// What stands before a message of Envoy's own log.
struct Header<'l> {
    component: &'l str,
    behind: &'l str,
}

impl<'l> Header<'l> {
    /// `[2026-11-23 17:50:19.515][8764][info][wasm] [FILE:LINE] `, or Istio's `TIME\tinfo\tenvoy wasm FILE:LINE\t`.
    fn read(text: &'l str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix("envoy ") {
            let (component, rest) = rest.split_at_checked(rest.find(char::is_whitespace)?)?;
            // By its version Istio writes a file and a line.
            let behind = rest.trim_start();
            let is_said = behind.starts_with(WASM);
            let behind = if is_said { behind } else { rest.split_once('\t')?.1 };
            return Some(Self { component, behind });
        }
        let (time, rest) = bracketed(text)?;
        let (_, rest) = bracketed(rest).filter(|_| is_time(time))?;
        let (_, rest) = bracketed(rest)?;
        let (component, rest) = bracketed(rest)?;
        let rest = rest.strip_prefix(' ')?;
        let behind = bracketed(rest).and_then(|(_, behind)| behind.strip_prefix(' ')).unwrap_or(rest);
        Some(Self { component, behind })
    }

    /// What is directly behind `wasm log NAME: `.
    fn said(&self) -> Option<&'l str> {
        let (name, message) = self.behind.strip_prefix(WASM)?.split_once(": ")?;
        let is_name = !name.contains(['"', '\'', '{']);
        (self.component == "wasm" && is_name).then_some(message)
    }
}

/// What is between brackets, and behind them.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('[')?.split_once(']')
}

fn is_time(text: &str) -> bool {
    text.starts_with("20") && text.get(4..5) == Some("-")
}

/// What follows a word that `kubectl logs`, a container runtime or Istio writes before a line: a time, the name of a pod, `stdout F`.
fn prefix(text: &str) -> Option<&str> {
    if let Some((inside, behind)) = bracketed(text) {
        let is_begin = behind.trim_start().starts_with('{');
        // An access log as text begins with a time like that.
        let is_known = if is_time(inside) { is_begin } else { inside.bytes().all(is_of_name) };
        return is_known.then_some(behind);
    }
    let end = text.find(char::is_whitespace)?;
    let (word, behind) = text.split_at_checked(end)?;
    let is_name = word.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && word.bytes().all(|byte| is_of_name(byte) && !byte.is_ascii_uppercase());
    let is_moment = word.starts_with(|c: char| c.is_ascii_digit())
        && word.bytes().all(|byte| byte.is_ascii_digit() || b"-/:.,TZ+".contains(&byte));
    (is_name || is_moment || matches!(word, "F" | "P" | "|")).then_some(behind)
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._/".contains(&byte)
}

/// Whether it is a line of an access log as text, or of headers that Envoy lists at its level `debug`.
fn is_text(text: &str) -> bool {
    let is_timed = bracketed(text).is_some_and(|(inside, _)| is_time(inside));
    // A quote within JSON has a backslash.
    let has_protocol = text.match_indices(" HTTP/").any(|(at, _)| {
        let version = text.get(at.saturating_add(6)..).unwrap_or_default();
        version.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').starts_with('"')
    });
    is_timed || has_protocol || text.starts_with('\'')
}

/// The keys of what would count.
const KEYS: [&str; 3] = ["sallyport", "region", "decision"];

/// What shows that a text has a line of ours in it, where it is not read as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// `"region":`
    Plain,
    /// `\"region\":`
    Escaped,
}

/// The signs of a text.
pub(super) fn signs(text: &str) -> impl Iterator<Item = (&'static str, Sign)> + '_ {
    KEYS.into_iter().flat_map(move |key| {
        text.match_indices(key).filter_map(move |(at, _)| {
            let quote = text.get(..at)?.ends_with('"');
            let behind = text.get(at.saturating_add(key.len())..)?;
            let unescaped = behind.trim_start_matches('\\');
            let is_key = quote && unescaped.strip_prefix('"')?.trim_start().starts_with(':');
            let sign = if unescaped.len() == behind.len() { Sign::Plain } else { Sign::Escaped };
            is_key.then_some((key, sign))
        })
    })
}

/// Whether it can be the end of a JSON object whose beginning is not there.
pub(super) fn is_end(text: &str) -> bool {
    text.trim_end().ends_with('}') && text.contains("\":")
}

/// Whether it can be the beginning of a JSON object of ours.
pub(super) fn is_begin(text: &str) -> bool {
    text.trim_start().strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateways_own_words_are_found() {
        let json = r#"{"decision":null}"#;
        for before in [
            "",
            "  ",
            "[pod/orders-5d8f/istio-proxy] ",
            "2026-11-20T09:00:00.5Z stdout F ",
            "orders-5d8f istio-proxy ",
            "orders-1  | ",
            "2026/11/20 09:00:00 ",
            "[2026-11-25 09:25:22.181] ",
            "2026-11-25T09:25:22.181Z\tinfo\t",
        ] {
            let line = format!("{before}{json}");
            assert_eq!(Form::of(&line), Form::Json { before, json }, "{line}");
        }
        for header in [
            "[2026-11-23 17:50:19.515][8764][info][wasm] ",
            "[2026-11-23 17:50:19.515][8764][info][wasm] [source/extensions/common/wasm/context.cc:1151] ",
            "[pod/a/b] [2026-11-23 17:50:19.515][8764][info][wasm] ",
            "2026-11-25T09:25:22.181000Z\tinfo\tenvoy wasm external/envoy/source/context.cc:1195\t",
            "2026-11-25T09:25:22.181000Z\tinfo\tenvoy wasm\t",
            "2026-11-25T09:25:22.181000Z\tinfo\tenvoy wasm ",
        ] {
            let line = format!("{header}wasm log a.b a/b: policy for a/b: x");
            assert_eq!(Form::of(&line), Form::Wasm { before: header, message: "policy for a/b: x" }, "{line}");
        }
    }

    #[test]
    fn what_callers_write_is_none_of_them() {
        let said = r#"[2026-11-23 17:50:19.515][8764][info][wasm] wasm log a: policy for a/b: {"region":"#;
        for line in [
            format!(
                r#"[2026-11-18T11:06:41.000Z] "GET /x HTTP/1.1" 200 - via_upstream - "-" 0 12 3 2 "-" "{said}" "id""#
            ),
            format!(r#"[2026-11-18T11:06:41.000Z] {said}"#).replace("[2026-11-23", "x [2026-11-23"),
            format!(r#"10.0.0.1 - - [18/Nov/2026:11:06:41 +0000] "GET /{said} HTTP/1.1" 200 12"#),
            format!("'user-agent', '{said}'"),
            format!("[2026-11-23 17:50:19.515][8764][info][lua] [source/lua.cc:1] script log: {said}"),
            format!("2026-11-25T09:25:22.181Z\tinfo\tenvoy lua x.cc:1\tscript log: {said}"),
        ] {
            assert_eq!(Form::of(&line), Form::Foreign, "{line}");
        }
        let within = format!("[2026-11-23 17:50:19.515][8764][info][wasm] x wasm log a: {said}");
        for line in [within, format!("UA=x {said}"), format!("user: {said}"), "x: {\"region\":1}".to_owned()] {
            assert!(matches!(Form::of(&line), Form::Behind(_)), "{line}");
        }
        for line in [r#"[{"region":"a"}]"#, r#"a","region":null,"path":"/{x}"}"#, "", "text"] {
            assert!(matches!(Form::of(line), Form::Plain(_)), "{line}");
        }
    }

    #[test]
    fn signs_are_found_in_each_form() {
        let found = |text| signs(text).collect::<Vec<_>>();
        assert_eq!(found(r#""region" : 1, "decision":"#), [("region", Sign::Plain), ("decision", Sign::Plain)]);
        assert_eq!(found(r#"{\"sallyport\" :\"candidate\""#), [("sallyport", Sign::Escaped)]);
        assert_eq!(found(r#"{\\\"region\\\":"#), [("region", Sign::Escaped)]);
        assert_eq!(found(r#"region: "region" "my-region": "sallyport""#), []);
    }
}
