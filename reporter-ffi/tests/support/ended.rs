//! How a product ended, and what came of it.

#![allow(dead_code, reason = "each test program uses its share")]

use std::process::ExitStatus;

use crate::end_to_end::report::Received;

/// How it ended, and what came of it.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// On both its outputs.
    pub(crate) said: String,
    pub(crate) reports: Vec<Received>,
}

impl Ended {
    /// It went on to its end, and nothing was reported.
    pub(crate) fn without_report(&self) -> &Self {
        assert_eq!(self.titles(), [] as [String; 0], "{}", self.said);
        assert!(self.status.success(), "{}: {}", self.status, self.said);
        self
    }

    /// Exactly one report was made, and its title begins like this.
    pub(crate) fn one_report(&self, title: &str) -> &Received {
        let titles = self.titles();
        assert!(titles.len() == 1 && titles[0].starts_with(title), "{titles:?}, {}: {}", self.status, self.said);
        &self.reports[0]
    }

    #[cfg(unix)]
    pub(crate) fn died_of(&self, signal: i32) -> &Self {
        let died_of = std::os::unix::process::ExitStatusExt::signal(&self.status);
        assert_eq!(died_of, Some(signal), "{}: {}", self.status, self.said);
        self
    }

    /// By this exit code.
    #[cfg(windows)]
    pub(crate) fn ended_by(&self, code: u32) -> &Self {
        let ended_by = self.status.code().map(i32::cast_unsigned);
        assert_eq!(ended_by, Some(code), "{}: {}", self.status, self.said);
        self
    }

    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(self.said.contains(text), "no {text:?} in: {}", self.said);
        self
    }

    fn titles(&self) -> Vec<String> {
        self.reports.iter().map(|report| report.error().title).collect()
    }
}
