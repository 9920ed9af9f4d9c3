//! Where reports come from: files, mails, folders of mails, standard input. Told apart by content, never by name.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;

use report_format::seal::{self, SealedSection, SecretKey};
use report_format::{Limits, MAGIC, Report, SectionState, Status};
use sha2::{Digest, Sha256};

use crate::mail::{self, folder};
use crate::render::value;

/// The largest mail that is read, in bytes: many times what mail servers pass on.
const LARGEST_MAIL: u64 = 256 << 20;
/// Bytes from the start of an input that are looked at to tell what it is.
const HEAD: u64 = 4096;

/// A report, and what is known about the bytes it came from.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// Where it was found, for people. Holds file names: not safe for a terminal as it is.
    pub(crate) origin: String,
    /// The subject of the mail it was attached to: hostile.
    pub(crate) subject: Option<String>,
    /// With the sections inside the seals that were opened.
    pub(crate) report: Report,
    /// Its sealed sections, opened or not.
    pub(crate) sealed: Vec<SealedSection>,
    /// Bytes of the report.
    pub(crate) size: u64,
    /// SHA-256 of these bytes, in hexadecimal.
    pub(crate) sha256: String,
    /// These bytes themselves, damage included, where they came in a mail: whoever gave a file has them.
    pub(crate) attached: Option<Vec<u8>>,
}

/// Why an input gave no report. `Display` can hold names from mails: not safe for a terminal as it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    #[error("cannot be read")]
    Read(#[source] io::Error),
    #[error("is a directory but no Maildir (it has neither new/ nor cur/): give the files in it, or a Maildir")]
    NotMaildir,
    #[error("is a Maildir without a mail: nothing has arrived yet, or its mails were moved away")]
    EmptyMaildir,
    #[error("is a mail over {LARGEST_MAIL} bytes: save the attached report and give that file")]
    MailTooLarge,
    #[error("{}", no_report(.subject, .others, *.too_many_parts))]
    NoReport { subject: Option<String>, others: Vec<String>, too_many_parts: bool },
    #[error("{mails} mails, none with a report in it: reports have an attachment that ends with .report")]
    NoReports { mails: usize },
    #[error(transparent)]
    Report(report_format::Error),
}

fn no_report(subject: &Option<String>, others: &[String], too_many_parts: bool) -> String {
    const SHOWN: usize = 8;
    let mut text = "is a mail without a report".to_owned();
    if let Some(subject) = subject {
        text += &format!(" (subject “{subject}”)");
    }
    if !others.is_empty() {
        text += &format!("; it holds {}", others[..others.len().min(SHOWN)].join(", "));
        if others.len() > SHOWN {
            text += &format!(" and {} more", others.len() - SHOWN);
        }
    }
    text += match too_many_parts {
        true => "; it has more or deeper parts than are looked at: save the attached report and give that file",
        false => ": if the attachment was removed on the way, ask for it, or give the .report file itself",
    };
    text
}

/// Receives what an input holds, one report or one failure at a time, so that a folder of reports takes the memory of
/// one. An error from it ends the visit.
pub(crate) type Visitor<'v> = dyn FnMut(Result<Loaded, (String, InputError)>) -> io::Result<()> + 'v;

/// Reads one input, `-` being standard input, opens with `keys` what is sealed in it, and gives each report in it to `each`.
///
/// # Errors
/// What `each` returned. Failures to read go to `each`.
pub(crate) fn visit(input: &Path, keys: &[SecretKey], each: &mut Visitor<'_>) -> io::Result<()> {
    let name = if input == Path::new("-") { "standard input".to_owned() } else { input.display().to_string() };
    if input == Path::new("-") {
        return stream(&name, io::stdin().lock(), keys, each);
    }
    match input.metadata().and_then(|metadata| if metadata.is_dir() { Ok(None) } else { File::open(input).map(Some) }) {
        Ok(Some(file)) => stream(&name, file, keys, each),
        Ok(None) => directory(&name, input, keys, each),
        Err(error) => each(Err((name, InputError::Read(error)))),
    }
}

