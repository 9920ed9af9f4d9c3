#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| reporter_sdk::fuzzing::packages(input));
