//! What was asked, what the person has done so far, and the answer that this makes.

mod contents;
mod events;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use report_format::schema::v1::{Category, Contact};
use reporter_sdk::dialog_session::{Act, Nothing, Opening};
use reporter_sdk::{ConsentAnswer, ConsentRequest, Never};

pub use self::contents::Part;
pub use self::events::{Action, Event, Told};
use crate::branding::Branding;
use crate::elements::{Control, Window};
use crate::texts::Texts;
use crate::view;

/// Of a first name and of a last name, in characters: more makes an answer void.
pub(crate) const NAME_LIMIT: usize = 100;
/// Of an e-mail address. In bytes, of which a character has one or more.
pub(crate) const EMAIL_LIMIT: usize = 254;
/// Of the description, in characters.
pub(crate) const DESCRIPTION_LIMIT: usize = 4000;
/// Of what is searched for.
pub(crate) const SEARCH_LIMIT: usize = 200;
/// So long before the end the person is told that it comes.
pub(crate) const LAST_CALL: Duration = Duration::from_secs(60);
/// So long the person is shown what became of the report.
const OUTCOME_TIME: Duration = Duration::from_mins(10);
/// Of a report's file.
const REPORT_ENDING: &str = ".report";

/// What the report would be, and until when it can be decided.
#[derive(Clone, Debug)]
pub struct Question {
    /// How many errors it is about: the answer holds for all of them.
    pub reports: usize,
    /// What happened, in a line for each; can be empty.
    pub title: String,
    /// What may be sent.
    pub offers: Vec<Offer>,
    /// From now on.
    pub timeout: Duration,
}

/// One switch, and what it stands for.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Which.
    pub category: Category,
    /// Before compression.
    pub bytes: u64,
    /// All of it as it would be sent, a line for each field.
    pub contents: String,
    /// PNG.
    pub images: Vec<Arc<[u8]>>,
    /// What of it can be left out by itself, those without before those within.
    pub parts: Vec<Part>,
}

impl From<&ConsentRequest> for Question {
    fn from(request: &ConsentRequest) -> Self {
        let part =
            |part: &reporter_sdk::Part| Part { number: part.number, lines: part.lines.clone(), bytes: part.bytes };
        let offer = |offer: &reporter_sdk::Offer| Offer {
            category: offer.category,
            bytes: offer.bytes,
            contents: offer.contents.clone(),
            images: offer.images.iter().map(|png| png.as_slice().into()).collect(),
            parts: offer.parts.iter().map(part).collect(),
        };
        Self {
            reports: request.reports(),
            title: request.title().to_owned(),
            offers: request.offers().iter().map(offer).collect(),
            timeout: request.timeout(),
        }
    }
}

/// What the window shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    Question,
    Contents,
    /// What becomes of the report once the person has said what they want.
    Outcome,
}

/// How far the report is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stage {
    /// Of the memory of the program so many bytes of so many are read; of none where it is not wanted, or not begun.
    Collecting {
        done: u64,
        total: u64,
    },
    Deciding,
    Sending {
        done: u64,
        total: u64,
    },
    Sent,
    NotSent {
        why: String,
        again: Option<Duration>,
    },
    Nothing(Nothing),
}

/// What holds from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NextTime {
    Ask,
    Always,
    NeverForVersion,
    Never,
}

impl NextTime {
    /// In the order in which they are shown.
    pub(crate) const ALL: [Self; 4] = [Self::Ask, Self::Always, Self::NeverForVersion, Self::Never];
}

