//! The workers of the dump encoder, and what they share.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc::Sender},
    thread,
};

use super::{
    PAGE, Source,
    block::{self, Content, EXTENT, Extent, HEAD, PAGES},
    dedupe::{Fingerprint, Key, Stored},
    jobs::{Jobs, Known, Piece},
};
use crate::{codec::Encoder, error::Error, frame::CHUNK, section::Codec};

/// Where in a buffer the pages are read to: behind the most that a block's head can take, which is then put right before them.
const PAGES_AT: usize = CHUNK - PAGES * PAGE;

/// Pages that are read at once: what is looked at next is still in the processor's cache then.
const RUN: usize = 16;

/// What one job works in. There are few of them, used again and again.
pub(crate) struct Buffer {
    /// The block, from somewhere before [`PAGES_AT`] on.
    raw: Vec<u8>,
    pub(crate) encoded: Vec<u8>,
    pieces: Vec<Piece>,
    /// What was found in each page that was read.
    found: Vec<Found>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Zeros,
    Unreadable,
    Bytes(Fingerprint),
}

/// A block that is ready to be written.
pub(crate) struct Finished {
    pub(crate) job: u64,
    pub(crate) buffer: Buffer,
    pub(crate) raw_length: u32,
    pub(crate) raw_crc: u32,
    pub(crate) address: u64,
    pub(crate) first: u64,
    pub(crate) zero: u64,
    pub(crate) stored: u64,
    pub(crate) shared: u64,
    pub(crate) unreadable: u64,
}

/// What workers share, under one lock that none holds for long.
pub(crate) struct Shared<'a> {
    key: Key,
    state: Mutex<State<'a>>,
    changed: Condvar,
}

struct State<'a> {
    jobs: Jobs<'a>,
    /// Number of the next job.
    next_job: u64,
    free: Vec<Buffer>,
    /// Whose turn it is to learn which pages are stored.
    turn: u64,
    stored: Stored,
    stopped: bool,
}

enum Taken {
    Job(u64, Buffer),
    /// All of them are in use.
    NoBuffer,
    /// There are no more jobs, or nobody wants to hear of them.
    End,
}

impl State<'_> {
    /// A job is numbered only when there is a buffer for it: so the one whose turn it is always has one, and gets ahead.
    fn take<S: Source + ?Sized>(&mut self, source: &S) -> Taken {
        if self.stopped {
            return Taken::End;
        }
        let Some(mut buffer) = self.free.pop() else { return Taken::NoBuffer };
        self.jobs.next(source, &mut buffer.pieces);
        if buffer.pieces.is_empty() {
            self.free.push(buffer);
            return Taken::End;
        }
        self.next_job += 1;
        Taken::Job(self.next_job - 1, buffer)
    }
}

impl<'a> Shared<'a> {
    pub(crate) fn new(jobs: Jobs<'a>, buffers: usize) -> Self {
        let buffer = || Buffer { raw: vec![0; CHUNK], encoded: Vec::new(), pieces: Vec::new(), found: Vec::new() };
        let free = (0..buffers).map(|_| buffer()).collect();
        let state = State { jobs, next_job: 0, free, turn: 0, stored: Stored::default(), stopped: false };
        Self { key: Key::random(), state: Mutex::new(state), changed: Condvar::new() }
    }

