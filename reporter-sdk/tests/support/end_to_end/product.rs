//! A product as it is installed on somebody's machine: a program, the handler, a configuration, and a place for its reports.

use std::env;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use reporter_sdk::consent::{CategorySet, Remember, Remembered};
use reporter_sdk::spool::Spool;
use tempfile::TempDir;

use super::mail_server::MailServer;
use super::report::Received;
use super::terminal::Terminal;

/// How long a handler may need once its product has ended, all attempts to deliver together.
const HANDLER_TIME: Duration = Duration::from_secs(60);

/// One product in a folder of its own.
pub(crate) struct Product {
    program: PathBuf,
    directory: TempDir,
    settings: Vec<(String, String)>,
}

impl Product {
    /// Installs `program`, which understands `--config FILE`, so that its reports become `.eml` files.
    pub(crate) fn new(program: impl Into<PathBuf>) -> Self {
        let mut product = Self::unsent(program);
        let mails = product.path("mails");
        fs::create_dir(&mails).unwrap();
        product.set("eml-directory", mails.display());
        product
    }

    /// Installs it so that its reports go to this mail server.
    pub(crate) fn sending_to(server: &MailServer, program: impl Into<PathBuf>) -> Self {
        let mut product = Self::unsent(program);
        let password = product.path("password");
        fs::write(&password, server.fact("password") + "\n").unwrap();
        product.set("to", server.fact("recipient")).set("host", "localhost").set("port", server.fact("port"));
        product.set("tls", "starttls").set("user", server.fact("user")).set("password-file", password.display());
        product.set("ca", server.directory().join("ca.pem").display());
        product
    }

    /// Installs it with no way to support.
    pub(crate) fn unsent(program: impl Into<PathBuf>) -> Self {
        let directory = tempfile::Builder::new().prefix("product").tempdir().unwrap();
        // Under a name of this folder: by it a handler is known to be this product's.
        std::os::unix::fs::symlink(handler(), directory.path().join("reporter-handler")).unwrap();
        let mut product = Self { program: program.into(), directory, settings: Vec::new() };
        product.set("handler", product.path("reporter-handler").display());
        product.set("spool", product.spool().display());
        product.set("from", "errors@product.example").set("to", "support@product.example");
        product
    }

    /// Its handler is a file of its own, beside which no dialog lies: the person is asked in the terminal on a display, too.
    pub(crate) fn without_dialog(self) -> Self {
        self.lose_dialog();
        self
    }

    /// The same for one that is installed already.
    pub(crate) fn lose_dialog(&self) {
        let place = self.path("reporter-handler");
        fs::remove_file(&place).unwrap();
        // A hundred megabytes, where it has to be a copy.
        fs::hard_link(handler(), &place).or_else(|_| fs::copy(handler(), &place).map(|_| ())).unwrap();
    }

    /// Sets a key of the configuration, in place of an earlier value.
    #[allow(clippy::needless_pass_by_value, reason = "texts, numbers and displayed paths alike")]
    pub(crate) fn set(&mut self, key: &str, value: impl ToString) -> &mut Self {
        self.settings.retain(|(known, _)| known != key);
        self.settings.push((key.into(), value.to_string()));
        self
    }

    /// Takes another program from now on.
    pub(crate) fn set_program(&mut self, program: PathBuf) -> &mut Self {
        self.program = program;
        self
    }

