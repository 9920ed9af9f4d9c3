//! A device as the kernel shows it in sysfs: whose it is, and what drives it. Of its folder only these files are read; beside them stand its serial
//! number and, of a network card, its address.

use super::machine::{Machine, text, word};

pub(super) mod ids;

use ids::{Bus, Id};

/// Of one kind of device; more are no fault of the product's.
pub(super) const DEVICE_LIMIT: usize = 64;

pub(super) struct Device<'a> {
    machine: &'a Machine,
    /// Can end in a link; the kernel, not we, takes the way from there.
    path: String,
}

impl<'a> Device<'a> {
    pub(super) fn at(machine: &'a Machine, path: impl Into<String>) -> Self {
        Self { machine, path: path.into() }
    }

    fn file(&self, name: &str) -> String {
        self.machine.read(&format!("{}/{name}", self.path)).unwrap_or_default()
    }

    /// The last part of where a link points, if it is a plain name: it becomes part of a path, or of the report.
    fn link(&self, name: &str) -> Option<String> {
        let target = self.machine.link(&format!("{}/{name}", self.path))?;
        let last = target.rsplit('/').next()?;
        let plain = last.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        (plain && last.len() <= 64 && !last.starts_with('.') && !last.is_empty()).then(|| last.to_owned())
    }

    /// What it is connected to: `pci`, `usb`, `virtio`.
    pub(super) fn bus(&self) -> Option<String> {
        self.link("subsystem")
    }

    /// Of what a virtual machine has by virtio, the card in which that is: `device` itself tells numbers of virtio's own.
    fn parent(&self) -> Self {
        Self::at(self.machine, format!("{}/..", self.path))
    }

    pub(super) fn id(&self) -> Option<Id> {
        match self.bus()?.as_str() {
            "pci" => {
                Some(Id { bus: Bus::Pci, vendor: number(&self.file("vendor"))?, device: number(&self.file("device"))? })
            }
            "virtio" => self.parent().id().filter(|id| id.bus == Bus::Pci),
            // `PRODUCT=bda/8153/3000`
            "usb" => {
                let description = self.file("uevent");
                let mut product = super::machine::setting(&description, "PRODUCT")?.split('/');
                Some(Id { bus: Bus::Usb, vendor: number(product.next()?)?, device: number(product.next()?)? })
            }
            _ => None,
        }
    }

    /// Whether it is a PCI device of class 3, or in one.
    pub(super) fn is_pci_display(&self) -> bool {
        match self.bus().as_deref() {
            Some("pci") => self.file("class").starts_with("0x03"),
            Some("virtio") => self.parent().is_pci_display(),
            _ => false,
        }
    }

    /// Its name, and its version where it has one of its own; the kernel's own drivers have the kernel's.
    pub(super) fn driver(&self) -> String {
        let Some(driver) = self.link("driver") else { return String::new() };
        if driver == "virtio-pci" {
            // It only carries the one that matters.
            let inside = self.machine.list(&self.path).into_iter().find(|name| name.starts_with("virtio"));
            return inside.map_or(driver, |name| Self::at(self.machine, format!("{}/{name}", self.path)).driver());
        }
        let module = self.link("driver/module").unwrap_or_else(|| driver.clone());
        let version = self.machine.read(&format!("/sys/module/{module}/version")).unwrap_or_default();
        text(format!("{driver} {}", word(&version)).trim())
    }
}

/// `0x8086` or `bda`
fn number(text: &str) -> Option<u16> {
    let digits = text.trim();
    u16::from_str_radix(digits.strip_prefix("0x").unwrap_or(digits), 16).ok()
}

#[cfg(test)]
mod tests;
