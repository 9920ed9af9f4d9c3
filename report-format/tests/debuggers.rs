//! What debuggers show of an export is what they show of the process that it was made from.
// Not on Windows: gdb opens core files of live processes of Linux here.
#![cfg(all(feature = "export", target_os = "linux", target_arch = "x86_64"))]

mod common;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Cursor};
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use minidump_common::format::MINIDUMP_STREAM_TYPE;
use minidump_writer::minidump_writer::MinidumpWriterConfig;
use report_format::memory::{self, CoreFile, MemoryImage, Options, PAGE, Source, export};
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
        let mut process = Command::new(&program)
            .current_dir(&directory)
            // The kernel would write each thread's processor to its memory, also while a signal is on the way that ends it.
            .env("GLIBC_TUNABLES", "glibc.pthread.rseq=0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("what gcc made");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        let ledger = Self { directory, program, process };
        ledger.await_sleep();
        ledger
    }

    /// Until no thread runs any more.
    fn await_sleep(&self) {
        self.await_state('S');
    }

    /// Stops all threads where they are: not even the kernel writes to their memory then.
    fn stop(&self) {
        self.signal("STOP");
        self.await_state('T');
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.process.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    fn await_state(&self, state: char) {
        let given_up = Instant::now() + Duration::from_secs(20);
        loop {
            let tasks = fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap();
            let states = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("stat")).unwrap());
            if states.map(|stat| stat.rsplit(") ").next().unwrap().starts_with(state)).eq([true, true]) {
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

/// The pages of a process that is stopped, as far as they can be read.
fn pages_of(process: &ProcessMemory) -> BTreeMap<u64, Vec<u8>> {
    let regions = process.regions.iter();
    let addresses = regions.flat_map(|region| (region.address..region.address + region.size).step_by(PAGE));
    let read = |at| {
        let mut page = vec![0; PAGE];
        process.read(at, &mut page).ok().map(|()| (at, page))
    };
    addresses.filter_map(read).collect()
}

/// Encodes a core file that others wrote, and compares each page of the image with that of the process.
fn check_core_of_others(core: &Path, process: &BTreeMap<u64, Vec<u8>>) {
    let core = CoreFile::open(File::open(core).unwrap()).unwrap();
    let mut writer = Writer::new(Vec::new(), &common::summary()).unwrap();
    let stats = memory::encode(&mut writer, &core, &Options::default()).unwrap();
    // Most of it is what malloc was asked for and nobody touched.
    assert!(stats.pages > 2_000 && stats.zero > 1_500 && stats.stored > 20, "{stats:?}");
    let of_program = |region: &&MemoryRegion| region.mapping.ends_with("/ledger");
    assert!(core.regions().iter().filter(of_program).count() >= 2, "{:?}", core.regions());
    with_image(&writer.finish().unwrap().0, |image| {
        assert_eq!(image.regions(), core.regions());
        let (mut same, mut filled, mut titled, mut page) = (0, 0, 0, [0; PAGE]);
        for region in image.regions() {
            for at in (region.address..region.address + region.size).step_by(PAGE) {
                let there = image.read_at(at, &mut page).is_ok();
                assert_eq!(core.readable(at, PAGE as u64).is_ok(), there, "{at:#x}");
                // The kernel's own pages, such as the clock's, can be read by nobody else.
                let Some(expected) = process.get(&at).filter(|_| there) else { continue };
                let first = page.iter().zip(expected).position(|(found, expected)| found != expected);
                assert_eq!(first, None, "page {at:#x} of {region:?}");
                same += 1;
                filled += usize::from(page == [0xa5; PAGE]);
                titled += usize::from(page.windows(21).any(|bytes| bytes == b"The book of accounts\0"));
            }
        }
        assert!(same > 2_000 && filled > 0 && titled > 0, "{same} pages, {filled} of 0xa5, {titled} with the title");
    });
}

#[test]
fn core_files_of_gdb_and_of_the_kernel_are_encoded_page_for_page() {
    let mut ledger = Ledger::start();
    ledger.stop();
    let pages = pages_of(&ProcessMemory::open(ledger.process.id()));
    let core = ledger.path("gdb.core");
    let output = Command::new("gdb")
        .args(["-nx", "-batch", "-p", &ledger.process.id().to_string(), "-ex"])
        .arg(format!("generate-core-file {}", core.display()))
        .stdin(Stdio::null())
        .output()
        .expect("gdb is installed: scripts/setup test");
    assert!(core.exists(), "{PTRACE}\n{}", String::from_utf8_lossy(&output.stderr));
    check_core_of_others(&core, &pages);

    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    if pattern.starts_with(['|', '/']) {
        println!("SKIPPED: the kernel's own core file goes elsewhere here: {pattern}");
        return;
    }
    // It stays where gdb left it, and the signal ends it before it takes another step.
    ledger.await_state('T');
    let limit = ["--core=unlimited", "--pid", &ledger.process.id().to_string()];
    assert!(Command::new("prlimit").args(limit).status().unwrap().success());
    ledger.signal("ABRT");
    ledger.signal("CONT");
    assert_eq!(ledger.process.wait().unwrap().signal(), Some(6));
    let mut files = fs::read_dir(ledger.directory.path()).unwrap().map(|file| file.unwrap().path());
    let is_core =
        |path: &PathBuf| fs::read(path).unwrap().starts_with(b"\x7fELF") && *path != core && *path != ledger.program;
    let core = files.find(is_core).unwrap_or_else(|| panic!("no core file by the pattern {pattern}"));
    check_core_of_others(&core, &pages);
}

#[test]
#[ignore = "needs minidump-stackwalk: run by scripts/test --full"]
fn minidump_stackwalk_finds_in_the_full_minidump_the_stacks_of_the_small_one() {
    let program = std::env::var_os("MINIDUMP_STACKWALK").expect(
        "MINIDUMP_STACKWALK is not set: it is the path of the program that `cargo install minidump-stackwalk` makes",
    );
    let ledger = Ledger::start();
    let (small, full) = (ledger.path("small.dmp"), ledger.path("full.dmp"));
    let dump = ledger.small_minidump();
    fs::write(&small, &dump).unwrap();
    ledger.await_sleep();
    with_image(&ledger.report(), |image| export::minidump(&dump, image, File::create(&full).unwrap())).unwrap();
    let stacks = |dump: &Path| {
        let output = Command::new(&program).args(["--human", "--no-color"]).arg(dump).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
        text.lines()
            .skip_while(|line| !line.starts_with("Thread 0"))
            .take_while(|line| !line.starts_with("Loaded modules"))
            .fold(String::new(), |text, line| text + line + "\n")
    };
    let (small, full) = (stacks(&small), stacks(&full));
    println!("{full}");
    assert_eq!(full, small);
    for expected in ["Thread 0", "Thread 1", "ledger", "libc"] {
        assert!(full.contains(expected), "{expected} is not in\n{full}");
    }
}
