//! Network and graphics cards in prepared trees of sysfs, with addresses and serial numbers beside what is read; and those of this machine.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use report_format::schema::v1::{GraphicsCard, NetworkAdapter};

use super::super::machine::Notes;
use super::super::{adapters, graphics};
use super::*;

const LIST: &str = "8086  Intel Corporation\n\t15f3  Ethernet Controller I225-V\n\t2725  Wi-Fi 6 AX210\n\
    1af4  Red Hat, Inc.\n\t1000  Virtio network device\n\t1050  Virtio 1.0 GPU\n10de  NVIDIA Corporation\n\t1fb9  T1000\n";

struct Tree<'a>(&'a Path);

impl Tree<'_> {
    fn file(&self, path: &str, content: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// `to` as seen from the root.
    fn link(&self, path: &str, to: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(self.0.join(to), path).unwrap();
    }

    fn pci(&self, address: &str, [vendor, device, class]: [&str; 3], driver: &str) {
        let folder = format!("sys/devices/pci0000:00/{address}");
        for (name, content) in [("vendor", vendor), ("device", device), ("class", class), ("serial_number", "CANARY")] {
            self.file(&format!("{folder}/{name}"), &format!("{content}\n"));
        }
        self.link(&format!("{folder}/subsystem"), "sys/bus/pci");
        self.link(&format!("sys/bus/pci/devices/{address}"), &folder);
        self.driver(&folder, driver);
    }

    fn driver(&self, folder: &str, driver: &str) {
        let of_bus = format!("sys/bus/some/drivers/{driver}");
        fs::create_dir_all(self.0.join(&of_bus)).unwrap();
        self.link(&format!("{folder}/driver"), &of_bus);
    }

    fn interface(&self, name: &str, device: &str, files: &[(&str, &str)]) {
        let folder = format!("sys/class/net/{name}");
        self.link(&format!("{folder}/device"), device);
        for (name, content) in [("address", "00:11:22:33:44:55\n"), ("type", "1\n")].iter().chain(files) {
            self.file(&format!("{folder}/{name}"), content);
        }
    }
}

fn network(machine: &Machine) -> (Vec<NetworkAdapter>, Vec<String>) {
    let mut notes = Notes::default();
    (adapters::collect(machine, &mut notes), notes.into_parts().1)
}

fn cards(machine: &Machine) -> (Vec<GraphicsCard>, Vec<String>) {
    let mut notes = Notes::default();
    (graphics::collect(machine, &mut notes), notes.into_parts().1)
}

#[test]
fn network_cards_are_told_without_their_addresses_and_names() {
    let root = tempfile::tempdir().unwrap();
    let tree = Tree(root.path());
    tree.file("usr/share/misc/pci.ids", LIST);
    tree.file("usr/share/hwdata/usb.ids", "0bda  Realtek Semiconductor Corp.\n\t8153  RTL8153 Gigabit\n");
    tree.pci("0000:00:1f.6", ["0x8086", "0x15f3", "0x020000"], "igc");
    tree.pci("0000:00:02.0", ["0x8086", "0x2725", "0x028000"], "iwlwifi");
    tree.pci("0000:00:03.0", ["0x1af4", "0x1000", "0x020000"], "virtio-pci");
    tree.file("sys/module/igc/version", "5.4.0-k\n");
    let on = [("speed", "2500\n"), ("operstate", "up\n")];
    tree.interface("enx001122334455", "sys/devices/pci0000:00/0000:00:1f.6", &on);
    let off = [("speed", "-1\n"), ("operstate", "down\n"), ("phy80211/name", "phy0")];
    tree.interface("wlp2s0", "sys/devices/pci0000:00/0000:00:02.0", &off);
    // A driver's name is not always its module's.
    let inside = "sys/devices/pci0000:00/0000:00:03.0/virtio2";
    tree.file(&format!("{inside}/vendor"), "0x1af4\n");
    tree.file(&format!("{inside}/device"), "0x0001\n");
    tree.link(&format!("{inside}/subsystem"), "sys/bus/virtio");
    tree.driver(inside, "virtio_net");
    tree.link("sys/bus/some/drivers/virtio_net/module", "sys/module/virtio_net_module");
    tree.file("sys/module/virtio_net_module/version", "1.2\n");
    tree.interface("xen", inside, &[("operstate", "unknown\n")]);
    let usb = "sys/devices/usb1/1-1/1-1:1.0";
    tree.file(&format!("{usb}/uevent"), "DRIVER=r8152\nPRODUCT=bda/8153/3000\nCANARY=1\n");
    tree.file("sys/devices/usb1/1-1/serial", "001122334455\n");
    tree.link(&format!("{usb}/subsystem"), "sys/bus/usb");
    tree.driver(usb, "r8152");
    tree.interface("xusb", usb, &[]);
    // Virtual, a device of no known bus, and links in circles.
    tree.file("sys/class/net/docker0/address", "CANARY");
    tree.interface("zplatform", "sys/devices/platform/x", &[("type", "CANARY\n"), ("operstate", "\u{1b}[2J\n")]);
    tree.link("sys/class/net/zz/device", "sys/class/net/zz/device");
    tree.link("sys/class/net/zzz", "sys/class/net/zzz");

    let (adapters, troubles) = network(&Machine::prepared(root.path(), &[], || None));
    let adapter = |model: &str, driver: &str, speed_mbit, state: &str, kind: &str| NetworkAdapter {
        model: model.into(),
        driver: driver.into(),
        speed_mbit,
        state: state.into(),
        kind: kind.into(),
    };
    let expected = [
        adapter("Intel Corporation Ethernet Controller I225-V", "igc 5.4.0-k", 2500, "up", "ethernet"),
        adapter("Intel Corporation Wi-Fi 6 AX210", "iwlwifi", 0, "down", "wireless"),
        adapter("Red Hat, Inc. Virtio network device", "virtio_net 1.2", 0, "unknown", "ethernet"),
        adapter("Realtek Semiconductor Corp. RTL8153 Gigabit", "r8152", 0, "", "ethernet"),
        adapter("", "", 0, "", ""),
        adapter("", "", 0, "", ""),
    ];
    assert_eq!(adapters, expected);
    assert_eq!(troubles, Vec::<String>::new());
}

