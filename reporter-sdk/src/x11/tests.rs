//! A real server, and servers that are none.

use std::io::{Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use x11rb::protocol::xproto::ConnectionExt as _;

use super::testing::{Xvfb, patient};
use super::*;

#[test]
fn names_of_local_displays_are_read_and_those_of_hosts_refused() {
    for (text, display, screen) in [(":0", 0, 0), (":99.1", 99, 1), ("unix:7", 7, 0), ("unix/:7.0", 7, 0)] {
        assert_eq!(Name::parse(text).unwrap(), Name { display, screen }, "{text}");
    }
    for text in ["localhost:10.0", "pc-17:0", "192.168.77.1:0", "::1:0", "tcp/pc:0", "/tmp/x:0", "PC::0"] {
        assert!(matches!(Name::parse(text), Err(X11Error::Network)), "{text}");
    }
    for text in ["", "wayland-0", ":", ":x", ":-1", ":+1", ":70000", ":0.", ":0.x", ":0.999", ":1/../2"] {
        assert!(matches!(Name::parse(text), Err(X11Error::Name)), "{text}");
    }
}

#[test]
fn a_real_display_is_asked() {
    let server = Xvfb::start("1234x567x24");
    let display = server.connect();
    let (screen, connection) = (display.screen(), display.connection());
    assert_eq!((screen.width_in_pixels, screen.height_in_pixels, screen.root_depth), (1234, 567, 24));
    let root = connection.get_geometry(screen.root).unwrap().reply().unwrap();
    assert_eq!((root.width, root.height), (1234, 567));
    // Longer than what is read at once.
    let image = connection
        .get_image(x11rb::protocol::xproto::ImageFormat::Z_PIXMAP, screen.root, 0, 0, 1234, 567, !0)
        .unwrap()
        .reply()
        .unwrap();
    assert_eq!(image.data.len(), 1234 * 567 * 4);
}

#[test]
fn a_display_is_named_by_variables_or_there_is_none() {
    let server = Xvfb::start("640x480x24");
    let named = |display: Option<&str>| {
        X11::of_variables(|name| display.filter(|_| name == "DISPLAY").map(str::to_owned), patient())
    };
    assert!(named(None).unwrap().is_none());
    assert!(named(Some("")).unwrap().is_none());
    assert!(named(Some(server.display())).unwrap().is_some());
    assert!(matches!(named(Some("localhost:10.0")), Err(X11Error::Network)));
    assert!(matches!(named(Some(&format!("{}.7", server.display()))), Err(X11Error::Screen)));
    assert!(matches!(named(Some(":59999")), Err(X11Error::Io(error)) if error.kind() == io::ErrorKind::NotFound));
}

#[test]
fn a_display_with_a_cookie_is_asked_with_the_cookie_only() {
    let folder = tempfile::tempdir().unwrap();
    let [file, other] = ["authority", "other"].map(|name| folder.path().join(name));
    // A number is needed before the server tells its own: the entry for any display has none.
    let cookie = [0x5a; 16];
    let host = rustix::system::uname();
    let parts = [host.nodename().to_bytes(), b"", b"MIT-MAGIC-COOKIE-1", &cookie];
    let counted = parts.iter().flat_map(|part| [&u16::try_from(part.len()).unwrap().to_be_bytes(), *part].concat());
    std::fs::write(&file, [1, 0].into_iter().chain(counted).collect::<Vec<u8>>()).unwrap();
    std::fs::write(&other, "nonsense").unwrap();
    let server = Xvfb::start_with(&["-auth", file.to_str().unwrap()]);
    let connect = |authority| X11::connect(server.display(), authority, patient());
    connect(Some(file.as_path())).unwrap();
    assert!(matches!(connect(Some(other.as_path())), Err(X11Error::Refused)));
    assert!(matches!(connect(None), Err(X11Error::Refused)));
}

#[test]
fn a_stopped_display_costs_its_time_and_no_more() {
    let server = Xvfb::start("640x480x24");
    let connected = X11::connect(server.display(), None, Instant::now() + Duration::from_secs(3)).unwrap();
    let id = Pid::from_raw(server.id().cast_signed()).unwrap();
    kill_process(id, Signal::STOP).unwrap();
    let begun = Instant::now();
    let error = connected.connection().get_input_focus().unwrap().reply().map_err(X11Error::from).unwrap_err();
    assert!(matches!(error, X11Error::Io(error) if error.kind() == io::ErrorKind::TimedOut));
    let error = X11::connect(server.display(), None, Instant::now() + Duration::from_millis(100)).unwrap_err();
    assert!(matches!(error, X11Error::Io(error) if error.kind() == io::ErrorKind::TimedOut));
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    let output = Command::new("kill").args(["-CONT", &server.id().to_string()]).status().unwrap();
    assert!(output.success());
}

/// Serves one client, under a number that is free, in the abstract namespace alone.
fn serve(answer: impl FnOnce(UnixStream) + Send + 'static) -> (String, thread::JoinHandle<()>) {
    let bind = |display: u16| {
        let name = SocketAddr::from_abstract_name(format!("/tmp/.X11-unix/X{display}")).ok()?;
        Some((format!(":{display}"), UnixListener::bind_addr(&name).ok()?))
    };
    let (display, listener) = (50_000..60_000).find_map(bind).unwrap();
    let server = thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        client.read_exact(&mut [0; 12]).unwrap();
        answer(client);
    });
    (display, server)
}

/// What a real server says first.
fn description() -> Vec<u8> {
    use x11rb::x11_utils::Serialize;

    let server = Xvfb::start("640x480x24");
    server.connect().setup().serialize()
}

#[test]
fn a_server_that_lies_about_lengths_or_never_ends_is_left() {
    let ask = |display: &str| {
        let deadline = Instant::now() + Duration::from_secs(5);
        let connected = X11::connect(display, None, deadline)?;
        connected.connection().get_input_focus()?.reply().map_err(X11Error::from).map(drop)
    };
    let first = description();
    let sent = first.clone();
    let (at_liar, liar) = serve(move |mut client| {
        client.write_all(&sent).unwrap();
        let mut answer = [0; 32];
        answer[0] = 1;
        answer[4..8].fill(0xff);
        let _ = client.write_all(&answer);
        let _ = client.read(&mut [0; 64]);
    });
    let error = ask(&at_liar).unwrap_err();
    assert!(matches!(&error, X11Error::Io(error) if error.kind() == io::ErrorKind::InvalidData), "{error:?}");
    let (at_flood, flood) = serve(move |mut client| {
        client.write_all(&first).unwrap();
        // Events without an end.
        while client.write_all(&[2; 4096]).is_ok() {}
    });
    assert!(matches!(ask(&at_flood), Err(X11Error::Io(_))));
    let (at_nonsense, nonsense) = serve(|mut client| {
        let _ = client.write_all(&[7; 4096]);
    });
    assert!(ask(&at_nonsense).is_err());
    for server in [liar, flood, nonsense] {
        server.join().unwrap();
    }
}
