//! A report with its sections decoded as far as they can be.

use prost::Message;
use prost_reflect::DynamicMessage;
use report_format::schema::v1::{self, SectionKind};
use report_format::{Limits, Section, SectionState, Status};

use crate::exit::Outcome;
use crate::input::Loaded;
use crate::reflect::Schema;
use crate::render::value;

/// What a report says.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) loaded: Loaded,
    /// One for each section of the report, in its order.
    pub(crate) parts: Vec<Part>,
}

/// A section, read.
#[derive(Debug)]
pub(crate) struct Part {
    /// `None`: a kind this program does not know.
    pub(crate) kind: Option<SectionKind>,
    /// What could be read of it; `None` where the kind holds something else than a message, or is unknown.
    pub(crate) message: Option<DynamicMessage>,
    /// The bytes passed their checksums and are yet no message of this kind: why.
    pub(crate) unreadable: Option<String>,
    /// Not all of it is there.
    pub(crate) incomplete: bool,
}

impl Content {
    pub(crate) fn new(loaded: Loaded) -> Content {
        let parts = loaded.report.sections().iter().map(Part::new).collect();
        Content { loaded, parts }
    }

    /// The first message of a kind; fields of a newer schema are not in it.
    pub(crate) fn first<M: Message + Default>(&self, kind: SectionKind) -> Option<M> {
        self.all(kind).next().and_then(|(_, part)| part.typed())
    }

    /// The sections of a kind.
    pub(crate) fn all(&self, kind: SectionKind) -> impl Iterator<Item = (&Section, &Part)> {
        self.sections().filter(move |(_, part)| part.kind == Some(kind))
    }

    /// Every section with what was read of it.
    pub(crate) fn sections(&self) -> impl Iterator<Item = (&Section, &Part)> {
        self.loaded.report.sections().iter().zip(&self.parts)
    }

    /// The report's id, from the summary or, where that was lost, from the error.
    pub(crate) fn id(&self) -> Option<String> {
        let summary = self.loaded.report.summary().map(|summary| summary.report_id.clone());
        let id = summary.filter(|id| !id.is_empty());
        id.or_else(|| Some(self.first::<v1::Error>(SectionKind::Error)?.report_id))
            .filter(|id| !id.is_empty())
            .map(|id| value::uuid(&id))
    }

    /// What is not there or cannot be read, one line each: the container's losses, then sections that make no sense.
    pub(crate) fn losses(&self) -> Vec<String> {
        let losses = self.loaded.report.losses().iter().map(ToString::to_string);
        let unreadable = self.sections().filter_map(|(section, part)| {
            let name = kind_name(section.header.kind);
            part.unreadable.as_ref().map(|why| format!("section {} ({name}) cannot be read: {why}", section.ordinal))
        });
        let forgotten = self.loaded.report.loss_count() - self.loaded.report.losses().len() as u64;
        let forgotten = (forgotten > 0).then(|| format!("{forgotten} more of this kind"));
        losses.chain(forgotten).chain(unreadable).collect()
    }

    /// Complete only if the container is, and every section could be read.
    pub(crate) fn status(&self) -> Status {
        let unreadable = self.parts.iter().any(|part| part.unreadable.is_some());
        self.loaded.report.status().max(if unreadable { Status::Corrupt } else { Status::Complete })
    }

    pub(crate) fn outcome(&self) -> Outcome {
        if self.status() == Status::Complete { Outcome::Ok } else { Outcome::Loss }
    }
}

impl Part {
    fn new(section: &Section) -> Part {
        let incomplete = !matches!(section.state, SectionState::Whole | SectionState::NotKept);
        let kind = section.header.known_kind();
        let mut part = Part { kind, message: None, unreadable: None, incomplete };
        // Chunks of a codec that we do not have are still compressed: no message could be read from them.
        if let Some(descriptor) =
            Schema::get().section(section.header.kind).filter(|_| section.state != SectionState::Undecoded)
        {
            // A few bytes can ask for gigabytes.
            if let Err(error) = section.check_message(&Limits::default()) {
                part.unreadable = Some(error.to_string());
                return part;
            }
            let mut message = DynamicMessage::new(descriptor.clone());
            // Merging keeps what came before the place where it fails: the first actions of a list cut off, say.
            if let Err(error) = message.merge(section.bytes.as_slice())
                && !incomplete
            {
                part.unreadable = Some(error.to_string());
            }
            part.message = Some(message);
        }
        part
    }

    /// The message as a type of the schema.
    pub(crate) fn typed<M: Message + Default>(&self) -> Option<M> {
        self.message.as_ref().and_then(|message| message.transcode_to().ok())
    }
}

/// The name of a section kind in JSON and in text: `installed_software`, or `0x8001` where it is unknown.
pub(crate) fn kind_name(kind: u16) -> String {
    let name = Schema::get().word("SectionKind", i32::from(kind));
    if name.parse::<u16>().is_ok() { format!("{kind:#06x}") } else { name }
}
