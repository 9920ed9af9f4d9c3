//! Where subjects read: files below a root, named environment variables, and what could not be read. All of it is untrusted:
//! a file can be huge, binary, or a pipe on which nobody writes.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::net::SocketAddrUnix;

use crate::dates;
use crate::inventory::network_names::own_address;
pub(super) use crate::inventory::notes::{Notes, name, text, word};
use crate::local_socket;
use crate::redact::GlobalAddr;
use crate::x11::{X11, X11Error};

/// Of one file that is read whole.
const FILE_LIMIT: u64 = 1 << 20;

/// Of one line of a file that is read line by line.
const LINE_LIMIT: u64 = 64 << 10;

/// Of the entries of one folder.
const FOLDER_LIMIT: usize = 4096;

type Variables = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The machine as subjects see it; a prepared one in tests.
#[derive(Clone)]
pub(in crate::inventory) struct Machine {
    root: PathBuf,
    variable: Variables,
    address: fn() -> Option<GlobalAddr>,
    /// How many times its own time each step has: more in tests, whose machines are busy.
    patience: u32,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("root", &self.root).finish_non_exhaustive()
    }
}

impl Machine {
    pub(in crate::inventory) fn this() -> Self {
        Self::with_environment(!crate::places::elevated())
    }

    /// `believed`: an elevated process got its environment from someone with fewer rights, who could have anything reported by it.
    fn with_environment(believed: bool) -> Self {
        Self {
            root: PathBuf::from("/"),
            variable: Arc::new(move |name| if believed { std::env::var(name).ok() } else { None }),
            address: own_address,
            patience: 1,
        }
    }

    #[cfg(test)]
    pub(super) fn prepared(
        root: &std::path::Path,
        variables: &[(&str, &str)],
        address: fn() -> Option<GlobalAddr>,
    ) -> Self {
        let variables: std::collections::HashMap<String, String> =
            variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let variable: Variables = Arc::new(move |name| variables.get(name).cloned());
        Self { root: root.to_owned(), variable, address, patience: 10 }
    }

    /// Where a path of the machine is for the system calls.
    pub(super) fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// The end of a step that may take `time`.
    pub(super) fn deadline(&self, time: Duration) -> Instant {
        Instant::now() + time * self.patience
    }

    /// The end of asking another program: before that of [`LONG`](crate::inventory::LONG), so that there is time for telling what else was found.
    pub(super) fn asking(&self) -> Instant {
        self.deadline(crate::inventory::LONG * 3 / 4)
    }

    /// With so many times the usual time for each step.
    #[cfg(test)]
    pub(super) fn patient(self, patience: u32) -> Self {
        Self { patience, ..self }
    }

    /// A regular file.
    pub(super) fn open(&self, path: &str) -> io::Result<File> {
        // Without O_NONBLOCK a pipe in place of the file would hold us until somebody writes.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(self.at(path), flags, Mode::empty())?);
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Ok(file)
    }

    /// The text of a regular file of at most 1 MiB; bytes that are no UTF-8 are replaced.
    pub(super) fn read(&self, path: &str) -> io::Result<String> {
        let mut bytes = Vec::new();
        self.open(path)?.take(FILE_LIMIT + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > FILE_LIMIT {
            return Err(too_large(FILE_LIMIT));
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A connection to a server of this machine by its socket.
    pub(super) fn connect(&self, path: &str, deadline: Instant) -> io::Result<UnixStream> {
        local_socket::connect(&SocketAddrUnix::new(self.at(path))?, deadline)
    }

    /// The display that the product's environment names, if it names one.
    pub(super) fn display(&self, deadline: Instant) -> Result<Option<X11>, X11Error> {
        X11::of_variables(|name| self.variable(name), deadline)
    }

    /// Gives the lines of a regular file to `take`, which can end it, for files that are too large to be held. Of a line that is longer than
    /// 64 KiB the start is given. What is behind `limit` is not read, and an error.
    pub(super) fn each_line(
        &self,
        path: &str,
        limit: u64,
        take: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> io::Result<()> {
        each_line(self.open(path)?, limit, take)
    }

    /// [`read`](Self::read), or `None` where there is no such file; other failures are noted, and so is the place where something was read.
    pub(super) fn read_if_there(&self, place: &'static str, notes: &mut Notes) -> Option<String> {
        match self.read(place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            read => notes.of(place, read),
        }
    }

    /// [`read`](Self::read), every failure noted, a missing file too.
    pub(super) fn expect(&self, place: &'static str, notes: &mut Notes) -> Option<String> {
        notes.of(place, self.read(place))
    }

    /// The names in a folder, 4096 at most, sorted; nothing where it cannot be read. Names that are no UTF-8 are left out.
    pub(in crate::inventory) fn list(&self, path: &str) -> Vec<String> {
        self.list_up_to(FOLDER_LIMIT, path)
    }

    /// [`list`](Self::list) for a folder that can hold more.
    pub(super) fn list_up_to(&self, limit: usize, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.at(path)).into_iter().flatten().flatten().take(limit);
        let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort_unstable();
        names
    }

    pub(super) fn is_there(&self, path: &str) -> bool {
        self.at(path).symlink_metadata().is_ok()
    }

    /// Where a link points, as written.
    pub(super) fn link(&self, path: &str) -> Option<String> {
        std::fs::read_link(self.at(path)).ok()?.into_os_string().into_string().ok()
    }

    /// Of the file, folder or link itself.
    pub(super) fn metadata(&self, path: &str) -> Option<Metadata> {
        std::fs::symlink_metadata(self.at(path)).ok()
    }

    /// The UTC day, `2026-11-20`, on which a file was last written; empty where it cannot be told.
    pub(super) fn day_of(&self, path: &str) -> String {
        let seconds = self.metadata(path).map(|metadata| metadata.mtime());
        seconds.and_then(|seconds| u64::try_from(seconds).ok()).and_then(dates::day_of).unwrap_or_default()
    }

    /// An environment variable of this process. Only named ones are looked at.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    pub(super) fn has_variable(&self, name: &str) -> bool {
        self.variable(name).is_some()
    }

    /// An address of this machine that the Internet sees.
    pub(super) fn address(&self) -> Option<GlobalAddr> {
        (self.address)()
    }
}

/// See [`Machine::each_line`].
pub(super) fn each_line(file: impl Read, limit: u64, mut take: impl FnMut(&[u8]) -> ControlFlow<()>) -> io::Result<()> {
    let mut file = BufReader::with_capacity(1 << 16, file.take(limit + 1));
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = file.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut line)?;
        if length as u64 == LINE_LIMIT && line.last() != Some(&b'\n') {
            file.skip_until(b'\n')?;
        }
        if length == 0 {
            break;
        }
        if take(line.strip_suffix(b"\n").unwrap_or(&line)).is_break() {
            return Ok(());
        }
    }
    if file.get_ref().limit() == 0 { Err(too_large(limit)) } else { Ok(()) }
}

