//! `reporter_consent_request_t`: for a dialog of the product's own, what the person is to be asked.

use std::{
    collections::BTreeSet,
    ffi::{CString, c_char},
    mem::MaybeUninit,
    ptr,
};

use reporter_sdk::{Category, ConsentAnswer, ConsentRequest, Contact, Never, Offer, Part};

use crate::{
    ffi::{Choice, Failure, Given, Raw, borrow, boundary, boundary_or, c_text, give, meaning, read_all, take},
    policy::reporter_category_t,
    status::reporter_status_t::{self, *},
};

/// The category of what every report holds: what went wrong, in which product. It has no switch.
pub const REPORTER_CATEGORY_ESSENTIAL: i32 = 1;

/// What a person is to be asked about one report, in a program that the product named by reporter_options_set_dialog().
///
/// The handler starts that program for each question, without arguments, in the environment that the product had at its start. It
/// gets the request by reporter_consent_request_read(), shows it, and gives the person's answer by reporter_consent_request_answer(). It decides nothing itself, and
/// writes nothing else to its standard output. A program that ends well without an answer, or has none in the time of
/// reporter_consent_request_timeout(), has said REPORTER_ANSWER_LATER. Its answer is checked against the question, and the report says that the product's
/// own dialog gave it. The product does not wait meanwhile.
#[derive(Debug)]
pub struct reporter_consent_request_t {
    request: ConsentRequest,
    texts: [CString; TEXTS],
    contents: Vec<CString>,
    chosen: Vec<Category>,
    /// Numbers of parts.
    left_out: BTreeSet<u32>,
    contact: Contact,
}

/// A text of the question.
#[repr(i32)]
#[derive(Clone, Copy, Debug)]
pub enum reporter_question_t {
    /// Whose error it is: the product's name, its version and its vendor.
    REPORTER_QUESTION_PRODUCT = 1,
    REPORTER_QUESTION_VERSION = 2,
    REPORTER_QUESTION_VENDOR = 3,
    /// What happened, in a line, or in one for each error where the question is about several; can be empty. It can quote the product, or what the product was fed with.
    REPORTER_QUESTION_TITLE = 4,
    /// What the data may be used for, who receives it, who may read it, how long it is kept, and how the person has it deleted: the notice of the options. To be shown where not empty.
    REPORTER_QUESTION_PURPOSE = 5,
    REPORTER_QUESTION_RECIPIENT = 6,
    REPORTER_QUESTION_ACCESS = 7,
    REPORTER_QUESTION_RETENTION = 8,
    REPORTER_QUESTION_ERASURE = 9,
}

const TEXTS: usize = 9;

// SAFETY: it is `repr(i32)`.
unsafe impl Choice for reporter_question_t {
    /// Where in `texts` it is.
    type Meaning = usize;
    const WHAT: &'static str = "text of the question";
    const MEANINGS: &'static [(Self, usize)] = &[
        (Self::REPORTER_QUESTION_PRODUCT, 0),
        (Self::REPORTER_QUESTION_VERSION, 1),
        (Self::REPORTER_QUESTION_VENDOR, 2),
        (Self::REPORTER_QUESTION_TITLE, 3),
        (Self::REPORTER_QUESTION_PURPOSE, 4),
        (Self::REPORTER_QUESTION_RECIPIENT, 5),
        (Self::REPORTER_QUESTION_ACCESS, 6),
        (Self::REPORTER_QUESTION_RETENTION, 7),
        (Self::REPORTER_QUESTION_ERASURE, 8),
    ];
}

/// One switch of the dialog, and what it stands for.
#[repr(C)]
#[derive(Debug)]
pub struct reporter_offer_t {
    /// A reporter_category_t, or REPORTER_CATEGORY_ESSENTIAL, which is sent whatever is chosen. REPORTER_CATEGORY_CONTACT is what the person may add.
    pub category: i32,
    /// Whether it is sent if the person leaves the choice as it is.
    pub chosen: bool,
    /// Before compression; of a memory image, as it would be sent.
    pub bytes: u64,
    /// Every field exactly as it would be sent, a line each. Control characters are escaped. The request's, as long as that lives.
    pub contents: *const c_char,
}

/// Lines of an offer's contents that can be left out by themselves: those of one field, or of one section with all its fields, such as a file. Parts lie in one another; what holds others
/// comes before them, and they go with it.
#[repr(C)]
#[derive(Debug)]
pub struct reporter_part_t {
    /// In reporter_offer_t::contents, from 0 on.
    pub first_line: usize,
    pub lines: usize,
    /// About so much less is sent without it.
    pub bytes: u64,
    /// Whether reporter_consent_request_leave_out() has left it out.
    pub left_out: bool,
}

