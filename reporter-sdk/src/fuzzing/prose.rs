//! Texts with addresses in them.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::redact;

/// What stands around addresses and names, and what makes an address of a part of something else.
const BETWEEN: [&str; 32] = [
    " ",
    ",",
    "(",
    ")",
    "[",
    "]",
    "'",
    "\"",
    "=",
    "/",
    "\\",
    ":",
    "://",
    "http://",
    "@",
    "%eth0",
    ":8080",
    ".",
    "-",
    "\n",
    "<",
    ">",
    "/home/",
    "C:\\Users\\",
    "version ",
    "file://",
    "é",
    "a",
    "<address>",
    "<user>",
    "/net/",
    "\\\\",
];

/// Text and addresses in turns, as the input says: what is left has none of them, and a second time changes nothing more.
pub fn prose(input: &[u8]) {
    let Built { text, addresses } = Built::of(input);
    let told = redact::prose(&text);
    assert_eq!(redact::prose(&told), told, "of {text:?}");
    assert!(told.len() <= 4 * text.len(), "{told:?} of {text:?}");
    for address in &addresses {
        assert!(!stands_in(&told, address), "{address:?} in {told:?} of {text:?}");
    }
    let path = redact::file_path(&text);
    assert_eq!(redact::file_path(&path), path, "of {text:?}");
    for address in addresses.iter().filter_map(Planted::in_a_path) {
        assert!(!path.split(['/', '\\']).any(|component| component == address), "{path:?} of {text:?}");
    }
}

#[derive(Debug)]
enum Planted {
    V4(String),
    V6(String),
    /// Of a network card.
    Card(String),
}

impl Planted {
    fn in_a_path(&self) -> Option<&str> {
        match self {
            Planted::V4(address) | Planted::V6(address) => Some(address),
            Planted::Card(_) => None,
        }
    }
}

#[derive(Debug, Default)]
struct Built {
    text: String,
    addresses: Vec<Planted>,
}

impl Built {
    fn of(mut input: &[u8]) -> Built {
        let mut built = Built::default();
        while let Some(kind) = input.split_off_first() {
            built.next(*kind, &mut input);
        }
        built
    }

    fn next(&mut self, kind: u8, input: &mut &[u8]) {
        let mut byte = || input.split_off_first().copied().unwrap_or_default();
        let card = |byte: &mut dyn FnMut() -> u8, mark: &str| {
            let pairs = [(); 6].map(|()| format!("{:02x}", byte()));
            Planted::Card(pairs.join(mark))
        };
        let planted = match kind % 8 {
            0 => {
                let length = usize::from(byte()).min(input.len());
                let bytes = input.split_off(..length).unwrap_or_default();
                return self.text.push_str(&String::from_utf8_lossy(bytes));
            }
            1 | 2 => return self.text.push_str(BETWEEN[usize::from(byte()) % BETWEEN.len()]),
            3 | 4 => Planted::V4(local_v4(byte).to_string()),
            5 => Planted::V6(local_v6(byte).to_string()),
            6 => card(&mut byte, ":"),
            _ => card(&mut byte, "-"),
        };
        let (Planted::V4(address) | Planted::V6(address) | Planted::Card(address)) = &planted;
        self.text.push_str(address);
        self.addresses.push(planted);
    }
}

fn local_v4(mut byte: impl FnMut() -> u8) -> Ipv4Addr {
    let [kind, a, b, c] = [(); 4].map(|()| byte());
    match kind % 6 {
        0 => [10, a, b, c],
        1 => [192, 168, b, c],
        2 => [172, 16 | a & 15, b, c],
        3 => [100, 64 | a & 63, b, c],
        4 => [169, 254, b, c],
        _ => [127, a, b, c],
    }
    .into()
}

fn local_v6(mut byte: impl FnMut() -> u8) -> Ipv6Addr {
    let kind = byte();
    let v4 = local_v4(&mut byte);
    let [hi, lo] = [[v4.octets()[0], v4.octets()[1]], [v4.octets()[2], v4.octets()[3]]].map(u16::from_be_bytes);
    match kind % 6 {
        0 => Ipv6Addr::new(0xfe80, 0, 0, 0, hi, lo, 0, 1),
        1 => Ipv6Addr::new(0xfd00 | lo & 0xff, hi, lo, 0, 0, 0, 0, hi),
        2 => Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, lo),
        3 => v4.to_ipv6_mapped(),
        4 => Ipv6Addr::new(0x2002, hi, lo, 0, 0, 0, 0, 1),
        _ => Ipv6Addr::LOCALHOST,
    }
}

/// Whether the address stands in the text, and as itself: not as a part of a word, of a number with more parts, or of a version.
fn stands_in(text: &str, address: &Planted) -> bool {
    let (Planted::V4(written) | Planted::V6(written) | Planted::Card(written)) = address;
    // What can stand next to such an address and make another thing of it.
    let part = |c: char| match address {
        Planted::V4(_) => c.is_ascii_alphanumeric(),
        Planted::V6(_) => c.is_ascii_alphanumeric() || c == ':',
        Planted::Card(_) => c.is_ascii_alphanumeric() || c == ':' || c == '-',
    };
    text.match_indices(written).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + written.len()..]);
        let free = !before.trim_end_matches('.').ends_with(part) && !after.trim_start_matches('.').starts_with(part);
        free && !is_version(before)
    })
}

/// `Version=10.0.0.0`, `version 1:10.0.0.0`.
fn is_version(before: &str) -> bool {
    let of_address = |c: char| c.is_ascii_hexdigit() || ":.-".contains(c);
    let before = before.trim_end_matches(of_address).trim_end_matches(['=', ' ', ':']);
    before.to_ascii_lowercase().ends_with("version")
}
