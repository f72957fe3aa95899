//! What a lenient old server would make of a request: the judge of what the upstream received.
//!
//! Every reading is a guess at a real server. CGI and WSGI fold names (`X_Role`, `x-role`) and join lines with a comma,
//! Tomcat drops `;x` from each segment, IIS takes `\` for `/`, others decode twice, cut at a NUL, or read overlong
//! UTF-8. A request is the forbidden thing if any of these readings is.

use sallyport_tests::echo::Received;

use super::data::{Forbidden, Values};

/// What of the forbidden the upstream received, if it did.
pub fn forbidden<'f>(received: &Received, forbidden: &'f [Forbidden]) -> Option<&'f Forbidden> {
    forbidden.iter().find(|one| is(received, one))
}

fn is(received: &Received, forbidden: &Forbidden) -> bool {
    let mut words = received.line.split(' ');
    let method = words.next().unwrap_or_default();
    let target = received.line.strip_prefix(method).unwrap_or_default().trim_start();
    let target = target.rsplit_once(" HTTP/").map_or(target, |(target, _)| target).as_bytes();
    let path = |values: &Values| {
        let readings = paths(target);
        let canonical = readings.iter().map(|reading| resolved(reading)).collect::<Vec<_>>();
        let all: Vec<_> = readings.into_iter().chain(canonical.iter().cloned()).collect();
        values.values.iter().any(|value| all.iter().any(|path| matches(path, value)))
            || (!values.other.is_empty() && canonical.iter().skip(1).any(|path| !one_of(path, &values.other)))
    };
    let named = |values: &Values, (found, joined): (Vec<Vec<u8>>, Option<Vec<u8>>)| {
        (values.missing && found.is_empty())
            || found.iter().chain(&joined).any(|value| one_of(value, &values.values))
            // Twice the same is still that.
            || (!values.other.is_empty() && found.iter().any(|value| !one_of(value, &values.other)))
    };
    forbidden.path.as_ref().is_none_or(path)
        && forbidden
            .method
            .as_ref()
            .is_none_or(|values| one_of(method.trim().to_ascii_uppercase().as_bytes(), &values.values))
        && forbidden.query.as_ref().is_none_or(|values| named(values, (parameters(target, &values.name), None)))
        && forbidden.header.as_ref().is_none_or(|values| named(values, header(received, values)))
}

fn one_of(value: &[u8], wanted: &[String]) -> bool {
    wanted.iter().any(|wanted| matches(value, wanted))
}

fn matches(value: &[u8], wanted: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(prefix) => value.starts_with(prefix.as_bytes()),
        None => value == wanted.as_bytes(),
    }
}

/// The path as it is, decoded once, and decoded twice.
fn paths(target: &[u8]) -> Vec<Vec<u8>> {
    let target = match find(target, b"://") {
        Some(scheme) if !target.starts_with(b"/") => {
            let rest = &target[scheme + 3..];
            &rest[rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len())..]
        }
        _ => target,
    };
    let end = target.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(target.len());
    let raw = target[..end].to_vec();
    let once = decode(&raw, false);
    let twice = decode(&once, false);
    vec![raw, once, twice]
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|window| window == word)
}

/// Without parameters, empty and dot segments, and whatever else lenient servers do not see.
fn resolved(path: &[u8]) -> Vec<u8> {
    let mut text = path.to_vec();
    for (overlong, plain) in [(&b"\xc0\xae"[..], b'.'), (b"\xc0\xaf", b'/'), (b"\xc1\x9c", b'\\')] {
        while let Some(at) = find(&text, overlong) {
            text.splice(at..at + overlong.len(), [plain]);
        }
    }
    // Decoded before the query is split off, as some do.
    let end = text.iter().position(|byte| matches!(byte, 0 | b'?' | b'#')).unwrap_or(text.len());
    text.truncate(end);
    text.retain(|byte| !byte.is_ascii_control());
    let mut kept: Vec<&[u8]> = Vec::new();
    for segment in text.split(|byte| matches!(byte, b'/' | b'\\')) {
        match segment.split(|byte| *byte == b';').next().unwrap_or_default() {
            b"" | b"." => {}
            b".." => drop(kept.pop()),
            name => kept.push(name),
        }
    }
    let mut resolved = vec![b'/'];
    resolved.extend(kept.join(&b'/'));
    if resolved.len() > 1 && text.ends_with(b"/") {
        resolved.push(b'/');
    }
    resolved
}

fn decode(text: &[u8], plus: bool) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(value) if byte == b'%' => {
                decoded.push(value);
                rest = &behind[2..];
            }
            _ if byte == b'+' && plus => decoded.push(b' '),
            _ => decoded.push(byte),
        }
    }
    decoded
}

