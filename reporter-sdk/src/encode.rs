//! From a draft and a grant to the bytes of a report.

use std::borrow::Cow;
use std::io::{self, Read, Write};

use report_format::rewrite::copy_sections;
use report_format::schema::SCHEMA_MINOR;
use report_format::schema::v1::{Category, SectionKind};
use report_format::{Limits, SectionHeader, Summary, Writer};
use sha2::{Digest, Sha256};

use crate::consent::{CategorySet, Draft, DraftSection, Grant, MemoryDraft, PreviewDigest};

/// What of a granted section stays, given everything that was granted: a minidump loses its CPU and OS files where *system*
/// was declined. `None` leaves the section out, which is right where its bytes cannot be understood.
///
/// It must be a function of its arguments alone and may only leave out: what is sent is then determined by what was shown and
/// what was granted.
pub type Reduce<'a> = dyn for<'d> Fn(&'d DraftSection, CategorySet) -> Option<Cow<'d, [u8]>> + 'a;

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoded {
    /// Of every byte written.
    pub sha256: [u8; 32],
    /// How many.
    pub bytes: u64,
    /// What the report holds.
    pub categories: CategorySet,
}

/// Why a draft was not encoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The grant is for other bytes.
    #[error("the grant is for other bytes than these: shown {granted:?}, collected {collected:?}")]
    NotWhatWasGranted {
        /// In the grant.
        granted: PreviewDigest,
        /// Of the draft.
        collected: PreviewDigest,
    },
    /// All of the memory was granted, and who encodes does not have it.
    #[error("the memory image was granted, and it is no more")]
    NoImage,
    /// The memory image is not the one that was shown, or not whole.
    #[error("the memory image is not what was granted: {0}")]
    Image(String),
    /// The report could not be written.
    #[error("the report could not be written")]
    Io(#[source] io::Error),
    /// The container refused something: too many sections, for example.
    #[error("the report could not be put together")]
    Format(#[source] report_format::Error),
}

impl From<report_format::Error> for EncodeError {
    fn from(error: report_format::Error) -> Self {
        match error {
            report_format::Error::Io(error) => EncodeError::Io(error),
            other => EncodeError::Format(other),
        }
    }
}

/// Writes the report that `grant` allows: the granted sections of `draft` in their order, without what was left out of them; the consent record, the contact.
///
/// Nothing of another category gets as far as the writer, and neither does the draft's own idea of a consent record or a
/// contact: both come from the grant alone.
///
/// # Errors
/// `draft` is not what was granted, or writing failed. What was written until then is to be thrown away.
pub fn encode(draft: &Draft, grant: &Grant, reduce: &Reduce<'_>, writer: impl Write) -> Result<Encoded, EncodeError> {
    encode_with_memory(draft, grant, reduce, || Err::<io::Empty, _>(EncodeError::NoImage), writer)
}

/// The same for a draft that has a memory image: `open` gives the container that holds it. Not called where it was not granted.
///
/// # Errors
/// As [`encode`]; and the image is not the one that was shown, to the last byte.
pub fn encode_with_memory<I: Read>(
    draft: &Draft,
    grant: &Grant,
    reduce: &Reduce<'_>,
    open: impl FnOnce() -> Result<I, EncodeError>,
    writer: impl Write,
) -> Result<Encoded, EncodeError> {
    let collected = draft.digest();
    if grant.digest() != collected {
        return Err(EncodeError::NotWhatWasGranted { granted: grant.digest(), collected });
    }
    let granted = grant.categories();
    let rest;
    let draft = if grant.left_out().is_empty() {
        draft
    } else {
        rest = grant.left_out().taken_from(draft);
        &rest
    };
    let sections: Vec<(&DraftSection, Cow<'_, [u8]>)> = draft
        .sections
        .iter()
        .filter(|section| granted.contains(section.category))
        .filter(|section| !matches!(section.kind, SectionKind::Consent | SectionKind::Contact))
        .filter_map(|section| Some((section, reduce(section, granted)?)))
        .collect();
    let mut categories: CategorySet = sections.iter().map(|(section, _)| section.category).collect();
    let memory = draft.memory.as_ref().filter(|_| granted.contains(Category::FullMemory));
    if memory.is_some() {
        categories = categories.with(Category::FullMemory);
    }
    if grant.contact().is_some() {
        categories = categories.with(Category::Contact);
    }
    let summary = Summary {
        report_id: draft.id.0.to_vec(),
        product_id: draft.product_id.to_vec(),
        time: draft.time,
        kind: draft.kind as i32,
        categories: categories.bits(),
        schema_minor: SCHEMA_MINOR,
    };
    let mut report = Writer::new(writer, &summary)?;
    for (section, payload) in sections {
        let mut writer = report.section(SectionHeader::new(section.kind, section.category))?;
        writer.write_all(&payload).map_err(EncodeError::Io)?;
        writer.finish()?;
    }
    if let Some(memory) = memory {
        copy_memory(memory, open()?, &mut report)?;
    }
    report.write_message(SectionKind::Consent, Category::Essential, &grant.record())?;
    if let Some(contact) = grant.contact() {
        report.write_message(SectionKind::Contact, Category::Contact, contact)?;
    }
    let (_, sha256, bytes) = report.finish()?;
    Ok(Encoded { sha256: sha256.0, bytes, categories })
}

/// Copies the sections of the image as they are. Anything but the whole image that was shown is an error.
fn copy_memory(memory: &MemoryDraft, image: impl Read, report: &mut Writer<impl Write>) -> Result<(), EncodeError> {
    let mut image = Hashing { inner: image, hash: Sha256::new() };
    let is_image = |header: &SectionHeader| header.category == Category::FullMemory as u16;
    let copied = copy_sections(&mut image, report, &Limits::streaming(), is_image)?;
    if image.hash.finalize().as_slice() != memory.sha256 {
        return Err(EncodeError::Image("its digest is another".into()));
    }
    match copied.lost {
        Some(loss) => Err(EncodeError::Image(loss.to_string())),
        None if copied.declared_incomplete => Err(EncodeError::Image("its writer did not finish it".into())),
        None if copied.sections == 0 => Err(EncodeError::Image("it holds no memory".into())),
        None => Ok(()),
    }
}

/// Hashes what is read.
struct Hashing<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.hash.update(&into[..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use report_format::schema::v1::{ConsentRecord, ConsentSource, Contact, ErrorKind, Product};
    use report_format::{Limits, Report, ReportId, Status};

    use super::*;
    use crate::consent::{Answer, Notice, Outcome, Request, settle};

    fn canary(category: Category) -> Vec<u8> {
        format!("canary of {category:?} in its payload").into_bytes()
    }

    /// A draft with a canary of each category, among them sections that only a grant may write.
    fn draft() -> Draft {
        let mut draft = Draft::new(ReportId([1; 16]), Product::default(), [2; 16], ErrorKind::Crash, 7);
        for category in CategorySet::EVERY.into_iter().chain([Category::Unspecified]) {
            draft.sections.push(DraftSection { kind: SectionKind::Attachment, category, payload: canary(category) });
        }
        draft
    }

    fn grant(draft: &Draft, categories: CategorySet, contact: Option<Contact>) -> Grant {
        let notice = Notice { recipient: "support@vendor.example".into(), ..Notice::default() };
        let request = Request::new(draft, &notice, CategorySet::all()).unwrap();
        match settle(draft, &request, request.answered(Answer::Send { categories, contact }, None)) {
            Ok(Outcome::Granted(grant)) => grant,
            other => panic!("not granted: {other:?}"),
        }
    }

    fn whole<'d>(section: &'d DraftSection, _: CategorySet) -> Option<Cow<'d, [u8]>> {
        Some(Cow::Borrowed(&section.payload))
    }

    fn encoded(draft: &Draft, grant: &Grant) -> (Vec<u8>, Report) {
        let mut bytes = Vec::new();
        let encoded = encode(draft, grant, &whole, &mut bytes).unwrap();
        assert_eq!(encoded.bytes, bytes.len() as u64);
        let report = Report::read(bytes.as_slice(), &Limits::default()).unwrap();
        assert_eq!(report.status(), Status::Complete);
        assert_eq!(report.summary().unwrap().categories, encoded.categories.bits());
        (bytes, report)
    }

    fn memmem(haystack: &[u8], needle: &[u8]) -> bool {
        memchr::memmem::find(haystack, needle).is_some()
    }

    /// Each of the 8,192: which of them is wrong is nothing that a sample would have to hit.
    #[test]
    fn for_every_subset_of_the_categories_what_was_not_granted_is_in_no_byte_and_what_was_is_there() {
        let draft = draft();
        let every = CategorySet::EVERY.map(|category| (category, canary(category)));
        let (essential, optional) = every.split_first().unwrap();
        for subset in 0..1u32 << optional.len() {
            let chosen = optional.iter().enumerate().filter(|(at, _)| subset & 1 << at != 0);
            let granted: CategorySet = chosen.map(|(_, (category, _))| *category).collect();
            let (bytes, report) = encoded(&draft, &grant(&draft, granted, None));
            let holds = |canary: &[u8]| {
                memmem(&bytes, canary) || report.sections().iter().any(|section| memmem(&section.bytes, canary))
            };
            assert!(holds(&essential.1) && !holds(&canary(Category::Unspecified)), "{granted:?}");
            for (category, canary) in optional {
                assert_eq!(holds(canary), granted.contains(*category), "{category:?} of {granted:?}");
            }
        }
    }

    #[test]
    fn a_changed_draft_is_refused_and_nothing_is_written() {
        let mut draft = draft();
        let grant = grant(&draft, CategorySet::all(), None);
        draft.sections[3].payload[0] ^= 1;
        let mut bytes = Vec::new();
        let refused = encode(&draft, &grant, &whole, &mut bytes);
        assert!(matches!(refused, Err(EncodeError::NotWhatWasGranted { .. })));
        assert!(bytes.is_empty());
    }

    /// A container as the handler makes it, of memory that is all `byte`, and a section that does not belong there.
    fn image(byte: u8) -> (Vec<u8>, MemoryDraft) {
        use report_format::memory::{self, PAGE, Source};
        use report_format::schema::v1::MemoryRegion;

        struct Pages(u8, [MemoryRegion; 1]);
        impl Source for Pages {
            fn regions(&self) -> &[MemoryRegion] {
                &self.1
            }
            fn read(&self, _: u64, buffer: &mut [u8]) -> io::Result<()> {
                buffer.fill(self.0);
                Ok(())
            }
        }
        let region = MemoryRegion { address: 0x10000, size: 9 * PAGE as u64, ..Default::default() };
        let mut writer = Writer::new(Vec::new(), &Summary::default()).unwrap();
        memory::encode(&mut writer, &Pages(byte, [region]), &memory::Options::default()).unwrap();
        writer.write_message(SectionKind::Product, Category::Essential, &Product::default()).unwrap();
        let (bytes, digest, length) = writer.finish().unwrap();
        let (covered, regions) = (9 * PAGE as u64, 1);
        let draft =
            MemoryDraft { sha256: digest.0, bytes: length, covered, stored: 1, unreadable: 0, erased: 0, regions };
        (bytes, draft)
    }

    fn with_image(draft: &Draft, grant: &Grant, image: &[u8]) -> Result<Vec<u8>, EncodeError> {
        let mut bytes = Vec::new();
        encode_with_memory(draft, grant, &whole, || Ok(image), &mut bytes).map(|_| bytes)
    }

    #[test]
    fn a_memory_image_is_copied_if_it_was_granted_and_not_even_opened_if_it_was_not() {
        let (image, memory) = image(7);
        let draft = Draft { memory: Some(memory), ..draft() };
        let full = CategorySet::essential().with(Category::FullMemory);
        let bytes = with_image(&draft, &grant(&draft, full, None), &image).unwrap();
        let report = Report::read(&bytes[..], &Limits::default()).unwrap();
        assert_eq!((report.status(), report.summary().unwrap().categories), (Status::Complete, full.bits()));
        let kinds: Vec<_> = report.sections().iter().filter_map(report_format::Section::kind).collect();
        use SectionKind::{Attachment, Consent, MemoryImage, MemoryIndex, MemoryRegions};
        // The product's, its canary, the canary of full memory, and the image.
        assert_eq!(kinds[3..], [MemoryRegions, MemoryImage, MemoryIndex, Consent], "{kinds:?}");
        assert_eq!(kinds[1..3], [Attachment, Attachment]);
        let never = || -> Result<io::Empty, EncodeError> { panic!("opened without a grant") };
        let without = grant(&draft, CategorySet::all().without(Category::FullMemory), None);
        let encoded = encode_with_memory(&draft, &without, &whole, never, Vec::new()).unwrap();
        assert!(!encoded.categories.contains(Category::FullMemory));
    }

    #[test]
    fn another_image_than_the_one_shown_is_refused_and_so_is_none() {
        let ((shown, memory), (other, _)) = (image(7), image(8));
        let draft = Draft { memory: Some(memory), ..draft() };
        let grant = grant(&draft, CategorySet::all(), None);
        let cut = &shown[..shown.len() - 1];
        let longer = [&shown[..], &[0]].concat();
        for (what, image) in [("another", &other[..]), ("cut", cut), ("with more behind it", &longer)] {
            let refused = with_image(&draft, &grant, image);
            assert!(matches!(refused, Err(EncodeError::Image(_))), "{what}: {refused:?}");
        }
        assert!(matches!(encode(&draft, &grant, &whole, Vec::new()), Err(EncodeError::NoImage)));
    }

    #[test]
    fn the_record_and_the_contact_come_from_the_grant_alone() {
        let mut draft = draft();
        let forged = ConsentRecord { recipient: "thief".into(), ..ConsentRecord::default() };
        draft.push(SectionKind::Consent, Category::Essential, &forged);
        draft.push(SectionKind::Contact, Category::Contact, &Contact { email: "forged".into(), ..Contact::default() });
        let contact = Contact { email: "anna@example.com".into(), ..Contact::default() };
        let granted = CategorySet::essential().with(Category::Contact);
        let (_, report) = encoded(&draft, &grant(&draft, granted, Some(contact.clone())));
        let count = |kind| report.sections().iter().filter(|section| section.kind() == Some(kind)).count();
        assert_eq!((count(SectionKind::Consent), count(SectionKind::Contact)), (1, 1));
        let record: ConsentRecord = report.message(SectionKind::Consent).unwrap().unwrap();
        assert_eq!(record.source(), ConsentSource::Person);
        assert_eq!(record.recipient, "support@vendor.example");
        assert_eq!(record.preview_digest, draft.digest().0);
        assert_eq!(report.message::<Contact>(SectionKind::Contact).unwrap(), Some(contact));
    }

    #[test]
    fn a_contact_is_not_sent_without_its_switch() {
        let draft = draft();
        let contact = Contact { email: "anna@example.com".into(), ..Contact::default() };
        let (bytes, report) = encoded(&draft, &grant(&draft, CategorySet::essential(), Some(contact)));
        assert!(!memmem(&bytes, b"anna@example.com"));
        assert!(report.sections().iter().all(|section| !memmem(&section.bytes, b"anna@example.com")));
    }

    #[test]
    fn equal_drafts_and_grants_give_equal_bytes_and_reduction_only_sees_what_was_granted() {
        let draft = draft();
        let grant = grant(&draft, CategorySet::essential().with(Category::Memory), None);
        assert_eq!(encoded(&draft, &grant).0, encoded(&draft, &grant).0);
        let mut bytes = Vec::new();
        let without_memory = |section: &DraftSection, granted: CategorySet| -> Option<Cow<'static, [u8]>> {
            assert!(granted.contains(section.category));
            (section.category != Category::Memory).then(|| Cow::Owned(section.payload.clone()))
        };
        let encoded = encode(&draft, &grant, &|section, granted| without_memory(section, granted), &mut bytes).unwrap();
        assert_eq!(
            encoded.categories,
            CategorySet::essential(),
            "the summary tells what is there, not what was allowed"
        );
    }
}