/// Everything that the window is made of, and that an answer is made of.
#[derive(Debug)]
pub struct Model {
    pub(crate) opening: Opening,
    pub(crate) texts: Texts,
    pub(crate) branding: Branding,
    pub(crate) page: Page,
    pub(crate) stage: Stage,
    /// How many errors the question is about.
    pub(crate) reports: usize,
    /// What happened, in a line for each; can be empty.
    pub(crate) title: String,
    /// Empty until everything is collected.
    pub(crate) offers: Vec<Offer>,
    /// Where the keyboard was last put. Typing does not move it.
    pub(crate) focus: Control,
    pub(crate) chosen: Vec<Category>,
    pub(crate) contact: Contact,
    /// The person has tried to send with an address that nobody could answer to.
    pub(crate) email_is_refused: bool,
    pub(crate) next_time: NextTime,
    pub(crate) stays_ended: bool,
    pub(crate) search: String,
    /// Where the cursor is in what the search has found.
    pub(crate) line: usize,
    /// Of what is chosen, the parts that are not sent all the same.
    pub(crate) left_out: BTreeSet<u32>,
    /// What came of the last try to write a file.
    pub(crate) saved: Option<Result<(), String>>,
    /// By which support finds it. Empty until it is told.
    pub(crate) report: String,
    /// The person has said that nobody is to wait for all of the memory.
    pub(crate) memory_is_left_out: bool,
    /// The person does not want it sent after all; what becomes of that is not told yet.
    pub(crate) is_withdrawn: bool,
    /// Nobody hears what the person says.
    handler_is_gone: bool,
    /// There is no window any more.
    has_ended: bool,
    /// An answer that was given before there was a question.
    early: Option<ConsentAnswer>,
    /// Bytes that were sent then.
    first_sent: Option<(Instant, u64)>,
    /// Until when the person can decide, or is shown what became of it.
    deadline: Option<Instant>,
    now: Instant,
}

impl Model {
    /// Of an error that is told of at `now`.
    pub fn new(opening: Opening, mut texts: Texts, now: Instant) -> Self {
        let branding = opening.branding.as_ref().map(|folder| Branding::read(folder, &mut texts));
        let mut model = Self {
            branding: branding.unwrap_or_default(),
            page: Page::Question,
            stage: Stage::Collecting { done: 0, total: 0 },
            reports: 1,
            title: String::new(),
            offers: Vec::new(),
            focus: Control::OpenContents,
            chosen: opening.chosen.clone(),
            contact: Contact::default(),
            email_is_refused: false,
            next_time: NextTime::Ask,
            stays_ended: false,
            search: String::new(),
            line: 0,
            left_out: BTreeSet::new(),
            saved: None,
            report: String::new(),
            memory_is_left_out: false,
            is_withdrawn: false,
            handler_is_gone: false,
            has_ended: false,
            early: None,
            first_sent: None,
            deadline: None,
            now,
            opening,
            texts,
        };
        model.open(Page::Question);
        model
    }

    /// At first the keyboard is on the text that only the person can write: nothing is sent by a key that was meant for the product.
    fn open(&mut self, page: Page) {
        self.page = page;
        self.focus = match page {
            Page::Contents => Control::Search,
            Page::Outcome => Control::Close,
            Page::Question if self.offers_contact() => Control::Description,
            Page::Question if self.is_deciding() => Control::OpenContents,
            Page::Question => Control::Later,
        };
    }

    /// The window as it is to be now.
    pub fn window(&self) -> Window {
        view::window(self)
    }

    /// Takes what happened. What is to be done about it comes back, to be done in that order. Of a window that has ended nothing comes any more.
    pub fn update(&mut self, event: Event) -> Vec<Action> {
        if self.has_ended {
            return Vec::new();
        }
        let actions = self.take(event);
        self.has_ended = actions.contains(&Action::End);
        actions
    }

    fn take(&mut self, event: Event) -> Vec<Action> {
        match event {
            Event::Pressed(control) => return self.press(control),
            Event::Switched(Control::Offer(category), on) => self.choose(category, on),
            Event::Switched(Control::Restart, on) => self.stays_ended = !on,
            Event::Selected(Control::NextTime, number) => {
                self.next_time = NextTime::ALL.get(number).copied().unwrap_or(NextTime::Ask);
            }
            Event::Edited(control, text) => self.edit(control, &text),
            Event::Moved(Control::Contents, line) => self.line = line,
            Event::Moved(..) | Event::Switched(..) | Event::Selected(..) => {}
            Event::FileChosen(path) => return self.save(path),
            // A window that is closed has not said no: the report is kept.
            Event::Closed => match self.page {
                Page::Question => return self.answer(ConsentAnswer::Later),
                Page::Contents => self.open(Page::Question),
                Page::Outcome => return vec![Action::End],
            },
            Event::Time(now) => {
                self.now = self.now.max(now);
                if self.deadline.is_some_and(|deadline| self.now >= deadline) {
                    return if self.is_deciding() { self.answer(ConsentAnswer::Later) } else { vec![Action::End] };
                }
            }
            Event::Told(told) => return self.hear(told),
        }
        Vec::new()
    }

