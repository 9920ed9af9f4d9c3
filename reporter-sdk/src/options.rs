//! What a product says once, at start.

use std::{fmt, path::PathBuf, time::Duration};

use report_format::schema::v1::{Category, ErrorKind};
use zeroize::Zeroizing;

use crate::capture::{
    before_send::{BeforeSend, Hint, Verdict},
    handled::HandledError,
};

mod restart;
pub(crate) mod wire;

pub use restart::Restart;

/// What the product is, what may be collected, who is told what, and where reports go.
///
/// Vendor, name and version are required; everything else has a default. Without [`Options::mail`], reports stay in the spool.
///
/// ```
/// use reporter_sdk::{Category, Dump, ErrorKind, Mail, Options, Policy, Smtp, Tls};
///
/// let options = Options::new("Example Software", "Ledger", env!("CARGO_PKG_VERSION"))
///     .channel("stable")
///     .mail(
///         Mail::new("errors@ledger.example", ["support@ledger.example"])
///             .smtp(Smtp::new("mail.ledger.example", Tls::StartTls).credentials("ledger", "secret")),
///     )
///     .category(Category::Screen, Policy::Never)
///     .kind(ErrorKind::HandledError, Policy::Ask, Dump::None);
/// # drop(options);
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) vendor: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) build: String,
    pub(crate) channel: String,
    pub(crate) product_id: Option<[u8; 16]>,
    pub(crate) notice: Notice,
    pub(crate) mail: Option<Mail>,
    pub(crate) categories: Vec<(Category, Policy)>,
    pub(crate) kinds: Vec<(ErrorKind, Policy, Dump)>,
    pub(crate) spool: Option<PathBuf>,
    pub(crate) handler: Option<PathBuf>,
    pub(crate) dialog: Option<PathBuf>,
    pub(crate) branding: Option<PathBuf>,
    pub(crate) before_send: Option<BeforeSend>,
    pub(crate) attachments: Vec<FileAttachment>,
    pub(crate) include_command_line: bool,
    pub(crate) without_progress: Duration,
    pub(crate) longest: Duration,
    /// Zero: hangs are not looked for.
    pub(crate) hang_after: Duration,
    pub(crate) limits: Limits,
    pub(crate) restart: Option<Restart>,
    pub(crate) children: Children,
    pub(crate) sanitised_stacks: bool,
    pub(crate) own_windows_only: bool,
}

/// Zero stands for no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) per_signature: u32,
    pub(crate) per_day: u32,
    pub(crate) drafts: u32,
    pub(crate) outgoing: u32,
    /// Of drafts, and again of what is outgoing.
    pub(crate) bytes: u64,
    /// Of an image of all memory.
    pub(crate) full_memory: u64,
}

impl Limits {
    pub(crate) const DEFAULT: Self =
        Self { per_signature: 5, per_day: 25, drafts: 20, outgoing: 100, bytes: 256 << 20, full_memory: 8 << 30 };
}

#[derive(Clone, Debug)]
pub(crate) struct FileAttachment {
    pub(crate) name: String,
    pub(crate) media_type: String,
    pub(crate) path: PathBuf,
}

