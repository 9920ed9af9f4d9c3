//! Servers that do what no good one does: each is a few scripted lines on a socket of this test's own.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use reporter_sdk::deliver::{DeliverError, Mail, Parcel, Receipt, Smtp, SmtpSettings, Step, Tls, Transport};
use sha2::{Digest, Sha256};
use support::{noise, parcel, parcel_of_file};

/// Serves one connection by `script` and gives the settings to reach it.
fn server(script: impl FnOnce(Talk) + Send + 'static) -> SmtpSettings {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let stream = listener.accept().unwrap().0;
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        script(Talk { lines: BufReader::new(stream) });
    });
    SmtpSettings::new("127.0.0.1", Tls::None).port(port).timeout(Duration::from_secs(10))
}

struct Talk {
    lines: BufReader<TcpStream>,
}

impl Talk {
    fn say(&mut self, text: &str) {
        // The other side may have had enough; then its own error is what the test looks at.
        let _ = self.lines.get_mut().write_all(text.as_bytes());
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        let _ = self.lines.read_line(&mut line);
        line.trim_end().to_owned()
    }

    /// Everything up to the message's first byte.
    fn until_data(&mut self) {
        self.say("220 odd\r\n");
        for answer in ["250-odd\r\n250 SIZE 90000000\r\n", "250 ok\r\n", "250 ok\r\n", "354 go on\r\n"] {
            self.hear();
            self.say(answer);
        }
    }

    /// The message to its end.
    fn message(&mut self) -> String {
        let mut text = String::new();
        loop {
            let line = self.hear();
            if line == "." || line.is_empty() && self.lines.fill_buf().unwrap_or_default().is_empty() {
                return text;
            }
            text.push_str(&line);
            text.push('\n');
        }
    }
}

fn send(settings: SmtpSettings, parcel: &Parcel) -> Result<Receipt, DeliverError> {
    let mail = Mail::new("errors@ledger.example", ["support@ledger.example"]).unwrap();
    Smtp::new(settings, mail).unwrap().send(parcel)
}

fn failure(settings: SmtpSettings) -> DeliverError {
    send(settings, &parcel(b"report")).unwrap_err()
}

#[test]
fn the_size_is_announced_and_right() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let settings = server(move |mut talk| {
        talk.say("220 odd\r\n");
        talk.hear();
        talk.say("250-odd\r\n250 size 90000000\r\n");
        sender.send(talk.hear()).unwrap();
        talk.say("250\r\n");
        talk.hear();
        talk.say("250 ok\r\n");
        talk.hear();
        talk.say("354 go on\r\n");
        let mut bytes = 0;
        loop {
            let mut line = String::new();
            talk.lines.read_line(&mut line).unwrap();
            if line == ".\r\n" {
                break;
            }
            bytes += line.len();
        }
        talk.say("250 taken\n");
        sender.send(bytes.to_string()).unwrap();
    });
    send(settings, &parcel(&noise(10_000))).unwrap();
    let (mail_from, bytes) = (receiver.recv().unwrap(), receiver.recv().unwrap());
    assert_eq!(mail_from, format!("MAIL FROM:<errors@ledger.example> SIZE={bytes}"));
}

#[test]
fn a_server_that_says_nothing_is_left_at_the_deadline() {
    for connects in [true, false] {
        let settings = server(move |mut talk| {
            if connects {
                talk.until_data();
            }
            let _ = talk.lines.read_to_end(&mut Vec::new());
        });
        let started = Instant::now();
        let error = failure(settings.timeout(Duration::from_secs(1)));
        let (took, step) = (started.elapsed(), if connects { Step::Acceptance } else { Step::Greeting });
        assert!((Duration::from_millis(950)..Duration::from_secs(2)).contains(&took), "{took:?}");
        assert!(matches!(&error, DeliverError::Timeout { step: at, .. } if *at == step), "{error:?}");
        assert!(error.is_transient());
    }
}

#[test]
fn a_server_that_drips_is_left_at_the_deadline() {
    let settings = server(|mut talk| {
        for _ in 0..100 {
            talk.say("2");
            thread::sleep(Duration::from_millis(100));
        }
    });
    let started = Instant::now();
    let error = failure(settings.timeout(Duration::from_secs(1)));
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert!(matches!(error, DeliverError::Timeout { step: Step::Greeting, .. }), "{error:?}");
}

#[test]
fn a_server_that_stops_reading_is_left_at_the_deadline() {
    let settings = server(|mut talk| {
        talk.until_data();
        thread::sleep(Duration::from_secs(5));
    });
    let started = Instant::now();
    let error = send(settings.timeout(Duration::from_secs(1)), &parcel(&noise(20 << 20))).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    assert!(matches!(error, DeliverError::Timeout { step: Step::Message, .. }), "{error:?}");
}

#[test]
fn a_connection_that_breaks_in_the_message_is_worth_another_try() {
    let settings = server(|mut talk| {
        talk.until_data();
        talk.hear();
    });
    let error = send(settings, &parcel(&noise(8 << 20))).unwrap_err();
    assert!(matches!(error, DeliverError::Lost { .. }), "{error:?}");
    assert!(error.is_transient());
}