/// What the person types.
#[repr(i32)]
#[derive(Clone, Copy, Debug)]
pub enum reporter_contact_t {
    /// At most 100 characters, as the last name.
    REPORTER_CONTACT_FIRST_NAME = 1,
    REPORTER_CONTACT_LAST_NAME = 2,
    /// At most 254 bytes. One that nobody can write to makes the whole answer void.
    REPORTER_CONTACT_EMAIL = 3,
    /// What the person saw. At most 4,000 characters.
    REPORTER_CONTACT_DESCRIPTION = 4,
    /// In which to answer: a language tag such as "de" or "pt-BR".
    REPORTER_CONTACT_LANGUAGE = 5,
}

type ContactField = fn(&mut Contact) -> &mut String;

// SAFETY: it is `repr(i32)`.
unsafe impl Choice for reporter_contact_t {
    type Meaning = ContactField;
    const WHAT: &'static str = "part of a contact";
    const MEANINGS: &'static [(Self, ContactField)] = &[
        (Self::REPORTER_CONTACT_FIRST_NAME, |contact| &mut contact.first_name),
        (Self::REPORTER_CONTACT_LAST_NAME, |contact| &mut contact.last_name),
        (Self::REPORTER_CONTACT_EMAIL, |contact| &mut contact.email),
        (Self::REPORTER_CONTACT_DESCRIPTION, |contact| &mut contact.description),
        (Self::REPORTER_CONTACT_LANGUAGE, |contact| &mut contact.language),
    ];
}

/// What the person says.
#[repr(i32)]
#[derive(Clone, Copy, Debug)]
pub enum reporter_answer_t {
    /// Send what is chosen.
    REPORTER_ANSWER_SEND = 1,
    /// And from now on send the same categories without asking.
    REPORTER_ANSWER_SEND_ALWAYS = 2,
    /// Send nothing, and destroy what was collected.
    REPORTER_ANSWER_DECLINE = 3,
    /// And collect nothing until the product's version changes.
    REPORTER_ANSWER_DECLINE_FOR_VERSION = 4,
    /// And collect nothing, and do not ask, from now on.
    REPORTER_ANSWER_DECLINE_ALWAYS = 5,
    /// Keep it, and ask another time.
    REPORTER_ANSWER_LATER = 6,
    /// This program cannot show anything here, for want of a display. The person is asked in the product's terminal, if there is one.
    REPORTER_ANSWER_CANNOT_ASK = 7,
}

/// How an answer is made of what was chosen and typed.
type Answering = fn(Vec<Category>, Contact) -> ConsentAnswer;

// SAFETY: it is `repr(i32)`.
unsafe impl Choice for reporter_answer_t {
    type Meaning = Answering;
    const WHAT: &'static str = "answer";
    const MEANINGS: &'static [(Self, Answering)] = &[
        (Self::REPORTER_ANSWER_SEND, |categories, contact| send(categories, contact, false)),
        (Self::REPORTER_ANSWER_SEND_ALWAYS, |categories, contact| send(categories, contact, true)),
        (Self::REPORTER_ANSWER_DECLINE, |_, _| ConsentAnswer::Decline(Never::ThisTime)),
        (Self::REPORTER_ANSWER_DECLINE_FOR_VERSION, |_, _| ConsentAnswer::Decline(Never::ForThisVersion)),
        (Self::REPORTER_ANSWER_DECLINE_ALWAYS, |_, _| ConsentAnswer::Decline(Never::Again)),
        (Self::REPORTER_ANSWER_LATER, |_, _| ConsentAnswer::Later),
        (Self::REPORTER_ANSWER_CANNOT_ASK, |_, _| ConsentAnswer::CannotAsk),
    ];
}

fn send(categories: Vec<Category>, contact: Contact, always: bool) -> ConsentAnswer {
    ConsentAnswer::Send { categories, contact: Some(contact), always }
}

/// The request that this process was started for, from its standard input. Once. NULL where there is none, as where a person has started the
/// program: reporter_last_error() tells why.
///
/// The caller owns it. reporter_start() is not needed, and not to be called in this program.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_consent_request_read() -> *mut reporter_consent_request_t {
    boundary_or(ptr::null_mut(), || Ok(give(reporter_consent_request_t::new(ConsentRequest::read()?))))
}

impl reporter_consent_request_t {
    fn new(request: ConsentRequest) -> Self {
        let (product, notice) = (request.product(), request.notice());
        let texts = [
            &*product.name,
            &product.version,
            &product.vendor,
            request.title(),
            &notice.purpose,
            &notice.recipient,
            &notice.access,
            &notice.retention,
            &notice.erasure,
        ];
        Self {
            texts: texts.map(c_text),
            contents: request.offers().iter().map(|offer| c_text(&offer.contents)).collect(),
            chosen: request.chosen().collect(),
            left_out: BTreeSet::new(),
            contact: Contact::default(),
            request,
        }
    }

