//! The account that launched the product; the handler runs under the same one.

use std::io;

use report_format::schema::v1::Account;
use windows_sys::Win32::Security::{WinBuiltinAdministratorsSid, WinBuiltinGuestsSid};
use windows_sys::Win32::System::RemoteDesktop::ProcessIdToSessionId;
use windows_sys::Win32::System::WindowsProgramming::GetUserNameW;
use windows_sys::Win32::UI::WindowsAndMessaging::{GetSystemMetrics, SM_REMOTESESSION};

use super::machine::Machine;
use super::token::{Token, is_member};
use super::wide::narrow;
use crate::inventory::notes::{Notes, text};

/// The longest name of an account, and its zero.
const NAME_LENGTH: usize = 257;

/// That of services since Vista; nobody sits at it.
pub(super) const SERVICES_SESSION: u32 = 0;

pub(in crate::inventory) fn collect(_: &Machine, notes: &mut Notes) -> Account {
    let token = notes.of("token", Token::own());
    let asked = |read: io::Result<bool>, notes: &mut Notes| notes.of("token", read).unwrap_or_default();
    let is_person = token.as_ref().is_some_and(|token| asked(token.is_of_a_person(), notes));
    let is_split = token.as_ref().is_some_and(|token| asked(token.is_split(), notes));
    let group_kind = if token.is_none() {
        ""
    } else if !is_person {
        "system"
    } else if is_split || asked(is_member(WinBuiltinAdministratorsSid), notes) {
        // In the lesser of two tokens the group counts for refusals alone, and the membership is denied.
        "administrators"
    } else if asked(is_member(WinBuiltinGuestsSid), notes) {
        "guests"
    } else {
        "user"
    };
    Account {
        name: text(&notes.of("GetUserName", name()).unwrap_or_default()),
        elevated: token.as_ref().is_some_and(|token| asked(token.is_elevated(), notes)),
        group_kind: group_kind.into(),
        session: session().into(),
        sources: Vec::new(),
    }
}

/// Without its domain.
pub(super) fn name() -> io::Result<String> {
    let mut name = [0; NAME_LENGTH];
    let mut length = NAME_LENGTH as u32;
    // SAFETY: a place of this length, and one for the length that it then has.
    if unsafe { GetUserNameW(name.as_mut_ptr(), &raw mut length) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(narrow(&name))
}

fn session() -> &'static str {
    // SAFETY: a number.
    let is_remote = unsafe { GetSystemMetrics(SM_REMOTESESSION) } != 0;
    match session_of(std::process::id()) {
        Some(SERVICES_SESSION) => "service",
        _ if is_remote => "remote",
        _ => "local",
    }
}

pub(super) fn session_of(process: u32) -> Option<u32> {
    let mut session = 0;
    // SAFETY: a number, and a place for one.
    (unsafe { ProcessIdToSessionId(process, &raw mut session) } != 0).then_some(session)
}
