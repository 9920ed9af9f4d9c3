//! Submission to a mail server: one conversation, one report.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::commands::{Auth, Data, Ehlo, Mail as MailFrom, Quit, Rcpt, Starttls};
use lettre::transport::smtp::extension::{ClientId, MailParameter};
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};

use super::connection::{Answer, Connection};
use super::message::{Message, Purpose};
use super::trust::Trust;
use super::{DeliverError, Mail, Parcel, Receipt, Step, Transport};

/// A whole attempt, unless the settings say otherwise: enough for 25 MB at 1 Mbit/s.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);
/// How long the courtesies after the end may take: QUIT, or asking why the server hung up.
const AFTERWARDS: Duration = Duration::from_secs(1);
/// Bytes of a mail that is announced and never begun: those of a small report.
const TRIAL_SIZE: u64 = 64 << 10;

/// How the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// From the first byte on, usually port 465.
    Implicit,
    /// By STARTTLS, usually port 587. A server that does not offer it gets nothing.
    StartTls,
    /// Not at all: for a relay on this machine. Credentials are refused with it. Port 25.
    None,
}

impl Tls {
    fn port(self) -> u16 {
        match self {
            Self::Implicit => 465,
            Self::StartTls => 587,
            Self::None => 25,
        }
    }
}

/// Where the mail server is and how to speak with it.
///
/// ```
/// use reporter_sdk::deliver::{Mail, Smtp, SmtpSettings, Tls};
///
/// let settings = SmtpSettings::new("mail.ledger.example", Tls::StartTls).credentials("errors", "secret");
/// let mail = Mail::new("errors@ledger.example", ["support@ledger.example"])?;
/// let transport = Smtp::new(settings, mail)?;
/// # Ok::<(), reporter_sdk::deliver::DeliverError>(())
/// ```
#[derive(Clone)]
pub struct SmtpSettings {
    host: String,
    port: u16,
    tls: Tls,
    credentials: Option<(String, String)>,
    roots: Vec<u8>,
    timeout: Duration,
    hello: String,
}

impl SmtpSettings {
    /// A server by name or address, on the usual port for `tls`.
    pub fn new(host: impl Into<String>, tls: Tls) -> Self {
        Self {
            host: host.into(),
            port: tls.port(),
            tls,
            credentials: None,
            roots: Vec::new(),
            timeout: DEFAULT_TIMEOUT,
            hello: "[127.0.0.1]".into(),
        }
    }

    /// Another TCP port.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// User name and password, for AUTH PLAIN or LOGIN. Only with encryption. A password inside a product can be read
    /// by whoever has the product: a relay of the vendor's that takes none is better.
    pub fn credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.credentials = Some((user.into(), password.into()));
        self
    }

    /// Certificates (PEM) of authorities to trust in addition to the platform's.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots = pem.into();
        self
    }

    /// How long one attempt may take, from finding the server to its last word; 5 minutes by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// What EHLO says. The default is the same for everybody, `[127.0.0.1]`, and so tells nothing of the machine.
    pub fn hello(mut self, name: impl Into<String>) -> Self {
        self.hello = name.into();
        self
    }
}

impl fmt::Debug for SmtpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("SmtpSettings");
        text.field("host", &self.host).field("port", &self.port).field("tls", &self.tls).finish_non_exhaustive()
    }
}

/// What a server would take, and how.
#[derive(Clone, Debug)]
#[cfg_attr(not(any(target_os = "linux", windows)), expect(dead_code, reason = "for the handler alone"))]
pub(crate) struct Offer {
    /// "TLS 1.3"; `None` for none.
    pub(crate) encryption: Option<String>,
    /// Bytes of a mail, where the server tells.
    pub(crate) size_limit: Option<u64>,
    /// User name and password were taken.
    pub(crate) authenticated: bool,
    /// The recipients that it does not take, with its words.
    pub(crate) refused: Vec<String>,
    pub(crate) milliseconds: u64,
}

/// Sends each report as a mail of its own over a connection of its own.
pub struct Smtp {
    settings: SmtpSettings,
    mail: Mail,
    encryption: Option<Arc<ClientConfig>>,
    credentials: Option<Credentials>,
}