impl Options {
    /// Options of the product `name` of `vendor`, in `version`.
    pub fn new(vendor: impl Into<String>, name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            vendor: vendor.into(),
            name: name.into(),
            version: version.into(),
            build: String::new(),
            channel: String::new(),
            product_id: None,
            notice: Notice::default(),
            mail: None,
            categories: Vec::new(),
            kinds: Vec::new(),
            spool: None,
            handler: None,
            dialog: None,
            branding: None,
            before_send: None,
            attachments: Vec::new(),
            include_command_line: false,
            without_progress: Duration::from_secs(10),
            longest: Duration::from_secs(120),
            hang_after: Duration::ZERO,
            limits: Limits::DEFAULT,
            restart: None,
            children: Children::Off,
            sanitised_stacks: false,
            own_windows_only: false,
        }
    }

    /// The build within the version: what symbols are filed under.
    #[must_use]
    pub fn build(mut self, build: impl Into<String>) -> Self {
        self.build = build.into();
        self
    }

    /// The release channel, such as `stable` or `beta`.
    #[must_use]
    pub fn channel(mut self, channel: impl Into<String>) -> Self {
        self.channel = channel.into();
        self
    }

    /// The product's own UUID, by which support routes reports. Default: derived from vendor and name.
    #[must_use]
    pub fn product_id(mut self, id: [u8; 16]) -> Self {
        self.product_id = Some(id);
        self
    }

    /// What the person is told before deciding; it is kept in the report's consent record.
    #[must_use]
    pub fn notice(mut self, notice: Notice) -> Self {
        self.notice = notice;
        self
    }

    /// Where reports are sent.
    #[must_use]
    pub fn mail(mut self, mail: Mail) -> Self {
        self.mail = Some(mail);
        self
    }

    /// Whether a category of data may be offered to the person at all. Default: [`Policy::Ask`]. The last call for a category counts.
    #[must_use]
    pub fn category(mut self, category: Category, policy: Policy) -> Self {
        self.categories.retain(|(known, _)| *known != category);
        self.categories.push((category, policy));
        self
    }

    /// Whether errors of a kind are reported, and with how much memory. The last call for a kind counts.
    ///
    /// Default: [`Policy::Ask`]; [`Dump::None`] for handled errors, which then cost under a millisecond, [`Dump::Minidump`] for all others.
    #[must_use]
    pub fn kind(mut self, kind: ErrorKind, policy: Policy, dump: Dump) -> Self {
        self.kinds.retain(|(known, ..)| *known != kind);
        self.kinds.push((kind, policy, dump));
        self
    }

    /// The folder that keeps reports until they are sent. Default: `$XDG_STATE_HOME/<vendor>/<product>/reports`.
    ///
    /// Must be absolute, and one product's alone.
    #[must_use]
    pub fn spool(mut self, directory: impl Into<PathBuf>) -> Self {
        self.spool = Some(directory.into());
        self
    }

    /// The handler program, `reporter-handler`. Default: beside the library or executable that holds the SDK; on Linux also in the folder `reporter-0` beside the library.
    ///
    /// Must be absolute, and writable by no one with fewer rights than the product.
    #[must_use]
    pub fn handler(mut self, program: impl Into<PathBuf>) -> Self {
        self.handler = Some(program.into());
        self
    }

    /// A dialog of the product's own, in place of `reporter-dialog` and the question in its terminal: a program that takes the question by [`ConsentRequest`](crate::ConsentRequest).
    ///
    /// Must be absolute, and writable by no one with fewer rights than the product. The handler starts it without arguments, in the environment that
    /// the product had at its start, once for each question; the product does not wait for the answer of a crash. It has ten minutes for an answer. Where it cannot be
    /// started, fails before it has answered or says that it cannot ask, the question comes in the terminal, if there is one. A product with more rights
    /// than its user has is not asked about by any dialog.
    #[must_use]
    pub fn dialog(mut self, program: impl Into<PathBuf>) -> Self {
        self.dialog = Some(program.into());
        self
    }

    /// A folder with what makes `reporter-dialog` the product's: an icon, a colour, a link, and words in place of ours, as `docs/dialog.md` tells. Whatever in it cannot be
    /// used is left out: the question comes all the same.
    ///
    /// Must be absolute, and writable by no one with fewer rights than the product. It is read when the dialog opens, by the dialog.
    #[must_use]
    pub fn branding(mut self, folder: impl Into<PathBuf>) -> Self {
        self.branding = Some(folder.into());
        self
    }

    /// A look at each handled error and each unhandled exception of another runtime before it is handed over: the hook can change what it says, or drop
    /// it. The hint is what [`capture_error_with_hint`](crate::capture_error_with_hint) was given.
    ///
    /// Runs in the thread that captures. A hook that panics has dropped the error: it may have been about to take a secret out. It is not called for
    /// crashes, panics and hangs, where nothing of the product's can be relied on; there, policies ([`Options::kind`], [`Options::category`]) decide. What the hook
    /// captures itself is not shown to it again, and is dropped.
    ///
    /// ```
    /// use std::io;
    ///
    /// use reporter_sdk::{Hint, Options, Verdict};
    ///
    /// let options = Options::new("Example Software", "Ledger", "3.1.4").before_send(|error, hint: Hint<'_>| {
    ///     if hint.and_then(|hint| hint.downcast_ref::<io::Error>()).is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
    ///         return Verdict::Drop;
    ///     }
    ///     for link in &mut error.chain {
    ///         link.message = link.message.replace("Anna", "(name)");
    ///     }
    ///     Verdict::Keep
    /// });
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn before_send(
        mut self,
        hook: impl Fn(&mut HandledError, Hint<'_>) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        self.before_send = Some(BeforeSend::new(hook));
        self
    }

    /// A file to attach to every report, read when the error happens. `name` labels it in the report; `path` never leaves the machine.
    #[must_use]
    pub fn attach_file(
        mut self,
        name: impl Into<String>,
        media_type: impl Into<String>,
        path: impl Into<PathBuf>,
    ) -> Self {
        self.attachments.push(FileAttachment { name: name.into(), media_type: media_type.into(), path: path.into() });
        self
    }

    /// Puts the product's command line into reports. Off by default, since arguments can hold the user's data.
    #[must_use]
    pub fn include_command_line(mut self, include: bool) -> Self {
        self.include_command_line = include;
        self
    }

    /// Keeps of stacks, and of memory that registers point at, only what looks like an address: of code, or of the stack itself. Off by default.
    ///
    /// For products whose stacks can hold what must not leave the machine. All else is replaced by a fixed word before anything is kept; frames are found as
    /// before, values of variables are lost. Registers stay. It does not concern a full memory image: do not ask for one.
    #[must_use]
    pub fn sanitised_stacks(mut self, sanitised: bool) -> Self {
        self.sanitised_stacks = sanitised;
        self
    }

    /// Blanks out all but the product's own windows in an image of the desktop. Off by default.
    #[must_use]
    pub fn own_windows_only(mut self, only: bool) -> Self {
        self.own_windows_only = only;
        self
    }

    /// How long a crashed product waits for the handler: `without_progress` with no sign of life, `longest` in all.
    ///
    /// Default: 10 s and 120 s. Each is cut to whole milliseconds and to 24 hours.
    #[must_use]
    pub fn waits(mut self, without_progress: Duration, longest: Duration) -> Self {
        let day = Duration::from_secs(24 * 60 * 60);
        self.without_progress = without_progress.min(day);
        self.longest = longest.min(day);
        self
    }

    /// Reports a hang: the product goes on giving a [`heartbeat`](crate::heartbeat) and then gives none for so long. Off by default.
    ///
    /// Between 100 ms and 24 hours, cut to whole milliseconds; a value beyond either end counts as that end, zero turns it off. Ten seconds or more
    /// tell a hang from a slow disk. The dump is taken of the living product, which goes on untouched; there is one report for each hang. A
    /// product that is stopped or debugged does not hang, nor does one on a machine that sleeps.
    #[must_use]
    pub fn hang_after(mut self, silence: Duration) -> Self {
        let day = Duration::from_hours(24);
        self.hang_after = if silence.is_zero() { silence } else { silence.clamp(Duration::from_millis(100), day) };
        self
    }

    /// Reports within 24 hours: of errors with the same signature, and of all. Zero is no limit. Default: 5 and 25.
    ///
    /// The signature is made of the kind of error, its signal, type or place, and the functions that it happened in. Errors beyond the limits are
    /// counted, and nobody is asked about them; the next report of that signature tells how many there were. Simulated crashes do not count.
    #[must_use]
    pub fn limits(mut self, per_signature: u32, per_day: u32) -> Self {
        self.limits = Limits { per_signature, per_day, ..self.limits };
        self
    }

    /// What the spool holds at most: reports that nobody has decided about, reports that wait for delivery, and bytes of each of the two. Zero is
    /// no limit. Default: 20, 100 and 256 MiB.
    ///
    /// The oldest give way to a new one; among those that wait for delivery, the ones that are not tried any more go first. A single report may be
    /// larger.
    #[must_use]
    pub fn spool_limits(mut self, undecided: u32, outgoing: u32, bytes: u64) -> Self {
        self.limits = Limits { drafts: undecided, outgoing, bytes, ..self.limits };
        self
    }

    /// The most bytes of memory that are read for a [`Dump::FullMemory`]; zero is no limit. Default: 8 GiB.
    ///
    /// A product that has more loses what says the least of it first: files that it shares with others, then libraries, then its largest pieces of memory.
    /// The report says how much is missing. Memory that was never written to does not count.
    #[must_use]
    pub fn full_memory_limit(mut self, bytes: u64) -> Self {
        self.limits.full_memory = bytes;
        self
    }

    /// Starts the product again after a crash. Off by default.
    #[must_use]
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = Some(restart);
        self
    }

    /// What becomes of children that are forked from the product and run on without `exec`. Default: [`Children::Off`].
    #[must_use]
    pub fn children(mut self, children: Children) -> Self {
        self.children = children;
        self
    }

    /// What memory a report of this kind holds.
    pub(crate) fn dump_of(&self, kind: ErrorKind) -> Dump {
        let default = if kind == ErrorKind::HandledError { Dump::None } else { Dump::Minidump };
        self.kinds.iter().find(|(known, ..)| *known == kind).map_or(default, |(.., dump)| *dump)
    }

    /// Whether errors of this kind are reported at all.
    pub(crate) fn wants(&self, kind: ErrorKind) -> bool {
        !self.kinds.iter().any(|(known, policy, _)| *known == kind && *policy == Policy::Never)
    }
}

