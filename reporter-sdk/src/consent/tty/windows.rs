//! The handler has a console of its own, or none; it lets go of that and joins the product's, of which it then reads the keys one by one, so that it can stop at any
//! time. There it is one of several: where the product was started in the background of its console, this cannot be told.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::io::{AsHandle, AsRawHandle};
use std::ptr;
use std::time::{Duration, Instant};

use windows_sys::Win32::Foundation::{HANDLE, WAIT_FAILED, WAIT_OBJECT_0};
use windows_sys::Win32::System::Console::{
    AttachConsole, CONSOLE_MODE, CONSOLE_SCREEN_BUFFER_INFO, COORD, DISABLE_NEWLINE_AUTO_RETURN, ENABLE_ECHO_INPUT,
    ENABLE_EXTENDED_FLAGS, ENABLE_LINE_INPUT, ENABLE_MOUSE_INPUT, ENABLE_PROCESSED_INPUT, ENABLE_PROCESSED_OUTPUT,
    ENABLE_QUICK_EDIT_MODE, ENABLE_VIRTUAL_TERMINAL_INPUT, ENABLE_WINDOW_INPUT, ENABLE_WRAP_AT_EOL_OUTPUT,
    FlushConsoleInputBuffer, FreeConsole, GetConsoleMode, GetConsoleScreenBufferInfo, GetConsoleWindow,
    GetNumberOfConsoleInputEvents, INPUT_RECORD, KEY_EVENT, ReadConsoleInputW, SetConsoleCursorPosition,
    SetConsoleMode, WriteConsoleW,
};
use windows_sys::Win32::System::RemoteDesktop::ProcessIdToSessionId;
use windows_sys::Win32::System::Threading::WaitForMultipleObjects;
use windows_sys::Win32::UI::Input::KeyboardAndMouse::VK_MENU;

use crate::stopping;

/// By which the product is known. The handler holds its process, so that no other gets the number.
pub type ProductId = u32;

const CTRL_C: u16 = 3;
const BACKSPACE: u16 = 8;
const ENTER: u16 = 13;
/// UTF-16 units of a line; what is typed beyond them is not taken.
const LONGEST: usize = 8000;

/// Whether the product has a console that somebody sees.
pub(crate) fn can_be_taken(product: ProductId) -> bool {
    Attached::to(product).is_ok()
}

/// As long as this lives, the product's console is this process's.
#[derive(Debug)]
struct Attached;

impl Attached {
    fn to(product: ProductId) -> io::Result<Self> {
        if session(product)? == 0 {
            return Err(io::Error::other("the product is a service: nobody sits before it"));
        }
        // SAFETY: has no parameters. What this process has of its own nobody sees.
        unsafe { FreeConsole() };
        // SAFETY: a number; it fails where that is no process's, or the process has no console.
        if unsafe { AttachConsole(product) } == 0 {
            return Err(io::Error::last_os_error());
        }
        let attached = Self;
        // SAFETY: has no parameters.
        if unsafe { GetConsoleWindow() }.is_null() {
            return Err(io::Error::other("the product's console has no window"));
        }
        Ok(attached)
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        // SAFETY: has no parameters.
        unsafe { FreeConsole() };
    }
}

/// Services have session 0, in which nobody logs in.
fn session(process: u32) -> io::Result<u32> {
    let mut session = 0;
    // SAFETY: a number, and a place that lives here.
    let found = unsafe { ProcessIdToSessionId(process, &raw mut session) };
    if found == 0 { Err(io::Error::last_os_error()) } else { Ok(session) }
}

/// The terminal, ours until this is dropped.
#[derive(Debug)]
pub(crate) struct Borrowed {
    input: Moded,
    output: Moded,
    deadline: Instant,
    // Dropped last.
    _attached: Attached,
}

impl Borrowed {
    /// Takes the terminal from the product, if it has one.
    pub(crate) fn take(product: ProductId, deadline: Instant) -> io::Result<Borrowed> {
        let attached = Attached::to(product)?;
        let open = |name| OpenOptions::new().read(true).write(true).open(name);
        // Quick edit: as long as somebody marks text, writing would wait. Ctrl-C is a key like others.
        let not_input = ENABLE_LINE_INPUT
            | ENABLE_ECHO_INPUT
            | ENABLE_PROCESSED_INPUT
            | ENABLE_MOUSE_INPUT
            | ENABLE_WINDOW_INPUT
            | ENABLE_QUICK_EDIT_MODE
            | ENABLE_VIRTUAL_TERMINAL_INPUT;
        Ok(Borrowed {
            input: Moded::set(open("CONIN$")?, not_input, ENABLE_EXTENDED_FLAGS)?,
            output: Moded::set(
                open("CONOUT$")?,
                DISABLE_NEWLINE_AUTO_RETURN,
                ENABLE_PROCESSED_OUTPUT | ENABLE_WRAP_AT_EOL_OUTPUT,
            )?,
            deadline,
            _attached: attached,
        })
    }

