//! The handler fails at each named point of its pipeline: the product ends in time and as it would without us, what was kept before stays whole, and the report is
//! there, or there in part, after the next start.
// Not on Windows: the product's ends are signals; fail points at each step there have no test yet.
#![cfg(target_os = "linux")]

#[path = "support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/failing.rs"]
mod failing;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use end_to_end::product::files;
use failing::{Class, Kept, Place, State};
use reporter_sdk::fail_points;

/// The product's longest wait for the handler, in these tests.
const LONGEST: Duration = Duration::from_secs(3);
/// Of its end beyond that, on a busy machine.
const GRACE: Duration = Duration::from_secs(7);
/// As many products at once.
const AT_ONCE: usize = 3;

/// Where and how the handler fails, and what comes of it.
#[derive(Clone, Copy, Debug)]
struct Case {
    /// How the product fails.
    way: &'static str,
    /// As `FAILPOINTS` has it.
    points: &'static str,
    /// Whether the person has said that everything is to be sent; else nobody is there to be asked.
    always: bool,
    /// Words of the handler's log, or of the report's soft errors; what is told in another way is checked by the class.
    logged: &'static str,
    /// After the next start.
    class: Class,
    /// After the next start.
    state: State,
}

const fn asked(points: &'static str, logged: &'static str, class: Class) -> Case {
    Case { way: "fault", points, always: false, logged, class, state: State::Undecided }
}

const fn always(points: &'static str, logged: &'static str, class: Class) -> Case {
    Case { way: "fault", points, always: true, logged, class, state: State::Sent }
}

const fn with_memory(points: &'static str, logged: &'static str, class: Class) -> Case {
    Case { way: "full-memory", ..always(points, logged, class) }
}

/// A run whose handler fails, between one before it and one after it that do not.
fn check(case: Case) -> Result<(), String> {
    let place = Place::asking().with_log();
    if case.always {
        place.sends_always();
    }
    // What was kept before.
    place.run(&mut place.failing("abort"));
    let before = place.kept();
    assert_eq!(before.len(), 1, "{before:?}");
    let _ = fs::remove_file(place.path("log"));

    let started = Instant::now();
    let mut command = place.failing(case.way);
    command.arg(LONGEST.as_millis().to_string()).env("FAILPOINTS", case.points);
    if case.points.starts_with("screen") {
        command.env("DISPLAY", ":none");
    }
    let status = command.spawn().unwrap().wait().unwrap();
    let took = started.elapsed();
    place.handlers_end();
    let log = place.log();
    let _ = fs::remove_file(place.path("log"));
    place.starts_again();
    let after = place.kept();

    let judge = || {
        assert_eq!(status.signal(), Some(libc::SIGSEGV), "{status}");
        assert!(took < LONGEST + GRACE, "the product ended after {took:?}");
        let (old, new): (Vec<_>, Vec<_>) = after.iter().partition(|kept| kept.id == before[0].id);
        assert_eq!(old, [&before[0]], "what was kept before");
        let [new] = new[..] else { panic!("one report: {new:#?}") };
        assert_eq!(new.title, "SIGSEGV: address not mapped");
        let told = log.contains(case.logged) || new.soft_errors.iter().any(|error| error.contains(case.logged));
        assert!(told, "neither the log nor the report says {:?}", case.logged);
        assert_eq!((new.class, new.state), (case.class, case.state), "{:#?}", new.soft_errors);
        assert_eq!(files(&place.path("tmp")), [] as [std::path::PathBuf; 0]);
    };
    catch_unwind(AssertUnwindSafe(judge)).map_err(|panic| {
        let why = panic.downcast_ref::<String>().cloned().unwrap_or_default();
        let soft_errors: Vec<&Kept> = after.iter().collect();
        format!(
            "{case:?}: {why}\n  log of the handler that failed:\n{log}\n  log of the next:\n{}\n  {soft_errors:#?}",
            place.log()
        )
    })
}

