//! A report that takes the way of all others, and says of itself that it is a test.
//!
//! Its mark is its kind, *simulated*, which is in the summary that stands in clear at both ends of a report, sealed or not: mail and `reportdecode` tell by it.

use std::thread::sleep;

use report_format::ReportId;
use report_format::schema::v1::Category;
use uuid::Uuid;

use super::findings::{Finding, State, size, words};
use super::rehearsal::{LOOK, TRIES, Trace};
use crate::consent::{AdministratorPolicy, Answer, Asker, Decision, Request};
use crate::deliver::{DeliverError, Parcel, Receipt, Transport};
use crate::handler::delivery::{parcel, transport};
use crate::handler::exclusions::Exclusions;
use crate::handler::full_memory::Images;
use crate::handler::pipeline::{Became, Pipeline, PipelineError};
use crate::handler::settings::Settings;
use crate::schema;
use crate::spool::Spool;

const CHECK: &str = "test_report";

/// The person who gave the option, and thereby the answer: what is ticked anyway, and no more. No image of the desktop, no full memory.
struct Operator;

impl Asker for Operator {
    fn ask(&mut self, request: &Request<'_>) -> Decision {
        let categories = request.preselected().without(Category::Contact);
        request.answered(Answer::Send { categories, contact: None }, None)
    }
}

/// Decides the rehearsal's draft, and hands it over. Whatever becomes of it, it does not stay in the product's spool.
pub(super) fn send(
    settings: Settings,
    administrator: AdministratorPolicy,
    spool: Option<Spool>,
    mail: Option<schema::Mail>,
    trace: Trace,
) -> Finding {
    let failed = |why: String| Finding::new(CHECK, State::Failed, why);
    let Some(spool) = spool else {
        return failed("not sent: there is no spool".into()).advice("see the line on the spool");
    };
    let recipients = mail.as_ref().map(|mail| mail.to.clone()).unwrap_or_default();
    let (id, is_decided) = match trace {
        Trace::Draft(id) => (id, false),
        Trace::Queued(id) => (id, true),
        Trace::None => {
            return failed("not sent: no report was made".into()).advice("see the lines on policy and capture");
        }
    };
    let pipeline = Pipeline {
        settings,
        administrator,
        spool: Some(spool),
        pid: std::process::id(),
        exclusions: Exclusions::default(),
        images: Images::default(),
    };
    let became = if is_decided { Ok(Became::Queued) } else { decide(&pipeline, id) };
    let Some(spool) = &pipeline.spool else { return failed("not sent: there is no spool".into()) };
    let sent = match became {
        Ok(Became::Queued) => {
            transport(mail).map_err(|soft| soft.message).and_then(|mut transport| hand_over(spool, id, &mut *transport))
        }
        Ok(became) => Err(format!("nobody lets it be sent ({became:?})")),
        Err(error) => Err(words(&error)),
    };
    // One that was not taken is of no use to anybody later.
    withdraw(spool, id);
    let id = Uuid::from_bytes(id.0).to_string();
    match sent {
        Ok((receipt, bytes)) => {
            let found = format!(
                "report {id}, {}, taken as <{}> for {}: {}; support sees it as a test report",
                size(bytes),
                receipt.id,
                recipients.join(", "),
                receipt.answer
            );
            Finding::new(CHECK, State::Ok, found)
                .fact("report_id", id)
                .fact("message_id", receipt.id)
                .fact("recipients", recipients)
                .fact("bytes", bytes)
                .fact("answer", receipt.answer)
        }
        Err(why) => {
            let advice =
                "see the line on the mail server; the test report was destroyed, and nothing of it is sent later";
            failed(format!("not sent: {why}")).advice(advice).fact("report_id", id)
        }
    }
}

/// Another process that looks through the drafts holds each for a moment.
fn decide(pipeline: &Pipeline, id: ReportId) -> Result<Became, PipelineError> {
    for _ in 0..TRIES {
        match pipeline.decide(id, &mut Operator) {
            Ok(Became::Elsewhere) => sleep(LOOK),
            became => return became,
        }
    }
    Ok(Became::Elsewhere)
}

fn hand_over(spool: &Spool, id: ReportId, transport: &mut dyn Transport) -> Result<(Receipt, u64), String> {
    let mut outgoing = match spool.claim(id) {
        Ok(Some(outgoing)) => outgoing,
        Ok(None) => return Err("another handler of the product has taken it, and sends it".into()),
        Err(error) => return Err(words(&error)),
    };
    let parcel: Parcel = match parcel(&mut outgoing) {
        Ok(Ok(parcel)) => parcel,
        Ok(Err(error)) => return Err(words(&error)),
        Err(error) => return Err(words(&error)),
    };
    let bytes = parcel.size();
    let receipt = transport.send(&parcel).map_err(|error: DeliverError| words(&error))?;
    Ok((receipt, bytes))
}

/// From wherever it lies by now.
fn withdraw(spool: &Spool, id: ReportId) {
    let destroyed = spool.discard(id).and_then(|()| match spool.claim(id)? {
        Some(outgoing) => outgoing.sent(),
        None => Ok(()),
    });
    if let Err(error) = destroyed {
        tracing::warn!(error = words(&error), "the test report stays in the spool");
    }
}
