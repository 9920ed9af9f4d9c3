use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::*;
use crate::handler::sys::{argument_block::ArgumentBlock, memory_map, suspend};

const CANARY: &str = "CANARY-a77c01-YRANAC";
const SECRET: &str = "SECRET-5b21f9-TERCES";

/// A Python process that makes mappings of its own and prints where they are.
const PROGRAM: &str = r#"
import ctypes, mmap, os, sys, tempfile
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
def anonymous(pages): return libc.mmap(None, pages * 4096, 3, 0x22, -1, 0)
plain = anonymous(64)
for page in range(64):
    if page != 40: libc.memset(plain + page * 4096, page + 1, 4096)
ctypes.memmove(plain + 5 * 4096 + 100, b"SECRET-5b21f9-TERCES", 20)
untouched = anonymous(4096)
libc.memset(untouched + 4096 * 100, 9, 1)
hidden = anonymous(4)
libc.memset(hidden, 0x77, 4 * 4096)
libc.madvise(hidden, 4 * 4096, 16)
file = tempfile.TemporaryFile()
file.write(b"\x55" * 4 * 4096); file.flush()
cut = libc.mmap(None, 4 * 4096, 1, 2, file.fileno(), 0)
file.truncate(2 * 4096)
print(plain, untouched, hidden, cut, flush=True)
sys.stdin.readline()
"#;

struct Python {
    child: Child,
    plain: u64,
    untouched: u64,
    hidden: u64,
    cut: u64,
}

impl Python {
    fn start() -> Self {
        let mut child = Command::new("python3")
            .args(["-c", PROGRAM, CANARY])
            .env("SECRET_TOKEN", CANARY)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3, which scripts/setup installs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let places: Vec<u64> = line.split_whitespace().map(|word| word.parse().unwrap()).collect();
        let [plain, untouched, hidden, cut] = places[..] else { panic!("{line:?}") };
        Self { child, plain, untouched, hidden, cut }
    }

