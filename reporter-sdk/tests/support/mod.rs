//! A real mail server for the tests, and what they send to it.

#![allow(dead_code, reason = "each test program uses its share")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reporter_sdk::deliver::{Mail, Parcel, Product, SmtpSettings, Tls};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use uuid::Uuid;

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

    /// Settings that work.
    pub(crate) fn settings(&self, tls: Tls) -> SmtpSettings {
        let port = self.fact(if tls == Tls::Implicit { "tls-port" } else { "port" }).parse().unwrap();
        let settings = SmtpSettings::new("localhost", tls).port(port).timeout(Duration::from_secs(30));
        let settings = settings.root_certificates(self.fact("ca.pem"));
        if tls == Tls::None { settings } else { settings.credentials(self.fact("user"), self.fact("password")) }
    }

    /// Settings that trust only what the platform trusts.
    pub(crate) fn settings_without_authority(&self, tls: Tls) -> SmtpSettings {
        self.settings(tls).root_certificates("")
    }

    /// From and to addresses that the server takes.
    pub(crate) fn mail(&self) -> Mail {
        Mail::new("errors@ledger.example", [self.fact("recipient").as_str()]).unwrap()
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

/// Bytes that no codec makes smaller and that are the same in every run.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// A parcel with these bytes for a report.
pub(crate) fn parcel(bytes: &[u8]) -> Parcel {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    parcel_of_file(file, bytes.len() as u64, Sha256::digest(bytes).into())
}

/// A parcel that claims this of its file.
pub(crate) fn parcel_of_file(file: File, size: u64, sha256: [u8; 32]) -> Parcel {
    let product = Product { vendor: "Example Software".into(), name: "Ledger".into(), version: "3.1.4".into() };
    Parcel::for_tests(Uuid::now_v7(), product, 1_795_000_000_000_000_000, file, size, sha256)
}

/// A 20 MB parcel that is nowhere in memory.
pub(crate) fn large_parcel() -> (Parcel, u64) {
    const MEGABYTES: u64 = 20;
    let (block, mut digest) = (noise(1 << 20), Sha256::new());
    let mut file = tempfile::tempfile().unwrap();
    for _ in 0..MEGABYTES {
        file.write_all(&block).unwrap();
        digest.update(&block);
    }
    (parcel_of_file(file, MEGABYTES << 20, digest.finalize().into()), MEGABYTES << 20)
}

/// The attachment of a mail.
pub(crate) fn attachment(mail: &[u8]) -> Vec<u8> {
    let parsed = mail_parser::MessageParser::default().parse(mail).unwrap();
    assert_eq!(parsed.attachment_count(), 1);
    parsed.attachment(0).unwrap().contents().to_vec()
}

/// Highest memory use of this process so far, in bytes.
pub(crate) fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
