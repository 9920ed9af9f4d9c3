//! The handler has no standard streams and a process group of its own, so it asks on `/dev/tty` and must be in the
//! foreground to read there. It only takes the foreground from the product itself: where the product runs in the background,
//! or has left the terminal to another program, it does not ask.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dialoguer::Input;
use dialoguer::console::Term;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, getpgid, getpgrp};
use rustix::termios::{
    ControlModes, InputModes, LocalModes, OptionalActions, OutputModes, QueueSelector, Termios, tcflush, tcgetattr,
    tcgetpgrp, tcsetattr, tcsetpgrp,
};

use crate::stopping;

/// By which the product is known.
pub type ProductId = Pid;

/// Whether the product has the terminal now, which can then be taken from it.
pub(crate) fn can_be_taken(product: ProductId) -> bool {
    open(product).is_ok()
}

/// Opens the terminal that the product's process group, which comes with it, has in the foreground. Our own open file: what is set on it (not to block) does not reach the product's.
fn open(product: Pid) -> io::Result<(File, Pid)> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let tty = OpenOptions::new().read(true).write(true).custom_flags(flags).open("/dev/tty")?;
    let group = getpgid(Some(product))?;
    if tcgetpgrp(&tty)? != group {
        return Err(io::Error::other("the product is not in the foreground of its terminal"));
    }
    // Situation: it was killed, and its parent has not asked about it yet. Example: the shell, which is about to take the terminal back. Handling: its group is still there, but
    // who is asked in its name would have the answer taken away.
    let pidfd = rustix::process::pidfd_open(product, PidfdFlags::empty())?;
    match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))? {
        0 => Ok((tty, group)),
        _ => Err(io::Error::other("the product has ended")),
    }
}

/// The terminal, ours until this is dropped.
#[derive(Debug)]
pub(crate) struct Borrowed {
    tty: File,
    product: Pid,
    modes: Option<Termios>,
    deadline: Instant,
    /// Keeps this on the thread that the alarm wakes.
    _not_send: PhantomData<*const ()>,
    // Dropped last, in this order: the alarm's handler must outlive the alarm.
    _alarm: Alarm,
    _signals: [Disposition; 6],
}

impl Borrowed {
    /// Takes the terminal from the product, if the product has it.
    pub(crate) fn take(product: Pid, deadline: Instant) -> io::Result<Borrowed> {
        let (tty, group) = open(product)?;
        // TTOU and TTIN: taking and using the terminal from the background would stop us. INT, QUIT, TSTP: keys between two
        // reads would end or stop us while the product waits. URG: wakes the reading thread.
        let ignored = |signal| Disposition::set(signal, libc::SIG_IGN);
        let signals = [
            ignored(libc::SIGTTOU)?,
            ignored(libc::SIGTTIN)?,
            ignored(libc::SIGINT)?,
            ignored(libc::SIGQUIT)?,
            ignored(libc::SIGTSTP)?,
            Disposition::set(libc::SIGURG, do_nothing as extern "C" fn(libc::c_int) as libc::sighandler_t)?,
        ];
        let mut borrowed = Borrowed {
            tty,
            product: group,
            modes: None,
            deadline,
            _not_send: PhantomData,
            _alarm: Alarm::set(deadline)?,
            _signals: signals,
        };
        tcsetpgrp(&borrowed.tty, getpgrp())?;
        let found = tcgetattr(&borrowed.tty)?;
        let mut ours = found.clone();
        // As dialoguer sets them for each key, but all the time: a key between two reads is neither echoed nor a signal.
        ours.input_modes &= !(InputModes::IXON | InputModes::ISTRIP | InputModes::IGNCR | InputModes::INLCR);
        ours.input_modes |= InputModes::ICRNL;
        ours.output_modes |= OutputModes::OPOST | OutputModes::ONLCR;
        ours.control_modes |= ControlModes::CS8;
        ours.local_modes &=
            !(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ISIG | LocalModes::IEXTEN);
        borrowed.modes = Some(found);
        tcsetattr(&borrowed.tty, OptionalActions::Now, &ours)?;
        Ok(borrowed)
    }

    /// For a conversation. dialoguer writes to this terminal, and reads from `/dev/tty`, as the handler's standard input is none.
    pub(crate) fn lines(&self) -> io::Result<Lines> {
        let plain = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        let screen = |file: File| Screen { file, deadline: self.deadline, plain };
        Ok(Lines(Term::read_write_pair(self.tty.try_clone()?, screen(self.tty.try_clone()?))))
    }

    /// Drops what was typed and not read yet.
    pub(crate) fn forget_keys(&self) {
        let _ = tcflush(&self.tty, QueueSelector::IFlush);
    }

    /// The keys that were pressed since they were read last, some of them. Does not wait.
    pub(crate) fn keys(&self) -> Vec<u8> {
        let mut keys = [0; 64];
        // A terminal that is gone has no keys.
        let count = (&self.tty).read(&mut keys).unwrap_or(0);
        keys[..count].to_vec()
    }

    /// Writes what is not worth waiting for: nothing to a terminal that does not take it now, or is no longer ours.
    pub(crate) fn show(&self, text: &str) {
        if self.is_ours() {
            let _ = (&self.tty).write(text.as_bytes());
        }
    }

    /// Not if the shell has taken it back, since the product was killed meanwhile.
    fn is_ours(&self) -> bool {
        tcgetpgrp(&self.tty).is_ok_and(|group| group == getpgrp())
    }

    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.deadline || stopping::is_wished()
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if self.is_ours() {
            if let Some(modes) = &self.modes {
                let _ = tcsetattr(&self.tty, OptionalActions::Now, modes);
            }
            let _ = tcsetpgrp(&self.tty, self.product);
        }
    }
}

