//! Memory written as files for debuggers, and what reports of any size say at once.

mod common;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use common::{Run, assert_harmless, reportdecode, small_report};
use minidump_synth::{Memory, SynthMinidump, SystemInfo, Thread, amd64_context};
use report_format::memory::{self, CoreFile, FullMinidump, Options, PAGE, Source};
use report_format::schema::v1::{Category, ErrorKind, MemoryRegion, SectionKind};
use report_format::{SectionHeader, Summary, Writer};
use serde_json::Value;
use tempfile::{TempDir, tempdir};
use test_assembler::{Endian, Section};

const PROGRAM: u64 = 0x5555_0000_0000;
const AMD64: u16 = 9;
const ARM64: u16 = 12;
const LINUX: u32 = 0x8201;

/// 300 pages in two regions. Each page holds its number, but every fourth zeros; one cannot be read.
struct Pages([MemoryRegion; 2]);

const UNREADABLE: u64 = PROGRAM + 9 * PAGE as u64;

impl Pages {
    fn new() -> Self {
        let region = |address, pages: u64, mapping: &str| MemoryRegion {
            address,
            size: pages * PAGE as u64,
            protection: 3,
            mapping: mapping.into(),
            ..Default::default()
        };
        Self([region(PROGRAM, 100, "/opt/ledger\u{1b}[2J"), region(0x7fff_f000_0000, 200, "[stack]")])
    }
}

impl Source for Pages {
    fn regions(&self) -> &[MemoryRegion] {
        &self.0
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> io::Result<()> {
        for (at, page) in (address..).step_by(PAGE).zip(buffer.chunks_mut(PAGE)) {
            let number = at / PAGE as u64;
            match number % 4 {
                _ if at == UNREADABLE => return Err(io::ErrorKind::PermissionDenied.into()),
                0 => page.fill(0),
                _ => page.as_chunks_mut::<8>().0.fill(number.to_le_bytes()),
            }
        }
        Ok(())
    }
}

fn minidump(processor: u16) -> Vec<u8> {
    let endian = Endian::Little;
    let system = SystemInfo::new(endian).set_processor_architecture(processor).set_platform_id(LINUX);
    let registers = amd64_context(endian, PROGRAM + 0x100, 0x7fff_f000_0800);
    let stack = Memory::with_section(Section::with_endian(endian).append_repeated(0, 64), 0x7fff_f000_0800);
    let thread = Thread::new(endian, 4711, &stack, &registers);
    let dump = SynthMinidump::with_endian(endian).add_system_info(system);
    dump.add_thread(thread).add(registers).add_memory(stack).finish().unwrap()
}

/// A report in a file, in a directory that goes with it.
struct Case {
    directory: TempDir,
    report: PathBuf,
}

impl Case {
    fn new(bytes: &[u8]) -> Self {
        let directory = tempdir().unwrap();
        let report = directory.path().join("crash.report");
        fs::write(&report, bytes).unwrap();
        Self { directory, report }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn export(&self, option: &str, to: &Path) -> Run {
        reportdecode(&["export".as_ref(), self.report.as_os_str(), option.as_ref(), to.as_os_str()], b"")
    }

    fn summary(&self, options: &[&str]) -> Run {
        let arguments: Vec<_> =
            ["summary"].iter().chain(options).map(AsRef::as_ref).chain([self.report.as_os_str()]).collect();
        reportdecode(&arguments, b"")
    }
}

/// A report with a minidump, if one is given, and an image of memory.
fn report(dump: Option<&[u8]>) -> Vec<u8> {
    let summary = Summary {
        report_id: vec![0xab; 16],
        product_id: vec![9; 16],
        time: 1_795_469_176_250_000_000,
        kind: ErrorKind::Crash.into(),
        ..Default::default()
    };
    let mut writer = Writer::new(Vec::new(), &summary).unwrap();
    if let Some(dump) = dump {
        let mut section = writer.section(SectionHeader::new(SectionKind::Minidump, Category::Memory)).unwrap();
        section.write_all(dump).unwrap();
        section.finish().unwrap();
    }
    memory::encode(&mut writer, &Pages::new(), &Options::default()).unwrap();
    writer.finish().unwrap().0
}

#[track_caller]
fn assert_same_memory(found: &dyn Source) {
    let (pages, mut left, mut right) = (Pages::new(), [0; PAGE], [1; PAGE]);
    for region in pages.regions() {
        for at in (region.address..region.address + region.size).step_by(PAGE) {
            let (expected, found) = (pages.read(at, &mut left), found.read(at, &mut right));
            assert_eq!(expected.is_ok(), found.is_ok(), "{at:#x}");
            assert!(expected.is_err() || left == right, "{at:#x}");
        }
    }
}

#[test]
fn memory_becomes_a_full_minidump_or_a_core_file() {
    let case = Case::new(&report(Some(&minidump(AMD64))));
    let (dump, core) = (case.path("crash.dmp"), case.path("crash.core"));
    let run = case.export("--minidump", &dump);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert!(run.stdout.contains("crash.dmp") && run.stdout.contains("4 KiB"), "{}", run.stdout);
    assert_same_memory(&FullMinidump::open(File::open(&dump).unwrap()).unwrap());

    let run = case.export("--core", &core);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert_same_memory(&CoreFile::open(File::open(&core).unwrap()).unwrap());
}

// Not on Windows: there are no modes; what is done in their place, private/windows.rs tests.
#[cfg(unix)]
#[test]
fn an_export_is_for_its_owner_only_and_written_over_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let case = Case::new(&report(Some(&minidump(AMD64))));
    let output = case.path("crash.dmp");
    assert_eq!(case.export("--minidump", &output).code, 0);
    assert_eq!(fs::metadata(&output).unwrap().permissions().mode() & 0o777, 0o600);

