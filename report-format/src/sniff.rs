//! What a file that is no report looks like, so that its owner knows what was given by mistake.

use crate::error::Error;

/// Bytes from the start of the input that are enough to tell.
pub(crate) const ENOUGH: usize = 1024;

/// The error for an input that begins with `head` and holds no report.
pub(crate) fn not_a_report(head: &[u8]) -> Error {
    let (what, advice) = looks_like(head);
    Error::format(format!("this is not an error report but {what}"), advice)
}

fn looks_like(head: &[u8]) -> (&'static str, &'static str) {
    const GIVE: &str = "give the .report file itself";
    const UNPACK: &str = "unpack it and give the .report file inside";
    const CHANGED: &str = "it was changed on its way; send it again as a binary attachment";
    match head {
        [] => ("an empty file", "send it again; nothing of it arrived"),
        _ if head.starts_with(&crate::part::MAGIC) => ("a part of a report", "join all its parts first"),
        [0x8f, b'R', b'E', b'P', b'O', b'R', b'T', _, b'\n', ..] => ("a report that was transferred as text", CHANGED),
        _ if head.starts_with(&crate::frame::MAGIC) || crate::frame::MAGIC.starts_with(head) => {
            ("the first few bytes of one", "send it again; the rest did not arrive")
        }
        [0xef, 0xbf, 0xbd, b'R', b'E', b'P', ..] => ("a report that was converted to Unicode text", CHANGED),
        _ if head.starts_with(b"j1JFUE9SV") => {
            ("a report that is still in base64", "decode it, or give the whole mail")
        }
        _ if head.starts_with(b"PK\x03\x04") => ("a zip archive", UNPACK),
        [0x1f, 0x8b, ..] => ("a gzip archive", UNPACK),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => ("a zstd archive", UNPACK),
        _ if head.starts_with(b"7z\xbc\xaf\x27\x1c") => ("a 7z archive", UNPACK),
        _ if head.starts_with(b"MDMP") => ("a bare minidump", "open it in a debugger, or give the report it came from"),
        _ if head.starts_with(b"\x7fELF") => ("an ELF program or core file", GIVE),
        _ if head.starts_with(b"MZ") => ("a Windows program", GIVE),
        _ if head.starts_with(b"%PDF") => ("a PDF document", GIVE),
        _ if head.starts_with(b"\x89PNG") => ("a PNG image", GIVE),
        _ if is_mail(head) => ("an e-mail", "take the attached .report file out of the mail and give that"),
        _ if is_text(head) => ("a text file", GIVE),
        _ => ("some other kind of file", GIVE),
    }
}

fn is_text(head: &[u8]) -> bool {
    let valid = match std::str::from_utf8(head) {
        Ok(_) => true,
        // A character cut in two by the end of what was looked at.
        Err(error) => error.error_len().is_none(),
    };
    valid && !head.iter().any(|&byte| byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b))
}

fn is_mail(head: &[u8]) -> bool {
    const FIELDS: [&str; 8] =
        ["received:", "return-path:", "delivered-to:", "from:", "to:", "subject:", "mime-version:", "message-id:"];
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let header = text.lines().take_while(|line| !line.is_empty());
    header.filter(|line| FIELDS.iter().any(|field| line.starts_with(field))).count() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_mistakes_are_named() {
        let cases: [(&[u8], &str); 13] = [
            (b"", "empty file"),
            (b"\x8fREPORT\x01\n\x1a\n", "transferred as text"),
            (b"\x8fREP", "first few bytes"),
            (b"\x8fREPPART\r\n\x1a\n", "a part of a report: join all its parts first"),
            (b"\xef\xbf\xbdREPORT", "Unicode"),
            (b"j1JFUE9SVAENChoK", "base64"),
            (b"PK\x03\x04\x14\x00", "zip"),
            (b"MDMP\x93\xa7", "minidump"),
            (b"From: a@b.example\r\nTo: c@d.example\r\n\r\nhello", "e-mail"),
            (b"Dear support,\nit crashed: see the attachment", "text file"),
            ("Liebe Leute, schöne Grüße".as_bytes(), "text file"),
            (b"\x00\x01\x02\x03", "some other kind"),
            (b"\x1f\x8b\x08\x00", "gzip"),
        ];
        for (head, expected) in cases {
            let error = not_a_report(head).to_string();
            assert!(error.contains(expected), "{head:?}: {error}");
        }
    }
}
