//! Language, formats, time zone, keyboard.

use std::ptr;

use report_format::schema::v1::Locale;
use windows_sys::Win32::Globalization::{
    GetACP, GetOEMCP, GetSystemDefaultLocaleName, GetUserDefaultLocaleName, GetUserPreferredUILanguages,
    LCIDToLocaleName, MUI_LANGUAGE_NAME,
};
use windows_sys::Win32::System::Time::{
    DYNAMIC_TIME_ZONE_INFORMATION, GetDynamicTimeZoneInformation, TIME_ZONE_ID_INVALID,
};
use windows_sys::Win32::UI::Input::KeyboardAndMouse::{GetKeyboardLayout, GetKeyboardLayoutList};
use windows_sys::Win32::UI::WindowsAndMessaging::{GetForegroundWindow, GetWindowThreadProcessId};

use super::machine::Machine;
use super::registry::View;
use super::wide::narrow;
use crate::inventory::notes::{Notes, text, word};

const LAYOUTS: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Keyboard Layouts";

/// Of the layouts that one person has loaded.
const LAYOUT_LIMIT: usize = 64;

/// Of the layouts that a system has; some 250.
const KNOWN_LIMIT: usize = 1024;

/// The longest name of a locale, and its zero (`LOCALE_NAME_MAX_LENGTH`).
const NAME_LENGTH: usize = 85;

pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> Locale {
    let layouts = loaded();
    let names = Layouts::read(machine, notes);
    // SAFETY: neither has parameters.
    let (ansi, oem) = (unsafe { GetACP() }, unsafe { GetOEMCP() });
    notes.source("national language support");
    Locale {
        keyboard_layout: active().map(|layout| names.name(layout)).unwrap_or_default(),
        keyboard_layouts: layouts.into_iter().map(|layout| names.name(layout)).collect(),
        language: chosen_language(machine),
        locale: formats(),
        time_zone: time_zone(),
        code_page: format!("{ansi} (console: {oem})"),
        sources: Vec::new(),
    }
}

/// Of menus and messages, as the person has chosen it for this session.
pub(in crate::inventory) fn chosen_language(_: &Machine) -> String {
    let mut languages = vec![0; 1024];
    let (mut count, mut length) = (0, languages.len() as u32);
    // SAFETY: places for the number, for the names, each with a zero at its end, and for their length.
    let told = unsafe {
        GetUserPreferredUILanguages(MUI_LANGUAGE_NAME, &raw mut count, languages.as_mut_ptr(), &raw mut length)
    };
    if told == 0 { user_locale() } else { word(&narrow(&languages)) }
}

/// Those of the person; those of the system beside them, where they are others.
fn formats() -> String {
    let own = user_locale();
    let mut system = [0; NAME_LENGTH];
    // SAFETY: a place of this length.
    unsafe { GetSystemDefaultLocaleName(system.as_mut_ptr(), system.len() as i32) };
    let system = word(&narrow(&system));
    if system.is_empty() || system == own { own } else { format!("{own} (system: {system})") }
}

fn user_locale() -> String {
    let mut name = [0; NAME_LENGTH];
    // SAFETY: a place of this length.
    unsafe { GetUserDefaultLocaleName(name.as_mut_ptr(), name.len() as i32) };
    word(&narrow(&name))
}

/// `W. Europe Standard Time`, in English whatever the language.
fn time_zone() -> String {
    let mut zone = DYNAMIC_TIME_ZONE_INFORMATION::default();
    // SAFETY: a place for the answer.
    let told = unsafe { GetDynamicTimeZoneInformation(&raw mut zone) };
    if told == TIME_ZONE_ID_INVALID { String::new() } else { text(&narrow(&zone.TimeZoneKeyName)) }
}

/// A language, and a keyboard for it: `HKL`.
#[derive(Clone, Copy, Debug)]
struct Layout {
    language: u16,
    keyboard: u16,
}

