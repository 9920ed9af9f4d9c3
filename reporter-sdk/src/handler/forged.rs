//! For the fuzzers: what becomes of a shared memory that a product has forged or damaged, as a living handler meets it and as it is found in a file of a lost one.

use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use prost::Message;
use report_format::schema::v1::{self, Category, SectionKind};

use super::evidence::{self, Memory};
use super::lost::{Left, as_of_that_run};
use super::pipeline::Pipeline;
use super::settings::Settings;
use crate::consent::{AdministratorPolicy, CategorySet, Draft};
use crate::schema::{Configuration, Notice};

/// More than any shared memory gives: its texts, each broken byte of them a character of three, and a dump of one thread.
const LARGEST_DRAFT: usize = 16 << 20;

/// What the product has said at its start, and nothing else decides.
fn configuration() -> Configuration {
    let product = v1::Product {
        vendor: "Example Software".into(),
        name: "Ledger".into(),
        version: "1.0".into(),
        ..v1::Product::default()
    };
    let notice = Notice { recipient: "support@ledger.example".into(), ..Notice::default() };
    Configuration {
        product: Some(product),
        notice: Some(notice),
        spool_directory: b"/spool/of/ledger".to_vec(),
        ..Configuration::default()
    }
}

fn pipeline() -> &'static Pipeline {
    static PIPELINE: OnceLock<Pipeline> = OnceLock::new();
    PIPELINE.get_or_init(|| Pipeline {
        settings: Settings::new(configuration()),
        administrator: AdministratorPolicy::default(),
        spool: None,
        pid: 1,
        images: super::full_memory::Images::default(),
        exclusions: super::exclusions::Exclusions::default(),
    })
}

/// Makes a draft of these words, as far as they make any sense.
///
/// # Panics
/// The draft has something that the product did not say at its start, or is larger than it can be.
pub(crate) fn draft_of(words: &[AtomicU64]) {
    let Ok(mut left) = Left::read(words) else { return };
    let pipeline = pipeline();
    let mut diagnostics = v1::Diagnostics::default();
    let memory = match (&left.occurrence.crash, left.record.take()) {
        (Some(crash), Some(mut record)) => {
            // Without a slash no name leads anywhere: the fuzzer opens no file of this machine.
            record.maps.iter_mut().filter(|byte| **byte == b'/').for_each(|byte| *byte = b'_');
            let dumped = evidence::of_record(record, crash, true, &mut diagnostics);
            dumped.map_or_else(Memory::default, |dumped| evidence::unwind(dumped, &mut diagnostics))
        }
        _ => Memory::default(),
    };
    if let Some(dump) = &memory.minidump {
        assert!(minidump::Minidump::read(&dump[..]).is_ok());
    }
    for thread in memory.stacks.iter().flat_map(|stacks| &stacks.threads) {
        assert!(thread.frames.len() <= 1024, "{} frames", thread.frames.len());
    }
    let occurrence = &left.occurrence;
    let error = evidence::error(occurrence, [7; 16], &memory, 1);
    assert!(error.chain.len() <= 32 && error.title.len() <= 8 << 10);
    let mut draft = pipeline.draft(occurrence, &error, CategorySet::all(), memory, Vec::new(), &[], diagnostics);
    let settings = Settings::new(configuration());
    assert_eq!((&draft.product, draft.product_id), (&settings.product, settings.product_id));
    assert_eq!(draft.id.0, [7; 16]);
    as_of_that_run(&mut draft, left);
    check(&draft, &settings);
}

/// Whatever was found: sections of what a crash has, no more of them than there can be, and of the product only its version.
fn check(draft: &Draft, settings: &Settings) {
    let v1::Product { vendor, name, .. } = &draft.product;
    assert_eq!((vendor, name), (&settings.product.vendor, &settings.product.name));
    assert!(draft.sections.len() <= 8, "{draft:?}");
    assert!(draft.sections.iter().map(|section| section.payload.len()).sum::<usize>() <= LARGEST_DRAFT, "{draft:?}");
    for section in &draft.sections {
        let allowed = [Category::Essential, Category::Actions, Category::Memory, Category::Product];
        assert!(allowed.contains(&section.category), "{draft:?}");
        if section.kind == SectionKind::Error {
            assert!(v1::Error::decode(&section.payload[..]).is_ok());
        }
    }
    assert!(draft.memory.is_none());
    // Where it lies and who gets it is not in a draft at all: both are of the settings, which no memory reaches.
    let place = settings.spool.as_deref();
    assert_eq!(place, pipeline().settings.spool.as_deref());
    assert_eq!(pipeline().settings.notice.recipient, "support@ledger.example");
}
