//! Sends what the spool's `out/` holds, on a thread of its own: a slow server holds nobody.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use super::soft_note;
use super::sys::thrift;
use crate::deliver::{self, DeliverError, Parcel, Product, Transport};
use crate::fail_points::{self, Point};
use crate::schema;
use crate::spool::{Failure, Outgoing, Spool, SpoolError};
use crate::stopping;
use report_format::schema::v1::{self, ErrorKind};
use report_format::{Decoder, Event, Limits};

/// Attempts that lie further ahead are left to the next start. Covers the quick tries after 5 and 30 seconds.
const NEAR: Duration = Duration::from_secs(45);
/// A start of the product is an occasion of its own: the network may be back, the settings may have been put right. Not for a report that was
/// tried less than this ago, so that a product that is started in a loop leaves the server alone.
const OCCASION: Duration = Duration::from_mins(1);
/// Bytes at a report's start in which its summary is whole: it holds a few ids and numbers.
const SUMMARY: u64 = 4 << 10;

enum Order {
    /// Something is in `out/`. Answered when all that is due was tried once.
    Look(Option<Sender<()>>),
    /// No more orders come: make the near attempts, then end.
    Finish,
}

/// The delivery thread.
pub(crate) struct Delivery {
    orders: Sender<Order>,
    thread: JoinHandle<()>,
}

impl Delivery {
    /// Starts it. It opens the spool anew: locks are by descriptor.
    pub(crate) fn start(spool: PathBuf, mut transport: Box<dyn Transport + Send>) -> std::io::Result<Self> {
        let (orders, inbox) = mpsc::channel();
        let run = move || match Spool::open_unswept(&spool) {
            Ok(spool) => run(&spool, &mut *transport, &inbox),
            Err(error) => tracing::error!(error = super::soft_error("", &error).message, "delivery has no spool"),
        };
        Ok(Self { orders, thread: std::thread::Builder::new().name("delivery".into()).spawn(run)? })
    }

    /// Something may be due. Returns at once.
    pub(crate) fn look(&self) {
        // A thread that has ended has said why in the log.
        let _ = self.orders.send(Order::Look(None));
    }

    /// The same, and waits until all that is due was tried once, or `timeout` is over.
    pub(crate) fn look_and_wait(&self, timeout: Duration) {
        let (done, tried) = mpsc::channel();
        let _ = self.orders.send(Order::Look(Some(done)));
        let _ = tried.recv_timeout(timeout);
    }

    /// Lets it make the attempts that are near, and waits for its end.
    pub(crate) fn finish(self) {
        let _ = self.orders.send(Order::Finish);
        if self.thread.join().is_err() {
            tracing::error!("delivery panicked; the reports are kept");
        }
    }
}

fn run(spool: &Spool, transport: &mut dyn Transport, inbox: &Receiver<Order>) {
    let mut finish_by = None;
    let mut occasion = true;
    loop {
        let next = send_due(spool, transport, std::mem::take(&mut occasion));
        let wait = next.map(|at| at.duration_since(SystemTime::now()).unwrap_or_default());
        let order = match (finish_by, wait) {
            (Some(end), Some(wait)) if Instant::now() + wait < end => {
                if !stopping::rest(wait) {
                    continue;
                }
                return;
            }
            (Some(_), _) => return,
            // Idle costs nothing: no timer runs where nothing waits.
            (None, None) => {
                thrift::give_back();
                inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
            }
            (None, Some(wait)) => inbox.recv_timeout(wait),
        };
        match order {
            Ok(Order::Look(None)) | Err(RecvTimeoutError::Timeout) => {}
            Ok(Order::Look(Some(done))) => {
                send_due(spool, transport, false);
                let _ = done.send(());
            }
            Ok(Order::Finish) | Err(RecvTimeoutError::Disconnected) => finish_by = Some(Instant::now() + NEAR),
        }
    }
}

/// Tries all that is due, once; on an `occasion` also what is not due yet. Returns when the next attempt is due.
fn send_due(spool: &Spool, transport: &mut dyn Transport, occasion: bool) -> Option<SystemTime> {
    let waiting = match spool.outgoing() {
        Ok(waiting) => waiting,
        Err(error) => {
            tracing::error!(error = super::soft_error("", &error).message, "cannot look for reports to send");
            return None;
        }
    };
    let mut next: Option<SystemTime> = None;
    for id in waiting {
        if stopping::is_wished() {
            return None;
        }
        let due = match spool.claim(id) {
            Ok(Some(outgoing)) => send(outgoing, transport, occasion),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        match due {
            Ok(Some(due)) => next = Some(next.map_or(due, |next| next.min(due))),
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%id, error = super::soft_error("", &error).message, "the spool fails; the report is kept");
            }
        }
    }
    next
}

