//! What a display says of itself, in 128 bytes: its maker and its model are told, its serial number (in numbers at 12, in text under 0xFF) is not.

use super::super::machine;

pub(in crate::inventory) const LENGTH: usize = 128;

/// A descriptor with the model's name.
const NAME: [u8; 5] = [0, 0, 0, 0xfc, 0];

/// `DEL DELL U2720Q`: three letters of the maker, and the model.
pub(in crate::inventory) fn name(edid: &[u8]) -> Option<String> {
    let edid: &[u8; LENGTH] = edid.first_chunk()?;
    let whole = edid.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)) == 0;
    if !whole || !edid.starts_with(&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]) {
        return None;
    }
    let model = edid[54..126].chunks_exact(18).find_map(|descriptor| descriptor.strip_prefix(&NAME)).map(model);
    let name = [maker(u16::from_be_bytes([edid[8], edid[9]])), model];
    let name = name.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    (!name.is_empty()).then(|| machine::name(&name))
}

/// Five bits for a letter, 1 for A.
fn maker(packed: u16) -> Option<String> {
    let letter = |shift: u16| match (packed >> shift & 31) as u8 {
        number @ 1..=26 => Some(char::from(b'A' + number - 1)),
        _ => None,
    };
    [10, 5, 0].into_iter().map(letter).collect()
}

/// Up to 13 characters, ended by a line feed and filled with spaces.
fn model(bytes: &[u8]) -> String {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.iter()
        .filter(|byte| (b' '..=b'~').contains(*byte))
        .map(|byte| char::from(*byte))
        .collect::<String>()
        .trim()
        .into()
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Of a display with serial numbers, in which `CANARY` stands.
    pub(in super::super) fn edid(model: &str) -> Vec<u8> {
        let mut edid = vec![0; LENGTH];
        edid[1..7].fill(0xff);
        // "DEL"
        edid[8..10].copy_from_slice(&0b0_00100_00101_01100_u16.to_be_bytes());
        edid[12..16].copy_from_slice(b"CANA");
        for (at, kind, content) in [(54, 0xff, "CANARY-1234"), (72, 0xfe, "CANARY"), (90, 0xfc, model)] {
            edid[at + 3] = kind;
            edid[at + 5..at + 18].fill(b' ');
            let content = format!("{content}\n");
            let length = content.len().min(13);
            edid[at + 5..][..length].copy_from_slice(&content.as_bytes()[..length]);
        }
        close(&mut edid);
        edid
    }

    fn close(edid: &mut [u8]) {
        let sum = edid[..LENGTH - 1].iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
        edid[LENGTH - 1] = sum.wrapping_neg();
    }

    #[test]
    fn maker_and_model_are_told_and_the_serial_number_is_not() {
        assert_eq!(name(&edid("DELL U2720Q")).unwrap(), "DEL DELL U2720Q");
        assert_eq!(name(&edid("Thirteen long")).unwrap(), "DEL Thirteen long");
        assert_eq!(name(&edid("a\u{1b}[2Jb")).unwrap(), "DEL a[2Jb");
        assert_eq!(name(&edid("")).unwrap(), "DEL");
        let mut longer = edid("DELL U2720Q");
        longer.extend(b"CANARY".repeat(40));
        assert_eq!(name(&longer).unwrap(), "DEL DELL U2720Q");
        let mut damaged = edid("DELL U2720Q");
        damaged[100] ^= 1;
        assert_eq!(name(&damaged), None);
        assert_eq!(name(&[]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(content in proptest::collection::vec(any::<u8>(), LENGTH - 8), cut in 0..=LENGTH) {
            let mut bytes = [&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0], content.as_slice()].concat();
            name(&bytes[..cut]);
            close(&mut bytes);
            if let Some(name) = name(&bytes) {
                prop_assert!(name.len() <= 32 && !name.chars().any(char::is_control));
            }
        }
    }
}
