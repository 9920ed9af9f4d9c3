//! Reports for the tests, and a way to take them apart that shares no code with the library.
#![allow(dead_code, unreachable_pub, reason = "a module of several test programs, each of which uses some of it")]

pub mod golden;

use std::io::Write;

use report_format::{
    Codec, Decoder, Error, Event, Limits, Report, SectionHeader, Status, Summary, Writer,
    schema::v1::{Category, Product, SectionKind},
};

pub fn summary() -> Summary {
    Summary {
        report_id: (0..16).collect(),
        product_id: (16..32).collect(),
        time: 1_700_000_000_000_000_000,
        kind: 1,
        ..Default::default()
    }
}

pub fn header(kind: u16, codec: Codec, critical: bool) -> SectionHeader {
    SectionHeader { kind, category: Category::Product as u16, codec, critical }
}

pub fn write_section(writer: &mut Writer<Vec<u8>>, header: SectionHeader, bytes: &[u8]) {
    let mut section = writer.section(header).expect("a section can begin");
    section.write_all(bytes).expect("a vector takes everything");
    section.finish().expect("a section can end");
}

pub fn report(sections: &[(SectionHeader, Vec<u8>)]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &summary()).expect("a summary with ids");
    for (header, bytes) in sections {
        write_section(&mut writer, *header, bytes);
    }
    writer.finish().expect("a vector takes everything").0
}

/// A product message, a stored section, an empty one and a compressed one: all of the format in less than 1 KiB.
pub fn small() -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &summary()).expect("a summary with ids");
    let product = Product { name: "Ledger".into(), version: "1.2.3".into(), ..Default::default() };
    writer.write_message(SectionKind::Product, Category::Essential, &product).expect("a message");
    write_section(&mut writer, header(0x8001, Codec::Stored, false), b"stored");
    write_section(&mut writer, header(0x8002, Codec::Stored, false), b"");
    write_section(&mut writer, header(8, Codec::Zstd, false), &[b'z'; 400]);
    writer.finish().expect("a vector takes everything").0
}

pub fn read(bytes: &[u8]) -> Result<Report, Error> {
    Report::read(bytes, &Limits::default())
}

/// All events of an input pushed in pieces, the error at the end if there is one, and the status.
pub fn events(pieces: impl IntoIterator<Item = impl AsRef<[u8]>>) -> (Vec<Event>, Option<String>, Status) {
    let mut decoder = Decoder::new(Limits::default());
    let mut events = Vec::new();
    let mut drain = |decoder: &mut Decoder| loop {
        match decoder.next() {
            Ok(Some(event)) => events.push(event),
            Ok(None) => return None,
            Err(error) => return Some(error.to_string()),
        }
    };
    for piece in pieces {
        decoder.push(piece.as_ref());
        if let Some(error) = drain(&mut decoder) {
            return (events, Some(error), decoder.status());
        }
    }
    decoder.finish();
    let error = drain(&mut decoder);
    let status = decoder.status();
    (events, error, status)
}

/// Where each frame of an undamaged report begins and ends.
pub fn frames(report: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut frames = Vec::new();
    let mut at = 16;
    while at < report.len() {
        let length = u32::from_le_bytes(report[at + 32..at + 36].try_into().expect("four bytes")) as usize;
        frames.push(at..at + 40 + length + 4);
        at += 40 + length + 4;
    }
    frames
}

/// A sealed section of any plaintext.
#[cfg(feature = "seal")]
pub fn sealed_by_hand(keys: &[&report_format::seal::SecretKey], plain: &[u8]) -> Vec<u8> {
    let mut bytes = (keys.len() as u32).to_le_bytes().to_vec();
    bytes.extend(keys.iter().flat_map(|key| key.id().0));
    let recipients: Vec<age::x25519::Recipient> =
        keys.iter().map(|key| key.public().to_string().parse().expect("a recipient")).collect();
    let age = age::Encryptor::with_recipients(recipients.iter().map(|one| one as &dyn age::Recipient)).expect("keys");
    let mut age = age.wrap_output(&mut bytes).expect("a vector takes everything");
    age.write_all(plain).expect("a vector takes everything");
    age.finish().expect("a vector takes everything");
    bytes
}

/// A frame as `proto/FORMAT.md` says, for reports that the library would never write.
#[derive(Clone, Default)]
pub struct Frame {
    pub frame_type: u8,
    pub flags: u8,
    pub codec: u16,
    pub kind: u16,
    pub section: u32,
    pub sequence: u32,
    pub offset: u64,
    pub payload: Vec<u8>,
}

impl Frame {
    pub fn bytes(&self, report: u32) -> Vec<u8> {
        let mut bytes = b"\xf5RF\xc1".to_vec();
        bytes.extend([self.frame_type, self.flags]);
        bytes.extend(self.codec.to_le_bytes());
        bytes.extend(self.kind.to_le_bytes());
        bytes.extend([if self.section == 0 { 0 } else { 13 }, 0]);
        bytes.extend(report.to_le_bytes());
        bytes.extend(self.section.to_le_bytes());
        bytes.extend(self.sequence.to_le_bytes());
        bytes.extend(self.offset.to_le_bytes());
        bytes.extend((self.payload.len() as u32).to_le_bytes());
        bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
        bytes.extend(&self.payload);
        bytes.extend(crc32c::crc32c(&self.payload).to_le_bytes());
        bytes
    }
}

/// A report whose frames after the first summary are the given ones, numbered in order; then summary, index (of the given
/// entries) and end, all right.
pub fn hand_made(frames: &[Frame], index: &[(u32, u16)]) -> Vec<u8> {
    use prost::Message;
    use sha2::{Digest, Sha256};
    let summary = summary().encode_to_vec();
    let report = crc32c::crc32c(&summary);
    let mut bytes = b"\x8fREPORT\x01\r\n\x1a\n".to_vec();
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    let mut sequence = 0;
    let mut put = |bytes: &mut Vec<u8>, frame: Frame| {
        bytes.extend(Frame { sequence, ..frame }.bytes(report));
        sequence += 1;
    };
    put(&mut bytes, Frame { frame_type: 1, payload: summary.clone(), ..Frame::default() });
    let mut starts = std::collections::BTreeMap::new();
    for frame in frames {
        starts.entry(frame.section).or_insert(bytes.len() as u64);
        put(&mut bytes, frame.clone());
    }
    put(&mut bytes, Frame { frame_type: 1, payload: summary, ..Frame::default() });
    let mut payload = Vec::new();
    for &(section, kind) in index {
        payload.extend(starts.get(&section).copied().unwrap_or(0).to_le_bytes());
        payload.extend(section.to_le_bytes());
        payload.extend(kind.to_le_bytes());
        payload.extend([13, 0]);
    }
    put(&mut bytes, Frame { frame_type: 4, payload, ..Frame::default() });
    let digest = Sha256::digest(&bytes).to_vec();
    let offset = bytes.len() as u64;
    put(&mut bytes, Frame { frame_type: 5, offset, payload: digest, ..Frame::default() });
    bytes
}

/// The data frame and the end frame of a section of one stored chunk.
pub fn stored(section: u32, kind: u16, raw: &[u8]) -> [Frame; 2] {
    let data = Frame { frame_type: 2, kind, section, payload: raw.to_vec(), ..Frame::default() };
    let end = Frame {
        frame_type: 3,
        kind,
        section,
        offset: raw.len() as u64,
        payload: [1_u32.to_le_bytes(), crc32c::crc32c(raw).to_le_bytes()].concat(),
        ..Frame::default()
    };
    [data, end]
}