/// Checks some cases at once, and tells of all that do not hold.
fn check_all(cases: &[Case]) {
    let (next, failed) = (Mutex::new(cases.iter()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = { next.lock().unwrap().next() } {
                    let outcome = catch_unwind(|| check(*case)).unwrap_or_else(|_| Err(format!("{case:?}: see above")));
                    if let Err(why) = outcome {
                        failed.lock().unwrap().push(why);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} of {} cases:\n{}", failed.len(), cases.len(), failed.join("\n\n"));
}

const FULL: &str = "No space left on device";
const BROKEN: &str = "Input/output error";
const REFUSED: &str = "Permission denied";

/// The disk is full, broken, or not ours, at each step.
const ERRORS: &[Case] = &[
    asked("dump=return(EIO)", "", Class::Whole),
    asked("early-draft=return(ENOSPC)", FULL, Class::Whole),
    asked("unwind=return(EIO)", "", Class::Whole),
    asked("inventory=return(EIO)", "", Class::Whole),
    // The early one.
    asked("draft-create=1*return(ENOSPC)", FULL, Class::Whole),
    asked("draft-write=1*return(ENOSPC)", FULL, Class::Whole),
    asked("draft-rename=1*return(EIO)", BROKEN, Class::Whole),
    // Both: then it waits where it can lie meanwhile, and comes home.
    asked("draft-create=2*return(ENOSPC)", FULL, Class::Whole),
    asked("draft-flush=1*return(EIO)", BROKEN, Class::Whole),
    // The whole one: the early one gives way to what lies elsewhere.
    asked("draft-create=1*off->1*return(EACCES)", REFUSED, Class::Whole),
    asked("draft-rename=1*off->1*return(ENOSPC)", FULL, Class::Whole),
    // Everywhere: what there was early stays.
    asked("draft-flush=return(ENOSPC)", FULL, Class::Partial),
    asked("draft-rename=1*off->return(ENOSPC)", FULL, Class::Partial),
    asked("counts-create=return(EACCES)", REFUSED, Class::Whole),
    asked("counts-write=return(ENOSPC)", FULL, Class::Whole),
    asked("counts-flush=return(EIO)", BROKEN, Class::Whole),
    asked("counts-rename=return(ENOSPC)", FULL, Class::Whole),
    always("ask=return(EIO)", BROKEN, Class::Whole),
    always("report-create=return(ENOSPC)", FULL, Class::Whole),
    always("report-write=return(ENOSPC)", FULL, Class::Whole),
    always("report-flush=return(EIO)", BROKEN, Class::Whole),
    always("report-rename=return(ENOSPC)", FULL, Class::Whole),
    always("state-create=return(EACCES)", REFUSED, Class::Whole),
    always("state-write=return(ENOSPC)", FULL, Class::Whole),
    always("state-flush=return(EIO)", BROKEN, Class::Whole),
    always("state-rename=return(ENOSPC)", FULL, Class::Whole),
    always("draft-remove=return(EIO)", BROKEN, Class::Whole),
    always("report-remove=return(EIO)", BROKEN, Class::Whole),
    always("state-remove=return(EIO)", BROKEN, Class::Whole),
    always("deliver=1*return(EIO)", BROKEN, Class::Whole),
    with_memory("image-create=return(EACCES)", "full memory: there is no image", Class::Whole),
    with_memory("image-create=return(ENOSPC)", FULL, Class::Whole),
    with_memory("image-write=return(ENOSPC)", FULL, Class::Whole),
    with_memory("image-write=9*off->1*return(EIO)", BROKEN, Class::Whole),
    // The report without the image.
    with_memory("report-write=9*off->1*return(ENOSPC)", "the memory image was destroyed", Class::Whole),
];

#[test]
fn a_disk_that_is_full_or_broken_at_any_step_costs_no_report() {
    check_all(ERRORS);
}

const INSIDE: &str = "failed inside";

/// A panic, on the thread that holds the product and on the others.
const PANICS: &[Case] = &[
    asked("dump=panic", "", Class::Whole),
    asked("unwind=panic", "", Class::Whole),
    asked("inventory=panic", "", Class::Whole),
    asked("screen=panic", "failed inside", Class::Whole),
    asked("counts-write=panic", INSIDE, Class::Partial),
    asked("draft-create=1*off->1*panic", INSIDE, Class::Partial),
    asked("draft-write=4*off->1*panic", INSIDE, Class::Partial),
    asked("draft-flush=panic", INSIDE, Class::Partial),
    asked("draft-rename=1*off->1*panic", INSIDE, Class::Partial),
    always("ask=panic", INSIDE, Class::Whole),
    always("report-create=panic", INSIDE, Class::Whole),
    always("report-write=panic", INSIDE, Class::Whole),
    always("report-flush=panic", INSIDE, Class::Whole),
    always("report-rename=panic", INSIDE, Class::Whole),
    always("state-create=panic", INSIDE, Class::Whole),
    always("state-write=panic", INSIDE, Class::Whole),
    always("state-flush=panic", INSIDE, Class::Whole),
    always("state-rename=panic", INSIDE, Class::Whole),
    always("draft-remove=panic", INSIDE, Class::Whole),
    always("deliver=panic", "delivery panicked", Class::Whole),
    always("report-remove=panic", "delivery panicked", Class::Whole),
    always("state-remove=panic", "delivery panicked", Class::Whole),
    with_memory("image-create=panic", INSIDE, Class::Partial),
    with_memory("image-write=9*off->1*panic", INSIDE, Class::Partial),
];

#[test]
fn a_panic_of_the_handler_at_any_step_costs_no_report() {
    check_all(PANICS);
}

/// The handler ends there, as by a crash of its own. Before there is an early draft only the product can tell.
const ENDS: &[Case] = &[
    asked("unwind=return(abort)", "", Class::Partial),
    asked("inventory=return(abort)", "", Class::Partial),
    asked("counts-write=return(abort)", "", Class::Partial),
    asked("counts-rename=return(abort)", "", Class::Partial),
    asked("draft-create=1*off->1*return(abort)", "", Class::Partial),
    asked("draft-write=4*off->1*return(abort)", "", Class::Partial),
    asked("draft-flush=return(abort)", "", Class::Partial),
    asked("draft-rename=1*off->1*return(abort)", "", Class::Partial),
    always("ask=return(abort)", "", Class::Whole),
    always("report-create=return(abort)", "", Class::Whole),
    always("report-write=return(abort)", "", Class::Whole),
    always("report-flush=return(abort)", "", Class::Whole),
    always("state-create=return(abort)", "", Class::Whole),
    always("state-rename=return(abort)", "", Class::Whole),
    always("report-rename=return(abort)", "", Class::Whole),
    always("draft-remove=return(abort)", "", Class::Whole),
    always("deliver=return(abort)", "granted", Class::Whole),
    always("report-remove=return(abort)", "sent", Class::Whole),
    always("state-remove=return(abort)", "sent", Class::Whole),
    with_memory("image-create=return(abort)", "", Class::Partial),
    with_memory("image-write=9*off->1*return(abort)", "", Class::Partial),
];

#[test]
fn a_handler_that_ends_at_any_step_costs_no_report() {
    check_all(ENDS);
}

const ENDS_EARLY: &[Case] = &[
    asked("dump=return(abort)", "", Class::Lost),
    asked("early-draft=return(abort)", "", Class::Lost),
    asked("draft-create=return(abort)", "", Class::Lost),
    asked("draft-write=return(abort)", "", Class::Lost),
    asked("draft-write=1*off->return(abort)", "", Class::Lost),
    asked("draft-rename=return(abort)", "", Class::Lost),
];

#[test]
fn what_a_handler_that_ended_before_it_kept_anything_has_lost_the_product_has_left() {
    check_all(ENDS_EARLY);
}

/// The handler does not come on: the product goes on after its longest wait, and the handler when it can.
const DELAYS: &[Case] = &[
    asked("dump=sleep(6000)", "", Class::Whole),
    asked("early-draft=sleep(6000)", "", Class::Whole),
    asked("unwind=sleep(6000)", "", Class::Whole),
    asked("inventory=sleep(6000)", "", Class::Whole),
    asked("draft-flush=sleep(6000)", "", Class::Whole),
    asked("counts-create=sleep(6000)", "", Class::Whole),
    always("screen=sleep(6000)", "the display did not answer in time", Class::Whole),
    always("ask=sleep(6000)", "sent", Class::Whole),
    always("report-flush=sleep(6000)", "sent", Class::Whole),
    always("deliver=sleep(6000)", "sent", Class::Whole),
];

#[test]
fn a_handler_that_does_not_come_on_holds_the_product_no_longer_than_it_may() {
    check_all(DELAYS);
}

#[test]
fn what_cannot_come_home_stays_where_it_is() {
    let place = Place::asking().with_log();
    place.run(place.failing("fault").env("FAILPOINTS", "draft-flush=1*return(ENOSPC)"));
    for points in ["adopt=return(EIO)", "adopt=panic", "adopt=return(abort)", "draft-write=return(ENOSPC)"] {
        place.run(place.failing("nothing").env("FAILPOINTS", points));
        let kept = place.kept();
        assert_eq!((kept.len(), kept[0].class), (1, Class::Whole), "{points}: {kept:?}");
    }
    place.starts_again();
    assert_eq!(files(&place.path("spool/new")).len(), 1);
}

#[test]
fn what_a_product_has_left_itself_stays_until_it_can_be_read() {
    let place = Place::asking().with_log();
    place.run(place.failing("fault").env("FAILPOINTS", "dump=return(abort)"));
    let left = files(&place.path("spool/lost"));
    assert_eq!(left.len(), 1, "{left:?}");
    let points = ["lost-read=return(EIO)", "lost-read=panic", "lost-read=return(abort)"];
    for (points, logged) in points.into_iter().zip([BROKEN, INSIDE, ""]) {
        let status = place.run(place.failing("nothing").env("FAILPOINTS", points));
        assert!(status.success(), "{points}: {status}");
        assert!(place.log().contains(logged), "{points}: {}", place.log());
        assert_eq!(files(&place.path("spool/lost")), left, "{points}");
        assert_eq!(place.kept(), [], "{points}");
        let _ = fs::remove_file(place.path("log"));
    }
    // Nor is it in the way of what comes next.
    place.run(place.failing("abort").env("FAILPOINTS", "lost-read=panic"));
    place.starts_again();
    let kept: Vec<_> = place.kept().into_iter().map(|kept| (kept.title, kept.class)).collect();
    let expected = [("SIGSEGV: address not mapped", Class::Lost), ("SIGABRT: aborted", Class::Whole)];
    assert_eq!(kept, expected.map(|(title, class)| (title.to_owned(), class)));
}

#[test]
fn every_point_is_in_a_test() {
    let cases = [ERRORS, PANICS, ENDS, ENDS_EARLY, DELAYS].concat();
    let mut tested: BTreeSet<_> = cases.iter().filter_map(|case| case.points.split('=').next()).collect();
    tested.extend(["adopt", "lost-read"]);
    assert_eq!(tested, fail_points::NAMES.iter().copied().collect());
}
