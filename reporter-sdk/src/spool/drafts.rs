//! `new/`: what was collected and not yet decided.

use std::borrow::Cow;
use std::io::{self, BufWriter, Read, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use report_format::ReportId;
use report_format::schema::v1::{Category, ErrorKind, SectionKind};

use super::directory::{Claim, Locked, Temporary};
use super::sealed_file::{self, Key};
use super::{Spool, SpoolError, SpoolLimits, sealed_sections};
use crate::consent::{Draft, DraftSection, MemoryDraft};
use crate::fail_points::{self, Point};
use crate::schema::{StoredDraft, StoredMemory, StoredSection};

pub(super) const ENDING: &str = ".draft";
/// 2: sections can be sealed. Of 1 there is nothing that is read otherwise.
const VERSION: u32 = 2;
/// Numbers of `StoredDraft.sections` and `StoredSection.payload` in the schema.
const DRAFT_SECTIONS: u32 = 7;
const SECTION_PAYLOAD: u32 = 3;
/// An undecided draft is destroyed after this time, unasked.
pub(super) const EXPIRY: Duration = Duration::from_hours(30 * 24);

/// A draft from the spool, held: no other process asks about it meanwhile. Dropped, it stays where it is.
#[derive(Debug)]
pub struct HeldDraft<'a> {
    spool: &'a Spool,
    draft: Draft,
    _lock: Locked,
}

impl HeldDraft<'_> {
    /// What was collected.
    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// To take out of it what is no more.
    #[cfg_attr(not(any(target_os = "linux", windows)), expect(dead_code, reason = "for the handler alone"))]
    pub(crate) fn draft_mut(&mut self) -> &mut Draft {
        &mut self.draft
    }

    /// Destroys it.
    ///
    /// # Errors
    /// It could not be removed from the disk.
    pub fn discard(self) -> Result<(), SpoolError> {
        self.spool.discard(self.draft.id)
    }
}

/// A draft that is not whole yet, held: no other process asks about it as long as this lives. Dropped, it is gone, unless the whole one has taken its
/// place; where the process ends without that, it stays.
#[derive(Debug)]
#[must_use = "the early draft is gone once this is dropped"]
pub struct EarlyDraft<'a> {
    spool: &'a Spool,
    name: String,
    lock: Locked,
    keep: bool,
}

impl EarlyDraft<'_> {
    /// Leaves it for whoever asks next: there will be no whole one.
    pub fn keep(mut self) {
        self.keep = true;
    }
}

impl Drop for EarlyDraft<'_> {
    fn drop(&mut self) {
        let new = &self.spool.new;
        // A panic on the way to the whole one: there will be none.
        if !self.keep && !std::thread::panicking() && new.is_named(&self.lock, &self.name).unwrap_or(false) {
            // What cannot be removed now expires.
            let _ = new.remove(&self.name);
        }
    }
}

impl Spool {
    /// Keeps a draft until someone decides, 30 days at most. Its images of the desktop can be read by nobody but this value, and by that no longer than the
    /// draft is there.
    ///
    /// Where more would wait than the spool's limits allow, older ones give way, the oldest of the same kind first: a product that crashes at every
    /// start must not fill the disk. One that somebody is being asked about stays.
    ///
    /// # Errors
    /// It could not be written; then nothing of it is on the disk.
    pub fn put_draft(&self, draft: &Draft) -> Result<(), SpoolError> {
        self.put_draft_until(draft, SystemTime::now() + EXPIRY)
    }

    /// The same with a time of expiry.
    ///
    /// # Errors
    /// As [`put_draft`](Self::put_draft).
    pub fn put_draft_until(&self, draft: &Draft, expires: SystemTime) -> Result<(), SpoolError> {
        let (temporary, keys) = self.write_draft(draft, expires)?;
        temporary.publish()?;
        self.keys.keep(draft.id, keys, |id| self.new.has(&file_name(id)).unwrap_or(false));
        Ok(())
    }