/// A stream of bytes of any kind.
fn stream(name: &str, mut input: impl Read, keys: &[SecretKey], each: &mut Visitor<'_>) -> io::Result<()> {
    let mut head = Vec::new();
    if let Err(error) = (&mut input).take(HEAD).read_to_end(&mut head) {
        return each(Err((name.to_owned(), InputError::Read(error))));
    }
    let kind = kind(&head);
    let input = Cursor::new(head).chain(input);
    match kind {
        Kind::Mail => each_of_mail(name, input, keys, each).map(drop),
        Kind::Mbox => mbox(name, input, keys, each),
        Kind::Other => each(read_report(input, keys).map_err(|error| (name.to_owned(), error)).map(|mut loaded| {
            name.clone_into(&mut loaded.origin);
            loaded
        })),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Mail,
    Mbox,
    /// A report, or what the container's reader then says it is.
    Other,
}

fn kind(head: &[u8]) -> Kind {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    match head.strip_prefix(b"From ") {
        Some(rest) => match rest.iter().position(|byte| *byte == b'\n') {
            Some(end) if is_mail(&rest[end + 1..]) => Kind::Mbox,
            _ => Kind::Other,
        },
        None if is_mail(head) => Kind::Mail,
        None => Kind::Other,
    }
}

/// Whether a header block begins here: a field first, and two that mails have.
fn is_mail(head: &[u8]) -> bool {
    const COMMON: [&[u8]; 11] = [
        b"received",
        b"return-path",
        b"delivered-to",
        b"from",
        b"to",
        b"subject",
        b"date",
        b"mime-version",
        b"message-id",
        b"content-type",
        b"x-unsent",
    ];
    let mut common = 0;
    for (number, line) in head.split(|byte| *byte == b'\n').enumerate() {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        let is_field = name.len() < line.len() && !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
        if number == 0 && !is_field || line.trim_ascii().is_empty() {
            break;
        }
        common += usize::from(is_field && COMMON.iter().any(|field| field.eq_ignore_ascii_case(name)));
    }
    common >= 2
}

/// A mail: each report in it. Tells how many there were; none is a failure given to `each`.
fn each_of_mail(name: &str, input: impl Read, keys: &[SecretKey], each: &mut Visitor<'_>) -> io::Result<usize> {
    let mut bytes = Vec::new();
    let read = input.take(LARGEST_MAIL + 1).read_to_end(&mut bytes);
    let failed = match read {
        Err(error) => Some(InputError::Read(error)),
        Ok(length) if length as u64 > LARGEST_MAIL => Some(InputError::MailTooLarge),
        Ok(_) => None,
    };
    if let Some(error) = failed {
        return each(Err((name.to_owned(), error))).map(|()| 0);
    }
    let mail = mail::read(&bytes, |bytes| bytes.starts_with(&MAGIC));
    if mail.reports.is_empty() {
        let (subject, others, too_many_parts) = (mail.subject, mail.others, mail.too_many_parts);
        return each(Err((name.to_owned(), InputError::NoReport { subject, others, too_many_parts }))).map(|()| 0);
    }
    let count = mail.reports.len();
    for (number, attached) in (1..).zip(mail.reports) {
        let origin = if count == 1 { name.to_owned() } else { format!("{name}, report {number}") };
        each(match best(attached.readings, keys) {
            Ok(loaded) => Ok(Loaded { origin, subject: mail.subject.clone(), ..loaded }),
            Err(error) => Err((origin, error)),
        })?;
    }
    Ok(count)
}

/// The reading that lost least. Which one is right, only the report's own checksums can say.
fn best(readings: Vec<Cow<'_, [u8]>>, keys: &[SecretKey]) -> Result<Loaded, InputError> {
    let mut best: Option<Result<Loaded, InputError>> = None;
    for bytes in readings {
        let read = read_report(&*bytes, keys);
        // Not by the number of losses first: a reading of which all is lost from some place on has only one.
        let rank = |read: &Result<Loaded, InputError>| match read {
            Ok(loaded) => {
                let whole =
                    loaded.report.sections().iter().filter(|section| section.state == SectionState::Whole).count();
                (false, loaded.report.status() != Status::Complete, Reverse(whole), loaded.report.loss_count())
            }
            Err(_) => (true, true, Reverse(0), 0),
        };
        if best.as_ref().is_none_or(|best| rank(&read) < rank(best)) {
            best = Some(read.map(|loaded| Loaded { attached: Some(bytes.into_owned()), ..loaded }));
        }
    }
    best.unwrap_or(Err(InputError::NoReport { subject: None, others: Vec::new(), too_many_parts: false }))
}

fn mbox(name: &str, input: impl Read, keys: &[SecretKey], each: &mut Visitor<'_>) -> io::Result<()> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::FileTooLarge => InputError::MailTooLarge,
        _ => InputError::Read(error),
    };
    let mut mbox = match folder::Mbox::new(BufReader::new(input), LARGEST_MAIL) {
        Ok(mbox) => mbox,
        Err(error) => return each(Err((name.to_owned(), failed(error)))),
    };
    let mut tally = Tally::default();
    for number in 1.. {
        match mbox.next_mail() {
            Ok(Some(mail)) => tally.mail(&format!("{name}, mail {number}"), &*mail, keys, each)?,
            Ok(None) => break,
            Err(error) => {
                each(Err((name.to_owned(), failed(error))))?;
                tally.failed = true;
                break;
            }
        }
    }
    tally.finish(name, each)
}

