//! UTF-8, byte by byte (RFC 3629, 4).

/// Between characters.
pub(super) const START: u32 = 0;

/// Where in a character one more byte leads; `None`: it is not UTF-8.
pub(super) fn step(place: u32, byte: u8) -> Option<u32> {
    let is_tail = matches!(byte, 0x80..=0xbf);
    match place {
        START => match byte {
            0x00..=0x7f => Some(START),
            0xc2..=0xdf => Some(1),
            0xe0 => Some(4),
            0xed => Some(5),
            0xe1..=0xef => Some(2),
            0xf0 => Some(6),
            0xf4 => Some(7),
            0xf1..=0xf3 => Some(3),
            _ => None,
        },
        1..=3 => is_tail.then(|| place.saturating_sub(1)),
        4 => matches!(byte, 0xa0..=0xbf).then_some(1),
        5 => matches!(byte, 0x80..=0x9f).then_some(1),
        6 => matches!(byte, 0x90..=0xbf).then_some(2),
        7 => matches!(byte, 0x80..=0x8f).then_some(2),
        _ => None,
    }
}

/// This bit: it was no UTF-8 before, in a way that no decoder takes for a character of ASCII.
const BROKEN: u32 = 0x10;

/// The same where what is not UTF-8 is tolerated; `None`: a longer form of a character than UTF-8 gives it.
pub(super) fn step_tolerant(place: u32, byte: u8) -> Option<u32> {
    let (flag, place) = (place & BROKEN, place & !BROKEN);
    let is_overlong = matches!((place, byte), (START, 0xc0 | 0xc1) | (4, 0x80..=0x9f) | (6, 0x80..=0x8f));
    if is_overlong {
        return None;
    }
    match step(place, byte) {
        Some(next) => Some(next | flag),
        // What breaks off a character may begin another.
        None => Some(step(START, byte).unwrap_or(START) | BROKEN),
    }
}

/// Whether a text that ends here is not UTF-8.
pub(super) fn is_broken(place: u32) -> bool {
    place != START
}

/// Bytes of one number lead to the same places.
pub(super) fn class(byte: u8) -> u8 {
    match byte {
        0x00..=0x7f => 0,
        0x80..=0x8f => 1,
        0x90..=0x9f => 2,
        0xa0..=0xbf => 3,
        0xc2..=0xdf => 4,
        0xe0 => 5,
        0xed => 6,
        0xe1..=0xef => 7,
        0xf0 => 8,
        0xf4 => 9,
        0xf1..=0xf3 => 10,
        0xc0..=0xc1 | 0xf5..=0xff => 11,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_is_the_standard_librarys_judgement() {
        let bytes = [0x41, 0x80, 0x90, 0xa0, 0xbf, 0xc0, 0xc3, 0xe0, 0xe1, 0xed, 0xf0, 0xf1, 0xf4, 0xff];
        for a in bytes {
            for b in bytes {
                for c in bytes {
                    for d in bytes {
                        let text = [a, b, c, d];
                        let end = text.iter().try_fold(START, |place, byte| step(place, *byte));
                        assert_eq!(end == Some(START), std::str::from_utf8(&text).is_ok(), "{text:x?}");
                    }
                }
            }
        }
    }
}
