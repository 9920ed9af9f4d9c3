//! Sends what the spool's `out/` holds, on a thread of its own: a slow server holds nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use super::pipeline::save::save_outgoing;
use super::soft_note;
use super::sys::thrift;
use crate::consent::SaveError;
use crate::deliver::{self, DeliverError, Parcel, Product, Transport, Watch};
use crate::fail_points::{self, Point};
use crate::schema;
use crate::spool::{Failure, Outgoing, Spool, SpoolError};
use crate::stopping;
use report_format::schema::v1::{self, ErrorKind};
use report_format::{Decoder, Event, Limits, ReportId};

/// Attempts that lie further ahead are left to the next start. Covers the quick tries after 5 and 30 seconds.
const NEAR: Duration = Duration::from_secs(45);
/// A start of the product is an occasion of its own: the network may be back, the settings may have been put right. Not for a report that was
/// tried less than this ago, so that a product that is started in a loop leaves the server alone.
const OCCASION: Duration = Duration::from_mins(1);
/// So often whoever waits for a report is heard while nothing is sent.
const GLANCE: Duration = Duration::from_millis(200);
/// So long what could not be sent can be taken back or saved once the product is gone. The window shows it no longer.
const LAST_WISHES: Duration = Duration::from_mins(10);
/// Bytes at a report's start in which its summary is whole: it holds a few ids and numbers.
const SUMMARY: u64 = 4 << 10;

enum Order {
    /// Somebody waits to hear of these reports: in one order, since between two of them all that is due is sent.
    Watch(Vec<ReportId>, Arc<dyn Watcher>),
    /// Something is in `out/`. Answered when all that is due was tried once.
    Look(Option<Sender<()>>),
    /// No more orders come: make the near attempts, then end.
    Finish,
}

/// Somebody who is told how a report gets on, and can take it back, or have it in a file.
pub(super) trait Watcher: Send + Sync {
    /// Of the report so many bytes of so many are on their way. `Break`: it is not to be sent any more.
    fn sending(&self, done: u64, total: u64) -> ControlFlow<()>;
    /// Whether it is not to be sent any more.
    fn is_withdrawn(&self) -> bool;
    /// The file that it is to be written to; told once.
    fn wants_file(&self, id: ReportId) -> Option<PathBuf>;
    /// What came of that.
    fn saved(&self, saved: Result<(), SaveError>);
    /// Whether there is anybody still.
    fn is_there(&self) -> bool;
    /// Support has it.
    fn sent(&self, id: ReportId);
    /// It was tried, and is `again`, if ever.
    fn not_sent(&self, id: ReportId, why: &str, again: Option<Duration>);
    /// It is destroyed.
    fn withdrawn(&self);
}

/// Where watchers come from.
#[derive(Clone, Debug)]
pub(super) struct Watchers(Sender<Order>);

impl Watchers {
    /// Tells `watcher` of the reports from their next attempt on, until they are sent or this process ends.
    pub(super) fn add(&self, ids: &[ReportId], watcher: Arc<dyn Watcher>) {
        let _ = self.0.send(Order::Watch(ids.to_vec(), watcher));
    }
}

/// Who waits for which report.
type Watched = BTreeMap<ReportId, Arc<dyn Watcher>>;

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

    /// For whoever waits to hear of a report.
    pub(super) fn watchers(&self) -> Watchers {
        Watchers(self.orders.clone())
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
    let mut round = Round { spool, transport, watched: Watched::new(), sent: BTreeSet::new() };
    let mut finish_by = None;
    let mut occasion = true;
    loop {
        let next = round.send_due(std::mem::take(&mut occasion));
        let wait = next.map(|at| at.duration_since(SystemTime::now()).unwrap_or_default());
        let order = match (finish_by, wait) {
            (Some(end), Some(wait)) if Instant::now() + wait < end => {
                if !round.rest(wait) {
                    continue;
                }
                return;
            }
            (Some(_), _) => {
                thrift::give_back();
                round.rest_while_watched(LAST_WISHES);
                return;
            }
            (None, wait) => round.wait_for_order(inbox, wait),
        };
        match order {
            Ok(Order::Watch(ids, watcher)) => ids.into_iter().for_each(|id| round.watch(id, watcher.clone())),
            Ok(Order::Look(None)) | Err(RecvTimeoutError::Timeout) => {}
            Ok(Order::Look(Some(done))) => {
                round.send_due(false);
                let _ = done.send(());
            }
            Ok(Order::Finish) | Err(RecvTimeoutError::Disconnected) => finish_by = Some(Instant::now() + NEAR),
        }
    }
}

/// What every attempt needs.
struct Round<'a> {
    spool: &'a Spool,
    transport: &'a mut dyn Transport,
    watched: Watched,
    /// By this process.
    sent: BTreeSet<ReportId>,
}

