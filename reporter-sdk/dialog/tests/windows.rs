//! The window on Windows, looked at and acted upon from outside, as a screen reader does. On a display that somebody has made: the script that runs these tests under
//! Wine says so by `REPORTER_TEST_SCREEN=1`.
#![cfg(windows)]

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use report_format::schema::v1::{Category, Contact, ErrorKind, Product};
use reporter_dialog::model::{Model, Offer, Part, Question, Told};
use reporter_dialog::texts::Texts;
use reporter_dialog::ui::win32;
use reporter_sdk::dialog_session::{Act, Opening};
use reporter_sdk::{ConsentAnswer, Never, Notice};
use windows_sys::Win32::Foundation::{HWND, LPARAM, RECT, WPARAM};
use windows_sys::Win32::Graphics::Gdi::{GetDC, GetPixel, ReleaseDC};
use windows_sys::Win32::System::DataExchange::{CloseClipboard, GetClipboardData, OpenClipboard};
use windows_sys::Win32::System::Memory::{GlobalLock, GlobalUnlock};
use windows_sys::Win32::System::Ole::CF_UNICODETEXT;
use windows_sys::Win32::System::Registry::{HKEY_CURRENT_USER, REG_DWORD, RegDeleteKeyValueW, RegSetKeyValueW};
use windows_sys::Win32::UI::Controls::PBM_GETPOS;
use windows_sys::Win32::UI::Input::KeyboardAndMouse::{IsWindowEnabled, VIRTUAL_KEY, VK_DOWN, VK_UP};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    BM_CLICK, CB_SETCURSEL, CBN_SELCHANGE, EnumChildWindows, FindWindowW, GW_HWNDPREV, GetClassNameW,
    GetLastActivePopup, GetParent, GetWindow, GetWindowRect, GetWindowTextW, IDCANCEL, IDOK, IsWindowVisible,
    PostMessageW, SWP_NOMOVE, SWP_NOZORDER, SendMessageW, SetWindowPos, WM_CHAR, WM_CLOSE, WM_COMMAND, WM_GETTEXT,
    WM_KEYDOWN, WM_NULL, WM_SETTINGCHANGE,
};
use windows_sys::core::{PCWSTR, w};

/// The system's bar that shows how far something is.
const BAR: &str = "MSCTLS_PROGRESS32";
const DESCRIPTION: &str = "What were you doing when it happened?";
const REPORT: &str = "07070707-0707-0707-0707-070707070707";

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

fn opening(product: &str) -> Opening {
    let chosen = vec![Category::Essential, Category::Actions, Category::Memory, Category::Contact];
    Opening {
        product: Product { name: product.into(), version: "1".into(), ..Product::default() },
        kind: ErrorKind::Crash,
        notice: Notice {
            purpose: "to find out what is wrong, in a sentence that has more words than one line ".repeat(2),
            recipient: "Example Software & Sons".into(),
            access: String::new(),
            retention: "180 days".into(),
            erasure: "write".into(),
        },
        categories: [&chosen[..3], &[Category::FullMemory, Category::Screen, Category::Contact]].concat(),
        chosen,
        restarts: true,
        branding: None,
    }
}

/// All of the memory is not in it: the person did not want to wait.
fn question() -> Told {
    let parts = |category: Category| {
        let first = category as u32 * 2;
        vec![Part { number: first, lines: 0..2, bytes: 1234 }, Part { number: first + 1, lines: 1..2, bytes: 12 }]
    };
    let offer = |category, images| Offer {
        category,
        bytes: 1234,
        contents: "section, 1.2 kB\n  field: value".into(),
        images,
        parts: parts(category),
    };
    Told::Question(Question {
        reports: 1,
        title: "a word of 120 letters, such as ".to_owned() + &"m".repeat(120),
        offers: vec![
            offer(Category::Essential, vec![]),
            offer(Category::Actions, vec![]),
            offer(Category::Memory, vec![]),
            offer(Category::Screen, vec![png()]),
            offer(Category::Contact, vec![]),
        ],
        timeout: Duration::from_secs(120),
    })
}

/// What the handler tells meanwhile.
struct Handler(Sender<Told>);

impl Handler {
    fn tells(&self, told: Told) {
        self.0.send(told).expect("there is a window");
    }
}

/// Where something is missing, the window is not to wait for ever. From what a report contains one comes back to the question at first.
struct ClosesOnPanic(Widget);

