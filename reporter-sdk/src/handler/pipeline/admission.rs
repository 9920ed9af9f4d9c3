//! Whether an error is one of too many.

use std::time::SystemTime;

use report_format::schema::v1::{self, ErrorKind};

use crate::handler::evidence::Memory;
use crate::handler::hold::Hold;
use crate::handler::pipeline::Pipeline;
use crate::handler::signature::signature;
use crate::handler::soft_error;
use crate::spool::{Admission, ReportLimits};

impl Pipeline {
    /// Whether an error of this kind can turn out to be one too many.
    pub(super) fn can_suppress(&self, kind: ErrorKind) -> bool {
        let limits = self.settings.report_limits;
        let Some(spool) = self.spool.as_ref().filter(|_| counts(limits, kind)) else { return false };
        let counting = spool.count().ok().flatten();
        counting.is_some_and(|counting| counting.can_suppress(limits, SystemTime::now()))
    }

    /// Counts the error, and tells whether it is reported. One that is not holds nobody any longer.
    pub(in crate::handler) fn admit(&self, error: &v1::Error, memory: &Memory, hold: &mut Hold) -> Admission {
        let anyway = Admission::Report { suppressed: 0 };
        let limits = self.settings.report_limits;
        let Some(spool) = self.spool.as_ref().filter(|_| counts(limits, error.kind())) else { return anyway };
        let mut counting = match spool.count() {
            Ok(Some(counting)) => counting,
            Ok(None) => return anyway,
            Err(error) => {
                tracing::warn!(error = soft_error("", &error).message, "reports are not counted");
                return anyway;
            }
        };
        let admission = counting.admit(signature(error, memory), limits, SystemTime::now());
        if admission == Admission::Suppressed {
            hold.release();
        }
        if let Err(error) = counting.keep() {
            tracing::warn!(error = soft_error("", &error).message, "a report is not counted");
        }
        admission
    }
}

/// Whether errors of this kind are counted. A test of the way to support is not to fail for having been done before.
fn counts(limits: ReportLimits, kind: ErrorKind) -> bool {
    limits != ReportLimits::NONE && kind != ErrorKind::Simulated
}
