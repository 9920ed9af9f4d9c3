//! On a display that somebody has made: the script that runs these tests under Wine says so by `REPORTER_TEST_SCREEN=1`.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    ptr,
    sync::{Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use windows_sys::{
    Win32::{
        Foundation::{HWND, LPARAM, LRESULT, WPARAM},
        Graphics::Gdi::{CreateRectRgn, CreateSolidBrush, SetWindowRgn, UpdateWindow},
        UI::WindowsAndMessaging::{
            CreateWindowExW, DefWindowProcW, DestroyWindow, DispatchMessageW, HWND_TOPMOST, LWA_ALPHA, MSG,
            MWMO_INPUTAVAILABLE, MsgWaitForMultipleObjectsEx, PM_REMOVE, PeekMessageW, QS_ALLINPUT, RegisterClassW,
            SW_MINIMIZE, SWP_NOACTIVATE, SWP_NOMOVE, SWP_NOSIZE, SWP_SHOWWINDOW, SetLayeredWindowAttributes,
            SetWindowPos, ShowWindow, WNDCLASSW, WS_EX_LAYERED, WS_EX_TOOLWINDOW, WS_POPUP,
        },
    },
    w,
};

use super::*;
use crate::screen::mask::GREY;
use crate::screen::picture::Picture;

const RED: [u8; 3] = [255, 0, 0];
const GREEN: [u8; 3] = [0, 255, 0];
const BLUE: [u8; 3] = [0, 0, 255];

/// Left, top, width, height. The origin is a corner that no desktop has anything in.
type Place = (i32, i32, i32, i32);

/// Held by the one test that has windows. `None`, and why, where there is no display to test with.
fn display() -> Option<MutexGuard<'static, ()>> {
    static DISPLAY: Mutex<()> = Mutex::new(());
    if env::var_os("REPORTER_TEST_SCREEN").is_none_or(|value| value != "1") {
        eprintln!("SKIPPED: there is no display to test with; run under one and with REPORTER_TEST_SCREEN=1");
        return None;
    }
    Some(DISPLAY.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A window of one colour above all others, and the thread that draws it.
struct Window {
    handle: usize,
    end: mpsc::Sender<()>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Window {
    fn new(place: Place, colour: [u8; 3]) -> Self {
        Self::with(0, place, colour)
    }

    fn with(extended_style: u32, place: Place, colour: [u8; 3]) -> Self {
        let (made, handle) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let draw = move || {
            let window = create(extended_style, place, colour);
            made.send(window as usize).unwrap();
            while ended.try_recv() == Err(mpsc::TryRecvError::Empty) {
                dispatch();
            }
            // SAFETY: this thread's.
            unsafe { DestroyWindow(window) };
            dispatch();
        };
        let thread = Some(thread::spawn(draw));
        Self { handle: handle.recv().unwrap(), end, thread }
    }

    fn handle(&self) -> HWND {
        self.handle as HWND
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let _ = self.end.send(());
        let _ = self.thread.take().unwrap().join();
    }
}

fn create(extended_style: u32, (x, y, width, height): Place, [red, green, blue]: [u8; 3]) -> HWND {
    let colour = u32::from_le_bytes([red, green, blue, 0]);
    let name: Vec<u16> = format!("reporter test {colour:x}\0").encode_utf16().collect();
    // SAFETY: takes a number.
    let brush = unsafe { CreateSolidBrush(colour) };
    let class = WNDCLASSW {
        style: 0,
        lpfnWndProc: Some(procedure),
        cbClsExtra: 0,
        cbWndExtra: 0,
        hInstance: ptr::null_mut(),
        hIcon: ptr::null_mut(),
        hCursor: ptr::null_mut(),
        hbrBackground: brush,
        lpszMenuName: ptr::null(),
        lpszClassName: name.as_ptr(),
    };
    // It may be there already.
    // SAFETY: the name ends in a zero.
    unsafe { RegisterClassW(&raw const class) };
    let (style, none) = (WS_EX_TOOLWINDOW | extended_style, ptr::null_mut());
    // SAFETY: as above; no parent, menu or parameter.
    let window = unsafe {
        CreateWindowExW(style, name.as_ptr(), w!("test"), WS_POPUP, x, y, width, height, none, none, none, ptr::null())
    };
    assert!(!window.is_null(), "{}", io::Error::last_os_error());
    let flags = SWP_NOMOVE | SWP_NOSIZE | SWP_NOACTIVATE | SWP_SHOWWINDOW;
    // SAFETY: this thread's window.
    unsafe { SetWindowPos(window, HWND_TOPMOST, 0, 0, 0, 0, flags) };
    // SAFETY: as above.
    unsafe { UpdateWindow(window) };
    window
}

unsafe extern "system" fn procedure(window: HWND, message: u32, first: WPARAM, second: LPARAM) -> LRESULT {
    // SAFETY: handed on as it came.
    unsafe { DefWindowProcW(window, message, first, second) }
}

/// Handles what this thread's windows are sent, for a little while.
fn dispatch() {
    // SAFETY: waits for no handle.
    unsafe { MsgWaitForMultipleObjectsEx(0, ptr::null(), 20, QS_ALLINPUT, MWMO_INPUTAVAILABLE) };
    let mut message = MSG::default();
    // SAFETY: a place for a message.
    while unsafe { PeekMessageW(&raw mut message, ptr::null_mut(), 0, 0, PM_REMOVE) } != 0 {
        // SAFETY: as it came.
        unsafe { DispatchMessageW(&raw const message) };
    }
}

/// Another program on the same display: this test's own executable once more, which does as it is told by lines.
struct Another {
    process: Child,
    lines: ChildStdin,
    says: BufReader<ChildStdout>,
}

impl Another {
    fn starts() -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "--nocapture", "screen::windows::tests::another_program"]).env("ANOTHER_PROGRAM", "1");
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (lines, says) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        Self { process, lines, says }
    }

    fn window(&mut self, (x, y, width, height): Place, [red, green, blue]: [u8; 3]) {
        writeln!(self.lines, "{x} {y} {width} {height} {red} {green} {blue}").unwrap();
        let mut line = String::new();
        while !line.contains("shown") {
            line.clear();
            assert!(self.says.read_line(&mut line).unwrap() > 0, "it has ended");
        }
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
    if env::var_os("ANOTHER_PROGRAM").is_none() {
        return;
    }
    let mut windows = Vec::new();
    for line in io::stdin().lines() {
        let numbers: Vec<i32> = line.unwrap().split(' ').map(|number| number.parse().unwrap()).collect();
        let [x, y, width, height, red, green, blue] = numbers[..] else { panic!("{numbers:?}") };
        windows.push(Window::new((x, y, width, height), [red as u8, green as u8, blue as u8]));
        println!("shown");
    }
}

fn taken(own: Option<u32>) -> Result<Picture, GrabError> {
    let grabbed = grab(own, |error| panic!("{error:?}"))?;
    let [grabbed] = <[Grabbed; 1]>::try_from(grabbed).ok().expect("one display");
    assert!(grabbed.display.starts_with("DISPLAY"), "{}", grabbed.display);
    Ok(grabbed.picture)
}

fn own() -> Result<Picture, GrabError> {
    taken(Some(std::process::id()))
}

fn pixel(picture: &Picture, (x, y): (u32, u32)) -> [u8; 3] {
    let at = (y * picture.width + x) as usize * 3;
    [picture.rgb[at], picture.rgb[at + 1], picture.rgb[at + 2]]
}

/// Waits until these pixels are so: what a program draws takes its time to be on the screen.
#[track_caller]
fn shows(take: impl Fn() -> Result<Picture, GrabError>, expected: &[((u32, u32), [u8; 3])]) {
    let started = Instant::now();
    loop {
        let picture = take().unwrap();
        let found: Vec<_> = expected.iter().map(|(at, _)| (*at, pixel(&picture, *at))).collect();
        if found == expected {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{found:?} for {expected:?}");
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_window_is_in_the_image_where_it_is_on_the_screen() {
    let Some(_display) = display() else { return };
    let _window = Window::new((100, 120, 80, 60), RED);
    let mut another = Another::starts();
    another.window((150, 150, 100, 70), BLUE);
    let seen = [((100, 120), RED), ((179, 149), RED), ((150, 150), BLUE), ((249, 219), BLUE), ((149, 179), RED)];
    shows(|| taken(None), &seen);
    let picture = taken(None).unwrap();
    assert_ne!(pixel(&picture, (99, 120)), RED);
    assert_ne!(pixel(&picture, (100, 119)), RED);
    assert_ne!(pixel(&picture, (250, 219)), BLUE);
}

#[test]
fn windows_of_others_are_grey_and_so_is_the_ground() {
    let Some(_display) = display() else { return };
    let mut another = Another::starts();
    another.window((300, 100, 60, 60), BLUE);
    let _window = Window::new((320, 120, 80, 60), GREEN);
    another.window((380, 160, 60, 60), RED);
    shows(|| taken(None), &[((300, 100), BLUE), ((320, 120), GREEN), ((380, 160), RED)]);
    let covered =
        [((300, 100), GREY), ((320, 120), GREEN), ((379, 179), GREEN), ((380, 160), GREY), ((439, 219), GREY)];
    shows(own, &covered);
    assert_eq!(pixel(&own().unwrap(), (10, 10)), GREY, "the ground");
    // Another process's are what is to be seen of it, and not ours.
    let theirs = another.process.id();
    shows(|| taken(Some(theirs)), &[((300, 100), BLUE), ((320, 120), GREY), ((380, 160), RED)]);
}

#[test]
fn what_can_be_seen_through_or_has_a_form_of_its_own_counts_as_far_as_it_is_the_products() {
    let Some(_display) = display() else { return };
    let window = Window::with(WS_EX_LAYERED, (500, 100, 60, 60), RED);
    // SAFETY: our window.
    unsafe { SetLayeredWindowAttributes(window.handle(), 0, 255, LWA_ALPHA) };
    let shaped = Window::new((600, 100, 60, 60), GREEN);
    // SAFETY: takes numbers.
    let form = unsafe { CreateRectRgn(0, 0, 30, 60) };
    // SAFETY: our window; the region is the system's from here on.
    unsafe { SetWindowRgn(shaped.handle(), form, 1) };
    shows(own, &[((510, 110), RED), ((610, 110), GREEN), ((640, 110), GREY)]);
    // SAFETY: our window.
    unsafe { SetLayeredWindowAttributes(window.handle(), 0, 128, LWA_ALPHA) };
    shows(own, &[((510, 110), GREY), ((610, 110), GREEN)]);
}

#[test]
fn a_product_whose_windows_are_not_shown_has_no_image_of_them() {
    let Some(_display) = display() else { return };
    let mut another = Another::starts();
    another.window((500, 300, 60, 60), BLUE);
    assert!(matches!(own(), Err(GrabError::Own(OwnError::None))));
    let window = Window::new((500, 300, 60, 60), RED);
    shows(own, &[((510, 310), RED)]);
    // SAFETY: our window.
    unsafe { ShowWindow(window.handle(), SW_MINIMIZE) };
    assert!(matches!(own(), Err(GrabError::Own(OwnError::None))));
}

#[test]
fn where_there_is_no_display_the_reason_is_told() {
    let mut soft_errors = Vec::new();
    let grabbed = Desktop.grab(None, Instant::now(), &mut soft_errors);
    let sizes: Vec<_> = grabbed.iter().map(|grabbed| (grabbed.picture.width, grabbed.picture.height)).collect();
    if !sizes.is_empty() {
        eprintln!("SKIPPED: there is a display");
        return;
    }
    let [soft] = &soft_errors[..] else { panic!("{soft_errors:?}") };
    assert!(soft.subject == SUBJECT && !soft.message.is_empty(), "{soft:?}");
    eprintln!("{soft:?}");
}