    /// Keeps what there is of a draft so far, quickly and without flushing it, until the whole one takes its place by [`put_draft`](Self::put_draft): if this
    /// process ends before, the next one finds it.
    ///
    /// # Errors
    /// As [`put_draft`](Self::put_draft).
    pub fn put_early_draft(&self, draft: &Draft) -> Result<EarlyDraft<'_>, SpoolError> {
        let name = file_name(draft.id);
        fail_points::reach(Point::EarlyDraft).map_err(|error| self.new.failed("write", &name, error))?;
        let (temporary, _) = self.write_draft(draft, SystemTime::now() + EXPIRY)?;
        let lock = temporary.publish_unflushed()?;
        Ok(EarlyDraft { spool: self, name, lock, keep: false })
    }

    /// Gives the keys to its sealed sections, too.
    fn write_draft(&self, draft: &Draft, expires: SystemTime) -> Result<(Temporary<'_>, Vec<Key>), SpoolError> {
        let name = file_name(draft.id);
        let Some(mut temporary) = self.new.temporary(&name)? else { return Err(SpoolError::Busy { id: draft.id }) };
        let Stored { parts, keys } = to_stored(draft, expires).map_err(|e| self.new.failed("seal", &name, e))?;
        self.make_room(draft, parts.iter().map(|part| part.len() as u64).sum())?;
        // Gathers the small ones; the large ones go through.
        let mut file = BufWriter::new(&mut temporary);
        let written = parts.iter().try_for_each(|part| file.write_all(part)).and_then(|()| file.flush());
        drop(file);
        written.map_err(|e| self.new.failed("write", &name, e))?;
        Ok((temporary, keys))
    }

    /// The drafts that wait, oldest first. Some may be held by other processes.
    ///
    /// # Errors
    /// The directory cannot be listed.
    pub fn drafts(&self) -> Result<Vec<ReportId>, SpoolError> {
        Ok(self.new.names(ENDING)?.iter().filter_map(|name| id_of(name, ENDING)).collect())
    }

    /// Takes a draft to ask about it. Images of the desktop that another process has taken are no more; the draft says so. `None` where it is gone, expired, unreadable (it is then in `bad/`), written by a later
    /// version of the handler, or held by another process.
    ///
    /// # Errors
    /// It is there and the system does not let us have it.
    pub fn take_draft(&self, id: ReportId) -> Result<Option<HeldDraft<'_>>, SpoolError> {
        let name = file_name(id);
        let Claim::Ours(mut lock) = self.new.claim(&name)? else { return Ok(None) };
        let mut bytes = Vec::new();
        lock.read_to_end(&mut bytes).map_err(|e| self.new.failed("read", &name, e))?;
        let stored = match StoredDraft::decode(bytes.as_slice()) {
            // Of a later version: not ours to judge.
            Ok(stored) if stored.version > VERSION => return Ok(None),
            Ok(stored) => stored,
            Err(error) => {
                self.set_aside(&self.new, &name, &error.to_string())?;
                return Ok(None);
            }
        };
        if nanos(SystemTime::now()) > stored.expires {
            self.discard(id)?;
            return Ok(None);
        }
        let opened = from_stored(stored, |number, sealed| self.keys.open(id, number, sealed));
        match opened.filter(|draft| draft.id == id) {
            Some(draft) => Ok(Some(HeldDraft { spool: self, draft, _lock: lock })),
            None => {
                self.set_aside(&self.new, &name, "its fields contradict each other")?;
                Ok(None)
            }
        }
    }

    /// Destroys a draft that nobody holds, or that the caller knows to be its own.
    ///
    /// # Errors
    /// It could not be removed from the disk.
    pub fn discard(&self, id: ReportId) -> Result<(), SpoolError> {
        self.keys.forget(id);
        self.new.remove(&file_name(id))
    }

    /// Makes room for a draft of so many bytes, which may take the place of an early one.
    fn make_room(&self, draft: &Draft, bytes: u64) -> Result<(), SpoolError> {
        let kind = draft.kind;
        let mut ids = self.drafts()?;
        ids.retain(|id| *id != draft.id);
        let mut left = ids.len();
        let mut total = bytes;
        for id in &ids {
            total = total.saturating_add(self.new.size(&file_name(*id))?);
        }
        let SpoolLimits { drafts, bytes: most_bytes, .. } = self.limits;
        let is_too_much = |left, total| SpoolLimits::are_exceeded(left, drafts, total, most_bytes);
        for same_kind in [true, false] {
            for id in &ids {
                if !is_too_much(left, total) {
                    return Ok(());
                }
                let size = self.new.size(&file_name(*id))?;
                // Gone in the round before, or held.
                let Some(held) = self.take_draft(*id)? else { continue };
                if !same_kind || held.draft.kind == kind {
                    tracing::warn!(%id, kind = ?held.draft.kind, "an undecided draft gives way to a new one");
                    held.discard()?;
                    left -= 1;
                    total = total.saturating_sub(size);
                }
            }
        }
        Ok(())
    }

    /// Destroys drafts that have expired, and those whose report was granted just before a crash.
    pub(super) fn sweep_drafts(&self) -> Result<(), SpoolError> {
        for id in self.drafts()? {
            if self.has_report(id)? {
                self.discard(id)?;
            } else {
                // Destroys it if its time is over.
                drop(self.take_draft(id)?);
            }
        }
        Ok(())
    }
}

