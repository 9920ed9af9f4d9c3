//! What is read of a process is what `gcore` reads of it, and gdb shows of our core file what it shows of the process.

use std::fs;
use std::io::{BufRead, BufReader, Cursor};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use report_format::memory::{self, CoreFile, Options, export};
use report_format::schema::v1::Summary;
use report_format::{Limits, ReportFile, Writer};

use super::tests::holds;
use super::*;
use crate::handler::minidump_filter::{self, FilterPlan};
use crate::handler::sys::argument_block::ArgumentBlock;
use crate::handler::sys::{dump, memory_map};

const NEEDS: &str = "gdb and gcc are installed: scripts/setup test";
/// In the environment: gcore sees it, we do not.
const CANARY: &str = "CANARY-91d3c7-YRANAC";

/// Some 50 MiB of small objects. Says where a text of it lies.
const PYTHON: &str = r#"
import ctypes, sys
ctypes.CDLL(None).prctl(0x59616d61, ctypes.c_ulong(-1), 0, 0, 0)
heap = [(number, str(number) * 8) for number in range(300000)]
text = b"The book of accounts" + b"."
print(id(text) + bytes.__basicsize__ - 1, flush=True)
sys.stdin.readline()
"#;

/// A process that has been stopped: not even the kernel writes to its memory.
struct Stopped {
    directory: tempfile::TempDir,
    process: Child,
    said: String,
}