impl Smtp {
    /// A transport with these settings. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// [`DeliverError::Usage`]: credentials without encryption, a certificate that is none, an odd host or EHLO name.
    pub fn new(settings: SmtpSettings, mail: Mail) -> Result<Self, DeliverError> {
        let wrong = |what: &str| Err(DeliverError::Usage { what: what.to_owned() });
        if settings.tls == Tls::None && settings.credentials.is_some() {
            return wrong("a user name and password need an encrypted connection: choose STARTTLS or implicit TLS");
        }
        if settings.hello.is_empty() || !settings.hello.bytes().all(|byte| byte.is_ascii_graphic()) {
            return wrong("the EHLO name must be visible ASCII without spaces");
        }
        if ServerName::try_from(settings.host.as_str()).is_err() {
            return wrong(&format!("{:?} is no host name or address", super::one_line(&settings.host, 80)));
        }
        let encryption = if settings.tls == Tls::None { None } else { Some(encryption(&settings.roots)?) };
        let credentials = settings.credentials.clone().map(Credentials::from);
        Ok(Self { settings, mail, encryption, credentials })
    }

    /// Connected, greeted, encrypted. Gives the server's last answer to EHLO.
    fn open(&self) -> Result<(Connection, Answer), DeliverError> {
        let SmtpSettings { host, port, timeout, .. } = &self.settings;
        let mut connection = Connection::open(host, *port, *timeout)?;
        if let (Tls::Implicit, Some(encryption)) = (self.settings.tls, &self.encryption) {
            connection.encrypt(encryption)?;
        }
        let greeting = connection.answer(&Step::Greeting)?;
        self.accepted(Step::Greeting, greeting)?;
        let mut offer = self.hello(&mut connection)?;
        if let (Tls::StartTls, Some(encryption)) = (self.settings.tls, &self.encryption) {
            if extension(&offer, "STARTTLS").is_none() {
                return Err(connection.protocol(Step::Encryption, "offers no STARTTLS, so nothing was sent to it"));
            }
            self.say(&mut connection, Step::Encryption, &Starttls)?;
            connection.encrypt(encryption)?;
            // What was offered in clear text counts for nothing.
            offer = self.hello(&mut connection)?;
        }
        Ok((connection, offer))
    }

    /// The mail server, as it was given.
    #[cfg_attr(not(any(target_os = "linux", windows)), expect(dead_code, reason = "for the handler alone"))]
    pub(crate) fn host(&self) -> &str {
        &self.settings.host
    }

