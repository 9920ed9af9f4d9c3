//! Finds reports in a mail.
//!
//! mail-parser reads the header blocks; the bodies are walked here, for two reasons. It gives undecoded text where base64
//! is damaged, which our own checksums could have coped with. And it nests messages as deep as the mail says: 25 MB of
//! `Content-Type: message/rfc822` make a structure a million levels deep, which then overflows the stack when it is
//! dropped. Here depth and number of parts have a limit, and the work is linear in the mail's size.

mod base64;
pub(crate) mod folder;

use std::borrow::Cow;

use mail_parser::{MessageParser, MimeHeaders};

/// How deep multiparts and attached mails may lie in each other.
const DEEPEST: usize = 8;
/// How many parts a mail may have.
const MOST_PARTS: usize = 256;
/// How many bytes of a header block are looked at.
const LONGEST_HEADER: usize = 256 * 1024;

/// A mail as far as it concerns us.
#[derive(Debug, Default)]
pub(crate) struct Mail<'a> {
    /// As the sender wrote it: hostile.
    pub(crate) subject: Option<String>,
    /// The reports in it, in their order.
    pub(crate) reports: Vec<Attached<'a>>,
    /// What else it holds, in words for people; names in it are hostile.
    pub(crate) others: Vec<String>,
    /// Parts were left out because of a limit.
    pub(crate) too_many_parts: bool,
}

/// Bytes that are or claim to be a report.
#[derive(Debug)]
pub(crate) struct Attached<'a> {
    /// The same bytes, decoded in different ways where the encoding is damaged; at least one.
    pub(crate) readings: Vec<Cow<'a, [u8]>>,
}

/// Takes a mail apart. `is_report` tells a report by its first bytes.
pub(crate) fn read<'a>(mail: &'a [u8], is_report: fn(&[u8]) -> bool) -> Mail<'a> {
    let mut found = Mail::default();
    Walk { parser: MessageParser::new().with_mime_headers().with_minimal_headers(), is_report, parts: 0 }
        .entity(mail, 0, &mut found);
    found
}

struct Walk {
    parser: MessageParser,
    is_report: fn(&[u8]) -> bool,
    parts: usize,
}

impl Walk {
    /// An entity in MIME's sense: a header block and a body.
    fn entity<'a>(&mut self, entity: &'a [u8], depth: usize, found: &mut Mail<'a>) {
        self.parts += 1;
        if depth > DEEPEST || self.parts > MOST_PARTS {
            found.too_many_parts = true;
            return;
        }
        let (head, body) = split_head(entity);
        // `None` where nothing is a header; a default `Message` in its place would panic when asked.
        let head = self.parser.parse_headers(&head[..head.len().min(LONGEST_HEADER)]);
        let head = head.as_ref();
        if found.subject.is_none() {
            found.subject = head.and_then(|head| head.subject()).map(str::to_owned);
        }
        let (kind, subkind, boundary) = match head.and_then(MimeHeaders::content_type) {
            Some(t) => (
                t.ctype().to_ascii_lowercase(),
                t.subtype().unwrap_or("").to_ascii_lowercase(),
                t.attribute("boundary"),
            ),
            None => ("text".to_owned(), "plain".to_owned(), None),
        };
        let encoding = head.and_then(MimeHeaders::content_transfer_encoding).unwrap_or("").to_ascii_lowercase();
        match (kind.as_str(), boundary) {
            ("multipart", Some(boundary)) => {
                for part in parts(body, boundary) {
                    self.entity(part, depth + 1, found);
                }
            }
            // An attached mail; the standard allows it no encoding.
            ("message", _) if encoding != "base64" && encoding != "quoted-printable" => {
                self.entity(body, depth + 1, found);
            }
            _ => {
                let name = head.and_then(MimeHeaders::attachment_name);
                let claims = subkind == "vnd.error-report"
                    || name.is_some_and(|name| name.to_ascii_lowercase().ends_with(".report"));
                match self.leaf(body, &encoding, claims) {
                    Some(attached) => found.reports.push(attached),
                    None => found.others.push(describe(&kind, &subkind, name, body.len())),
                }
            }
        }
    }

    /// A part without parts: a report if its first bytes say so in any reading, or if it claims to be one.
    fn leaf<'a>(&self, body: &'a [u8], encoding: &str, claims: bool) -> Option<Attached<'a>> {
        let mut readings: Vec<Cow<'a, [u8]>> = match encoding {
            "base64" => {
                let (lines, run) = (base64::by_line(body), base64::continuous(body));
                let differ = lines != run;
                let mut readings = vec![Cow::Owned(lines)];
                if differ {
                    readings.push(Cow::Owned(run));
                }
                readings
            }
            "quoted-printable" => mail_parser::decoders::quoted_printable::quoted_printable_decode(body)
                .into_iter()
                .map(Cow::Owned)
                .collect(),
            _ => vec![Cow::Borrowed(body)],
        };
        if readings.iter().any(|bytes| (self.is_report)(bytes)) {
            readings.retain(|bytes| (self.is_report)(bytes));
        } else if !claims || readings.iter().all(|bytes| bytes.is_empty()) {
            return None;
        }
        Some(Attached { readings })
    }
}

