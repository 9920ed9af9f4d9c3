//! For a dialog of the product's own: what the person is to be asked, and what they say.

use std::{
    io::{self, Read, Write},
    ops::Range,
    time::Duration,
};

use report_format::schema::v1::{Category, Contact, ErrorKind, Product};

use crate::{
    Error, Notice,
    ipc::framed,
    schema::{self, ConsentDecision, ConsentOffer, ConsentPart, Remember},
};

/// Of both messages, and raised when one changes its meaning.
pub(crate) const VERSION: u32 = 1;
/// Bytes of a request: images of three large screens, and the fields of all that is installed.
pub(crate) const REQUEST_LIMIT: usize = 256 << 20;

/// What a person is to be asked about one report. For the program that the product named by [`Options::dialog`](crate::Options::dialog): the handler
/// starts it for each question, writes the request to its standard input and reads one answer from its standard output.
///
/// The program shows what happened, the [`notice`](Self::notice) and the [`offers`](Self::offers), and gives the person's answer; it decides nothing
/// itself. One that ends without an answer, or is not done in [`time`](Self::timeout), has said [`ConsentAnswer::Later`]. It must write
/// nothing else to its standard output. Its answer is checked against the question, and the report says that the product's own dialog gave it.
///
/// ```no_run
/// use reporter_sdk::{ConsentAnswer, ConsentRequest};
///
/// # fn ask(request: &ConsentRequest) -> bool { !request.title().is_empty() }
/// let request = ConsentRequest::read()?;
/// let answer = if ask(&request) { ConsentAnswer::send(request.chosen()) } else { ConsentAnswer::Later };
/// request.answer(answer)?;
/// # Ok::<(), reporter_sdk::Error>(())
/// ```
#[derive(Debug)]
pub struct ConsentRequest {
    message: schema::ConsentRequest,
    product: Product,
    notice: Notice,
    offers: Vec<Offer>,
}

/// One switch of the dialog, and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Offer {
    /// Which. [`Category::Essential`] is sent whatever is chosen; [`Category::Contact`] is what the person may add.
    pub category: Category,
    /// Before compression; of a memory image, as it would be sent.
    pub bytes: u64,
    /// Whether the switch is on until the person changes it.
    pub chosen: bool,
    /// Every field exactly as it would be sent, a line each. Control characters are escaped.
    pub contents: String,
    /// What the desktop looked like: PNG.
    pub images: Vec<Vec<u8>>,
    /// What of it can be left out by itself, those without before those within.
    pub parts: Vec<Part>,
}

/// Lines of an [`Offer`]'s contents that stand for one field, or for one section with all its fields: an attached file, for example. Parts lie in one another.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// What it is called by in [`ConsentRequest::answer_without`].
    pub number: u32,
    /// Of [`Offer::contents`], from 0.
    pub lines: Range<usize>,
    /// About so much less is sent without it.
    pub bytes: u64,
}

/// What the person says.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConsentAnswer {
    /// Send these categories, and what the person typed.
    Send {
        /// A part of what was offered.
        categories: Vec<Category>,
        /// Sent if `categories` holds [`Category::Contact`].
        contact: Option<Contact>,
        /// From now on without asking.
        always: bool,
    },
    /// Send nothing, and destroy what was collected.
    Decline(Never),
    /// Keep it, and ask another time.
    Later,
    /// This program cannot show anything here, for want of a display: the person is asked in the product's terminal, if there is one.
    CannotAsk,
}

/// Whether a *no* holds for the future too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Never {
    /// For this report.
    #[default]
    ThisTime,
    /// Until the product's version changes.
    ForThisVersion,
    /// Collect nothing, and do not ask again.
    Again,
}

impl ConsentAnswer {
    /// Send these categories, this time.
    pub fn send(categories: impl IntoIterator<Item = Category>) -> Self {
        Self::Send { categories: categories.into_iter().collect(), contact: None, always: false }
    }
}

impl ConsentRequest {
    /// The request that this program was started for. Once.
    ///
    /// # Errors
    /// [`Error::Io`]: there is none, as where a person has started the program, or it is not whole. [`Error::Usage`]: the handler is of another release.
    pub fn read() -> Result<Self, Error> {
        Self::read_from(&mut io::stdin().lock())
    }

    pub(crate) fn read_from(pipe: &mut impl Read) -> Result<Self, Error> {
        let message = framed::read(pipe, REQUEST_LIMIT).map_err(|error| {
            Error::io("no question on standard input: reporter-handler starts this program, and asks it", error)
        })?;
        Self::of(message)
    }

    /// What the handler has asked.
    pub(crate) fn of(message: schema::ConsentRequest) -> Result<Self, Error> {
        if message.version != VERSION {
            let text = format!("the question is of version {}, this program answers {VERSION}", message.version);
            return Err(Error::Usage(text));
        }
        Ok(Self::new(message))
    }

