//! What products have left themselves, whose handler was lost (see `capture::lost`), as reports.
//!
//! The file is a copy of a shared memory, and as little to be trusted: it is evidence. Recipient, categories, spool and policy are those of the run that
//! finds it. Nothing is read of the process that it names, which has ended: the number can be another's.

use std::sync::atomic::AtomicU64;

use prost::Message;
use report_format::ReportId;
use report_format::schema::v1::{self, Category, ErrorKind, SectionKind};

use super::evidence::{self, Memory, Occurrence};
use super::hold::Hold;
use super::pipeline::{Became, Pipeline, PipelineError, unless_it_panics};
use super::{soft_error, soft_note};
use crate::consent::{Draft, Resolution, Unattended};
use crate::inventory;
use crate::schema::DumpPolicy;
use crate::shared::clock;
use crate::shared::record::MemoryRecord;
use crate::shared::snapshot::Snapshot;
use crate::spool::{Admission, HeldLost, Spool};

/// A crash in the words of a shared memory, with the record that its thread has made of itself.
pub(super) struct Left {
    pub(super) occurrence: Occurrence,
    pub(super) record: Option<MemoryRecord>,
    /// Of the product that failed; another one may have been installed since.
    version: Option<String>,
}

impl Left {
    pub(super) fn read(words: &[AtomicU64]) -> Result<Self, String> {
        let mut snapshot = Snapshot::from_words(words).map_err(|error| soft_error("", &error).message)?;
        let crash = snapshot.crash.clone().ok_or("its crash slot is not filled")?;
        if crash.kind == ErrorKind::Unspecified {
            return Err("it is of no kind".into());
        }
        // The clock may have begun anew since.
        snapshot.taken = crash.monotonic.max(snapshot.started_monotonic);
        let record = MemoryRecord::from_words(words).filter(|record| record.number == crash.number);
        let version = Some(snapshot.product_version.clone()).filter(|version| !version.is_empty());
        Ok(Self {
            occurrence: Occurrence { kind: crash.kind, snapshot, crash: Some(crash), handled: None },
            record,
            version,
        })
    }
}

impl Pipeline {
    /// Makes drafts of all that products have left. What cannot be kept now stays for the next start.
    pub(super) fn take_lost(&self) {
        let Some(spool) = &self.spool else { return };
        let names = spool.lost().unwrap_or_else(|error| {
            tracing::error!(%error, "cannot look for what lost handlers have left");
            Vec::new()
        });
        for name in names {
            match unless_it_panics(|| self.take_one_lost(spool, &name)) {
                Ok(Some(became)) => tracing::info!(file = name, ?became, "a crash whose handler was lost"),
                // Another handler has it.
                Ok(None) => {}
                Err(error) => tracing::error!(file = name, error = soft_error("", &error).message, "it stays"),
            }
        }
    }

    fn take_one_lost(&self, spool: &Spool, name: &str) -> Result<Option<Became>, PipelineError> {
        let Some(held) = spool.take_lost(name)? else { return Ok(None) };
        self.report_lost(spool, held).map(Some)
    }

    fn report_lost(&self, spool: &Spool, held: HeldLost<'_>) -> Result<Became, PipelineError> {
        let left = match Left::read(&held.words) {
            Ok(left) => left,
            Err(why) => {
                held.set_aside(&why)?;
                return Ok(Became::Unwanted);
            }
        };
        let occurrence = &left.occurrence;
        let resolution = self.resolve(occurrence.kind);
        let allowed = match resolution {
            Resolution::Never(_) => {
                held.discard()?;
                return Ok(Became::Unwanted);
            }
            Resolution::Always { categories, .. } | Resolution::Ask(categories) => categories,
        };
        let time = occurrence.crash.as_ref().map_or(0, |crash| crash.realtime);
        // The lost handler came as far as a dump of all threads: that says more.
        if spool.has_draft_of(time)? {
            held.discard()?;
            return Ok(Became::Elsewhere);
        }

        let mut diagnostics = v1::Diagnostics::default();
        diagnostics.soft_errors.push(soft_note("handler", self.what_is_missing(&left)));
        let wants_memory =
            allowed.contains(Category::Memory) && self.settings.dump(occurrence.kind) != DumpPolicy::None;
        let memory = match (&occurrence.crash, &left.record) {
            (Some(crash), Some(record)) if wants_memory => {
                // What the product excludes, it has left out of the record itself.
                let filtering = self.filtering(allowed, Vec::new());
                let dumped = evidence::of_record(record.clone(), crash, filtering, &mut diagnostics);
                dumped.map_or_else(Memory::default, |dumped| evidence::unwind(dumped, &mut diagnostics))
            }
            _ => Memory::default(),
        };
        let id = ReportId(uuid::Uuid::now_v7().into_bytes());
        let error = evidence::error(occurrence, id.0, &memory, clock::realtime());
        match self.admit(&error, &memory, &mut Hold::nobody()) {
            Admission::Report { suppressed } => diagnostics.suppressed = suppressed,
            Admission::Suppressed => {
                held.discard()?;
                return Ok(Became::Suppressed);
            }
        }
        let inventory = inventory::collect(|category| allowed.contains(category));
        diagnostics.soft_errors.extend(inventory.soft_errors);
        diagnostics.subjects.extend(inventory.times);
        let mut draft = self.draft(occurrence, &error, allowed, memory, inventory.sections, &[], diagnostics);
        as_of_that_run(&mut draft, left);
        spool.put_draft(&draft)?;
        held.discard()?;
        if matches!(resolution, Resolution::Always { .. }) {
            self.decide(draft.id, &mut Unattended)
        } else {
            Ok(Became::Kept)
        }
    }

    fn what_is_missing(&self, left: &Left) -> String {
        let mut text = "the handler was lost: it was ended, or did not answer in time. What is here the failing thread has left itself. \
                        Missing: the other threads, the attachments"
            .to_owned();
        if left.record.is_none() {
            text.push_str(", the stack");
        }
        if self.settings.dump(left.occurrence.kind) == DumpPolicy::FullMemory {
            text.push_str(", the full memory");
        }
        text.push_str(". The inventory is that of the next start");
        if left.version.is_none() {
            text.push_str(", and so is the version of the product");
        }
        text
    }
}

/// Version and command line are those of the run that failed, not of the one that finds it; the latter is not known.
pub(super) fn as_of_that_run(draft: &mut Draft, left: Left) {
    if let Some(version) = left.version {
        draft.product.version = version;
    }
    let annotations = evidence::annotations(&left.occurrence.snapshot, &[]);
    draft.sections.retain(|section| section.kind != SectionKind::Annotations || annotations.is_some());
    for section in &mut draft.sections {
        match (section.kind, &annotations) {
            (SectionKind::Product, _) => section.payload = draft.product.encode_to_vec(),
            (SectionKind::Annotations, Some(annotations)) => section.payload = annotations.encode_to_vec(),
            _ => {}
        }
    }
}
