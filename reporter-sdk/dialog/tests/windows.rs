//! The window on Windows, looked at and acted upon from outside, as a screen reader does. On a display that somebody has made: the script that runs these tests under
//! Wine says so by `REPORTER_TEST_SCREEN=1`.
#![cfg(windows)]

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use report_format::schema::v1::{Category, Contact, ErrorKind};
use reporter_dialog::model::{Model, Offer, Question};
use reporter_dialog::texts::Texts;
use reporter_dialog::ui::win32;
use reporter_sdk::{ConsentAnswer, Never, Notice};
use windows_sys::Win32::Foundation::{HWND, LPARAM, RECT, WPARAM};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    BM_CLICK, CB_SETCURSEL, CBN_SELCHANGE, EnumChildWindows, FindWindowW, GW_HWNDPREV, GetClassNameW, GetParent,
    GetWindow, GetWindowRect, GetWindowTextW, IsWindowVisible, PostMessageW, SWP_NOMOVE, SWP_NOZORDER, SendMessageW,
    SetWindowPos, WM_CHAR, WM_CLOSE, WM_COMMAND,
};

fn has_display() -> bool {
    let has = std::env::var_os("REPORTER_TEST_SCREEN").is_some_and(|value| value == "1") && win32::can_show();
    if !has {
        assert!(
            std::env::var_os("CI").is_none(),
            "there is a display for these tests in CI: scripts/test-windows makes it"
        );
        eprintln!("SKIPPED: there is no display to test with; run under one and with REPORTER_TEST_SCREEN=1");
    }
    has
}

fn png() -> Arc<[u8]> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 640, 480);
    encoder.set_color(png::ColorType::Rgb);
    let pixels = vec![90; 640 * 480 * 3];
    encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels)).expect("is written");
    file.into()
}

fn question(product: &str) -> Question {
    let offer = |category, chosen, images| Offer {
        category,
        bytes: 1234,
        chosen,
        contents: "section, 1.2 kB\n  field: value".into(),
        images,
    };
    Question {
        product: product.into(),
        version: "1".into(),
        kind: ErrorKind::Crash,
        title: "a word of 120 letters, such as ".to_owned() + &"m".repeat(120),
        notice: Notice {
            purpose: "to find out what is wrong, in a sentence that has more words than one line ".repeat(2),
            recipient: "Example Software & Sons".into(),
            access: String::new(),
            retention: "180 days".into(),
            erasure: "write".into(),
        },
        offers: vec![
            offer(Category::Essential, true, vec![]),
            offer(Category::Actions, true, vec![]),
            offer(Category::Memory, true, vec![]),
            offer(Category::Screen, false, vec![png()]),
            offer(Category::Contact, true, vec![]),
        ],
        timeout: Duration::from_secs(120),
    }
}

