//! The disk of the spool is full for real, with so many bytes left: the product ends in time and as it would without us, what was kept before stays whole, and the
//! report is kept at home or elsewhere, or the log says why not. Once there is room, it is there once.
// Not on Windows: the full disk is a small file system that is mounted for it. What Windows says of a full disk is told apart in a unit test of the spool.
#![cfg(target_os = "linux")]

#[path = "support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/failing.rs"]
mod failing;

use std::fmt::Debug;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use end_to_end::disk::Disk;
use end_to_end::product::files;
use failing::{Class, Kept, Place, State};
use report_format::ReportId;
use reporter_sdk::spool::Spool;

/// The product's longest wait for the handler, in these tests.
const LONGEST: Duration = Duration::from_secs(20);
/// Of its end beyond that, on a busy machine.
const GRACE: Duration = Duration::from_secs(10);
/// As many products at once.
const AT_ONCE: usize = 3;
/// What a disk in memory is given out by.
const PAGE: u64 = 4096;

const FULL: &str = "No space left on device";
const CRASH: &str = "SIGSEGV: address not mapped";

/// What earlier runs have left: a draft, and a report that waits for delivery. Both whole.
#[derive(Clone)]
struct Earlier {
    draft: ReportId,
    report: ReportId,
    /// By their paths in the spool.
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Earlier {
    fn new() -> Self {
        let asking = Place::asking();
        asking.run(&mut asking.failing("abort"));
        let sending = Place::new();
        sending.run(sending.failing("panic").env("FAILPOINTS", "deliver=return(abort)"));
        let opened = [&asking, &sending].map(|place| Spool::open(&place.path("spool")).unwrap());
        let files =
            [(&asking, "new"), (&sending, "out")].map(|(place, folder)| in_folder(&place.path("spool"), folder));
        let files = files.concat();
        assert_eq!(files.len(), 3, "a draft, a report and its state");
        Self { draft: opened[0].drafts().unwrap()[0], report: opened[1].outgoing().unwrap()[0], files }
    }

    /// Of the draft, and of the report.
    fn pages(&self) -> [u64; 2] {
        let largest = |folder: &str| {
            let files = self.files.iter().filter(|(name, _)| name.starts_with(folder));
            files.map(|(_, bytes)| bytes.len() as u64).max().unwrap().div_ceil(PAGE)
        };
        [largest("new"), largest("out")]
    }
}

/// The files in a folder of a spool.
fn in_folder(spool: &Path, folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let files = files(&spool.join(folder)).into_iter();
    files.map(|file| (file.strip_prefix(spool).unwrap().into(), fs::read(&file).unwrap())).collect()
}

/// A product with earlier items in its spool, which is a disk of its own, or has one in it.
struct Scene {
    // Dropped in this order: a folder on which a disk is mounted cannot be removed.
    disk: Disk,
    place: Place,
    earlier: Earlier,
}

impl Scene {
    /// With the disk at this path in the product's folder. `None`, loudly, where no disk can be mounted.
    fn new(at: &str, earlier: &Earlier) -> Option<Self> {
        let place = Place::asking().with_log();
        let disk = Disk::mount(&place.path(at))?;
        Spool::open(&place.path("spool")).unwrap();
        for (name, bytes) in &earlier.files {
            fs::write(place.path("spool").join(name), bytes).unwrap();
        }
        Some(Self { disk, place, earlier: earlier.clone() })
    }

