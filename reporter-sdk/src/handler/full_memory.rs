//! All of a product's memory: read while its threads stand still, kept encrypted by the handler that read it, and given out to nobody but who encodes a granted
//! draft.
//!
//! An image is a report container of its own, in a file without a name, sealed with a key that is in this process alone. So it is gone with the handler, however
//! that ends, and with the answer to the question. Of the draft it has its digest: what is granted is what was read.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use report_format::memory::{self, PAGE, Progress, Source as _, Stats};
use report_format::schema::v1;
use report_format::{ReportId, Summary, Writer};

use super::memory_plan::MemoryPlan;
use super::sys::argument_block::ArgumentBlock;
use super::sys::dump::StandStill;
use super::sys::memory_reader::ProcessMemory;
use super::{soft_error, soft_note};
use crate::consent::{Asker, MemoryDraft};
use crate::spool::{SealedFile, SealedReader, SealedWriter, Spool, SpoolError};

/// In the report's soft errors.
const SUBJECT: &str = "full memory";

/// Whose memory is read, and how.
pub(crate) struct Request<'a> {
    pub(crate) pid: u32,
    pub(crate) id: ReportId,
    pub(crate) still: &'a StandStill,
    pub(crate) argument_block: &'a ArgumentBlock,
    pub(crate) plan: &'a MemoryPlan,
    pub(crate) deadline: Instant,
}

/// A memory image on the disk, and the key to it.
pub(crate) struct Image {
    file: SealedFile<File>,
    bytes: u64,
    /// Whether the product was killed while it was read: then nobody is in front of it.
    pub(crate) product_has_ended: bool,
}

impl Image {
    /// The container that holds it, from its start.
    pub(crate) fn open(&mut self) -> io::Result<SealedReader<'_, File>> {
        self.file.open()
    }
}

/// The images of drafts that wait, as long as this process lives.
#[derive(Default)]
pub(crate) struct Images(Mutex<BTreeMap<ReportId, Image>>);

impl Images {
    /// Keeps an image. Where all would have more than `most_bytes`, older ones are destroyed; 0 is no limit, and a single one may be larger.
    pub(crate) fn keep(&self, id: ReportId, image: Image, most_bytes: u64) {
        let mut images = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut total = image.bytes;
        // Ids sort by time: the latest first.
        for (id, image) in std::mem::take(&mut *images).into_iter().rev() {
            total = total.saturating_add(image.bytes);
            if most_bytes > 0 && total > most_bytes {
                tracing::warn!(%id, "a memory image gives way to a new one");
                break;
            }
            images.insert(id, image);
        }
        images.insert(id, image);
    }

    /// Takes it out. Dropped, it is destroyed.
    pub(crate) fn take(&self, id: ReportId) -> Option<Image> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id)
    }
}

/// Why a draft that had an image is offered without.
pub(crate) fn gone() -> v1::SoftError {
    soft_note(SUBJECT, "the memory image was destroyed with the handler that held its key, or gave way to others")
}

