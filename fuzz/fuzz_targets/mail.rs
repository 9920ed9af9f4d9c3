#![no_main]

// reportdecode is a program, not a library: its parser of mails stands alone and is taken in as a file.
#[path = "../../decoder-cli/src/mail/mod.rs"]
#[allow(dead_code, reason = "the decoder's own module, of which this target uses some")]
mod mail;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let mail = mail::read(input, |bytes| bytes.starts_with(&report_format::MAGIC));
    for report in mail.reports {
        assert!(!report.readings.is_empty());
        // Nothing decodes to more than it was.
        assert!(report.readings.iter().all(|reading| reading.len() <= input.len()));
    }
});
