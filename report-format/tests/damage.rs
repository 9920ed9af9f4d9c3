//! No damage passes unseen, and none costs more than what it hit.

mod common;

use common::{events, frames, header, read, report, small};
use report_format::{Codec, Error, Event, Limits, Loss, Report, SectionState, Status};

fn losses(report: &Report) -> String {
    report.losses().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[test]
fn no_flipped_bit_passes_for_complete() {
    let whole = small();
    assert_eq!(read(&whole).expect("a report").status(), Status::Complete);
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let report = read(&flipped).unwrap_or_else(|error| panic!("bit {bit}: {error}"));
        assert_eq!(report.status(), Status::Corrupt, "bit {bit}: {}", losses(&report));
        assert!(report.loss_count() > 0, "bit {bit}");
        // A flip costs one frame at most: everything but one section is there, and the summary always.
        let whole_ones = report.sections().iter().filter(|section| section.state == SectionState::Whole).count();
        assert!(whole_ones >= 3, "bit {bit}: {}", losses(&report));
        assert!(report.summary().is_some(), "bit {bit}");
    }
}

#[test]
fn every_cut_is_partial_with_each_whole_frame_recovered() {
    let whole = small();
    let frames = frames(&whole);
    for cut in 0..whole.len() {
        let result = read(&whole[..cut]);
        if cut < 16 {
            assert!(matches!(result, Err(Error::Format { .. })), "cut at {cut}");
            continue;
        }
        let report = result.unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
        assert_eq!(report.status(), Status::Partial, "cut at {cut}: {}", losses(&report));
        assert!(report.losses().contains(&Loss::EndMissing), "cut at {cut}");
        let in_frame = frames.iter().find(|frame| frame.start < cut && cut < frame.end);
        let told = report.losses().iter().find_map(|loss| match loss {
            Loss::Cut { offset, length } => Some((*offset as usize, *length as usize)),
            _ => None,
        });
        assert_eq!(told, in_frame.map(|frame| (frame.start, cut - frame.start)), "cut at {cut}");
        let ends = frames.iter().filter(|frame| frame.end <= cut && whole[frame.start + 4] == 3).count();
        let whole_ones = report.sections().iter().filter(|section| section.state == SectionState::Whole).count();
        assert_eq!(whole_ones, ends, "cut at {cut}");
    }
}

#[test]
fn a_lost_frame_costs_nothing_but_itself_and_is_named() {
    let whole = small();
    for (number, frame) in frames(&whole).into_iter().enumerate() {
        let mut lacking = whole.clone();
        lacking.drain(frame.clone());
        let report = read(&lacking).expect("a report");
        assert_eq!(report.status(), Status::Partial, "frame {number}: {}", losses(&report));
        let expected =
            if frame.end == whole.len() { Loss::EndMissing } else { Loss::Missing { first: number as u32, count: 1 } };
        assert!(report.losses().contains(&expected), "frame {number}: {}", losses(&report));
    }
}

#[test]
fn repeated_and_reordered_frames_are_named_and_the_rest_is_whole() {
    let whole = small();
    let frames = frames(&whole);
    for (number, frame) in frames.iter().enumerate() {
        let doubled = [&whole[..frame.end], &whole[frame.clone()], &whole[frame.end..]].concat();
        let report = read(&doubled).expect("a report");
        assert_ne!(report.status(), Status::Complete, "frame {number}");
        let expected = if frame.end == whole.len() {
            Loss::Trailing { offset: frame.end as u64, length: frame.len() as u64 }
        } else {
            Loss::Misplaced { offset: frame.end as u64, sequence: number as u32 }
        };
        assert_eq!(report.losses(), [expected], "frame {number}");
        assert!(report.sections().iter().all(|section| section.state == SectionState::Whole));
    }
    for (number, pair) in frames.windows(2).enumerate() {
        let swapped =
            [&whole[..pair[0].start], &whole[pair[1].clone()], &whole[pair[0].clone()], &whole[pair[1].end..]].concat();
        assert_ne!(read(&swapped).expect("a report").status(), Status::Complete, "frames {number} and next");
    }
}

