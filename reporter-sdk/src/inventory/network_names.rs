//! What may be told of names and addresses in a network.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use super::notes::word;
use crate::redact::{ADDRESS_PLACEHOLDER, GlobalAddr, holds_address, strip_credentials};

/// As many as a resolver file can sensibly hold.
pub(super) fn unique(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for name in names.take(64) {
        if !kept.contains(&name) {
            kept.push(name);
        }
    }
    kept
}

/// A host or domain name; empty for all else. Clouds name machines by their local address (`ip-10-0-0-12.ec2.internal`), and reverse zones
/// hold it backwards (`1.168.192.in-addr.arpa`): such a label is replaced, such a zone left out.
pub(super) fn domain_name(raw: &str) -> String {
    let name = word(raw.trim_end_matches(['.', '\n']));
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if !plain || name.ends_with(".arpa") || name.parse::<IpAddr>().is_ok() {
        return String::new();
    }
    let told = name.split('.').map(|label| if holds_address(label) { ADDRESS_PLACEHOLDER } else { label });
    told.collect::<Vec<_>>().join(".")
}

/// What is told of the proxy that is set, and the address of which is told: the proxy's if it is global; this machine's where no proxy is set. A proxy's name is
/// neither looked up (a dead server would hold us) nor told: it counts as one on the local network.
pub(super) fn proxy_and_address(proxy: Option<&str>, own: impl FnOnce() -> Option<GlobalAddr>) -> (String, String) {
    let (told, address) = match proxy.map(|url| GlobalAddr::parse(host_of(&strip_credentials(url)))) {
        None => ("none", own()),
        Some(Some(address)) => ("internet", Some(address)),
        Some(None) => ("proxy on the local network", None),
    };
    (told.to_owned(), address.map(|address| address.to_string()).unwrap_or_default())
}

fn host_of(url: &str) -> &str {
    let authority =
        url.split_once("://").map_or(url, |(_, rest)| rest).split(['/', '?', '#']).next().unwrap_or_default();
    match authority.split_once(']') {
        Some((bracketed, _)) => bracketed.trim_start_matches('['),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

/// The address that this machine would use towards the Internet, if it is a global one. A datagram socket that is connected sends
/// nothing: the kernel only chooses a route. The target is a documentation address, which is nobody's.
pub(super) fn own_address() -> Option<GlobalAddr> {
    let towards = |local: &str, target: &str| {
        let target: SocketAddr = target.parse().ok()?;
        let socket = UdpSocket::bind(local).ok()?;
        socket.connect(target).ok()?;
        GlobalAddr::new(socket.local_addr().ok()?.ip())
    };
    towards("0.0.0.0:0", "192.0.2.1:9").or_else(|| towards("[::]:0", "[2001:db8::1]:9"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_hold_local_addresses_are_replaced() {
        for (raw, name) in [
            ("pc-17\n", "pc-17"),
            ("pc.corp.example.", "pc.corp.example"),
            ("ip-10-0-0-12.ec2.internal", "<address>.ec2.internal"),
            ("host-192-168-1-4-lan", "<address>"),
            ("host-8-8-8-8", "host-8-8-8-8"),
            ("pc-00-11-22-aa-bb-cc", "<address>"),
            ("raspberrypi-b827eb123456", "<address>"),
            ("1.168.192.in-addr.arpa", ""),
            ("192.168.1.4", ""),
            ("::1", ""),
            ("a b", ""),
            ("", ""),
        ] {
            assert_eq!(domain_name(raw), name, "{raw}");
        }
    }

    #[test]
    fn a_proxy_is_told_by_its_global_address_or_not_at_all() {
        let of = |proxy| proxy_and_address(proxy, || GlobalAddr::parse("9.9.9.10"));
        let told = |proxy: &str, address: &str| (proxy.to_owned(), address.to_owned());
        assert_eq!(of(None), told("none", "9.9.9.10"));
        assert_eq!(of(Some("http://anna:secret@9.9.9.9:3128/")), told("internet", "9.9.9.9"));
        assert_eq!(of(Some("http://[2620:fe::fe]:3128")), told("internet", "2620:fe::fe"));
        assert_eq!(of(Some("9.9.9.9:3128")), told("internet", "9.9.9.9"));
        for local in [
            "http://10.0.0.1:3128",
            "http://proxy.corp.example:3128",
            "http://[fd00::1]:1",
            "nonsense",
            "http://anna:9.9.9.9@10.1.1.1",
        ] {
            assert_eq!(of(Some(local)), told("proxy on the local network", ""), "{local}");
        }
    }
}
