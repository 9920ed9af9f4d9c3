//! Finds in prose what is no path: credentials in URLs, and addresses of the local network.
//!
//! No search for words: what is replaced has been parsed, as a URL, as an address, as six pairs of digits.

use std::borrow::Cow;
use std::net::Ipv4Addr;
use std::ops::Range;

use super::address::is_local;
use super::{ADDRESS_PLACEHOLDER, strip_credentials};

/// Removes `user:password@` from each URL in the text.
pub(super) fn without_credentials(text: &str) -> Cow<'_, str> {
    replaced(text, |at| {
        let colon = at + text[at..].find("://")?;
        let in_scheme = |b: &u8| b.is_ascii_alphanumeric() || b"+-.".contains(b);
        let start = colon - text.as_bytes()[at..colon].iter().rev().take_while(|b| in_scheme(b)).count();
        // A quote or a space ends a URL in a sentence; one in a password has been escaped by whoever could use it.
        let ends = |c: char| c.is_whitespace() || "\"'<>`".contains(c);
        let end = text[colon..].find(ends).map_or(text.len(), |length| colon + length);
        if start == colon {
            return Some((start..colon + 3, None));
        }
        Some((start..end, Some(strip_credentials(&text[start..end]).into_owned())))
    })
}

/// Replaces each address of the local network and each hardware address.
pub(super) fn without_addresses(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    replaced(text, |at| {
        let of_address = |b: &u8| b.is_ascii_hexdigit() || b":.-".contains(b);
        let start = at + bytes[at..].iter().position(of_address)?;
        let end = bytes[start..].iter().position(|b| !of_address(b)).map_or(bytes.len(), |length| start + length);
        // A letter next to a digit: a word that happens to begin or end with hexadecimal digits. What is joined to it can be an address all the same:
        // `inet addr:10.0.0.1`, `IPv6:fe80::1`, `10.0.0.1-eth0`.
        let in_word =
            |at: usize| bytes.get(at.wrapping_sub(1)..=at).is_some_and(|two| two.iter().all(u8::is_ascii_alphanumeric));
        let is_apart = |b: &u8| !b.is_ascii_alphanumeric();
        if in_word(start) {
            let length = bytes[start..end].iter().position(is_apart).unwrap_or(end - start);
            return Some((start..start + length, None));
        }
        let word = if in_word(end) { bytes[start..end].iter().rev().position(is_apart) } else { Some(0) };
        let run = &text[start..word.map_or(start, |length| end - length)];
        let found = if is_version(&text[..start]) { None } else { address_in(run) };
        Some(match found {
            Some(address) => (start + address.start..start + address.end, Some(ADDRESS_PLACEHOLDER.to_owned())),
            None => (start..end, None),
        })
    })
}

/// `Version=10.0.0.0` of .NET's assemblies, and `version 10.1.2.3`, are no addresses.
fn is_version(before: &str) -> bool {
    let before = before.trim_end_matches(['=', ' ', ':']).as_bytes();
    before.last_chunk().is_some_and(|word: &[u8; 7]| word.eq_ignore_ascii_case(b"version"))
}

/// The first part of a run of digits, colons, points and dashes that is an address which may not be told: between dashes (`10.0.0.1-10.0.0.9`), with a port
/// or without; between colons (`12:10.0.0.1`), which are no part of it.
fn address_in(run: &str) -> Option<Range<usize>> {
    let place = |part: &str| {
        let start = part.as_ptr().addr() - run.as_ptr().addr();
        start..start + part.len()
    };
    let is_address =
        |text: &&str| text.len() <= LONGEST && (text.parse().is_ok_and(is_local) || is_hardware_address(text));
    let spelt = |text| spellings(text).find(is_address);
    let of_dashes = || {
        run.split('-').find_map(|part| {
            let mut between_colons = part.split(':').map(|part| part.trim_matches('.'));
            spelt(part).or_else(|| between_colons.find(is_address))
        })
    };
    spelt(run.trim_matches('-')).or_else(of_dashes).map(place).or_else(|| dashed(run))
}

/// `0000:0000:0000:0000:0000:ffff:192.168.100.100`
const LONGEST: usize = 45;

/// What an address can be without: points at its ends, a colon there, a port.
fn spellings(text: &str) -> impl Iterator<Item = &str> {
    let whole = text.trim_matches('.');
    // Two begin `::1`, and end `fe80::`.
    let after_label = whole.strip_prefix(':').filter(|text| !text.starts_with(':')).unwrap_or(whole);
    let without_colon = after_label.trim_end_matches(['.', ':']);
    let before_port = without_colon.rsplit_once(':').map_or("", |(address, _)| address);
    [whole, after_label, without_colon, before_port].into_iter()
}

/// `00:11:22:aa:bb:cc`, `00-11-22-aa-bb-cc`.
fn is_hardware_address(text: &str) -> bool {
    [':', '-'].into_iter().any(|mark| {
        let pairs: Vec<&str> = text.split(mark).collect();
        pairs.len() == 6 && pairs.iter().all(|pair| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit()))
    })
}

