//! Mutants of a request: the same thing, said otherwise. Deterministic, and each with a name that says what was done.
//!
//! Which part is changed the seed says in `vary`, and what is in it the first of its `forbidden`.

mod names;

use sallyport_tests::client::Request;

use super::data::{Protocol, Seed, Sent, Values, Vary, bytes};

/// A mutant; one with a protocol is sent over that alone.
pub struct Mutant {
    pub name: String,
    pub request: Request,
    pub only: Option<Protocol>,
}

/// Every mutant of a seed.
pub fn mutants(seed: &Seed) -> Vec<Mutant> {
    let Sent::Request(request) = seed.sent() else { return Vec::new() };
    let mut mutants = Vec::new();
    for vary in &seed.vary {
        let mut change = Change { request: &request, mutants: &mut mutants };
        let forbidden = seed.forbidden.first();
        match vary {
            Vary::Path => change.path(),
            Vary::Method => change.method(),
            Vary::Host => change.host(),
            Vary::Query => change.query(),
            Vary::Header | Vary::Name => {
                if let Some(header) = forbidden.and_then(|forbidden| forbidden.header.as_ref()) {
                    if *vary == Vary::Header { change.values(header) } else { change.names(&header.name) }
                }
            }
        }
    }
    mutants.retain(|mutant| mutant.request != request);
    mutants
}

struct Change<'a> {
    request: &'a Request,
    mutants: &'a mut Vec<Mutant>,
}

fn hex(byte: u8, upper: bool) -> Vec<u8> {
    if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") }.into_bytes()
}

fn put(text: &[u8], at: usize, replaced: usize, with: &[u8]) -> Vec<u8> {
    [&text[..at], with, &text[at + replaced..]].concat()
}

