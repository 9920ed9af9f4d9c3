//! `out/`: granted, encoded, waiting for delivery.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prost::Message;
use report_format::ReportId;
use report_format::schema::v1::Product;
use sha2::{Digest, Sha256};

use super::directory::{Claim, Locked};
use super::drafts::{id_of, nanos};
use super::{Spool, SpoolError, SpoolLimits, schedule};
use crate::encode::{EncodeError, Encoded};
use crate::schema::DeliveryState;

const REPORT: &str = ".report";
const STATE: &str = ".state";
const VERSION: u32 = 1;
/// Of an error's text, in bytes: a server's answer, not its autobiography.
const LONGEST_ERROR: usize = 2000;

/// A granted, encoded report, held: no other process sends it meanwhile. The only thing delivery can open.
#[derive(Debug)]
pub struct Outgoing<'a> {
    spool: &'a Spool,
    id: ReportId,
    state: DeliveryState,
    file: Locked,
}

/// How a failed attempt is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// It may work another time.
    Transient,
    /// It fails until somebody changes something, a password for example: the quick tries are left out.
    Permanent,
    /// It will never work: not tried again, kept.
    Final,
}

/// A report that could not be delivered so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// Which one.
    pub id: ReportId,
    /// How often it was tried.
    pub attempts: u32,
    /// Whether it is tried no more.
    pub gave_up: bool,
    /// Why the last attempt failed.
    pub last_error: String,
}

impl Outgoing<'_> {
    /// Which report it is.
    pub fn id(&self) -> ReportId {
        self.id
    }

    /// Of which product: for the mail's body.
    pub fn product(&self) -> Product {
        self.state.product.clone().unwrap_or_default()
    }

    /// Of the file.
    pub fn sha256(&self) -> [u8; 32] {
        self.state.sha256.as_slice().try_into().expect("checked when it was claimed")
    }

    /// How often it was tried.
    pub fn attempts(&self) -> u32 {
        self.state.attempts
    }

    /// When it may be tried next; in the past where it is due. `None` where it is tried no more.
    pub fn next_attempt(&self) -> Option<SystemTime> {
        (!self.state.gave_up).then(|| UNIX_EPOCH + Duration::from_nanos(self.state.next_attempt))
    }

    /// When it was tried last; the epoch before the first time.
    pub fn last_attempt(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(self.state.last_attempt)
    }

    /// Why the last attempt failed; empty before the first.
    pub fn last_error(&self) -> &str {
        &self.state.last_error
    }

    /// The report's bytes from the start, after a check that they are those that were granted.
    ///
    /// # Errors
    /// The file cannot be read, or it was changed: then it is in `bad/`.
    pub fn open(&mut self) -> Result<&mut File, SpoolError> {
        let name = file_name(self.id, REPORT);
        let read = |error| self.spool.out.failed("read", &name, error);
        self.file.seek(SeekFrom::Start(0)).map_err(read)?;
        let mut hash = Hashing { inner: io::sink(), hash: Sha256::new(), bytes: 0 };
        io::copy(&mut *self.file, &mut hash).map_err(read)?;
        if hash.hash.finalize().as_slice() != self.state.sha256 {
            self.spool.set_report_aside(self.id, "its digest is not the one that was granted")?;
            return Err(SpoolError::Changed { id: self.id });
        }
        self.file.seek(SeekFrom::Start(0)).map_err(read)?;
        Ok(&mut self.file)
    }

    /// It was accepted: removes it.
    ///
    /// # Errors
    /// It could not be removed; it will be sent again, and counted once by its id.
    pub fn sent(self) -> Result<(), SpoolError> {
        self.remove()
    }

    /// The person does not want it sent after all: destroys it.
    ///
    /// # Errors
    /// It could not be removed, and would be sent.
    pub fn withdraw(self) -> Result<(), SpoolError> {
        self.remove()
    }

    fn remove(self) -> Result<(), SpoolError> {
        // The report first: a state without a report is swept, a report without a state would be a riddle.
        self.spool.out.remove(&file_name(self.id, REPORT))?;
        self.spool.out.remove(&file_name(self.id, STATE))
    }

    /// It was not accepted: remembers why, and when to try again. The report is kept, whatever happens.
    ///
    /// Returns when it is due, `None` where it is tried no more: after a final failure, or 14 days of others.
    ///
    /// # Errors
    /// The state could not be written; the old one holds.
    pub fn failed(
        mut self,
        error: &dyn Display,
        failure: Failure,
        now: SystemTime,
    ) -> Result<Option<SystemTime>, SpoolError> {
        let state = &mut self.state;
        state.attempts = state.attempts.saturating_add(1);
        if state.first_attempt == 0 {
            state.first_attempt = nanos(now);
        }
        state.last_attempt = nanos(now);
        state.last_error = error.to_string();
        let cut = state.last_error.floor_char_boundary(LONGEST_ERROR);
        state.last_error.truncate(cut);
        let permanent = failure != Failure::Transient;
        let next = schedule::next(state.attempts, state.first_attempt, nanos(now), permanent);
        let next = next.filter(|_| failure != Failure::Final);
        state.gave_up = next.is_none();
        state.next_attempt = next.unwrap_or(0);
        self.spool.write_state(self.id, &self.state)?;
        Ok(self.next_attempt())
    }

    /// Makes it due at once, given up or not: the person or a new configuration wants it tried again.
    ///
    /// # Errors
    /// The state could not be written.
    pub fn retry_now(&mut self) -> Result<(), SpoolError> {
        self.state.gave_up = false;
        self.state.next_attempt = 0;
        self.state.first_attempt = 0;
        self.spool.write_state(self.id, &self.state)
    }
}

