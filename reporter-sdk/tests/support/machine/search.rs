//! Looks for a value in all that has left the machine, in each form that it could have taken.

use std::borrow::Cow;
use std::net::IpAddr;

use base64::Engine as _;
use mail_parser::MessageParser;
use minidump::{Minidump, MinidumpMemoryList};
use report_format::rewrite::copy_sections;
use report_format::schema::v1::{Category, SectionKind};
use report_format::{Limits, Summary, Writer};

use super::relay::Conversation;
use crate::end_to_end::report::{Received, contains};

/// What a value looks like.
pub(crate) struct Forms {
    /// So long that they are nowhere by chance.
    text: Vec<Vec<u8>>,
    /// Of an address: a few bytes, which compressed data can hold by chance. It is looked for where data is in clear.
    packed: Vec<Vec<u8>>,
}

impl Forms {
    /// As text; where it is an address, as one too.
    pub(crate) fn of(value: &str) -> Self {
        match value.parse::<IpAddr>() {
            Ok(address) => Self::of_address(address),
            Err(_) => Self { text: encodings(value), packed: Vec::new() },
        }
    }

    fn of_address(address: IpAddr) -> Self {
        let (octets, more) = match address {
            IpAddr::V4(v4) => (v4.octets().to_vec(), v4.to_ipv6_mapped().to_string()),
            IpAddr::V6(v6) => (v6.octets().to_vec(), v6.segments().map(|segment| format!("{segment:04x}")).join(":")),
        };
        let hex: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
        let mut texts = vec![address.to_string(), more, address.to_string().replace(['.', ':'], "-")];
        // Eight digits alone can be of a random number.
        texts.push(if address.is_ipv4() { format!("0x{hex}") } else { hex });
        Self::of_texts(&texts, &octets)
    }

    pub(crate) fn of_mac(mac: [u8; 6]) -> Self {
        let pairs = mac.map(|byte| format!("{byte:02x}"));
        // The address that IPv6 makes of it, too.
        let [_, b, c, d, e, f] = &pairs;
        let own = format!("{:x}{b}:{c}ff:fe{d}:{e}{f}", mac[0] ^ 2);
        Self::of_texts(&[pairs.join(":"), pairs.join("-"), pairs.concat(), own], &mac)
    }

    fn of_texts(texts: &[String], octets: &[u8]) -> Self {
        let cases = texts.iter().flat_map(|text| [text.clone(), text.to_uppercase()]);
        let reversed = octets.iter().rev().copied().collect();
        Self { text: cases.flat_map(|text| encodings(&text)).collect(), packed: vec![octets.to_vec(), reversed] }
    }

    fn are_in(&self, part: &Part<'_>) -> bool {
        let packed = self.packed.iter().filter(|_| part.is_clear);
        self.text.iter().chain(packed).any(|form| contains(&part.bytes, form))
    }
}

/// As it is, in UTF-16, in hexadecimal, and in the middle of something that is written in base64, wherever it begins there.
fn encodings(value: &str) -> Vec<Vec<u8>> {
    let wide: Vec<u8> = value.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut all = vec![value.as_bytes().to_vec(), hex.into_bytes()];
    for raw in [value.as_bytes(), &wide] {
        for before in 0..3 {
            let bytes = [&vec![0; before], raw].concat();
            let encoded = base64::engine::general_purpose::STANDARD.encode(&bytes[..bytes.len() / 3 * 3]);
            // Without the digits that hold bits of what is before it.
            all.push(encoded.as_bytes()[(before * 8).div_ceil(6)..].to_vec());
        }
    }
    all.push(wide);
    all
}

struct Part<'r> {
    name: String,
    bytes: Cow<'r, [u8]>,
    /// Neither compressed nor encoded.
    is_clear: bool,
}

/// All that has left the machine, but for raw memory that was granted: that may hold anything.
pub(crate) struct Left<'r>(Vec<Part<'r>>);

