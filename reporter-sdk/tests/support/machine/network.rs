//! The network: two cables that end in themselves, so that nothing can leave.

use std::fs;
use std::io;
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use super::{canary, run};
use crate::end_to_end::report::contains;

/// A network card with addresses of a local network, and one with an address of the Internet. No routes but to their own neighbours.
pub(crate) fn planted() {
    fs::write("/proc/sys/kernel/hostname", format!("{}.{}", canary::HOST, canary::DOMAIN)).unwrap();
    // A machine that is asked nothing says nothing: neither who its neighbours are nor where its routers are.
    for (setting, value) in [("router_solicitations", "0"), ("accept_dad", "0"), ("addr_gen_mode", "1")] {
        // Absent from a kernel without IPv6.
        let _ = fs::write(format!("/proc/sys/net/ipv6/conf/default/{setting}"), value);
    }
    run("ip", &["link", "set", "lo", "up"]);
    let mac = canary::MAC.map(|byte| format!("{byte:02x}")).join(":");
    for (card, other_end) in [("lan0", "lan1"), ("wan0", "wan1")] {
        run("ip", &["link", "add", card, "type", "veth", "peer", "name", other_end]);
        for end in [card, other_end] {
            run("ip", &["link", "set", end, "multicast", "off"]);
        }
        run("ip", &["link", "set", other_end, "up"]);
    }
    run("ip", &["link", "set", "lan0", "address", &mac]);
    for card in ["lan0", "wan0"] {
        run("ip", &["link", "set", card, "up"]);
    }
    for address in canary::LAN_V4 {
        run("ip", &["address", "add", &format!("{address}/24"), "dev", "lan0"]);
    }
    if has_ipv6() {
        for address in canary::LAN_V6 {
            run("ip", &["-6", "address", "add", &format!("{address}/64"), "dev", "lan0", "nodad"]);
        }
    } else {
        eprintln!("SKIPPED: addresses of IPv6: this kernel was built without it");
    }
    run("ip", &["address", "add", &format!("{}/24", canary::PUBLIC_ADDRESS), "dev", "wan0"]);
}

fn has_ipv6() -> bool {
    Path::new("/proc/sys/net/ipv6").exists()
}

/// From now on the machine takes its public address for the way to the Internet.
pub(crate) fn route_to_the_internet() {
    run("ip", &["route", "add", "default", "dev", "wan0", "src", canary::PUBLIC_ADDRESS]);
}

/// From now on it knows no way anywhere, but to itself.
pub(crate) fn no_routes() {
    run("ip", &["route", "flush", "table", "main"]);
    if has_ipv6() {
        run("ip", &["-6", "route", "flush", "table", "main"]);
    }
}

/// Sees each packet on each interface, the loopback too.
pub(crate) struct Capture(OwnedFd);

impl Capture {
    /// Starts, and proves that it sees what is sent.
    pub(crate) fn proven() -> Self {
        let everything = (libc::ETH_P_ALL as u16).to_be();
        // SAFETY: it takes three numbers.
        let socket = unsafe {
            libc::socket(
                libc::AF_PACKET,
                libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC,
                i32::from(everything),
            )
        };
        assert!(socket >= 0, "no socket for packets: {}", io::Error::last_os_error());
        // SAFETY: it was opened just now and is nobody else's.
        let capture = Self(unsafe { OwnedFd::from_raw_fd(socket) });
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        socket.set_broadcast(true).unwrap();
        // To everybody, so that nobody has to be asked first who is there, and is asked again and again.
        for target in ["127.0.0.1", "10.203.177.255", "9.9.9.255"] {
            capture.packets();
            socket.send_to(b"to be seen", (target, 9)).unwrap();
            sleep(Duration::from_millis(50));
            let seen = capture.packets().iter().any(|packet| contains(packet, b"to be seen"));
            assert!(seen, "a packet to {target} was not seen");
        }
        capture
    }

    /// What programs have sent since the last look, each with its first bytes.
    pub(crate) fn packets(&self) -> Vec<Vec<u8>> {
        let mut packets = self.all();
        packets.retain(|packet| !is_of_the_kernel(packet));
        packets
    }

    fn all(&self) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        let mut buffer = [0; 256];
        loop {
            // SAFETY: the buffer is as long as is said, and the socket open.
            let length =
                unsafe { libc::recv(self.0.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), libc::MSG_DONTWAIT) };
            match usize::try_from(length) {
                Ok(length) => packets.push(buffer[..length].to_vec()),
                Err(_) => return packets,
            }
        }
    }
}

/// Situation: a card that was given an IPv6 address tells its neighbours so, some time later, by itself. Example: a report of multicast listeners (ICMPv6 type 143)
/// a second after the address was set. Handling: these are not a program's; what a program would have to say after it has joined a group is seen.
pub(crate) fn is_of_the_kernel(packet: &[u8]) -> bool {
    const IPV6: [u8; 2] = [0x86, 0xdd];
    const HOP_BY_HOP: u8 = 0;
    const ICMPV6: u8 = 58;
    // Behind the header of Ethernet, 14 bytes, and that of IPv6, 40.
    let (header, payload) = (packet.get(14..54), packet.get(54..).unwrap_or_default());
    let kind = match header.map(|header| header[6]) {
        Some(ICMPV6) => payload.first(),
        // Its first byte tells what follows, its second how long it is.
        Some(HOP_BY_HOP) if payload.first() == Some(&ICMPV6) => {
            payload.get(1).and_then(|length| payload.get(8 + usize::from(*length) * 8))
        }
        _ => None,
    };
    // Listeners (130 to 132, 143); routers and neighbours (133 to 136).
    packet.get(12..14) == Some(&IPV6) && kind.is_some_and(|kind| (130..=136).contains(kind) || *kind == 143)
}