    fn offer(&self, index: usize) -> Result<&Offer, Failure> {
        let offers = self.request.offers();
        offers.get(index).ok_or_else(|| none("offer", index, offers.len()))
    }

    fn part(&self, offer: usize, index: usize) -> Result<&Part, Failure> {
        let parts = &self.offer(offer)?.parts;
        parts.get(index).ok_or_else(|| none("part", index, parts.len()))
    }
}

/// Frees a request without an answer: the same as REPORTER_ANSWER_LATER once the program ends. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_consent_request_free(request: *mut reporter_consent_request_t) {
    boundary_or((), || {
        if !request.is_null() {
            // SAFETY: the caller gives up what it got from `reporter_consent_request_read`.
            drop(unsafe { take("request", request) }?);
        }
        Ok(())
    });
}

/// Looks into a request, inside the boundary.
///
/// # Safety
/// As [`borrow`].
unsafe fn look<T>(
    request: *mut reporter_consent_request_t,
    otherwise: T,
    at: impl FnOnce(&reporter_consent_request_t) -> Result<T, Failure>,
) -> T {
    boundary_or(otherwise, || {
        // SAFETY: as this function's caller promises.
        at(unsafe { borrow("request", request) }?)
    })
}

/// A text of the question, empty where there is none. The request's, as long as that lives. NULL on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_consent_request_text(
    request: *mut reporter_consent_request_t,
    text: MaybeUninit<reporter_question_t>,
) -> *const c_char {
    // SAFETY: the caller answers for the pointer.
    unsafe { look(request, ptr::null(), |request| Ok(request.texts[meaning(text)?].as_ptr())) }
}

/// What kind of error it is: a reporter_kind_t, 0 where it is none that this release knows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_consent_request_kind(request: *mut reporter_consent_request_t) -> i32 {
    // SAFETY: the caller answers for the pointer.
    unsafe { look(request, 0, |request| Ok(request.request.kind() as i32)) }
}

/// How many errors the question is about: one, or several that have waited for an answer, which holds for all of them. 0 on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_consent_request_reports(request: *mut reporter_consent_request_t) -> usize {
    // SAFETY: the caller answers for the pointer.
    unsafe { look(request, 0, |request| Ok(request.request.reports())) }
}

/// How long the handler waits for the answer, in milliseconds from the start of this program on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_consent_request_timeout(request: *mut reporter_consent_request_t) -> u32 {
    // SAFETY: the caller answers for the pointer.
    unsafe { look(request, 0, |request| Ok(request.request.timeout().as_millis().try_into().unwrap_or(u32::MAX))) }
}

/// What may be sent, one switch for each index from 0 on, in the order in which it is shown. REPORTER_ERROR_ARGUMENT behind the last one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_consent_request_offer(
    request: *mut reporter_consent_request_t,
    index: usize,
    offer: *mut reporter_offer_t,
) -> reporter_status_t {
    boundary(|| {
        // SAFETY: the caller answers for the pointers.
        let request = unsafe { borrow("request", request) }?;
        let (known, contents) = (request.offer(index)?, &request.contents[index]);
        let told = reporter_offer_t {
            category: known.category.into(),
            chosen: known.category == Category::Essential || request.chosen.contains(&known.category),
            bytes: known.bytes,
            contents: contents.as_ptr(),
        };
        // SAFETY: the caller answers for the place.
        unsafe { put("offer", offer, told) }
    })
}

/// What can be left out of an offer by itself, one part for each index from 0 on. REPORTER_ERROR_ARGUMENT behind the last one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_consent_request_part(
    request: *mut reporter_consent_request_t,
    offer: usize,
    index: usize,
    part: *mut reporter_part_t,
) -> reporter_status_t {
    boundary(|| {
        // SAFETY: the caller answers for the pointer.
        let request = unsafe { borrow("request", request) }?;
        let known = request.part(offer, index)?;
        let told = reporter_part_t {
            first_line: known.lines.start,
            lines: known.lines.len(),
            bytes: known.bytes,
            left_out: request.left_out.contains(&known.number),
        };
        // SAFETY: the caller answers for the place.
        unsafe { put("part", part, told) }
    })
}

