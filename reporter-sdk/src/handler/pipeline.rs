//! The one way of every error: dump → inventory → screen → draft → consent → encode → spool (→ delivery, on its own thread).
//!
//! Each step's failure is a soft error as long as something can still be said; from the draft on it is an error, and the draft stays in the
//! spool.

mod admission;
mod decide;
pub(super) mod save;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Instant;

use prost::Message as _;
use report_format::ReportId;
use report_format::schema::v1::{self, Category, ErrorKind, SectionKind};

use super::attachments::Attachments;
use super::evidence::{self, Dumped, Filtering, Memory, Occurrence, Standing, nanos};
use super::exclusions::Exclusions;
use super::full_memory::{self, GaveWay, Image, Images};
use super::hold::Hold;
use super::memory_plan::MemoryPlan;
use super::settings::Settings;
use super::{soft_error, soft_note};
use crate::consent::{
    AdministratorPolicy, Asker, CategorySet, ConsentError, Draft, MemoryDraft, Opening, Policies, Resolution,
};
use crate::inventory;
use crate::schema::DumpPolicy;
use crate::screen::{self, Taken, Taking};
use crate::shared::clock;
use crate::spool::{Admission, EarlyDraft, Spool, SpoolError};

/// What became of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Became {
    /// Granted and encoded: delivery has it.
    Queued,
    /// Undecided, and nobody was asked: it waits in the spool.
    Kept,
    /// Undecided after the question, or nobody was there to answer it: it waits in the spool.
    Later(ReportId),
    /// Another process asks about it, or has decided it.
    Elsewhere,
    /// Declined and destroyed.
    Declined,
    /// Not wanted, by whoever said never; nothing was collected.
    Unwanted,
    /// Beyond the product's limits: counted, and nothing was kept.
    Suppressed,
}

