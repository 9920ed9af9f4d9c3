//! The spool on a real file system: who may see what, what a crash leaves, what happens when the disk is full.
#![cfg(feature = "handler")]

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use report_format::ReportId;
use report_format::schema::v1::{Category, Diagnostics, ErrorKind, Product, SectionKind};
use reporter_sdk::consent::{CategorySet, Draft, DraftSection, MemoryDraft, Remember, Remembered};
use reporter_sdk::encode::Encoded;
use reporter_sdk::spool::{Failure, GIVE_UP_AFTER, Outgoing, Spool, SpoolError, SpoolLimits};

/// Modes, links and file systems: the parts on Windows have tests beside them.
#[cfg(target_os = "linux")]
#[path = "spool/linux.rs"]
mod linux;

struct Place {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vendor/product/reports");
    Place { _directory: directory, path }
}

fn draft(number: u8) -> Draft {
    let product = Product { name: "Ledger".into(), ..Product::default() };
    let mut draft = Draft::new(ReportId([number; 16]), product, [2; 16], ErrorKind::Crash, 7);
    let payload = b"a secret that nobody has decided about".to_vec();
    draft.sections.push(DraftSection { kind: SectionKind::Attachment, category: Category::Attachments, payload });
    draft
}

fn encoded(bytes: &[u8]) -> Encoded {
    Encoded { sha256: [0; 32], bytes: bytes.len() as u64, categories: CategorySet::essential() }
}

fn enqueue<'s>(spool: &'s Spool, draft: &Draft, bytes: &[u8]) -> Result<Outgoing<'s>, SpoolError> {
    spool.enqueue(draft.id, &draft.product, |writer| {
        writer.write_all(bytes).map_err(reporter_sdk::encode::EncodeError::Io)?;
        Ok(encoded(bytes))
    })
}

