//! Kept drafts before whoever decides, and what becomes of them.

use std::cell::RefCell;
use std::path::Path;

use report_format::ReportId;

use super::{Became, Pipeline, PipelineError, save, unless_it_panics};
use crate::consent::{
    Asker, CategorySet, Decision, Grant, Outcome, Request, Resolution, SaveError, Unattended, settle,
};
use crate::encode::{EncodeError, encode_with_memory};
use crate::fail_points::{self, Point};
use crate::handler::full_memory::{self, GaveWay, Image};
use crate::handler::{evidence, soft_error};
use crate::spool::{HeldDraft, Spool, SpoolError};

/// Bytes of drafts that one question is about, at most, unless it is about one: all of it is in the memory of this process, and of a window.
const MOST_AT_ONCE: usize = 64 << 20;

/// A draft that nobody else decides meanwhile.
struct Taken<'a> {
    held: HeldDraft<'a>,
    image: RefCell<Option<Image>>,
    resolution: Resolution,
    /// What may be granted of it.
    offered: CategorySet,
}

impl Taken<'_> {
    fn id(&self) -> ReportId {
        self.held.draft().id
    }

    fn size(&self) -> usize {
        self.held.draft().sections.iter().map(|section| section.payload.len()).sum()
    }
}

impl Pipeline {
    /// Puts a kept draft before whoever decides, and does as they say. Asks nobody where a standing answer holds.
    pub(crate) fn decide(&self, id: ReportId, asker: &mut dyn Asker) -> Result<Became, PipelineError> {
        unless_it_panics(|| self.put_before(id, asker))
    }

    fn put_before(&self, id: ReportId, asker: &mut dyn Asker) -> Result<Became, PipelineError> {
        match self.take(id)? {
            Ok(taken) => self.ask(vec![taken], asker),
            Err(became) => Ok(became),
        }
    }

