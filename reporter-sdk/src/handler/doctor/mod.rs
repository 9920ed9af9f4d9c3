//! What an integrator asks who has just put library and handler beside a product: will a crash be reported, and will the mail arrive?
//!
//! Each subject is one file, and one [`Finding`]. What can be tried is tried, by the code that does it when a product fails: a small product of the doctor's
//! own starts this handler through the SDK and reports a simulated crash (`rehearsal`); the mail server is spoken to by the transport itself. Nothing is
//! sent unless the test report was asked for.

mod findings;
mod helper;
mod mail;
mod other_handlers;
mod policy;
mod rehearsal;
mod screen;
mod spool;
mod surroundings;
mod test_report;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(windows)]
mod windows;

use std::path::PathBuf;

#[cfg(target_os = "linux")]
use linux as sys;
#[cfg(windows)]
use windows as sys;

pub use findings::{Finding, Findings, State};
use rehearsal::Rehearsed;
pub use rehearsal::play_product;

use super::settings::Settings;
use crate::consent::AdministratorPolicy;
use crate::options::wire;
use crate::{Notice, Options};

/// What can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Skip {
    /// The simulated crash, and so the test report
    Capture,
    /// The image of the desktop: a desktop may ask the person for leave
    Screen,
}

/// Looks at all that a report of this product needs. With `send`, a test report goes all the way.
///
/// Never fails: what cannot be had is a finding.
pub fn examine(mut options: Options, send: bool, skip: &[Skip]) -> Findings {
    if send {
        options.notice = notice_of_test(&options);
    }
    let given = options.clone();
    let mut settings = Settings::new(wire::configuration(&mut options));
    let mail = settings.mail.take();
    let mut findings = Findings::of(&given);

    findings.push(helper::program());
    findings.push(helper::library());
    let (administrator, troubles) = AdministratorPolicy::read(&given.vendor, &given.name);
    let (finding, opened) = spool::look(&settings);
    findings.push(policy::look(administrator, &troubles, opened.as_ref()));
    findings.push(finding);
    // A test report takes the way of all others, from its draft on; without one, nothing of the trial stays in the product's spool.
    let place = match &opened {
        Some(spool) if send => rehearsal::Place::Product(spool.path().to_owned()),
        _ => rehearsal::Place::Own,
    };
    let Rehearsed { trace, finding } =
        if skip.contains(&Skip::Capture) { Rehearsed::skipped() } else { rehearsal::rehearse(&given, &place) };
    findings.push(finding);
    findings.push(if skip.contains(&Skip::Screen) { screen::skipped() } else { screen::look() });
    findings.push(surroundings::question());
    findings.push(mail::keys());
    findings.push(mail::way(mail.as_ref()));
    findings.push(surroundings::clock());
    findings.push(other_handlers::look());
    if send {
        let finding = test_report::send(settings, administrator, opened, mail, trace);
        findings.push(finding);
    }
    findings
}

/// What the consent record says: who opens such a report sees that nobody was asked about an error.
pub(crate) fn notice_of_test(options: &Options) -> Notice {
    let recipients = options.mail.as_ref().map(|mail| mail.to.join(", ")).unwrap_or_default();
    Notice {
        purpose: "a test of the way to support, asked for by `reporter-handler doctor --send-test-report`".into(),
        recipient: recipients,
        ..Notice::default()
    }
}

/// This very program.
fn this_program() -> std::io::Result<PathBuf> {
    std::env::current_exe()
}