#[test]
fn graphics_cards_of_machines_virtual_machines_and_boards_are_told() {
    let root = tempfile::tempdir().unwrap();
    let tree = Tree(root.path());
    tree.file("usr/share/hwdata/pci.ids", LIST);
    tree.pci("0000:00:01.0", ["0x10de", "0x1fb9", "0x030000"], "nvidia");
    tree.file("sys/module/nvidia/version", "535.129.03\n");
    tree.pci("0000:00:02.0", ["0x1af4", "0x1050", "0x038000"], "virtio-pci");
    let inside = "sys/devices/pci0000:00/0000:00:02.0/virtio0";
    tree.link(&format!("{inside}/subsystem"), "sys/bus/virtio");
    tree.driver(inside, "virtio_gpu");
    tree.pci("0000:00:03.0", ["0x15ad", "0x0405", "0x030000"], "../vmwgfx");
    tree.pci("0000:00:04.0", ["0x8086", "0x15f3", "0x020000"], "igc");
    tree.pci("0000:00:05.0", ["CANARY", "CANARY", "0x030000"], "odd name");
    // What the kernel has made of the cards: those of PCI are there already.
    tree.link("sys/class/drm/card0/device", "sys/devices/pci0000:00/0000:00:01.0");
    tree.link("sys/class/drm/card1/device", inside);
    tree.link("sys/class/drm/card1-Virtual-1/device", "sys/class/drm/card1");
    tree.link("sys/class/drm/renderD128/device", inside);
    let board = "sys/devices/platform/gpu";
    tree.driver(board, "panfrost");
    tree.link("sys/class/drm/card2/device", board);

    let (cards, troubles) = cards(&Machine::prepared(root.path(), &[], || None));
    let told: Vec<_> = cards.iter().map(|card| (&*card.model, &*card.driver)).collect();
    let expected = [
        ("NVIDIA Corporation T1000", "nvidia 535.129.03"),
        ("Red Hat, Inc. Virtio 1.0 GPU", "virtio_gpu"),
        ("15ad:0405", "vmwgfx"),
        ("", ""),
        ("", "panfrost"),
    ];
    assert_eq!(told, expected);
    assert_eq!(troubles, Vec::<String>::new());
}

#[test]
fn this_machines_network_cards_are_told_as_its_shell_finds_them() {
    let script = "for d in /sys/class/net/*/device; do [ -e $d ] && basename $(readlink -f $d/driver); done; true";
    let output = Command::new("sh").args(["-c", script]).output().unwrap();
    let drivers = String::from_utf8(output.stdout).unwrap();
    let (adapters, troubles) = network(&Machine::this());
    println!("{adapters:?} {:?}", cards(&Machine::this()));
    assert_eq!(adapters.len(), drivers.lines().count());
    for (adapter, driver) in adapters.iter().zip(drivers.lines()) {
        assert!(adapter.driver.starts_with(driver), "{adapter:?} {driver}");
    }
    assert_eq!(troubles, Vec::<String>::new());
}
