//! With a real session bus, and a desktop on it that is this test.

use std::path::Path;
use std::time::Duration;

use super::*;
use session_bus::{SessionBus, Takes, image_in};

#[path = "../../../../tests/support/session_bus.rs"]
mod session_bus;

const EDITOR: &str = "org.example.Editor";

fn patient() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn grabbed(bus: &SessionBus, deadline: Instant) -> Result<Picture, PortalError> {
    grab_by(&SocketAddrUnix::new(bus.socket()).unwrap(), EDITOR, deadline)
}

fn picture() -> Picture {
    Picture { width: 3, height: 2, rgb: (0..18).collect() }
}

/// An image that the desktop has written.
fn written(folder: &Path) -> PathBuf {
    let path = image_in(folder);
    fs::create_dir(path.parent().unwrap()).unwrap();
    fs::write(&path, picture().to_png(usize::MAX).unwrap().unwrap()).unwrap();
    path
}

#[test]
fn what_the_person_has_allowed_for_good_is_taken_and_its_file_removed() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path());
    let bus = SessionBus::start(&[(EDITOR, "yes"), ("", "no")], Takes::Image(file.clone()));
    assert!(grabbed(&bus, patient()).unwrap() == picture());
    assert!(!file.exists());
    assert_eq!(bus.called(), ["Lookup", "Screenshot"]);
}

#[test]
fn where_the_person_would_be_asked_the_desktop_is_not() {
    for allowed in [&[][..], &[(EDITOR, "no")], &[(EDITOR, "ask")], &[("", "yes"), ("org.example.Other", "yes")]] {
        let bus = SessionBus::start(allowed, Takes::Asks);
        assert!(matches!(grabbed(&bus, patient()), Err(PortalError::WouldAsk)), "{allowed:?}");
        assert_eq!(bus.called(), ["Lookup"]);
    }
}

#[test]
fn a_desktop_that_declines_or_asks_all_the_same_gives_no_image() {
    let allowed = [(EDITOR, "yes")];
    let bus = SessionBus::start(&allowed, Takes::Declines);
    assert!(matches!(grabbed(&bus, patient()), Err(PortalError::Declined)));
    let bus = SessionBus::start(&allowed, Takes::Asks);
    let started = Instant::now();
    let deadline = started + Duration::from_secs(2);
    assert!(matches!(grabbed(&bus, deadline), Err(PortalError::Silent)));
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn a_file_that_the_desktop_has_not_written_now_is_neither_read_nor_removed() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path());
    let old = SystemTime::now() - Duration::from_secs(60);
    File::options().write(true).open(&file).unwrap().set_modified(old).unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let pipe = folder.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
    for path in [&file, &link, &pipe, &folder.path().to_owned(), &folder.path().join("none")] {
        let taken = take_file(&format!("file://{}", path.display().to_string().replace('%', "%25")), SystemTime::now());
        assert!(matches!(taken, Err(PortalError::File | PortalError::Io(_))), "{path:?}: {taken:?}");
    }
    assert!(file.exists() && link.is_symlink() && pipe.exists());
    for uri in ["http://example.com/a.png", "file://a.png", "file:///%4", "", "file:///etc/%zz"] {
        assert!(matches!(take_file(uri, old), Err(PortalError::File | PortalError::Io(_))), "{uri}");
    }
}

#[test]
fn what_is_no_image_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image");
    fs::write(&file, "no PNG").unwrap();
    let bus = SessionBus::start(&[(EDITOR, "yes")], Takes::Image(file));
    assert!(matches!(grabbed(&bus, patient()), Err(PortalError::Image(ScreenError::Read(_)))));
}

#[test]
fn a_bus_is_reached_by_a_socket_of_this_machine_and_in_no_other_way() {
    let path = |path: &str| SocketAddrUnix::new(path).ok();
    assert_eq!(socket(b"unix:path=/run/user/1000/bus"), path("/run/user/1000/bus"));
    assert_eq!(socket(b"tcp:host=example.com,port=1;unix:guid=7,path=/a%20b,x=y"), path("/a b"));
    assert_eq!(socket(b"unix:abstract=/tmp/dbus-X"), SocketAddrUnix::new_abstract_name(b"/tmp/dbus-X").ok());
    for other in
        [&b""[..], b"tcp:host=localhost,port=1", b"unixexec:path=/bin/sh", b"unix:path=/a%2", b"unix:tmpdir=/tmp"]
    {
        assert_eq!(socket(other), None, "{}", String::from_utf8_lossy(other));
    }
}

#[test]
fn the_application_is_the_one_of_its_unit() {
    let of = |unit: &str| application_of(&format!("1:name=systemd:/x\n0::/user.slice/app.slice/{unit}\n"));
    let is = |unit: &str| of(unit).as_deref() == Some(EDITOR);
    assert!(is("app-gnome-org.example.Editor-4711.scope"));
    assert!(is("app-org.example.Editor@0a1b.service"));
    assert!(is("app-KDE-org.example.Editor.service"));
    assert_eq!(of(r"app-gnome-my\x2deditor-1.scope").as_deref(), Some("my-editor"));
    for none in ["vte-spawn-4711.scope", "session-2.scope", "app-org.example.Editor.slice", r"app-a\x2.service", ""] {
        assert_eq!(of(none), None, "{none}");
    }
}