    /// For a conversation.
    pub(crate) fn lines(&self) -> io::Result<Lines> {
        Ok(Lines {
            input: self.input.console.try_clone()?,
            output: self.output.console.try_clone()?,
            deadline: self.deadline,
        })
    }

    /// Drops what was typed and not read yet.
    pub(crate) fn forget_keys(&self) {
        // SAFETY: a console's input that lives in `self`.
        unsafe { FlushConsoleInputBuffer(self.input.handle()) };
    }

    /// The keys that were pressed since they were read last, some of them. Does not wait.
    pub(crate) fn keys(&self) -> Vec<u8> {
        let mut waiting = 0;
        // SAFETY: as above; the number's place lives here.
        unsafe { GetNumberOfConsoleInputEvents(self.input.handle(), &raw mut waiting) };
        let mut keys = Vec::new();
        for _ in 0..waiting.min(64) {
            let Ok(Some((unit, count))) = next_key(&self.input.console) else { continue };
            let key = if unit == ENTER { b'\n' } else { u8::try_from(unit).unwrap_or(b'?') };
            keys.extend(std::iter::repeat_n(key, count));
        }
        keys
    }

    /// Writes what is not worth waiting for.
    pub(crate) fn show(&self, text: &str) {
        let _ = write(&self.output.console, text);
    }

    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.deadline || stopping::is_wished()
    }
}

/// One side of a console, in a mode of ours until this is dropped.
#[derive(Debug)]
struct Moded {
    console: File,
    found: CONSOLE_MODE,
}

impl Moded {
    fn set(console: File, without: CONSOLE_MODE, with: CONSOLE_MODE) -> io::Result<Self> {
        let mut found = 0;
        // SAFETY: a handle of ours, and a place that lives here.
        if unsafe { GetConsoleMode(console.as_raw_handle(), &raw mut found) } == 0 {
            return Err(io::Error::last_os_error());
        }
        let moded = Self { console, found };
        // SAFETY: a handle of ours, and a number.
        if unsafe { SetConsoleMode(moded.handle(), found & !without | with) } == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(moded)
    }

    fn handle(&self) -> HANDLE {
        self.console.as_raw_handle()
    }
}

impl Drop for Moded {
    fn drop(&mut self) {
        // SAFETY: a handle of ours, and the mode that the system gave for it.
        unsafe { SetConsoleMode(self.handle(), self.found) };
    }
}

/// Lines to the person and from them, until the deadline.
#[derive(Debug)]
pub(crate) struct Lines {
    input: File,
    output: File,
    deadline: Instant,
}

impl Lines {
    pub(crate) fn write_line(&self, line: &str) -> io::Result<()> {
        write(&self.output, line)?;
        write(&self.output, "\n")
    }

    /// What is typed after these words; a bare Enter is the default.
    pub(crate) fn read_line(&self, prompt: &str, default: &str) -> io::Result<String> {
        let offered = if default.is_empty() { String::new() } else { format!(" [{default}]") };
        write(&self.output, &format!("{prompt}{offered}: "))?;
        let mut typed: Vec<u16> = Vec::new();
        // Where the cursor stood before each unit: no telling how wide a character is here.
        let mut places: Vec<Option<COORD>> = Vec::new();
        loop {
            match self.wait_for_key()? {
                ENTER => break,
                CTRL_C => return Err(io::ErrorKind::Interrupted.into()),
                BACKSPACE => {
                    let wide = typed.pop().is_some_and(is_low_surrogate) && typed.pop().is_some();
                    for _ in 0..=usize::from(wide) {
                        self.rub_out(places.pop().flatten());
                    }
                }
                unit if unit < 0x20 || unit == 0x7f || typed.len() >= LONGEST => {}
                unit => {
                    places.push(self.cursor());
                    typed.push(unit);
                    // The first half of a pair is shown with the second.
                    let from = typed.len() - if is_low_surrogate(unit) { 2.min(typed.len()) } else { 1 };
                    if !(0xd800..0xdc00).contains(&unit) {
                        write_units(&self.output, &typed[from..])?;
                    }
                }
            }
        }
        write(&self.output, "\n")?;
        let typed = String::from_utf16_lossy(&typed);
        Ok(if typed.is_empty() { default.to_owned() } else { typed })
    }