    /// Crashes the product while others hold the earlier items, so that nothing but the new one is decided or sent. Returns the handler's log.
    fn crashes(&self, way: &str, points: &str) -> String {
        let Self { place, earlier, .. } = self;
        let spool = Spool::open(&place.path("spool")).unwrap();
        let held = (spool.take_draft(earlier.draft).unwrap(), spool.claim(earlier.report).unwrap());
        assert!(held.0.is_some() && held.1.is_some(), "the earlier items can be read");
        let started = Instant::now();
        let mut command = place.failing(way);
        command.arg(LONGEST.as_millis().to_string()).env("FAILPOINTS", points);
        let status = command.spawn().unwrap().wait().unwrap();
        let took = started.elapsed();
        place.handlers_end();
        let log = place.log();
        fs::remove_file(place.path("log")).unwrap();
        assert_eq!(status.signal(), Some(libc::SIGSEGV), "{status}: {log}");
        assert!(took < LONGEST + GRACE, "the product ended after {took:?}: {log}");
        for (name, bytes) in &earlier.files {
            let now = fs::read(place.path("spool").join(name)).unwrap_or_default();
            assert!(now == *bytes, "{} is not as it was: {log}", name.display());
        }
        let left: u64 = files(&self.disk.0).iter().map(|file| pages(file.metadata().unwrap().len())).sum();
        assert_eq!(self.disk.used(), left, "nothing is on the disk but files with a name");
        log
    }

    /// Everything that there is of the new error. What there was before must be there once as well.
    fn new_ones(&self) -> Vec<Kept> {
        let (earlier, new): (Vec<_>, Vec<_>) = self.place.kept().into_iter().partition(|kept| kept.title != CRASH);
        let mut ids: Vec<_> = earlier.iter().map(|kept| kept.id.clone()).collect();
        ids.sort();
        let mut expected = [self.earlier.draft, self.earlier.report].map(|id| id.0.to_vec());
        expected.sort();
        assert_eq!(ids, expected, "what was kept before: {earlier:#?}");
        assert!(earlier.iter().all(|kept| kept.class == Class::Whole), "{earlier:#?}");
        new
    }

    /// The one report of the new error.
    fn new_one(&self, log: &str) -> Kept {
        let new = self.new_ones();
        let [new] = &new[..] else { panic!("one report, not {}: {new:#?}\n{log}", new.len()) };
        new.clone()
    }

    /// Starts the product again without a crash: first as it is, then with room. Returns what there is of the new error in the end.
    fn starts_again(&self) -> Vec<Kept> {
        self.place.starts_again();
        let still_full = self.new_ones();
        self.disk.make_room();
        self.place.starts_again();
        let after = self.new_ones();
        assert!(still_full.len() <= after.len(), "{still_full:#?}");
        assert_eq!(files(&self.place.path("tmp")), [] as [PathBuf; 0]);
        after
    }

    fn elsewhere(&self) -> PathBuf {
        Spool::fallback_directory(&self.place.path("spool")).unwrap()
    }

    /// The folder in which the new draft lies, or the place where its report went.
    fn whereabouts(&self, new: &Kept) -> &'static str {
        let draft = format!("{}.draft", ReportId(new.id.clone().try_into().unwrap()));
        match new.state {
            State::Sent => "sent",
            State::Granted => "out/",
            State::Undecided if self.place.path("spool/new").join(&draft).exists() => "new/",
            State::Undecided if self.elsewhere().join("new").join(&draft).exists() => "elsewhere",
            State::Undecided => panic!("{draft} is nowhere"),
        }
    }
}

fn pages(bytes: u64) -> u64 {
    bytes.next_multiple_of(PAGE)
}

