//! Names of host, domain and servers; addresses only as [`GlobalAddr`]; of a proxy whether there is one and where, never its name.

use report_format::schema::v1::Network;

use super::machine::{Machine, Notes, setting};
use crate::inventory::network_names::{domain_name, proxy_and_address, unique};
use crate::redact::GlobalAddr;

const HOST: &str = "/proc/sys/kernel/hostname";
const RESOLVER: &str = "/etc/resolv.conf";

/// Behind systemd's stub (`nameserver 127.0.0.53`) the servers stand here.
const RESOLVER_BEHIND_STUB: &str = "/run/systemd/resolve/resolv.conf";

pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> Network {
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

    let (proxy, public_address) = proxy_and_address(proxy(machine, notes).as_deref(), || machine.address());
    Network {
        host_name: host_name.to_owned(),
        domain: domain.or_else(|| values("domain").map(domain_name).next()).unwrap_or_default(),
        dns_suffixes: unique(suffixes),
        dns_servers: unique(servers),
        public_address,
        proxy,
        sources: Vec::new(),
    }
}

/// `1.1.1.1#cloudflare-dns.com` of resolved.conf: the name, else the address where it is a global one.
fn dns_server(entry: &str) -> Option<String> {
    match entry.split_once('#') {
        Some((_, name)) => Some(domain_name(name)).filter(|name| !name.is_empty()),
        None => GlobalAddr::parse(entry).map(|address| address.to_string()),
    }
}

/// As a URL, or its host and port.
fn proxy(machine: &Machine, notes: &mut Notes) -> Option<String> {
    const NAMES: [&str; 6] = ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
    let own = NAMES.iter().find_map(|name| machine.variable(name));
    let of_system = || {
        let file = machine.read_if_there("/etc/environment", notes)?;
        NAMES.iter().find_map(|name| setting(&file, name)).map(str::to_owned)
    };
    own.or_else(of_system)
}
