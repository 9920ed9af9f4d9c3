//! Asks in the product's terminal, line by line: works on any terminal, with a screen reader and through a pseudo-terminal.

mod leave_out;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use report_format::schema::v1::{Category, Contact, Error, ErrorKind, SectionKind};

use super::contact::is_email;
use super::look::{self, Looking};
use super::preview::{heading, preview, size};
use super::reading::Reading;
use super::selection::Selection;
use super::tty::{Borrowed, Lines, ProductId, can_be_taken};
use super::{
    Answer, Asker, CategorySet, DESCRIPTION_LIMIT, Decision, Draft, LeftOut, NAME_LIMIT, Remember, Request,
    category_title,
};
use crate::inventory;
use crate::places;
use crate::text::escape;

/// Typed text is cut here, in bytes.
const LONGEST_LINE: usize = 4 * DESCRIPTION_LIMIT;

/// Asks the person in front of the product's terminal.
///
/// Asks only while the product is in the foreground there; otherwise, and after the time is over, on Ctrl-C and when
/// the terminal goes away: later. The answer to a bare Enter is *ask me later*, so that nobody sends by habit.
#[derive(Debug)]
pub struct TerminalAsker {
    product: ProductId,
    timeout: Duration,
    /// As long as the program's memory is read.
    reading: Option<Reading>,
}

impl TerminalAsker {
    /// How long a person is waited for, by default: as long as the product is held at most.
    pub const TIMEOUT: Duration = Duration::from_mins(2);

    /// Asks for this product process.
    pub fn new(product: ProductId) -> Self {
        TerminalAsker { product, timeout: Self::TIMEOUT, reading: None }
    }

    /// Waits that long for the person, all answers together.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl Asker for TerminalAsker {
    fn ask(&mut self, request: &Request<'_>) -> Decision {
        // Rights that the person at the terminal has not answer no keys of theirs.
        if places::elevated() {
            tracing::info!("nobody was asked: this process has more rights than whoever started it");
            return request.answered(Answer::Later, None);
        }
        let terminal = match Borrowed::take(self.product, Instant::now() + self.timeout) {
            Ok(terminal) => terminal,
            Err(error) => {
                tracing::info!(%error, "nobody was asked");
                return request.answered(Answer::Later, None);
            }
        };
        let answered = terminal.lines().and_then(|lines| {
            let mut conversation = Conversation::new(request, lines);
            let answered = conversation.run();
            if answered.is_err() {
                let why = if terminal.is_over() { "No answer in time." } else { "No answer." };
                // The terminal may be the very thing that failed.
                let _ = conversation.lines.write_line(&format!("\n{why} The report is kept; nothing was sent."));
            }
            answered
        });
        answered.unwrap_or_else(|error| {
            tracing::info!(%error, "the person was asked and did not answer");
            request.answered(Answer::Later, None)
        })
    }

    fn can_ask(&self) -> bool {
        can_be_taken(self.product)
    }

    fn reading_memory(&mut self, done: u64, total: u64) -> ControlFlow<()> {
        self.reading.get_or_insert_with(|| Reading::begin(self.product, self.timeout)).show(done, total)
    }

    fn memory_is_read(&mut self) {
        self.reading = None;
    }
}

struct Conversation<'r> {
    request: &'r Request<'r>,
    lines: Lines,
    chosen: CategorySet,
    contact: Contact,
    /// What of the chosen is left out by itself.
    selection: Selection,
    /// Whether the image of the desktop shows the product's windows and no others.
    own_windows_only: bool,
    /// The image, as long as it can be looked at.
    looking: Option<Looking>,
}

/// The menu: what is typed, what it says.
const MENU: [(&str, &str); 12] = [
    ("s", "Send the report"),
    ("c", "Choose what to send"),
    ("o", "Leave out single lines, files or images"),
    ("t", "Take in again what you left out"),
    ("w", "What does this report contain?"),
    ("p", "Write the image of your desktop to a file, to look at it"),
    ("e", "Enter your name, your e-mail address or a description"),
    ("d", "Don't send, and destroy what was collected"),
    ("l", "Ask me later"),
    ("a", "Always send what is chosen now, without asking"),
    ("n", "Never send, and never ask"),
    ("v", "Never for this version"),
];

