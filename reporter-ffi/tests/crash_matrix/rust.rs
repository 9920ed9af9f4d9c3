//! The product of the kinds that are Rust's: this test program once more; on Windows a program of its own (`crashes/windows/rust.rs`).

use std::{collections::HashMap, env, fs, hint::black_box, io::Write, panic::panic_any, thread};

use reporter_sdk::{Mail, Options, Reporter, Surface};

use crate::shared::{CONFIGURATION, KIND, thread_number};

/// As `start_product` in `crashes/product.h`.
fn start_product() -> Option<Reporter> {
    let text = fs::read_to_string(env::var_os(CONFIGURATION)?).expect("a configuration");
    let settings: HashMap<&str, &str> = text.lines().filter_map(|line| line.split_once(" = ")).collect();
    let start = || {
        let mail = Mail::new(settings["from"], [settings["to"]]).eml_directory(settings["eml-directory"]);
        let options = Options::new("Example Software", "Crashes", "1.0.0").mail(mail);
        Reporter::start(options.handler(settings["handler"]).spool(settings["spool"]))
    };
    let mut reporter = start();
    // As there: on Windows a busy machine's handler may not answer in its time.
    let more_tries = if cfg!(windows) { 9 } else { 0 };
    for _ in 0..more_tries {
        if !reporter.is_active() {
            drop(reporter);
            reporter = start();
        }
    }
    assert!(reporter.is_active(), "{:?}", reporter.soft_errors());
    reporter_sdk::command("product.open", "Open", Surface::Menu);
    std::mem::forget(reporter_sdk::task("work"));
    Some(reporter)
}

/// As `fails_now` there.
fn fails_now() {
    println!("\nthread {}", thread_number());
    std::io::stdout().flush().expect("a pipe");
    reporter_sdk::command("product.fail", "Fail", Surface::Menu);
}

/// Not a test: the product of the others, when they start this program with a kind.
#[cfg_attr(test, test)]
pub(crate) fn product() {
    let Ok(kind) = env::var(KIND) else { return };
    let reporter = start_product();
    match &*kind {
        "panic_text" => panic_text(),
        "panic_string" => panic_string(7),
        "panic_value" => panic_value(),
        "panic_in_thread" => {
            let thread = thread::Builder::new().name("indexer".into()).spawn(panic_in_thread);
            thread.expect("a thread").join().expect_err("it panics");
        }
        "panic_to_c" => panic_to_c(),
        "panic_twice" => panic_twice(),
        "allocation" => allocates(),
        "overflow_in_thread" => {
            let overflow = || {
                fails_now();
                overflows(0)
            };
            let _ = thread::spawn(overflow).join();
        }
        other => panic!("no kind {other}"),
    }
    // As a product that ends well.
    drop(reporter);
}

#[inline(never)]
fn panic_text() {
    fails_now();
    panic!("the book is closed");
}

#[inline(never)]
fn panic_string(entry: u32) {
    fails_now();
    panic!("entry {entry} is missing");
}

#[inline(never)]
fn panic_value() {
    fails_now();
    panic_any(42);
}

#[inline(never)]
fn panic_in_thread() {
    fails_now();
    panic!("the index is broken");
}

#[inline(never)]
extern "C" fn panic_to_c() {
    fails_now();
    panic!("met a C caller");
}

struct PanicsAtItsEnd;

impl Drop for PanicsAtItsEnd {
    fn drop(&mut self) {
        panic!("and the way out is blocked");
    }
}

#[inline(never)]
fn panic_twice() {
    let _bomb = PanicsAtItsEnd;
    fails_now();
    panic!("the book is closed");
}

#[inline(never)]
fn allocates() {
    fails_now();
    black_box(Vec::<u8>::with_capacity(black_box(isize::MAX as usize)));
}

#[inline(never)]
#[expect(unconditional_recursion, reason = "the fault that the test is about")]
fn overflows(depth: usize) -> usize {
    let room = black_box([depth; 512]);
    overflows(depth + 1) + room[depth % 512]
}
