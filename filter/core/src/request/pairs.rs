//! The byte form in which a proxy-wasm host hands over a header map, and takes one.
//!
//! Shape (proxy-wasm ABI 0.2.1): `u32` count, then for each pair `u32` name length and `u32` value length, then for
//! each pair the name, a NUL, the value, a NUL; all numbers little-endian. Read here rather than by the SDK, which
//! decodes names as UTF-8 and panics on others.

use alloc::vec::Vec;

/// A name and a value.
pub type Pair<'a> = (&'a [u8], &'a [u8]);

/// Reads a map; `None` when the bytes are not one.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<Vec<Pair<'_>>> {
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    let (count, rest) = split_u32(bytes)?;
    let (mut lengths, mut texts) = rest.split_at_checked(count.checked_mul(8)?)?;
    let mut pairs = Vec::with_capacity(count);
    for _ in 0..count {
        let (name_length, behind) = split_u32(lengths)?;
        let (value_length, behind) = split_u32(behind)?;
        lengths = behind;
        let (name, behind) = split_text(texts, name_length)?;
        let (value, behind) = split_text(behind, value_length)?;
        texts = behind;
        pairs.push((name, value));
    }
    Some(pairs)
}

/// The first value of a name.
#[must_use]
pub fn first<'a>(pairs: &[Pair<'a>], name: &[u8]) -> Option<&'a [u8]> {
    pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
}

// The module is compiled for size, and these would be calls then: two for each header of each request.
#[inline(always)]
fn split_u32(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}

#[inline(always)]
fn split_text(bytes: &[u8], length: usize) -> Option<(&[u8], &[u8])> {
    let (text, rest) = bytes.split_at_checked(length)?;
    let (0, rest) = rest.split_first()? else { return None };
    Some((text, rest))
}

/// Writes a map; `None` when a length does not fit the form.
#[must_use]
pub fn serialize(pairs: &[Pair<'_>]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&u32::try_from(pairs.len()).ok()?.to_le_bytes());
    for (name, value) in pairs {
        bytes.extend_from_slice(&u32::try_from(name.len()).ok()?.to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(value.len()).ok()?.to_le_bytes());
    }
    for (name, value) in pairs {
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend_from_slice(value);
        bytes.push(0);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let pairs: &[Pair<'_>] = &[(b":path", b"/"), (b"x", b""), (b"x", b"\xff\0\xfe")];
        let bytes = serialize(pairs).unwrap();
        assert_eq!(parse(&bytes).unwrap(), pairs);
        assert_eq!(parse(b""), Some(Vec::new()));
    }

    #[test]
    fn what_is_no_map_is_none() {
        let good = serialize(&[(b"name", b"value")]).unwrap();
        for length in 1..good.len() {
            assert_eq!(parse(&good[..length]), None, "{length}");
        }
        assert_eq!(parse(&u32::MAX.to_le_bytes()), None);
    }
}
