//! Why a report was not taken, by who is to blame.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use uuid::Uuid;

/// An attempt that failed. The report is kept in every case: the error only says when another attempt makes sense.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeliverError {
    /// The product's own settings cannot work. Nothing was sent to anyone.
    #[error("cannot send with these settings: {what}")]
    Usage {
        /// What is wrong and how to put it right.
        what: String,
    },
    /// The host's name has no address.
    #[error("cannot find the mail server {host}: check its name in the product's settings, and the network")]
    Resolve {
        /// The name as it was given.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// No address of the host takes connections.
    #[error(
        "cannot connect to {host} port {port}, {addresses} address(es) tried: check that the mail server runs and that no firewall is between"
    )]
    Connect {
        /// The name as it was given.
        host: String,
        /// The TCP port.
        port: u16,
        /// How many addresses the name has.
        addresses: usize,
        /// Why the last one failed.
        source: io::Error,
    },
    /// Nobody answered in time.
    #[error("the mail server {host} did not answer in {:.1} s ({step})", waited.as_secs_f64())]
    Timeout {
        /// The mail server.
        host: String,
        /// What was going on.
        step: Step,
        /// Since the attempt began.
        waited: Duration,
    },
    /// The connection broke.
    #[error("the connection to {host} broke ({step})")]
    Lost {
        /// The mail server.
        host: String,
        /// What was going on.
        step: Step,
        /// What the system said.
        source: io::Error,
    },
    /// The server could not prove who it is, or no common way to encrypt was found.
    #[error(
        "no secure connection to {host}: check the server's certificate and this machine's clock and trusted authorities"
    )]
    Tls {
        /// The mail server.
        host: String,
        /// What TLS said.
        source: rustls::Error,
    },
    /// The server does not do what this delivery needs, or does not speak SMTP.
    #[error("the mail server {host} {what} ({step})")]
    Protocol {
        /// The mail server.
        host: String,
        /// What was going on.
        step: Step,
        /// "offers no STARTTLS", ...
        what: String,
    },
    /// The server refuses to know this product.
    #[error(
        "the mail server {host} refused the user name or password: {code} {answer}; correct the credentials, the report is kept"
    )]
    Credentials {
        /// The mail server.
        host: String,
        /// SMTP reply code.
        code: u16,
        /// The server's words, made fit for a log.
        answer: String,
    },
    /// The server said no.
    #[error("the mail server {host} refused ({step}): {code} {answer}{}", remedy(step, *code))]
    Rejected {
        /// The mail server.
        host: String,
        /// What it refused.
        step: Step,
        /// SMTP reply code: 4yz means later, 5yz means not like this.
        code: u16,
        /// The server's words, made fit for a log.
        answer: String,
    },
    /// Known before anything was uploaded.
    #[error("too large: the message has {bytes} bytes, the mail server {host} allows {limit}")]
    TooLarge {
        /// The mail server.
        host: String,
        /// Size of the whole message.
        bytes: u64,
        /// What the server's SIZE says.
        limit: u64,
    },
    /// The report's own file could not be read.
    #[error("cannot read the report {id}")]
    Report {
        /// Which report.
        id: Uuid,
        /// What the system said.
        source: io::Error,
    },
    /// The file no longer holds what was granted. Nothing of it was handed over.
    #[error("the report {id} is not what was granted: {found}")]
    Altered {
        /// Which report.
        id: Uuid,
        /// How it differs.
        found: String,
    },
    /// A file or directory of the transport's own could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl DeliverError {
    /// The same attempt may go through soon, without anybody doing anything: no network, a busy server, a time-out.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::Timeout { .. }
            | Self::Lost { .. }
            | Self::Report { .. }
            | Self::Write { .. } => true,
            Self::Credentials { code, .. } | Self::Rejected { code, .. } => *code < 500,
            Self::Usage { .. }
            | Self::Tls { .. }
            | Self::Protocol { .. }
            | Self::TooLarge { .. }
            | Self::Altered { .. } => false,
        }
    }

    /// The same attempt fails again until somebody changes something: a password, a recipient, a limit. Not a reason
    /// to drop the report: the change may come, even from the server's side.
    pub fn is_permanent(&self) -> bool {
        !self.is_transient()
    }

    /// The whole is too much for the server; a smaller report may pass.
    pub fn is_too_large(&self) -> bool {
        match self {
            Self::TooLarge { .. } => true,
            // 552 is "exceeded storage allocation"; 5.3.4 the enhanced code for "message too big".
            Self::Rejected { code, answer, .. } => *code == 552 || answer.contains("5.3.4"),
            _ => false,
        }
    }
}

/// How far a conversation with a mail server had come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Finding and reaching it.
    Connecting,
    /// Waiting for its first words.
    Greeting,
    /// EHLO.
    Hello,
    /// STARTTLS and the handshake.
    Encryption,
    /// AUTH.
    Authentication,
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient(String),
    /// DATA and the message itself.
    Message,
    /// The message is out, the server has not yet said that it takes it.
    Acceptance,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting => f.write_str("connecting"),
            Self::Greeting => f.write_str("waiting for its greeting"),
            Self::Hello => f.write_str("EHLO"),
            Self::Encryption => f.write_str("starting encryption"),
            Self::Authentication => f.write_str("authenticating"),
            Self::Sender => f.write_str("giving the sender"),
            Self::Recipient(address) => write!(f, "recipient {address}"),
            Self::Message => f.write_str("sending the message"),
            Self::Acceptance => f.write_str("waiting for it to accept the message"),
        }
    }
}

/// What a person can do about a refusal. A 4yz passes by itself.
fn remedy(step: &Step, code: u16) -> &'static str {
    match step {
        _ if code < 500 => "",
        Step::Sender => "; correct the sender in the product's settings, the report is kept",
        Step::Recipient(_) => "; correct the recipient in the product's settings, the report is kept",
        _ => "; the report is kept",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(code: u16, answer: &str) -> DeliverError {
        DeliverError::Rejected { host: "h".into(), step: Step::Acceptance, code, answer: answer.into() }
    }

    #[test]
    fn a_4yz_passes_by_itself_and_a_5yz_does_not() {
        assert!(rejected(451, "greylisted").is_transient());
        assert!(rejected(550, "no such user").is_permanent());
        assert!(DeliverError::Credentials { host: "h".into(), code: 454, answer: String::new() }.is_transient());
        assert!(DeliverError::Credentials { host: "h".into(), code: 535, answer: String::new() }.is_permanent());
    }

    #[test]
    fn too_large_is_known_however_the_server_puts_it() {
        assert!(rejected(552, "Message size exceeds maximum permitted").is_too_large());
        assert!(rejected(554, "5.3.4 Message too big for system").is_too_large());
        assert!(!rejected(550, "5.1.1 no such user").is_too_large());
        assert!(DeliverError::TooLarge { host: "h".into(), bytes: 2, limit: 1 }.is_too_large());
    }

    #[test]
    fn errors_cross_threads() {
        fn send_and_sync<T: Send + Sync + 'static>() {}
        send_and_sync::<DeliverError>();
    }
}