impl Stopped {
    fn start(command: &mut Command, directory: tempfile::TempDir) -> Self {
        let mut process = command
            .env("SECRET_TOKEN", CANARY)
            .current_dir(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a program to look at");
        let mut said = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let stopped = Self { directory, process, said: said.trim().to_owned() };
        let pid = rustix::process::Pid::from_child(&stopped.process);
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
        stopped.await_stop();
        stopped
    }

    fn pid(&self) -> u32 {
        self.process.id()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Until all threads are stopped; those that have looked into it have let go, too.
    fn await_stop(&self) {
        let given_up = Instant::now() + Duration::from_secs(30);
        let is_stopped = |task: io::Result<fs::DirEntry>| {
            let stat = fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
            stat.rsplit(") ").next().unwrap().starts_with('T')
        };
        while !fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap().all(is_stopped) {
            assert!(Instant::now() < given_up, "the process does not stop");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn gcore(&self) -> PathBuf {
        let prefix = self.path("gcore");
        let output = Command::new("gcore").arg("-o").arg(&prefix).arg(self.pid().to_string()).output().expect(NEEDS);
        let core = self.path(&format!("gcore.{}", self.pid()));
        assert!(core.exists(), "{}", String::from_utf8_lossy(&output.stderr));
        self.await_stop();
        core
    }

    /// As the pipeline does it: a small minidump, the memory beside it, and both together as a core file.
    fn our_core(&self) -> (PathBuf, Vec<MemoryRange>) {
        let raw = dump::take(self.pid(), self.pid()).unwrap();
        self.await_stop();
        let mut small = raw.bytes;
        let zero = raw.argument_block.unwrap().ranges;
        minidump_filter::filter(&mut small, &FilterPlan { zero, system: true, sanitise: None }).unwrap();

        let block = ArgumentBlock::read(self.pid(), &memory_map::read(self.pid()).unwrap()).unwrap();
        let mut soft_errors = Vec::new();
        let memory = ProcessMemory::open(self.pid(), &block, &MemoryPlan::default(), &mut soft_errors).unwrap();
        assert_eq!(soft_errors, [], "nothing is left out of it");
        let erased = memory.erased();
        let mut writer = Writer::new(Vec::new(), &Summary { report_id: vec![7; 16], ..Summary::default() }).unwrap();
        let options = Options { threads: 2, erased: &erased, progress: None };
        memory::encode(&mut writer, &memory, &options).unwrap();
        let report = writer.finish().unwrap().0;

        let core = self.path("ours.core");
        let mut report = ReportFile::open(Cursor::new(&report[..]), &Limits::default()).unwrap();
        let image = report.memory().unwrap().expect("a memory image");
        export::core(&small, &image, File::create(&core).unwrap()).unwrap();
        (core, erased)
    }

    fn gdb(&self, of: &[&str], questions: &str) -> String {
        let script = self.path("questions.gdb");
        fs::write(
            &script,
            format!("set width 0\nset height 0\nset debuginfod enabled off\necho \\n== asked\\n\n{questions}"),
        )
        .unwrap();
        let output = Command::new("gdb")
            .args(["-nx", "-batch"])
            .args(of)
            .arg("-x")
            .arg(script)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .output()
            .expect(NEEDS);
        self.await_stop();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let (_, answers) = out.split_once("== asked\n").unwrap_or_else(|| panic!("gdb says nothing:\n{out}\n{err}"));
        answers
            .lines()
            .filter(|line| !line.starts_with("[Inferior "))
            .fold(String::new(), |all, line| all + line + "\n")
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // It is ours; that it is gone already is all that can fail.
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// Compares each page that gcore has with ours, but for what was erased. Answers how many there were.
fn compare(process: &Stopped, gcore: &Path, ours: &Path, erased: &[MemoryRange]) -> usize {
    let mut closed = smaps::areas(&read_map(process.pid(), "maps").unwrap());
    closed.retain(|area| area.protection & 1 == 0);
    let [gcore, ours] = [gcore, ours].map(|path| CoreFile::open(File::open(path).unwrap()).unwrap());
    let (mut same, mut masked) = (0, 0);
    for region in gcore.regions() {
        for at in (region.address..region.address + region.size).step_by(PAGE) {
            let [mut theirs, mut page] = [[0; PAGE]; 2];
            // The guards of stacks, which gdb reads by force, and the kernel's [vsyscall], are closed to the process itself.
            if gcore.readable(at, PAGE as u64).is_err() || closed.iter().any(|area| area.range.contains(&at)) {
                continue;
            }
            gcore.read(at, &mut theirs).unwrap();
            ours.read(at, &mut page).unwrap_or_else(|error| panic!("{at:#x} of {region:?} is not in ours: {error}"));
            for range in
                erased.iter().filter(|range| range.address < at + PAGE as u64 && at < range.address + range.size)
            {
                let (start, end) = (range.address.max(at), (range.address + range.size).min(at + PAGE as u64));
                theirs[(start - at) as usize..(end - at) as usize].fill(0);
                masked += 1;
            }
            assert!(theirs == page, "page {at:#x} of {region:?} is not what gcore saw");
            same += 1;
        }
    }
    assert!(masked > 0, "gcore has the environment");
    same
}

#[test]
fn a_heap_of_python_is_what_gcore_and_gdb_see() {
    let python = Stopped::start(Command::new("python3").args(["-c", PYTHON]), tempfile::tempdir().unwrap());
    let gcore = python.gcore();
    let (ours, erased) = python.our_core();
    let pages = compare(&python, &gcore, &ours, &erased);
    assert!(pages > (40 << 20) / PAGE, "{pages} pages");

    let questions = format!("x/s {0}\nx/64xg {0} - 4096\nx/32xg $sp\nprint/x $pc\nprint/x $rsp\n", python.said);
    let program = fs::read_link(format!("/proc/{}/exe", python.pid())).unwrap();
    let live = python.gdb(&["-p", &python.pid().to_string()], &questions);
    let dead = python.gdb(&[program.to_str().unwrap(), ours.to_str().unwrap()], &questions);
    assert_eq!(dead, live);
    assert!(dead.contains("The book of accounts."), "{dead}");
}

#[test]
fn variables_of_a_c_program_are_what_gcore_and_gdb_see() {
    const QUESTIONS: &str =
        "print opened\nprint state\nprint title\nprint *book\nprint *book->next->next\nprint/x large[4194304]@12
print/x large[0]\nthread apply all -ascending print/x $rsp\n";
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("ledger");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../report-format/tests/common/ledger.c");
    let built = Command::new("gcc").args(["-g", "-O0", "-pthread", "-o"]).arg(&program).arg(source).status();
    assert!(built.expect(NEEDS).success());
    let ledger = Stopped::start(&mut Command::new(&program), directory);
    assert_eq!(ledger.said, "ready");
    let gcore = ledger.gcore();
    let (ours, erased) = ledger.our_core();
    let pages = compare(&ledger, &gcore, &ours, &erased);
    assert!(pages > 2_000, "{pages} pages");
    assert!(holds(&fs::read(&gcore).unwrap(), CANARY) && !holds(&fs::read(&ours).unwrap(), CANARY));

    let live = ledger.gdb(&["-p", &ledger.pid().to_string()], QUESTIONS);
    let dead = ledger.gdb(&[program.to_str().unwrap(), ours.to_str().unwrap()], QUESTIONS);
    // What gdb calls a thread depends on the base of fs, which no minidump has.
    let values = |text: &str| text.lines().filter(|line| line.contains(" = ")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(values(&dead), values(&live));
    for expected in
        ["= 4711", "= CLOSED", "\"The book of accounts\"", "{number = 1, amount = 2.5", "0xa5 <repeats 12 times>"]
    {
        assert!(dead.contains(expected), "{expected} is not in\n{dead}");
    }
}