impl Round<'_> {
    /// Tries all that is due, once; on an `occasion` also what is not due yet. Returns when the next attempt is due.
    fn send_due(&mut self, occasion: bool) -> Option<SystemTime> {
        let waiting = match self.spool.outgoing() {
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
            let due = match self.spool.claim(id) {
                Ok(Some(outgoing)) => self.send(outgoing, occasion),
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
    fn send(&mut self, mut outgoing: Outgoing<'_>, occasion: bool) -> Result<Option<SystemTime>, SpoolError> {
        let id = outgoing.id();
        let watcher = self.watched.get(&id).cloned();
        let watcher = watcher.as_ref();
        if watcher.is_some_and(|watcher| watcher.is_withdrawn()) {
            return self.destroy(outgoing).map(|()| None);
        }
        match outgoing.next_attempt() {
            Some(due) if is_due(due, outgoing.last_attempt(), SystemTime::now(), occasion) => {}
            later => return Ok(later),
        }
        let reached = fail_points::reach(Point::Deliver)
            .map_err(|source| DeliverError::Report { id: uuid::Uuid::from_bytes(id.0), source });
        let parcel = reached.and(parcel(&mut outgoing)?).map(|parcel| watched(parcel, watcher));
        let sent = parcel.and_then(|parcel| self.transport.send(&parcel));
        match sent {
            Ok(receipt) => {
                tracing::info!(%id, answer = receipt.answer, "sent");
                outgoing.sent()?;
                self.sent.insert(id);
                if let Some(watcher) = self.watched.remove(&id) {
                    watcher.sent(id);
                }
                Ok(None)
            }
            Err(_) if watcher.is_some_and(|watcher| watcher.is_withdrawn()) => self.destroy(outgoing).map(|()| None),
            Err(error) => {
                let words = super::soft_error("deliver", &error).message;
                tracing::warn!(%id, error = words, "not sent; the report is kept");
                let due = outgoing.failed(&words, failure(&error), SystemTime::now());
                if let Some(watcher) = watcher {
                    let again = due.as_ref().ok().copied().flatten();
                    let again = again.map(|at| at.duration_since(SystemTime::now()).unwrap_or_default());
                    watcher.not_sent(id, &words, again);
                }
                due
            }
        }
    }

    /// What was due for another reason can have been sent before anybody came to wait for it.
    fn watch(&mut self, id: ReportId, watcher: Arc<dyn Watcher>) {
        if self.sent.contains(&id) {
            watcher.sent(id);
        } else {
            self.watched.insert(id, watcher);
        }
    }

    /// As the person wants it.
    fn destroy(&mut self, outgoing: Outgoing<'_>) -> Result<(), SpoolError> {
        let id = outgoing.id();
        outgoing.withdraw()?;
        tracing::info!(%id, "taken back and destroyed");
        if let Some(watcher) = self.watched.remove(&id) {
            watcher.withdrawn();
        }
        Ok(())
    }

    /// Waits for an order, for that long at most, and hears meanwhile what those who wait for a report want.
    fn wait_for_order(&mut self, inbox: &Receiver<Order>, wait: Option<Duration>) -> Result<Order, RecvTimeoutError> {
        let end = wait.map(|wait| Instant::now() + wait);
        loop {
            self.hear();
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let glance = (!self.watched.is_empty()).then_some(GLANCE);
            let Some(time) = left.into_iter().chain(glance).min() else {
                // Idle costs nothing: no timer runs where nothing waits.
                thrift::give_back();
                return inbox.recv().map_err(|_| RecvTimeoutError::Disconnected);
            };
            match inbox.recv_timeout(time) {
                Err(RecvTimeoutError::Timeout) if left.is_none_or(|left| left > time) => {}
                order => return order,
            }
        }
    }

    /// The same where no order comes any more. Whether this program is to end.
    fn rest(&mut self, time: Duration) -> bool {
        let end = Instant::now() + time;
        self.rest_while_watched(time);
        let left = end.saturating_duration_since(Instant::now());
        stopping::rest(left)
    }

    /// Until nobody waits for a report any more, or `time` is over, or this program is to end.
    fn rest_while_watched(&mut self, time: Duration) {
        let end = Instant::now() + time;
        loop {
            self.hear();
            let left = end.saturating_duration_since(Instant::now());
            if self.watched.is_empty() || left.is_zero() {
                return;
            }
            if stopping::rest(GLANCE.min(left)) {
                return self.hear();
            }
        }
    }

    /// Does what those want who wait for a report: between two attempts, and at the end, since a next start would not know of it.
    fn hear(&mut self) {
        let watched: Vec<_> = self.watched.iter().map(|(id, watcher)| (*id, Arc::clone(watcher))).collect();
        for (id, watcher) in watched {
            let is_there = watcher.is_there();
            if let Some(path) = watcher.wants_file(id) {
                watcher.saved(self.save(id, &path));
            }
            let taken_back = if watcher.is_withdrawn() { self.take_back(id) } else { Ok(()) };
            if let Err(error) = &taken_back {
                let words = super::soft_error("", error).message;
                tracing::error!(%id, error = words, "what was taken back is still there");
                watcher.not_sent(id, &words, None);
            }
            if !is_there || taken_back.is_err() {
                self.watched.remove(&id);
            }
        }
    }

    fn save(&self, id: ReportId, path: &Path) -> Result<(), SaveError> {
        let mut outgoing = self.spool.claim(id)?.ok_or("the report is being sent, or is there no more")?;
        save_outgoing(&mut outgoing, path)
    }

    fn take_back(&mut self, id: ReportId) -> Result<(), SpoolError> {
        match self.spool.claim(id)? {
            Some(outgoing) => self.destroy(outgoing),
            None => Ok(()),
        }
    }
}

/// Tells `watcher` as it is sent.
fn watched(parcel: Parcel, watcher: Option<&Arc<dyn Watcher>>) -> Parcel {
    let total = parcel.size();
    let watch = watcher.cloned().map(|watcher| -> Watch { Arc::new(move |done| watcher.sending(done, total)) });
    parcel.watched(watch)
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
mod tests;
