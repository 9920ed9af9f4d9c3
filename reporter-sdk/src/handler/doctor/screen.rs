//! Whether an image of the desktop can be had, by taking one. It is thrown away.

use super::findings::{Finding, State, size};
use crate::screen::{self, Taken, Taking};

const CHECK: &str = "screen";

pub(super) fn skipped() -> Finding {
    Finding::new(CHECK, State::NotApplicable, "left out, as it was asked for")
}

pub(super) fn look() -> Finding {
    let Some(taking) = screen::begin(None) else {
        return Finding::new(CHECK, State::NotApplicable, "no display here: reports have no image of one");
    };
    let Taken { screens, soft_errors, time } = Taking::finish(taking);
    let images: Vec<String> = screens
        .iter()
        .map(|screen| format!("{} × {} ({})", screen.width, screen.height, size(screen.png.len() as u64)))
        .collect();
    let milliseconds = time.map_or(0, |time| time.took_nanos / 1_000_000);
    let told: Vec<String> = soft_errors.into_iter().map(|soft| soft.message).collect();
    let finding = if images.is_empty() {
        let found = format!("no image of the desktop can be taken: {}", told.join("; "));
        Finding::new(CHECK, State::Warning, found).advice("reports come without one; where that matters, allow it")
    } else if told.is_empty() {
        let found = format!(
            "{} in {milliseconds} ms, thrown away: in a report only where the person ticks it",
            images.join(", ")
        );
        Finding::new(CHECK, State::Ok, found)
    } else {
        Finding::new(CHECK, State::Warning, format!("{}, but {}", images.join(", "), told.join("; ")))
            .advice("reports come with what could be taken")
    };
    finding.fact("images", screens.len()).fact("milliseconds", milliseconds).fact("troubles", told)
}