/// Whether something may be offered to the person. There is no *always*: only the person or the machine's administrator can say that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Policy {
    /// Ask the person, who may decline it.
    Ask,
    /// Never collect it.
    Never,
}

/// What becomes of a forked child of the product. One that runs another program (`exec`) has nothing of the reporter, whatever is chosen here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Children {
    /// Its calls do nothing, and its crash runs its course. It may start a reporter of its own.
    Off,
    /// The parent's handler reports its crashes, as long as the parent lives, with what the parent had recorded: the child's own calls do nothing.
    /// Nobody is asked at once. The child must be below the parent in the tree of processes: a daemon that has left it is not reported.
    Inherit,
    /// It starts a reporter of its own, with a handler of its own, at its first call of the SDK, and then reports as the parent does. That handler
    /// is given no way to support: its reports lie in the common spool, and the parent's handler asks and sends at its next occasion.
    Separate,
}

/// How much memory goes into a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dump {
    /// None: the error, its stack and what the person did.
    None,
    /// Stacks and registers of all threads, modules.
    Minidump,
    /// Every readable page of the process.
    FullMemory,
}

/// What the person is told before deciding. Fields left empty are not shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notice {
    /// What the data may be used for.
    pub purpose: String,
    /// Who receives it.
    pub recipient: String,
    /// Who may read it.
    pub access: String,
    /// How long it is kept.
    pub retention: String,
    /// How the person has it deleted.
    pub erasure: String,
}

