//! What was asked, what the person has done so far, and the answer that this makes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use report_format::schema::v1::{Category, Contact, ErrorKind};
use reporter_sdk::{ConsentAnswer, ConsentRequest, Never, Notice};

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

/// What a person is asked, ready to be shown.
#[derive(Clone, Debug)]
pub struct Question {
    /// The product's name.
    pub product: String,
    /// Its version; can be empty.
    pub version: String,
    /// What kind of error it is.
    pub kind: ErrorKind,
    /// What happened, in a line; can be empty.
    pub title: String,
    /// What the person is to be told before deciding.
    pub notice: Notice,
    /// What may be sent.
    pub offers: Vec<Offer>,
    /// From the start of this program on.
    pub timeout: Duration,
}

/// One switch, and what it stands for.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Which.
    pub category: Category,
    /// Before compression.
    pub bytes: u64,
    /// Whether it is on at first.
    pub chosen: bool,
    /// All of it as it would be sent, a line for each field.
    pub contents: String,
    /// PNG.
    pub images: Vec<Arc<[u8]>>,
}

impl From<&ConsentRequest> for Question {
    fn from(request: &ConsentRequest) -> Self {
        let offer = |offer: &reporter_sdk::Offer| Offer {
            category: offer.category,
            bytes: offer.bytes,
            chosen: offer.chosen,
            contents: offer.contents.clone(),
            images: offer.images.iter().map(|png| png.as_slice().into()).collect(),
        };
        Self {
            product: request.product().name.clone(),
            version: request.product().version.clone(),
            kind: request.kind(),
            title: request.title().to_owned(),
            notice: request.notice().clone(),
            offers: request.offers().iter().map(offer).collect(),
            timeout: request.timeout(),
        }
    }
}

/// What the person did, or the clock.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A button.
    Pressed(Control),
    /// A switch is now this.
    Switched(Control, bool),
    /// What is typed is now this.
    Edited(Control, String),
    /// A choice is now the option of this number.
    Selected(Control, usize),
    /// The window was closed, or Escape pressed in it.
    Closed,
    /// So late it is.
    Time(Instant),
}

/// What the window shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    Question,
    Contents,
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
    pub(crate) question: Question,
    pub(crate) texts: Texts,
    pub(crate) page: Page,
    /// Where the keyboard was last put. Typing does not move it.
    pub(crate) focus: Control,
    pub(crate) chosen: Vec<Category>,
    pub(crate) contact: Contact,
    /// The person has tried to send with an address that nobody could answer to.
    pub(crate) email_is_refused: bool,
    pub(crate) next_time: NextTime,
    pub(crate) search: String,
    deadline: Instant,
    now: Instant,
}

impl Model {
    /// Of a question that came at `now`.
    pub fn new(question: Question, texts: Texts, now: Instant) -> Self {
        let chosen = question.offers.iter().filter(|offer| offer.chosen).map(|offer| offer.category).collect();
        let mut model = Self {
            page: Page::Question,
            focus: Control::OpenContents,
            chosen,
            contact: Contact::default(),
            email_is_refused: false,
            next_time: NextTime::Ask,
            search: String::new(),
            // A day where it says that it waits for ever.
            deadline: now + question.timeout.min(Duration::from_secs(86_400)),
            now,
            question,
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
            Page::Question if self.offers_contact() => Control::Description,
            Page::Question => Control::OpenContents,
        };
    }

    /// The window as it is to be now.
    pub fn window(&self) -> Window {
        view::window(self)
    }

    /// Takes what the person did. An answer ends the dialog.
    pub fn update(&mut self, event: Event) -> Option<ConsentAnswer> {
        match event {
            Event::Pressed(control) => return self.press(control),
            Event::Switched(Control::Offer(category), on) => self.choose(category, on),
            Event::Selected(Control::NextTime, number) => {
                self.next_time = NextTime::ALL.get(number).copied().unwrap_or(NextTime::Ask);
            }
            Event::Edited(control, text) => self.edit(control, &text),
            Event::Switched(..) | Event::Selected(..) => {}
            // A window that is closed has not said no: the report is kept.
            Event::Closed => match self.page {
                Page::Question => return Some(ConsentAnswer::Later),
                Page::Contents => self.open(Page::Question),
            },
            Event::Time(now) => {
                self.now = self.now.max(now);
                if self.now >= self.deadline {
                    return Some(ConsentAnswer::Later);
                }
            }
        }
        None
    }

    fn press(&mut self, control: Control) -> Option<ConsentAnswer> {
        match control {
            Control::OpenContents => self.open(Page::Contents),
            Control::Back => self.open(Page::Question),
            Control::Send if self.can_send() => return self.send(),
            Control::Decline if self.can_decline() => return Some(ConsentAnswer::Decline(self.never())),
            Control::Later if self.can_wait() => return Some(ConsentAnswer::Later),
            _ => {}
        }
        None
    }

    fn choose(&mut self, category: Category, on: bool) {
        let is_offered = self.question.offers.iter().any(|offer| offer.category == category);
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
        if control == Control::Email {
            field.truncate(field.floor_char_boundary(EMAIL_LIMIT));
            self.email_is_refused = false;
        }
    }

    fn send(&mut self) -> Option<ConsentAnswer> {
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

    pub(crate) fn offers_contact(&self) -> bool {
        self.question.offers.iter().any(|offer| offer.category == Category::Contact)
    }

    pub(crate) fn is_chosen(&self, category: Category) -> bool {
        self.chosen.contains(&category)
    }

    /// Bytes of what would be sent.
    pub(crate) fn size(&self) -> u64 {
        let chosen = self.question.offers.iter().filter(|offer| self.is_chosen(offer.category));
        chosen.map(|offer| offer.bytes).fold(0, u64::saturating_add)
    }

    /// Who wants never to be asked sends nothing now either.
    pub(crate) fn can_send(&self) -> bool {
        matches!(self.next_time, NextTime::Ask | NextTime::Always)
    }

    /// Who wants always to send sends this one too.
    pub(crate) fn can_decline(&self) -> bool {
        self.next_time != NextTime::Always
    }

    /// Nothing holds from now on that was not decided.
    pub(crate) fn can_wait(&self) -> bool {
        self.next_time == NextTime::Ask
    }

    /// Seconds until no answer is one; where the person is to know of it.
    pub(crate) fn last_call(&self) -> Option<u64> {
        let left = self.deadline.saturating_duration_since(self.now);
        (left <= LAST_CALL).then(|| left.as_secs_f64().ceil() as u64)
    }

    /// What would be sent, as far as it has in it what is searched for: each category's title, and its lines. `None` where nothing has.
    pub(crate) fn contents(&self) -> Option<String> {
        let wanted = self.search.trim().to_lowercase();
        let mut text = String::new();
        for offer in self.question.offers.iter().filter(|offer| offer.category != Category::Contact) {
            let lines =
                offer.contents.lines().filter(|line| wanted.is_empty() || line.to_lowercase().contains(&wanted));
            let mut lines = lines.peekable();
            if lines.peek().is_none() && !wanted.is_empty() {
                continue;
            }
            text.push_str(&view::heading_of(self, offer));
            text.push('\n');
            for line in lines {
                text.push_str(line);
                text.push('\n');
            }
            text.push('\n');
        }
        (!text.is_empty()).then_some(text)
    }
}
