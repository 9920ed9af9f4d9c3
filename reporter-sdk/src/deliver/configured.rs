//! From the product's configuration, as it came over the IPC, to a transport.

use std::path::PathBuf;
use std::time::Duration;

use super::{DeliverError, EmlDirectory, Mail, Smtp, SmtpSettings, Tls, Transport};
use crate::schema;

/// One attempt, unless the product says otherwise.
const ATTEMPT_TIME: Duration = Duration::from_secs(60);

/// The transport that the product chose.
///
/// # Errors
///
/// [`DeliverError::Usage`]: no transport, or settings that cannot work.
pub(crate) fn transport(mail: schema::Mail) -> Result<Box<dyn Transport + Send>, DeliverError> {
    Ok(match way(mail)? {
        Way::Smtp(smtp) => Box::new(smtp),
        Way::Files(files) => Box::new(files),
    })
}

/// The transports that a product can choose.
pub(crate) enum Way {
    Smtp(Smtp),
    Files(EmlDirectory),
}

/// As [`transport`], by what it is.
pub(crate) fn way(mail: schema::Mail) -> Result<Way, DeliverError> {
    let addresses = Mail::new(&mail.from, mail.to.iter().map(String::as_str))?;
    match mail.transport {
        Some(schema::mail::Transport::Smtp(smtp)) => Ok(Way::Smtp(Smtp::new(settings(smtp)?, addresses)?)),
        Some(schema::mail::Transport::EmlDirectory(eml)) => {
            Ok(Way::Files(EmlDirectory::new(path(eml.path)?, addresses)))
        }
        None => Err(usage("no way to send is set: name a mail server or a directory")),
    }
}

fn settings(smtp: schema::Smtp) -> Result<SmtpSettings, DeliverError> {
    let tls = match smtp.tls() {
        schema::Tls::Implicit => Tls::Implicit,
        schema::Tls::Starttls => Tls::StartTls,
        schema::Tls::None => Tls::None,
        schema::Tls::Unspecified => {
            return Err(usage("it is not set how the connection to the mail server is encrypted"));
        }
    };
    let mut settings = SmtpSettings::new(smtp.host, tls).root_certificates(smtp.root_certificate);
    if smtp.port != 0 {
        let port = u16::try_from(smtp.port).map_err(|_| usage(&format!("there is no port {}", smtp.port)))?;
        settings = settings.port(port);
    }
    if !smtp.username.is_empty() || !smtp.password.is_empty() {
        settings = settings.credentials(smtp.username, smtp.password);
    }
    let timeout = match smtp.timeout_millis {
        0 => ATTEMPT_TIME,
        millis => Duration::from_millis(millis.into()),
    };
    Ok(settings.timeout(timeout))
}

fn path(bytes: Vec<u8>) -> Result<PathBuf, DeliverError> {
    let path = PathBuf::from(crate::os_bytes::from_bytes(bytes));
    // The handler's own working directory means nothing to the product.
    if path.is_absolute() { Ok(path) } else { Err(usage("the directory for mails must be an absolute path")) }
}

fn usage(what: &str) -> DeliverError {
    DeliverError::Usage { what: what.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(transport: Option<schema::mail::Transport>) -> String {
        let mail = schema::Mail { from: "a@b.example".into(), to: vec!["c@d.example".into()], transport };
        match super::transport(mail) {
            Err(error @ DeliverError::Usage { .. }) => error.to_string(),
            Err(error) => panic!("{error:?}"),
            Ok(_) => panic!("taken"),
        }
    }

    fn smtp(change: impl FnOnce(&mut schema::Smtp)) -> Option<schema::mail::Transport> {
        let mut smtp =
            schema::Smtp { host: "mail.example".into(), tls: schema::Tls::None.into(), ..Default::default() };
        change(&mut smtp);
        Some(schema::mail::Transport::Smtp(smtp))
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        assert!(refusal(None).contains("no way to send"));
        assert!(refusal(smtp(|smtp| smtp.tls = 0)).contains("encrypted"));
        assert!(refusal(smtp(|smtp| smtp.port = 70_000)).contains("70000"));
        assert!(refusal(smtp(|smtp| smtp.password = "p".into())).contains("encrypted connection"));
        let eml = schema::EmlDirectory { path: b"mails".to_vec() };
        assert!(refusal(Some(schema::mail::Transport::EmlDirectory(eml))).contains("absolute"));
    }

    #[test]
    fn what_is_complete_is_taken() {
        let path = if cfg!(windows) { r"C:\m" } else { "/m" };
        let directory = schema::EmlDirectory { path: crate::os_bytes::to_bytes(path.as_ref()) };
        for transport in [smtp(|_| {}), Some(schema::mail::Transport::EmlDirectory(directory))] {
            let mail = schema::Mail { from: "a@b.example".into(), to: vec!["c@d.example".into()], transport };
            super::transport(mail).map(|_| ()).unwrap();
        }
    }
}
