use std::io::{Seek, Write};

use mail_parser::{MessageParser, MimeHeaders};
use uuid::Uuid;

use super::super::Product;
use super::*;

const ID: Uuid = Uuid::from_u128(0x0193_5f1a_7c00_7000_8000_0000_0000_002a);

fn product(name: &str) -> Product {
    Product { vendor: "Example Software".into(), name: name.into(), version: "3.1.4".into() }
}

fn parcel_of(name: &str, bytes: &[u8]) -> Parcel {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    Parcel::new(ID, product(name), 1_795_000_000_000_000_000, file, bytes.len() as u64, Sha256::digest(bytes).into())
}

fn mail() -> Mail {
    Mail::new("errors@ledger.example", ["support@ledger.example"]).unwrap()
}

fn write(message: &Message<'_>) -> Result<Vec<u8>, DeliverError> {
    let mut pieces = message.pieces()?;
    let mut all = Vec::new();
    while let Some(piece) = pieces.next()? {
        all.extend_from_slice(piece);
    }
    Ok(all)
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn the_attachment_comes_back_byte_for_byte_and_the_size_is_foretold() {
    for length in [0, 1, 2, 3, 56, 57, 58, 113, 114, 115, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7] {
        let bytes: Vec<u8> = (0..length).map(|i| (i * 7 % 251) as u8).collect();
        let parcel = parcel_of("Ledger", &bytes);
        let message = Message::new(&mail(), &parcel, at(1_795_000_060), Purpose::Sending);
        let text = write(&message).unwrap();
        assert_eq!(text.len() as u64, message.size(), "{length} bytes");
        assert!(text.is_ascii());
        for line in text.split(|&b| b == b'\n') {
            assert!(line.len() <= 79, "a line of {} characters", line.len());
            assert!(line.is_empty() || line.ends_with(b"\r") || text.ends_with(line));
        }
        let parsed = MessageParser::default().parse(&text).unwrap();
        assert_eq!(parsed.attachment_count(), 1);
        let attachment = parsed.attachment(0).unwrap();
        assert_eq!(attachment.contents(), bytes, "{length} bytes");
        assert_eq!(attachment.attachment_name(), Some(format!("{ID}.report").as_str()));
    }
}

#[test]
fn the_mail_says_what_it_is_and_how_to_read_it() {
    let parcel = parcel_of("Ledger", b"abc");
    let text = write(&Message::new(&mail(), &parcel, at(1_795_000_060), Purpose::Sending)).unwrap();
    let parsed = MessageParser::default().parse(&text).unwrap();
    assert_eq!(parsed.subject(), Some(format!("Error report {ID} for Ledger 3.1.4").as_str()));
    assert_eq!(parsed.message_id(), Some(format!("{ID}@ledger.example").as_str()));
    assert_eq!(parsed.date().unwrap().to_timestamp(), 1_795_000_060);
    let body = parsed.body_text(0).unwrap();
    for part in
        ["Ledger 3.1.4", "Example Software", "Wed, 18 Nov 2026 11:06:40 +0000", "with consent", "reportdecode show"]
    {
        assert!(body.contains(part), "{part} is not in {body}");
    }
}

#[test]
fn another_attempt_changes_nothing_but_the_date() {
    let parcel = parcel_of("Ledger", &[9; 1000]);
    let first = write(&Message::new(&mail(), &parcel, at(1_795_000_060), Purpose::Sending)).unwrap();
    let again = write(&Message::new(&mail(), &parcel, at(1_795_000_061), Purpose::Sending)).unwrap();
    assert_ne!(first, again);
    let (first, again) = (String::from_utf8(first).unwrap(), String::from_utf8(again).unwrap());
    let changed: Vec<_> = first.lines().zip(again.lines()).filter(|(a, b)| a != b).collect();
    assert_eq!(changed.len(), 1);
    assert!(changed[0].0.starts_with("Date: "));
}

#[test]
fn a_products_name_cannot_write_headers() {
    let parcel = parcel_of("Bücher\r\nBcc: thief@example.com\r\n\r\n.\r\n\u{202e}", b"abc");
    let text = write(&Message::new(&mail(), &parcel, at(0), Purpose::Sending)).unwrap();
    assert!(text.is_ascii());
    let parsed = MessageParser::default().parse(&text).unwrap();
    assert!(parsed.bcc().is_none());
    assert_eq!(parsed.subject(), Some(format!("Error report {ID} for Bücher Bcc: thief@example.com . 3.1.4").as_str()));
    assert!(parsed.body_text(0).unwrap().contains("Bücher Bcc: thief@example.com . 3.1.4"));
}

#[test]
fn a_draft_leaves_sender_date_and_id_to_the_mail_program() {
    let parcel = parcel_of("Ledger", b"abc");
    let text = write(&Message::new(&mail(), &parcel, at(0), Purpose::Draft)).unwrap();
    let parsed = MessageParser::default().parse(&text).unwrap();
    assert_eq!(parsed.header_raw("X-Unsent").map(str::trim), Some("1"));
    assert!(parsed.from().is_none() && parsed.date().is_none() && parsed.message_id().is_none());
    assert!(parsed.to().is_some());
}

#[test]
fn a_file_that_is_not_what_was_granted_never_gets_an_end() {
    for (bytes, size) in [(&b"abcd"[..], 3), (b"ab", 3), (b"abd", 3)] {
        let mut parcel = parcel_of("Ledger", bytes);
        parcel.size = size;
        parcel.sha256 = Sha256::digest(b"abc").into();
        let error = write(&Message::new(&mail(), &parcel, at(0), Purpose::Sending)).unwrap_err();
        assert!(matches!(error, DeliverError::Altered { .. }), "{error}");
        assert!(error.is_permanent());
    }
}

#[test]
fn an_address_that_is_none_is_named() {
    for (from, to) in
        [("errors", "a@b.example"), ("a@b.example", "a@b.example\r\nBcc: c@d.example"), ("ü@b.example", "a@b.example")]
    {
        assert!(matches!(Mail::new(from, [to]), Err(DeliverError::Usage { .. })), "{from} {to}");
    }
    assert!(matches!(Mail::new("a@b.example", []), Err(DeliverError::Usage { .. })));
}