    /// `Err`: there is nothing to decide any more.
    fn take(&self, id: ReportId) -> Result<Result<Taken<'_>, Became>, PipelineError> {
        let spool = self.spool.as_ref().ok_or(PipelineError::NoSpool)?;
        let Some(mut held) = spool.take_draft(id)? else { return Ok(Err(Became::Elsewhere)) };
        // Whatever comes of it: nobody is asked twice in one run, and what is not granted now is destroyed.
        let image = self.images.take(id);
        if held.draft().memory.is_some() && image.is_none() {
            held.draft_mut().lose_memory(full_memory::gone());
        }
        let resolution = self.resolve(held.draft().kind);
        let offered = match resolution {
            Resolution::Never(_) => {
                held.discard()?;
                return Ok(Err(Became::Unwanted));
            }
            Resolution::Always { categories, .. } | Resolution::Ask(categories) => categories,
        };
        Ok(Ok(Taken { held, image: RefCell::new(image), resolution, offered }))
    }

    /// Asks one question about all of them, and does with each as is said. Answers what became of the first.
    fn ask(&self, taken: Vec<Taken<'_>>, asker: &mut dyn Asker) -> Result<Became, PipelineError> {
        let (first, others) = taken.split_first().ok_or(PipelineError::NoSpool)?;
        let save = |request: &Request<'_>, decision: Decision, path: &Path| -> Result<(), SaveError> {
            for (number, Taken { held, image, .. }) in taken.iter().enumerate() {
                let path = save::numbered(path, number);
                save::save(request, held.draft(), decision.clone(), image.borrow_mut().as_mut(), &path)?;
            }
            Ok(())
        };
        let request = fail_points::reach(Point::Ask)
            .and_then(|()| Request::new(first.held.draft(), &self.settings.notice, first.offered))
            .map_err(PipelineError::Random)?;
        let request = others.iter().fold(request, |request, other| request.and(other.held.draft(), other.offered));
        let request = request.saved_by(&save).branded(self.settings.branding.as_deref());
        let decision = first.resolution.decide(&request).unwrap_or_else(|| asker.ask(&request));
        self.remember(&decision);
        let outcomes = taken.iter().map(|taken| settle(taken.held.draft(), &request, decision.clone()));
        let outcomes = outcomes.collect::<Result<Vec<_>, _>>()?;

        let (mut queued, mut all) = (Vec::new(), Vec::new());
        for (taken, outcome) in taken.into_iter().zip(outcomes) {
            let id = taken.id();
            let became = self.conclude(taken, outcome);
            match &became {
                Ok(Became::Queued) => queued.push(id),
                Err(error) if !all.is_empty() => {
                    tracing::error!(%id, error = soft_error("", error).message, "the draft stays");
                }
                Ok(_) | Err(_) => {}
            }
            all.push(became);
        }
        if !queued.is_empty() {
            asker.queued(&queued);
        }
        all.swap_remove(0)
    }

    fn remember(&self, decision: &Decision) {
        let Some(spool) = &self.spool else { return };
        if let Some(choice) = decision.remembered(&self.settings.product.version)
            && let Err(error) = spool.remember(&choice)
        {
            tracing::warn!(
                error = soft_error("", &error).message,
                "the choice could not be kept; the person will be asked again"
            );
        }
    }

    fn conclude(&self, taken: Taken<'_>, outcome: Outcome) -> Result<Became, PipelineError> {
        let id = taken.id();
        match outcome {
            Outcome::Granted(grant) => self.queue(taken, &grant),
            Outcome::Declined => {
                taken.held.discard()?;
                tracing::info!(%id, "declined and destroyed");
                Ok(Became::Declined)
            }
            Outcome::Later => Ok(Became::Later(id)),
        }
    }

    fn queue(&self, taken: Taken<'_>, grant: &Grant) -> Result<Became, PipelineError> {
        let spool = self.spool.as_ref().ok_or(PipelineError::NoSpool)?;
        let Taken { held, image, resolution, .. } = taken;
        let (draft, mut image) = (held.draft(), image.into_inner());
        let id = draft.id;
        let read = image.as_mut();
        let open = || read.ok_or(EncodeError::NoImage)?.open().map_err(EncodeError::Io);
        let queued = spool
            .enqueue(id, &draft.product, |writer| encode_with_memory(draft, grant, &evidence::reduce, open, writer));
        match queued {
            Ok(_) => {
                tracing::info!(%id, "granted");
                Ok(Became::Queued)
            }
            Err(error) if error.is_disk_full() && image.take().is_some() => {
                let asks = matches!(resolution, Resolution::Ask(_));
                self.without_image(spool, held, error, asks)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A granted report had no room beside its image, which was destroyed. Without it there may be room. A person has granted another report than that, and is
    /// asked anew when the product ends, or at its next start.
    fn without_image(
        &self,
        spool: &Spool,
        mut held: HeldDraft<'_>,
        error: SpoolError,
        asks: bool,
    ) -> Result<Became, PipelineError> {
        let gave_way = GaveWay(error);
        tracing::warn!(error = soft_error("", &gave_way).message, "the report goes on without its image");
        let draft = held.draft_mut();
        let id = draft.id;
        draft.lose_memory(soft_error("full memory", &gave_way));
        spool.put_draft(draft)?;
        drop(held);
        if asks { Err(gave_way.0.into()) } else { self.put_before(id, &mut Unattended) }
    }

    /// Offers what is kept, of this run and of earlier ones, in one question, the most recent first; but not a second time in one run: `asked` holds what this run asked about.
    pub(crate) fn offer_kept(&self, asked: &[ReportId], asker: &mut dyn Asker) {
        let offered = unless_it_panics(|| {
            let taken = self.take_kept(asked);
            if taken.is_empty() { Ok(Became::Kept) } else { self.ask(taken, asker) }
        });
        if let Err(error) = offered {
            tracing::error!(error = soft_error("", &error).message, "what was kept stays");
        }
    }

    /// What of it is to be asked about, as much as one question takes. What else there is waits for the next run.
    fn take_kept(&self, asked: &[ReportId]) -> Vec<Taken<'_>> {
        let (mut all, mut size) = (Vec::new(), 0);
        for id in self.kept().into_iter().rev().filter(|id| !asked.contains(id)) {
            match self.take(id) {
                Ok(Ok(taken)) if !matches!(taken.resolution, Resolution::Ask(_)) => {
                    if let Err(error) = self.ask(vec![taken], &mut Unattended) {
                        tracing::error!(%id, error = soft_error("", &error).message, "the draft stays");
                    }
                }
                Ok(Ok(taken)) => {
                    size += taken.size();
                    if size > MOST_AT_ONCE && !all.is_empty() {
                        if let Some(image) = taken.image.into_inner() {
                            self.images.keep(id, image, self.settings.spool_limits.bytes);
                        }
                        break;
                    }
                    all.push(taken);
                }
                Ok(Err(_)) => {}
                Err(error) => tracing::error!(%id, error = soft_error("", &error).message, "the draft stays"),
            }
        }
        all
    }

    /// Drafts of earlier runs for which somebody has since given a standing answer.
    pub(crate) fn settle_standing(&self) {
        for id in self.kept() {
            let held = self.spool.as_ref().and_then(|spool| spool.take_draft(id).ok().flatten());
            let Some(kind) = held.map(|held| held.draft().kind) else { continue };
            if matches!(self.resolve(kind), Resolution::Ask(_)) {
                continue;
            }
            if let Err(error) = self.decide(id, &mut Unattended) {
                tracing::error!(%id, error = soft_error("", &error).message, "the draft stays");
            }
        }
    }

    /// The drafts that wait, oldest first.
    pub(super) fn kept(&self) -> Vec<ReportId> {
        let Some(spool) = &self.spool else { return Vec::new() };
        spool.drafts().unwrap_or_else(|error| {
            tracing::error!(error = soft_error("", &error).message, "cannot look for kept drafts");
            Vec::new()
        })
    }
}
