//! The handler is killed or stopped at any moment of its life: the product ends in time and as it would without us, and after the next start there is exactly one report of
//! the crash. It is whole, or partial, or says that the handler was lost.
// Not on Windows: the handler is killed by signals, at fail points. A handler that is killed there: the unit tests of capture::windows.
#![cfg(target_os = "linux")]

#[path = "support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/failing.rs"]
mod failing;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use end_to_end::product::files;
use failing::{Class, Place};
use rustix::process::{Pid, Signal};

/// Each ends in its own way.
const WAYS: [&str; 4] = ["fault", "abort", "panic", "overflow"];
/// How long a product waits whose handler is stopped, in milliseconds.
const STOPPED: u64 = 700;
/// How long one waits whose handler is killed: longer than it may need to notice that.
const KILLED: u64 = 60_000;
/// Beyond its wait, on a busy machine.
const GRACE: Duration = Duration::from_secs(10);
/// When the kernel ends a handler that is stopped while it holds the product's threads, at the latest.
const HELD: Duration = Duration::from_secs(12);
const AT_ONCE: usize = 2;

fn signal(pid: u32, signal: Signal) {
    // It may have ended on its own.
    let _ = rustix::process::kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal);
}

fn ended_of(way: &str, status: ExitStatus) -> bool {
    match way {
        "fault" => status.signal() == Some(libc::SIGSEGV),
        "abort" => status.signal() == Some(libc::SIGABRT),
        // After us, Rust's own handler tells of an overflow and aborts.
        "overflow" => [Some(libc::SIGSEGV), Some(libc::SIGABRT)].contains(&status.signal()),
        _ => status.code() == Some(101),
    }
}

/// Which of a row of crashes, and when its handler is killed.
#[derive(Clone, Copy, Debug)]
struct Trial {
    way: &'static str,
    /// The person has said that everything is to be sent.
    always: bool,
    /// Stopped at the moment, and killed once the product has ended.
    stops: bool,
    /// Since the product was started.
    moment: Duration,
}

/// What came of it.
#[derive(Debug)]
struct Outcome {
    /// When the handler was in fact hit; `None` where it had ended before.
    hit: Option<Duration>,
    class: Class,
    /// The handler was stopped while it held the product's threads, so that the product could not even wait.
    held: bool,
}

impl Trial {
    fn run(self) -> Outcome {
        let place = Place::asking();
        if self.always {
            place.sends_always();
        }
        let longest = if self.stops { STOPPED } else { KILLED };
        let started = Instant::now();
        let told = File::create(place.path("told")).unwrap();
        let mut product = place.failing(self.way).arg(longest.to_string()).stderr(told).spawn().unwrap();
        thread::sleep(self.moment);
        let hit = hit(&place, &mut product, if self.stops { Signal::STOP } else { Signal::KILL });
        let hit = hit.map(|at| at - started);
        let held = self.stops && is_held(&mut product, Duration::from_millis(longest));
        // Nobody helps: it ends by itself.
        let status = product.wait().unwrap();
        let took = started.elapsed();
        let most = GRACE
            + if self.stops { Duration::from_millis(longest) } else { Duration::ZERO }
            + if held { HELD } else { Duration::ZERO };
        assert!(took < most, "{self:?}: the product ended after {took:?}");
        assert!(ended_of(self.way, status), "{self:?}: {status}");
        if self.stops {
            place.handlers().into_iter().for_each(|pid| signal(pid, Signal::KILL));
        }
        place.handlers_end();
        let between: Vec<_> = all_files(&place);

        place.starts_again();
        let kept = place.kept();
        let told = fs::read_to_string(place.path("told")).unwrap();
        let class = match &kept[..] {
            [kept] => kept.class,
            kept => panic!(
                "{self:?}, hit at {hit:?}: {} reports instead of one, of {between:#?}: {kept:#?}; told: {told}",
                kept.len()
            ),
        };
        assert_eq!(files(&place.path("spool/lost")), [] as [PathBuf; 0], "{self:?}");
        assert_eq!(files(&place.path("tmp")), [] as [PathBuf; 0], "{self:?}");
        Outcome { hit, class, held }
    }
}

fn all_files(place: &Place) -> Vec<String> {
    let folder = place.path("");
    let name = |file: PathBuf| file.strip_prefix(&folder).unwrap().display().to_string();
    files(&folder).into_iter().map(name).collect()
}

/// Sends the signal to the product's handler, which may not be there yet. Returns when; `None` where it has ended.
fn hit(place: &Place, product: &mut Child, with: Signal) -> Option<Instant> {
    loop {
        let over = product.try_wait().unwrap().is_some();
        // The one that was started goes away once it has made the one that serves.
        let handlers = place.handlers();
        if !handlers.is_empty() {
            handlers.into_iter().for_each(|pid| signal(pid, with));
            // What it was about to start at that moment.
            place.handlers().into_iter().for_each(|pid| signal(pid, with));
            return Some(Instant::now());
        }
        if over {
            return None;
        }
    }
}

