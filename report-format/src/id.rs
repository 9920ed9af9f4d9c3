//! Names of reports: the id that a report is given, and the digest of its bytes.

use std::{fmt, str::FromStr};

/// The id of a report: a UUID, version 7 where our own SDK made it.
///
/// ```
/// use report_format::ReportId;
/// let id: ReportId = "0198a5c4-1b2c-7d3e-8f40-5a6b7c8d9e0f".parse()?;
/// assert_eq!(id.to_string(), "0198a5c4-1b2c-7d3e-8f40-5a6b7c8d9e0f");
/// # Ok::<(), report_format::ParseIdError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReportId(pub [u8; 16]);

/// Text that is no [`ReportId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a report id is 32 hexadecimal digits in groups of 8-4-4-4-12, this is not one")]
pub struct ParseIdError;

impl fmt::Display for ReportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl FromStr for ReportId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let text = text.as_bytes();
        if text.len() != 36 || [8, 13, 18, 23].iter().any(|&at| text[at] != b'-') {
            return Err(ParseIdError);
        }
        let mut digits = text.iter().enumerate().filter(|(at, _)| !matches!(at, 8 | 13 | 18 | 23));
        let mut digit = || digits.next().and_then(|(_, &c)| char::from(c).to_digit(16)).ok_or(ParseIdError);
        let mut id = [0; 16];
        for byte in &mut id {
            *byte = (digit()? << 4 | digit()?) as u8;
        }
        Ok(Self(id))
    }
}

/// Bytes of another length than 16 are no id.
impl TryFrom<&[u8]> for ReportId {
    type Error = ParseIdError;

    fn try_from(bytes: &[u8]) -> Result<Self, ParseIdError> {
        bytes.try_into().map(Self).map_err(|_| ParseIdError)
    }
}

/// SHA-256 of a whole report, as `sha256sum` prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_what_it_prints() {
        let id = ReportId(*b"\x01\x98\xa5\xc4\x1b\x2c\x7d\x3e\x8f\x40\x5a\x6b\x7c\x8d\x9e\x0f");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "0198a5c4", "0198a5c41b2c7d3e8f405a6b7c8d9e0f", "0198a5c4-1b2c-7d3e-8f40-5a6b7c8d9e0g"] {
            assert_eq!(text.parse::<ReportId>(), Err(ParseIdError), "{text}");
        }
        assert_eq!("0198a5c4-1b2c-7d3e-8f40-5a6b7c8d9é0".parse::<ReportId>(), Err(ParseIdError));
        assert_eq!(ReportId::try_from(&[1, 2, 3][..]), Err(ParseIdError));
    }
}
