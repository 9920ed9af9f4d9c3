//! A pseudo-terminal, a program in it, and the person in front of it.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// A program never stays silent or running longer than this, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Opening a terminal makes it the opener's own, but for this.
const NOCTTY: i32 = rustix::fs::OFlags::NOCTTY.bits().cast_signed();

/// The person, the terminal, and the program in its foreground, which ends with this value.
pub(crate) struct Terminal {
    /// The person's end.
    pub(crate) device: File,
    screen: Arc<Mutex<Vec<u8>>>,
    read_until: usize,
    program: Child,
}

impl Terminal {
    /// Starts the program in a session of its own, with a new terminal. Its standard streams are the command's.
    pub(crate) fn start(command: &mut Command) -> Terminal {
        Terminal::open(command, false)
    }

    /// The same, with the terminal as its standard streams.
    pub(crate) fn start_inside(command: &mut Command) -> Terminal {
        Terminal::open(command, true)
    }

    fn open(command: &mut Command, is_inside: bool) -> Terminal {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize { ws_row: 12, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        if is_inside {
            let stream = || {
                OpenOptions::new()
                    .read(true)
                    .write(true)
                    .custom_flags(NOCTTY)
                    .open(OsStr::from_bytes(name.to_bytes()))
                    .unwrap()
            };
            command.stdin(stream()).stdout(stream()).stderr(stream());
        }
        let open_terminal = move || {
            rustix::process::setsid()?;
            // The first terminal that a session leader opens becomes the session's.
            rustix::fs::open(name.as_c_str(), rustix::fs::OFlags::RDWR, rustix::fs::Mode::empty())
                .map(std::mem::forget)?;
            Ok(())
        };
        // SAFETY: between fork and exec the closure makes two system calls and allocates nothing.
        unsafe { command.pre_exec(open_terminal) };
        let program = command.spawn().unwrap();
        // The command keeps no copy of the terminal: its other end is closed when the last program in it ends.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let screen = Arc::new(Mutex::new(Vec::new()));
        let device = File::from(master);
        let (mut output, shown) = (device.try_clone().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count) = output.read(&mut bytes) {
                shown.lock().unwrap().extend_from_slice(&bytes[..count]);
            }
        });
        Terminal { device, screen, read_until: 0, program }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.program.id()
    }

    /// All that was ever written.
    pub(crate) fn screen(&self) -> Vec<u8> {
        self.screen.lock().unwrap().clone()
    }

    /// Waits until the text is on the screen, below what was seen before.
    pub(crate) fn sees(&mut self, text: &str) -> &mut Self {
        self.sees_one_of(&[text])
    }

    /// Waits for the first of these texts.
    pub(crate) fn sees_one_of(&mut self, texts: &[&str]) -> &mut Self {
        let start = Instant::now();
        loop {
            let screen = String::from_utf8_lossy(&self.screen()).into_owned();
            let rest = screen.get(self.read_until..).unwrap_or_default();
            if let Some(end) = texts.iter().filter_map(|text| Some(rest.find(text)? + text.len())).min() {
                self.read_until += end;
                return self;
            }
            assert!(start.elapsed() < PATIENCE, "none of {texts:?} on the screen:\n{screen}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn types(&mut self, text: &str) -> &mut Self {
        self.device.write_all(text.as_bytes()).unwrap();
        self
    }

    /// Waits for the program's end.
    pub(crate) fn ends(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.program.try_wait().unwrap() {
                return status;
            }
            let screen = String::from_utf8_lossy(&self.screen()).into_owned();
            assert!(start.elapsed() < PATIENCE, "the program does not end:\n{screen}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
