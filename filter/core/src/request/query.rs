//! Query parameters: `&` between them, the first `=` inside, percent-decoded, `+` for a space.
//!
//! This is the reading of the WHATWG URL standard's form parser. An escape that is none stays as it is.

use std::borrow::Cow;

use super::path::escape;

/// The decoded values of one parameter, in order.
pub fn values<'q>(query: Option<&'q [u8]>, name: &'q [u8]) -> impl Iterator<Item = Cow<'q, [u8]>> {
    query.into_iter().flat_map(|query| query.split(|byte| *byte == b'&')).filter(|pair| !pair.is_empty()).filter_map(
        move |pair| {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let key = halves.next().unwrap_or(pair);
            let value = halves.next().unwrap_or(b"");
            (*decode(key) == *name).then(|| decode(value))
        },
    )
}

fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'+' => decoded.push(b' '),
            b'%' => match escape(tail) {
                Some((value, behind)) => {
                    decoded.push(value);
                    rest = behind;
                }
                None => decoded.push(byte),
            },
            byte => decoded.push(byte),
        }
    }
    Cow::Owned(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters() {
        let query = b"a=1&b=x%20y+z&a=&%61=2&c&&=3&bad=%zz";
        let read = |name: &str| -> Vec<String> {
            values(Some(query), name.as_bytes()).map(|v| String::from_utf8(v.into_owned()).unwrap()).collect()
        };
        assert_eq!(read("a"), ["1", "", "2"]);
        assert_eq!(read("b"), ["x y z"]);
        assert_eq!(read("c"), [""]);
        assert_eq!(read(""), ["3"]);
        assert_eq!(read("bad"), ["%zz"]);
        assert_eq!(read("none"), [""; 0]);
        assert_eq!(values(None, b"a").count(), 0);
    }
}