/// Every file below `path`, by its path from there.
fn files(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

#[test]
fn a_draft_comes_back_as_it_was_and_declined_leaves_nothing() {
    let place = place();
    let spool = Spool::open(&place.path).unwrap();
    spool.put_draft(&draft(1)).unwrap();
    let spool = Spool::open(&place.path).unwrap();
    assert_eq!(spool.drafts().unwrap(), [ReportId([1; 16])]);
    let held = spool.take_draft(ReportId([1; 16])).unwrap().unwrap();
    assert_eq!(held.draft(), &draft(1));
    held.discard().unwrap();
    assert_eq!(files(&place.path), [] as [PathBuf; 0]);
}

const IMAGE: &[u8] = b"what was on the desktop, byte for byte";

/// With two images of the desktop.
fn draft_with_images(number: u8) -> Draft {
    let mut draft = draft(number);
    for end in [b"one", b"two"] {
        let payload = [IMAGE, end].concat();
        draft.sections.push(DraftSection { kind: SectionKind::Screen, category: Category::Screen, payload });
    }
    draft
}

fn shows_the_image(path: &Path) -> bool {
    files(path).iter().any(|file| fs::read(file).unwrap().windows(IMAGE.len()).any(|bytes| bytes == IMAGE))
}

#[test]
fn an_image_of_the_desktop_lies_sealed_and_comes_back_to_whoever_put_it_there() {
    let place = place();
    let spool = Spool::open(&place.path).unwrap();
    for put in 1..3 {
        // The second time in the place of the first.
        spool.put_draft(&draft_with_images(1)).unwrap();
        assert!(!shows_the_image(&place.path));
        for take in 1..3 {
            let held = spool.take_draft(ReportId([1; 16])).unwrap().unwrap();
            assert_eq!(held.draft(), &draft_with_images(1), "put {put}, taken {take}");
        }
    }
}

#[test]
fn an_image_of_the_desktop_is_gone_with_the_handler_that_took_it_and_the_draft_says_so() {
    let place = place();
    let spool = Spool::open(&place.path).unwrap();
    spool.put_draft(&draft_with_images(1)).unwrap();
    drop(spool);
    let next = Spool::open(&place.path).unwrap();
    for _ in 0..2 {
        let held = next.take_draft(ReportId([1; 16])).unwrap().unwrap();
        let sections = &held.draft().sections;
        assert!(sections.starts_with(&draft(1).sections), "the rest is there: {sections:?}");
        assert_eq!(sections.len(), draft(1).sections.len() + 1);
        let diagnostics: Diagnostics = held.draft().message(SectionKind::Diagnostics).unwrap();
        let [told] = &diagnostics.soft_errors[..] else { panic!("{diagnostics:?}") };
        assert_eq!(told.subject, "screen");
        assert_eq!(told.message, "the image of the desktop was destroyed with the handler that took it");
    }
}

#[test]
fn an_image_that_was_changed_on_the_disk_is_no_image() {
    let place = place();
    let spool = Spool::open(&place.path).unwrap();
    spool.put_draft(&draft_with_images(1)).unwrap();
    let [file] = &files(&place.path)[..] else { panic!("one draft") };
    let mut bytes = fs::read(file).unwrap();
    // Of the last section's seal.
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(file, bytes).unwrap();
    let held = spool.take_draft(ReportId([1; 16])).unwrap().unwrap();
    let images = held.draft().sections.iter().filter(|section| section.kind == SectionKind::Screen).count();
    assert_eq!(images, 1, "the other one is not touched");
}

fn numbers(ids: &[ReportId]) -> Vec<u8> {
    ids.iter().map(|id| id.0[0]).collect()
}

#[test]
fn what_nobody_takes_gives_way_to_new_reports_first_what_is_tried_no_more() {
    let place = place();
    let limits = SpoolLimits { drafts: 2, outgoing: 3, bytes: 0 };
    let spool = Spool::open(&place.path).unwrap().limited(limits);
    let add = |number: u8| drop(enqueue(&spool, &draft(number), b"report").unwrap());
    (1..=3).for_each(add);
    let given_up = spool.claim(ReportId([2; 16])).unwrap().unwrap();
    given_up.failed(&"no", Failure::Final, SystemTime::now()).unwrap();
    let being_sent = spool.claim(ReportId([1; 16])).unwrap().unwrap();
    add(4);
    assert_eq!(numbers(&spool.outgoing().unwrap()), [1, 3, 4]);
    add(5);
    assert_eq!(numbers(&spool.outgoing().unwrap()), [1, 4, 5], "what is being sent stays");
    drop(being_sent);
    // Undecided ones have a limit of their own.
    (6..=8).for_each(|number| spool.put_draft(&draft(number)).unwrap());
    assert_eq!((numbers(&spool.outgoing().unwrap()), numbers(&spool.drafts().unwrap())), (vec![1, 4, 5], vec![7, 8]));
    assert_eq!(files(&place.path).len(), 3 * 2 + 2, "no state without its report");
}

#[test]
fn bytes_are_limited_too_and_zero_is_no_limit() {
    let place = place();
    let spool = Spool::open(&place.path).unwrap().limited(SpoolLimits { drafts: 0, outgoing: 0, bytes: 250 });
    let add = |number, size| drop(enqueue(&spool, &draft(number), &vec![7; size]).unwrap());
    (1..=30).for_each(|number| add(number, 1));
    assert_eq!(spool.outgoing().unwrap().len(), 30);
    add(31, 240);
    assert_eq!(numbers(&spool.outgoing().unwrap()), (21..=31).collect::<Vec<_>>());
    add(32, 1000);
    assert_eq!(numbers(&spool.outgoing().unwrap()), [32], "a single one may be larger");
    (1..=40).for_each(|number| spool.put_draft(&draft(number)).unwrap());
    let left = spool.drafts().unwrap().len();
    assert!((1..=4).contains(&left), "{left} drafts of some 100 bytes each");
}

#[test]
fn a_draft_comes_back_with_what_is_known_of_its_memory_image() {
    let place = place();
    let spool = Spool::open(&place.path).unwrap();
    let memory = MemoryDraft { sha256: [9; 32], bytes: 1, covered: 2, stored: 3, unreadable: 0, erased: 5, regions: 6 };
    let draft = Draft { memory: Some(memory), ..draft(1) };
    spool.put_draft(&draft).unwrap();
    let held = spool.take_draft(draft.id).unwrap().unwrap();
    assert_eq!(held.draft(), &draft);
    assert_eq!(held.draft().digest(), draft.digest());
}

#[test]
fn a_draft_that_has_expired_is_destroyed_unasked() {
    let place = place();
    let spool = Spool::open(&place.path).unwrap();
    spool.put_draft_until(&draft(1), SystemTime::now() - Duration::from_secs(1)).unwrap();
    drop(Spool::open(&place.path).unwrap());
    assert_eq!(files(&place.path), [] as [PathBuf; 0]);
}

#[test]
fn a_crash_loop_leaves_the_last_twenty_drafts_and_those_of_other_kinds() {
    let place = place();
    let spool = Spool::open(&place.path).unwrap();
    let mut other = draft(1);
    other.kind = ErrorKind::HandledError;
    spool.put_draft(&other).unwrap();
    spool.put_draft(&draft(2)).unwrap();
    let asked_about = spool.take_draft(ReportId([2; 16])).unwrap().unwrap();
    (3..=40).for_each(|number| spool.put_draft(&draft(number)).unwrap());
    let last: Vec<_> = [1, 2].into_iter().chain(23..=40).map(|number| ReportId([number; 16])).collect();
    assert_eq!(spool.drafts().unwrap(), last);
    drop(asked_about);
    // Without one of its own kind the oldest gives way.
    other.id = ReportId([41; 16]);
    other.kind = ErrorKind::Vanished;
    spool.put_draft(&other).unwrap();
    assert_eq!(spool.drafts().unwrap().len(), 20);
    assert!(!spool.drafts().unwrap().contains(&ReportId([1; 16])));
}

#[test]
fn drafts_that_are_large_give_way_earlier() {
    let place = place();
    let spool = Spool::open(&place.path).unwrap();
    let large = |number: u8| {
        let mut draft = draft(number);
        draft.sections[0].payload = vec![number; 100 << 20];
        spool.put_draft(&draft).unwrap();
    };
    [1, 2, 3].into_iter().for_each(large);
    assert_eq!(spool.drafts().unwrap(), [ReportId([2; 16]), ReportId([3; 16])]);
}

#[test]
fn enqueueing_moves_a_draft_out_and_sending_removes_the_report() {
    let place = place();
    let spool = Spool::open(&place.path).unwrap();
    spool.put_draft(&draft(1)).unwrap();
    let mut outgoing = enqueue(&spool, &draft(1), b"the granted bytes").unwrap();
    assert_eq!(spool.drafts().unwrap(), []);
    let mut bytes = Vec::new();
    outgoing.open().unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"the granted bytes");
    assert_eq!(outgoing.product().name, "Ledger");
    outgoing.sent().unwrap();
    assert_eq!(files(&place.path), [] as [PathBuf; 0]);
}

