//! The corpus as it is written in `tests/attack/*.yaml`; `tests/attack/README.md` says what each field means.

use std::collections::BTreeMap;
use std::{fmt, fs};

use anyhow::{Context as _, Result, ensure};
use sallyport_tests::client::Request;
use sallyport_tests::workspace;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::yaml;

/// Requests under one policy.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Group {
    pub name: String,
    pub authz: String,
    /// Further lines of the Egress file's `spec`.
    #[serde(default)]
    pub spec: String,
    #[serde(default)]
    pub upstream: Protocol,
    /// What a seed says where it does not say it itself.
    #[serde(default)]
    defaults: Map<String, Value>,
    #[serde(rename = "seeds")]
    written: Vec<Map<String, Value>>,
    #[serde(skip)]
    pub seeds: Vec<Seed>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    #[default]
    Http1,
    Http2,
}

/// One request, what must come of it, and what its mutants must never become.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Seed {
    pub id: String,
    pub class: String,
    #[serde(default = "sleep")]
    pub caller: String,
    #[serde(default = "both")]
    pub over: Vec<Protocol>,
    #[serde(default = "get")]
    method: String,
    #[serde(default = "root")]
    path: String,
    host: Option<String>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    trailers: Vec<(String, String)>,
    /// In the place of all that: the bytes of an HTTP/1.1 connection.
    raw: Option<String>,
    /// The claims of a token to show.
    pub token: Option<Map<String, Value>>,
    pub end: End,
    pub status: Option<String>,
    pub reason: Option<String>,
    /// Of a request that may arrive: the exact values of headers, by their exact names.
    #[serde(default)]
    pub means: BTreeMap<String, Vec<String>>,
    /// Of a request that may arrive: its first line without the protocol.
    pub line: Option<String>,
    #[serde(default)]
    pub forbidden: Vec<Forbidden>,
    #[serde(default)]
    pub vary: Vec<Vary>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// The upstream gets nothing.
    Refused,
    /// The upstream gets it, once.
    Allowed,
    /// Either, but never as something forbidden.
    Either,
}

/// The parts of a request that mutants change.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Vary {
    Path,
    Method,
    Query,
    Host,
    /// Values and lines of the header that `forbidden` names.
    Header,
    /// Names of the header (or trailer) that `forbidden` names.
    Name,
}

/// What the upstream must never get; all that is written must hold at once.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Forbidden {
    pub path: Option<Values>,
    pub method: Option<Values>,
    pub query: Option<Values>,
    pub header: Option<Values>,
}

/// Values of something, and of a header or a query parameter its name.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Values {
    #[serde(default)]
    pub name: String,
    /// Exact, or `prefix*`.
    #[serde(default)]
    pub values: Vec<String>,
    /// Any but these.
    #[serde(default)]
    pub other: Vec<String>,
    /// That there is none.
    #[serde(default)]
    pub missing: bool,
    /// The field's grammar has commas, so it is never taken apart.
    #[serde(default)]
    pub whole: bool,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [("path", &self.path), ("method", &self.method), ("query", &self.query), ("header", &self.header)];
        for (what, values) in parts {
            let Some(Values { name, values, other, missing, .. }) = values else { continue };
            write!(f, "{what} {name} ")?;
            match (values.is_empty(), other.is_empty()) {
                (_, false) => write!(f, "other than {other:?} ")?,
                (false, _) => write!(f, "{values:?} ")?,
                (true, true) => {}
            }
            if *missing {
                write!(f, "or none ")?;
            }
        }
        Ok(())
    }
}

fn sleep() -> String {
    "sleep".to_owned()
}

fn both() -> Vec<Protocol> {
    vec![Protocol::Http1, Protocol::Http2]
}

fn get() -> String {
    "GET".to_owned()
}

fn root() -> String {
    "/get".to_owned()
}

/// What is sent.
#[derive(Clone, Debug)]
pub enum Sent {
    Request(Request),
    Raw(Vec<u8>),
}