/// Where reports are sent: one message a report, from the vendor's own address.
#[derive(Clone, Debug)]
pub struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) transport: Option<Transport>,
}

#[derive(Clone, Debug)]
pub(crate) enum Transport {
    Smtp(Smtp),
    EmlDirectory(PathBuf),
}

impl Mail {
    /// Messages from the vendor's address `from` to support's addresses.
    pub fn new<T: Into<String>>(from: impl Into<String>, to: impl IntoIterator<Item = T>) -> Self {
        Self { from: from.into(), to: to.into_iter().map(Into::into).collect(), transport: None }
    }

    /// By a mail server. Replaces the transport chosen before.
    #[must_use]
    pub fn smtp(mut self, smtp: Smtp) -> Self {
        self.transport = Some(Transport::Smtp(smtp));
        self
    }

    /// As `.eml` files in a folder, for another program to send. Replaces the transport chosen before.
    #[must_use]
    pub fn eml_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.transport = Some(Transport::EmlDirectory(directory.into()));
        self
    }
}

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Tls {
    /// TLS from the first byte on, port 465.
    Implicit,
    /// STARTTLS, required, port 587.
    StartTls,
    /// None, port 25: a relay on this machine. Credentials are refused with it.
    None,
}

/// A mail server that takes reports.
#[derive(Clone)]
pub struct Smtp {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: Tls,
    pub(crate) username: String,
    pub(crate) password: Zeroizing<String>,
    pub(crate) root_certificate: Vec<u8>,
    pub(crate) timeout: Duration,
}