#[test]
fn bytes_before_and_after_a_report_are_named() {
    let whole = small();
    let before = read(&[b"X-Mail: text\r\n\r\n", &whole[..]].concat()).expect("a report");
    assert_eq!(before.status(), Status::Partial);
    assert_eq!(before.losses(), [Loss::Leading { length: 16 }]);
    let after = read(&[&whole[..], b"\n"].concat()).expect("a report");
    assert_eq!(after.status(), Status::Partial);
    assert_eq!(after.losses(), [Loss::Trailing { offset: whole.len() as u64, length: 1 }]);
    for report in [before, after] {
        assert!(report.sections().iter().all(|section| section.state == SectionState::Whole));
    }
}

#[test]
fn a_missing_chunk_leaves_a_hole_and_the_rest_in_its_place() {
    let raw: Vec<u8> = (0..(2 << 20) + 1000_u32).map(|at| (at / 4096) as u8).collect();
    let mut bytes = report(&[(header(8, Codec::Stored, false), raw.clone())]);
    let second = frames(&bytes)[2].clone();
    bytes.drain(second);
    let report = read(&bytes).expect("a report");
    let section = &report.sections()[0];
    assert_eq!(section.state, SectionState::Incomplete);
    assert_eq!(section.holes.len(), 1);
    assert_eq!(section.holes[0], 1 << 20..2 << 20);
    assert_eq!(section.bytes.len(), raw.len());
    assert!(section.bytes[1 << 20..2 << 20].iter().all(|&byte| byte == 0));
    assert_eq!(section.bytes[2 << 20..], raw[2 << 20..]);
    assert!(report.losses().contains(&Loss::SectionIncomplete { ordinal: 1, kind: 8 }));
}

/// One line of base64 lost on the way takes 57 bytes out of a frame: the length then points into later frames.
#[test]
fn bytes_taken_out_of_a_frame_do_not_hide_the_frames_behind_it() {
    let raw = vec![b'm'; 5000];
    let sections: Vec<_> = (0..4).map(|kind| (header(0x8000 + kind, Codec::Stored, false), raw.clone())).collect();
    let bytes = report(&sections);
    for (number, frame) in frames(&bytes).into_iter().enumerate().filter(|(_, frame)| frame.len() > 5000) {
        let mut lacking = bytes.clone();
        lacking.drain(frame.start + 1000..frame.start + 1057);
        let report = read(&lacking).expect("a report");
        assert_eq!(report.status(), Status::Corrupt);
        let whole_ones = report.sections().iter().filter(|section| section.state == SectionState::Whole).count();
        assert_eq!(whole_ones, 3, "frame {number}: {}", losses(&report));
    }
    // The same near the end, where the length points behind the end of the input.
    let mut lacking = report(&[(header(0x8000, Codec::Stored, false), raw)]);
    let data = frames(&lacking)[1].clone();
    lacking.drain(data.start + 40..data.start + 3040);
    let report = read(&lacking).expect("a report");
    assert_eq!(report.status(), Status::Corrupt);
    assert!(report.digest().is_some(), "the end was found: {}", losses(&report));
}

#[test]
fn the_index_names_a_section_of_which_nothing_came() {
    let mut bytes = small();
    let all = frames(&bytes);
    // The stored section: frames 3 (data) and 4 (end).
    bytes.drain(all[3].start..all[4].end);
    let report = read(&bytes).expect("a report");
    assert!(report.losses().contains(&Loss::SectionsMissing { first: 2, count: 1, kind: Some(0x8001) }));
    // Without the index the number is still known.
    let index = frames(&bytes)[frames(&bytes).len() - 2].clone();
    bytes.drain(index);
    let report = read(&bytes).expect("a report");
    assert!(report.losses().contains(&Loss::SectionsMissing { first: 2, count: 1, kind: None }));
}

/// A report attached to a report, stored: after damage its frames must not be taken for the outer one's.
#[test]
fn an_embedded_report_is_never_mistaken_for_the_outer_one() {
    let mut other = common::summary();
    other.report_id = vec![0xee; 16];
    let (inner, ..) = report_format::Writer::new(Vec::new(), &other).expect("a summary").finish().expect("a report");
    let mut bytes = report(&[(header(18, Codec::Stored, false), [&[0; 100], &inner[..], &[0; 100]].concat())]);
    let data = frames(&bytes)[1].clone();
    bytes[data.start + 41] ^= 1;
    let report = read(&bytes).expect("a report");
    assert_eq!(report.status(), Status::Corrupt);
    assert_eq!(report.id().expect("an id").0, *common::summary().report_id);
    let unreadable = Loss::Unreadable { offset: data.start as u64, length: data.len() as u64 };
    assert!(report.losses().contains(&unreadable), "{}", losses(&report));
}

