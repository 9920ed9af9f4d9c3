//! What was lost of a report while it was copied, counted in memory that does not grow with it.

use std::collections::BTreeMap;

use crate::{
    loss::Loss,
    schema::v1::{LostSections, Recovery},
};

/// Counts losses by what they cost.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    /// The first ones, as many as the limit allows.
    first: Vec<Loss>,
    limit: usize,
    count: u64,
    /// The first that costs something of the report and that its writer did not declare.
    first_real: Option<Loss>,
    declared: bool,
    foreign_bytes: u64,
    recovery: Recovery,
    sections: BTreeMap<u16, LostSections>,
}

impl Losses {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    pub(crate) fn take(&mut self, loss: Loss) {
        let recovery = &mut self.recovery;
        let mut real = true;
        match &loss {
            // A reader lacks something, or the writer did; nothing is lost on the way.
            Loss::UnsupportedSection { .. } | Loss::UnsupportedCodec { .. } | Loss::Gap { .. } | Loss::Limit { .. } => {
                real = false;
            }
            Loss::Declared => (self.declared, real) = (true, false),
            // A frame that came too late is counted where it is missing.
            Loss::Misplaced { .. } => real = false,
            Loss::Leading { length } | Loss::Trailing { length, .. } => {
                self.foreign_bytes = self.foreign_bytes.saturating_add(*length);
                real = false;
            }
            Loss::Preamble { found_at: length } | Loss::Unreadable { length, .. } | Loss::Cut { length, .. } => {
                recovery.unreadable_bytes = recovery.unreadable_bytes.saturating_add(*length);
            }
            Loss::Missing { count, .. } => recovery.missing_frames = recovery.missing_frames.saturating_add(*count),
            Loss::EndMissing => recovery.end_missing = true,
            Loss::Undecodable { .. }
            | Loss::Contradiction { .. }
            | Loss::UnsupportedFrame { .. }
            | Loss::Digest
            | Loss::Sealed { cut: false, .. } => {
                recovery.refused = recovery.refused.saturating_add(1);
            }
            // Counted where the frames are missing, and inside.
            Loss::Sealed { .. } | Loss::InSealed { .. } => {}
            Loss::SectionIncomplete { kind, .. } => {
                let of_kind = of_kind(&mut self.sections, *kind);
                of_kind.incomplete = of_kind.incomplete.saturating_add(1);
            }
            Loss::SectionsMissing { count, kind, .. } => {
                let of_kind = of_kind(&mut self.sections, kind.unwrap_or(0));
                of_kind.missing = of_kind.missing.saturating_add(*count);
            }
        }
        if real && self.first_real.is_none() {
            self.first_real = Some(loss.clone());
        }
        self.count += 1;
        if self.first.len() < self.limit {
            self.first.push(loss);
        }
    }

    /// Adds what is lost inside the sealed section of this number and kind. That its end is missing is its own matter.
    #[cfg(feature = "seal")]
    pub(crate) fn absorb(&mut self, ordinal: u32, kind: u16, inner: Self) {
        let wrap = |loss| Loss::InSealed { ordinal, kind, loss: Box::new(loss) };
        let recovery = &mut self.recovery;
        recovery.unreadable_bytes = recovery.unreadable_bytes.saturating_add(inner.recovery.unreadable_bytes);
        recovery.missing_frames = recovery.missing_frames.saturating_add(inner.recovery.missing_frames);
        recovery.refused = recovery.refused.saturating_add(inner.recovery.refused);
        for (kind, lost) in inner.sections {
            let of_kind = of_kind(&mut self.sections, kind);
            of_kind.incomplete = of_kind.incomplete.saturating_add(lost.incomplete);
            of_kind.missing = of_kind.missing.saturating_add(lost.missing);
        }
        if self.first_real.is_none() {
            self.first_real = inner.first_real.map(wrap);
        }
        self.count += inner.count;
        let room = self.limit.saturating_sub(self.first.len());
        self.first.extend(inner.first.into_iter().take(room).map(wrap));
    }

    /// The first thing that is lost of this report and that its writer did not declare.
    pub(crate) fn first_real(&self) -> Option<&Loss> {
        self.first_real.as_ref()
    }

    /// Whether the report's writer said that something is missing.
    pub(crate) fn declared(&self) -> bool {
        self.declared
    }

    /// Bytes before and behind the report.
    pub(crate) fn foreign_bytes(&self) -> u64 {
        self.foreign_bytes
    }

    /// The record of what was lost: empty if nothing was.
    pub(crate) fn recovery(&self) -> Recovery {
        Recovery { sections: self.sections.values().copied().collect(), ..self.recovery.clone() }
    }

    /// All losses by name, and their number.
    pub(crate) fn into_first(self) -> (Vec<Loss>, u64) {
        (self.first, self.count)
    }
}

fn of_kind(sections: &mut BTreeMap<u16, LostSections>, kind: u16) -> &mut LostSections {
    sections.entry(kind).or_insert(LostSections { kind: u32::from(kind), ..LostSections::default() })
}
