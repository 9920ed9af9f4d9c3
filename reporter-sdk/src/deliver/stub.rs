//! A transport for tests: keeps what it is given, fails when told to.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::{DeliverError, Parcel, Product, Receipt, Transport};

/// Takes every parcel, in memory. Clones share what they hold, so that a test keeps one and gives the other away.
///
/// ```
/// use reporter_sdk::deliver::{DeliverError, Stub};
///
/// let stub = Stub::new();
/// stub.fail_next(DeliverError::Usage { what: "as the test wants it".into() });
/// let transport: Box<dyn reporter_sdk::deliver::Transport> = Box::new(stub.clone());
/// // ... the code under test sends with `transport` ...
/// assert!(stub.delivered().is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Stub {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    failures: VecDeque<DeliverError>,
    delivered: Vec<Delivered>,
    attempts: usize,
}

/// A parcel that a [`Stub`] took.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivered {
    /// The report's id.
    pub id: Uuid,
    /// The product that the report is about.
    pub product: Product,
    /// The encoded report, whole.
    pub report: Vec<u8>,
}

impl Stub {
    /// A stub that takes everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next attempt that is not yet spoken for fails with `error`.
    pub fn fail_next(&self, error: DeliverError) {
        self.lock().failures.push_back(error);
    }

    /// What was taken so far, in order.
    pub fn delivered(&self) -> Vec<Delivered> {
        self.lock().delivered.clone()
    }

    /// How many attempts there were, failed ones included.
    pub fn attempts(&self) -> usize {
        self.lock().attempts
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Stub {
    fn send(&mut self, parcel: &Parcel) -> Result<Receipt, DeliverError> {
        let mut inner = self.lock();
        inner.attempts += 1;
        if let Some(error) = inner.failures.pop_front() {
            return Err(error);
        }
        let unreadable = |source| DeliverError::Report { id: parcel.id(), source };
        let mut report = Vec::new();
        parcel.content().and_then(|mut content| content.read_to_end(&mut report)).map_err(unreadable)?;
        inner.delivered.push(Delivered { id: parcel.id(), product: parcel.product().clone(), report });
        Ok(Receipt::new(parcel.message_id("stub.invalid"), "kept in memory"))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn it_fails_as_told_and_then_keeps_the_whole_report() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"report").unwrap();
        let parcel = Parcel::new(Uuid::nil(), Product::default(), 0, file, 6, Sha256::digest(b"report").into());
        let stub = Stub::new();
        let mut transport = stub.clone();
        stub.fail_next(DeliverError::Usage { what: "told so".into() });
        assert!(transport.send(&parcel).is_err());
        transport.send(&parcel).unwrap();
        transport.send(&parcel).unwrap();
        assert_eq!(stub.attempts(), 3);
        assert_eq!(stub.delivered().iter().map(|d| d.report.as_slice()).collect::<Vec<_>>(), [b"report", b"report"]);
    }
}
