//! Addresses of the local network inside names that people and programs give to things: hosts, printers.

use std::net::{IpAddr, Ipv4Addr};

use super::{ADDRESS_PLACEHOLDER, GlobalAddr};

const SEPARATORS: [char; 4] = ['-', '_', '.', ':'];

/// Whether four numbers in a row of a label (`ip-10-0-0-12`) are an address that may not be told, or a hardware address stands in it.
pub(crate) fn holds_address(label: &str) -> bool {
    holds_local_v4(label) || holds_hardware_address(label)
}

/// Replaces each word of `text` that is, or holds, an address that may not be told.
///
/// Situation: what adds a printer by itself names it after where it found it. Examples: `HP_192_168_1_5`, `Brother (AABBCCDDEEFF)`,
/// `Canon @ fe80::1`.
pub(crate) fn addresses(text: &str) -> String {
    let of_word = |c: char| c.is_alphanumeric() || SEPARATORS.contains(&c);
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.find(|c| !of_word(c)).unwrap_or(rest.len()));
        let address = word.trim_matches(SEPARATORS).parse().or_else(|_| word.parse::<IpAddr>());
        let local = address.is_ok_and(|address| GlobalAddr::new(address).is_none());
        kept.push_str(if local || holds_address(word) { ADDRESS_PLACEHOLDER } else { word });
        let (between, next) = after.split_at(after.find(of_word).unwrap_or(after.len()));
        kept.push_str(between);
        rest = next;
    }
    kept
}

/// Letters may stand before the first number and after the last: `HP192.168.1.5`.
fn holds_local_v4(label: &str) -> bool {
    let parts: Vec<&str> = label.split(SEPARATORS).collect();
    let not_digit = |c: char| !c.is_ascii_digit();
    let ending = |part: &str| part.rsplit(not_digit).next().and_then(|digits| digits.parse().ok());
    let beginning = |part: &str| part.split(not_digit).next().and_then(|digits| digits.parse().ok());
    let addresses = parts.windows(4).filter_map(|four| {
        Some(Ipv4Addr::new(ending(four[0])?, four[1].parse().ok()?, four[2].parse().ok()?, beginning(four[3])?))
    });
    addresses.map(IpAddr::V4).any(|address| GlobalAddr::new(address).is_none())
}

/// Six pairs of hexadecimal digits, apart or, as most network names of printers end, together: `BRN001BA9123456`.
fn holds_hardware_address(label: &str) -> bool {
    let hexadecimal = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_hexdigit);
    let parts: Vec<&[u8]> = label.split(SEPARATORS).map(str::as_bytes).collect();
    let pairs = parts.windows(6).any(|six| {
        let ends = six[0].last_chunk::<2>().is_some_and(|pair| hexadecimal(pair));
        let begins = six[5].first_chunk::<2>().is_some_and(|pair| hexadecimal(pair));
        ends && begins && six[1..5].iter().all(|part| part.len() == 2 && hexadecimal(part))
    });
    let solid = label.split(|c: char| !c.is_ascii_hexdigit()).any(|digits| digits.len() >= 12);
    pairs || solid
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_hold_local_addresses_lose_them() {
        for (name, told) in [
            ("HP LaserJet 400", "HP LaserJet 400"),
            ("HP_192_168_1_5", ADDRESS_PLACEHOLDER),
            ("HP192.168.1.5b", ADDRESS_PLACEHOLDER),
            ("HP (AABBCCDDEEFF)", "HP (<address>)"),
            ("HP [aa:bb:cc:dd:ee:ff]", "HP [<address>]"),
            ("BRN001BA9123456", ADDRESS_PLACEHOLDER),
            ("Büro-00-11-22-aa-bb-cc", ADDRESS_PLACEHOLDER),
            ("Canon @ fe80::1%eth0", "Canon @ <address>%eth0"),
            ("Canon at 10.1.2.3.", "Canon at <address>"),
            ("Canon ::1", "Canon <address>"),
            ("Canon 8.8.8.8", "Canon 8.8.8.8"),
            ("Étage 2, n° 4", "Étage 2, n° 4"),
            ("hpcups 3.22.10, requires proprietary plugin", "hpcups 3.22.10, requires proprietary plugin"),
            ("", ""),
        ] {
            assert_eq!(addresses(name), told, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken_and_nothing_else_is_changed(text: String) {
            let told = addresses(&text);
            prop_assert!(told == text || told.contains(ADDRESS_PLACEHOLDER));
            prop_assert_eq!(addresses(&told), told);
        }

        #[test]
        fn a_local_address_is_found_in_any_name(
            before in "[A-Z a-z]{0,8}[ _-]",
            [a, b, c] in any::<[u8; 3]>(),
            separator in "[-_.]",
            after in "[ _-]?",
        ) {
            let address = [192, 168, a, b].map(|part| part.to_string()).join(&separator);
            let told = addresses(&[&before, &*address, &after].concat());
            prop_assert!(!told.contains(&address), "{}", told);
            let hardware = [0x02, a, b, c, b, a].map(|part| format!("{part:02X}"));
            for address in [hardware.join(":"), hardware.join(&separator), hardware.concat()] {
                let told = addresses(&[&before, &*address, &after].concat());
                prop_assert!(!told.contains(&address), "{}", told);
            }
        }
    }
}
