//! What the kernel tells of the machine: all of `/sys`, and files of `/proc`. What is not planted there, this machine does not have.

use std::os::unix::fs::symlink;
use std::path::Path;

use super::canary;
use super::planted::{file, folder, write};

pub(crate) fn planted() {
    processor();
    // A kernel without modules has no such file, and none can be made there.
    if Path::new("/proc/modules").exists() {
        file("/proc/modules", &format!("{} 16384 0 - Live 0x0000000000000000\n", canary::DRIVER));
    }
    folder("/sys", |sys| {
        let with = |path: &str, content: &str| write(&sys.join(path), content);
        with(&format!("module/{}/version", canary::DRIVER), "7.7\n");
        let instance = canary::TEMPLATE.replace('@', &format!("@{}", canary::USER));
        with(&format!("fs/cgroup/system.slice/{instance}/cgroup.procs"), "1\n");
        with(&format!("fs/cgroup/system.slice/{}/cgroup.procs", canary::RUNNING_SERVICE), "1\n");
        for id in ["product_serial", "product_uuid", "board_serial", "chassis_serial"] {
            with(&format!("class/dmi/id/{id}"), &format!("{}\n", canary::MACHINE_SERIAL));
        }
        network_card(sys);
        graphics_card(sys);
    });
}

/// As of an ARM board, which has its serial number in there.
fn processor() {
    let info = format!(
        "processor\t: 0\nvendor_id\t: GenuineCanary\ncpu family\t: 6\nmodel\t\t: 1\nmodel name\t: {}\nstepping\t: 1\n\
         cpu MHz\t\t: 3000.000\nflags\t\t: fpu sse sse2\nSerial\t\t: {}\n\n",
        canary::PROCESSOR,
        canary::BOARD_SERIAL
    );
    file("/proc/cpuinfo", &info);
}

fn network_card(sys: &Path) {
    let card = sys.join("devices/pci0000:00/0000:00:1f.6");
    let pairs = canary::MAC.map(|byte| format!("{byte:02x}"));
    // As systemd names a card that it knows by nothing better.
    let name = format!("enx{}", pairs.concat());
    let interface = card.join("net").join(&name);
    let mac = pairs.join(":");
    for (name, content) in
        [("address", mac.as_str()), ("operstate", "up"), ("speed", "1000"), ("type", "1"), ("carrier", "1")]
    {
        write(&interface.join(name), format!("{content}\n"));
    }
    write(&interface.join("uevent"), format!("INTERFACE={name}\nIFINDEX=2\n"));
    pci_device(sys, &card, "0x020000", canary::NETWORK_CARD_DRIVER);
    link(&card, &interface.join("device"));
    link(&interface, &sys.join("class/net").join(&name));
}

fn graphics_card(sys: &Path) {
    let card = sys.join("devices/pci0000:00/0000:00:02.0");
    let drm = card.join("drm/card0");
    // So the X server calls its only output.
    let connector = drm.join("card0-screen");
    pci_device(sys, &card, "0x030000", canary::GRAPHICS_DRIVER);
    write(&drm.join("uevent"), "MAJOR=226\nMINOR=0\nDEVNAME=dri/card0\nDEVTYPE=drm_minor\n");
    for (name, content) in
        [("status", "connected\n"), ("enabled", "enabled\n"), ("modes", "1920x1080\n"), ("dpms", "On\n")]
    {
        write(&connector.join(name), content);
    }
    write(&connector.join("edid"), edid(canary::DISPLAY, canary::DISPLAY_SERIAL));
    link(&card, &drm.join("device"));
    link(&drm, &connector.join("device"));
    link(&drm, &sys.join("class/drm/card0"));
    link(&connector, &sys.join("class/drm/card0-screen"));
}

fn pci_device(sys: &Path, device: &Path, class: &str, driver: &str) {
    for (name, content) in [("vendor", "0x8086"), ("device", "0x15b7"), ("class", class)] {
        write(&device.join(name), format!("{content}\n"));
    }
    write(&device.join("uevent"), format!("DRIVER={driver}\nPCI_CLASS={}\nPCI_ID=8086:15B7\n", &class[2..]));
    let of_driver = sys.join("bus/pci/drivers").join(driver);
    std::fs::create_dir_all(&of_driver).unwrap();
    std::fs::create_dir_all(sys.join("module").join(driver)).unwrap();
    link(&of_driver, &device.join("driver"));
    link(&sys.join("bus/pci"), &device.join("subsystem"));
    link(device, &sys.join("bus/pci/devices").join(device.file_name().unwrap()));
    link(&sys.join("module").join(driver), &of_driver.join("module"));
}

/// A link as the kernel makes them, which leads from folder to folder.
fn link(target: &Path, path: &Path) {
    let parent = path.parent().unwrap();
    std::fs::create_dir_all(parent).unwrap();
    let same = parent.components().zip(target.components()).take_while(|(one, other)| one == other).count();
    let up = parent.components().skip(same).map(|_| std::path::Component::ParentDir);
    let relative: std::path::PathBuf = up.chain(target.components().skip(same)).collect();
    symlink(relative, path).unwrap();
}

/// How a display describes itself (VESA E-EDID 1.4): its name and, which nobody is told, its serial number.
fn edid(name: &str, serial: &str) -> Vec<u8> {
    let mut edid = vec![0; 128];
    edid[..8].copy_from_slice(&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]);
    edid[12..16].copy_from_slice(&0x5e21_a142_u32.to_le_bytes());
    edid[18..20].copy_from_slice(&[1, 4]);
    for (at, kind, text) in [(72, 0xfc, name), (90, 0xff, serial)] {
        edid[at + 3] = kind;
        edid[at + 5..at + 18].fill(b' ');
        edid[at + 5..at + 5 + text.len()].copy_from_slice(text.as_bytes());
    }
    edid[127] = edid.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
    edid
}