impl Seed {
    /// Whether it says of itself that it is a gRPC call.
    pub fn is_grpc(&self) -> bool {
        self.headers.iter().any(|(_, value)| value.trim().to_ascii_lowercase().starts_with("application/grpc"))
    }

    /// What it sends, but for its token.
    pub fn sent(&self) -> Sent {
        if let Some(raw) = &self.raw {
            return Sent::Raw(bytes(raw));
        }
        let pairs =
            |pairs: &[(String, String)]| pairs.iter().map(|(name, value)| (bytes(name), bytes(value))).collect();
        let mut request = Request::new("", bytes(&self.path));
        request.method = bytes(&self.method);
        request.host = self.host.as_deref().map(bytes);
        request.headers = pairs(&self.headers);
        request.body = bytes(&self.body);
        request.trailers = pairs(&self.trailers);
        Sent::Request(request)
    }
}

/// Every group of the corpus, in the order of file names.
pub fn corpus() -> Result<Vec<Group>> {
    let folder = workspace().join("tests/attack");
    let mut files: Vec<_> = fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    let mut groups = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file)?;
        let read = || -> Result<Vec<Group>> {
            let mut groups: Vec<Group> = serde_json::from_value(yaml::read(&text)?)?;
            groups.iter_mut().try_for_each(Group::expand)?;
            Ok(groups)
        };
        groups.extend(read().with_context(|| file.display().to_string())?);
    }
    Ok(groups)
}

impl Group {
    fn expand(&mut self) -> Result<()> {
        for written in &self.written {
            let mut whole = self.defaults.clone();
            whole.extend(written.clone());
            let each = match whole.remove("each") {
                None => vec![None],
                Some(each) => serde_json::from_value::<Vec<String>>(each)?.into_iter().map(Some).collect(),
            };
            for each in each {
                let mut value = Value::Object(whole.clone());
                if let Some(each) = &each {
                    replace(&mut value, each);
                }
                let described = value["id"].to_string();
                let mut seed: Seed = serde_json::from_value(value).with_context(|| described)?;
                if let Some(each) = each {
                    seed.id = format!("{}/{each}", seed.id);
                }
                seed.id = format!("{}: {}", self.name, seed.id);
                ensure!(seed.vary.is_empty() || !seed.forbidden.is_empty(), "{}: what must no mutant be?", seed.id);
                self.seeds.push(seed);
            }
        }
        Ok(())
    }
}

/// Puts a word in the place of every `{}`, and in that of `{_}` the word with `_` for `-`.
fn replace(value: &mut Value, word: &str) {
    match value {
        Value::String(text) => *text = text.replace("{}", word).replace("{_}", &word.replace('-', "_")),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, word)),
        Value::Object(entries) => {
            let renamed = std::mem::take(entries).into_iter().map(|(key, mut value)| {
                replace(&mut value, word);
                (key.replace("{}", word).replace("{_}", &word.replace('-', "_")), value)
            });
            *entries = renamed.collect();
        }
        _ => {}
    }
}

/// The bytes that a text means: `\r`, `\n`, `\t`, `\0`, `\\` and `\xHH` are escapes, and `<a*9>` is nine times `a`.
pub fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        match (byte, behind) {
            (b'\\', [b'x', high, low, behind @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                bytes.push(digit(high).unwrap_or(0) << 4 | digit(low).unwrap_or(0));
                rest = behind;
            }
            (b'\\', [escape, behind @ ..]) => {
                bytes.push(match escape {
                    b'r' => b'\r',
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'0' => 0,
                    other => *other,
                });
                rest = behind;
            }
            (b'<', [repeated, b'*', behind @ ..]) => {
                let digits = behind.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let times = String::from_utf8_lossy(&behind[..digits]).parse().unwrap_or(0);
                bytes.extend(std::iter::repeat_n(*repeated, times));
                rest = &behind[digits + 1..];
            }
            _ => bytes.push(byte),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn escapes() {
        assert_eq!(bytes(r"a\xff\t\0\\\r\n<ab<x*3>y"), b"a\xff\t\0\\\r\n<abxxxy");
    }
}
