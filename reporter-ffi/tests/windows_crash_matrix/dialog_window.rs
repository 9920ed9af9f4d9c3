//! A product crashes, and its user is asked in our window: driven by its messages, as a program for people with other needs drives it.

use std::{
    ptr, thread,
    time::{Duration, Instant},
};

use report_format::schema::v1::{Category, ConsentRecord, ConsentSource, Contact, SectionKind};
use windows_sys::Win32::{
    Foundation::{HWND, LPARAM},
    UI::WindowsAndMessaging::{
        BM_CLICK, EnumChildWindows, FindWindowW, GW_HWNDPREV, GWL_STYLE, GetWindow, GetWindowLongW, GetWindowTextW,
        IsWindowVisible, PostMessageW, SendMessageW, WM_CHAR, WM_CLOSE, WS_DISABLED,
    },
};

use crate::{product::PATIENCE, report::Received, shared::asked_in_a_window};

/// The dialog's window.
struct Window(HWND);

impl Window {
    /// Waits for it.
    fn find() -> Self {
        let title: Vec<u16> = "Crashes 1.0.0 – error report".encode_utf16().chain([0]).collect();
        let started = Instant::now();
        loop {
            // SAFETY: a title that ends in a zero.
            let window = unsafe { FindWindowW(ptr::null(), title.as_ptr()) };
            // SAFETY: a handle, which the system checks.
            if unsafe { IsWindowVisible(window) } != 0 {
                return Self(window);
            }
            assert!(started.elapsed() < PATIENCE, "nobody is asked in a window");
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn children(&self) -> Vec<HWND> {
        let mut all: Vec<HWND> = Vec::new();
        // SAFETY: `add` gets the address of this list, and nobody else touches it meanwhile.
        unsafe { EnumChildWindows(self.0, Some(add), (&raw mut all) as LPARAM) };
        all
    }

    /// Waits for the visible child that can be acted upon and of which this is so: everything is collected meanwhile, or sent.
    fn child(&self, what: &str, is_it: impl Fn(&str) -> bool) -> HWND {
        let started = Instant::now();
        loop {
            // SAFETY: a handle, which the system checks.
            let shows = |child: &HWND| unsafe { IsWindowVisible(*child) } != 0;
            // SAFETY: a handle, which the system checks, and a number.
            let is_enabled =
                |child: &HWND| unsafe { GetWindowLongW(*child, GWL_STYLE) }.cast_unsigned() & WS_DISABLED == 0;
            let is_wanted = |child: &HWND| shows(child) && is_enabled(child) && is_it(&text_of(*child));
            if let Some(child) = self.children().into_iter().find(is_wanted) {
                return child;
            }
            assert!(started.elapsed() < PATIENCE, "nothing is called {what}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Presses the button, or changes the switch, whose text this is, but for the size in brackets.
    fn presses(&self, text: &str) {
        let button = self
            .child(text, |shown| shown == text || shown.strip_prefix(text).is_some_and(|rest| rest.starts_with(" (")));
        // SAFETY: a message that tells nothing.
        unsafe { SendMessageW(button, BM_CLICK, 0, 0) };
    }

    /// Waits until this stands in it.
    fn says(&self, text: &str) {
        self.child(text, |shown| shown.contains(text));
    }

    /// Types into the field below this label.
    fn types(&self, label: &str, text: &str) {
        // SAFETY: a handle, which the system checks.
        let is_below = |child: &HWND| text_of(unsafe { GetWindow(*child, GW_HWNDPREV) }) == label;
        let field = self.children().into_iter().find(is_below).unwrap_or_else(|| panic!("no field is called {label}"));
        for unit in text.encode_utf16() {
            // SAFETY: a message that tells a number.
            unsafe { SendMessageW(field, WM_CHAR, unit.into(), 0) };
        }
    }

    fn closes(&self) {
        // SAFETY: a message that tells nothing.
        unsafe { PostMessageW(self.0, WM_CLOSE, 0, 0) };
    }
}

unsafe extern "system" fn add(window: HWND, all: LPARAM) -> i32 {
    // SAFETY: `children` gives the address of its list.
    unsafe { &mut *(all as *mut Vec<HWND>) }.push(window);
    1
}

fn text_of(window: HWND) -> String {
    let mut room = [0; 512];
    // SAFETY: room of the size that is told.
    let length = unsafe { GetWindowTextW(window, room.as_mut_ptr(), room.len() as i32) };
    String::from_utf16_lossy(&room[..length as usize])
}

/// One after the other: windows are told apart by their titles.
#[test]
fn in_our_window_the_person_sends_a_part_of_it_or_closes_it_and_keeps_it() {
    the_person_types_leaves_out_one_category_and_sends();
    a_window_that_is_closed_has_sent_nothing_and_lost_nothing();
}

fn the_person_types_leaves_out_one_category_and_sends() {
    let product = asked_in_a_window(|| {
        let window = Window::find();
        window.types("What were you doing when it happened?", "I asked for a month.");
        window.presses("What you did with the program last");
        window.presses("Send report");
        window.says("Support has received the report.");
        window.presses("Close");
    });
    let mails = product.mails();
    let [mail] = &mails[..] else { panic!("{mails:?}") };
    let report = Received::from_mail(mail);
    let contact: Contact = report.message(SectionKind::Contact);
    assert_eq!((&*contact.description, &*contact.language), ("I asked for a month.", "en"));
    let consent: ConsentRecord = report.message(SectionKind::Consent);
    assert_eq!(consent.source(), ConsentSource::Person);
    assert!(consent.declined().any(|category| category == Category::Actions), "{consent:?}");
    assert!(consent.granted().any(|category| category == Category::Memory), "{consent:?}");
    assert!(!report.kinds().contains(&SectionKind::Actions));
}

fn a_window_that_is_closed_has_sent_nothing_and_lost_nothing() {
    let product = asked_in_a_window(|| Window::find().closes());
    assert_eq!((product.spooled("new").len(), product.mails().len()), (1, 0));
}
