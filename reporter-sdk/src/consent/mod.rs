//! Consent as a type. What was collected is a [`Draft`]; what is shown of it is a [`Request`]; the answer is a [`Decision`];
//! and only [`settle`] turns the three into a [`Grant`], without which nothing is encoded and hence nothing is sent.
//!
//! Who decides, first match wins (see [`Policies::resolve`]):
//!
//! 1. *never* of the machine's administrator, of the product for this kind of error, or of the person: nothing is sent;
//! 2. a grade of the machine's administrator that sends without asking: *basic*, *safe*, *everything*;
//! 3. *always* remembered from the person;
//! 4. the person is asked. No answer, no terminal, no time: [`Answer::Later`], the draft is kept, nothing is sent.
//!
//! A product can say *ask* or *never*. It has no way to say *always*: [`ProductPolicy`] has no such value. Where it asks by a dialog of its own, it vouches for what
//! that brings back: nobody here can tell whether a person has seen it. The record of that report names the dialog; of an *always* said there, later ones say *remembered*.

mod administrator;
mod category;
mod contact;
mod decision;
mod draft;
#[cfg(any(target_os = "linux", windows))]
mod exchange;
mod hex;
#[cfg(any(target_os = "linux", windows))]
mod look;
mod parts;
mod policy;
#[cfg_attr(not(any(target_os = "linux", windows)), expect(dead_code, reason = "for the question in a terminal"))]
mod preview;
#[cfg(any(target_os = "linux", windows))]
mod prompt;
#[cfg(any(target_os = "linux", windows))]
mod reading;
mod request;
#[cfg(any(target_os = "linux", windows))]
mod selection;
#[cfg(any(target_os = "linux", windows))]
mod tty;
mod wire;

pub use crate::schema::Notice;
pub use administrator::{AdministratorConsent, AdministratorPolicy};
pub use category::{CategorySet, category_name, category_title};
pub use contact::{ContactError, DESCRIPTION_LIMIT, EMAIL_LIMIT, NAME_LIMIT, check_contact};
pub use decision::{Answer, Asker, ConsentError, Decision, Grant, Outcome, Remember, Remembered, Unattended, settle};
pub use draft::{Draft, DraftSection, MemoryDraft, PreviewDigest};
#[cfg(any(target_os = "linux", windows))]
pub(crate) use exchange::{Answered, decision, opening, question};
pub use parts::LeftOut;
pub use policy::{Policies, ProductPolicy, Refuser, Resolution};
#[cfg(any(target_os = "linux", windows))]
pub use prompt::TerminalAsker;
pub use request::{Opening, Request, SaveError};
#[cfg(any(target_os = "linux", windows))]
pub use tty::ProductId;
