//! Notes: a toy notebook that reports its errors.
//!
//! ```sh
//! cargo run -p reporter-sdk --example notes -- --config notes.conf
//! ```
//!
//! It reads commands from standard input, one a line; it prints a prompt only to a terminal. Exit status: 0, 2 for wrong usage, or
//! whatever a bug makes of it.
//!
//! ```text
//! new TEXT       writes a note              delete         deletes the last note, after asking: answer y
//! list           shows all notes            pin, pinned    remembers the last note; shows the one remembered
//! show N         shows note N, from 1 on    save FILE      writes all notes to a file
//! open FILE      reads notes from a file    index          sorts the notes' first words, in a worker thread
//! flush, quit    waits for reports; ends    simulate       reports as if it had crashed, and goes on
//! ```
//!
//! Four bugs are in it on purpose, of the kinds that reach users:
//!
//! - unchecked index: `show 99` panics in the main thread, which ends the program
//! - a panic in a worker: `new é`, `index` cuts a character in two; the program itself goes on
//! - use after free: `new a`, `pin`, `delete`, `y`, `pinned` follows a pointer into freed memory
//! - abort: `save` to a file that it cannot write, with notes that were never saved, ends it by `std::process::abort`
//!
//! Files that cannot be read are handled errors: the product reports them, with their causes, and goes on.
//!
//! With `--config 'profile.dev.panic="abort"'` behind `cargo`, every panic ends the program by an abort, worker or not.
//!
//! The configuration has the keys that `reporter-ffi/examples/ledger.c` explains: handler, spool, from, to, host, port, tls, user,
//! password-file, ca, eml-directory, never, dump-handled, log, restart, most-reports, wait-seconds. And full-memory: `yes` has all of its memory read when it panics or crashes.

use std::{
    env, error,
    fmt::{self, Write as _},
    fs::{self, File},
    io::{self, BufRead, IsTerminal, Write},
    path::{Path, PathBuf},
    process::{self, ExitCode},
    thread,
    time::Duration,
};

use reporter_sdk::{Category, Dump, ErrorKind, Mail, Notice, Options, Policy, Reporter, Restart, Smtp, Surface, Tls};

fn main() -> ExitCode {
    let mut options = Options::new("Example Software", "Notes", env!("CARGO_PKG_VERSION"))
        .build("20261123.1")
        .channel("example")
        .notice(Notice {
            purpose: "to find and fix the error that you met".into(),
            recipient: "Example Software, support".into(),
            access: "employees of Example Software only".into(),
            retention: "180 days".into(),
            erasure: "write to privacy@notes.example with the report's number".into(),
        });
    let mut log = None;
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {}
        ["--config", path] => match configure(options, Path::new(path)) {
            Ok((configured, session_log)) => (options, log) = (configured, session_log),
            Err(why) => {
                eprintln!("notes: {path}: {why}");
                return ExitCode::from(2);
            }
        },
        _ => {
            eprintln!("notes: usage: notes [--config FILE]");
            return ExitCode::from(2);
        }
    }
    let reporter = Reporter::start(options);
    for soft in reporter.soft_errors() {
        eprintln!("notes: error reports: {soft}");
    }
    let mut notebook = Notebook::new(log);
    let mut lines = io::stdin().lock().lines();
    let terminal = io::stdin().is_terminal();
    loop {
        if terminal {
            ask("notes> ");
        }
        let Some(Ok(line)) = lines.next() else { break };
        let mut answer = |question: &str| {
            if terminal {
                ask(question);
            }
            lines.next().and_then(Result::ok).unwrap_or_default()
        };
        if !notebook.run(&line, &mut answer) {
            break;
        }
    }
    reporter.shutdown(Duration::from_secs(60));
    ExitCode::SUCCESS
}

fn ask(question: &str) {
    print!("{question}");
    // A terminal that is gone is noticed by the next read.
    let _ = io::stdout().flush();
}

/// How a note is shown. A table of functions, as plug-ins would bring it.
struct Style {
    show: fn(&Note) -> String,
}

static PLAIN: Style = Style { show: |note| note.text.clone() };

/// In this order in memory, as a plug-in in C would see it.
#[repr(C)]
struct Note {
    style: &'static Style,
    text: String,
    saved: bool,
}

struct Notebook {
    /// Boxed, so that a pinned note stays where it is.
    #[allow(clippy::vec_box)]
    notes: Vec<Box<Note>>,
    pinned: *const Note,
    log: Option<File>,
}

impl Notebook {
    fn new(log: Option<File>) -> Self {
        Self { notes: Vec::new(), pinned: std::ptr::null(), log }
    }

