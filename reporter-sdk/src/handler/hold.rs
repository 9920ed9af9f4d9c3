//! A product that waits while its error is reported.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::ipc::{self, socket::Socket};
use crate::shared::mapping::Mapping;
use crate::shared::record::MemoryRecord;

const PROGRESS_EVERY: Duration = Duration::from_secs(1);
/// The product has a system call for each page to make, in a signal handler.
const RECORD_TIME: Duration = Duration::from_secs(2);

/// A product that waits. Told once a second that we are at work, once we show it, until it may go on.
pub(crate) struct Hold {
    running: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
    channel: Option<Arc<Socket>>,
    /// Where it writes its record.
    shared: Option<Arc<Mapping>>,
}

impl Hold {
    /// The product waits on this channel.
    pub(crate) fn on(channel: Arc<Socket>) -> Self {
        Self { running: None, channel: Some(channel), shared: None }
    }

    /// Tells the product from now on that we are at work. Whoever holds it may have something more pressing to begin before, which is to take no second.
    pub(crate) fn show_progress(&mut self) {
        let Some(channel) = self.channel.as_ref().filter(|_| self.running.is_none()) else { return };
        let (stop, stopped) = mpsc::channel();
        let ticking = Arc::clone(channel);
        let tick = move || {
            while matches!(stopped.recv_timeout(PROGRESS_EVERY), Err(RecvTimeoutError::Timeout)) {
                // A product that is gone is noticed elsewhere.
                let _ = ticking.send_bytes(&[ipc::PROGRESS], &[], Duration::ZERO);
            }
        };
        // Without a thread the product waits as long as it does without progress.
        self.running =
            std::thread::Builder::new().name("progress".into()).spawn(tick).ok().map(|thread| (stop, thread));
    }

    /// The thread that waits can be asked for a record of its memory, there.
    pub(crate) fn with_record(mut self, shared: Arc<Mapping>) -> Self {
        self.shared = Some(shared);
        self
    }

    /// Asks the thread that waits for what it can tell of its memory itself. Where it does not answer, it may have given us up and told it before. `None` where
    /// there is nothing; it can be of an earlier crash.
    pub(super) fn record(&self) -> Option<MemoryRecord> {
        let (channel, shared) = (self.channel.as_ref()?, self.shared.as_ref()?);
        let asked = channel.send_bytes(&[ipc::RECORD], &[], Duration::ZERO);
        let _ = asked.and_then(|()| channel.receive_bytes(&mut [0], RECORD_TIME));
        MemoryRecord::read(shared)
    }

    /// Nobody waits.
    pub(crate) fn nobody() -> Self {
        Self { running: None, channel: None, shared: None }
    }

    /// Whether the product waits.
    pub(super) fn is_held(&self) -> bool {
        self.channel.is_some()
    }

    /// Lets it go on. Once.
    pub(crate) fn release(&mut self) {
        self.stop();
        if let Some(channel) = self.channel.take() {
            let _ = channel.send_bytes(&[ipc::DONE], &[], Duration::ZERO);
        }
    }

    fn stop(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            drop(stop);
            // It sleeps in a wait that has just ended.
            let _ = thread.join();
        }
    }

    /// Ends the ticks and says nothing, for waits that end by a message.
    pub(crate) fn silently(mut self) {
        self.channel = None;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.release();
    }
}
