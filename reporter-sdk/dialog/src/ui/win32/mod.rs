//! The window on Windows, by the system's own controls: fonts, colours, input methods, screen readers, text size and high contrast are as the person has set them.

mod clipboard;
mod dark;
mod document;
mod events;
mod file_name;
mod fonts;
mod layout;
mod node;
mod paint;
mod picture;
mod scroller;
mod session;
mod shade;
mod shown;
mod widget;

use std::cell::RefCell;
use std::ptr;
use std::rc::Rc;
use std::sync::mpsc::Receiver;

use reporter_sdk::dialog_session::Act;
use windows_sys::Win32::Foundation::{HWND, LPARAM, LRESULT, POINT, WPARAM};
use windows_sys::Win32::Graphics::Gdi::{
    COLOR_3DFACE, GetMonitorInfoW, GetSysColorBrush, MONITOR_DEFAULTTONEAREST, MONITORINFO, MonitorFromPoint,
};
use windows_sys::Win32::System::LibraryLoader::GetModuleHandleW;
use windows_sys::Win32::UI::Controls::{
    ICC_PROGRESS_CLASS, ICC_STANDARD_CLASSES, INITCOMMONCONTROLSEX, InitCommonControlsEx,
};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    DefWindowProcW, DestroyWindow, DispatchMessageW, GetCursorPos, GetMessageW, IDC_ARROW, IsDialogMessageW,
    LoadCursorW, MSG, RegisterClassExW, SW_SHOW, SetForegroundWindow, SetTimer, ShowWindow, TranslateMessage,
    WM_KEYDOWN, WM_LBUTTONDOWN, WNDCLASSEXW, WS_CLIPCHILDREN, WS_EX_CONTROLPARENT, WS_EX_LAYOUTRTL,
    WS_OVERLAPPEDWINDOW, WS_VSCROLL,
};

use self::fonts::Fonts;
use self::node::CLASS;
pub use self::session::can_show;
use self::shown::Shown;
use self::widget::{Recipe, Widget, wide};
use crate::elements::Window;
use crate::model::{Model, Told};

/// In pixels at the usual size. Smaller where the display is.
const WIDTH: i32 = 620;
const HEIGHT: i32 = 760;
/// Milliseconds from one look at the clock to the next.
const TICK: u32 = 1000;

thread_local! {
    /// What is shown, for the messages that the system brings.
    static SHOWN: RefCell<Option<Rc<Shown>>> = const { RefCell::new(None) };
}

/// Shows the window until the person or the model has done with it. `false`: none can be made.
pub fn show(model: Model, told: Receiver<Told>, say: Box<dyn FnMut(Act)>) -> bool {
    let drawn = model.window();
    register();
    let desktop = desktop();
    let main = main_window(&drawn, &desktop);
    if !main.exists() {
        return false;
    }
    let shown = Rc::new(Shown::new(main, model, drawn, say));
    SHOWN.set(Some(shown.clone()));
    shown.apply_shade();
    open(&shown, &desktop);
    shown.events.listen_to(told);
    run(&shown);
    // What the system brings from here on is nothing to us.
    SHOWN.take();
    // SAFETY: made by this thread, and its last use.
    unsafe { DestroyWindow(main.0) };
    true
}

/// Makes the window's class known. Where it is so already, nothing is wrong.
fn register() {
    let controls = INITCOMMONCONTROLSEX {
        dwSize: size_of::<INITCOMMONCONTROLSEX>() as u32,
        dwICC: ICC_STANDARD_CLASSES | ICC_PROGRESS_CLASS,
    };
    // SAFETY: a structure that says its size. Without these controls there are older ones of the same names.
    unsafe { InitCommonControlsEx(&raw const controls) };
    let name = wide(CLASS);
    // SAFETY: the module of this program, which stays.
    let module = unsafe { GetModuleHandleW(ptr::null()) };
    // SAFETY: a constant that names one of the system's.
    let cursor = unsafe { LoadCursorW(ptr::null_mut(), IDC_ARROW) };
    // SAFETY: takes a number; the system's own, which nobody deletes.
    let background = unsafe { GetSysColorBrush(COLOR_3DFACE) };
    let class = WNDCLASSEXW {
        cbSize: size_of::<WNDCLASSEXW>() as u32,
        lpfnWndProc: Some(procedure),
        hInstance: module,
        hCursor: cursor,
        hbrBackground: background,
        lpszClassName: name.as_ptr(),
        ..Default::default()
    };
    // SAFETY: the name ends in a zero and is copied; `procedure` is one for windows.
    unsafe { RegisterClassExW(&raw const class) };
}

