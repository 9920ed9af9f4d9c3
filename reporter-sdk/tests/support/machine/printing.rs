//! A real print server with a printer, on a Unix socket alone.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::planted::write;
use super::{canary, disk, run};

const SOCKET: &str = "/run/cups/cups.sock";

pub(crate) fn planted() -> Child {
    let place = disk().join("cups");
    for below in ["etc", "cache", "spool", "state", "tmp", "log"] {
        fs::create_dir_all(place.join(below)).unwrap();
    }
    let path = |below: &str| place.join(below).display().to_string();
    let files = format!(
        "ServerRoot {}\nCacheDir {}\nRequestRoot {}\nStateDir {}\nTempDir {}\nErrorLog {}/error\nAccessLog {}/access\n\
         FileDevice Yes\nPageLog {}/page\n",
        path("etc"),
        path("cache"),
        path("spool"),
        path("state"),
        path("tmp"),
        path("log"),
        path("log"),
        path("log"),
    );
    write(&place.join("etc/cups-files.conf"), files);
    let settings = format!(
        "Listen {SOCKET}\nBrowsing No\nDefaultAuthType None\nWebInterface No\nLogLevel warn\n<Location />\nOrder allow,deny\nAllow all\n</Location>\n\
         <Location /admin>\nOrder allow,deny\nAllow all\n</Location>\n<Policy default>\n<Limit All>\nOrder allow,deny\nAllow all\n</Limit>\n</Policy>\n"
    );
    write(&place.join("etc/cupsd.conf"), settings);
    let mut server = Command::new("/usr/sbin/cupsd");
    server.args(["-f", "-c", &path("etc/cupsd.conf"), "-s", &path("etc/cups-files.conf")]);
    let server = server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let server = server.expect("cupsd, of cups-daemon; scripts/setup test installs it");
    let started = Instant::now();
    while !std::path::Path::new(SOCKET).exists() {
        assert!(started.elapsed() < Duration::from_secs(20), "the print server does not listen");
        sleep(Duration::from_millis(10));
    }
    let address = format!("ipp://{}/printers/one", canary::PRINTER_ADDRESS);
    let (place, description) = (canary::PRINTER_PLACE, canary::PRINTER_DESCRIPTION);
    run("lpadmin", &["-h", SOCKET, "-p", canary::PRINTER, "-E", "-v", &address, "-L", place, "-D", description]);
    run("lpadmin", &["-h", SOCKET, "-d", canary::PRINTER]);
    server
}
