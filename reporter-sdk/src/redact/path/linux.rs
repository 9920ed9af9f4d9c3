//! Of the password file, and of `HOME`. The name service is not asked: it can be a server that does not answer.

use std::io::Read;

use super::Home;

pub(in crate::redact) fn own_homes() -> Vec<Home> {
    const PASSWD_LIMIT: u64 = 1 << 20;
    let uid = rustix::process::getuid().as_raw().to_string();
    let mut passwd = Vec::new();
    // A file that cannot be read leaves HOME.
    let _ = std::fs::File::open("/etc/passwd").and_then(|f| f.take(PASSWD_LIMIT).read_to_end(&mut passwd));
    let passwd = String::from_utf8_lossy(&passwd);
    let entry = passwd.lines().map(|l| l.split(':').collect::<Vec<_>>()).find(|f| f.len() >= 6 && f[2] == uid);
    let user = entry.as_ref().map_or("", |f| f[0]);
    let mut homes: Vec<Home> = entry.iter().filter_map(|f| Home::new(f[5], user)).collect();
    homes.extend(std::env::var("HOME").ok().and_then(|home| Home::new(&home, user)));
    homes
}
