//! The image of the desktop as files, for the person to look at before it is granted: a terminal shows none.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(windows)]
mod windows;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use prost::Message;
use report_format::schema::v1::{Screen, SectionKind};
use uuid::Uuid;

#[cfg(target_os = "linux")]
use linux as sys;
#[cfg(windows)]
use windows as sys;

use super::Draft;

/// Files that only the person can read, removed when this is dropped.
#[derive(Debug)]
pub(super) struct Looking {
    folder: PathBuf,
    /// Each with the name of its display.
    files: Vec<(PathBuf, String)>,
}

impl Looking {
    /// Writes each image of the drafts to a file of its own.
    pub(super) fn write<'d>(drafts: impl Iterator<Item = &'d Draft>) -> io::Result<Looking> {
        Self::write_below(&sys::place(), drafts)
    }

    fn write_below<'d>(place: &Path, drafts: impl Iterator<Item = &'d Draft>) -> io::Result<Looking> {
        // A name that nobody could have taken before.
        let folder = place.join(format!("error-report-{}", Uuid::now_v7()));
        sys::create_folder(&folder)?;
        let mut looking = Looking { folder, files: Vec::new() };
        // Of a display of which all but the image is sent there is nothing to look at.
        for screen in drafts.flat_map(screens).filter(|screen| !screen.png.is_empty()) {
            let path = looking.folder.join(format!("desktop-{}.png", looking.files.len() + 1));
            let mut file = sys::create_file(&path)?;
            looking.files.push((path, screen.display));
            file.write_all(&screen.png)?;
        }
        Ok(looking)
    }

    /// Each with the name of its display, as the report has it.
    pub(super) fn files(&self) -> &[(PathBuf, String)] {
        &self.files
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        for (file, _) in &self.files {
            let _ = fs::remove_file(file);
        }
        if let Err(error) = fs::remove_dir(&self.folder) {
            tracing::warn!(%error, "an image that was looked at cannot be removed");
        }
    }
}

/// The images of the draft's, those that make sense.
pub(super) fn screens(draft: &Draft) -> impl Iterator<Item = Screen> {
    let sections = draft.sections.iter().filter(|section| section.kind == SectionKind::Screen);
    sections.filter_map(|section| Screen::decode(section.payload.as_slice()).ok())
}

#[cfg(test)]
mod tests {
    use report_format::ReportId;
    use report_format::schema::v1::{Category, ErrorKind, Product};

    use super::*;
    use crate::consent::DraftSection;

    #[test]
    fn images_are_files_of_the_persons_alone_until_they_are_no_longer_looked_at() {
        let directory = tempfile::tempdir().unwrap();
        let mut draft = Draft::new(ReportId([1; 16]), Product::default(), [2; 16], ErrorKind::Crash, 7);
        for png in ["one", "", "two"] {
            let screen = Screen { png: png.into(), display: "../../x".into(), ..Screen::default() };
            draft.push(SectionKind::Screen, Category::Screen, &screen);
        }
        let nonsense = DraftSection { kind: SectionKind::Screen, category: Category::Screen, payload: vec![0; 9] };
        draft.sections.push(nonsense);
        let looking = Looking::write_below(directory.path(), [&draft].into_iter()).unwrap();
        assert!(sys::is_owner_only(&looking.folder));
        let read: Vec<_> = looking.files().iter().map(|(file, _)| fs::read(file).unwrap()).collect();
        assert_eq!(read, [b"one", b"two"], "and no file that is empty");
        // Not under Wine: that a file has its folder's access list. There a new file inherits none.
        #[cfg(windows)]
        let inherits = !crate::wine::is_wine();
        #[cfg(not(windows))]
        let inherits = true;
        assert!(!inherits || looking.files().iter().all(|(file, _)| sys::is_owner_only(file)));
        drop(looking);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
