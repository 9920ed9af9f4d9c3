//! What the tests of delivery send, and the real mail server that they send it to.

#![allow(dead_code, reason = "each test program uses its share")]

use std::fs::{self, File};
use std::io::Write;
#[cfg(target_os = "linux")]
use std::time::Duration;

#[cfg(target_os = "linux")]
use reporter_sdk::deliver::{Mail, SmtpSettings, Tls};
use reporter_sdk::deliver::{Parcel, Product};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The mail server and what belongs to it run on Linux.
#[cfg(target_os = "linux")]
mod end_to_end;

#[cfg(target_os = "linux")]
pub(crate) use end_to_end::mail_server::MailServer;

/// How to reach it.
#[cfg(target_os = "linux")]
impl MailServer {
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
