//! A window that is the product's, by a folder of its files.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use x11rb::connection::Connection;
use x11rb::protocol::xproto::{ConnectionExt, ImageFormat};

#[path = "support/gallery.rs"]
mod gallery;
#[path = "../../tests/support/xvfb.rs"]
mod xvfb;

use gallery::gallery;
use xvfb::Xvfb;

/// Of the line and of the icon in `examples/branding`: blue, green, red, as a screen has them.
const COLOUR: [u8; 3] = [0xb8, 0x57, 0x00];

struct Gallery(Child);

impl Gallery {
    fn shows(branding: &Path, screen: &Xvfb) -> Self {
        let mut command = Command::new(gallery());
        command.args(["en", "question"]).arg(branding).env("DISPLAY", screen.display()).env_remove("WAYLAND_DISPLAY");
        command.env("GSK_RENDERER", "cairo").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("it is there"))
    }
}

impl Drop for Gallery {
    fn drop(&mut self) {
        // One that has ended by itself is seen by what it did not draw.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How many pixels of the screen have the product's colour.
fn coloured(screen: &Xvfb) -> usize {
    let (connection, number) = x11rb::connect(Some(&screen.display())).expect("it was made");
    let root = &connection.setup().roots[number];
    let (width, height) = (root.width_in_pixels, root.height_in_pixels);
    let image = connection.get_image(ImageFormat::Z_PIXMAP, root.root, 0, 0, width, height, !0);
    let pixels = image.expect("it is asked").reply().expect("all of the screen").data;
    pixels.chunks_exact(4).filter(|pixel| pixel[..3] == COLOUR).count()
}

#[test]
fn the_products_line_and_icon_are_shown_and_take_no_more_room_than_they_are_to() {
    let screen = Xvfb::start("1300x1000x24");
    let branding = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/branding");
    let _gallery = Gallery::shows(&branding, &screen);
    let started = Instant::now();
    // A line of 4 pixels through the window, and more than half of an icon of 48 by 48.
    let shown = loop {
        let shown = coloured(&screen);
        if shown > 2000 || started.elapsed() > Duration::from_secs(30) {
            break shown;
        }
        thread::sleep(Duration::from_millis(50));
    };
    assert!((3000..5000).contains(&shown), "{shown} pixels");
}