    /// A source may have panicked under the lock; then all are told to stop, and nothing here is used any more.
    fn lock(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'g>(&self, state: MutexGuard<'g, State<'a>>) -> MutexGuard<'g, State<'a>> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job with its number, and a buffer for it; waits for one.
    fn take<S: Source + ?Sized>(&self, source: &S) -> Option<(u64, Buffer)> {
        let mut state = self.lock();
        loop {
            match state.take(source) {
                Taken::Job(job, buffer) => return Some((job, buffer)),
                Taken::NoBuffer => state = self.wait(state),
                Taken::End => return None,
            }
        }
    }

    /// Waits until all jobs before this one know their places, then lets it learn its own. `None`: all are to stop.
    fn in_turn<T>(&self, job: u64, learn: impl FnOnce(&mut Stored) -> T) -> Option<T> {
        let mut state = self.lock();
        while state.turn != job {
            if state.stopped {
                return None;
            }
            state = self.wait(state);
        }
        let learnt = learn(&mut state.stored);
        state.turn += 1;
        self.changed.notify_all();
        Some(learnt)
    }

    pub(crate) fn give_back(&self, buffer: Buffer) {
        self.lock().free.push(buffer);
        self.changed.notify_all();
    }

    /// From now on nothing is read.
    pub(crate) fn cancel(&self) {
        self.lock().jobs.cancelled = true;
    }

    /// Ends all workers, those that wait as well.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }
}

/// Stops the others if this thread panics: they would wait forever, for the turn of a worker or for the buffers of who writes.
pub(crate) struct StopOthers<'s, 'a>(pub(crate) &'s Shared<'a>);

impl Drop for StopOthers<'_, '_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stop();
        }
    }
}

/// Whoever makes blocks of jobs.
pub(crate) struct Worker<'w, 'a, S: ?Sized> {
    source: &'w S,
    codec: Codec,
    shared: &'w Shared<'a>,
    encoder: Encoder,
}

/// What a worker that does not wait has done.
pub(crate) enum Made {
    Block(Result<Finished, Error>),
    /// Nothing: others have all buffers.
    NoBuffer,
    /// Nothing, and there is nothing more to do.
    End,
}

impl<'w, 'a, S: Source + ?Sized> Worker<'w, 'a, S> {
    pub(crate) fn new(source: &'w S, codec: Codec, shared: &'w Shared<'a>) -> Self {
        Self { source, codec, shared, encoder: Encoder::for_memory() }
    }

    /// Makes blocks until there are no more, or nobody wants to hear of them.
    pub(crate) fn work(mut self, finished: &Sender<Result<Finished, Error>>) {
        let _guard = StopOthers(self.shared);
        while let Some((job, buffer)) = self.shared.take(self.source) {
            let Some(block) = self.make(job, buffer) else { return };
            if finished.send(block).is_err() {
                return;
            }
        }
    }

    /// Makes one block, if that can be begun at once.
    pub(crate) fn make_one(&mut self) -> Made {
        let taken = self.shared.lock().take(self.source);
        match taken {
            Taken::Job(job, buffer) => self.make(job, buffer).map_or(Made::End, Made::Block),
            Taken::NoBuffer => Made::NoBuffer,
            Taken::End => Made::End,
        }
    }

    /// `None`: all are to stop.
    fn make(&mut self, job: u64, mut buffer: Buffer) -> Option<Result<Finished, Error>> {
        read(self.source, self.shared.key, &mut buffer);
        let layout = self.shared.in_turn(job, |stored| Layout::new(&buffer, stored))?;
        Some(layout.finish(job, buffer, self.codec, &mut self.encoder))
    }
}

/// Reads the pages of a job, and finds out what each holds.
fn read<S: Source + ?Sized>(source: &S, key: Key, buffer: &mut Buffer) {
    buffer.found.clear();
    let mut at = PAGES_AT;
    for piece in buffer.pieces.iter().filter(|piece| piece.known == Known::Nothing) {
        let bytes = &mut buffer.raw[at..at + piece.pages as usize * PAGE];
        at += bytes.len();
        let mut address = piece.address;
        for run in bytes.chunks_mut(RUN * PAGE) {
            let readable = source.read(address, run).is_ok();
            for page in run.chunks_exact_mut(PAGE) {
                // One page that cannot be read must not cost the others of its run.
                let readable = readable || source.read(address, page).is_ok();
                buffer.found.push(match readable {
                    false => Found::Unreadable,
                    true if is_zero(page) => Found::Zeros,
                    true => Found::Bytes(key.fingerprint(page)),
                });
                address += PAGE as u64;
            }
        }
    }
}

