//! What of a draft lies in its file in no readable form: images of the desktop. The keys are in this process alone, and with it they are gone.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use report_format::ReportId;
use report_format::schema::v1::{Category, SectionKind, SoftError};

use super::sealed_file::{self, Key};

/// Whether a section of this kind is kept sealed.
pub(super) fn is_sealed(kind: SectionKind, category: Category) -> bool {
    kind == SectionKind::Screen || category == Category::Screen
}

/// Why a draft that had an image is offered without.
pub(super) fn gone() -> SoftError {
    let message = "the image of the desktop was destroyed with the handler that took it";
    SoftError { subject: "screen".into(), message: message.into() }
}

/// The keys to sealed sections of drafts: of each draft in the order of the sections, each for one file and no other.
#[derive(Default)]
pub(super) struct Keys(Mutex<BTreeMap<ReportId, Vec<Key>>>);

impl Keys {
    /// Keeps the keys of a draft in the place of earlier ones, and forgets those of drafts that are no more.
    pub(super) fn keep(&self, id: ReportId, keys: Vec<Key>, is_there: impl Fn(ReportId) -> bool) {
        let mut all = self.all();
        all.remove(&id);
        all.retain(|id, _| is_there(*id));
        if !keys.is_empty() {
            all.insert(id, keys);
        }
    }

    /// Forgets the keys of a draft, and with them what they open.
    pub(super) fn forget(&self, id: ReportId) {
        self.all().remove(&id);
    }

    /// The content of the draft's sealed section `number`. `None` where the key is not here, or not to these bytes.
    pub(super) fn open(&self, id: ReportId, number: usize, sealed: &[u8]) -> Option<Vec<u8>> {
        sealed_file::open(sealed, self.all().get(&id)?.get(number)?).ok()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<ReportId, Vec<Key>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys of {} drafts", self.all().len())
    }
}