    fn press(&mut self, control: Control) -> Vec<Action> {
        match control {
            Control::OpenContents if self.is_deciding() => self.open(Page::Contents),
            Control::LeaveOut if self.page == Page::Contents => self.leave_out_or_take_in(),
            Control::Back if self.page == Page::Contents => self.open(Page::Question),
            Control::Send if self.can_send() => {
                if let Some(answer) = self.sending() {
                    return self.answer(answer);
                }
            }
            Control::Decline if self.can_decline() => return self.answer(ConsentAnswer::Decline(self.never())),
            Control::Later if self.can_wait() => return self.answer(ConsentAnswer::Later),
            Control::Save if self.can_save() => {
                return vec![Action::ChooseFile(format!("{}{REPORT_ENDING}", self.opening.product.name))];
            }
            Control::LeaveOutMemory if self.is_reading_memory() => return self.leave_out_memory(),
            Control::Withdraw if self.can_withdraw() => {
                self.is_withdrawn = true;
                return vec![Action::Say(Act::Withdraw)];
            }
            Control::CopyId if !self.report.is_empty() => return vec![Action::Copy(self.report.clone())],
            Control::Close if self.page == Page::Outcome => return vec![Action::End],
            _ => {}
        }
        Vec::new()
    }

    /// Gives it, once. Before there is a question the window closes, and the answer is given as soon as there is one.
    fn answer(&mut self, answer: ConsentAnswer) -> Vec<Action> {
        if !self.can_answer() {
            return Vec::new();
        }
        if matches!(self.stage, Stage::Collecting { .. }) {
            self.early = Some(answer);
            return if self.is_reading_memory() { self.leave_out_memory() } else { Vec::new() };
        }
        let sends = matches!(answer, ConsentAnswer::Send { .. });
        let left_out = if sends { self.left_out.iter().copied().collect() } else { Vec::new() };
        let say = Action::Say(Act::Answer { answer, left_out, stays_ended: self.stays_ended });
        if !sends {
            return vec![say, Action::End];
        }
        self.deadline = None;
        // Of the question; what could not be sent is another file.
        self.saved = None;
        self.stage = Stage::Sending { done: 0, total: 0 };
        self.open(Page::Outcome);
        vec![say]
    }

    fn leave_out_memory(&mut self) -> Vec<Action> {
        self.memory_is_left_out = true;
        vec![Action::Say(Act::LeaveOutMemory)]
    }

    fn save(&mut self, path: PathBuf) -> Vec<Action> {
        if !self.can_save() {
            return Vec::new();
        }
        if !self.is_deciding() {
            return vec![Action::Say(Act::SaveUnsent { path })];
        }
        let answer = self.sending();
        let left_out = self.left_out.iter().copied().collect();
        answer.map(|answer| Action::Say(Act::Save { answer, left_out, path })).into_iter().collect()
    }

    fn hear(&mut self, told: Told) -> Vec<Action> {
        match told {
            Told::Collecting { done, total } if matches!(self.stage, Stage::Collecting { .. }) => {
                self.stage = Stage::Collecting { done, total };
                if self.early.is_some() && self.is_reading_memory() {
                    return self.leave_out_memory();
                }
            }
            Told::Question(question) if matches!(self.stage, Stage::Collecting { .. }) => return self.ask(question),
            Told::Saved(saved) => self.saved = Some(saved),
            Told::Sending { done, total } if self.page == Page::Outcome => {
                self.first_sent.get_or_insert((self.now, done));
                // Where it is tried again there was one.
                self.deadline = None;
                self.stage = Stage::Sending { done, total };
            }
            Told::Sent { report } => {
                self.report = report;
                self.end_as(Stage::Sent);
            }
            Told::NotSent { report, why, again } => {
                self.report = report;
                self.first_sent = None;
                self.end_as(Stage::NotSent { why, again });
            }
            Told::NothingToSend(_) if self.early.is_some() => return vec![Action::End],
            Told::NothingToSend(nothing) => self.end_as(Stage::Nothing(nothing)),
            Told::Gone => return self.lose_the_handler(),
            _ => {}
        }
        Vec::new()
    }