impl Smtp {
    /// The server `host`, by the usual port of `tls`.
    pub fn new(host: impl Into<String>, tls: Tls) -> Self {
        let port = match tls {
            Tls::Implicit => 465,
            Tls::StartTls => 587,
            Tls::None => 25,
        };
        Self {
            host: host.into(),
            port,
            tls,
            username: String::new(),
            password: Zeroizing::default(),
            root_certificate: Vec::new(),
            timeout: Duration::from_secs(30),
        }
    }

    /// Another port than the usual one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// User name and password for the server.
    ///
    /// They go to the handler at start and are then overwritten in the product's memory (give a `String` rather than borrowed text, so that
    /// no copy stays with the caller). A password inside a product can be extracted by its users: a relay that needs none is better.
    #[must_use]
    pub fn credentials(mut self, username: impl Into<String>, password: impl Into<String>) -> Self {
        self.username = username.into();
        self.password = Zeroizing::new(password.into());
        self
    }

    /// A root certificate (PEM) to accept in addition to the platform's.
    #[must_use]
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificate = pem.into();
        self
    }

    /// How long each step of the conversation may take. Default: 30 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_policy_of_a_kind_counts() {
        let options = Options::new("v", "p", "1");
        assert_eq!(options.dump_of(ErrorKind::HandledError), Dump::None);
        assert_eq!(options.dump_of(ErrorKind::Crash), Dump::Minidump);
        assert!(options.wants(ErrorKind::Panic));
        let options = options.kind(ErrorKind::Panic, Policy::Ask, Dump::None).kind(
            ErrorKind::Panic,
            Policy::Never,
            Dump::FullMemory,
        );
        assert_eq!(options.dump_of(ErrorKind::Panic), Dump::FullMemory);
        assert!(!options.wants(ErrorKind::Panic));
    }

    #[test]
    fn a_hang_is_looked_for_within_bounds_or_not_at_all() {
        let after = |silence| Options::new("v", "p", "1").hang_after(silence).hang_after;
        let (least, most) = (Duration::from_millis(100), Duration::from_hours(24));
        assert_eq!([Duration::ZERO, Duration::from_nanos(1), Duration::MAX].map(after), [Duration::ZERO, least, most]);
    }

    #[test]
    fn credentials_are_not_in_the_debug_output() {
        let mail =
            Mail::new("a@b.example", ["c@d.example"]).smtp(Smtp::new("h", Tls::StartTls).credentials("me", "hunter2"));
        let text = format!("{mail:?}");
        assert!(!text.contains("hunter2") && !text.contains("me\""), "{text}");
    }
}
