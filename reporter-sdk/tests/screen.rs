//! The image of the desktop: taken before we ask, kept so that nobody else can read it, and sent only if it was ticked.
// Not on Windows: its display is an X server. The image there is looked at in unit tests.
#![cfg(target_os = "linux")]

#[path = "support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/roles.rs"]
mod roles;
#[path = "support/session_bus.rs"]
mod session_bus;
#[path = "support/xvfb.rs"]
mod xvfb;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use end_to_end::product::{Product, Visit, files, notes, say_always};
use end_to_end::report::{Received, contains};
use report_format::schema::v1::{self, Category, ErrorKind, SectionKind};
use reporter_sdk::{Mail, Options, Reporter};
use roles::{Place, ROLE, fault, folder, wait_for};
use rustix::process::{Pid, Signal, kill_process};
use session_bus::{SessionBus, Takes};
use xvfb::{BLUE, Client, GREEN, RED, WHITE, Xvfb, YELLOW};

const PROMPTS: &[&str] = &["notes> "];
const SWITCH: &str = "An image of your desktop";
const SIZE: (u32, u32) = (320, 200);
const PNG: &[u8] = b"\x89PNG\r\n";

/// A desktop with a picture on it: a ground, and two windows one above the other.
fn desktop() -> (Xvfb, Client) {
    let display = Xvfb::start("320x200x24");
    let client = display.connect();
    client.draws((0, 0, 320, 200), WHITE);
    client.draws((10, 20, 100, 50), RED);
    client.window((40, 60, 120, 80), GREEN);
    client.window((100, 100, 90, 60), BLUE);
    client.waits();
    (display, client)
}

/// That picture.
fn picture() -> Vec<[u8; 3]> {
    painted(WHITE, &[((10, 20, 100, 50), RED), ((40, 60, 120, 80), GREEN), ((100, 100, 90, 60), BLUE)])
}

/// Left, top, width, height.
type Rectangle = (usize, usize, usize, usize);

fn painted(ground: [u8; 3], rectangles: &[(Rectangle, [u8; 3])]) -> Vec<[u8; 3]> {
    let (width, height) = (SIZE.0 as usize, SIZE.1 as usize);
    let mut pixels = vec![ground; width * height];
    for ((x, y, columns, rows), colour) in rectangles {
        for row in *y..y + rows {
            pixels[row * width + x..][..*columns].fill(*colour);
        }
    }
    pixels
}

fn pixels(png: &[u8]) -> Vec<[u8; 3]> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut bytes).unwrap();
    assert_eq!((frame.width, frame.height, frame.color_type), (SIZE.0, SIZE.1, png::ColorType::Rgb));
    bytes.as_chunks::<3>().0.to_vec()
}

fn editor() -> Product {
    Product::new(notes()).without_dialog()
}

/// The product on this display, crashed, and the question about it on the terminal.
fn crashes<'p>(product: &'p Product, display: &Xvfb) -> Visit<'p> {
    crashes_with(product, &[("DISPLAY", &display.display())])
}

fn crashes_with<'p>(product: &'p Product, variables: &[(&str, &str)]) -> Visit<'p> {
    let mut command = product.command();
    command.envs(variables.iter().copied());
    let mut visit = product.in_terminal_as(&mut command, PROMPTS);
    visit.types(&["show 99"]).terminal.sees("Your choice");
    visit
}

fn has_no_image(received: &Received) {
    assert!(!received.kinds().contains(&SectionKind::Screen));
    assert!(received.report.sections().iter().all(|section| !contains(&section.bytes, PNG)));
    assert!(!contains(&received.bytes, PNG));
}

fn told_of_the_screen(received: &Received) -> Vec<String> {
    received.soft_errors().into_iter().filter(|error| error.starts_with("screen: ")).collect()
}

/// Whether a file there holds a PNG in clear.
fn holds_an_image(folder: &Path) -> bool {
    files(folder).iter().any(|file| contains(&fs::read(file).unwrap(), PNG))
}

#[test]
fn the_image_that_was_ticked_is_that_of_the_moment_before_we_asked() {
    let (display, client) = desktop();
    let product = editor();
    let mut visit = crashes(&product, &display);
    // What is on the desktop from now on is not what there was.
    client.window((0, 0, 320, 200), YELLOW);
    client.waits();
    assert_eq!(product.spooled("new").len(), 1);
    assert!(!holds_an_image(&product.spool()), "until then it lies sealed");
    visit.ticks(SWITCH);
    visit.answers("s");
    visit.ends();
    let received = product.only_report();
    let screen: v1::Screen = received.message(SectionKind::Screen);
    assert_eq!((screen.width, screen.height, screen.scale_percent), (SIZE.0, SIZE.1, 100));
    assert!(!screen.own_windows_only);
    assert!(pixels(&screen.png) == picture());
    assert_eq!(received.kinds().iter().filter(|kind| **kind == SectionKind::Screen).count(), 1);
    let age = received.error().time.abs_diff(screen.time);
    assert!(age < 30_000_000_000, "{age} ns from the error to the image");
    let diagnostics: v1::Diagnostics = received.message(SectionKind::Diagnostics);
    let time = diagnostics.subjects.iter().find(|subject| subject.subject == "screen").expect("how long it took");
    assert!((1..time.limit_nanos).contains(&time.took_nanos), "{time:?}");
    assert_eq!(told_of_the_screen(&received), [] as [String; 0]);
}