/// The error is known and its report is not on its way.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PipelineError {
    #[error("the spool does not take the report")]
    Spool(#[from] SpoolError),
    /// Not lost: the next start finds it.
    #[error("the spool does not take the report, which is kept in {} until the machine is switched off", place.display())]
    Elsewhere { place: PathBuf, source: SpoolError },
    /// Not lost: its draft is there, and is decided by the next start.
    #[error("the report stays in the spool as a draft")]
    Stays(#[source] Box<PipelineError>),
    /// What was kept before anything was made of it is all that there is.
    #[error("only the dump of the report is kept")]
    InPart(#[source] Box<PipelineError>),
    #[error("there is no spool")]
    NoSpool,
    #[error("the decision does not count")]
    Consent(#[from] ConsentError),
    #[error("no random bytes for the question")]
    Random(#[source] std::io::Error),
    /// What the panic says can quote what was read, so it is in no log.
    #[error("the handler failed inside; what was collected until then is kept")]
    Panicked,
}

impl PipelineError {
    /// What the spool said, if it is to blame.
    pub(super) fn of_spool(&self) -> Option<&SpoolError> {
        match self {
            PipelineError::Spool(error) | PipelineError::Elsewhere { source: error, .. } => Some(error),
            PipelineError::Stays(error) | PipelineError::InPart(error) => error.of_spool(),
            _ => None,
        }
    }
}

/// What all reports of a product have in common.
pub(crate) struct Pipeline {
    pub(crate) settings: Settings,
    pub(crate) administrator: AdministratorPolicy,
    pub(crate) spool: Option<Spool>,
    /// Of the product.
    pub(crate) pid: u32,
    /// The memory images of drafts that this process collected.
    pub(crate) images: Images,
    /// What the product keeps out of its reports, in its own memory.
    pub(crate) exclusions: Exclusions,
}

impl Pipeline {
    /// Takes an error of process `pid` all the way. `hold` lets it go on as soon as it may; it does so at the latest when this returns.
    pub(crate) fn report(
        &self,
        pid: u32,
        occurrence: &Occurrence,
        attachments: &Attachments,
        asker: &mut dyn Asker,
        hold: Hold,
    ) -> Result<Became, PipelineError> {
        unless_it_panics(|| self.take_all_the_way(pid, occurrence, attachments, asker, hold))
    }

    fn take_all_the_way(
        &self,
        pid: u32,
        occurrence: &Occurrence,
        attachments: &Attachments,
        asker: &mut dyn Asker,
        mut hold: Hold,
    ) -> Result<Became, PipelineError> {
        let resolution = self.resolve(occurrence.kind);
        let (allowed, asks) = match resolution {
            Resolution::Never(by) => {
                tracing::info!(kind = ?occurrence.kind, ?by, "not reported: never wanted");
                return Ok(Became::Unwanted);
            }
            Resolution::Always { categories, .. } => (categories, false),
            // A child has no terminal of its own to ask in: the product works in it.
            Resolution::Ask(offered) => (offered, hold.is_held() && pid == self.pid && asks_at_once(occurrence.kind)),
        };
        let started = Instant::now();
        let mut diagnostics = v1::Diagnostics::default();

        let takes_image = allowed.contains(Category::Screen) && screen::is_taken(occurrence.kind);
        let own_windows_of = self.settings.own_windows_only.then_some(self.pid);
        let mut taking = takes_image.then(|| screen::begin(own_windows_of)).flatten();
        let policy = self.settings.dump(occurrence.kind);
        let id = ReportId(uuid::Uuid::now_v7().into_bytes());
        let filtering = self.filtering(allowed, self.exclusions.ranges());
        let dumping = evidence::begin_dump(occurrence, pid, policy, allowed, filtering, &mut diagnostics);
        hold.show_progress();
        // While the dump is made the person learns that there is somebody at work, unless the error is one of too many. No window of ours is in the image.
        let opens = asks && !self.can_suppress(occurrence.kind);
        if opens {
            asker.prepare();
            if let Some(taking) = &mut taking {
                taking.grabbed();
            }
            asker.open(&self.opening(occurrence.kind, allowed, taking.is_some()));
        }
        let mut dumped = dumping.and_then(|dumping| dumping.finish(&|| hold.record(), &mut diagnostics));
        // Ours until the whole draft has taken its place.
        let early = dumped.as_mut().and_then(|dumped| self.keep_early(id, occurrence, allowed, dumped));
        let reading = Reading {
            pid,
            id,
            policy,
            allowed,
            started,
            asks: matches!(resolution, Resolution::Ask(_)).then_some(asks),
        };
        let wants_image = self.wants_image(&reading, asker, &mut diagnostics.soft_errors);
        let mut standing = dumped.as_mut().and_then(Dumped::take_standing);
        if !wants_image {
            let_go(standing.take(), &mut diagnostics);
        }
        // Each step has the whole time for itself.
        if let Some(Standing { still, .. }) = &standing {
            still.renew();
        }
        let mut memory = dumped.map_or_else(Memory::default, |dumped| evidence::unwind(dumped, &mut diagnostics));
        if memory.stacks.is_none() && allowed.contains(Category::Memory) {
            memory = evidence::recorded(occurrence, pid, &mut diagnostics);
        }
        memory.abort_message = evidence::abort_message(occurrence, pid, &mut diagnostics.soft_errors);
        let error = evidence::error(occurrence, id.0, &memory, clock::realtime());
        match self.admit(&error, &memory, &mut hold) {
            Admission::Report { suppressed } => diagnostics.suppressed = suppressed,
            Admission::Suppressed => {
                // Whoever saw the product go is told why nobody asks.
                if asks && !opens {
                    asker.prepare();
                    asker.open(&self.opening(occurrence.kind, allowed, false));
                }
                asker.suppressed();
                return Ok(Became::Suppressed);
            }
        }
        // From here on we may write to the terminal, and the product may go on, and its windows away.
        if let Some(taking) = &mut taking {
            taking.grabbed();
        }
        if asks && !opens {
            asker.prepare();
            asker.open(&self.opening(occurrence.kind, allowed, taking.is_some()));
        }
        // After that: nobody waits for an image that no report would have.
        let image = if wants_image {
            self.read_image(&reading, standing.as_ref(), asker, &mut diagnostics.soft_errors)
        } else {
            None
        };
        let_go(standing.take(), &mut diagnostics);
        // The terminal of a product that is about to be gone may still look like its own.
        let asks = asks && !image.as_ref().is_some_and(|(_, image)| image.product_has_ended);
        if pid != self.pid {
            let text = format!("it is of process {pid}, a child that the product, process {}, has forked", self.pid);
            diagnostics.soft_errors.push(soft_note("children", text));
        }
        // The terminal is the product's only as long as the product lives: where a person is asked in it, it is held until the answer.
        if !asks || !asker.needs_product() {
            hold.release();
        }
        let inventory = inventory::collect(|category| allowed.contains(category));
        diagnostics.soft_errors.extend(inventory.soft_errors);
        diagnostics.subjects.extend(inventory.times);
        let attached = if allowed.contains(Category::Attachments) {
            attachments.read(&mut diagnostics.soft_errors)
        } else {
            Vec::new()
        };
        let Taken { screens, soft_errors, time } = taking.map_or_else(Taken::default, Taking::finish);
        diagnostics.soft_errors.extend(soft_errors);
        diagnostics.subjects.extend(time);
        diagnostics.collect_nanos = nanos(started.elapsed());

        let mut sections = inventory.sections;
        sections.extend(screens.iter().map(|screen| (SectionKind::Screen, Category::Screen, screen.encode_to_vec())));
        drop(screens);
        let mut draft = self.draft(occurrence, &error, allowed, memory, sections, &attached, diagnostics);
        let spool = self.spool.as_ref().ok_or(PipelineError::NoSpool)?;
        if let Some((memory, image)) = image {
            draft.memory = Some(memory);
            self.images.keep(draft.id, image, self.settings.spool_limits.bytes);
        }
        // Into the spool before anyone is asked: whatever happens to us meanwhile, the question can be asked again.
        if let Err(error) = self.put(spool, &mut draft) {
            let kept = self.keep_elsewhere(&draft, error);
            // Better one that is not whole than none; but not both.
            if let Some(early) = early.filter(|_| !matches!(kept, Err(PipelineError::Elsewhere { .. }))) {
                early.keep();
                return kept.map_err(|error| PipelineError::InPart(Box::new(error)));
            }
            return kept;
        }
        // The whole one has its place: held on, it would take room that the report may need.
        drop(early);
        if asks || matches!(resolution, Resolution::Always { .. }) {
            self.decide(draft.id, asker).map_err(|error| PipelineError::Stays(Box::new(error)))
        } else {
            Ok(Became::Kept)
        }
    }

    /// Keeps the dump before anything is made of it: what comes next reads files of the product's, and a handler that is ended there has lost nothing.
    fn keep_early(
        &self,
        id: ReportId,
        occurrence: &Occurrence,
        allowed: CategorySet,
        dumped: &mut Dumped,
    ) -> Option<EarlyDraft<'_>> {
        let memory = Memory { minidump: Some(dumped.take_minidump()?), ..Memory::default() };
        let note = soft_note("report", "not whole: the handler was ended before it came to stacks and inventory");
        let diagnostics = v1::Diagnostics { soft_errors: vec![note], ..Default::default() };
        let error = evidence::error(occurrence, id.0, &memory, clock::realtime());
        let mut draft = self.draft(occurrence, &error, allowed, memory, Vec::new(), &[], diagnostics);
        let early = self.spool.as_ref().map(|spool| spool.put_early_draft(&draft));
        dumped.put_back(draft.take_payload(SectionKind::Minidump).unwrap_or_default());
        early?.inspect_err(|error| tracing::warn!(error = soft_error("", error).message, "no early draft")).ok()
    }

    /// Puts the draft into the spool. Where it has no room beside its memory image, that goes: it is the larger one, and the least of what is needed. Then those
    /// of the desktop go.
    fn put(&self, spool: &Spool, draft: &mut Draft) -> Result<(), SpoolError> {
        let put = spool.put_draft(draft).or_else(|error| {
            if self.images.take(draft.id).is_none() {
                return Err(error);
            }
            draft.lose_memory(soft_error("full memory", &GaveWay(error)));
            spool.put_draft(draft)
        });
        put.or_else(|error| {
            let why =
                "the image of the desktop was destroyed, since beside it there was no room for the rest of the report";
            if draft.lose_screens(soft_note("screen", why)) { spool.put_draft(draft) } else { Err(error) }
        })
    }

    /// The spool's disk is full, or has gone: the next start finds the draft where it can lie meanwhile, and asks then.
    fn keep_elsewhere(&self, draft: &Draft, error: SpoolError) -> Result<Became, PipelineError> {
        let home = self.settings.spool.as_deref();
        let in_use = self.spool.as_ref().map(Spool::path);
        match home.and_then(Spool::fallback_directory).filter(|fallback| in_use != Some(fallback)) {
            Some(place) => match Spool::open(&place).and_then(|spool| spool.put_draft(draft)) {
                Ok(()) => Err(PipelineError::Elsewhere { place, source: error }),
                Err(also) => {
                    tracing::error!(error = soft_error("", &also).message, "nor can it be kept elsewhere");
                    Err(error.into())
                }
            },
            None => Err(error.into()),
        }
    }

    /// The standing answer for an error of this kind: read anew each time, since a person may have changed it meanwhile.
    pub(crate) fn resolve(&self, kind: ErrorKind) -> Resolution {
        let remembered = self.spool.as_ref().and_then(|spool| spool.remembered().ok().flatten());
        let policies =
            Policies { product: self.settings.policy.clone(), administrator: self.administrator, remembered };
        policies.resolve(kind, &self.settings.product.version)
    }

    /// What is not to be in a dump of the product.
    pub(super) fn filtering(&self, allowed: CategorySet, excluded: Vec<Range<u64>>) -> Filtering {
        Filtering { system: allowed.contains(Category::System), sanitised: self.settings.sanitised_stacks, excluded }
    }

    /// Whether all of the product's memory is wanted and somebody could grant it.
    fn wants_image(&self, reading: &Reading, asker: &dyn Asker, soft_errors: &mut Vec<v1::SoftError>) -> bool {
        let Reading { policy, allowed, asks, .. } = *reading;
        if policy != DumpPolicy::FullMemory || !allowed.contains(Category::FullMemory) || self.spool.is_none() {
            return false;
        }
        if asks == Some(true) && !asker.can_ask() {
            let why = "not read: nobody can be asked now, and it would not outlive the handler";
            soft_errors.push(soft_note("full memory", why));
            return false;
        }
        true
    }

    /// Reads all of the product's memory. Nothing else fails with it.
    fn read_image(
        &self,
        reading: &Reading,
        standing: Option<&Standing>,
        asker: &mut dyn Asker,
        soft_errors: &mut Vec<v1::SoftError>,
    ) -> Option<(MemoryDraft, Image)> {
        let Reading { pid, id, started, .. } = *reading;
        let spool = self.spool.as_ref()?;
        let Some(Standing { still, argument_block: Some(argument_block) }) = standing else {
            let why = "not read: it takes a dump of which arguments and environment can be left out, and threads that stand still";
            soft_errors.push(soft_note("full memory", why));
            return None;
        };
        let (excluded, most_bytes) = (self.exclusions.ranges(), self.settings.full_memory_limit);
        let plan = MemoryPlan { excluded, most_bytes };
        // The other half is for the question: the terminal is the product's only as long as the product waits.
        let deadline = started + self.settings.longest_wait / 2;
        let request = full_memory::Request { pid, id, still, argument_block, plan: &plan, deadline };
        full_memory::read(spool, &request, asker, soft_errors)
    }

    /// What can be shown of an error of this kind before it is collected.
    fn opening(&self, kind: ErrorKind, allowed: CategorySet, takes_image: bool) -> Opening<'_> {
        let mut offered = allowed.with(Category::Essential).with(Category::Contact);
        let others = [
            (Category::FullMemory, self.settings.dump(kind) == DumpPolicy::FullMemory),
            (Category::Screen, takes_image),
        ];
        for (category, can_be) in others {
            offered = if can_be { offered } else { offered.without(category) };
        }
        let Settings { product, notice, branding, .. } = &self.settings;
        Opening { product, kind, notice, offered, branding: branding.as_deref() }
    }

    #[allow(clippy::too_many_arguments, reason = "a draft is all of them")]
    pub(super) fn draft(
        &self,
        occurrence: &Occurrence,
        error: &v1::Error,
        allowed: CategorySet,
        memory: Memory,
        inventory: Vec<(SectionKind, Category, Vec<u8>)>,
        attached: &[v1::Attachment],
        mut diagnostics: v1::Diagnostics,
    ) -> Draft {
        let id = ReportId(error.report_id.as_slice().try_into().unwrap_or_default());
        let Settings { product, product_id, command_line, .. } = &self.settings;
        let mut draft = Draft::new(id, product.clone(), *product_id, error.kind(), error.time);
        draft.push(SectionKind::Error, Category::Essential, error);
        if allowed.contains(Category::Actions) {
            draft.push(SectionKind::Actions, Category::Actions, &evidence::actions(occurrence));
        }
        if allowed.contains(Category::Memory) {
            if let Some(stacks) = memory.stacks {
                draft.push(SectionKind::Stacks, Category::Memory, &stacks);
            }
            if let Some(modules) = memory.modules {
                draft.push(SectionKind::Modules, Category::Memory, &modules);
            }
            if let Some(payload) = memory.minidump {
                draft.sections.push(crate::consent::DraftSection {
                    kind: SectionKind::Minidump,
                    category: Category::Memory,
                    payload,
                });
            }
        }
        for (kind, category, payload) in inventory {
            draft.sections.push(crate::consent::DraftSection { kind, category, payload });
        }
        if allowed.contains(Category::Product)
            && let Some(annotations) = evidence::annotations(&occurrence.snapshot, command_line)
        {
            draft.push(SectionKind::Annotations, Category::Product, &annotations);
        }
        for attachment in attached {
            draft.push(SectionKind::Attachment, Category::Attachments, attachment);
        }
        let lost = [("annotations", occurrence.snapshot.lost_annotations), ("errors", occurrence.snapshot.lost_errors)];
        for (what, count) in lost.into_iter().filter(|(_, count)| *count > 0) {
            diagnostics
                .soft_errors
                .push(soft_note("capture", format!("{count} {what} of the product were lost for want of room")));
        }
        draft.push(SectionKind::Diagnostics, Category::Essential, &diagnostics);
        draft
    }
}

/// Lets the product's threads go on, if they stand still, and notes how long they did.
fn let_go(standing: Option<Standing>, diagnostics: &mut v1::Diagnostics) {
    if let Some(Standing { still, .. }) = standing {
        diagnostics.stopped_nanos = nanos(still.since().elapsed());
    }
}

/// What decides on a memory image.
struct Reading {
    pid: u32,
    id: ReportId,
    policy: DumpPolicy,
    allowed: CategorySet,
    started: Instant,
    /// Whether somebody is asked at once; `None` where a standing answer holds.
    asks: Option<bool>,
}

/// A panic in the work for one error is that error's alone: the handler goes on, for the next one and for delivery. The product was let go as its hold was dropped.
pub(super) fn unless_it_panics<T>(work: impl FnOnce() -> Result<T, PipelineError>) -> Result<T, PipelineError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(PipelineError::Panicked))
}

/// Whether the person is asked while the product is held. Handled errors queue, a product that hangs is in its terminal, and one that has vanished has
/// left it.
fn asks_at_once(kind: ErrorKind) -> bool {
    !matches!(kind, ErrorKind::HandledError | ErrorKind::Hang | ErrorKind::Vanished)
}

#[cfg(test)]
mod tests;
