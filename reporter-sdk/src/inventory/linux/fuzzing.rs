//! For the fuzzers: the parsers of what files, servers and programs of this machine say.
//!
//! Where a target stands for several parsers, the first byte of its input chooses one.

use std::ops::ControlFlow::Continue;

use report_format::schema::v1::KernelModule;

use super::displays::edid;
use super::hardware::ids::{Bus, Id, Names};
use super::locale::{gnome, xkb};
use super::machine::each_line;
use super::packages::{Found, dpkg, flatpak, pacman, rpm, snap};
use super::printers::{self, http, ipp};
use super::{kernel_modules, units};
use crate::redact;
use crate::x11::authority;

/// Stands where nothing is told from.
const CANARY: &str = "CANARY";
/// Of a list in a fuzzer: larger than any input.
const LIST_LIMIT: u64 = 1 << 20;

/// One line, and not longer than 256 characters, in which a name can have become a longer placeholder.
fn assert_field(text: &str) {
    assert!(text.len() <= 2048, "{} bytes", text.len());
    assert!(!text.chars().any(char::is_control), "{text:?}");
}

/// Also without an address of the local network. What was cut at its end can look like one that it was not.
fn assert_name(text: &str) {
    assert_field(text);
    assert!(redact::addresses(text) == text || text.chars().count() >= 256, "{text}");
}

/// Any bytes as an answer by HTTP, and as one in IPP.
pub(crate) fn printers(answer: &[u8]) {
    let body = http::body(answer);
    assert!(body.as_ref().is_ok_and(|body| body.len() <= answer.len()) || is_of_ours(&body));
    for body in [answer, &body.unwrap_or_default()] {
        let found = ipp::printers(body);
        assert!(found.is_ok() || is_of_ours(&found));
        let found = found.unwrap_or_default();
        assert!(found.len() <= 256, "{} printers", found.len());
        for printer in &found {
            let told = printers::told(printer);
            assert_name(&told.name);
            assert_name(&told.driver);
        }
    }
}

/// An error is in every report: it has no word of the server's.
fn is_of_ours<T>(answer: &std::io::Result<T>) -> bool {
    let words = ["HTTP status ", "no answer of HTTP", "IPP status ", "no answer of IPP"];
    answer.as_ref().is_err_and(|error| {
        let error = error.to_string();
        error.len() < 32 && words.iter().any(|words| error.starts_with(words))
    })
}

/// What a display says of itself, the lists of numbers, and three ways to say something of an X display.
pub(crate) fn hardware(input: &[u8]) {
    match input {
        [b'e', edid @ ..] => a_display(edid),
        [b'i', list @ ..] => numbers(list),
        [b'a', file @ ..] => cookies(file),
        [b'x', property @ ..] => layouts(&xkb::layouts(&String::from_utf8_lossy(property))),
        [b'g', settings @ ..] => {
            if let Some(keyboard) = gnome::read(&String::from_utf8_lossy(settings)) {
                layouts(&keyboard.layouts);
                assert!(keyboard.layouts.contains(&keyboard.active));
            }
        }
        _ => {}
    }
}

/// The bytes as they are, and as ones with a right beginning and sum: whatever its serial numbers are, its name is the same.
fn a_display(bytes: &[u8]) {
    let _ = edid::name(bytes);
    let mut forged = [0; edid::LENGTH];
    forged.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    forged[..8].copy_from_slice(&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]);
    close(&mut forged);
    let name = edid::name(&forged);
    if let Some(name) = &name {
        assert!(name.len() <= 64, "{name}");
        assert_name(name);
    }
    forged[12..16].copy_from_slice(b"CANA");
    for descriptor in forged[54..126].chunks_exact_mut(18).filter(|descriptor| descriptor[..4] == [0, 0, 0, 0xff]) {
        descriptor[5..].copy_from_slice(b"CANARY-123456");
    }
    close(&mut forged);
    assert_eq!(edid::name(&forged), name);
}

fn close(edid: &mut [u8; edid::LENGTH]) {
    let sum = edid[..edid::LENGTH - 1].iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    edid[edid::LENGTH - 1] = sum.wrapping_neg();
}