#[test]
fn an_image_that_was_not_ticked_is_in_no_byte_of_the_report() {
    let (display, _client) = desktop();
    let product = editor();
    let mut visit = crashes(&product, &display);
    let screen = String::from_utf8_lossy(&visit.terminal.screen()).into_owned();
    assert!(screen.contains(&format!("[ ] {SWITCH}")), "{screen}");
    visit.terminal.types("s\r");
    visit.ends();
    let received = product.only_report();
    has_no_image(&received);
    let consent: v1::ConsentRecord = received.message(SectionKind::Consent);
    assert!(consent.declined.contains(&(Category::Screen as i32)), "{consent:?}");
}

#[test]
fn a_report_that_was_declined_leaves_no_image_behind() {
    let (display, _client) = desktop();
    let product = editor();
    let mut visit = crashes(&product, &display);
    visit.terminal.types("d\r").sees("destroyed");
    visit.ends();
    assert_eq!(files(&product.spool()), [product.spool().join("counts")]);
}

#[test]
fn a_handler_that_is_killed_takes_the_image_with_it() {
    let (display, _client) = desktop();
    let product = editor();
    let mut visit = crashes(&product, &display);
    let [handler] = product.handlers()[..] else { panic!("one handler") };
    kill_process(Pid::from_raw(handler as i32).unwrap(), Signal::KILL).unwrap();
    visit.ends();
    assert_eq!(product.spooled("new").len(), 1, "the rest is kept");
    assert!(!holds_an_image(&product.spool()));
    let mut visit = product.in_terminal(PROMPTS);
    visit.types(&["quit"]).terminal.sees("Your choice");
    assert!(!String::from_utf8_lossy(&visit.terminal.screen()).contains(SWITCH), "what is no more is not offered");
    visit.terminal.types("s\r");
    visit.ends();
    let received = product.only_report();
    has_no_image(&received);
    let told = told_of_the_screen(&received);
    assert_eq!(told, ["screen: the image of the desktop was destroyed with the handler that took it"]);
}

#[test]
fn the_person_can_look_at_the_image_before_granting_it() {
    let (display, _client) = desktop();
    let product = editor();
    let runtime = product.path("runtime");
    fs::create_dir(&runtime).unwrap();
    fs::set_permissions(&runtime, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let place = runtime.display().to_string();
    let mut visit = crashes_with(&product, &[("DISPLAY", &display.display()), ("XDG_RUNTIME_DIR", &place)]);
    assert_eq!(files(&runtime), [] as [PathBuf; 0], "not unasked");
    visit.terminal.types("p\r").sees("/desktop-1.png").sees("Your choice");
    let [file] = &files(&runtime)[..] else { panic!("one image: {:?}", files(&runtime)) };
    assert!(pixels(&fs::read(file).unwrap()) == picture());
    let shown = String::from_utf8_lossy(&visit.terminal.screen()).into_owned();
    assert!(shown.contains(&file.display().to_string()), "{shown}");
    visit.terminal.types("w\r").sees("Enter for more");
    while !String::from_utf8_lossy(&visit.terminal.screen()).contains("320 × 200 pixels") {
        visit.terminal.types("\r").sees("Enter for more");
    }
    visit.terminal.types("q\r").sees("Your choice").types("l\r").sees("is kept");
    visit.ends();
    assert_eq!(fs::read_dir(&runtime).unwrap().count(), 0, "the question is over");
}

#[test]
fn who_cannot_take_an_image_says_why_and_who_has_no_desktop_has_nothing_to_say() {
    for (variables, why) in [
        (&[][..], None),
        (&[("DISPLAY", "")], None),
        (&[("XDG_SESSION_TYPE", "wayland")], None),
        (&[("DISPLAY", "support.example:0")], Some("over the network")),
        (&[("DISPLAY", ":65000")], Some("No such file")),
        (&[("DISPLAY", ":65000"), ("WAYLAND_DISPLAY", "wayland-0")], Some("Wayland: ")),
        (&[("DISPLAY", ":65000"), ("XDG_SESSION_TYPE", "wayland")], Some("Wayland: ")),
    ] {
        let product = editor();
        let mut visit = crashes_with(&product, variables);
        visit.terminal.types("s\r");
        visit.ends();
        let received = product.only_report();
        has_no_image(&received);
        let told = told_of_the_screen(&received);
        assert_eq!(told.len(), usize::from(why.is_some()), "{variables:?}: {told:?}");
        assert!(told.iter().all(|told| told.contains(why.unwrap())), "{variables:?}: {told:?}");
    }
}

#[test]
fn a_wayland_desktop_takes_the_image_itself_where_the_person_has_allowed_it() {
    let product = editor();
    let file = product.path("taken.png");
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, SIZE.0, SIZE.1);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(picture().as_flattened()).unwrap();
    fs::write(&file, png).unwrap();
    // Whatever unit the tests run in.
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap();
    if groups.contains("/app-") {
        eprintln!("SKIPPED: these tests run as an application of a desktop, which has a name of its own");
        return;
    }
    let bus = SessionBus::start(&[("", "yes")], Takes::Image(file.clone()));
    let mut visit =
        crashes_with(&product, &[("WAYLAND_DISPLAY", "wayland-0"), ("DBUS_SESSION_BUS_ADDRESS", &bus.address())]);
    assert!(!file.exists() && !holds_an_image(&product.spool()));
    visit.ticks(SWITCH);
    visit.answers("s");
    visit.ends();
    let received = product.only_report();
    let screen: v1::Screen = received.message(SectionKind::Screen);
    assert!(pixels(&screen.png) == picture());
    assert_eq!(told_of_the_screen(&received), [] as [String; 0]);
}

