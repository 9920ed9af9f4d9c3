//! Printers of this machine. Those of print servers are not asked for: their servers may not answer. Of a printer its name and its driver's are told, never its
//! port, its place and its comment: these hold addresses and names.

use std::io;
use std::ptr;

use report_format::schema::v1::Printer;
use windows_sys::Win32::Foundation::ERROR_INSUFFICIENT_BUFFER;
use windows_sys::Win32::Graphics::Printing::{EnumPrintersW, GetDefaultPrinterW, PRINTER_ENUM_LOCAL, PRINTER_INFO_2W};

use super::device_class::DEVICE_LIMIT;
use super::machine::Machine;
use super::wide::{narrow, narrow_at};
use crate::inventory::notes::{Notes, name};

/// Of what the spooler tells, in bytes.
const ANSWER_LIMIT: usize = 4 << 20;

pub(in crate::inventory) fn collect(_: &Machine, notes: &mut Notes) -> Vec<Printer> {
    let found = notes.of("EnumPrinters", printers()).unwrap_or_default();
    let default = default_printer().unwrap_or_default();
    let told = found.into_iter().map(|(printer, driver)| Printer {
        default: printer == default,
        name: name(&printer),
        driver: name(&driver),
    });
    told.collect()
}

/// Name and driver of each.
fn printers() -> io::Result<Vec<(String, String)>> {
    // Aligned for what lies in it.
    let mut answer = vec![0_u64; 8 << 10];
    loop {
        let size = size_of_val(&*answer);
        let (mut needed, mut count) = (0, 0);
        let place = answer.as_mut_ptr().cast();
        // SAFETY: this machine, a place of this size, and places for what is told of the answer.
        let told = unsafe {
            EnumPrintersW(PRINTER_ENUM_LOCAL, ptr::null(), 2, place, size as u32, &raw mut needed, &raw mut count)
        };
        if told == 0 {
            let error = io::Error::last_os_error();
            let larger = needed as usize;
            // Once more each time that it is said to be longer, which ends at the limit.
            if error.raw_os_error() == Some(ERROR_INSUFFICIENT_BUFFER.cast_signed())
                && (size + 1..=ANSWER_LIMIT).contains(&larger)
            {
                answer.resize(larger.div_ceil(8), 0);
                continue;
            }
            return Err(error);
        }
        let entries: *const PRINTER_INFO_2W = answer.as_ptr().cast();
        let count = (count as usize).min(size / size_of::<PRINTER_INFO_2W>()).min(DEVICE_LIMIT);
        let printer = |index| {
            // SAFETY: so many of them lie in the answer.
            let entry = unsafe { entries.add(index).read() };
            // SAFETY: a text in the answer, with a zero at its end, or null.
            let name = unsafe { narrow_at(entry.pPrinterName) };
            // SAFETY: as before.
            (name, unsafe { narrow_at(entry.pDriverName) })
        };
        return Ok((0..count).map(printer).collect());
    }
}

fn default_printer() -> Option<String> {
    let mut name = [0; 512];
    let mut length = name.len() as u32;
    // SAFETY: a place of this length, and one for the length that is needed.
    (unsafe { GetDefaultPrinterW(name.as_mut_ptr(), &raw mut length) } != 0).then(|| narrow(&name))
}