/// What is said to an *always* where something is left out by itself.
const NOT_ALWAYS: &str = "What was left out one by one cannot be left out always: nobody would look\n\
                          through the next report. Take it in again, or send this report alone.";

impl<'r> Conversation<'r> {
    fn new(request: &'r Request<'r>, lines: Lines) -> Self {
        let chosen = request.preselected().without(Category::Contact);
        let own_windows_only = request.drafts().flat_map(look::screens).all(|screen| screen.own_windows_only);
        let (contact, selection, looking) = (Contact::default(), Selection::default(), None);
        Conversation { request, lines, chosen, contact, selection, own_windows_only, looking }
    }

    fn run(&mut self) -> io::Result<Decision> {
        self.lines.write_line(&self.introduction())?;
        loop {
            self.lines.write_line(&self.contents())?;
            let offers_contact = self.request.offered().contains(Category::Contact);
            let offers_image = self.request.offered().contains(Category::Screen);
            let leaves_out = self.leaves_out();
            let is_offered = |key: &str| match key {
                "e" => offers_contact,
                "p" => offers_image,
                "t" => leaves_out,
                "a" => !leaves_out,
                _ => true,
            };
            for (key, text) in MENU.iter().filter(|(key, _)| is_offered(key)) {
                self.lines.write_line(&format!("  {key}  {text}"))?;
            }
            let choice = self.line("Your choice", "l")?;
            let (answer, remember) = match choice.to_lowercase().as_str() {
                "s" => (self.send(), None),
                "a" if leaves_out => {
                    self.lines.write_line(NOT_ALWAYS)?;
                    continue;
                }
                "a" => (self.send(), Some(Remember::Always)),
                "d" => (Answer::Decline, None),
                "n" => (Answer::Decline, Some(Remember::Never)),
                "v" => (Answer::Decline, Some(Remember::NeverForVersion)),
                "l" => (Answer::Later, None),
                "c" => {
                    self.choose()?;
                    continue;
                }
                "o" => {
                    self.leave_out()?;
                    continue;
                }
                "t" if leaves_out => {
                    self.take_in()?;
                    continue;
                }
                "w" => {
                    self.page(&preview(self.request, self.chosen, self.selection.parts_left_out()))?;
                    continue;
                }
                "p" if offers_image => {
                    self.write_image()?;
                    continue;
                }
                "e" if offers_contact => {
                    self.enter_contact()?;
                    continue;
                }
                _ => {
                    self.lines.write_line("Please type one of the letters on the left.")?;
                    continue;
                }
            };
            self.lines.write_line(match &answer {
                Answer::Send { .. } => "Thank you. The report will be sent.",
                Answer::Decline => "Nothing is sent; what was collected is destroyed.",
                Answer::Later => "The report is kept; nothing was sent.",
            })?;
            return Ok(self.request.answered(answer, remember).leaving_out(self.selection.numbers()));
        }
    }

    fn introduction(&self) -> String {
        let draft = self.request.draft();
        let notice = self.request.notice();
        let product = escape(format!("{} {}", draft.product.name, draft.product.version).trim_end());
        let title = draft.message::<Error>(SectionKind::Error).map(|error| error.title).unwrap_or_default();
        let what = match draft.kind {
            ErrorKind::HandledError => "met an error and goes on",
            ErrorKind::Hang => "does not answer any more",
            ErrorKind::OutOfMemory => "ran out of memory",
            ErrorKind::Vanished => "ended without a word",
            _ => "has stopped working",
        };
        let headings: Vec<_> = self.request.drafts().map(heading).collect();
        let mut text = match headings.len() {
            1 => format!("\nSorry: {product} {what}."),
            many => format!("\n{many} reports of {product} wait for your decision, which holds for all of them."),
        };
        if headings.len() > 1 {
            let _ = write!(text, "\n  {}", headings.join("\n  "));
        } else if !title.is_empty() {
            let _ = write!(text, "\n  {}", escape(&title));
        }
        text.push_str("\nA report would help to find out why. Nothing is sent unless you say so.\n");
        let facts = [
            ("What for", &notice.purpose),
            ("Sent to", &notice.recipient),
            ("Who reads it", &notice.access),
            ("Kept for", &notice.retention),
            ("Withdrawal", &notice.erasure),
        ];
        for (name, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
            let _ = write!(text, "\n  {:13} {}", format!("{name}:"), escape(fact));
        }
        text
    }

