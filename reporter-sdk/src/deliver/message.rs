//! The mail around a report: headers, a few lines for a person, the report as one attachment.
//!
//! Nothing in it is of the machine or its user: no host name, no user name, no local time, no program name. It is
//! made piece by piece, so that a report of any size takes the same memory.

use std::fmt;
use std::io::Read;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lettre::Address;
use lettre::message::header::{self, HeaderName, HeaderValue, Headers};
use lettre::message::{Mailbox, Mailboxes, SinglePart};
use sha2::{Digest, Sha256};

use super::{DeliverError, Parcel, hex, one_line};

/// 57 bytes make the 76 characters that RFC 2045 allows on a line.
const LINE: usize = 57;
/// What is read, encoded and handed on at a time: about 29 kB of report, 40 kB of mail.
const BLOCK: usize = LINE * 512;
/// More of a product's name than this helps nobody.
const LONGEST_NAME: usize = 80;

/// Who writes to whom: fixed by the product, never by the user or by a report.
///
/// ```
/// use reporter_sdk::deliver::Mail;
///
/// let mail = Mail::new("errors@ledger.example", ["Support <support@ledger.example>"])?;
/// # Ok::<(), reporter_sdk::deliver::DeliverError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Mail {
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Mail {
    /// `from` is an address of the vendor's (the user's own would fail SPF and DMARC), `to` where support reads.
    ///
    /// # Errors
    ///
    /// [`DeliverError::Usage`]: an address is not one, is not ASCII, or there is no recipient.
    pub fn new<'a>(from: &str, to: impl IntoIterator<Item = &'a str>) -> Result<Self, DeliverError> {
        let mail = Self { from: mailbox(from)?, to: to.into_iter().map(mailbox).collect::<Result<_, _>>()? };
        if mail.to.is_empty() {
            return Err(DeliverError::Usage {
                what: "there is no recipient: name one in the product's mail settings".into(),
            });
        }
        Ok(mail)
    }

    /// The sender in the envelope.
    pub(super) fn sender(&self) -> &Address {
        &self.from.email
    }

    /// The recipients in the envelope.
    pub(super) fn recipients(&self) -> impl Iterator<Item = &Address> {
        self.to.iter().map(|mailbox| &mailbox.email)
    }

    /// The Message-ID of the mail with this parcel.
    pub(super) fn message_id(&self, parcel: &Parcel) -> String {
        parcel.message_id(self.from.email.domain())
    }
}

fn mailbox(text: &str) -> Result<Mailbox, DeliverError> {
    let usage = |why: &dyn fmt::Display| DeliverError::Usage {
        what: format!("{:?} is no mail address: {why}", one_line(text, LONGEST_NAME)),
    };
    let mailbox: Mailbox = text.parse().map_err(|error| usage(&error))?;
    // SMTPUTF8 is rare among submission servers, and a vendor can choose another address.
    if !AsRef::<str>::as_ref(&mailbox.email).is_ascii() {
        return Err(usage(&"only ASCII is supported; write an international domain as xn--"));
    }
    Ok(mailbox)
}

/// What the mail is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It goes to a mail server.
    Sending,
    /// The user's own mail program opens it as a draft: sender, date and id are that program's to set.
    Draft,
}

