//! Of the profile, by its long and its short name, and of what the environment says of profile and home. No server is asked.

use std::env;
use std::ffi::OsString;
use std::os::windows::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use windows_sys::Win32::Storage::FileSystem::GetShortPathNameW;

use super::Home;
use crate::places;

pub(in crate::redact) fn own_homes() -> Vec<Home> {
    let user = env::var("USERNAME").unwrap_or_default();
    let profile = places::profile();
    let short = profile.as_deref().and_then(short_name);
    let said = ["USERPROFILE", "HOMESHARE"].map(|name| env::var_os(name).map(PathBuf::from));
    let on_drive = env::var_os("HOMEDRIVE").zip(env::var_os("HOMEPATH")).map(|(mut drive, path)| {
        drive.push(path);
        PathBuf::from(drive)
    });
    let homes = [profile, short, on_drive].into_iter().chain(said).flatten();
    homes.filter_map(|home| Home::of_windows(home.to_str()?, &user)).collect()
}

/// `D:\PROFIL~1\ANNABE~1`; older programs name files so.
fn short_name(path: &Path) -> Option<PathBuf> {
    let path: Vec<u16> = path.as_os_str().encode_wide().chain([0]).collect();
    let mut short = vec![0; 1024];
    // SAFETY: the path ends in a zero; room of the length that is told.
    let length = unsafe { GetShortPathNameW(path.as_ptr(), short.as_mut_ptr(), short.len() as u32) } as usize;
    (length > 0 && length < short.len()).then(|| OsString::from_wide(&short[..length]).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_users_profile_is_known() {
        let profile = places::profile().unwrap();
        let name = profile.file_name().unwrap().to_str().unwrap().to_owned();
        let file = profile.join("ledger").join("a.txt");
        let redacted = crate::redact::user_paths(file.to_str().unwrap()).into_owned();
        assert!(redacted.ends_with(r"<user>\ledger\a.txt") && !redacted.contains(&name), "{redacted}");
    }
}