impl Drop for ClosesOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.close();
            self.0.close();
        }
    }
}

/// Shows the window before there is a question, and does this with it meanwhile. What was said to the handler is what comes of it.
fn converse(language: &str, product: &str, act: impl FnOnce(Widget, &Handler) + Send + 'static) -> Vec<Act> {
    let texts = Texts::of(language);
    let title = texts.with("window-title", &[("product", &format!("{product} 1"))]);
    let (tell, told) = mpsc::channel();
    let acting = thread::spawn(move || {
        let handler = Handler(tell);
        let window = Widget::find(&title);
        let _closes = ClosesOnPanic(window);
        act(window, &handler);
        // For as long as there is a window.
        handler
    });
    let said = Rc::new(RefCell::new(Vec::new()));
    let hears = said.clone();
    let model = Model::new(opening(product), texts, Instant::now());
    assert!(win32::show(model, told, Box::new(move |act| hears.borrow_mut().push(act))), "there is a window");
    acting.join().expect("what was looked for was there");
    said.take()
}

/// The same once there is a question. The answer is what comes of it.
fn ask(language: &str, product: &str, act: impl FnOnce(Widget, &Handler) + Send + 'static) -> ConsentAnswer {
    let send = Texts::of(language).get("send");
    let said = converse(language, product, move |window, handler| {
        handler.tells(question());
        window.named("BUTTON", &send);
        act(window, handler);
    });
    let [Act::Answer { answer, .. }] = &said[..] else { panic!("{said:?}") };
    answer.clone()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Widget(usize);

impl Widget {
    fn handle(self) -> HWND {
        std::ptr::with_exposed_provenance_mut(self.0)
    }

    fn find(title: &str) -> Self {
        let wide: Vec<u16> = title.encode_utf16().chain([0]).collect();
        wait_for(title, || {
            // SAFETY: a title that ends in a zero.
            let window = unsafe { FindWindowW(std::ptr::null(), wide.as_ptr()) };
            let found = Self(window.expose_provenance());
            (!window.is_null() && found.is_visible()).then_some(found)
        })
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

    /// What is typed, or to be selected.
    fn content(self) -> String {
        let mut room: [u16; 4096] = [0; 4096];
        // SAFETY: room of this size.
        let length = unsafe { SendMessageW(self.handle(), WM_GETTEXT, room.len(), room.as_mut_ptr() as LPARAM) };
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

    fn send(self, message: u32, first: WPARAM, second: LPARAM) -> isize {
        // SAFETY: the messages of these tests tell numbers and handles.
        unsafe { SendMessageW(self.handle(), message, first, second) }
    }

    fn is_enabled(self) -> bool {
        // SAFETY: a handle, which the system checks.
        unsafe { IsWindowEnabled(self.handle()) != 0 }
    }

    fn type_text(self, text: &str) {
        for unit in text.encode_utf16() {
            self.send(WM_CHAR, unit.into(), 0);
        }
    }

    /// A key, as the keyboard brings it.
    fn presses(self, key: VIRTUAL_KEY) {
        // SAFETY: numbers, to a window of this process.
        assert_ne!(unsafe { PostMessageW(self.handle(), WM_KEYDOWN, key.into(), 1) }, 0);
    }

    fn press(self) {
        self.send(BM_CLICK, 0, 0);
    }

    fn close(self) {
        // SAFETY: tells nothing.
        unsafe { PostMessageW(self.handle(), WM_CLOSE, 0, 0) };
    }

    /// Red, green and blue, added up, of the pixel in its upper left corner that no frame covers.
    fn brightness(self) -> u32 {
        // SAFETY: a handle, which the system checks.
        let dc = unsafe { GetDC(self.handle()) };
        // SAFETY: a device context, which the system checks, and numbers.
        let [red, green, blue, _] = unsafe { GetPixel(dc, 3, 3) }.to_le_bytes();
        // SAFETY: taken above, of this window.
        unsafe { ReleaseDC(self.handle(), dc) };
        u32::from(red) + u32::from(green) + u32::from(blue)
    }

    /// In the system's own window for a file's name that belongs to this one.
    fn names_a_file(self, button: i32) {
        let dialog = wait_for("a window for a file's name", || {
            // SAFETY: a handle, which the system checks.
            let popup = Widget(unsafe { GetLastActivePopup(self.handle()) }.expose_provenance());
            (popup != self && popup.is_visible()).then_some(popup)
        });
        // It takes no button while it is still being made.
        wait_for("its end", || {
            // SAFETY: tells a number.
            unsafe { PostMessageW(dialog.handle(), WM_COMMAND, button as WPARAM, 0) };
            thread::sleep(Duration::from_millis(500));
            (!dialog.is_visible()).then_some(())
        });
    }

    /// The one whose text or label this is, waited for until it and all others are drawn and in their place.
    fn named(self, class: &str, name: &str) -> Widget {
        let is_named = |widget: &Widget| {
            let is_own = matches!(class, "BUTTON" | "STATIC");
            widget.class() == class && if is_own { widget.text() == name } else { widget.label() == name }
        };
        let widget = wait_for(&format!("{class} {name}"), || self.visible().into_iter().find(is_named));
        // The window hears this when it has done what it was at.
        self.send(WM_NULL, 0, 0);
        widget
    }
}

fn wait_for<T>(what: &str, find: impl Fn() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "not there: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Whether programs are to be light, as the person sets it. In the end nothing is set, as before.
struct AppsUseLightTheme;

impl AppsUseLightTheme {
    const KEY: PCWSTR = w!("Software\\Microsoft\\Windows\\CurrentVersion\\Themes\\Personalize");
    const VALUE: PCWSTR = w!("AppsUseLightTheme");

    /// And tells this window, as the system tells all.
    fn set(&self, light: u32, window: Widget) {
        let number = (&raw const light).cast();
        // SAFETY: names that end in a zero, and a number of this size.
        let error = unsafe { RegSetKeyValueW(HKEY_CURRENT_USER, Self::KEY, Self::VALUE, REG_DWORD, number, 4) };
        assert_eq!(error, 0);
        window.send(WM_SETTINGCHANGE, 0, w!("ImmersiveColorSet") as LPARAM);
    }
}

impl Drop for AppsUseLightTheme {
    fn drop(&mut self) {
        // SAFETY: names that end in a zero.
        unsafe { RegDeleteKeyValueW(HKEY_CURRENT_USER, Self::KEY, Self::VALUE) };
    }
}

/// What other programs get of it.
fn clipboard() -> Option<String> {
    // SAFETY: no window's.
    if unsafe { OpenClipboard(std::ptr::null_mut()) } == 0 {
        return None;
    }
    // SAFETY: the clipboard is open, by us.
    let memory = unsafe { GetClipboardData(CF_UNICODETEXT.into()) };
    // SAFETY: of nothing it makes nothing.
    let text: *const u16 = unsafe { GlobalLock(memory) }.cast();
    let text = (!text.is_null()).then(|| {
        // SAFETY: in this format there is a zero at the end, and nobody changes it while it is locked.
        let units = (0..).map(|index| unsafe { text.wrapping_add(index).read() }).take_while(|unit| *unit != 0);
        let units: Vec<u16> = units.collect();
        // SAFETY: locked above.
        unsafe { GlobalUnlock(memory) };
        String::from_utf16_lossy(&units)
    });
    // SAFETY: opened above.
    unsafe { CloseClipboard() };
    text
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
        let said = converse(language, "Layout", move |window, handler| {
            let texts = Texts::of(language);
            let check = |stage: &str| check_layout(window, &format!("{language}, {stage}"));
            let press = |name| window.named("BUTTON", &texts.get(name)).press();
            window.named(BAR, &texts.get("collecting"));
            check("collecting");
            handler.tells(Told::Collecting { done: 300_000_000, total: 1_200_000_000 });
            window.named("BUTTON", &texts.get("leave-out-memory"));
            check("reading memory");
            handler.tells(question());
            window.named("BUTTON", &texts.get("send"));
            for (width, height) in [(0, 0), (360, 300), (640, 480), (1000, 700)] {
                if width > 0 {
                    let flags = SWP_NOMOVE | SWP_NOZORDER;
                    // SAFETY: a handle, which the system checks, and numbers. It is done when this returns.
                    unsafe { SetWindowPos(window.handle(), std::ptr::null_mut(), 0, 0, width, height, flags) };
                }
                check(&format!("{width} × {height}"));
            }
            press("contents-open");
            window.named("BUTTON", &texts.get("back"));
            check("contents");
            // From there it goes back.
            window.close();
            press("send");
            handler.tells(Told::Sending { done: 1_200_000, total: 8_000_000 });
            window.named("STATIC", &texts.get("sending-title"));
            check("sending");
            let why = "550 5.7.1 the server does not take it, and says so in more words than one line has ".repeat(2);
            handler.tells(Told::NotSent { report: REPORT.into(), why, again: Some(Duration::from_secs(300)) });
            window.named("STATIC", &texts.get("not-sent-title"));
            check("not sent");
            window.close();
        });
        assert!(matches!(said[..], [Act::Answer { answer: ConsentAnswer::Send { .. }, .. }]), "{said:?}");
    }
}

#[test]
fn every_field_has_its_label_before_it() {
    if !has_display() {
        return;
    }
    ask("en", "Labels", |window, _| {
        let fields = window.visible().into_iter().filter(|widget| matches!(&*widget.class(), "EDIT" | "COMBOBOX"));
        let labels: Vec<String> = fields.map(Widget::label).collect();
        let facts = ["What for", "Sent to", "How long it is kept", "To have it deleted"];
        let typed = [DESCRIPTION, "First name", "Last name", "E-mail, for an answer"];
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
    let answer = ask("en", "Sending", |window, _| {
        window.named("EDIT", DESCRIPTION).type_text("Nothing\rat all");
        window.named("EDIT", "E-mail, for an answer").type_text("anna@");
        window.named("BUTTON", "Parts of the program’s memory (1.2 kB)").press();
        window.named("BUTTON", "An image of your desktop (1.2 kB)").press();
        // It is told what is wrong, and goes on.
        window.named("BUTTON", "Send report").press();
        window.named("STATIC", "Nobody could answer to this address. Correct it or leave it empty.");
        window.named("EDIT", "E-mail, for an answer").type_text("anna@example.org");
        window.named("BUTTON", "Send report").press();
        window.named("BUTTON", "Close, sending goes on").press();
    });
    let ConsentAnswer::Send { categories, contact: Some(contact), always: false } = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(categories, [Category::Essential, Category::Actions, Category::Screen, Category::Contact]);
    let Contact { description, email, .. } = contact;
    assert_eq!((&*description, &*email), ("Nothing\nat all", "anna@example.org"));
}

#[test]
fn it_is_dark_as_soon_and_as_long_as_the_person_wants_it_so() {
    if !has_display() {
        return;
    }
    ask("en", "Dark", |window, _| {
        let setting = AppsUseLightTheme;
        let field = window.named("EDIT", DESCRIPTION);
        for (light, expected) in [(1, "light"), (0, "dark"), (1, "light")] {
            setting.set(light, window);
            for (part, what) in [(window, "window"), (field, "field")] {
                wait_for(&format!("a {what} that is {expected}"), || {
                    let is_light = part.brightness() > 3 * 0xc0;
                    let is_dark = part.brightness() < 3 * 0x40;
                    (if light == 1 { is_light } else { is_dark }).then_some(())
                });
            }
        }
        window.close();
    });
}

#[test]
fn a_choice_changes_what_the_buttons_do() {
    if !has_display() {
        return;
    }
    let answer = ask("en", "Choosing", |window, _| {
        let list = window.named("COMBOBOX", "Next time");
        list.send(CB_SETCURSEL, 3, 0);
        list.parent().send(WM_COMMAND, (CBN_SELCHANGE << 16) as WPARAM, list.0 as LPARAM);
        window.named("BUTTON", "Don’t send, never ask again").press();
    });
    assert_eq!(answer, ConsentAnswer::Decline(Never::Again));
}

#[test]
fn what_is_typed_while_it_is_collected_is_sent_once_there_is_a_question() {
    if !has_display() {
        return;
    }
    let said = converse("en", "Collecting", |window, handler| {
        window.named(BAR, "Collecting what is needed to find the error…");
        window.named("EDIT", DESCRIPTION).type_text("Nothing");
        window.named("BUTTON", "Start Collecting 1 again afterwards").press();
        assert!(!window.named("BUTTON", "Send report (still collecting)").is_enabled());
        handler.tells(Told::Collecting { done: 300_000_000, total: 1_200_000_000 });
        let bar = window.named(BAR, "Reading all of the program’s memory: 300.0 MB of 1.2 GB");
        assert_eq!(bar.send(PBM_GETPOS, 0, 0), 250);
        window.named("BUTTON", "Go on without all of the memory").press();
        // Many at once are drawn as the last of them.
        for done in 1..=1000 {
            handler.tells(Told::Collecting { done: done * 1_000_000, total: 1_000_000_000 });
        }
        handler.tells(question());
        let send = window.named("BUTTON", "Send report");
        assert!(send.is_enabled() && !bar.is_visible());
        assert_eq!(window.named("EDIT", DESCRIPTION).content(), "Nothing");
        send.press();
        window.named("BUTTON", "Close, sending goes on").press();
    });
    let [Act::LeaveOutMemory, Act::Answer { answer, stays_ended: true, .. }] = &said[..] else { panic!("{said:?}") };
    let ConsentAnswer::Send { contact: Some(contact), .. } = answer else { panic!("{answer:?}") };
    assert_eq!(contact.description, "Nothing");
}

#[test]
fn it_is_shown_how_far_sending_is_and_the_number_of_what_was_sent_can_be_copied() {
    if !has_display() {
        return;
    }
    let answer = ask("en", "Sent", |window, handler| {
        window.named("BUTTON", "Send report").press();
        handler.tells(Told::Sending { done: 1_200_000, total: 8_000_000 });
        assert_eq!(window.named(BAR, "1.2 MB of 8.0 MB").send(PBM_GETPOS, 0, 0), 150);
        handler.tells(Told::Sent { report: REPORT.into() });
        assert_eq!(window.named("EDIT", "Number of the report").content(), REPORT);
        window.named("BUTTON", "Copy the number").press();
        wait_for("the number in the clipboard", || clipboard().filter(|text| text == REPORT));
        window.named("BUTTON", "Close").press();
    });
    assert!(matches!(answer, ConsentAnswer::Send { .. }), "{answer:?}");
}

#[test]
fn whoever_answers_before_there_is_a_question_sees_no_window_any_more() {
    if !has_display() {
        return;
    }
    let said = converse("en", "Early", |window, handler| {
        window.named("BUTTON", "Don’t send").press();
        wait_for("a window that is gone", || (!window.is_visible()).then_some(()));
        handler.tells(question());
    });
    let [Act::Answer { answer, .. }] = &said[..] else { panic!("{said:?}") };
    assert_eq!(*answer, ConsentAnswer::Decline(Never::ThisTime));
}

#[test]
fn a_report_is_saved_where_the_person_wants_it_or_not_at_all() {
    if !has_display() {
        return;
    }
    let said = converse("en", "Saving", |window, handler| {
        handler.tells(question());
        for button in [IDCANCEL, IDOK] {
            let save = window.named("BUTTON", "Save to a file…");
            wait_for("something to save", || save.is_enabled().then_some(()));
            // It returns at once: the window for the name comes later.
            save.press();
            window.names_a_file(button);
        }
        handler.tells(Told::Saved(Ok(())));
        window.named("STATIC", "The file is written. Nothing was sent.");
        window.close();
    });
    let [Act::Save { answer, path, .. }, Act::Answer { answer: last, .. }] = &said[..] else { panic!("{said:?}") };
    assert!(matches!(answer, ConsentAnswer::Send { .. }) && *last == ConsentAnswer::Later, "{said:?}");
    assert!(path.is_absolute() && path.ends_with("Saving.report"), "{}", path.display());
}

#[test]
fn a_line_is_left_out_where_the_cursor_is_and_the_cursor_stays_there() {
    if !has_display() {
        return;
    }
    let said = converse("en", "LeavingOut", |window, handler| {
        handler.tells(question());
        window.named("BUTTON", "What does this report contain?").press();
        let contents = window.named("EDIT", "Contents of the report");
        let leave_out = window.named("BUTTON", "Leave this out");
        assert!(!leave_out.is_enabled(), "the cursor is on a heading");
        for _ in 0..6 {
            contents.presses(VK_DOWN);
        }
        window.named("STATIC", "field: value");
        assert!(leave_out.is_enabled());
        leave_out.press();
        window.named("BUTTON", "Send this after all");
        let lines: Vec<String> = contents.content().lines().map(str::to_owned).collect();
        assert_eq!((lines[2].as_str(), lines[6].as_str()), ("  field: value", "×   field: value"), "{lines:?}");
        contents.presses(VK_UP);
        window.named("STATIC", "section, 1.2 kB");
        window.named("BUTTON", "Back").press();
        window.named("STATIC", "Left out one by one: 1");
        window.named("BUTTON", "Send report").press();
        window.named("BUTTON", "Close, sending goes on").press();
    });
    let [Act::Answer { left_out, .. }] = &said[..] else { panic!("{said:?}") };
    assert_eq!(left_out[..], [Category::Actions as u32 * 2 + 1]);
}
