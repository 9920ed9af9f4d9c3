#![no_main]

#[path = "../src/targets.rs"]
#[allow(dead_code, reason = "a module of several targets, each of which uses some of it")]
mod targets;

libfuzzer_sys::fuzz_target!(|input: &[u8]| targets::memory_source(input));
