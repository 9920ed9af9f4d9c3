//! Network cards: those with a device behind them, not tunnels and filters. Never their address, nor the name of their connection, which people give.

use std::io;
use std::ptr;
use std::slice;

use report_format::schema::v1::NetworkAdapter;
use windows_sys::Win32::NetworkManagement::IpHelper::{
    FreeMibTable, GetIfTable2, IF_TYPE_ETHERNET_CSMACD, IF_TYPE_IEEE80211, IF_TYPE_SOFTWARE_LOOPBACK, IF_TYPE_TUNNEL,
    MIB_IF_ROW2, MIB_IF_TABLE2,
};
use windows_sys::core::GUID;

use super::device_class::{DEVICE_LIMIT, Driver, drivers};
use super::machine::Machine;
use super::wide::narrow;
use crate::inventory::notes::{Notes, name};

const CLASS: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Class\{4d36e972-e325-11ce-bfc1-08002be10318}";

/// Of the interfaces of a machine; each card has a handful of filters.
const INTERFACE_LIMIT: usize = 4096;

/// In `InterfaceAndOperStatusFlags`.
const HARDWARE: u8 = 1;
const FILTER: u8 = 2;

pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> Vec<NetworkAdapter> {
    let interfaces = notes.of("GetIfTable2", interfaces()).unwrap_or_default();
    let drivers = drivers(machine, CLASS, notes);
    let cards = interfaces.iter().filter(|interface| is_card(interface)).take(DEVICE_LIMIT);
    cards.map(|card| adapter(card, &drivers)).collect()
}

/// Without a table there is none.
fn interfaces() -> io::Result<Vec<MIB_IF_ROW2>> {
    let mut table: *mut MIB_IF_TABLE2 = ptr::null_mut();
    // SAFETY: a place for the table.
    let result = unsafe { GetIfTable2(&raw mut table) };
    if result != 0 || table.is_null() {
        return Err(io::Error::from_raw_os_error(result.cast_signed()));
    }
    // SAFETY: the system has put the number there.
    let count = unsafe { (&raw const (*table).NumEntries).read() } as usize;
    // SAFETY: within the structure.
    let first = unsafe { &raw const (*table).Table }.cast::<MIB_IF_ROW2>();
    // SAFETY: so many rows follow.
    let rows = unsafe { slice::from_raw_parts(first, count.min(INTERFACE_LIMIT)) }.to_vec();
    // SAFETY: the system allocated it for us, and nothing of it is used any more.
    unsafe { FreeMibTable(table.cast()) };
    Ok(rows)
}

fn is_card(interface: &MIB_IF_ROW2) -> bool {
    let flags = interface.InterfaceAndOperStatusFlags._bitfield;
    let virtual_kind = matches!(interface.Type, IF_TYPE_SOFTWARE_LOOPBACK | IF_TYPE_TUNNEL);
    flags & HARDWARE != 0 && flags & FILTER == 0 && !virtual_kind
}

fn adapter(card: &MIB_IF_ROW2, drivers: &[Driver]) -> NetworkAdapter {
    let id = interface_name(&card.InterfaceGuid);
    let driver = drivers.iter().find(|driver| driver.interface.eq_ignore_ascii_case(&id));
    // Where the same model is there twice, `#2` is added to the description.
    let description = narrow(&card.Description);
    NetworkAdapter {
        model: name(&description),
        driver: driver.map(|driver| driver.told.clone()).unwrap_or_default(),
        // All ones where there is no link.
        speed_mbit: Some(card.TransmitLinkSpeed).filter(|speed| *speed != u64::MAX).unwrap_or(0) / 1_000_000,
        state: state(card.OperStatus).into(),
        kind: match card.Type {
            IF_TYPE_ETHERNET_CSMACD => "ethernet".into(),
            IF_TYPE_IEEE80211 => "wireless".into(),
            _ => String::new(),
        },
    }
}

/// As in `IF_OPER_STATUS`.
fn state(status: i32) -> &'static str {
    match status {
        1 => "up",
        2 => "down",
        3 => "testing",
        5 => "dormant",
        6 => "notpresent",
        7 => "lowerlayerdown",
        _ => "unknown",
    }
}

/// `{4D36E972-E325-11CE-BFC1-08002BE10318}`
fn interface_name(id: &GUID) -> String {
    let [a, b, rest @ ..] = id.data4;
    let rest: String = rest.iter().map(|byte| format!("{byte:02X}")).collect();
    format!("{{{:08X}-{:04X}-{:04X}-{a:02X}{b:02X}-{rest}}}", id.data1, id.data2, id.data3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_told_without_its_addresses_and_its_connection() {
        let mut card = MIB_IF_ROW2 {
            Type: IF_TYPE_IEEE80211,
            OperStatus: 1,
            TransmitLinkSpeed: 866_700_000,
            InterfaceGuid: GUID::from_u128(0x4d36e972_e325_11ce_bfc1_08002be10318),
            ..MIB_IF_ROW2::default()
        };
        let put =
            |place: &mut [u16], text: &str| text.encode_utf16().zip(place).for_each(|(unit, place)| *place = unit);
        put(&mut card.Description, "Wi-Fi card");
        put(&mut card.Alias, "CANARY");
        card.PhysicalAddress[..6].copy_from_slice(b"CANARY");
        assert!(!is_card(&card));
        card.InterfaceAndOperStatusFlags._bitfield = HARDWARE;
        assert!(is_card(&card));
        let driver = Driver {
            description: "Wi-Fi card".into(),
            interface: "{4d36e972-e325-11ce-bfc1-08002be10318}".into(),
            told: "Intel 22.1".into(),
        };
        let expected = NetworkAdapter {
            model: "Wi-Fi card".into(),
            driver: "Intel 22.1".into(),
            speed_mbit: 866,
            state: "up".into(),
            kind: "wireless".into(),
        };
        assert_eq!(adapter(&card, &[driver]), expected);
        card.TransmitLinkSpeed = u64::MAX;
        assert_eq!(adapter(&card, &[]).speed_mbit, 0);
    }
}
