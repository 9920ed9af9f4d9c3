//! Where reports wait.

use super::findings::{Finding, State, size, words};
use super::sys;
use crate::handler::settings::Settings;
use crate::handler::spool_state::remedy;
use crate::spool::{Census, Spool, SpoolError};

const CHECK: &str = "spool";

/// Makes it as a product would, writes into it, and counts what waits there. Nothing of that is taken out.
pub(super) fn look(settings: &Settings) -> (Finding, Option<Spool>) {
    let Some(path) = &settings.spool else {
        let found = "there is no home directory, and so no place for reports";
        let finding =
            Finding::new(CHECK, State::Failed, found).advice("name a folder by --spool, and in the product's options");
        return (finding, None);
    };
    let place = path.display().to_string();
    let is_new = !path.exists();
    // Without its sweep, which destroys what has expired: that is for the product's own start.
    let tried = Spool::open_unswept(path).and_then(|spool| {
        spool.try_out()?;
        let census = spool.census()?;
        Ok((spool.limited(settings.spool_limits), census))
    });
    match tried {
        Ok((spool, census)) => {
            (found(place, is_new, &census, settings.spool_limits.bytes, sys::free_bytes(path)), Some(spool))
        }
        Err(error) => (failed(&place, &error), None),
    }
}

fn found(place: String, is_new: bool, census: &Census, limit: u64, free: Option<u64>) -> Finding {
    let Census { drafts, outgoing, given_up, lost, set_aside, .. } = *census;
    let made = if is_new { ", made just now" } else { "" };
    let room = free.map_or_else(|| "free space not known".to_owned(), |free| format!("{} free", size(free)));
    let given = if given_up > 0 { format!(" ({given_up} of them not tried any more)") } else { String::new() };
    let found = format!(
        "{place}{made}: owner-only, a file was written, flushed, renamed, read and removed; {room}; \
         waiting: {drafts} undecided, {outgoing} to be sent{given}, {lost} of lost handlers, {set_aside} unreadable"
    );
    // Drafts and what is to be sent have as much each.
    let is_tight = free.is_some_and(|free| limit > 0 && free < limit.saturating_mul(2));
    let (state, advice) = match () {
        () if is_tight => (State::Warning, Some(format!("make room: reports may take {} there", size(limit * 2)))),
        () if given_up > 0 => (
            State::Warning,
            Some("see the line on the mail server: these reports failed too often, and are kept".into()),
        ),
        () => (State::Ok, None),
    };
    let mut finding = Finding::new(CHECK, state, found)
        .fact("path", place)
        .fact("drafts", drafts)
        .fact("outgoing", outgoing)
        .fact("given_up", given_up)
        .fact("lost", lost)
        .fact("set_aside", set_aside)
        .fact("free_bytes", free);
    finding.advice = advice;
    finding
}

fn failed(place: &str, error: &SpoolError) -> Finding {
    let path = std::path::Path::new(place);
    let meanwhile = Spool::fallback_directory(path)
        .map_or_else(String::new, |place| format!("; meanwhile reports would be kept in {}", place.display()));
    let advice = match remedy(error).trim_start_matches([':', ' ']) {
        "" => "correct the folder's owner and rights, or name another one by --spool and in the product's options",
        remedy => remedy,
    };
    Finding::new(CHECK, State::Failed, words(error) + &meanwhile).advice(advice).fact("path", place)
}