    fs::write(&output, "mine").unwrap();
    let run = case.export("--core", &output);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("exists already"), "{}", run.stderr);
    assert_eq!(fs::read(&output).unwrap(), b"mine");
}

#[test]
fn what_cannot_be_exported_is_told_and_leaves_no_file() {
    let cases: [(Vec<u8>, &str, &str); 5] = [
        (small_report(1, "Ledger"), "--minidump", "has no image of memory"),
        (report(None), "--minidump", "has no minidump"),
        (report(Some(&minidump(ARM64))), "--core", "ARM64"),
        (report(Some(b"MDMP, and that is all")), "--minidump", "this is no minidump"),
        (b"no report at all".to_vec(), "--core", "report"),
    ];
    for (report, option, expected) in cases {
        let case = Case::new(&report);
        let output = case.path("out");
        let run = case.export(option, &output);
        assert_eq!(run.code, 1, "{expected}: {}", run.stdout);
        assert!(run.stderr.contains(expected), "{}", run.stderr);
        assert_eq!(fs::read_dir(case.directory.path()).unwrap().count(), 1, "the report alone");
    }
}

#[test]
fn one_kind_of_file_is_asked_for_and_only_one() {
    let case = Case::new(&report(Some(&minidump(AMD64))));
    let report = case.report.to_str().unwrap();
    assert_eq!(reportdecode(&["export", report], b"").code, 2);
    assert_eq!(reportdecode(&["export", report, "--core", "a.core", "--minidump", "a.dmp"], b"").code, 2);
}

#[test]
fn memory_that_a_damaged_report_lost_is_told_apart_from_what_never_could_be_read() {
    let mut bytes = report(Some(&minidump(AMD64)));
    let case = Case::new(&bytes);
    let json: Value = serde_json::from_str(&case.summary(&["--json"]).stdout).unwrap();
    let sections = json["sections"].as_array().unwrap();
    let image = sections.iter().find(|section| section["kind"] == "memory_image").unwrap();
    let (offset, size) = (image["offset"].as_u64().unwrap(), image["size"].as_u64().unwrap());
    bytes[(offset + size / 2) as usize] ^= 1;
    fs::write(&case.report, bytes).unwrap();
    let run = case.export("--core", &case.path("crash.core"));
    assert_eq!((run.code, run.stderr.as_str()), (3, ""));
    assert!(run.stdout.contains("lost since"), "{}", run.stdout);
}

