//! Who could be asked, and what time it is.

use std::time::{Duration, SystemTime};

use super::findings::{Finding, State};
use super::{super::dialog, sys};
use crate::consent::{Asker, TerminalAsker};
use crate::dates;

/// Where the question would be put.
pub(super) fn question() -> Finding {
    let session = sys::session();
    let terminal = TerminalAsker::new(sys::own_id()).can_ask();
    let window = dialog::is_ours_there();
    let (state, found) = if window {
        (State::Ok, "in a window, by the reporter-dialog beside this program")
    } else if terminal {
        (State::Ok, "in this terminal, as in that of a product that is started from one")
    } else {
        (
            State::Warning,
            "nobody can be asked here: there is no display with reporter-dialog beside this program, and no terminal in the foreground",
        )
    };
    let finding = Finding::new("question", state, format!("{found}; session: {session}"))
        .fact("window", window)
        .fact("terminal", terminal)
        .fact("session", session);
    if window || terminal {
        return finding;
    }
    finding.advice(
        "reports wait undecided, 30 days by default, until the product is started or ended where somebody can be asked; \
         or the administrator's policy says what is sent without asking",
    )
}

/// A clock that is far off makes certificates invalid, and lets what waits expire at once or never.
pub(super) fn clock() -> Finding {
    let now = SystemTime::now();
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let day_told = dates::day_of(seconds).unwrap_or_else(|| "after the year 9999".into());
    let utc = format!("{day_told} {:02}:{:02} UTC", seconds / 3600 % 24, seconds / 60 % 60);
    let installed = super::this_program().and_then(|path| path.metadata()?.modified()).ok();
    // Archives hold local times now and then.
    let day = Duration::from_hours(24);
    let behind = installed.and_then(|installed| installed.duration_since(now + day).ok());
    match behind {
        None => Finding::new("clock", State::Ok, format!("{utc}; not before this program was made")),
        Some(behind) => {
            let days = behind.as_secs() / day.as_secs() + 1;
            let found = format!("{utc}, which is {days} days before this program was made");
            Finding::new("clock", State::Warning, found)
                .advice("set the machine's clock: by a wrong one no certificate is valid")
        }
    }
}