impl Change<'_> {
    fn push(&mut self, name: impl Into<String>, only: Option<Protocol>, change: impl FnOnce(&mut Request)) {
        let mut request = self.request.clone();
        change(&mut request);
        self.mutants.push(Mutant { name: name.into(), request, only });
    }

    fn path(&mut self) {
        let whole = self.request.path.clone();
        let end = whole.iter().position(|byte| *byte == b'?').unwrap_or(whole.len());
        let (path, query) = whole.split_at(end);
        let slash = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        let (middle, last) = (slash + 1 + (path.len() - slash - 1) / 2, path.len() - 1);
        let mut paths: Vec<(String, Vec<u8>)> = Vec::new();
        for (place, at) in [("first", slash + 1), ("middle", middle.min(last)), ("last", last)] {
            let byte = path[at];
            paths.push((format!("{place} encoded"), put(path, at, 1, &hex(byte, false))));
            paths.push((format!("{place} ENCODED"), put(path, at, 1, &hex(byte, true))));
            let twice = [b"%25", &hex(byte, false)[1..]].concat();
            paths.push((format!("{place} encoded twice"), put(path, at, 1, &twice)));
            paths.push((format!("{place} in %u"), put(path, at, 1, format!("%u00{byte:02x}").as_bytes())));
        }
        let all: Vec<u8> =
            path.iter().flat_map(|byte| if *byte == b'/' { vec![b'/'] } else { hex(*byte, false) }).collect();
        paths.push(("all encoded".to_owned(), all));
        for put_in in [
            "/",
            "%2f",
            "%2F",
            "%5c",
            "\\\\",
            "./",
            ".//",
            "%2e/",
            "%2E%2F",
            "x/../",
            "x/%2e%2e/",
            "x/..;/",
            "x/..;a=b/",
            ";/",
            ";a=b/",
            ".;/",
            "%3b/",
            "%c0%ae/",
            "x/%c0%ae%c0%ae/",
            "x/%252e%252e/",
            "x%2f..%2f",
            "x\\\\..\\\\",
            "x/.%2e/",
            "%c0%af",
            "%00",
            "%0a",
            "%0d%0a",
            "%09",
            "%20",
            "%7f",
            "%ff",
            "\\xff",
            "%",
            "%zz",
            "#",
            "?",
        ] {
            paths.push((format!("{put_in} before the last segment"), put(path, slash + 1, 0, &bytes(put_in))));
        }
        for added in [
            ";x",
            ";x=y/z",
            "%3bx",
            "%00",
            "%00.css",
            "%0a",
            "%0d%0a",
            "%09",
            "%20",
            "%7f",
            "%c0%ae",
            "%c0",
            "%ff",
            "\\xff",
            "\\xc3\\xa4",
            "#",
            "#x",
            "%23",
            "?",
            "?x",
            "%3f",
            "/",
            "//",
            "/.",
            "/..;/",
            "\\\\",
            "%5c",
            "%2f",
            "%",
            "%2",
            ".",
            "..",
            "~",
            "*",
        ] {
            paths.push((format!("{added} added"), [path, &bytes(added)].concat()));
        }
        for (name, changed) in paths {
            self.push(name, None, |request| request.path = [&changed, query].concat());
        }
        // HTTP/1.1 would take these for the end of a line or of a word.
        for added in [" ", " HTTP/1.1", "\t", "\r\n", "\0", " HTTP/1.1\r\nx: y"] {
            self.push(format!("{added:?} added"), Some(Protocol::Http2), |request| {
                request.path = [path, added.as_bytes(), query].concat()
            });
        }
        for before in ["https://httpbin.legacy.internal", "http://x", "https://u@x:1", "httpbin.legacy.internal", "x"] {
            self.push(format!("{before} before"), None, |request| request.path = [before.as_bytes(), &whole].concat());
        }
        self.push("the path twice", Some(Protocol::Http2), |request| {
            request.headers.insert(0, (b":path".to_vec(), b"/get".to_vec()));
        });
        self.push("x-envoy-original-path", None, |request| {
            request.headers.push((b"x-envoy-original-path".to_vec(), b"/get".to_vec()));
        });
    }

    fn method(&mut self) {
        let method = self.request.method.clone();
        let title = |first: fn(&u8) -> u8, other: fn(&u8) -> u8| -> Vec<u8> {
            method.iter().enumerate().map(|(at, byte)| if at % 2 == 0 { first(byte) } else { other(byte) }).collect()
        };
        let (lower, upper) = (u8::to_ascii_lowercase, u8::to_ascii_uppercase);
        for changed in [
            title(lower, lower),
            title(upper, lower),
            title(lower, upper),
            put(&method, 0, 1, &[method[0].to_ascii_lowercase()]),
        ] {
            self.push(String::from_utf8_lossy(&changed).into_owned(), None, |request| request.method = changed.clone());
        }
        for added in [" ", "\t", "\0", "\r", "\r\n", "\x7f", "\u{e9}"] {
            let after = [&method, added.as_bytes()].concat();
            self.push(format!("{added:?} after"), Some(Protocol::Http2), |request| request.method = after);
            let before = [added.as_bytes(), &method].concat();
            self.push(format!("{added:?} before"), Some(Protocol::Http2), |request| request.method = before);
        }
        self.push("the method twice", Some(Protocol::Http2), |request| {
            request.headers.insert(0, (b":method".to_vec(), b"GET".to_vec()));
        });
    }

    fn host(&mut self) {
        let host = self.request.host.clone().unwrap_or_default();
        let all: Vec<u8> = host.iter().flat_map(|byte| hex(*byte, false)).collect();
        let of = |text: &str| [&host[..], text.as_bytes()].concat();
        let mut hosts = vec![
            host.to_ascii_uppercase(),
            put(&host, 0, 1, &host[..1].to_ascii_uppercase()),
            all,
            put(&host, 0, 1, &hex(host[0], false)),
        ];
        hosts
            .extend([":443", ":80", ":8443", ":0443", ":", ":0", ":65535", ":65536", ":x", ".", ".:443", ".."].map(of));
        hosts.extend(["/", "/x", "?x", "#x", "@x", ",x", ";x", "%00", "%20", "\\", "\\x"].map(of));
        hosts.extend(
            ["u@", "u:p@", "x,", ".", "x@", "//", "https://", "[", "%20"]
                .map(|before| [before.as_bytes(), &host].concat()),
        );
        for changed in hosts {
            self.push(String::from_utf8_lossy(&changed).into_owned(), None, |request| {
                request.host = Some(changed.clone())
            });
        }
        for padded in [" ", "\t", "\0", "\u{a0}"] {
            let (before, after) = ([padded.as_bytes(), &host].concat(), of(padded));
            self.push(format!("{padded:?} before"), None, |request| request.host = Some(before));
            self.push(format!("{padded:?} after"), None, |request| request.host = Some(after));
        }
        for name in ["host", "Host", "HOST", ":authority", "x-forwarded-host", "forwarded"] {
            let value = if name == "forwarded" { "host=other" } else { "other" };
            self.push(format!("{name}: other, too"), None, |request| {
                request.headers.insert(0, (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
            });
        }
    }

    fn query(&mut self) {
        let whole = self.request.path.clone();
        let Some(question) = whole.iter().position(|byte| *byte == b'?') else { return };
        let (path, query) = (&whole[..=question], &whole[question + 1..]);
        let middle = query.iter().position(|byte| *byte == b'=').unwrap_or(query.len());
        let (name, value) = (&query[..middle], query.get(middle + 1..).unwrap_or_default());
        let mut queries: Vec<Vec<u8>> = Vec::new();
        for at in [0, middle - 1] {
            queries.push(put(query, at, 1, &hex(query[at], false)));
            queries.push(put(query, at, 1, &hex(query[at], true)));
        }
        for at in (middle + 1)..query.len() {
            queries.push(put(query, at, 1, &hex(query[at], at % 2 == 0)));
        }
        queries.push(query.iter().flat_map(|byte| if *byte == b'=' { vec![b'='] } else { hex(*byte, true) }).collect());
        for before in ["x&", "&", "&&", "x=1&", "x;", ";", "x=1;", "=&", "x=%26&", "%00&", "x#&"] {
            queries.push([before.as_bytes(), query].concat());
        }
        for after in ["&", "&x", "&x=1", ";", ";x=1", "&&", "#", "#x"] {
            queries.push([query, after.as_bytes()].concat());
        }
        for suffix in ["[]", "[0]", "[x]", "%5b%5d", "%5B", "[", "%00", "%00x", "\\0"] {
            queries.push([name, &bytes(suffix), b"=", value].concat());
        }
        for prefix in ["+", "%20", "++", "%09", "%0a", "%0d%0a"] {
            queries.push([prefix.as_bytes(), query].concat());
        }
        // A second one, that would have been good.
        for (between, again) in [("&", ""), ("&", "harmless"), (";", "harmless")] {
            let good = [name, b"=", again.as_bytes()].concat();
            queries.push([query, between.as_bytes(), &good].concat());
            queries.push([&good, between.as_bytes(), query].concat());
        }
        for changed in queries {
            let only = changed.iter().any(|byte| *byte < b'!').then_some(Protocol::Http2);
            let described = changed.escape_ascii().to_string();
            self.push(described, only, |request| request.path = [path, &changed].concat());
        }
    }

    /// The header said otherwise, and together with others of its name.
    fn values(&mut self, header: &Values) {
        let name = header.name.as_bytes();
        let is_it = |(key, _): &&(Vec<u8>, Vec<u8>)| key.eq_ignore_ascii_case(name);
        let Some((_, value)) = self.request.headers.iter().find(is_it).cloned() else { return };
        let with = |lines: &[Vec<u8>]| {
            let others = self.request.headers.iter().filter(|header| !is_it(header)).cloned();
            others.chain(lines.iter().map(|line| (name.to_vec(), line.clone()))).collect::<Vec<_>>()
        };
        let of = |pattern: &str| {
            let (before, after) = pattern.split_once('@').unwrap_or(("", pattern));
            [before.as_bytes(), &value, after.as_bytes()].concat()
        };
        let mut sets: Vec<(Vec<Vec<u8>>, Option<Protocol>)> = Vec::new();
        for pattern in [" @", "@ ", "\t@", "@\t", "  @\t ", " \t @ \t "] {
            sets.push((vec![of(pattern)], None));
        }
        if !header.whole {
            for pattern in [
                "harmless,@",
                "@,harmless",
                "harmless, @",
                "@, harmless",
                "harmless ,@",
                "@ ,harmless",
                "harmless\t,\t@",
                ",@",
                "@,",
                ",,@",
                "@,,",
                ", ,@",
                " , @ , ",
                "harmless,,@",
                "a,b,c,@,d",
                "@,@",
                "@ , @",
            ] {
                sets.push((vec![of(pattern)], None));
            }
            for lines in [
                &["@", "harmless"][..],
                &["harmless", "@"],
                &["@", "@"],
                &["", "@"],
                &["@", ""],
                &["a", "@", "b"],
                &["harmless", " @"],
                &["harmless", "@\t"],
                &["a,b", "c,@"],
                &["@,", ","],
                &["@", "\u{e9}"],
            ] {
                sets.push((
                    lines
                        .iter()
                        .map(|line| if line.contains('@') { of(line) } else { line.as_bytes().to_vec() })
                        .collect(),
                    None,
                ));
            }
        }
        // HTTP/1.1 has no way to say these.
        for pattern in ["\0@", "@\0", "@\r", "@\n", "\n@", "@\r\nx: y", "\x0b@", "@\x0c", "\x7f@"] {
            sets.push((vec![of(pattern)], Some(Protocol::Http2)));
        }
        // And HTTP/2 has no lines to fold.
        for pattern in ["\r\n @", "\r\n\t@", "@\r\n ", "harmless,\r\n @"] {
            sets.push((vec![of(pattern)], Some(Protocol::Http1)));
        }
        let sets: Vec<_> = sets.into_iter().map(|(lines, only)| (with(&lines), lines, only)).collect();
        for (headers, lines, only) in sets {
            let described: Vec<_> = lines.iter().map(|line| line.escape_ascii().to_string()).collect();
            self.push(described.join(" | "), only, |request| request.headers = headers);
        }
    }
}
