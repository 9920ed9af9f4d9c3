//! What the person wants to hold from now on.

use std::io::Read;

use prost::Message;
use report_format::schema::v1::Category;

use super::{Spool, SpoolError};
use crate::consent::{CategorySet, Remember, Remembered};
use crate::schema::{Remember as StoredRemember, RememberedChoice};

pub(super) const NAME: &str = "choice";
const VERSION: u32 = 1;

impl Spool {
    /// What was remembered. `None` where nothing was, or where it cannot be read (it is then in `bad/`): the person is asked
    /// again. A file of a later version counts as *never*, since it may say so.
    ///
    /// # Errors
    /// It is there and the system does not let us read it.
    pub fn remembered(&self) -> Result<Option<Remembered>, SpoolError> {
        let Some(mut file) = self.root.open_file(NAME)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|e| self.root.failed("read", NAME, e))?;
        let choice = match RememberedChoice::decode(bytes.as_slice()) {
            Ok(choice) => choice,
            Err(error) => {
                self.set_aside(&self.root, NAME, &error.to_string())?;
                return Ok(None);
            }
        };
        let remember = match choice.remember() {
            _ if choice.version > VERSION => Remember::Never,
            StoredRemember::Always => Remember::Always,
            StoredRemember::Never => Remember::Never,
            StoredRemember::NeverForVersion => Remember::NeverForVersion,
            StoredRemember::Unspecified => {
                self.set_aside(&self.root, NAME, "it says nothing")?;
                return Ok(None);
            }
        };
        let categories = choice.categories.iter().filter_map(|number| Category::try_from(*number).ok()).collect();
        Ok(Some(Remembered { remember, product_version: choice.product_version, categories, time: choice.time }))
    }

    /// Remembers a choice in place of the one before.
    ///
    /// # Errors
    /// It could not be written; the one before then still holds.
    pub fn remember(&self, choice: &Remembered) -> Result<(), SpoolError> {
        let remember = match choice.remember {
            Remember::Always => StoredRemember::Always,
            Remember::Never => StoredRemember::Never,
            Remember::NeverForVersion => StoredRemember::NeverForVersion,
        };
        let categories: CategorySet = choice.categories;
        let stored = RememberedChoice {
            version: VERSION,
            remember: remember as i32,
            product_version: choice.product_version.clone(),
            categories: categories.iter().map(|category| category as i32).collect(),
            time: choice.time,
        };
        self.root.write(NAME, &stored.encode_to_vec())
    }

    /// Forgets what was remembered: the person is asked again.
    ///
    /// # Errors
    /// It could not be removed.
    pub fn forget(&self) -> Result<(), SpoolError> {
        self.root.remove(NAME)
    }
}
