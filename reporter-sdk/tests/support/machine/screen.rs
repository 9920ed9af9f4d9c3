//! A real X server with a screen of an odd size, a window on it, and a title that is nobody's business.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use x11rb::connection::Connection;
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _, CreateWindowAux, PropMode, WindowClass};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use super::canary;
use super::planted::UID;

/// No display has this size by chance.
pub(crate) const WIDTH: u32 = 331;
pub(crate) const HEIGHT: u32 = 207;

/// The server, and another program's connection to it.
pub(crate) struct Screen {
    pub(crate) display: String,
    _server: Child,
    _other_program: RustConnection,
}

pub(crate) fn planted() -> Screen {
    let mut server = Command::new("Xvfb");
    server.args(["-displayfd", "1", "-screen", "0", &format!("{WIDTH}x{HEIGHT}x24"), "-nolisten", "tcp", "-noreset"]);
    server.uid(UID).gid(UID).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = server.spawn().expect("Xvfb, of xvfb; scripts/setup test installs it");
    let mut number = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
    let display = format!(":{}", number.trim());
    let other_program = window(&display);
    Screen { display, _server: server, _other_program: other_program }
}

fn window(display: &str) -> RustConnection {
    let (connection, screen) = x11rb::connect(Some(display)).unwrap();
    let root = connection.setup().roots[screen].root;
    let window = connection.generate_id().unwrap();
    let aux = CreateWindowAux::new().background_pixel(0x00ca_9a12);
    let class = WindowClass::INPUT_OUTPUT;
    connection.create_window(0, window, root, 20, 20, 200, 100, 0, class, 0, &aux).unwrap().check().unwrap();
    let utf8 = connection.intern_atom(false, b"UTF8_STRING").unwrap().reply().unwrap().atom;
    let net_name = connection.intern_atom(false, b"_NET_WM_NAME").unwrap().reply().unwrap().atom;
    let (name, text) = (u32::from(AtomEnum::WM_NAME), u32::from(AtomEnum::STRING));
    for (property, kind) in [(name, text), (net_name, utf8)] {
        let title = canary::WINDOW_TITLE.as_bytes();
        connection.change_property8(PropMode::REPLACE, window, property, kind, title).unwrap().check().unwrap();
    }
    // The keyboard, as its server tells it.
    let rules = connection.intern_atom(false, b"_XKB_RULES_NAMES").unwrap().reply().unwrap().atom;
    let keyboard = format!("evdev\0pc105\0{},us\0,\0\0", canary::KEYBOARD);
    connection.change_property8(PropMode::REPLACE, root, rules, text, keyboard.as_bytes()).unwrap().check().unwrap();
    connection.map_window(window).unwrap().check().unwrap();
    connection.sync().unwrap();
    connection
}
