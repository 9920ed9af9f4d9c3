//! From a question to a grant.

use std::ops::ControlFlow;
use std::time::{SystemTime, UNIX_EPOCH};

use report_format::ReportId;
use report_format::schema::v1::{Category, ConsentRecord, ConsentSource, Contact};

use super::contact::check_contact;
use super::{CategorySet, ContactError, Draft, LeftOut, Opening, PreviewDigest, Request};

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Send what falls under `categories`.
    Send {
        /// A subset of what was offered.
        categories: CategorySet,
        /// What the person typed; sent only if `categories` holds [`Category::Contact`].
        contact: Option<Contact>,
    },
    /// Do not send; destroy what was collected.
    Decline,
    /// Not now, or no answer at all: keep it, send nothing.
    Later,
}

/// What the person wants to hold from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remember {
    /// Send what was chosen now without asking.
    Always,
    /// Collect and send nothing, and do not ask.
    Never,
    /// The same, until the product's version changes.
    NeverForVersion,
}

/// A choice of the person that was kept: read from the spool, never from the product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// What holds.
    pub remember: Remember,
    /// The version in which it was chosen.
    pub product_version: String,
    /// What *always* covers. A category that was not offered then is not in it.
    pub categories: CategorySet,
    /// When it was chosen: realtime nanoseconds since 1970.
    pub time: u64,
}

/// An answer to one request, and who gave it.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    nonce: [u8; 16],
    digest: PreviewDigest,
    answer: Answer,
    remember: Option<Remember>,
    /// Numbers of the request's parts.
    left_out: Vec<u32>,
    by: ConsentSource,
    time: u64,
}

impl Decision {
    /// What a dialog brings back: it repeats nonce and digest of the request that it answers.
    pub fn of_person(nonce: [u8; 16], digest: PreviewDigest, answer: Answer, remember: Option<Remember>) -> Self {
        let left_out = Vec::new();
        Decision { nonce, digest, answer, remember, left_out, by: ConsentSource::Person, time: now() }
    }

    /// The same, without these parts of what was shown: by their numbers, as the dialog was told them.
    #[must_use]
    #[cfg(any(target_os = "linux", windows))]
    pub(super) fn leaving_out(self, parts: Vec<u32>) -> Self {
        Decision { left_out: parts, ..self }
    }

    /// The same, by the word of `source`.
    #[must_use]
    pub(super) fn said_by(self, source: ConsentSource) -> Self {
        Decision { by: source, ..self }
    }

    /// The answer.
    pub fn answer(&self) -> &Answer {
        &self.answer
    }

    /// What to keep of this decision in a product of this version, if anything.
    ///
    /// *Always* is only kept together with sending and *never* only together with declining; anything else contradicts
    /// itself and is not kept. Nor is *always* where something was left out by itself: nobody would look through the next report.
    pub fn remembered(&self, product_version: &str) -> Option<Remembered> {
        let categories = match (self.remember?, &self.answer) {
            (Remember::Always, Answer::Send { categories, .. }) if self.left_out.is_empty() => {
                categories.without(Category::Contact)
            }
            (Remember::Never | Remember::NeverForVersion, Answer::Decline) => CategorySet::essential(),
            _ => return None,
        };
        let product_version = product_version.to_owned();
        Some(Remembered { remember: self.remember?, product_version, categories, time: self.time })
    }
}