/// No line that is a comment, or of a part of a device, gives a name.
fn numbers(list: &[u8]) {
    let wanted = [(0x8086, 0x15f3), (0x8086, 0), (1, 1)];
    let wanted = wanted.map(|(vendor, device)| Id { bus: Bus::Pci, vendor, device });
    let mut names = Names::of(&wanted);
    let read = each_line(list, LIST_LIMIT, |line| {
        let is_told = !line.starts_with(b"#") && !line.starts_with(b"\t\t");
        if is_told { names.take(line) } else { names.take(&[line, CANARY.as_bytes()].concat()) }
    });
    assert!(read.is_ok());
    for id in wanted {
        let model = names.model(id);
        assert_field(&model);
        assert!(!model.is_empty());
        assert!(!model.contains(CANARY) || has_canary(&String::from_utf8_lossy(list)), "{model}");
    }
}

/// Whether it is the input's own, also with control characters in it, which are left out of what is told.
fn has_canary(input: &str) -> bool {
    input.chars().filter(|c| !c.is_control()).collect::<String>().contains(CANARY)
}

/// A cookie is one of the file's, behind the name of the only protocol that we know.
fn cookies(file: &[u8]) {
    for (host, display) in [(&b"pc"[..], 0), (b"pc", 17), (b"", u16::MAX)] {
        let Some(cookie) = authority::choose(file, host, display) else { continue };
        let at = cookie.as_ptr().addr() - file.as_ptr().addr();
        assert!(at + cookie.len() <= file.len());
        let before = [authority::PROTOCOL, &(cookie.len() as u16).to_be_bytes()].concat();
        assert!(file[..at].ends_with(&before));
    }
}

/// Each a word, or two.
fn layouts(layouts: &[String]) {
    for layout in layouts {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-+:@ ()".contains(c);
        assert!((1..=131).contains(&layout.len()) && layout.chars().all(plain), "{layout:?}");
    }
}

/// What package managers, systemd and the kernel keep about what is installed.
pub(crate) fn packages(input: &[u8]) {
    let Some((kind, input)) = input.split_first() else { return };
    let text = String::from_utf8_lossy(input);
    let mut found = Found::default();
    found.persons.insert(PERSON.to_owned());
    match kind {
        b'd' => {
            let read = dpkg::each_package(input, |package| {
                let list = package.list();
                let file = list.strip_prefix("/var/lib/dpkg/info/").expect("a file of dpkg's");
                assert!(file.len() <= 300 && !file.contains('/') && !file.starts_with('.'), "{file}");
                package.tell(Some("amd64"), String::new(), &mut found);
                Continue(())
            });
            assert!(read.is_ok());
        }
        b'r' => rpm::read(&text, &mut found),
        b'p' => pacman::read(&text, &mut found),
        b's' => snap::read(&text, "folder", String::new(), &mut found),
        b'f' => flatpak::tell("org.example.App", &text, String::new(), &mut found),
        b'u' => unit(&text),
        b'm' => modules(&text),
        _ => {}
    }
    programs(&found);
}

/// Has an account on the machine.
const PERSON: &str = "canary person";

fn programs(found: &Found) {
    for program in &found.programs {
        for field in [&program.name, &program.version, &program.publisher] {
            assert_field(field);
        }
        assert!(!program.name.trim().is_empty(), "{program:?}");
        assert!(!program.publisher.contains('@') && program.publisher.to_lowercase() != PERSON, "{program:?}");
        let is_day = program.date.len() == 10 && program.date.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        assert!(is_day || program.date.is_empty(), "{program:?}");
    }
}

/// Of what a unit starts the path is told, never an argument.
fn unit(file: &str) {
    assert!(["static", "disabled", "indirect"].contains(&units::can_be_enabled(file)));
    let started = units::started(&format!("{file} --password={CANARY}"));
    assert_field(&started);
    assert!(started.is_empty() || started.starts_with('/'), "{started}");
    assert!(!started.contains(CANARY) || has_canary(file), "{started}");
}

/// Lines of `/proc/modules`, an empty one, and `modules.dep`.
fn modules(text: &str) {
    let (list, dependencies) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut modules: Vec<KernelModule> = list.lines().filter_map(kernel_modules::module).collect();
    assert!(kernel_modules::read_paths(dependencies.as_bytes(), &mut modules).is_ok());
    for module in &modules {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        assert!((1..=64).contains(&module.name.len()) && module.name.bytes().all(plain), "{module:?}");
        assert_field(&module.path);
        // Behind it stand those that it needs.
        assert!(!module.path.contains(':'), "{module:?}");
    }
}