/// Leaves a part out of what is sent, or takes it in again. With one left out REPORTER_ANSWER_SEND_ALWAYS is REPORTER_ANSWER_SEND: nobody would look through the next report.
/// REPORTER_ERROR_ARGUMENT where there is no such part.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_consent_request_leave_out(
    request: *mut reporter_consent_request_t,
    offer: usize,
    index: usize,
    left_out: bool,
) -> reporter_status_t {
    boundary(|| {
        // SAFETY: the caller answers for the pointer.
        let request = unsafe { borrow("request", request) }?;
        let number = request.part(offer, index)?.number;
        if left_out {
            request.left_out.insert(number);
        } else {
            request.left_out.remove(&number);
        }
        Ok(())
    })
}

/// An image of the desktop, one for each index from 0 on: a PNG file, the request's as long as that lives. REPORTER_ERROR_ARGUMENT behind the last one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_consent_request_image(
    request: *mut reporter_consent_request_t,
    index: usize,
    png: *mut *const u8,
    length: *mut usize,
) -> reporter_status_t {
    boundary(|| {
        // SAFETY: the caller answers for the pointers.
        let request = unsafe { borrow("request", request) }?;
        let images = || request.request.offers().iter().flat_map(|offer| &offer.images);
        let image = images().nth(index).ok_or_else(|| none("image", index, images().count()))?;
        if length.is_null() {
            return Err(Failure::new(REPORTER_ERROR_NULL, "length is NULL"));
        }
        // SAFETY: the caller answers for the place.
        unsafe { put("png", png, image.as_ptr()) }?;
        // SAFETY: the caller answers for the place.
        unsafe { put("length", length, image.len()) }
    })
}

fn none(what: &str, index: usize, count: usize) -> Failure {
    Failure::new(REPORTER_ERROR_ARGUMENT, format!("there are {count} of {what}, and none of number {index}"))
}

/// # Safety
/// `place` is NULL, or room for a value.
unsafe fn put<T>(what: &str, place: *mut T, value: T) -> Result<(), Failure> {
    if place.is_null() {
        return Err(Failure::new(REPORTER_ERROR_NULL, format!("{what} is NULL")));
    }
    // SAFETY: as this function's caller promises.
    unsafe { place.write(value) };
    Ok(())
}

/// Sets a switch as the person does. REPORTER_ERROR_ARGUMENT for a category that is not offered.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_consent_request_choose(
    request: *mut reporter_consent_request_t,
    category: MaybeUninit<reporter_category_t>,
    chosen: bool,
) -> reporter_status_t {
    boundary(|| {
        // SAFETY: the caller answers for the pointer.
        let request = unsafe { borrow("request", request) }?;
        let category = meaning(category)?;
        if !request.request.offers().iter().any(|offer| offer.category == category) {
            let text = format!("the category of number {} is not offered", category as i32);
            return Err(Failure::new(REPORTER_ERROR_ARGUMENT, text));
        }
        request.chosen.retain(|known| *known != category);
        if chosen {
            request.chosen.push(category);
        }
        Ok(())
    })
}

/// Sets what the person has typed. Sent with REPORTER_CATEGORY_CONTACT, which is chosen until it is switched off.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_consent_request_set_contact(
    request: *mut reporter_consent_request_t,
    contact: MaybeUninit<reporter_contact_t>,
    text: *const c_char,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { set_contact(request, contact, Raw::terminated("text", text)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_consent_request_set_contact_n(
    request: *mut reporter_consent_request_t,
    contact: MaybeUninit<reporter_contact_t>,
    text: *const c_char,
    length: usize,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { set_contact(request, contact, Raw::counted("text", text, length)) }
}

/// # Safety
/// As [`borrow`] for `request` and [`given`](crate::ffi::given) for `text`.
unsafe fn set_contact(
    request: *mut reporter_consent_request_t,
    contact: MaybeUninit<reporter_contact_t>,
    text: Raw,
) -> reporter_status_t {
    boundary(|| {
        // SAFETY: as this function's caller promises.
        let request = unsafe { borrow("request", request) }?;
        // SAFETY: as this function's caller promises.
        let [text]: [Given<'_>; 1] = unsafe { read_all([text]) }?;
        let field = meaning(contact)?;
        text.text()?.clone_into(field(&mut request.contact));
        Ok(())
    })
}

/// Gives the person's answer; the program is to end then. Takes `request` in any case: the caller must not use or free it any more.
/// REPORTER_ERROR_IO if the handler does not wait any more; nothing is sent then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_consent_request_answer(
    request: *mut reporter_consent_request_t,
    answer: MaybeUninit<reporter_answer_t>,
) -> reporter_status_t {
    boundary(|| {
        // SAFETY: the caller gives up what it got from `reporter_consent_request_read`.
        let reporter_consent_request_t { request, chosen, left_out, contact, .. } =
            *unsafe { take("request", request) }?;
        let left_out: Vec<u32> = left_out.into_iter().collect();
        request.answer_without(meaning(answer)?(chosen, contact), &left_out)?;
        Ok(())
    })
}