/// `10-0-0-12`, as clouds name machines: `ip-10-0-0-12.ec2.internal`.
fn dashed(run: &str) -> Option<Range<usize>> {
    let is_local = |label: &str| label.replace('-', ".").parse().is_ok_and(|v4: Ipv4Addr| is_local(v4.into()));
    let label = run.split(['.', ':']).map(|label| label.trim_matches('-')).find(|label| is_local(label))?;
    let start = label.as_ptr().addr() - run.as_ptr().addr();
    Some(start..start + label.len())
}

/// Asks `next` what comes at a place or after it, and what is to be there instead, if anything, until it finds nothing more. Linear as long as `next` looks no
/// further than that.
fn replaced<'a>(text: &'a str, next: impl Fn(usize) -> Option<(Range<usize>, Option<String>)>) -> Cow<'a, str> {
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some((found, instead)) = next(at) {
        at = found.end;
        if let Some(instead) = instead.filter(|instead| text[found.clone()] != **instead) {
            out.push_str(&text[copied..found.start]);
            out.push_str(&instead);
            copied = found.end;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_of_the_local_network_are_replaced_in_a_sentence() {
        for (text, told) in [
            ("connect to 192.168.1.5 refused", "connect to <address> refused"),
            ("connect to 192.168.1.5:5432: refused", "connect to <address>:5432: refused"),
            ("(10.0.0.1, 8.8.8.8)", "(<address>, 8.8.8.8)"),
            ("no route to 172.16.3.4.", "no route to <address>."),
            ("http://127.0.0.1:8080/x", "http://<address>:8080/x"),
            ("[fe80::1%eth0]:80", "[<address>%eth0]:80"),
            ("[fd12::7]:443 and [2620:fe::fe]:443", "[<address>]:443 and [2620:fe::fe]:443"),
            ("::ffff:10.1.1.1", "<address>"),
            ("from fe80::211:22ff:fe33:4455:", "from <address>:"),
            ("card 00:11:22:aa:bb:cc is down", "card <address> is down"),
            ("card 00-11-22-AA-BB-CC", "card <address>"),
            ("host 10-0-0-12 in ip-10-0-0-12.ec2.internal", "host <address> in ip-<address>.ec2.internal"),
            ("100.64.1.1 224.0.0.251 ff02::fb", "<address> <address> <address>"),
            ("inet addr:192.168.1.5  Mask:255.255.255.0", "inet addr:<address>  Mask:255.255.255.0"),
            ("peer_id:10.0.0.1 HWaddr:00:11:22:aa:bb:cc", "peer_id:<address> HWaddr:<address>"),
            ("[IPv6:fe80::1] and id:fe80::1:", "[IPv6:<address>] and id:<address>:"),
            ("line 12:10.0.0.1", "line 12:<address>"),
            ("10.0.0.1-10.0.0.9, fe80::1-fe80::9", "<address>-<address>, <address>-<address>"),
            ("10.0.0.1:80:10.0.0.2:81", "<address>:80:<address>:81"),
            ("10.0.0.1-eth0 and 10.0.0.1:8080ms", "<address>-eth0 and <address>:8080ms"),
            ("fe80:0:0:0:0:0:0:0:10.0.0.1", "<address>:<address>"),
        ] {
            assert_eq!(without_addresses(text), told, "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_an_address_stays() {
        for text in [
            "at 12:34:56",
            "std::vec and a::b and add::bad",
            "Foo, Version=10.0.0.0, Culture=neutral",
            "version 10.1.2.3",
            "v10.0.0.1",
            "0.1.2.3 and 4.0.0.0 and 10.0.19041.1",
            "10.0.0",
            "offset 0x10",
            "sha 0011-22aa",
            "2026-11-26",
            "10.0.0.1.2",
            "beef::cafe",
            ":: . - :",
            "",
        ] {
            assert!(matches!(without_addresses(text), Cow::Borrowed(_)), "{text} became {}", without_addresses(text));
        }
    }

    #[test]
    fn credentials_go_from_urls_in_a_sentence() {
        for (text, told) in [
            ("cannot get http://anna:secret@host/x: refused", "cannot get http://host/x: refused"),
            ("'ftp://a:b@c' and \"https://d:e@f/g\"", "'ftp://c' and \"https://f/g\""),
            ("postgres://u:p@ss@db.example/x failed", "postgres://db.example/x failed"),
            ("http://host/x", "http://host/x"),
            ("mail anna@example.com", "mail anna@example.com"),
            ("://@ :// x", "://@ :// x"),
        ] {
            assert_eq!(without_credentials(text), told, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_local_address_survives(before in "[ (=,@/]{0,2}", after in "[ ),;/]{0,2}", bits in 0u32..1 << 24, port in proptest::option::of(1u16..)) {
            let address = Ipv4Addr::from(0x0a00_0000 | bits).to_string();
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            let text = format!("to{before}{address}{port}{after}");
            let in_word = before.is_empty();
            prop_assert_eq!(without_addresses(&text).contains(&address), in_word, "{}", text);
        }

        #[test]
        fn any_text_is_taken_and_a_second_time_changes_nothing(text in ".*|[0-9a-f:.@/-]{0,60}") {
            let once = without_addresses(&text).into_owned();
            prop_assert_eq!(without_addresses(&once), once.as_str());
            let once = without_credentials(&text).into_owned();
            prop_assert_eq!(without_credentials(&once), once.as_str());
        }
    }
}
