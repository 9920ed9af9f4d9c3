//! What debuggers show of an export is what they show of the process that it was made from.
#![cfg(all(feature = "export", target_os = "linux", target_arch = "x86_64"))]

mod common;

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Cursor};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use minidump_common::format::MINIDUMP_STREAM_TYPE;
use minidump_writer::minidump_writer::MinidumpWriterConfig;
use report_format::memory::{self, MemoryImage, Options, Source, export};
use report_format::schema::v1::MemoryRegion;
use report_format::{Limits, ReportFile, Writer};

/// The program of `common/ledger.c`, running, with both its threads waiting.
struct Ledger {
    directory: tempfile::TempDir,
    program: PathBuf,
    process: Child,
}

impl Ledger {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("ledger");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/common/ledger.c");
        let status = Command::new("gcc").args(["-g", "-O0", "-pthread", "-o"]).arg(&program).arg(source).status();
        assert!(status.expect("gcc is installed: scripts/setup test").success());
        let mut process =
            Command::new(&program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("what gcc made");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        let ledger = Self { directory, program, process };
        ledger.await_sleep();
        ledger
    }

    /// Until no thread runs any more.
    fn await_sleep(&self) {
        let given_up = Instant::now() + Duration::from_secs(20);
        loop {
            let tasks = fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap();
            let states = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("stat")).unwrap());
            if states.map(|stat| stat.rsplit(") ").next().unwrap().starts_with('S')).eq([true, true]) {
                return;
            }
            assert!(Instant::now() < given_up, "the threads of the program do not come to rest");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// A minidump such as a crash reporter takes: stacks and registers.
    fn small_minidump(&self) -> Vec<u8> {
        let id = self.process.id() as i32;
        let mut dump = MinidumpWriterConfig::new(id, id).write(&mut Cursor::new(Vec::new())).expect(PTRACE);
        // Reports have no auxiliary vector: it tells who the user is. The export makes one.
        let directory = u32::from_le_bytes(dump[12..16].try_into().unwrap()) as usize;
        let count = u32::from_le_bytes(dump[8..12].try_into().unwrap()) as usize;
        let entries = dump[directory..][..count * 12].as_chunks_mut::<12>().0;
        let kind = (MINIDUMP_STREAM_TYPE::LinuxAuxv as u32).to_le_bytes();
        let auxiliary = entries.iter_mut().find(|entry| entry[..4] == kind).expect("the writer writes it");
        auxiliary[..4].fill(0);
        dump
    }

    /// A report with the memory of the process.
    fn report(&self) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new(), &common::summary()).unwrap();
        let stats = memory::encode(&mut writer, &ProcessMemory::open(self.process.id()), &Options::default()).unwrap();
        assert!(stats.pages > 2_000 && stats.stored > 100, "{stats:?}");
        writer.finish().unwrap().0
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        // It is ours; that it is gone already is all that can fail.
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

const PTRACE: &str = "this test looks into another process with ptrace, which the machine refuses. Allow it: in a container with \
    --cap-add=SYS_PTRACE, on a machine with /proc/sys/kernel/yama/ptrace_scope less than 2";

/// The memory of a live process.
#[derive(Debug)]
struct ProcessMemory {
    regions: Vec<MemoryRegion>,
    file: File,
}

impl ProcessMemory {
    fn open(id: u32) -> Self {
        let maps = fs::read_to_string(format!("/proc/{id}/maps")).expect(PTRACE);
        let regions = maps.lines().map(parse_mapping).filter(|region| region.protection != 0).collect();
        Self { regions, file: File::open(format!("/proc/{id}/mem")).expect(PTRACE) }
    }
}

/// `7f0000000000-7f0000001000 r-xp 00002000 08:01 1234     /usr/lib/libc.so.6`.
fn parse_mapping(line: &str) -> MemoryRegion {
    let mut fields = line.splitn(6, ' ');
    let mut field = || fields.next().unwrap_or_default().trim();
    let hexadecimal = |text| u64::from_str_radix(text, 16).unwrap();
    let (start, end) = field().split_once('-').map(|(start, end)| (hexadecimal(start), hexadecimal(end))).unwrap();
    let (flags, offset, _device, _inode, path) = (field(), field(), field(), field(), field());
    let bit = |flag: char, bit| if flags.contains(flag) { bit } else { 0 };
    MemoryRegion {
        address: start,
        size: end - start,
        protection: bit('r', 1) | bit('w', 2) | bit('x', 4),
        shared: flags.ends_with('s'),
        mapping: path.to_owned(),
        mapping_offset: hexadecimal(offset),
    }
}

impl Source for ProcessMemory {
    fn regions(&self) -> &[MemoryRegion] {
        &self.regions
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, address)
    }
}