    fn ask(&mut self, Question { reports, title, offers, timeout }: Question) -> Vec<Action> {
        self.reports = reports;
        self.title = title;
        self.offers = offers;
        // A day where it says that it waits for ever.
        self.deadline = Some(self.now + timeout.min(Duration::from_secs(86_400)));
        let is_offered = |category: &Category| self.offers.iter().any(|offer| offer.category == *category);
        self.chosen.retain(is_offered);
        self.stage = Stage::Deciding;
        if let Some(early) = self.early.take() {
            return self.answer(early);
        }
        if self.focus != Control::Description || !self.offers_contact() {
            self.open(Page::Question);
        }
        Vec::new()
    }

    fn end_as(&mut self, stage: Stage) {
        self.stage = stage;
        self.is_withdrawn = false;
        self.deadline = Some(self.now + OUTCOME_TIME);
        if self.page != Page::Outcome {
            self.open(Page::Outcome);
        }
    }

    /// What was collected lies in the spool.
    fn lose_the_handler(&mut self) -> Vec<Action> {
        self.handler_is_gone = true;
        match self.stage {
            _ if self.early.is_some() => return vec![Action::End],
            Stage::Collecting { .. } | Stage::Deciding => self.end_as(Stage::Nothing(Nothing::Failed)),
            Stage::Sending { .. } => self.end_as(Stage::NotSent { why: String::new(), again: None }),
            Stage::Sent | Stage::NotSent { .. } | Stage::Nothing(_) => {}
        }
        Vec::new()
    }

    fn choose(&mut self, category: Category, on: bool) {
        let is_offered = self.can_be_offered(category);
        self.chosen.retain(|chosen| *chosen != category);
        if on && is_offered || category == Category::Essential {
            self.chosen.push(category);
        }
    }

    fn edit(&mut self, control: Control, text: &str) {
        let (field, limit) = match control {
            Control::FirstName => (&mut self.contact.first_name, NAME_LIMIT),
            Control::LastName => (&mut self.contact.last_name, NAME_LIMIT),
            Control::Email => (&mut self.contact.email, EMAIL_LIMIT),
            Control::Description => (&mut self.contact.description, DESCRIPTION_LIMIT),
            Control::Search => (&mut self.search, SEARCH_LIMIT),
            _ => return,
        };
        let in_lines = control == Control::Description;
        // What is pasted can hold anything; such characters make an answer void.
        let is_text = |character: &char| !character.is_control() || in_lines && matches!(character, '\n' | '\t');
        *field = text.chars().filter(is_text).take(limit).collect();
        if control == Control::Search {
            self.line = 0;
        } else if control == Control::Email {
            field.truncate(field.floor_char_boundary(EMAIL_LIMIT));
            self.email_is_refused = false;
        }
    }

    /// To send what is chosen. `None`: something has to be mended before.
    fn sending(&mut self) -> Option<ConsentAnswer> {
        let contact = self.typed();
        if !contact.email.is_empty() && !email_address::EmailAddress::is_valid(&contact.email) {
            self.email_is_refused = true;
            self.focus = Control::Email;
            return None;
        }
        let mut categories = self.chosen.clone();
        categories.retain(|category| *category != Category::Contact);
        // Typing it is the choice.
        let contact = (contact != Contact::default() && self.offers_contact()).then(|| {
            categories.push(Category::Contact);
            Contact { language: self.texts.language().to_owned(), ..contact }
        });
        Some(ConsentAnswer::Send { categories, contact, always: self.next_time == NextTime::Always })
    }

    /// Without what was typed around it.
    fn typed(&self) -> Contact {
        let Contact { first_name, last_name, email, description, .. } = &self.contact;
        let trimmed = |text: &String| text.trim().to_owned();
        Contact {
            first_name: trimmed(first_name),
            last_name: trimmed(last_name),
            email: trimmed(email),
            description: trimmed(description),
            ..Contact::default()
        }
    }

