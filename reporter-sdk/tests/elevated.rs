//! A product with more rights than whoever starts it (setuid): nothing that this person can choose, environment, paths, programs, is believed. The product is a
//! copy of this test program, in a role.
// Not on Windows: setuid is Unix's. A product that runs as an administrator there has no test.
#![cfg(target_os = "linux")]

#[path = "support/end_to_end/mod.rs"]
mod end_to_end;

use std::env;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use end_to_end::product::{files, handler};
use reporter_sdk::spool::Spool;
use reporter_sdk::{Options, Reporter, Restart};

const PRODUCT: &str = "REPORTER_TEST_ELEVATED";
const VENDOR: &str = "Example Software";
/// A dialog of the product's own, which needs no display.
const OWN_DIALOG: &str = "own-dialog";
/// Debian's `nobody`.
const NOBODY: u32 = 65534;
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
#[ignore = "the product's part of the other tests"]
fn product() {
    let Some(name) = env::var(PRODUCT).ok() else { return };
    let folder = env::current_exe().unwrap().parent().unwrap().to_owned();
    let mut options = Options::new(VENDOR, name, "1").restart(Restart::new(["--again"]));
    if folder.join(OWN_DIALOG).exists() {
        options = options.dialog(folder.join(OWN_DIALOG));
    }
    let reporter = Reporter::start(options);
    let soft_errors: Vec<_> = reporter.soft_errors().iter().map(ToString::to_string).collect();
    fs::write(folder.join("told"), soft_errors.join("\n")).unwrap();
    fs::write(folder.join(format!("user {}", rustix::process::geteuid().as_raw())), "").unwrap();
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    // SAFETY: it is not: this is the fault that the test is about.
    unsafe { std::hint::black_box(std::ptr::null_mut::<u32>()).write_volatile(1) };
}

/// The product as root has installed it, and what belongs to the one who runs it.
struct Place {
    directory: tempfile::TempDir,
    name: String,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("elevated").tempdir().unwrap();
        let name = directory.path().file_name().unwrap().to_str().unwrap().to_owned();
        let place = Self { directory, name };
        set_mode(place.directory.path(), 0o755);
        for folder in ["installed", "theirs"] {
            fs::create_dir(place.path(folder)).unwrap();
            set_mode(&place.path(folder), 0o755);
        }
        fs::copy(env::current_exe().unwrap(), place.path("installed/product")).unwrap();
        set_mode(&place.path("installed/product"), 0o4755);
        fs::copy(handler(), place.path("installed/reporter-handler")).unwrap();
        set_mode(&place.path("installed/reporter-handler"), 0o755);
        let planted = place.path("theirs/reporter-handler");
        fs::write(&planted, format!("#!/bin/sh\ntouch {}\n", place.path("theirs/ran").display())).unwrap();
        set_mode(&planted, 0o755);
        for path in ["theirs", "theirs/reporter-handler"] {
            chown(place.path(path), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Installs a dialog as it should be.
    fn install_dialog(&self, name: &str) {
        let dialog = self.path("installed").join(name);
        // A shell gives back the rights that its user has not: it writes where they can.
        fs::write(&dialog, format!("#!/bin/sh\ntouch {}\n", self.path("theirs/asked").display())).unwrap();
        set_mode(&dialog, 0o755);
    }

    /// Where reports of root's products lie.
    fn spool(&self) -> PathBuf {
        Path::new("/var/lib/error-reporting").join(VENDOR).join(&self.name).join("reports")
    }

    /// Nobody runs it, with an environment of their own choice. `None` where it does not become root's.
    fn run(&self) -> Option<Child> {
        let theirs = self.path("theirs");
        let mut command = Command::new(self.path("installed/product"));
        command.args(["--exact", "product", "--include-ignored", "--nocapture"]).env_clear().env(PRODUCT, &self.name);
        for variable in ["HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "PATH", "SSL_CERT_DIR", "TMPDIR"] {
            command.env(variable, &theirs);
        }
        command.env("REPORTER_HANDLER", theirs.join("reporter-handler")).env("DISPLAY", ":4321");
        let alone = || rustix::process::setsid().map(drop).map_err(Into::into);
        // SAFETY: between fork and exec the closure makes one system call.
        unsafe { command.pre_exec(alone) };
        let mut child = command.uid(NOBODY).gid(NOBODY).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let has_started =
            || files(&self.path("installed")).iter().any(|file| file.to_string_lossy().contains("/user "));
        wait_for("start of the product", has_started);
        if !self.path("installed/user 0").exists() {
            eprintln!("SKIPPED: setuid programs do not become root's here (nosuid?)");
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        Some(child)
    }

    fn handlers(&self) -> Vec<u32> {
        let program = self.path("installed/reporter-handler");
        let is_ours = |pid: &u32| {
            let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            arguments.split(|byte| *byte == 0).next() == Some(program.as_os_str().as_encoded_bytes())
        };
        let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_ours).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.spool().parent().unwrap());
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "no {what} in {PATIENCE:?}");
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn nothing_of_who_runs_a_setuid_product_is_believed() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can install a setuid program");
        return;
    }
    let place = Place::new();
    let Some(mut product) = place.run() else { return };
    let told = fs::read_to_string(place.path("installed/told")).unwrap();
    assert!(told.contains("restart"), "it is not started again: {told}");
    let [pid] = place.handlers()[..] else { panic!("{:?}; {told}", place.handlers()) };
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap();
    assert_eq!(String::from_utf8_lossy(&environment), "PATH=/usr/sbin:/usr/bin:/sbin:/bin\0");
    drop(product.stdin.take());
    assert_eq!(product.wait().unwrap().signal(), Some(libc::SIGSEGV));
    wait_for("end of the handler", || place.handlers().is_empty());
    assert_eq!(
        files(&place.path("theirs")),
        [place.path("theirs/reporter-handler")],
        "nothing was written or run there"
    );
    assert_eq!(Spool::open(&place.spool()).unwrap().drafts().unwrap().len(), 1);
}

#[test]
fn a_setuid_product_starts_no_handler_that_is_not_roots() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can install a setuid program");
        return;
    }
    let place = Place::new();
    chown(place.path("installed/reporter-handler"), Some(NOBODY), None).unwrap();
    let Some(mut product) = place.run() else { return };
    let told = fs::read_to_string(place.path("installed/told")).unwrap();
    assert!(told.contains("reporter-handler belongs to user 65534: install it as root"), "{told}");
    drop(product.stdin.take());
    assert_eq!(product.wait().unwrap().signal(), Some(libc::SIGSEGV));
    assert!(!place.spool().exists());
}

#[test]
fn a_setuid_product_shows_its_user_no_window_of_roots_and_keeps_the_report() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can install a setuid program");
        return;
    }
    for dialog in ["reporter-dialog", OWN_DIALOG] {
        let place = Place::new();
        place.install_dialog(dialog);
        let Some(mut product) = place.run() else { return };
        drop(product.stdin.take());
        assert_eq!(product.wait().unwrap().signal(), Some(libc::SIGSEGV));
        wait_for("end of the handler", || place.handlers().is_empty());
        assert!(!place.path("theirs/asked").exists(), "{dialog}");
        assert_eq!(Spool::open(&place.spool()).unwrap().drafts().unwrap().len(), 1, "{dialog}");
    }
}