    /// Lines that are seen at once.
    pub(crate) fn rows(&self) -> usize {
        let rows = self.info().map_or(24, |info| i32::from(info.srWindow.Bottom) - i32::from(info.srWindow.Top) + 1);
        usize::try_from(rows).unwrap_or(0)
    }

    fn info(&self) -> Option<CONSOLE_SCREEN_BUFFER_INFO> {
        let mut info = CONSOLE_SCREEN_BUFFER_INFO::default();
        // SAFETY: a console's output of ours, and a place that lives here.
        let found = unsafe { GetConsoleScreenBufferInfo(self.output.as_raw_handle(), &raw mut info) };
        (found != 0).then_some(info)
    }

    fn cursor(&self) -> Option<COORD> {
        self.info().map(|info| info.dwCursorPosition)
    }

    fn rub_out(&self, place: Option<COORD>) {
        let Some(place) = place else { return };
        let back = || {
            // SAFETY: a console's output of ours, and numbers.
            unsafe { SetConsoleCursorPosition(self.output.as_raw_handle(), place) }
        };
        back();
        let _ = write(&self.output, "  ");
        back();
    }

    /// The next key that writes something.
    fn wait_for_key(&self) -> io::Result<u16> {
        loop {
            let wish = stopping::wish();
            let mut handles = vec![self.input.as_handle().as_raw_handle()];
            handles.extend(wish.map(|wish| wish.as_raw_handle()));
            let left = self.deadline.saturating_duration_since(Instant::now());
            let millis = left.min(Duration::from_secs(3600)).as_millis() as u32;
            // SAFETY: so many handles, which live until the call returns.
            let ready = unsafe { WaitForMultipleObjects(handles.len() as u32, handles.as_ptr(), 0, millis) };
            match ready {
                WAIT_OBJECT_0 => {
                    // A key that is held down counts once: nobody answers by that.
                    if let Some((unit, _)) = next_key(&self.input)? {
                        return Ok(unit);
                    }
                }
                WAIT_FAILED => return Err(io::Error::last_os_error()),
                _ => return Err(io::ErrorKind::TimedOut.into()),
            }
            if Instant::now() >= self.deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }
}

fn is_low_surrogate(unit: u16) -> bool {
    (0xdc00..0xe000).contains(&unit)
}

/// Takes one event of those that wait, or waits for one. A key that writes something and how often; `None` for all else.
fn next_key(input: &File) -> io::Result<Option<(u16, usize)>> {
    let (mut record, mut count) = (INPUT_RECORD::default(), 0);
    // SAFETY: a console's input of ours, and room for one record and its number.
    if unsafe { ReadConsoleInputW(input.as_raw_handle(), &raw mut record, 1, &raw mut count) } == 0 {
        return Err(io::Error::last_os_error());
    }
    if count == 0 || u32::from(record.EventType) != KEY_EVENT {
        return Ok(None);
    }
    // SAFETY: the type says that it is this one; integers, of which any value is valid.
    let key = unsafe { record.Event.KeyEvent };
    // SAFETY: as above.
    let unit = unsafe { key.uChar.UnicodeChar };
    // A character that was given by its number on the keypad comes when Alt is let go.
    let pressed = key.bKeyDown != 0 || key.wVirtualKeyCode == VK_MENU;
    Ok((pressed && unit != 0).then_some((unit, usize::from(key.wRepeatCount.max(1)))))
}

fn write(output: &File, text: &str) -> io::Result<()> {
    write_units(output, &text.encode_utf16().collect::<Vec<_>>())
}

fn write_units(output: &File, units: &[u16]) -> io::Result<()> {
    // Older consoles refuse 64 KiB at once.
    for part in units.chunks(8 << 10) {
        let mut written = 0;
        let (start, length) = (part.as_ptr(), part.len() as u32);
        // SAFETY: so many units, and a place that lives here.
        let done = unsafe { WriteConsoleW(output.as_raw_handle(), start, length, &raw mut written, ptr::null()) };
        if done == 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