/// The part of the display with the mouse that no task bar covers.
fn desktop() -> MONITORINFO {
    let mut mouse = POINT::default();
    // SAFETY: the place lives here. It stays zero where there is no mouse to be told of.
    unsafe { GetCursorPos(&raw mut mouse) };
    // SAFETY: takes numbers.
    let monitor = unsafe { MonitorFromPoint(mouse, MONITOR_DEFAULTTONEAREST) };
    let mut info = MONITORINFO { cbSize: size_of::<MONITORINFO>() as u32, ..Default::default() };
    // SAFETY: a structure that says its size.
    unsafe { GetMonitorInfoW(monitor, &raw mut info) };
    info
}

/// On this display, so that it has its dots per inch; of no size yet.
fn main_window(drawn: &Window, desktop: &MONITORINFO) -> Widget {
    let mirrored = if drawn.right_to_left { WS_EX_LAYOUTRTL } else { 0 };
    let main = Widget::new(&Recipe {
        class: CLASS,
        style: WS_OVERLAPPEDWINDOW | WS_VSCROLL | WS_CLIPCHILDREN,
        extended: WS_EX_CONTROLPARENT | mirrored,
        at: (desktop.rcWork.left, desktop.rcWork.top),
        parent: Widget::NONE,
        id: 0,
    });
    main.set_text(&drawn.title);
    main
}

/// Lets the person see it, in the middle of the display.
fn open(shown: &Shown, desktop: &MONITORINFO) {
    let main = shown.main;
    let fonts = Fonts::new(main.dpi());
    let room = desktop.rcWork;
    let width = fonts.scale(WIDTH).min(room.right - room.left);
    let height = fonts.scale(HEIGHT).min(room.bottom - room.top);
    shown.draw();
    main.place((room.left + room.right - width) / 2, (room.top + room.bottom - height) / 2, width, height);
    shown.lay_out();
    shown.focus();
    // The first call shows it as whoever started this program said, which can be not at all.
    for _ in 0..2 {
        // SAFETY: a window of ours, and a number.
        unsafe { ShowWindow(main.0, SW_SHOW) };
    }
    // SAFETY: a window of ours. Where the system lets nobody come to the front, its button in the task bar blinks.
    unsafe { SetForegroundWindow(main.0) };
    // SAFETY: a window of ours, and no function: it gets a message.
    unsafe { SetTimer(main.0, 1, TICK, None) };
}

/// Until somebody ends it.
fn run(shown: &Shown) {
    let mut message = MSG::default();
    loop {
        // SAFETY: the message lives here. Zero is the end, and less is an error.
        if unsafe { GetMessageW(&raw mut message, ptr::null_mut(), 0, 0) } <= 0 {
            return;
        }
        if shown.takes(&mut message) {
            continue;
        }
        // SAFETY: a window of ours, and a message that was just brought.
        if unsafe { IsDialogMessageW(shown.main.0, &raw const message) } == 0 {
            // SAFETY: a message that was just brought.
            unsafe { TranslateMessage(&raw const message) };
            // SAFETY: as before.
            unsafe { DispatchMessageW(&raw const message) };
        }
        if matches!(message.message, WM_KEYDOWN | WM_LBUTTONDOWN) {
            shown.follow_cursor();
        }
    }
}

/// What there is to draw and to hear for, if there is a window.
fn shown() -> Option<Rc<Shown>> {
    SHOWN.with_borrow(Clone::clone)
}

/// What the system has to say to our windows. Called while one of our calls has it say that, too.
unsafe extern "system" fn procedure(window: HWND, message: u32, first: WPARAM, second: LPARAM) -> LRESULT {
    // SAFETY: a message as the system brings it, to one of our windows.
    let answer = shown().and_then(|shown| unsafe { shown.hears(Widget(window), message, first, second) });
    // SAFETY: what the system brings, told on.
    answer.unwrap_or_else(|| unsafe { DefWindowProcW(window, message, first, second) })
}