/// Someone who can be asked.
pub trait Asker {
    /// Asks and waits, for a bounded time. Whatever goes wrong is [`Answer::Later`], never consent.
    fn ask(&mut self, request: &Request<'_>) -> Decision;

    /// Told when there will be something to ask. Nothing is to be shown yet: an image of the desktop may be taken.
    fn prepare(&mut self) {}

    /// Told when something can be shown, while what will be asked about is still collected.
    fn open(&mut self, opening: &Opening<'_>) {
        let _ = opening;
    }

    /// Told when what the person wanted to send is ready to be sent: the most recent report first.
    fn queued(&mut self, ids: &[ReportId]) {
        let _ = ids;
    }

    /// Told when enough reports of the kind have been made, and no question comes.
    fn suppressed(&mut self) {}

    /// Whether somebody is there who could be asked now.
    fn can_ask(&self) -> bool {
        true
    }

    /// Whether the product is to wait until the person has answered.
    fn needs_product(&self) -> bool {
        true
    }

    /// Told now and then while all of the program's memory is read, of which `done` of `total` bytes are. `Break`: the person does not want to wait, and
    /// the image is left out.
    fn reading_memory(&mut self, done: u64, total: u64) -> ControlFlow<()> {
        let _ = (done, total);
        ControlFlow::Continue(())
    }

    /// Told once that is over, however it ended: nothing is to be shown of it any more.
    fn memory_is_read(&mut self) {}
}

/// Nobody is there to be asked: what was collected is kept for later.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unattended;

impl Asker for Unattended {
    fn ask(&mut self, request: &Request<'_>) -> Decision {
        request.answered(Answer::Later, None)
    }

    fn can_ask(&self) -> bool {
        false
    }
}

/// Proof of consent: to which bytes, to what of them, given by whom. Only [`settle`] makes one.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    digest: PreviewDigest,
    categories: CategorySet,
    declined: CategorySet,
    left_out: LeftOut,
    left_out_names: Vec<String>,
    contact: Option<Contact>,
    by: ConsentSource,
    time: u64,
    purpose: String,
    recipient: String,
}

impl Grant {
    /// Of the draft that was shown.
    pub fn digest(&self) -> PreviewDigest {
        self.digest
    }

    /// What may be sent.
    pub fn categories(&self) -> CategorySet {
        self.categories
    }

    /// What of that is not sent all the same.
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// What the person typed and wants to be sent.
    pub fn contact(&self) -> Option<&Contact> {
        self.contact.as_ref()
    }

    /// The record that travels in the report.
    pub fn record(&self) -> ConsentRecord {
        ConsentRecord {
            source: self.by as i32,
            time: self.time,
            granted: self.categories.iter().map(|category| category as i32).collect(),
            declined: self.declined.iter().filter(|c| *c != Category::Essential).map(|c| c as i32).collect(),
            stated_purpose: self.purpose.clone(),
            recipient: self.recipient.clone(),
            preview_digest: self.digest.0.to_vec(),
            left_out: self.left_out_names.clone(),
        }
    }
}

/// What a decision comes to.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "one is made per report")]
pub enum Outcome {
    /// Encode and send.
    Granted(Grant),
    /// Destroy what was collected.
    Declined,
    /// Keep it and ask another time.
    Later,
}

/// Why a decision does not count.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConsentError {
    /// The decision answers another request.
    #[error("the decision answers another request")]
    WrongNonce,
    /// What was shown is not what would be sent.
    #[error("the decision is about other bytes than those collected: shown {shown:?}, collected {collected:?}")]
    WrongDigest {
        /// In the decision.
        shown: PreviewDigest,
        /// Of the draft.
        collected: PreviewDigest,
    },
    /// More was granted than asked for.
    #[error("the decision grants {granted:?} where only {offered:?} was offered")]
    NotOffered {
        /// In the decision.
        granted: CategorySet,
        /// In the request.
        offered: CategorySet,
    },
    /// Something is to be left out that was not shown.
    #[error("the decision leaves out {left_out:?}, and one of these numbers was not shown")]
    NotShown {
        /// In the decision.
        left_out: Vec<u32>,
    },
    /// What the person typed cannot be sent as it is. Whoever asked is to check it while they type ([`check_contact`](super::check_contact)).
    #[error("the contact cannot be sent as it was typed")]
    Contact(#[from] ContactError),
}

