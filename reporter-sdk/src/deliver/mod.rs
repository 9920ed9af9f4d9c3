//! From the spool to support: one [`Parcel`] over one [`Transport`], and what became of it.
//!
//! A transport makes one attempt and says what happened. When to try again, and keeping the report until somebody has it, are the
//! [spool](crate::spool)'s: nothing here deletes a report.

#[cfg_attr(not(any(target_os = "linux", windows)), expect(dead_code, reason = "for the handler alone"))]
mod configured;
mod connection;
mod eml;
mod error;
mod message;
mod smtp;
mod stub;
mod trust;

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::sync::Arc;

use uuid::Uuid;

#[cfg(any(target_os = "linux", windows))]
pub(crate) use configured::{Way, transport, way};
pub use eml::EmlDirectory;
pub use error::{DeliverError, Step};
pub use message::Mail;
#[cfg(any(target_os = "linux", windows))]
pub(crate) use smtp::Offer;
pub use smtp::{Smtp, SmtpSettings, Tls};
pub use stub::{Delivered, Stub};

/// A way to support. One call is one attempt: bounded in time, and without any try of its own to repeat it.
///
/// ```
/// use reporter_sdk::deliver::{DeliverError, Parcel, Receipt, Transport};
///
/// /// Says yes to everything.
/// struct Accepting;
///
/// impl Transport for Accepting {
///     fn send(&mut self, parcel: &Parcel) -> Result<Receipt, DeliverError> {
///         Ok(Receipt::new(parcel.message_id("example.com"), "kept"))
///     }
/// }
/// ```
pub trait Transport {
    /// Hands the parcel over. `Ok` means that the other side has taken responsibility for it.
    ///
    /// # Errors
    ///
    /// Whoever is to blame, see [`DeliverError`]. The report stays where it is; the error only says when another
    /// attempt makes sense.
    fn send(&mut self, parcel: &Parcel) -> Result<Receipt, DeliverError>;
}

/// Proof that a parcel was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// The Message-ID: the same for every attempt at one report, so that support counts it once.
    pub id: String,
    /// What the other side said, made fit for a log: the mail server's last answer, a file's path.
    pub answer: String,
}

impl Receipt {
    /// A receipt for a transport of one's own. See [`Receipt::id`] and [`Receipt::answer`].
    pub fn new(id: impl Into<String>, answer: impl Into<String>) -> Self {
        Self { id: id.into(), answer: answer.into() }
    }
}

/// Which product the report is about: what its vendor wrote into the product, for a person to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Product {
    /// Who makes it.
    pub vendor: String,
    /// What it is called.
    pub name: String,
    /// Which one failed.
    pub version: String,
}

/// A report that may leave the machine: granted, encoded, and bound to its bytes by their digest.
///
/// There is no public way to make one. The spool makes them from what `encode` wrote, and `encode` wants a grant.
pub struct Parcel {
    id: Uuid,
    product: Product,
    time: u64,
    report: File,
    size: u64,
    sha256: [u8; 32],
    is_test: bool,
    watch: Option<Watch>,
}

/// Told how many bytes of a report were read to be sent. `Break`: it is not to be sent any more.
pub(crate) type Watch = Arc<dyn Fn(u64) -> ControlFlow<()> + Send + Sync>;

impl Parcel {
    /// `report` is open for reading and holds `size` bytes with this digest; `time` is when the error happened, in
    /// nanoseconds since the epoch, UTC. The transport checks size and digest again while it sends.
    #[cfg_attr(not(feature = "test-support"), allow(dead_code, reason = "the spool makes parcels"))]
    pub(crate) fn new(id: Uuid, product: Product, time: u64, report: File, size: u64, sha256: [u8; 32]) -> Self {
        Self { id, product, time, report, size, sha256, is_test: false, watch: None }
    }

    /// Nothing went wrong: somebody tries the way to support, and the mail says so.
    #[cfg_attr(not(any(target_os = "linux", windows)), expect(dead_code, reason = "for the handler alone"))]
    pub(crate) fn of_test(self, is_test: bool) -> Self {
        Self { is_test, ..self }
    }

    /// Tells `watch` as it is sent.
    #[cfg_attr(not(any(target_os = "linux", windows)), expect(dead_code, reason = "for the handler alone"))]
    pub(crate) fn watched(self, watch: Option<Watch>) -> Self {
        Self { watch, ..self }
    }

    /// The same, for the tests in `tests/`, which are not part of this crate.
    #[cfg(feature = "test-support")]
    #[doc(hidden)]
    pub fn for_tests(id: Uuid, product: Product, time: u64, report: File, size: u64, sha256: [u8; 32]) -> Self {
        Self::new(id, product, time, report, size, sha256)
    }

    /// The report's id.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The product that the report is about.
    pub fn product(&self) -> &Product {
        &self.product
    }

    /// When the error happened: nanoseconds since the epoch, UTC.
    pub fn time(&self) -> u64 {
        self.time
    }

    /// Whether it is a test report: one that somebody asked for, to try the way to support.
    pub fn is_test(&self) -> bool {
        self.is_test
    }

    /// Bytes of the encoded report.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// SHA-256 of the encoded report.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// The encoded report from its start. One reader at a time: they share the file's position.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn content(&self) -> io::Result<impl Read + '_> {
        let mut file = &self.report;
        file.seek(SeekFrom::Start(0))?;
        Ok(Watched { file, read: 0, watch: self.watch.as_ref() })
    }

    /// What the mail is known by, without the angle brackets. It depends on the report alone, never on the attempt.
    pub fn message_id(&self, domain: &str) -> String {
        format!("{}@{domain}", self.id)
    }
}

/// Tells how far it was read.
struct Watched<'a> {
    file: &'a File,
    read: u64,
    watch: Option<&'a Watch>,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.watch.is_some_and(|watch| watch(self.read).is_break()) {
            return Err(io::Error::other("it is not to be sent any more"));
        }
        let read = self.file.read(buffer)?;
        self.read += read as u64;
        Ok(read)
    }
}

impl fmt::Debug for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parcel").field("id", &self.id).field("size", &self.size).finish_non_exhaustive()
    }
}

/// Lower-case hexadecimal, two digits a byte.
fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// One line that is safe in a log, a terminal or a header: control and bidirectional-override characters become
/// spaces, runs of spaces one, and at most `limit` characters stay.
///
/// Situation: a mail server's answer is written by somebody else, and lands in the spool's state and in the log.
pub(crate) fn one_line(text: &str, limit: usize) -> String {
    let harmless = |c: char| {
        let steers = matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || steers { ' ' } else { c }
    };
    let cleaned: String = text.chars().map(harmless).collect();
    let joined = cleaned.split_whitespace().collect::<Vec<_>>().join(" ");
    match joined.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &joined[..end]),
        None => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_from_elsewhere_cannot_steer_a_terminal() {
        assert_eq!(one_line("550 \x1b[2Jno\r\nsuch \u{202e}user", 100), "550 [2Jno such user");
        assert_eq!(one_line("aaaa", 3), "aaa…");
        assert_eq!(one_line("aaa", 3), "aaa");
    }

    #[test]
    fn a_digest_is_written_in_lower_case() {
        assert_eq!(hex(&[0, 0xAB, 0x10]), "00ab10");
    }
}