fn directory(name: &str, directory: &Path, keys: &[SecretKey], each: &mut Visitor<'_>) -> io::Result<()> {
    let mails = match folder::maildir(directory) {
        Ok(Some(mails)) if mails.is_empty() => return each(Err((name.to_owned(), InputError::EmptyMaildir))),
        Ok(Some(mails)) => mails,
        Ok(None) => return each(Err((name.to_owned(), InputError::NotMaildir))),
        Err(error) => return each(Err((name.to_owned(), InputError::Read(error)))),
    };
    let mut tally = Tally::default();
    for path in mails {
        let name = path.display().to_string();
        match File::open(&path) {
            Ok(file) => tally.mail(&name, file, keys, each)?,
            // Another program moved it on between the listing and now, as mail programs do: not ours to complain about.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tally.failed = true;
                each(Err((name, InputError::Read(error))))?;
            }
        }
    }
    tally.finish(name, each)
}

/// What a folder of mails gave. A mail without a report is nothing wrong there, unless all are.
#[derive(Default)]
struct Tally {
    mails: usize,
    reports: usize,
    failed: bool,
}

impl Tally {
    fn mail(&mut self, name: &str, input: impl Read, keys: &[SecretKey], each: &mut Visitor<'_>) -> io::Result<()> {
        self.mails += 1;
        each_of_mail(name, input, keys, &mut |found| {
            match &found {
                Err((_, InputError::NoReport { .. })) => return Ok(()),
                Err(_) => self.failed = true,
                Ok(_) => self.reports += 1,
            }
            each(found)
        })
        .map(drop)
    }

    fn finish(self, name: &str, each: &mut Visitor<'_>) -> io::Result<()> {
        if self.reports > 0 || self.failed {
            return Ok(());
        }
        each(Err((name.to_owned(), InputError::NoReports { mails: self.mails })))
    }
}

fn read_report(input: impl Read, keys: &[SecretKey]) -> Result<Loaded, InputError> {
    let mut input = Digesting { input, sha256: Sha256::new(), size: 0 };
    let (report, sealed) = seal::read(&mut input, keys, &Limits::default()).map_err(InputError::Report)?;
    let Digesting { sha256, size, .. } = input;
    let sha256 = value::hex(&sha256.finalize());
    Ok(Loaded { origin: String::new(), subject: None, report, sealed, size, sha256, attached: None })
}

