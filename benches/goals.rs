//! Figures beside their goals, and what zstd does with the same bytes.

use std::{
    hint::black_box,
    io::{self, Write},
    process::ExitCode,
    thread,
    time::Duration,
};

/// Times in milliseconds are those of a machine. Where they are missed by less than this factor, it may be a slower one.
const SLOWER: f64 = 4.0;

/// Figures beside their goals, and whether all of those were reached.
#[derive(Debug, Default)]
pub struct Goals {
    missed: usize,
}

impl Goals {
    /// A figure that may be larger.
    pub fn at_least(&mut self, what: &str, figure: f64, goal: f64, unit: &str) {
        self.tell(what, figure, "at least", goal, unit, figure >= goal);
    }

    /// A figure that may be smaller.
    pub fn at_most(&mut self, what: &str, figure: f64, goal: f64, unit: &str) {
        self.tell(what, figure, "at most", goal, unit, figure <= goal);
    }

    /// A goal in milliseconds, which only fails by far.
    pub fn within(&mut self, what: &str, figure: Duration, goal: f64) {
        let figure = figure.as_secs_f64() * 1e3;
        self.tell(what, figure, "at most", goal, "ms", figure <= goal * SLOWER);
        if figure > goal {
            println!("{:42} a slower machine may take {SLOWER} times as long", "");
        }
    }

    /// Says how many goals were missed, for the program to end with.
    pub fn exit_code(&self) -> ExitCode {
        if self.missed == 0 {
            return ExitCode::SUCCESS;
        }
        eprintln!("\n{} goals were missed", self.missed);
        ExitCode::FAILURE
    }

    fn tell(&mut self, what: &str, figure: f64, bound: &str, goal: f64, unit: &str, reached: bool) {
        self.missed += usize::from(!reached);
        let verdict = if reached { "" } else { "   MISSED" };
        println!("  {what:40}{figure:8.2} {unit:5} ({bound} {goal} {unit}){verdict}");
    }
}

/// Counts and forgets.
#[derive(Debug, Default)]
pub struct Counter(pub u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(black_box(bytes).len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What `zstd -1` makes of the bytes: one stream, one thread.
pub fn zstd_stream(bytes: &[u8]) -> io::Result<u64> {
    let mut encoder = zstd::stream::Encoder::new(Counter::default(), 1)?;
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.0)
}

/// What two cores of zstd can do at best: each has one half, and nothing else to do.
pub fn zstd_on_two_cores(bytes: &[u8]) -> io::Result<u64> {
    let (left, right) = bytes.split_at(bytes.len() / 2);
    thread::scope(|scope| {
        let other = scope.spawn(|| zstd_stream(left));
        let right = zstd_stream(right)?;
        Ok(right + other.join().map_err(|_| io::Error::other("a panic"))??)
    })
}