/// A mail that is ready to be written.
#[derive(Debug)]
pub(super) struct Message<'a> {
    parcel: &'a Parcel,
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl<'a> Message<'a> {
    /// The mail for one parcel; `now` becomes its Date, in UTC.
    pub(super) fn new(mail: &Mail, parcel: &'a Parcel, now: SystemTime, purpose: Purpose) -> Self {
        // The base64 alphabet has no '-' and no '_', so no line of the attachment can be taken for the boundary.
        let boundary = format!("_{}_", parcel.id());
        let mut head = top(mail, parcel, now, purpose, &boundary).to_string().into_bytes();
        let mut append = |text: &str| head.extend_from_slice(text.as_bytes());
        append(&format!("\r\n--{boundary}\r\n"));
        append(&String::from_utf8_lossy(&SinglePart::plain(body(parcel)).formatted()));
        append(&format!("--{boundary}\r\n{}\r\n", attachment(parcel)));
        Self { parcel, head, tail: format!("--{boundary}--\r\n").into_bytes() }
    }

    /// Bytes of the whole mail as it goes over the wire, without dot-stuffing: what SMTP's SIZE means.
    pub(super) fn size(&self) -> u64 {
        let (whole, rest) = (self.parcel.size() / LINE as u64, self.parcel.size() % LINE as u64);
        let last = if rest == 0 { 0 } else { rest.div_ceil(3) * 4 + 2 };
        (self.head.len() + self.tail.len()) as u64 + whole * (LINE as u64 / 3 * 4 + 2) + last
    }

    /// The mail from its start.
    ///
    /// # Errors
    ///
    /// The report's file cannot be read.
    pub(super) fn pieces(&self) -> Result<Pieces<'_, impl Read + '_>, DeliverError> {
        let content = self.parcel.content().map_err(|source| DeliverError::Report { id: self.parcel.id(), source })?;
        let left = self.parcel.size();
        let (block, text) = (Vec::with_capacity(BLOCK), Vec::with_capacity(BLOCK / LINE * 78));
        Ok(Pieces { message: self, content, left, digest: Sha256::new(), block, text, stage: Stage::Head })
    }
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Head,
    Report,
    Done,
}

/// The mail piece by piece. The end comes only after the report's bytes have been found to be those that were
/// granted: who stops at an error has sent a mail without an end, which no server takes.
pub(super) struct Pieces<'a, R> {
    message: &'a Message<'a>,
    content: R,
    left: u64,
    digest: Sha256,
    block: Vec<u8>,
    text: Vec<u8>,
    stage: Stage,
}

impl<R: Read> Pieces<'_, R> {
    /// The next piece; `None` after the last one.
    ///
    /// # Errors
    ///
    /// The report cannot be read or is not what was granted. Whatever was written so far is to be thrown away.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, DeliverError> {
        match self.stage {
            Stage::Head => {
                self.stage = Stage::Report;
                Ok(Some(&self.message.head))
            }
            Stage::Report if self.left > 0 => self.encode_block().map(Some),
            Stage::Report => {
                self.check_end()?;
                self.stage = Stage::Done;
                Ok(Some(&self.message.tail))
            }
            Stage::Done => Ok(None),
        }
    }

    fn encode_block(&mut self) -> Result<&[u8], DeliverError> {
        let wanted = self.left.min(BLOCK as u64);
        self.block.clear();
        let got =
            self.content.by_ref().take(wanted).read_to_end(&mut self.block).map_err(|e| self.unreadable(e))? as u64;
        if got < wanted {
            let has = self.message.parcel.size() - self.left + got;
            return Err(self.altered(format!("its file ends after {has} of {} bytes", self.message.parcel.size())));
        }
        self.left -= wanted;
        self.digest.update(&self.block);
        self.text.clear();
        for line in self.block.chunks(LINE) {
            let start = self.text.len();
            self.text.resize(start + line.len().div_ceil(3) * 4, 0);
            // The slice has exactly the size that the encoder asks for, so this cannot fail.
            let written = STANDARD.encode_slice(line, &mut self.text[start..]).unwrap_or(0);
            self.text.truncate(start + written);
            self.text.extend_from_slice(b"\r\n");
        }
        Ok(&self.text)
    }

    fn check_end(&mut self) -> Result<(), DeliverError> {
        if self.content.read(&mut [0]).map_err(|e| self.unreadable(e))? > 0 {
            return Err(self.altered(format!("its file goes on after {} bytes", self.message.parcel.size())));
        }
        let found = std::mem::take(&mut self.digest).finalize();
        if found[..] != self.message.parcel.sha256() {
            return Err(self.altered(format!(
                "its SHA-256 is {}, not {}",
                hex(&found),
                hex(&self.message.parcel.sha256())
            )));
        }
        Ok(())
    }

    fn unreadable(&self, source: std::io::Error) -> DeliverError {
        DeliverError::Report { id: self.message.parcel.id(), source }
    }

    fn altered(&self, found: String) -> DeliverError {
        DeliverError::Altered { id: self.message.parcel.id(), found }
    }
}