    /// Runs a command; false ends the program.
    fn run(&mut self, line: &str, answer: &mut dyn FnMut(&str) -> String) -> bool {
        const COMMANDS: &[(&str, &str)] = &[
            ("new", "New note"),
            ("list", "List"),
            ("show", "Show"),
            ("open", "Open…"),
            ("save", "Save as…"),
            ("index", "Index"),
            ("pin", "Pin"),
            ("pinned", "Pinned note"),
            ("delete", "Delete"),
            ("simulate", "Simulate"),
            ("flush", "Flush"),
            ("quit", "Quit"),
        ];
        let (command, argument) = line.split_once(' ').unwrap_or((line, ""));
        if command.is_empty() {
            return true;
        }
        let Some((command, label)) = COMMANDS.iter().find(|(known, _)| *known == command) else {
            println!("unknown command {command}");
            return true;
        };
        // The id and a fixed label only: what the user typed behind it is the user's.
        reporter_sdk::command(&format!("note.{command}"), label, Surface::CommandLine);
        if let Some(log) = &mut self.log {
            // A log that cannot be written must not stop the work.
            let _ = writeln!(log, "{command}");
        }
        match *command {
            "new" => self.notes.push(Box::new(Note { style: &PLAIN, text: argument.to_owned(), saved: false })),
            "list" => self.list(),
            "show" => self.show(argument),
            "open" => self.open(Path::new(argument)),
            "save" => self.save(Path::new(argument)),
            "index" => self.index(),
            "pin" => self.pinned = self.notes.last().map_or(std::ptr::null(), |note| &raw const **note),
            "pinned" => self.show_pinned(),
            "delete" => self.delete(answer),
            "simulate" => reporter_sdk::simulate_crash(),
            "flush" => {
                println!("{}", if reporter_sdk::flush(Duration::from_secs(10)) { "flushed" } else { "not flushed" });
            }
            _ => return false,
        }
        reporter_sdk::annotate("notes.count", &self.notes.len().to_string());
        true
    }

    fn list(&self) {
        for (at, note) in self.notes.iter().enumerate() {
            println!("{:3} {}", at + 1, (note.style.show)(note));
        }
    }

    /// BUG: the number comes from the user and is not checked.
    fn show(&self, number: &str) {
        let number: usize = number.parse().unwrap_or(0);
        let note = &self.notes[number.wrapping_sub(1)];
        println!("{}", (note.style.show)(note));
    }

    fn open(&mut self, path: &Path) {
        let task = reporter_sdk::task("open notes");
        match read_notes(path) {
            Ok(texts) => {
                println!("{} notes", texts.len());
                self.notes.extend(texts.into_iter().map(|text| Box::new(Note { style: &PLAIN, text, saved: true })));
            }
            Err(error) => {
                println!("cannot open {}: {error}", path.display());
                // The product goes on; support sees what failed and why.
                reporter_sdk::capture_error(&error);
                task.fail();
            }
        }
    }

    /// BUG: rather than tell the user, it gives up on a file that it cannot write.
    fn save(&mut self, path: &Path) {
        let _task = reporter_sdk::task("save notes");
        let mut text = String::new();
        for note in &self.notes {
            let _ = writeln!(text, "{}", note.text);
        }
        match fs::write(path, text) {
            Ok(()) => {
                self.notes.iter_mut().for_each(|note| note.saved = true);
                println!("saved {} notes", self.notes.len());
            }
            Err(error) if self.notes.iter().any(|note| !note.saved) => {
                eprintln!("notes: unsaved notes, and {} cannot be written: {error}", path.display());
                process::abort();
            }
            Err(error) => println!("cannot save {}: {error}", path.display()),
        }
    }

    /// BUG: it takes the first byte for the first letter. The panic is the worker's, the program goes on.
    fn index(&self) {
        let _task = reporter_sdk::task("index notes");
        let texts: Vec<String> = self.notes.iter().map(|note| note.text.clone()).collect();
        let worker = thread::Builder::new().name("indexer".into()).spawn(move || {
            let mut letters: Vec<String> =
                texts.iter().filter(|text| !text.is_empty()).map(|text| text[..1].to_uppercase()).collect();
            letters.sort();
            letters.join(" ")
        });
        match worker.map(thread::JoinHandle::join) {
            Ok(Ok(letters)) => println!("{letters}"),
            Ok(Err(_)) => println!("the index could not be made"),
            Err(error) => println!("no thread for the index: {error}"),
        }
    }

    /// BUG: `delete` forgets to unpin.
    fn show_pinned(&self) {
        if self.pinned.is_null() {
            println!("nothing is pinned");
            return;
        }
        // SAFETY: none, and that is the point: the note may have been deleted since. Its first word is the allocator's then, not a
        // `Style`.
        let note = unsafe { &*self.pinned };
        println!("{}", (note.style.show)(note));
    }

    fn delete(&mut self, answer: &mut dyn FnMut(&str) -> String) {
        let dialog = reporter_sdk::dialog("note.delete");
        if !answer("Delete the last note? [y/N] ").starts_with(['y', 'Y']) {
            dialog.close("no");
            println!("kept");
            return;
        }
        dialog.close("yes");
        println!("{}", if self.notes.pop().is_some() { "deleted" } else { "there is no note" });
    }
}

fn read_notes(path: &Path) -> Result<Vec<String>, OpenError> {
    let bytes = fs::read(path).map_err(OpenError::Read)?;
    let text = String::from_utf8(bytes).map_err(|error| OpenError::Text(error.utf8_error()))?;
    Ok(text.lines().map(str::to_owned).collect())
}