impl<'r> Left<'r> {
    pub(crate) fn of(received: &'r Received, conversation: &'r Conversation) -> Self {
        let mut parts = Vec::new();
        let mut add = |name: &str, bytes: Cow<'r, [u8]>, is_clear| {
            parts.push(Part { name: name.to_owned(), bytes, is_clear });
        };
        let granted = received.report.summary().unwrap().categories;
        let has_memory =
            [Category::Memory, Category::FullMemory].iter().any(|memory| granted & 1 << *memory as u64 != 0);
        add("the server's words", (&conversation.server[..]).into(), true);
        if has_memory {
            add("the conversation around the report", around_the_attachment(conversation).into(), true);
            add("the report without memory", without_memory(&received.bytes).into(), false);
        } else {
            add("the conversation", (&conversation.handler[..]).into(), false);
            add("the report", (&received.bytes[..]).into(), false);
        }
        for section in received.report.sections() {
            let is_dump = section.kind() == Some(SectionKind::Minidump);
            let bytes = if is_dump { blanked(&section.bytes).into() } else { (&section.bytes[..]).into() };
            add(&format!("{:?}", section.kind()), bytes, true);
        }
        Self(parts)
    }

    /// Where it is.
    pub(crate) fn places_of(&self, forms: &Forms) -> Vec<&str> {
        self.0.iter().filter(|part| forms.are_in(part)).map(|part| &*part.name).collect()
    }
}

fn around_the_attachment(conversation: &Conversation) -> Vec<u8> {
    let mail = conversation.mail();
    let parsed = MessageParser::default().parse(mail).unwrap();
    let attachment = parsed.parts[parsed.attachments[0] as usize].clone();
    let begin = memchr::memmem::find(&conversation.handler, mail).unwrap();
    let (body, end) = (begin + attachment.offset_body as usize, begin + attachment.offset_end as usize);
    [&conversation.handler[..body], &conversation.handler[end..]].concat()
}

/// The frames of the other sections as they are.
fn without_memory(report: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &Summary::default()).unwrap();
    let copied = copy_sections(report, &mut writer, &Limits::default(), |header| {
        header.known_kind() != Some(SectionKind::Minidump) && header.category != Category::FullMemory as u16
    });
    assert!(copied.unwrap().sections > 0);
    writer.finish().unwrap().0
}

/// A minidump of which only the memory is missing.
fn blanked(dump: &[u8]) -> Vec<u8> {
    let mut blanked = dump.to_vec();
    let parsed = Minidump::read(dump).unwrap();
    let memory = parsed.get_stream::<MinidumpMemoryList<'_>>().unwrap();
    for region in memory.iter() {
        let place = &region.desc.memory;
        blanked[place.rva as usize..][..place.data_size as usize].fill(0);
    }
    blanked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_in_each_form() {
        let value = "canary-in-a-form";
        let forms = Forms::of(value);
        let found = |bytes: Vec<u8>, is_clear| {
            Left(vec![Part { name: "there".into(), bytes: bytes.into(), is_clear }]).places_of(&forms) == ["there"]
        };
        assert!(found(format!("x{value}x").into(), false));
        assert!(found(value.encode_utf16().flat_map(u16::to_le_bytes).collect(), false));
        for before in ["", "1", "12", "123"] {
            let text = format!("{before}{value} and more");
            assert!(found(base64::engine::general_purpose::STANDARD.encode(&text).into(), false), "{before}");
            let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            assert!(found(base64::engine::general_purpose::STANDARD.encode(wide).into(), false), "{before}, wide");
        }
        assert!(!found(b"canary-in-another-form".to_vec(), true));
    }

    #[test]
    fn an_address_is_found_in_each_form() {
        let v4 = Forms::of("10.203.177.91");
        let v6 = Forms::of("fd1c:9a17:e0b1::c0de:ca9a");
        let mac = Forms::of_mac([0x5e, 0xca, 0x9a, 0x17, 0xe0, 0xb1]);
        let found = |forms: &Forms, bytes: &[u8]| {
            !Left(vec![Part { name: "there".into(), bytes: bytes.into(), is_clear: true }]).places_of(forms).is_empty()
        };
        for bytes in
            [&b"at 10.203.177.91:25"[..], b"ip-10-203-177-91.internal", &[0, 10, 203, 177, 91, 0], &[91, 177, 203, 10]]
        {
            assert!(found(&v4, bytes), "{bytes:?}");
        }
        let packed = "fd1c:9a17:e0b1::c0de:ca9a".parse::<std::net::Ipv6Addr>().unwrap().octets();
        for bytes in [&b"[FD1C:9A17:E0B1::C0DE:CA9A]"[..], b"fd1c:9a17:e0b1:0000:0000:0000:c0de:ca9a", &packed] {
            assert!(found(&v6, bytes), "{bytes:?}");
        }
        for bytes in [&b"5E:CA:9A:17:E0:B1"[..], b"5e-ca-9a-17-e0-b1", b"5eca9a17e0b1", b"fe80::5cca:9aff:fe17:e0b1"] {
            assert!(found(&mac, bytes), "{bytes:?}");
        }
    }
}
