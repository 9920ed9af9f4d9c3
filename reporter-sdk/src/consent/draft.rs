//! What was collected and not yet decided.

use std::fmt;

use prost::Message;
use report_format::ReportId;
use report_format::schema::v1::{Category, Diagnostics, ErrorKind, Product, SectionKind, SoftError};
use sha2::{Digest, Sha256};

use super::CategorySet;

/// What was collected about one error and not yet decided. It can be shown, kept and destroyed; it cannot be sent.
#[derive(Clone, PartialEq)]
pub struct Draft {
    /// Of the report that this may become.
    pub id: ReportId,
    /// Which product failed.
    pub product: Product,
    /// Chosen by the vendor or derived from the product's name.
    pub product_id: [u8; 16],
    /// What kind of failure it was.
    pub kind: ErrorKind,
    /// When it happened: realtime nanoseconds since 1970.
    pub time: u64,
    /// In the order in which they are shown and encoded. The product's own section comes first.
    pub sections: Vec<DraftSection>,
    /// All of the program's memory, where it was read. Its bytes are not here but with the handler that read them.
    pub memory: Option<MemoryDraft>,
}

/// What is known of a memory image beside its bytes, which lie encrypted elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryDraft {
    /// Of the report container that holds the image and nothing else.
    pub sha256: [u8; 32],
    /// Of that container: what sending it costs, since it is compressed already.
    pub bytes: u64,
    /// Bytes of memory in all regions.
    pub covered: u64,
    /// Of these, bytes that are in the image: the rest are zeros, or equal to others.
    pub stored: u64,
    /// Bytes that could not be read.
    pub unreadable: u64,
    /// Bytes that were replaced by zeros before anything was kept: arguments, environment, and what the program keeps out.
    pub erased: u64,
    /// How many regions of memory there are.
    pub regions: u64,
}

/// One section of a draft: the unit of consent.
#[derive(Clone, PartialEq, Eq)]
pub struct DraftSection {
    /// What it is.
    pub kind: SectionKind,
    /// Under which switch it falls.
    pub category: Category,
    /// The encoded message, or the bytes of a minidump.
    pub payload: Vec<u8>,
}

impl DraftSection {
    /// A section that holds `message`.
    pub fn of(kind: SectionKind, category: Category, message: &impl Message) -> Self {
        DraftSection { kind, category, payload: message.encode_to_vec() }
    }
}

/// SHA-256 over everything that was shown, before anything was left out. It ties a decision to one draft and its bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PreviewDigest(pub [u8; 32]);

impl Draft {
    /// A draft that holds the section of its product and nothing else yet.
    pub fn new(id: ReportId, product: Product, product_id: [u8; 16], kind: ErrorKind, time: u64) -> Self {
        let sections = vec![DraftSection::of(SectionKind::Product, Category::Essential, &product)];
        Draft { id, product, product_id, kind, time, sections, memory: None }
    }

    /// Adds a section that holds `message`.
    pub fn push(&mut self, kind: SectionKind, category: Category, message: &impl Message) {
        self.sections.push(DraftSection::of(kind, category, message));
    }

    /// Takes the payload out of the first section of this kind, which is left without.
    #[cfg(feature = "handler")]
    #[cfg_attr(not(any(target_os = "linux", windows)), expect(dead_code, reason = "for the handler alone"))]
    pub(crate) fn take_payload(&mut self, kind: SectionKind) -> Option<Vec<u8>> {
        let section = self.sections.iter_mut().find(|section| section.kind == kind)?;
        Some(std::mem::take(&mut section.payload))
    }

    /// Forgets a memory image whose bytes are no more, and says so in the diagnostics.
    #[cfg(feature = "handler")]
    #[cfg_attr(not(any(target_os = "linux", windows)), expect(dead_code, reason = "for the handler alone"))]
    pub(crate) fn lose_memory(&mut self, why: SoftError) {
        self.memory = None;
        self.tell(why);
    }

