//! The filter's own lines in Envoy's log: `allowed shadow=refused reason=not_allowed method="GET" host="..." path="..."
//! id="..." peer="spiffe://..."`, with or without Envoy's prefix.

use std::borrow::Cow;

use crate::learn::moment::Moment;
use crate::learn::seen::{Fate, Kind, Seen, Unread, is_unlisted, without_query};

/// How such a line begins.
const STARTS: [&str; 3] = ["refused reason=", "allowed shadow=", "allowed audit="];

/// Where the filter's words begin. What callers send stands behind them.
pub(super) fn start(line: &str) -> Option<usize> {
    STARTS.iter().filter_map(|start| line.find(start)).min()
}

pub(super) fn read(line: &str, start: usize) -> Result<Seen<'static>, Unread> {
    let words = Words::read(line.get(start..).unwrap_or_default())?;
    let text = |name: &str| words.0.iter().find(|(known, ..)| *known == name);
    if text("path").is_some_and(|(_, _, is_cut)| *is_cut) {
        return Err(Unread::PathCut);
    }
    let value = |name: &str| text(name).map(|(_, value, _)| value.clone());
    let (Some(method), Some(path)) = (value("method"), value("path")) else { return Err(Unread::NotHttp) };
    let reason = || {
        let parts = ["reason", "kind", "rule"].iter().filter_map(|name| value(name));
        parts.collect::<Vec<_>>().join(":")
    };
    let is_refused = line.get(start..).is_some_and(|line| line.starts_with("refused"));
    let fate = match value("shadow").as_deref() {
        _ if is_refused => Fate::Refused(reason()),
        Some("refused") if !is_unlisted(&reason()) => Fate::WouldBeRefused(reason()),
        _ => Fate::Reached,
    };
    Ok(Seen {
        kind: Kind::Example,
        method: Cow::Owned(method),
        host: value("host").map(Cow::Owned),
        server_name: None,
        path: without_query(Cow::Owned(path)),
        peer: value("peer").map(Cow::Owned).ok_or(Unread::FilterNoPrincipal)?,
        caller: None,
        address: None,
        at: Moment::read(line),
        fate,
        rule: None,
    })
}

/// Names with their values; whether a value is cut. The first of a name counts.
struct Words<'l>(Vec<(&'l str, String, bool)>);

impl<'l> Words<'l> {
    fn read(mut rest: &'l str) -> Result<Self, Unread> {
        let mut words = Vec::new();
        while let Some((name, behind)) = rest.split_once('=') {
            let name = name.rsplit(' ').next().unwrap_or(name);
            let (value, behind) = match behind.strip_prefix('"') {
                Some(quoted) => unescaped(quoted).ok_or(Unread::Broken)?,
                None => {
                    let (value, behind) = behind.split_once(' ').unwrap_or((behind.trim_end(), ""));
                    (value.to_owned(), behind)
                }
            };
            let is_cut = behind.starts_with("...");
            words.push((name, value, is_cut));
            rest = behind;
        }
        Ok(Self(words))
    }
}

/// A value up to its closing quote, as `escape_ascii` wrote it, and what follows. `None`: it has no end, or is not UTF-8.
fn unescaped(text: &str) -> Option<(String, &str)> {
    let mut value = Vec::new();
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => {
                let behind = text.get(at.saturating_add(1)..)?;
                return Some((String::from_utf8(value).ok()?, behind));
            }
            b'\\' => match bytes.next()?.1 {
                b'x' => {
                    let digits = text.get(at.saturating_add(2)..at.saturating_add(4))?;
                    value.push(u8::from_str_radix(digits, 16).ok()?);
                    bytes.next();
                    bytes.next();
                }
                b't' => value.push(b'\t'),
                b'n' => value.push(b'\n'),
                b'r' => value.push(b'\r'),
                other => value.push(other),
            },
            byte => value.push(byte),
        }
    }
    None
}
