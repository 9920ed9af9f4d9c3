//! Places that lack what a handler usually finds: a `/proc` of another PID namespace, none at all, a file system that cannot be written, a spool that is not to be
//! trusted. The product ends in time, nothing is read of other processes, and what can be had is had.
// Not on Windows: namespaces are Linux's.
#![cfg(target_os = "linux")]

#[path = "support/end_to_end/mod.rs"]
mod end_to_end;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use end_to_end::product::{failing, files, handler, say_always};
use end_to_end::report::Received;
use reporter_sdk::spool::Spool;

/// In the environment of every product; must be in no report.
const SECRET: &str = "SECRET-77c20a-TERCES";
const PATIENCE: Duration = Duration::from_secs(60);
/// What a fault's exit status is to a shell.
const FAULT: i32 = 128 + libc::SIGSEGV;
/// The first process of its namespace, with which all others end: so it waits until it is told. Runs the product, and then `$AFTER`.
const FIRST: &str = r#""$@"; status=$?; eval "$AFTER"; tries=0
    while [ ! -e "$RELEASE" ] && [ $tries -lt 600 ]; do sleep 0.1; tries=$((tries + 1)); done; exit $status"#;

/// A product in a folder of its own, whose person has said that everything is to be sent.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::Builder::new().prefix("containers").tempdir().unwrap());
        fs::create_dir(place.path("mails")).unwrap();
        symlink(handler(), place.path("reporter-handler")).unwrap();
        say_always(&place.path("spool"));
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs the product that faults in namespaces of its own, after `before`. `None`, and a word on it, where they are refused.
    fn crash(&self, namespaces: &[&str], before: &str, after: &str) -> Option<Output> {
        let mut unshare = Command::new("unshare");
        if !rustix::process::geteuid().is_root() {
            unshare.arg("--map-root-user");
        }
        unshare.args(namespaces).args(["sh", "-c"]);
        let refused = Command::new(unshare.get_program())
            .args(unshare.get_args())
            .arg(format!("{before} true"))
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        if !refused.status.success() {
            eprintln!("SKIPPED: {namespaces:?} are refused here: {}", String::from_utf8_lossy(&refused.stderr));
            return None;
        }
        unshare.arg(format!("{before} {FIRST}")).arg("sh").arg(failing()).arg(self.0.path()).arg("fault");
        unshare.env("SECRET", SECRET).env("RELEASE", self.path("release")).env("AFTER", after);
        let child = unshare.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let started = Instant::now();
        // Until product and handler have ended; of their end we are told by our own /proc.
        sleep(Duration::from_millis(200));
        while self.is_running() {
            assert!(started.elapsed() < PATIENCE, "the product or its handler does not end");
            sleep(Duration::from_millis(20));
        }
        fs::write(self.path("release"), "").unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(FAULT), "{}", String::from_utf8_lossy(&output.stderr));
        Some(output)
    }

    /// Whether a process has this folder in its arguments, but for the shell that waits for us.
    fn is_running(&self) -> bool {
        let folder = self.0.path().as_os_str().as_bytes();
        let runs = |pid: u32| {
            let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let program = arguments.split(|byte| *byte == 0).next().unwrap_or_default();
            let waits = program.ends_with(b"sh") || program.ends_with(b"unshare");
            !waits && arguments.split(|byte| *byte == 0).any(|argument| argument.starts_with(folder))
        };
        let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).any(runs)
    }

    fn report(&self) -> Received {
        let [mail] = &files(&self.path("mails"))[..] else { panic!("{:?}", files(self.0.path())) };
        let received = Received::from_mail(mail);
        assert_eq!(received.places_of(SECRET), [] as [String; 0]);
        assert_eq!(received.error().title, "SIGSEGV: address not mapped");
        received
    }
}

fn names_the_fault(received: &Received) -> bool {
    received.functions().iter().any(|name| name.contains("5third"))
}

#[test]
fn with_the_proc_of_another_pid_namespace_the_product_tells_itself_and_no_other_process_is_read() {
    let place = Place::new();
    let Some(_) = place.crash(&["--pid", "--fork"], "", "") else { return };
    let received = place.report();
    let soft_errors = received.soft_errors();
    assert!(soft_errors.iter().any(|soft| soft.contains("/proc is of another PID namespace")), "{soft_errors:?}");
    assert!(soft_errors.iter().any(|soft| soft.contains("its own record stands in for a dump")), "{soft_errors:?}");
    assert!(names_the_fault(&received), "{:?}", received.functions());
}

