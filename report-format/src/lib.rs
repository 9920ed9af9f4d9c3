//! An error report: what it says ([`schema`]), and the container that carries it.
//!
//! A report is written front to back with a [`Writer`], to a file, a pipe or memory. It is read whole with [`Report::read`],
//! or piece by piece with a [`Decoder`], which does no I/O of its own. The bytes are described in `proto/FORMAT.md`.
//!
//! ```
//! use report_format::{Limits, Report, Status, Summary, Writer};
//! use report_format::schema::v1::{Category, Product, SectionKind};
//!
//! let summary = Summary { report_id: vec![7; 16], ..Default::default() };
//! let mut writer = Writer::new(Vec::new(), &summary)?;
//! let product = Product { name: "Ledger".into(), ..Default::default() };
//! writer.write_message(SectionKind::Product, Category::Essential, &product)?;
//! let (bytes, _digest, _length) = writer.finish()?;
//!
//! let report = Report::read(&bytes[..], &Limits::default())?;
//! assert_eq!(report.status(), Status::Complete);
//! assert_eq!(report.message::<Product>(SectionKind::Product)?.unwrap().name, "Ledger");
//! # Ok::<(), report_format::Error>(())
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(clippy::missing_errors_doc, clippy::missing_panics_doc)]

mod assembly;
mod class;
mod codec;
mod decoder;
mod error;
mod file;
mod frame;
mod id;
mod limits;
mod loss;
pub mod memory;
pub mod part;
mod reader;
pub mod rewrite;
pub mod schema;
#[cfg(feature = "seal")]
pub mod seal;
mod section;
mod sniff;
mod width;
mod writer;

pub use class::Class;
pub use decoder::{Decoder, Event};
pub use error::Error;
pub use file::{FileSection, ReportFile};
pub use frame::{CHUNK, MAGIC, MAJOR_VERSION, MAX_PAYLOAD, MAX_SECTIONS};
pub use id::{Digest, ParseIdError, ReportId};
pub use limits::Limits;
pub use loss::{Loss, Status};
pub use reader::{Report, Section, SectionState};
pub use schema::v1::Summary;
pub use section::{Codec, SectionHeader};
pub use writer::{SectionWriter, Writer};

#[cfg(test)]
mod tests {
    #[test]
    fn public_types_cross_threads() {
        fn check<T: Send + Sync + 'static>() {}
        check::<crate::Error>();
        check::<crate::Decoder>();
        check::<crate::Event>();
        check::<crate::Report>();
        check::<crate::Writer<Vec<u8>>>();
    }
}
