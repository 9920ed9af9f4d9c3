//! Delivery into a directory.

mod support;

use std::fs;

use mail_parser::MessageParser;
use reporter_sdk::deliver::{DeliverError, EmlDirectory, Mail, Transport};
use sha2::{Digest, Sha256};
use support::{attachment, noise, parcel, parcel_of_file};

fn mail() -> Mail {
    Mail::new("errors@ledger.example", ["support@ledger.example"]).unwrap()
}

#[test]
fn a_report_becomes_one_file_that_only_its_owner_reads() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("out/mails");
    let bytes = noise(200_000);
    let parcel = parcel(&bytes);
    let mut transport = EmlDirectory::new(&place, mail());
    for _ in 0..2 {
        let receipt = transport.send(&parcel).unwrap();
        let path = place.join(format!("{}.eml", parcel.id()));
        assert_eq!(receipt.answer, path.display().to_string());
        let text = fs::read(&path).unwrap();
        assert_eq!(attachment(&text), bytes);
        assert!(MessageParser::default().parse(&text).unwrap().header_raw("X-Unsent").is_none());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o700);
        }
        assert_eq!(fs::read_dir(&place).unwrap().count(), 1, "nothing else lies there");
    }
}

#[test]
fn a_draft_is_marked_as_unsent() {
    let directory = tempfile::tempdir().unwrap();
    let receipt = EmlDirectory::new(directory.path(), mail()).drafts().send(&parcel(b"report")).unwrap();
    let text = fs::read(&receipt.answer).unwrap();
    assert_eq!(MessageParser::default().parse(&text).unwrap().header_raw("X-Unsent").map(str::trim), Some("1"));
    assert_eq!(attachment(&text), b"report");
}

#[test]
fn a_failed_attempt_leaves_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let altered = parcel_of_file(tempfile::tempfile().unwrap(), 3, Sha256::digest(b"abc").into());
    let error = EmlDirectory::new(directory.path(), mail()).send(&altered).unwrap_err();
    assert!(matches!(error, DeliverError::Altered { .. }), "{error:?}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_directory_that_cannot_be_had_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("file");
    fs::write(&place, b"").unwrap();
    let mails = place.join("mails");
    let error = EmlDirectory::new(&mails, mail()).send(&parcel(b"report")).unwrap_err();
    assert!(matches!(error, DeliverError::Write { .. }), "{error:?}");
    assert!(error.is_transient());
    assert!(error.to_string().contains(&mails.display().to_string()), "{error}");
}