    /// What there is, with its size, and what of it is chosen.
    fn contents(&self) -> String {
        let chosen = self.chosen;
        let size_of = |category| {
            let left_out = self.selection.bytes_left_out(category);
            self.request.size_of(category).saturating_sub(left_out)
        };
        let total = chosen.iter().map(size_of).fold(0, u64::saturating_add);
        let mut text = format!("\nThe report would hold, {} before it is compressed:\n", size(total));
        for (number, category) in self.rows() {
            let mark = if chosen.contains(category) { 'x' } else { ' ' };
            let bytes = size(size_of(category));
            let note = if category == Category::Essential { "  (always)" } else { "" };
            let _ = writeln!(text, "  {number:2} [{mark}] {:58} {bytes:>9}{note}", category_title(category));
        }
        if self.request.offered().contains(Category::Contact) {
            let Contact { first_name, last_name, email, description, .. } = &self.contact;
            let name = format!("{first_name} {last_name}");
            let given = [name.trim(), email, description].into_iter().filter(|entry| !entry.is_empty());
            let given = given.map(escape).collect::<Vec<_>>().join("; ");
            let given = if given.is_empty() { "nothing entered".to_owned() } else { given };
            let _ = writeln!(text, "     From you: {given}");
        }
        text.push_str(&self.what_is_left_out());
        if chosen.contains(Category::Memory) || chosen.contains(Category::FullMemory) {
            text.push_str(
                "\nMemory of the program can hold what you were working on, even passwords. If you think that it\n\
                 contains confidential data, leave it out or do not send.\n",
            );
        }
        if chosen.contains(Category::Screen) {
            text.push_str(if self.own_windows_only {
                "\nThe image of your desktop shows the windows of this program; all else is grey.\n"
            } else {
                "\nThe image of your desktop shows what was on the screen, of other programs too.\n"
            });
        }
        text
    }

    /// The categories of which there is something, numbered for the person.
    fn rows(&self) -> impl Iterator<Item = (usize, Category)> {
        let offered = self.request.offered().without(Category::Contact);
        offered.iter().enumerate().map(|(index, category)| (index + 1, category))
    }

    fn choose(&mut self) -> io::Result<()> {
        loop {
            let typed = self.line("Numbers to switch on or off, such as 2 4 (Enter when done)", "")?;
            if typed.is_empty() {
                return Ok(());
            }
            for word in words(&typed) {
                let row = word.parse().ok().and_then(|wanted: usize| self.rows().find(|(number, _)| *number == wanted));
                match row {
                    Some((_, Category::Essential)) => {
                        self.lines.write_line("Without that a report would say nothing; you can still not send it.")?;
                    }
                    Some((_, category)) if self.chosen.contains(category) => {
                        self.chosen = self.chosen.without(category);
                    }
                    Some((_, category)) => self.chosen = self.chosen.with(category),
                    None => self.say_that_there_is_no(word)?,
                }
            }
            self.lines.write_line(&self.contents())?;
        }
    }

    fn say_that_there_is_no(&self, number: &str) -> io::Result<()> {
        self.lines.write_line(&format!("There is no number {}.", escape(number)))
    }

    /// Whatever is wrong with that is told and no reason to end the question.
    fn write_image(&mut self) -> io::Result<()> {
        // One that was removed meanwhile is there again.
        self.looking = None;
        let drafts = self.drafts_without_what_is_left_out();
        match Looking::write(drafts.iter().map(Cow::as_ref)) {
            Ok(looking) if looking.files().is_empty() => {
                self.lines.write_line("No image is left: you have left out what there is.")?;
            }
            Ok(looking) => {
                self.lines.write_line("Until you have answered, you can look at it here; then it is removed:")?;
                for (file, display) in looking.files() {
                    let of = if display.is_empty() { String::new() } else { format!(", display {}", escape(display)) };
                    self.lines.write_line(&format!("  {}{of}", escape(&file.display().to_string())))?;
                }
                self.looking = Some(looking);
            }
            Err(error) => self.lines.write_line(&format!("It cannot be written: {}", escape(&error.to_string())))?,
        }
        Ok(())
    }

