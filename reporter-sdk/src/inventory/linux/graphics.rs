//! Graphics cards, those of virtual machines too.

use report_format::schema::v1::GraphicsCard;

use super::hardware::{DEVICE_LIMIT, Device, ids};
use super::machine::{Machine, Notes};

const PCI: &str = "/sys/bus/pci/devices";
const DRM: &str = "/sys/class/drm";

pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> Vec<GraphicsCard> {
    let mut cards: Vec<Device<'_>> = Vec::new();
    let mut add = |place: &'static str, paths: Vec<String>, of_pci: bool| {
        let devices = paths.into_iter().map(|path| Device::at(machine, path));
        let found: Vec<_> = devices.filter(|device| device.is_pci_display() == of_pci).take(DEVICE_LIMIT).collect();
        if !found.is_empty() {
            notes.source(place);
        }
        cards.extend(found);
    };
    add(PCI, machine.list(PCI).into_iter().map(|name| format!("{PCI}/{name}")).collect(), true);
    // On other buses: of small boards, and of Hyper-V.
    let number = |name: &str| name.strip_prefix("card").is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
    let numbered = machine.list(DRM).into_iter().filter(|name| number(name));
    let devices = numbered.map(|name| format!("{DRM}/{name}/device")).filter(|path| machine.is_there(path));
    add(DRM, devices.collect(), false);

    let ids: Vec<_> = cards.iter().map(Device::id).collect();
    let models = ids::models(machine, &ids, notes);
    cards.iter().zip(models).map(|(card, model)| GraphicsCard { model, driver: card.driver() }).collect()
}
