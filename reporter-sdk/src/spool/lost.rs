//! `lost/`: the shared memory of products whose handler was lost, as they have left it themselves. Evidence of a process that has gone wrong.

use std::io::Read;
use std::sync::atomic::AtomicU64;

use prost::encoding::{DecodeContext, decode_key, decode_varint, skip_field};

use super::directory::{Claim, Locked};
use super::drafts::ENDING as DRAFT;
use super::{Spool, SpoolError};
use crate::fail_points::{self, Point};
use crate::shared::layout;
pub(super) use crate::shared::left::ENDING;
use crate::shared::left::Name;

/// Number of `StoredDraft.time` in the schema.
const DRAFT_TIME: u32 = 6;
/// What comes before the sections of a draft is shorter.
const DRAFT_HEAD: u64 = 64 << 10;

/// What a product has left, held: no other process makes a report of it meanwhile. Dropped, it stays where it is.
#[derive(Debug)]
pub(crate) struct HeldLost<'a> {
    spool: &'a Spool,
    name: String,
    /// A copy: a file that is cut short while it is read makes these fewer and no more.
    pub(crate) words: Vec<AtomicU64>,
    _lock: Locked,
}

impl HeldLost<'_> {
    /// Destroys it.
    pub(crate) fn discard(self) -> Result<(), SpoolError> {
        self.spool.lost.remove(&self.name)
    }

    /// Moves it out of the way: no report can be made of it.
    pub(crate) fn set_aside(self, why: &str) -> Result<(), SpoolError> {
        self.spool.set_aside(&self.spool.lost, &self.name, why)
    }
}

impl Spool {
    /// The names of what products have left, oldest first.
    pub(crate) fn lost(&self) -> Result<Vec<String>, SpoolError> {
        self.lost.names(ENDING)
    }

    /// Takes what a product has left. `None` where it is gone, held by another process, or of another size than ours (it is then in `bad/`).
    pub(crate) fn take_lost(&self, name: &str) -> Result<Option<HeldLost<'_>>, SpoolError> {
        let Claim::Ours(mut lock) = self.lost.claim(name)? else { return Ok(None) };
        let mut bytes = Vec::with_capacity(layout::SIZE + 1);
        fail_points::reach(Point::LostRead)
            .and_then(|()| Read::by_ref(&mut *lock).take(layout::SIZE as u64 + 1).read_to_end(&mut bytes))
            .map_err(|error| self.lost.failed("read", name, error))?;
        if bytes.len() != layout::SIZE {
            let why = format!("{} bytes or more, expected {}: of another release?", bytes.len(), layout::SIZE);
            self.set_aside(&self.lost, name, &why)?;
            return Ok(None);
        }
        let (words, _) = bytes.as_chunks();
        let words = words.iter().map(|word| AtomicU64::new(u64::from_le_bytes(*word))).collect();
        Ok(Some(HeldLost { spool: self, name: name.into(), words, _lock: lock }))
    }

    /// Whether a process has left this crash.
    pub(crate) fn has_lost(&self, name: &Name) -> bool {
        name.whole().to_str().is_ok_and(|name| self.lost.has(name).unwrap_or(false))
    }

    /// Destroys what this process has left of the crashes up to a number, those excepted of which there is no report.
    pub(crate) fn forget_lost(
        &self,
        started_realtime: u64,
        pid: u32,
        upto: u64,
        unreported: &[u64],
    ) -> Result<(), SpoolError> {
        let of = |number| Name::of(started_realtime, pid, number);
        let names = self.lost()?;
        // By the number in the name, if all else in it is right.
        let number = |name: &String| u64::from_str_radix(name.strip_suffix(ENDING)?.rsplit('-').next()?, 16).ok();
        for name in &names {
            let Some(number) = number(name).filter(|number| *number <= upto && !unreported.contains(number)) else {
                continue;
            };
            if of(number).whole().to_bytes() == name.as_bytes() {
                self.lost.remove(name)?;
            }
        }
        Ok(())
    }

    /// Whether there is a draft of an error at this time, held by another process or not.
    pub(crate) fn has_draft_of(&self, time: u64) -> Result<bool, SpoolError> {
        for name in self.new.names(DRAFT)? {
            let Some(file) = self.new.open_file(&name)? else { continue };
            let mut head = Vec::new();
            file.take(DRAFT_HEAD).read_to_end(&mut head).map_err(|error| self.new.failed("read", &name, error))?;
            if time_of(&head) == Some(time) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The time in the beginning of a stored draft.
fn time_of(mut head: &[u8]) -> Option<u64> {
    loop {
        let (tag, wire) = decode_key(&mut head).ok()?;
        if tag == DRAFT_TIME {
            return decode_varint(&mut head).ok();
        }
        skip_field(wire, tag, &mut head, DecodeContext::default()).ok()?;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use report_format::ReportId;
    use report_format::schema::v1::{ErrorKind, Product};

    use super::*;
    use crate::consent::Draft;

    #[test]
    fn a_second_look_at_a_spool_takes_no_draft_from_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool");
        let draft = Draft::new(ReportId([7; 16]), Product::default(), [0; 16], ErrorKind::Crash, 4711);
        Spool::open(&path).unwrap().put_draft_until(&draft, std::time::UNIX_EPOCH).unwrap();
        // A sweep would have taken it, and destroyed it, since its time is over.
        assert_eq!(Spool::open_unswept(&path).unwrap().drafts().unwrap(), [draft.id]);
        assert_eq!(Spool::open(&path).unwrap().drafts().unwrap(), []);
    }

    #[test]
    fn the_time_of_a_draft_is_known_without_its_sections() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(&folder.path().join("spool")).unwrap();
        let product = Product { name: "Ledger".into(), ..Product::default() };
        let mut draft = Draft::new(ReportId([7; 16]), product, [3; 16], ErrorKind::Crash, 1_234_567);
        draft.sections[0].payload = vec![0x30; 1 << 20];
        spool.put_draft(&draft).unwrap();
        assert!(spool.has_draft_of(1_234_567).unwrap());
        assert!(!spool.has_draft_of(1_234_568).unwrap());
        assert_eq!(time_of(&[0xff; 20]), None);
    }

    #[test]
    fn only_what_was_reported_of_this_process_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(&folder.path().join("spool")).unwrap();
        let name = |started, number| Name::of(started, 4, number);
        let path = |name: &Name| spool.path().join("lost").join(name.whole().to_str().unwrap());
        let [reported, failed, later, other] = [name(1, 1), name(1, 2), name(1, 3), name(2, 1)];
        for name in [&reported, &failed, &later, &other] {
            fs::write(path(name), "").unwrap();
        }
        spool.forget_lost(1, 4, 2, &[2]).unwrap();
        assert!(!spool.has_lost(&reported));
        assert!([failed, later, other].iter().all(|name| spool.has_lost(name)));
    }

    #[test]
    fn what_has_another_size_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(&folder.path().join("spool")).unwrap();
        for size in [0, layout::SIZE - 1, layout::SIZE + 1] {
            fs::write(spool.path().join("lost/x.lost"), vec![1; size]).unwrap();
            assert!(spool.take_lost("x.lost").unwrap().is_none());
            assert!(spool.path().join("bad/x.lost").exists() && spool.lost().unwrap().is_empty());
        }
        fs::write(spool.path().join("lost/x.lost"), vec![1; layout::SIZE]).unwrap();
        let held = spool.take_lost("x.lost").unwrap().unwrap();
        assert!(spool.take_lost("x.lost").unwrap().is_none(), "another has it");
        held.discard().unwrap();
        assert!(spool.lost().unwrap().is_empty());
    }
}
