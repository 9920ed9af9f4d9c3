//! Base64 that goes on where a strict decoder gives up.
//!
//! Mail arrives damaged: a gateway wraps lines anew or puts a footer inside, an old one drops a line, a forwarding person
//! deletes a character. mail-parser then returns the undecoded text. These decoders skip what is not base64 and leave the
//! judgement to the checksums inside the report, which name what was lost.

/// Decodes `text` as one run of base64, skipping every byte outside the alphabet. Right where lines were wrapped anew.
pub(super) fn continuous(text: &[u8]) -> Vec<u8> {
    let mut run = Run::with_room_for(text.len());
    text.iter().for_each(|byte| run.push(*byte));
    run.finish()
}

/// Decodes each line of `text` for itself, skipping every byte outside the alphabet. Mailers end lines where a group of
/// four ends, so a line that lost or won a character does not shift those after it.
pub(super) fn by_line(text: &[u8]) -> Vec<u8> {
    let mut run = Run::with_room_for(text.len());
    for line in text.split(|byte| *byte == b'\n') {
        line.iter().for_each(|byte| run.push(*byte));
        run.flush();
    }
    run.finish()
}

struct Run {
    bits: u32,
    digits: u8,
    out: Vec<u8>,
}

impl Run {
    fn with_room_for(text: usize) -> Run {
        Run { bits: 0, digits: 0, out: Vec::with_capacity(text / 4 * 3 + 3) }
    }

    fn push(&mut self, byte: u8) {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            // Padding ends a group, also inside the text: some mailers encode piece by piece.
            b'=' => return self.flush(),
            _ => return,
        };
        self.bits = self.bits << 6 | u32::from(digit);
        self.digits += 1;
        if self.digits == 4 {
            self.out.extend_from_slice(&self.bits.to_be_bytes()[1..]);
            self.digits = 0;
        }
    }

    /// Writes the whole bytes of an unfinished group and begins a new one.
    fn flush(&mut self) {
        let aligned = self.bits << (6 * (4 - u32::from(self.digits)) % 24);
        match self.digits {
            2 => self.out.push(aligned.to_be_bytes()[1]),
            3 => self.out.extend_from_slice(&aligned.to_be_bytes()[1..3]),
            _ => {}
        }
        self.digits = 0;
    }

    fn finish(mut self) -> Vec<u8> {
        self.flush();
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_vectors_of_the_standard_decode() {
        for (text, bytes) in
            [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob"), ("Zm9vYmFy", "foobar")]
        {
            assert_eq!(continuous(text.as_bytes()), bytes.as_bytes());
            assert_eq!(by_line(text.as_bytes()), bytes.as_bytes());
        }
    }

    #[test]
    fn junk_between_the_digits_is_skipped() {
        assert_eq!(continuous(b"Zm\x009v!\r\n -- \xffYmFy"), b"foobar");
        assert_eq!(by_line(b"Zm9v\r\n***\r\nYmFy"), b"foobar");
    }

    #[test]
    fn lines_that_end_inside_a_group_need_the_continuous_one() {
        assert_eq!(continuous(b"Zm9vY\nmFy"), b"foobar");
        assert_ne!(by_line(b"Zm9vY\nmFy"), b"foobar");
    }

    #[test]
    fn a_character_lost_in_a_line_damages_that_line_only() {
        assert!(by_line(b"Zm9\nYmFy").ends_with(b"bar"));
        assert!(!continuous(b"Zm9\nYmFy").ends_with(b"bar"));
    }

    proptest! {
        #[test]
        fn no_text_makes_more_than_three_bytes_of_four(text in proptest::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(continuous(&text).len() <= text.len() * 3 / 4 + 3);
            prop_assert!(by_line(&text).len() <= text.len() * 3 / 4 + 3);
        }
    }
}