/// Counts and digests what is read through it.
struct Digesting<R> {
    input: R,
    sha256: Sha256,
    size: u64,
}

impl<R: Read> Read for Digesting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.sha256.update(&buffer[..read]);
        self.size += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Content;
    use crate::exit::Outcome;
    use proptest::prelude::*;
    use report_format::schema::v1::{self, Category, SectionKind};
    use report_format::{SectionHeader, Writer};

    #[test]
    fn inputs_are_told_apart_by_content() {
        for (head, expected) in [
            (&b"\x8fREPORT\x01\r\n"[..], Kind::Other),
            (b"", Kind::Other),
            (b"Subject: x\nFrom: a@b.example\n\nhello", Kind::Mail),
            (b"\xef\xbb\xbfX-Unsent: 1\r\nTo: a@b.example\r\n", Kind::Mail),
            (b"From a@b.example Mon Nov 23\nSubject: x\nTo: y\n\n", Kind::Mbox),
            (b"From here on it went wrong.\nTo: say it plainly\n", Kind::Other),
            (b"Dear support,\nFrom: me\nTo: you\n", Kind::Other),
            (b"note: to myself\n\nFrom: x\nTo: y\n", Kind::Other),
        ] {
            assert_eq!(kind(head), expected, "{}", String::from_utf8_lossy(head));
        }
    }

    /// The worst of all that an input gives: whether a run over it would end with exit code 0.
    fn outcome(bytes: &[u8]) -> Outcome {
        let mut worst = Outcome::Ok;
        stream("test", bytes, &[], &mut |found| {
            worst.include(found.map_or(Outcome::Failed, |loaded| Content::new(loaded).outcome()));
            Ok(())
        })
        .unwrap();
        worst
    }

    fn small_report() -> Vec<u8> {
        let summary = report_format::Summary { report_id: vec![7; 16], ..Default::default() };
        let mut writer = Writer::new(Vec::new(), &summary).unwrap();
        let product = v1::Product { name: "Ledger".into(), ..Default::default() };
        writer.write_message(SectionKind::Product, Category::Essential, &product).unwrap();
        writer.finish().unwrap().0
    }

    #[test]
    fn no_report_with_a_flipped_bit_is_taken_for_whole() {
        let mut bytes = small_report();
        assert_eq!(outcome(&bytes), Outcome::Ok);
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(outcome(&bytes), Outcome::Ok, "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn no_report_cut_short_or_lengthened_is_taken_for_whole() {
        let mut bytes = small_report();
        for length in 0..bytes.len() {
            assert_ne!(outcome(&bytes[..length]), Outcome::Ok, "{length} bytes");
        }
        bytes.push(0);
        assert_ne!(outcome(&bytes), Outcome::Ok);
    }

    #[test]
    fn a_section_that_is_whole_and_no_message_is_a_loss() {
        let mut writer = Writer::new(Vec::new(), &report_format::Summary::default()).unwrap();
        let header = SectionHeader::new(SectionKind::Error, Category::Essential);
        let mut section = writer.section(header).unwrap();
        io::Write::write_all(&mut section, b"\xff\xff\xff").unwrap();
        section.finish().unwrap();
        assert_eq!(outcome(&writer.finish().unwrap().0), Outcome::Loss);
    }

    proptest! {
        #[test]
        fn whatever_comes_in_is_told_apart_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert_ne!(outcome(&bytes), Outcome::Ok);
        }

        #[test]
        fn damaged_mails_are_read_without_a_panic(at in any::<proptest::sample::Index>(), junk in any::<[u8; 8]>()) {
            let mut mail = b"Subject: x\nFrom: a\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\
                Content-Transfer-Encoding: base64\n\nj1JFUE9SVAE\n--b\nContent-Type: message/rfc822\n\nTo: a\n--b--\n".to_vec();
            let at = at.index(mail.len());
            mail.splice(at..at, junk);
            outcome(&mail);
        }
    }
}
