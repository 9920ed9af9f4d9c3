//! What a screen reader does in the window of a product that crashes.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::{
    end_to_end::report::Received,
    host::{has_runtime, which},
    ledger::{Ledger, wait_for},
    support::package,
};

/// What is installed, by its path: another Python would not have the module.
const PYTHON: &str = "/usr/bin/python3";

/// A crash.
pub(crate) const MONTH: &str = "open household\nadd 1250 bread\nmonth 999999999\n";

/// On a session bus of their own, which ends with the reader.
pub(crate) struct ScreenReader(Child);

impl ScreenReader {
    /// Whether one can be had here.
    pub(crate) fn is_there() -> bool {
        let is_there = Path::new(PYTHON).exists() && Path::new("/usr/lib/python3/dist-packages/gi").exists();
        has_runtime("python3-gi, gir1.2-atspi-2.0 or dbus", is_there && which("dbus-run-session").is_some())
    }

    /// A ledger crashes beside it, with nobody at a terminal, where `environment` says. `bus`: what else the bus is told.
    pub(crate) fn beside(ledger: &Ledger, bus: &[&str], environment: &[(&str, &str)]) -> Self {
        let lines = ledger.path("lines");
        fs::write(&lines, MONTH).expect("our own folder");
        let reader = package().join("../reporter-sdk/dialog/tests/accessible.py");
        let product = ledger.command();
        let both =
            r#"lines=$1 python=$2 reader=$3; shift 3; setsid "$@" <"$lines" >/dev/null & exec "$python" "$reader""#;
        let mut command = Command::new("timeout");
        command.args(["60", "dbus-run-session"]).args(bus).args(["--", "sh", "-c", both, "sh"]);
        command.args([&*lines, PYTHON.as_ref(), &*reader]).arg(product.get_program()).args(product.get_args());
        command.env_remove("WAYLAND_DISPLAY").env_remove("DISPLAY").env("LC_ALL", "C.UTF-8");
        command.env("XDG_RUNTIME_DIR", ledger.path(".")).envs(environment.iter().copied());
        Self(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("installed"))
    }

    /// Describes what happened, sends, and closes the window once support has it: the report that came.
    pub(crate) fn sends(self, ledger: &Ledger, description: &str) -> Received {
        let describes = format!("type What were you doing when it happened?|{description}");
        self.does(&[&describes, "press Send report", "press Close"]);
        wait_for("end of the handler", || ledger.handlers().is_empty());
        Received::from_mail(&ledger.mail())
    }

    /// All of this, one after the other; then it ends.
    fn does(mut self, said: &[&str]) {
        let commands: String = said.iter().map(|line| format!("{line}\n")).collect();
        self.0.stdin.take().expect("piped").write_all(commands.as_bytes()).expect("it reads");
        let output = self.0.wait_with_output().expect("our own child");
        let answers = String::from_utf8_lossy(&output.stdout);
        assert_eq!(answers.lines().filter(|line| *line == "=done").count(), said.len(), "{answers}");
    }
}