#[derive(Debug)]
enum OpenError {
    Read(io::Error),
    Text(std::str::Utf8Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OpenError::Read(_) => "the notes cannot be read",
            OpenError::Text(_) => "the notes are not text",
        })
    }
}

impl error::Error for OpenError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            OpenError::Read(source) => Some(source),
            OpenError::Text(source) => Some(source),
        }
    }
}

/// What the configuration says about mail, until all of it is read.
#[derive(Default)]
struct MailSettings {
    from: String,
    to: Vec<String>,
    host: String,
    port: Option<u16>,
    tls: Option<Tls>,
    user: String,
    password_file: Option<PathBuf>,
    ca: Option<PathBuf>,
    eml_directory: Option<PathBuf>,
}

impl MailSettings {
    fn into_mail(self) -> Result<Mail, String> {
        let mail = Mail::new(self.from, self.to);
        if let Some(directory) = self.eml_directory {
            return Ok(mail.eml_directory(directory));
        }
        if self.host.is_empty() {
            return Ok(mail);
        }
        let mut smtp = Smtp::new(self.host, self.tls.unwrap_or(Tls::StartTls));
        if let Some(port) = self.port {
            smtp = smtp.port(port);
        }
        if let Some(ca) = self.ca {
            smtp = smtp.root_certificate(fs::read(&ca).map_err(|error| format!("{}: {error}", ca.display()))?);
        }
        if let Some(file) = self.password_file {
            let mut password = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
            password.truncate(password.trim_end_matches(['\r', '\n']).len());
            // Given away, not lent: the SDK wipes it.
            smtp = smtp.credentials(self.user, password);
        }
        Ok(mail.smtp(smtp))
    }
}

/// Reads `key = value` lines into the options; gives the session log where there is to be one.
fn configure(mut options: Options, path: &Path) -> Result<(Options, Option<File>), String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let mut mail = MailSettings::default();
    let mut log = None;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (key, value) = line.split_once('=').ok_or_else(|| format!("{line:?} is not `key = value`"))?;
        let (key, value) = (key.trim(), value.trim());
        match key {
            "handler" => options = options.handler(value),
            "spool" => options = options.spool(value),
            "from" => mail.from = value.to_owned(),
            "to" => mail.to.push(value.to_owned()),
            "host" => mail.host = value.to_owned(),
            "port" => mail.port = Some(value.parse().map_err(|error| format!("port {value}: {error}"))?),
            "tls" => {
                mail.tls = Some(match value {
                    "implicit" => Tls::Implicit,
                    "starttls" => Tls::StartTls,
                    "none" => Tls::None,
                    _ => return Err(format!("tls is {value}, not implicit, starttls or none")),
                });
            }
            "user" => mail.user = value.to_owned(),
            "password-file" => mail.password_file = Some(value.into()),
            "ca" => mail.ca = Some(value.into()),
            "eml-directory" => mail.eml_directory = Some(value.into()),
            "never" => options = options.category(category(value)?, Policy::Never),
            "dump-handled" => {
                let dump = match value {
                    "yes" => Dump::Minidump,
                    "no" => Dump::None,
                    _ => return Err(format!("dump-handled is {value}, not yes or no")),
                };
                options = options.kind(ErrorKind::HandledError, Policy::Ask, dump);
            }
            "full-memory" if value == "yes" => {
                for kind in [ErrorKind::Panic, ErrorKind::Crash] {
                    options = options.kind(kind, Policy::Ask, Dump::FullMemory);
                }
            }
            "log" => {
                log = Some(File::create(value).map_err(|error| format!("{value}: {error}"))?);
                options = options.attach_file("session log", "text/plain", value);
            }
            // However soon it was: not in a loop all the same, since that is bounded by the hour.
            "restart" => options = options.restart(Restart::new([""; 0]).program(value).uptime(Duration::ZERO)),
            "most-reports" => {
                options = options.limits(value.parse().map_err(|error| format!("most-reports {value}: {error}"))?, 25);
            }
            "wait-seconds" => {
                let seconds = value.parse().ok().filter(|seconds| (1..=120).contains(seconds));
                let seconds = seconds.ok_or_else(|| format!("wait-seconds is {value}, not between 1 and 120"))?;
                options = options.waits(Duration::from_secs(seconds), Duration::from_secs(120));
            }
            _ => return Err(format!("{key} is not a key of the configuration")),
        }
    }
    if !mail.from.is_empty() {
        options = options.mail(mail.into_mail()?);
    }
    Ok((options, log))
}

fn category(name: &str) -> Result<Category, String> {
    Ok(match name {
        "actions" => Category::Actions,
        "memory" => Category::Memory,
        "full-memory" => Category::FullMemory,
        "processes" => Category::Processes,
        "system" => Category::System,
        "account" => Category::Account,
        "network" => Category::Network,
        "installed-software" => Category::InstalledSoftware,
        "devices" => Category::Devices,
        "screen" => Category::Screen,
        "contact" => Category::Contact,
        "product" => Category::Product,
        "attachments" => Category::Attachments,
        _ => return Err(format!("{name} is not a category")),
    })
}
