//! Runs a program of the system to hear what it says. It is as little trusted as a file: it can hang, flood us, or leave children behind.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

/// What a program has said, as far as it came.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) output: Vec<u8>,
    pub(super) end: End,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum End {
    /// By itself. `None` where the kernel keeps no status, because the product ignores its children and the handler has that from it.
    Exit(Option<ExitStatus>),
    /// It was ended at its deadline.
    Late,
    /// It was ended when it had said more than its limit.
    Flood,
}

/// Runs the program at an absolute path in a process group of its own, in `/`, without environment and input, and ends the whole group: when the program
/// has ended (a child that it left behind could hold the pipe for ever), at `deadline`, or when it has said more than `limit` bytes.
pub(super) fn run<A: AsRef<OsStr>>(
    program: &Path,
    arguments: impl IntoIterator<Item = A>,
    limit: usize,
    deadline: Instant,
) -> io::Result<Said> {
    if !program.is_absolute() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no absolute path"));
    }
    let mut command = Command::new(program);
    command.args(arguments).env_clear().current_dir("/").process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut group = Group { program: command.spawn()?, ended: false };
    let ended = pidfd_open(group.pid(), PidfdFlags::empty())?;
    let mut pipe = Pipe { stdout: group.program.stdout.take(), output: Vec::new(), limit };
    pipe.never_wait()?;

    loop {
        let mut watched = vec![PollFd::new(&ended, PollFlags::IN)];
        watched.extend(pipe.stdout.iter().map(|stdout| PollFd::new(stdout, PollFlags::IN)));
        let left = Timespec::try_from(deadline.saturating_duration_since(Instant::now())).ok();
        match poll(&mut watched, left.as_ref()) {
            Ok(0) => return Ok(Said { output: pipe.output, end: End::Late }),
            // An interruption and a readable pipe end in the same question: is there anything?
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let has_ended = !watched[0].revents().is_empty();
        if !pipe.drain()? {
            return Ok(Said { output: pipe.output, end: End::Flood });
        }
        if has_ended {
            let status = group.end();
            return Ok(Said { output: pipe.output, end: End::Exit(status) });
        }
        // A program that says something all the time never lets the poll run out.
        if Instant::now() >= deadline {
            return Ok(Said { output: pipe.output, end: End::Late });
        }
    }
}

/// What the program says.
struct Pipe {
    /// Until it is closed.
    stdout: Option<ChildStdout>,
    output: Vec<u8>,
    limit: usize,
}

impl Pipe {
    fn never_wait(&self) -> io::Result<()> {
        self.stdout.as_ref().map_or(Ok(()), |stdout| Ok(fcntl_setfl(stdout, OFlags::NONBLOCK)?))
    }