/// Lines to the person and from them, until the deadline.
pub(crate) struct Lines(Term);

impl Lines {
    pub(crate) fn write_line(&self, line: &str) -> io::Result<()> {
        self.0.write_line(line)
    }

    /// What is typed after these words; a bare Enter is the default.
    pub(crate) fn read_line(&self, prompt: &str, default: &str) -> io::Result<String> {
        let input = Input::<String>::new().with_prompt(prompt).allow_empty(true).report(true);
        let input = if default.is_empty() { input } else { input.default(default.into()) };
        input.interact_on(&self.0).map_err(|dialoguer::Error::IO(error)| error)
    }

    /// Lines that are seen at once.
    pub(crate) fn rows(&self) -> usize {
        self.0.size().0.into()
    }
}

/// Writes to the terminal, until the deadline. Without escape sequences where the terminal knows none.
#[derive(Debug)]
struct Screen {
    file: File,
    deadline: Instant,
    plain: bool,
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let shown = if self.plain { Cow::Owned(without_sequences(bytes)) } else { Cow::Borrowed(bytes) };
        self.write_bytes(&shown)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Screen {
    fn write_bytes(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.file.write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                // Nobody reads what we write: a stopped terminal emulator, a full pipe behind it.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let left = self.deadline.saturating_duration_since(Instant::now());
                    let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
                    match poll(&mut [PollFd::new(&self.file, PollFlags::OUT)], Some(&timeout)) {
                        Ok(0) => return Err(io::Error::from(io::ErrorKind::TimedOut)),
                        Ok(_) | Err(rustix::io::Errno::INTR) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if Instant::now() >= self.deadline {
                return Err(io::Error::from(io::ErrorKind::TimedOut));
            }
        }
        Ok(())
    }
}

impl AsRawFd for Screen {
    fn as_raw_fd(&self) -> RawFd {
        self.file.as_fd().as_raw_fd()
    }
}

/// `bytes` without control sequences (`ESC [ … letter`). dialoguer writes each whole.
fn without_sequences(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match after {
            [b'[', sequence @ ..] if byte == 0x1b => {
                let end = sequence.iter().position(|byte| (0x40..=0x7e).contains(byte));
                end.map_or(&[], |end| &sequence[end + 1..])
            }
            _ => {
                plain.push(byte);
                after
            }
        };
    }
    plain
}

/// Wakes the thread that set it once the time is over, or this program is to end, again and again until it is dropped.
///
/// Why a signal: dialoguer waits for a key without a limit, and a thread left waiting there would eat the next line that
/// is meant for the shell and set the terminal's modes at any later time. A signal ends the wait (`EINTR`), for good.
#[derive(Debug)]
struct Alarm {
    /// Its other end sees when this is dropped.
    off: Option<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Alarm {
    fn set(deadline: Instant) -> io::Result<Alarm> {
        // SAFETY: pthread_self has no preconditions.
        let waiting = unsafe { libc::pthread_self() };
        let (is_off, off) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        let thread = std::thread::Builder::new().name("consent alarm".into()).spawn(move || {
            let mut wait = deadline.saturating_duration_since(Instant::now());
            let mut wish = stopping::wish();
            loop {
                let mut polled: Vec<_> = [Some(is_off.as_fd()), wish]
                    .into_iter()
                    .flatten()
                    .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
                    .collect();
                let polled_until = Timespec::try_from(wait).ok();
                // Any failure is like a time that is over.
                let _ = poll(&mut polled, polled_until.as_ref());
                if polled.first().is_some_and(|off| !off.revents().is_empty()) {
                    return;
                }
                // SAFETY: `waiting` is alive: the alarm lies in a Borrowed, which cannot leave the thread that made it, and
                // dropping it there joins this thread first.
                unsafe { libc::pthread_kill(waiting, libc::SIGURG) };
                // Again, since the thread may have been between two waits.
                (wait, wish) = (Duration::from_millis(50), None);
            }
        })?;
        Ok(Alarm { off: Some(off), thread: Some(thread) })
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.off.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

extern "C" fn do_nothing(_signal: libc::c_int) {}

/// What a signal does, until this is dropped.
struct Disposition {
    signal: libc::c_int,
    before: libc::sigaction,
}

impl Disposition {
    fn set(signal: libc::c_int, action: libc::sighandler_t) -> io::Result<Disposition> {
        // SAFETY: all zeros is a valid sigaction: no flags, an empty mask, the default action.
        let (mut new, mut before): (libc::sigaction, libc::sigaction) = unsafe { std::mem::zeroed() };
        new.sa_sigaction = action;
        // SAFETY: both point to live sigactions; `action` is SIG_IGN or a function that does nothing, which any signal may
        // run at any time.
        if unsafe { libc::sigaction(signal, &raw const new, &raw mut before) } == 0 {
            Ok(Disposition { signal, before })
        } else {
            Err(io::Error::last_os_error())
        }
    }
}

impl Drop for Disposition {
    fn drop(&mut self) {
        // SAFETY: `before` is what the kernel gave us for this signal, so it is as valid now as it was then.
        unsafe { libc::sigaction(self.signal, &raw const self.before, std::ptr::null_mut()) };
    }
}

impl std::fmt::Debug for Disposition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Disposition({})", self.signal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dumb_terminal_gets_no_sequences() {
        assert_eq!(without_sequences(b"\r\x1b[2KYour choice\x1b[1A: \x1b[0ms\n"), b"\rYour choice: s\n");
        assert_eq!(without_sequences("Grüße".as_bytes()), "Grüße".as_bytes());
        assert_eq!(without_sequences(b"cut \x1b[3"), b"cut ");
    }
}
