//! Names of host, domain and servers; addresses only as [`GlobalAddr`]; of a proxy whether there is one and where, never its name.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ptr;

use report_format::schema::v1::Network;
use windows_sys::Win32::Foundation::{
    ERROR_BUFFER_OVERFLOW, ERROR_FILE_NOT_FOUND, ERROR_NO_DATA, ERROR_SUCCESS, GlobalFree,
};
use windows_sys::Win32::NetworkManagement::IpHelper::{
    GAA_FLAG_SKIP_ANYCAST, GAA_FLAG_SKIP_FRIENDLY_NAME, GAA_FLAG_SKIP_MULTICAST, GAA_FLAG_SKIP_UNICAST,
    GetAdaptersAddresses, IP_ADAPTER_ADDRESSES_LH,
};
use windows_sys::Win32::NetworkManagement::NetManagement::{
    NERR_Success, NETSETUP_JOIN_STATUS, NetApiBufferFree, NetGetJoinInformation, NetSetupDomainName,
    NetSetupWorkgroupName,
};
use windows_sys::Win32::Networking::WinHttp::{
    WINHTTP_CURRENT_USER_IE_PROXY_CONFIG, WinHttpGetIEProxyConfigForCurrentUser,
};
use windows_sys::Win32::Networking::WinSock::{
    AF_INET, AF_INET6, AF_UNSPEC, SOCKADDR_IN, SOCKADDR_IN6, SOCKET_ADDRESS,
};
use windows_sys::Win32::System::SystemInformation::{
    COMPUTER_NAME_FORMAT, ComputerNamePhysicalDnsDomain, ComputerNamePhysicalDnsHostname, GetComputerNameExW,
};
use windows_sys::core::PWSTR;

use super::machine::Machine;
use super::registry::View;
use super::wide::{narrow, narrow_at};
use crate::inventory::network_names::{domain_name, proxy_and_address, unique};
use crate::inventory::notes::Notes;
use crate::redact::GlobalAddr;

const TCP_IP: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters";

/// Of adapters, and of the suffixes and servers of each.
const LIMIT: usize = 256;

/// Of what the system tells of all adapters, in bytes.
const ADAPTERS_SIZE: usize = 4 << 20;

pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> Network {
    let host = notes.of("GetComputerNameEx", computer_name(ComputerNamePhysicalDnsHostname)).unwrap_or_default();
    let domain = notes.of("GetComputerNameEx", computer_name(ComputerNamePhysicalDnsDomain)).unwrap_or_default();
    let domain = if domain.is_empty() { joined() } else { domain };
    let adapters = notes.of("GetAdaptersAddresses", Adapters::read()).unwrap_or_default();
    let listed = machine.key(TCP_IP, View::Bits64, notes).and_then(|key| key.text("SearchList")).unwrap_or_default();
    let suffixes = listed.split([',', ' ']).map(str::to_owned).chain(adapters.suffixes).map(|name| domain_name(&name));
    let servers = adapters.servers.into_iter().filter_map(GlobalAddr::new).map(|address| address.to_string());
    let set = notes.of("WinHTTP", proxy()).flatten();
    let (proxy, public_address) = proxy_and_address(set.as_deref(), || machine.address());
    Network {
        host_name: domain_name(&host),
        domain: domain_name(&domain),
        dns_suffixes: unique(suffixes.filter(|name| !name.is_empty())),
        dns_servers: unique(servers),
        public_address,
        proxy,
        sources: Vec::new(),
    }
}

fn computer_name(format: COMPUTER_NAME_FORMAT) -> io::Result<String> {
    let mut name = [0; 256];
    let mut length = name.len() as u32;
    // SAFETY: a place of this length, and one for the length that it then has.
    let told = unsafe { GetComputerNameExW(format, name.as_mut_ptr(), &raw mut length) };
    if told == 0 { Err(io::Error::last_os_error()) } else { Ok(narrow(&name)) }
}

/// The name of the domain or workgroup; empty where it is in none.
fn joined() -> String {
    let (mut name, mut status): (PWSTR, NETSETUP_JOIN_STATUS) = (ptr::null_mut(), 0);
    // SAFETY: this machine, and places for the answer.
    let told = unsafe { NetGetJoinInformation(ptr::null(), &raw mut name, &raw mut status) };
    // SAFETY: a text of the system's, with a zero at its end, or null.
    let joined = unsafe { narrow_at(name) };
    // SAFETY: the system allocated it for us, or it is null.
    unsafe { NetApiBufferFree(name.cast()) };
    let is_name = told == NERR_Success && [NetSetupDomainName, NetSetupWorkgroupName].contains(&status);
    if is_name { joined } else { String::new() }
}

/// What adapters say of the network that they are in; of themselves nothing is asked.
#[derive(Debug, Default)]
struct Adapters {
    suffixes: Vec<String>,
    servers: Vec<IpAddr>,
}

impl Adapters {
    fn read() -> io::Result<Self> {
        let flags =
            GAA_FLAG_SKIP_UNICAST | GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST | GAA_FLAG_SKIP_FRIENDLY_NAME;
        let mut room = vec![0_u64; 4096];
        loop {
            let mut size = size_of_val(&*room) as u32;
            let first: *mut IP_ADAPTER_ADDRESSES_LH = room.as_mut_ptr().cast();
            // SAFETY: a place of this size, aligned for what lies in it, and one for the size that is needed.
            let result =
                unsafe { GetAdaptersAddresses(u32::from(AF_UNSPEC), flags, ptr::null(), first, &raw mut size) };
            match result {
                // SAFETY: the list that was just made begins there, and lies in `room`.
                ERROR_SUCCESS => return Ok(unsafe { Self::of_list(first) }),
                ERROR_NO_DATA => return Ok(Self::default()),
                // Once more each time that it is said to be longer, which ends at the limit.
                ERROR_BUFFER_OVERFLOW if (size_of_val(&*room)..ADAPTERS_SIZE).contains(&(size as usize)) => {
                    room.resize((size as usize).div_ceil(8) + 1, 0);
                }
                error => return Err(io::Error::from_raw_os_error(error.cast_signed())),
            }
        }
    }

