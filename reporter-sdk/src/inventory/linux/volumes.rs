//! Drives: how large, how full, how fast. Network drives are not asked: one whose server is gone does not answer.

use std::path::Path;

use report_format::schema::v1::Volume;
use sysinfo::{DiskKind, DiskRefreshKind, Disks};

use super::machine::{Machine, Notes, text, word};
use crate::redact;

pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> Vec<Volume> {
    let what = DiskRefreshKind::nothing().with_kind().with_storage();
    let disks = match Disks::new_with_refreshed_list_specifics(what) {
        Ok(disks) => disks,
        Err(error) => {
            notes.trouble("drives", &error);
            return Vec::new();
        }
    };
    notes.source("sysinfo");
    // One device mounted in several places (bind mounts, subvolumes) is one volume.
    let mut seen = std::collections::BTreeSet::new();
    let fresh = |disk: &&sysinfo::Disk| disk.total_space() > 0 && seen.insert(disk.name().to_owned());
    let disks: Vec<_> = disks.iter().filter(fresh).collect();
    let mut volumes: Vec<Volume> = disks
        .into_iter()
        .map(|disk| Volume {
            file_system: word(&disk.file_system().to_string_lossy()),
            size: disk.total_space(),
            free: disk.available_space(),
            kind: kind(machine, disk.kind(), Path::new(disk.name())).into(),
            removable: disk.is_removable(),
            mount_point: mount_point(&disk.mount_point().to_string_lossy()),
        })
        .collect();
    volumes.sort_by(|a, b| a.mount_point.cmp(&b.mount_point).then(a.size.cmp(&b.size)));
    volumes
}

/// A path that names a person is left out whole: what lies below a home says more than a name does.
fn mount_point(path: &str) -> String {
    if redact::names_a_user(path) { String::new() } else { text(path) }
}

/// A virtual drive calls itself rotating, because its driver cannot know: sysinfo says HDD of every virtio disk.
fn kind(machine: &Machine, told: DiskKind, device: &Path) -> &'static str {
    let device = device.file_name().unwrap_or_default().to_string_lossy();
    match told {
        DiskKind::SSD => "ssd",
        DiskKind::HDD if device.starts_with("vd") || device.starts_with("xvd") || is_virtual(machine, &device) => "",
        DiskKind::HDD => "hdd",
        DiskKind::Unknown(_) => "",
    }
}

fn is_virtual(machine: &Machine, device: &str) -> bool {
    machine
        .link(&format!("/sys/class/block/{device}"))
        .is_some_and(|link| link.contains("/virtio") || link.contains("/virtual/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_point_of_a_person_is_left_out() {
        for (path, kept) in
            [("/", "/"), ("/var", "/var"), ("/home", "/home"), ("/home/anna/vault", ""), ("/run/media/anna/STICK", "")]
        {
            assert_eq!(mount_point(path), kept, "{path}");
        }
    }

    #[test]
    fn a_virtual_drive_is_not_called_a_hard_disk() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("sys/class/block")).unwrap();
        let link = |target: &str, name: &str| {
            std::os::unix::fs::symlink(target, dir.path().join("sys/class/block").join(name)).unwrap();
        };
        link("../../devices/pci0000:00/0000:00:04.0/virtio1/host0/block/sdb", "sdb");
        link("../../devices/pci0000:00/0000:00:1f.2/ata1/host0/block/sda", "sda");
        let machine = Machine::prepared(dir.path(), &[], || None);
        assert_eq!(kind(&machine, DiskKind::HDD, Path::new("/dev/vda1")), "");
        assert_eq!(kind(&machine, DiskKind::HDD, Path::new("/dev/sdb")), "");
        assert_eq!(kind(&machine, DiskKind::HDD, Path::new("/dev/sda")), "hdd");
        assert_eq!(kind(&machine, DiskKind::SSD, Path::new("/dev/sda")), "ssd");
    }
}