#[test]
fn failures_are_remembered_over_restarts_and_given_up_in_the_end_but_kept() {
    let place = place();
    let id = ReportId([1; 16]);
    let spool = Spool::open(&place.path).unwrap();
    let outgoing = enqueue(&spool, &draft(1), b"report").unwrap();
    let start = SystemTime::now();
    assert!(outgoing.next_attempt().unwrap() <= start);
    let next = outgoing.failed(&"connection refused", Failure::Transient, start).unwrap().unwrap();
    assert_eq!(next.duration_since(start).unwrap().as_secs(), 5);
    let spool = Spool::open(&place.path).unwrap();
    let outgoing = spool.claim(id).unwrap().unwrap();
    assert_eq!((outgoing.attempts(), outgoing.last_error()), (1, "connection refused"));
    assert_eq!(outgoing.failed(&"still refused", Failure::Transient, start + GIVE_UP_AFTER).unwrap(), None);
    let mut outgoing = spool.claim(id).unwrap().unwrap();
    assert_eq!(outgoing.next_attempt(), None);
    outgoing.open().unwrap();
    outgoing.retry_now().unwrap();
    assert!(outgoing.next_attempt().unwrap() <= SystemTime::now());
    let next = outgoing.failed(&"wrong password", Failure::Permanent, start).unwrap().unwrap();
    assert_eq!(next.duration_since(start).unwrap(), Duration::from_mins(30), "no quick try helps");
    let outgoing = spool.claim(id).unwrap().unwrap();
    assert_eq!(outgoing.failed(&"the file was changed", Failure::Final, start).unwrap(), None);
    assert_eq!(spool.outgoing().unwrap(), [id]);
}

