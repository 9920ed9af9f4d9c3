//! For the fuzzers: what becomes of a shared memory that a product has forged or damaged, as a living handler meets it and as it is found in a file of a lost one.

use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use prost::Message;
use report_format::schema::v1::{self, Category, SectionKind};

use super::evidence::{self, Filtering, Memory};
use super::lost::{Left, as_of_that_run};
use super::pipeline::Pipeline;
use super::settings::Settings;
use super::unwind::UnwindLimits;
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

/// Makes a draft of these words, as far as they make any sense. Returns how many frames were found in it.
///
/// # Panics
/// The draft has something that the product did not say at its start, or is larger than it can be.
pub(crate) fn draft_of(words: &[AtomicU64]) -> usize {
    let Ok(mut left) = Left::read(words) else { return 0 };
    let pipeline = pipeline();
    let mut diagnostics = v1::Diagnostics::default();
    let memory = match (&left.occurrence.crash, left.record.take()) {
        (Some(crash), Some(mut record)) => {
            record.maps = with_one_file(&record.maps);
            let dumped = evidence::of_record(
                record,
                crash,
                Filtering { system: true, ..Filtering::default() },
                &mut diagnostics,
            );
            dumped.map_or_else(Memory::default, |dumped| evidence::unwind(dumped, &mut diagnostics))
        }
        _ => Memory::default(),
    };
    if let Some(dump) = &memory.minidump {
        assert!(minidump::Minidump::read(&dump[..]).is_ok());
    }
    let frames = memory.stacks.iter().flat_map(|stacks| &stacks.threads).map(|thread| thread.frames.len()).sum();
    for thread in memory.stacks.iter().flat_map(|stacks| &stacks.threads) {
        assert!(thread.frames.len() <= UnwindLimits::default().frames_per_thread, "{} frames", thread.frames.len());
    }
    // Whatever takes that long takes too long.
    let late = |soft: &v1::SoftError| soft.message.contains("timed out");
    assert!(!diagnostics.soft_errors.iter().any(late), "{:?}", diagnostics.soft_errors);
    let occurrence = &left.occurrence;
    let error = evidence::error(occurrence, [7; 16], &memory, 1);
    assert!(error.chain.len() <= 32 && error.title.len() <= 8 << 10);
    let mut draft = pipeline.draft(occurrence, &error, CategorySet::all(), memory, Vec::new(), &[], diagnostics);
    let settings = Settings::new(configuration());
    assert_eq!((&draft.product, draft.product_id), (&settings.product, settings.product_id));
    assert_eq!(draft.id.0, [7; 16]);
    as_of_that_run(&mut draft, left);
    check(&draft, &settings);
    frames
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
    // Where it lies and who gets it is not in a draft at all: both are of the settings, which no memory reaches.
    assert!(draft.memory.is_none());
}

/// The map with one file of this machine in the place of each that it names: the fuzzer opens no other.
fn with_one_file(maps: &[u8]) -> Vec<u8> {
    let line = |line: &[u8]| match line.iter().position(|&byte| byte == b'/') {
        Some(at) => [&line[..at], b"/bin/true"].concat(),
        None => line.to_vec(),
    };
    maps.split(|&byte| byte == b'\n').map(line).collect::<Vec<_>>().join(&b'\n')
}