/// The values of a query parameter, to servers that know `;`, PHP's arrays, and C's ends of strings.
fn parameters(target: &[u8], name: &str) -> Vec<Vec<u8>> {
    let Some(question) = target.iter().position(|byte| *byte == b'?') else { return Vec::new() };
    let mut found = Vec::new();
    for separators in [&b"&"[..], b"&;"] {
        for pair in target[question + 1..].split(|byte| separators.contains(byte)) {
            let middle = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let key = decode(&pair[..middle], true);
            let end = key.iter().position(|byte| matches!(byte, 0 | b'[')).unwrap_or(key.len());
            let spaces = key.iter().take_while(|byte| **byte == b' ').count();
            if key.get(spaces..end) == Some(name.as_bytes()) {
                found.push(decode(pair.get(middle + 1..).unwrap_or_default(), true));
            }
        }
    }
    found
}

/// A name as CGI and WSGI write it, but for `HTTP_`.
pub fn folded(name: &str) -> String {
    name.trim().to_ascii_uppercase().replace('-', "_")
}

/// The readings of a header, trailers included: each line and each element of a list; and all lines joined.
fn header(received: &Received, values: &Values) -> (Vec<Vec<u8>>, Option<Vec<u8>>) {
    let all = received.headers.iter().chain(&received.trailers);
    let lines: Vec<_> =
        all.filter(|(name, _)| folded(name) == folded(&values.name)).map(|(_, value)| value.trim_ascii()).collect();
    let mut readings: Vec<Vec<u8>> = lines.iter().map(|line| line.to_vec()).collect();
    if !values.whole {
        let elements = lines.iter().flat_map(|line| line.split(|byte| *byte == b','));
        readings.extend(elements.map(|element| element.trim_ascii().to_vec()));
    }
    // Empty elements of a list say nothing (RFC 9110, 5.6.1); a header that is empty does.
    if readings.iter().any(|reading| !reading.is_empty()) {
        readings.retain(|reading| !reading.is_empty());
    }
    (readings, (lines.len() > 1).then(|| lines.join(&b',')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(line: &str, headers: &[(&str, &str)]) -> Received {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
        Received { line: line.to_owned(), headers, ..Received::default() }
    }

    fn read(text: &str) -> Vec<Forbidden> {
        serde_json::from_value(super::super::yaml::read(text).unwrap()).unwrap()
    }

    #[test]
    fn paths_of_lenient_servers() {
        let private = read("[{path: {values: ['/private*']}}]");
        for path in [
            "/private",
            "/privately",
            "//private",
            "/a/../private",
            "/a/..;x/private",
            "/%70rivate",
            "/%2570rivate",
            "/;x/private?y",
            "\\private",
            "/a/%c0%ae%c0%ae/private",
            "http://host/private",
            "/private%00x",
        ] {
            assert!(forbidden(&received(&format!("GET {path} HTTP/1.1"), &[]), &private).is_some(), "{path}");
        }
        for path in ["/a/private", "/get?x=/private", "/get#/private", "/priv", "/"] {
            assert!(forbidden(&received(&format!("GET {path} HTTP/1.1"), &[]), &private).is_none(), "{path}");
        }
    }

    #[test]
    fn headers_and_parameters_of_lenient_servers() {
        let role = read("[{header: {name: x-role, values: [admin]}}, {query: {name: role, values: [admin]}}]");
        for (name, value) in [("X_Role", "admin"), ("x-role", "a , admin"), ("x-role", "\tadmin ")] {
            assert!(forbidden(&received("GET / HTTP/1.1", &[(name, value)]), &role).is_some(), "{name}: {value}");
        }
        assert!(
            forbidden(&received("GET / HTTP/1.1", &[("x-role", "administrator"), ("role", "admin")]), &role).is_none()
        );
        for query in ["role=admin", "a;role=admin", "role[]=%61dmin", "+role=admin", "role%00x=admin"] {
            assert!(forbidden(&received(&format!("GET /?{query} HTTP/1.1"), &[]), &role).is_some(), "{query}");
        }
        assert!(forbidden(&received("GET /?roles=admin&x=role HTTP/1.1", &[]), &role).is_none());
        let other = read("[{header: {name: x-role, other: [reader], missing: true}}]");
        assert!(forbidden(&received("GET / HTTP/1.1", &[]), &other).is_some());
        assert!(forbidden(&received("GET / HTTP/1.1", &[("x-role", "reader")]), &other).is_none());
        assert!(forbidden(&received("GET / HTTP/1.1", &[("x-role", "reader, x")]), &other).is_some());
    }
}