/// Cuts at the empty line. A header block without one is all header.
fn split_head(entity: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    for line in entity.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        if matches!(line, b"\n" | b"\r\n") {
            break;
        }
    }
    entity.split_at(at)
}

/// The parts of a multipart body. A last part without closing delimiter (a mail cut off) counts.
fn parts<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let (mut parts, mut begin, mut at) = (Vec::new(), None, 0);
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let delimiter = line.strip_prefix(b"--").and_then(|rest| rest.strip_prefix(boundary.as_bytes()));
        if let Some(rest) = delimiter.map(<[u8]>::trim_ascii).filter(|rest| matches!(*rest, b"" | b"--")) {
            parts.extend(begin.take().map(|begin| &body[begin..at]));
            // One more than is taken, so that the limit is noticed.
            if rest == b"--" || parts.len() > MOST_PARTS {
                return parts;
            }
            begin = Some(at + line.len());
        }
        at += line.len();
    }
    parts.extend(begin.map(|begin| &body[begin..]));
    parts
}

fn describe(kind: &str, subkind: &str, name: Option<&str>, size: usize) -> String {
    match name {
        Some(name) => format!("{kind}/{subkind} “{name}”, {size} bytes"),
        None => format!("{kind}/{subkind}, {size} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_report(bytes: &[u8]) -> bool {
        bytes.starts_with(b"REPORT")
    }

    fn with_attachment(encoded: &str) -> String {
        format!(
            "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b 1\"\r\n\r\n\
             preamble\r\n--b 1\r\nContent-Type: text/plain\r\n\r\nHello\r\n--b 1\r\nContent-Type: application/octet-stream\r\n\
             Content-Transfer-Encoding: BASE64\r\nContent-Disposition: attachment; filename=a.report\r\n\r\n{encoded}\r\n--b 1--\r\nafter"
        )
    }

    fn single(mail: &str) -> Vec<Vec<u8>> {
        let mail = read(mail.as_bytes(), is_report);
        assert_eq!(mail.reports.len(), 1, "{mail:?}");
        mail.reports[0].readings.iter().map(|bytes| bytes.to_vec()).collect()
    }

    #[test]
    fn an_attached_report_is_found_by_its_first_bytes() {
        assert_eq!(single(&with_attachment("UkVQT1JUMQ==")), [b"REPORT1"]);
        let mail = with_attachment("UkVQT1JUMQ==");
        let mail = read(mail.as_bytes(), is_report);
        assert_eq!(mail.subject.as_deref(), Some("Grüße"));
        assert_eq!(mail.others, ["text/plain, 7 bytes"]);
    }

    #[test]
    fn damaged_base64_gives_every_reading_that_may_be_right() {
        assert_eq!(single(&with_attachment("UkVQ\x01*T1\r\nJU!MQ==")).last().unwrap(), b"REPORT1");
    }

    #[test]
    fn a_claimed_report_with_damaged_first_bytes_is_still_offered() {
        assert_eq!(single(&with_attachment("AAAAAAAA")), [[0; 6]]);
    }

    #[test]
    fn a_mail_cut_off_inside_the_attachment_gives_what_is_there() {
        let mail = with_attachment("UkVQT1JUMQ==");
        assert_eq!(single(&mail[..mail.find("==\r").unwrap()]), [b"REPORT1"]);
    }

    #[test]
    fn a_report_in_a_forwarded_mail_is_found() {
        let mail = format!("Subject: Fwd\r\nContent-Type: message/rfc822\r\n\r\n{}", with_attachment("UkVQT1JUMQ=="));
        assert_eq!(single(&mail), [b"REPORT1"]);
        assert_eq!(read(mail.as_bytes(), is_report).subject.as_deref(), Some("Fwd"));
    }

    #[test]
    fn a_mail_without_a_report_says_what_it_holds() {
        let mail = read(b"Subject: hi\n\nno attachment", is_report);
        assert!(mail.reports.is_empty());
        assert_eq!(mail.others, ["text/plain, 13 bytes"]);
    }

    #[test]
    fn mails_nested_without_end_hit_the_limit_and_not_the_stack() {
        let mail = read(&b"Content-Type: message/rfc822\n\n".repeat(100_000), is_report).too_many_parts;
        assert!(mail);
        let many = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(100_000));
        assert!(read(many.as_bytes(), is_report).too_many_parts);
    }

    /// What the fuzz target starts from, and what it once failed on.
    #[test]
    fn every_known_input_of_the_fuzzer_is_taken() {
        let fuzz = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        let folders = ["corpus/mail", "regressions/mail"].into_iter();
        // Regressions have a folder only once there was one.
        let files = folders.filter_map(|folder| std::fs::read_dir(fuzz.join(folder)).ok()).flatten();
        let mut reports = 0;
        for file in files {
            let mail = std::fs::read(file.unwrap().path()).unwrap();
            reports += read(&mail, |bytes| bytes.starts_with(&report_format::MAGIC)).reports.len();
        }
        assert!(reports >= 4, "{reports}");
    }
}
