//! Paths: which are ambiguous, their canonical form, and the patterns over it.

use sallyport_core::Ambiguity;

/// The readings of a path, the canonical one first, and the raw query.
type Read = (Vec<Vec<u8>>, Option<Vec<u8>>);

/// Splits `:path` into the readings of the path, the canonical one first, and the raw query, or says in which way it is ambiguous.
pub fn canonical(raw: &[u8], tolerated: &[Ambiguity]) -> Result<Read, Ambiguity> {
    if raw.first() != Some(&b'/') {
        return Err(Ambiguity::MalformedPath);
    }
    let (path, query) = match raw.iter().position(|byte| *byte == b'?') {
        Some(at) => (&raw[..at], Some(raw[at + 1..].to_vec())),
        None => (raw, None),
    };
    let found = (0..path.len()).filter_map(|at| ambiguity_at(path, at));
    let fragment_in_query = query.iter().flatten().filter_map(|byte| match byte {
        b'#' => Some(Ambiguity::Fragment),
        0..=0x20 | 0x7f => Some(Ambiguity::ControlCharacter),
        _ => None,
    });
    let dots = segments(path).any(|segment| segment == b"." || segment == b"..").then_some(Ambiguity::DotSegment);
    let tolerable = |kind: &Ambiguity| !tolerated.contains(kind);
    let first = { found }.find(tolerable).or_else(|| utf8_defect(&decoded(path), tolerated));
    match first.into_iter().chain(fragment_in_query.chain(dots).filter(tolerable)).next() {
        Some(kind) => Err(kind),
        None => Ok((vec![normal(path), path.to_vec()], query)),
    }
}

/// Every escape taken for its byte.
pub fn decoded(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < path.len() {
        let byte = escape(&path[at..]);
        out.push(byte.unwrap_or(path[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    out
}

/// No UTF-8 is a defect unless tolerated; an overlong form of an ASCII character is one in any case.
fn utf8_defect(bytes: &[u8], tolerated: &[Ambiguity]) -> Option<Ambiguity> {
    let overlong = is_overlong(bytes);
    let wrong = String::from_utf8(bytes.to_vec()).is_err();
    (wrong && (overlong || !tolerated.contains(&Ambiguity::InvalidUtf8))).then_some(Ambiguity::InvalidUtf8)
}

/// Whether some character is written with more bytes than it needs.
pub fn is_overlong(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| match pair[0] {
        0xc0 | 0xc1 => (0x80..0xc0).contains(&pair[1]),
        0xe0 => (0x80..0xa0).contains(&pair[1]),
        0xf0 => (0x80..0x90).contains(&pair[1]),
        _ => false,
    })
}

/// The kind of ambiguity that begins at this byte of the path.
fn ambiguity_at(path: &[u8], at: usize) -> Option<Ambiguity> {
    let rest = &path[at..];
    match rest[0] {
        b'#' => Some(Ambiguity::Fragment),
        b'\\' => Some(Ambiguity::Backslash),
        b';' => Some(Ambiguity::Semicolon),
        0..=0x20 | 0x7f => Some(Ambiguity::ControlCharacter),
        0x80.. => Some(Ambiguity::NonAscii),
        b'/' if at > 0 && path[at - 1] == b'/' => Some(Ambiguity::DoubleSlash),
        b'%' => match escape(rest) {
            None => Some(Ambiguity::InvalidEncoding),
            Some(0) => Some(Ambiguity::EscapedNul),
            Some(b'/' | b'\\') => Some(Ambiguity::EscapedSlash),
            Some(b';') => Some(Ambiguity::Semicolon),
            Some(b'#' | b'?') => Some(Ambiguity::EscapedDelimiter),
            Some(b'%') if hex(rest.get(3)).is_some() && hex(rest.get(4)).is_some() => Some(Ambiguity::DoubleEncoding),
            Some(0x01..=0x1f | 0x7f) => Some(Ambiguity::ControlCharacter),
            Some(_) => None,
        },
        _ => None,
    }
}

/// The segments as the most liberal parser behind us might see them: any kind of slash between, parameters dropped.
fn segments(path: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let text: String = normal(path).into_iter().map(char::from).collect();
    let text = text.replace("%2F", "/").replace("%5C", "/").replace('\\', "/").replace("%3B", ";");
    let segments: Vec<String> =
        text.split('/').map(|segment| segment.split(';').next().unwrap_or_default().to_owned()).collect();
    segments.into_iter().map(String::into_bytes)
}

/// Byte by byte: what may stand plain in a segment stands so, and a tolerated `;`, `#`, backslash or blank as it came; all
/// else is an escape with capital digits.
fn normal(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = path;
    while let Some(first) = rest.first() {
        match escape(rest) {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~!$&'()+,=:@".contains(&byte) => {
                out.push(byte);
                rest = &rest[3..];
            }
            Some(_) => {
                out.extend(rest[..3].to_ascii_uppercase());
                rest = &rest[3..];
            }
            None if !first.is_ascii() || b"\"*<>[]^`{|}".contains(first) => {
                out.extend(format!("%{first:02X}").into_bytes());
                rest = &rest[1..];
            }
            None => {
                out.push(*first);
                rest = &rest[1..];
            }
        }
    }
    out
}

/// The byte that `%XX` stands for, where the text begins with one.
pub fn escape(text: &[u8]) -> Option<u8> {
    match text.first() {
        Some(b'%') => Some(hex(text.get(1))? * 16 + hex(text.get(2))?),
        _ => None,
    }
}

fn hex(digit: Option<&u8>) -> Option<u8> {
    let value = char::from(*digit?).to_digit(16)?;
    u8::try_from(value).ok()
}

/// Whether a pattern of `paths` matches a path.
pub fn pattern_matches(pattern: &str, path: &[u8]) -> bool {
    let pattern = pattern.as_bytes();
    if pattern.contains(&b'{') { template(pattern, path) } else { super::rules::string_matches(pattern, path) }
}

/// `{*}` is one segment, `{**}` anything at all.
fn template(pattern: &[u8], path: &[u8]) -> bool {
    if let Some(rest) = pattern.strip_prefix(b"{**}") {
        return (0..=path.len()).any(|taken| template(rest, &path[taken..]));
    }
    if let Some(rest) = pattern.strip_prefix(b"{*}") {
        let segment = path.split(|byte| *byte == b'/').next().unwrap_or_default();
        return !segment.is_empty() && template(rest, &path[segment.len()..]);
    }
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((expected, pattern)), Some((found, path))) => expected == found && template(pattern, path),
        _ => false,
    }
}
