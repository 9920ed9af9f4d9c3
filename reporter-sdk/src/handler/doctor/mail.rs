//! The way to support, tried as far as it goes without sending anything.

use super::findings::{Finding, State, size, words};
use crate::deliver::{self, DeliverError, Offer, Way};
use crate::schema;

/// Sealing on the user's machine is not there yet, so no key is needed here.
pub(super) fn keys() -> Finding {
    let found = "this release does not seal reports on the user's machine; on the way TLS protects them";
    Finding::new("keys", State::NotApplicable, found)
}

pub(super) fn way(mail: Option<&schema::Mail>) -> Finding {
    let Some(mail) = mail else {
        let found = "no way to support was named: reports are kept in the spool";
        return Finding::new("server", State::NotApplicable, found)
            .advice("name --from, --to and --smtp, or --eml-directory");
    };
    match deliver::way(mail.clone()) {
        Ok(Way::Smtp(smtp)) => server(mail, smtp.host(), smtp.try_out()),
        Ok(Way::Files(files)) => match files.try_out() {
            Ok(()) => Finding::new(
                "server",
                State::Ok,
                format!("{}: a file was written and removed", files.place().display()),
            )
            .fact("directory", files.place().display().to_string()),
            Err(error) => failed(&error).advice("the product's user must be able to write there"),
        },
        Err(error) => failed(&error).advice("correct the product's mail settings"),
    }
}

fn server(mail: &schema::Mail, host: &str, tried: Result<Offer, DeliverError>) -> Finding {
    let Offer { encryption, size_limit, authenticated, refused, milliseconds } = match tried {
        Ok(offer) => offer,
        Err(error) => return failed(&error).advice(advice(&error)).fact("host", host),
    };
    let encrypted =
        encryption.as_deref().map_or("not encrypted".to_owned(), |how| format!("{how}, the certificate is trusted"));
    let known = if authenticated { "user name and password taken" } else { "no password asked for" };
    let limit = size_limit.map_or("no limit told".to_owned(), |limit| format!("mails of {} at most", size(limit)));
    let recipients = mail.to.len();
    let mut found = format!(
        "{}: {encrypted}; {known}; {limit}; takes mail from {} for {} of {recipients} recipients; nothing was sent ({milliseconds} ms)",
        host,
        mail.from,
        recipients - refused.len().min(recipients)
    );
    let state = if refused.is_empty() { State::Ok } else { State::Warning };
    if !refused.is_empty() {
        found += &format!("; {}", refused.join("; "));
    }
    let mut finding = Finding::new("server", state, found)
        .fact("host", host)
        .fact("encryption", encryption)
        .fact("size_limit", size_limit)
        .fact("authenticated", authenticated)
        .fact("recipients_refused", refused.len())
        .fact("milliseconds", milliseconds);
    if state == State::Warning {
        finding = finding.advice("correct the recipients that were refused, or have the mail server know them");
    }
    finding
}

fn failed(error: &DeliverError) -> Finding {
    Finding::new("server", State::Failed, words(error))
}

/// What the error itself does not say.
fn advice(error: &DeliverError) -> &'static str {
    match error {
        DeliverError::Usage { .. } => "correct the product's mail settings",
        DeliverError::Resolve { .. } => "check the server's name; a machine without a network sends later",
        DeliverError::Connect { .. } => "check port and firewall: 465 is for implicit TLS, 587 for STARTTLS",
        DeliverError::Timeout { .. } | DeliverError::Lost { .. } => {
            "check that this port speaks what --tls says: 465 is for implicit TLS, 587 for STARTTLS"
        }
        DeliverError::Tls { .. } => {
            "give the authority of the server's certificate as --root-certificate, and the name that the certificate is made for as --smtp"
        }
        DeliverError::Protocol { .. } => "choose another --tls or port, or have the server set up for submission",
        DeliverError::Credentials { .. } => "correct --user and --password-file",
        DeliverError::Rejected { .. } => "ask whoever runs the mail server, with these words",
        _ => "see the message",
    }
}