#[test]
fn the_reason_given_before_hanging_up_is_not_lost() {
    let settings = server(|mut talk| {
        talk.until_data();
        talk.hear();
        talk.say("552 5.3.4 enough\r\n");
    });
    let error = send(settings, &parcel(&noise(8 << 20))).unwrap_err();
    assert!(matches!(error, DeliverError::Rejected { code: 552, .. }), "{error:?}");
    assert!(error.is_permanent() && error.is_too_large());
}

#[test]
fn a_busy_server_is_tried_again_and_a_refusing_one_only_after_a_change() {
    for (code, transient) in [(451, true), (452, true), (552, false), (554, false)] {
        let settings = server(move |mut talk| {
            talk.until_data();
            talk.message();
            talk.say(&format!("{code}-first\r\n{code} second\x1b[31m\r\n"));
        });
        let error = failure(settings);
        let DeliverError::Rejected { code: found, step: Step::Acceptance, answer, .. } = &error else {
            panic!("{error:?}")
        };
        assert_eq!((*found, answer.as_str()), (code, "first second [31m"));
        assert_eq!(error.is_transient(), transient);
    }
    let error = failure(server(|mut talk| talk.say("421 too many connections\r\n")));
    assert!(matches!(error, DeliverError::Rejected { code: 421, step: Step::Greeting, .. }), "{error:?}");
    assert!(error.is_transient());
}

#[test]
fn a_server_without_encryption_gets_nothing_where_encryption_is_wanted() {
    let settings = |settings: SmtpSettings, tls| {
        // The same place, spoken to in another way.
        let text = format!("{settings:?}");
        let port = text.split("port: ").nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
        SmtpSettings::new("127.0.0.1", tls).port(port).timeout(Duration::from_secs(5)).credentials("joe", "hunter2")
    };
    let (sender, receiver) = std::sync::mpsc::channel();
    let plain = server(move |mut talk| {
        talk.say("220 odd\r\n");
        let hello = talk.hear();
        talk.say("250-odd\r\n250 AUTH PLAIN\r\n");
        sender.send([hello, talk.hear()]).unwrap();
    });
    let error = failure(settings(plain, Tls::StartTls));
    assert!(matches!(error, DeliverError::Protocol { step: Step::Encryption, .. }), "{error:?}");
    assert!(error.to_string().contains("offers no STARTTLS"), "{error}");
    assert_eq!(receiver.recv().unwrap(), ["EHLO [127.0.0.1]", ""]);

    let error = failure(settings(server(|mut talk| talk.say("220 odd\r\n")), Tls::Implicit));
    assert!(matches!(error, DeliverError::Tls { .. }), "{error:?}");
}

#[test]
fn what_was_slipped_in_before_encryption_is_not_believed() {
    let plain = server(|mut talk| {
        talk.say("220 odd\r\n");
        talk.hear();
        talk.say("250-odd\r\n250 STARTTLS\r\n");
        talk.hear();
        talk.say("220 go on\r\n250 slipped in\r\n");
        talk.hear();
    });
    let text = format!("{plain:?}");
    let port = text.split("port: ").nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
    let error = failure(SmtpSettings::new("127.0.0.1", Tls::StartTls).port(port));
    assert!(error.to_string().contains("before encryption began"), "{error}");
}

#[test]
fn what_is_no_mail_server_is_said_to_be_none() {
    let answers = ["HTTP/1.1 400 Bad Request\r\n\r\n", "\r\n", "25\r\n", "2\u{e9}0 x\r\n", "220", ""];
    for answer in answers {
        let error = failure(server(move |mut talk| talk.say(answer)));
        assert!(matches!(error, DeliverError::Protocol { .. } | DeliverError::Lost { .. }), "{answer:?}: {error:?}");
    }
    let error = failure(server(|mut talk| {
        for _ in 0..10_000 {
            talk.say("220-and so on and so on\r\n");
        }
    }));
    assert!(error.to_string().contains("65536 bytes"), "{error}");
    let error = failure(server(|mut talk| talk.say(&"x".repeat(1 << 20))));
    assert!(error.to_string().contains("65536 bytes"), "{error}");
}

#[test]
fn half_a_report_is_never_ended_as_if_it_were_whole() {
    let bytes = noise(1 << 20);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes[..500_000]).unwrap();
    let cut = parcel_of_file(file, bytes.len() as u64, Sha256::digest(&bytes).into());
    let (sender, receiver) = std::sync::mpsc::channel();
    let settings = server(move |mut talk| {
        talk.until_data();
        let mut all = Vec::new();
        let _ = talk.lines.read_to_end(&mut all);
        sender.send(all).unwrap();
    });
    let error = send(settings, &cut).unwrap_err();
    assert!(matches!(error, DeliverError::Altered { .. }), "{error:?}");
    let seen = receiver.recv().unwrap();
    assert!(seen.len() > 100_000 && !seen.ends_with(b"\r\n.\r\n"));
    assert!(!seen.windows(3).any(|window| window == b"\n.\r"));
}
