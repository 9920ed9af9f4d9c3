//! Single lines, files and images are left out where a search finds them, by the numbers that it shows them under.

use std::fmt::Write as _;
use std::io;

use report_format::schema::v1::Category;

use super::{Conversation, words};
use crate::consent::category_title;
use crate::consent::selection::{Line, Selection, Switched};

/// Of what a search finds, about as many lines as a person hears or reads through.
const MOST_FOUND: usize = 20;
/// Of what is left out, in the menu.
const MOST_LISTED: usize = 8;
/// Characters of a line: the whole of it is in what the report contains.
const LONGEST: usize = 160;
/// Of these, at the beginning of a line that has what was searched for further on.
const BEGINNING: usize = 50;

impl Conversation<'_> {
    /// Whether something is left out by itself.
    pub(super) fn leaves_out(&self) -> bool {
        self.selection.left_out().next().is_some()
    }

    /// Asks what to look for, and which of what is found to leave out, until nothing is typed.
    pub(super) fn leave_out(&mut self) -> io::Result<()> {
        if self.selection.is_empty() {
            self.selection = Selection::of(self.request);
        }
        loop {
            let wanted = self.line("What to look for, such as a name (Enter to go back)", "")?;
            if wanted.is_empty() {
                return Ok(());
            }
            let (found, more) = self.selection.find(&wanted, MOST_FOUND);
            if found.is_empty() {
                self.lines.write_line("Nothing in the report has that in it.")?;
                continue;
            }
            let numbers = self.list(&found, &wanted)?;
            if more > 0 {
                let text = format!("{more} more lines have that in them: type more of the one that you mean.");
                self.lines.write_line(&text)?;
            }
            if found.iter().any(|line| line.part.is_none()) {
                self.lines
                    .write_line("What has no number goes with what is above it, or cannot be left out by itself.")?;
            }
            if !numbers.is_empty() {
                self.switch_some_of(&numbers)?;
            }
        }
    }

    /// Shows what is left out, and asks which of it to take in again, until nothing is typed.
    pub(super) fn take_in(&mut self) -> io::Result<()> {
        let left_out: Vec<Line<'_>> = self.selection.left_out().collect();
        let first = &left_out[..left_out.len().min(MOST_FOUND)];
        let numbers = self.list(first, "")?;
        if left_out.len() > first.len() {
            self.lines.write_line(&format!("And {} more.", left_out.len() - first.len()))?;
        }
        self.switch_some_of(&numbers)
    }

    /// Shows these lines, those that begin something with a number. The parts of these numbers.
    fn list(&self, lines: &[Line<'_>], wanted: &str) -> io::Result<Vec<u32>> {
        let mut numbers = Vec::new();
        let mut heading = None;
        for (index, line) in lines.iter().enumerate() {
            let report = self.report_of(line);
            if heading != Some((line.category, report)) {
                heading = Some((line.category, report));
                self.lines.write_line(&self.heading(line.category, report))?;
            }
            // What comes next anyway is not told twice.
            let is_told = |next: &&str| lines.get(index + 1).is_some_and(|line| line.text == *next);
            let next = line.part.and_then(|part| part.next).filter(|next| !is_told(next));
            let text = described(line, next, wanted);
            self.lines.write_line(&match line.part {
                Some(part) => {
                    numbers.push(part.number);
                    let mark = if part.is_left_out { ' ' } else { 'x' };
                    format!("  {:2} [{mark}] {text}", numbers.len())
                }
                None => format!("         {text}"),
            })?;
        }
        Ok(numbers)
    }

    /// Where there are several.
    fn report_of(&self, line: &Line<'_>) -> Option<usize> {
        line.report.filter(|_| self.request.reports().len() > 1)
    }

    fn heading(&self, category: Category, report: Option<usize>) -> String {
        let of = report.map(|number| format!(", report {} of {}", number + 1, self.request.reports().len()));
        let state = if self.chosen.contains(category) { "" } else { ", left out" };
        format!("\n{}{}{state}:", category_title(category), of.unwrap_or_default())
    }

    /// Asks for numbers, the first for the first of `parts`, and switches what they stand for, until nothing is typed.
    fn switch_some_of(&mut self, parts: &[u32]) -> io::Result<()> {
        loop {
            let typed = self.line("Numbers to leave out or take in, such as 2 4 (Enter when done)", "")?;
            if typed.is_empty() {
                return Ok(());
            }
            for word in words(&typed) {
                let wanted = word.parse::<usize>().ok().and_then(|number| parts.get(number.checked_sub(1)?));
                match wanted.and_then(|part| self.selection.switch(*part)) {
                    Some(Switched::LeftOut(line)) => self.lines.write_line(&format!("Left out: {}", told(&line)))?,
                    Some(Switched::TakenIn(line)) => {
                        self.lines.write_line(&format!("Taken in again: {}", told(&line)))?;
                    }
                    None => self.say_that_there_is_no(word)?,
                }
            }
        }
    }

    /// For the menu; nothing, where all of what is chosen is sent.
    pub(super) fn what_is_left_out(&self) -> String {
        let count = self.selection.left_out().count();
        if count == 0 {
            return String::new();
        }
        let mut text = format!("\nLeft out one by one: {count}\n");
        for line in self.selection.left_out().take(MOST_LISTED) {
            let of = self.report_of(&line).map(|number| format!(" of report {}", number + 1)).unwrap_or_default();
            let _ = writeln!(text, "  left out{of}: {}", told(&line));
        }
        if count > MOST_LISTED {
            let _ = writeln!(text, "  and {} more", count - MOST_LISTED);
        }
        text
    }
}

