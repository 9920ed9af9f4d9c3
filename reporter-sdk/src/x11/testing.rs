//! A real X server for tests, without a screen, on a number that is free.

use std::io::{BufRead, BufReader};
use std::os::fd::AsRawFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::X11;

/// For machines that are busy with other tests.
pub(crate) fn patient() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Xvfb; ends with this value.
#[derive(Debug)]
pub(crate) struct Xvfb {
    server: Child,
    display: String,
}

impl Xvfb {
    /// `screen` as in `1280x720x24`.
    pub(crate) fn start(screen: &str) -> Self {
        Self::start_with(&["-screen", "0", screen])
    }

    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let (number, theirs) = std::io::pipe().unwrap();
        // The server writes its number there once it can be asked; all else of a child's descriptors is closed.
        rustix::io::fcntl_setfd(&theirs, rustix::io::FdFlags::empty()).unwrap();
        let server = Command::new("Xvfb")
            .args(["-displayfd", &theirs.as_raw_fd().to_string(), "-nolisten", "tcp", "-noreset"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb is installed: see scripts/setup");
        drop(theirs);
        let mut line = String::new();
        BufReader::new(number).read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "Xvfb has not started");
        Self { server, display: format!(":{}", line.trim()) }
    }

    /// As in `DISPLAY`.
    pub(crate) fn display(&self) -> &str {
        &self.display
    }

    pub(crate) fn id(&self) -> u32 {
        self.server.id()
    }

    pub(crate) fn connect(&self) -> X11 {
        X11::connect(&self.display, None, patient()).unwrap()
    }

    /// A program of X's with this display; what it prints.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program).args(arguments).env("DISPLAY", &self.display).output().unwrap();
        assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Xvfb {
    fn drop(&mut self) {
        // SIGTERM, so that it removes its socket and its lock.
        let id = rustix::process::Pid::from_child(&self.server);
        let _ = rustix::process::kill_process(id, rustix::process::Signal::CONT);
        let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        let _ = self.server.wait();
    }
}