/// What gdb is asked. The live process and the core file get the same questions.
const QUESTIONS: &str = r#"
set width 0
set height 0
set confirm off
set debuginfod enabled off
echo \n== threads\n
info threads
echo \n== backtraces\n
thread apply all -ascending backtrace
echo \n== registers\n
thread apply all -ascending info registers
thread apply all -ascending info registers mxcsr fctrl st0
thread apply all -ascending print/x $xmm0.uint128
thread apply all -ascending print/x $xmm2.uint128
echo \n== variables\n
thread 1
frame function await_end
info args
print opened
print state
print title
print *book
set $entry = book
while $entry
  print *$entry
  set $entry = $entry->next
end
print/x large[0]
print/x large[4194304]@12
print/x large[4194304 + 9998]@4
thread 2
frame function descend
info args
info locals
up
info locals
up
info locals
up
info args
echo \n== libraries\n
info sharedlibrary
"#;

fn gdb(ledger: &Ledger, of: &[&str]) -> String {
    let questions = ledger.path("questions.gdb");
    fs::write(&questions, QUESTIONS).unwrap();
    let output = Command::new("gdb")
        .args(["-nx", "-batch"])
        .args(of)
        .arg("-x")
        .arg(questions)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .expect("gdb is installed: scripts/setup test");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let refused = ["ptrace:", "Could not attach"].iter().any(|words| err.contains(words));
    assert!(!refused, "{PTRACE}\n{err}");
    let from = out.find("== threads").unwrap_or_else(|| panic!("gdb says nothing:\n{out}\n{err}"));
    let answers: Vec<String> = out[from..].lines().filter(|line| !is_unknown(line)).map(same_names).collect();
    assert!(answers.len() > 100 && out.contains("== libraries"), "gdb stopped:\n{out}\n{err}");
    answers.join("\n")
}

/// Registers that no minidump has: the bases of fs and gs, and the masks of AVX-512. And what only an end of debugging brings.
fn is_unknown(line: &str) -> bool {
    let name = line.split_whitespace().next().unwrap_or_default();
    let register = matches!(name, "fs_base" | "gs_base" | "k0" | "k1" | "k2" | "k3" | "k4" | "k5" | "k6" | "k7");
    register || line.starts_with("[Inferior ")
}

/// Without the base of fs, gdb calls `Thread 0x7ffff7d8a740 (LWP 4711) "ledger"` what it is to the kernel, `LWP 4711`.
fn same_names(line: &str) -> String {
    let Some((before, rest)) = line.split_once("Thread 0x") else { return line.to_owned() };
    let Some((id, after)) = rest.split_once("(LWP ").and_then(|(_, rest)| rest.split_once(')')) else {
        return line.to_owned();
    };
    let after = after.strip_prefix(" \"ledger\"").unwrap_or(after);
    format!("{before}LWP {id}{after}")
}

/// Runs of spaces are for the eye, and depend on how long the names are.
fn squeezed(text: &str) -> String {
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n").collect()
}

fn with_image<T>(report: &[u8], work: impl FnOnce(&MemoryImage<'_, Cursor<&[u8]>>) -> T) -> T {
    let mut file = ReportFile::open(Cursor::new(report), &Limits::default()).unwrap();
    let image = file.memory().unwrap().expect("a memory image");
    work(&image)
}

#[test]
fn gdb_shows_of_a_core_file_what_it_shows_of_the_process() {
    let ledger = Ledger::start();
    let live = gdb(&ledger, &["-p", &ledger.process.id().to_string()]);
    ledger.await_sleep();
    let dump = ledger.small_minidump();
    ledger.await_sleep();
    let report = ledger.report();
    let core = ledger.path("ledger.core");
    let exported = with_image(&report, |image| export::core(&dump, image, File::create(&core).unwrap())).unwrap();
    assert_eq!((exported.threads, exported.threads_without_registers), (2, 0));
    let dead = gdb(&ledger, &[ledger.program.to_str().unwrap(), core.to_str().unwrap()]);

    let (live, dead) = (squeezed(&live), squeezed(&dead));
    for (live, dead) in live.lines().zip(dead.lines()) {
        assert_eq!(dead, live);
    }
    assert_eq!(dead.lines().count(), live.lines().count(), "--- of the process\n{live}\n--- of the core file\n{dead}");
    // What both say is also what the program does.
    for expected in [
        "= 4711",
        "= CLOSED",
        "\"The book of accounts\"",
        "{number = 5, amount = 12.5, label = ",
        "\"even\"",
        "= 0x0\n",
        "{0xa5 <repeats 12 times>}",
        "{0xa5, 0xa5, 0x0, 0x0}",
        "level = 3",
        "local = 300",
        "local = 200",
        "local = 100",
        "\"helper\"",
        "await_end (first=",
        "in worker (argument=",
        "libc.so.6",
        " in main () at ",
    ] {
        assert!(dead.contains(expected), "{expected} is not in\n{dead}");
    }
}
