//! On real displays, that of no screen.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use x11rb::connection::Connection;
use x11rb::protocol::randr::{ConnectionExt as _, MonitorInfo};
use x11rb::protocol::shape::{ConnectionExt as _, SK, SO};
use x11rb::protocol::xproto::{
    AtomEnum, ClipOrdering, ColormapAlloc, ConnectionExt as _, CreateWindowAux, Rectangle, WindowClass,
};

use super::x11::{GrabError, grab};
use super::*;
use crate::screen::mask::GREY;
use crate::screen::picture::Picture;
use xvfb::{BLUE, Client, GREEN, Place, RED, WHITE, Xvfb, YELLOW};

#[path = "../../../tests/support/xvfb.rs"]
mod xvfb;

/// Another program on the same display: this test's own executable once more, which does as it is told by lines.
struct Another {
    process: Child,
    lines: ChildStdin,
    says: BufReader<ChildStdout>,
}

impl Another {
    fn starts(display: &Xvfb) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command
            .args(["--exact", "--nocapture", "screen::linux::tests::another_program"])
            .env("ANOTHER_ON", display.display());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (lines, says) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        Self { process, lines, says }
    }

    /// Puts up a window in `parent`, 0 for the root, and gives its id.
    fn window_in(&mut self, parent: u32, (x, y, width, height): Place, [red, green, blue]: [u8; 3]) -> u32 {
        writeln!(self.lines, "{parent} {x} {y} {width} {height} {red} {green} {blue}").unwrap();
        loop {
            let mut line = String::new();
            assert!(self.says.read_line(&mut line).unwrap() > 0, "it has ended");
            if let Some((_, id)) = line.split_once("window ") {
                return id.trim().parse().unwrap();
            }
        }
    }

    fn window(&mut self, place: Place, colour: [u8; 3]) -> u32 {
        self.window_in(0, place, colour)
    }
}