    /// All that sending does, up to the recipients, and then goodbye: no message is begun.
    ///
    /// # Errors
    /// What [`Transport::send`] would have met.
    #[cfg_attr(not(any(target_os = "linux", windows)), expect(dead_code, reason = "for the handler alone"))]
    pub(crate) fn try_out(&self) -> Result<Offer, DeliverError> {
        let started = Instant::now();
        let (mut connection, offer) = self.open()?;
        self.authenticate(&mut connection, &offer)?;
        let refused = self.address(&mut connection, &offer, TRIAL_SIZE)?;
        let encryption = connection.encryption();
        connection.hurry(AFTERWARDS);
        // Nothing hangs on how it answers.
        let _ = connection.command(&Step::Acceptance, &Quit);
        let limit = extension(&offer, "SIZE").and_then(|limit| limit.split_whitespace().next()?.parse().ok());
        Ok(Offer {
            encryption,
            size_limit: limit.filter(|limit| *limit != 0),
            authenticated: self.credentials.is_some(),
            refused,
            milliseconds: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }

    fn hello(&self, connection: &mut Connection) -> Result<Answer, DeliverError> {
        self.say(connection, Step::Hello, &Ehlo::new(ClientId::Domain(self.settings.hello.clone())))
    }

    fn authenticate(&self, connection: &mut Connection, offer: &Answer) -> Result<(), DeliverError> {
        let Some(credentials) = &self.credentials else { return Ok(()) };
        let step = Step::Authentication;
        let offered = extension(offer, "AUTH").unwrap_or_default();
        let has = |wanted: &Mechanism| offered.split_whitespace().any(|m| m.eq_ignore_ascii_case(&wanted.to_string()));
        let Some(mechanism) = [Mechanism::Plain, Mechanism::Login].into_iter().find(has) else {
            return Err(connection.protocol(step, "offers neither AUTH PLAIN nor AUTH LOGIN"));
        };
        let odd = "asks for something other than user name and password";
        let first =
            Auth::new(mechanism, credentials.clone(), None).map_err(|_| connection.protocol(step.clone(), odd))?;
        let mut answer = connection.command(&step, &first)?;
        // LOGIN asks twice; whoever asks more often is not asking for these.
        for _ in 0..2 {
            if answer.code != 334 {
                break;
            }
            let next = Auth::new_from_response(mechanism, credentials.clone(), &answer.response);
            let next = next.map_err(|_| connection.protocol(step.clone(), odd))?;
            answer = connection.command(&step, &next)?;
        }
        match answer.code {
            235 => Ok(()),
            code => Err(DeliverError::Credentials {
                host: self.settings.host.clone(),
                code,
                answer: self.without_secrets(&answer),
            }),
        }
    }

    /// Situation: a server that quotes what it was sent ("535 bad credentials AGpvZQBzZWNyZXQ="). Its words go to a log.
    fn without_secrets(&self, answer: &Answer) -> String {
        let text = answer.text();
        let Some((user, password)) = &self.settings.credentials else { return text };
        let plain = STANDARD.encode(format!("\0{user}\0{password}"));
        let quoted = |secret: &str| !secret.is_empty() && text.contains(secret);
        if quoted(password) || quoted(&STANDARD.encode(password)) || quoted(&plain) {
            return "(its answer quotes the password and is left out)".into();
        }
        text
    }

    /// MAIL FROM and RCPT TO. One recipient is enough: the others' refusals are given back, for the receipt.
    fn address(&self, connection: &mut Connection, offer: &Answer, size: u64) -> Result<Vec<String>, DeliverError> {
        let mut parameters = Vec::new();
        if let Some(limit) = extension(offer, "SIZE") {
            // No number or 0: the server has a limit and does not say which, or has none (RFC 1870).
            let limit = limit.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0);
            if limit != 0 && size > limit {
                return Err(DeliverError::TooLarge { host: self.settings.host.clone(), bytes: size, limit });
            }
            parameters.push(MailParameter::Size(usize::try_from(size).unwrap_or(usize::MAX)));
        }
        self.say(connection, Step::Sender, &MailFrom::new(Some(self.mail.sender().clone()), parameters))?;
        let (mut refused, mut first, mut recipients) = (Vec::new(), None, 0);
        for recipient in self.mail.recipients() {
            recipients += 1;
            match self.say(
                connection,
                Step::Recipient(recipient.to_string()),
                &Rcpt::new(recipient.clone(), Vec::new()),
            ) {
                Ok(_) => {}
                Err(error @ DeliverError::Rejected { .. }) => {
                    refused.push(error.to_string());
                    first = first.or(Some(error));
                }
                Err(error) => return Err(error),
            }
        }
        match first {
            Some(error) if refused.len() == recipients => Err(error),
            _ => Ok(refused),
        }
    }

    /// DATA, the message, and the server's word that it has it.
    fn content(&self, connection: &mut Connection, message: &Message<'_>) -> Result<Answer, DeliverError> {
        // Before DATA: a report that cannot even be opened does not cost a conversation.
        let mut pieces = message.pieces()?;
        self.say(connection, Step::Message, &Data)?;
        let mut stuffed = Stuffed::default();
        while let Some(piece) = pieces.next()? {
            let written = connection.write(&Step::Message, stuffed.piece(piece));
            if let Err(error) = written {
                return Err(self.why_it_hung_up(connection).unwrap_or(error));
            }
        }
        connection.be_patient();
        let answer = connection.command(&Step::Acceptance, &".\r\n")?;
        self.accepted(Step::Acceptance, answer)
    }

    /// Situation: a server has enough in the middle of a message, answers 552 and closes. Writing then fails with a
    /// reset connection, and the answer, which says why, lies unread.
    fn why_it_hung_up(&self, connection: &mut Connection) -> Option<DeliverError> {
        connection.hurry(AFTERWARDS);
        let answer = connection.answer(&Step::Message).ok()?;
        self.accepted(Step::Message, answer).err()
    }

    fn say(&self, connection: &mut Connection, step: Step, command: &impl ToString) -> Result<Answer, DeliverError> {
        let answer = connection.command(&step, command)?;
        self.accepted(step, answer)
    }

    fn accepted(&self, step: Step, answer: Answer) -> Result<Answer, DeliverError> {
        if (200..400).contains(&answer.code) {
            return Ok(answer);
        }
        Err(DeliverError::Rejected { host: self.settings.host.clone(), step, code: answer.code, answer: answer.text() })
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp").field("settings", &self.settings).field("mail", &self.mail).finish_non_exhaustive()
    }
}

impl Transport for Smtp {
    fn send(&mut self, parcel: &Parcel) -> Result<Receipt, DeliverError> {
        let message = Message::new(&self.mail, parcel, SystemTime::now(), Purpose::Sending);
        let (mut connection, offer) = self.open()?;
        self.authenticate(&mut connection, &offer)?;
        let refused = self.address(&mut connection, &offer, message.size())?;
        let answer = self.content(&mut connection, &message)?;
        connection.hurry(AFTERWARDS);
        // The message is theirs; how the goodbye goes changes nothing.
        let _ = connection.command(&Step::Acceptance, &Quit);
        let mut words = vec![answer.text()];
        words.extend(refused);
        Ok(Receipt::new(self.mail.message_id(parcel), words.join("; ")))
    }
}

/// What the server offers under a keyword: "SIZE 52428800" gives "52428800".
fn extension<'a>(offer: &'a Answer, keyword: &str) -> Option<&'a str> {
    // The first line is the server's name.
    offer.response.message().skip(1).find_map(|line| {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        word.trim().eq_ignore_ascii_case(keyword).then(|| rest.trim())
    })
}