/// There was no room for both.
#[derive(Debug, thiserror::Error)]
#[error("the memory image was destroyed, since beside it there was no room for the rest of the report")]
pub(crate) struct GaveWay(#[source] pub(crate) SpoolError);

/// There is no image.
#[derive(Debug, thiserror::Error)]
enum ImageError {
    #[error("there is no image: it could not be encoded")]
    Encode(#[from] report_format::Error),
    #[error("there is no image: it could not be written")]
    Io(#[from] io::Error),
    #[error("there is no image: the spool does not take it")]
    Spool(#[from] SpoolError),
}

/// What ended the reading early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// We did not get on, and the threads have gone on.
    WentOn,
    ProductGone,
    TooLong,
    /// By the person, who does not want to wait.
    LeftOut,
}

impl End {
    fn why(self) -> &'static str {
        match self {
            End::WentOn => {
                "the disk was too slow, so the program was let go on; what was read last may be of a later moment"
            }
            End::ProductGone => "the program has ended meanwhile",
            End::TooLong => "the program does not wait any longer",
            End::LeftOut => "left out by the person",
        }
    }
}

/// Reads all memory into the spool. `None` where there is no image: a soft error says why.
pub(crate) fn read(
    spool: &Spool,
    request: &Request<'_>,
    asker: &mut dyn Asker,
    soft_errors: &mut Vec<v1::SoftError>,
) -> Option<(MemoryDraft, Image)> {
    // The dump is on the disk: that it took long is no reason to give up.
    request.still.renew();
    let Request { pid, argument_block, plan, .. } = *request;
    let memory = ProcessMemory::open(pid, argument_block, plan, soft_errors);
    let memory = memory.map_err(|error| soft_errors.push(soft_error(SUBJECT, &error))).ok()?;
    let started = Instant::now();
    let read = encode(spool, request, &memory, asker);
    asker.memory_is_read();
    let read = match read {
        Ok(read) => read,
        Err(error) => {
            soft_errors.push(soft_error(SUBJECT, &error));
            return None;
        }
    };
    let Read { stats, end, .. } = read;
    if end == Some(End::LeftOut) {
        soft_errors.push(soft_note(SUBJECT, End::LeftOut.why()));
        return None;
    }
    let page = PAGE as u64;
    if let Some(end) = end {
        let (missing, all) = (stats.unreadable * page, stats.pages * page);
        let text = format!(
            "ended after {} ms: {}; {missing} of {all} bytes are missing",
            started.elapsed().as_millis(),
            end.why()
        );
        soft_errors.push(soft_note(SUBJECT, text));
    } else if !request.still.renew() {
        soft_errors.push(soft_note(
            SUBJECT,
            "not of one moment: the disk was too slow, so the program was let go on meanwhile",
        ));
    }
    tracing::info!(?stats, bytes = read.bytes, took = ?started.elapsed(), "memory read");
    let draft = MemoryDraft {
        sha256: read.sha256,
        bytes: read.bytes,
        covered: stats.pages * page,
        stored: stats.stored * page,
        unreadable: stats.unreadable * page,
        erased: memory.erased().iter().map(|range| range.size).sum(),
        regions: memory.regions().len() as u64,
    };
    let product_has_ended = end == Some(End::ProductGone);
    Some((draft, Image { file: read.file, bytes: read.bytes, product_has_ended }))
}

/// An image that was written.
struct Read {
    file: SealedFile<File>,
    sha256: [u8; 32],
    bytes: u64,
    stats: Stats,
    end: Option<End>,
}

fn encode(
    spool: &Spool,
    request: &Request<'_>,
    memory: &ProcessMemory,
    asker: &mut dyn Asker,
) -> Result<Read, ImageError> {
    let sealed = SealedWriter::new(spool.nameless_file()?)?;
    let summary = Summary { report_id: request.id.0.to_vec(), ..Summary::default() };
    let mut writer = Writer::new(sealed, &summary)?;
    let erased = memory.erased();
    let (asker, ended) = (RefCell::new(asker), Cell::new(None));
    let progress = |progress: Progress| {
        let end = if !request.still.renew() {
            End::WentOn
        } else if !memory.is_alive() {
            End::ProductGone
        } else if Instant::now() >= request.deadline {
            End::TooLong
        } else if asker.borrow_mut().reading_memory(progress.done, progress.total).is_break() {
            End::LeftOut
        } else {
            return ControlFlow::Continue(());
        };
        ended.set(ended.get().or(Some(end)));
        ControlFlow::Break(())
    };
    let options = memory::Options { erased: &erased, progress: Some(&progress), ..memory::Options::default() };
    let stats = memory::encode(&mut writer, memory, &options)?;
    let (mut sealed, digest, bytes) = writer.finish()?;
    sealed.flush()?;
    Ok(Read { file: sealed.finish()?, sha256: digest.0, bytes, stats, end: ended.get() })
}
