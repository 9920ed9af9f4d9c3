//! A real CUPS, private to a test, and servers that are none.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::ipp::tests::answer;
use super::*;

type Told = (Vec<(String, String, bool)>, Vec<String>);

fn told(root: &Path, variables: &[(&str, &str)], patience: u32) -> Told {
    let mut notes = Notes::default();
    let machine = Machine::prepared(root, variables, || None).patient(patience);
    let printers = collect(&machine, &mut notes);
    (printers.into_iter().map(|p| (p.name, p.driver, p.default)).collect(), notes.into_parts().1)
}

fn printer(name: &str, driver: &str, default: bool) -> (String, String, bool) {
    (name.into(), driver.into(), default)
}

fn socket(root: &Path) -> std::path::PathBuf {
    fs::create_dir_all(root.join("run/cups")).unwrap();
    root.join("run/cups/cups.sock")
}

/// What is told where one server answers like this.
fn told_by(patience: u32, serve: impl FnOnce(UnixStream) + Send + 'static) -> Told {
    let root = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(socket(root.path())).unwrap();
    let server = thread::spawn(move || serve(listener.accept().unwrap().0));
    let told = told(root.path(), &[], patience);
    server.join().unwrap();
    told
}

fn hear(client: &mut UnixStream) {
    let mut question = [0; 1 << 12];
    assert!(client.read(&mut question).unwrap() > 0);
}

#[test]
fn a_machine_without_cups_has_no_printers_and_no_soft_error() {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(told(root.path(), &[], 1), (vec![], vec![]));
    // One that has ended, and left its socket.
    drop(UnixListener::bind(socket(root.path())).unwrap());
    let (printers, troubles) = told(root.path(), &[], 1);
    assert_eq!((printers, troubles), (vec![], vec!["cups.sock: Connection refused (os error 111)".into()]));
}

