//! A disk that becomes full at one write or another: a small one of its own below the spool, on which a little more is left each time. The product ends as it would
//! without us, what was there before stays as it was, and once there is room the report is there, exactly once.

#[path = "support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/failing.rs"]
mod failing;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use end_to_end::product::{Product, notes, say_always};
use failing::{Place, State};
use report_format::schema::v1::SectionKind;

/// In KiB. A draft of this product has about 60, and its report half of that; a page is the least that can be left.
const LEFT: [u64; 18] = [0, 4, 8, 16, 24, 32, 40, 48, 52, 56, 60, 64, 68, 76, 84, 96, 128, 1024];
const PATIENCE: Duration = Duration::from_secs(30);

/// A file system of its own, until it is dropped.
struct Disk(PathBuf);

impl Disk {
    /// `None` where it cannot be mounted, which is said.
    fn mount(at: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let options = format!("size={size},mode=0700");
        let status = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "none"]).arg(at).status();
        if status.is_ok_and(|status| status.success()) {
            return Some(Self(at.to_owned()));
        }
        eprintln!("SKIPPED: a small disk cannot be mounted here: that takes root");
        None
    }

    /// Fills it but for so many KiB.
    fn fill_but(&self, left: u64) {
        let mut filler = File::create(self.filler()).unwrap();
        while filler.write_all(&[1; 4096]).is_ok() {}
        let size = filler.metadata().unwrap().len();
        filler.set_len(size - (left << 10)).unwrap();
    }

    fn make_room(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

/// Crashes a product whose spool has so much room. False where no disk is to be had.
fn crash_with(left: u64, always: bool) -> bool {
    let place = Place::asking().with_log();
    let Some(disk) = Disk::mount(&place.path("spool"), "4m") else { return false };
    if always {
        place.sends_always();
    }
    place.run(&mut place.failing("abort"));
    let before = place.kept();
    assert_eq!(before.len(), 1, "{before:?}");

    disk.fill_but(left);
    let started = Instant::now();
    let status = place.failing("fault").spawn().unwrap().wait().unwrap();
    let took = started.elapsed();
    place.handlers_end();
    let log = place.log();
    assert_eq!(status.signal(), Some(libc::SIGSEGV), "{left} KiB: {status}");
    assert!(took < PATIENCE, "{left} KiB: {took:?}");

    disk.make_room();
    place.starts_again();
    let after = place.kept();
    let context = format!("{left} KiB left, always: {always}\n{after:#?}\n{log}");
    let (old, new): (Vec<_>, Vec<_>) = after.iter().partition(|kept| kept.id == before[0].id);
    assert_eq!(old, [&before[0]], "what was kept before; {context}");
    let [new] = new[..] else { panic!("one report; {context}") };
    assert_eq!(new.title, "SIGSEGV: address not mapped", "{context}");
    assert_eq!(new.state, if always { State::Sent } else { State::Undecided }, "{context}");
    let full = log.contains("No space left");
    assert!(full || left > 0, "nobody was told; {context}");
    println!("{left:5} KiB left, always: {always:5}: {:?}, told of the full disk: {full}", new.class);
    true
}

#[test]
fn wherever_the_disk_becomes_full_no_undecided_report_is_lost() {
    assert!(LEFT.into_iter().all(|left| crash_with(left, false)) || !is_root());
}

#[test]
fn wherever_the_disk_becomes_full_no_granted_report_is_lost() {
    assert!(LEFT.into_iter().all(|left| crash_with(left, true)) || !is_root());
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn a_disk_that_is_too_small_for_all_of_the_memory_costs_nothing_else() {
    let mut product = Product::new(notes());
    product.set("full-memory", "yes");
    let Some(disk) = Disk::mount(&product.spool(), "3m") else { return assert!(!is_root()) };
    say_always(&product.spool());
    // Letters at random: of 24 MiB more than 3 are left.
    let text = product.path("notes.txt");
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let letters: Vec<u8> = (0..24 << 20)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            b'a' + (state >> 60) as u8
        })
        .collect();
    fs::write(&text, letters).unwrap();

    product.without_terminal(&[&format!("open {}", text.display()), "show 99"]);
    let received = product.only_report();
    assert!(received.report.sections().iter().all(|section| section.kind() != Some(SectionKind::MemoryImage)));
    let told = received.soft_errors();
    assert!(told.iter().any(|error| error.contains("full memory: ") && error.contains("No space left")), "{told:?}");
    assert!(received.report.sections().iter().any(|section| section.kind() == Some(SectionKind::Minidump)));
    drop(disk);
}
