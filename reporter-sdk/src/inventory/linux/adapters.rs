//! Network cards: those with a device behind them, not bridges, tunnels and pairs. Never their address, nor their interface's name, in which it can stand
//! (`enx001122334455`).

use report_format::schema::v1::NetworkAdapter;

use super::hardware::{DEVICE_LIMIT, Device, ids};
use super::machine::{Machine, Notes, word};

const PLACE: &str = "/sys/class/net";

/// As in `if_arp.h`; wireless cards say so too.
const ETHERNET: &str = "1";

pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> Vec<NetworkAdapter> {
    let interfaces = machine.list(PLACE).into_iter().map(|name| format!("{PLACE}/{name}"));
    let cards = interfaces.filter(|path| machine.is_there(&format!("{path}/device"))).take(DEVICE_LIMIT);
    let (ids, mut adapters): (Vec<_>, Vec<_>) = cards.map(|path| adapter(machine, &path)).unzip();
    if !adapters.is_empty() {
        notes.source(PLACE);
    }
    for (adapter, model) in adapters.iter_mut().zip(ids::models(machine, &ids, notes)) {
        adapter.model = model;
    }
    adapters
}

fn adapter(machine: &Machine, path: &str) -> (Option<ids::Id>, NetworkAdapter) {
    let file = |name| machine.read(&format!("{path}/{name}")).unwrap_or_default();
    let device = Device::at(machine, format!("{path}/device"));
    let wireless = ["wireless", "phy80211"].iter().any(|name| machine.is_there(&format!("{path}/{name}")));
    let adapter = NetworkAdapter {
        model: String::new(),
        driver: device.driver(),
        // -1, or an error, where there is no link.
        speed_mbit: file("speed").trim().parse().unwrap_or_default(),
        state: word(&file("operstate")),
        kind: match wireless {
            true => "wireless".into(),
            false if file("type").trim() == ETHERNET => "ethernet".into(),
            false => String::new(),
        },
    };
    (device.id(), adapter)
}