#[test]
fn names_with_addresses_lose_them_and_what_was_not_asked_for_is_not_told() {
    let (printers, troubles) = told_by(20, |mut client| {
        hear(&mut client);
        let body = answer(&[("HP_192_168_1_5", "HP (AABBCCDDEEFF)", false), ("Office\u{1b}[2J", "x\ny", true)]);
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        client.write_all(head).unwrap();
        for piece in body.chunks(7) {
            client.write_all(&[format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()).unwrap();
        }
        client.write_all(b"0\r\n\r\n").unwrap();
    });
    assert_eq!(printers, [printer("<address>", "HP (<address>)", false), printer("Office[2J", "xy", true)]);
    assert_eq!(troubles, Vec::<String>::new());
}

#[test]
fn servers_that_hang_drip_flood_or_lie_cost_a_soft_error() {
    let begun = Instant::now();
    let trouble = |serve: fn(UnixStream)| {
        let (printers, troubles) = told_by(1, serve);
        assert_eq!(printers, []);
        assert_eq!(troubles.len(), 1, "{troubles:?}");
        troubles[0].clone()
    };
    let hung = trouble(|mut client| {
        // Until we are gone.
        let _ = client.read_to_end(&mut Vec::new());
    });
    assert_eq!(hung, "cups.sock: timed out");
    let dripping = trouble(|mut client| {
        while client.write_all(b"H").is_ok() {
            thread::sleep(Duration::from_millis(10));
        }
    });
    assert_eq!(dripping, "cups.sock: timed out");
    let flooding = trouble(|mut client| while client.write_all(&[b'H'; 1 << 16]).is_ok() {});
    assert_eq!(flooding, "cups.sock: more than 1048576 bytes");
    let lying = trouble(|mut client| {
        hear(&mut client);
        let lie =
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n\x02\0\0\0\0\0\0\x01\x04\x42\xff\xffprinter-name";
        client.write_all(lie).unwrap();
    });
    assert_eq!(lying, "cups.sock: no answer of IPP");
    let refusing = trouble(|mut client| {
        hear(&mut client);
        client.write_all(b"HTTP/1.1 403 CANARY\r\n\r\n").unwrap();
    });
    assert_eq!(refusing, "cups.sock: HTTP status 403");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

/// A CUPS with all that it has in one folder, listening on a socket there only.
struct Cups {
    server: Child,
    root: tempfile::TempDir,
}

impl Cups {
    fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        let (socket, folder) = (socket(root.path()), root.path().display());
        let policy = "<Policy default>\n<Limit All>\nOrder deny,allow\n</Limit>\n</Policy>\n";
        let settings = format!("Listen {}\nBrowsing No\nWebInterface No\n{policy}", socket.display());
        fs::write(root.path().join("cupsd.conf"), settings).unwrap();
        let places: String = ["ServerRoot", "RequestRoot", "CacheDir", "StateDir"]
            .map(|name| {
                fs::create_dir(root.path().join(name)).unwrap();
                format!("{name} {folder}/{name}\n")
            })
            .concat();
        let logs = ["AccessLog", "ErrorLog", "PageLog"].map(|name| format!("{name} {folder}/{name}\n")).concat();
        let files = format!("{places}{logs}FileDevice Yes\nSystemGroup root\nPrintcap\n");
        fs::write(root.path().join("cups-files.conf"), files).unwrap();
        fs::write(root.path().join("model.ppd"), include_str!("testdata/model.ppd")).unwrap();
        let server = Command::new("/usr/sbin/cupsd")
            .arg("-f")
            .args(["-c".into(), root.path().join("cupsd.conf"), "-s".into(), root.path().join("cups-files.conf")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("cupsd is installed: see scripts/setup");
        let cups = Self { server, root };
        for _ in 0..600 {
            if UnixStream::connect(&socket).is_ok() {
                return cups;
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!("{}", fs::read_to_string(cups.root.path().join("ErrorLog")).unwrap_or_default());
    }

    /// A program of CUPS' with this server.
    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        command.arg("-h").arg(socket(self.root.path())).args(arguments).env("LC_ALL", "C").env_remove("LPDEST");
        let output = command.env_remove("PRINTER").env("HOME", self.root.path()).output().unwrap();
        assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Cups {
    fn drop(&mut self) {
        let _ = rustix::process::kill_process(
            rustix::process::Pid::from_child(&self.server),
            rustix::process::Signal::TERM,
        );
        let _ = self.server.wait();
    }
}

#[test]
fn a_real_cups_is_told_as_lpstat_tells_it() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: a real CUPS needs root");
        return;
    }
    let cups = Cups::start();
    let root = cups.root.path();
    assert_eq!(told(root, &[], 20), (vec![], vec![]));

    cups.run("lpadmin", &["-p", "Ledger", "-v", "file:///dev/null", "-m", "raw", "-E"]);
    let model = root.join("model.ppd");
    let described = ["-p", "Office", "-D", "CANARY", "-L", "CANARY", "-v", "file:///dev/null?serial=CANARY", "-P"];
    cups.run("lpadmin", &[&described[..], &[model.to_str().unwrap(), "-E"]].concat());
    let [ledger, office] = [("Ledger", "Local Raw Printer"), ("Office", "HP LaserJet 400, hpcups 3.22.10")];
    let with_default = |name: &str| [ledger, office].map(|(n, model)| printer(n, model, n == name)).to_vec();
    assert_eq!(told(root, &[], 20), (with_default("nobody"), vec![]));

    cups.run("lpadmin", &["-d", "Office"]);
    let (printers, troubles) = told(root, &[], 20);
    assert_eq!((&printers, troubles), (&with_default("Office"), vec![]));
    let names: String = printers.iter().map(|(name, _, _)| format!("{name}\n")).collect();
    assert_eq!(cups.run("lpstat", &["-e"]), names);
    assert_eq!(cups.run("lpstat", &["-d"]), "system default destination: Office\n");

    // A person's own choice, by file and by variable; one that is not there is none.
    fs::create_dir(root.join(".cups")).unwrap();
    fs::write(root.join(".cups/lpoptions"), "Dest Office sides=one-sided\nDefault Ledger/draft sides=one-sided\n")
        .unwrap();
    let default_with = |variables: &[(&str, &str)]| told(root, variables, 20).0;
    assert_eq!(default_with(&[("HOME", "/")]), with_default("Ledger"));
    assert_eq!(default_with(&[("HOME", "/"), ("PRINTER", "Office")]), with_default("Office"));
    assert_eq!(default_with(&[("LPDEST", "Ledger")]), with_default("Ledger"));
    assert_eq!(default_with(&[("LPDEST", "Gone")]), with_default("Office"));
}
