//! The system's own window in which a person says what a file is to be called.

use std::ffi::OsString;
use std::os::windows::ffi::OsStringExt;
use std::path::PathBuf;

use windows_sys::Win32::UI::Controls::Dialogs::{
    GetSaveFileNameW, OFN_EXPLORER, OFN_HIDEREADONLY, OFN_NOCHANGEDIR, OFN_OVERWRITEPROMPT, OFN_PATHMUSTEXIST,
    OPENFILENAMEW,
};

use super::widget::{Widget, wide};

/// Units of UTF-16 of a path.
const LONGEST: usize = 4096;
/// Characters of the name that is proposed.
const LONGEST_NAME: usize = 100;

/// Waits for the person. `None` where they do not want to. Messages come meanwhile.
pub(super) fn choose(owner: Widget, name: &str) -> Option<PathBuf> {
    let mut path = wide(&usable(name));
    path.resize(LONGEST, 0);
    let mut wanted = OPENFILENAMEW {
        lStructSize: size_of::<OPENFILENAMEW>() as u32,
        hwndOwner: owner.0,
        lpstrFile: path.as_mut_ptr(),
        nMaxFile: LONGEST as u32,
        Flags: OFN_EXPLORER | OFN_HIDEREADONLY | OFN_NOCHANGEDIR | OFN_OVERWRITEPROMPT | OFN_PATHMUSTEXIST,
        ..Default::default()
    };
    // SAFETY: a structure that says its size, with a window of ours and room for as many units as it says.
    if unsafe { GetSaveFileNameW(&raw mut wanted) } == 0 {
        return None;
    }
    let length = path.iter().position(|unit| *unit == 0)?;
    Some(OsString::from_wide(&path[..length]).into())
}

/// Without what no file's name can have, and no longer than one can be: the system would show no window at all.
fn usable(name: &str) -> String {
    let is_usable = |character: &char| {
        !character.is_control() && !matches!(character, '<' | '>' | ':' | '"' | '/' | '\\' | '|' | '?' | '*')
    };
    name.chars().filter(is_usable).take(LONGEST_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_fit_for_a_file() {
        assert_eq!(usable("A/B: \"C\" <d>?\t*.report"), "AB C d.report");
        assert_eq!(usable("Größe 3.report"), "Größe 3.report");
        assert_eq!(usable(&"m".repeat(LONGEST)).len(), LONGEST_NAME);
    }
}
