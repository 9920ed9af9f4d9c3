//! What the person sees while all of the program's memory is read, and how they put an end to it.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::tty::{Borrowed, ProductId};
use crate::places;

/// Who has to wait longer is told for what.
const PATIENCE: Duration = Duration::from_secs(1);
/// The text is not written anew more often.
const EVERY: Duration = Duration::from_millis(500);
/// The text's longest form, which everything that takes its place covers.
const WIDTH: usize = "Reading the program's memory: 100 %. Press Enter to leave it out.".len();
/// Enter, as our modes of the terminal have it, and Ctrl-C.
const LEAVE_OUT: [u8; 2] = [b'\n', 3];

/// A memory that is being read. Dropped, it leaves the terminal as it was.
#[derive(Debug)]
pub(super) struct Reading {
    product: ProductId,
    timeout: Duration,
    since: Instant,
    screen: Screen,
}

#[derive(Debug)]
enum Screen {
    /// It may not be worth a word.
    NotYet,
    /// Boxed, since it is large and mostly not there.
    Shown { terminal: Box<Borrowed>, last: Instant },
    /// The terminal is not to be had.
    Nowhere,
}

impl Reading {
    /// Of the memory of this product, whose terminal is taken for that long at most.
    pub(super) fn begin(product: ProductId, timeout: Duration) -> Self {
        Self { product, timeout, since: Instant::now(), screen: Screen::NotYet }
    }

    /// Shows how much of it is read, once that has taken a while. `Break`: the person has left it out.
    pub(super) fn show(&mut self, done: u64, total: u64) -> ControlFlow<()> {
        if matches!(self.screen, Screen::NotYet) && self.since.elapsed() >= PATIENCE {
            self.take_terminal(done, total);
        }
        let Screen::Shown { terminal, last } = &mut self.screen else { return ControlFlow::Continue(()) };
        if terminal.keys().iter().any(|key| LEAVE_OUT.contains(key)) {
            let text = "The program's memory is left out.";
            terminal.show(&format!("\r{text:WIDTH$}\n"));
            self.screen = Screen::Nowhere;
            return ControlFlow::Break(());
        }
        if last.elapsed() >= EVERY {
            terminal.show(&text(done, total));
            *last = Instant::now();
        }
        ControlFlow::Continue(())
    }

    fn take_terminal(&mut self, done: u64, total: u64) {
        self.screen = Screen::Nowhere;
        // Rights that the person at the terminal has not answer no keys of theirs.
        if places::elevated() {
            return;
        }
        match Borrowed::take(self.product, Instant::now() + self.timeout) {
            Ok(terminal) => {
                // What was typed before the words were there is no answer to them.
                terminal.forget_keys();
                // The product may have left the cursor behind words of its own.
                terminal.show(&format!("\n{}", text(done, total)));
                self.screen = Screen::Shown { terminal: Box::new(terminal), last: Instant::now() };
            }
            Err(error) => tracing::info!(%error, "nobody is told that the memory is being read"),
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if let Screen::Shown { terminal, .. } = &self.screen {
            terminal.show(&format!("\r{:WIDTH$}\r", ""));
        }
    }
}

/// In place of what was there. Spaces and no sequences: any terminal knows them.
fn text(done: u64, total: u64) -> String {
    let percent = done.min(total).saturating_mul(100).checked_div(total).unwrap_or(0);
    let text = format!("Reading the program's memory: {percent} %. Press Enter to leave it out.");
    format!("\r{text:WIDTH$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_covers_the_one_before() {
        let whole = text(u64::MAX / 100, u64::MAX / 100);
        assert_eq!(whole, "\rReading the program's memory: 100 %. Press Enter to leave it out.");
        for (done, total) in [(0, 0), (1, 3), (5, 4), (0, 9)] {
            assert_eq!(text(done, total).len(), whole.len(), "{done} of {total}");
        }
        assert!(text(9, 20).contains(" 45 %."));
    }
}