#[test]
fn what_the_product_rules_out_is_not_taken() {
    let (display, _client) = desktop();
    let mut product = editor();
    product.set("never", "screen");
    let mut visit = crashes(&product, &display);
    visit.terminal.types("s\r");
    visit.ends();
    let received = product.only_report();
    has_no_image(&received);
    let diagnostics: v1::Diagnostics = received.message(SectionKind::Diagnostics);
    assert!(diagnostics.subjects.iter().all(|subject| subject.subject != "screen"), "{diagnostics:?}");
}

#[test]
#[ignore = "the product's part of the other tests"]
fn product() {
    let Ok(role) = env::var(ROLE) else { return };
    let folder = folder();
    let mut mail = Mail::new("errors@product.example", ["support@product.example"]);
    mail = mail.eml_directory(folder.join("mails"));
    let options = Options::new("Example Software", "Painter", env!("CARGO_PKG_VERSION"))
        .handler(folder.join("handler"))
        .spool(folder.join("spool"))
        .mail(mail)
        .own_windows_only(role.starts_with("own"));
    let reporter = Reporter::start(options);
    let client = Client::connect(&env::var("DISPLAY").unwrap());
    if !role.ends_with("windowless") {
        client.window((20, 30, 200, 100), RED);
    }
    fs::write(folder.join("drawn"), "").unwrap();
    // Until the test has put its window above ours.
    let _ = std::io::stdin().read_line(&mut String::new());
    if role.starts_with("own") {
        fault();
    }
    reporter_sdk::capture_error(&std::io::Error::other("handled"));
    drop(reporter);
}

/// Runs the product with what it does, a window of this process above its own, and gives its report.
fn report_of(display: &Xvfb, client: &Client, role: &str) -> Received {
    let place = Place::new();
    fs::create_dir(place.path("mails")).unwrap();
    say_always(&place.path("spool"));
    let mut running = place.start_with(role, |command| {
        command.env("DISPLAY", display.display());
    });
    wait_for("window of the product", || place.path("drawn").exists());
    client.window((100, 60, 200, 30), BLUE);
    running.ends();
    let [mail] = &files(&place.path("mails"))[..] else { panic!("one mail: {:?}", files(&place.path(""))) };
    Received::from_mail(mail)
}

#[test]
fn only_the_products_own_windows_are_on_the_image_where_the_product_wants_it_so() {
    let (display, client) = desktop();
    let received = report_of(&display, &client, "own");
    let screen: v1::Screen = received.message(SectionKind::Screen);
    assert!(screen.own_windows_only);
    let grey = [0x80; 3];
    let expected = painted(grey, &[((20, 30, 200, 100), RED), ((100, 60, 200, 30), grey)]);
    assert!(pixels(&screen.png) == expected);
}

#[test]
fn a_product_without_a_window_has_no_image_of_others() {
    let (display, client) = desktop();
    let received = report_of(&display, &client, "own, but windowless");
    has_no_image(&received);
    let told = told_of_the_screen(&received);
    assert!(told[0].contains("none of the program's windows is on the screen"), "{told:?}");
}

#[test]
fn of_a_handled_error_no_image_is_taken() {
    let (display, client) = desktop();
    let received = report_of(&display, &client, "handled");
    assert_eq!(received.error().kind(), ErrorKind::HandledError);
    has_no_image(&received);
    assert_eq!(told_of_the_screen(&received), [] as [String; 0]);
}