    fn new(mut message: schema::ConsentRequest) -> Self {
        let notice = notice(message.notice.take());
        let mut next_part = 0;
        let offers = std::mem::take(&mut message.offers);
        let mut offers: Vec<Offer> = offers.into_iter().map(|offer| Offer::new(offer, &mut next_part)).collect();
        // Of a category that this release does not know nobody could say what it is.
        offers.retain(|offer| offer.category != Category::Unspecified);
        Self { product: message.product.take().unwrap_or_default(), notice, offers, message }
    }

    /// Whose error it is.
    pub fn product(&self) -> &Product {
        &self.product
    }

    /// What kind of error.
    pub fn kind(&self) -> ErrorKind {
        self.message.kind()
    }

    /// How many errors the question is about: one, or several that have waited for an answer, which holds for all of them.
    pub fn reports(&self) -> usize {
        self.message.reports.max(1) as usize
    }

    /// What happened, in a line for each error; can be empty. It can quote the product, or what the product was fed with.
    pub fn title(&self) -> &str {
        &self.message.title
    }

    /// What the person is to be told before deciding. Fields that are empty are not shown.
    pub fn notice(&self) -> &Notice {
        &self.notice
    }

    /// What may be sent, in the order in which it is shown.
    pub fn offers(&self) -> &[Offer] {
        &self.offers
    }

    /// What is sent if the person leaves the switches as they are.
    pub fn chosen(&self) -> impl Iterator<Item = Category> {
        self.offers.iter().filter(|offer| offer.chosen).map(|offer| offer.category)
    }

    /// How long the handler waits for the answer, from the start of this program on.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.message.timeout_millis)
    }

    /// Gives the person's answer. The program is to end then.
    ///
    /// # Errors
    /// [`Error::Io`]: the handler does not wait any more; nothing is sent.
    pub fn answer(self, answer: ConsentAnswer) -> Result<(), Error> {
        self.answer_without(answer, &[])
    }

    /// As [`answer`](Self::answer); what is sent is sent without the parts of these numbers. An *always* is not kept then: nobody would look through the next report.
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    pub fn answer_without(self, answer: ConsentAnswer, parts: &[u32]) -> Result<(), Error> {
        self.answer_to(answer, parts, &mut io::stdout().lock())
    }

    pub(crate) fn answer_to(&self, answer: ConsentAnswer, parts: &[u32], pipe: &mut impl Write) -> Result<(), Error> {
        let schema::ConsentRequest { nonce, preview_digest, .. } = &self.message;
        let decision = decision(nonce.clone(), preview_digest.clone(), answer, parts);
        framed::write(pipe, &decision).map_err(|error| Error::io("the handler does not take the answer", error))
    }
}

/// The answer to the request with this nonce, about what has this digest, without these parts of it.
pub(crate) fn decision(
    nonce: Vec<u8>,
    preview_digest: Vec<u8>,
    answer: ConsentAnswer,
    parts: &[u32],
) -> ConsentDecision {
    use schema::ConsentAnswer as Wire;
    let mut decision = ConsentDecision {
        version: VERSION,
        nonce,
        preview_digest,
        left_out: parts.to_vec(),
        ..ConsentDecision::default()
    };
    let (wire, remember) = match answer {
        ConsentAnswer::Send { categories, contact, always } => {
            decision.categories = categories.into_iter().map(Into::into).collect();
            decision.contact = contact;
            (Wire::Send, if always { Remember::Always } else { Remember::Unspecified })
        }
        ConsentAnswer::Decline(Never::ThisTime) => (Wire::Decline, Remember::Unspecified),
        ConsentAnswer::Decline(Never::ForThisVersion) => (Wire::Decline, Remember::NeverForVersion),
        ConsentAnswer::Decline(Never::Again) => (Wire::Decline, Remember::Never),
        ConsentAnswer::Later => (Wire::Later, Remember::Unspecified),
        ConsentAnswer::CannotAsk => (Wire::CannotAsk, Remember::Unspecified),
    };
    decision.set_answer(wire);
    decision.set_remember(remember);
    decision
}

/// As it was told.
pub(crate) fn notice(message: Option<schema::Notice>) -> Notice {
    let schema::Notice { purpose, recipient, access, retention, erasure } = message.unwrap_or_default();
    Notice { purpose, recipient, access, retention, erasure }
}

impl Offer {
    /// `next_part`: the number of the first part, and then of the one after the last.
    fn new(offer: ConsentOffer, next_part: &mut u32) -> Self {
        let category = offer.category();
        let ConsentOffer { bytes, chosen, contents, images, parts, .. } = offer;
        let parts = parts.into_iter().zip(*next_part..).map(|(part, number)| Part::new(&part, number));
        let parts: Vec<Part> = parts.collect();
        *next_part = parts.last().map_or(*next_part, |last| last.number + 1);
        Self { category, bytes, chosen, contents, images, parts }
    }
}

impl Part {
    fn new(part: &ConsentPart, number: u32) -> Self {
        let first = part.first_line as usize;
        Self { number, lines: first..first.saturating_add(part.lines as usize), bytes: part.bytes }
    }
}
