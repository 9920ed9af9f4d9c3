//! A real mail server.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// `scripts/mail-server`: Exim with TLS and authentication, delivering into a Maildir. Ends with this value.
pub(crate) struct MailServer {
    script: Child,
    directory: TempDir,
}

impl MailServer {
    /// Starts one. A machine that lacks Exim fails the test and is told what to install.
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// Starts one with settings from the script's head, `MAIL_SIZE_LIMIT` and others.
    pub(crate) fn with(settings: &[(&str, &str)]) -> Self {
        Self::run(TempDir::new().unwrap(), settings)
    }

    fn run(directory: TempDir, settings: &[(&str, &str)]) -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/mail-server");
        // A test that is killed takes its server with it.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM"]).arg(program).arg(directory.path());
        command.envs(settings.iter().copied()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut script = command.spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while !directory.path().join("ready").exists() {
            if script.try_wait().unwrap().is_some() || Instant::now() > deadline {
                let _ = script.kill();
                let mut said = String::new();
                script.stderr.take().unwrap().read_to_string(&mut said).unwrap();
                panic!("no mail server to test with. {said}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { script, directory }
    }

    /// Stops it and starts it again on the same ports, with its queue and mails.
    pub(crate) fn restart_after(mut self, meanwhile: impl FnOnce()) -> Self {
        let ports = [("MAIL_PORT", self.fact("port")), ("MAIL_TLS_PORT", self.fact("tls-port"))];
        self.stop();
        let directory = std::mem::replace(&mut self.directory, TempDir::new().unwrap());
        meanwhile();
        fs::remove_file(directory.path().join("ready")).unwrap();
        Self::run(directory, &ports.each_ref().map(|(name, value)| (*name, value.as_str())))
    }

    /// A file of the server's directory, without its line end.
    pub(crate) fn fact(&self, name: &str) -> String {
        fs::read_to_string(self.directory.path().join(name)).unwrap().trim_end().to_owned()
    }

    /// Where its files are.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Waits until so many mails are there, and gives the files, which are whole by then.
    pub(crate) fn mails(&self, count: usize) -> Vec<PathBuf> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let mails = self.mails_now();
            if mails.len() >= count {
                return mails;
            }
            assert!(Instant::now() < deadline, "{} of {count} mails; {}", mails.len(), self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The mails that are there.
    pub(crate) fn mails_now(&self) -> Vec<PathBuf> {
        let new = fs::read_dir(self.directory.path().join("Maildir/new")).unwrap();
        new.map(|entry| entry.unwrap().path()).collect()
    }

    /// What the server noted.
    pub(crate) fn log(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.directory.path().join("log").join(name)).unwrap_or_default();
        read("mainlog") + &read("rejectlog") + &read("paniclog")
    }

    fn stop(&mut self) {
        // TERM, not KILL: the script ends the server that it started. The child is not yet waited for, so the number
        // cannot be another's.
        if let Ok(None) = self.script.try_wait() {
            let _ = Command::new("kill").arg(self.script.id().to_string()).status();
        }
        let _ = self.script.wait();
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.stop();
    }
}
