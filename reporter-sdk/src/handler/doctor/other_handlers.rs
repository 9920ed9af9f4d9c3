//! What else on this machine looks at crashes. Ours comes first, and lets the fault run its course: so theirs comes as well.

use super::findings::{Finding, State};
use super::sys;

pub(super) fn look() -> Finding {
    let others = sys::other_handlers();
    let found =
        if others.is_empty() { "the system keeps nothing of a crash by itself".to_owned() } else { others.join("; ") };
    Finding::new("other_handlers", State::Ok, found).fact("others", others)
}
