//! All of a product's memory: read only where it is wanted and somebody can say yes, kept so that nobody else can read it, and sent only if it was ticked.
// Not on Windows: the person sits at a Unix terminal. All memory of a product there: windows_products.rs.
#![cfg(target_os = "linux")]

#[path = "support/end_to_end/mod.rs"]
mod end_to_end;

use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use end_to_end::disk::Disk;
use end_to_end::product::{Product, Visit, files, notes, say_always, status_kib};
use end_to_end::report::{Received, contains};
use report_format::schema::v1::{self, Category, SectionKind};
use reporter_sdk::consent::CategorySet;
use reporter_sdk::spool::Spool;
use rustix::process::{Pid, Signal, kill_process};

const PROMPTS: &[&str] = &["notes> "];
/// In parts, so that these tests' own lines are not found in the place of the note.
const CANARY: [&str; 2] = ["canary-of-a-note-", "in-the-heap"];
const SWITCH: &str = "ALL of the program's memory";
const PATIENCE: Duration = Duration::from_secs(30);
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

fn canary() -> String {
    CANARY.concat()
}

fn product() -> Product {
    let mut product = Product::new(notes());
    product.set("full-memory", "yes");
    product
}

/// Fills the product's heap with so many MiB of text, its last line with the canary, and crashes it.
fn fills_and_crashes(visit: &mut Visit<'_>, product: &Product, mib: usize, random: bool) {
    let path = product.path("notes.txt");
    let mut text = Vec::with_capacity((mib << 20) + 100);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    while text.len() < mib << 20 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // Half of the bytes all the same: as compressible as what programs have.
        let word = if random { state } else { state & 0xffff_ffff };
        text.extend((0..16).map(|nibble| b'a' + (word >> (4 * nibble) & 15) as u8));
    }
    fs::write(&path, text).unwrap();
    let canary = format!("new {}", canary());
    visit.types(&[&format!("open {}", path.display()), &canary, "show 99"]);
}

/// Answers the question, which is on the screen, with a letter, with all of the memory ticked.
fn ticks_and_answers(visit: &mut Visit<'_>, letter: &str) {
    visit.ticks(SWITCH);
    visit.answers(letter);
}

/// The files without a name in the spool that this product's handlers have open.
fn nameless(product: &Product) -> Vec<PathBuf> {
    let new = product.spool().join("new");
    let descriptors = |pid: u32| fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().filter_map(Result::ok);
    let is_ours = |path: &PathBuf| {
        let Ok(to) = fs::read_link(path) else { return false };
        let name = to.to_string_lossy();
        // A draft that a later one has replaced loses its name as well.
        to.starts_with(&new) && name.ends_with(" (deleted)") && !name.contains(".draft")
    };
    product.handlers().into_iter().flat_map(descriptors).map(|entry| entry.path()).filter(is_ours).collect()
}

fn has_image(received: &Received) -> bool {
    let full = |section: &report_format::Section| section.header.category == Category::FullMemory as u16;
    received.report.sections().iter().any(full)
}

#[test]
fn memory_that_was_ticked_is_sent_and_until_then_lies_encrypted() {
    let product = product();
    let mut command = product.command();
    command.env("CANARY_VARIABLE", "canary-in-the-environment");
    let mut visit = product.in_terminal_as(&mut command, PROMPTS);
    fills_and_crashes(&mut visit, &product, 16, false);
    visit.terminal.sees("Your choice");
    let [kept] = &nameless(&product)[..] else { panic!("one image: {:?}", nameless(&product)) };
    let mut sealed = Vec::new();
    File::open(kept).unwrap().read_to_end(&mut sealed).unwrap();
    assert!(sealed.len() > 1 << 20, "{} bytes", sealed.len());
    assert!(!contains(&sealed, canary().as_bytes()));
    // Random bytes have it now and then; frames have it in each.
    assert!(sealed.windows(4).filter(|window| *window == ZSTD).count() < 3, "nothing of it is in clear");
    for file in files(&product.spool()) {
        assert!(!contains(&fs::read(&file).unwrap(), &sealed[..64]), "{} has it", file.display());
    }
    ticks_and_answers(&mut visit, "s");
    visit.ends();
    let received = product.only_report();
    let image = received.memory();
    assert!(image.len() > 16 << 20);
    assert!(contains(&image, canary().as_bytes()), "the note is in the heap");
    for secret in ["CANARY_VARIABLE", "canary-in-the-environment"] {
        assert!(!contains(&image, secret.as_bytes()), "{secret}");
        assert_eq!(received.places_of(secret), [] as [String; 0]);
    }
    let summary = received.report.summary().unwrap();
    assert!(CategorySet::from_bits(summary.categories).contains(Category::FullMemory));
    let diagnostics: v1::Diagnostics = received.message(SectionKind::Diagnostics);
    assert!(diagnostics.stopped_nanos > diagnostics.dump_nanos, "{diagnostics:?}");
}

