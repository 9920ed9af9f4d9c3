//! Serves one product process, from its start to its end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use report_format::ReportId;
use report_format::schema::v1::{self, ErrorKind};

use super::attachments::Attachments;
use super::delivery::{self, Delivery};
use super::dialog::ProductAsker;
use super::evidence::{self, Occurrence};
use super::exclusions::Exclusions;
use super::full_memory::Images;
use super::hang::HangWatch;
use super::hold::Hold;
use super::pipeline::{Became, Pipeline, PipelineError};
use super::restart::Restart;
use super::settings::Settings;
use super::spool_state::{open_spool, pipeline_fails, undelivered};
use super::sys::children::{self, CrashedChild};
use super::sys::connection::Connection;
use super::sys::threads;
use super::sys::thrift;
use super::sys::watch::{Ending, Product};
use super::{soft_error, soft_note};
use crate::consent::AdministratorPolicy;
use crate::ipc::socket::{Datagram, Descriptor, IpcError, Socket};
use crate::ipc::{self, PROTOCOL_VERSION, wait};
use crate::schema::{
    ClientMessage, Done, HandledError, HandlerMessage, Hello, Ready, Refused, client_message, handler_message,
};
use crate::shared::left::Name;
use crate::shared::mapping::Mapping;
use crate::shared::snapshot::{CrashRecord, Heartbeat, Snapshot};
use crate::stopping;

/// The product says hello right after it has started us.
const HELLO_TIME: Duration = Duration::from_secs(10);
const SEND_TIME: Duration = Duration::from_secs(1);
/// Handled errors of one process that become reports. A product that fails in a loop must not fill the disk.
const MOST_HANDLED: usize = 64;
/// Soft errors that wait to be told, so that they fit into one message.
const MOST_TOLD: usize = 32;
/// Bytes of what comes over the crash channel: a child's record and context, with some room.
const CRASH_BYTES: usize = 8 << 10;