impl Spool {
    /// Makes room for a report of so many bytes. One that is being sent stays.
    fn make_room_outgoing(&self, bytes: u64) -> Result<(), SpoolError> {
        let ids = self.outgoing()?;
        let mut left = ids.len();
        let mut total = bytes;
        for id in &ids {
            total = total.saturating_add(self.out.size(&file_name(*id, REPORT))?);
        }
        let SpoolLimits { outgoing, bytes: most_bytes, .. } = self.limits;
        // Those that are tried no more, then the oldest.
        for given_up in [true, false] {
            for id in &ids {
                if !SpoolLimits::are_exceeded(left, outgoing, total, most_bytes) {
                    return Ok(());
                }
                let size = self.out.size(&file_name(*id, REPORT))?;
                // Gone in the round before, or held.
                let Some(held) = self.claim(*id)? else { continue };
                if !given_up || held.state.gave_up {
                    tracing::warn!(%id, attempts = held.attempts(), "a report that was not delivered gives way to a new one");
                    held.remove()?;
                    left -= 1;
                    total = total.saturating_sub(size);
                }
            }
        }
        Ok(())
    }

    /// Encodes a granted draft into `out/` and destroys the draft in `new/`, if it lies there. `encode` writes the report.
    ///
    /// Where more would wait than the spool's limits allow, older ones give way, first those that are not tried any more.
    ///
    /// # Errors
    /// Encoding or writing failed, or another process does the same: nothing is then in `out/`, and the draft is where it was.
    pub fn enqueue(
        &self,
        id: ReportId,
        product: &Product,
        encode: impl FnOnce(&mut dyn Write) -> Result<Encoded, EncodeError>,
    ) -> Result<Outgoing<'_>, SpoolError> {
        let name = file_name(id, REPORT);
        let Some(mut temporary) = self.out.temporary(&name)? else { return Err(SpoolError::Busy { id }) };
        if self.has_report(id)? {
            return Err(SpoolError::Busy { id });
        }
        let (sha256, bytes) = {
            let mut writer = Hashing { inner: io::BufWriter::new(&mut temporary), hash: Sha256::new(), bytes: 0 };
            encode(&mut writer).map_err(|source| SpoolError::Encode { id, source })?;
            writer.flush().map_err(|e| self.out.failed("write", &name, e))?;
            (writer.hash.finalize(), writer.bytes)
        };
        temporary.sync()?;
        self.make_room_outgoing(bytes)?;
        let product = Some(product.clone());
        let state = DeliveryState {
            version: VERSION,
            report_id: id.0.to_vec(),
            sha256: sha256.to_vec(),
            product,
            ..DeliveryState::default()
        };
        // State, report, draft, in this order: whatever a crash leaves is either swept or whole.
        self.write_state(id, &state)?;
        let file = temporary.publish()?;
        self.discard(id)?;
        Ok(Outgoing { spool: self, id, state, file })
    }

    /// The reports that wait, oldest first. Some may be held by other processes, some not be due yet.
    ///
    /// # Errors
    /// The directory cannot be listed.
    pub fn outgoing(&self) -> Result<Vec<ReportId>, SpoolError> {
        Ok(self.out.names(REPORT)?.iter().filter_map(|name| id_of(name, REPORT)).collect())
    }

    /// The reports whose delivery has failed so far, oldest first; also those that another process is trying right now.
    ///
    /// # Errors
    /// The directory cannot be listed, or a state in it not be read.
    pub fn undelivered(&self) -> Result<Vec<Undelivered>, SpoolError> {
        let mut failures = Vec::new();
        for id in self.outgoing()? {
            // Without the lock: a state is replaced whole, never written over.
            let Some(state) = self.read_state(id)? else { continue };
            // What cannot be understood is judged by whoever claims it.
            let Ok(DeliveryState { attempts, gave_up, last_error, .. }) = DeliveryState::decode(state.as_slice())
            else {
                continue;
            };
            if attempts > 0 {
                failures.push(Undelivered { id, attempts, gave_up, last_error });
            }
        }
        Ok(failures)
    }

    /// Takes a report to deliver it. `None` where it is gone, unreadable (it is then in `bad/`), written by a later version of
    /// the handler, or held by another process.
    ///
    /// # Errors
    /// It is there and the system does not let us have it.
    pub fn claim(&self, id: ReportId) -> Result<Option<Outgoing<'_>>, SpoolError> {
        let Claim::Ours(file) = self.out.claim(&file_name(id, REPORT))? else { return Ok(None) };
        let bytes = self.read_state(id)?.unwrap_or_default();
        match DeliveryState::decode(bytes.as_slice()) {
            Ok(state) if state.version > VERSION => Ok(None),
            Ok(state) if state.report_id == id.0 && state.sha256.len() == 32 => {
                Ok(Some(Outgoing { spool: self, id, state, file }))
            }
            _ => {
                self.set_report_aside(id, "its state is missing or cannot be read")?;
                Ok(None)
            }
        }
    }

    /// Moves a report that waits in another spool into this one, as it stands there. False where another process has it.
    ///
    /// # Errors
    /// It could not be read or written: it is then still there.
    pub(super) fn adopt_outgoing(&self, other: &Spool, id: ReportId) -> Result<bool, SpoolError> {
        let Some(mut theirs) = other.claim(id)? else { return Ok(false) };
        let name = file_name(id, REPORT);
        let Some(mut temporary) = self.out.temporary(&name)? else { return Ok(false) };
        io::copy(theirs.open()?, &mut temporary).map_err(|error| self.out.failed("write", &name, error))?;
        temporary.sync()?;
        // The order of `enqueue`.
        self.write_state(id, &theirs.state)?;
        temporary.publish()?;
        theirs.sent()?;
        Ok(true)
    }

    pub(super) fn has_report(&self, id: ReportId) -> Result<bool, SpoolError> {
        self.out.has(&file_name(id, REPORT))
    }

    /// Removes states whose report is gone: delivered, or never finished.
    pub(super) fn sweep_outgoing(&self) -> Result<(), SpoolError> {
        for name in self.out.names(STATE)? {
            let Some(id) = id_of(&name, STATE) else { continue };
            // First whether it is being written, then whether it is there: the other way round, one that is finished between
            // the two questions would look like neither.
            let being_written = self.out.is_being_written(&file_name(id, REPORT))?;
            if !being_written && !self.has_report(id)? {
                self.out.remove(&name)?;
            }
        }
        Ok(())
    }

    fn read_state(&self, id: ReportId) -> Result<Option<Vec<u8>>, SpoolError> {
        let name = file_name(id, STATE);
        let Some(mut file) = self.out.open_file(&name)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|e| self.out.failed("read", &name, e))?;
        Ok(Some(bytes))
    }

    fn write_state(&self, id: ReportId, state: &DeliveryState) -> Result<(), SpoolError> {
        self.out.write(&file_name(id, STATE), &state.encode_to_vec())
    }

    fn set_report_aside(&self, id: ReportId, why: &str) -> Result<(), SpoolError> {
        self.set_aside(&self.out, &file_name(id, REPORT), why)?;
        if self.out.has(&file_name(id, STATE))? {
            self.set_aside(&self.out, &file_name(id, STATE), why)?;
        }
        Ok(())
    }
}

fn file_name(id: ReportId, ending: &str) -> String {
    format!("{id}{ending}")
}

/// Hashes what passes through.
struct Hashing<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