/// Does this for each of some cases, a few at once. The results are in the order of the cases.
fn each<C: Copy + Send + Sync, T: Send + Debug>(cases: &[C], check: impl Fn(C) -> T + Sync) -> Vec<T> {
    let (next, results) = (Mutex::new(cases.iter().copied().enumerate()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((at, case)) = { next.lock().unwrap().next() } {
                    let result = check(case);
                    results.lock().unwrap().push((at, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap();
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

/// What came of a crash with so many bytes free.
#[derive(Debug)]
struct Outcome {
    free: u64,
    /// Before the next start.
    class: Class,
    whereabouts: &'static str,
    /// The handler's log says that the disk is full.
    told: bool,
}

/// Crashes products with each number of free pages up to this one.
fn sweep(earlier: &Earlier, at: &str, always: bool, pages: u64) -> Vec<Outcome> {
    let free: Vec<u64> = (0..=pages).map(|page| page * PAGE).collect();
    let outcomes = each(&free, |free| {
        let scene = Scene::new(at, earlier)?;
        if always {
            scene.place.sends_always();
        }
        scene.disk.leave(free);
        let log = scene.crashes("fault", "");
        let new = scene.new_one(&log);
        let outcome =
            Outcome { free, class: new.class, whereabouts: scene.whereabouts(&new), told: log.contains(FULL) };
        let undisturbed = if always { "sent" } else { "new/" };
        assert!(outcome.told || (new.class, outcome.whereabouts) == (Class::Whole, undisturbed), "{outcome:?}: {log}");

        let after = scene.starts_again();
        let state = if always { State::Sent } else { State::Undecided };
        let [last] = &after[..] else { panic!("{outcome:?}: one report: {after:#?}\n{log}") };
        assert_eq!((&last.id, last.class, last.state), (&new.id, Class::Whole, state), "{outcome:?}: {log}");
        assert!(!scene.elsewhere().exists(), "{outcome:?}: what waited elsewhere has come home");
        Some(outcome)
    });
    let outcomes: Vec<_> = outcomes.into_iter().flatten().collect();
    for Outcome { free, class, whereabouts, told } in &outcomes {
        println!("{free:>7} bytes free: {class:?}, {whereabouts}{}", if *told { ", told" } else { "" });
    }
    outcomes
}

/// For what is small: counts, a state; and no two dumps are of one size.
const MORE: u64 = 6;

/// That the sweep came from a disk that is full to one that has room for everything.
fn spans(outcomes: &[Outcome], first: &str, last: &str) {
    let (Some(begin), Some(end)) = (outcomes.first(), outcomes.last()) else { return };
    assert_eq!((begin.whereabouts, begin.told), (first, true), "without room");
    assert_eq!((end.whereabouts, end.told), (last, false), "with room");
}

#[test]
fn an_undecided_report_is_kept_whatever_room_the_disk_has() {
    let earlier = Earlier::new();
    // The early draft and the whole one are there at once.
    let [draft, _] = earlier.pages();
    spans(&sweep(&earlier, "spool", false, 2 * draft + MORE), "elsewhere", "new/");
}

#[test]
fn a_report_that_is_to_be_sent_is_kept_or_sent_whatever_room_the_disk_has() {
    let earlier = Earlier::new();
    // Once the report is written the early draft is gone.
    let [draft, report] = earlier.pages();
    assert!(report < draft, "{report} pages of {draft}");
    spans(&sweep(&earlier, "spool", true, 2 * draft + MORE), "elsewhere", "sent");
}

#[test]
fn a_draft_stays_where_it_is_while_its_granted_report_finds_no_room() {
    let earlier = Earlier::new();
    let [_, report] = earlier.pages();
    spans(&sweep(&earlier, "spool/out", true, report + MORE), "new/", "sent");
}

#[test]
fn where_no_disk_has_room_the_log_says_what_is_lost_and_what_was_kept_before_stays() {
    let earlier = Earlier::new();
    let [draft, _] = earlier.pages();
    // Nothing; and the early draft without the whole one beside it, which alone would just fit.
    let kept = each(&[0, draft], |pages| {
        let scene = Scene::new("spool", &earlier)?;
        let elsewhere = Disk::mount(&scene.elsewhere())?;
        scene.disk.leave(pages * PAGE);
        elsewhere.leave(0);
        let log = scene.crashes("fault", "");
        let word = if pages == 0 { "the report is lost" } else { "the report is kept in part" };
        for word in [word, FULL, "make room on its disk", "nor can it be kept elsewhere"] {
            assert!(log.contains(word), "{word:?} is not in {log}");
        }
        let after = scene.starts_again();
        Some(after.into_iter().map(|kept| (kept.class, kept.state)).collect::<Vec<_>>())
    });
    let expected = [vec![], vec![(Class::Partial, State::Undecided)]];
    for (kept, expected) in kept.into_iter().zip(expected) {
        assert_eq!(kept.unwrap_or_else(|| expected.clone()), expected);
    }
}

/// The bytes of what a product leaves itself, whose handler ends while it dumps.
fn left_bytes() -> u64 {
    let place = Place::asking();
    place.run(place.failing("fault").env("FAILPOINTS", "dump=return(abort)"));
    let [left] = &files(&place.path("spool/lost"))[..] else { panic!("one file") };
    left.metadata().unwrap().len()
}

#[test]
fn what_a_product_leaves_itself_is_kept_whatever_room_the_disk_has() {
    let earlier = Earlier::new();
    let left = left_bytes();
    let [draft, _] = earlier.pages();
    let free = [0, PAGE, left / 2, left - PAGE, left, left + (draft + MORE) * PAGE];
    let places = each(&free, |free| {
        let scene = Scene::new("spool", &earlier)?;
        scene.disk.leave(free);
        scene.crashes("fault", "dump=return(abort)");
        let places = [scene.place.path("spool"), scene.elsewhere()].map(|spool| in_folder(&spool, "lost"));
        let [home, elsewhere] =
            places.map(|files| files.iter().map(|(_, bytes)| bytes.len() as u64).collect::<Vec<_>>());
        assert_eq!([&home[..], &elsewhere].concat(), [left], "{free} bytes free: one, whole, without temporaries");
        let after = scene.starts_again();
        let [new] = &after[..] else { panic!("{free} bytes free: one report: {after:#?}") };
        assert_eq!((new.class, new.state), (Class::Lost, State::Undecided), "{free} bytes free");
        assert!(!scene.elsewhere().exists() && in_folder(&scene.place.path("spool"), "lost").is_empty());
        Some(home.len())
    });
    let at_home = places.into_iter().flatten().collect::<Vec<_>>();
    assert!(at_home.is_empty() || at_home == [0, 0, 0, 0, 1, 1], "{at_home:?}");
}

/// The bytes of the memory image, as the handler's log has it.
fn image_bytes(log: &str) -> u64 {
    let line = log.lines().find(|line| line.contains("memory read")).unwrap_or_else(|| panic!("no image: {log}"));
    let bytes = line.split_whitespace().find_map(|word| word.strip_prefix("bytes=")).unwrap();
    bytes.parse().unwrap()
}

#[test]
fn a_memory_image_gives_way_to_the_report_where_the_disk_has_no_room_for_both() {
    let place = Place::new().with_log();
    place.run(place.failing("full-memory").arg(LONGEST.as_millis().to_string()));
    let image = image_bytes(&place.log());
    let earlier = Earlier::new();
    // The draft has an attachment of one MiB.
    let (early, draft) = (128 << 10, 5 << 18);
    let cases = [
        // Nothing; then half of the image.
        (0, "sent elsewhere", "there is no image"),
        (early + image / 2, "sent", "there is no image"),
        // The image, and half of the draft; then both, and half of a report with the image.
        (early + image + draft / 2, "sent", "no room for the rest of the report"),
        (early + image + draft + image / 2, "sent", "no room for the rest of the report"),
        (2 * (image + draft) + early, "sent whole", ""),
    ];
    each(&cases, |(free, becomes, says)| {
        let scene = Scene::new("spool", &earlier)?;
        scene.place.sends_always();
        scene.disk.leave(free);
        let log = scene.crashes("full-memory", "");
        let new = scene.new_one(&log);
        let after = scene.starts_again();
        let [last] = &after[..] else { panic!("{free} bytes free: one report: {after:#?}\n{log}") };
        println!("{free:>9} bytes free: {becomes}; {:#?}", last.soft_errors);
        assert_eq!((&last.id, last.class, last.state), (&new.id, Class::Whole, State::Sent), "{free}: {log}");
        let state = if becomes == "sent elsewhere" { State::Undecided } else { State::Sent };
        assert_eq!(new.state, state, "{free} bytes free: {log}");
        let told = last.soft_errors.iter().find(|error| error.contains(says) && error.contains(FULL));
        assert_eq!(told.is_some(), !says.is_empty(), "{free} bytes free: {:?}: {log}", last.soft_errors);
        let mails = files(&scene.place.path("mails"));
        let largest = mails.iter().map(|mail| mail.metadata().unwrap().len()).max().unwrap();
        assert_eq!(
            largest > image,
            says.is_empty(),
            "{free} bytes free: a mail of {largest} bytes, an image of {image}"
        );
        Some(())
    });
}
