//! Files of keys, and what there is to say of sealed sections.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use report_format::seal::{LARGEST_KEY_FILE, Outcome, SealedSection, SecretKey, StoredKey};
use zeroize::Zeroizing;

use crate::commands::complain;

/// Why a file of keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyFileError {
    #[error("cannot be read")]
    Read(#[source] io::Error),
    #[error("is no UTF-8 text (in Windows PowerShell, `>` writes UTF-16): save it as UTF-8")]
    NotUtf8,
    #[error(transparent)]
    Content(#[from] report_format::Error),
}

/// The secret keys of all files. `None` if one cannot be used, which was complained about.
pub(crate) fn load(files: &[PathBuf]) -> Option<Vec<SecretKey>> {
    let mut keys = Vec::new();
    for path in files {
        match read(path).and_then(|text| Ok(StoredKey::parse(&text)?)) {
            // A key that has expired opens as before: what was sealed to it is still there.
            Ok(stored) => keys.extend(stored.into_iter().map(|key| key.secret)),
            Err(error) => {
                complain(&path.display().to_string(), &error);
                return None;
            }
        }
    }
    Some(keys)
}

/// The text of a file of keys, wiped when it is dropped. Reads no more of it than such a file can have.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<String>, KeyFileError> {
    // Reserved at once: a text that grew would leave parts of itself behind.
    let mut text = Zeroizing::new(String::with_capacity(LARGEST_KEY_FILE + 1));
    let file = File::open(path).map_err(KeyFileError::Read)?;
    file.take(LARGEST_KEY_FILE as u64 + 1).read_to_string(&mut text).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => KeyFileError::NotUtf8,
        _ => KeyFileError::Read(error),
    })?;
    Ok(text)
}

/// What a sealed section is and what came of it, in a line.
pub(crate) fn told(section: &SealedSection) -> String {
    let class = section.class;
    let ids: Vec<String> = section.keys.iter().map(ToString::to_string).collect();
    let ids = ids.join(", ");
    match &section.outcome {
        Outcome::Opened => format!("{class}: opened"),
        Outcome::NoKey if section.keys.len() == 1 => format!("{class}: not opened, needs the key {ids}"),
        Outcome::NoKey => format!("{class}: not opened, needs one of the keys {ids}"),
        Outcome::Damaged { read: 0, what, .. } => format!("{class}: damaged, {what}"),
        Outcome::Damaged { read, what, .. } => format!("{class}: opened up to byte {read}, {what}"),
        _ => format!("{class}: not opened"),
    }
}
