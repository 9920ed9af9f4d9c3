use std::thread;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

#[test]
fn a_display_that_is_silent_is_given_up() {
    let taking = Taking::begin(Duration::from_millis(50), |_| {
        loop {
            thread::park();
        }
    });
    let taken = taking.finish();
    assert!(taken.screens.is_empty());
    assert_eq!(taken.soft_errors, [soft_note(SUBJECT, "the display did not answer in time")]);
    let time = taken.time.unwrap();
    assert!(time.took_nanos >= 50_000_000 && time.limit_nanos == 50_000_000, "{time:?}");
}

#[test]
fn what_fails_inside_is_told_apart_from_silence_and_costs_nothing_else() {
    let mut taking = Taking::begin(Duration::from_secs(30), |_| panic!("CANARY"));
    taking.grabbed();
    assert_eq!(taking.finish().soft_errors, [soft_note(SUBJECT, "failed inside")]);
}

#[test]
fn only_what_has_just_gone_wrong_has_an_image() {
    assert!(is_taken(ErrorKind::Crash) && !is_taken(ErrorKind::HandledError) && !is_taken(ErrorKind::Vanished));
}

const YELLOW: [u8; 3] = [255, 255, 0];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn a_thumbnail_is_no_larger_than_wanted_and_keeps_its_ratio(
        width in 1..80_u32, height in 1..80_u32, longest_side in 0..100_u32,
    ) {
        let png = Picture { width, height, rgb: YELLOW.repeat((width * height) as usize) }.to_png(usize::MAX).unwrap().unwrap();
        let small = Picture::from_png(&thumbnail(&png, longest_side).unwrap()).unwrap();
        let longest = small.width.max(small.height);
        prop_assert_eq!(longest, longest_side.clamp(1, width.max(height)));
        let ratio = u64::from(width) * u64::from(longest) / u64::from(width.max(height));
        prop_assert!(u64::from(small.width).abs_diff(ratio.max(1)) <= 1);
        prop_assert!(small.rgb.as_chunks::<3>().0.iter().all(|pixel| *pixel == YELLOW));
    }

    #[test]
    fn no_bytes_make_a_thumbnail_panic(bytes: Vec<u8>, longest_side: u32) {
        prop_assert!(thumbnail(&bytes, longest_side).is_err());
    }
}
