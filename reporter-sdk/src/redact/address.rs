//! Which addresses may be told.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address that is routable on the Internet and tells nothing of the local network: the only kind that a report may hold.
///
/// Refused are private, shared (CGNAT), link-local, unique-local, loopback, multicast, documentation, benchmark and reserved
/// ranges; IPv6 forms that carry an IPv4 address of the local network (6to4, Teredo, NAT64, ISATAP); and IPv6 addresses made from the
/// card's hardware address (EUI-64).
///
/// ```
/// use reporter_sdk::redact::GlobalAddr;
///
/// assert!(GlobalAddr::new("192.168.1.4".parse()?).is_none());
/// assert!(GlobalAddr::new("::ffff:10.0.0.1".parse()?).is_none());
/// assert_eq!(GlobalAddr::new("::ffff:9.9.9.9".parse()?).unwrap().to_string(), "9.9.9.9");
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GlobalAddr(IpAddr);

impl GlobalAddr {
    /// `None` where the address is not globally routable, or carries one that is not. An IPv4 address mapped into IPv6 becomes IPv4.
    #[must_use]
    pub fn new(address: IpAddr) -> Option<Self> {
        match address.to_canonical() {
            IpAddr::V4(v4) => v4_is_global(v4),
            IpAddr::V6(v6) => v6_is_global(v6),
        }
        .then(|| Self(address.to_canonical()))
    }

    /// Reads an address as text, with or without brackets. One with a zone (`fe80::1%eth0`) is refused: a zone is of this machine.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        Self::new(bare.parse().ok()?)
    }

    /// The address itself.
    #[must_use]
    pub fn get(self) -> IpAddr {
        self.0
    }
}

impl fmt::Display for GlobalAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The ranges of a local network, which an IPv6 address can carry inside.
fn v4_is_local(v4: Ipv4Addr) -> bool {
    let [a, b, ..] = v4.octets();
    v4.is_private() || v4.is_link_local() || v4.is_loopback() || (a == 100 && b & 0xc0 == 64)
}

/// Whether the address is surely one of a local network, of this machine, or carries one inside: what is to be taken out of prose. Narrower than "not global",
/// for what is in prose may be no address at all (`a::b`, a version).
pub(super) fn is_local(address: IpAddr) -> bool {
    let v6 = match address.to_canonical() {
        IpAddr::V4(v4) => return v4_is_local(v4) || v4.is_multicast(),
        IpAddr::V6(v6) => v6,
    };
    let segments = v6.segments();
    let carried = |hi: u16, lo: u16| {
        let ([a, b], [c, d]) = (hi.to_be_bytes(), lo.to_be_bytes());
        v4_is_local(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 1] => true,
        // Compatible, mapped and translated forms, 6to4.
        [0, 0, 0, 0, 0 | 0xffff, 0 | 0xffff, hi, lo] | [0x64, 0xff9b, .., hi, lo] => carried(hi, lo),
        [0x2002, hi, lo, ..] if carried(hi, lo) => true,
        // Teredo: the client's address, inverted.
        [0x2001, 0, .., hi, lo] if carried(!hi, !lo) => true,
        // Site-local, link-local; unique local; multicast.
        [a, ..] if a & 0xff80 == 0xfe80 || a & 0xfe00 == 0xfc00 || a & 0xff00 == 0xff00 => true,
        [a, ..] => a & 0xe000 == 0x2000 && interface_tells_too_much(v6),
    }
}

/// IANA's special-purpose registry, and all that is not unicast. `Ipv4Addr::is_global` is not stable.
fn v4_is_global(v4: Ipv4Addr) -> bool {
    let special = match v4.octets() {
        // This network; protocol assignments; 6to4 relays, retired.
        [0, ..] | [192, 0, 0, _] | [192, 88, 99, _] => true,
        // Benchmarks.
        [198, b, ..] => b & 0xfe == 18,
        // Reserved, broadcast.
        [a, ..] => a >= 240,
    };
    !(special || v4_is_local(v4) || v4.is_multicast() || v4.is_documentation())
}

/// Only global unicast, 2000::/3, less what is set aside in it; all of the local, mapped and translated ranges lie outside.
fn v6_is_global(v6: Ipv6Addr) -> bool {
    let [a, b, c, ..] = v6.segments();
    let set_aside = match a {
        // Protocol assignments, with Teredo, ORCHID and benchmarks among them; documentation.
        0x2001 => b < 0x200 || b == 0xdb8,
        // 6to4; 6bone, returned.
        0x2002 | 0x3ffe => true,
        // Documentation.
        0x3fff => b < 0x1000,
        // Name servers for the reverse zones of local addresses.
        0x2620 => b == 0x4f && c == 0x8000,
        _ => a & 0xe000 != 0x2000,
    };
    !(set_aside || interface_tells_too_much(v6))
}

