//! The names of makers and models by their numbers, from the lists that most machines have (`pci.ids`, `usb.ids`).

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::super::machine::{Machine, Notes, text};

/// The lists have 1.4 MB and grow slowly.
const LIST_LIMIT: u64 = 8 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Bus {
    Pci,
    Usb,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Id {
    pub(in super::super) bus: Bus,
    pub(in super::super) vendor: u16,
    pub(in super::super) device: u16,
}

/// The names of these, in their order: `Intel Corporation Ethernet Controller I225-V`; of what is not in the list the number, `8086:15f3`;
/// empty for what has none.
pub(in super::super) fn models(machine: &Machine, ids: &[Option<Id>], notes: &mut Notes) -> Vec<String> {
    let mut list_of = |bus, places: &[&'static str]| {
        let wanted: Vec<Id> = ids.iter().flatten().filter(|id| id.bus == bus).copied().collect();
        let mut places = places.iter().copied().filter(|_| !wanted.is_empty());
        let mut names = Names::of(&wanted);
        if let Some(place) = places.find(|place| machine.each_line(place, LIST_LIMIT, |line| names.take(line)).is_ok())
        {
            notes.source(place);
        }
        names
    };
    let pci = list_of(Bus::Pci, &["/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids"]);
    let usb = list_of(Bus::Usb, &["/usr/share/misc/usb.ids", "/usr/share/hwdata/usb.ids", "/var/lib/usbutils/usb.ids"]);
    let model = |id: &Option<Id>| match id {
        Some(id) => if id.bus == Bus::Pci { &pci } else { &usb }.model(*id),
        None => String::new(),
    };
    ids.iter().map(model).collect()
}

#[derive(Debug, Default)]
pub(in super::super) struct Names {
    wanted: Vec<Id>,
    vendors: HashMap<u16, String>,
    devices: HashMap<(u16, u16), String>,
    /// The wanted one below whose line we are.
    vendor: Option<u16>,
}

impl Names {
    pub(in super::super) fn of(wanted: &[Id]) -> Self {
        Self { wanted: wanted.to_vec(), ..Self::default() }
    }

    /// The next line of a list, until all are found.
    pub(in super::super) fn take(&mut self, line: &[u8]) -> ControlFlow<()> {
        match line {
            [b'\t', b'\t', ..] | [b'#', ..] => {}
            [b'\t', rest @ ..] => {
                if let (Some(vendor), Some((device, name))) = (self.vendor, entry(rest))
                    && self.wanted.iter().any(|id| (id.vendor, id.device) == (vendor, device))
                {
                    self.devices.entry((vendor, device)).or_insert(name);
                }
            }
            rest => {
                // After the makers come lists of another kind (`C 02  Network controller`), which must not be taken for some.
                let named = entry(rest).filter(|(vendor, _)| self.wanted.iter().any(|id| id.vendor == *vendor));
                self.vendor = named.as_ref().map(|(vendor, _)| *vendor);
                self.vendors.extend(named);
                if self.wanted.iter().all(|id| self.devices.contains_key(&(id.vendor, id.device))) {
                    return ControlFlow::Break(());
                }
            }
        }
        ControlFlow::Continue(())
    }

    pub(in super::super) fn model(&self, Id { vendor, device, .. }: Id) -> String {
        let model = self.devices.get(&(vendor, device));
        match (self.vendors.get(&vendor), model) {
            (Some(maker), Some(model)) => text(&format!("{maker} {model}")),
            (Some(maker), None) => text(&format!("{maker} {device:04x}")),
            (None, _) => format!("{vendor:04x}:{device:04x}"),
        }
    }
}

/// `8086  Intel Corporation`
fn entry(line: &[u8]) -> Option<(u16, String)> {
    let (digits, name) = line.split_first_chunk::<4>()?;
    let name = name.strip_prefix(b"  ")?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let number = u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    Some((number, text(&String::from_utf8_lossy(name))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIST: &str = "# comment\n8086  Intel Corporation\n\t15f2  Other\n\t15f3  Ethernet Controller I225-V\n\t\t8086 0001  Sub\n\
        10de  NVIDIA Corporation\n\t1fb9  TU117GLM\nC 02  Network controller\n\t15f3  Class\n";

    fn names(list: &[u8], wanted: &[Id]) -> Names {
        let mut names = Names::of(wanted);
        let _ = list.split(|byte| *byte == b'\n').try_for_each(|line| names.take(line));
        names
    }

    const fn pci(vendor: u16, device: u16) -> Id {
        Id { bus: Bus::Pci, vendor, device }
    }

    #[test]
    fn numbers_become_names_as_far_as_the_list_knows_them() {
        let wanted = [pci(0x8086, 0x15f3), pci(0x10de, 0xffff), pci(0x02, 0x15f3), pci(0x8086, 0x0001)];
        let names = names(LIST.as_bytes(), &wanted);
        let models = wanted.map(|id| names.model(id));
        let expected = [
            "Intel Corporation Ethernet Controller I225-V",
            "NVIDIA Corporation ffff",
            "0002:15f3",
            "Intel Corporation 0001",
        ];
        assert_eq!(models, expected);
        assert_eq!(names.devices.len(), 1);
    }

    #[test]
    fn the_real_list_is_read() {
        let mut notes = Notes::default();
        let ids = [Some(pci(0x8086, 0x15f3)), None, Some(pci(0x1af4, 0x1050))];
        let models = models(&Machine::this(), &ids, &mut notes);
        assert_eq!(models, ["Intel Corporation Ethernet Controller I225-V", "", "Red Hat, Inc. Virtio 1.0 GPU"]);
        assert_eq!(notes.into_parts().0[0].name, "/usr/share/misc/pci.ids");
    }

    #[test]
    fn an_endless_list_gives_the_numbers() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("usr/share/misc")).unwrap();
        std::fs::File::create(root.path().join("usr/share/misc/pci.ids")).unwrap().set_len(1 << 40).unwrap();
        let machine = Machine::prepared(root.path(), &[], || None);
        assert_eq!(models(&machine, &[Some(pci(0x8888, 0x8888))], &mut Notes::default()), ["8888:8888"]);
    }

    proptest! {
        #[test]
        fn no_list_breaks_the_reader(
            list in proptest::collection::vec(prop_oneof![
                any::<Vec<u8>>(),
                Just(b"\n".to_vec()),
                Just(b"\t0001  x\n".to_vec()),
                Just(b"0001  y\n".to_vec()),
            ], 0..20),
        ) {
            let model = names(&list.concat(), &[pci(1, 1)]).model(pci(1, 1));
            prop_assert!(model.len() <= 1024 && !model.chars().any(char::is_control));
        }
    }
}