fn is_zero(page: &[u8]) -> bool {
    // Most pages that are not zero show it in their first bytes; the others are read without a branch for each word.
    page[..64] == [0; 64] && page.as_chunks::<8>().0.iter().fold(0, |all, word| all | u64::from_ne_bytes(*word)) == 0
}

/// Where the pages of a job belong.
struct Layout {
    first: u64,
    extents: Vec<Extent>,
    /// Which of the pages that were read are stored.
    keep: Vec<bool>,
    shared: u64,
}

impl Layout {
    fn new(buffer: &Buffer, stored: &mut Stored) -> Self {
        let first = stored.begin_block();
        let mut layout = Self { first, extents: Vec::new(), keep: Vec::with_capacity(buffer.found.len()), shared: 0 };
        let mut found = buffer.found.iter();
        for piece in &buffer.pieces {
            let known = match piece.known {
                Known::Zeros => Content::Zeros,
                Known::Unreadable => Content::Unreadable,
                Known::Nothing => {
                    layout.pages(piece, &mut found, stored);
                    continue;
                }
            };
            layout.extents.push(Extent { address: piece.address, pages: piece.pages, content: known });
        }
        layout
    }

    /// Makes extents of a piece that was read.
    fn pages<'f>(&mut self, piece: &Piece, found: &mut impl Iterator<Item = &'f Found>, stored: &mut Stored) {
        // What would go on with the last extent, which is of this piece: the same content, in the same block.
        let mut next: Option<(Content, u64)> = None;
        for (number, found) in (0..u64::from(piece.pages)).zip(found) {
            let (content, block) = match found {
                Found::Zeros => (Content::Zeros, 0),
                Found::Unreadable => (Content::Unreadable, 0),
                Found::Bytes(fingerprint) => {
                    let (place, is_new) = stored.place(*fingerprint);
                    self.keep.push(is_new);
                    self.shared += u64::from(!is_new);
                    (Content::Stored(place.number), place.block)
                }
            };
            if !matches!(content, Content::Stored(_)) {
                self.keep.push(false);
            }
            match self.extents.last_mut() {
                Some(last) if next == Some((content, block)) => last.pages += 1,
                _ => {
                    let address = piece.address + number * PAGE as u64;
                    self.extents.push(Extent { address, pages: 1, content });
                }
            }
            let following = match content {
                Content::Stored(number) => Content::Stored(number + 1),
                other => other,
            };
            next = Some((following, block));
        }
    }

    /// Puts the block together and encodes it.
    fn finish(self, job: u64, mut buffer: Buffer, codec: Codec, encoder: &mut Encoder) -> Result<Finished, Error> {
        let mut end = PAGES_AT;
        for (number, _) in self.keep.iter().enumerate().filter(|(_, keep)| **keep) {
            let from = PAGES_AT + number * PAGE;
            if from != end {
                buffer.raw.copy_within(from..from + PAGE, end);
            }
            end += PAGE;
        }
        let stored = ((end - PAGES_AT) / PAGE) as u32;
        let start = PAGES_AT - HEAD - self.extents.len() * EXTENT;
        buffer.raw[start..PAGES_AT].copy_from_slice(&block::head(self.first, stored, &self.extents));
        let raw = &buffer.raw[start..end];
        encoder.encode(codec, raw, &mut buffer.encoded)?;
        let pages = |content: Content| {
            self.extents.iter().filter(|extent| extent.content == content).map(|extent| u64::from(extent.pages)).sum()
        };
        Ok(Finished {
            job,
            raw_length: raw.len() as u32,
            raw_crc: crc32c::crc32c(raw),
            address: self.extents[0].address,
            first: self.first,
            zero: pages(Content::Zeros),
            stored: u64::from(stored),
            shared: self.shared,
            unreadable: pages(Content::Unreadable),
            buffer,
        })
    }
}
