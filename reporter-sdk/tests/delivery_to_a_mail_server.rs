//! Delivery to Exim, a mail server as vendors run it, with encryption and authentication on. It runs on Linux.
// Not on Windows: scripts/mail-server starts on Linux. A product there that sends to it: scripts/windows/product.
#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::process::Command;
use std::time::Duration;

use mail_parser::MessageParser;
use reporter_sdk::deliver::{DeliverError, Mail, Smtp, SmtpSettings, Step, Tls, Transport};
use support::{MailServer, attachment, large_parcel, noise, parcel, peak_memory};

fn refusal(settings: SmtpSettings, mail: Mail) -> DeliverError {
    Smtp::new(settings, mail).unwrap().send(&parcel(b"report")).unwrap_err()
}

#[test]
fn a_report_arrives_byte_for_byte_however_the_connection_is_encrypted() {
    let server = MailServer::start();
    for (count, tls) in [Tls::StartTls, Tls::Implicit].into_iter().enumerate() {
        let bytes = noise(100_000 + count);
        let parcel = parcel(&bytes);
        let receipt = Smtp::new(server.settings(tls), server.mail()).unwrap().send(&parcel).unwrap();
        assert_eq!(receipt.id, format!("{}@ledger.example", parcel.id()));
        assert!(receipt.answer.starts_with("OK id="), "{}", receipt.answer);
        let mails: Vec<_> = server.mails(count + 1).iter().map(|path| fs::read(path).unwrap()).collect();
        assert!(mails.iter().any(|mail| attachment(mail) == bytes), "{tls:?}");
    }
    let log = server.log();
    assert!(log.contains("esmtpsa"), "encrypted and authenticated: {log}");
}

#[test]
fn a_mail_tells_nothing_of_the_machine_or_its_user() {
    let server = MailServer::start();
    Smtp::new(server.settings(Tls::StartTls), server.mail()).unwrap().send(&parcel(&noise(5000))).unwrap();
    let text = String::from_utf8(fs::read(&server.mails(1)[0]).unwrap()).unwrap();
    // The first header is the server's; it quotes what EHLO said.
    let at = text.find("From: ").unwrap();
    let (received, ours) = text.split_at(at);
    assert!(received.contains("helo [127.0.0.1]"), "{received}");
    let parsed = MessageParser::default().parse(text.as_bytes()).unwrap();
    let body = parsed.body_text(0).unwrap();
    let headers = &ours[..ours.find("\r\n\r\n").or(ours.find("\n\n")).unwrap()];
    let said = |program: &str, argument: &[&str]| {
        String::from_utf8(Command::new(program).args(argument).output().unwrap().stdout).unwrap().trim().to_owned()
    };
    // "root" and "vm" would be found by chance in "root cause": whole words count.
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_ascii_lowercase).collect()
    };
    for secret in [said("uname", &["-n"]), said("id", &["-un"])] {
        for place in [headers, body.as_ref(), received] {
            assert!(!words(place).contains(&secret.to_ascii_lowercase()), "{secret:?} is in {place}");
        }
    }
    for header in ["User-Agent:", "X-Mailer:", "Reply-To:", "Received:", "Sender:"] {
        assert!(!headers.contains(header), "{header}");
    }
    assert_eq!(parsed.date().unwrap().tz_hour, 0);
    assert_eq!(parsed.date().unwrap().tz_minute, 0);
}

#[test]
fn a_second_attempt_is_known_to_be_the_same_mail() {
    let server = MailServer::start();
    let parcel = parcel(b"report");
    let mut smtp = Smtp::new(server.settings(Tls::StartTls), server.mail()).unwrap();
    assert_eq!(smtp.send(&parcel).unwrap().id, smtp.send(&parcel).unwrap().id);
    let mails: Vec<_> = server.mails(2).iter().map(|path| fs::read(path).unwrap()).collect();
    let ids: Vec<_> = mails
        .iter()
        .map(|mail| MessageParser::default().parse(mail).unwrap().message_id().unwrap().to_owned())
        .collect();
    assert_eq!(ids, [format!("{}@ledger.example", parcel.id()), format!("{}@ledger.example", parcel.id())]);
}

#[test]
fn a_wrong_password_is_said_to_be_one_and_not_repeated() {
    let server = MailServer::start();
    let error = refusal(server.settings(Tls::StartTls).credentials("reports", "wrong-one"), server.mail());
    assert!(matches!(error, DeliverError::Credentials { code: 535, .. }), "{error:?}");
    assert!(error.is_permanent());
    let text = error.to_string();
    assert!(text.contains("localhost") && text.contains("user name or password"), "{text}");
    assert!(!text.contains("wrong-one"), "{text}");
    assert!(server.mails_now().is_empty());
}

#[test]
fn a_server_that_knows_only_the_older_way_to_log_in_is_served_too() {
    let server = MailServer::with(&[("MAIL_AUTH", "LOGIN")]);
    Smtp::new(server.settings(Tls::StartTls), server.mail()).unwrap().send(&parcel(b"report")).unwrap();
    assert!(server.log().contains("A=login:reports"), "{}", server.log());
    let error = refusal(server.settings(Tls::StartTls).credentials("reports", "wrong-one"), server.mail());
    assert!(matches!(error, DeliverError::Credentials { code: 535, .. }), "{error:?}");
}