    /// # Safety
    /// A list of the system's begins at `adapter`, or it is null.
    unsafe fn of_list(mut adapter: *const IP_ADAPTER_ADDRESSES_LH) -> Self {
        let mut found = Self::default();
        for _ in 0..LIMIT {
            // SAFETY: as the caller promises, also of each that follows; it is null behind the last.
            let Some(this) = (unsafe { adapter.as_ref() }) else { break };
            // SAFETY: a text of the system's, with a zero at its end.
            found.suffixes.push(unsafe { narrow_at(this.DnsSuffix) });
            let mut suffix = this.FirstDnsSuffix.cast_const();
            for _ in 0..LIMIT {
                // SAFETY: a list of the system's; null behind the last.
                let Some(entry) = (unsafe { suffix.as_ref() }) else { break };
                found.suffixes.push(narrow(&entry.String));
                suffix = entry.Next;
            }
            let mut server = this.FirstDnsServerAddress.cast_const();
            for _ in 0..LIMIT {
                // SAFETY: a list of the system's; null behind the last.
                let Some(entry) = (unsafe { server.as_ref() }) else { break };
                // SAFETY: an address of the system's.
                found.servers.extend(unsafe { address(&entry.Address) });
                server = entry.Next;
            }
            adapter = this.Next;
        }
        found
    }
}

/// # Safety
/// The pointer in it is null, or so many bytes lie there as it says.
unsafe fn address(socket: &SOCKET_ADDRESS) -> Option<IpAddr> {
    let length = usize::try_from(socket.iSockaddrLength).unwrap_or(0);
    if socket.lpSockaddr.is_null() || length < size_of::<u16>() {
        return None;
    }
    // SAFETY: as the caller promises; it begins with its family.
    match unsafe { socket.lpSockaddr.cast::<u16>().read_unaligned() } {
        AF_INET if length >= size_of::<SOCKADDR_IN>() => {
            // SAFETY: long enough, as was just seen.
            let v4 = unsafe { socket.lpSockaddr.cast::<SOCKADDR_IN>().read_unaligned() };
            // SAFETY: all views of the four bytes are of integers.
            Some(Ipv4Addr::from(unsafe { v4.sin_addr.S_un.S_addr }.to_ne_bytes()).into())
        }
        AF_INET6 if length >= size_of::<SOCKADDR_IN6>() => {
            // SAFETY: long enough, as was just seen.
            let v6 = unsafe { socket.lpSockaddr.cast::<SOCKADDR_IN6>().read_unaligned() };
            // SAFETY: all views of the sixteen bytes are of integers.
            Some(Ipv6Addr::from(unsafe { v6.sin6_addr.u.Byte }).into())
        }
        _ => None,
    }
}

/// The proxy that the person has set for all programs. That one is looked for by itself, as is usual, is none; a script that chooses one is one without address.
fn proxy() -> io::Result<Option<String>> {
    let mut set = WINHTTP_CURRENT_USER_IE_PROXY_CONFIG::default();
    // SAFETY: a place for the answer.
    if unsafe { WinHttpGetIEProxyConfigForCurrentUser(&raw mut set) } == 0 {
        let error = io::Error::last_os_error();
        // Nobody has ever set anything.
        return if error.raw_os_error() == Some(ERROR_FILE_NOT_FOUND.cast_signed()) { Ok(None) } else { Err(error) };
    }
    let [proxy, script] = [set.lpszProxy, set.lpszAutoConfigUrl].map(|text| {
        // SAFETY: a text of the system's, with a zero at its end, or null.
        unsafe { narrow_at(text) }
    });
    for text in [set.lpszProxy, set.lpszProxyBypass, set.lpszAutoConfigUrl] {
        // SAFETY: the system allocated it for us, or it is null.
        unsafe { GlobalFree(text.cast()) };
    }
    Ok(chosen(&proxy).or_else(|| (!script.trim().is_empty()).then(String::new)))
}

/// `proxy:3128`, or one for each protocol: `http=proxy:80;https=proxy:443`.
fn chosen(list: &str) -> Option<String> {
    let entries = || list.split([';', ' ']).map(str::trim).filter(|entry| !entry.is_empty());
    let of = |protocol: &str| {
        entries().find_map(|entry| {
            let (name, proxy) = entry.split_once('=')?;
            name.eq_ignore_ascii_case(protocol).then_some(proxy)
        })
    };
    let of_all = entries().find(|entry| !entry.contains('='));
    let chosen = of("https").or_else(|| of("http")).or(of_all).or_else(|| of("socks"));
    chosen.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proxy_of_a_list_is_the_one_for_secure_connections() {
        for (list, proxy) in [
            ("proxy:3128", Some("proxy:3128")),
            ("http=a:80;https=b:443;ftp=c:21", Some("b:443")),
            ("ftp=c:21; HTTP=a:80", Some("a:80")),
            ("ftp=c:21", None),
            ("socks=d:1080", Some("d:1080")),
            ("", None),
            (" ; ", None),
        ] {
            assert_eq!(chosen(list).as_deref(), proxy, "{list}");
        }
    }

    #[test]
    fn this_machine_has_a_name() {
        assert!(!computer_name(ComputerNamePhysicalDnsHostname).unwrap().is_empty());
        assert!(Adapters::read().is_ok());
        assert!(proxy().is_ok());
    }
}