/// Whether the product is still held by a tracer once it has waited as long as it may; false where it has ended before.
fn is_held(product: &mut Child, longest: Duration) -> bool {
    let started = Instant::now();
    while product.try_wait().unwrap().is_none() {
        let stat = fs::read_to_string(format!("/proc/{}/stat", product.id())).unwrap_or_default();
        let is_traced = stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('t'));
        if is_traced && started.elapsed() > longest + Duration::from_secs(1) {
            return true;
        }
        if started.elapsed() > longest + GRACE {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    false
}

/// From the product's start to the end of its handler, undisturbed: of each way.
fn lives() -> [Duration; 4] {
    WAYS.map(|way| {
        let place = Place::new();
        let started = Instant::now();
        place.run(&mut place.failing(way));
        started.elapsed()
    })
}

/// Numbers that look random, and are the same for the same seed.
fn random(seed: u64, number: usize) -> f64 {
    let mut state = seed.wrapping_add(number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    state ^= state >> 31;
    state = state.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (state >> 11) as f64 / (1u64 << 53) as f64
}

fn kill_handlers(times: usize, seed: u64) {
    let lives = lives();
    let trial = |number: usize| {
        // Spread evenly, each at random in its share; one in ten later than that.
        let share = (number as f64 + random(seed, number)) / times as f64;
        let late = if number % 10 == 9 { 1.2 } else { 0.8 };
        Trial {
            way: WAYS[number % 4],
            always: (number / 4).is_multiple_of(2),
            stops: number % 5 == 4,
            moment: lives[number % 4].mul_f64(share * late),
        }
    };
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= times {
                        break;
                    }
                    let outcome = trial(number).run();
                    outcomes.lock().unwrap().push(outcome);
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap();
    assert_eq!(outcomes.len(), times);
    tell(&outcomes, lives, seed);
}

/// Prints what came of each moment, in steps of 10 ms.
fn tell(outcomes: &[Outcome], lives: [Duration; 4], seed: u64) {
    let mut rows: BTreeMap<u32, BTreeMap<Class, usize>> = BTreeMap::new();
    let mut all: BTreeMap<Class, usize> = BTreeMap::new();
    for Outcome { hit, class, .. } in outcomes {
        let row = hit.map_or(u32::MAX, |hit| (hit.as_millis() / 10).try_into().unwrap());
        *rows.entry(row).or_default().entry(*class).or_default() += 1;
        *all.entry(*class).or_default() += 1;
    }
    for (way, life) in WAYS.into_iter().zip(lives) {
        println!("{way}: {} ms from the product's start to its handler's end", life.as_millis());
    }
    println!("seed {seed}");
    let count = |counts: &BTreeMap<Class, usize>, class| counts.get(&class).copied().unwrap_or(0);
    println!("{:<16} {:>6} {:>8} {:>6}", "hit at", "whole", "partial", "lost");
    let line = |name: &str, counts| {
        let [whole, partial, lost] = [Class::Whole, Class::Partial, Class::Lost].map(|class| count(counts, class));
        println!("{name:<16} {whole:>6} {partial:>8} {lost:>6}");
    };
    for (row, counts) in &rows {
        match *row {
            u32::MAX => line("never: ended", counts),
            row => line(&format!("{} ms", row * 10), counts),
        }
    }
    line("all", &all);
    let held = outcomes.iter().filter(|outcome| outcome.held).count();
    println!("{held} products were held by a handler that was stopped while it dumped, until the kernel ended it");
}

#[test]
fn a_handler_that_is_killed_or_stopped_at_some_moment_loses_no_report() {
    kill_handlers(20, 1);
}

#[test]
#[ignore = "long: minutes"]
fn two_hundred_kills_of_the_handler_lose_no_report() {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    let seed = std::env::var("REPORTER_TEST_SEED").map_or(now, |seed| seed.parse().unwrap());
    kill_handlers(200, seed);
}

/// A handler that is stopped once the product has crashed, and goes on when the product has ended.
fn goes_on(points: &str, always: bool, start_between: bool) {
    let place = Place::asking();
    if always {
        place.sends_always();
    }
    let mut command = place.failing("fault");
    // It is at this point while it is stopped.
    let mut product = command.arg(STOPPED.to_string()).env("FAILPOINTS", points).spawn().unwrap();
    thread::sleep(Duration::from_millis(400));
    let handlers = place.handlers();
    handlers.iter().for_each(|pid| signal(*pid, Signal::STOP));
    let status = product.wait().unwrap();
    assert_eq!(status.signal(), Some(libc::SIGSEGV), "{points}");
    if start_between {
        let status = place.failing("nothing").status().unwrap();
        assert!(status.success());
    }
    handlers.iter().for_each(|pid| signal(*pid, Signal::CONT));
    place.handlers_end();
    place.starts_again();
    let kept = place.kept();
    assert_eq!(kept.len(), 1, "{points}, always {always}, start between {start_between}: {kept:#?}");
}

#[test]
fn a_handler_that_was_stopped_and_goes_on_makes_no_second_report() {
    for points in ["dump=sleep(1500)", "unwind=sleep(1500)", "draft-flush=sleep(1500)"] {
        for always in [false, true] {
            goes_on(points, always, false);
        }
    }
}

#[test]
fn two_products_on_one_spool_that_crash_at_once_are_reported_each() {
    for round in 0..3 {
        let place = Place::asking();
        if round > 0 {
            place.sends_always();
        }
        let products = ["fault", "abort"].map(|way| (way, place.failing(way).spawn().unwrap()));
        for (way, mut product) in products {
            let status = product.wait().unwrap();
            assert!(ended_of(way, status), "{way}: {status}");
        }
        place.handlers_end();
        place.starts_again();
        let mut titles: Vec<_> = place.kept().into_iter().map(|kept| (kept.title, kept.class)).collect();
        titles.sort();
        let expected =
            ["SIGABRT: aborted", "SIGSEGV: address not mapped"].map(|title| (title.to_owned(), Class::Whole));
        assert_eq!(titles, expected);
    }
}