#[test]
fn a_summary_says_what_is_in_a_report() {
    let case = Case::new(&report(Some(&minidump(AMD64))));
    let run = case.summary(&[]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert_harmless(&run.stdout);
    for expected in [
        "abababab-abab-abab-abab-abababababab",
        "09090909-0909-0909-0909-090909090909",
        "2026-11-23 21:26:16 UTC",
        "crash",
        "memory image",
        "1.1 MiB in 2 regions",
        "minidump",
    ] {
        assert!(run.stdout.contains(expected), "{expected} in\n{}", run.stdout);
    }

    let run = case.summary(&["--json"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let json: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json["report_id"], "abababab-abab-abab-abab-abababababab");
    assert_eq!(json["time"], "2026-11-23T21:26:16.25Z");
    assert_eq!(json["kind"], "crash");
    assert_eq!(json["ends_whole"], true);
    assert_eq!(json["size"], fs::metadata(&case.report).unwrap().len());
    assert_eq!((&json["memory"]["covers"], &json["memory"]["regions"]), (&(300 * 4096).into(), &2.into()));
    assert!(json["memory"]["blocks"].as_u64().unwrap() >= 2, "{json}");
}

/// 4 GiB of zeros, but for one page in each MiB.
struct Long([MemoryRegion; 1]);

const MIB: u64 = 1 << 20;

impl Source for Long {
    fn regions(&self) -> &[MemoryRegion] {
        &self.0
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> io::Result<()> {
        for (at, page) in (address..).step_by(PAGE).zip(buffer.chunks_mut(PAGE)) {
            page.fill(0);
            if at.is_multiple_of(MIB) {
                page[..8].copy_from_slice(&at.to_le_bytes());
            }
        }
        Ok(())
    }

    fn zeros(&self, address: u64, limit: u64) -> u64 {
        (address.next_multiple_of(MIB) - address).min(limit)
    }
}

#[test]
fn a_summary_looks_into_no_block_of_memory() {
    let region = MemoryRegion { address: PROGRAM, size: 4096 * MIB, protection: 3, ..Default::default() };
    let mut writer = Writer::new(Vec::new(), &Summary { report_id: vec![7; 16], ..Default::default() }).unwrap();
    memory::encode(&mut writer, &Long([region]), &Options::default()).unwrap();
    let mut bytes = writer.finish().unwrap().0;
    let case = Case::new(&bytes);
    let whole = case.summary(&["--json"]);
    assert_eq!((whole.code, whole.stderr.as_str()), (0, ""));
    let json: Value = serde_json::from_str(&whole.stdout).unwrap();
    assert_eq!(json["memory"]["covers"], 4096 * MIB);
    assert!(json["memory"]["blocks"].as_u64().unwrap() > 1, "{json}");
    let image = &json["sections"][1];
    assert_eq!(image["kind"], "memory_image");

    // Nothing is left of any block, and nobody notices.
    let (offset, size) = (image["offset"].as_u64().unwrap() as usize, image["size"].as_u64().unwrap() as usize);
    bytes[offset..offset + size].fill(0);
    fs::write(&case.report, bytes).unwrap();
    let empty = case.summary(&["--json"]);
    assert_eq!((empty.code, empty.stdout), (0, whole.stdout));
}

#[test]
fn a_summary_of_a_cut_report_says_so() {
    let bytes = report(Some(&minidump(AMD64)));
    let case = Case::new(&bytes[..bytes.len() - 100]);
    let run = case.summary(&[]);
    assert_eq!((run.code, run.stderr.as_str()), (3, ""));
    assert!(run.stdout.contains("CUT"), "{}", run.stdout);
    assert_eq!(Case::new(b"no report").summary(&[]).code, 1);
}

#[test]
fn what_an_image_covers_is_shown_and_no_empty_file_extracted() {
    let case = Case::new(&report(Some(&minidump(AMD64))));
    let run = reportdecode(&["show".as_ref(), case.report.as_os_str()], b"");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert!(run.stdout.contains("1.1 MiB in 2 regions"), "{}", run.stdout);
    let output = case.path("parts");
    let run =
        reportdecode(&["extract".as_ref(), case.report.as_os_str(), "--output".as_ref(), output.as_os_str()], b"");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(output.join("minidump.dmp").exists() && !output.join("memory-image.bin").exists());
}
