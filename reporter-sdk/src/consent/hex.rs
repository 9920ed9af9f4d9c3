//! Bytes for people: as numbers, and as the text that they may be.

use std::fmt;

/// Of a line.
const WIDTH: usize = 16;

/// Writes `bytes` below each other, 16 a line, each line with the number of its first byte before and its text behind; at most the first `most`. A line that is
/// the same as the one above, such as of zeros, is left out, and so are those after it that are, too: a star stands for them.
pub(super) fn dump(bytes: &[u8], most: usize, indent: &str, text: &mut impl fmt::Write) {
    let shown = &bytes[..bytes.len().min(most)];
    let (mut before, mut is_repeated) = (None, false);
    for (number, line) in shown.chunks(WIDTH).enumerate() {
        let is_last = (number + 1) * WIDTH >= shown.len();
        if before == Some(line) && !is_last {
            if !is_repeated {
                let _ = writeln!(text, "{indent}*");
            }
            is_repeated = true;
            continue;
        }
        (before, is_repeated) = (Some(line), false);
        let _ = write!(text, "{indent}{:08x} ", number * WIDTH);
        for place in 0..WIDTH {
            let gap = if place == WIDTH / 2 { " " } else { "" };
            let _ = match line.get(place) {
                Some(byte) => write!(text, "{gap} {byte:02x}"),
                None => write!(text, "{gap}   "),
            };
        }
        let as_text = line.iter().map(|byte| if (b' '..=b'~').contains(byte) { char::from(*byte) } else { '.' });
        let _ = writeln!(text, "  {}", as_text.collect::<String>());
    }
    if shown.len() < bytes.len() {
        let _ = writeln!(text, "{indent}… and {} bytes more, which a saved report holds", bytes.len() - shown.len());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dumped(bytes: &[u8], most: usize) -> String {
        let mut text = String::new();
        dump(bytes, most, "", &mut text);
        text
    }

    #[test]
    fn bytes_are_shown_as_numbers_and_as_text() {
        let text = dumped(b"MDMP\x93\xa7 a password.\x1b[2J", 100);
        assert_eq!(
            text,
            "00000000  4d 44 4d 50 93 a7 20 61  20 70 61 73 73 77 6f 72  MDMP.. a passwor\n\
             00000010  64 2e 1b 5b 32 4a                                 d..[2J\n"
        );
    }

    #[test]
    fn what_repeats_is_shown_once_and_what_is_too_long_is_said_to_be_longer() {
        let text = dumped(&[0; 100], 1000);
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains("\n*\n00000060 "), "{text}");
        let text = dumped(&[7; 1000], 16);
        assert!(text.ends_with("\n… and 984 bytes more, which a saved report holds\n"), "{text}");
    }

    proptest! {
        #[test]
        fn no_byte_is_lost(bytes in prop::collection::vec(0_u8..3, 0..200)) {
            let (mut back, mut is_repeated) = (Vec::<u8>::new(), false);
            for line in dumped(&bytes, usize::MAX).lines() {
                if line == "*" {
                    is_repeated = true;
                    continue;
                }
                let start = usize::from_str_radix(&line[..8], 16).unwrap();
                while is_repeated && back.len() < start {
                    let last = back[back.len() - WIDTH..].to_vec();
                    back.extend(last);
                }
                is_repeated = false;
                back.extend(line[8..59].split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()));
            }
            prop_assert_eq!(back, bytes);
        }
    }
}
