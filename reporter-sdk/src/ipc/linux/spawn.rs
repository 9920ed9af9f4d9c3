//! Starts a program that is never a child of this process: no SIGCHLD tells of its end, and a product that waits for any child does not meet it.
//!
//! As in posix_spawn(3) a clone borrows this process's memory and holds the calling thread until it runs the program: the page tables, of which a copy
//! takes milliseconds for each hundred megabytes, stay where they are. Here that clone is made by another such clone, which ends at once and leaves the
//! program to the system's first process:
//!
//! ```text
//! product ── clone, ends without a signal ──▶ step_aside ── clone ──▶ run_program ── execve ──▶ the program
//!    └── waits for it (__WALL) ◀─── exit ────────┘
//! ```
//!
//! A process with the memory of a threaded one must do what is async-signal-safe and no more: all else is made before.

use std::{
    env,
    ffi::{CStr, CString, OsString, c_char, c_int, c_void},
    io,
    mem::MaybeUninit,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::Path,
    ptr,
    sync::atomic::{AtomicI32, Ordering},
};

use rustix::{
    fs::{Mode, OFlags},
    io::fcntl_dupfd_cloexec,
    mm::{MapFlags, MprotectFlags, ProtFlags},
    process::{Pid, PidfdFlags, Signal},
};
use zeroize::Zeroizing;

use crate::places::elevated;

/// A process that was started here and belongs to nobody.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: Pid,
    /// By which it can be ended when its number may be another's. Linux 5.3.
    pidfd: Option<OwnedFd>,
}

impl Process {
    pub(crate) fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().cast_unsigned()
    }

    /// Ends it, whatever it does.
    pub(crate) fn kill(self) {
        if let Some(pidfd) = self.pidfd {
            // It may have ended.
            let _ = rustix::process::pidfd_send_signal(pidfd, Signal::KILL);
        }
    }
}

/// Starts `program` with this argument and this process's environment (an empty one if it has rights that its caller has not), on these two as its standard input and output, without any other file, in a
/// process group of its own: the terminal's Ctrl-C, which goes to the product's group, must not end the report of what it does.
pub(crate) fn spawn(
    program: &Path,
    argument: &CStr,
    input: BorrowedFd<'_>,
    output: BorrowedFd<'_>,
) -> io::Result<Process> {
    let program = CString::new(program.as_os_str().as_bytes())?;
    let arguments = [program.as_ptr(), argument.as_ptr(), ptr::null()];
    let texts: Vec<_> = if elevated() {
        // Those of whoever started this process choose certificates, proxies and programs.
        vec![variable(("PATH".into(), "/usr/sbin:/usr/bin:/sbin:/bin".into()))]
    } else {
        env::vars_os().map(variable).collect()
    };
    let variables: Vec<*const c_char> = texts.iter().map(|text| text.as_ptr().cast()).chain([ptr::null()]).collect();
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    // Out of the way of the numbers that they are to get: a product may have closed its standard files.
    let above = |file: BorrowedFd<'_>| fcntl_dupfd_cloexec(file, 3);
    let files = [above(input)?, above(output)?, above(null.as_fd())?];
    let memory = Memory::new()?;
    let plan = Plan {
        arguments: arguments.as_ptr(),
        variables: variables.as_ptr(),
        files: files.each_ref().map(AsRawFd::as_raw_fd),
        stack: memory.stack(1),
        outcome: memory.outcome(),
    };
    memory.run(&plan)?;
    let outcome = plan.outcome;
    match (outcome.error.load(Ordering::Acquire), Pid::from_raw(outcome.pid.load(Ordering::Acquire))) {
        (0, Some(pid)) => Ok(Process { pid, pidfd: rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok() }),
        (0, None) => Err(io::Error::other("the process that was to start it was ended")),
        (error, _) => Err(io::Error::from_raw_os_error(error)),
    }
}

/// As `environ` has it, with the zero at its end. The standard library holds its lock while it copies them.
///
/// Situation: what was freed keeps its bytes. Example: a variable was found in an image of all of a product's memory, from which the environment had been taken
/// out: it was in the copy that the handler's start had left behind. Handling: no copy of ours is freed before it is wiped, nor grows, which would leave one.
fn variable((name, value): (OsString, OsString)) -> Zeroizing<Vec<u8>> {
    let (name, value) = (Zeroizing::new(name.into_vec()), Zeroizing::new(value.into_vec()));
    let mut text = Vec::with_capacity(name.len() + value.len() + 2);
    text.extend_from_slice(&name);
    text.push(b'=');
    text.extend_from_slice(&value);
    text.push(0);
    Zeroizing::new(text)
}

