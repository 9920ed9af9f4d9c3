//! A display without a screen (Xvfb), and what is to be seen on it.

#![allow(dead_code, reason = "each test program uses its share")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    AtomEnum, ConnectionExt as _, CreateGCAux, CreateWindowAux, PropMode, Rectangle, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

/// Colours that are the same in 16 bits.
pub(crate) const RED: [u8; 3] = [255, 0, 0];
pub(crate) const GREEN: [u8; 3] = [0, 255, 0];
pub(crate) const BLUE: [u8; 3] = [0, 0, 255];
pub(crate) const YELLOW: [u8; 3] = [255, 255, 0];
pub(crate) const WHITE: [u8; 3] = [255, 255, 255];

/// An X server of its own, which ends with this value.
pub(crate) struct Xvfb {
    server: Child,
    number: u32,
}

impl Xvfb {
    /// Starts one with a screen of this size: `800x600x24`. A machine that lacks it fails the test and is told what to install.
    pub(crate) fn start(screen: &str) -> Self {
        Self::start_with(screen, &[])
    }

    /// The same with more arguments.
    pub(crate) fn start_with(screen: &str, arguments: &[&str]) -> Self {
        // A test that is killed takes its server with it. It chooses its number itself.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "Xvfb", "-displayfd", "1", "-screen", "0", screen]);
        command.args(["-nolisten", "tcp", "-noreset"]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = command.spawn().expect("setpriv is part of util-linux");
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let number = line.trim().parse().expect("no display to test with: install the package xvfb");
        Self { server, number }
    }

    /// For the variable `DISPLAY`.
    pub(crate) fn display(&self) -> String {
        format!(":{}", self.number)
    }

    /// A program's connection to it.
    pub(crate) fn connect(&self) -> Client {
        Client::connect(&self.display())
    }
}

impl Drop for Xvfb {
    fn drop(&mut self) {
        // TERM: it removes its socket. The child is not yet waited for, so the number cannot be another's.
        if let Ok(None) = self.server.try_wait() {
            let _ = Command::new("kill").arg(self.server.id().to_string()).status();
        }
        let _ = self.server.wait();
    }
}

/// A program that draws.
pub(crate) struct Client {
    pub(crate) connection: RustConnection,
    pub(crate) root: u32,
}

/// Left, top, width, height.
pub(crate) type Place = (i16, i16, u16, u16);

impl Client {
    pub(crate) fn connect(display: &str) -> Self {
        let (connection, screen) = x11rb::connect(Some(display)).unwrap();
        let root = connection.setup().roots[screen].root;
        Self { connection, root }
    }

    /// Draws on the ground, below all windows.
    pub(crate) fn draws(&self, (x, y, width, height): Place, colour: [u8; 3]) {
        let gc = self.connection.generate_id().unwrap();
        let aux = CreateGCAux::new().foreground(self.pixel(colour));
        self.connection.create_gc(gc, self.root, &aux).unwrap();
        self.connection.poly_fill_rectangle(self.root, gc, &[Rectangle { x, y, width, height }]).unwrap();
        self.connection.free_gc(gc).unwrap();
        self.waits();
    }

    /// Puts a window above all others in `parent`.
    pub(crate) fn window_in(&self, parent: u32, (x, y, width, height): Place, colour: [u8; 3]) -> u32 {
        let window = self.connection.generate_id().unwrap();
        let aux = CreateWindowAux::new().background_pixel(self.pixel(colour)).override_redirect(1);
        let class = WindowClass::INPUT_OUTPUT;
        let created = self.connection.create_window(0, window, parent, x, y, width, height, 0, class, 0, &aux);
        created.unwrap().check().unwrap();
        self.connection.map_window(window).unwrap().check().unwrap();
        window
    }

    pub(crate) fn window(&self, place: Place, colour: [u8; 3]) -> u32 {
        self.window_in(self.root, place, colour)
    }

    pub(crate) fn atom(&self, name: &str) -> u32 {
        self.connection.intern_atom(false, name.as_bytes()).unwrap().reply().unwrap().atom
    }

    pub(crate) fn says(&self, window: u32, property: &str, kind: AtomEnum, values: &[u32]) {
        let atom = self.atom(property);
        self.connection.change_property32(PropMode::REPLACE, window, atom, kind, values).unwrap().check().unwrap();
    }

    /// Until the server has done all of it.
    pub(crate) fn waits(&self) {
        self.connection.sync().unwrap();
    }

    fn pixel(&self, [red, green, blue]: [u8; 3]) -> u32 {
        let map = self.connection.setup().roots[0].default_colormap;
        let wide = |value: u8| u16::from(value) * 257;
        let asked = self.connection.alloc_color(map, wide(red), wide(green), wide(blue)).unwrap();
        asked.reply().unwrap().pixel
    }
}