    fn never(&self) -> Never {
        match self.next_time {
            NextTime::Ask | NextTime::Always => Never::ThisTime,
            NextTime::NeverForVersion => Never::ForThisVersion,
            NextTime::Never => Never::Again,
        }
    }

    /// As far as is known now.
    pub(crate) fn can_be_offered(&self, category: Category) -> bool {
        match self.stage {
            Stage::Collecting { .. } => self.opening.categories.contains(&category),
            _ => self.offers.iter().any(|offer| offer.category == category),
        }
    }

    /// `None` until everything is collected.
    pub(crate) fn offer(&self, category: Category) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.category == category)
    }

    pub(crate) fn offers_contact(&self) -> bool {
        self.can_be_offered(Category::Contact)
    }

    pub(crate) fn is_chosen(&self, category: Category) -> bool {
        self.chosen.contains(&category)
    }

    /// Bytes of what would be sent.
    pub(crate) fn size(&self) -> u64 {
        let chosen = self.offers.iter().filter(|offer| self.is_chosen(offer.category));
        chosen.map(|offer| self.size_of(offer)).fold(0, u64::saturating_add)
    }

    pub(crate) fn is_deciding(&self) -> bool {
        self.stage == Stage::Deciding
    }

    /// Whether the person waits for all of the program's memory, and has not said that they do not want to.
    pub(crate) fn is_reading_memory(&self) -> bool {
        matches!(self.stage, Stage::Collecting { total: 1.., .. }) && !self.memory_is_left_out
    }

    /// Whether the person still sees a window: not one who has answered before there was a question.
    pub(crate) fn is_visible(&self) -> bool {
        self.early.is_none() && !self.has_ended
    }

    fn can_answer(&self) -> bool {
        self.early.is_none() && matches!(self.stage, Stage::Collecting { .. } | Stage::Deciding)
    }

    /// Who wants never to be asked sends nothing now either.
    pub(crate) fn can_send(&self) -> bool {
        self.is_deciding()
            && matches!(self.next_time, NextTime::Ask | NextTime::Always)
            && !self.leaves_out_what_cannot_be_left_out_always()
    }

    /// Nobody would look through the next report.
    pub(crate) fn leaves_out_what_cannot_be_left_out_always(&self) -> bool {
        self.next_time == NextTime::Always && !self.left_out.is_empty()
    }

    /// Whoever decides before everything is there has nothing sent. What could not be sent can be handed in by another way, as long as it is there.
    pub(crate) fn can_save(&self) -> bool {
        let is_not_sent = matches!(self.stage, Stage::NotSent { .. });
        self.is_deciding() || is_not_sent && !self.is_withdrawn && !self.handler_is_gone
    }

    /// Who wants always to send sends this one too.
    pub(crate) fn can_decline(&self) -> bool {
        self.next_time != NextTime::Always
    }

    /// Nothing holds from now on that was not decided.
    pub(crate) fn can_wait(&self) -> bool {
        self.next_time == NextTime::Ask
    }

    pub(crate) fn can_withdraw(&self) -> bool {
        let can_be_taken_back = matches!(self.stage, Stage::Sending { .. } | Stage::NotSent { .. });
        can_be_taken_back && !self.is_withdrawn && !self.handler_is_gone
    }

    /// Bytes a second, once a second has shown it.
    pub(crate) fn speed(&self) -> Option<u64> {
        let (Stage::Sending { done, .. }, Some((since, before))) = (&self.stage, self.first_sent) else { return None };
        let seconds = (self.now - since).as_secs();
        done.saturating_sub(before).checked_div(seconds).filter(|speed| *speed > 0)
    }

    /// Seconds until no answer is one; where the person is to know of it.
    pub(crate) fn last_call(&self) -> Option<u64> {
        let left = self.deadline.filter(|_| self.is_deciding())?.saturating_duration_since(self.now);
        (left <= LAST_CALL).then(|| left.as_secs_f64().ceil() as u64)
    }
}
