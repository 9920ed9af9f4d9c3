//! Sealing: sections encrypted to public keys, by class, so that who may read the stack need not be able to read the memory.
//! `proto/FORMAT.md`, section 11.
//!
//! A sealed section is an [age](https://age-encryption.org/v1) file whose plaintext is a report of its own. Its frames stay in clear: a
//! report can be verified, cut into parts, recovered and redacted without any key. Sealing hides; it does not prove who wrote a report.
//!
//! ```
//! use std::io::Cursor;
//! use report_format::{Limits, Report, Summary, Writer};
//! use report_format::schema::v1::{Category, Product, SectionKind};
//! use report_format::seal::{self, Class, Recipient, Recipients, SecretKey, Unkeyed};
//!
//! let mut writer = Writer::new(Vec::new(), &Summary::default())?;
//! writer.write_message(SectionKind::Product, Category::Essential, &Product { name: "Ledger".into(), ..Default::default() })?;
//! let (clear, ..) = writer.finish()?;
//!
//! let key = SecretKey::generate();
//! let recipient = Recipient { class: Class::Triage, key: key.public().clone(), label: String::new(), expires: None };
//! let recipients = Recipients::new([recipient])?;
//! let mut sealed = Vec::new();
//! seal::seal(Cursor::new(&clear), &mut sealed, &recipients, Unkeyed::Refuse, &Limits::default())?;
//!
//! let mut opened = Vec::new();
//! seal::unseal(Cursor::new(&sealed), &mut opened, &[key], &Limits::default())?;
//! let report = Report::read(&opened[..], &Limits::default())?;
//! assert_eq!(report.message::<Product>(SectionKind::Product)?.unwrap().name, "Ledger");
//! # Ok::<(), report_format::Error>(())
//! ```

mod class;
mod date;
mod key;
mod keyfile;
mod open;
mod read;
mod unlock;
mod write;

pub use class::Class;
pub use date::Date;
pub use key::{KeyId, PublicKey, SecretKey};
pub use keyfile::{LARGEST_KEY_FILE, MOST_KEYS, Recipient, Recipients, StoredKey};
pub use open::{Unsealed, unseal};
pub use read::read;
pub use unlock::{Outcome, SealedSection};
pub use write::{Sealed, Unkeyed, seal};