#[test]
fn what_a_crash_left_behind_is_swept() {
    let place = place();
    let spool = Spool::open(&place.path).unwrap();
    // Before the rename of a draft, of a report, of the choice; between state and report; between report and draft.
    let leftovers = ["new/.01.draft.tmp", "out/.02.report.tmp", ".choice.tmp"];
    leftovers.iter().for_each(|name| fs::write(place.path.join(name), b"half").unwrap());
    let id = ReportId([3; 16]);
    fs::write(place.path.join(format!("out/{id}.state")), b"a state whose report never came").unwrap();
    drop(enqueue(&spool, &draft(4), b"report").unwrap());
    spool.put_draft(&draft(4)).unwrap();
    let spool = Spool::open(&place.path).unwrap();
    assert_eq!(spool.drafts().unwrap(), [], "asked about once, not twice");
    assert_eq!(spool.outgoing().unwrap(), [ReportId([4; 16])]);
    assert_eq!(files(&place.path).len(), 2, "{:?}", files(&place.path));
}

#[test]
fn what_cannot_be_read_is_set_aside_once() {
    let place = place();
    let spool = Spool::open(&place.path).unwrap();
    let (broken, other, stateless) = (ReportId([1; 16]), ReportId([2; 16]), ReportId([3; 16]));
    fs::write(place.path.join(format!("new/{broken}.draft")), b"\xff\xff\xff").unwrap();
    spool.put_draft(&draft(9)).unwrap();
    fs::rename(
        place.path.join(format!("new/{}.draft", ReportId([9; 16]))),
        place.path.join(format!("new/{other}.draft")),
    )
    .unwrap();
    fs::write(place.path.join(format!("out/{stateless}.report")), b"from nowhere").unwrap();
    assert!(spool.take_draft(broken).unwrap().is_none());
    assert!(spool.take_draft(other).unwrap().is_none());
    assert!(spool.claim(stateless).unwrap().is_none());
    assert_eq!((spool.drafts().unwrap(), spool.outgoing().unwrap()), (vec![], vec![]));
    assert_eq!(files(&place.path.join("bad")).len(), 3);
}

#[test]
fn a_report_that_was_changed_after_the_grant_is_not_sent() {
    let place = place();
    let spool = Spool::open(&place.path).unwrap();
    drop(enqueue(&spool, &draft(1), b"granted").unwrap());
    let id = ReportId([1; 16]);
    fs::write(place.path.join(format!("out/{id}.report")), b"another").unwrap();
    let mut outgoing = spool.claim(id).unwrap().unwrap();
    assert!(matches!(outgoing.open(), Err(SpoolError::Changed { .. })));
    assert_eq!(spool.outgoing().unwrap(), []);
}

#[test]
fn a_failed_encoding_leaves_the_draft_and_nothing_else() {
    let place = place();
    let spool = Spool::open(&place.path).unwrap();
    spool.put_draft(&draft(1)).unwrap();
    let failed = spool.enqueue(ReportId([1; 16]), &Product::default(), |writer| {
        writer.write_all(b"half a rep").map_err(reporter_sdk::encode::EncodeError::Io)?;
        Err(reporter_sdk::encode::EncodeError::Io(io::Error::other("the encoder broke")))
    });
    assert!(matches!(failed, Err(SpoolError::Encode { .. })));
    assert_eq!(files(&place.path).len(), 1);
    assert_eq!(spool.drafts().unwrap().len(), 1);
}