    fn open(&self, plan: &MemoryPlan) -> (ProcessMemory, Vec<v1::SoftError>) {
        let pid = self.child.id();
        let block = ArgumentBlock::read(pid, &memory_map::read(pid).unwrap()).unwrap();
        let mut soft_errors = Vec::new();
        let memory = ProcessMemory::open(pid, &block, plan, &mut soft_errors).unwrap();
        (memory, soft_errors)
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn page(memory: &ProcessMemory, address: u64) -> io::Result<[u8; PAGE]> {
    let mut page = [0xee; PAGE];
    memory.read(address, &mut page).map(|()| page)
}

/// All bytes that can be read.
fn all(memory: &ProcessMemory) -> Vec<u8> {
    let mut bytes = Vec::new();
    for region in memory.regions() {
        for at in (region.address..region.address + region.size).step_by(PAGE) {
            bytes.extend(page(memory, at).into_iter().flatten());
        }
    }
    bytes
}

pub(super) fn holds(bytes: &[u8], text: &str) -> bool {
    // The standard library's search is compiled with optimisation, whatever the tests are.
    String::from_utf8_lossy(bytes).contains(text)
}

fn has(memory: &ProcessMemory, address: u64) -> bool {
    memory.regions().iter().any(|region| (region.address..region.address + region.size).contains(&address))
}

#[test]
fn pages_are_what_the_process_wrote_and_those_nobody_wrote_are_known_to_be_zero() {
    let python = Python::start();
    let (memory, soft_errors) = python.open(&MemoryPlan::default());
    for number in 0..64 {
        let expected = if number == 40 { 0 } else { number as u8 + 1 };
        let page = page(&memory, python.plain + number * PAGE as u64).unwrap();
        assert!(page.iter().skip(200).all(|byte| *byte == expected), "page {number}");
    }
    assert!(memory.zeros(python.plain, 1 << 20) == 0);
    let run = memory.zeros(python.untouched, 4096 * 4096);
    assert_eq!(run, 100 * 4096, "up to the page that was written to");
    assert_eq!(memory.zeros(python.untouched + 100 * 4096, 4096), 0);
    assert_eq!(memory.zeros(python.untouched + 3000 * 4096, 8192), 8192);
    assert!(!has(&memory, python.hidden));
    let texts: Vec<_> = soft_errors.iter().map(|soft| soft.message.as_str()).collect();
    assert!(texts.iter().any(|text| text.starts_with("16384 bytes that the product keeps out")), "{texts:?}");
    assert!(memory.regions().iter().any(|region| region.mapping == "[heap]"));
}

#[test]
fn arguments_environment_and_what_is_excluded_are_in_no_byte() {
    let python = Python::start();
    let (memory, _) = python.open(&MemoryPlan::default());
    let bytes = all(&memory);
    assert!(holds(&bytes, SECRET), "the test would find it");
    let block = memory.erased();
    assert!(!block.is_empty());

    let secret = python.plain + 5 * 4096 + 100;
    // Beyond the last address, too: numbers of a product that has gone wrong.
    let excluded = vec![secret..secret + 20, 16..16, u64::MAX - 5..u64::MAX];
    let (memory, _) = python.open(&MemoryPlan { excluded, ..MemoryPlan::default() });
    let with_secret = page(&memory, python.plain + 5 * 4096).unwrap();
    assert_eq!(
        (with_secret[99], with_secret[100], with_secret[119], with_secret[120]),
        (6, 0, 0, 6),
        "and nothing beside it"
    );
    assert!(memory.erased().contains(&MemoryRange { address: secret, size: 20 }));
    let whole_page = python.plain + 6 * 4096;
    let excluded = vec![whole_page + 1000..whole_page + 4097, whole_page - 1..whole_page + 2000];
    let (memory, _) = python.open(&MemoryPlan { excluded, most_bytes: 0 });
    assert_eq!(page(&memory, whole_page).unwrap(), [0; PAGE]);
    // The program's text is the interpreter's own, on its heap: only the block that the kernel made is erased.
    let stack = memory.regions().iter().find(|region| region.mapping == "[stack]").unwrap();
    let stack_bytes: Vec<u8> = (stack.address..stack.address + stack.size)
        .step_by(PAGE)
        .filter_map(|at| page(&memory, at).ok())
        .flatten()
        .collect();
    assert!(!holds(&stack_bytes, CANARY));
}

#[test]
fn a_page_that_cannot_be_read_costs_no_other() {
    let python = Python::start();
    let (memory, _) = python.open(&MemoryPlan::default());
    let mut four = [0; 4 * PAGE];
    assert!(memory.read(python.cut, &mut four).is_err());
    assert_eq!(page(&memory, python.cut + 4096).unwrap(), [0x55; PAGE]);
    assert!(page(&memory, python.cut + 2 * 4096).is_err());
    assert!(memory.is_alive());
}

#[test]
fn what_is_too_much_is_left_out_and_told() {
    let python = Python::start();
    let (everything, _) = python.open(&MemoryPlan::default());
    let (memory, soft_errors) = python.open(&MemoryPlan { most_bytes: 6 << 20, ..MemoryPlan::default() });
    let told = soft_errors.iter().find(|soft| soft.message.contains("the product's limit is 6291456 bytes"));
    assert!(told.is_some(), "{soft_errors:?}");
    assert!(memory.regions().len() < everything.regions().len());
    assert!(has(&memory, python.plain), "small and private: among the last to go");
    let libraries = |memory: &ProcessMemory| memory.regions().iter().filter(|r| r.mapping.contains("libc.so")).count();
    assert!(libraries(&memory) < libraries(&everything));
}

#[test]
fn a_process_that_is_killed_meanwhile_is_gone() {
    let mut python = Python::start();
    let (memory, _) = python.open(&MemoryPlan::default());
    python.child.kill().unwrap();
    python.child.wait().unwrap();
    assert!(page(&memory, python.plain).is_err() && !memory.is_alive());
    let error =
        ProcessMemory::open(python.child.id(), &ArgumentBlock { ranges: vec![] }, &MemoryPlan::default(), &mut vec![]);
    assert!(error.is_err());
}

#[test]
fn where_direct_reading_is_refused_the_file_is_read() {
    let python = Python::start();
    // In a thread of its own, with which the filter ends.
    let read = std::thread::scope(|scope| {
        let read = || {
            let mut soft_errors = Vec::new();
            let held = suspend::hold(python.child.id(), &mut soft_errors);
            assert!(held.threads().count() > 0, "{soft_errors:?}");
            let (memory, _) = python.open(&MemoryPlan::default());
            refuse_direct_reading();
            assert!(memory.read_directly(python.plain, &mut [0; PAGE]).is_err());
            (page(&memory, python.plain + 8 * 4096).unwrap(), memory.is_alive())
        };
        scope.spawn(read).join().unwrap()
    });
    assert_eq!(read, ([9; PAGE], true));
}

/// Makes the kernel refuse `process_vm_readv` to this thread.
fn refuse_direct_reading() {
    let op = |code: u32, k, jt, jf| libc::sock_filter { code: code as u16, jt, jf, k };
    let program = [
        op(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        op(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, libc::SYS_process_vm_readv as u32, 0, 1),
        op(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32, 0, 0),
        op(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0, 0),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
    rustix::thread::set_no_new_privs(true).unwrap();
    // SAFETY: `filter` describes `program`, which outlives the call; the kernel copies it. Flags 0: this thread only.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const filter) };
    assert_eq!(result, 0);
}