    /// A path in the product's folder, which everything of it lies in.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn spool(&self) -> PathBuf {
        self.path("spool")
    }

    /// The files in a folder of the spool: `new`, `out` or `bad`.
    pub(crate) fn spooled(&self, folder: &str) -> Vec<PathBuf> {
        files(&self.spool().join(folder))
    }

    /// The `.eml` files, oldest first.
    pub(crate) fn mails(&self) -> Vec<PathBuf> {
        let mut mails = files(&self.path("mails"));
        mails.sort();
        mails
    }

    /// The one mail that there is.
    pub(crate) fn mail(&self) -> PathBuf {
        let mails = self.mails();
        assert_eq!(mails.len(), 1, "{mails:?}; the spool holds {:?}", files(&self.spool()));
        mails.into_iter().next().unwrap()
    }

    /// The program with its configuration as it stands now, for what the others do not do.
    pub(crate) fn command(&self) -> Command {
        let configuration = self.path("product.conf");
        let lines: String = self.settings.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        fs::write(&configuration, lines).unwrap();
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(configuration).env("TERM", "dumb");
        without_desktop(&mut command);
        command
    }

    /// Runs it in a terminal. The prompts are what it prints before it reads a line.
    pub(crate) fn in_terminal(&self, prompts: &'static [&'static str]) -> Visit<'_> {
        self.in_terminal_as(&mut self.command(), prompts)
    }

    /// The same with another command than [`Product::command`]'s.
    pub(crate) fn in_terminal_as(&self, command: &mut Command, prompts: &'static [&'static str]) -> Visit<'_> {
        Visit { product: self, terminal: Terminal::start_inside(command), prompts }
    }

    /// Runs it in a terminal on these lines, the last of which makes it crash, sends the report, and takes it from its mail.
    /// Nothing else is made and nothing stays behind.
    pub(crate) fn crashes(&self, prompts: &'static [&'static str], lines: &[&str]) -> (ExitStatus, Received) {
        let mut visit = self.in_terminal(prompts);
        visit.types(lines).answers("s");
        let status = visit.ends();
        (status, self.only_report())
    }

    /// The one report that was made, from its mail.
    pub(crate) fn only_report(&self) -> Received {
        let received = Received::from_mail(&self.mail());
        for folder in ["new", "out", "bad"] {
            assert_eq!(self.spooled(folder), [] as [PathBuf; 0]);
        }
        received
    }

    /// Runs it without a terminal on these lines of input, until it and its handler have ended.
    pub(crate) fn without_terminal(&self, lines: &[&str]) -> Output {
        let mut command = self.command();
        // Not the terminal of whoever runs the tests, either.
        let alone = || rustix::process::setsid().map(|_| ()).map_err(Into::into);
        // SAFETY: between fork and exec the closure makes one system call.
        unsafe { command.pre_exec(alone) };
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
        // A product that crashed does not read on.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        self.handler_ends();
        output
    }

    /// Waits until no handler of this product runs any more: what it had to do is done.
    pub(crate) fn handler_ends(&self) {
        let deadline = Instant::now() + HANDLER_TIME;
        while let Some(pid) = self.handlers().first() {
            assert!(Instant::now() < deadline, "the handler, process {pid}, does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The processes that were started as this product's handler.
    pub(crate) fn handlers(&self) -> Vec<u32> {
        let program = self.path("reporter-handler");
        let is_ours = |pid: &u32| {
            let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            arguments.split(|byte| *byte == 0).next() == Some(program.as_os_str().as_bytes())
        };
        let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_ours).collect()
    }
}

/// A product that runs in a terminal, and the person there.
pub(crate) struct Visit<'p> {
    product: &'p Product,
    pub(crate) terminal: Terminal,
    prompts: &'static [&'static str],
}

impl Visit<'_> {
    /// Types these lines, each when the product prompts for it.
    pub(crate) fn types(&mut self, lines: &[&str]) -> &mut Self {
        for line in lines {
            self.terminal.sees_one_of(self.prompts).types(&format!("{line}\r"));
        }
        self
    }

    /// Answers the question what to do with a report.
    pub(crate) fn answers(&mut self, letter: &str) -> &mut Self {
        self.terminal.sees("Your choice").types(&format!("{letter}\r"));
        self
    }

    /// Searches the report for this and leaves out all that begins with a line in which it is.
    pub(crate) fn leaves_out(&mut self, wanted: &str) -> &mut Self {
        self.answers("o").terminal.sees("What to look for").types(&format!("{wanted}\r"));
        self.terminal.sees("Numbers to leave out or take in");
        let screen = String::from_utf8_lossy(&self.terminal.screen()).into_owned();
        let rows = screen.rsplit("What to look for").next().unwrap().lines();
        // ` 2 [x]   message: …`; above it can be what that lies in, of which it is to go alone.
        let rows = rows.filter(|row| row.contains(" [x] ") && row.contains(wanted) && !row.contains(" (with "));
        let numbers: Vec<&str> = rows.filter_map(|row| row.split_whitespace().next()).collect();
        assert!(!numbers.is_empty(), "nothing to leave out has {wanted:?} in it:\n{screen}");
        self.terminal.types(&format!("{}\r", numbers.join(" ")));
        for _ in &numbers {
            self.terminal.sees("Left out: ");
        }
        self.terminal.sees("Numbers to leave out or take in").types("\r").sees("What to look for").types("\r");
        self
    }

    /// Sends the report without what these switches stand for, named by the beginnings of their texts.
    pub(crate) fn sends_without(&mut self, switches: &[&str]) -> &mut Self {
        self.answers("c");
        for switch in switches {
            let screen = String::from_utf8_lossy(&self.terminal.screen()).into_owned();
            // ` 4 [x] Memory of the program …`
            let row = screen.lines().rev().find(|line| line.contains(&format!("[x] {switch}")));
            let row = row.unwrap_or_else(|| panic!("no switch {switch:?} that is on:\n{screen}")).to_owned();
            let number = row.split_whitespace().next().unwrap();
            self.terminal.sees("(Enter when done)").types(&format!("{number}\r"));
            self.terminal.sees(&format!("[ ] {switch}"));
        }
        self.terminal.sees("(Enter when done)").types("\r");
        self.answers("s")
    }

    /// Ticks what this switch stands for, which is off until then, in the question that is on the screen.
    pub(crate) fn ticks(&mut self, switch: &str) -> &mut Self {
        self.terminal.types("c\r").sees("(Enter when done)");
        let screen = String::from_utf8_lossy(&self.terminal.screen()).into_owned();
        let row = screen.lines().rev().find(|line| line.contains(switch));
        let row = row.unwrap_or_else(|| panic!("no switch {switch:?}:\n{screen}"));
        assert!(row.contains("[ ]"), "off until ticked: {row}");
        let number = row.split_whitespace().next().unwrap().to_owned();
        self.terminal.types(&format!("{number}\r")).sees(&format!("[x] {switch}"));
        self.terminal.sees("(Enter when done)").types("\r");
        self
    }

    /// Waits for the product's end, and for its handler's.
    pub(crate) fn ends(&mut self) -> ExitStatus {
        let status = self.terminal.ends();
        self.product.handler_ends();
        status
    }
}