    /// Leaves out the images of the desktop, and says why in the diagnostics. `false` where there are none.
    #[cfg(feature = "handler")]
    #[cfg_attr(not(any(target_os = "linux", windows)), expect(dead_code, reason = "for the handler alone"))]
    pub(crate) fn lose_screens(&mut self, why: SoftError) -> bool {
        let before = self.sections.len();
        self.sections.retain(|section| section.kind != SectionKind::Screen);
        let lost = self.sections.len() < before;
        if lost {
            self.tell(why);
        }
        lost
    }

    /// Adds to what could not be had.
    #[cfg(feature = "handler")]
    pub(crate) fn tell(&mut self, what: SoftError) {
        let mut diagnostics: Diagnostics = self.message(SectionKind::Diagnostics).unwrap_or_default();
        diagnostics.soft_errors.push(what);
        match self.sections.iter_mut().find(|section| section.kind == SectionKind::Diagnostics) {
            Some(section) => section.payload = diagnostics.encode_to_vec(),
            None => self.push(SectionKind::Diagnostics, Category::Essential, &diagnostics),
        }
    }

    /// The digest of what a person is shown: the facts of the summary, then kind, category, length and bytes of every
    /// section in order; of a memory image its own digest and numbers.
    ///
    /// Why over the whole draft and not over what is sent: the person sees everything and then leaves parts out, so the
    /// digest must be known before the choice. What is sent is a function of the draft and of the granted categories alone,
    /// and that function only leaves out (`encode`); so equal digests and equal grants give equal bytes.
    pub fn digest(&self) -> PreviewDigest {
        let mut hash = Sha256::new();
        hash.update(b"error report preview 1\0");
        hash.update(self.id.0);
        hash.update(self.product_id);
        hash.update((self.kind as u32).to_le_bytes());
        hash.update(self.time.to_le_bytes());
        hash.update((self.sections.len() as u64).to_le_bytes());
        for section in &self.sections {
            hash.update((section.kind as u32).to_le_bytes());
            hash.update((section.category as u32).to_le_bytes());
            hash.update((section.payload.len() as u64).to_le_bytes());
            hash.update(&section.payload);
        }
        if let Some(memory) = &self.memory {
            let MemoryDraft { sha256, bytes, covered, stored, unreadable, erased, regions } = memory;
            hash.update(b"memory\0");
            hash.update(sha256);
            for number in [bytes, covered, stored, unreadable, erased, regions] {
                hash.update(number.to_le_bytes());
            }
        }
        PreviewDigest(hash.finalize().into())
    }

    /// The categories of which the draft holds something.
    pub fn categories(&self) -> CategorySet {
        let image = self.memory.iter().map(|_| Category::FullMemory);
        self.sections.iter().map(|section| section.category).chain(image).collect()
    }

    /// Bytes collected under `category`, before compression; of the memory image, which is large, as it would be sent.
    pub fn size_of(&self, category: Category) -> u64 {
        let image = self.memory.filter(|_| category == Category::FullMemory).map_or(0, |memory| memory.bytes);
        let sections: u64 = self
            .sections
            .iter()
            .filter(|section| section.category == category)
            .map(|section| section.payload.len() as u64)
            .sum();
        sections.saturating_add(image)
    }

    /// The first message of this kind, where the draft has one and its bytes make sense.
    pub fn message<M: Message + Default>(&self, kind: SectionKind) -> Option<M> {
        let section = self.sections.iter().find(|section| section.kind == kind)?;
        M::decode(section.payload.as_slice()).ok()
    }
}

// Payloads are the person's own data: a log line must not carry them, however it came about.
impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("sections", &self.sections)
            .field("memory", &self.memory)
            .finish()
    }
}

impl fmt::Debug for DraftSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}/{:?} ({} bytes)", self.kind, self.category, self.payload.len())
    }
}

impl fmt::Debug for PreviewDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