#[test]
fn a_recipient_that_does_not_exist_is_named() {
    let server = MailServer::start();
    let mail = Mail::new("errors@ledger.example", ["nobody@ledger.example"]).unwrap();
    let error = refusal(server.settings(Tls::Implicit), mail);
    assert!(matches!(error, DeliverError::Rejected { code: 550, step: Step::Recipient(_), .. }), "{error:?}");
    assert!(error.is_permanent());
    assert!(error.to_string().contains("nobody@ledger.example"), "{error}");
}

#[test]
fn one_recipient_that_exists_is_enough_and_the_other_is_reported() {
    let server = MailServer::start();
    let mail = Mail::new("errors@ledger.example", ["nobody@ledger.example", "support@ledger.example"]).unwrap();
    let receipt = Smtp::new(server.settings(Tls::StartTls), mail).unwrap().send(&parcel(b"report")).unwrap();
    assert!(receipt.answer.contains("nobody@ledger.example"), "{}", receipt.answer);
    assert_eq!(attachment(&fs::read(&server.mails(1)[0]).unwrap()), b"report");
}

#[test]
fn a_server_that_wants_credentials_gets_none_in_clear_text() {
    let server = MailServer::start();
    let error = refusal(server.settings(Tls::None), server.mail());
    assert!(matches!(error, DeliverError::Rejected { step: Step::Recipient(_), .. }), "{error:?}");
    assert!(error.is_permanent());
}

#[test]
fn an_unknown_authority_is_not_trusted() {
    let server = MailServer::start();
    for tls in [Tls::StartTls, Tls::Implicit] {
        let error = refusal(server.settings_without_authority(tls), server.mail());
        assert!(matches!(error, DeliverError::Tls { .. }), "{error:?}");
        assert!(error.is_permanent());
        assert!(error.to_string().contains("certificate"), "{error}");
    }
    assert!(!server.log().contains("<="), "nothing was taken: {}", server.log());
}

#[test]
fn a_certificate_of_another_host_is_not_trusted() {
    let server = MailServer::start();
    let port = server.fact("port").parse().unwrap();
    // The same server by another name than its certificate's.
    let settings = SmtpSettings::new("127.0.0.1", Tls::StartTls).port(port);
    let error = refusal(settings.root_certificates(server.fact("ca.pem")), server.mail());
    assert!(matches!(error, DeliverError::Tls { .. }), "{error:?}");
    assert!(server.mails_now().is_empty());
}

#[test]
fn what_is_too_large_is_refused_before_it_is_uploaded() {
    let server = MailServer::with(&[("MAIL_SIZE_LIMIT", "50K")]);
    let mut smtp = Smtp::new(server.settings(Tls::StartTls), server.mail()).unwrap();
    let error = smtp.send(&parcel(&noise(100_000))).unwrap_err();
    let DeliverError::TooLarge { bytes, limit, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*limit, 50 * 1024);
    assert!((136_000..140_000).contains(bytes), "{bytes}");
    assert!(error.is_permanent() && error.is_too_large());
    assert!(error.to_string().contains("51200"), "{error}");
    smtp.send(&parcel(&noise(30_000))).unwrap();
    assert_eq!(server.mails(1).len(), 1);
}

#[test]
fn a_server_that_is_down_costs_nothing_but_time() {
    let server = MailServer::start();
    let mut smtp = Smtp::new(server.settings(Tls::StartTls), server.mail()).unwrap();
    let parcel = parcel(b"report");
    let server = server.restart_after(|| {
        let error = smtp.send(&parcel).unwrap_err();
        assert!(matches!(error, DeliverError::Connect { .. }), "{error:?}");
        assert!(error.is_transient());
        assert!(error.to_string().contains("localhost port"), "{error}");
    });
    smtp.send(&parcel).unwrap();
    assert_eq!(attachment(&fs::read(&server.mails(1)[0]).unwrap()), b"report");
}

#[test]
fn a_host_that_does_not_exist_is_named() {
    let mail = Mail::new("errors@ledger.example", ["support@ledger.example"]).unwrap();
    let settings = SmtpSettings::new("mail.ledger.invalid", Tls::StartTls).timeout(Duration::from_secs(10));
    let error = refusal(settings, mail);
    // Where the machine's resolver itself is out of reach, the name is not found by the deadline.
    assert!(matches!(error, DeliverError::Resolve { .. } | DeliverError::Timeout { .. }), "{error:?}");
    assert!(error.is_transient());
    assert!(error.to_string().contains("mail.ledger.invalid"), "{error}");
}

#[test]
fn twenty_megabytes_take_no_more_memory_than_a_few_kilobytes() {
    let server = MailServer::with(&[("MAIL_SIZE_LIMIT", "40M")]);
    let mut smtp = Smtp::new(server.settings(Tls::StartTls), server.mail()).unwrap();
    smtp.send(&parcel(&noise(100_000))).unwrap();
    let (parcel, size) = large_parcel();
    let before = peak_memory();
    smtp.send(&parcel).unwrap();
    let grown = peak_memory() - before;
    assert!(grown < 2 << 20, "{grown} bytes more for a report of {size}");
    let largest = server.mails(2).iter().map(|path| fs::metadata(path).unwrap().len()).max().unwrap();
    assert!(largest > size * 4 / 3, "{largest}");
}