impl Drop for Another {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Not a test, unless it is told to be the other program.
#[test]
fn another_program() {
    let Ok(display) = env::var("ANOTHER_ON") else { return };
    let client = Client::connect(&display);
    for line in std::io::stdin().lines() {
        let numbers: Vec<i64> = line.unwrap().split(' ').map(|number| number.parse().unwrap()).collect();
        let [parent, x, y, width, height, red, green, blue] = numbers[..] else { panic!("{numbers:?}") };
        let parent = if parent == 0 { client.root } else { parent as u32 };
        let place = (x as i16, y as i16, width as u16, height as u16);
        let id = client.window_in(parent, place, [red as u8, green as u8, blue as u8]);
        println!("window {id}");
    }
}

fn all(display: &Xvfb, own: Option<u32>) -> Result<Vec<Grabbed>, GrabError> {
    let display = X11::connect(&display.display(), None, Instant::now() + Duration::from_secs(60)).unwrap();
    grab(&display, own, |error| panic!("{error}"))
}

/// Of the only display.
fn taken(display: &Xvfb) -> Picture {
    let [grabbed] = <[Grabbed; 1]>::try_from(all(display, None).unwrap()).ok().unwrap();
    grabbed.picture
}

/// Of the only display, what is this process's.
fn own(display: &Xvfb) -> Picture {
    let [grabbed] = <[Grabbed; 1]>::try_from(all(display, Some(std::process::id())).unwrap()).ok().unwrap();
    grabbed.picture
}

/// An image with these rectangles on a ground, painted in this order.
fn expected(width: u32, height: u32, ground: [u8; 3], rectangles: &[(Place, [u8; 3])]) -> Picture {
    let mut picture = Picture { width, height, rgb: ground.repeat((width * height) as usize) };
    for ((x, y, width, height), colour) in rectangles {
        for row in *y..y + height.cast_signed() {
            let start = (row as u32 * picture.width + *x as u32) as usize * 3;
            picture.rgb[start..start + *width as usize * 3].copy_from_slice(&colour.repeat(*width as usize));
        }
    }
    picture
}

#[track_caller]
fn assert_same(taken: &Picture, expected: &Picture) {
    assert_eq!((taken.width, taken.height), (expected.width, expected.height));
    let pairs = taken.rgb.as_chunks::<3>().0.iter().zip(expected.rgb.as_chunks::<3>().0).zip(0..);
    let mut differing = pairs.filter(|((taken, expected), _)| taken != expected);
    if let Some(((is, is_to_be), at)) = differing.next() {
        let (x, y) = (at % taken.width, at / taken.width);
        panic!("{} pixels differ, first that at {x}, {y}: {is:?} for {is_to_be:?}", 1 + differing.count());
    }
}

const GROUND: Place = (10, 20, 100, 50);
const BELOW: Place = (40, 60, 120, 80);
const ABOVE: Place = (100, 100, 90, 60);

#[test]
fn what_is_on_the_display_is_in_the_image_pixel_for_pixel() {
    for (screen, width, height) in [("320x200x24", 320, 200), ("327x201x16", 327, 201), ("320x200x30", 320, 200)] {
        let display = Xvfb::start(screen);
        let this = display.connect();
        let mut another = Another::starts(&display);
        this.draws((0, 0, width, height), WHITE);
        this.draws(GROUND, RED);
        this.window(BELOW, GREEN);
        another.window(ABOVE, BLUE);
        this.waits();
        let windows = [(GROUND, RED), (BELOW, GREEN), (ABOVE, BLUE)];
        assert_same(&taken(&display), &expected(width.into(), height.into(), WHITE, &windows));
    }
}

#[test]
fn a_display_of_more_than_one_strip_is_whole() {
    let display = Xvfb::start("1600x1200x24");
    let this = display.connect();
    let bars: Vec<(Place, [u8; 3])> =
        (0..12).map(|bar| ((0, bar * 100, 1600, 100), [RED, GREEN, BLUE, YELLOW, WHITE][bar as usize % 5])).collect();
    bars.iter().for_each(|(place, colour)| this.draws(*place, *colour));
    assert_same(&taken(&display), &expected(1600, 1200, WHITE, &bars));
}

#[test]
fn each_display_is_an_image_of_its_own_with_its_name() {
    let display = Xvfb::start("300x100x24");
    let this = display.connect();
    this.draws((0, 0, 200, 100), RED);
    this.draws((200, 0, 100, 100), GREEN);
    let outputs = this.connection.randr_get_screen_resources(this.root).unwrap().reply().unwrap().outputs;
    for (name, x, width, outputs) in [("LEFT", 0, 200, outputs), ("RIGHT", 200, 100, Vec::new())] {
        let info = MonitorInfo {
            name: this.atom(name),
            primary: false,
            automatic: false,
            x,
            y: 0,
            width,
            height: 100,
            width_in_millimeters: 100,
            height_in_millimeters: 100,
            outputs,
        };
        this.connection.randr_set_monitor(this.root, info).unwrap().check().unwrap();
    }
    let mut images = all(&display, None).unwrap();
    images.sort_by(|one, two| one.display.cmp(&two.display));
    let names: Vec<_> = images.iter().map(|grabbed| grabbed.display.as_str()).collect();
    assert_eq!(names, ["LEFT", "RIGHT"]);
    assert_same(&images[0].picture, &expected(200, 100, RED, &[]));
    assert_same(&images[1].picture, &expected(100, 100, GREEN, &[]));
}

#[test]
fn a_display_of_another_kind_is_a_soft_error() {
    let display = Xvfb::start("320x200x8");
    let error = all(&display, None).err().unwrap();
    assert!(matches!(error, GrabError::Layout(_)), "{error}");
}

#[test]
fn windows_of_others_are_grey_where_they_lie_above_and_so_is_the_ground() {
    let display = Xvfb::start("320x200x24");
    let this = display.connect();
    let mut another = Another::starts(&display);
    this.draws((0, 0, 320, 200), WHITE);
    another.window((30, 50, 40, 40), RED);
    let window = this.window(BELOW, GREEN);
    another.window(ABOVE, BLUE);
    // In ours, and beyond its edge, where it cannot be seen.
    another.window_in(window, (100, 0, 50, 10), YELLOW);
    // Its own, far below: not hidden by a window that is not shown.
    this.connection.unmap_window(another.window((50, 70, 10, 10), RED)).unwrap().check().unwrap();
    let windows = [(BELOW, GREEN), (ABOVE, GREY), ((140, 60, 20, 10), GREY)];
    assert_same(&own(&display), &expected(320, 200, GREY, &windows));
    // Another process's are what is to be seen of it, and not ours.
    let [grabbed] = <[Grabbed; 1]>::try_from(all(&display, Some(another.process.id())).unwrap()).ok().unwrap();
    let windows = [((30, 50, 40, 40), RED), (BELOW, GREY), (ABOVE, BLUE), ((140, 60, 20, 10), YELLOW)];
    assert_same(&grabbed.picture, &expected(320, 200, GREY, &windows));
}

#[test]
fn a_product_without_a_window_has_no_image_of_its_windows() {
    let display = Xvfb::start("320x200x24");
    let mut another = Another::starts(&display);
    another.window(BELOW, RED);
    let error = all(&display, Some(std::process::id())).err().unwrap();
    assert!(matches!(error, GrabError::Own(windows::OwnError::None)), "{error}");
}

#[test]
fn where_nobody_knows_whose_a_window_is_there_is_no_image() {
    let display = Xvfb::start_with("320x200x24", &["-extension", "X-Resource"]);
    display.connect().window(BELOW, RED);
    let error = all(&display, Some(std::process::id())).err().unwrap();
    assert!(matches!(error, GrabError::Own(windows::OwnError::NoXRes)), "{error}");
    assert!(all(&display, None).is_ok());
}

#[test]
fn a_window_has_the_form_that_it_has() {
    let display = Xvfb::start("320x200x24");
    let this = display.connect();
    this.draws((0, 0, 320, 200), WHITE);
    let window = this.window((0, 0, 200, 200), GREEN);
    let hole = |x, y, width, height| Rectangle { x, y, width, height };
    let parts = [hole(0, 0, 200, 50), hole(0, 50, 50, 150)];
    let shaped = this.connection.shape_rectangles(SO::SET, SK::BOUNDING, ClipOrdering::UNSORTED, window, 0, 0, &parts);
    shaped.unwrap().check().unwrap();
    let windows = [((0, 0, 200, 50), GREEN), ((0, 50, 50, 150), GREEN)];
    assert_same(&own(&display), &expected(320, 200, GREY, &windows));
}

#[test]
fn the_frame_around_a_window_is_the_products_and_a_panel_with_its_icon_is_not() {
    let display = Xvfb::start("320x200x24");
    let this = display.connect();
    let mut manager = Another::starts(&display);
    let frame = manager.window((20, 20, 120, 100), RED);
    let panel = manager.window((0, 180, 320, 20), BLUE);
    this.window_in(frame, (10, 20, 100, 70), GREEN);
    this.window_in(panel, (300, 0, 20, 20), YELLOW);
    let managed = [((20, 20, 120, 100), RED), ((30, 40, 100, 70), GREEN), ((300, 180, 20, 20), YELLOW)];
    let unmanaged = [((30, 40, 100, 70), GREEN), ((300, 180, 20, 20), YELLOW)];
    assert_same(&own(&display), &expected(320, 200, GREY, &unmanaged));
    // Whoever it is that puts the frames says so with a window of its own.
    this.says(this.root, "_NET_SUPPORTING_WM_CHECK", AtomEnum::WINDOW, &[frame]);
    assert_same(&own(&display), &expected(320, 200, GREY, &managed));
}

/// A window whose pixels say how much of what is below is seen.
fn transparent_window(client: &Client, (x, y, width, height): Place, pixel: u32) -> u32 {
    let connection = &client.connection;
    let depths = &connection.setup().roots[0].allowed_depths;
    let visual = depths.iter().find(|depth| depth.depth == 32).unwrap().visuals[0].visual_id;
    let [window, map] = [(); 2].map(|()| connection.generate_id().unwrap());
    connection.create_colormap(ColormapAlloc::NONE, map, client.root, visual).unwrap().check().unwrap();
    let aux = CreateWindowAux::new().background_pixel(pixel).border_pixel(0).colormap(map).override_redirect(1);
    let class = WindowClass::INPUT_OUTPUT;
    let made = connection.create_window(32, window, client.root, x, y, width, height, 0, class, visual, &aux);
    made.unwrap().check().unwrap();
    connection.map_window(window).unwrap().check().unwrap();
    window
}

#[test]
fn a_window_that_others_shine_through_counts_where_it_says_that_they_do_not() {
    let display = Xvfb::start("320x200x24");
    let this = display.connect();
    let window = transparent_window(&this, (0, 0, 200, 100), 0xff00_ff00);
    let whole = [((0, 0, 200, 100), GREEN)];
    assert_same(&own(&display), &expected(320, 200, GREY, &whole));
    // Now somebody mixes the windows.
    let selection = this.atom("_NET_WM_CM_S0");
    let compositor = this.window((310, 190, 10, 10), WHITE);
    this.connection.set_selection_owner(compositor, selection, 0u32).unwrap().check().unwrap();
    let others = [((310, 190, 10, 10), WHITE)];
    assert_same(&own(&display), &expected(320, 200, GREY, &others));
    this.says(window, "_NET_WM_OPAQUE_REGION", AtomEnum::CARDINAL, &[10, 10, 50, 60, 150, 90, 1000, 1000]);
    let opaque = [((10, 10, 50, 60), GREEN), ((150, 90, 50, 10), GREEN), ((310, 190, 10, 10), WHITE)];
    assert_same(&own(&display), &expected(320, 200, GREY, &opaque));
    this.says(window, "_NET_WM_WINDOW_OPACITY", AtomEnum::CARDINAL, &[0x8000_0000]);
    assert_same(&own(&display), &expected(320, 200, GREY, &others));
}