#[test]
fn damage_is_told_the_same_however_the_input_is_split() {
    let whole = small();
    for bit in (0..whole.len() * 8).step_by(7) {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped.truncate(whole.len() - bit % 5);
        let at_once = events([&flipped]);
        assert_eq!(events(flipped.chunks(1)), at_once, "bit {bit}");
        assert_eq!(events(flipped.chunks(41)), at_once, "bit {bit}");
    }
}

#[test]
fn every_section_that_begins_also_ends() {
    let whole = small();
    for cut in 16..whole.len() {
        let (events, error, _) = events([&whole[..cut]]);
        assert_eq!(error, None);
        let begun = events.iter().filter(|event| matches!(event, Event::SectionBegin { .. })).count();
        let ended = events.iter().filter(|event| matches!(event, Event::SectionEnd { .. })).count();
        assert_eq!(begun, ended, "cut at {cut}");
    }
}

#[test]
fn a_section_too_large_for_the_reader_costs_only_its_own_rest() {
    let large = vec![7; (2 << 20) + 100];
    for codec in [Codec::Zstd, Codec::Stored] {
        let whole = report(&[
            (header(0x8001, Codec::Stored, false), b"before".to_vec()),
            (header(8, codec, false), large.clone()),
            (header(0x8002, Codec::Stored, false), b"behind".to_vec()),
        ]);
        let limits = Limits { raw_total: (1 << 20) + 100, ..Limits::default() };
        let report = Report::read(&whole[..], &limits).expect("a report");
        assert_eq!(report.status(), Status::Partial, "{}", losses(&report));
        let limit = Loss::Limit { ordinal: 2, kind: 8, offset: 1 << 20, limit: limits.raw_total };
        assert_eq!(report.losses(), [limit, Loss::SectionIncomplete { ordinal: 2, kind: 8 }]);
        assert!(report.digest().is_some(), "everything was read");
        let states: Vec<_> = report.sections().iter().map(|section| (section.bytes.len(), section.state)).collect();
        let expected = [(6, SectionState::Whole), (1 << 20, SectionState::Incomplete), (6, SectionState::Whole)];
        assert_eq!(states, expected);
    }
}

#[test]
fn what_lies_behind_too_large_a_hole_is_left_out() {
    let mut whole = report(&[
        (header(8, Codec::Stored, false), vec![7; (2 << 20) + 100]),
        (header(0x8002, Codec::Stored, false), b"behind".to_vec()),
    ]);
    // The first two chunks: a hole of 2 MiB before the third.
    let lost = frames(&whole)[1].start..frames(&whole)[2].end;
    whole.drain(lost);
    let limits = Limits { raw_total: 1 << 20, ..Limits::default() };
    let report = Report::read(&whole[..], &limits).expect("a report");
    assert_eq!(report.status(), Status::Partial);
    assert!(
        report.losses().contains(&Loss::Limit { ordinal: 1, kind: 8, offset: 0, limit: 1 << 20 }),
        "{}",
        losses(&report)
    );
    assert_eq!((&report.sections()[0].bytes[..], report.sections()[0].state), (&[][..], SectionState::Incomplete));
    assert_eq!((&report.sections()[1].bytes[..], report.sections()[1].state), (&b"behind"[..], SectionState::Whole));
}

#[test]
fn a_summary_that_the_frames_do_not_name_is_not_read() {
    let whole = small();
    let first = frames(&whole)[0].clone();
    let mut forged = whole.clone();
    // Another report's id, and the checksum of the frame right again.
    forged[first.start + 42] ^= 1;
    let payload = first.start + 40..first.end - 4;
    let crc = crc32c::crc32c(&forged[payload]).to_le_bytes();
    forged[first.end - 4..first.end].copy_from_slice(&crc);
    let report = read(&forged).expect("a report");
    assert_eq!(report.status(), Status::Corrupt);
    assert!(losses(&report).contains("not the one that its report's frames name"), "{}", losses(&report));
    assert_eq!(report.summary(), Some(&common::summary()), "the closing summary is right");
}