#[test]
fn memory_that_was_not_ticked_is_not_sent_and_is_gone() {
    let product = product();
    let mut visit = product.in_terminal(PROMPTS);
    fills_and_crashes(&mut visit, &product, 2, false);
    visit.terminal.sees("Your choice");
    assert_eq!(nameless(&product).len(), 1);
    visit.terminal.types("s\r");
    visit.ends();
    let received = product.only_report();
    assert!(!has_image(&received));
    let consent: v1::ConsentRecord = received.message(SectionKind::Consent);
    assert!(consent.declined.contains(&(Category::FullMemory as i32)), "{consent:?}");
}

#[test]
fn a_report_that_was_declined_leaves_no_memory_behind() {
    let product = product();
    let mut visit = product.in_terminal(PROMPTS);
    fills_and_crashes(&mut visit, &product, 2, false);
    visit.answers("d").terminal.sees("destroyed");
    let started = Instant::now();
    while !nameless(&product).is_empty() {
        assert!(started.elapsed() < PATIENCE, "it is gone with the answer, or with the handler");
    }
    visit.ends();
    assert_eq!(files(&product.spool()), [product.spool().join("counts")]);
}

#[test]
fn who_said_always_with_all_of_the_memory_sends_it_unasked() {
    let product = product();
    let mut visit = product.in_terminal(PROMPTS);
    fills_and_crashes(&mut visit, &product, 2, false);
    visit.terminal.sees("Your choice");
    ticks_and_answers(&mut visit, "a");
    visit.ends();
    fs::remove_file(product.mail()).unwrap();
    product.without_terminal(&[&format!("new {}", canary()), "show 99"]);
    let received = product.only_report();
    assert!(contains(&received.memory(), canary().as_bytes()));
}

#[test]
fn memory_that_nobody_can_grant_is_not_read() {
    let product = product();
    product.without_terminal(&["show 99"]);
    assert_eq!(product.spooled("new").len(), 1);
    let mut visit = product.in_terminal(PROMPTS);
    visit.types(&["quit"]).answers("s");
    visit.ends();
    let received = product.only_report();
    assert!(!has_image(&received));
    let told = received.soft_errors();
    assert!(told.iter().any(|error| error.contains("full memory: not read: nobody can be asked now")), "{told:?}");
}

#[test]
fn a_product_that_is_killed_while_its_memory_is_read_leaves_a_report_that_says_so() {
    let product = product();
    let mut visit = product.in_terminal(PROMPTS);
    fills_and_crashes(&mut visit, &product, 192, true);
    let started = Instant::now();
    let is_read = || nameless(&product).iter().any(|file| fs::metadata(file).is_ok_and(|file| file.len() > 0));
    while !is_read() {
        assert!(started.elapsed() < PATIENCE, "no image is begun");
    }
    kill_process(Pid::from_raw(visit.terminal.pid() as i32).unwrap(), Signal::KILL).unwrap();
    visit.ends();
    let kept = product.spooled("new").len();
    let mut visit = product.in_terminal(PROMPTS);
    visit.types(&["quit"]);
    for _ in 0..kept {
        visit.answers("s");
    }
    visit.ends();
    // That it was killed is an error of its own.
    let reports = product.mails().into_iter().map(|mail| Received::from_mail(&mail));
    let received =
        reports.into_iter().find(|report| report.error().kind() == v1::ErrorKind::Panic).expect("the panic's");
    assert!(!has_image(&received));
    let told = received.soft_errors();
    let says = |words: &str| assert!(told.iter().any(|error| error.contains(words)), "{words:?} in {told:?}");
    says("the program has ended meanwhile");
    says("destroyed with the handler that held its key");
}

#[test]
fn memory_that_was_ticked_and_finds_no_room_gives_way_and_the_person_is_asked_about_the_rest() {
    let product = product();
    drop(Spool::open(&product.spool()).unwrap());
    let Some(disk) = Disk::mount(&product.spool().join("out")) else { return };
    disk.leave(0);
    let mut visit = product.in_terminal(PROMPTS);
    fills_and_crashes(&mut visit, &product, 2, false);
    visit.terminal.sees("Your choice");
    ticks_and_answers(&mut visit, "s");
    // What was granted is not what there is now.
    visit.terminal.sees("Sorry");
    assert_eq!((product.spooled("new").len(), product.spooled("out").len()), (1, 0));
    disk.make_room();
    visit.answers("s");
    visit.ends();
    let received = product.only_report();
    assert!(!has_image(&received));
    let told = received.soft_errors();
    let says = |error: &String| error.contains("the memory image was destroyed") && error.contains("No space left");
    assert!(told.iter().any(says), "{told:?}");
}

