//! What was found, for people and for programs.

use std::error::Error;
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{Options, SoftError};

/// How it stands with one subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Ok,
    /// Reports come, but not all, or with less in them.
    Warning,
    /// Reports do not come until it is put right.
    Failed,
    /// There is nothing to look at here.
    NotApplicable,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Failed => "failed",
            State::NotApplicable => "not applicable",
        }
    }
}

/// One subject: what was looked at, and what to do.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Its name, which stays the same from release to release.
    pub check: &'static str,
    /// How it stands.
    pub state: State,
    /// What was looked at, with the figures.
    pub found: String,
    /// What to do; `None` where there is nothing to do.
    pub advice: Option<String>,
    /// The same for programs. Names stay, values are this machine's.
    pub facts: Map<String, Value>,
}

impl Finding {
    pub(super) fn new(check: &'static str, state: State, found: impl Into<String>) -> Self {
        Self { check, state, found: found.into(), advice: None, facts: Map::new() }
    }

    pub(super) fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    pub(super) fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.into(), value.into());
        self
    }
}

#[derive(Clone, Debug, Serialize)]
struct Product {
    vendor: String,
    name: String,
    version: String,
}

/// All of them.
#[derive(Clone, Debug, Serialize)]
pub struct Findings {
    /// Of this form. Fields may be added without a new number.
    schema_version: u32,
    /// Of the handler that looked.
    release: &'static str,
    product: Product,
    checks: Vec<Finding>,
    /// Nothing has failed.
    ok: bool,
}

impl Findings {
    pub(super) fn of(options: &Options) -> Self {
        let Options { vendor, name, version, .. } = options;
        let product = Product { vendor: vendor.clone(), name: name.clone(), version: version.clone() };
        Self { schema_version: 1, release: env!("CARGO_PKG_VERSION"), product, checks: Vec::new(), ok: true }
    }

    pub(super) fn push(&mut self, finding: Finding) {
        self.ok &= finding.state != State::Failed;
        self.checks.push(finding);
    }

    /// Nothing has failed.
    pub fn is_ok(&self) -> bool {
        self.ok
    }

    /// A line a subject, and one below it where there is something to do.
    ///
    /// What a mail server, a file or another program said is in it: whatever could steer a terminal is taken out.
    pub fn to_text(&self) -> String {
        let Product { vendor, name, version } = &self.product;
        let mut text = format!(
            "reporter-handler {} looks at {} of {}\n\n",
            self.release,
            harmless(&format!("{name} {version}")),
            harmless(vendor)
        );
        for Finding { check, state, found, advice, .. } in &self.checks {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{:<14}  {check:<14}  {}", state.word(), harmless(found));
            if let Some(advice) = advice {
                let _ = writeln!(text, "{:<32}to do: {}", "", harmless(advice));
            }
        }
        let count = |state| self.checks.iter().filter(|finding| finding.state == state).count();
        let (failed, warnings) = (count(State::Failed), count(State::Warning));
        let _ = write!(text, "\n{} looked at: {failed} failed, {warnings} warnings\n", self.checks.len());
        text
    }

    /// One JSON object.
    pub fn to_json(&self) -> String {
        // Text, numbers and lists of these: there is nothing in it that JSON has no form for.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

fn harmless(text: &str) -> String {
    crate::deliver::one_line(text, usize::MAX)
}

/// An error with its sources. Nothing in it is redacted, as in what goes into a report: it is for who set this machine up.
pub(super) fn words(error: &dyn Error) -> String {
    SoftError::from_error("", error).message
}

/// 1536 as "1.5 KiB".
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_and_what_others_said_cannot_steer_a_terminal() {
        let mut findings = Findings::of(&Options::new("Example Software", "Ledger\x1b[2J", "3"));
        findings.push(Finding::new("spool", State::Warning, "little room"));
        assert!(findings.is_ok());
        findings.push(Finding::new("server", State::Failed, "said \x1b[2J\r\nno").advice("ask \u{202e}it"));
        assert!(!findings.is_ok());
        let text = findings.to_text();
        assert!(!text.contains(['\x1b', '\r', '\u{202e}']), "{text:?}");
        assert!(text.contains("2 looked at: 1 failed, 1 warnings"), "{text}");
        let json: Value = serde_json::from_str(&findings.to_json()).unwrap();
        assert_eq!(json["checks"][1]["state"], "failed");
        assert_eq!(json["ok"], false);
    }

    #[test]
    fn sizes_are_told_in_units_that_people_read() {
        assert_eq!([size(17), size(1536), size(5 << 30)], ["17 bytes", "1.5 KiB", "5.0 GiB"]);
    }
}
