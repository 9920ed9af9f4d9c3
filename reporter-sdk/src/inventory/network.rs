//! Names of host, domain and servers; addresses only as [`GlobalAddr`]; of a proxy whether there is one and where, never its name.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use report_format::schema::v1::Network;

use super::machine::{Machine, Notes, setting, word};
use crate::redact::{ADDRESS_PLACEHOLDER, GlobalAddr, holds_address, strip_credentials};

const HOST: &str = "/proc/sys/kernel/hostname";
const RESOLVER: &str = "/etc/resolv.conf";

/// Behind systemd's stub (`nameserver 127.0.0.53`) the servers stand here.
const RESOLVER_BEHIND_STUB: &str = "/run/systemd/resolve/resolv.conf";

pub(super) fn collect(machine: &Machine, notes: &mut Notes) -> Network {
    let host = machine.expect(HOST, notes).unwrap_or_default();
    let host = domain_name(&host);
    let (host_name, own_domain) = host.split_once('.').unwrap_or((&host, ""));
    let resolver = [RESOLVER, RESOLVER_BEHIND_STUB].map(|p| machine.read_if_there(p, notes).unwrap_or_default());
    let lines =
        || resolver.iter().flat_map(|file| file.lines()).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let values = |key| lines().filter(move |line| line.first() == Some(&key)).flat_map(|line| line[1..].to_vec());

    let suffixes = values("search").chain(values("domain")).map(domain_name).filter(|name| !name.is_empty());
    let resolved = machine.read_if_there("/etc/systemd/resolved.conf", notes).unwrap_or_default();
    let named = setting(&resolved, "DNS").unwrap_or_default().split_whitespace();
    let servers = values("nameserver").filter_map(GlobalAddr::parse).map(|address| address.to_string());
    let servers = servers.chain(named.filter_map(dns_server));
    let domain = Some(own_domain.to_owned()).filter(|domain| !domain.is_empty());

    let (proxy, public_address) = match proxy(machine, notes) {
        None => ("none", machine.address()),
        Some(Some(address)) => ("internet", Some(address)),
        Some(None) => ("proxy on the local network", None),
    };
    Network {
        host_name: host_name.to_owned(),
        domain: domain.or_else(|| values("domain").map(domain_name).next()).unwrap_or_default(),
        dns_suffixes: unique(suffixes),
        dns_servers: unique(servers),
        public_address: public_address.map(|address| address.to_string()).unwrap_or_default(),
        proxy: proxy.into(),
        sources: Vec::new(),
    }
}

/// As many as a resolver file can sensibly hold.
fn unique(names: impl Iterator<Item = String>) -> Vec<String> {
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
fn domain_name(raw: &str) -> String {
    let name = word(raw.trim_end_matches(['.', '\n']));
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if !plain || name.ends_with(".arpa") || name.parse::<IpAddr>().is_ok() {
        return String::new();
    }
    let told = name.split('.').map(|label| if holds_address(label) { ADDRESS_PLACEHOLDER } else { label });
    told.collect::<Vec<_>>().join(".")
}

/// `1.1.1.1#cloudflare-dns.com` of resolved.conf: the name, else the address where it is a global one.
fn dns_server(entry: &str) -> Option<String> {
    match entry.split_once('#') {
        Some((_, name)) => Some(domain_name(name)).filter(|name| !name.is_empty()),
        None => GlobalAddr::parse(entry).map(|address| address.to_string()),
    }
}

/// `None` where no proxy is set; of one that is set, its address if it is global. A proxy's name is neither looked up (a dead server would hold
/// us) nor told: it counts as one on the local network.
fn proxy(machine: &Machine, notes: &mut Notes) -> Option<Option<GlobalAddr>> {
    const NAMES: [&str; 6] = ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
    let own = NAMES.iter().find_map(|name| machine.variable(name));
    let of_system = || {
        let file = machine.read_if_there("/etc/environment", notes)?;
        NAMES.iter().find_map(|name| setting(&file, name)).map(str::to_owned)
    };
    let url = own.or_else(of_system)?;
    Some(GlobalAddr::parse(host_of(&strip_credentials(&url))))
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
        let of = |url: &str| {
            let machine = Machine::prepared(std::path::Path::new("/nowhere"), &[("http_proxy", url)], || None);
            proxy(&machine, &mut Notes::default())
        };
        let global = |text| Some(GlobalAddr::parse(text));
        assert_eq!(of(""), None);
        assert_eq!(of("http://anna:secret@9.9.9.9:3128/"), global("9.9.9.9"));
        assert_eq!(of("http://[2620:fe::fe]:3128"), global("2620:fe::fe"));
        assert_eq!(of("9.9.9.9:3128"), global("9.9.9.9"));
        for local in [
            "http://10.0.0.1:3128",
            "http://proxy.corp.example:3128",
            "http://[fd00::1]:1",
            "nonsense",
            "http://anna:9.9.9.9@10.1.1.1",
        ] {
            assert_eq!(of(local), Some(None), "{local}");
        }
    }
}