/// Shows the window, and does this with it meanwhile.
fn ask(language: &str, product: &str, act: impl FnOnce(Widget) + Send + 'static) -> ConsentAnswer {
    let texts = Texts::of(language);
    let title = texts.with("window-title", &[("product", &format!("{product} 1"))]);
    let acting = thread::spawn(move || act(Widget::find(&title)));
    let answer = win32::show(Model::new(question(product), texts, Instant::now()));
    acting.join().expect("what was looked for was there");
    answer
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Widget(usize);

impl Widget {
    fn handle(self) -> HWND {
        std::ptr::with_exposed_provenance_mut(self.0)
    }

    fn find(title: &str) -> Self {
        let wide: Vec<u16> = title.encode_utf16().chain([0]).collect();
        let started = Instant::now();
        loop {
            // SAFETY: a title that ends in a zero.
            let window = unsafe { FindWindowW(std::ptr::null(), wide.as_ptr()) };
            let found = Self(window.expose_provenance());
            if !window.is_null() && found.is_visible() {
                return found;
            }
            assert!(started.elapsed() < Duration::from_secs(30), "there is no window {title}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn is_visible(self) -> bool {
        // SAFETY: a handle, which the system checks.
        unsafe { IsWindowVisible(self.handle()) != 0 }
    }

    /// All in it that shows, in the order in which Tab goes through it.
    fn visible(self) -> Vec<Widget> {
        let mut all: Vec<Widget> = Vec::new();
        // SAFETY: `add` gets the address of this list, and nobody else touches it meanwhile.
        unsafe { EnumChildWindows(self.handle(), Some(add), (&raw mut all) as LPARAM) };
        all.retain(|widget| widget.is_visible());
        all
    }

    fn text(self) -> String {
        let mut room = [0; 4096];
        // SAFETY: room of this size.
        let length = unsafe { GetWindowTextW(self.handle(), room.as_mut_ptr(), room.len() as i32) };
        String::from_utf16_lossy(&room[..length as usize])
    }

    fn class(self) -> String {
        let mut room = [0; 64];
        // SAFETY: room of this size.
        let length = unsafe { GetClassNameW(self.handle(), room.as_mut_ptr(), room.len() as i32) };
        String::from_utf16_lossy(&room[..length as usize]).to_uppercase()
    }

    fn area(self) -> RECT {
        let mut area = RECT::default();
        // SAFETY: the area lives here.
        unsafe { GetWindowRect(self.handle(), &raw mut area) };
        area
    }

    fn parent(self) -> Widget {
        // SAFETY: a handle, which the system checks.
        Widget(unsafe { GetParent(self.handle()) }.expose_provenance())
    }

    /// What a screen reader takes for its name: the text right before it.
    fn label(self) -> String {
        // SAFETY: a handle, which the system checks.
        let before = Widget(unsafe { GetWindow(self.handle(), GW_HWNDPREV) }.expose_provenance());
        if before.class() == "STATIC" { before.text() } else { String::new() }
    }

    fn send(self, message: u32, first: WPARAM, second: LPARAM) {
        // SAFETY: the messages of these tests tell numbers and handles.
        unsafe { SendMessageW(self.handle(), message, first, second) };
    }

    fn type_text(self, text: &str) {
        for unit in text.encode_utf16() {
            self.send(WM_CHAR, unit.into(), 0);
        }
    }

    fn press(self) {
        self.send(BM_CLICK, 0, 0);
    }

    fn close(self) {
        // SAFETY: tells nothing.
        unsafe { PostMessageW(self.handle(), WM_CLOSE, 0, 0) };
    }

    /// The one whose text or label this is, waited for.
    fn named(self, class: &str, name: &str) -> Widget {
        let started = Instant::now();
        loop {
            let mut widgets = self.visible().into_iter();
            let is_named = |widget: &Widget| {
                widget.class() == class
                    && if class == "BUTTON" { widget.text() == name } else { widget.label() == name }
            };
            if let Some(widget) = widgets.find(is_named) {
                return widget;
            }
            assert!(started.elapsed() < Duration::from_secs(30), "there is no {class} {name}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

unsafe extern "system" fn add(window: HWND, all: LPARAM) -> i32 {
    // SAFETY: `visible` gives the address of its list.
    let all = unsafe { &mut *(all as *mut Vec<Widget>) };
    all.push(Widget(window.expose_provenance()));
    1
}

/// Nothing lies on anything else, sticks out at a side, or has no room.
fn check_layout(window: Widget, of: &str) {
    let placed: Vec<(Widget, Widget, RECT)> =
        window.visible().into_iter().map(|widget| (widget, widget.parent(), widget.area())).collect();
    for (index, (widget, parent, area)) in placed.iter().enumerate() {
        let around = parent.area();
        let what = || format!("{of}: {} “{}”", widget.class(), widget.text());
        assert!(area.left >= around.left && area.right <= around.right, "{} sticks out", what());
        assert!(area.right - area.left > 3 && area.bottom - area.top > 3, "{} has no room", what());
        for (other, _, second) in placed[index + 1..].iter().filter(|(_, others, _)| others == parent) {
            let apart = second.top >= area.bottom
                || second.bottom <= area.top
                || second.left >= area.right
                || second.right <= area.left;
            assert!(apart, "{} lies on “{}”", what(), other.text());
        }
    }
}

#[test]
fn in_every_language_and_size_nothing_lies_on_anything_else() {
    if !has_display() {
        return;
    }
    for language in ["en", "ar", "cs", "de", "es", "fr", "ja"] {
        let open = Texts::of(language).get("contents-open");
        let answer = ask(language, "Layout", move |window| {
            for (width, height) in [(0, 0), (360, 300), (640, 480), (1000, 700)] {
                if width > 0 {
                    let flags = SWP_NOMOVE | SWP_NOZORDER;
                    // SAFETY: a handle, which the system checks, and numbers. It is done when this returns.
                    unsafe { SetWindowPos(window.handle(), std::ptr::null_mut(), 0, 0, width, height, flags) };
                }
                check_layout(window, &format!("{language}, {width} × {height}"));
            }
            window.named("BUTTON", &open).press();
            let back = Texts::of(language).get("back");
            window.named("BUTTON", &back);
            check_layout(window, &format!("{language}, contents"));
            // From there it goes back, and from the question it ends.
            window.close();
            window.named("BUTTON", &open);
            window.close();
        });
        assert_eq!(answer, ConsentAnswer::Later);
    }
}

#[test]
fn every_field_has_its_label_before_it() {
    if !has_display() {
        return;
    }
    ask("en", "Labels", |window| {
        let fields = window.visible().into_iter().filter(|widget| matches!(&*widget.class(), "EDIT" | "COMBOBOX"));
        let labels: Vec<String> = fields.map(Widget::label).collect();
        let facts = ["What for", "Sent to", "How long it is kept", "To have it deleted"];
        let typed = ["What were you doing when it happened?", "First name", "Last name", "E-mail, for an answer"];
        let expected: Vec<&str> = facts.into_iter().chain(typed).chain(["Next time"]).collect();
        assert_eq!(labels, expected);
        window.close();
    });
}

#[test]
fn what_is_typed_and_switched_is_sent() {
    if !has_display() {
        return;
    }
    let answer = ask("en", "Sending", |window| {
        window.named("EDIT", "What were you doing when it happened?").type_text("Nothing\rat all");
        window.named("EDIT", "E-mail, for an answer").type_text("anna@");
        window.named("BUTTON", "Parts of the program’s memory (1.2 kB)").press();
        window.named("BUTTON", "An image of your desktop (1.2 kB)").press();
        // It is told what is wrong, and goes on.
        window.named("BUTTON", "Send report").press();
        window.named("EDIT", "E-mail, for an answer").type_text("anna@example.org");
        window.named("BUTTON", "Send report").press();
    });
    let ConsentAnswer::Send { categories, contact: Some(contact), always: false } = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(categories, [Category::Essential, Category::Actions, Category::Screen, Category::Contact]);
    let Contact { description, email, .. } = contact;
    assert_eq!((&*description, &*email), ("Nothing\nat all", "anna@example.org"));
}

#[test]
fn a_choice_changes_what_the_buttons_do() {
    if !has_display() {
        return;
    }
    let answer = ask("en", "Choosing", |window| {
        let list = window.named("COMBOBOX", "Next time");
        list.send(CB_SETCURSEL, 3, 0);
        list.parent().send(WM_COMMAND, (CBN_SELCHANGE << 16) as WPARAM, list.0 as LPARAM);
        window.named("BUTTON", "Don’t send, never ask again").press();
    });
    assert_eq!(answer, ConsentAnswer::Decline(Never::Again));
}
