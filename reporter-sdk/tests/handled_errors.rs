//! Errors that the example product handles: it goes on, and when it ends the person is asked.
// Not on Windows: the person sits at a Unix terminal. Handled errors there: windows_products.rs.
#![cfg(target_os = "linux")]

#[path = "support/end_to_end/mod.rs"]
mod end_to_end;

use end_to_end::product::{Product, notes};
use end_to_end::report::Received;
use report_format::schema::v1::{self, ErrorKind, FrameTrust, SectionKind};
use report_format::{Limits, Report, Status};

const PROMPTS: &[&str] = &["notes> "];

/// The product fails to open a file, works on, and ends; then the person sends the report.
fn sent(product: &Product, without: &[&str]) -> Received {
    let mut visit = product.in_terminal(PROMPTS);
    visit.types(&["open /no/such/file"]).terminal.sees("cannot open /no/such/file");
    visit.types(&["new after it", "list"]).terminal.sees("1 after it");
    visit.types(&["quit"]).terminal.sees("met an error and goes on");
    visit.sends_without(without);
    assert_eq!(visit.ends().code(), Some(0));
    product.only_report()
}

fn assert_tells_the_error(received: &Received) {
    let error = received.error();
    assert_eq!((error.kind(), &*error.thread_name, &error.fault), (ErrorKind::HandledError, "main", &None));
    let [outer, inner] = &error.chain[..] else { panic!("{:?}", error.chain) };
    assert!(outer.type_name.ends_with("notes::OpenError"), "{outer:?}");
    assert_eq!(outer.message, "the notes cannot be read");
    assert_eq!((&*inner.type_name, inner.code), ("std::io::error::Error", Some(libc::ENOENT.into())));
    assert!(inner.message.contains("No such file"), "{inner:?}");
}

#[test]
fn a_handled_error_is_reported_with_its_causes_and_frames_and_without_memory() {
    let product = Product::new(notes());
    let received = sent(&product, &[]);
    assert_tells_the_error(&received);
    assert!(!received.kinds().contains(&SectionKind::Minidump));
    let frames = received.thread().frames;
    assert!(frames.len() >= 4 && frames.iter().all(|frame| frame.trust() == FrameTrust::Recorded), "{frames:?}");
    // Without the module an address is worth nothing: programs are loaded at another place each time.
    let modules: v1::Modules = received.message(SectionKind::Modules);
    let first = &modules.modules[frames[0].module.expect("the frame's module") as usize];
    assert!(first.path.ends_with("/notes") && !first.build_id.is_empty(), "{first:?}");
    assert!(frames[0].module_offset > 0 && frames[0].module_offset < first.size);
    let actions: v1::Actions = received.message(SectionKind::Actions);
    assert!(actions.actions.len() >= 2, "{actions:?}");
}

#[test]
fn a_handled_error_has_a_minidump_of_the_living_product_where_it_chose_so() {
    let mut product = Product::new(notes());
    product.set("dump-handled", "yes");
    let received = sent(&product, &[]);
    assert_tells_the_error(&received);
    received.check_minidump();
    let functions = received.functions();
    let own: Vec<_> = functions.iter().filter(|name| name.contains("5notes")).collect();
    assert!(own[0].contains("4open") && own[1].contains("3run"), "{functions:#?}");
}

#[test]
fn no_flipped_bit_and_no_cut_of_a_report_is_taken_for_a_complete_one() {
    let product = Product::new(notes());
    // Small, so that every bit has its turn.
    let received = sent(&product, &["Running applications", "Operating system", "Parts of the program's memory"]);
    let mut bytes = received.bytes;
    let read = |bytes: &[u8]| Report::read(bytes, &Limits::default());
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(report) = read(&bytes) {
            assert_ne!(report.status(), Status::Complete, "bit {bit} of {}", bytes.len() * 8);
        }
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    for length in 0..bytes.len() {
        match read(&bytes[..length]) {
            Ok(report) => {
                assert_eq!(
                    report.status(),
                    Status::Partial,
                    "cut at {length} of {}: {:?}",
                    bytes.len(),
                    report.losses()
                );
            }
            // Of so few bytes nobody can tell that they were a report.
            Err(error) => assert!(length < 64, "cut at {length} of {}: {error}", bytes.len()),
        }
    }
    assert_eq!(read(&bytes).unwrap().status(), Status::Complete);
}
