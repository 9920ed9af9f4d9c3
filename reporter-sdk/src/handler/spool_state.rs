//! The product's spool as this run finds it, and what the product is told of it: which, why, and what to do.

use std::path::Path;

use report_format::schema::v1;

use super::pipeline::PipelineError;
use super::{soft_error, soft_note};
use crate::spool::{Spool, SpoolError, Undelivered};

/// Undelivered reports that the product is told of one by one at start.
const MOST_UNDELIVERED: usize = 3;

/// Opens the spool and brings home what had to be kept elsewhere. Where it cannot be opened, what is reported now is kept elsewhere.
pub(super) fn open_spool(path: &Path, soft_errors: &mut Vec<v1::SoftError>) -> Option<Spool> {
    let fallback = Spool::fallback_directory(path);
    match Spool::open(path) {
        Ok(spool) => {
            if let Some(fallback) = fallback
                && let Err(error) = spool.adopt(&fallback)
            {
                soft_errors.push(spool_fails(&error));
            }
            Some(spool)
        }
        Err(error) => {
            soft_errors.push(spool_fails(&error));
            let opened =
                fallback.map(|place| Spool::open(&place).map_err(|error| soft_errors.push(spool_fails(&error))));
            let Some(Ok(opened)) = opened else {
                soft_errors.push(soft_note("spool", "reports are lost until it is in order"));
                return None;
            };
            let message = format!("reports are kept in {} until the machine is switched off", opened.path().display());
            soft_errors.push(soft_note("spool", message));
            Some(opened)
        }
    }
}

/// What the product is told of a spool that fails: which, why, and what to do.
fn spool_fails(error: &SpoolError) -> v1::SoftError {
    let mut soft = soft_error("spool", error);
    soft.message.push_str(remedy(error));
    soft
}

pub(super) fn pipeline_fails(error: &PipelineError) -> v1::SoftError {
    let Some(of_spool) = error.of_spool() else { return soft_error("report", error) };
    let mut soft = soft_error("spool", error);
    soft.message.push_str(remedy(of_spool));
    soft
}

/// What a person can do about it; the other errors say it themselves.
pub(super) fn remedy(error: &SpoolError) -> &'static str {
    match error {
        _ if error.is_disk_full() => ": make room on its disk",
        SpoolError::Io { .. } => ": the product's user must be able to write there",
        _ => "",
    }
}

/// What earlier runs could not deliver, and why: whoever reads the product's soft errors is the one who can put it right.
pub(super) fn undelivered(spool: &Spool) -> Vec<v1::SoftError> {
    let failures = match spool.undelivered() {
        Ok(failures) => failures,
        Err(error) => return vec![spool_fails(&error)],
    };
    let told = failures.iter().rev().take(MOST_UNDELIVERED).map(|failure| {
        let Undelivered { id, attempts, gave_up, last_error } = failure;
        let then = if *gave_up { "is kept and not tried again" } else { "is kept and tried again" };
        soft_note("deliver", format!("report {id} {then}; attempts: {attempts}, the last one failed: {last_error}"))
    });
    let mut told: Vec<_> = told.collect();
    if failures.len() > told.len() {
        let more = failures.len() - told.len();
        told.push(soft_note("deliver", format!("{more} more reports could not be delivered")));
    }
    told
}
