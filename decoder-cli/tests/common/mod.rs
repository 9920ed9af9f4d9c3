//! Reports, mails and a way to run the program on them.
#![allow(dead_code, reason = "each test file uses its own share")]

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use prost::Message;
use report_format::schema::v1::{action::Step, *};
use report_format::{Codec, SectionHeader, Summary, Writer};

/// What a terminal must never be given: a title, a screen to clear, text turned round, text unseen.
pub(crate) const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}gpj.exe\u{200b}";

pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the program, with `stdin` as its standard input, on a page of 100 columns.
pub(crate) fn reportdecode<A: AsRef<OsStr>>(arguments: &[A], stdin: &[u8]) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_reportdecode"))
        .args(arguments)
        .env("COLUMNS", "100")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let stdin = stdin.to_vec();
    // Beside the reading, or both sides would wait for the other. A child that ends early closes the pipe: no matter.
    let feeder = std::thread::spawn(move || _ = input.write_all(&stdin));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    Run {
        code: output.status.code().expect("ended by a signal"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Compares with a committed file; REGENERATE=1 writes it instead.
pub(crate) fn assert_snapshot(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(name);
    if std::env::var_os("REGENERATE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    if expected != text {
        panic!("{name} differs (REGENERATE=1 rewrites it).\n--- expected\n{expected}\n--- is\n{text}");
    }
}

/// Nothing that a terminal would act on.
pub(crate) fn assert_harmless(text: &str) {
    for c in text.chars() {
        let bad = c != '\n' && c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{61c}' | '\u{feff}');
        assert!(!bad, "{c:?} in {text}");
    }
}

/// Builds a report of stored sections: the same bytes with every version of the compressor.
pub(crate) struct Builder(Writer<Vec<u8>>);

impl Builder {
    pub(crate) fn new(id: u8) -> Builder {
        Builder::of_kind(id, ErrorKind::Crash)
    }

    pub(crate) fn of_kind(id: u8, kind: ErrorKind) -> Builder {
        let summary = Summary {
            report_id: vec![id; 16],
            product_id: vec![9; 16],
            time: TIME,
            kind: kind.into(),
            categories: 0x7ffe,
            ..Default::default()
        };
        Builder(Writer::new(Vec::new(), &summary).unwrap())
    }

    pub(crate) fn raw(mut self, kind: u16, category: Category, bytes: &[u8]) -> Builder {
        let mut header = SectionHeader::new(SectionKind::Product, category);
        (header.kind, header.codec) = (kind, Codec::Stored);
        let mut section = self.0.section(header).unwrap();
        section.write_all(bytes).unwrap();
        section.finish().unwrap();
        self
    }

    pub(crate) fn with(self, kind: SectionKind, category: Category, message: &impl Message) -> Builder {
        self.raw(kind as u16, category, &message.encode_to_vec())
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0.finish().unwrap().0
    }
}

/// 2026-11-23T21:26:16.25Z.
const TIME: u64 = 1_795_469_176_250_000_000;
const SECOND: u64 = 1_000_000_000;

/// A report of a few hundred bytes.
pub(crate) fn small_report(id: u8, product: &str) -> Vec<u8> {
    let product = Product { name: product.into(), version: "1.0".into(), ..Default::default() };
    Builder::new(id).with(SectionKind::Product, Category::Essential, &product).finish()
}

/// A report with something in every section. Every free text ends with `suffix`.
pub(crate) fn full_report(suffix: &str) -> Vec<u8> {
    let s = |text: &str| format!("{text}{suffix}");
    let frame = |module: Option<u32>, offset: u64, symbol: &str, trust: FrameTrust| Frame {
        instruction: 0x55d0_c3a4_0000 + offset,
        module,
        module_offset: offset,
        trust: trust.into(),
        symbol: if symbol.is_empty() { String::new() } else { s(symbol) },
        symbol_offset: 0x2b,
    };
    let source = || vec![Source { name: s("/etc/os-release") }];
    let location = Some(SourceLocation { file: s("src/book.c"), line: 42, column: 7 });
    Builder::new(0xab)
        .with(SectionKind::Product, Category::Essential, &Product {
            vendor: s("Example Software"),
            name: s("Ledger"),
            version: s("3.1.4"),
            build: s("20261123.7"),
            channel: s("stable"),
            sdk_version: s("0.1.0"),
        })
        .with(SectionKind::Error, Category::Essential, &Error {
            report_id: vec![0xab; 16],
            kind: ErrorKind::Crash.into(),
            time: TIME,
            utc_offset_seconds: 3600,
            uptime_nanos: 252 * SECOND,
            title: s("SIGSEGV: address not mapped"),
            fault: Some(FaultCode { code: 11, subcode: 1, name: s("SIGSEGV"), address: Some(0x10) }),
            chain: vec![
                ErrorLink {
                    type_name: s("ledger::BookError"),
                    message: format!("cannot close the book\nsecond line{suffix}"),
                    code: Some(-2),
                    location: location.clone(),
                    frames: vec![ManagedFrame {
                        method: s("Ledger.Book.Close()"),
                        assembly: s("Ledger, Version=3.1.4.0"),
                        mvid: vec![5; 16],
                        token: 0x600_0123,
                        il_offset: 0x1c,
                        location,
                    }],
                },
                ErrorLink { message: s("no space left on device"), ..Default::default() },
            ],
            thread_id: 4711,
            thread_name: s("main"),
            exit_code: Some(139),
        })
        .with(SectionKind::Consent, Category::Essential, &ConsentRecord {
            source: ConsentSource::Person.into(),
            time: TIME + 30 * SECOND,
            granted: (1..=14).filter(|category| ![4, 11].contains(category)).collect(),
            declined: vec![Category::Screen.into()],
            stated_purpose: s("to fix this error; nothing else"),
            recipient: s("support@vendor.example"),
            preview_digest: vec![0xcd; 32],
            left_out: vec![s("attachment"), s("error.chain.message")],
        })
        .with(SectionKind::Diagnostics, Category::Essential, &Diagnostics {
            soft_errors: vec![SoftError { subject: s("inventory.volumes"), message: s("no answer in 2 s") }],
            dump_nanos: 1_900_000,
            collect_nanos: 12_000_000,
            dropped_streams: vec![0x4767_0007, 0x4767_0006],
            zeroed_bytes: 3214,
            suppressed: 12,
            stopped_nanos: 0,
            subjects: vec![
                SubjectTime { subject: s("inventory.os"), took_nanos: 412_000, limit_nanos: SECOND },
                SubjectTime { subject: s("inventory.volumes"), took_nanos: SECOND, limit_nanos: SECOND },
            ],
            sanitised_bytes: 9120,
        })
        .with(SectionKind::Actions, Category::Actions, &actions(&s))
        .with(SectionKind::Stacks, Category::Memory, &Stacks {
            threads: vec![
                Thread {
                    id: 4711,
                    name: s("main"),
                    faulting: true,
                    frames: vec![
                        frame(Some(0), 0x1e2b, "close_book", FrameTrust::Context),
                        frame(Some(0), 0x2000, "_ZN6ledger4book5close17h0123456789abcdefE", FrameTrust::Unwound),
                        frame(Some(1), 0x2_7a3f, "__libc_start_call_main", FrameTrust::Unwound),
                        frame(None, 0x99, "", FrameTrust::Scanned),
                        frame(Some(77), 0x12, "", FrameTrust::Scanned),
                    ],
                    truncated: true,
                },
                Thread {
                    id: 4712,
                    name: s("worker 3"),
                    frames: vec![frame(Some(1), 0x91_fbd, "pthread_cond_wait", FrameTrust::Context)],
                    ..Default::default()
                },
            ],
        })
        .with(SectionKind::Modules, Category::Memory, &Modules {
            modules: vec![
                module(&s("/opt/ledger/bin/ledger"), 0x55d0_c3a4_0000, &[0xfe; 20]),
                module(&s("/usr/lib/x86_64-linux-gnu/libc.so.6"), 0x7f21_a000_0000, &[0x21; 20]),
                module(&s("C:\\Windows\\System32\\unused.dll"), 0x7f31_a000_0000, &[]),
            ],
        })
        .raw(SectionKind::Minidump as u16, Category::Memory, b"MDMP that is none")
        .with(SectionKind::Processes, Category::Processes, &Processes {
            processes: vec![Process {
                name: s("antivirus"),
                path: s("/usr/bin/antivirus"),
                version: s("7.1"),
                system: true,
                memory: 41 << 20,
                count: 3,
            }],
            kernel_modules: vec![KernelModule { name: s("nvidia"), version: s("535.129"), size: 311_296, path: s("") }],
            services: vec![RunningService { name: s("cups.service"), path: s("/usr/sbin/cupsd") }],
            sources: source(),
        })
        .with(SectionKind::System, Category::System, &System {
            os: Some(OperatingSystem {
                family: s("linux"),
                name: s("Debian GNU/Linux"),
                version: s("12"),
                kernel: s("6.1.0-18-amd64"),
                architecture: s("x86_64"),
                uptime_nanos: 273_600 * SECOND,
                sources: source(),
                ..Default::default()
            }),
            dotnet: vec![DotnetVersion {
                kind: DotnetKind::Runtime.into(),
                name: s("Microsoft.NETCore.App"),
                version: s("8.0.1"),
                release: Some(533_320),
                ..Default::default()
            }],
            locale: Some(Locale { keyboard_layouts: vec![s("de"), s("us")], language: s("de-DE"), ..Default::default() }),
            cpu: Some(Cpu {
                brand: s("Intel Core i7-8700"),
                features: (0..30).map(|number| format!("feature{number}")).collect(),
                logical_cores: 12,
                max_frequency_mhz: 4600,
                ..Default::default()
            }),
            memory: Some(MachineMemory { total: 16 << 30, available: 3 << 30, ..Default::default() }),
            volumes: vec![
                Volume { file_system: s("ext4"), size: 512 << 30, free: 11 << 30, kind: s("ssd"), mount_point: s("/"), ..Default::default() },
                Volume { file_system: s("vfat"), size: 64 << 20, removable: true, ..Default::default() },
            ],
            dotnet_sources: source(),
            volume_sources: Vec::new(),
        })
        .with(SectionKind::Account, Category::Account, &Account { name: s("anna"), session: s("local"), sources: source(), ..Default::default() })
        .with(SectionKind::Network, Category::Network, &Network { host_name: s("pc-17"), dns_servers: vec![s("dns.example.net")], ..Default::default() })
        .with(SectionKind::InstalledSoftware, Category::InstalledSoftware, &InstalledSoftware {
            programs: vec![InstalledProgram { name: s("libreoffice"), version: s("7.4.7"), ..Default::default() }; 3],
            services: vec![InstalledService { name: s("cups.service"), state: s("running"), start_type: s("enabled") }],
            sources: Vec::new(),
        })
        .with(SectionKind::Devices, Category::Devices, &Devices {
            network_adapters: vec![NetworkAdapter { model: s("Intel I219-V"), speed_mbit: 1000, ..Default::default() }],
            printers: vec![Printer { name: s("HP LaserJet 400"), default: true, ..Default::default() }],
            displays: vec![Display { name: s("DELL U2720Q"), width: 3840, height: 2160, scale_percent: 150, ..Default::default() }],
            graphics_cards: vec![GraphicsCard { model: s("NVIDIA T1000"), ..Default::default() }],
            sources: Vec::new(),
        })
        .with(SectionKind::Screen, Category::Screen, &Screen { display: s("DELL U2720Q"), png: b"\x89PNG".to_vec(), width: 1920, height: 1080, own_windows_only: true, scale_percent: 50, ..Default::default() })
        .with(SectionKind::Contact, Category::Contact, &Contact {
            first_name: s("Anna"),
            last_name: s("Berg"),
            email: s("anna@example.com"),
            description: format!("I had just opened the book.\nThen it went away, and everything I had typed since the morning with it.{suffix}"),
            language: s("de"),
        })
        .with(SectionKind::Annotations, Category::Product, &Annotations {
            annotations: vec![
                Annotation { key: s("document.kind"), value: s("invoice"), truncated: false },
                Annotation { key: s("customer"), value: s("a long one"), truncated: true },
            ],
            command_line: vec![s("ledger"), s("--offline")],
        })
        .with(SectionKind::Attachment, Category::Attachments, &Attachment {
            name: s("../../session log"),
            media_type: s("text/plain"),
            content: b"line 1\nline 2\n".to_vec(),
            original_size: 12_288,
        })
        .with(SectionKind::Attachment, Category::Attachments, &Attachment { name: s("/etc/passwd"), content: b"x".to_vec(), ..Default::default() })
        .raw(0x8001, Category::Product, b"vendor's own")
        .finish()
}

fn actions(s: &dyn Fn(&str) -> String) -> Actions {
    let at = |millis: u64, sequence, step| Action {
        before_error_nanos: millis * 1_000_000,
        sequence,
        thread_id: 4711,
        truncated: sequence == 2,
        step: Some(step),
    };
    let task = |task_id, parent_id, phase: TaskPhase, name: &str| {
        Step::Task(TaskStep { task_id, parent_id, phase: phase.into(), name: s(name) })
    };
    let dialog = |phase: DialogPhase, result: String| {
        Step::Dialog(DialogStep { dialog_id: s("export.options"), phase: phase.into(), result })
    };
    let command =
        Step::Command(CommandStep {
            command_id: s("file.export"), label: s("Export…"), surface: Surface::Menu.into()
        });
    let mut elsewhere = at(900, 8, task(9, 0, TaskPhase::Ended, "autosave"));
    elsewhere.thread_id = 4712;
    Actions {
        actions: vec![
            at(4_000_000, 1, task(1, 0, TaskPhase::Begun, "close year")),
            at(185_000, 2, command),
            at(12_304, 3, dialog(DialogPhase::Opened, String::new())),
            at(8_000, 4, dialog(DialogPhase::Closed, s("ok"))),
            at(7_500, 5, task(2, 1, TaskPhase::Begun, "export")),
            at(2_000, 6, task(3, 2, TaskPhase::Begun, "write file")),
            at(1_000, 7, task(3, 2, TaskPhase::Failed, "write file")),
            elsewhere,
            at(10, 9, task(2, 1, TaskPhase::Ended, "export")),
        ],
        dropped: 5,
        torn: 1,
        ..Default::default()
    }
}

fn module(path: &str, start: u64, build_id: &[u8]) -> Module {
    Module { path: path.into(), start, size: 700_416, build_id: build_id.to_vec(), ..Default::default() }
}

/// A mail with `attachment` in base64 lines, as mailers write it.
pub(crate) fn mail(subject: &str, attachment: &[u8]) -> String {
    format!(
        "Return-Path: <product@vendor.example>\r\nSubject: {subject}\r\nFrom: product@vendor.example\r\nTo: support@vendor.example\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_b\"\r\n\r\n--=_b\r\nContent-Type: text/plain\r\n\r\n\
         An error report is attached.\r\n--=_b\r\nContent-Type: application/octet-stream\r\n\
         Content-Disposition: attachment; filename=\"crash.report\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}--=_b--\r\n",
        base64(attachment)
    )
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for line in bytes.chunks(57) {
        for group in line.chunks(3) {
            let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(group.get(at).copied().unwrap_or(0)));
            for digit in 0..4 {
                match digit <= group.len() {
                    true => text.push(char::from(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize])),
                    false => text.push('='),
                }
            }
        }
        text.push_str("\r\n");
    }
    text
}