/// A line by itself, and of what it begins so much that it can be told from its like: of a file, its name.
fn told(line: &Line<'_>) -> String {
    described(line, line.part.and_then(|part| part.next), "").trim_start().to_owned()
}

fn described(line: &Line<'_>, next: Option<&str>, wanted: &str) -> String {
    let text = shortened(line.text, wanted);
    let next = next.map(|next| shortened(next.trim_start(), ""));
    let lines = |count| if count == 1 { "1 more line".to_owned() } else { format!("{count} more lines") };
    match (line.part.map_or(0, |part| part.below), next) {
        (0, _) => text,
        (1, Some(next)) => format!("{text} (with {next})"),
        (below, Some(next)) => format!("{text} (with {next}, and {})", lines(below - 1)),
        (below, None) => format!("{text} (with {})", lines(below)),
    }
}

/// The beginning of a line that is long, and the place of what was searched for.
fn shortened(line: &str, wanted: &str) -> String {
    let length = line.chars().count();
    if length <= LONGEST {
        return line.to_owned();
    }
    let lower = line.to_lowercase();
    // A letter can have another length in lower case: about there.
    let place = lower.find(&wanted.to_lowercase()).map_or(0, |bytes| lower[..bytes].chars().count());
    let part = |from: usize, count: usize| line.chars().skip(from).take(count).collect::<String>();
    if place + wanted.chars().count() <= LONGEST {
        return format!("{}…", part(0, LONGEST));
    }
    let rest = LONGEST - BEGINNING;
    let from = place.saturating_sub(rest / 4);
    let end = if from + rest < length { "…" } else { "" };
    format!("{}… {}{end}", part(0, BEGINNING), part(from, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::consent::selection::Begun;

    #[test]
    fn a_long_line_is_shown_where_it_has_what_was_searched_for() {
        let line = format!("  message: {}the diary{}", "b".repeat(1000), "c".repeat(1000));
        let text = shortened(&line, "DIARY");
        assert!(text.starts_with("  message: bbb") && text.contains("bbbthe diaryccc"), "{text}");
        assert!(text.chars().count() <= LONGEST + 3, "{text}");
        assert!(shortened(&line, "").starts_with("  message: bbb"), "{line}");
        assert_eq!(shortened("short", "diary"), "short");
    }

    #[test]
    fn what_begins_something_is_told_by_its_next_line() {
        let line = |below, next| Line {
            category: Category::Attachments,
            report: Some(0),
            text: "attachment, 30 B",
            part: Some(Begun { number: 1, next, below, is_left_out: false }),
        };
        assert_eq!(told(&line(0, None)), "attachment, 30 B");
        assert_eq!(told(&line(1, Some("  name: diary"))), "attachment, 30 B (with name: diary)");
        assert_eq!(told(&line(2, Some("  name: diary"))), "attachment, 30 B (with name: diary, and 1 more line)");
        assert_eq!(told(&line(7, Some("  name: diary"))), "attachment, 30 B (with name: diary, and 6 more lines)");
        // The next line is shown below.
        assert_eq!(described(&line(7, Some("  name: diary")), None, ""), "attachment, 30 B (with 7 more lines)");
    }

    proptest! {
        #[test]
        fn any_line_can_be_shortened(line in ".{0,400}", wanted in ".{0,9}", at in 0usize..400) {
            let text: String = line.chars().take(at).chain(wanted.chars()).chain(line.chars().skip(at)).collect();
            prop_assert!(shortened(&text, &wanted).chars().count() <= LONGEST + 3);
        }
    }
}
