//! What is written is read, whatever it is and however it comes.

mod common;

use std::io::Write;

use common::{events, header, read, report, summary};
use proptest::prelude::*;
use report_format::schema::v1::SectionKind;
use report_format::{Codec, Error, SectionHeader, SectionState, Status, Writer};

fn section() -> impl Strategy<Value = (SectionHeader, Vec<u8>)> {
    // Those that version 1 knows as often as any others: some are not like the others to a reader.
    let kind = prop_oneof![1..=SectionKind::Recovery as u16, 1..=u16::MAX];
    let header = (kind, any::<u16>(), any::<bool>()).prop_map(|(kind, category, zstd)| SectionHeader {
        kind,
        category,
        codec: if zstd { Codec::Zstd } else { Codec::Stored },
        critical: false,
    });
    let bytes = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..2000),
        // Around the size of one chunk, and of two.
        1 => (0..3_usize, -2..=2_i64, any::<u8>()).prop_map(|(chunks, around, byte)| {
            vec![byte; ((chunks << 20) as i64 + around).max(0) as usize]
        }),
    ];
    (header, bytes)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn sections_come_back_as_they_were_written(sections in prop::collection::vec(section(), 0..8)) {
        let bytes = report(&sections);
        prop_assert_eq!(&bytes, &report(&sections), "the same input gives the same bytes");
        let report = read(&bytes).expect("a report");
        prop_assert_eq!(report.status(), Status::Complete, "{:?}", report.losses());
        prop_assert_eq!(report.summary(), Some(&summary()));
        prop_assert_eq!(report.sections().len(), sections.len());
        for (number, (read, (header, raw))) in report.sections().iter().zip(&sections).enumerate() {
            prop_assert_eq!(read.ordinal as usize, number + 1);
            prop_assert_eq!((read.header.kind, read.header.category), (header.kind, header.category));
            // Too large to be kept, by their kind; that all of it is there is known all the same.
            let is_kept = ![SectionKind::MemoryImage as u16, SectionKind::SealedFullMemory as u16].contains(&header.kind);
            let (bytes, state) = if is_kept { (&raw[..], SectionState::Whole) } else { (&[][..], SectionState::NotKept) };
            prop_assert!(read.bytes == bytes);
            prop_assert_eq!(read.state, state);
        }
    }

    #[test]
    fn any_split_of_the_input_gives_the_same_events(
        sections in prop::collection::vec(section(), 0..4),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        junk in prop::collection::vec(any::<u8>(), 0..50),
        at in any::<prop::sample::Index>(),
    ) {
        let mut bytes = report(&sections);
        let at = at.index(bytes.len());
        bytes.splice(at..at, junk);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let split = events(cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]));
        prop_assert!(split == events([&bytes]));
    }

    #[test]
    fn any_split_of_the_writes_gives_the_same_bytes(
        (header, raw) in section(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(raw.len() + 1)).collect();
        cuts.extend([0, raw.len()]);
        cuts.sort_unstable();
        let mut writer = Writer::new(Vec::new(), &summary()).expect("a summary");
        let mut section = writer.section(header).expect("a section");
        for cut in cuts.windows(2) {
            section.write_all(&raw[cut[0]..cut[1]]).expect("a vector takes everything");
        }
        section.finish().expect("a section");
        let (bytes, ..) = writer.finish().expect("a report");
        prop_assert!(bytes == report(&[(header, raw)]));
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_are_never_a_complete_report(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
        match read(&bytes) {
            Ok(report) => prop_assert_ne!(report.status(), Status::Complete),
            Err(error) => prop_assert!(matches!(error, Error::Format { .. }), "{}", error),
        }
    }
}

#[test]
fn the_header_reads_back_with_its_codec_and_whether_it_is_critical() {
    let given = [header(1, Codec::Stored, true), header(2, Codec::Stored, false)];
    let report = read(&report(&given.map(|header| (header, b"x".to_vec())))).expect("a report");
    assert_eq!(report.sections().iter().map(|section| section.header).collect::<Vec<_>>(), given);
}
