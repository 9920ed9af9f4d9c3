//! Printers, as this machine's CUPS tells them by its local socket. A print server elsewhere (`ServerName` of `client.conf`) is not asked. Of a printer its
//! name and its model are asked for, never where it is (`device-uri`, `printer-location`) nor what people call it (`printer-info`): these hold
//! addresses, serial numbers and names.

use std::io;

use report_format::schema::v1::Printer;

use super::machine::{Machine, Notes, name};

pub(super) mod http;
pub(super) mod ipp;

const CUPS: &str = "cups.sock";
const SOCKETS: [&str; 2] = ["/run/cups/cups.sock", "/var/run/cups/cups.sock"];

pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> Vec<Printer> {
    let Some(socket) = SOCKETS.into_iter().find(|socket| machine.is_there(socket)) else { return Vec::new() };
    let Some(found) = notes.of(CUPS, ask(machine, socket)) else { return Vec::new() };
    let chosen = chosen(machine, notes);
    let is_default = |printer: &ipp::Printer| match &chosen {
        Some(chosen) if found.iter().any(|printer| printer.name == *chosen) => printer.name == *chosen,
        _ => printer.default,
    };
    found.iter().map(|printer| Printer { default: is_default(printer), ..told(printer) }).collect()
}

pub(super) fn told(printer: &ipp::Printer) -> Printer {
    Printer { default: printer.default, name: name(&printer.name), driver: name(&printer.model) }
}

/// A CUPS that sleeps is woken by this: systemd listens for it.
fn ask(machine: &Machine, socket: &str) -> io::Result<Vec<ipp::Printer>> {
    let deadline = machine.asking();
    let server = machine.connect(socket, deadline)?;
    let answer = http::post(server, "application/ipp", &ipp::get_printers(), deadline)?;
    ipp::printers(&answer)
}

/// What the person, or the system's administrator for those who have not, has chosen beside CUPS, as its programs read it.
fn chosen(machine: &Machine, notes: &mut Notes) -> Option<String> {
    let of_environment = ["LPDEST", "PRINTER"].into_iter().find_map(|name| machine.variable(name));
    let own = || {
        let options = machine.read(&format!("{}/.cups/lpoptions", machine.variable("HOME")?)).ok()?;
        notes.source("~/.cups/lpoptions");
        default_of(&options)
    };
    let chosen = of_environment.or_else(own);
    chosen.or_else(|| default_of(&machine.read_if_there("/etc/cups/lpoptions", notes)?))
}

/// `Default NAME option=value …`; a printer can have instances, `NAME/INSTANCE`.
fn default_of(options: &str) -> Option<String> {
    let name = options.lines().find_map(|line| line.strip_prefix("Default "))?.split_whitespace().next()?;
    name.split('/').next().map(str::to_owned)
}

#[cfg(test)]
mod tests;