#[test]
fn with_a_proc_of_its_own_a_pid_namespace_is_like_any_other_place() {
    let place = Place::new();
    let Some(_) = place.crash(&["--pid", "--fork", "--mount-proc"], "", "") else { return };
    let received = place.report();
    assert_eq!(received.check_minidump(), "SIGSEGV / SEGV_MAPERR");
    assert!(names_the_fault(&received), "{:?}", received.functions());
    let soft_errors = received.soft_errors();
    assert!(!soft_errors.iter().any(|soft| soft.contains("namespace")), "{soft_errors:?}");
}

#[test]
fn without_any_proc_a_crash_is_reported_with_what_its_thread_tells() {
    let place = Place::new();
    let Some(_) = place.crash(&["--mount"], "mount -t tmpfs none /proc || exit 1;", "") else { return };
    let received = place.report();
    let soft_errors = received.soft_errors();
    assert!(soft_errors.iter().any(|soft| soft.contains("/proc/self")), "{soft_errors:?}");
    assert!(!received.thread().frames.is_empty());
}

#[test]
fn on_a_file_system_that_cannot_be_written_a_crash_is_kept_in_memory() {
    let place = Place::new();
    // The folder is made unwritable, and what is in memory seen from inside alone.
    let folder = place.0.path().display();
    let before = format!(
        "mount -t tmpfs none /run && mount --bind {folder} {folder} && mount -o remount,bind,ro {folder} || exit 1;"
    );
    let after = "sleep 1; find /run/error-reporting -name '*.draft' -o -name '*.report' -o -name '*.lost'";
    let Some(output) = place.crash(&["--mount"], &before, after) else { return };
    assert_eq!(files(&place.path("mails")).len() + files(&place.path("spool/new")).len(), 0);
    let kept = String::from_utf8_lossy(&output.stdout);
    assert_eq!(kept.lines().count(), 1, "{output:?}");
}

/// Lets the product crash on the spool that is there, outside of any container. Returns what it was told.
fn crash_on(place: &Place) -> String {
    let mut product = Command::new(failing());
    product.arg(place.0.path()).arg("fault").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let started = Instant::now();
    let output = product.output().unwrap();
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{output:?}");
    while place.is_running() {
        assert!(started.elapsed() < PATIENCE, "the handler does not end");
        sleep(Duration::from_millis(20));
    }
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_spool_that_is_not_to_be_trusted_takes_nothing_and_the_next_start_on_a_right_one_has_it_all() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can give a folder to another user, and has another place for sure");
        return;
    }
    let place = Place::new();
    let (spool, kept, elsewhere) = (place.path("spool"), place.path("kept"), place.path("elsewhere"));
    fs::rename(&spool, &kept).unwrap();
    fs::create_dir(&elsewhere).unwrap();
    let fallback = Spool::fallback_directory(&spool).unwrap();

    symlink(&elsewhere, &spool).unwrap();
    let told = crash_on(&place);
    assert!(told.contains("it is a symbolic link") && told.contains("reports are kept in /run/"), "{told}");
    fs::remove_file(&spool).unwrap();

    fs::create_dir(&spool).unwrap();
    fs::set_permissions(&spool, fs::Permissions::from_mode(0o777)).unwrap();
    let told = crash_on(&place);
    assert!(told.contains("others can write it (chmod 700"), "{told}");
    fs::set_permissions(&spool, fs::Permissions::from_mode(0o700)).unwrap();

    chown(&spool, Some(65534), None).unwrap();
    let told = crash_on(&place);
    assert!(told.contains("it belongs to user 65534, not to user 0"), "{told}");
    assert_eq!((files(&spool).len(), files(&elsewhere).len(), files(&fallback.join("new")).len()), (0, 0, 3));
    fs::remove_dir(&spool).unwrap();

    fs::rename(&kept, &spool).unwrap();
    let told = crash_on(&place);
    assert!(!told.contains("spool"), "{told}");
    assert_eq!(files(&place.path("mails")).len(), 4, "what waited in memory came home and was sent");
    assert!(!fallback.exists());
}