impl Layout {
    /// It has 32 bits, extended to the size of a pointer.
    fn new(handle: *mut std::ffi::c_void) -> Option<Self> {
        let bits = handle as usize as u32;
        (bits != 0).then_some(Self { language: bits as u16, keyboard: (bits >> 16) as u16 })
    }
}

/// That of the window in which the person types, most likely the product's. This program has none.
fn active() -> Option<Layout> {
    // SAFETY: has no parameters. It can be null.
    let window = unsafe { GetForegroundWindow() };
    // SAFETY: a window or null, for which there is no thread; its process is not asked for.
    let thread = unsafe { GetWindowThreadProcessId(window, ptr::null_mut()) };
    // SAFETY: a thread's number; zero stands for this thread, which has what the person starts with.
    Layout::new(unsafe { GetKeyboardLayout(thread) })
}

fn loaded() -> Vec<Layout> {
    let mut handles = [ptr::null_mut(); LAYOUT_LIMIT];
    // SAFETY: a place for so many.
    let count = unsafe { GetKeyboardLayoutList(LAYOUT_LIMIT as i32, handles.as_mut_ptr()) };
    let count = usize::try_from(count).unwrap_or(0);
    handles.into_iter().take(count).filter_map(Layout::new).collect()
}

/// The names of layouts, by their numbers.
#[derive(Debug, Default)]
struct Layouts {
    plain: Vec<(u32, String)>,
    /// Those that are variants have a number of their own inside, by which handles name them.
    variants: Vec<(u16, String)>,
}

impl Layouts {
    fn read(machine: &Machine, notes: &mut Notes) -> Self {
        let mut layouts = Self::default();
        let Some(key) = machine.key(LAYOUTS, View::Bits64, notes) else { return layouts };
        for name in key.names(KNOWN_LIMIT) {
            let (Ok(number), Some(layout)) = (u32::from_str_radix(&name, 16), key.sub_key(&name)) else { continue };
            let Some(told) = layout.text("Layout Text") else { continue };
            if let Some(variant) = layout.text("Layout Id").and_then(|id| u16::from_str_radix(&id, 16).ok()) {
                layouts.variants.push((variant, told.clone()));
            }
            layouts.plain.push((number, told));
        }
        layouts
    }

    /// `de-DE: German`; the language, and what is printed on the keys.
    fn name(&self, layout: Layout) -> String {
        let of_variant = || self.variants.iter().find(|(id, _)| *id == layout.keyboard & 0xfff).map(|(_, name)| name);
        let plain = || self.plain.iter().find(|(id, _)| *id == u32::from(layout.keyboard)).map(|(_, name)| name);
        let known = if layout.keyboard >> 12 == 0xf { of_variant() } else { plain() };
        let keyboard = known.map_or_else(|| format!("{:04x}", layout.keyboard), |name| text(name));
        format!("{}: {keyboard}", tag(layout.language))
    }
}

/// `de-DE`; the number of a language that has no name.
fn tag(language: u16) -> String {
    let mut name = [0; NAME_LENGTH];
    // SAFETY: a place of this length.
    let told = unsafe { LCIDToLocaleName(u32::from(language), name.as_mut_ptr(), name.len() as i32, 0) };
    if told == 0 { format!("{language:04x}") } else { word(&narrow(&name)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_named_by_language_and_keyboard() {
        let layouts = Layouts {
            plain: vec![(0x407, "German".into()), (0x0001_0409, "United States-Dvorak".into())],
            variants: vec![(2, "United States-Dvorak".into())],
        };
        let name = |bits: u32| layouts.name(Layout::new(bits as usize as *mut _).unwrap());
        assert_eq!(name(0x0407_0407), "de-DE: German");
        assert_eq!(name(0x0407_0409), "en-US: German");
        assert_eq!(name(0xf002_0409), "en-US: United States-Dvorak");
        assert_eq!(name(0xf003_0409), "en-US: f003");
        assert!(Layout::new(ptr::null_mut()).is_none());
    }

    #[test]
    fn language_and_formats_are_tags() {
        for told in [chosen_language(&Machine::this()), user_locale()] {
            assert!(told.len() >= 2 && told.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{told}");
        }
    }
}