/// Turns a decision into a grant for one of the drafts that `request` asks about, or refuses. The only way to a [`Grant`].
///
/// # Errors
/// The decision is not one about this draft and this request, or it grants what was not offered.
pub fn settle(draft: &Draft, request: &Request<'_>, decision: Decision) -> Result<Outcome, ConsentError> {
    if decision.nonce != request.nonce() {
        return Err(ConsentError::WrongNonce);
    }
    let collected = draft.digest();
    let asked = request.reports().iter().position(|asked| asked.digest == collected);
    let Some(number) = asked.filter(|_| decision.digest == request.digest()) else {
        return Err(ConsentError::WrongDigest { shown: decision.digest, collected });
    };
    let (categories, contact) = match decision.answer {
        Answer::Decline => return Ok(Outcome::Declined),
        Answer::Later => return Ok(Outcome::Later),
        Answer::Send { categories, contact } => (categories, contact),
    };
    if !categories.is_subset_of(request.offered()) {
        return Err(ConsentError::NotOffered { granted: categories, offered: request.offered() });
    }
    // What is offered of one report can be ruled out for another.
    let offered = request.reports()[number].offered;
    let categories = categories.and(offered);
    let left_out = LeftOut::of(&decision.left_out, request, number, categories)
        .ok_or(ConsentError::NotShown { left_out: decision.left_out })?;
    let contact = contact.filter(|contact| categories.contains(Category::Contact) && *contact != Contact::default());
    contact.as_ref().map_or(Ok(()), check_contact)?;
    Ok(Outcome::Granted(Grant {
        digest: collected,
        categories,
        declined: offered.minus(categories),
        left_out_names: left_out.names(draft),
        left_out,
        contact,
        by: decision.by,
        time: decision.time,
        purpose: request.notice().purpose.clone(),
        recipient: request.notice().recipient.clone(),
    }))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use report_format::ReportId;
    use report_format::schema::v1::{ErrorKind, Product};

    use super::*;
    use crate::consent::{MemoryDraft, Notice};

    fn draft() -> Draft {
        let mut draft = Draft::new(ReportId([1; 16]), Product::default(), [2; 16], ErrorKind::Crash, 7);
        let section = report_format::schema::v1::SectionKind::Actions;
        draft.push(section, Category::Actions, &report_format::schema::v1::Actions::default());
        draft
    }

    fn send(categories: CategorySet) -> Answer {
        Answer::Send { categories, contact: None }
    }

    #[test]
    fn an_answer_to_another_request_does_not_count() {
        let (draft, notice) = (draft(), Notice::default());
        let first = Request::new(&draft, &notice, CategorySet::all()).unwrap();
        let second = Request::new(&draft, &notice, CategorySet::all()).unwrap();
        let decision = first.answered(send(CategorySet::essential()), None);
        assert_eq!(settle(&draft, &second, decision), Err(ConsentError::WrongNonce));
    }

    #[test]
    fn an_answer_about_other_bytes_does_not_count() {
        let (draft, notice) = (draft(), Notice::default());
        let request = Request::new(&draft, &notice, CategorySet::all()).unwrap();
        let decision = request.answered(send(CategorySet::essential()), None);
        let mut changed = draft.clone();
        changed.sections[1].payload.push(0);
        assert!(matches!(settle(&changed, &request, decision), Err(ConsentError::WrongDigest { .. })));
    }

    #[test]
    fn more_than_was_offered_cannot_be_granted() {
        let (draft, notice) = (draft(), Notice::default());
        let request = Request::new(&draft, &notice, CategorySet::essential()).unwrap();
        let decision = request.answered(send(CategorySet::all()), None);
        assert!(matches!(settle(&draft, &request, decision), Err(ConsentError::NotOffered { .. })));
    }

    #[test]
    fn every_change_of_a_draft_changes_its_digest() {
        let draft = draft();
        let changes: [fn(&mut Draft); 6] = [
            |draft| draft.id = ReportId([9; 16]),
            |draft| draft.time += 1,
            |draft| draft.kind = ErrorKind::Hang,
            |draft| draft.sections.swap(0, 1),
            |draft| draft.sections[1].category = Category::Memory,
            |draft| draft.sections[0].payload.push(1),
        ];
        for change in changes {
            let mut changed = draft.clone();
            change(&mut changed);
            assert_ne!(changed.digest(), draft.digest());
        }
    }

    #[test]
    fn a_memory_image_is_part_of_what_is_shown_and_off_until_it_is_chosen() {
        let memory =
            MemoryDraft { sha256: [3; 32], bytes: 1, covered: 2, stored: 3, unreadable: 4, erased: 5, regions: 6 };
        let draft = Draft { memory: Some(memory), ..draft() };
        let changes: [fn(&mut MemoryDraft); 7] = [
            |memory| memory.sha256[31] ^= 1,
            |memory| memory.bytes += 1,
            |memory| memory.covered += 1,
            |memory| memory.stored += 1,
            |memory| memory.unreadable += 1,
            |memory| memory.erased += 1,
            |memory| memory.regions += 1,
        ];
        for change in changes {
            let mut changed = memory;
            change(&mut changed);
            assert_ne!(Draft { memory: Some(changed), ..draft.clone() }.digest(), draft.digest());
        }
        assert_ne!(Draft { memory: None, ..draft.clone() }.digest(), draft.digest());
        assert_eq!(draft.size_of(Category::FullMemory), 1);
        let notice = Notice::default();
        let request = Request::new(&draft, &notice, CategorySet::all()).unwrap();
        assert!(request.offered().contains(Category::FullMemory));
        assert!(!request.preselected().contains(Category::FullMemory));
    }

    #[test]
    fn a_contact_that_cannot_be_sent_is_refused_and_one_that_is_not_sent_does_not_matter() {
        let (draft, notice) = (draft(), Notice::default());
        let request = Request::new(&draft, &notice, CategorySet::all()).unwrap();
        let contact = || Some(Contact { email: "anna@".into(), ..Contact::default() });
        let with = CategorySet::essential().with(Category::Contact);
        let answer = |categories| request.answered(Answer::Send { categories, contact: contact() }, None);
        let refused = settle(&draft, &request, answer(with));
        assert_eq!(refused, Err(ConsentError::Contact(ContactError::Email)));
        assert!(matches!(settle(&draft, &request, answer(CategorySet::essential())), Ok(Outcome::Granted(_))));
    }

    #[test]
    fn the_record_names_what_was_left_out_and_a_contact_needs_its_switch() {
        let draft = draft();
        let notice =
            Notice { purpose: "to fix it".into(), recipient: "support@vendor.example".into(), ..Notice::default() };
        let request = Request::new(&draft, &notice, CategorySet::all()).unwrap();
        let contact = Some(Contact { email: "anna@example.com".into(), ..Contact::default() });
        let answer = Answer::Send { categories: CategorySet::essential(), contact };
        let Ok(Outcome::Granted(grant)) = settle(&draft, &request, request.answered(answer, None)) else {
            panic!("a subset of what was offered is granted")
        };
        let record = grant.record();
        assert_eq!(record.granted, [Category::Essential as i32]);
        assert_eq!(record.declined, [Category::Actions as i32, Category::Contact as i32]);
        assert_eq!(record.recipient, "support@vendor.example");
        assert_eq!(grant.contact(), None);
    }

    #[test]
    fn nobody_to_ask_means_later() {
        let (draft, notice) = (draft(), Notice::default());
        let request = Request::new(&draft, &notice, CategorySet::all()).unwrap();
        assert_eq!(settle(&draft, &request, Unattended.ask(&request)), Ok(Outcome::Later));
    }

    #[test]
    fn what_contradicts_itself_is_not_remembered() {
        let (draft, notice) = (draft(), Notice::default());
        let request = Request::new(&draft, &notice, CategorySet::all()).unwrap();
        assert_eq!(request.answered(Answer::Later, Some(Remember::Always)).remembered("1"), None);
        assert_eq!(request.answered(Answer::Decline, Some(Remember::Always)).remembered("1"), None);
        let always = request.answered(send(CategorySet::all()), Some(Remember::Always)).remembered("1").unwrap();
        assert!(!always.categories.contains(Category::Contact), "what was typed once is not typed for ever");
    }
}