/// No test takes an image of the desktop of whoever runs it, nor does it matter how they have logged in or become root.
pub(crate) fn without_desktop(command: &mut Command) -> &mut Command {
    for variable in ["SSH_CONNECTION", "SUDO_UID", "DOAS_USER", "PKEXEC_UID"] {
        command.env_remove(variable);
    }
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env_remove("XDG_SESSION_TYPE")
}

/// Has the person say, for the product with this spool, that everything is to be sent unasked.
pub(crate) fn say_always(spool: &Path) {
    let always = Remembered {
        remember: Remember::Always,
        product_version: env!("CARGO_PKG_VERSION").into(),
        categories: CategorySet::all(),
        time: 1,
    };
    Spool::open(spool).unwrap().remember(&always).unwrap();
}

/// All files below `folder`, none where it is missing. Links are not followed.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let below = |entry: fs::DirEntry| match entry.file_type().unwrap() {
        kind if kind.is_dir() => files(&entry.path()),
        kind if kind.is_symlink() => Vec::new(),
        _ => vec![entry.path()],
    };
    entries.flat_map(|entry| below(entry.unwrap())).collect()
}

/// The handler program: as Cargo built it for these tests, else built now.
pub(crate) fn handler() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let built = option_env!("CARGO_BIN_EXE_reporter-handler").map(PathBuf::from);
    BUILT.get_or_init(|| built.unwrap_or_else(|| beside("reporter-handler", &["--bin", "reporter-handler"]))).clone()
}

/// The example product in Rust. `cargo test` builds examples; a run of one test file alone does not.
pub(crate) fn notes() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| beside("examples/notes", &["--example", "notes"])).clone()
}

/// The example product that fails as it is told.
pub(crate) fn failing() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| beside("examples/failing", &["--example", "failing"])).clone()
}

/// A program in the folder that the tests were built into; built there where it is missing.
fn beside(program: &str, which: &[&str]) -> PathBuf {
    // target/debug/deps/THIS-0123
    let this = env::current_exe().unwrap();
    let folder = this.ancestors().nth(2).unwrap();
    let path = folder.join(program);
    if !path.exists() {
        let release = folder.ends_with("release");
        let mut arguments = vec!["--all-features"];
        arguments.extend(which);
        arguments.extend(release.then_some("--release"));
        build(folder.parent().unwrap(), &arguments);
    }
    assert!(path.exists(), "cargo built no {}", path.display());
    path
}

/// The example product as a package of its own whose panics abort: `panic` is the choice of the program, for all that is in it.
pub(crate) fn notes_whose_panics_abort() -> PathBuf {
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR"));
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("notes-whose-panics-abort");
    fs::create_dir_all(&package).unwrap();
    let sdk = sdk.display();
    let manifest = format!(
        r#"
        [package]
        name = "notes"
        version = "{version}"
        edition = "2024"

        [[bin]]
        name = "notes"
        path = "{sdk}/examples/notes.rs"

        [dependencies]
        reporter-sdk = {{ path = "{sdk}" }}

        [profile.dev]
        panic = "abort"
        debug = "line-tables-only"

        [workspace]
        "#,
        version = env!("CARGO_PKG_VERSION"),
    );
    fs::write(package.join("Cargo.toml"), manifest).unwrap();
    // The versions that the tests run with, already downloaded.
    fs::copy(format!("{sdk}/../Cargo.lock"), package.join("Cargo.lock")).unwrap();
    cargo(&["build", "--quiet", "--offline", "--target-dir", "target"], &package);
    package.join("target/debug/notes")
}

/// Runs `cargo build` for the SDK into a target folder.
fn build(target: &Path, arguments: &[&str]) {
    let mut all = vec!["build", "--quiet", "--package", "reporter-sdk", "--target-dir", target.to_str().unwrap()];
    all.extend(arguments);
    cargo(&all, Path::new(env!("CARGO_MANIFEST_DIR")));
}

fn cargo(arguments: &[&str], folder: &Path) {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What a build beside this one was told is not for this one.
    cargo.args(arguments).current_dir(folder).env_remove("CARGO_TARGET_DIR").stdin(Stdio::null());
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{cargo:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What the kernel says of a process's memory in this line of its status (`VmHWM:`, `RssAnon:`), in KiB.
pub(crate) fn status_kib(pid: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_else(|| panic!("{field}: {status}"));
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
