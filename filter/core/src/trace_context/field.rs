//! What all trace headers are read by: one header, hexadecimal digits.

use alloc::string::String;

use crate::request::pairs::Pair;

pub(crate) fn hex<const N: usize>(bytes: &[u8; N]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).map_or('0', |digit| char::from(*digit));
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// A trace id, for formats that know short ones: one of 64 bits is written with 64 bits again.
pub(crate) fn trace_id_digits(trace_id: &[u8; 16]) -> String {
    match trace_id {
        [0, 0, 0, 0, 0, 0, 0, 0, right @ ..] => hex(right),
        whole => hex(whole),
    }
}

/// Bytes of lower-case hexadecimal digits, exactly `N` of them.
pub(crate) fn unhex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let (pairs, rest) = text.as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => character.checked_sub(b'0'),
        b'a'..=b'f' => character.checked_sub(b'a')?.checked_add(10),
        _ => None,
    }
}

/// The only header of this name. Several count as none, because nothing shows which one is meant.
pub(crate) fn only<'a>(headers: &[Pair<'a>], name: &str) -> Option<&'a [u8]> {
    let mut found = headers.iter().filter(|(key, _)| *key == name.as_bytes());
    match (found.next(), found.next()) {
        (Some((_, value)), None) => Some(value.trim_ascii()),
        _ => None,
    }
}