    /// All that is asked about, as it would be sent if everything was chosen.
    fn drafts_without_what_is_left_out(&self) -> Vec<Cow<'r, Draft>> {
        let (numbers, offered) = (self.selection.numbers(), self.request.offered());
        let without = |(number, draft): (usize, &'r Draft)| match LeftOut::of(&numbers, self.request, number, offered) {
            Some(left_out) if !left_out.is_empty() => Cow::Owned(left_out.taken_from(draft)),
            _ => Cow::Borrowed(draft),
        };
        self.request.drafts().enumerate().map(without).collect()
    }

    fn enter_contact(&mut self) -> io::Result<()> {
        self.contact.first_name = self.short("Your first name (Enter for none)", NAME_LIMIT)?;
        self.contact.last_name = self.short("Your last name (Enter for none)", NAME_LIMIT)?;
        self.contact.email = self.email()?;
        self.contact.description = self.description()?;
        Ok(())
    }

    /// Asks again once where nobody could answer to what was typed, and goes on without.
    fn email(&self) -> io::Result<String> {
        for again in ["Please type it as name@example.com, or nothing.", "It is left out."] {
            let typed = self.line("Your e-mail address, for an answer (Enter for none)", "")?;
            if typed.is_empty() || is_email(&typed) {
                return Ok(typed);
            }
            self.lines.write_line(&format!("That is no e-mail address. {again}"))?;
        }
        Ok(String::new())
    }

    /// Line by line, until nothing is typed or nothing more fits.
    fn description(&self) -> io::Result<String> {
        let mut text = String::new();
        let mut prompt = format!("What were you doing? Up to {DESCRIPTION_LIMIT} characters (Enter for nothing)");
        loop {
            let line = self.line(&prompt, "")?;
            if line.is_empty() {
                return Ok(text);
            }
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&line);
            let left = DESCRIPTION_LIMIT.saturating_sub(text.chars().count());
            if left < 2 {
                return self.cut(text, DESCRIPTION_LIMIT);
            }
            prompt = "More of it (Enter when done)".into();
        }
    }

    fn short(&self, prompt: &str, most: usize) -> io::Result<String> {
        let typed = self.line(prompt, "")?;
        self.cut(typed, most)
    }

    /// What is too long loses its end, and the person is told.
    fn cut(&self, text: String, most: usize) -> io::Result<String> {
        let Some((end, _)) = text.char_indices().nth(most) else { return Ok(text) };
        self.lines.write_line(&format!("{most} characters fit; what is beyond them is left out."))?;
        Ok(text[..end].trim_end().to_owned())
    }

    /// Contact is sent where something was typed: typing it is the choice.
    fn send(&self) -> Answer {
        let typed = Some(self.contact.clone()).filter(|contact| *contact != Contact::default());
        // An answer should come in the language that the person has chosen for everything else.
        let contact = typed.map(|typed| Contact { language: inventory::language(), ..typed });
        let categories = if contact.is_some() { self.chosen.with(Category::Contact) } else { self.chosen };
        Answer::Send { categories, contact }
    }

    /// Shows a long text, a screen at a time.
    fn page(&self, text: &str) -> io::Result<()> {
        let lines: Vec<&str> = text.lines().collect();
        let mut pages = lines.chunks(self.lines.rows().saturating_sub(2).max(10)).peekable();
        while let Some(page) = pages.next() {
            for line in page {
                self.lines.write_line(line)?;
            }
            if pages.peek().is_some() && self.line("Enter for more, q to go back", "")? == "q" {
                break;
            }
        }
        Ok(())
    }

    fn line(&self, prompt: &str, default: &str) -> io::Result<String> {
        let typed = self.lines.read_line(prompt, default)?;
        let typed = typed.trim();
        let plain = typed[..typed.floor_char_boundary(LONGEST_LINE)].chars().filter(|c| !c.is_control());
        Ok(plain.collect())
    }
}

/// Of a line that was typed, as far as they are letters or digits.
fn words(typed: &str) -> impl Iterator<Item = &str> {
    typed.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty())
}