fn top(mail: &Mail, parcel: &Parcel, now: SystemTime, purpose: Purpose, boundary: &str) -> Headers {
    let product = parcel.product();
    let (name, version) = (one_line(&product.name, LONGEST_NAME), one_line(&product.version, LONGEST_NAME));
    let mut headers = Headers::new();
    let to: Mailboxes = mail.to.iter().cloned().collect();
    match purpose {
        Purpose::Sending => headers.set(header::From::from(Mailboxes::from(mail.from.clone()))),
        Purpose::Draft => raw(&mut headers, "X-Unsent", "1".into()),
    }
    headers.set(header::To::from(to));
    headers.set(header::Subject::from(format!("{} {} for {name} {version}", what(parcel), parcel.id())));
    if purpose == Purpose::Sending {
        headers.set(date(now));
        headers.set(header::MessageId::from(format!("<{}>", mail.message_id(parcel))));
        // Out-of-office answers and mailing lists know by this that nobody waits for a reply (RFC 3834).
        raw(&mut headers, "Auto-Submitted", "auto-generated".into());
    }
    let facts = format!("id={}; sha256={}; size={}", parcel.id(), hex(&parcel.sha256()), parcel.size());
    let mark = if parcel.is_test() { "; test" } else { "" };
    raw(&mut headers, "X-Error-Report", facts + mark);
    headers.set(header::MIME_VERSION_1_0);
    raw(&mut headers, "Content-Type", format!("multipart/mixed; boundary=\"{boundary}\""));
    headers
}

/// How it is called in the subject, by which people sort it.
fn what(parcel: &Parcel) -> &'static str {
    if parcel.is_test() { "Test report" } else { "Error report" }
}

fn attachment(parcel: &Parcel) -> Headers {
    let file = format!("{}.report", parcel.id());
    let mut headers = Headers::new();
    // Not application/vnd.error-report: mail hosts pass this on unopened and unconverted.
    raw(&mut headers, "Content-Type", format!("application/octet-stream; name=\"{file}\""));
    raw(&mut headers, "Content-Transfer-Encoding", "base64".into());
    raw(&mut headers, "Content-Disposition", format!("attachment; filename=\"{file}\""));
    headers
}

fn raw(headers: &mut Headers, name: &'static str, value: String) {
    headers.insert_raw(HeaderValue::new(HeaderName::new_from_ascii_str(name), value));
}

fn body(parcel: &Parcel) -> String {
    let product = parcel.product();
    let [vendor, name, version] = [&product.vendor, &product.name, &product.version].map(|t| one_line(t, LONGEST_NAME));
    let mut headers = Headers::new();
    headers.set(date(UNIX_EPOCH + Duration::from_nanos(parcel.time())));
    let happened = headers.get_raw("Date").unwrap_or_default();
    let (id, size, sha256) = (parcel.id(), parcel.size(), hex(&parcel.sha256()));
    let what = if parcel.is_test() {
        "This is a test report: nothing went wrong. Somebody tries the way to support."
    } else {
        "This is an error report."
    };
    format!(
        "{what}\r\n\
         \r\n\
         Product:   {name} {version}\r\n\
         Vendor:    {vendor}\r\n\
         Happened:  {happened}\r\n\
         Report:    {id}\r\n\
         Size:      {size} bytes\r\n\
         SHA-256:   {sha256}\r\n\
         \r\n\
         It was sent with consent. What was agreed to is recorded in the report itself.\r\n\
         It may hold personal data: give it only to those who need it to correct the error.\r\n\
         \r\n\
         To read it, save the attached file and run\r\n\
         \r\n\
         reportdecode show {id}.report\r\n"
    )
}

/// The clock may say anything; before 1970 and after 2554 it says that year.
fn date(time: SystemTime) -> header::Date {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    header::Date::new(UNIX_EPOCH + since.min(Duration::from_nanos(u64::MAX)))
}

#[cfg(test)]
mod tests;