    /// Takes what is in the pipe, 1 MiB at most, which is the most that one holds: a program can fill it as fast as we take. Tells whether all is
    /// within the limit.
    fn drain(&mut self) -> io::Result<bool> {
        let mut piece = [0; 1 << 14];
        for _ in 0..64 {
            let Some(stdout) = &mut self.stdout else { break };
            match stdout.read(&mut piece) {
                Ok(0) => self.stdout = None,
                Ok(length) => {
                    let room = self.limit - self.output.len();
                    self.output.extend_from_slice(&piece[..length.min(room)]);
                    if length > room {
                        return Ok(false);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

/// The program and all that it has started, except what left the group on purpose. Nothing of it outlives this.
struct Group {
    program: Child,
    ended: bool,
}

impl Group {
    fn pid(&self) -> Pid {
        Pid::from_child(&self.program)
    }

    /// The group goes first: until the program has been waited for, nobody else can get its number. Where the kernel does not let go of a killed
    /// program (it reads from a dead file server), that holds the thread, whose subject has its own limit.
    fn end(&mut self) -> Option<ExitStatus> {
        self.ended = true;
        let _ = kill_process_group(self.pid(), Signal::KILL);
        self.program.wait().ok()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.ended {
            self.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// For what must not be over before we are, on a machine that is busy with other tests.
    const LONG: Duration = Duration::from_secs(60);

    fn shell(script: &str, limit: usize, time: Duration) -> Said {
        run(Path::new("/bin/sh"), ["-c", script], limit, Instant::now() + time).unwrap()
    }

    fn number(said: &Said) -> u32 {
        String::from_utf8_lossy(&said.output).trim().parse().unwrap()
    }

    /// Its parent is gone, so somebody else waits for it: it may be a zombie for a while.
    fn is_gone(pid: u32) -> bool {
        let runs = |pid: u32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
        };
        (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            !runs(pid)
        })
    }

    #[test]
    fn a_program_is_heard_to_its_end() {
        let said = shell("echo one; echo two >&2; exit 3", 100, LONG);
        assert_eq!(said.output, b"one\n");
        assert!(matches!(said.end, End::Exit(Some(status)) if status.code() == Some(3)), "{said:?}");
        let said = shell("head -c 1000000 /dev/zero", 1_000_000, LONG);
        assert_eq!(said.output.len(), 1_000_000);
        assert!(matches!(said.end, End::Exit(Some(status)) if status.success()));
    }

    #[test]
    fn it_has_no_environment_no_input_and_no_folder_of_ours() {
        assert!(std::env::vars_os().next().is_some());
        let nothing: [&str; 0] = [];
        let deadline = || Instant::now() + LONG;
        assert_eq!(run(Path::new("/usr/bin/env"), nothing, 100, deadline()).unwrap().output, b"");
        assert_eq!(run(Path::new("/bin/pwd"), ["-P"], 100, deadline()).unwrap().output, b"/\n");
        assert_eq!(run(Path::new("/bin/cat"), nothing, 100, deadline()).unwrap().output, b"");
    }

    #[test]
    fn only_an_absolute_path_that_is_there_is_run() {
        let run = |program: &str| run(Path::new(program), ["x"], 100, Instant::now() + LONG).map_err(|e| e.kind());
        assert_eq!(run("echo").unwrap_err(), io::ErrorKind::InvalidInput);
        assert_eq!(run("bin/echo").unwrap_err(), io::ErrorKind::InvalidInput);
        assert_eq!(run("/nowhere/echo").unwrap_err(), io::ErrorKind::NotFound);
        assert_eq!(run("/bin").unwrap_err(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn a_hanging_program_is_ended_with_its_children_and_what_it_said_stays() {
        let begun = Instant::now();
        let said = shell("sleep 600 & echo $!; wait", 100, Duration::from_secs(2));
        assert!(begun.elapsed() < LONG, "{:?}", begun.elapsed());
        assert_eq!(said.end, End::Late);
        assert!(is_gone(number(&said)));
        let talking = shell("while :; do echo x; done", usize::MAX / 2, Duration::from_millis(300));
        assert_eq!(talking.end, End::Late);
        let closed = shell("exec >&-; exec sleep 600", 100, Duration::from_millis(300));
        assert_eq!((closed.end, closed.output.len()), (End::Late, 0));
    }

    #[test]
    fn a_flood_is_cut_at_the_limit() {
        let said = shell("exec yes", 100_000, LONG);
        assert_eq!((said.end, said.output.len()), (End::Flood, 100_000));
    }

    #[test]
    fn a_child_that_holds_the_pipe_holds_nobody_and_is_ended() {
        let begun = Instant::now();
        let said = shell("sleep 600 & echo $!", 100, Duration::from_secs(600));
        assert!(begun.elapsed() < LONG, "{:?}", begun.elapsed());
        assert!(matches!(said.end, End::Exit(Some(status)) if status.success()), "{said:?}");
        assert!(is_gone(number(&said)));
        // One that has left the group lives on; it is not waited for all the same.
        let said = shell("setsid sleep 600 & echo $!", 100, Duration::from_secs(600));
        assert!(begun.elapsed() < 2 * LONG, "{:?}", begun.elapsed());
        let pid = Pid::from_raw(number(&said).cast_signed()).unwrap();
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
}
