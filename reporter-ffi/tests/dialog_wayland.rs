//! A product crashes on a Wayland desktop that has no X and no portal, and on one that has hung.
#![cfg(target_os = "linux")]

#[path = "../../reporter-sdk/tests/support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/host.rs"]
mod host;
#[path = "support/ledger.rs"]
mod ledger;
#[path = "support/screen_reader.rs"]
mod screen_reader;
mod support;

use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt, chown},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use host::{has_runtime, which};
use ledger::{Ledger, wait_for};
use report_format::schema::v1::{ConsentRecord, ConsentSource, Contact, SectionKind};
use screen_reader::{MONTH, ScreenReader};
use tempfile::TempDir;

/// What a screen reader needs, which the bus starts: nothing else that may be installed, such as a portal, does it start.
const ACCESSIBILITY: &str = "/usr/share/dbus-1/services/org.a11y.Bus.service";
/// Whom a compositor runs as that refuses to run as root.
const NOBODY: u32 = 65534;

/// A Wayland compositor without a screen, a keyboard or X, and what a session bus is told on which there is no portal.
struct Desktop {
    compositor: Child,
    folder: TempDir,
}

impl Desktop {
    fn new() -> Option<Self> {
        let is_there = which("sway").is_some() && Path::new(ACCESSIBILITY).exists();
        if !has_runtime("sway or at-spi2-core", is_there) || !ScreenReader::is_there() {
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name);
        fs::copy(ACCESSIBILITY, path("accessibility.service")).expect("our own folder");
        let bus = format!(
            r#"<busconfig><type>session</type><listen>unix:dir={0}</listen><auth>EXTERNAL</auth><servicedir>{0}</servicedir>
            <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"#,
            folder.path().display()
        );
        fs::write(path("bus.conf"), bus).expect("our own folder");
        fs::write(path("sway.conf"), "xwayland disable\n").expect("our own folder");
        // Its socket is in there, and nobody else's.
        let run = path("run");
        fs::create_dir(&run).expect("our own folder");
        fs::set_permissions(&run, fs::Permissions::from_mode(0o700)).expect("our own folder");
        // A test that is killed takes it with it.
        let mut command = Command::new("setpriv");
        if rustix::process::geteuid().is_root() {
            for place in [folder.path(), &run] {
                chown(place, Some(NOBODY), Some(NOBODY)).expect("root may");
            }
            let nobody = NOBODY.to_string();
            command.args(["--reuid", &nobody, "--regid", &nobody, "--clear-groups"]);
        }
        command.args(["--pdeathsig", "TERM", "sway", "--config"]).arg(path("sway.conf"));
        command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env("XDG_RUNTIME_DIR", &run);
        command.envs([("WLR_BACKENDS", "headless"), ("WLR_RENDERER", "pixman"), ("WLR_LIBINPUT_NO_DEVICES", "1")]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let compositor = command.spawn().expect("setpriv is part of util-linux");
        let desktop = Self { compositor, folder };
        wait_for("Wayland compositor", || desktop.socket().exists());
        Some(desktop)
    }

    /// For `WAYLAND_DISPLAY`.
    fn socket(&self) -> PathBuf {
        self.folder.path().join("run/wayland-1")
    }

    /// For the session bus.
    fn without_a_portal(&self) -> String {
        format!("--config-file={}", self.folder.path().join("bus.conf").display())
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        let _ = self.compositor.kill();
        let _ = self.compositor.wait();
    }
}

#[test]
fn on_wayland_without_a_portal_the_window_opens_and_the_report_says_why_it_has_no_image_of_the_desktop() {
    let Some(desktop) = Desktop::new() else { return };
    let ledger = Ledger::new();
    let socket = desktop.socket().display().to_string();
    let reader = ScreenReader::beside(&ledger, &[&desktop.without_a_portal()], &[("WAYLAND_DISPLAY", &socket)]);
    let report = reader.sends(&ledger, "I asked for a month.");
    let contact: Contact = report.message(SectionKind::Contact);
    assert_eq!(contact.description, "I asked for a month.");
    let consent: ConsentRecord = report.message(SectionKind::Consent);
    assert_eq!(consent.source(), ConsentSource::Person);
    assert!(!report.kinds().contains(&SectionKind::Screen) && report.kinds().contains(&SectionKind::Minidump));
    let of_the_screen: Vec<_> =
        report.soft_errors().into_iter().filter(|error| error.starts_with("screen: ")).collect();
    assert_eq!(of_the_screen, ["screen: Wayland: the session bus has no portal that would take the desktop"]);
    assert_eq!((ledger.drafts(), ledger.outgoing()), (0, 0));
}

#[test]
fn a_wayland_that_takes_whoever_comes_and_says_nothing_is_not_waited_for_and_the_report_is_kept() {
    let ledger = Ledger::new();
    let socket = ledger.path("wayland-0");
    let hung = UnixListener::bind(&socket).expect("our own folder");
    hung.set_nonblocking(true).expect("a socket");
    let product = ledger.command();
    let mut command = Command::new("setsid");
    command.arg(product.get_program()).args(product.get_args());
    // The tester's own desktop is not asked for an image.
    command.env_remove("DISPLAY").env_remove("DBUS_SESSION_BUS_ADDRESS");
    // Without the latter the toolkit does not try it.
    command
        .env("WAYLAND_DISPLAY", &socket)
        .env("XDG_RUNTIME_DIR", ledger.path("."))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let crashed = Instant::now();
    let lines = ledger.path("lines");
    fs::write(&lines, MONTH).expect("our own folder");
    let lines = fs::File::open(&lines).expect("just written");
    assert!(!command.stdin(lines).status().expect("just compiled").success());
    let took = crashed.elapsed();
    wait_for("end of the handler", || ledger.handlers().is_empty());
    assert!(hung.accept().is_ok(), "the dialog has tried it");
    assert_eq!((ledger.drafts(), ledger.outgoing(), ledger.mails().len()), (1, 0, 0));
    assert!(took < Duration::from_secs(8), "the product does not wait for a window: {took:?}");
    assert!(crashed.elapsed() < Duration::from_secs(60), "not the ten minutes of a question: {:?}", crashed.elapsed());
}