fn file_name(id: ReportId) -> String {
    format!("{id}{ENDING}")
}

/// The id that a file's name says, in our own spelling of it alone.
pub(super) fn id_of(name: &str, ending: &str) -> Option<ReportId> {
    let id: ReportId = name.strip_suffix(ending)?.parse().ok()?;
    (format!("{id}{ending}") == name).then_some(id)
}

pub(super) fn nanos(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// A [`StoredDraft`] in parts that make it up one after the other, and the keys to what is sealed in it.
struct Stored<'d> {
    parts: Vec<Cow<'d, [u8]>>,
    keys: Vec<Key>,
}

/// What is not sealed is not copied for it: a dump of many threads has some megabytes, and is written while the product waits.
fn to_stored(draft: &Draft, expires: SystemTime) -> io::Result<Stored<'_>> {
    let head = StoredDraft {
        version: VERSION,
        report_id: draft.id.0.to_vec(),
        product_id: draft.product_id.to_vec(),
        product: Some(draft.product.clone()),
        kind: draft.kind as i32,
        time: draft.time,
        sections: Vec::new(),
        expires: nanos(expires),
        memory: draft.memory.map(to_stored_memory),
    };
    let (mut parts, mut keys) = (vec![Cow::Owned(head.encode_to_vec())], Vec::new());
    for DraftSection { kind, category, payload } in &draft.sections {
        let mut payload = Cow::Borrowed(payload.as_slice());
        let sealed = sealed_sections::is_sealed(*kind, *category);
        if sealed {
            let (bytes, key) = sealed_file::seal(&payload)?;
            payload = Cow::Owned(bytes);
            keys.push(key);
        }
        let section = StoredSection { kind: *kind as u32, category: *category as i32, payload: Vec::new(), sealed };
        let mut section = section.encode_to_vec();
        encode_key(SECTION_PAYLOAD, WireType::LengthDelimited, &mut section);
        encode_varint(payload.len() as u64, &mut section);
        let mut begin = Vec::new();
        encode_key(DRAFT_SECTIONS, WireType::LengthDelimited, &mut begin);
        encode_varint((section.len() + payload.len()) as u64, &mut begin);
        begin.append(&mut section);
        parts.extend([Cow::Owned(begin), payload]);
    }
    Ok(Stored { parts, keys })
}

/// `open` gives the content of a sealed section, by its number among these. Without it the draft is without the section, and says so.
fn from_stored(stored: StoredDraft, open: impl Fn(usize, &[u8]) -> Option<Vec<u8>>) -> Option<Draft> {
    let (mut sections, mut sealed, mut lost) = (Vec::new(), 0, false);
    for StoredSection { kind, category, mut payload, sealed: is_sealed } in stored.sections {
        let kind = SectionKind::try_from(i32::try_from(kind).ok()?).ok()?;
        let category = Category::try_from(category).ok()?;
        if is_sealed {
            let opened = open(sealed, &payload);
            sealed += 1;
            lost |= opened.is_none();
            let Some(opened) = opened else { continue };
            payload = opened;
        }
        sections.push(DraftSection { kind, category, payload });
    }
    let mut draft = Draft {
        id: ReportId(stored.report_id.try_into().ok()?),
        product: stored.product?,
        product_id: stored.product_id.try_into().ok()?,
        kind: ErrorKind::try_from(stored.kind).ok()?,
        time: stored.time,
        sections,
        memory: match stored.memory {
            Some(memory) => Some(from_stored_memory(memory)?),
            None => None,
        },
    };
    if lost {
        draft.tell(sealed_sections::gone());
    }
    Some(draft)
}

fn to_stored_memory(memory: MemoryDraft) -> StoredMemory {
    let MemoryDraft { sha256, bytes, covered, stored, unreadable, erased, regions } = memory;
    StoredMemory { sha256: sha256.to_vec(), bytes, covered, stored, unreadable, erased, regions }
}

fn from_stored_memory(memory: StoredMemory) -> Option<MemoryDraft> {
    let StoredMemory { sha256, bytes, covered, stored, unreadable, erased, regions } = memory;
    Some(MemoryDraft { sha256: sha256.try_into().ok()?, bytes, covered, stored, unreadable, erased, regions })
}