/// What the two clones read.
struct Plan<'a> {
    arguments: *const *const c_char,
    variables: *const *const c_char,
    /// The program's standard files.
    files: [RawFd; 3],
    /// The top of the second clone's stack.
    stack: *mut c_void,
    outcome: &'a Outcome,
}

/// What the two clones tell.
#[derive(Debug)]
struct Outcome {
    /// Of the second clone; 0 for none.
    pid: AtomicI32,
    /// Why there is none, or why it does not run the program; 0 if it does.
    error: AtomicI32,
}

impl Outcome {
    /// Async-signal-safe.
    fn failed(&self) -> c_int {
        // A clone has its thread's errno: it is in the memory that they share.
        self.error.store(io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO), Ordering::Release);
        127
    }
}

/// The first clone. Async-signal-safe.
extern "C" fn step_aside(plan: *mut c_void) -> c_int {
    // SAFETY: `Memory::run`'s own, which waits for the end of this.
    let Plan { stack, outcome, .. } = unsafe { &*plan.cast::<Plan<'_>>() };
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: it has a stack of its own, and its caller, which is held until it runs the program, what it reads.
    let pid = unsafe { libc::clone(run_program, *stack, flags, plan) };
    if pid < 0 {
        return outcome.failed();
    }
    outcome.pid.store(pid, Ordering::Release);
    0
}

/// The second clone. Async-signal-safe.
extern "C" fn run_program(plan: *mut c_void) -> c_int {
    // SAFETY: as above; both wait for this.
    let plan = unsafe { &*plan.cast::<Plan<'_>>() };
    // No handler of the product's may run here once signals are let in.
    (1..=64).for_each(forget_handler);
    // SAFETY: a system call without pointers.
    unsafe { libc::setpgid(0, 0) };
    for (file, number) in plan.files.into_iter().zip(0..) {
        // SAFETY: two numbers; the table of files is this process's own.
        if unsafe { libc::dup2(file, number) } < 0 {
            return plan.outcome.failed();
        }
    }
    // Those that the product has opened without O_CLOEXEC must not stay open for as long as the program runs. Linux 5.11.
    // SAFETY: as above; they are closed when the program is run.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    // SAFETY: zero is a value, and says that no signal is blocked.
    let none: libc::sigset_t = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: sigprocmask(2) is async-signal-safe; the set is whole.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut()) };
    // SAFETY: the first argument is the program's path.
    let program = unsafe { plan.arguments.read() };
    // SAFETY: C strings in arrays that end in a null pointer.
    unsafe { libc::execve(program, plan.arguments, plan.variables) };
    plan.outcome.failed()
}

/// As execve(2) does it. Async-signal-safe.
fn forget_handler(signal: c_int) {
    // SAFETY: zero is a value for all fields, and says SIG_DFL.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    let default = action;
    // SAFETY: sigaction(2) is async-signal-safe, and only asked.
    let asked = unsafe { libc::sigaction(signal, ptr::null(), &raw mut action) };
    if asked == 0 && !matches!(action.sa_sigaction, libc::SIG_DFL | libc::SIG_IGN) {
        // SAFETY: as above; the default is no code of ours.
        unsafe { libc::sigaction(signal, &raw const default, ptr::null_mut()) };
    }
}

/// The clones' stacks, a guard below them, and their outcome above. Shared, for Valgrind: there a clone is a fork, and this all that both have.
struct Memory(*mut c_void);

impl Memory {
    const GUARD: usize = 64 << 10;
    const STACK: usize = 64 << 10;
    const OUTCOME: usize = Self::GUARD + 2 * Self::STACK;
    const SIZE: usize = Self::OUTCOME + size_of::<Outcome>();

    fn new() -> io::Result<Self> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at a place of the kernel's choice.
        let start = unsafe { rustix::mm::mmap_anonymous(ptr::null_mut(), Self::SIZE, protection, MapFlags::SHARED) }?;
        // SAFETY: the first bytes of the mapping just made.
        let _ = unsafe { rustix::mm::mprotect(start, Self::GUARD, MprotectFlags::empty()) };
        Ok(Self(start))
    }

    /// The upper end of one of the two stacks.
    fn stack(&self, number: usize) -> *mut c_void {
        self.0.wrapping_byte_add(Self::GUARD + number * Self::STACK)
    }

    fn outcome(&self) -> &Outcome {
        // SAFETY: in the mapping, aligned, zero at first, which is a value, and used by atomic operations only.
        unsafe { &*self.0.wrapping_byte_add(Self::OUTCOME).cast() }
    }

    /// Runs the clones to their ends.
    fn run(&self, plan: &Plan<'_>) -> io::Result<()> {
        // A handler of the product's that ran in a clone would have the product's memory and think that it is the product.
        let blocked = SignalsBlocked::all();
        // Without the number of a signal nobody is told of its end, and only who asks for such ones (__WALL) waits for it.
        let flags = libc::CLONE_VM | libc::CLONE_VFORK;
        let plan = ptr::from_ref(plan).cast_mut().cast();
        // SAFETY: it has a stack of its own and does what is async-signal-safe; `plan` outlives it.
        let pid = unsafe { libc::clone(step_aside, self.stack(2), flags, plan) };
        let error = io::Error::last_os_error();
        drop(blocked);
        if pid < 0 {
            return Err(error);
        }
        loop {
            // SAFETY: its status is not asked for.
            let waited = unsafe { libc::waitpid(pid, ptr::null_mut(), libc::__WALL) };
            // Any other failure: somebody else has waited for it.
            if waited >= 0 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                return Ok(());
            }
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: `new` made exactly this mapping, and the clones have ended.
        let _ = unsafe { rustix::mm::munmap(self.0, Self::SIZE) };
    }
}