/// The low half of an address can hold the hardware address (EUI-64) or a private IPv4 address (ISATAP, NAT64 with a site's own prefix).
fn interface_tells_too_much(v6: Ipv6Addr) -> bool {
    let [_, _, _, _, _, _, _, _, id @ ..] = v6.octets();
    let [a, b, c, d, e, f, g, h] = id;
    let carried = Ipv4Addr::new(e, f, g, h);
    let eui64 = [d, e] == [0xff, 0xfe];
    let isatap = [a & !2, b, c, d] == [0, 0, 0x5e, 0xfe];
    let translated = [a, b, c, d] == [0, 0, 0, 0] && v4_is_local(carried);
    eui64 || isatap || translated
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn local_and_special_addresses_are_refused() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.1.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::10.0.0.1",
            "::ffff:192.168.1.1",
            "::ffff:127.0.0.1",
            "::ffff:0:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::8.8.8.8",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:c0a8:101::1",
            "2002:808:808::1",
            "3fff::1",
            "3ffe::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2a00:1450:4001:80b:0211:22ff:fe33:4455",
            "2a00::5efe:192.168.1.1",
            "2a00::200:5efe:192.168.1.1",
            "2a00:1:2:3::192.168.1.1",
            "2a00:1:2:3::100.64.1.1",
            "4000::1",
        ] {
            assert_eq!(GlobalAddr::parse(text), None, "{text}");
        }
        for text in ["", "fe80::1%eth0", "2a00::1%eth0", "8.8.8", "8.8.8.8:53", "dns.example", "[8.8.8.8"] {
            assert_eq!(GlobalAddr::parse(text), None, "{text}");
        }
    }

    #[test]
    fn internet_addresses_are_taken() {
        for text in [
            "8.8.8.8",
            "9.9.9.9",
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2001:4860:4860::8888",
            "2606:4700:4700::1111",
            "2620:fe::fe",
            "2a00:1450:4001:80b::200e",
        ] {
            assert_eq!(GlobalAddr::parse(text).map(|a| a.to_string()).as_deref(), Some(text));
        }
        assert_eq!(GlobalAddr::parse("[2620:fe::fe]").unwrap().to_string(), "2620:fe::fe");
    }

    #[test]
    fn a_local_address_in_the_low_half_is_found_behind_any_prefix() {
        for text in
            ["2002::10.0.0.1", "2001::10.0.0.1", "2002:808:808::5efe:192.168.1.1", "2001:0:808:808:211:22ff:fe33:4455"]
        {
            assert!(is_local(text.parse().unwrap()), "{text}");
        }
        for text in ["2002:808:808::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"] {
            assert!(!is_local(text.parse().unwrap()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_form_that_embeds_a_local_address_is_refused(local in 0u32..1 << 24, prefix in any::<u32>()) {
            let v4 = Ipv4Addr::from(0x0a00_0000 | local);
            let prefix = prefix & 0x1fff_ffff | 0x2000_0000;
            let [a, b, c, d] = v4.octets();
            let (hi, lo) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let site = [(prefix >> 16) as u16, prefix as u16];
            for v6 in [
                v4.to_ipv6_mapped(),
                Ipv6Addr::new(0, 0, 0, 0, 0, 0, hi, lo),
                Ipv6Addr::new(0x2002, hi, lo, site[0], 0, 0, 0, 1),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, hi, lo),
                Ipv6Addr::new(0x2001, 0, site[0], site[1], 0, 0, !hi, !lo),
                Ipv6Addr::new(site[0], site[1], 0, 0, 0, 0, hi, lo),
                Ipv6Addr::new(site[0], site[1], 0, 0, 0, 0x5efe, hi, lo),
            ] {
                prop_assert_eq!(GlobalAddr::new(IpAddr::V6(v6)), None, "{}", v6);
                prop_assert!(is_local(IpAddr::V6(v6)), "{}", v6);
            }
            prop_assert_eq!(GlobalAddr::new(IpAddr::V4(v4)), None);
        }

        #[test]
        fn what_is_local_is_never_taken(bits in any::<u128>(), v4 in any::<u32>()) {
            for address in [IpAddr::V6(bits.into()), IpAddr::V4(v4.into())] {
                prop_assert!(!(is_local(address) && GlobalAddr::new(address).is_some()), "{}", address);
            }
        }

        #[test]
        fn what_is_taken_is_what_is_written(bits in any::<u128>()) {
            let v6 = Ipv6Addr::from(bits);
            if let Some(global) = GlobalAddr::new(IpAddr::V6(v6)) {
                prop_assert_eq!(global.get(), IpAddr::V6(v6).to_canonical());
            }
        }
    }
}