/// The platform's authorities and those in `roots`.
fn encryption(roots: &[u8]) -> Result<Arc<ClientConfig>, DeliverError> {
    let usage = |why: &dyn fmt::Display| DeliverError::Usage { what: format!("encryption is not possible: {why}") };
    let roots: Vec<_> = CertificateDer::pem_slice_iter(roots).collect::<Result<_, _>>().map_err(|e| usage(&e))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let trust = Trust::new(roots, Arc::clone(&provider)).map_err(|e| usage(&e))?;
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|e| usage(&e))?.dangerous().with_custom_certificate_verifier(Arc::new(trust));
    Ok(Arc::new(config.with_no_client_auth()))
}

/// Doubles a dot that begins a line, so that no line of the message is taken for its end.
#[derive(Debug)]
struct Stuffed {
    line_begins: bool,
    buffer: Vec<u8>,
}

impl Default for Stuffed {
    fn default() -> Self {
        Self { line_begins: true, buffer: Vec::new() }
    }
}

impl Stuffed {
    fn piece(&mut self, piece: &[u8]) -> &[u8] {
        self.buffer.clear();
        for &byte in piece {
            if self.line_begins && byte == b'.' {
                self.buffer.push(b'.');
            }
            self.line_begins = byte == b'\n';
            self.buffer.push(byte);
        }
        &self.buffer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> Mail {
        Mail::new("errors@ledger.example", ["support@ledger.example"]).unwrap()
    }

    fn usage(settings: SmtpSettings) -> String {
        match Smtp::new(settings, mail()) {
            Err(error @ DeliverError::Usage { .. }) => error.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn settings_that_cannot_work_are_refused_at_once() {
        assert!(
            usage(SmtpSettings::new("h", Tls::None).credentials("u", "p")).contains("need an encrypted connection")
        );
        assert!(usage(SmtpSettings::new("h", Tls::None).hello("a b\r\nMAIL")).contains("EHLO"));
        assert!(usage(SmtpSettings::new("h h", Tls::None)).contains("host name"));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n";
        assert!(usage(SmtpSettings::new("h", Tls::StartTls).root_certificates(broken)).contains("encryption"));
    }

    #[test]
    fn no_password_is_printed() {
        let settings = SmtpSettings::new("h", Tls::StartTls).credentials("joe", "hunter2");
        let smtp = Smtp::new(settings.clone(), mail()).unwrap();
        let printed = format!("{settings:?} {smtp:?}");
        assert!(!printed.contains("hunter2") && !printed.contains("joe"), "{printed}");
    }

    #[test]
    fn dots_are_doubled_wherever_the_pieces_are_cut() {
        let text = b".a\r\n..\r\nb.c\r\n.\r\n";
        for cut in 0..=text.len() {
            let mut stuffed = Stuffed::default();
            let mut all = stuffed.piece(&text[..cut]).to_vec();
            all.extend_from_slice(stuffed.piece(&text[cut..]));
            assert_eq!(all, b"..a\r\n...\r\nb.c\r\n..\r\n", "cut at {cut}");
        }
    }
}