/// The other process of the next test: holds an item until its standard input ends.
#[test]
fn other_process() {
    let Some(path) = std::env::var_os("SPOOL_OF_THE_OTHER_PROCESS") else { return };
    let spool = Spool::open(Path::new(&path)).unwrap();
    let outgoing = spool.claim(ReportId([1; 16])).unwrap();
    let draft = spool.take_draft(ReportId([2; 16])).unwrap();
    // Renamed into place: whoever sees it sees all of it.
    let told = Path::new(&path).join("../taken");
    fs::write(told.with_extension("tmp"), format!("{} {}", outgoing.is_some(), draft.is_some())).unwrap();
    fs::rename(told.with_extension("tmp"), told).unwrap();
    let _ = io::stdin().read(&mut [0]);
}

#[test]
fn two_processes_never_work_on_the_same_item() {
    let place = place();
    let spool = Spool::open(&place.path).unwrap();
    drop(enqueue(&spool, &draft(1), b"report").unwrap());
    spool.put_draft(&draft(2)).unwrap();
    let other = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "other_process"]).env("SPOOL_OF_THE_OTHER_PROCESS", &place.path);
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).spawn().unwrap()
    };
    let taken = place.path.join("../taken");
    let mut child = other();
    let start = SystemTime::now();
    while !taken.exists() {
        assert!(start.elapsed().unwrap() < Duration::from_secs(20), "the other process does not come");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(spool.claim(ReportId([1; 16])).unwrap().is_none());
    assert!(spool.take_draft(ReportId([2; 16])).unwrap().is_none());
    // Opening sweeps; it must not sweep what someone holds.
    assert_eq!(Spool::open(&place.path).unwrap().drafts().unwrap().len(), 1);
    // Killed: the kernel lets go of its locks, nothing is stuck.
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(fs::read_to_string(&taken).unwrap(), "true true");
    assert!(spool.claim(ReportId([1; 16])).unwrap().is_some());
    let held = spool.take_draft(ReportId([2; 16])).unwrap();
    assert!(held.is_some() && spool.take_draft(ReportId([2; 16])).unwrap().is_none(), "not even twice in one process");
}

#[test]
fn a_choice_is_remembered_until_it_is_forgotten() {
    let place = place();
    let spool = Spool::open(&place.path).unwrap();
    assert_eq!(spool.remembered().unwrap(), None);
    for remember in [Remember::Always, Remember::Never, Remember::NeverForVersion] {
        let categories = CategorySet::essential().with(Category::Actions);
        let choice = Remembered { remember, product_version: "3.1".into(), categories, time: 9 };
        spool.remember(&choice).unwrap();
        assert_eq!(Spool::open(&place.path).unwrap().remembered().unwrap(), Some(choice));
    }
    spool.forget().unwrap();
    assert_eq!(spool.remembered().unwrap(), None);
    fs::write(place.path.join("choice"), b"\xff\xff").unwrap();
    assert_eq!(spool.remembered().unwrap(), None, "who cannot be understood is asked again");
    assert!(place.path.join("bad/choice").exists());
}

#[test]
fn an_early_draft_gives_way_to_the_whole_one_and_stays_where_its_process_ends_before() {
    let place = place();
    let spool = Spool::open(&place.path).unwrap();
    let early = draft(1);
    let mut whole = draft(1);
    let payload = b"and its frames".to_vec();
    whole.sections.push(DraftSection { kind: SectionKind::Stacks, category: Category::Memory, payload });

    let held = spool.put_early_draft(&early).unwrap();
    assert_eq!(spool.drafts().unwrap(), [early.id]);
    assert!(Spool::open(&place.path).unwrap().take_draft(early.id).unwrap().is_none(), "nobody asks about it yet");
    spool.put_draft(&whole).unwrap();
    drop(held);
    assert_eq!(spool.take_draft(whole.id).unwrap().unwrap().draft(), &whole);
    spool.discard(whole.id).unwrap();

    drop(spool.put_early_draft(&early).unwrap());
    assert_eq!(spool.drafts().unwrap(), [], "given up");
    spool.put_early_draft(&early).unwrap().keep();
    assert_eq!(spool.take_draft(early.id).unwrap().unwrap().draft(), &early);
}