/// Keeps signals from the calling thread, and from those that it starts, until dropped.
pub(crate) struct SignalsBlocked {
    former: libc::sigset_t,
}

impl SignalsBlocked {
    pub(crate) fn all() -> Self {
        // SAFETY: integers, for which zero is a value.
        let [mut all, mut former]: [libc::sigset_t; 2] = unsafe { MaybeUninit::zeroed().assume_init() };
        // SAFETY: fills the set.
        unsafe { libc::sigfillset(&raw mut all) };
        // SAFETY: both sets live here.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut former) };
        Self { former }
    }
}

impl Drop for SignalsBlocked {
    fn drop(&mut self) {
        // SAFETY: the set that was in force.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.former, ptr::null_mut()) };
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};

    use super::*;
    use crate::ipc::socket::Socket;

    const LONG: Duration = Duration::from_secs(30);

    fn script(folder: &tempfile::TempDir, text: &str, mode: u32) -> PathBuf {
        let program = folder.path().join("program");
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(mode)).unwrap();
        program
    }

    fn run(program: &Path) -> io::Result<(Process, Socket)> {
        let (input, output) = (Socket::pair()?, Socket::pair()?);
        Ok((spawn(program, c"--word", input.1.as_fd(), output.1.as_fd())?, output.0))
    }

    fn line(output: &Socket) -> String {
        let mut bytes = [0; 4096];
        let (size, _) = output.receive_bytes(&mut bytes, LONG).unwrap();
        String::from_utf8_lossy(&bytes[..size]).trim_end().to_owned()
    }

    #[test]
    fn a_program_has_its_argument_the_environment_two_files_and_a_group_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let text = "#!/bin/sh\necho \"$1 $HOME $PATH\"\necho $$ $(cut -d' ' -f5 /proc/$$/stat)\n\
                    echo $(sed -n 's/SigBlk:\t//p' /proc/$$/status)\nexec ls /proc/self/fd\n";
        let program = script(&folder, text, 0o755);
        // Not close-on-exec, as C programs open theirs.
        let open = fs::File::open("/dev/null").unwrap();
        rustix::io::fcntl_setfd(&open, rustix::io::FdFlags::empty()).unwrap();
        let blocked = SignalsBlocked::all();
        let (process, output) = run(&program).unwrap();
        drop(blocked);
        let [home, path] = ["HOME", "PATH"].map(|name| env::var(name).unwrap_or_default());
        assert_eq!(line(&output), format!("--word {home} {path}"));
        let pid = process.pid.as_raw_nonzero();
        assert_eq!(line(&output), format!("{pid} {pid}"));
        assert_eq!(line(&output), "0000000000000000");
        let files = line(&output);
        // Of `ls` itself, in the place of the shell, which has some of its own: the last one is the folder that it reads.
        assert_eq!(files.split_whitespace().collect::<Vec<_>>(), ["0", "1", "2", "3"]);
    }

    #[test]
    fn why_a_program_does_not_run_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = |program: &Path| run(program).unwrap_err().raw_os_error();
        assert_eq!(error(&folder.path().join("none")), Some(libc::ENOENT));
        assert_eq!(error(folder.path()), Some(libc::EACCES));
        assert_eq!(error(&script(&folder, "text\n", 0o755)), Some(libc::ENOEXEC));
        assert_eq!(error(&script(&folder, "text\n", 0o644)), Some(libc::EACCES));
        assert!(run(Path::new("/bin\0")).is_err());
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let (process, output) = run(&script(&folder, "#!/bin/sh\necho runs\nexec sleep 1000\n", 0o755)).unwrap();
        assert_eq!(line(&output), "runs");
        process.kill();
        // Its end of the socket is closed.
        assert!(output.receive_bytes(&mut [0; 8], LONG).is_err());
    }
}
