//! Which sections are sealed together.

use std::{fmt, str::FromStr};

use crate::{error::Error, schema::v1::SectionKind};

/// A class of sections. All sections of a class are sealed to the same keys, so that who may read the stack need not be able
/// to read the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// What an error is sorted by: the product, the error, stacks, modules, actions, the machine.
    Triage,
    /// What may hold personal data: contact, account, network, screen, attachments, the minidump, and every kind that this version
    /// does not know.
    Private,
    /// The memory of the process.
    FullMemory,
}

impl Class {
    /// All of them, in the order in which they are written.
    pub const ALL: [Self; 3] = [Self::Triage, Self::Private, Self::FullMemory];

    /// The class of a section of this kind. A sealed section is of the class that it holds.
    ///
    /// ```
    /// use report_format::{schema::v1::SectionKind, seal::Class};
    /// assert_eq!(Class::of(SectionKind::Error as u16), Class::Triage);
    /// assert_eq!(Class::of(SectionKind::SealedFullMemory as u16), Class::FullMemory);
    /// assert_eq!(Class::of(0x8001), Class::Private);
    /// ```
    pub fn of(kind: u16) -> Self {
        match kind {
            1..=7 | 9 | 10 | 13 | 14 | 22 | 25 | 26 => Self::Triage,
            19..=21 | 24 => Self::FullMemory,
            _ => Self::Private,
        }
    }

    /// The class that a sealed section of this kind holds; `None` if it is no kind of a sealed section.
    pub fn sealed_in(kind: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.kind() as u16 == kind)
    }

    /// The kind of the section that holds this class, sealed.
    pub fn kind(self) -> SectionKind {
        match self {
            Self::Triage => SectionKind::SealedTriage,
            Self::Private => SectionKind::SealedPrivate,
            Self::FullMemory => SectionKind::SealedFullMemory,
        }
    }

    /// The word for it in files and on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Triage => "triage",
            Self::Private => "private",
            Self::FullMemory => "full-memory",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Class {
    type Err = Error;

    /// # Errors
    /// [`Error::Format`] for any other word.
    fn from_str(word: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|class| class.name() == word).ok_or_else(|| {
            Error::format("this is no class of sections", "the classes are triage, private and full-memory")
        })
    }
}