/// Tries one report if it is due. Returns when it is due again.
fn send(
    mut outgoing: Outgoing<'_>,
    transport: &mut dyn Transport,
    occasion: bool,
) -> Result<Option<SystemTime>, SpoolError> {
    let id = outgoing.id();
    match outgoing.next_attempt() {
        Some(due) if is_due(due, outgoing.last_attempt(), SystemTime::now(), occasion) => {}
        later => return Ok(later),
    }
    let reached = fail_points::reach(Point::Deliver)
        .map_err(|source| DeliverError::Report { id: uuid::Uuid::from_bytes(id.0), source });
    let sent = reached.and(parcel(&mut outgoing)?).and_then(|parcel| transport.send(&parcel));
    match sent {
        Ok(receipt) => {
            tracing::info!(%id, answer = receipt.answer, "sent");
            outgoing.sent()?;
            Ok(None)
        }
        Err(error) => {
            let words = super::soft_error("deliver", &error).message;
            tracing::warn!(%id, error = words, "not sent; the report is kept");
            outgoing.failed(&words, failure(&error), SystemTime::now())
        }
    }
}

/// Settings are the product's: its next version may have put them right, so a wrong password stays on the schedule.
fn failure(error: &DeliverError) -> Failure {
    match error {
        DeliverError::Altered { .. } => Failure::Final,
        error if error.is_permanent() => Failure::Permanent,
        _ => Failure::Transient,
    }
}

fn is_due(due: SystemTime, last: SystemTime, now: SystemTime, occasion: bool) -> bool {
    due <= now || occasion && last + OCCASION <= now
}

/// What of a granted report goes into a mail.
pub(super) fn parcel(outgoing: &mut Outgoing<'_>) -> Result<Result<Parcel, DeliverError>, SpoolError> {
    let (id, product, sha256) = (uuid::Uuid::from_bytes(outgoing.id().0), outgoing.product(), outgoing.sha256());
    let product = Product { vendor: product.vendor, name: product.name, version: product.version };
    // A version 7 id carries when it was made, to the millisecond: right after the error.
    let time = id.get_timestamp().map_or(0, |t| {
        let (seconds, nanos) = t.to_unix();
        seconds.saturating_mul(1_000_000_000).saturating_add(u64::from(nanos))
    });
    let file = outgoing.open()?;
    let opened = file.try_clone().and_then(|file| Ok((file.metadata()?.len(), file)));
    Ok(match opened {
        Ok((size, file)) => {
            let is_test = kind_of(&file) == Some(ErrorKind::Simulated);
            Ok(Parcel::new(id, product, time, file, size, sha256).of_test(is_test))
        }
        Err(source) => Err(DeliverError::Report { id, source }),
    })
}

/// As the summary says, with which each report begins, in clear.
pub(super) fn kind_of(file: &File) -> Option<ErrorKind> {
    let mut file = file;
    file.seek(SeekFrom::Start(0)).ok()?;
    let mut start = Vec::new();
    file.take(SUMMARY).read_to_end(&mut start).ok()?;
    let mut decoder = Decoder::new(Limits::default());
    decoder.push(&start);
    loop {
        match decoder.next() {
            Ok(Some(Event::Summary(summary))) => return Some(summary.kind()),
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return None,
        }
    }
}

/// The way to support that the product chose. A soft error says why there is none.
pub(crate) fn transport(mail: Option<schema::Mail>) -> Result<Box<dyn Transport + Send>, v1::SoftError> {
    let Some(mail) = mail else {
        return Err(soft_note("deliver", "the product names no way to support; reports are kept"));
    };
    deliver::transport(mail).map_err(|error| super::soft_error("deliver", &error))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_start_is_an_occasion_to_try_what_was_not_tried_just_now() {
        let at = |seconds| std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        assert!(super::is_due(at(100), at(0), at(100), false));
        assert!(!super::is_due(at(1800), at(0), at(1799), false));
        assert!(super::is_due(at(1800), at(0), at(60), true));
        assert!(!super::is_due(at(1800), at(0), at(59), true));
    }

    use super::*;

    #[test]
    fn a_wrong_password_is_tried_again_later_and_a_changed_file_never() {
        let password = |code| DeliverError::Credentials { host: "mail.example".into(), code, answer: String::new() };
        assert_eq!(failure(&password(535)), Failure::Permanent);
        assert_eq!(failure(&password(454)), Failure::Transient);
        let changed = DeliverError::Altered { id: uuid::Uuid::nil(), found: "3 bytes".into() };
        assert_eq!(failure(&changed), Failure::Final);
    }
}