#[test]
fn the_handler_needs_little_memory_for_a_large_image() {
    let product = product();
    let mut visit = product.in_terminal(PROMPTS);
    fills_and_crashes(&mut visit, &product, 256, false);
    visit.terminal.sees("Your choice");
    let [handler] = product.handlers()[..] else { panic!("one handler") };
    let peak = status_kib(handler, "VmHWM:");
    println!("peak memory of the handler: {peak} KiB");
    visit.terminal.types("d\r");
    visit.ends();
    assert!(peak < 32 << 10, "{peak} KiB for a heap of 256 MiB");
}

/// The product's command, with something to happen each time 64 KiB of its image are written.
fn when_written(product: &Product, what: &str) -> std::process::Command {
    let mut command = product.command();
    command.env("FAILPOINTS", format!("image-write={what}"));
    command
}

/// Crashes the product where the disk is slow.
fn crashes_slowly(product: &Product) -> Visit<'_> {
    let mut visit = product.in_terminal_as(&mut when_written(product, "sleep(40)"), PROMPTS);
    fills_and_crashes(&mut visit, product, 16, true);
    visit
}

const READING: &str = "Reading the program's memory: ";

#[test]
fn who_does_not_want_to_wait_for_the_memory_leaves_it_out_by_enter() {
    let product = product();
    let mut visit = crashes_slowly(&product);
    visit.terminal.sees(READING).sees("Press Enter to leave it out.");
    assert_eq!(nameless(&product).len(), 1);
    // No other key does.
    visit.terminal.types("x \u{1b}[A").sees(READING).sees(READING);
    visit.terminal.types("\r").sees("The program's memory is left out.").sees("Your choice");
    assert_eq!(nameless(&product), [] as [PathBuf; 0], "what was read is destroyed");
    visit.terminal.types("s\r");
    visit.ends();
    let received = product.only_report();
    assert!(!has_image(&received));
    let told = received.soft_errors();
    assert!(told.iter().any(|error| error == "full memory: left out by the person"), "{told:?}");
}

#[test]
fn a_slow_reading_is_shown_as_it_gets_on_and_then_erased() {
    let product = product();
    let crashes = Instant::now();
    let mut visit = crashes_slowly(&product);
    visit.terminal.sees(READING);
    assert!(crashes.elapsed() >= Duration::from_secs(1), "{:?}", crashes.elapsed());
    visit.terminal.sees("Sorry:").sees("Your choice");
    let took = crashes.elapsed();
    let screen = String::from_utf8_lossy(&visit.terminal.screen()).into_owned();
    let (shown, question) = screen.split_once("Sorry:").unwrap();
    let percents: Vec<u32> =
        shown.split(READING).skip(1).map(|rest| rest.split_once(" %").unwrap().0.parse().unwrap()).collect();
    assert!(percents.len() >= 2 && percents.is_sorted(), "{percents:?}");
    assert!(percents.len() as u128 <= took.as_millis() / 500, "{percents:?} in {took:?}");
    let last = shown.rsplit(READING).next().unwrap();
    let longest = format!("{READING}100 %. Press Enter to leave it out.");
    let erased = format!("\r{}\r", " ".repeat(longest.len()));
    assert!(last.contains(&erased) && !question.contains(READING), "{last:?}");
    ticks_and_answers(&mut visit, "s");
    visit.ends();
    assert!(has_image(&product.only_report()));
}

#[test]
fn nobody_waits_for_the_memory_of_an_error_that_is_not_reported() {
    let product = product();
    say_always(&product.spool());
    let crash = |what: &str| {
        let mut visit = product.in_terminal_as(&mut when_written(&product, what), PROMPTS);
        visit.types(&["show 99"]);
        visit.ends();
    };
    // As many as are reported of one signature.
    for _ in 0..5 {
        crash("return(ENOSPC)");
    }
    let mails = product.mails();
    assert_eq!(mails.len(), 5);
    for mail in &mails {
        // A full disk costs the image, and not the report.
        let received = Received::from_mail(mail);
        assert!(!has_image(&received));
        let told = received.soft_errors();
        let full = |error: &String| error.contains("full memory: there is no image") && error.contains("No space left");
        assert!(told.iter().any(full), "{told:?}");
    }
    // A handler that came to write an image would end there, and the next start would find what it left.
    crash("return(abort)");
    let mut visit = product.in_terminal(PROMPTS);
    visit.types(&["quit"]);
    visit.ends();
    assert_eq!(product.mails().len(), 5);
    assert_eq!(product.spooled("new"), [] as [PathBuf; 0]);
}