fn too_large(limit: u64) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {limit} bytes"))
}

/// The values of `KEY=value` lines as shells and systemd read them, as far as plain quoting goes.
pub(super) fn setting<'a>(file: &'a str, key: &str) -> Option<&'a str> {
    let value = |line: &'a str| line.trim_start().strip_prefix(key)?.strip_prefix('=');
    let raw = file.lines().filter_map(value).next_back()?.trim();
    let quoted = |mark| raw.strip_prefix(mark).and_then(|r| r.strip_suffix(mark));
    quoted('"').or_else(|| quoted('\'')).or(Some(raw)).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn an_elevated_process_does_not_believe_its_environment() {
        assert!(Machine::with_environment(true).has_variable("PATH"));
        assert!(!Machine::with_environment(false).has_variable("PATH"));
    }

    fn empty() -> (tempfile::TempDir, Machine) {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::prepared(dir.path(), &[], || None);
        (dir, machine)
    }

    #[test]
    fn a_pipe_a_folder_and_a_huge_file_are_refused_at_once() {
        let (dir, machine) = empty();
        rustix::fs::mknodat(rustix::fs::CWD, dir.path().join("pipe"), rustix::fs::FileType::Fifo, Mode::RUSR, 0)
            .unwrap();
        std::fs::create_dir(dir.path().join("folder")).unwrap();
        File::create(dir.path().join("huge")).unwrap().set_len(1 << 40).unwrap();
        let begun = Instant::now();
        assert_eq!(machine.read("/pipe").unwrap_err().to_string(), "not a regular file");
        assert_eq!(machine.read("/folder").unwrap_err().to_string(), "not a regular file");
        assert_eq!(machine.read("/huge").unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert!(begun.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn a_file_is_read_line_by_line_up_to_its_limit() {
        let (dir, machine) = empty();
        let lines = |limit| {
            let mut lines = Vec::new();
            let read = machine.each_line("/file", limit, |line| {
                lines.push(line.to_vec());
                ControlFlow::Continue(())
            });
            (lines, read.map_err(|error| error.kind()))
        };
        assert_eq!(lines(10), (vec![], Err(io::ErrorKind::NotFound)));
        std::fs::write(dir.path().join("file"), "ab\n\ncd").unwrap();
        assert_eq!(lines(6), (vec![b"ab".to_vec(), vec![], b"cd".to_vec()], Ok(())));
        assert_eq!(lines(3), (vec![b"ab".to_vec(), vec![]], Err(io::ErrorKind::FileTooLarge)));
        let long = "x".repeat(200_000);
        std::fs::write(dir.path().join("file"), format!("{long}\nend\n")).unwrap();
        assert_eq!(lines(1 << 20), (vec![long.as_bytes()[..LINE_LIMIT as usize].to_vec(), b"end".to_vec()], Ok(())));
        File::create(dir.path().join("file")).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(lines(1 << 20).1, Err(io::ErrorKind::FileTooLarge));
        let mut seen = 0;
        machine
            .each_line("/file", 1 << 20, |_| {
                seen += 1;
                ControlFlow::Break(())
            })
            .unwrap();
        assert_eq!(seen, 1);
    }

    #[test]
    fn an_absent_file_is_noted_only_where_expected() {
        let (_dir, machine) = empty();
        let mut notes = Notes::default();
        assert_eq!(machine.read_if_there("/a", &mut notes), None);
        assert_eq!(machine.expect("/b", &mut notes), None);
        assert_eq!(notes.into_parts().1, ["/b: No such file or directory (os error 2)"]);
    }

    #[test]
    fn settings_are_read_with_and_without_quotes() {
        let file = "A=1\n # B=2\nNAME=\"Debian GNU/Linux\"\nA='x y'\nEMPTY=\nNAMES=no\n";
        assert_eq!(setting(file, "A"), Some("x y"));
        assert_eq!(setting(file, "NAME"), Some("Debian GNU/Linux"));
        assert_eq!(setting(file, "EMPTY"), None);
        assert_eq!(setting(file, "B"), None);
    }
}