/// The handler cannot serve. The product goes on without it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The product did not say what it wants.
    #[error("no hello from the product")]
    Hello(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Whoever is at the other end is not who may be served, or speaks otherwise. It was told.
    #[error("refused to serve: {0}")]
    Refused(String),
    /// The system failed.
    #[error("cannot watch the product")]
    Io(#[from] io::Error),
}

/// Serves the product at the other end until it is gone and nothing is left to do.
///
/// # Errors
/// It never came to serving. After that whatever fails is in the log and in the reports.
pub fn serve(connection: Connection) -> Result<(), ServeError> {
    thrift::begin();
    let (sequence, hello, memory) = hello(&connection.control).map_err(|error| ServeError::Hello(Box::new(error)))?;
    let started = Server::start(&connection, hello, memory).inspect_err(|error| {
        let refused = handler_message::Message::Refused(Refused { reason: error.to_string() });
        let message = HandlerMessage { sequence, message: Some(refused) };
        // It may be gone.
        let _ = connection.control.send(&message, &[], SEND_TIME);
    })?;
    let mut server = Server::new(connection, started);
    server.ready(sequence);
    server.run()?;
    if let Some(delivery) = server.delivery {
        delivery.finish();
    }
    Ok(())
}

fn hello(control: &Socket) -> Result<(u64, Hello, Vec<Descriptor>), IpcError> {
    let (message, descriptors) = control.receive::<ClientMessage>(HELLO_TIME)?;
    match message.message {
        Some(client_message::Message::Hello(hello)) => Ok((message.sequence, hello, descriptors)),
        _ => Err(IpcError::Closed),
    }
}

struct Server {
    control: Socket,
    crash_channel: Arc<Socket>,
    shared: Arc<Mapping>,
    product: Product,
    pipeline: Pipeline,
    delivery: Option<Delivery>,
    attachments: Attachments,
    /// A handled error that wants a dump: the crash byte that follows is its.
    announced: Option<HandledError>,
    handled: usize,
    /// Of the last crash slot that was taken: a byte too many makes no second report.
    last_number: u64,
    /// Crashes whose reports failed: what the product has left of them itself is all that there is.
    unreported: Vec<u64>,
    /// Of the last error that held the product.
    last_kind: Option<ErrorKind>,
    /// A closed one is always ready: it is no longer waited for.
    crash_channel_open: bool,
    hang: Option<HangWatch>,
    restart: Option<Restart>,
    soft_errors: Vec<v1::SoftError>,
    /// Drafts of this run whose question was put off. They are offered again by the next run.
    asked: Vec<ReportId>,
}

/// What is there once a product is known.
struct Started {
    shared: Mapping,
    product: Product,
    pipeline: Pipeline,
    delivery: Option<Delivery>,
    attachments: Attachments,
    soft_errors: Vec<v1::SoftError>,
}

/// What a look at the control socket showed.
#[derive(PartialEq)]
enum Control {
    Open,
    Closed,
}

impl Server {
    fn new(connection: Connection, started: Started) -> Self {
        let Started { shared, product, mut pipeline, delivery, attachments, soft_errors } = started;
        let (control, crash_channel) = connection.into_parts();
        Self {
            control,
            crash_channel: Arc::new(crash_channel),
            shared: Arc::new(shared),
            hang: HangWatch::new(pipeline.settings.hang_after_millis),
            restart: Restart::new(pipeline.settings.restart.take(), product.id()),
            product,
            pipeline,
            delivery,
            attachments,
            announced: None,
            handled: 0,
            last_number: 0,
            unreported: Vec::new(),
            last_kind: None,
            crash_channel_open: true,
            soft_errors,
            asked: Vec::new(),
        }
    }

    fn start(connection: &Connection, hello: Hello, memory: Vec<Descriptor>) -> Result<Started, ServeError> {
        if hello.protocol_version != PROTOCOL_VERSION {
            let message = format!(
                "the product speaks protocol {}, this handler ({}) speaks {PROTOCOL_VERSION}: install both from one release",
                hello.protocol_version,
                env!("CARGO_PKG_VERSION")
            );
            return Err(ServeError::Refused(message));
        }
        // What the two mean by the same bytes is tested for one release only.
        if hello.sdk_version != env!("CARGO_PKG_VERSION") {
            let message = format!(
                "the product has release {} of the SDK, this handler is of release {}: install both from one release",
                hello.sdk_version,
                env!("CARGO_PKG_VERSION")
            );
            return Err(ServeError::Refused(message));
        }
        let product = Product::of(connection)?;
        let Some(memory) = memory.into_iter().next() else {
            return Err(ServeError::Refused("the hello came without the shared memory".into()));
        };
        let shared = Mapping::open(memory)?;
        // What it means is evidence for later; that both sides mean the same by it is to be known now.
        Snapshot::check(&shared).map_err(|error| {
            let message = super::soft_error("", &error).message;
            ServeError::Refused(format!(
                "the shared memory is of another kind: {message}; install both from one release"
            ))
        })?;

        let configuration = hello.configuration.unwrap_or_default();
        let mut soft_errors = Vec::new();
        let mut attachments = Attachments::default();
        for file in configuration.attachments.clone() {
            attachments.add_file(file).unwrap_or_else(|error| soft_errors.push(soft_error("attachments", &error)));
        }
        let mut settings = Settings::new(configuration);
        let (administrator, told) = AdministratorPolicy::read(&settings.product.vendor, &settings.product.name);
        soft_errors.extend(told);
        if settings.children
            && let Err(error) = children::listen(&connection.crash_channel)
        {
            soft_errors.push(soft_error("children", &error));
        }
        let spool = match &settings.spool {
            Some(path) => open_spool(path, &mut soft_errors).map(|spool| spool.limited(settings.spool_limits)),
            None => {
                soft_errors.push(soft_note("spool", "there is no home directory: name a spool in the options"));
                None
            }
        };
        soft_errors.extend(spool.as_ref().map(undelivered).unwrap_or_default());
        let delivery = match (delivery::transport(settings.mail.take()), &spool) {
            (Ok(transport), Some(spool)) => Delivery::start(spool.path().to_owned(), transport)
                .map_err(|error| soft_errors.push(soft_error("deliver", &error)))
                .ok(),
            (Ok(_), None) => None,
            (Err(error), _) => {
                soft_errors.push(error);
                None
            }
        };
        let pid = product.id();
        let (exclusions, images) = (Exclusions::default(), Images::default());
        let pipeline = Pipeline { settings, administrator, spool, pid, exclusions, images };
        Ok(Started { shared, product, pipeline, delivery, attachments, soft_errors })
    }

    fn ready(&mut self, sequence: u64) {
        evidence::prepare();
        let ready = Ready {
            handler_version: env!("CARGO_PKG_VERSION").into(),
            soft_errors: std::mem::take(&mut self.soft_errors),
        };
        self.send(sequence, handler_message::Message::Ready(ready));
    }

    fn run(&mut self) -> Result<(), ServeError> {
        self.take_lost();
        self.pipeline.settle_standing();
        self.look();
        loop {
            let end = self.product.end();
            let crash = if self.crash_channel_open { self.crash_channel.readable() } else { end };
            let wish = stopping::wish().unwrap_or(end);
            // Nothing wakes an idle handler but the product, unless it is to notice hangs.
            let rest = self.hang.as_ref().map(HangWatch::rest);
            let [control, crash, ended, to_end] = wait::ready([self.control.readable(), crash, end, wish], rest)?;
            let is_quiet = !(control || crash || ended || to_end);
            // Control first: a handled error comes before the byte that asks for its dump, and a shutdown before the end.
            let control = if control { self.control_messages() } else { Control::Open };
            if crash && self.crash_channel_open {
                self.crash_byte();
            }
            if ended {
                self.product_ended();
                return Ok(());
            }
            if to_end {
                tracing::info!("ended by a signal; the product goes on");
                return Ok(());
            }
            if control == Control::Closed {
                // The product has let go of us, or has become another program (exec). Its end is still worth seeing.
                let wish = stopping::wish().unwrap_or(self.product.end());
                let [ended, _] = wait::ready([self.product.end(), wish], None)?;
                if ended {
                    self.product_ended();
                }
                return Ok(());
            }
            if is_quiet {
                self.look_for_a_hang();
            }
        }
    }

    /// Reports of earlier runs that had lost their handler. They read files: a product that fails meanwhile sees that we are at work.
    fn take_lost(&self) {
        let mut hold = Hold::on(Arc::clone(&self.crash_channel));
        hold.show_progress();
        self.pipeline.take_lost();
        hold.silently();
    }

    fn control_messages(&mut self) -> Control {
        loop {
            match self.control.receive::<ClientMessage>(Duration::ZERO) {
                Ok((message, descriptors)) => self.control_message(message, descriptors),
                Err(IpcError::TimedOut(_)) => return Control::Open,
                Err(IpcError::Closed) => return Control::Closed,
                Err(error @ (IpcError::Malformed(_) | IpcError::TooLarge { .. } | IpcError::TooManyDescriptors)) => {
                    tracing::warn!(%error, "a message of the product is dropped");
                }
                Err(error) => {
                    tracing::error!(%error, "the control socket fails");
                    return Control::Closed;
                }
            }
        }
    }

    fn control_message(&mut self, message: ClientMessage, descriptors: Vec<Descriptor>) {
        let sequence = message.sequence;
        match message.message {
            Some(client_message::Message::HandledError(error)) if error.crash_number != 0 => {
                self.announced = Some(error);
            }
            Some(client_message::Message::HandledError(error)) => self.handled_error(error),
            Some(client_message::Message::AttachFile(file)) => {
                let added = self.attachments.add_file(file);
                self.note("attachments", added);
            }
            Some(client_message::Message::AttachBytes(bytes)) => {
                if let Some(content) = descriptors.into_iter().next() {
                    let added = self.attachments.add_bytes(bytes, content);
                    self.note("attachments", added);
                }
            }
            Some(client_message::Message::ExcludeMemory(piece)) => {
                let changed = self.pipeline.exclusions.change(piece.address, piece.length);
                self.note("memory", changed);
            }
            Some(client_message::Message::Flush(flush)) => {
                let mut hold = Hold::on(Arc::clone(&self.crash_channel));
                hold.show_progress();
                if let Some(delivery) = &self.delivery {
                    delivery.look_and_wait(Duration::from_millis(flush.timeout_millis));
                }
                hold.silently();
                self.done(sequence);
            }
            Some(client_message::Message::Shutdown(shutdown)) => {
                let mut hold = Hold::on(Arc::clone(&self.crash_channel));
                hold.show_progress();
                // It ends as it should and waits: now the person can be asked, where a terminal is there.
                let timeout = Duration::from_millis(shutdown.timeout_millis);
                if !timeout.is_zero() {
                    self.pipeline.offer_kept(&self.asked, &mut self.asker().timeout(timeout));
                }
                self.look();
                hold.silently();
                self.done(sequence);
            }
            Some(client_message::Message::Hello(_)) | None => {
                tracing::warn!("a message of the product makes no sense here");
            }
        }
    }

    fn note(&mut self, subject: &str, result: Result<(), impl std::error::Error>) {
        if let Err(error) = result {
            tracing::warn!(%error, "left out");
            self.tell(soft_error(subject, &error));
        }
    }

    /// The product learns it with the next answer.
    fn tell(&mut self, soft: v1::SoftError) {
        if self.soft_errors.len() < MOST_TOLD {
            self.soft_errors.push(soft);
        }
    }

    /// One byte at a time: what came over control before the next one is to be read before it.
    fn crash_byte(&mut self) {
        let mut bytes = [0; CRASH_BYTES];
        match self.crash_channel.receive_datagram(&mut bytes, Duration::ZERO) {
            Ok(Datagram { size: 1, .. }) if bytes[0] == ipc::CRASHED => self.crashed(),
            Ok(datagram) if datagram.size > 1 && self.pipeline.settings.children => {
                match CrashedChild::of(&self.product, &bytes[..datagram.size], datagram) {
                    Ok(child) => self.child_crashed(child),
                    Err(error) => tracing::warn!(%error, "not reported: no crash of a child"),
                }
            }
            Ok(_) => tracing::warn!("a byte on the crash channel makes no sense"),
            Err(IpcError::TimedOut(_)) => {}
            Err(IpcError::Closed) => self.crash_channel_open = false,
            Err(error) => {
                tracing::error!(%error, "the crash channel fails");
                self.crash_channel_open = false;
            }
        }
    }

    /// The product waits: it has filled the crash slot.
    fn crashed(&mut self) {
        let hold = Hold::on(Arc::clone(&self.crash_channel)).with_record(Arc::clone(&self.shared));
        let snapshot = match Snapshot::read(&self.shared) {
            Ok(snapshot) => snapshot,
            Err(error) => return tracing::error!(%error, "no report: the shared memory makes no sense"),
        };
        let Some(crash) = snapshot.crash.clone() else {
            return tracing::error!("no report: the crash slot is not filled");
        };
        if crash.number <= self.last_number {
            return tracing::warn!(number = crash.number, "this crash is reported already");
        }
        self.last_number = crash.number;
        let handled = self.announced.take().filter(|error| error.crash_number == crash.number);
        let kind = crash.kind;
        self.last_kind = Some(kind);
        if let Some(restart) = &mut self.restart {
            restart.failed(kind, crash.signal);
        }
        let occurrence = Occurrence { kind, snapshot, crash: Some(crash), handled };
        self.report(&occurrence, hold);
        self.forget_lost(&occurrence.snapshot);
    }

    /// The product may have given us up and left what we have reported since.
    fn forget_lost(&self, snapshot: &Snapshot) {
        let Some(spool) = &self.pipeline.spool else { return };
        let started = snapshot.started_realtime;
        if let Err(error) = spool.forget_lost(started, self.pipeline.pid, self.last_number, &self.unreported) {
            tracing::warn!(error = soft_error("", &error).message, "a crash may be reported twice");
        }
    }

    /// A child waits. The product does not, and goes on.
    fn child_crashed(&mut self, child: CrashedChild) {
        let snapshot = Snapshot::read(&self.shared).unwrap_or_default();
        let (occurrence, pid) = (child.occurrence(snapshot), child.pid());
        self.report_of(pid, &occurrence, Hold::on(Arc::new(child.into_socket())));
    }

    /// Nothing else is to be done: what the product has just sent is a sign of life, too, and may be what has held it.
    fn look_for_a_hang(&mut self) {
        let Some(watch) = self.hang.as_mut().filter(|watch| watch.rest().is_zero()) else { return };
        let pid = self.product.id();
        // One that cannot be asked about is about to end.
        let is_stopped = || threads::is_stopped(pid).unwrap_or(true);
        if let Some(thread) = watch.look(Heartbeat::read(&self.shared), is_stopped) {
            let snapshot = Snapshot::read(&self.shared).unwrap_or_default();
            let occurrence = watch.occurrence(pid, thread, snapshot);
            self.report(&occurrence, Hold::nobody());
        }
    }

    fn handled_error(&mut self, error: HandledError) {
        self.handled += 1;
        if self.handled > MOST_HANDLED {
            return tracing::warn!(MOST_HANDLED, "a handled error is dropped: enough of this process are reported");
        }
        let snapshot = Snapshot::read(&self.shared).unwrap_or_default();
        // Only these come without the product being held; whatever else is claimed is one of them.
        let kind = match error.kind() {
            kind @ ErrorKind::UnhandledException => kind,
            _ => ErrorKind::HandledError,
        };
        let occurrence = Occurrence { kind, snapshot, crash: None, handled: Some(error) };
        self.report(&occurrence, Hold::nobody());
    }

    fn asker(&self) -> ProductAsker {
        ProductAsker::new(self.pipeline.settings.dialog.clone(), self.product.id(), self.product.pid())
            .watched_by(self.delivery.as_ref().map(Delivery::watchers))
    }

    fn report(&mut self, occurrence: &Occurrence, hold: Hold) {
        self.report_of(self.pipeline.pid, occurrence, hold);
    }

    /// Of the product's own process, or of a child that the kernel says is the product's.
    fn report_of(&mut self, pid: u32, occurrence: &Occurrence, hold: Hold) {
        // Not where the product has ended as it should, or goes on.
        let mut asker = self.asker().restarts(self.restart.as_ref().is_some_and(Restart::can_follow));
        let became = self.pipeline.report(pid, occurrence, &self.attachments, &mut asker, hold);
        if asker.stays_ended() {
            self.restart = None;
        }
        if let Some(watch) = &mut self.hang {
            watch.begin_anew();
        }
        match became {
            Ok(Became::Queued) => self.look(),
            Ok(Became::Later(id)) => self.asked.push(id),
            Ok(became) => tracing::info!(kind = ?occurrence.kind, ?became, "not sent now"),
            Err(error) => {
                let soft = pipeline_fails(&error);
                match error {
                    PipelineError::Elsewhere { .. } => {
                        tracing::warn!(error = soft.message, "the report is kept elsewhere");
                    }
                    PipelineError::InPart(_) => tracing::error!(error = soft.message, "the report is kept in part"),
                    PipelineError::Stays(_) => tracing::error!(error = soft.message, "the draft stays"),
                    _ => {
                        // After a panic nobody knows.
                        if !matches!(error, PipelineError::Panicked) {
                            asker.lost();
                        }
                        self.unreported.extend(occurrence.crash.as_ref().map(|crash| crash.number));
                        tracing::error!(error = soft.message, "the report is lost");
                    }
                }
                self.tell(soft);
            }
        }
        thrift::give_back();
    }

    /// The product is gone. What it said last is still in its sockets and in the shared memory.
    fn product_ended(&mut self) {
        self.control_messages();
        let ending = self.product.ending();
        let snapshot = match Snapshot::read(&self.shared) {
            Ok(snapshot) => snapshot,
            Err(error) => return tracing::error!(%error, "the shared memory makes no sense"),
        };
        tracing::info!(?ending, clean = snapshot.clean_exit, "the product has ended");
        self.forget_lost(&snapshot);
        self.start_again(ending);
        // Whoever kills a product that hangs has seen what was reported.
        let hangs = self.hang.as_ref().is_some_and(HangWatch::hangs);
        if snapshot.clean_exit || ending.is_wanted() || hangs || is_end_of(self.last_kind, ending) {
            return;
        }
        // A crash slot that was filled without us being told: the signal came when the channel was full, or the process was killed right then.
        let crash = snapshot.crash.clone().filter(|crash| crash.number > self.last_number);
        let name = |crash: &CrashRecord| Name::of(snapshot.started_realtime, self.pipeline.pid, crash.number);
        if let (Some(crash), Some(spool)) = (&crash, &self.pipeline.spool)
            && spool.has_lost(&name(crash))
        {
            return tracing::info!("the product has left its crash for the next start");
        }
        let fault = crash.is_none().then(|| ending.fault()).flatten();
        let kind = if fault.is_some() { ErrorKind::Crash } else { ErrorKind::Vanished };
        let crash = crash.or_else(|| fault.map(|fault| CrashRecord::of_an_end(kind, self.pipeline.pid, fault)));
        let occurrence = Occurrence { kind, snapshot, crash, handled: None };
        self.report(&occurrence, Hold::nobody());
    }

    fn start_again(&self, ending: Ending) {
        match self.restart.as_ref().map(|restart| restart.after(ending, self.pipeline.spool.as_ref())) {
            Some(Ok(true)) => tracing::info!("the product is started again"),
            Some(Err(error)) => {
                tracing::warn!(error = soft_error("", &error).message, "the product is not started again");
            }
            Some(Ok(false)) | None => {}
        }
    }

    fn look(&self) {
        if let Some(delivery) = &self.delivery {
            delivery.look();
        }
    }

    fn done(&mut self, sequence: u64) {
        let soft_errors = std::mem::take(&mut self.soft_errors);
        self.send(sequence, handler_message::Message::Done(Done { soft_errors }));
    }

    fn send(&self, sequence: u64, message: handler_message::Message) {
        let message = HandlerMessage { sequence, message: Some(message) };
        if let Err(error) = self.control.send(&message, &[], SEND_TIME) {
            tracing::warn!(%error, "the product does not listen");
        }
    }
}

/// Whether the process ended of what it had reported, which is not told a second time: a crash runs its course, and after a panic or an exception
/// that nothing catches comes the abort.
fn is_end_of(reported: Option<ErrorKind>, ending: Ending) -> bool {
    match reported {
        Some(ErrorKind::Crash | ErrorKind::OutOfMemory) => true,
        Some(ErrorKind::Panic | ErrorKind::UnhandledException) => ending.can_be_an_abort(),
        _ => false,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
